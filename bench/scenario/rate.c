/* SPDX-License-Identifier: MIT */
/*
 * rate.c - an open loop: calls come when they come (classify/rate).
 *
 *	home: at start + n / rate: program -> permits, or pends --- ring --> decider: at its time,
 *	  ^                                                                  complete
 *	  +--- the completion function ---------------------------------------+
 *
 * The program permits most calls and pends some of them; the time from a call to its decision is
 * fixed or drawn from an exponential distribution. Home does not wait for anything: a call that
 * comes late, because those before it took long, is measured from the time that it was meant to
 * come (no coordinated omission). `pass` is from there to the verdict of a call that was not
 * pended; the others from the time that a pended call should have been decided at to its completion
 * function. If home is behind its schedule at the end by more than a hundredth of the time, there
 * is no figure: then the generator was measured, or another program.
 */
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure/clock.h"
#include "bench/measure/driver.h"
#include "bench/measure/histogram.h"
#include "bench/measure/measure.h"
#include "bench/scenario/bench_map.h"

#define RING 65536u
#define HEAP_ROOM 65536u
#define BEHIND_PERCENT 1.0
#define LONGEST_NS 1000000000u
#define WINDOWS 25u /* a window is long enough for loops, not for tails */
#define PATIENCE_NS 10000000000u

struct decision {
	uint64_t due_ns; /* CLOCK_MONOTONIC */
	uint64_t handle;
};

struct rate {
	const struct bench_setting *setting;
	const struct bench_variant *variant;
	struct bench_map *map;
	struct bench_sample *sample;
	int error;
	bool polled;
	uint64_t behind_ns;                  /* at the end of the schedule */
	_Alignas(128) _Atomic uint64_t tail; /* decisions handed over */
	_Atomic uint32_t over;
	_Alignas(128) uint64_t head;
	uint32_t heap_count;
	struct decision heap[HEAP_ROOM];
	struct decision ring[RING];
	struct bench_histogram permits;
	struct bench_histogram pends;
	unsigned char key[256];
	unsigned char value[4096];
};

/* The cookie is when the call should have been decided. */
static void completed(void *context, const struct pend_operation *operation)
{
	struct rate *rate = context;
	const uint64_t now_ns = bench_clock_ns();

	bench_histogram_add(&rate->pends,
			    now_ns > operation->cookie ? now_ns - operation->cookie : 0);
}

/* ---- the decider ---- */

static void heap_push(struct rate *rate, struct decision decision)
{
	uint32_t at = rate->heap_count++;

	while (at && rate->heap[(at - 1) / 2].due_ns > decision.due_ns) {
		rate->heap[at] = rate->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	rate->heap[at] = decision;
}

static struct decision heap_pop(struct rate *rate)
{
	const struct decision first = rate->heap[0];
	const struct decision last = rate->heap[--rate->heap_count];
	uint32_t at = 0;

	for (uint32_t child; (child = 2 * at + 1) < rate->heap_count; at = child) {
		if (child + 1 < rate->heap_count &&
		    rate->heap[child + 1].due_ns < rate->heap[child].due_ns)
			child++;
		if (rate->heap[child].due_ns >= last.due_ns)
			break;
		rate->heap[at] = rate->heap[child];
	}
	rate->heap[at] = last;
	return first;
}

static void decide(struct rate *rate)
{
	for (;;) {
		/* relaxed: it was stored before the last hand-over was published, which is looked
		 * for below once more. */
		const bool over = pendi_load_relaxed(&rate->over);
		/* [BO2.acq] Pairs with [BO2.rel] in hand_over(). */
		const uint64_t tail = pendi_load_acquire(&rate->tail, BO2);

		while (rate->head < tail && rate->heap_count < HEAP_ROOM)
			heap_push(rate, rate->ring[rate->head++ % RING]);
		while (rate->heap_count && rate->heap[0].due_ns <= bench_clock_ns()) {
			const struct decision due = heap_pop(rate);

			if (pend_map_complete(rate->map->map, due.handle, PEND_ACTION_PERMIT_SOFT))
				rate->error = -EIO;
		}
		if (over && !rate->heap_count && rate->head == tail)
			return;
		pendi_cpu_relax();
	}
}

/* ---- home ---- */

static uint64_t draw_decision_ns(const struct bench_options *options, uint64_t *random)
{
	const double mean_ns = (double)options->decide_us * 1e3;
	const double share = ((double)(bench_random(random) >> 11) + 1) / 9007199254740993.0;

	return (uint64_t)(options->decide_fixed ? mean_ns : -mean_ns * log(share));
}

static int hand_over(struct rate *rate, uint64_t number, uint64_t due_ns)
{
	const uint64_t tail = pendi_load_relaxed(&rate->tail); /* relaxed: its own */
	struct pend_request request =
		bench_map_request(rate->setting, rate->key, rate->value, number);
	struct decision *place = &rate->ring[tail % RING];
	int error;

	request.cookie = due_ns;
	error = pend_map_pend(rate->map->map, &request, &place->handle);
	if (error)
		return error;
	place->due_ns = due_ns;
	/* [BO2.rel] Pairs with [BO2.acq] in decide(): what is to be decided, and when. */
	pendi_store_release(&rate->tail, tail + 1, BO2);
	return 0;
}

/* Until @at_ns; serves its shard meanwhile, if nobody else does. */
static uint64_t wait_until(struct rate *rate, uint32_t cpu, uint64_t at_ns)
{
	uint64_t now_ns = bench_clock_ns();

	while (now_ns < at_ns) {
		if (rate->polled)
			(void)pend_engine_poll(rate->map->engine, cpu, 16);
		else
			pendi_cpu_relax();
		now_ns = bench_clock_ns();
	}
	return now_ns;
}

static void generate(struct rate *rate)
{
	const struct bench_options *options = rate->setting->options;
	const uint64_t for_ns = rate->setting->window_ns * WINDOWS < LONGEST_NS
					? rate->setting->window_ns * WINDOWS
					: LONGEST_NS;
	const uint64_t calls = rate->variant->amount * (for_ns / 1000) / 1000000;
	const double apart_ns = 1e9 / (double)rate->variant->amount;
	const uint32_t cpu = (uint32_t)sched_getcpu();
	const uint64_t begin_ns = bench_clock_ns() + 1000000;
	uint64_t random = options->seed, now_ns = begin_ns;

	for (uint64_t i = 0; i < calls && !rate->error; i++) {
		const uint64_t meant_ns = begin_ns + (uint64_t)((double)i * apart_ns);

		now_ns = wait_until(rate, cpu, meant_ns);
		if (bench_random_below(&random, 100) < options->pend_percent) {
			rate->error =
				hand_over(rate, i, meant_ns + draw_decision_ns(options, &random));
			/* Even one that is never idle serves now and then. */
			if (rate->polled && i % 16 == 0)
				(void)pend_engine_poll(rate->map->engine, cpu, 16);
			now_ns = bench_clock_ns();
		} else {
			now_ns = bench_clock_ns();
			bench_histogram_note(&rate->permits, now_ns - meant_ns);
		}
	}
	rate->sample->operations = calls;
	rate->behind_ns = now_ns - begin_ns - (uint64_t)((double)(calls - 1) * apart_ns);
	pendi_store_relaxed(&rate->over, 1); /* relaxed: see decide() */
	if (!rate->polled)
		return;
	while (bench_clock_ns() - now_ns < PATIENCE_NS && pend_map_count(rate->map->map) > 0)
		(void)pend_engine_poll(rate->map->engine, cpu, 64);
}

static void run(void *context, uint32_t member)
{
	struct rate *rate = context;
	const uint64_t before = bench_preemptions();

	if (member == 1) {
		decide(rate);
		return;
	}
	generate(rate);
	rate->sample->preempted = bench_preemptions() - before;
}

/* Whether the generator kept its schedule. */
static bool kept(const struct rate *rate)
{
	const double for_ns =
		(double)rate->sample->operations * 1e9 / (double)rate->variant->amount;

	return (double)rate->behind_ns * 100 <= BEHIND_PERCENT * for_ns;
}

static void write_values(const struct rate *rate)
{
	double *values = rate->sample->values;

	values[0] = (double)bench_histogram_at(&rate->permits, 0.99) / 1e3;
	values[1] = (double)bench_histogram_at(&rate->permits, 1) / 1e3;
	values[2] = (double)bench_histogram_at(&rate->pends, 0.5) / 1e3;
	values[3] = (double)bench_histogram_at(&rate->pends, 0.99) / 1e3;
	values[4] = (double)bench_histogram_at(&rate->pends, 0.999) / 1e3;
	values[5] = (double)bench_histogram_at(&rate->pends, 1) / 1e3;
}

static int write_spectrum(const struct rate *rate, const char *kind,
			  const struct bench_histogram *histogram)
{
	static struct bench_bar bars[BENCH_HISTOGRAM_BUCKETS]; /* one at a time */

	return bench_probe_spectrum(rate->setting, rate->variant, kind,
				    bench_histogram_at(histogram, 1), bars,
				    bench_histogram_bars(histogram, bars));
}

static int judge(struct rate *rate, uint64_t handed, struct bench_sample *sample)
{
	int error;

	if (rate->error == -ENOSPC)
		return bench_sample_skip(sample, "more calls wait for a decision than fit");
	if (rate->error)
		return bench_sample_wrong(sample, "unexpected answer %d", rate->error);
	if (bench_histogram_total(&rate->pends) != handed)
		return bench_sample_wrong(sample, "%llu calls were pended, but %llu completed",
					  (unsigned long long)handed,
					  (unsigned long long)bench_histogram_total(&rate->pends));
	if (!kept(rate) && rate->setting->options->profile != BENCH_SMOKE)
		return bench_sample_skip(sample,
					 "the schedule was not kept: %.1f ms behind at the end",
					 (double)rate->behind_ns / 1e6);
	write_values(rate);
	error = write_spectrum(rate, "permit", &rate->permits);
	return error ? error : write_spectrum(rate, "completion", &rate->pends);
}

static int measure(const struct bench_setting *setting, const struct bench_variant *variant,
		   struct bench_sample *sample)
{
	struct pend_map_options options = bench_map_options(setting);
	struct rate *rate = aligned_alloc(_Alignof(struct rate), sizeof(*rate));
	struct bench_map map;
	uint64_t handed;
	int error;

	if (!rate)
		return -ENOMEM;
	memset(rate, 0, sizeof(*rate));
	rate->setting = setting;
	rate->variant = variant;
	rate->map = &map;
	rate->sample = sample;
	rate->polled = variant->kind == BENCH_MAP_POLLED;
	options.on_complete = completed;
	options.context = rate;
	if (options.max_entries > RING) /* so that the ring has room for all that are pended */
		options.max_entries = RING;
	error = bench_map_open(&map, (enum bench_map_kind)variant->kind, NULL, &options);
	if (!error) {
		sample->pingpong_ns = bench_probe_play(setting);
		bench_team_run(setting->team, 2, run, rate);
		handed = pendi_load_relaxed(&rate->tail); /* relaxed: the team has ended */
		error = bench_map_close(&map, sample);
		if (!error)
			error = judge(rate, handed, sample);
	}
	free(rate);
	return error;
}

static const uint64_t usual_rates[] = { 100000, 1000000, 300000, 3000000 };

static uint32_t list(const struct bench_setting *setting, struct bench_variant *variants)
{
	static const uint32_t counts[] = { [BENCH_QUICK] = 2, [BENCH_FULL] = 4, [BENCH_SMOKE] = 1 };
	static const struct bench_variant servers[] = {
		{ .name = "pendmap-engine",
		  .summary = "who calls polls when idle",
		  .kind = BENCH_MAP_POLLED },
		{ .name = "pendmap-executor",
		  .summary = "the engine's executors finish",
		  .kind = BENCH_MAP_EXECUTORS },
	};
	const struct bench_options *options = setting->options;
	const uint64_t *rates = options->rate_count ? options->rates : usual_rates;
	const uint32_t rate_count = options->rate_count ? options->rate_count
							: counts[options->profile];
	uint32_t count = 0;

	for (uint32_t i = 0; i < rate_count; i++) {
		for (uint32_t n = 0; n < 2; n++) {
			struct bench_variant variant = servers[n];

			variant.amount = rates[i];
			variant.point.rate = (double)rates[i];
			bench_variant_add(variants, &count, &variant);
		}
	}
	return count;
}

static const struct bench_metric metrics[BENCH_METRICS_MAX] = {
	{ "pass-p99", "us", BENCH_LESS_IS_BETTER }, { "pass-max", "us", BENCH_LESS_IS_BETTER },
	{ "p50", "us", BENCH_LESS_IS_BETTER },      { "p99", "us", BENCH_LESS_IS_BETTER },
	{ "p99.9", "us", BENCH_LESS_IS_BETTER },    { "max", "us", BENCH_LESS_IS_BETTER },
};

const struct bench_probe bench_probe_rate = { .metrics = metrics,
					      .threads = 2,
					      .sizes = { 65536, 65536, 16384 },
					      .list = list,
					      .measure = measure };
