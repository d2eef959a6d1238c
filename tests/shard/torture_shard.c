/* SPDX-License-Identifier: MIT */
/*
 * torture_shard.c - executors under load: nothing that was asked for is left undone.
 *
 * Shown here: guarantee E (a server that stalls anywhere holds up nothing but what it has in its
 * hands) and the shards' part of C (what is due is looked at in time). This file has the books, the
 * simple cases and main(); torture_freeze.c and torture_lives.c have the others.
 */
#include "tests/shard/torture_shard.h"

#include <errno.h>
#include <unistd.h>

#include "tests/support/arguments.h"

uint64_t now_ns(void)
{
	return pendi_clock_mono_ns();
}

void pause_ns(uint64_t nanoseconds)
{
	const struct timespec time = { .tv_sec = (time_t)(nanoseconds / 1000000000u),
				       .tv_nsec = (long)(nanoseconds % 1000000000u) };

	(void)nanosleep(&time, NULL);
}

/* ---- the client ---- */

static struct bookkeeper *keeper_of(struct pendi_client *client)
{
	struct bookkeeper *keeper = PENDI_CONTAINER_OF(client, struct bookkeeper, client);

	CHECK_U64(keeper->magic, ==, MAGIC);
	return keeper;
}

static void keeper_serve(struct pendi_client *client, uint32_t slot)
{
	struct bookkeeper *keeper = keeper_of(client);

	CHECK(pendi_engine_serving(client->engine));
	allow_freezing();
	if (slot < BOOKS) /* else: of an earlier client of the same number */
		oracle_do(&keeper->books[slot]);
	(void)oracle_more(&keeper->serves, 1);
	if (keeper->slow && slot % 4 == 0) {
		for (uint32_t i = 0; i < 4; i++)
			(void)sched_yield();
		(void)keeper_of(client);
	}
}

static void keeper_prefetch(struct pendi_client *client, uint32_t slot)
{
	(void)keeper_of(client);
	(void)slot;
}

static uint32_t keeper_pass(struct pendi_client *client, uint32_t shard,
			    const struct pendi_now *now, uint32_t budget)
{
	struct bookkeeper *keeper = keeper_of(client);
	const uint64_t due = oracle_get(&keeper->due[shard]);

	CHECK_U64(budget, >, 0);
	CHECK_U64(now->tick, !=, 0);
	allow_freezing();
	if (!due || (int32_t)((uint32_t)due - now->tick) > 0)
		return 0;
	if (!oracle_turn(&keeper->due[shard], due, 0))
		return 0;
	(void)oracle_more(&keeper->looks, 1);
	return 1;
}

static uint32_t keeper_next(struct pendi_client *client, uint32_t shard)
{
	return (uint32_t)oracle_get(&keeper_of(client)->due[shard % CPUS_MOST]);
}

static bool keeper_tend(struct pendi_client *client)
{
	struct bookkeeper *keeper = keeper_of(client);

	return oracle_more(&keeper->tends, 1) + 1 < keeper->tends_wanted;
}

void bookkeeper_init(struct bookkeeper *keeper)
{
	memset(keeper, 0, sizeof(*keeper));
	keeper->magic = MAGIC;
	keeper->client = (struct pendi_client){ .serve = keeper_serve,
						.prefetch = keeper_prefetch,
						.pass = keeper_pass,
						.next = keeper_next,
						.tend = keeper_tend };
}

struct pend_engine *engine_with(uint32_t flags, uint64_t stall_ns, pend_engine_event_fn on_event,
				void *context)
{
	struct pend_engine_options options = pend_engine_options_default();
	struct pend_engine *engine = NULL;

	options.flags = flags;
	options.stall_ns = stall_ns;
	options.queue_entries = 1024;
	options.on_event = on_event;
	options.context = context;
	CHECK_INT(pend_engine_create(&options, &engine), ==, 0);
	return engine;
}

uint32_t cpus_used(const struct pend_engine *engine)
{
	const uint32_t shards = pendi_engine_shards(engine);

	return shards < CPUS_MOST ? shards : CPUS_MOST;
}

void ask(struct bookkeeper *keeper, uint32_t cpu, uint32_t slot)
{
	(void)oracle_ask(&keeper->books[slot]);
	while (!pendi_engine_hint(&keeper->client, cpu, slot))
		pause_ns(5000);
}

void await_done(const struct oracle_book *book, uint64_t wanted)
{
	const uint64_t begin_ns = now_ns();

	/* Not with sched_yield(): two threads that yield to each other all the time can keep a third
	 * one from a CPU for seconds. */
	for (uint32_t spins = 0; oracle_done(book) < wanted; spins++) {
		CHECK_U64(now_ns() - begin_ns, <, BOUND_NS);
		if (spins < 200)
			pendi_cpu_relax();
		else
			pause_ns(5000);
	}
}

uint64_t ask_and_wait(struct bookkeeper *keeper, uint32_t cpu, uint32_t slot)
{
	const uint64_t begin_ns = now_ns();

	ask(keeper, cpu, slot);
	await_done(&keeper->books[slot], oracle_asked(&keeper->books[slot]));
	return now_ns() - begin_ns;
}

struct pend_shard_stats sum_of(struct pend_engine *engine)
{
	struct pend_shard_stats stats = { .size = sizeof(stats) };

	CHECK_INT(pend_engine_stats_read(engine, PEND_CPU_CURRENT, &stats), ==, 0);
	return stats;
}

/* ---- wake-ups: a hint that comes as the executor goes to sleep ---- */

uint64_t case_wakeups(uint64_t seed, uint64_t rounds)
{
	static struct bookkeeper keeper;
	struct pend_engine *engine = engine_with(0, 20000000, NULL, NULL);
	struct rng rng = rng_make(seed, 0);
	uint64_t worst_ns = 0;

	bookkeeper_init(&keeper);
	CHECK_INT(pendi_engine_join(engine, &keeper.client), ==, 0);
	for (uint64_t round = 0; round < rounds; round++) {
		const uint32_t cpu = rng_below(&rng, cpus_used(engine));
		const uint64_t took_ns = ask_and_wait(&keeper, cpu, rng_below(&rng, BOOKS));

		worst_ns = took_ns > worst_ns ? took_ns : worst_ns;
		/* About as long as an executor looks for work before it sleeps. */
		for (uint32_t i = rng_below(&rng, 3000); i; i--)
			pendi_cpu_relax();
	}
	AWAIT(sum_of(engine).sleeps > 0);
	printf("# wakeups: %" PRIu64 " sleeps, %" PRIu64 " wakes, worst %" PRIu64 " us\n",
	       sum_of(engine).sleeps, sum_of(engine).wakes, worst_ns / 1000);
	pendi_engine_leave(engine, &keeper.client);
	CHECK_INT(pend_engine_destroy(engine), ==, 0);
	return rounds;
}

/* ---- load: many threads, all shards ---- */

struct load {
	struct bookkeeper keeper;
	struct pend_engine *engine;
	uint64_t seed, rounds;
};

static void run_load(void *context, uint32_t number, struct crew *crew)
{
	struct load *load = context;
	struct rng rng = rng_make(load->seed, number);
	const uint32_t cpus = cpus_used(load->engine);

	(void)crew;
	for (uint64_t round = 0; round < load->rounds; round++) {
		const uint32_t slot = rng_below(&rng, BOOKS);

		if (rng_one_in(&rng, 8)) {
			const uint32_t slots[3] = { slot, (slot + 1) % BOOKS, (slot + 2) % BOOKS };
			uint32_t done = 0;

			for (uint32_t i = 0; i < 3; i++)
				(void)oracle_ask(&load->keeper.books[slots[i]]);
			while (done < 3)
				done += pendi_engine_hint_many(&load->keeper.client, slot % cpus,
							       slots + done, 3 - done);
		} else {
			ask(&load->keeper, slot % cpus, slot);
		}
		/* Serving from outside, beside the executor. */
		if (rng_one_in(&rng, 64))
			CHECK_INT(pend_engine_poll(load->engine, slot % cpus, 16), >=, 0);
	}
}

uint64_t case_load(uint64_t seed, uint64_t rounds)
{
	static struct load load;

	memset(&load, 0, sizeof(load));
	load.seed = seed;
	load.rounds = rounds * 16;
	load.engine = engine_with(0, 20000000, NULL, NULL);
	bookkeeper_init(&load.keeper);
	CHECK_INT(pendi_engine_join(load.engine, &load.keeper.client), ==, 0);
	crew_run(4, &load, run_load);
	for (uint32_t i = 0; i < BOOKS; i++)
		await_done(&load.keeper.books[i], oracle_asked(&load.keeper.books[i]));
	AWAIT(sum_of(load.engine).served >= 4 * load.rounds);
	CHECK_U64(sum_of(load.engine).at_home, <=, sum_of(load.engine).served);
	pendi_engine_leave(load.engine, &load.keeper.client);
	CHECK_INT(pend_engine_destroy(load.engine), ==, 0);
	return 4 * load.rounds;
}

/* ---- ticks: a look that is armed while the executor sleeps for longer ---- */

uint64_t case_ticks(uint64_t seed, uint64_t rounds)
{
	static struct bookkeeper keeper;
	struct pend_engine *engine = engine_with(0, 20000000, NULL, NULL);
	struct rng rng = rng_make(seed, 1);

	bookkeeper_init(&keeper);
	CHECK_INT(pendi_engine_join(engine, &keeper.client), ==, 0);
	rounds = rounds / 32 + 1;
	for (uint64_t round = 0; round < rounds; round++) {
		const uint32_t cpu = rng_below(&rng, cpus_used(engine));
		const uint64_t due_ns = now_ns() + rng_below(&rng, 4000000);
		/* Far away first, which the executor then sleeps for; or not. */
		const uint64_t far_ns = due_ns + 3600000000000;

		if (rng_one_in(&rng, 2)) {
			const uint32_t far = pendi_engine_tick(engine, far_ns);

			oracle_set(&keeper.due[cpu], far);
			pendi_engine_expect(&keeper.client, cpu, far);
			pause_ns(rng_below(&rng, 200000));
		}
		const uint32_t tick = pendi_engine_tick(engine, due_ns);

		oracle_set(&keeper.due[cpu], tick);
		pendi_engine_expect(&keeper.client, cpu, tick);
		while (oracle_get(&keeper.due[cpu])) {
			CHECK_INT((int64_t)(now_ns() - due_ns), <, (int64_t)BOUND_NS);
			pause_ns(50000);
		}
		CHECK_U64(now_ns(), >=, due_ns);
	}
	AWAIT(oracle_get(&keeper.looks) >= rounds);
	pendi_engine_leave(engine, &keeper.client);
	CHECK_INT(pend_engine_destroy(engine), ==, 0);
	return rounds;
}

/* ---- main ---- */

static const struct {
	const char *name;
	uint64_t (*run)(uint64_t seed, uint64_t rounds);
} cases[] = {
	{ "wakeups", case_wakeups }, { "load", case_load },       { "ticks", case_ticks },
	{ "freeze", case_freeze },   { "orphans", case_orphans }, { "leave", case_leave },
	{ "lives", case_lives },     { "watches", case_watches }, { "cpus", case_cpus },
};

int main(int count, char **words)
{
	struct arguments arguments = { .rounds = 4000 };
	struct tap tap = { 0 };
	uint64_t operations = 0;

	if (!arguments_parse(&arguments, count, words))
		return 2;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (!arguments_want(&arguments, cases[i].name))
			continue;
		operations += cases[i].run(arguments.seed, arguments.rounds);
		tap_report(&tap, 1, cases[i].name);
	}
	printf("operations: %" PRIu64 "\n", operations);
	return tap_end(&tap);
}
