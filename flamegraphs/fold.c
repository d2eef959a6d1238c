/* SPDX-License-Identifier: MIT */
/*
 * fold.c - sums up samples by stack.
 *
 * Off-CPU: a thread that is switched out leaves a sample with its stack; the time until its
 * PERF_RECORD_SWITCH IN is that stack's. Whether it was preempted says the state it was in
 * (prev_state=R) or the switch itself (OUT preempt).
 *
 *	sample (out) --> pending[tid] --OUT preempt--> preempted --IN--> stack += time
 */
#include "flamegraphs/fold.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "flamegraphs/perf_text.h"
#include "flamegraphs/stacks.h"

#define THREADS_MAX 4096u
#define TEXT_MAX (PERF_NAME_MAX * (PERF_DEPTH_MAX + 2))

/* A thread that is off its CPU. */
struct pending {
	uint64_t tid;
	uint64_t out_ns;
	uint32_t stacks[2]; /* if it was blocked, if it was preempted */
	bool used;
	bool waits;
	bool preempted;
};

struct folder {
	const struct fold_options *options;
	struct fold_summary *summary;
	struct stacks stacks;
	struct pending pending[THREADS_MAX];
	struct perf_reader reader;
	struct perf_sample sample;
	char text[TEXT_MAX];
};

static const char *const roots[2] = { "blocked;", "preempted;" };

/* Whether @name is one of the comma-separated @list. */
static bool is_listed(const char *list, const char *name)
{
	const size_t length = strlen(name);

	for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
		if (strcspn(at, ",") == length && strncmp(at, name, length) == 0)
			return true;
	return false;
}

/* How many frames of the stack are shown, from the leaf on; 0: it is left out. */
static uint32_t shown(const struct folder *folder)
{
	const struct perf_sample *sample = &folder->sample;

	if (!folder->options->within)
		return sample->depth;
	for (uint32_t i = sample->depth; i > 0; i--)
		if (is_listed(folder->options->within, sample->frames[i - 1]))
			return i;
	return 0;
}

/* The thread's name without the number at its end, "worker-3", or with its id. */
static size_t put_thread(const struct folder *folder, char *to)
{
	const struct perf_sample *sample = &folder->sample;
	size_t length = strlen(sample->comm);

	memcpy(to, sample->comm, length);
	if (folder->options->keep_threads)
		return length +
		       (size_t)sprintf(to + length, "-%llu", (unsigned long long)sample->tid);
	while (length > 1 && isdigit((unsigned char)to[length - 1]))
		length--;
	while (length > 1 && strchr("-_/:# ", to[length - 1]))
		length--;
	return length;
}

/* Writes the stack of the sample as one line. Returns false if it is left out. */
static bool put_stack(struct folder *folder, const char *root)
{
	const uint32_t count = shown(folder);
	char *to = folder->text;

	if (folder->options->within && !count)
		return false;
	to = stpcpy(to, root);
	to += put_thread(folder, to);
	for (uint32_t i = count; i > 0; i--) {
		*to++ = ';';
		to = stpcpy(to, folder->sample.frames[i - 1]);
	}
	if (!count)
		strcpy(to, ";[no stack]");
	return true;
}

static int add_cpu(struct folder *folder)
{
	uint32_t at;

	if (!put_stack(folder, "")) {
		folder->summary->left_out++;
		return 0;
	}
	at = stacks_find(&folder->stacks, folder->text);
	if (at == STACKS_NONE)
		return -ENOMEM;
	folder->stacks.entries[at].amount += folder->sample.period;
	folder->summary->samples++;
	return 0;
}

/* The place of the thread, or NULL: there are too many. */
static struct pending *pending_of(struct folder *folder, uint64_t tid)
{
	for (uint32_t i = 0; i < THREADS_MAX; i++) {
		struct pending *pending = &folder->pending[(tid + i) % THREADS_MAX];

		if (!pending->used)
			*pending = (struct pending){ .tid = tid, .used = true };
		if (pending->tid == tid)
			return pending;
	}
	return NULL;
}

static int switched_out(struct folder *folder, struct pending *pending)
{
	if (pending->waits) /* its coming back was lost */
		folder->summary->left_out++;
	pending->waits = false;
	for (uint32_t i = 0; i < 2; i++) {
		if (!put_stack(folder, roots[i])) {
			folder->summary->left_out++;
			return 0;
		}
		pending->stacks[i] = stacks_find(&folder->stacks, folder->text);
		if (pending->stacks[i] == STACKS_NONE)
			return -ENOMEM;
	}
	pending->waits = true;
	pending->preempted = folder->sample.preempted;
	pending->out_ns = folder->sample.time_ns;
	return 0;
}

static int add_off_cpu(struct folder *folder)
{
	const struct perf_sample *sample = &folder->sample;
	struct pending *pending = pending_of(folder, sample->tid);

	if (!pending) {
		folder->summary->left_out++;
		return 0;
	}
	if (sample->kind == PERF_SAMPLE)
		return switched_out(folder, pending);
	if (!pending->waits)
		return 0;
	if (sample->kind == PERF_SWITCH_OUT) {
		pending->preempted |= sample->preempted;
		return 0;
	}
	if (sample->time_ns > pending->out_ns)
		folder->stacks.entries[pending->stacks[pending->preempted]].amount +=
			sample->time_ns - pending->out_ns;
	pending->waits = false;
	folder->summary->samples++;
	return 0;
}

static int add(struct folder *folder)
{
	folder->summary->cut += folder->sample.cut;
	if (folder->options->off_cpu)
		return add_off_cpu(folder);
	return folder->sample.kind == PERF_SAMPLE ? add_cpu(folder) : 0;
}

/* Time in ns as the number that is printed. */
static uint64_t scaled(const struct fold_options *options, uint64_t ns)
{
	if (options->operations)
		return (uint64_t)llround((double)ns * 1000.0 / (double)options->operations);
	return options->off_cpu ? (ns + 500) / 1000 : ns;
}

static int print(struct folder *folder, FILE *out)
{
	struct stacks *stacks = &folder->stacks;

	stacks_sort(stacks);
	for (uint32_t i = 0; i < stacks->count; i++) {
		const uint64_t amount = scaled(folder->options, stacks->entries[i].amount);

		if (!amount)
			continue;
		folder->summary->stacks++;
		fprintf(out, "%s %llu\n", stacks->entries[i].text, (unsigned long long)amount);
	}
	return fflush(out) || ferror(out) ? -EIO : 0;
}

int fold(FILE *in, FILE *out, const struct fold_options *options, struct fold_summary *summary)
{
	struct folder *folder = calloc(1, sizeof(*folder));
	int error = 0;

	*summary = (struct fold_summary){ 0 };
	if (!folder)
		return -ENOMEM;
	folder->options = options;
	folder->summary = summary;
	folder->reader.in = in;
	while (!error && perf_read(&folder->reader, &folder->sample))
		error = add(folder);
	for (uint32_t i = 0; i < THREADS_MAX; i++)
		summary->left_out += folder->pending[i].waits;
	summary->unreadable = folder->reader.unreadable;
	if (!error && ferror(in))
		error = -EIO;
	if (!error)
		error = print(folder, out);
	stacks_free(&folder->stacks);
	free(folder);
	return error;
}
