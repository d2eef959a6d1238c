/* SPDX-License-Identifier: MIT */
/*
 * doctor_watch.c - what a second of watching shows: who else runs, and whether CPUs stay in place.
 */
#include "bench/command/doctor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bench/measure/pingpong.h"
#include "bench/measure/team.h"
#include "bench/model/figure.h"
#include "bench/model/stats.h"

#define GAMES 8u
#define GAME_NS 30000000u
#define PAUSE_NS 90000000
#define APART_NS 2000.0 /* no two CPUs are: one of them was not there */

struct usage {
	double all, idle, steal; /* ticks of all CPUs */
	double own_s;
};

static bool read_usage(const struct bench_doctor *doctor, struct usage *usage)
{
	double n[8] = { 0 };
	char line[256];
	struct rusage own;

	if (!bench_doctor_line(doctor, "/proc/stat", line, sizeof(line)) ||
	    sscanf(line, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &n[0], &n[1], &n[2], &n[3], &n[4],
		   &n[5], &n[6], &n[7]) != 8)
		return false;
	usage->all = n[0] + n[1] + n[2] + n[3] + n[4] + n[5] + n[6] + n[7];
	usage->idle = n[3] + n[4];
	usage->steal = n[7];
	getrusage(RUSAGE_SELF, &own);
	usage->own_s = (double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec) +
		       (double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1e6;
	return true;
}

static void tell_usage(struct bench_doctor *doctor, const struct usage *before,
		       const struct usage *after)
{
	const double all = after->all - before->all;
	const double own = (after->own_s - before->own_s) * (double)sysconf(_SC_CLK_TCK);
	const double steal = after->steal - before->steal;
	const double others = all - (after->idle - before->idle) - steal - own;

	if (!(all > 0))
		return;
	bench_doctor_tell(
		doctor, steal > 0.01 * all ? BENCH_WARNING : BENCH_FINE, "steal",
		steal > 0.01 * all ? "the host is busy: wait, or take another machine" : "",
		"the hypervisor took %.1f %% of the time away in this second", 100 * steal / all);
	bench_doctor_tell(doctor, others > 0.05 * all ? BENCH_WARNING : BENCH_FINE, "others",
			  others > 0.05 * all ? "stop what else runs (see top), or wait" : "",
			  "other processes used %.0f %% of the CPUs in this second",
			  100 * fmax(0, others) / all);
}

/* Plays ping-pong now and then, and looks whether the answer stays. */
static void play(struct bench_doctor *doctor)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	struct bench_team *team;
	double ns[GAMES], low, high;
	uint32_t games = 0;

	if (doctor->host->cpu_count < 2 || bench_team_create(2, doctor->host->cpus, true, &team)) {
		(void)nanosleep(&pause, NULL);
		return;
	}
	for (uint32_t i = 0; i < GAMES; i++) {
		ns[games] = bench_pingpong_ns(team, GAME_NS);
		games += ns[games] < APART_NS;
		(void)nanosleep(&pause, NULL);
	}
	bench_team_destroy(team);
	if (!games)
		return;
	low = bench_stat_quantile(ns, games, 0);
	high = bench_stat_quantile(ns, games, 1);
	if (strcmp(bench_pingpong_class(low), bench_pingpong_class(high)) != 0)
		bench_doctor_tell(doctor, BENCH_WARNING, "placement",
				  "believe figures of two threads only beside their ping-pong",
				  "CPUs %u and %u were %.0f to %.0f ns apart within a second: they "
				  "are moved about",
				  doctor->host->cpus[0], doctor->host->cpus[1], low, high);
	else
		bench_doctor_tell(doctor, BENCH_FINE, "placement", "",
				  "CPUs %u and %u are %s: %.0f to %.0f ns apart",
				  doctor->host->cpus[0], doctor->host->cpus[1],
				  bench_pingpong_class(low), low, high);
}

void bench_doctor_watch(struct bench_doctor *doctor)
{
	struct usage before, after;
	const bool known = read_usage(doctor, &before);

	play(doctor);
	if (known && read_usage(doctor, &after))
		tell_usage(doctor, &before, &after);
}
