/* SPDX-License-Identifier: MIT */
/*
 * gate.c - a stop against penders: none is missed, none comes after (GT1, GT2, guarantee F).
 *
 * Weaker, and found: GT1.sc GT2.rel GT2.acq
 * Checked with: --unroll=8
 */
#include "tests/model/clients/library.h"

#include "engine/map/gate.c"

static struct pendi_tally_row rows[PENDI_THREADS];
static const struct pendi_tally tally = { .rows = rows };
static _Atomic uint32_t closed;
static uint32_t pended[PENDI_THREADS]; /* plain: GT2 hands it over */
static uint32_t drained;

uint64_t pendi_clock_mono_ns(void)
{
	return 0;
}

static void *pend(void *number)
{
	const uint32_t self = client_begin(number);

	pendi_gate_enter(&tally, true);
	/* relaxed: GT1 orders it after the word of the gate. */
	if (!pendi_load_relaxed(&closed))
		pended[self] = 1;
	pendi_gate_leave(&tally);
	return NULL;
}

static void *stop(void *number)
{
	(void)client_begin(number);
	/* relaxed: the wait orders it (GT1). */
	pendi_store_relaxed(&closed, 1);
	assert(pendi_gate_wait(&tally, true, UINT64_MAX) == 0);
	for (uint32_t i = 1; i < 3; i++)
		drained += pended[i];
	return NULL;
}

int main(void)
{
	CLIENT_START(1, pend);
	CLIENT_START(2, pend);
	CLIENT_START(3, stop);
	CLIENT_JOIN(1);
	CLIENT_JOIN(2);
	CLIENT_JOIN(3);
	assert(drained == pended[1] + pended[2]);
	return 0;
}
