/* SPDX-License-Identifier: MIT */
/*
 * fixture.h - what the unit tests of the maps share: small maps, and proof that a refusal left
 * no trace.
 *
 * Keys, values and scratch are 8 bytes unless a test says otherwise. A refused call is wrapped in
 * REFUSED(), which compares every counter of the map before and after; what such a call could
 * have written is checked against a canary by the test.
 *
 * A comment "retval: FUNCTION -ERROR" stands at each check that provokes a documented error;
 * check_errors.py compares them with the headers.
 */
#ifndef TESTS_MAP_FIXTURE_H
#define TESTS_MAP_FIXTURE_H

#include <criterion/criterion.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <pendmap/pendmap.h>

#include "epoch/epoch.h"

#define CANARY UINT64_C(0xdeadbeefcafef00d)
#define CANARY_INT 0x5ca1ab1e

/* A deadline as it is kept: rounded up to 65.5 microseconds, never early (engine/deadline/due.h). */
static inline uint64_t rounded_up(uint64_t deadline_ns)
{
	const uint64_t unit = 1u << 16;

	return (deadline_ns + unit - 1) / unit * unit;
}

static inline bool epochs_are_native(void)
{
	return strcmp(pendi_epoch_name(), "native") == 0;
}

/*
 * No reader is inside: with the native epochs what they held can be had at once, and this does
 * nothing. liburcu reclaims in a thread of its own, which is waited for.
 */
static inline void let_reclaim(void)
{
	if (!epochs_are_native())
		cr_assert_eq(pendi_epoch_barrier(), 0);
}

/* What completion functions were told, in order. */
struct told {
	uint32_t count;
	struct pend_operation operations[64];
	uint64_t keys[64], values[64], scratches[64];
};

static inline void tell(void *context, const struct pend_operation *operation)
{
	struct told *told = context;
	const uint32_t at = told->count++;

	cr_assert_lt(at, 64u);
	told->operations[at] = *operation;
	if (operation->key)
		memcpy(&told->keys[at], operation->key, sizeof(told->keys[at]));
	if (operation->value)
		memcpy(&told->values[at], operation->value, sizeof(told->values[at]));
	if (operation->scratch)
		memcpy(&told->scratches[at], operation->scratch, sizeof(told->scratches[at]));
}

/* Options of a map of 8-byte keys, values and scratch. */
static inline struct pend_map_options keyed(uint32_t max_entries, uint32_t flags)
{
	struct pend_map_options options = pend_map_options_default();

	options.max_entries = max_entries;
	options.flags = flags;
	options.key_size = options.value_size = options.scratch_size = 8;
	return options;
}

static inline struct pend_map *make(const struct pend_map_options *options)
{
	struct pend_map *map = NULL;

	cr_assert_eq(pend_map_create(options, &map), 0);
	cr_assert_not_null(map);
	return map;
}

static inline struct pend_map *make_keyed(uint32_t max_entries)
{
	const struct pend_map_options options = keyed(max_entries, 0);

	return make(&options);
}

/* The pointer of a map that is no more. */
static inline struct pend_map *make_destroyed(void)
{
	struct pend_map *map = make_keyed(4);

	cr_assert_eq(pend_map_destroy(map), 0);
	return map;
}

static inline void destroy(struct pend_map *map)
{
	cr_assert_eq(pend_map_destroy(map), 0);
}

/* A request of a keyed() map; @key and @value must outlive it. */
static inline struct pend_request request_of(const uint64_t *key, const uint64_t *value)
{
	struct pend_request request = { .key = key, .key_size = 8, .cookie = *key + 1000 };

	if (value) {
		request.value = value;
		request.value_size = 8;
	}
	return request;
}

/* Pends @key in a keyed() map, with the value ~@key and the cookie @key + 1000. */
static inline uint64_t pend_key(struct pend_map *map, uint64_t key)
{
	const uint64_t value = ~key;
	const struct pend_request request = request_of(&key, &value);
	uint64_t handle = 0;

	cr_assert_eq(pend_map_pend(map, &request, &handle), 0);
	cr_assert_neq(handle, 0);
	return handle;
}

static inline int pend_error(struct pend_map *map, uint64_t key)
{
	const struct pend_request request = request_of(&key, NULL);
	uint64_t handle = CANARY;
	const int error = pend_map_pend(map, &request, &handle);

	cr_assert_eq(handle == CANARY, error != 0, "the handle is written if and only if pended");
	return error;
}

static inline struct pend_map_stats stats_of(struct pend_map *map)
{
	struct pend_map_stats stats = { .size = sizeof(stats) };

	cr_assert_eq(pend_map_stats_read(map, &stats), 0);
	cr_assert_eq(stats.pends, stats.completions + stats.live);
	cr_assert_eq((uint64_t)pend_map_count(map), stats.live);
	return stats;
}

/* The call returns @error and moves no counter. */
#define REFUSED(map, error, call)                                            \
	do {                                                                 \
		const struct pend_map_stats before_ = stats_of(map);         \
		cr_assert_eq((call), (error));                               \
		const struct pend_map_stats after_ = stats_of(map);          \
		cr_assert_eq(memcmp(&before_, &after_, sizeof(before_)), 0); \
	} while (0)

/* The call returns @error and moves no counter but @counter, by one. */
#define COUNTED(map, error, counter, call)                                   \
	do {                                                                 \
		struct pend_map_stats before_ = stats_of(map);               \
		cr_assert_eq((call), (error));                               \
		const struct pend_map_stats after_ = stats_of(map);          \
		before_.counter++;                                           \
		cr_assert_eq(memcmp(&before_, &after_, sizeof(before_)), 0); \
	} while (0)

#endif
