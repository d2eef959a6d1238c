/* SPDX-License-Identifier: MIT */
/*
 * quota.h - a limit on bytes, kept exactly, and only where one was asked for.
 *
 * What is taken never exceeds the limit, and a refusal is true of the instant of its load: taking
 * is one compare-and-swap from a sum that fits to a sum that fits, never an overshoot that is taken
 * back. It orders nothing: the bytes themselves belong to slots, which have their own edges.
 */
#ifndef PENDI_ENGINE_SHARD_QUOTA_H
#define PENDI_ENGINE_SHARD_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/atomic.h"

struct pendi_quota {
	uint64_t limit; /* bytes; 0: none, and nothing is counted */
	PENDI_APART(2) _Atomic uint64_t used;
};

PENDI_ALWAYS_INLINE bool pendi_quota_take(struct pendi_quota *quota, uint64_t bytes)
{
	/* relaxed, both: a sum that orders nothing. */
	uint64_t used = quota->limit ? pendi_load_relaxed(&quota->used) : 0;

	if (!quota->limit)
		return true;
	do {
		if (bytes > quota->limit - used)
			return false;
		/* relaxed: as above. */
	} while (!pendi_cas_relaxed(&quota->used, &used, used + bytes));
	return true;
}

PENDI_ALWAYS_INLINE void pendi_quota_give(struct pendi_quota *quota, uint64_t bytes)
{
	if (quota->limit)
		/* relaxed: as above. */
		(void)pendi_fetch_sub_relaxed(&quota->used, bytes);
}

#endif
