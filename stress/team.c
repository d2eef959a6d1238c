/* SPDX-License-Identifier: MIT */
/*
 * team.c - threads that do the same, and stand still together now and then.
 */
#include "stress/team.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define WRONG_TOLD 8u
#define MEETINGS_LEAST 4u /* of a run that --rounds makes short */
#define VALGRIND_STEPS 128u

bool team_gather(struct team_member *member)
{
	return pthread_barrier_wait(&member->team->barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
}

uint64_t team_operations(const struct team *team)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < team->count; i++)
		sum += team->members[i].operations;
	return sum;
}

void team_wrong(struct team *team, const char *format, ...)
{
	uint64_t before = cell_add(&team->wrong, 1);
	char text[200];
	va_list arguments;

	if (before >= WRONG_TOLD)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	stress_note("WRONG: %s: %s", team->name, text);
}

/* All members stand still: judged by one of them, who also says whether it goes on. */
static void meet(struct team_member *member)
{
	struct team *team = member->team;
	uint64_t done;

	(void)team_gather(member);
	if (member->number == 0) {
		team->meetings++;
		if (team->quiet)
			team->quiet(team);
		done = team_operations(team);
		team->over = (team->rounds && done >= team->rounds) ||
			     stress_now_ns() >= team->end_ns || cell_read(&team->wrong);
		stress_progress(team->stress, "%s: %" PRIu64 " operations", team->name,
				team->stress->operations + done);
	}
	(void)team_gather(member);
}

static void *run_member(void *argument)
{
	struct team_member *member = argument;
	struct team *team = member->team;

	if (team->begin)
		team->begin(member);
	while (!team->over) {
		for (uint32_t i = 0; i < team->steps; i++)
			member->operations += team->step(member);
		meet(member);
	}
	if (team->end)
		team->end(member);
	return NULL;
}

/* How long, and how much. A short run has its meetings too. */
static void plan(struct team *team)
{
	const struct stress *stress = team->stress;
	uint64_t part;

	if (team->count == 0 || team->count > TEAM_MOST)
		stress_bail("--threads: 1 to %u", TEAM_MOST);
	/* A step takes so much longer there, and a run is over at a meeting only. */
	if (stress_on_valgrind() && team->steps > VALGRIND_STEPS)
		team->steps = VALGRIND_STEPS;
	team->end_ns = stress_now_ns() + (uint64_t)(stress->seconds * team->share * 1e9);
	if (!stress->rounds)
		return;
	team->rounds = (uint64_t)((double)stress->rounds * team->share) + 1;
	team->rounds *= team->round ? team->round : 1;
	part = team->rounds / (team->count * (team->round ? team->round : 1)) / MEETINGS_LEAST + 1;
	if (team->steps > part)
		team->steps = (uint32_t)part;
}

uint64_t team_run(struct team *team)
{
	uint64_t done;

	plan(team);
	if (pthread_barrier_init(&team->barrier, NULL, team->count))
		stress_bail("no barrier");
	for (uint32_t i = 0; i < team->count; i++) {
		struct team_member *member = &team->members[i];

		*member = (struct team_member){ .team = team,
						.context = team->context,
						.number = i,
						.rng = rng_make(team->stress->seed, i) };
		if (pthread_create(&member->thread, NULL, run_member, member))
			stress_bail("no thread");
	}
	for (uint32_t i = 0; i < team->count; i++)
		pthread_join(team->members[i].thread, NULL);
	pthread_barrier_destroy(&team->barrier);
	done = team_operations(team);
	stress_count(team->stress, done);
	return done;
}
