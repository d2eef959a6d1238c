/* SPDX-License-Identifier: MIT */
/*
 * between.h - another thread acts between two accesses of this one, and it is said which two.
 *
 *	for (uint32_t at = 0; between_begin(at, other, &its); at++) {
 *		...what this thread does...
 *		if (!between_end())
 *			break;
 *		...what must hold...
 *	}
 *
 * @other runs in a thread of its own, from beginning to end, before access number @at of what this
 * thread does; when that has fewer accesses, between_end() says so. What only a race can reach is
 * reached so on every run, and all that may come at each place. What is done once in a process must be
 * done before, or the other would wait for it: that threads register is seen to here. For one file
 * of a program that is linked with the library's objects over chaos_oracle.h.
 */
#ifndef TESTS_SUPPORT_BETWEEN_H
#define TESTS_SUPPORT_BETWEEN_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "epoch/thread.h"

void chaos_between(void);

static _Thread_local struct {
	void *(*act)(void *);
	void *context;
	uint32_t left;
} between_plan;

void chaos_between(void)
{
	void *(*const act)(void *) = between_plan.act;
	pthread_t thread;

	if (!act || between_plan.left--)
		return;
	between_plan.act = NULL;
	if (pthread_create(&thread, NULL, act, between_plan.context) || pthread_join(thread, NULL))
		abort();
}

/* between_begin() for a thread that is to register itself in what follows. */
static inline bool between_begin_unregistered(uint32_t at, void *(*act)(void *), void *context)
{
	between_plan.context = context;
	between_plan.left = at;
	between_plan.act = act;
	return true;
}

static inline bool between_begin(uint32_t at, void *(*act)(void *), void *context)
{
	(void)pendi_thread_number();
	return between_begin_unregistered(at, act, context);
}

/* Whether the other thread has acted. */
static inline bool between_end(void)
{
	const bool has_acted = !between_plan.act;

	between_plan.act = NULL;
	return has_acted;
}

#endif
