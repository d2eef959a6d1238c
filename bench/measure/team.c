/* SPDX-License-Identifier: MIT */
/*
 * team.c - the threads that measure: started once, and pinned unless they are not to be.
 *
 * A job is handed over under one mutex; members that have no part in it stay asleep. The team
 * sleeps while the main thread works and the other way round, so neither disturbs the other.
 */
#include "bench/measure/team.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

struct member {
	struct bench_team *team;
	uint32_t number;
	uint32_t cpu;
	pthread_t thread;
};

struct bench_team {
	pthread_mutex_t lock;
	pthread_cond_t begun;
	pthread_cond_t ended;
	bench_job_fn job;
	void *context;
	uint64_t round;   /* jobs handed over so far */
	uint32_t wanted;  /* members of the current job */
	uint32_t running; /* of them, those that have not returned */
	uint32_t count;
	bool over;
	bool pinned;
	struct member members[];
};

static void pin(uint32_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	(void)sched_setaffinity(0, sizeof(set), &set); /* a moved thread is slower, not wrong */
}

static void *member_main(void *argument)
{
	struct member *member = argument;
	struct bench_team *team = member->team;
	uint64_t seen = 0;

	if (team->pinned)
		pin(member->cpu);
	pthread_mutex_lock(&team->lock);
	for (;;) {
		while (!team->over && (team->round == seen || member->number >= team->wanted)) {
			seen = team->round;
			pthread_cond_wait(&team->begun, &team->lock);
		}
		if (team->over)
			break;
		seen = team->round;
		pthread_mutex_unlock(&team->lock);
		team->job(team->context, member->number);
		pthread_mutex_lock(&team->lock);
		if (--team->running == 0)
			pthread_cond_signal(&team->ended);
	}
	pthread_mutex_unlock(&team->lock);
	return NULL;
}

int bench_team_create(uint32_t count, const uint32_t *cpus, bool pinned, struct bench_team **out)
{
	struct bench_team *team = calloc(1, sizeof(*team) + count * sizeof(struct member));
	int error;

	if (!team)
		return -ENOMEM;
	team->pinned = pinned;
	pthread_mutex_init(&team->lock, NULL);
	pthread_cond_init(&team->begun, NULL);
	pthread_cond_init(&team->ended, NULL);
	while (team->count < count) {
		struct member *member = &team->members[team->count];

		member->team = team;
		member->number = team->count;
		member->cpu = cpus[team->count];
		error = pthread_create(&member->thread, NULL, member_main, member);
		if (error) {
			bench_team_destroy(team);
			return -error;
		}
		team->count++;
	}
	*out = team;
	return 0;
}

void bench_team_destroy(struct bench_team *team)
{
	pthread_mutex_lock(&team->lock);
	team->over = true;
	pthread_cond_broadcast(&team->begun);
	pthread_mutex_unlock(&team->lock);
	for (uint32_t i = 0; i < team->count; i++)
		pthread_join(team->members[i].thread, NULL);
	pthread_cond_destroy(&team->ended);
	pthread_cond_destroy(&team->begun);
	pthread_mutex_destroy(&team->lock);
	free(team);
}

void bench_team_run(struct bench_team *team, uint32_t count, bench_job_fn job, void *context)
{
	pthread_mutex_lock(&team->lock);
	team->job = job;
	team->context = context;
	team->wanted = count;
	team->running = count;
	team->round++;
	pthread_cond_broadcast(&team->begun);
	while (team->running)
		pthread_cond_wait(&team->ended, &team->lock);
	pthread_mutex_unlock(&team->lock);
}

uint32_t bench_team_cpu(const struct bench_team *team, uint32_t member)
{
	return member < team->count ? team->members[member].cpu : 0;
}

bool bench_team_is_pinned(const struct bench_team *team)
{
	return team->pinned;
}

static void pin_member(void *context, uint32_t member)
{
	const struct bench_team *team = context;

	if (team->pinned)
		pin(team->members[member].cpu);
}

void bench_team_pin(struct bench_team *team)
{
	bench_team_run(team, team->count, pin_member, team);
}
