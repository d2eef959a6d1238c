/* SPDX-License-Identifier: MIT */
/*
 * check.h - checks and TAP lines for tests that are plain executables.
 *
 * For what must run under a thread sanitizer, helgrind or a model checker, which a framework that
 * forks does not survive. A check that fails prints both sides and aborts, from any thread. Each
 * side is evaluated once, as 64 bits, so no comparison is narrowed.
 */
#ifndef TESTS_SUPPORT_CHECK_H
#define TESTS_SUPPORT_CHECK_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                \
	do {                                                            \
		if (!(condition))                                       \
			check_failed(__FILE__, __LINE__, (#condition)); \
	} while (0)

/* For what must not be reached. */
#define CHECK_NEVER(what) check_failed(__FILE__, __LINE__, what)

#define CHECK_U64(left, operator, right)                                                    \
	do {                                                                                \
		const uint64_t check_left_ = (left), check_right_ = (right);                \
		if (!(check_left_ operator check_right_))                                   \
			check_failed_u64(__FILE__, __LINE__, #left " " #operator" " #right, \
					 check_left_, check_right_);                        \
	} while (0)

#define CHECK_INT(left, operator, right)                                                    \
	do {                                                                                \
		const int64_t check_left_ = (left), check_right_ = (right);                 \
		if (!(check_left_ operator check_right_))                                   \
			check_failed_int(__FILE__, __LINE__, #left " " #operator" " #right, \
					 check_left_, check_right_);                        \
	} while (0)

static inline _Noreturn void check_abort(void)
{
	fflush(NULL);
	abort();
}

static inline _Noreturn void check_failed(const char *file, int line, const char *what)
{
	printf("Bail out! %s:%d: not so: %s\n", file, line, what);
	check_abort();
}

static inline _Noreturn void check_failed_u64(const char *file, int line, const char *what,
					      uint64_t left, uint64_t right)
{
	printf("Bail out! %s:%d: not so: %s (%#" PRIx64 " and %#" PRIx64 ")\n", file, line, what,
	       left, right);
	check_abort();
}

static inline _Noreturn void check_failed_int(const char *file, int line, const char *what,
					      int64_t left, int64_t right)
{
	printf("Bail out! %s:%d: not so: %s (%" PRId64 " and %" PRId64 ")\n", file, line, what,
	       left, right);
	check_abort();
}

/* The running count of a test's cases. */
struct tap {
	uint32_t count;
	uint32_t failed;
};

static inline void tap_report(struct tap *tap, int holds, const char *name)
{
	tap->failed += holds ? 0 : 1;
	printf("%s %" PRIu32 " - %s\n", holds ? "ok" : "not ok", ++tap->count, name);
	fflush(stdout);
}

/* The plan, and the exit status of main(). No case at all is a failure. */
static inline int tap_end(const struct tap *tap)
{
	printf("1..%" PRIu32 "\n", tap->count);
	fflush(stdout);
	return tap->count && !tap->failed ? 0 : 1;
}

#endif
