/* SPDX-License-Identifier: MIT */
/*
 * exhaust_timeline.c - a table that runs full because nobody decides, step by step
 * (exhaust/timeline).
 *
 *	decided at once | nobody decides: fills up | full: refuses | decided again: drains, goes on
 *
 * Pends come at a constant rate, which fills the table in a quarter of the time; one that is refused
 * is not tried again. While somebody decides, the oldest are completed, in each turn up to eight
 * times as many as came.
 *
 * `recovery` is from when decisions come again until the first pend is accepted, which a turn of home
 * (250 us) is part of; `dip` how deep the accepted pends fell: all of the way, if the table is bound
 * by max_entries; `filled` from when nobody decides to the first refusal; `live` how many were live
 * at most.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/measure/clock.h"
#include "bench/measure/measure.h"
#include "bench/measure/pages.h"
#include "bench/model/figure.h"
#include "bench/scenario/bench_map.h"
#include "bench/scenario/watch.h"

#define TURN_US 250u
#define FASTER 8u
#define RING_SLACK 4096u /* of reserves and CPUs, above max_entries */
#define FILL_SHARE 0.25  /* of the time */

enum { COLUMN_ACCEPTED, COLUMN_REFUSED, COLUMN_LIVE };
enum { EVENT_IDLE, EVENT_FULL };
enum { METRIC_RECOVERY, METRIC_DIP, METRIC_FILLED, METRIC_LIVE };

struct timeline {
	const struct bench_setting *setting;
	struct bench_map map;
	struct bench_watch watch;
	struct bench_timeline steps;
	double rate;    /* of pends, a second */
	uint64_t *ring; /* handles, oldest at head */
	uint64_t ring_size;
	uint64_t head;
	uint64_t tail;
	int error;
	uint64_t preempted;
	uint64_t full_ns;  /* the first refusal; 0: none */
	uint64_t again_ns; /* the first pend accepted after the last refusal */
	_Alignas(128) _Atomic uint64_t accepted;
	_Atomic uint64_t refused;
	_Alignas(128) _Atomic uint64_t told; /* completions */
	_Alignas(128) _Atomic uint32_t idle; /* nobody decides */
	uint64_t decided_ns;                 /* when that ended; the watcher's */
	unsigned char key[256];
	unsigned char value[4096];
};

static void on_complete(void *context, const struct pend_operation *operation)
{
	struct timeline *timeline = context;

	(void)operation;
	(void)pendi_fetch_add_relaxed(&timeline->told, 1); /* relaxed: a count */
}

/* ---- home ---- */

static int pend(struct timeline *timeline, uint64_t number)
{
	const struct pend_request request =
		bench_map_request(timeline->setting, timeline->key, timeline->value, number);
	uint64_t handle;
	const int error = pend_map_pend(timeline->map.map, &request, &handle);

	if (error == -ENOSPC) {
		if (!timeline->full_ns)
			timeline->full_ns = bench_clock_ns();
		timeline->again_ns = 0;
		/* relaxed, both: its own count. So below. */
		pendi_store_relaxed(&timeline->refused, pendi_load_relaxed(&timeline->refused) + 1);
		return 0;
	}
	if (error)
		return error;
	if (timeline->tail - timeline->head == timeline->ring_size)
		return -EOVERFLOW; /* more are live than the table may hold */
	if (timeline->full_ns && !timeline->again_ns)
		timeline->again_ns = bench_clock_ns();
	timeline->ring[timeline->tail++ % timeline->ring_size] = handle;
	pendi_store_relaxed(&timeline->accepted, pendi_load_relaxed(&timeline->accepted) + 1);
	return 0;
}

static int decide(struct timeline *timeline, uint64_t most)
{
	int error = 0;

	for (; most && !error && timeline->head < timeline->tail; most--)
		error = pend_map_complete(timeline->map.map,
					  timeline->ring[timeline->head++ % timeline->ring_size],
					  PEND_ACTION_PERMIT_SOFT);
	return error;
}

static void run(void *context, uint32_t member)
{
	struct timeline *timeline = context;
	const uint64_t before = bench_preemptions(), begin_ns = bench_clock_ns();
	uint64_t number = 0;

	(void)member;
	/* relaxed, both: wishes. */
	while (!timeline->error && !pendi_load_relaxed(&timeline->watch.over)) {
		const double since_s = (double)(bench_clock_ns() - begin_ns) / 1e9;
		const uint64_t due = (uint64_t)(since_s * timeline->rate), first = number;

		while (number < due && !timeline->error)
			timeline->error = pend(timeline, number++);
		if (!timeline->error && !pendi_load_relaxed(&timeline->idle))
			timeline->error = decide(timeline, FASTER * (number - first));
		usleep(TURN_US);
	}
	if (!timeline->error)
		timeline->error = decide(timeline, UINT64_MAX);
	timeline->preempted = bench_preemptions() - before;
}

/* ---- what is watched ---- */

static int stop_deciding(void *context)
{
	struct timeline *timeline = context;

	pendi_store_relaxed(&timeline->idle, 1); /* relaxed: a wish */
	return 0;
}

static int decide_again(void *context)
{
	struct timeline *timeline = context;

	timeline->decided_ns = bench_clock_ns();
	pendi_store_relaxed(&timeline->idle, 0); /* relaxed: a wish */
	return 0;
}

static const struct bench_turn turns[] = { { 0.2, "nobody decides", stop_deciding },
					   { 0.7, "decided again", decide_again } };

static void read_counters(void *context, double *readings)
{
	struct timeline *timeline = context;

	/* relaxed, both: counts. */
	readings[COLUMN_ACCEPTED] = (double)pendi_load_relaxed(&timeline->accepted);
	readings[COLUMN_REFUSED] = (double)pendi_load_relaxed(&timeline->refused);
	readings[COLUMN_LIVE] = (double)pend_map_count(timeline->map.map);
}

static void describe(struct timeline *timeline)
{
	const struct bench_options *options = timeline->setting->options;
	struct bench_timeline *steps = &timeline->steps;

	steps->step_ms = bench_watch_step_ms(options);
	bench_watch_column(steps, COLUMN_ACCEPTED, "accepted", "1/s", BENCH_MORE_IS_BETTER);
	bench_watch_column(steps, COLUMN_REFUSED, "refused", "1/s", BENCH_LESS_IS_BETTER);
	bench_watch_column(steps, COLUMN_LIVE, "live", "", BENCH_NEITHER_IS_BETTER);
	timeline->watch =
		(struct bench_watch){ .timeline = steps,
				      .length_ms = bench_watch_length_ms(options),
				      .rates = 1u << COLUMN_ACCEPTED | 1u << COLUMN_REFUSED,
				      .read = read_counters,
				      .turns = turns,
				      .turn_count = 2,
				      .context = timeline };
	timeline->rate =
		(double)timeline->setting->size / (FILL_SHARE * timeline->watch.length_ms / 1e3);
}

static double between_ms(const struct bench_timeline *steps, uint32_t from, uint32_t to)
{
	return steps->events[to].at_ms - steps->events[from].at_ms;
}

static void write_values(struct timeline *timeline, struct bench_sample *sample)
{
	const struct bench_timeline *steps = &timeline->steps;
	struct bench_dip dip;
	double live = 0;

	if (!timeline->full_ns) {
		(void)bench_sample_skip(sample, "the table did not run full in time");
		return; /* but its account is checked */
	}
	bench_watch_mark(&timeline->watch, timeline->full_ns, "full");
	dip = bench_timeline_dip(steps, COLUMN_ACCEPTED, EVENT_FULL);
	for (uint32_t row = 0; row < steps->row_count; row++)
		live = fmax(live, steps->cells[row * steps->column_count + COLUMN_LIVE]);
	if (timeline->again_ns > timeline->decided_ns)
		sample->values[METRIC_RECOVERY] =
			(double)(timeline->again_ns - timeline->decided_ns) / 1e6;
	sample->values[METRIC_DIP] = dip.depth * 100;
	sample->values[METRIC_FILLED] = between_ms(steps, EVENT_IDLE, EVENT_FULL);
	sample->values[METRIC_LIVE] = live;
	sample->operations = timeline->tail;
	sample->preempted = timeline->preempted;
}

static int judge(const struct timeline *timeline, struct bench_sample *sample)
{
	/* relaxed: the map is gone, and whoever told it. */
	const uint64_t told = pendi_load_relaxed(&timeline->told);

	if (timeline->error)
		return bench_sample_wrong(sample, "unexpected answer %d", timeline->error);
	if (told != timeline->tail)
		return bench_sample_wrong(sample, "%llu were accepted, but %llu were told",
					  (unsigned long long)timeline->tail,
					  (unsigned long long)told);
	return 0;
}

static int measure(const struct bench_setting *setting, const struct bench_variant *variant,
		   struct bench_sample *sample)
{
	static struct timeline timeline; /* one at a time */
	struct pend_map_options options = bench_map_options(setting);
	int error, closing;

	memset(&timeline, 0, sizeof(timeline));
	timeline.setting = setting;
	timeline.ring_size = setting->size + RING_SLACK;
	timeline.ring = bench_pages_map(timeline.ring_size * sizeof(*timeline.ring));
	if (!timeline.ring)
		return -ENOMEM;
	options.on_complete = on_complete;
	options.context = &timeline;
	error = bench_map_open(&timeline.map, (enum bench_map_kind)variant->kind, NULL, &options);
	if (!error) {
		describe(&timeline);
		error = bench_watch_run(&timeline.watch, setting->team, 1, run);
		closing = bench_map_close(&timeline.map, sample);
		error = error ? error : closing;
		error = error ? error : judge(&timeline, sample);
		if (!error)
			write_values(&timeline, sample);
		closing = bench_watch_store(setting, variant, &timeline.steps);
		error = error ? error : closing;
	}
	bench_pages_unmap(timeline.ring, timeline.ring_size * sizeof(*timeline.ring));
	return error;
}

static uint32_t list(const struct bench_setting *setting, struct bench_variant *variants)
{
	static const struct bench_variant all[] = {
		{ .name = "pendmap", .summary = "no engine", .kind = BENCH_MAP_ALONE },
		{ .name = "pendmap-executor",
		  .summary = "the engine's executors finish",
		  .kind = BENCH_MAP_EXECUTORS },
	};
	uint32_t count = 0;

	for (uint32_t i = 0; i < sizeof(all) / sizeof(all[0]) && bench_watch_wanted(setting); i++)
		bench_variant_add(variants, &count, &all[i]);
	return count;
}

static const struct bench_metric metrics[BENCH_METRICS_MAX] = {
	[METRIC_RECOVERY] = { "recovery", "ms", BENCH_LESS_IS_BETTER },
	[METRIC_DIP] = { "dip", "%", BENCH_LESS_IS_BETTER },
	[METRIC_FILLED] = { "filled", "ms", BENCH_NEITHER_IS_BETTER },
	[METRIC_LIVE] = { "live", "", BENCH_NEITHER_IS_BETTER },
};

const struct bench_probe bench_probe_exhaust_timeline = { .metrics = metrics,
							  .threads = 1,
							  .sizes = { 65536, 65536, 1024 },
							  .list = list,
							  .measure = measure };
