/* SPDX-License-Identifier: MIT */
/*
 * queue_bench.c - a queue from thread to thread by itself (queue/handover, queue/batch).
 *
 * One thread takes what the others push, one by one or 32 at a time. `ns` is the
 * time for an item from end to end, at full speed: the consumer's time over what it took. How many
 * items went in and what their sum is must be what came out.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/measure/measure.h"
#include "bench/peers/queue_peer.h"
#include "bench/scenario/probe.h"

#define START_DELAY_NS 100000u /* for the team to wake up */

struct handover {
	const struct bench_queue_peer *peer;
	_Alignas(128) _Atomic uint32_t done;
	struct bench_queue_lane lanes[BENCH_QUEUE_PRODUCERS_MAX + 1]; /* 0: the consumer */
	uint64_t preempted[BENCH_QUEUE_PRODUCERS_MAX + 1];
};

static void run_handover(void *context, uint32_t member)
{
	struct handover *handover = context;
	const uint64_t before = bench_preemptions();

	if (member == 0)
		handover->peer->consume(&handover->lanes[0]);
	else
		handover->peer->produce(&handover->lanes[member]);
	handover->preempted[member] = bench_preemptions() - before;
}

static int check(const struct handover *handover, uint32_t producers, struct bench_sample *sample)
{
	const struct bench_queue_lane *consumer = &handover->lanes[0];
	uint64_t sum = 0;
	bool stuck = consumer->stuck;

	for (uint32_t i = 1; i <= producers; i++) {
		sample->account.pends += handover->lanes[i].moved;
		sum += handover->lanes[i].sum;
		stuck = stuck || handover->lanes[i].stuck;
	}
	sample->account.completions = consumer->moved;
	if (stuck)
		return bench_sample_wrong(sample, "nothing came through for seconds");
	if (sum != consumer->sum)
		return bench_sample_wrong(sample, "other items came out than went in");
	return 0;
}

static int measure_handover(const struct bench_setting *setting,
			    const struct bench_variant *variant, struct bench_sample *sample)
{
	static struct handover handover; /* one at a time */
	const uint32_t producers = variant->point.threads - 1;
	struct bench_queue_lane *consumer = &handover.lanes[0];
	void *queue;
	int error;

	memset(&handover, 0, sizeof(handover));
	handover.peer = bench_queue_peer_at(variant->kind);
	error = handover.peer->create(producers, &queue);
	if (error)
		return error;
	sample->pingpong_ns = bench_probe_play(setting);
	for (uint32_t i = 0; i <= producers; i++)
		handover.lanes[i] = (struct bench_queue_lane){
			.queue = queue,
			.number = i - (i > 0),
			.batch = (uint32_t)variant->amount,
			.producers = producers,
			.until_ns = bench_clock_ns() + START_DELAY_NS + setting->window_ns,
			.done = &handover.done,
		};
	bench_team_run(setting->team, 1 + producers, run_handover, &handover);
	handover.peer->destroy(queue);
	for (uint32_t i = 0; i <= producers; i++)
		sample->preempted += handover.preempted[i];
	sample->operations = consumer->moved;
	if (consumer->moved)
		sample->values[0] =
			(double)(consumer->end_ns - consumer->begin_ns) / (double)consumer->moved;
	return check(&handover, producers, sample);
}

static uint32_t list(const struct bench_setting *setting, struct bench_variant *variants,
		     uint64_t batch)
{
	const struct bench_options *options = setting->options;
	const struct bench_queue_peer *peer;
	uint32_t count = 0;

	for (uint32_t i = 0; (peer = bench_queue_peer_at(i)) != NULL; i++) {
		for (uint32_t n = 0; n < options->thread_count; n++) {
			struct bench_variant variant = {
				.summary = peer->summary, .peer = i > 0, .kind = i, .amount = batch
			};

			if (options->threads[n] < 2 ||
			    options->threads[n] > setting->host->cpu_count ||
			    options->threads[n] > BENCH_QUEUE_PRODUCERS_MAX + 1)
				continue;
			snprintf(variant.name, sizeof(variant.name), "%s", peer->name);
			variant.point.threads = (uint32_t)options->threads[n];
			bench_variant_add(variants, &count, &variant);
		}
	}
	return count;
}

static uint32_t list_handover(const struct bench_setting *setting, struct bench_variant *variants)
{
	return list(setting, variants, 1);
}

static uint32_t list_batch(const struct bench_setting *setting, struct bench_variant *variants)
{
	return list(setting, variants, BENCH_QUEUE_BATCH_MAX);
}

static const struct bench_metric handover_metrics[BENCH_METRICS_MAX] = {
	{ "ns", "ns", BENCH_LESS_IS_BETTER },
};

const struct bench_probe bench_probe_queue_handover = { .metrics = handover_metrics,
							.threads = 2,
							.threads_more = 2,
							.list = list_handover,
							.measure = measure_handover };

const struct bench_probe bench_probe_queue_batch = { .metrics = handover_metrics,
						     .threads = 2,
						     .threads_more = 2,
						     .list = list_batch,
						     .measure = measure_handover };
