/* SPDX-License-Identifier: MIT */
/*
 * agenda.c - arming against a look at the same slot: what was armed is looked at (DL1, DL2).
 *
 * The armer writes what is to be found and then arms the slot; a pass is under way for an earlier
 * arming. After both, one more pass finds what none has found.
 *
 * Weaker, and found: DL1.rel DL1.acq DL2.rel DL2.acq
 */
#include "tests/model/clients/library.h"

#include <string.h>

#include "engine/deadline/agenda.c"

static _Alignas(64) _Atomic uint64_t nodes[16];
static struct pendi_agenda agenda = { .levels = { nodes, nodes + 8 }, .count = 1, .depth = 2 };
static _Atomic uint32_t wanted; /* what a look is to find; atomic, as in a slot */
static uint32_t found[3];       /* by thread */

static uint32_t look(void *context, uint32_t slot, uint32_t now)
{
	(void)slot;
	(void)now;
	/* relaxed: DL1 orders it after the arming. */
	if (pendi_load_relaxed(&wanted))
		++*(uint32_t *)context;
	return PENDI_TICK_NEVER;
}

static void *arm(void *number)
{
	(void)client_begin(number);
	/* relaxed: arming publishes it (DL1). */
	pendi_store_relaxed(&wanted, 1);
	pendi_agenda_arm(&agenda, 0, 5);
	return NULL;
}

static void *pass(void *number)
{
	(void)client_begin(number);
	(void)pendi_agenda_pass(&agenda, 5, 1, look, &found[1]);
	return NULL;
}

int main(void)
{
	pendi_agenda_arm(&agenda, 0, 4);
	CLIENT_START(1, arm);
	CLIENT_START(2, pass);
	CLIENT_JOIN(1);
	CLIENT_JOIN(2);
	(void)pendi_agenda_pass(&agenda, 5, 1, look, &found[2]);
	assert(found[1] + found[2] >= 1);
	return 0;
}
