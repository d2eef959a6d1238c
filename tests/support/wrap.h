/* SPDX-License-Identifier: MIT */
/*
 * wrap.h - functions that the library calls come to the test first, and fail when it says so.
 *
 *	static struct fault fails_read;
 *
 *	WRAPPED(ssize_t, read, int file, void *buffer, size_t bytes)
 *	{
 *		return strikes(&fails_read) ? -1 : __real_read(file, buffer, bytes);
 *	}
 *
 * For one file of a program that is linked with LINKER:--wrap=read.
 */
#ifndef TESTS_SUPPORT_WRAP_H
#define TESTS_SUPPORT_WRAP_H

#include <errno.h>
#include <stdbool.h>

#define WRAPPED(result, name, ...)         \
	result __real_##name(__VA_ARGS__); \
	result __wrap_##name(__VA_ARGS__); \
	result __wrap_##name(__VA_ARGS__)

/* Of the calls behind the next @after, @calls fail with @error. */
struct fault {
	int after, calls, error;
};

static inline bool strikes(struct fault *fault)
{
	if (fault->calls == 0)
		return false;
	if (fault->after > 0) {
		fault->after--;
		return false;
	}
	fault->calls--;
	errno = fault->error;
	return true;
}

/* With wrap_syscall.c: whether the test answers a syscall() itself, and what. */
bool answer_syscall(long number, const long given[6], long *result);

#endif
