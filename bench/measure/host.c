/* SPDX-License-Identifier: MIT */
/*
 * host.c - the machine and the build that a figure belongs to.
 *
 * What cannot be found out reads "unknown"; nothing here fails.
 */
#include "bench/measure/host.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "bench_build.h"

/* Copies what follows @name and its colon on the first such line of @path. */
static bool read_field(const char *path, const char *name, char *text, size_t size)
{
	char line[512];
	bool found = false;
	FILE *file = fopen(path, "r");

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		const char *colon = strchr(line, ':');

		if (strncmp(line, name, strlen(name)) != 0 || !colon)
			continue;
		colon += 1 + strspn(colon + 1, " \t");
		snprintf(text, size, "%.*s", (int)strcspn(colon, "\n"), colon);
		found = true;
	}
	fclose(file);
	return found;
}

/* The word in brackets of a sysfs choice. */
static void read_choice(const char *path, char *text, size_t size)
{
	char line[128] = "";
	FILE *file = fopen(path, "r");

	snprintf(text, size, "unknown");
	if (!file)
		return;
	if (fgets(line, sizeof(line), file)) {
		const char *open = strchr(line, '[');

		if (open)
			snprintf(text, size, "%.*s", (int)strcspn(open + 1, "]"), open + 1);
	}
	fclose(file);
}

static void read_hypervisor(char *text, size_t size)
{
	snprintf(text, size, "unknown");
#if defined(__x86_64__)
	unsigned int a, b, c, d;
	char vendor[13] = "";

	if (!__get_cpuid(1, &a, &b, &c, &d))
		return;
	if (!(c & 1u << 31)) {
		snprintf(text, size, "none");
		return;
	}
	__cpuid(0x40000000, a, b, c, d);
	memcpy(vendor, &b, 4);
	memcpy(vendor + 4, &c, 4);
	memcpy(vendor + 8, &d, 4);
	snprintf(text, size, "%s", *vendor ? vendor : "unknown");
#endif
}

/* The lowest CPU that shares a core with @cpu. */
static uint32_t core_of(uint32_t cpu)
{
	char path[96];
	unsigned int first = cpu;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list",
		 cpu);
	file = fopen(path, "r");
	if (!file)
		return cpu;
	if (fscanf(file, "%u", &first) != 1)
		first = cpu;
	fclose(file);
	return first;
}

/* Allowed CPUs, one for each core first, then their siblings. */
static void read_cpus(struct bench_host *host)
{
	cpu_set_t allowed, cores;

	CPU_ZERO(&allowed);
	CPU_ZERO(&cores);
	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		CPU_SET(0, &allowed);
	for (int sibling = 0; sibling < 2; sibling++) {
		for (uint32_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
			if (!CPU_ISSET(cpu, &allowed) || host->cpu_count == BENCH_THREADS_MAX)
				continue;
			if (!sibling && CPU_ISSET(core_of(cpu), &cores))
				continue;
			CPU_SET(core_of(cpu), &cores);
			CPU_CLR(cpu, &allowed);
			host->cpus[host->cpu_count++] = cpu;
		}
	}
}

static uint64_t memory_field(const char *name)
{
	char text[64];

	if (!read_field("/proc/meminfo", name, text, sizeof(text)))
		return 0;
	return strtoull(text, NULL, 10) * 1024;
}

uint64_t bench_host_available(void)
{
	return memory_field("MemAvailable");
}

void bench_host_read(struct bench_host *host)
{
	struct utsname name;

	memset(host, 0, sizeof(*host));
	if (!read_field("/proc/cpuinfo", "model name", host->cpu, sizeof(host->cpu)))
		snprintf(host->cpu, sizeof(host->cpu), "unknown");
	snprintf(host->kernel, sizeof(host->kernel), "unknown");
	if (uname(&name) == 0)
		snprintf(host->kernel, sizeof(host->kernel), "%.40s %.60s %.20s", name.sysname,
			 name.release, name.machine);
	read_hypervisor(host->virt, sizeof(host->virt));
	read_choice("/sys/kernel/mm/transparent_hugepage/enabled", host->thp, sizeof(host->thp));
	read_cpus(host);
	host->memory_bytes = memory_field("MemTotal");
	host->available_bytes = bench_host_available();
}

void bench_host_place(const struct bench_host *host, enum bench_pin pin, uint32_t count,
		      uint32_t *cpus)
{
	uint32_t order[BENCH_THREADS_MAX];

	memcpy(order, host->cpus, sizeof(order));
	for (uint32_t i = 1; pin == BENCH_PIN_COMPACT && i < host->cpu_count; i++) {
		const uint32_t cpu = order[i], core = core_of(cpu);
		uint32_t place = i;

		for (; place > 0 && core_of(order[place - 1]) > core; place--)
			order[place] = order[place - 1];
		order[place] = cpu;
	}
	for (uint32_t i = 0; i < count; i++)
		cpus[i] = order[i % host->cpu_count];
}

const char *bench_build_warning(void)
{
	if (*BENCH_BUILD_SANITIZE)
		return "this build runs under a sanitizer: its figures mean nothing";
	if (strcmp(BENCH_BUILD_TYPE, "Release") != 0 &&
	    strcmp(BENCH_BUILD_TYPE, "RelWithDebInfo") != 0)
		return "this is no release build: its figures mean nothing";
	return NULL;
}
