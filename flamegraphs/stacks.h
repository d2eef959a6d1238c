/* SPDX-License-Identifier: MIT */
/*
 * stacks.h - how much was seen of each stack: a table from text to a number, of bounded memory.
 *
 * A stack is one line of text, "root;caller;leaf". What would take the table beyond its bound is
 * added to one stack of its own, so that nothing is lost from the sum.
 */
#ifndef FLAME_STACKS_H
#define FLAME_STACKS_H

#include <stddef.h>
#include <stdint.h>

#define STACKS_BYTES_MAX (256u << 20)
#define STACKS_BEYOND "[more stacks than fit]"

struct stack {
	char *text;
	uint64_t amount;
};

struct stacks {
	struct stack *entries;
	uint32_t count;
	uint32_t room;
	uint32_t *slots; /* number of an entry + 1, or 0; a power of two of them */
	uint32_t slot_count;
	size_t bytes;
	size_t bytes_max; /* 0: STACKS_BYTES_MAX */
	uint64_t beyond;  /* how often the bound was met */
};

#define STACKS_NONE UINT32_MAX

/* The number of the entry with that text, which is added with 0 if there is none; or STACKS_NONE:
 * no memory. @stacks begins as zeros. */
uint32_t stacks_find(struct stacks *stacks, const char *text);

/* Orders the entries by their text. Numbers of entries do not hold any longer; only
 * stacks_free() may follow. */
void stacks_sort(struct stacks *stacks);

void stacks_free(struct stacks *stacks);

#endif
