/* SPDX-License-Identifier: MIT */
/*
 * serve.c - one round of serving a shard: a window of its queue, or a pass over its deadlines.
 *
 *	peek -> prefetch each -> serve each -> advance
 *
 * The hints of a window are in the queue until all of them were served. Who stalls in between
 * holds nothing back: the next one sees the same window (guarantee E). Passes likewise: what was
 * looked at is put right in the agenda, one by one, and `passed_tick` is written only when nothing
 * was left.
 *
 * After a suspend, deadlines that count the time asleep may be due although the monotonic clock has
 * hardly moved; and what is due soon is armed for later, by the time asleep. Then one pass goes as far
 * ahead as anything can be armed, without a limit on its looks: what it looks at and finds not due
 * yet may get a tick that lies in front of that horizon, so a second look at the same horizon would
 * find it again.
 */
#include "engine/shard/visit.h"
#include "platform/clock.h"
#include "platform/cpu.h"

/* Row 0 belongs to the thread that is the executor of the shard's CPU. */
static bool shard_is_own(const struct pendi_shard *shard)
{
	return pendi_executor_own == &shard->executor;
}

static struct pendi_shard_row *shard_row(struct pendi_shard *shard)
{
	return &shard->rows[shard_is_own(shard) ? PENDI_ROW_HOME : PENDI_ROW_OTHERS];
}

PENDI_ALWAYS_INLINE struct pendi_client *item_client(struct pendi_visitor *visitor, uint64_t item)
{
	return pendi_visit(visitor, (uint32_t)(item >> PENDI_SLOT_BITS) % PENDI_CLIENTS);
}

PENDI_ALWAYS_INLINE uint32_t item_slot(uint64_t item)
{
	return (uint32_t)(item & PENDI_SLOT_MASK);
}

uint32_t pendi_shard_serve(struct pendi_visitor *visitor, struct pendi_shard *shard)
{
	const bool alone = shard_is_own(shard);
	struct pendi_shard_row *row = shard_row(shard);
	struct pendi_queue_window window;
	struct pendi_client *client;

	if (!pendi_queue_peek(&shard->queue, &window))
		return 0;
	for (uint32_t i = 0; i < window.count; i++) {
		client = item_client(visitor, window.items[i]);
		if (PENDI_LIKELY(client != NULL))
			client->prefetch(client, item_slot(window.items[i]));
	}
	for (uint32_t i = 0; i < window.count; i++) {
		client = item_client(visitor, window.items[i]);
		if (PENDI_LIKELY(client != NULL))
			client->serve(client, item_slot(window.items[i]));
		pendi_shard_beat(shard);
	}
	pendi_queue_advance(&shard->queue, &window);
	pendi_shard_count(&row->served, alone, window.count);
	if (PENDI_LIKELY(pendi_cpu_current() == shard->cpu))
		pendi_shard_count(&row->at_home, alone, window.count);
	return window.count;
}

/* ---- ticks ---- */

uint32_t pendi_engine_tick(const struct pend_engine *engine, uint64_t ns)
{
	const uint64_t whole = ns / engine->tick_ns;
	const uint32_t tick = (uint32_t)(whole + (ns % engine->tick_ns != 0));

	return tick != PENDI_TICK_NEVER ? tick : tick + 1;
}

uint64_t pendi_engine_tick_length(const struct pend_engine *engine)
{
	return engine->tick_ns;
}

uint32_t pendi_engine_tick_begun(const struct pend_engine *engine, uint64_t ns)
{
	const uint32_t tick = (uint32_t)(ns / engine->tick_ns);

	return tick != PENDI_TICK_NEVER ? tick : tick - 1;
}

uint64_t pendi_engine_tick_ns(const struct pend_engine *engine, uint32_t tick, uint64_t now_ns)
{
	const uint64_t now = now_ns / engine->tick_ns;
	const int32_t ahead = (int32_t)(tick - (uint32_t)now);

	return ahead <= 0 ? now_ns : (now + (uint64_t)ahead) * engine->tick_ns;
}

/* ---- passes ---- */

uint32_t pendi_client_next(const struct pend_engine *engine, uint32_t after)
{
	/* relaxed, both: see list_client(). */
	const uint64_t words = pendi_load_relaxed(&engine->joined_words);
	uint32_t word = (after + 1) / 64;
	uint64_t bits;

	if (word >= PENDI_CLIENT_WORDS)
		return 0;
	bits = pendi_load_relaxed(&engine->joined[word]) & (~0ull << (after + 1) % 64);
	if (!bits) {
		const uint64_t later = word + 1 < 64 ? words & (~0ull << (word + 1)) : 0;

		if (!later)
			return 0;
		word = (uint32_t)__builtin_ctzll(later);
		/* relaxed: as above. */
		bits = pendi_load_relaxed(&engine->joined[word]);
	}
	return bits ? word * 64 + (uint32_t)__builtin_ctzll(bits)
		    : pendi_client_next(engine, word * 64 + 63);
}

static bool tick_is_due(uint32_t tick, uint32_t now)
{
	return tick != PENDI_TICK_NEVER && (int32_t)(tick - now) <= 0;
}

/* One client's part of a pass. */
static uint32_t pass_client(struct pendi_visitor *visitor, struct pendi_shard *shard,
			    uint32_t number, const struct pendi_now *now, uint32_t budget)
{
	struct pendi_client *client = pendi_visit(visitor, number);
	uint32_t looks;

	if (!client || !tick_is_due(client->next(client, shard->cpu), now->tick))
		return 0;
	looks = client->pass(client, shard->cpu, now, budget);
	pendi_shard_beat(shard);
	pendi_shard_count(&shard_row(shard)->passes, shard_is_own(shard), 1);
	pendi_shard_count(&shard_row(shard)->looks, shard_is_own(shard), looks);
	return looks;
}

/* How much of the time asleep no pass has heeded yet. */
static uint64_t unheeded(const struct pendi_shard *shard, uint64_t *offset_ns)
{
	/* relaxed, both: passing twice is harmless, and who found out about the suspend rings. */
	*offset_ns = pendi_load_relaxed(&shard->engine->offset_ns);
	return *offset_ns - pendi_load_relaxed(&shard->passed_offset_ns);
}

/* The pass after a suspend: everybody, as far as it may be due, once. */
static uint32_t pass_ahead(struct pendi_visitor *visitor, struct pendi_shard *shard,
			   uint64_t now_ns, uint64_t slept_ns, uint64_t offset_ns)
{
	const uint64_t horizon_ns = now_ns + slept_ns + PENDI_REVISIT_MAX_NS;
	const struct pendi_now now = { now_ns, horizon_ns,
				       pendi_engine_tick_begun(shard->engine, horizon_ns) };
	/* relaxed: as in unheeded(). */
	uint64_t before = pendi_load_relaxed(&shard->passed_offset_ns);
	uint32_t looks = 0;

	for (uint32_t number = pendi_client_next(shard->engine, 0); number;
	     number = pendi_client_next(shard->engine, number))
		looks += pass_client(visitor, shard, number, &now, UINT32_MAX);
	/* relaxed: as above. A later suspend that another server has heeded stays heeded. */
	while (before < offset_ns &&
	       !pendi_cas_relaxed(&shard->passed_offset_ns, &before, offset_ns))
		;
	return looks;
}

/* The clients after @after, up to @last; stops when @budget is used up. */
static uint32_t pass_range(struct pendi_visitor *visitor, struct pendi_shard *shard,
			   const struct pendi_now *now, uint32_t after, uint32_t last,
			   uint32_t budget)
{
	uint32_t number = after, looks = 0;

	while (looks < budget) {
		number = pendi_client_next(shard->engine, number);
		if (!number || number > last)
			return looks;
		looks += pass_client(visitor, shard, number, now, budget - looks);
	}
	/* relaxed: a hint where to go on, so that a client that always has work does not keep the
	 * others waiting. */
	pendi_store_relaxed(&shard->resume, number);
	return looks;
}

uint32_t pendi_shard_pass(struct pendi_visitor *visitor, struct pendi_shard *shard, uint64_t now_ns,
			  uint32_t budget)
{
	const struct pendi_now now = { now_ns, now_ns,
				       pendi_engine_tick_begun(shard->engine, now_ns) };
	/* relaxed: see pass_range(). */
	const uint32_t first = pendi_load_relaxed(&shard->resume);
	uint64_t offset_ns;
	const uint64_t slept_ns = unheeded(shard, &offset_ns);
	uint32_t looks;

	if (PENDI_UNLIKELY(slept_ns))
		return pass_ahead(visitor, shard, now_ns, slept_ns, offset_ns);
	looks = pass_range(visitor, shard, &now, first, PENDI_CLIENTS - 1, budget);
	if (first && looks < budget)
		looks += pass_range(visitor, shard, &now, 0, first, budget - looks);
	if (looks < budget)
		/* relaxed: see pendi_shard_wants_pass(). */
		pendi_store_relaxed(&shard->passed_tick, now.tick);
	return looks;
}

bool pendi_shard_wants_pass(const struct pendi_shard *shard, uint64_t now_ns)
{
	uint64_t offset_ns;

	/* relaxed: what is armed for the tick that was passed is looked at in the next one. */
	return pendi_load_relaxed(&shard->passed_tick) !=
		       pendi_engine_tick_begun(shard->engine, now_ns) ||
	       unheeded(shard, &offset_ns) != 0;
}

uint32_t pendi_shard_next(struct pendi_visitor *visitor, const struct pendi_shard *shard,
			  uint64_t now_ns)
{
	const uint32_t now = pendi_engine_tick_begun(shard->engine, now_ns);
	uint32_t earliest = PENDI_TICK_NEVER;

	for (uint32_t number = pendi_client_next(shard->engine, 0); number;
	     number = pendi_client_next(shard->engine, number)) {
		struct pendi_client *client = pendi_visit(visitor, number);
		const uint32_t tick = client ? client->next(client, shard->cpu) : PENDI_TICK_NEVER;

		if (tick != PENDI_TICK_NEVER && (earliest == PENDI_TICK_NEVER ||
						 (int32_t)(tick - now) < (int32_t)(earliest - now)))
			earliest = tick;
	}
	return earliest;
}
