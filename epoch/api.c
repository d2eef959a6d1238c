/* SPDX-License-Identifier: MIT */
/*
 * api.c - the public calls of include/pendmap/epoch.h: checks, then the implementation.
 */
#include <pendmap/epoch.h>

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "epoch/epoch.h"

int pend_epoch_enter(void)
{
	return pendi_epoch_enter();
}

int pend_epoch_exit(void)
{
	if (!pendi_epoch_inside())
		return -EPERM;
	pendi_epoch_exit();
	return 0;
}

/* The report is written where the caller wants it and put into the public form in place. */
_Static_assert(sizeof(struct pend_epoch_stall) == sizeof(struct pendi_epoch_stall),
	       "an entry is replaced by an entry");
_Static_assert(sizeof(struct pend_epoch_stall) == 16, "part of the binary interface");

int pend_epoch_stalled(uint64_t threshold_ns, struct pend_epoch_stall *stalls, uint32_t count)
{
	if (!stalls && count)
		return -EFAULT;

	const uint32_t found = pendi_epoch_stalled(threshold_ns, (void *)stalls, count);

	for (uint32_t n = 0; n < found && n < count; n++) {
		struct pendi_epoch_stall entry;

		memcpy(&entry, &stalls[n], sizeof(entry));
		stalls[n] =
			(struct pend_epoch_stall){ .tid = entry.tid, .since_ns = entry.since_ns };
	}
	return (int)found;
}

int pend_epoch_synchronize(void)
{
	return pendi_epoch_synchronize();
}
