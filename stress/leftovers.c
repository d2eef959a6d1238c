/* SPDX-License-Identifier: MIT */
/*
 * leftovers.c - descriptors, threads, shared mappings and children, as /proc tells.
 */
#include "stress/leftovers.h"

#include <dirent.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define SETTLE_NS (2 * NS_PER_S)

static uint32_t count_entries(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	uint32_t count = 0;

	while (folder && (entry = readdir(folder)))
		count += entry->d_name[0] != '.';
	if (folder)
		closedir(folder);
	return count;
}

/* A line of maps: "7f..-7f.. rw-s 00000000 00:01 7 /memfd:name". */
static uint32_t count_shared(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	char line[512], flags[8];
	uint32_t count = 0;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*s %7s", flags) == 1)
			count += strlen(flags) == 4 && flags[3] == 's';
	}
	if (file)
		fclose(file);
	return count;
}

static struct leftovers leftovers_now(void)
{
	siginfo_t child = { 0 };

	return (struct leftovers){
		.files = count_entries("/proc/self/fd"),
		.threads = count_entries("/proc/self/task"),
		.mappings = count_shared(),
		.children = waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) == 0,
	};
}

static void *do_nothing(void *argument)
{
	return argument;
}

/* With its first thread a process may get more, of a sanitizer's, that stay. */
struct leftovers leftovers_before(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, do_nothing, NULL) || pthread_join(thread, NULL))
		stress_bail("no thread");
	stress_sleep_ns(NS_PER_MS); /* until it is gone from /proc too */
	return leftovers_now();
}

static bool is_clean(const struct leftovers *now, const struct leftovers *before)
{
	return now->files <= before->files && now->threads <= before->threads &&
	       now->mappings <= before->mappings && now->children <= before->children;
}

void leftovers_check(struct stress *stress, const struct leftovers *before)
{
	uint64_t give_up_ns = stress_now_ns() + stress_patience_ns(SETTLE_NS);
	struct leftovers now = leftovers_now();

	while (!is_clean(&now, before) && stress_now_ns() < give_up_ns) {
		stress_sleep_ns(NS_PER_MS);
		now = leftovers_now();
	}
	stress_check(stress, is_clean(&now, before),
		     "nothing is left: descriptors %" PRIu32 " -> %" PRIu32 ", threads %" PRIu32
		     " -> %" PRIu32 ", shared mappings %" PRIu32 " -> %" PRIu32
		     ", children %" PRIu32 " -> %" PRIu32,
		     before->files, now.files, before->threads, now.threads, before->mappings,
		     now.mappings, before->children, now.children);
}
