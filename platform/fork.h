/* SPDX-License-Identifier: MIT */
/*
 * fork.h - what becomes of the library's tables in the child of a fork.
 *
 * Only the thread that forked lives on in the child, and descriptors are shared with the parent. So
 * what the parent had made is forgotten there: it is neither served by anybody nor to be touched. A
 * guard is a table, the mutex that is held over a fork so that nobody is at work on it, and what
 * forgets its contents.
 */
#ifndef PENDI_PLATFORM_FORK_H
#define PENDI_PLATFORM_FORK_H

#include <pthread.h>
#include <stdbool.h>

struct pendi_fork_guard {
	pthread_mutex_t *mutex; /* nobody waits for another guard's, or forks, under it */
	/* In the child, alone, with the mutex held; or NULL. */
	void (*forget)(struct pendi_fork_guard *guard);
	struct pendi_fork_guard *next; /* these two: fork.c's */
	bool is_known;
};

/* Has @guard, which is static, looked after from now on; again is fine. Not under its mutex. False:
 * no memory. */
bool pendi_fork_guard(struct pendi_fork_guard *guard);

#endif
