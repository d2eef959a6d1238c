/* SPDX-License-Identifier: MIT */
/*
 * visit.h - being inside a client: a hazard pointer that is a number.
 *
 *	visitor: word = n -> fence -> clients[n] still there? -> call its functions -> word = 0
 *	leaver:  clients[n] = NULL -> fence -> wait until no word is n
 *
 * With a store-load fence on both sides (SH2) the visitor sees NULL or the leaver sees the visitor.
 * The leaver is rare, so the fence is asymmetric: a compiler barrier here, a membarrier there.
 *
 * The word stays set over consecutive items of the same client: that is the usual case, and costs
 * a comparison.
 */
#ifndef PENDI_ENGINE_SHARD_VISIT_H
#define PENDI_ENGINE_SHARD_VISIT_H

#include "engine/shard/engine_internal.h"

/* What the calling thread is serving, innermost first. */
extern PENDI_THREAD_LOCAL const struct pendi_visitor *pendi_visitor_innermost;

/* False: the thread has no number, and may not visit. */
PENDI_ALWAYS_INLINE bool pendi_visit_begin(struct pendi_visitor *visitor,
					   struct pend_engine *engine)
{
	const uint32_t thread = pendi_thread_number();

	if (PENDI_UNLIKELY(!thread))
		return false;
	*visitor = (struct pendi_visitor){ .engine = engine,
					   .word = &engine->visiting[thread].client,
					   .outer = pendi_visitor_innermost };
	pendi_visitor_innermost = visitor;
	return true;
}

/* Client @number, inside of which the caller is from now on, until it visits another or ends; or
 * NULL if there is none. */
PENDI_ALWAYS_INLINE struct pendi_client *pendi_visit(struct pendi_visitor *visitor, uint32_t number)
{
	if (PENDI_LIKELY(number == visitor->number))
		return visitor->client;
	/* [SH4.rel] Pairs with [SH4.acq] in leave_await(): what was done inside the last client is
	 * done before its memory is freed. */
	pendi_store_release(visitor->word, number, SH4);
	if (PENDI_LIKELY(visitor->engine->light))
		/* [SH2.sc] Pairs with the membarrier in pendi_engine_leave(). */
		pendi_fence_light(SH2);
	else
		/* [SH2.sc] Pairs with the fence in pendi_engine_leave(). */
		pendi_fence_store_load(SH2);
	visitor->number = number;
	/* [SH3.acq] Pairs with [SH3.rel] in pendi_engine_join(): the client as it joined. */
	visitor->client = pendi_load_acquire(&visitor->engine->clients[number], SH3);
	return visitor->client;
}

PENDI_ALWAYS_INLINE void pendi_visit_end(struct pendi_visitor *visitor)
{
	/* [SH4.rel] As in pendi_visit(). */
	pendi_store_release(visitor->word, 0, SH4);
	visitor->number = 0;
	visitor->client = NULL;
	pendi_visitor_innermost = visitor->outer;
}

#endif
