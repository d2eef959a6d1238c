/* SPDX-License-Identifier: MIT */
/*
 * explore_doorbell.c - every interleaving of a sleeper and its ringers, with store buffers: no
 * wake-up is lost.
 *
 * The code is doorbell.c, and queue.c for the work, under explore_oracle.h. The sleeper serves until
 * it has had all; it sleeps without a limit, but for a timeout now and then in one scenario. What
 * would be wrong is an end in which it sleeps. The second half breaks the protocol in six ways, and
 * each must be found: so the explorer sees what the fences, the second look and the order are for.
 */
#include <stdio.h>
#include <string.h>

#include "engine/queue/doorbell.h"
#include "engine/queue/queue.h"
#include "platform/script.h"
#include "tests/queue/explore.h"
#include "tests/support/check.h"

enum { SLEEPER, RINGERS_MOST = 3, CAPACITY = 2 };
enum fact { SERVED };
enum word { HEAD, TAIL, HEAD_SEEN, CELLS, BELL = CELLS + CAPACITY, PLAIN };

enum fault {
	NONE,
	NO_FENCE_IN_ARM,
	NO_FENCE_BEFORE_RING,
	NO_LOOK_AFTER_ARM,
	RING_BEFORE_WORK,
	NO_RING,
	SLEEP_UNARMED,
};

struct scenario {
	const char *name;
	uint32_t ringers, rounds; /* pieces of work of each */
	uint32_t timeouts;
	bool plain; /* work is a plain store with a fence behind it; else a push */
	enum fault fault;
};

static const struct scenario scenarios[] = {
	{ "1 ringer, pushes", 1, 2, 0, false, NONE },
	{ "2 ringers, pushes", 2, 1, 0, false, NONE },
	{ "1 ringer, pushes, timeouts", 1, 2, 2, false, NONE },
	{ "1 ringer, stores", 1, 1, 0, true, NONE },
	{ "2 ringers, stores", 2, 1, 0, true, NONE },
	{ "2 ringers, stores, timeouts", 2, 1, 2, true, NONE },
	{ "wrong: no fence in arm()", 1, 1, 0, true, NO_FENCE_IN_ARM },
	{ "wrong: no fence in arm(), pushes", 1, 1, 0, false, NO_FENCE_IN_ARM },
	{ "wrong: no fence before ring()", 1, 1, 0, true, NO_FENCE_BEFORE_RING },
	{ "wrong: no look between arm() and sleep()", 1, 1, 0, true, NO_LOOK_AFTER_ARM },
	{ "wrong: ring() before the work", 1, 1, 0, true, RING_BEFORE_WORK },
	{ "wrong: no ring()", 1, 1, 0, true, NO_RING },
	{ "wrong: sleeps although it was not armed", 1, 1, 0, true, SLEEP_UNARMED },
};

static const struct scenario *scenario;
static struct pendi_doorbell bell;
static struct pendi_queue queue;
static _Atomic uint64_t cells[CAPACITY];
static _Atomic uint64_t plain[2]; /* one of each ringer */

static uint64_t ring(uint32_t thread, uint64_t round)
{
	const bool early = scenario->fault == RING_BEFORE_WORK;

	if (early)
		pendi_doorbell_ring(&bell);
	if (scenario->plain) {
		/* relaxed: DB1 orders it before the look at the bell. */
		pendi_store_relaxed(&plain[thread - 1], 1);
		/* [DB1.sc] The work, then the bell. Pairs with [DB1.sc] in
		 * pendi_doorbell_arm(). */
		pendi_fence_store_load(DB1);
	} else if (!pendi_queue_push(&queue, thread)) {
		CHECK_NEVER("room for each");
	}
	if (!early && scenario->fault != NO_RING)
		pendi_doorbell_ring(&bell);
	return round + 1 == scenario->rounds ? EXPLORE_END : round + 1;
}

/* What there is of work, served. */
static uint64_t look(void)
{
	struct pendi_queue_window window;
	uint64_t found = 0;

	if (scenario->plain) {
		for (uint32_t i = 0; i < scenario->ringers; i++) {
			/* relaxed, both: DB1 orders it after arming; DB2 after the ring. */
			if (!pendi_load_relaxed(&plain[i]))
				continue;
			pendi_store_relaxed(&plain[i], 0);
			found++;
		}
	} else if (pendi_queue_peek(&queue, &window)) {
		found = window.count;
		pendi_queue_advance(&queue, &window);
	}
	return found;
}

static void sleep_once(void)
{
	if (scenario->fault == SLEEP_UNARMED)
		(void)pendi_futex_wait(&bell.armed, 0, UINT64_MAX);
	else
		pendi_doorbell_sleep(&bell, UINT64_MAX);
}

/* @local: how much work it has had, and whether it armed the bell and found nothing. */
static uint64_t serve(uint64_t local, uint64_t *facts)
{
	uint64_t had = local >> 1, found;

	if (local & 1) {
		sleep_once();
		return had << 1;
	}
	if (scenario->fault == NO_LOOK_AFTER_ARM) {
		had += look();
		if (had != (uint64_t)scenario->ringers * scenario->rounds)
			pendi_doorbell_arm(&bell);
		facts[SERVED] = had;
		return had == (uint64_t)scenario->ringers * scenario->rounds ? EXPLORE_END
									     : had << 1 | 1;
	}
	pendi_doorbell_arm(&bell);
	found = look();
	if (!found)
		return had << 1 | 1;
	pendi_doorbell_disarm(&bell);
	had += found;
	facts[SERVED] = had;
	return had == (uint64_t)scenario->ringers * scenario->rounds ? EXPLORE_END : had << 1;
}

static uint64_t stage(uint32_t thread, uint64_t local, uint64_t *facts)
{
	return thread == SLEEPER ? serve(local, facts) : ring(thread, local);
}

static const char lost_wake_up[] = "it sleeps, and nobody will wake it";

static const char *wrong(const struct explore_world *world, bool ended)
{
	if (!ended)
		return NULL;
	if (world->threads[SLEEPER].asleep)
		return lost_wake_up;
	if (world->facts[SERVED] != (uint64_t)scenario->ringers * scenario->rounds)
		return "work is lost, or done twice";
	if (world->memory[BELL])
		return "the bell is left armed";
	return NULL;
}

static void make_world(struct explore *explore, struct explore_world *world)
{
	queue = (struct pendi_queue){ .cells = cells, .mask = CAPACITY - 1, .lap_shift = 1 };
	explore->stage = stage;
	explore->wrong = wrong;
	explore->words[HEAD] = &queue.head;
	explore->words[TAIL] = &queue.tail;
	explore->words[HEAD_SEEN] = &queue.head_seen;
	explore->words[BELL] = &bell.armed;
	for (uint32_t i = 0; i < CAPACITY; i++)
		explore->words[CELLS + i] = &cells[i];
	for (uint32_t i = 0; i < 2; i++)
		explore->words[PLAIN + i] = &plain[i];
	world->memory[HEAD] = world->memory[TAIL] = world->memory[HEAD_SEEN] = CAPACITY;
	world->timeouts = scenario->timeouts;
	explore->fenceless[SLEEPER] = scenario->fault == NO_FENCE_IN_ARM;
	explore->fenceless[1] = scenario->fault == NO_FENCE_BEFORE_RING;
	for (uint32_t i = 0; i <= scenario->ringers; i++)
		explore_begin(explore, world, i, 0);
}

int main(void)
{
	struct tap tap = { 0 };

	pendi_script.futex_wait = explore_futex_wait;
	pendi_script.futex_wake = explore_futex_wake;
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		struct explore explore = { .quiet = scenarios[i].fault != NONE };
		struct explore_world world = { 0 };

		scenario = &scenarios[i];
		make_world(&explore, &world);
		explore_all(&explore, &world);
		printf("# %s: %" PRIu64 " states, %" PRIu64 " steps, %" PRIu64 " ends%s%s\n",
		       scenario->name, explore.states, explore.steps, explore.ends,
		       explore.found ? "; found: " : "", explore.found ? explore.found : "");
		tap_report(&tap,
			   explore.ends && explore.found == (scenario->fault ? lost_wake_up : NULL),
			   scenario->name);
	}
	return tap_end(&tap);
}
