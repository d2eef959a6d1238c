/* SPDX-License-Identifier: MIT */
/*
 * doorbell.c - work against sleep: who dozes off finds the work or is woken (DB1, DB2).
 *
 * One pushes and rings, one arms, looks and sleeps. A lost wake-up is a sleep without end, which a
 * checker reports as a loop that nobody ends (GenMC: --check-liveness).
 *
 * Weaker, and found: DB1.sc DB2.acq QU1.rel QU1.acq
 * Checked with: --check-liveness
 */
#include "tests/model/clients/library.h"

#include "engine/queue/doorbell.c"
#include "engine/queue/queue.c"

static _Atomic uint64_t cells[2];
static struct pendi_queue queue = {
	.cells = cells, .mask = 1, .lap_shift = 1, .head = 2, .tail = 2, .head_seen = 2
};
static struct pendi_doorbell bell;
static uint32_t done; /* plain */

static void *produce(void *number)
{
	(void)client_begin(number);
	done = 7;
	assert(pendi_queue_push(&queue, 1));
	pendi_doorbell_ring(&bell);
	return NULL;
}

static void *consume(void *number)
{
	struct pendi_queue_window window;

	(void)client_begin(number);
	pendi_doorbell_arm(&bell);
	if (pendi_queue_is_empty(&queue))
		pendi_doorbell_sleep(&bell, UINT64_MAX);
	else
		pendi_doorbell_disarm(&bell);
	assert(pendi_queue_peek(&queue, &window));
	assert(window.count == 1 && window.items[0] == 1 && done == 7);
	return NULL;
}

int main(void)
{
	CLIENT_START(1, produce);
	CLIENT_START(2, consume);
	CLIENT_JOIN(1);
	CLIENT_JOIN(2);
	return 0;
}
