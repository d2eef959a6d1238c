/* SPDX-License-Identifier: MIT */
/*
 * join.c - clients come and go; who is inside of one is waited for.
 *
 * A number is free again only when its last client has been left by everybody. A hint that names a
 * client that is gone, or a later one of the same number, does no harm (client.h). Numbers are
 * given out in turn, so that it seldom happens.
 *
 * Edges: SH2 a visitor's word against the table, crosswise. SH3 a client, from who joins it to who
 * visits it. SH4 what a visitor did, to who leaves. Joining and leaving take a mutex, which nobody
 * takes to serve; leaving gives it back before it waits.
 */
#include <errno.h>
#include <time.h>

#include "engine/shard/visit.h"
#include "platform/membarrier.h"

#define LEAVE_SPINS 256u
#define LEAVE_SLEEP_NS 200000L
/* Longer than a store waits in a CPU before others see it. */
#define LEAVE_SETTLE_NS 10000000L

PENDI_THREAD_LOCAL const struct pendi_visitor *pendi_visitor_innermost;

bool pendi_engine_serving(const struct pend_engine *engine)
{
	const struct pendi_visitor *visitor = pendi_visitor_innermost;

	while (visitor && visitor->engine != engine)
		visitor = visitor->outer;
	return visitor != NULL;
}

/* A number that nobody has, or 0. Under the mutex. */
static uint32_t take_client_number(struct pend_engine *engine)
{
	for (uint32_t i = 0; i < PENDI_CLIENTS; i++) {
		const uint32_t number = (engine->number_next + i) % PENDI_CLIENTS;
		const uint64_t bit = 1ull << number % 64;

		if (!number || engine->taken[number / 64] & bit)
			continue;
		engine->taken[number / 64] |= bit;
		engine->number_next = number + 1;
		return number;
	}
	return 0;
}

/* What passes over all clients go by. Under the mutex. */
static void list_client(struct pend_engine *engine, uint32_t number, bool there)
{
	const uint64_t bit = 1ull << number % 64;
	/* relaxed, all: written under the mutex only. A pass that does not see the bit yet comes
	 * before whatever the client arms: that is told by a fence and a bell (SH5). */
	const uint64_t before = pendi_load_relaxed(&engine->joined[number / 64]);
	const uint64_t after = there ? before | bit : before & ~bit;
	const uint64_t words = pendi_load_relaxed(&engine->joined_words);
	const uint64_t word = 1ull << number / 64;

	pendi_store_relaxed(&engine->joined[number / 64], after);
	pendi_store_relaxed(&engine->joined_words, after ? words | word : words & ~word);
}

int pendi_engine_join(struct pend_engine *engine, struct pendi_client *client)
{
	uint32_t number;

	pthread_mutex_lock(&engine->mutex);
	number = take_client_number(engine);
	if (number) {
		client->engine = engine;
		client->number = number;
		/* [SH3.rel] Pairs with [SH3.acq] in pendi_visit(): who finds the client finds it
		 * whole. */
		pendi_store_release(&engine->clients[number], client, SH3);
		list_client(engine, number, true);
		/* relaxed: a count; pend_engine_destroy() is the last call anyway. */
		(void)pendi_fetch_add_relaxed(&engine->uses, 1);
	}
	pthread_mutex_unlock(&engine->mutex);
	return number ? 0 : -ENOSPC;
}

static void leave_sleep(long nanoseconds)
{
	const struct timespec time = { .tv_nsec = nanoseconds };

	(void)nanosleep(&time, NULL);
}

/* Waits until nobody is inside client @number, of whom nobody can come in any more. */
static void leave_await(struct pend_engine *engine, uint32_t number)
{
	const uint32_t limit = pendi_thread_limit();

	for (uint32_t thread = 1; thread < limit; thread++) {
		const _Atomic uint32_t *word = &engine->visiting[thread].client;

		/* [SH4.acq] Pairs with [SH4.rel] in pendi_visit() and pendi_visit_end(): what the
		 * visitor did inside happens before what the caller does next. */
		for (uint32_t spins = 0; pendi_load_acquire(word, SH4) == number; spins++) {
			if (spins < LEAVE_SPINS)
				pendi_cpu_relax();
			else
				leave_sleep(LEAVE_SLEEP_NS);
		}
	}
}

void pendi_engine_leave(struct pend_engine *engine, struct pendi_client *client)
{
	const uint32_t number = client->number;

	pthread_mutex_lock(&engine->mutex);
	/* relaxed: it hands nothing over; SH2 orders it. */
	pendi_store_relaxed(&engine->clients[number], NULL);
	list_client(engine, number, false);
	pthread_mutex_unlock(&engine->mutex);
	if (engine->light) {
		/*
		 * [SH2.sc] The entry was cleared; now the visitors' words are read. Pairs with the
		 * light fence in pendi_visit(). The kernel does not refuse what it granted when the
		 * engine was made; if it did, a store is seen after some time all the same.
		 */
		if (pendi_membarrier())
			leave_sleep(LEAVE_SETTLE_NS);
	} else {
		/* [SH2.sc] The same against visitors that make a real fence. */
		pendi_fence_store_load(SH2);
	}
	leave_await(engine, number);
	pthread_mutex_lock(&engine->mutex);
	engine->taken[number / 64] &= ~(1ull << number % 64);
	pthread_mutex_unlock(&engine->mutex);
	pendi_engine_release(engine);
}

void pendi_engine_each(struct pend_engine *engine,
		       void (*visit)(struct pendi_client *client, void *context), void *context)
{
	pthread_mutex_lock(&engine->mutex);
	for (uint32_t number = 1; number < PENDI_CLIENTS; number++) {
		/* [SH3.acq] As in pendi_visit(). Under the mutex nobody leaves. */
		struct pendi_client *client = pendi_load_acquire(&engine->clients[number], SH3);

		if (client)
			visit(client, context);
	}
	pthread_mutex_unlock(&engine->mutex);
}
