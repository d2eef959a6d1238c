/* SPDX-License-Identifier: MIT */
/*
 * child.h - a process that waits to be killed, and dies with its parent in any case: a test that
 * fails must not leave it behind.
 */
#ifndef TESTS_CATALOGUE_CHILD_H
#define TESTS_CATALOGUE_CHILD_H

#include <signal.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* Its number, or -1. */
static inline pid_t child_begin(void)
{
	const pid_t parent = getpid(), child = fork();

	if (child == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
			_exit(1);
		for (;;)
			(void)pause();
	}
	return child;
}

/* Whether it was there, and is no more. */
static inline int child_end(pid_t child)
{
	return kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child;
}

#endif
