/* SPDX-License-Identifier: MIT */
/*
 * linear.c - the linearizability checker: depth first, with a memory of dead ends.
 *
 * The search of Wing and Gong with Lowe's cache: take any operation that nobody still outstanding
 * precedes, see whether its result fits the state, go on with the rest. Where the same operations
 * have been done before with the same state, the rest has been tried. A cache that is full forgets
 * nothing and takes no more, which costs time, not truth.
 *
 * The state is one number: 0 absent, v present with the value v, and v with one of two flags:
 * reserved by a pend that is not visible yet, or decided by a complete that is not over yet.
 */
#include "tests/support/linear.h"

#include <errno.h>
#include <string.h>

#define RESERVED (UINT64_C(1) << 63)
#define DECIDED (UINT64_C(1) << 62)

enum { CACHE = 1 << 14 };

struct dead_end {
	uint64_t done, state;
	uint32_t search; /* entries of other searches are empty */
};

struct search {
	const struct linear_op *ops;
	uint32_t count;
	uint32_t number;
	uint32_t cached;
};

static _Thread_local struct dead_end cache[CACHE];
static _Thread_local uint32_t searches;

static bool is_visible(uint64_t state)
{
	return state && !(state & (RESERVED | DECIDED));
}

static bool step_continuation(uint64_t *state, const struct linear_op *op)
{
	const bool present = *state != 0;
	bool wants_absent = op->kind == LINEAR_INSERT, wants_present = op->kind != LINEAR_INSERT;

	if (op->kind == LINEAR_PUT)
		wants_absent = wants_present = false;
	if (op->result == -EEXIST)
		return op->kind == LINEAR_INSERT && present;
	if (op->result == -ENOENT)
		return wants_present && !present;
	if (op->result || (wants_absent && present) || (wants_present && !present))
		return false;
	*state = op->kind == LINEAR_DELETE ? 0 : op->value;
	return true;
}

/* Whether @op can happen in @state, which it then changes. */
static bool step(uint64_t *state, const struct linear_op *op)
{
	switch (op->kind) {
	case LINEAR_LOOKUP:
		return op->result == 0 ? *state == op->value
				       : op->result == -ENOENT && !is_visible(*state);
	case LINEAR_RESERVE:
		if (op->result == -EEXIST)
			return *state != 0;
		if (op->result || *state)
			return false;
		*state = op->value | RESERVED;
		return true;
	case LINEAR_PUBLISH:
		if (*state != (op->value | RESERVED))
			return false;
		*state = op->value;
		return true;
	case LINEAR_DECIDE:
		if (op->result == -ENOENT)
			return !is_visible(*state);
		if (op->result == -EALREADY)
			return *state & DECIDED;
		if (op->result || *state != op->value)
			return false;
		*state |= DECIDED;
		return true;
	case LINEAR_FINISH:
		if (*state != (op->value | DECIDED))
			return false;
		*state = 0;
		return true;
	default:
		return step_continuation(state, op);
	}
}

static uint32_t place_of(uint64_t done, uint64_t state)
{
	const uint64_t mixed =
		(done ^ state * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xbf58476d1ce4e5b9);

	return (uint32_t)(mixed >> 40) % CACHE;
}

/* Whether the rest was tried before from here; if not, it is noted as tried. */
static bool was_tried(struct search *search, uint64_t done, uint64_t state)
{
	uint32_t place = place_of(done, state);

	while (cache[place].search == search->number) {
		if (cache[place].done == done && cache[place].state == state)
			return true;
		place = (place + 1) % CACHE;
	}
	if (search->cached < CACHE / 2) {
		search->cached++;
		cache[place] = (struct dead_end){ done, state, search->number };
	}
	return false;
}

/* The earliest return of what is not done: nothing called later can come next. */
static uint64_t first_return(const struct search *search, uint64_t done)
{
	uint64_t first = UINT64_MAX;

	for (uint32_t i = 0; i < search->count; i++)
		if (!(done >> i & 1) && search->ops[i].returned < first)
			first = search->ops[i].returned;
	return first;
}

static bool explain(struct search *search, uint64_t done, uint64_t state)
{
	uint64_t limit;

	if (done == (UINT64_C(1) << search->count) - 1)
		return true;
	if (was_tried(search, done, state))
		return false;
	limit = first_return(search, done);
	for (uint32_t i = 0; i < search->count; i++) {
		uint64_t next = state;

		if (!(done >> i & 1) && search->ops[i].called < limit &&
		    step(&next, &search->ops[i]) && explain(search, done | UINT64_C(1) << i, next))
			return true;
	}
	return false;
}

bool linear_check(const struct linear_op *ops, uint32_t count)
{
	struct search search = { .ops = ops, .count = count, .number = ++searches };

	if (count > LINEAR_MOST)
		return false;
	if (searches == 0) { /* numbers of old entries come round */
		memset(cache, 0, sizeof(cache));
		search.number = searches = 1;
	}
	return explain(&search, 0, 0);
}
