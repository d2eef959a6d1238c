/* SPDX-License-Identifier: MIT */
/*
 * sizes.h - the structs that sizes.c tries, each with a call that takes it.
 */
#ifndef TESTS_FUZZ_SIZES_SIZES_H
#define TESTS_FUZZ_SIZES_SIZES_H

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <pendmap/pendmap.h>

#include "tests/fuzz/bytes.h"
#include "tests/support/check.h"

struct shape {
	const char *name;
	uint32_t known; /* its size, in this version */
	struct {
		uint32_t begin, end;
	} numbers[2];             /* offsets between which there are no pointers */
	void (*fill)(void *into); /* one that is valid; NULL: an answer */
	int (*call)(void *at);    /* takes back what it made */
};

extern const struct shape shapes[];
extern const uint32_t shapes_count;

/* Makes what the calls need, once. */
void stage_begin(void);

#endif
