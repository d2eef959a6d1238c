/* SPDX-License-Identifier: MIT */
/*
 * latency.c - how long an operation takes when operations come when they come (latency/steady).
 *
 * An open loop (driver_paced.h) over a table that is filled to the occupancy: the threads together
 * begin `rate` operations a second, each of which pends a fresh key and completes the oldest. The
 * response is measured from when an operation was meant to begin, so one that is held up by those
 * before it is as slow as its caller finds it (no coordinated omission); the service beside it from
 * when it did begin, which is what a closed loop would have told.
 *
 * Above what an implementation can do the response grows with the length of the run: the figures
 * are told, and a note says that they are of that kind.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure/clock.h"
#include "bench/measure/driver_paced.h"
#include "bench/measure/measure.h"
#include "bench/measure/pages.h"
#include "bench/scenario/bench_table.h"

#define START_DELAY_NS 1000000u /* for the team to wake up */
#define WARM_SLACK_NS 500000u   /* from the warm-up to the first operation */
#define STALLS 4u               /* that a run with --stall has at least */
#define LONGEST 3u              /* times what was planned */
#define KEPT 0.95               /* of the rate, or it is more than can be done */

#define QUICK_SHARED_RATE 1000000u /* two threads begin at this one, in a quick run */

enum metric {
	RESPONSE_P999, /* what is compared */
	RESPONSE_P50,
	RESPONSE_P99,
	RESPONSE_MOST,
	SERVICE_P50,
	SERVICE_P99,
	SERVICE_P999,
	SERVICE_MOST,
	LATE,
	ACHIEVED,
};

struct latency {
	struct bench_subject subject;
	struct bench_paced *paced; /* of each thread */
	uint32_t threads;
	double rate;
	uint64_t first_ns;
	uint64_t for_ns;
	uint64_t preempted[BENCH_THREADS_MAX];
};

static void run(void *context, uint32_t member)
{
	struct latency *latency = context;
	struct bench_subject *subject = &latency->subject;
	struct bench_lane *lane = &subject->lanes[member];
	uint64_t preempted;

	lane->paced = &latency->paced[member];
	subject->impl->enter(lane->session);
	lane->until_ns = latency->first_ns - WARM_SLACK_NS;
	subject->impl->drive(lane, BENCH_LOOP_STEADY);
	lane->until_ns = latency->first_ns + latency->for_ns * LONGEST;
	preempted = bench_preemptions();
	if (!lane->error)
		subject->impl->drive(lane, BENCH_LOOP_PACED);
	latency->preempted[member] = bench_preemptions() - preempted;
	subject->impl->leave(lane->session);
	lane->paced = NULL;
}

/* Threads take turns: each has every n-th operation. */
static void plan(struct latency *latency, const struct bench_options *options)
{
	const double apart_ns = 1e9 / latency->rate;
	const double all = latency->rate * (double)latency->for_ns / 1e9;

	latency->first_ns = bench_clock_ns() + START_DELAY_NS + options->warm_up_ns;
	for (uint32_t i = 0; i < latency->threads; i++) {
		struct bench_paced *paced = &latency->paced[i];

		paced->first_ns = (double)latency->first_ns + apart_ns * i;
		paced->apart_ns = apart_ns * latency->threads;
		paced->count = (uint64_t)(all / latency->threads) + 1;
		paced->poisson = options->arrival_poisson;
		paced->stall_ns = options->stall_ns;
		paced->stall_every_ns = options->stall_every_ns;
	}
}

static uint64_t length_ns(const struct bench_options *options)
{
	static const uint64_t lengths_ns[] = {
		[BENCH_QUICK] = 200000000, [BENCH_FULL] = 250000000, [BENCH_SMOKE] = 10000000
	};
	const uint64_t length = lengths_ns[options->profile];
	const uint64_t least = options->stall_every_ns * (STALLS + 1);

	return length > least ? length : least;
}

/* Adds the other lanes' to the first one's. */
static struct bench_paced *merge(struct latency *latency)
{
	struct bench_paced *all = &latency->paced[0];

	for (uint32_t i = 1; i < latency->threads; i++) {
		const struct bench_paced *paced = &latency->paced[i];

		bench_histogram_merge(&all->response, &paced->response);
		bench_histogram_merge(&all->service, &paced->service);
		all->done += paced->done;
		all->late += paced->late;
		all->given_up += paced->given_up;
		if (paced->ended_ns > all->ended_ns)
			all->ended_ns = paced->ended_ns;
	}
	return all;
}

static void write_values(const struct latency *latency, const struct bench_paced *all,
			 struct bench_sample *sample)
{
	static const struct {
		enum metric metric;
		double share;
	} shares[] = {
		{ RESPONSE_P50, 0.5 },   { RESPONSE_P99, 0.99 }, { RESPONSE_P999, 0.999 },
		{ RESPONSE_MOST, 1 },    { SERVICE_P50, 0.5 },   { SERVICE_P99, 0.99 },
		{ SERVICE_P999, 0.999 }, { SERVICE_MOST, 1 },
	};

	for (uint32_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		const bool response = shares[i].metric <= RESPONSE_MOST;
		const uint64_t ns = bench_histogram_at(response ? &all->response : &all->service,
						       shares[i].share);

		sample->values[shares[i].metric] = (double)ns / 1e3;
	}
	sample->values[LATE] = (double)all->late * 100 / (double)all->done;
	sample->values[ACHIEVED] =
		(double)all->done * 1e9 / (double)(all->ended_ns - latency->first_ns);
	sample->operations = all->done;
	for (uint32_t i = 0; i < latency->threads; i++)
		sample->preempted += latency->preempted[i];
}

static int write_spectra(const struct bench_setting *setting, const struct bench_variant *variant,
			 const struct bench_paced *all)
{
	static struct bench_bar bars[BENCH_HISTOGRAM_BUCKETS]; /* one at a time */
	static const char *const kinds[] = { "response", "service" };
	int error = 0;

	for (uint32_t i = 0; i < 2 && !error; i++) {
		const struct bench_histogram *histogram = i ? &all->service : &all->response;

		error = bench_probe_spectrum(setting, variant, kinds[i],
					     bench_histogram_at(histogram, 1), bars,
					     bench_histogram_bars(histogram, bars));
	}
	return error;
}

/* Says so when the rate is more than what can be done. */
static int tell_saturation(const struct bench_setting *setting, const struct latency *latency,
			   const struct bench_variant *variant, const struct bench_sample *sample,
			   const struct bench_paced *all)
{
	char point[96];

	if (setting->options->profile == BENCH_SMOKE ||
	    (!all->given_up && sample->values[ACHIEVED] >= KEPT * latency->rate))
		return 0;
	return bench_document_note(
		setting->document,
		"%s, %s, %s: more than it can do: fewer operations a second "
		"were achieved, and the response grows with the length of the run",
		setting->scenario->name, variant->name,
		bench_point_format(&variant->point, point, sizeof(point)));
}

static int judge(const struct bench_setting *setting, struct latency *latency,
		 const struct bench_variant *variant, struct bench_sample *sample)
{
	const struct bench_paced *all = merge(latency);
	int error;

	if (!all->done)
		return bench_sample_skip(sample, "its operations cannot be paced one by one");
	write_values(latency, all, sample);
	error = write_spectra(setting, variant, all);
	return error ? error : tell_saturation(setting, latency, variant, sample, all);
}

static int measure(const struct bench_setting *setting, const struct bench_variant *variant,
		   struct bench_sample *sample)
{
	static struct latency latency; /* one at a time */
	const struct bench_options *options = setting->options;
	const uint32_t threads = variant->point.threads;
	const size_t bytes = threads * sizeof(struct bench_paced);
	int error, closing;

	latency = (struct latency){ .threads = threads,
				    .rate = variant->point.rate,
				    .for_ns = length_ns(options),
				    .paced = bench_pages_map(bytes) };
	if (!latency.paced)
		return -ENOMEM;
	error = bench_table_open(setting, variant, threads,
				 bench_options_live(options, setting->size), &latency.subject);
	if (!error) {
		bench_subject_fill(&latency.subject, setting->team, options->in_order);
		if (threads > 1)
			sample->pingpong_ns = bench_probe_play(setting);
		plan(&latency, options);
		bench_team_run(setting->team, threads, run, &latency);
		error = judge(setting, &latency, variant, sample);
		closing = bench_table_close(setting, &latency.subject, sample);
		error = closing ? closing : error;
	}
	bench_pages_unmap(latency.paced, bytes);
	return error;
}

/* ---- variants ---- */

/* A sweep, of which a quick run has the first ones. */
static const uint64_t usual_rates[] = { 200000,  1000000, 2000000,  4000000,
					6000000, 8000000, 12000000, 16000000 };

static uint32_t rates_of(const struct bench_options *options, const uint64_t **rates)
{
	static const uint32_t counts[] = { [BENCH_QUICK] = 2, [BENCH_FULL] = 8, [BENCH_SMOKE] = 1 };

	*rates = options->rate_count ? options->rates : usual_rates;
	return options->rate_count ? options->rate_count : counts[options->profile];
}

static uint32_t threads_of(const struct bench_setting *setting, const uint64_t **threads)
{
	static const uint64_t usual[] = { 1, 2 };

	*threads = setting->options->threads_given ? setting->options->threads : usual;
	return setting->options->threads_given ? setting->options->thread_count : 2;
}

/* Whether the run has it: one that was not told what to measure does without what says little. */
static bool wanted(const struct bench_setting *setting, const struct bench_impl *impl,
		   uint64_t threads, uint64_t rate)
{
	static const struct bench_impl *const left_out[] = { &bench_impl_pendmap_id,
							     &bench_impl_pendmap_pointers,
							     &bench_impl_rwlock };
	const struct bench_options *options = setting->options;

	if (threads > setting->host->cpu_count)
		return false;
	if (options->profile != BENCH_QUICK)
		return true;
	if (!options->threads_given && threads > 1 && rate < QUICK_SHARED_RATE)
		return false;
	for (uint32_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		if (impl == left_out[i] && !options->impls_given)
			return false;
	return true;
}

static uint32_t list(const struct bench_setting *setting, struct bench_variant *variants)
{
	static struct bench_variant impls[BENCH_VARIANTS_MAX];
	const uint32_t impl_count = bench_table_list(setting, impls);
	const uint64_t *rates, *threads;
	const uint32_t rate_count = rates_of(setting->options, &rates);
	const uint32_t thread_count = threads_of(setting, &threads);
	uint32_t count = 0;

	for (uint32_t n = 0; n < rate_count * thread_count; n++) {
		const uint64_t rate = rates[n / thread_count];

		for (uint32_t i = 0; i < impl_count; i++) {
			if (!wanted(setting, impls[i].impl, threads[n % thread_count], rate))
				continue;
			impls[i].point.rate = (double)rate;
			impls[i].point.threads = (uint32_t)threads[n % thread_count];
			bench_variant_add(variants, &count, &impls[i]);
		}
	}
	return count;
}

static const struct bench_metric metrics[BENCH_METRICS_MAX] = {
	[RESPONSE_P999] = { "p99.9", "us", BENCH_LESS_IS_BETTER },
	[RESPONSE_P50] = { "p50", "us", BENCH_LESS_IS_BETTER },
	[RESPONSE_P99] = { "p99", "us", BENCH_LESS_IS_BETTER },
	[RESPONSE_MOST] = { "max", "us", BENCH_LESS_IS_BETTER },
	[SERVICE_P50] = { "serve-p50", "us", BENCH_LESS_IS_BETTER },
	[SERVICE_P99] = { "serve-p99", "us", BENCH_LESS_IS_BETTER },
	[SERVICE_P999] = { "serve-p99.9", "us", BENCH_LESS_IS_BETTER },
	[SERVICE_MOST] = { "serve-max", "us", BENCH_LESS_IS_BETTER },
	[LATE] = { "late", "%", BENCH_LESS_IS_BETTER },
	[ACHIEVED] = { "achieved", "1/s", BENCH_MORE_IS_BETTER },
};

const struct bench_probe bench_probe_latency = { .metrics = metrics,
						 .threads = 1,
						 .threads_more = 2,
						 .sizes = { 65536, 65536, 1024 },
						 .list = list,
						 .measure = measure };
