/* SPDX-License-Identifier: MIT */
/*
 * torture_ring.c - the ring of notices under fire (guarantees D, E, I).
 *
 *	session_torture_ring [--rounds N] [--seed N] [--only NAME]
 *
 * Committers reserve and then commit or discard; readers read, some of them only when the
 * descriptor says so. N notices are committed in all.
 *
 *	exactly once	each notice has a number of its own; reading it marks that number, and a
 *			number that is marked twice, or not at all in the end, is a fault
 *	never torn	every field and every byte of the key follow from the number; they are
 *			plain memory, so a race detector sees whether the ring hands them over
 *	exact		in the end as many records can be reserved as there are, each once, and no
 *			more; nobody ever waits for a record that is not in somebody's hands or
 *			unread, for all numbers are committed
 *	told		readers sleep in poll() with a long limit: one that is not told in time
 *			although notices wait is a fault
 *	no hostage	in some scenarios a committer and a reader stand still in a signal handler
 *			wherever the signal finds them, for as long as the others need for all
 *			their notices: they are done without them
 */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/session/ring.h"
#include "tests/session/fixture.h"
#include "tests/support/arguments.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"

enum { KEY_BYTES = 40, BATCH = 24, POLL_LIMIT_MS = 20000 };

struct scenario {
	const char *name;
	uint32_t committers, readers, notices;
	bool polling; /* readers sleep */
	bool freezes; /* the last committer and the last reader stand still now and then */
	uint32_t share;
};

static const struct scenario scenarios[] = {
	{ "one committer, one reader", 1, 1, 16, false, false, 20 },
	{ "one committer, one sleeping reader", 1, 1, 16, true, false, 10 },
	{ "crowd, small ring", 4, 3, 16, false, false, 20 },
	{ "crowd, sleeping readers", 4, 3, 16, true, false, 10 },
	{ "crowd, larger ring", 4, 2, 256, true, false, 20 },
	{ "crowd that stands still", 4, 3, 32, false, true, 20 },
};

struct arena {
	const struct scenario *scenario;
	struct pendi_ring ring;
	uint64_t seed, total; /* notices in all */
	uint8_t *seen;        /* by number; each byte has one writer: who reads that notice */
	struct oracle_flag next, read, refused;
	struct oracle_flag stopped, moving, left;
	pthread_t frozen[2];
};

static struct arena *arena_of_handler;

/* Stands still until the others are through with what they have to do. Only async-signal-safe. */
static void stand_still(int signal)
{
	struct arena *arena = arena_of_handler;
	const struct timespec little = { 0, 200000 };

	(void)signal;
	(void)oracle_bump(&arena->stopped);
	while (!oracle_get(&arena->moving))
		(void)nanosleep(&little, NULL);
	(void)oracle_bump(&arena->left);
}

static void fill_key(unsigned char *key, uint64_t number)
{
	for (uint32_t i = 0; i < KEY_BYTES; i++)
		key[i] = (unsigned char)(number * 31 + i * 7);
}

static void commit_number(struct arena *arena, uint32_t record, uint64_t number)
{
	struct pend_notice notice = fixture_notice(number);
	unsigned char key[KEY_BYTES];

	notice.key_size = KEY_BYTES;
	fill_key(key, number);
	pendi_ring_commit(&arena->ring, record, &notice, key);
}

/* Lets others go on; a fault if that took too long. */
static void wait_a_little(uint32_t *times)
{
	CHECK_U64(++*times, <, 1000 + POLL_LIMIT_MS);
	if (*times < 1000)
		(void)sched_yield();
	else
		(void)poll(NULL, 0, 1);
}

/* Reserves, however long it takes until a record is free. */
static uint32_t reserve(struct arena *arena)
{
	uint32_t record, times = 0;

	while ((record = pendi_ring_reserve(&arena->ring)) == PENDI_RING_NONE) {
		(void)oracle_bump(&arena->refused);
		wait_a_little(&times);
	}
	CHECK_U64(record, <, arena->ring.count);
	return record;
}

/* Commits until all numbers are out. */
static void run_committer(struct arena *arena, uint32_t number)
{
	struct rng rng = rng_make(arena->seed, number);
	uint32_t mine;

	while ((mine = oracle_bump(&arena->next)) < arena->total) {
		uint32_t record = reserve(arena);

		if (rng_one_in(&rng, 8)) {
			pendi_ring_discard(&arena->ring, record);
			record = reserve(arena);
		}
		commit_number(arena, record, mine);
	}
}

static void check_notice(struct arena *arena, const struct pend_notice *notice,
			 const unsigned char *key)
{
	struct pend_notice expected = fixture_notice(notice->handle);
	unsigned char expected_key[KEY_BYTES];

	expected.key_size = KEY_BYTES;
	CHECK_U64(notice->handle, <, arena->total);
	CHECK(memcmp(notice, &expected, sizeof(expected)) == 0);
	fill_key(expected_key, notice->handle);
	CHECK(memcmp(key, expected_key, KEY_BYTES) == 0);
	CHECK_U64(arena->seen[notice->handle], ==, 0);
	arena->seen[notice->handle] = 1;
}

/* Sleeps until told; the last reader out tells the others. */
static void sleep_until_told(struct arena *arena)
{
	if (oracle_get(&arena->read) >= arena->total)
		pendi_ring_tell_anyway(&arena->ring);
	else
		CHECK(fixture_readable(arena->ring.event, POLL_LIMIT_MS));
}

static void run_reader(struct arena *arena, uint32_t number)
{
	struct rng rng = rng_make(arena->seed, 100 + number);
	static _Thread_local struct pend_notice notices[BATCH];
	static _Thread_local unsigned char keys[BATCH][KEY_BYTES];
	uint32_t times = 0;

	while (oracle_get(&arena->read) < arena->total) {
		const uint32_t wanted = 1 + rng_below(&rng, BATCH);
		const uint32_t got = pendi_ring_read(&arena->ring, notices, keys, wanted);

		CHECK_U64(got, <=, wanted);
		times = got ? 0 : times;
		for (uint32_t i = 0; i < got; i++) {
			check_notice(arena, &notices[i], keys[i]);
			(void)oracle_bump(&arena->read);
		}
		if (arena->scenario->polling)
			sleep_until_told(arena);
		else if (got < wanted)
			wait_a_little(&times);
	}
	pendi_ring_tell_anyway(&arena->ring);
}

/* Freezes the two again and again, for as long as the others take for many notices. */
static void run_freezer(struct arena *arena)
{
	const uint32_t step = 20u * arena->scenario->notices;

	while (oracle_get(&arena->read) + 2 * step < arena->total) {
		const uint32_t stopped = oracle_get(&arena->stopped);

		oracle_set(&arena->moving, 0);
		for (int i = 0; i < 2; i++)
			CHECK_INT(pthread_kill(arena->frozen[i], SIGUSR1), ==, 0);
		while (oracle_get(&arena->stopped) < stopped + 2)
			(void)sched_yield();

		/* The frozen reader holds at most a batch that it has read and not counted. Near the
		 * end there may be no more to come than what the two hold. */
		const uint32_t read = oracle_get(&arena->read);
		const uint32_t wanted = read + 2 * step < arena->total ? read + step : read;

		for (uint32_t spins = 0; oracle_get(&arena->read) < wanted; spins++) {
			CHECK_U64(spins, <, 20000);
			(void)poll(NULL, 0, 1);
		}
		oracle_set(&arena->moving, 1);
		while (oracle_get(&arena->left) < stopped + 2)
			(void)sched_yield();
	}
}

static void run_thread(void *context, uint32_t number, struct crew *crew)
{
	struct arena *arena = context;
	const struct scenario *scenario = arena->scenario;
	const bool committer = number < scenario->committers;

	if (number + 1 == scenario->committers)
		arena->frozen[0] = pthread_self();
	if (number + 1 == scenario->committers + scenario->readers)
		arena->frozen[1] = pthread_self();
	(void)crew_meet(crew);
	if (committer)
		run_committer(arena, number);
	else if (number < scenario->committers + scenario->readers)
		run_reader(arena, number);
	else
		run_freezer(arena);
	(void)crew_meet(crew); /* nobody ends while signals may come */
}

/* Nothing waits, and the descriptor says so. All is free again: as many can be reserved as there are, each once, and no more. */
static void take_stock(struct arena *arena)
{
	static uint8_t taken[PENDI_RING_NOTICES_MAX];
	struct pendi_ring *ring = &arena->ring;
	uint64_t committed, waiting;
	struct pend_notice notice;

	CHECK_U64(pendi_ring_read(ring, &notice, NULL, 1), ==, 0);
	CHECK(!fixture_readable(ring->event, 0));
	memset(taken, 0, sizeof(taken));
	for (uint32_t i = 0; i < ring->count; i++) {
		const uint32_t record = pendi_ring_reserve(ring);

		CHECK_U64(record, <, ring->count);
		CHECK_U64(taken[record]++, ==, 0);
	}
	CHECK_U64(pendi_ring_reserve(ring), ==, PENDI_RING_NONE);
	for (uint32_t i = 0; i < ring->count; i++)
		pendi_ring_discard(ring, i);
	pendi_ring_count(ring, &committed, &waiting);
	CHECK_U64(committed, ==, arena->total);
	CHECK_U64(waiting, ==, 0);
	for (uint64_t i = 0; i < arena->total; i++)
		CHECK_U64(arena->seen[i], ==, 1);
}

/* Returns how many notices went through. */
static uint64_t run_scenario(const struct scenario *scenario, const struct arguments *arguments)
{
	static struct arena arena;

	memset(&arena, 0, sizeof(arena));
	arena.scenario = scenario;
	arena.seed = arguments->seed;
	arena.total = arguments->rounds * scenario->share / 100;
	arena.seen = calloc(arena.total + 1, 1);
	CHECK(arena.seen != NULL);
	arena_of_handler = &arena;
	CHECK_INT(pendi_ring_init(&arena.ring, scenario->notices, KEY_BYTES, NULL), ==, 0);
	crew_run(scenario->committers + scenario->readers + scenario->freezes, &arena, run_thread);
	take_stock(&arena);
	printf("# %s: %" PRIu64 " notices, %" PRIu32 " times full, %" PRIu32 " times still\n",
	       scenario->name, arena.total, oracle_get(&arena.refused), oracle_get(&arena.stopped));
	pendi_ring_fini(&arena.ring, NULL);
	free(arena.seen);
	return arena.total;
}

int main(int argc, char **argv)
{
	struct arguments arguments = { .rounds = 1000000 };
	struct sigaction action = { .sa_handler = stand_still, .sa_flags = SA_RESTART };
	struct tap tap = { 0 };
	uint64_t operations = 0;

	if (!arguments_parse(&arguments, argc, argv))
		return 2;
	CHECK_INT(sigaction(SIGUSR1, &action, NULL), ==, 0);
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		if (!arguments_want(&arguments, scenarios[i].name))
			continue;
		operations += run_scenario(&scenarios[i], &arguments);
		tap_report(&tap, 1, scenarios[i].name);
	}
	printf("operations: %" PRIu64 "\n", operations);
	return tap_end(&tap);
}
