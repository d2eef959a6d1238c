/* SPDX-License-Identifier: MIT */
/*
 * arguments.h - the command line of a plain test: --rounds N, --seed N, --only NAME.
 */
#ifndef TESTS_SUPPORT_ARGUMENTS_H
#define TESTS_SUPPORT_ARGUMENTS_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct arguments {
	uint64_t rounds;  /* set to the default before parsing */
	uint64_t seed;    /* drawn from the clock unless given; printed */
	const char *only; /* a part of the name of the cases to run, or NULL: all */
};

/* False, having said why, if the command line is wrong: main() then returns 2. */
static inline bool arguments_parse(struct arguments *arguments, int count, char **words)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	arguments->seed = (uint64_t)now.tv_sec * 1000003u + (uint64_t)now.tv_nsec;
	for (int i = 1; i < count; i += 2) {
		char *value = i + 1 < count ? words[i + 1] : NULL, *end = NULL;

		if (value && strcmp(words[i], "--rounds") == 0)
			arguments->rounds = strtoull(value, &end, 0);
		else if (value && strcmp(words[i], "--seed") == 0)
			arguments->seed = strtoull(value, &end, 0);
		else if (value && strcmp(words[i], "--only") == 0)
			arguments->only = value;
		if ((!end || *end) && arguments->only != value) {
			fprintf(stderr, "usage: %s [--rounds N] [--seed N] [--only NAME]\n",
				words[0]);
			return false;
		}
	}
	printf("# --seed %" PRIu64 " --rounds %" PRIu64 "\n", arguments->seed, arguments->rounds);
	return true;
}

static inline bool arguments_want(const struct arguments *arguments, const char *name)
{
	return !arguments->only || strstr(name, arguments->only);
}

#endif
