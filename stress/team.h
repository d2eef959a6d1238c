/* SPDX-License-Identifier: MIT */
/*
 * team.h - threads that do the same, and stand still together now and then.
 *
 *	all:  steps, without a word to each other --+-- meet --+-- steps --+-- meet -- ...
 *	                                            |          |
 *	                      quiet(): by one, while the others stand still
 *
 * Between two meetings members are ordered by nothing but the library. A meeting is a barrier: who
 * judges there sees all that was done, and a quiescent point it is. Each member has a generator of
 * its own, so with the same seed it decides the same.
 */
#ifndef STRESS_TEAM_H
#define STRESS_TEAM_H

#include <pthread.h>

#include "stress/cell.h"
#include "stress/harness.h"
#include "tests/support/random.h"

#define TEAM_MOST 64u

struct team;

struct team_member {
	struct team *team;
	void *context; /* the team's */
	uint32_t number;
	struct rng rng;
	pthread_t thread;
	uint64_t operations; /* done; read by others only when all stand still */
};

struct team {
	/* Set before team_run(). */
	struct stress *stress;
	const char *name; /* in the progress line */
	void *context;
	uint32_t count; /* of members, TEAM_MOST at most */
	uint32_t steps; /* of each between two meetings */
	double share;   /* of --seconds and --rounds: 0 .. 1 */
	uint32_t round; /* operations that one of --rounds stands for; 0: one */
	/* Makes one or a few calls; returns how many operations that were. */
	uint32_t (*step)(struct team_member *member);
	/* By one of them, at each meeting. NULL: nothing. */
	void (*quiet)(struct team *team);
	/* By each, before its first step and after its last one. NULL: nothing. */
	void (*begin)(struct team_member *member);
	void (*end)(struct team_member *member);
	/* The team's own. */
	struct team_member members[TEAM_MOST];
	pthread_barrier_t barrier;
	uint64_t rounds, end_ns;
	uint64_t meetings;
	bool over; /* changes only while all but one stand still */
	struct cell wrong;
};

/* Runs it to its end. Returns the operations done, which are counted. */
uint64_t team_run(struct team *team);

/* Waits for all members. True in one of them. */
bool team_gather(struct team_member *member);

/* The sum of what the members did so far, for quiet(). */
uint64_t team_operations(const struct team *team);

/* Something that must not be: counted in team->wrong, and the first few are told. */
void team_wrong(struct team *team, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As team_wrong() if not @holds. Returns @holds. */
#define team_expect(team, holds, ...) ((holds) || (team_wrong((team), __VA_ARGS__), false))

#endif
