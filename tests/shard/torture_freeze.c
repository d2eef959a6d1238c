/* SPDX-License-Identifier: MIT */
/*
 * torture_freeze.c - executors that stop in the middle of something (guarantee E).
 *
 * A signal handler holds an executor wherever it is. What is asked of its shard meanwhile must be
 * done by others, and when it is let go it must serve its shard again. With all executors frozen
 * the monitor does their work.
 */
#include "tests/shard/torture_shard.h"

#include <errno.h>
#include <signal.h>

enum { FREEZE_SIGNAL = SIGUSR1, STALL_NS = 5000000 };

static struct oracle_word frozen; /* who is to stay in the handler: 0 nobody, else a count */
static struct oracle_word inside; /* threads in the handler */
static struct oracle_word victims[CPUS_MOST + 1]; /* threads that may be frozen */
static struct oracle_word victim_count;
static _Thread_local bool may_be_frozen;

static void freeze(int signal)
{
	const int before = errno;
	const struct timespec nap = { .tv_nsec = 200000 };

	(void)signal;
	(void)oracle_more(&inside, 1);
	while (oracle_get(&frozen))
		(void)nanosleep(&nap, NULL);
	(void)oracle_more(&inside, (uint64_t)-1);
	errno = before;
}

void allow_freezing(void)
{
	char name[16] = "";
	sigset_t set;
	uint64_t place;

	if (may_be_frozen || pthread_getname_np(pthread_self(), name, sizeof(name)) ||
	    strncmp(name, "pend/", 5) != 0 || strcmp(name, "pend/monitor") == 0)
		return;
	may_be_frozen = true;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, FREEZE_SIGNAL);
	CHECK_INT(pthread_sigmask(SIG_UNBLOCK, &set, NULL), ==, 0);
	place = oracle_more(&victim_count, 1);
	if (place <= CPUS_MOST)
		oracle_set(&victims[place], (uint64_t)pthread_self());
}

static void handle_signal(void)
{
	struct sigaction action = { .sa_handler = freeze };

	CHECK_INT(sigaction(FREEZE_SIGNAL, &action, NULL), ==, 0);
	oracle_set(&victim_count, 0);
	oracle_set(&frozen, 0);
}

static struct oracle_word events[PEND_EVENT_SUSPEND + 1];

static void note_event(void *context, const struct pend_engine_event *event)
{
	(void)context;
	CHECK_U64((uint64_t)event->type, <=, PEND_EVENT_SUSPEND);
	if (event->type == PEND_EVENT_STALL)
		CHECK_U64(event->duration_ns, >=, STALL_NS);
	(void)oracle_more(&events[event->type], 1);
}

/* Each executor serves once, so that it can be frozen. Returns how many there are. */
static uint32_t meet_executors(struct pend_engine *engine, struct bookkeeper *keeper)
{
	const uint64_t begin_ns = now_ns();
	uint32_t executors = 0;

	for (uint32_t cpu = 0; cpu < cpus_used(engine); cpu++)
		executors += pendi_cpu_allowed(cpu) == 1;
	/* On a busy machine one of them may have served for another at first. */
	for (uint32_t i = 0; oracle_get(&victim_count) < executors; i++) {
		CHECK_U64(now_ns() - begin_ns, <, BOUND_NS);
		(void)ask_and_wait(keeper, i % cpus_used(engine), i % cpus_used(engine));
	}
	return executors;
}

static void await_inside(uint64_t wanted)
{
	AWAIT(oracle_get(&inside) == wanted);
}

/* All shards are served by their own executors again. */
static void await_home(struct pend_engine *engine, struct bookkeeper *keeper)
{
	const uint64_t begin_ns = now_ns();

	for (uint32_t cpu = 0; cpu < cpus_used(engine); cpu++) {
		struct pend_shard_stats stats = { .size = sizeof(stats) };

		do {
			CHECK_U64(now_ns() - begin_ns, <, BOUND_NS);
			(void)ask_and_wait(keeper, cpu, cpu);
			CHECK_INT(pend_engine_stats_read(engine, cpu, &stats), ==, 0);
		} while (stats.server_cpu != cpu);
	}
}

/* Freezes @count of the executors at a random moment of a load, and asks for all shards. */
static void freeze_round(struct pend_engine *engine, struct bookkeeper *keeper, struct rng *rng,
			 uint32_t count)
{
	const uint32_t first = rng_below(rng, (uint32_t)oracle_get(&victim_count));

	for (uint32_t i = rng_below(rng, 200); i; i--)
		ask(keeper, i % cpus_used(engine), rng_below(rng, BOOKS));
	oracle_set(&frozen, 1);
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t number = (first + i) % oracle_get(&victim_count);

		CHECK_INT(pthread_kill((pthread_t)oracle_get(&victims[number]), FREEZE_SIGNAL), ==,
			  0);
	}
	await_inside(count);
	for (uint32_t i = 0; i < 32; i++)
		(void)ask_and_wait(keeper, i % cpus_used(engine), rng_below(rng, BOOKS));
	CHECK_U64(oracle_get(&inside), ==, count);
	oracle_set(&frozen, 0);
	await_inside(0);
}

/* Keeps the executors at work, so that they are frozen in the middle of something. */
struct background {
	struct bookkeeper *keeper;
	struct pend_engine *engine;
	struct oracle_word stop;
	pthread_t thread;
};

static void *run_background(void *argument)
{
	struct background *background = argument;
	struct rng rng = rng_make(7, 7);

	while (!oracle_get(&background->stop)) {
		for (uint32_t i = 0; i < 50; i++) {
			const uint32_t slot = rng_below(&rng, BOOKS);

			(void)oracle_ask(&background->keeper->books[slot]);
			while (!pendi_engine_hint(&background->keeper->client,
						  slot % cpus_used(background->engine), slot))
				pause_ns(10000);
		}
		pause_ns(rng_below(&rng, 100000));
	}
	return NULL;
}

static uint64_t freeze_executors(uint64_t seed, uint64_t rounds, bool all)
{
	static struct bookkeeper keeper;
	struct pend_engine *engine = engine_with(0, STALL_NS, note_event, NULL);
	struct background background = { .keeper = &keeper, .engine = engine };
	struct rng rng = rng_make(seed, all);
	uint32_t executors;

	handle_signal();
	memset(events, 0, sizeof(events));
	bookkeeper_init(&keeper);
	CHECK_INT(pendi_engine_join(engine, &keeper.client), ==, 0);
	executors = meet_executors(engine, &keeper);
	CHECK_U64(oracle_get(&victim_count), ==, executors);
	CHECK_INT(pthread_create(&background.thread, NULL, run_background, &background), ==, 0);
	rounds = rounds / 80 + 1;
	for (uint64_t round = 0; round < rounds; round++) {
		const uint32_t before = rng_below(&rng, BOOKS);

		freeze_round(engine, &keeper, &rng, all ? executors : 1);
		await_done(&keeper.books[before], oracle_asked(&keeper.books[before]));
		await_home(engine, &keeper);
	}
	oracle_set(&background.stop, 1);
	CHECK_INT(pthread_join(background.thread, NULL), ==, 0);
	for (uint32_t i = 0; i < BOOKS; i++)
		await_done(&keeper.books[i], oracle_asked(&keeper.books[i]));
	AWAIT(sum_of(engine).stalls >= rounds);
	AWAIT(sum_of(engine).returns >= rounds);
	printf("# %s frozen: %" PRIu64 " stalls, %" PRIu64 " returns; told of %" PRIu64
	       " and %" PRIu64 "\n",
	       all ? "all" : "one", sum_of(engine).stalls, sum_of(engine).returns,
	       oracle_get(&events[PEND_EVENT_STALL]), oracle_get(&events[PEND_EVENT_RETURN]));
	AWAIT(oracle_get(&events[PEND_EVENT_STALL]) > 0);
	pendi_engine_leave(engine, &keeper.client);
	CHECK_INT(pend_engine_destroy(engine), ==, 0);
	return rounds * 32;
}

uint64_t case_freeze(uint64_t seed, uint64_t rounds)
{
	return freeze_executors(seed, rounds, false);
}

uint64_t case_orphans(uint64_t seed, uint64_t rounds)
{
	return freeze_executors(seed, rounds, true);
}
