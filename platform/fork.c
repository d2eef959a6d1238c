/* SPDX-License-Identifier: MIT */
/*
 * fork.c - holds the mutexes of all guards over a fork; in the child, has their tables forgotten.
 */
#include "platform/fork.h"

#include <stddef.h>

#include "platform/atomic.h"

static pthread_mutex_t guards_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct pendi_fork_guard *first_guard, **last_guard = &first_guard; /* under the mutex */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool has_handlers; /* written under once */

/* Always in the order in which they became known. */
static void before_fork(void)
{
	pthread_mutex_lock(&guards_mutex);
	for (struct pendi_fork_guard *guard = first_guard; guard; guard = guard->next)
		pthread_mutex_lock(guard->mutex);
}

static void after_fork(void)
{
	for (struct pendi_fork_guard *guard = first_guard; guard; guard = guard->next)
		pthread_mutex_unlock(guard->mutex);
	pthread_mutex_unlock(&guards_mutex);
}

static void in_child(void)
{
	for (struct pendi_fork_guard *guard = first_guard; guard; guard = guard->next) {
		if (guard->forget)
			guard->forget(guard);
	}
	after_fork();
}

static void begin(void)
{
	has_handlers = pthread_atfork(before_fork, after_fork, in_child) == 0;
}

bool pendi_fork_guard(struct pendi_fork_guard *guard)
{
	pendi_once(&once, begin);
	if (!has_handlers)
		return false;
	pthread_mutex_lock(&guards_mutex);
	if (!guard->is_known) {
		guard->is_known = true;
		*last_guard = guard;
		last_guard = &guard->next;
	}
	pthread_mutex_unlock(&guards_mutex);
	return true;
}
