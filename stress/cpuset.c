/* SPDX-License-Identifier: MIT */
/*
 * cpuset.c - a control group whose CPUs are taken away and given back, of version 1 or 2.
 *
 * Version 1 has a hierarchy of its own, and a new group there needs its memory nodes set before it
 * takes a process. Version 2 has one hierarchy, where the controller must be handed down from the
 * root first; that is refused where the root is not really one (in most containers).
 */
#include "stress/cpuset.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stress/harness.h"

#define VERSION_1 "/sys/fs/cgroup/cpuset"
#define VERSION_2 "/sys/fs/cgroup"

static int write_in(const struct cpuset *cpuset, const char *name, const char *text)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", cpuset->path, name);
	return stress_write(path, text);
}

/* "0,2,3" */
static void list_cpus(char *text, size_t size, const uint32_t *cpus, uint32_t count)
{
	size_t length = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < count && length + 12 < size; i++)
		length += (size_t)snprintf(text + length, size - length, "%s%u", i ? "," : "",
					   cpus[i]);
}

int cpuset_set(const struct cpuset *cpuset, const uint32_t *cpus, uint32_t count)
{
	char list[512];

	list_cpus(list, sizeof(list), cpus, count);
	return write_in(cpuset, "cpuset.cpus", list);
}

/* The memory nodes of the root, for version 1. */
static int copy_nodes(const struct cpuset *cpuset)
{
	char nodes[128] = "";
	FILE *file = fopen(VERSION_1 "/cpuset.mems", "re");

	if (!file)
		return -errno;
	if (!fgets(nodes, sizeof(nodes), file))
		nodes[0] = '\0';
	fclose(file);
	return write_in(cpuset, "cpuset.mems", nodes);
}

int cpuset_make(struct cpuset *cpuset, const uint32_t *cpus, uint32_t count, char *why,
		uint32_t why_size)
{
	const char *step = "mkdir";
	int status = 0;

	cpuset->unified = access(VERSION_1 "/cpuset.cpus", F_OK) != 0;
	snprintf(cpuset->path, sizeof(cpuset->path), "%s/pendmap-stress-%d",
		 cpuset->unified ? VERSION_2 : VERSION_1, (int)getpid());
	if (cpuset->unified) {
		step = "handing the cpuset controller down";
		status = stress_write(VERSION_2 "/cgroup.subtree_control", "+cpuset");
	}
	if (!status) {
		step = "mkdir";
		status = mkdir(cpuset->path, 0755) ? -errno : 0;
	}
	if (!status) {
		step = "cpuset.cpus";
		status = cpuset_set(cpuset, cpus, count);
		if (!status && !cpuset->unified) {
			step = "cpuset.mems";
			status = copy_nodes(cpuset);
		}
		if (status)
			(void)cpuset_remove(cpuset);
	}
	snprintf(why, why_size, "%s: %s", step, strerror(-status));
	return status;
}

int cpuset_enter(const struct cpuset *cpuset)
{
	return write_in(cpuset, "cgroup.procs", "0");
}

int cpuset_remove(const struct cpuset *cpuset)
{
	return rmdir(cpuset->path) ? -errno : 0;
}
