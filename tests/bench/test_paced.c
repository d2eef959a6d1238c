/* SPDX-License-Identifier: MIT */
/*
 * test_paced.c - the open loop, over a table and with a clock that are played: what it calls
 * response, what service, what late, and what becomes of operations that never begin.
 */
#include <criterion/criterion.h>

#include "bench/measure/driver_paced.h"

#define LIVE 16u
#define BEGIN_NS 1000000000u
#define READ_NS 10u /* what a reading of the clock takes */

static uint64_t now_ns;
static uint64_t cost_ns;                  /* of a pend */
static uint64_t refuse_from = UINT64_MAX; /* this number of pend and later ones */
static uint64_t pends, completions, oldest;
static struct bench_paced paced;
static struct bench_live ring[LIVE];
static unsigned char keys[8], others[8], values[8];
static struct bench_lane lane;

static uint64_t played_clock(void)
{
	now_ns += READ_NS;
	return now_ns;
}

static int played_pend(void *session, const void *key, const void *value, uint64_t *token)
{
	(void)session, (void)value;
	if (pends >= refuse_from)
		return -ENOSPC;
	now_ns += cost_ns;
	*token = bench_number_read(key);
	pends++;
	return 0;
}

/* The oldest first, or it is none. */
static int played_complete(void *session, uint64_t token)
{
	(void)session;
	if (token != oldest)
		return -ENOENT;
	oldest = ++completions < LIVE ? completions : lane.next_number - LIVE;
	return 0;
}

static const struct bench_ops ops = { .pend = played_pend, .complete = played_complete };

/* @count operations, one each @apart_ns, each of which takes @cost. */
static void play(uint64_t count, double apart_ns, uint64_t cost)
{
	now_ns = BEGIN_NS - 1000;
	cost_ns = cost;
	pends = completions = oldest = 0;
	for (uint32_t i = 0; i < LIVE; i++)
		ring[i] = (struct bench_live){ i, i };
	lane = (struct bench_lane){ .ring = ring,
				    .ring_size = LIVE,
				    .next_number = LIVE,
				    .random = 1,
				    .keys = keys,
				    .others = others,
				    .values = values,
				    .key_size = sizeof(keys),
				    .value_size = sizeof(values),
				    .paced = &paced,
				    .until_ns = lane.until_ns ? lane.until_ns : UINT64_MAX };
	paced.first_ns = BEGIN_NS;
	paced.apart_ns = apart_ns;
	paced.count = count;
	bench_drive_paced(&ops, &lane, played_clock);
}

static uint64_t response(double share)
{
	return bench_histogram_at(&paced.response, share);
}

static uint64_t service(double share)
{
	return bench_histogram_at(&paced.service, share);
}

Test(paced, one_that_keeps_up_is_never_late)
{
	play(100000, 1000, 300);
	cr_assert_eq(paced.done, 100000);
	cr_assert_eq(paced.late, 0);
	cr_assert_eq(paced.given_up, 0);
	cr_assert_eq(lane.error, 0);
	cr_assert_eq(lane.counts.inserted, 100000);
	cr_assert_eq(lane.counts.completed, 100000);
	/* As long as it takes, and the clock; a response also what the clock overshot. */
	cr_assert_eq(service(1), 310);
	cr_assert_leq(response(1), 310 + READ_NS);
	cr_assert_geq(response(0.01), 310);
	cr_assert_geq(paced.ended_ns, BEGIN_NS + 99999ull * 1000);
	cr_assert_leq(paced.ended_ns, BEGIN_NS + 100000ull * 1000);
}

/* 200000 a second, held up for 4 ms every 250 ms: coordinated omission. */
Test(paced, a_stall_shows_in_the_response_and_not_in_the_service)
{
	paced.stall_ns = 4000000;
	paced.stall_every_ns = 250000000;
	play(200000, 5000, 100);
	cr_assert_eq(paced.done, 200000);
	cr_assert_eq(paced.stalls, 3);
	cr_assert_gt(response(0.999), 1000000);
	cr_assert_gt(response(0.99), 100000);
	cr_assert_lt(response(0.98), 1000);
	cr_assert_lt(service(0.999), 500);
	cr_assert_geq(service(1), 4000000); /* one operation of each stall */
	/* Those that were meant to begin meanwhile, and until it was made up for: 800 and some. */
	cr_assert_geq(paced.late, 3 * 799);
	cr_assert_leq(paced.late, 3 * 900);
}

Test(paced, without_a_stall_neither_shows_anything)
{
	play(200000, 5000, 100);
	cr_assert_lt(response(1), 200);
	cr_assert_lt(service(1), 200);
	cr_assert_eq(paced.stalls, 0);
}

Test(paced, what_cannot_keep_up_is_ever_later)
{
	play(10000, 100, 390);
	cr_assert_eq(paced.done, 10000);
	cr_assert_geq(paced.late, 9999);
	cr_assert_eq(service(1), 400);
	/* The last one waited for all before it: 300 ns more with each. */
	cr_assert_geq(response(1), 9999 * 300);
	cr_assert_leq(response(1), 10000 * 301);
	cr_assert_geq(response(0.5), 4999 * 300);
}

Test(paced, those_that_never_begin_are_not_forgotten)
{
	lane.until_ns = BEGIN_NS + 1000000;
	play(10000, 100, 390);
	cr_assert_leq(paced.done, 2501);
	cr_assert_geq(paced.done, 2499);
	cr_assert_eq(paced.done + paced.given_up, 10000);
	cr_assert_eq(bench_histogram_total(&paced.response), 10000);
	cr_assert_eq(bench_histogram_total(&paced.service), paced.done);
	/* More than half of all never began: the median is of those. */
	cr_assert_geq(response(0.5), 250000);
	cr_assert_leq(now_ns, BEGIN_NS + 1000000 + 1000);
}

Test(paced, arrivals_of_a_poisson_process)
{
	const uint64_t count = 200000;

	paced.poisson = true;
	play(count, 1000, 300);
	cr_assert_eq(paced.done, count);
	cr_assert_geq(paced.ended_ns, BEGIN_NS + count * 985);
	cr_assert_leq(paced.ended_ns, BEGIN_NS + count * 1015);
	/* A third of the time is busy, so about a third comes too early for the one before. */
	cr_assert_geq(paced.late, count * 28 / 100);
	cr_assert_leq(paced.late, count * 36 / 100);
	cr_assert_gt(response(0.99), 2 * service(0.99));
}

Test(paced, an_answer_that_it_should_not_get_ends_it)
{
	refuse_from = 50;
	play(100, 1000, 300);
	cr_assert_eq(lane.error, -ENOSPC);
	cr_assert_eq(paced.done, 50);
	cr_assert_eq(lane.counts.attempted, 51);
	cr_assert_eq(lane.counts.inserted, lane.counts.completed);
}
