/* SPDX-License-Identifier: MIT */
/*
 * numbers.h - a thread that gets no number, because others have them all.
 *
 * Epochs refuse such a thread (-EAGAIN), and whatever needs one hands that on. The others are only
 * written down as if they were there; the calling thread has its number before.
 */
#ifndef TESTS_SUPPORT_NUMBERS_H
#define TESTS_SUPPORT_NUMBERS_H

#include <pthread.h>
#include <stdlib.h>

#include "epoch/record.h"
#include "epoch/thread.h"

enum { NUMBERS_NOBODY = 1 }; /* no thread of ours: init */

static inline void numbers_change(int32_t from, int32_t to)
{
	for (uint32_t i = 1; i < PENDI_THREADS; i++) {
		/* relaxed, both: only this thread looks. */
		if (pendi_load_relaxed(&pendi_thread_records[i].owner) == from)
			pendi_store_relaxed(&pendi_thread_records[i].owner, to);
	}
}

/* Calls @function in a thread without a number, and waits for its end. */
static inline void numbers_without(void *(*function)(void *), void *context)
{
	pthread_t thread;

	(void)pendi_thread_number();
	numbers_change(0, NUMBERS_NOBODY);
	if (pthread_create(&thread, NULL, function, context) || pthread_join(thread, NULL))
		abort();
	numbers_change(NUMBERS_NOBODY, 0);
}

#endif
