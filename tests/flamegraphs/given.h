/* SPDX-License-Identifier: MIT */
/*
 * given.h - text as a file to be read, and what was written as text.
 */
#ifndef TESTS_FLAMEGRAPHS_GIVEN_H
#define TESTS_FLAMEGRAPHS_GIVEN_H

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

static inline FILE *given(const char *text)
{
	FILE *in = fmemopen((void *)(size_t)text, strlen(text), "r");

	cr_assert_not_null(in);
	return in;
}

/* What was written to an open_memstream(). */
struct written {
	char *text;
	size_t size;
	FILE *out;
};

static inline void written_open(struct written *written)
{
	written->out = open_memstream(&written->text, &written->size);
	cr_assert_not_null(written->out);
}

#endif
