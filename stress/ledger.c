/* SPDX-License-Identifier: MIT */
/*
 * ledger.c - the account of every operation: making, freeing, counting what is open.
 */
#include "stress/ledger.h"

#include "stress/harness.h"

#include <stdlib.h>

bool ledger_make(struct ledger *ledger, uint32_t count)
{
	*ledger = (struct ledger){ .entries = calloc(count, sizeof(*ledger->entries)),
				   .count = count,
				   .began_ns = stress_now_ns() };
	return ledger->entries != NULL;
}

void ledger_free(struct ledger *ledger)
{
	free(ledger->entries);
	ledger->entries = NULL;
}

uint32_t ledger_open_count(struct ledger *ledger)
{
	uint32_t open = 0;

	for (uint32_t i = 0; i < ledger->count; i++)
		open += (uint32_t)cell_read(&ledger->entries[i].state) & 1u;
	return open;
}
