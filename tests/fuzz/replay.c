/* SPDX-License-Identifier: MIT */
/*
 * replay.c - main() of a fuzz target without a fuzzer: runs kept inputs, once each.
 *
 *	target FILE...    an input each, or a pack of inputs (*.pack, made by fuzz.py):
 *	                  "FUZZPACK", then for each its size, 4 bytes, little-endian, and its bytes
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/bytes.h"
#include "tests/support/check.h"

#define MAGIC "FUZZPACK"

enum { MAGIC_SIZE = sizeof(MAGIC) - 1, FILE_MAX = 1 << 24 };

/* The whole of a file; to be freed. */
static unsigned char *read_file(const char *path, size_t *size)
{
	unsigned char *bytes = malloc(FILE_MAX);
	FILE *file = fopen(path, "rb");

	if (!file || !bytes) {
		printf("Bail out! cannot read %s\n", path);
		exit(1);
	}
	*size = fread(bytes, 1, FILE_MAX, file);
	CHECK(*size < FILE_MAX);
	(void)fclose(file);
	return bytes;
}

/* In memory of its own, so that a read past its end is seen. */
static void run_one(const unsigned char *bytes, size_t size)
{
	unsigned char *input = malloc(size ? size : 1);

	CHECK(input);
	memcpy(input, bytes, size);
	(void)LLVMFuzzerTestOneInput(input, size);
	free(input);
}

static uint32_t run_pack(const unsigned char *bytes, size_t size)
{
	uint32_t count = 0;

	for (size_t at = MAGIC_SIZE; at < size; count++) {
		CHECK(size - at >= 4);

		const size_t length = bytes[at] | (size_t)bytes[at + 1] << 8 |
				      (size_t)bytes[at + 2] << 16 | (size_t)bytes[at + 3] << 24;

		at += 4;
		CHECK(length <= size - at);
		run_one(&bytes[at], length);
		at += length;
	}
	return count;
}

int main(int count, char **words)
{
	struct tap tap = { 0, 0 };

	for (int i = 1; i < count; i++) {
		size_t size;
		unsigned char *bytes = read_file(words[i], &size);
		const bool packed = size >= MAGIC_SIZE && memcmp(bytes, MAGIC, MAGIC_SIZE) == 0;
		uint32_t inputs = 1;

		if (packed)
			inputs = run_pack(bytes, size);
		else
			run_one(bytes, size);
		printf("# %" PRIu32 " inputs\n", inputs);
		tap_report(&tap, inputs != 0, words[i]);
		free(bytes);
	}
	return tap_end(&tap);
}
