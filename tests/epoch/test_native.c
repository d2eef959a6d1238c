/* SPDX-License-Identifier: MIT */
/*
 * test_native.c - the steps of epoch/native.c, one at a time, on explicit records.
 *
 * One thread plays all (but for one test): it opens and closes sections on the records of
 * threads that only lend their numbers, so each interleaving here is exact and the same on
 * every run. The file under
 * test is included, for its steps are static. The epoch starts eight before its wrap, so the
 * scripts run across it. TAP on standard output.
 */
#include "epoch/native.c" /* NOLINT: white box */

#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "epoch_oracle.h"
#include "platform/script.h"

enum { LENDERS = 3 };

static unsigned failures;
static struct pendi_thread_record *self;
static struct pendi_thread_record *readers[LENDERS];

#define CHECK(condition) check((condition), #condition, __LINE__)

static void check(bool holds, const char *what, int line)
{
	if (holds)
		return;
	failures++;
	printf("# %s:%d: not so: %s\n", __FILE__, line, what);
}

struct thing {
	struct pendi_epoch_node node;
	unsigned reclaimed;
};

static void reclaim(struct pendi_epoch_node *node)
{
	PENDI_CONTAINER_OF(node, struct thing, node)->reclaimed++;
}

static struct thing fresh(void)
{
	return (struct thing){ .node.reclaim = reclaim };
}

static uint32_t epoch_now(void)
{
	/* relaxed: one thread plays all. */
	return pendi_load_relaxed(&pendi_native.epoch);
}

static void advance_by(uint32_t steps)
{
	while (steps--)
		CHECK(pendi_native_advance(self));
}

/* A turn of ours on lane 0; the bag it looked into. */
static uint32_t collect_lane(uint32_t *bag)
{
	return pendi_native_collect(self, 0, bag);
}

static void drain(void)
{
	CHECK(pendi_epoch_barrier() == 0);
	CHECK(pendi_epoch_limbo() == 0);
}

static void advance_waits_for_exactly_the_lagging_reader(void)
{
	const uint32_t start = epoch_now();

	open_section(readers[0]);
	advance_by(1); /* reader 0 is at the epoch: it does not hold up this one */
	open_section(readers[1]);
	CHECK(!pendi_native_advance(self)); /* reader 0 lags */
	close_section(readers[0]);
	CHECK(pendi_native_advance(self)); /* reader 1 does not */
	open_section(readers[0]);
	open_section(readers[2]);
	CHECK(!pendi_native_advance(self)); /* reader 1 lags, the others came later */
	close_section(readers[2]);
	CHECK(!pendi_native_advance(self));
	close_section(readers[0]);
	CHECK(!pendi_native_advance(self));
	close_section(readers[1]);
	CHECK(pendi_native_advance(self));
	CHECK(epoch_now() == start + 3);
}

/* The test before has come close to the wrap; this one steps over it. */
static void reader_from_before_the_wrap_lags(void)
{
	while (epoch_now() != UINT32_MAX)
		advance_by(1);
	open_section(readers[0]);
	/* relaxed: one thread plays all. */
	CHECK(pendi_section_epoch(pendi_load_relaxed(&readers[0]->section)) == UINT32_MAX);
	advance_by(1);
	CHECK(epoch_now() == 0);
	CHECK(!pendi_native_advance(self));
	close_section(readers[0]);
	advance_by(1);
	CHECK(epoch_now() == 1);
}

/* Over many epochs: each node goes two steps after it was retired, not one and not three. */
static void node_waits_two_steps(void)
{
	for (uint32_t n = 0; n < 10; n++) {
		struct thing thing = fresh();
		uint32_t bag;

		pendi_epoch_retire(&thing.node);
		CHECK(collect_lane(&bag) == 0);
		advance_by(1);
		CHECK(collect_lane(&bag) == 0);
		advance_by(1);
		CHECK(collect_lane(&bag) == 1);
		CHECK(thing.reclaimed == 1);
		CHECK(pendi_epoch_limbo() == 0);
	}
}

/* S3 of native.c: the push comes when the bag has been taken into use again. */
static void late_push_is_late_never_early(void)
{
	for (uint32_t delay = 0; delay <= 9; delay++) {
		struct thing thing = fresh();
		const uint32_t then = epoch_now();
		uint32_t bag, waited = 0;

		advance_by(delay); /* the writer stalls between its load of E and its push */
		push(&lanes[0].bags[then % PENDI_BAGS], &thing.node, &thing.node);
		(void)pendi_record_add(pendi_thread_self, &self->retired, 1);
		while (collect_lane(&bag) == 0 && waited < 5) {
			advance_by(1);
			waited++;
		}
		CHECK(thing.reclaimed == 1);
		CHECK(epoch_now() - then >= 2);
		CHECK((epoch_now() - then) % PENDI_BAGS == 2);
	}
}

/* S2: while the collector is inside, its bag is not the one that anybody retires into. */
static void collector_inside_keeps_its_bag_closed(void)
{
	open_section(readers[0]); /* a collector that stalls before it takes */

	const uint32_t epoch = epoch_now();
	const uint32_t bag = (epoch - 2) % PENDI_BAGS;
	struct thing things[3] = { fresh(), fresh(), fresh() };
	uint32_t steps = 0;

	for (size_t n = 0; n < 3; n++) {
		pendi_epoch_retire(&things[n].node);
		steps += pendi_native_advance(self);
	}
	CHECK(steps == 1);
	/* relaxed: one thread plays all. */
	CHECK(!pendi_load_relaxed(&lanes[0].bags[bag]));
	close_section(readers[0]);
	drain();
}

/* A collector that stalls between its load of E and the store of its word. */
static void collector_believes_the_second_load_only(void)
{
	struct thing thing = fresh();
	const uint32_t stale = epoch_now();
	uint32_t bag;

	advance_by(6);
	pendi_epoch_retire(&thing.node); /* into bag stale + 6, which is stale - 2 */
	CHECK((stale - 2) % PENDI_BAGS == epoch_now() % PENDI_BAGS);
	/* relaxed: one thread plays all; the word of an enter that read E long ago. */
	const uint64_t section = pendi_load_relaxed(&self->section);

	pendi_store_relaxed(&self->section, pendi_section_enter(section, stale));
	CHECK(take(&lanes[0], &bag) == NULL);
	CHECK(bag == (epoch_now() - 2) % PENDI_BAGS);
	CHECK(!advance()); /* and with that word it holds up everybody, itself too */
	close_section(self);
	CHECK(thing.reclaimed == 0);
	drain();
	CHECK(thing.reclaimed == 1);
}

/* Three threads that follow each other and are ordered by the code under test alone. */
static struct relay {
	struct oracle_count step;
	struct thing thing;
	uint64_t payload; /* plain: read by the reader, written when it is reclaimed */
} relay;

static void await_step(uint64_t step)
{
	while (oracle_peek(&relay.step) != step)
		(void)sched_yield();
}

static void overwrite(struct pendi_epoch_node *node)
{
	reclaim(node);
	relay.payload = 2;
}

static void *relay_reader(void *argument)
{
	(void)argument;
	CHECK(pendi_epoch_enter() == 0);
	CHECK(relay.payload == 1);
	oracle_mark(&relay.step, 1);
	await_step(2);
	pendi_epoch_exit();
	oracle_mark(&relay.step, 3);
	return NULL;
}

static void *relay_advancer(void *argument)
{
	struct pendi_thread_record *advancer = pendi_thread_borrow();

	(void)argument;
	await_step(3);
	CHECK(pendi_native_advance(advancer));
	CHECK(pendi_native_advance(advancer));
	oracle_mark(&relay.step, 4);
	return NULL;
}

/* EP2, EP3: the collector has scanned nobody; the epoch brings it what the advancer saw. */
static void exits_reach_the_collector_through_the_epoch(void)
{
	pthread_t threads[2];
	uint32_t bag;

	relay.thing = fresh();
	relay.thing.node.reclaim = overwrite;
	relay.payload = 1;
	if (pthread_create(&threads[0], NULL, relay_reader, NULL) != 0 ||
	    pthread_create(&threads[1], NULL, relay_advancer, NULL) != 0)
		exit(1);
	await_step(1);
	pendi_epoch_retire(&relay.thing.node);
	oracle_mark(&relay.step, 2);
	await_step(4);
	CHECK(collect_lane(&bag) == 1);
	CHECK(relay.thing.reclaimed == 1);
	for (size_t n = 0; n < 2; n++)
		(void)pthread_join(threads[n], NULL);
}

static int refuse(void)
{
	return -EPERM;
}

static void refused_membarrier_is_counted(void)
{
	const uint32_t before = epoch_now();
	/* relaxed, both loads: one thread plays all. */
	const uint64_t refusals = pendi_load_relaxed(&pendi_native.refusals);

	if (pendi_epoch_fence_in_force() != PENDI_EPOCH_FENCE_ASYMMETRIC)
		return;
	pendi_script.membarrier = refuse;
	CHECK(!pendi_native_advance(self));
	pendi_script.membarrier = NULL;
	CHECK(pendi_load_relaxed(&pendi_native.refusals) == refusals + 1);
	CHECK(epoch_now() == before);
	advance_by(1);
}

static unsigned barriers;

static int count_barrier(void)
{
	barriers++;
	return 0;
}

/* A reader that lags costs the other CPUs no interrupt; the portable form costs them none. */
static void no_membarrier_without_need(void)
{
	pendi_script.membarrier = count_barrier;
	open_section(readers[0]);
	advance_by(1);
	barriers = 0;
	CHECK(!pendi_native_advance(self));
	CHECK(barriers == 0);
	close_section(readers[0]);
	/* relaxed: one thread plays all. */
	const uint32_t fences = pendi_load_relaxed(&pendi_native.fences);

	pendi_store_relaxed(&pendi_native.fences, PENDI_FENCES_BOTH);
	advance_by(1);
	CHECK(barriers == 1);
	pendi_store_relaxed(&pendi_native.fences, PENDI_FENCES_PORTABLE);
	advance_by(1);
	CHECK(barriers == 1);
	pendi_store_relaxed(&pendi_native.fences, fences);
	pendi_script.membarrier = NULL;
}

static void retires_poll_by_themselves(void)
{
	static struct thing things[4 * POLL_EVERY];
	uint64_t most = 0;

	for (size_t n = 0; n < sizeof(things) / sizeof(things[0]); n++) {
		const uint64_t limbo = pendi_epoch_limbo();

		most = limbo > most ? limbo : most;
		things[n] = fresh();
		pendi_epoch_retire(&things[n].node);
	}
	/* A poll frees what was retired two polls before. */
	CHECK(most <= 3 * POLL_EVERY);
	drain();
}

static void section_words_never_repeat(void)
{
	const uint64_t last = (uint64_t)7 << 32 | (UINT32_MAX - 1);
	const uint64_t inside = pendi_section_enter(last, 8);

	CHECK(pendi_section_is_open(inside));
	CHECK(pendi_section_epoch(inside) == 8);
	CHECK((uint32_t)inside == UINT32_MAX);

	const uint64_t outside = pendi_section_exit(inside);

	CHECK(!pendi_section_is_open(outside));
	CHECK((uint32_t)outside == 0);
	CHECK(pendi_section_is_open(pendi_section_enter(outside, 8)));
	CHECK((uint32_t)pendi_section_enter(outside, 8) == 1);
}

struct lender {
	pthread_t thread;
	sem_t ready, end;
	uint32_t number;
};

static void *lend(void *argument)
{
	struct lender *lender = argument;

	lender->number = pendi_thread_number();
	sem_post(&lender->ready);
	while (sem_wait(&lender->end) != 0)
		;
	return NULL;
}

static void borrow_records(struct lender lenders[static LENDERS])
{
	for (size_t n = 0; n < LENDERS; n++) {
		sem_init(&lenders[n].ready, 0, 0);
		sem_init(&lenders[n].end, 0, 0);
		if (pthread_create(&lenders[n].thread, NULL, lend, &lenders[n]) != 0)
			exit(1);
		while (sem_wait(&lenders[n].ready) != 0)
			;
		readers[n] = &pendi_thread_records[lenders[n].number];
	}
}

static void give_back_records(struct lender lenders[static LENDERS])
{
	for (size_t n = 0; n < LENDERS; n++) {
		sem_post(&lenders[n].end);
		(void)pthread_join(lenders[n].thread, NULL);
	}
}

static const struct {
	const char *name;
	void (*function)(void);
} tests[] = {
	{ "advance_waits_for_exactly_the_lagging_reader",
	  advance_waits_for_exactly_the_lagging_reader },
	{ "reader_from_before_the_wrap_lags", reader_from_before_the_wrap_lags },
	{ "node_waits_two_steps", node_waits_two_steps },
	{ "late_push_is_late_never_early", late_push_is_late_never_early },
	{ "collector_inside_keeps_its_bag_closed", collector_inside_keeps_its_bag_closed },
	{ "collector_believes_the_second_load_only", collector_believes_the_second_load_only },
	{ "exits_reach_the_collector_through_the_epoch",
	  exits_reach_the_collector_through_the_epoch },
	{ "refused_membarrier_is_counted", refused_membarrier_is_counted },
	{ "no_membarrier_without_need", no_membarrier_without_need },
	{ "retires_poll_by_themselves", retires_poll_by_themselves },
	{ "section_words_never_repeat", section_words_never_repeat },
};

static uint32_t first_cpu(void)
{
	return 0;
}

int main(void)
{
	struct lender lenders[LENDERS];
	const size_t count = sizeof(tests) / sizeof(tests[0]);

	pendi_script.cpu_current = first_cpu; /* lane 0, always */
	self = &pendi_thread_records[pendi_thread_number()];
	borrow_records(lenders);
	for (size_t n = 0; n < count; n++) {
		const unsigned before = failures;

		tests[n].function();
		printf("%s %zu - %s\n", failures == before ? "ok" : "not ok", n + 1, tests[n].name);
	}
	give_back_records(lenders);
	printf("1..%zu\n", count);
	return failures ? 1 : 0;
}
