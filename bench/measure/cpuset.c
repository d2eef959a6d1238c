/* SPDX-License-Identifier: MIT */
/*
 * cpuset.c - a control group that this process is in, whose CPUs are taken away and given back.
 *
 * Version 1 of control groups has a hierarchy for CPUs, where a new group needs its memory nodes
 * before it takes a process. Version 2 has one hierarchy; its controller must be handed down first,
 * which is refused in most containers.
 */
#include "bench/measure/cpuset.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION_1 "/sys/fs/cgroup/cpuset"
#define VERSION_2 "/sys/fs/cgroup"

static int write_file(const char *folder, const char *name, const char *text)
{
	const ssize_t length = (ssize_t)strlen(text);
	char path[256];
	int file, error = 0;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return -errno;
	if (write(file, text, (size_t)length) != length)
		error = errno ? -errno : -EIO;
	close(file);
	return error;
}

static void read_line(const char *path, char *text, int size)
{
	FILE *file = fopen(path, "re");

	if (!file || !fgets(text, size, file))
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (file)
		fclose(file);
}

/* Where the process is now. */
static void find_home(struct bench_cpuset *cpuset, bool unified)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	const char *wanted = unified ? "0::" : ":cpuset:";
	char line[160];

	snprintf(cpuset->home, sizeof(cpuset->home), "%s", unified ? VERSION_2 : VERSION_1);
	while (file && fgets(line, sizeof(line), file)) {
		const char *path = strstr(line, wanted);

		if (!path)
			continue;
		path += strlen(wanted);
		snprintf(cpuset->home, sizeof(cpuset->home), "%s%.*s",
			 unified ? VERSION_2 : VERSION_1, (int)strcspn(path, "\n"), path);
	}
	if (file)
		fclose(file);
}

int bench_cpuset_set(const struct bench_cpuset *cpuset, const uint32_t *cpus, uint32_t count)
{
	char list[512] = "";
	size_t length = 0;

	for (uint32_t i = 0; i < count && length + 12 < sizeof(list); i++)
		length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%u",
					   i ? "," : "", cpus[i]);
	return write_file(cpuset->path, "cpuset.cpus", list);
}

/* The memory nodes of the root, for version 1. */
static int copy_nodes(const struct bench_cpuset *cpuset)
{
	char nodes[128] = "";

	read_line(VERSION_1 "/cpuset.mems", nodes, sizeof(nodes));
	return write_file(cpuset->path, "cpuset.mems", nodes);
}

int bench_cpuset_open(struct bench_cpuset *cpuset, const uint32_t *cpus, uint32_t count, char *why,
		      uint32_t why_size)
{
	const bool unified = access(VERSION_1 "/cpuset.cpus", F_OK) != 0;
	const char *step = "mkdir";
	int error = 0;

	find_home(cpuset, unified);
	snprintf(cpuset->path, sizeof(cpuset->path), "%s/pendbench-%d",
		 unified ? VERSION_2 : VERSION_1, (int)getpid());
	if (unified) {
		step = "handing the controller down";
		error = write_file(VERSION_2, "cgroup.subtree_control", "+cpuset");
	}
	if (!error) {
		step = "mkdir";
		error = mkdir(cpuset->path, 0755) ? -errno : 0;
	}
	if (!error) {
		step = "its CPUs and nodes";
		error = bench_cpuset_set(cpuset, cpus, count);
		if (!error && !unified)
			error = copy_nodes(cpuset);
		if (!error) {
			step = "moving in";
			error = write_file(cpuset->path, "cgroup.procs", "0");
		}
		if (error)
			(void)rmdir(cpuset->path);
	}
	snprintf(why, why_size, "no control group to take CPUs away with: %s: %s", step,
		 strerror(-error));
	return error;
}

void bench_cpuset_close(const struct bench_cpuset *cpuset)
{
	(void)write_file(cpuset->home, "cgroup.procs", "0");
	(void)rmdir(cpuset->path);
}
