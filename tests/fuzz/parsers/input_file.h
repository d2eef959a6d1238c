/* SPDX-License-Identifier: MIT */
/*
 * input_file.h - the bytes of an input as a file that a parser can be told the path of.
 */
#ifndef TESTS_FUZZ_PARSERS_INPUT_FILE_H
#define TESTS_FUZZ_PARSERS_INPUT_FILE_H

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/bytes.h"
#include "tests/support/check.h"

/* The path is valid until the next call. */
static inline const char *input_file(const void *data, size_t size)
{
	static char path[64];
	static int file = -1;

	if (file < 0) {
		file = memfd_create("input", MFD_CLOEXEC);
		CHECK(file >= 0);
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	}
	CHECK(ftruncate(file, 0) == 0);
	CHECK(pwrite(file, data, size, 0) == (ssize_t)size);
	return path;
}

/* Where messages go that nobody reads. */
static inline FILE *nowhere(void)
{
	static FILE *file;

	if (!file)
		file = fopen("/dev/null", "w");
	CHECK(file);
	return file;
}

#endif
