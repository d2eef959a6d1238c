/* SPDX-License-Identifier: MIT */
/*
 * epoch.c - what a reader reaches is not freed under it (EP1 to EP4, guarantee E).
 *
 * The reader enters, follows the pointer if it is there, reads, leaves. The writer unlinks, retires,
 * and takes the epoch on as far as it goes; what becomes free is overwritten, plainly.
 *
 * Weaker, and found: EP1.sc EP2.rel
 */
#include "tests/model/clients/library.h"

#include "epoch/native.c"

static struct pendi_epoch_node node;
static uint32_t data = 1; /* plain */
static _Atomic(uint32_t *) shared = &data;

struct pendi_thread_record pendi_thread_records[PENDI_THREADS];

struct pendi_thread_record *pendi_thread_borrow(void)
{
	return &pendi_thread_records[pendi_thread_self];
}

void pendi_thread_repay(struct pendi_thread_record *record)
{
	(void)record;
}

static void overwrite(struct pendi_epoch_node *freed)
{
	(void)freed;
	data = 0;
}

static void *reader(void *number)
{
	(void)client_begin(number);
	assert(pendi_epoch_enter() == 0);
	/* relaxed: the data is as old as the program; that it stays is the epoch's business. */
	const uint32_t *at = pendi_load_relaxed(&shared);

	if (at)
		assert(*at == 1);
	pendi_epoch_exit();
	return NULL;
}

static void *writer(void *number)
{
	(void)client_begin(number);
	/* relaxed: retiring orders it (EP1). */
	pendi_store_relaxed(&shared, NULL);
	node.reclaim = overwrite;
	pendi_epoch_retire(&node);
	(void)pendi_epoch_poll();
	return NULL;
}

int main(void)
{
	pendi_epoch_begin();
	CLIENT_START(1, reader);
	CLIENT_START(2, writer);
	CLIENT_JOIN(1);
	CLIENT_JOIN(2);
	return 0;
}
