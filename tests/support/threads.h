/* SPDX-License-Identifier: MIT */
/*
 * threads.h - a few threads that run one function side by side.
 */
#ifndef TESTS_SUPPORT_THREADS_H
#define TESTS_SUPPORT_THREADS_H

#include <pthread.h>

#include "tests/support/check.h"

#define THREADS_MOST 16u

struct crew;

struct crew_member {
	struct crew *crew;
	uint32_t number;
	pthread_t thread;
};

/* The threads of one run. They meet at the barrier as often as they like, all of them. */
struct crew {
	void (*work)(void *context, uint32_t number, struct crew *crew);
	void *context;
	pthread_barrier_t barrier;
	struct crew_member members[THREADS_MOST];
};

static inline void *crew_member_run(void *argument)
{
	const struct crew_member *member = argument;

	member->crew->work(member->crew->context, member->number, member->crew);
	return NULL;
}

/* True in exactly one of the threads. */
static inline int crew_meet(struct crew *crew)
{
	return pthread_barrier_wait(&crew->barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
}

/* Runs @work in @count threads, numbered from 0, and waits for them. */
static inline void crew_run(uint32_t count, void *context,
			    void (*work)(void *context, uint32_t number, struct crew *crew))
{
	struct crew crew = { .work = work, .context = context };

	CHECK_U64(count, <=, THREADS_MOST);
	CHECK_INT(pthread_barrier_init(&crew.barrier, NULL, count), ==, 0);
	for (uint32_t i = 0; i < count; i++) {
		crew.members[i].crew = &crew;
		crew.members[i].number = i;
		CHECK_INT(pthread_create(&crew.members[i].thread, NULL, crew_member_run,
					 &crew.members[i]),
			  ==, 0);
	}
	for (uint32_t i = 0; i < count; i++)
		CHECK_INT(pthread_join(crew.members[i].thread, NULL), ==, 0);
	pthread_barrier_destroy(&crew.barrier);
}

#endif
