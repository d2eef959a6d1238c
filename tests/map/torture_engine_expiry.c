/* SPDX-License-Identifier: MIT */
/*
 * torture_engine_expiry.c - guarantee C: every operation ends by its deadline, and not before.
 *
 *	nobody     nobody completes anything; deadlines are drawn; the completion function blocks now
 *	           and then, for longer than its shard may stall
 *	abandoned  what was decided by a thread that then stopped for ever, before it told the shard
 *	overflow   all servers are kept busy while more is completed than the queues hold; all
 *	           deadlines are a day away, so what is told then is told for the overflow's sake
 *
 * Nothing can be allocated once the map is made. How late the latest was is printed; only what is
 * grossly late fails, for this machine has other things to do.
 */
#include "tests/map/torture_engine.h"

#include <errno.h>

#include "engine/map/map_internal.h"

enum { PENDERS = 2, GROUP = 64, BLOCK_RARITY = 1500, ROUNDS_MOST = 4000 };

struct expiry {
	struct stage *stage;
	struct oracle_word pended, told, late_ns, expired, decided;
	struct oracle_word held; /* completion functions wait while it is set */
	struct oracle_word waiting;
	struct oracle_sum calls;
	uint32_t block_ns; /* now and then */
};

static void expiry_told(void *context, const struct pend_operation *operation)
{
	struct expiry *expiry = context;
	const uint64_t now_ns = stage_now_ns();

	CHECK_U64(operation->deadline_ns, >=, operation->pend_time_ns + operation->cookie);
	if (operation->origin == PEND_ORIGIN_DEADLINE) {
		CHECK_U64(now_ns, >=, operation->pend_time_ns + operation->cookie);
		CHECK_U64(now_ns, >=, operation->deadline_ns); /* extended or not */
		CHECK_U64((uint64_t)operation->action, ==, PEND_ACTION_BLOCK);
		if (now_ns > operation->deadline_ns)
			oracle_most(&expiry->late_ns, now_ns - operation->deadline_ns);
		CHECK_U64(oracle_get(&expiry->late_ns), <, BOUND_NS);
		(void)oracle_more(&expiry->expired, 1);
	} else {
		CHECK_U64((uint64_t)operation->origin, ==, PEND_ORIGIN_ORCHESTRATOR);
		CHECK_U64((uint64_t)operation->action, ==, PEND_ACTION_PERMIT_HARD);
	}
	if (oracle_get(&expiry->held)) {
		(void)oracle_more(&expiry->waiting, 1);
		while (oracle_get(&expiry->held))
			stage_pause_ns(100000);
	} else if (expiry->block_ns && payload_word(operation->handle, 0, 0) % BLOCK_RARITY == 0) {
		stage_pause_ns(expiry->block_ns);
	}
	(void)oracle_more(&expiry->told, 1);
}

static void expiry_begin(struct expiry *expiry, struct stage *stage, uint64_t deadline_ns)
{
	struct pend_map_options options = pend_map_options_default();

	memset(expiry, 0, sizeof(*expiry));
	expiry->stage = stage;
	options.deadline_ns = deadline_ns;
	options.on_complete = expiry_told;
	options.context = expiry;
	stage_begin(stage, &options);
	if (deadline_ns == DAY_NS)
		stage_without_revisits(stage);
	stage_seal(true);
}

/* Everything that was pended is told; then the books are closed. */
static void expiry_end(struct expiry *expiry, const char *what)
{
	stage_await(&expiry->told, oracle_get(&expiry->pended), what);
	stage_settle(expiry->stage);
	stage_balance(expiry->stage, oracle_get(&expiry->pended), oracle_get(&expiry->told));
	CHECK_U64(stage_stats(expiry->stage).by_drain, ==, 0);
	stage_end(expiry->stage);
}

/* The cookie says how long it is to live at least; its last bit, that it will be extended. */
static int expiry_pend(struct expiry *expiry, uint64_t key, uint64_t life_ns, uint64_t *handle)
{
	const struct pend_request request = { .key = expiry->stage->setup->keyed ? &key : NULL,
					      .key_size = expiry->stage->setup->keyed ? 8 : 0,
					      .cookie = life_ns,
					      .deadline_ns = life_ns };
	const int result = pend_map_pend(expiry->stage->map, &request, handle);

	CHECK(result == 0 || result == -ENOSPC);
	(void)oracle_more(&expiry->pended, result == 0);
	return result;
}

/* ---- nobody ---- */

static void run_nobody(void *context, uint32_t number, struct crew *crew)
{
	struct expiry *expiry = context;
	struct rng rng = rng_make(expiry->stage->seed, number);
	const uint64_t rounds = expiry->stage->rounds < ROUNDS_MOST ? expiry->stage->rounds
								    : ROUNDS_MOST;

	(void)crew;
	for (uint64_t round = 0; round < rounds; round++) {
		const bool extended = rng_one_in(&rng, 16);
		const uint64_t life_ns = 1000000u + 2 * rng_below(&rng, 2000000) + extended;
		uint64_t handle;

		if (expiry_pend(expiry, (uint64_t)number << 24 | round, life_ns, &handle)) {
			stage_pause_ns(rng_below(&rng, 300000));
			continue;
		}
		if (rng_one_in(&rng, 8))
			stage_pause_ns(rng_below(&rng, 100000));
		if (extended && rng_one_in(&rng, 2)) /* about when somebody finds it over */
			stage_pause_ns(life_ns + rng_below(&rng, 1000000));
		if (extended) /* a later deadline is kept as well */
			(void)!pend_map_extend(expiry->stage->map, handle, life_ns + 1000000);
	}
	oracle_add(&expiry->calls, rounds);
}

/* With deadlines that the agenda covers by itself, and with those that have to be armed. */
static uint64_t expiry_nobody(struct stage *stage, uint64_t default_ns)
{
	static struct expiry expiry;
	struct pend_map_stats stats;

	expiry_begin(&expiry, stage, default_ns);
	expiry.block_ns = 2 * STALL_NS;
	crew_run(PENDERS, &expiry, run_nobody);
	stage_await(&expiry.told, oracle_get(&expiry.pended), "nobody: told by the deadline");
	stats = stage_stats(stage);
	printf("# %" PRIu64 " expired, of which %" PRIu64 " were armed; the latest by %" PRIu64
	       " us\n",
	       oracle_get(&expiry.expired), stats.arms, oracle_get(&expiry.late_ns) / 1000);
	expiry_end(&expiry, "nobody");
	CHECK_U64(oracle_get(&expiry.expired), ==, oracle_get(&expiry.pended));
	return oracle_total(&expiry.calls);
}

/* ---- abandoned ---- */

/* What a call to complete does, up to where it would tell the shard. */
static void abandon(struct expiry *expiry, uint64_t handle)
{
	const struct pendi_decision decision = { PEND_ACTION_PERMIT_HARD, PEND_ORIGIN_ORCHESTRATOR,
						 0 };
	struct pendi_step step;
	const int result = pendi_map_decide(expiry->stage->map, handle, &decision, &step);

	CHECK(result == 0 || result == -EALREADY || result == -ENOENT); /* or it had expired */
	(void)oracle_more(&expiry->decided, result == 0);
}

static uint64_t expiry_abandoned(struct stage *stage)
{
	static struct expiry expiry;
	struct rng rng = rng_make(stage->seed, 77);
	const uint64_t rounds = stage->rounds / 200 + 4;

	expiry_begin(&expiry, stage, DAY_NS);
	for (uint64_t round = 0; round < rounds; round++) {
		const uint32_t count = 1 + rng_below(&rng, 4);

		for (uint32_t i = 0; i < count; i++) {
			uint64_t handle;

			if (expiry_pend(&expiry, round << 8 | i,
					2000000u + 2 * rng_below(&rng, 1500000), &handle))
				break;
			abandon(&expiry, handle);
		}
		stage_await(&expiry.told, oracle_get(&expiry.pended),
			    "abandoned: told by the deadline");
	}
	CHECK_U64(oracle_get(&expiry.decided), >, 0);
	printf("# %" PRIu64 " decisions were abandoned\n", oracle_get(&expiry.decided));
	expiry_end(&expiry, "abandoned");
	CHECK_U64(oracle_get(&expiry.decided) + oracle_get(&expiry.expired), ==,
		  oracle_get(&expiry.pended));
	return rounds;
}

/* ---- overflow ---- */

/* All who serve sit in a completion function. The queues fill up behind them. */
static uint64_t expiry_overflow(struct stage *stage)
{
	static struct expiry expiry;
	const uint64_t rounds = stage->rounds / 2000 + 2;
	uint64_t handles[GROUP];

	expiry_begin(&expiry, stage, DAY_NS);
	for (uint64_t round = 0; round < rounds; round++) {
		const uint32_t most = stage->setup->slots < GROUP ? stage->setup->slots : GROUP;
		uint32_t count = 0;

		/* What was told is free a moment later. */
		while (count < most)
			count += expiry_pend(&expiry, round << 8 | count, DAY_NS / 2,
					     &handles[count]) == 0;
		oracle_set(&expiry.waiting, 0);
		oracle_set(&expiry.held, 1);
		CHECK_INT(pend_map_complete(stage->map, handles[0], PEND_ACTION_PERMIT_HARD), ==,
			  0);
		stage_await(&expiry.waiting, 1, "overflow: the first is served");
		for (uint32_t i = 1; i < count; i++)
			CHECK_INT(
				pend_map_complete(stage->map, handles[i], PEND_ACTION_PERMIT_HARD),
				==, 0);
		oracle_set(&expiry.held, 0);
		stage_await(&expiry.told, oracle_get(&expiry.pended),
			    "overflow: told although the queue was full");
	}
	if (stage->setup->slots >= GROUP)
		CHECK_U64(stage_stats(stage).overflows, >, 0);
	printf("# %" PRIu64 " overflows\n", stage_stats(stage).overflows);
	expiry_end(&expiry, "overflow");
	return rounds * GROUP;
}

uint64_t torture_expiry(struct stage *stage)
{
	return expiry_nobody(stage, 4000000) + expiry_nobody(stage, DAY_NS) +
	       expiry_abandoned(stage) + expiry_overflow(stage);
}
