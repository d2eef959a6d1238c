/* SPDX-License-Identifier: MIT */
/*
 * sched.c - the one scheduling call of sched.h, for the calling thread alone.
 */
#include "platform/sched.h"

#include <pthread.h>
#include <sched.h>

#include "platform/script.h"

int pendi_sched_fifo(uint32_t priority)
{
	/* What does not fit becomes negative, and is refused like every number out of range. */
	const struct sched_param wanted = { .sched_priority = (int)priority };

	if (pendi_script.sched_fifo)
		return pendi_script.sched_fifo(priority);
	return -pthread_setschedparam(pthread_self(), SCHED_FIFO, &wanted);
}
