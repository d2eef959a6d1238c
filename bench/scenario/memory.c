/* SPDX-License-Identifier: MIT */
/*
 * memory.c - bytes for an entry of a full table (memory/entry).
 *
 * By its own account, where it has one: pendmap says what it asked from its allocator (`total`), how
 * much of that is index, and how large a slot is; what of a slot is not key or value is `header`.
 * By the kernel's account, for everybody in the same way: the growth of the resident set of this
 * process from before the table to when it is full, without the pages of the bench's own arrays
 * (`resident`); huge pages are off meanwhile, so that it is exact to a page. For a peer that is
 * `total` too. The ledger has what the figures were made from.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bench/scenario/bench_map.h"
#include "bench/scenario/bench_table.h"
#include "bench/scenario/watch.h"

#define PAGE 4096u
#define SIZES 2u

enum { KIND_PEER, KIND_KEYED, KIND_HANDLES, KIND_POINTERS };
enum { METRIC_TOTAL, METRIC_INDEX, METRIC_HEADER, METRIC_PAYLOAD, METRIC_RESIDENT };

struct memory {
	const struct bench_setting *setting;
	struct bench_map map;
	uint32_t key_size;
	uint64_t entries; /* that are live in the full table */
	uint64_t before;  /* resident bytes */
	uint64_t after;
	uint64_t bench; /* ... of them the bench's own */
	struct pend_map_stats stats;
	int error;
	unsigned char key[256];
	unsigned char value[4096];
};

/* ---- resident memory ---- */

/* Of this process, in bytes: counted page by page by the kernel; 0: it does not say. */
static uint64_t resident(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	unsigned long long kilobytes = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file) &&
	       sscanf(line, "Rss: %llu", &kilobytes) != 1)
		continue;
	if (file)
		fclose(file);
	return kilobytes * 1024;
}

/* Of @bytes from @memory on, which begins on a page. */
static uint64_t resident_of(void *memory, uint64_t bytes)
{
	unsigned char there[1024];
	const uint64_t pages = (bytes + PAGE - 1) / PAGE;
	uint64_t count = 0;

	for (uint64_t page = 0; page < pages; page += sizeof(there)) {
		const uint64_t left = pages - page;
		const size_t some = left < sizeof(there) ? (size_t)left : sizeof(there);

		if (mincore((char *)memory + page * PAGE, some * PAGE, there))
			break;
		for (size_t i = 0; i < some; i++)
			count += there[i] & 1;
	}
	return count * PAGE;
}

/* ---- pendmap ---- */

static void fill_map(void *context, uint32_t member)
{
	struct memory *memory = context;
	uint64_t handle;

	(void)member;
	while (!memory->error) {
		struct pend_request request = bench_map_request(memory->setting, memory->key,
								memory->value, memory->entries);

		request.key_size = memory->key_size;
		request.key = memory->key_size ? request.key : NULL;
		memory->error = pend_map_pend(memory->map.map, &request, &handle);
		memory->entries += memory->error == 0;
	}
	if (memory->error == -ENOSPC) /* what was wanted */
		memory->error = 0;
}

static int measure_map(struct memory *memory, const struct bench_variant *variant,
		       struct bench_sample *sample)
{
	struct pend_map_options options = bench_map_options(memory->setting);
	int error, closing;

	if (variant->kind == KIND_HANDLES)
		options.key_size = 0;
	if (variant->kind == KIND_POINTERS)
		options.flags |= PEND_MAP_POINTERS;
	memory->key_size = options.key_size;
	memory->before = resident();
	error = bench_map_open(&memory->map, BENCH_MAP_ALONE, NULL, &options);
	if (error)
		return error;
	bench_team_run(memory->setting->team, 1, fill_map, memory);
	memory->after = resident();
	memory->map.owed = memory->entries;
	memory->stats.size = sizeof(memory->stats);
	error = pend_map_stats_read(memory->map.map, &memory->stats);
	if (memory->error)
		error = bench_sample_wrong(sample, "unexpected answer %d", memory->error);
	if (!error && memory->entries < memory->setting->size)
		error = bench_sample_wrong(sample, "full at %llu",
					   (unsigned long long)memory->entries);
	closing = bench_map_close(&memory->map, sample);
	return error ? error : closing;
}

/* ---- peers ---- */

static int measure_table(struct memory *memory, const struct bench_variant *variant,
			 struct bench_sample *sample)
{
	struct bench_subject subject;
	int error;

	memory->before = resident();
	error = bench_table_open(memory->setting, variant, 1, 0, &subject);
	if (error)
		return error;
	bench_subject_top_up(&subject, memory->setting->team);
	memory->after = resident();
	memory->entries = subject.lanes[0].extra_count;
	memory->bench = resident_of(subject.ring, (subject.ring_room + subject.extra_room) *
							  sizeof(struct bench_live)) +
			resident_of(subject.buffers, subject.lane_buffer) +
			resident_of(subject.lanes, sizeof(struct bench_lane));
	return bench_table_close(memory->setting, &subject, sample);
}

/* ---- figures ---- */

static void write_values(const struct memory *memory, const struct bench_variant *variant,
			 struct bench_sample *sample)
{
	const struct pend_map_stats *stats = &memory->stats;
	const uint32_t value_size = memory->setting->options->value_size;
	const double entries = (double)memory->entries;
	const uint64_t outside = memory->before + memory->bench;

	if (memory->before && memory->after > outside)
		sample->values[METRIC_RESIDENT] = (double)(memory->after - outside) / entries;
	sample->operations = memory->entries;
	if (variant->kind == KIND_PEER) {
		sample->values[METRIC_TOTAL] = sample->values[METRIC_RESIDENT];
		return;
	}
	sample->values[METRIC_TOTAL] = (double)stats->memory_bytes / (double)stats->max_entries;
	sample->values[METRIC_INDEX] = (double)stats->index_bytes / (double)stats->max_entries;
	sample->values[METRIC_HEADER] = (double)(stats->slot_bytes - memory->key_size - value_size);
	sample->values[METRIC_PAYLOAD] = (double)(memory->key_size + value_size);
}

static int write_ledger(const struct memory *memory, const struct bench_variant *variant)
{
	const struct bench_setting *setting = memory->setting;
	const struct {
		const char *name;
		uint64_t number;
	} numbers[] = {
		{ "entries", memory->entries },
		{ "resident before", memory->before },
		{ "resident full", memory->after },
		{ "of it bench", memory->bench },
		{ "own memory", memory->stats.memory_bytes },
		{ "own index", memory->stats.index_bytes },
		{ "own slot", memory->stats.slot_bytes },
	};
	struct bench_ledger ledger = { .point = variant->point, .process = setting->process };

	_Static_assert(sizeof(numbers) / sizeof(numbers[0]) <= BENCH_ACCOUNT_NUMBERS, "fits");
	ledger.point.size = setting->size;
	snprintf(ledger.scenario, sizeof(ledger.scenario), "%s", setting->scenario->name);
	snprintf(ledger.subject, sizeof(ledger.subject), "%s", variant->name);
	ledger.number_count = variant->kind == KIND_PEER ? 4 : sizeof(numbers) / sizeof(numbers[0]);
	for (uint32_t i = 0; i < ledger.number_count; i++) {
		snprintf(ledger.numbers[i].name, sizeof(ledger.numbers[i].name), "%s",
			 numbers[i].name);
		ledger.numbers[i].number = numbers[i].number;
	}
	return bench_document_ledger(setting->document, &ledger);
}

static int measure(const struct bench_setting *setting, const struct bench_variant *variant,
		   struct bench_sample *sample)
{
	static struct memory memory; /* some kilobytes; one at a time */
	int error;

	memset(&memory, 0, sizeof(memory));
	memory.setting = setting;
	(void)malloc_trim(0); /* what was freed before is not to be used again */
	(void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	error = variant->kind == KIND_PEER ? measure_table(&memory, variant, sample)
					   : measure_map(&memory, variant, sample);
	(void)prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
	if (error)
		return error;
	write_values(&memory, variant, sample);
	return setting->repeat == 0 ? write_ledger(&memory, variant) : 0;
}

/* Once more for each size that the run has by default; a quick one has the large one once. */
static void add_sizes(const struct bench_setting *setting, const struct bench_variant *variant,
		      struct bench_variant *variants, uint32_t *count)
{
	static const uint64_t sizes[SIZES] = { 65536, 1048576 };
	const struct bench_options *options = setting->options;
	struct bench_variant sized = *variant;

	if (options->sizes_given || options->profile == BENCH_SMOKE) {
		bench_variant_add(variants, count, variant);
		return;
	}
	for (uint32_t i = 0; i < SIZES; i++) {
		if (i && !bench_watch_wanted(setting))
			break;
		sized.point.size = sizes[i];
		bench_variant_add(variants, count, &sized);
	}
}

static uint32_t list(const struct bench_setting *setting, struct bench_variant *variants)
{
	static const struct bench_variant own[] = {
		{ .name = "pendmap", .summary = "keyed map", .kind = KIND_KEYED },
		{ .name = "pendmap-id", .summary = "map without keys", .kind = KIND_HANDLES },
		{ .name = "pendmap-pointers",
		  .summary = "hands out pointers; a quarter more slots in reserve",
		  .kind = KIND_POINTERS },
	};
	static struct bench_variant impls[BENCH_VARIANTS_MAX];
	const uint32_t impl_count = bench_table_list(setting, impls);
	uint32_t count = 0;

	for (uint32_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		add_sizes(setting, &own[i], variants, &count);
	for (uint32_t i = 0; i < impl_count; i++) {
		if (!impls[i].peer)
			continue;
		impls[i].kind = KIND_PEER;
		add_sizes(setting, &impls[i], variants, &count);
	}
	return count;
}

static const struct bench_metric metrics[BENCH_METRICS_MAX] = {
	[METRIC_TOTAL] = { "total", "bytes", BENCH_LESS_IS_BETTER },
	[METRIC_INDEX] = { "index", "bytes", BENCH_LESS_IS_BETTER },
	[METRIC_HEADER] = { "header", "bytes", BENCH_LESS_IS_BETTER },
	[METRIC_PAYLOAD] = { "payload", "bytes", BENCH_NEITHER_IS_BETTER },
	[METRIC_RESIDENT] = { "resident", "bytes", BENCH_LESS_IS_BETTER },
};

const struct bench_probe bench_probe_memory = { .metrics = metrics,
						.threads = 1,
						.sizes = { 1048576, 1048576, 1024 },
						.list = list,
						.measure = measure };
