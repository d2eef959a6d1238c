/* SPDX-License-Identifier: MIT */
/*
 * test_pool.c - unit tests of engine/slot/pool.c, one thread. torture_pool.c has the others.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/slot/pool.h"
#include "platform/script.h"

enum { SLOTS_MOST = 300 };

struct fixture {
	struct pendi_slab slab;
	struct pendi_pool pool;
};

static void set_up(struct fixture *fixture, uint32_t slots, uint32_t magazines)
{
	const struct pendi_slab_shape shape = { .count = slots ? slots : 1 };

	cr_assert_eq(pendi_slab_init(&fixture->slab, &shape, NULL), 0);
	cr_assert_eq(pendi_pool_init(&fixture->pool, &fixture->slab, 0, slots, magazines, NULL), 0);
}

static void tear_down(struct fixture *fixture)
{
	pendi_pool_fini(&fixture->pool, NULL);
	cr_expect_null(fixture->pool.magazines);
	pendi_slab_fini(&fixture->slab, NULL);
}

/* Takes all that the pool has: exactly @slots different ones, from @first on. Then gives them
 * back to magazines all over. */
static void expect_whole(struct pendi_pool *pool, uint32_t first, uint32_t slots)
{
	bool taken[SLOTS_MOST] = { false };
	uint32_t order[SLOTS_MOST], count = 0;

	for (uint32_t slot; (slot = pendi_pool_take(pool, count)) != PENDI_SLOT_NONE; count++) {
		cr_assert(slot >= first && slot < first + slots, "slot %u", slot);
		cr_assert(!taken[slot - first], "slot %u twice", slot);
		taken[slot - first] = true;
		order[count] = slot;
	}
	cr_assert_eq(count, slots);
	for (uint32_t i = 0; i < count; i++)
		pendi_pool_put(pool, i % 3 ? i : 0, order[i]);
}

Test(pool, holds_each_slot_once_however_it_is_cut)
{
	static const uint32_t slots[] = { 0, 1, 2, 3, 7, 8, 64, 255, 300 };
	static const uint32_t magazines[] = { 1, 2, 3, 5, 64, 301 };

	for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
		for (size_t j = 0; j < sizeof(magazines) / sizeof(magazines[0]); j++) {
			struct fixture fixture;

			set_up(&fixture, slots[i], magazines[j]);
			for (int again = 0; again < 3; again++)
				expect_whole(&fixture.pool, 0, slots[i]);
			tear_down(&fixture);
		}
}

Test(pool, two_pools_share_a_slab)
{
	const struct pendi_slab_shape shape = { .count = 100 };
	struct pendi_slab slab;
	struct pendi_pool low, high;

	cr_assert_eq(pendi_slab_init(&slab, &shape, NULL), 0);
	cr_assert_eq(pendi_pool_init(&low, &slab, 0, 70, 3, NULL), 0);
	cr_assert_eq(pendi_pool_init(&high, &slab, 70, 30, 4, NULL), 0);
	expect_whole(&low, 0, 70);
	expect_whole(&high, 70, 30);
	expect_whole(&low, 0, 70);
	pendi_pool_fini(&low, NULL);
	pendi_pool_fini(&high, NULL);
	pendi_slab_fini(&slab, NULL);
}

Test(pool, making_it_touches_one_slot_for_each_magazine)
{
	enum { SLOTS = 100, MAGAZINES = 4 };
	const struct pendi_slab_shape shape = { .count = SLOTS };
	struct pendi_slab slab;
	struct pendi_pool pool;
	uint32_t touched = 0;

	cr_assert_eq(pendi_slab_init(&slab, &shape, NULL), 0);
	cr_assert_eq(pendi_pool_init(&pool, &slab, 0, SLOTS, MAGAZINES, NULL), 0);
	for (size_t i = 0; i < SLOTS; i++)
		for (size_t byte = 0; byte < slab.stride; byte++)
			if (slab.base[i * slab.stride + byte]) {
				touched++;
				break;
			}
	cr_expect_leq(touched, MAGAZINES);
	pendi_pool_fini(&pool, NULL);
	pendi_slab_fini(&slab, NULL);
}

Test(pool, last_in_is_first_out)
{
	struct fixture fixture;
	uint32_t slots[5];

	set_up(&fixture, 10, 2);
	for (uint32_t i = 0; i < 5; i++)
		slots[i] = pendi_pool_take(&fixture.pool, 1);
	for (uint32_t i = 0; i < 5; i++)
		pendi_pool_put(&fixture.pool, 1, slots[i]);
	for (uint32_t i = 5; i-- > 0;)
		cr_expect_eq(pendi_pool_take(&fixture.pool, 1), slots[i]);
	tear_down(&fixture);
}

Test(pool, takes_from_others_when_its_own_is_empty)
{
	struct fixture fixture;
	uint32_t slot;

	set_up(&fixture, 1, 8);
	slot = pendi_pool_take(&fixture.pool, 5);
	cr_assert_eq(slot, 0);
	for (uint32_t home = 0; home < 8; home++)
		for (uint32_t taker = 0; taker < 8; taker++) {
			pendi_pool_put(&fixture.pool, home, slot);
			cr_expect_eq(pendi_pool_take(&fixture.pool, taker), slot);
			cr_expect_eq(pendi_pool_take(&fixture.pool, home), PENDI_SLOT_NONE);
			cr_expect_eq(pendi_pool_take(&fixture.pool, taker), PENDI_SLOT_NONE);
		}
	tear_down(&fixture);
}

Test(pool, is_full_and_open_again)
{
	struct fixture fixture;

	set_up(&fixture, 2, 2);
	for (int again = 0; again < 100; again++) {
		const uint32_t a = pendi_pool_take(&fixture.pool, 0);
		const uint32_t b = pendi_pool_take(&fixture.pool, 0);

		cr_assert_neq(a, PENDI_SLOT_NONE);
		cr_assert_neq(b, PENDI_SLOT_NONE);
		for (uint32_t refusals = 0; refusals < 3; refusals++)
			cr_assert_eq(pendi_pool_take(&fixture.pool, refusals), PENDI_SLOT_NONE);
		pendi_pool_put(&fixture.pool, 1, a);
		cr_assert_eq(pendi_pool_take(&fixture.pool, 0), a, "one put opens it");
		cr_assert_eq(pendi_pool_take(&fixture.pool, 0), PENDI_SLOT_NONE);
		pendi_pool_put_many(&fixture.pool, 0, (const uint32_t[]){ a, b }, 2);
	}
	tear_down(&fixture);
}

Test(pool, magazine_numbers_out_of_range_are_taken_modulo)
{
	struct fixture fixture;
	uint32_t slots[2];

	set_up(&fixture, 12, 3);
	cr_expect_eq(pendi_pool_take(&fixture.pool, 7), 4, "magazine 1 holds 4 to 7");
	pendi_pool_put(&fixture.pool, UINT32_MAX, 4); /* magazine 0 */
	cr_expect_eq(pendi_pool_take(&fixture.pool, 3), 4);
	pendi_pool_put(&fixture.pool, 4, 4);
	cr_expect_eq(pendi_pool_take_many(&fixture.pool, 301, slots, 2), 2);
	cr_expect_eq(slots[0], 4);
	cr_expect_eq(slots[1], 5);
	pendi_pool_put_many(&fixture.pool, 302, slots, 2);
	cr_expect_eq(pendi_pool_take(&fixture.pool, 2), 5, "the last of the array comes first");
	tear_down(&fixture);
}

Test(pool, takes_many_of_one_magazine_only)
{
	struct fixture fixture;
	uint32_t slots[SLOTS_MOST];

	set_up(&fixture, 30, 3);
	cr_expect_eq(pendi_pool_take_many(&fixture.pool, 0, slots, 4), 4);
	cr_expect_eq(pendi_pool_take_many(&fixture.pool, 0, slots + 4, 100), 6);
	cr_expect_eq(pendi_pool_take_many(&fixture.pool, 0, slots + 10, 100), 0);
	for (uint32_t i = 0; i < 10; i++)
		cr_expect_eq(slots[i], i);
	cr_expect_eq(pendi_pool_take(&fixture.pool, 0), 10, "not full: another has some");
	pendi_pool_put(&fixture.pool, 1, 10);
	pendi_pool_put_many(&fixture.pool, 0, slots, 10);
	cr_expect_eq(pendi_pool_take_many(&fixture.pool, 0, slots + 10, 3), 3);
	for (uint32_t i = 0; i < 3; i++)
		cr_expect_eq(slots[10 + i], 9 - i);
	pendi_pool_put_many(&fixture.pool, 2, slots + 10, 3);
	expect_whole(&fixture.pool, 0, 30);
	tear_down(&fixture);
}

Test(pool, wanting_none_takes_none)
{
	struct fixture fixture;
	uint32_t slot = 77;

	set_up(&fixture, 3, 1);
	cr_expect_eq(pendi_pool_take_many(&fixture.pool, 0, &slot, 0), 0);
	cr_expect_eq(slot, 77);
	expect_whole(&fixture.pool, 0, 3);
	tear_down(&fixture);
}

static int refuse(size_t size)
{
	return size != 0;
}

Test(pool, no_memory_is_an_error)
{
	const struct pendi_slab_shape shape = { .count = 4 };
	struct pendi_slab slab;
	struct pendi_pool pool;

	cr_assert_eq(pendi_slab_init(&slab, &shape, NULL), 0);
	pendi_script.allocation_fails = refuse;
	cr_expect_eq(pendi_pool_init(&pool, &slab, 0, 4, 2, NULL), -ENOMEM);
	pendi_script.allocation_fails = NULL;
	pendi_slab_fini(&slab, NULL);
}
