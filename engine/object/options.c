/* SPDX-License-Identifier: MIT */
/*
 * options.c - the one checker of option structs. See options.h.
 */
#include "engine/object/options.h"

#include <errno.h>
#include <pendmap/map.h>
#include <stdbool.h>
#include <string.h>

#include "platform/memory.h"

#define RESERVE_MIN 1024u
#define RESERVE_MAX 65536u

static bool all_zero(const unsigned char *bytes, size_t count)
{
	while (count && !*bytes)
		bytes++, count--;
	return count == 0;
}

int pendi_options_read(void *into, size_t known, size_t first, const void *from)
{
	uint32_t size;

	memcpy(&size, from, sizeof(size));
	if (size < first)
		return -EINVAL;
	if (size > known && !all_zero((const unsigned char *)from + known, size - known))
		return -E2BIG;
	memcpy(into, from, size < known ? size : known);
	return 0;
}

int pendi_options_allocator(struct pend_allocator *into, const struct pend_allocator *from)
{
	int error;

	*into = pendi_memory_default;
	if (!from)
		return 0;
	error = pendi_options_read(into, sizeof(*into), sizeof(*into), from);
	if (error)
		return error;
	return into->allocate && into->release && !into->reserved ? 0 : -EINVAL;
}

int pendi_options_reserve(uint32_t entries, uint32_t asked, uint32_t *reserve)
{
	uint32_t wanted = asked;

	if (!asked) {
		wanted = entries / 4;
		wanted = wanted < RESERVE_MIN ? RESERVE_MIN : wanted;
		wanted = wanted > RESERVE_MAX ? RESERVE_MAX : wanted;
	}
	if (wanted > PEND_MAP_ENTRIES_MAX - entries)
		return -ERANGE;
	*reserve = wanted;
	return 0;
}
