/* SPDX-License-Identifier: MIT */
/*
 * test_between.c - an element that another replaces or takes while it is deleted or taken: each value
 * is taken by one, and what is deleted is not there.
 */
#include "tests/custom/fixture.h"
#include "tests/support/between.h"

static struct world world;
static struct pend_custom_map *map;

static void begin(void)
{
	world_begin(&world);
	map = make_map(&world, BPF_MAP_TYPE_HASH, 4);
}

static void end(void)
{
	close_map(map);
	world_end(&world);
}

TestSuite(between, .init = begin, .fini = end);

enum { KEY = 1, OLD = 10, NEW = 20 };

static int other_result;

static void *replaces(void *context)
{
	(void)context;
	other_result = put(map, KEY, NEW, PEND_BPF_ANY);
	return NULL;
}

static void *deletes(void *context)
{
	(void)context;
	other_result = drop(map, KEY);
	return NULL;
}

static int take(uint64_t *value)
{
	const uint64_t key = KEY;

	return pend_custom_map_take(map, &key, value);
}

/* The new one is deleted, or came when the old one was gone. */
Test(between, a_delete_and_an_update)
{
	uint32_t stayed = 0, went = 0;

	for (uint32_t at = 0;; at++) {
		must_put(map, KEY, OLD);
		(void)between_begin(at, replaces, NULL);
		cr_assert_eq(drop(map, KEY), 0);
		if (!between_end())
			break;
		cr_assert_eq(other_result, 0);
		if (count_of(map)) {
			cr_assert_eq(get(map, KEY), NEW);
			stayed++;
		} else {
			went++;
		}
		(void)drop(map, KEY);
	}
	cr_assert_gt(stayed, 0);
	cr_assert_gt(went, 0);
}

/* The value that is taken is the one that goes. */
Test(between, a_take_and_an_update)
{
	uint32_t olds = 0, news = 0;

	for (uint32_t at = 0;; at++) {
		uint64_t value = CANARY;

		must_put(map, KEY, OLD);
		(void)between_begin(at, replaces, NULL);
		cr_assert_eq(take(&value), 0);
		if (!between_end())
			break;
		cr_assert_eq(other_result, 0);
		cr_assert_eq(value, count_of(map) ? OLD : NEW);
		olds += value == OLD;
		news += value == NEW;
		(void)drop(map, KEY);
	}
	cr_assert_gt(olds, 0);
	cr_assert_gt(news, 0);
}

/* Of two, one finds it. */
Test(between, it_goes_once)
{
	uint32_t mine = 0, others = 0;

	for (uint32_t at = 0;; at++) {
		uint64_t value = CANARY;
		int result;

		must_put(map, KEY, OLD);
		(void)between_begin(at, deletes, NULL);
		result = at % 2 ? take(&value) : drop(map, KEY);
		if (!between_end())
			break;
		cr_assert((result == 0) != (other_result == 0));
		cr_assert_eq(count_of(map), 0);
		cr_assert_eq(value, at % 2 && !result ? OLD : CANARY);
		mine += result == 0;
		others += result != 0;
	}
	cr_assert_gt(mine, 0);
	cr_assert_gt(others, 0);
}
