/* SPDX-License-Identifier: MIT */
/*
 * suspend.c - how long the machine slept, for deadlines that go on meanwhile (OP-38).
 *
 * The boot clock counts suspend, the monotonic clock does not, so the lead of the former only grows
 * by suspends. It is read as boot, then monotonic: a thread that is held up in between sees a lead
 * that is too small, never one too large, so no delay is taken for a suspend. A lead that has grown
 * by less than 10 ms is kept for the next look.
 *
 * Noticing comes after waking up, by the time that the monitor takes to be scheduled; an operation
 * that is pended in between counts as older than the suspend, and so does one that is pended before
 * the coarse clock moves next, which is the clock of most pends (and so that of noticed_ns).
 *
 * One thread writes the history, any number read it, without waiting: an entry is written before
 * the count that includes it (SH10), and who finds the count moved reads again.
 */
#include "engine/shard/engine_internal.h"
#include "platform/clock.h"

#define SUSPEND_FIRST_LOOKS 8u

static uint64_t lead_ns(void)
{
	const uint64_t boot_ns = pendi_clock_boot_ns();

	return boot_ns - pendi_clock_mono_ns();
}

void pendi_suspend_begin(struct pend_engine *engine)
{
	uint64_t best = lead_ns();

	/* The largest is the nearest; one that is 10 ms too small would be a suspend later. */
	for (uint32_t i = 1; i < SUSPEND_FIRST_LOOKS; i++) {
		const uint64_t lead = lead_ns();

		if ((int64_t)(lead - best) > 0)
			best = lead;
	}
	engine->first_offset_ns = best;
	/* relaxed, both: nobody else has the engine yet. */
	pendi_store_relaxed(&engine->offset_ns, best);
	for (uint32_t cpu = 0; cpu < engine->shard_count; cpu++)
		pendi_store_relaxed(&engine->shards[cpu]->passed_offset_ns, best);
}

void pendi_suspend_look(struct pend_engine *engine)
{
	/* relaxed, both: the only writer's own writing. */
	const uint64_t before_ns = pendi_load_relaxed(&engine->offset_ns);
	const uint32_t count = pendi_load_relaxed(&engine->suspends);
	struct pendi_suspend *entry = &engine->history[count % PENDI_SUSPENDS_KEPT];
	const uint64_t offset_ns = lead_ns();

	if ((int64_t)(offset_ns - before_ns) < (int64_t)PENDI_SUSPEND_MIN_NS)
		return;
	/* [SH10.rel] Both: who reads one of these in place of an older entry then reads a count
	 * that is not older than these, and begins again. Pairs with [SH10.acq] in lead_at(). */
	pendi_store_release(&entry->noticed_ns, pendi_clock_coarse_ns(), SH10);
	pendi_store_release(&entry->offset_ns, offset_ns, SH10);
	/* [SH10.rel] Pairs with [SH10.acq] in pendi_engine_suspended(): the entry is there. */
	pendi_store_release(&engine->suspends, count + 1, SH10);
	/* relaxed: the bells order it; who passes later reads it in the next turn. */
	pendi_store_relaxed(&engine->offset_ns, offset_ns);
	pendi_executors_ring(engine);
	pendi_event_put(engine->shards[0], PEND_EVENT_SUSPEND, offset_ns - before_ns);
}

/* The boot clock's lead at @since_ns, if @count suspends were noticed so far. */
static uint64_t lead_at(const struct pend_engine *engine, uint32_t count, uint64_t since_ns)
{
	/* The entry before those that are searched tells the lead before them. */
	const uint32_t searched = count < PENDI_SUSPENDS_KEPT - 1 ? count : PENDI_SUSPENDS_KEPT - 2;

	for (uint32_t back = 1; back <= searched; back++) {
		const struct pendi_suspend *entry =
			&engine->history[(count - back) % PENDI_SUSPENDS_KEPT];

		/* [SH10.acq] Both: pairs with [SH10.rel] in pendi_suspend_look(). */
		if (pendi_load_acquire(&entry->noticed_ns, SH10) < since_ns)
			return pendi_load_acquire(&entry->offset_ns, SH10);
	}
	if (searched == count)
		return engine->first_offset_ns;
	/* [SH10.acq] As above. */
	return pendi_load_acquire(
		&engine->history[(count - searched - 1) % PENDI_SUSPENDS_KEPT].offset_ns, SH10);
}

uint64_t pendi_engine_suspended(const struct pend_engine *engine, uint64_t since_ns)
{
	/* [SH10.acq] Pairs with [SH10.rel] in pendi_suspend_look(). */
	uint32_t count = pendi_load_acquire(&engine->suspends, SH10), again;
	uint64_t slept_ns;

	if (PENDI_LIKELY(count == 0))
		return 0;
	do {
		again = count;
		/* [SH10.acq] As above. */
		slept_ns = pendi_load_acquire(
			&engine->history[(count - 1) % PENDI_SUSPENDS_KEPT].offset_ns, SH10);
		slept_ns -= lead_at(engine, count, since_ns);
		/* [SH10.acq] As above: an entry that was overwritten meanwhile shows here. */
		count = pendi_load_acquire(&engine->suspends, SH10);
	} while (PENDI_UNLIKELY(count != again));
	return slept_ns;
}
