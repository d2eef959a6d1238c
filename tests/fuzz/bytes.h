/* SPDX-License-Identifier: MIT */
/*
 * bytes.h - the input of a fuzz target as a stream of choices. Past its end all choices are 0.
 */
#ifndef TESTS_FUZZ_BYTES_H
#define TESTS_FUZZ_BYTES_H

#include <stddef.h>
#include <stdint.h>

struct bytes {
	const uint8_t *at, *end;
};

static inline uint32_t next_byte(struct bytes *bytes)
{
	return bytes->at < bytes->end ? *bytes->at++ : 0;
}

static inline uint32_t next_below(struct bytes *bytes, uint32_t bound)
{
	return next_byte(bytes) % bound;
}

/* What libFuzzer calls, and replay.c. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
