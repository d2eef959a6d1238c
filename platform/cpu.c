/* SPDX-License-Identifier: MIT */
/*
 * cpu.c - CPU numbers, NUMA nodes and affinity, as the kernel tells them.
 *
 * How many CPUs there may ever be is read once, from the kernel's list of possible CPUs, and
 * kept: arrays are sized by it. Should two threads ask at once, or a read fail (no sysfs, no
 * file descriptor left), the first answer stands, so every caller gets the same one. A current
 * CPU at or above it (only where sysfs was missing and the C library had to guess) is brought
 * below by a remainder: it is a hint for spreading, and must be a valid index before all.
 *
 * Which CPUs a thread may run on changes at any time (hot-unplug, cpusets, its own affinity):
 * those functions ask the kernel on every call and keep nothing.
 *
 * Progress: pendi_cpu_current() and pendi_cpu_possible() are wait-free once the count is known;
 * the others make system calls.
 */
#include "platform/cpu.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CPU_DIRECTORY "/sys/devices/system/cpu"

enum {
	CPUS_MAX = 8192,         /* the most that any kernel can be configured for */
	CPU_LIST_BYTES = 4096,   /* sysfs never says more */
	SET_BYTES = CPUS_MAX / 8 /* larger than the kernel's own set, as it asks for */
};

struct cpu_bits {
	cpu_set_t parts[SET_BYTES / sizeof(cpu_set_t)]; /* one set of CPUS_MAX bits */
};

_Static_assert(sizeof(struct cpu_bits) == SET_BYTES, "the parts are one set");

_Atomic uint32_t pendi_cpu_rseq_bound;
static _Atomic uint32_t possible_count; /* 0: not known yet. Set once, by whoever is first */

/* Reads "7" or "0-3" at *@text and moves past it. False where there is no such thing. */
static bool parse_range(const char **text, uint32_t *last)
{
	uint32_t numbers[2] = { 0, 0 };
	uint32_t count = 0;

	for (;; (*text)++) {
		char *end;

		if (**text < '0' || **text > '9')
			return false;
		errno = 0;
		const unsigned long number = strtoul(*text, &end, 10);

		if (errno != 0 || number >= CPUS_MAX)
			return false;
		numbers[count++] = (uint32_t)number;
		*text = end;
		if (count == 2 || *end != '-')
			break;
	}
	*last = numbers[count - 1];
	return *last >= numbers[0];
}

uint32_t pendi_cpu_list_bound(const char *list)
{
	uint32_t bound = 0;

	for (;;) {
		uint32_t last = 0;

		if (!parse_range(&list, &last))
			return 0;
		if (last >= bound)
			bound = last + 1;
		if (*list != ',')
			break;
		list++;
	}
	return strcmp(list, "") == 0 || strcmp(list, "\n") == 0 ? bound : 0;
}

/* The whole of a short file as a string. False when it cannot be read or does not fit. */
static bool read_file(const char *path, char *text, size_t bytes)
{
	const int file = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;
	size_t used = 0;

	if (file < 0)
		return false;
	do {
		got = read(file, text + used, bytes - used);
		if (got > 0)
			used += (size_t)got;
	} while (used < bytes && (got > 0 || (got < 0 && errno == EINTR)));
	(void)close(file);
	if (got < 0 || used == bytes)
		return false;
	text[used] = '\0';
	return true;
}

static uint32_t count_possible(void)
{
	char list[CPU_LIST_BYTES];
	uint32_t bound = 0;

	if (read_file(CPU_DIRECTORY "/possible", list, sizeof(list)))
		bound = pendi_cpu_list_bound(list);
	if (bound == 0) {
		const long configured = sysconf(_SC_NPROCESSORS_CONF);

		bound = configured < 1          ? 1
			: configured > CPUS_MAX ? CPUS_MAX
						: (uint32_t)configured;
	}
	return bound;
}

PENDI_COLD static uint32_t learn_possible(void)
{
	const uint32_t counted = count_possible();
	uint32_t first = 0;

	/* relaxed: the number is all there is to hand over, and the first one stands. */
	if (pendi_cas_relaxed(&possible_count, &first, counted))
		first = counted;
	/* relaxed, for the same reason: every thread that comes here stores the same number. */
	if (__rseq_size != 0)
		pendi_store_relaxed(&pendi_cpu_rseq_bound, first);
	return first;
}

uint32_t pendi_cpu_possible(void)
{
	if (pendi_script.cpu_possible) {
		const uint32_t scripted = pendi_script.cpu_possible();

		return scripted ? scripted : 1;
	}
	/* relaxed: a thread that does not see the number yet counts for itself. */
	const uint32_t known = pendi_load_relaxed(&possible_count);

	return PENDI_LIKELY(known != 0) ? known : learn_possible();
}

uint32_t pendi_cpu_current_slow(void)
{
	const uint32_t possible = pendi_cpu_possible();
	uint32_t cpu;

	if (pendi_script.cpu_current) {
		cpu = pendi_script.cpu_current();
	} else {
		const int answer = sched_getcpu();

		cpu = answer < 0 ? 0 : (uint32_t)answer;
	}
	return cpu < possible ? cpu : cpu % possible;
}

/* The number at the end of a directory entry "node3", or a negative one for other entries. */
static long node_number(const char *name)
{
	char *end;

	if (strncmp(name, "node", 4) != 0 || name[4] < '0' || name[4] > '9')
		return -1;
	const long number = strtol(name + 4, &end, 10);

	return *end == '\0' && number < CPUS_MAX ? number : -1;
}

uint32_t pendi_cpu_node(uint32_t cpu)
{
	char path[sizeof(CPU_DIRECTORY) + sizeof("/cpu4294967295")];
	const struct dirent *entry;
	long node = -1;
	DIR *directory;

	if (pendi_script.cpu_node)
		return pendi_script.cpu_node(cpu);
	(void)snprintf(path, sizeof(path), CPU_DIRECTORY "/cpu%u", (unsigned int)cpu);
	directory = opendir(path);
	if (!directory)
		return 0;
	while (node < 0 && (entry = readdir(directory)) != NULL)
		node = node_number(entry->d_name);
	(void)closedir(directory);
	return node < 0 ? 0 : (uint32_t)node;
}

static int read_allowed(struct cpu_bits *allowed)
{
	memset(allowed, 0, sizeof(*allowed));
	return sched_getaffinity(0, sizeof(*allowed), allowed->parts) == 0 ? 0 : -errno;
}

static int scripted_allowed_count(void)
{
	const uint32_t possible = pendi_cpu_possible();
	int count = 0;

	for (uint32_t cpu = 0; cpu < possible; cpu++) {
		const int allowed = pendi_script.cpu_allowed(cpu);

		if (allowed < 0)
			return allowed;
		count += allowed != 0;
	}
	return count;
}

int pendi_cpu_allowed_count(void)
{
	struct cpu_bits allowed;
	int error;

	if (pendi_script.cpu_allowed)
		return scripted_allowed_count();
	error = read_allowed(&allowed);
	return error ? error : CPU_COUNT_S(sizeof(allowed), allowed.parts);
}

int pendi_cpu_allowed(uint32_t cpu)
{
	struct cpu_bits allowed;
	int error;

	if (pendi_script.cpu_allowed)
		return pendi_script.cpu_allowed(cpu);
	if (cpu >= CPUS_MAX)
		return 0;
	error = read_allowed(&allowed);
	return error ? error : CPU_ISSET_S(cpu, sizeof(allowed), allowed.parts) != 0;
}

int pendi_cpu_pin(uint32_t cpu)
{
	struct cpu_bits wanted;

	if (pendi_script.cpu_pin)
		return pendi_script.cpu_pin(cpu);
	if (cpu >= CPUS_MAX)
		return -EINVAL;
	memset(&wanted, 0, sizeof(wanted));
	CPU_SET_S(cpu, sizeof(wanted), wanted.parts);
	return sched_setaffinity(0, sizeof(wanted), wanted.parts) == 0 ? 0 : -errno;
}
