/* SPDX-License-Identifier: MIT */
/*
 * cleaner.c - frees what no invocation reads any more. See cleaner.h.
 */
#include "engine/map/gate.h"
#include "engine/runtime/runtime_internal.h"

#define CLEANER_PAUSE_NS 50000u

/* Whether the calling thread is inside pendi_cleaner_run(). */
static PENDI_THREAD_LOCAL bool cleaner_inside;

static struct pend_runtime *runtime_of_cleaner(struct pendi_client *client)
{
	return PENDI_CONTAINER_OF(client, struct pend_runtime, cleaner.client);
}

/* What the epoch calls. */
static void cleaner_hand_in(struct pendi_epoch_node *node)
{
	struct pendi_remnant *remnant = PENDI_CONTAINER_OF(node, struct pendi_remnant, node);
	_Atomic(struct pendi_epoch_node *) *handed = &remnant->runtime->cleaner.handed;
	/* relaxed: only linked to; the CAS validates it. */
	struct pendi_epoch_node *head = pendi_load_relaxed(handed);

	do {
		node->next = head;
		/* [AT5.rel] Pairs with [AT5.acq] in clean_what_is_handed_in(): the link, and what
		 * happened before the remnant became free. Nothing is read after this. */
	} while (!pendi_cas_release(handed, &head, node, AT5));
}

void pendi_cleaner_retire(struct pend_runtime *runtime, struct pendi_remnant *remnant,
			  void (*clean)(struct pendi_remnant *remnant))
{
	struct pendi_cleaner *cleaner = &runtime->cleaner;

	remnant->runtime = runtime;
	remnant->clean = clean;
	remnant->node.reclaim = cleaner_hand_in;
	/* relaxed: a count; who waits for it to become 0 acquires that. */
	(void)pendi_fetch_add_relaxed(&cleaner->busy, 1);
	/* Before it is retired: then it may be cleaned, and the runtime be gone. */
	pendi_engine_nudge(cleaner->client.engine);
	pendi_epoch_retire(&remnant->node);
}

static void clean_what_is_handed_in(struct pendi_cleaner *cleaner)
{
	/* [AT5.acq] Pairs with [AT5.rel] in cleaner_hand_in(). Release, too, would be of no use: what
	 * is left there is nothing. */
	struct pendi_epoch_node *node = pendi_exchange_acquire(&cleaner->handed, NULL, AT5);

	while (node) {
		struct pendi_remnant *remnant =
			PENDI_CONTAINER_OF(node, struct pendi_remnant, node);

		node = node->next;
		remnant->clean(remnant);
		/* [AT6.rel] Pairs with [AT6.acq] in cleaner_is_busy(): the last that is done with
		 * the runtime for this remnant. */
		(void)pendi_fetch_sub_release(&cleaner->busy, 1, AT6);
	}
}

static bool cleaner_is_busy(struct pendi_cleaner *cleaner)
{
	/* [AT6.acq] Pairs with [AT6.rel] in clean_what_is_handed_in(). */
	return pendi_load_acquire(&cleaner->busy, AT6) != 0;
}

void pendi_cleaner_run(struct pend_runtime *runtime)
{
	if (cleaner_inside || pendi_epoch_inside() || !cleaner_is_busy(&runtime->cleaner))
		return;
	cleaner_inside = true;
	(void)pendi_epoch_poll();
	clean_what_is_handed_in(&runtime->cleaner);
	cleaner_inside = false;
}

bool pendi_cleaner_flush(struct pend_runtime *runtime)
{
	if (cleaner_inside)
		return false;
	while (cleaner_is_busy(&runtime->cleaner)) {
		if (pendi_epoch_barrier())
			return false;
		pendi_cleaner_run(runtime);
		if (cleaner_is_busy(&runtime->cleaner))
			pendi_gate_pause(CLEANER_PAUSE_NS);
	}
	return true;
}

/* ---- as a client of the engine ---- */

static void cleaner_serve(struct pendi_client *client, uint32_t slot)
{
	(void)client;
	(void)slot;
}

static uint32_t cleaner_pass(struct pendi_client *client, uint32_t shard,
			     const struct pendi_now *now, uint32_t budget)
{
	(void)client;
	(void)shard;
	(void)now;
	(void)budget;
	return 0;
}

static uint32_t cleaner_next(struct pendi_client *client, uint32_t shard)
{
	(void)client;
	(void)shard;
	return PENDI_TICK_NEVER;
}

static bool cleaner_tend(struct pendi_client *client)
{
	struct pend_runtime *runtime = runtime_of_cleaner(client);

	pendi_cleaner_run(runtime);
	return cleaner_is_busy(&runtime->cleaner);
}

static void cleaner_disown(struct pendi_client *client, uint32_t owner, uint32_t action)
{
	(void)client;
	(void)owner;
	(void)action;
}

int pendi_cleaner_begin(struct pend_runtime *runtime)
{
	struct pendi_cleaner *cleaner = &runtime->cleaner;
	struct pend_engine *engine = runtime->registry.engine;

	cleaner->client = (struct pendi_client){
		.serve = cleaner_serve,
		.prefetch = cleaner_serve,
		.pass = cleaner_pass,
		.next = cleaner_next,
		.tend = cleaner_tend,
		.disown = cleaner_disown,
	};
	(void)pthread_mutex_init(&cleaner->mutex, NULL);
	if (!pendi_engine_join(engine, &cleaner->client))
		return 0;
	(void)pthread_mutex_destroy(&cleaner->mutex);
	return -ENOSPC;
}

void pendi_cleaner_end(struct pend_runtime *runtime)
{
	struct pendi_cleaner *cleaner = &runtime->cleaner;

	(void)pendi_cleaner_flush(runtime);
	pendi_engine_leave(cleaner->client.engine, &cleaner->client);
	(void)pthread_mutex_destroy(&cleaner->mutex);
}
