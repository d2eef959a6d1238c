/* SPDX-License-Identifier: MIT */
/*
 * machine.c - /proc/stat, /proc/self/task/.../schedstat and the clocks of this process.
 */
#include "stress/machine.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define NS_OF_US UINT64_C(1000)
#define NS_OF_S UINT64_C(1000000000)
#define STAT_FIELDS 8u /* user nice system idle iowait irq softirq steal */

static uint64_t time_ns(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * NS_OF_S + (uint64_t)time->tv_usec * NS_OF_US;
}

static uint64_t own_ns(void)
{
	struct rusage children = { 0 };
	struct timespec self = { 0 };

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &self);
	getrusage(RUSAGE_CHILDREN, &children);
	return (uint64_t)self.tv_sec * NS_OF_S + (uint64_t)self.tv_nsec +
	       time_ns(&children.ru_utime) + time_ns(&children.ru_stime);
}

struct machine_times machine_now(void)
{
	struct machine_times now = { .own_ns = own_ns() };
	uint64_t ticks[STAT_FIELDS] = { 0 };
	uint64_t tick_ns = NS_OF_S / (uint64_t)sysconf(_SC_CLK_TCK);
	FILE *file = fopen("/proc/stat", "re");

	if (!file)
		return now;
	if (fscanf(file, "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &ticks[0], &ticks[1],
		   &ticks[2], &ticks[3]) == 4)
		(void)!fscanf(file, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &ticks[4],
			      &ticks[5], &ticks[6], &ticks[7]);
	fclose(file);
	for (uint32_t i = 0; i < STAT_FIELDS; i++) {
		now.all_ns += ticks[i] * tick_ns;
		if (i != 3 && i != 4)
			now.busy_ns += ticks[i] * tick_ns;
	}
	return now;
}

double machine_others(const struct machine_times *since)
{
	struct machine_times now = machine_now();
	double all = (double)(now.all_ns - since->all_ns);
	double others =
		(double)(now.busy_ns - since->busy_ns) - (double)(now.own_ns - since->own_ns);

	return all > 0 && others > 0 ? others / all : 0;
}

/* Executors are named after their CPU: "pend/3". */
static bool is_executor(const char *task)
{
	char path[64], name[32] = "";
	unsigned int cpu;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/comm", task);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(name, sizeof(name), file))
		name[0] = '\0';
	fclose(file);
	return sscanf(name, "pend/%u", &cpu) == 1;
}

static void add_task(struct machine_wait *wait, const char *task)
{
	char path[64];
	uint64_t ran, waited;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/schedstat", task);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fscanf(file, "%" SCNu64 " %" SCNu64, &ran, &waited) == 2) {
		wait->ran_ns += ran;
		wait->waited_ns += waited;
		wait->threads++;
	}
	fclose(file);
}

struct machine_wait machine_executors(void)
{
	struct machine_wait wait = { 0 };
	struct dirent *entry;
	DIR *folder = opendir("/proc/self/task");

	while (folder && (entry = readdir(folder))) {
		if (entry->d_name[0] != '.' && is_executor(entry->d_name))
			add_task(&wait, entry->d_name);
	}
	if (folder)
		closedir(folder);
	return wait;
}
