/* SPDX-License-Identifier: MIT */
/*
 * changes.c - the functions whose own time changed most, and all of it.
 *
 * A function's own time is summed over all stacks that it is the leaf of: what its callees took is
 * theirs. So the lines add up to the last one.
 */
#include "flamegraphs/changes.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 25u

struct change {
	const char *name;
	double amount[TREE_SIDES];
};

static double difference(const struct change *change)
{
	return change->amount[TREE_NEW] - change->amount[TREE_BASE];
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct change *)a)->name, ((const struct change *)b)->name);
}

static int by_difference(const void *a, const void *b)
{
	const double one = fabs(difference(a)), other = fabs(difference(b));

	return one > other ? -1 : one < other ? 1 : by_name(a, b);
}

/* Makes one of all that have the same name. Returns how many there are then. */
static uint32_t merge(struct change *changes, uint32_t count)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (kept && strcmp(changes[kept - 1].name, changes[i].name) == 0) {
			for (uint32_t side = 0; side < TREE_SIDES; side++)
				changes[kept - 1].amount[side] += changes[i].amount[side];
		} else {
			changes[kept++] = changes[i];
		}
	}
	return kept;
}

static void print(const struct change *change, enum svg_unit unit, FILE *out)
{
	char text[TREE_SIDES + 1][48];

	for (uint32_t side = 0; side < TREE_SIDES; side++)
		svg_format(unit, change->amount[side], text[side], sizeof(text[side]));
	svg_format(unit, difference(change), text[TREE_SIDES], sizeof(text[TREE_SIDES]));
	fprintf(out, "%s%s\t%s\t%s\t%s\n", difference(change) > 0 ? "+" : "", text[TREE_SIDES],
		text[TREE_BASE], text[TREE_NEW], change->name);
}

int changes_write(const struct tree *tree, enum svg_unit unit, FILE *out)
{
	struct change *changes = calloc(tree->count, sizeof(*changes));
	struct change rest = { .name = "(others)" }, all = { .name = "(all)" };
	uint32_t count;

	if (!changes)
		return -ENOMEM;
	for (uint32_t i = 0; i < tree->count; i++) {
		changes[i].name = tree->nodes[i].name;
		for (uint32_t side = 0; side < TREE_SIDES; side++)
			changes[i].amount[side] = (double)tree->nodes[i].self[side];
	}
	qsort(changes, tree->count, sizeof(*changes), by_name);
	count = merge(changes, tree->count);
	qsort(changes, count, sizeof(*changes), by_difference);
	fputs("difference\tbase\tnew\tfunction, without its callees\n", out);
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t side = 0; side < TREE_SIDES; side++) {
			all.amount[side] += changes[i].amount[side];
			if (i >= SHOWN)
				rest.amount[side] += changes[i].amount[side];
		}
		if (i < SHOWN &&
		    (changes[i].amount[TREE_NEW] > 0 || changes[i].amount[TREE_BASE] > 0))
			print(&changes[i], unit, out);
	}
	if (count > SHOWN)
		print(&rest, unit, out);
	print(&all, unit, out);
	free(changes);
	return fflush(out) || ferror(out) ? -EIO : 0;
}
