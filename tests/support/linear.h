/* SPDX-License-Identifier: MIT */
/*
 * linear.h - is a recorded history of one key linearizable?
 */
#ifndef TESTS_SUPPORT_LINEAR_H
#define TESTS_SUPPORT_LINEAR_H

#include <stdbool.h>
#include <stdint.h>

enum { LINEAR_MOST = 62 };

/*
 * What happens to a key. A pend and a complete are two steps each, somewhere within one call: the
 * key is reserved, then the operation is visible; it is decided, then the key is free.
 */
enum linear_kind {
	LINEAR_LOOKUP,
	/* of the continuation map */
	LINEAR_INSERT,  /* PEND_UPDATE_NOEXIST */
	LINEAR_REPLACE, /* PEND_UPDATE_EXIST */
	LINEAR_PUT,     /* PEND_UPDATE_ANY */
	LINEAR_DELETE,
	/* of the pend map */
	LINEAR_RESERVE,
	LINEAR_PUBLISH,
	LINEAR_DECIDE,
	LINEAR_FINISH,
};

struct linear_op {
	enum linear_kind kind;
	int result;                /* 0 or the error */
	uint64_t value;            /* written, found or decided: below 2^62, not 0 */
	uint64_t called, returned; /* times; no two are the same but for steps of one call */
};

/* Whether some order of @ops, at most LINEAR_MOST, on a key that is absent at first, explains
 * their results and keeps each before those that were called after it had returned. */
bool linear_check(const struct linear_op *ops, uint32_t count);

#endif
