/* SPDX-License-Identifier: MIT */
/*
 * epoch_collect.c - what one thread retires another one frees, as it was retired (EP3, EP4).
 *
 * The writer fills what it is going to retire, plainly, and retires it; the collector takes the epoch
 * on as far as it goes and runs what has become free.
 *
 * Weaker, and found: EP4.rel
 */
#include "tests/model/clients/library.h"

#include "epoch/native.c"

static struct pendi_epoch_node node;
static uint32_t data; /* plain: EP4 hands it over */
static uint32_t freed;

struct pendi_thread_record pendi_thread_records[PENDI_THREADS];

struct pendi_thread_record *pendi_thread_borrow(void)
{
	return &pendi_thread_records[pendi_thread_self];
}

void pendi_thread_repay(struct pendi_thread_record *record)
{
	(void)record;
}

static void release(struct pendi_epoch_node *retired)
{
	assert(retired == &node && data == 7);
	freed++;
}

static void *writer(void *number)
{
	(void)client_begin(number);
	data = 7;
	node.reclaim = release;
	pendi_epoch_retire(&node);
	return NULL;
}

static void *collector(void *number)
{
	(void)client_begin(number);
	(void)pendi_epoch_poll();
	return NULL;
}

int main(void)
{
	pendi_epoch_begin();
	CLIENT_START(1, collector);
	CLIENT_START(2, writer);
	CLIENT_JOIN(1);
	CLIENT_JOIN(2);
	pendi_thread_self = 1;
	(void)pendi_epoch_poll();
	assert(freed == 1);
	return 0;
}
