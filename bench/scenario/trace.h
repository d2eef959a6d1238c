/* SPDX-License-Identifier: MIT */
/*
 * trace.h - connection events: where they come from, and the plan by which they are replayed.
 *
 * An event is the arrival of an operation under its 5-tuple. The key is 37 bytes for both address
 * families: protocol, source, destination (16 bytes each, IPv4 as mapped), and the two ports in
 * network order.
 *
 * A plan gives each event a decision time, drawn from a seed, and lists the completions in the
 * order in which they fall due. Its unit of time is a tick: at full speed one event (so a decision
 * takes so many further events, and the mean number live is the mean decision), else a nanosecond
 * of recorded time.
 */
#ifndef BENCH_SCENARIO_TRACE_H
#define BENCH_SCENARIO_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "bench/measure/clock.h"
#include "bench/measure/impl.h"
#include "bench/measure/lane.h"

#define BENCH_TRACE_KEY_SIZE 37u
#define BENCH_TRACE_KEY_STRIDE 40u

struct bench_trace {
	unsigned char *keys; /* count of them, BENCH_TRACE_KEY_STRIDE apart */
	uint64_t *offset_us; /* count of them, never decreasing */
	uint64_t count;
	uint64_t room;
	uint64_t skipped; /* bad lines that were left out */
	bool generated;
};

struct bench_trace_plan {
	const unsigned char *keys;
	uint64_t count;
	uint64_t *arrival; /* ticks, one for each event */
	uint64_t *due;     /* ticks, ascending */
	uint32_t *order;   /* the event that is completed at that place of @due */
	uint64_t *tokens;  /* what completes each event, 0 while not pended; the replay's */
	double speed;      /* times recorded speed; 0: as fast as possible */
	double live_mean;  /* at full speed, what the drawn decisions come to */
};

/* What a replay saw besides the lane's counts. */
struct bench_trace_counts {
	uint64_t start_ns; /* of a paced replay */
	uint64_t live_most;
	uint64_t late_most_ns; /* paced: an event's start behind its time */
	uint64_t late_sum_ns;
	uint64_t waits;
};

/*
 * Reads a trace, plain or gzip. Bad lines are named on @messages, up to 10 of them; with @skip
 * they are left out, else they refuse the file.
 *
 * Returns 0; -ENOENT, -EACCES, ... if the file cannot be opened or read; -EBADMSG if it is
 * damaged, holds a bad line or no event; -ENOMEM. On error @trace holds nothing.
 */
int bench_trace_read(const char *path, bool skip, FILE *messages, struct bench_trace *trace);

/* Makes up @count events of the same shape: bursts, few busy destinations. 0 or -ENOMEM. */
int bench_trace_generate(uint64_t count, uint64_t seed, struct bench_trace *trace);

/* Appends an event. 0 or -ENOMEM. */
int bench_trace_append(struct bench_trace *trace, uint64_t offset_us, const unsigned char *key);

void bench_trace_free(struct bench_trace *trace);

/* Writes the key of a 5-tuple: addresses are 16 bytes, ports in host order. */
void bench_trace_key(unsigned char *key, uint8_t proto, const unsigned char *source,
		     uint16_t source_port, const unsigned char *target, uint16_t target_port);

/* Draws the decisions of @trace for a replay at @speed. 0 or -ENOMEM. */
int bench_trace_plan_make(const struct bench_trace *trace, double speed, uint64_t live,
			  uint64_t seed, struct bench_trace_plan *plan);

void bench_trace_plan_free(struct bench_trace_plan *plan);

/* Waits until @tick of a paced plan: sleeps while that is far away, spins when it is near. */
static inline void bench_trace_wait(const struct bench_trace_plan *plan, struct bench_lane *lane,
				    const struct bench_ops *ops, uint64_t tick)
{
	struct bench_trace_counts *traced = lane->traced;
	const uint64_t at_ns = traced->start_ns + (uint64_t)((double)tick / plan->speed);
	uint64_t now_ns = bench_clock_ns();

	while (now_ns < at_ns) {
		if (at_ns - now_ns > 400000) {
			const struct timespec nap = { 0,
						      at_ns - now_ns > 100000000
							      ? 99000000
							      : (long)(at_ns - now_ns - 300000) };

			clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
		}
		if (ops->tick)
			ops->tick(lane->session);
		now_ns = bench_clock_ns();
	}
	const uint64_t late_ns = now_ns - at_ns;

	if (late_ns > traced->late_most_ns)
		traced->late_most_ns = late_ns;
	traced->late_sum_ns += late_ns;
	traced->waits++;
}

#endif
