/* SPDX-License-Identifier: MIT */
/*
 * torture_lives.c - clients that come and go under load, engines that do, descriptors.
 *
 * A client that has left is overwritten at once, and used again much later: a server that is still
 * inside it finds the wrong magic number.
 */
#include "tests/shard/torture_shard.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "platform/script.h"

/* ---- clients ---- */

enum { LIVES = 64 }; /* of each thread, before it begins anew */

struct lives {
	struct pend_engine *engine;
	uint64_t seed, rounds;
};

static void run_lives(void *context, uint32_t number, struct crew *crew)
{
	struct lives *lives = context;
	struct rng rng = rng_make(lives->seed, number);
	const uint32_t cpus = cpus_used(lives->engine);
	struct bookkeeper *keepers = calloc(LIVES, sizeof(*keepers));

	(void)crew;
	CHECK(keepers != NULL);
	for (uint64_t round = 0; round < lives->rounds; round++) {
		struct bookkeeper *keeper = &keepers[round % LIVES];
		const uint32_t hints = rng_below(&rng, 40);

		bookkeeper_init(keeper);
		keeper->slow = true;
		CHECK_INT(pendi_engine_join(lives->engine, &keeper->client), ==, 0);
		for (uint32_t i = 0; i < hints; i++)
			ask(keeper, i % cpus, i);
		if (rng_one_in(&rng, 4)) {
			oracle_set(&keeper->due[number % cpus], 1);
			pendi_engine_expect(&keeper->client, number % cpus, 1);
		}
		/* Half of them with hints on their way, which then find nobody, or another. */
		for (uint32_t i = 0; i < hints && rng_one_in(&rng, 2); i++)
			await_done(&keeper->books[i], 1);
		pendi_engine_leave(lives->engine, &keeper->client);
		memset(keeper, 0xee, sizeof(*keeper));
	}
	free(keepers);
}

static void leave_with(uint32_t flags, uint64_t seed, uint64_t rounds)
{
	struct lives lives = { .seed = seed, .rounds = rounds / 8 + 1 };

	lives.engine = engine_with(flags, 20000000, NULL, NULL);
	crew_run(4, &lives, run_lives);
	CHECK_INT(pend_engine_destroy(lives.engine), ==, 0);
}

uint64_t case_leave(uint64_t seed, uint64_t rounds)
{
	leave_with(0, seed, rounds);
	leave_with(PEND_ENGINE_UNWATCHED, seed + 1, rounds / 4);
	return rounds / 2;
}

/* ---- engines ---- */

uint64_t case_lives(uint64_t seed, uint64_t rounds)
{
	static struct bookkeeper keeper;

	rounds = rounds / 80 + 1;
	for (uint64_t round = 0; round < rounds; round++) {
		struct pend_engine *engine =
			engine_with(round % 3 ? 0 : PEND_ENGINE_UNWATCHED, 20000000, NULL, NULL);

		bookkeeper_init(&keeper);
		CHECK_INT(pendi_engine_join(engine, &keeper.client), ==, 0);
		CHECK_INT(pend_engine_destroy(engine), ==, -EBUSY);
		if (seed % 2)
			(void)ask_and_wait(&keeper, (uint32_t)round % cpus_used(engine), 3);
		pendi_engine_leave(engine, &keeper.client);
		CHECK_INT(pend_engine_destroy(engine), ==, 0);
		CHECK_INT(pend_engine_destroy(engine), ==, -ESHUTDOWN);
		seed++;
	}
	return rounds;
}

/* ---- descriptors, tending ---- */

static struct oracle_word fired;

/* What a descriptor's word is when nobody may be called for it any more. */
#define TAKEN_OUT 1000u

static struct pend_engine *watching;

static void count_fired(void *context)
{
	CHECK_INT(pend_engine_destroy(watching), ==, -EDEADLK);
	(void)oracle_more(&fired, 1);
	pause_ns(20000);
	CHECK_U64(oracle_more(context, 1), <, TAKEN_OUT);
}

static void watch_round(struct pend_engine *engine, struct rng *rng)
{
	static struct oracle_word mine[8];
	const uint64_t one = 1, before = oracle_get(&fired);
	int fds[8];
	uint64_t ready = 0;

	for (uint32_t i = 0; i < 8; i++) {
		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		CHECK_INT(fds[i], >=, 0);
		oracle_set(&mine[i], 0);
		CHECK_INT(pendi_monitor_watch(engine, fds[i], count_fired, &mine[i]), ==, 0);
	}
	for (uint32_t i = 0; i < 8; i++) {
		if (rng_one_in(rng, 2))
			continue;
		CHECK_INT(write(fds[i], &one, sizeof(one)), ==, sizeof(one));
		ready++;
		/* Some are taken out on their way. */
		if (rng_one_in(rng, 4)) {
			pause_ns(rng_below(rng, 60000));
			pendi_monitor_unwatch(engine, fds[i]);
			ready -= oracle_get(&mine[i]) == 0;
			oracle_set(&mine[i], TAKEN_OUT);
		}
	}
	AWAIT(oracle_get(&fired) >= before + ready);
	for (uint32_t i = 0; i < 8; i++) {
		pendi_monitor_unwatch(engine, fds[i]);
		CHECK(oracle_get(&mine[i]) <= 1 || oracle_get(&mine[i]) == TAKEN_OUT);
		CHECK_INT(close(fds[i]), ==, 0);
	}
	CHECK_U64(oracle_get(&fired), ==, before + ready);
}

uint64_t case_watches(uint64_t seed, uint64_t rounds)
{
	static struct bookkeeper keeper;
	struct rng rng = rng_make(seed, 2);

	for (uint32_t watched = 0; watched < 2; watched++) {
		struct pend_engine *engine =
			engine_with(watched ? 0 : PEND_ENGINE_UNWATCHED, 20000000, NULL, NULL);

		watching = engine;
		bookkeeper_init(&keeper);
		keeper.tends_wanted = 5;
		CHECK_INT(pendi_engine_join(engine, &keeper.client), ==, 0);
		for (uint64_t round = 0; round < rounds / 40 + 1; round++)
			watch_round(engine, &rng);
		pendi_engine_nudge(engine);
		AWAIT(oracle_get(&keeper.tends) >= 5);
		pendi_engine_leave(engine, &keeper.client);
		CHECK_INT(pend_engine_destroy(engine), ==, 0);
	}
	return rounds / 40 * 16;
}

/* ---- a CPU that comes later ---- */

static struct oracle_word second_allowed;
static uint32_t first_cpu, second_cpu;

static int play_allowed(uint32_t cpu)
{
	return cpu == first_cpu || (cpu == second_cpu && oracle_get(&second_allowed));
}

/* Two CPUs that the process may run on. False: it has one. */
static bool find_cpus(void)
{
	uint32_t found = 0;

	for (uint32_t cpu = 0; cpu < pendi_cpu_possible() && cpu < CPUS_MOST && found < 2; cpu++) {
		if (pendi_cpu_allowed(cpu) != 1)
			continue;
		*(found ? &second_cpu : &first_cpu) = cpu;
		found++;
	}
	return found == 2;
}

static uint32_t server_of(struct pend_engine *engine, uint32_t cpu)
{
	struct pend_shard_stats stats = { .size = sizeof(stats) };

	CHECK_INT(pend_engine_stats_read(engine, cpu, &stats), ==, 0);
	return stats.server_cpu;
}

uint64_t case_cpus(uint64_t seed, uint64_t rounds)
{
	static struct bookkeeper keeper;
	struct pend_engine *engine;
	cpu_set_t before;

	(void)seed;
	(void)rounds;
	if (!find_cpus())
		return 0;
	CHECK_INT(sched_getaffinity(0, sizeof(before), &before), ==, 0);
	CHECK_INT(pendi_cpu_pin(first_cpu), ==, 0);
	oracle_set(&second_allowed, 0);
	pendi_script.cpu_allowed = play_allowed;
	engine = engine_with(0, 20000000, NULL, NULL);
	CHECK_INT(sched_setaffinity(0, sizeof(before), &before), ==, 0);
	bookkeeper_init(&keeper);
	CHECK_INT(pendi_engine_join(engine, &keeper.client), ==, 0);
	CHECK_U64(server_of(engine, second_cpu), ==, first_cpu);
	(void)ask_and_wait(&keeper, second_cpu, 1);
	oracle_set(&second_allowed, 1);
	AWAIT(server_of(engine, second_cpu) == second_cpu);
	/* Should it be slow, another one serves for it. */
	AWAIT(ask_and_wait(&keeper, second_cpu, 1) && sum_of(engine).at_home > 0);
	pendi_engine_leave(engine, &keeper.client);
	CHECK_INT(pend_engine_destroy(engine), ==, 0);
	pendi_script.cpu_allowed = NULL;
	return 2;
}
