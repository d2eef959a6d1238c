/* SPDX-License-Identifier: MIT */
/*
 * linear_test.c - the checker checked: it accepts what can be explained and nothing else.
 *
 * Hand-made histories of both kinds, then random ones: a machine that is linearizable by
 * construction makes them, and each must be accepted; then one result is changed to what that call
 * could not have seen, and each must be rejected.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "tests/support/arguments.h"
#include "tests/support/check.h"
#include "tests/support/linear.h"
#include "tests/support/random.h"

struct example {
	const char *name;
	bool linearizable;
	struct linear_op ops[8]; /* until one that was never called */
};

static const struct example examples[] = {
	{ "nothing", true, { { 0 } } },
	{ "insert, lookup",
	  true,
	  { { LINEAR_INSERT, 0, 5, 1, 2 }, { LINEAR_LOOKUP, 0, 5, 3, 4 } } },
	{ "a value that nobody wrote",
	  false,
	  { { LINEAR_INSERT, 0, 5, 1, 2 }, { LINEAR_LOOKUP, 0, 6, 3, 4 } } },
	{ "present all the time, not found",
	  false,
	  { { LINEAR_INSERT, 0, 5, 1, 2 },
	    { LINEAR_PUT, 0, 6, 3, 9 },
	    { LINEAR_LOOKUP, -ENOENT, 0, 4, 8 } } },
	{ "not found while it is deleted and inserted",
	  true,
	  { { LINEAR_INSERT, 0, 5, 1, 2 },
	    { LINEAR_DELETE, 0, 0, 3, 9 },
	    { LINEAR_INSERT, 0, 6, 4, 10 },
	    { LINEAR_LOOKUP, -ENOENT, 0, 5, 11 },
	    { LINEAR_LOOKUP, 0, 6, 12, 13 } } },
	{ "two inserts, both the first",
	  false,
	  { { LINEAR_INSERT, 0, 5, 1, 4 }, { LINEAR_INSERT, 0, 6, 2, 3 } } },
	{ "two deletes of one insert",
	  false,
	  { { LINEAR_INSERT, 0, 5, 1, 2 },
	    { LINEAR_DELETE, 0, 0, 3, 6 },
	    { LINEAR_DELETE, 0, 0, 4, 5 } } },
	{ "put never sees an error",
	  false,
	  { { LINEAR_INSERT, 0, 5, 1, 2 }, { LINEAR_PUT, -EEXIST, 6, 3, 4 } } },
	{ "replace of what is absent", false, { { LINEAR_REPLACE, 0, 5, 1, 2 } } },
	{ "old value after the new one was seen",
	  false,
	  { { LINEAR_INSERT, 0, 5, 1, 2 },
	    { LINEAR_PUT, 0, 6, 3, 10 },
	    { LINEAR_LOOKUP, 0, 6, 4, 5 },
	    { LINEAR_LOOKUP, 0, 5, 6, 7 } } },
	{ "a pend is refused while another is not visible yet",
	  true,
	  { { LINEAR_RESERVE, 0, 5, 1, 8 },
	    { LINEAR_PUBLISH, 0, 5, 1, 8 },
	    { LINEAR_RESERVE, -EEXIST, 6, 2, 3 },
	    { LINEAR_LOOKUP, -ENOENT, 0, 4, 5 } } },
	{ "a pend is refused for nothing", false, { { LINEAR_RESERVE, -EEXIST, 6, 2, 3 } } },
	{ "decided twice",
	  false,
	  { { LINEAR_RESERVE, 0, 5, 1, 2 },
	    { LINEAR_PUBLISH, 0, 5, 1, 2 },
	    { LINEAR_DECIDE, 0, 5, 3, 8 },
	    { LINEAR_FINISH, 0, 5, 3, 8 },
	    { LINEAR_DECIDE, 0, 5, 4, 7 } } },
	{ "second, while the first is under way",
	  true,
	  { { LINEAR_RESERVE, 0, 5, 1, 2 },
	    { LINEAR_PUBLISH, 0, 5, 1, 2 },
	    { LINEAR_DECIDE, 0, 5, 3, 8 },
	    { LINEAR_FINISH, 0, 5, 3, 8 },
	    { LINEAR_DECIDE, -EALREADY, 0, 4, 7 } } },
	{ "second, after the first is over",
	  false,
	  { { LINEAR_RESERVE, 0, 5, 1, 2 },
	    { LINEAR_PUBLISH, 0, 5, 1, 2 },
	    { LINEAR_DECIDE, 0, 5, 3, 4 },
	    { LINEAR_FINISH, 0, 5, 3, 4 },
	    { LINEAR_DECIDE, -EALREADY, 0, 5, 6 } } },
	{ "pended again before it was finished",
	  false,
	  { { LINEAR_RESERVE, 0, 5, 1, 2 },
	    { LINEAR_PUBLISH, 0, 5, 1, 2 },
	    { LINEAR_RESERVE, 0, 6, 3, 4 } } },
	{ "invisible after it was published",
	  false,
	  { { LINEAR_RESERVE, 0, 5, 1, 2 },
	    { LINEAR_PUBLISH, 0, 5, 1, 2 },
	    { LINEAR_LOOKUP, -ENOENT, 0, 3, 4 } } },
};

static void check_examples(struct tap *tap)
{
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		uint32_t count = 0;

		while (count < 8 && examples[i].ops[count].called)
			count++;
		tap_report(tap, linear_check(examples[i].ops, count) == examples[i].linearizable,
			   examples[i].name);
	}
}

enum { CALLERS = 4 };

/* A call under way: it takes effect at some tick between its call and its return. */
struct caller {
	struct linear_op op;
	bool busy, effective;
};

static void take_effect(struct linear_op *op, uint64_t *state, uint64_t value)
{
	const bool present = *state != 0;

	op->result = 0;
	if (op->kind == LINEAR_INSERT && present)
		op->result = -EEXIST;
	else if (op->kind != LINEAR_INSERT && op->kind != LINEAR_PUT && !present)
		op->result = -ENOENT;
	if (op->kind == LINEAR_LOOKUP)
		op->value = *state;
	else if (op->result == 0)
		*state = op->value = op->kind == LINEAR_DELETE ? 0 : value;
}

/* A history of @count calls by CALLERS threads of a perfect map. */
static void make_history(struct rng *rng, struct linear_op *ops, uint32_t count)
{
	struct caller callers[CALLERS] = { 0 };
	uint64_t now = 1, state = 0;
	uint32_t made = 0;

	while (made < count) {
		struct caller *caller = &callers[rng_below(rng, CALLERS)];

		if (!caller->busy) {
			*caller = (struct caller){ .busy = true };
			caller->op.kind = (enum linear_kind)rng_below(rng, LINEAR_DELETE + 1);
			caller->op.called = now++;
		} else if (!caller->effective) {
			take_effect(&caller->op, &state, now++);
			caller->effective = true;
		} else {
			caller->op.returned = now++;
			caller->busy = false;
			ops[made++] = caller->op;
		}
	}
	/* Those that have taken effect and not returned are part of the history. */
	for (uint32_t i = 0; i < CALLERS; i++)
		if (callers[i].busy && callers[i].effective && made < LINEAR_MOST) {
			callers[i].op.returned = now++;
			ops[made++] = callers[i].op;
		}
	for (; made < LINEAR_MOST; made++)
		ops[made].called = 0;
}

static uint32_t length(const struct linear_op *ops)
{
	uint32_t count = 0;

	while (count < LINEAR_MOST && ops[count].called)
		count++;
	return count;
}

/* Makes a lookup see what no one wrote. False: no lookup found anything. */
static bool corrupt(struct rng *rng, struct linear_op *ops)
{
	const uint32_t count = length(ops), first = rng_below(rng, count);

	for (uint32_t i = 0; i < count; i++) {
		struct linear_op *op = &ops[(first + i) % count];

		if (op->kind == LINEAR_LOOKUP && op->result == 0) {
			op->value += UINT64_C(1) << 32;
			return true;
		}
	}
	return false;
}

static void check_random(struct tap *tap, const struct arguments *arguments)
{
	struct rng rng = rng_make(arguments->seed, 0);
	struct linear_op ops[LINEAR_MOST];
	uint64_t accepted = 0, rejected = 0, corrupted = 0, flipped = 0, caught = 0;

	for (uint64_t i = 0; i < arguments->rounds; i++) {
		uint32_t victim;

		make_history(&rng, ops, 12 + rng_below(&rng, 29));
		accepted += linear_check(ops, length(ops));
		/* Any result turned round: most of these, not all, are impossible. */
		victim = rng_below(&rng, length(ops));
		if (ops[victim].kind == LINEAR_DELETE || ops[victim].kind == LINEAR_REPLACE) {
			const int result = ops[victim].result;

			ops[victim].result = result ? 0 : -ENOENT;
			flipped++;
			caught += !linear_check(ops, length(ops));
			ops[victim].result = result;
		}
		if (corrupt(&rng, ops)) {
			corrupted++;
			rejected += !linear_check(ops, length(ops));
		}
	}
	printf("# %" PRIu64 " of %" PRIu64 " flipped results rejected\n", caught, flipped);
	tap_report(tap, accepted == arguments->rounds, "histories of a perfect map are accepted");
	tap_report(tap, corrupted > arguments->rounds / 2 && rejected == corrupted,
		   "histories with an impossible result are rejected");
	tap_report(tap, caught > flipped / 2, "most flipped results are rejected");
}

int main(int count, char **words)
{
	struct arguments arguments = { .rounds = 5000 };
	struct tap tap = { 0 };

	if (!arguments_parse(&arguments, count, words))
		return 2;
	check_examples(&tap);
	check_random(&tap, &arguments);
	return tap_end(&tap);
}
