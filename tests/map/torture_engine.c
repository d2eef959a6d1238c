/* SPDX-License-Identifier: MIT */
/*
 * torture_engine.c - the guarantees of maps of an engine, one torture test for each letter.
 *
 *	torture_engine [--rounds N] [--seed N] [--only A|B|C|E|F]
 *
 *	A  torture_engine_once.c     B  torture_engine_fence.c    C  torture_engine_expiry.c
 *	E  torture_engine_hostage.c  F  torture_engine_stop.c
 *
 * Each runs with executors and with polled shards, in tiny and in larger maps. Queues have sixteen
 * places, so that completions overflow into the agenda, and ticks are short. Here are the shapes,
 * the freezing of threads, and main().
 */
#include "tests/map/torture_engine.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "engine/map/map_internal.h"
#include "platform/clock.h"
#include "platform/cpu.h"
#include "platform/script.h"
#include "tests/support/arguments.h"

enum { FREEZE_SIGNAL = SIGUSR1, VICTIMS = 32, QUEUE_ENTRIES = 16, POLL_BUDGET = 48 };

uint64_t stage_now_ns(void)
{
	return pendi_clock_mono_ns();
}

void stage_pause_ns(uint64_t nanoseconds)
{
	const struct timespec time = { .tv_sec = (time_t)(nanoseconds / 1000000000u),
				       .tv_nsec = (long)(nanoseconds % 1000000000u) };

	(void)nanosleep(&time, NULL);
}

struct pend_map_stats stage_stats(const struct stage *stage)
{
	struct pend_map_stats stats = { .size = sizeof(stats) };

	CHECK_INT(pend_map_stats_read(stage->map, &stats), ==, 0);
	return stats;
}

void stage_await(struct oracle_word *word, uint64_t wanted, const char *what)
{
	const uint64_t begin_ns = stage_now_ns();

	while (oracle_get(word) < wanted) {
		if (stage_now_ns() - begin_ns >= BOUND_NS)
			CHECK_NEVER(what);
		stage_pause_ns(50000);
	}
}

/* ---- allocation ---- */

static struct oracle_word sealed, refused;

static int fail_when_sealed(size_t size)
{
	(void)size;
	if (oracle_get(&sealed))
		(void)oracle_more(&refused, 1);
	return oracle_get(&sealed) != 0;
}

void stage_seal(bool seal)
{
	oracle_set(&sealed, seal);
	CHECK_U64(oracle_get(&refused), ==, 0); /* nothing was asked for */
}

/* ---- freezing ---- */

static struct oracle_word frozen, inside;
static struct oracle_word victims[ROLES][VICTIMS], victim_count[ROLES];
static _Thread_local bool may_be_frozen;

static void hold_thread(int signal)
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

void freeze_allow(enum role role)
{
	sigset_t set;
	uint64_t place;

	may_be_frozen = true;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, FREEZE_SIGNAL);
	CHECK_INT(pthread_sigmask(SIG_UNBLOCK, &set, NULL), ==, 0);
	place = oracle_more(&victim_count[role], 1);
	CHECK_U64(place, <, VICTIMS);
	oracle_set(&victims[role][place], (uint64_t)pthread_self());
}

void freeze_allow_library(void)
{
	char name[16] = "";

	if (may_be_frozen || pthread_getname_np(pthread_self(), name, sizeof(name)) ||
	    strncmp(name, "pend/", 5) != 0)
		return;
	freeze_allow(strcmp(name, "pend/monitor") == 0 ? ROLE_MONITOR : ROLE_EXECUTOR);
}

void freeze_reset(void)
{
	const struct sigaction action = { .sa_handler = hold_thread };

	CHECK_INT(sigaction(FREEZE_SIGNAL, &action, NULL), ==, 0);
	memset(victims, 0, sizeof(victims));
	memset(victim_count, 0, sizeof(victim_count));
}

static void await_frozen(uint64_t count)
{
	const uint64_t begin_ns = stage_now_ns();

	while (oracle_get(&inside) != count) {
		CHECK_U64(stage_now_ns() - begin_ns, <, BOUND_NS);
		stage_pause_ns(50000);
	}
}

bool freeze(enum role role, uint32_t draw)
{
	const uint64_t count = oracle_get(&victim_count[role]);
	uint64_t victim;

	if (!count)
		return false;
	victim = oracle_get(&victims[role][draw % count]);
	if (!victim) /* it is about to say who it is */
		return false;
	oracle_set(&frozen, 1);
	CHECK_INT(pthread_kill((pthread_t)victim, FREEZE_SIGNAL), ==, 0);
	await_frozen(1);
	return true;
}

void thaw(void)
{
	oracle_set(&frozen, 0);
	await_frozen(0);
}

/* ---- engine and map ---- */

static void *run_poller(void *argument)
{
	struct stage *stage = argument;
	const uint32_t shards = pendi_cpu_possible();

	freeze_allow(ROLE_POLLER);
	while (!oracle_get(&stage->stop)) {
		int done = 0;

		for (uint32_t cpu = 0; cpu < shards; cpu++) {
			const int served = pend_engine_poll(stage->engine, cpu, POLL_BUDGET);

			CHECK_INT(served, >=, 0);
			done += served;
		}
		if (done)
			(void)sched_yield();
		else
			stage_pause_ns(20000);
	}
	return NULL;
}

void stage_begin(struct stage *stage, struct pend_map_options *options)
{
	const struct setup *setup = stage->setup;
	struct pend_engine_options engine = pend_engine_options_default();

	engine.flags = setup->engine_flags;
	engine.queue_entries = QUEUE_ENTRIES;
	engine.tick_ns = setup->tick_us * 1000u;
	engine.stall_ns = STALL_NS;
	CHECK_INT(pend_engine_create(&engine, &stage->engine), ==, 0);
	CHECK_INT(pend_engine_enable(stage->engine), ==, 0);
	options->engine = stage->engine;
	options->flags |= PEND_MAP_ENABLED;
	options->max_entries = setup->slots;
	options->key_size = setup->keyed ? 8 : 0;
	CHECK_INT(pend_map_create(options, &stage->map), ==, 0);
	freeze_reset();
	oracle_set(&stage->stop, 0);
	for (uint32_t i = 0; setup->engine_flags & PEND_ENGINE_POLLED && i < POLLERS; i++)
		CHECK_INT(pthread_create(&stage->pollers[i], NULL, run_poller, stage), ==, 0);
}

void stage_without_revisits(struct stage *stage)
{
	stage->map->revisit_ns = DAY_NS;
	stage->map->cover_ns = DAY_NS + 1;
}

void stage_end(struct stage *stage)
{
	stage_seal(false);
	oracle_set(&stage->stop, 1);
	for (uint32_t i = 0; stage->setup->engine_flags & PEND_ENGINE_POLLED && i < POLLERS; i++)
		CHECK_INT(pthread_join(stage->pollers[i], NULL), ==, 0);
	CHECK_INT(pend_map_destroy(stage->map), ==, 0);
	CHECK_INT(pend_engine_destroy(stage->engine), ==, 0);
}

void stage_settle(struct stage *stage)
{
	struct pend_cursor cursor = { 0 };
	struct pend_map_stats stats;
	struct pend_info info;

	CHECK_INT(pend_map_disable(stage->map, PEND_WAIT_FOREVER), ==, 0);
	stats = stage_stats(stage);
	CHECK_U64(stats.pends, ==, stats.completions);
	CHECK_U64(stats.by_destroy, ==, 0);
	CHECK_U64(stats.live, ==, 0);
	CHECK_INT(pend_map_count(stage->map), ==, 0);
	CHECK_INT(pend_map_scan(stage->map, &cursor, &info, NULL, 1), ==, 0);
}

void stage_balance(const struct stage *stage, uint64_t pended, uint64_t told)
{
	const struct pend_map_stats stats = stage_stats(stage);

	CHECK_U64(stats.pends, ==, pended);
	CHECK_U64(stats.completions, ==, told);
}

/* ---- main ---- */

static const struct {
	const char *letter;
	uint64_t (*run)(struct stage *stage);
	uint32_t slots_least;
} guarantees[] = {
	{ "A exactly once", torture_once, 1 },
	{ "B exact fence", torture_fence, 1 },
	{ "C bounded completion", torture_expiry, 1 },
	/* Where few operations take all the room there is, frozen ones do so too. */
	{ "E no hostage", torture_hostage, 16 },
	{ "F synchronous stop", torture_stop, 1 },
};

/* Under valgrind a pass over a thousand operations, each told to a slow function, takes half a
 * minute. */
#ifdef PENDI_PLATFORM_ATOMIC_ANNOTATED_H
enum { LARGE = 128 };
#else
enum { LARGE = 1024 };
#endif

static const struct setup setups[] = {
	{ "executors", 0, 64, 200, false },
	{ "executors, 3 slots, keys", 0, 3, 1000, true },
	{ "executors, 1 slot", 0, 1, 200, false },
	{ "executors, large, keys", 0, LARGE, 500, true },
	{ "polled", PEND_ENGINE_POLLED, 64, 200, true },
	{ "polled, 3 slots", PEND_ENGINE_POLLED, 3, 200, false },
	{ "polled, unwatched, large", PEND_ENGINE_POLLED | PEND_ENGINE_UNWATCHED, LARGE, 1000,
	  false },
};

int main(int count, char **words)
{
	struct arguments arguments = { .rounds = 20000 };
	uint64_t operations = 0;
	struct tap tap = { 0 };
	char name[96];

	if (!arguments_parse(&arguments, count, words))
		return 2;
	pendi_script.allocation_fails = fail_when_sealed;
	for (size_t i = 0; i < sizeof(guarantees) / sizeof(guarantees[0]); i++) {
		for (size_t j = 0; j < sizeof(setups) / sizeof(setups[0]); j++) {
			struct stage stage = { .setup = &setups[j],
					       .seed = arguments.seed + j,
					       .rounds = arguments.rounds };

			(void)snprintf(name, sizeof(name), "%s, %s", guarantees[i].letter,
				       setups[j].name);
			if (setups[j].slots < guarantees[i].slots_least ||
			    !arguments_want(&arguments, name))
				continue;
			operations += guarantees[i].run(&stage);
			tap_report(&tap, 1, name);
		}
	}
	printf("operations: %" PRIu64 "\n", operations);
	return tap_end(&tap);
}
