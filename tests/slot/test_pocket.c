/* SPDX-License-Identifier: MIT */
/*
 * test_pocket.c - unit tests of engine/slot/pocket.c, and of a pool that has pockets: one thread
 * that plays owner and thief, with both fences. torture_pool.c has several threads.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/slot/pool.h"
#include "platform/membarrier.h"
#include "platform/script.h"

static bool fences[2]; /* the ways to fence that this machine has */
static uint32_t fence_count;

static void find_fences(void)
{
	fences[fence_count++] = false;
	if (pendi_membarrier_register() == 0)
		fences[fence_count++] = true;
}

TestSuite(pocket, .init = find_fences);

Test(pocket, owner_takes_what_it_put_last)
{
	for (uint32_t way = 0; way < fence_count; way++) {
		struct pendi_pocket pocket = { .top = 0 };

		cr_expect(pendi_pocket_seems_empty(&pocket));
		cr_expect_eq(pendi_pocket_take(&pocket, 0, fences[way]), PENDI_SLOT_NONE);
		for (uint32_t slot = 10; slot < 13; slot++)
			cr_expect(pendi_pocket_put(&pocket, slot));
		cr_expect_not(pendi_pocket_seems_empty(&pocket));
		cr_expect_eq(pendi_pocket_take(&pocket, 1, fences[way]), 12);
		cr_expect_eq(pendi_pocket_take(&pocket, 1, fences[way]), 11);
		cr_expect_eq(pendi_pocket_take(&pocket, 1, fences[way]), PENDI_SLOT_NONE,
			     "one is kept");
		cr_expect_eq(pendi_pocket_take(&pocket, 0, fences[way]), 10);
		cr_expect_eq(pendi_pocket_take(&pocket, 0, fences[way]), PENDI_SLOT_NONE);
		cr_expect(pendi_pocket_seems_empty(&pocket));
	}
}

Test(pocket, thief_takes_what_was_put_first)
{
	for (uint32_t way = 0; way < fence_count; way++) {
		struct pendi_pocket pocket = { .top = 0 };

		cr_expect_eq(pendi_pocket_steal(&pocket, fences[way]), PENDI_SLOT_NONE);
		for (uint32_t slot = 10; slot < 14; slot++)
			cr_expect(pendi_pocket_put(&pocket, slot));
		cr_expect_eq(pendi_pocket_steal(&pocket, fences[way]), 10);
		cr_expect_eq(pendi_pocket_take(&pocket, 0, fences[way]), 13);
		cr_expect_eq(pendi_pocket_steal(&pocket, fences[way]), 11);
		cr_expect_eq(pendi_pocket_take(&pocket, 0, fences[way]), 12);
		cr_expect_eq(pendi_pocket_steal(&pocket, fences[way]), PENDI_SLOT_NONE);
	}
}

/* Round and round the ring, with every number of slots in it. */
Test(pocket, holds_as_many_as_it_has_room_for)
{
	for (uint32_t way = 0; way < fence_count; way++) {
		struct pendi_pocket pocket = { .top = 0 };

		for (uint32_t count = 1; count <= PENDI_POCKET_SLOTS; count++) {
			for (uint32_t slot = 0; slot < count; slot++)
				cr_expect(pendi_pocket_put(&pocket, 100 + slot));
			cr_expect(pendi_pocket_put(&pocket, 1) == (count < PENDI_POCKET_SLOTS));
			if (count < PENDI_POCKET_SLOTS)
				cr_expect_eq(pendi_pocket_take(&pocket, 0, fences[way]), 1);
			for (uint32_t slot = 0; slot < count; slot++)
				cr_expect_eq(slot % 2 ? pendi_pocket_take(&pocket, 0, fences[way])
						      : pendi_pocket_steal(&pocket, fences[way]),
					     slot % 2 ? 100 + count - 1 - slot / 2
						      : 100 + slot / 2);
			cr_expect(pendi_pocket_seems_empty(&pocket));
		}
	}
}

enum { SLOTS = 40 };

struct fixture {
	struct pendi_slab slab;
	struct pendi_pool pool;
	uint32_t slots[SLOTS];
	uint32_t count;
};

static void set_up(struct fixture *fixture)
{
	const struct pendi_slab_shape shape = { .count = SLOTS };

	fixture->count = 0;
	cr_assert_eq(pendi_slab_init(&fixture->slab, &shape, NULL), 0);
	cr_assert_eq(pendi_pool_init(&fixture->pool, &fixture->slab, 0, SLOTS, 2, NULL), 0);
	cr_assert_eq(pendi_pool_add_pockets(&fixture->pool, NULL), 0);
}

static void tear_down(struct fixture *fixture)
{
	pendi_pool_fini(&fixture->pool, NULL);
	pendi_slab_fini(&fixture->slab, NULL);
}

/* Takes all that there is: each slot once. */
static void *take_all(void *argument)
{
	struct fixture *fixture = argument;
	bool seen[SLOTS] = { false };
	uint32_t slot;

	for (fixture->count = 0; (slot = pendi_pool_take(&fixture->pool, 0)) != PENDI_SLOT_NONE;) {
		cr_assert_lt(slot, SLOTS);
		cr_assert_not(seen[slot]);
		seen[slot] = true;
		fixture->slots[fixture->count++] = slot;
	}
	return NULL;
}

static void put_all(struct fixture *fixture)
{
	while (fixture->count)
		pendi_pool_put(&fixture->pool, 1, fixture->slots[--fixture->count]);
}

static void *take_and_put_all(void *argument)
{
	(void)take_all(argument);
	put_all(argument);
	return NULL;
}

static void in_a_thread(void *(*function)(void *), struct fixture *fixture)
{
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, function, fixture), 0);
	cr_assert_eq(pthread_join(thread, NULL), 0);
}

/* What one thread has in its pocket, or had when it ended, another can take to the last. */
Test(pocket, strands_no_slot)
{
	struct fixture fixture;

	set_up(&fixture);
	for (int again = 0; again < 5; again++) {
		(void)take_all(&fixture);
		cr_expect_eq(fixture.count, SLOTS);
		put_all(&fixture);
		in_a_thread(take_all, &fixture);
		cr_expect_eq(fixture.count, SLOTS);
		put_all(&fixture);
		in_a_thread(take_and_put_all, &fixture);
	}
	tear_down(&fixture);
}

static int refuse(void)
{
	return -EPERM;
}

Test(pocket, strands_no_slot_where_membarrier_is_refused)
{
	struct fixture fixture;

	pendi_script.membarrier_register = refuse;
	pendi_script.membarrier = refuse;
	set_up(&fixture);
	cr_expect_not(fixture.pool.light);
	put_all(&fixture);
	in_a_thread(take_and_put_all, &fixture);
	(void)take_all(&fixture);
	cr_expect_eq(fixture.count, SLOTS);
	tear_down(&fixture);
}

static int allocation_fails(size_t size)
{
	return size != 0;
}

Test(pocket, no_memory_is_an_error)
{
	const struct pendi_slab_shape shape = { .count = 1 };
	struct pendi_slab slab;
	struct pendi_pool pool;

	cr_assert_eq(pendi_slab_init(&slab, &shape, NULL), 0);
	cr_assert_eq(pendi_pool_init(&pool, &slab, 0, 1, 1, NULL), 0);
	pendi_script.allocation_fails = allocation_fails;
	cr_expect_eq(pendi_pool_add_pockets(&pool, NULL), -ENOMEM);
	pendi_script.allocation_fails = NULL;
	cr_expect_eq(pendi_pool_take(&pool, 0), 0, "a pool without pockets, as before");
	pendi_pool_fini(&pool, NULL);
	pendi_slab_fini(&slab, NULL);
}

/* ---- a barrier that is granted, and refused when it counts ---- */

static uint32_t barriers_granted;

static int grant(void)
{
	return 0;
}

static int grant_some(void)
{
	return barriers_granted && barriers_granted-- ? 0 : -EPERM;
}

static uint32_t played_cpu;

static uint32_t script_cpu(void)
{
	return played_cpu;
}

/* Nothing is taken that the owner could be taking too; nothing is lost by that. */
Test(pocket, without_the_barrier_nothing_is_stolen)
{
	struct pendi_pocket pocket = { .top = 0 };

	cr_expect(pendi_pocket_put(&pocket, 7));
	pendi_script.membarrier = grant_some;
	cr_expect_eq(pendi_pocket_steal(&pocket, true), PENDI_SLOT_NONE);
	cr_expect_eq(pocket.top, 0);
	pendi_script.membarrier = grant;
	cr_expect_eq(pendi_pocket_steal(&pocket, true), 7);
}

static uint64_t full_state(struct pendi_pool *pool)
{
	/* relaxed: one thread. */
	return pendi_load_relaxed(&pool->full) & PENDI_FULL_STATE;
}

/* Who found it otherwise comes too late. */
Test(pocket, a_pool_that_is_open_again_is_told_nothing)
{
	struct fixture fixture;

	set_up(&fixture);
	cr_assert_eq(full_state(&fixture.pool), PENDI_FULL_OPEN);
	/* relaxed: one thread. */
	const uint64_t full = pendi_load_relaxed(&fixture.pool.full);

	pendi_pool_tell_of_pocket(&fixture.pool);
	cr_assert_eq(pendi_load_relaxed(&fixture.pool.full), full);
	tear_down(&fixture);
}

/* However many barriers are granted before the refusal: the pool says that it is empty, and has all
 * of its slots afterwards. */
Test(pocket, a_refused_barrier_refuses_a_slot_and_strands_none)
{
	for (uint32_t granted = 0; granted < 4; granted++) {
		struct fixture fixture;
		uint32_t count = 0;

		pendi_script.membarrier_register = grant;
		pendi_script.membarrier = grant;
		pendi_script.cpu_current = script_cpu;
		set_up(&fixture);
		cr_assert(fixture.pool.light);
		for (; count < SLOTS; count++) {
			fixture.slots[count] = pendi_pool_take(&fixture.pool, 0);
			cr_assert_neq(fixture.slots[count], PENDI_SLOT_NONE);
		}
		pendi_script.membarrier = grant_some; /* none: that it is full is not proved */
		barriers_granted = 0;
		cr_assert_eq(pendi_pool_take(&fixture.pool, 0), PENDI_SLOT_NONE);
		cr_assert_neq(full_state(&fixture.pool), PENDI_FULL_FULL);
		pendi_script.membarrier = grant;
		cr_assert_eq(pendi_pool_take(&fixture.pool, 0), PENDI_SLOT_NONE);
		cr_assert_eq(full_state(&fixture.pool), PENDI_FULL_FULL);
		pendi_pool_put(&fixture.pool, 0, fixture.slots[0]);
		cr_assert_eq(pendi_pool_take(&fixture.pool, 0), fixture.slots[0]);
		pendi_script.membarrier = grant_some;
		barriers_granted = granted;
		cr_assert_eq(pendi_pool_take(&fixture.pool, 0), PENDI_SLOT_NONE);
		pendi_script.membarrier = grant;
		for (uint32_t i = 0; i < count; i++)
			pendi_pool_put(&fixture.pool, i, fixture.slots[i]);
		for (uint32_t i = 0; i < count; i++)
			cr_assert_neq(pendi_pool_take(&fixture.pool, 0), PENDI_SLOT_NONE);
		cr_assert_eq(pendi_pool_take(&fixture.pool, 0), PENDI_SLOT_NONE);
		tear_down(&fixture);
	}
}
