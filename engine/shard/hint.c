/* SPDX-License-Identifier: MIT */
/*
 * hint.c - telling a shard that there is work, without waiting for anybody.
 *
 *	push -> read server -> ring its bell          arm a deadline -> read wake_at -> ring
 *
 * Whoever stalls between two of these has told nobody yet: the look at the deadline finds the slot
 * then. Each arrow is a store-load fence against the other side's: DB1 against the sleeper, SH1
 * against who changes the server and a monitor that grows drowsy, SH5 against who says for how long
 * it will sleep.
 */
#include "engine/shard/engine_internal.h"

#define HINTS_AT_ONCE 32u

static uint64_t hint_item(const struct pendi_client *client, uint32_t slot)
{
	return (uint64_t)client->number << PENDI_SLOT_BITS | slot;
}

void pendi_shard_ring(struct pendi_shard *shard)
{
	struct pend_engine *engine = shard->engine;
	const uint32_t server = pendi_shard_server(shard);

	if (PENDI_LIKELY(server < engine->shard_count)) {
		struct pendi_executor *executor = &engine->shards[server]->executor;

		/* relaxed: the bell orders it; one that is awake looks here in every turn. */
		if (PENDI_UNLIKELY(server != shard->cpu))
			pendi_store_relaxed(&executor->foreign, 1);
		pendi_doorbell_ring(&executor->bell);
	}
	/* relaxed: ordered after the work by the caller's fence (SH1). */
	if (PENDI_UNLIKELY(pendi_load_relaxed(&engine->drowsy)))
		pendi_monitor_kick(engine);
}

static uint32_t hint_overflow(struct pendi_shard *shard, uint32_t hints)
{
	/* relaxed: a count. */
	(void)pendi_fetch_add_relaxed(&shard->hints_refused, hints);
	return 0;
}

/* After a push that put something in: has it looked at. */
PENDI_ALWAYS_INLINE void ring_after_push(struct pendi_shard *shard)
{
	/* [SH1.sc] The hint was pushed; now the server and the monitor's state are read. Pairs with
	 * the fences in tell_server() and doze(), behind which hints are looked for. The push ended
	 * with a compare-and-swap and a fence (queue.h). */
	pendi_fence_store_load_after_rmw(SH1);
	pendi_shard_ring(shard);
}

bool pendi_engine_hint(struct pendi_client *client, uint32_t cpu, uint32_t slot)
{
	struct pendi_shard *shard = client->engine->shards[cpu];

	if (PENDI_UNLIKELY(!pendi_queue_push(&shard->queue, hint_item(client, slot))))
		return hint_overflow(shard, 1);
	ring_after_push(shard);
	return true;
}

uint32_t pendi_engine_hint_many(struct pendi_client *client, uint32_t cpu, const uint32_t *slots,
				uint32_t count)
{
	struct pendi_shard *shard = client->engine->shards[cpu];
	uint64_t items[HINTS_AT_ONCE];
	uint32_t pushed = 0;

	while (pushed < count) {
		const uint32_t left = count - pushed;
		const uint32_t wanted = left < HINTS_AT_ONCE ? left : HINTS_AT_ONCE;
		uint32_t done;

		for (uint32_t i = 0; i < wanted; i++)
			items[i] = hint_item(client, slots[pushed + i]);
		done = pendi_queue_push_many(&shard->queue, items, wanted);
		pushed += done;
		if (done)
			ring_after_push(shard);
		if (PENDI_UNLIKELY(done < wanted)) {
			(void)hint_overflow(shard, count - pushed);
			break;
		}
	}
	return pushed;
}

/* The tick that an executor which says @wake_at sleeps for is later than @tick. */
static bool sleeps_beyond(uint64_t wake_at, uint32_t tick)
{
	if (wake_at == PENDI_WAKE_AWAKE)
		return false;
	return wake_at == PENDI_WAKE_NEVER || (int32_t)(tick - (uint32_t)wake_at) < 0;
}

void pendi_engine_expect(struct pendi_client *client, uint32_t cpu, uint32_t tick)
{
	struct pendi_shard *shard = client->engine->shards[cpu];
	struct pend_engine *engine = shard->engine;
	uint32_t server;

	/* [SH5.sc] The tick was armed; now wake_at is read. Pairs with the fence in
	 * pendi_executor_sleep(): one that does not find the tick is found here. */
	pendi_fence_store_load(SH5);
	server = pendi_shard_server(shard);
	if (server >= engine->shard_count) {
		pendi_shard_ring(shard);
		return;
	}
	/* relaxed: SH5 orders it. */
	if (sleeps_beyond(pendi_load_relaxed(&engine->shards[server]->executor.wake_at), tick))
		pendi_shard_ring(shard);
}
