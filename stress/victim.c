/* SPDX-License-Identifier: MIT */
/*
 * victim.c - one thread of a child stopped at whatever instruction it is, by ptrace.
 */
#include "stress/victim.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENGINE_THREADS "pend/" /* what the names of the library's threads begin with */

uint32_t victim_list_engine(pid_t child, bool executors, int32_t *tids, uint32_t *cpus)
{
	char path[64], name[32];
	struct dirent *entry;
	uint32_t count = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)child);
	folder = opendir(path);
	while (folder && count < VICTIMS_MOST && (entry = readdir(folder))) {
		FILE *file;
		bool read;

		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/comm", (int)child, entry->d_name);
		file = fopen(path, "re");
		read = file && fgets(name, sizeof(name), file);
		if (file)
			fclose(file);
		if (!read || strncmp(name, ENGINE_THREADS, strlen(ENGINE_THREADS)))
			continue;
		cpus[count] = VICTIMS_MOST;
		if (name[strlen(ENGINE_THREADS)] >= '0' && name[strlen(ENGINE_THREADS)] <= '9')
			cpus[count] = (uint32_t)atoi(name + strlen(ENGINE_THREADS)) % VICTIMS_MOST;
		tids[count] = (int32_t)atoi(entry->d_name);
		count += executors == (cpus[count] < VICTIMS_MOST) ? 1 : 0;
	}
	if (folder)
		closedir(folder);
	return count;
}

bool victim_stop(int32_t tid)
{
	int status;

	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL))
		return false;
	if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL))
		return false;
	return waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status);
}

void victim_go(int32_t tid)
{
	if (ptrace(PTRACE_DETACH, tid, NULL, NULL) && errno != ESRCH)
		fprintf(stderr, "PTRACE_DETACH: %s\n", strerror(errno));
}

int64_t victim_resident_kib(pid_t child)
{
	char path[40];
	long total = 0, resident = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)child);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%ld %ld", &total, &resident) != 2)
		resident = 0;
	fclose(file);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

bool victim_may_stop(void)
{
	pid_t child = fork();
	bool stopped;

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	stopped = child > 0 && victim_stop(child);
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	return stopped;
}
