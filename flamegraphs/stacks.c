/* SPDX-License-Identifier: MIT */
/*
 * stacks.c - a hash table with open addressing, at most half full.
 */
#include "flamegraphs/stacks.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static uint32_t hash_of(const char *text)
{
	uint32_t hash = 2166136261u;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619u;
	return hash;
}

/* The slot that @text is in, or the free one where it belongs. */
static uint32_t *slot_of(const struct stacks *stacks, const char *text)
{
	const uint32_t mask = stacks->slot_count - 1;
	uint32_t at = hash_of(text) & mask;

	while (stacks->slots[at] && strcmp(stacks->entries[stacks->slots[at] - 1].text, text) != 0)
		at = (at + 1) & mask;
	return &stacks->slots[at];
}

static bool grow(struct stacks *stacks)
{
	const uint32_t room = stacks->room ? stacks->room * 2 : 256;
	struct stack *entries = realloc(stacks->entries, room * sizeof(*entries));
	uint32_t *slots;

	if (!entries)
		return false;
	stacks->entries = entries;
	slots = calloc((size_t)room * 2, sizeof(*slots));
	if (!slots)
		return false;
	free(stacks->slots);
	stacks->slots = slots;
	stacks->slot_count = room * 2;
	stacks->room = room;
	for (uint32_t i = 0; i < stacks->count; i++)
		*slot_of(stacks, entries[i].text) = i + 1;
	return true;
}

uint32_t stacks_find(struct stacks *stacks, const char *text)
{
	const size_t bytes_max = stacks->bytes_max ? stacks->bytes_max : STACKS_BYTES_MAX;
	size_t size = strlen(text) + 1;
	uint32_t *slot;

	if (stacks->count == stacks->room && !grow(stacks))
		return STACKS_NONE;
	slot = slot_of(stacks, text);
	if (*slot)
		return *slot - 1;
	if (stacks->bytes + size > bytes_max) {
		stacks->beyond++;
		text = STACKS_BEYOND;
		size = sizeof(STACKS_BEYOND);
		slot = slot_of(stacks, text);
		if (*slot)
			return *slot - 1;
	}
	char *copy = malloc(size);

	if (!copy)
		return STACKS_NONE;
	memcpy(copy, text, size);
	stacks->bytes += size;
	stacks->entries[stacks->count] = (struct stack){ copy, 0 };
	*slot = ++stacks->count;
	return stacks->count - 1;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct stack *)a)->text, ((const struct stack *)b)->text);
}

void stacks_sort(struct stacks *stacks)
{
	if (stacks->count)
		qsort(stacks->entries, stacks->count, sizeof(*stacks->entries), by_text);
}

void stacks_free(struct stacks *stacks)
{
	for (uint32_t i = 0; i < stacks->count; i++)
		free(stacks->entries[i].text);
	free(stacks->entries);
	free(stacks->slots);
	*stacks = (struct stacks){ 0 };
}
