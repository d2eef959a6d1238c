/* SPDX-License-Identifier: MIT */
/*
 * team.h - the threads that measure: started once, and pinned unless they are not to be.
 */
#ifndef BENCH_MEASURE_TEAM_H
#define BENCH_MEASURE_TEAM_H

#include <stdbool.h>
#include <stdint.h>

struct bench_team;

/* Runs on a thread of the team; @member is its number. */
typedef void (*bench_job_fn)(void *context, uint32_t member);

/* Starts @count threads for @cpus in that order, and pins them there if @pinned. 0 or a negative
 * errno. */
int bench_team_create(uint32_t count, const uint32_t *cpus, bool pinned, struct bench_team **team);

void bench_team_destroy(struct bench_team *team);

/* The CPU that a member is pinned to. */
uint32_t bench_team_cpu(const struct bench_team *team, uint32_t member);

/* Whether members are pinned at all. */
bool bench_team_is_pinned(const struct bench_team *team);

/* Pins them again, after somebody took their CPUs away for a while. */
void bench_team_pin(struct bench_team *team);

/* Runs @job on the first @count members at once and waits until all have returned. */
void bench_team_run(struct bench_team *team, uint32_t count, bench_job_fn job, void *context);

#endif
