/* SPDX-License-Identifier: MIT */
/*
 * test_index.c - unit tests of engine/index, one thread. torture_index.c has several.
 *
 * Keys are numbers spread over the key's bytes. Where a test needs keys of one home, or of one
 * tag, it tries numbers until it has them.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wundef"
#define XXH_INLINE_ALL
#include <xxhash.h>
#pragma GCC diagnostic pop

#include "engine/index/index.h"
#include "engine/slot/fill.h"
#include "platform/script.h"

enum { KEY_MOST = 256, SEED = 42 };

struct fixture {
	struct pendi_slab slab;
	struct pendi_index index;
	uint32_t key_size;
	uint32_t next_slot;
};

static void set_up(struct fixture *f, uint32_t slots, uint32_t entries, uint32_t key_size,
		   uint64_t seed)
{
	const struct pendi_slab_shape shape = { .count = slots, .key_size = key_size };

	memset(f, 0, sizeof(*f));
	f->key_size = key_size;
	cr_assert_eq(pendi_slab_init(&f->slab, &shape, NULL), 0);
	cr_assert_eq(pendi_index_init(&f->index, &f->slab, entries, key_size, seed, NULL), 0);
}

static void tear_down(struct fixture *f)
{
	pendi_index_fini(&f->index, NULL);
	cr_expect_null(f->index.buckets);
	pendi_slab_fini(&f->slab, NULL);
}

/* The bytes of a key, and the key. They stay until the next call. */
static struct pendi_key key_of(const struct fixture *f, uint64_t number)
{
	static unsigned char bytes[KEY_MOST];

	for (uint32_t i = 0; i < f->key_size; i++)
		bytes[i] = (unsigned char)(number >> 8 * (i % 8)) ^ (unsigned char)(i / 8 * 7);
	return pendi_index_key(&f->index, bytes);
}

static uint32_t home_of(const struct fixture *f, uint64_t number)
{
	return pendi_index_home(&f->index, key_of(f, number).hash);
}

/* Arms @slot, gives it the key, and publishes it or not. */
static int insert(struct fixture *f, uint32_t slot, uint64_t number, bool publish)
{
	struct pendi_slot *at = pendi_slab_slot(&f->slab, slot);
	const struct pendi_key key = key_of(f, number);
	int result;

	pendi_slot_arm(&f->slab, at);
	pendi_slot_fill(pendi_slab_key(&f->slab, at), key.bytes, f->key_size);
	result = pendi_index_insert(&f->index, slot, &key);
	if (result)
		pendi_slot_disarm(at);
	else if (publish)
		(void)pendi_slot_publish(at, false);
	return result;
}

static uint32_t find(struct fixture *f, uint64_t number)
{
	const struct pendi_key key = key_of(f, number);
	const struct pendi_found found = pendi_index_find(&f->index, &key);

	if (found.slot == PENDI_SLOT_NONE)
		return PENDI_SLOT_NONE;
	/* relaxed, both: one thread. */
	cr_assert_eq(found.word, pendi_load_relaxed(&pendi_slab_slot(&f->slab, found.slot)->word));
	cr_assert_eq(found.cell, pendi_load_relaxed(&f->index.buckets[found.place / PENDI_CELLS]
							     .cells[found.place % PENDI_CELLS]));
	return found.slot;
}

/* Completes what stands in @slot, and removes it. */
static void finish(struct fixture *f, uint32_t slot)
{
	struct pendi_slot *at = pendi_slab_slot(&f->slab, slot);
	/* relaxed, both: one thread. */
	const uint64_t word = pendi_load_relaxed(&at->word);
	const struct pendi_step step = pendi_word_complete(word, word, 1, 0);

	cr_assert_eq(step.result, 0);
	pendi_store_relaxed(&at->word, step.word);
	pendi_index_remove(&f->index, slot);
	pendi_slot_free(at, step.word);
}

static uint64_t home_word(const struct fixture *f, uint32_t bucket)
{
	/* relaxed: one thread. */
	return pendi_load_relaxed(&f->index.buckets[bucket].home);
}

static void expect_empty(const struct fixture *f)
{
	for (uint32_t bucket = 0; bucket < f->index.bucket_count; bucket++) {
		cr_expect_eq(home_word(f, bucket), 0);
		for (uint32_t cell = PENDI_CELL_FIRST; cell < PENDI_CELLS; cell++)
			/* relaxed: one thread. */
			cr_expect_eq(pendi_load_relaxed(&f->index.buckets[bucket].cells[cell]), 0);
	}
}

Test(index, keys_of_every_size_are_told_apart)
{
	for (uint32_t size = 1; size <= KEY_MOST; size++) {
		const uint32_t count = size == 1 ? 100 : 120;
		struct fixture f;

		set_up(&f, 128, 128, size, SEED);
		for (uint32_t i = 0; i < count; i++)
			cr_assert_eq(insert(&f, i, i, true), 0);
		for (uint32_t i = 0; i < count; i++) {
			cr_assert_eq(find(&f, i), i, "size %u key %u", size, i);
			cr_assert_eq(insert(&f, 127, i, true), -EEXIST);
		}
		cr_assert_eq(find(&f, count), PENDI_SLOT_NONE);
		for (uint32_t i = 0; i < count; i += 2)
			finish(&f, i);
		for (uint32_t i = 0; i < count; i++)
			cr_assert_eq(find(&f, i), i % 2 ? i : PENDI_SLOT_NONE);
		for (uint32_t i = 1; i < count; i += 2)
			finish(&f, i);
		expect_empty(&f);
		tear_down(&f);
	}
}

/* Keys that differ in one bit, wherever it is. */
Test(index, each_bit_of_a_key_counts)
{
	static const uint32_t sizes[] = { 1, 3, 8, 13, 16, 17, 64, 129, 256 };

	for (size_t n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++) {
		unsigned char bytes[KEY_MOST] = { 0 };
		struct fixture f;

		set_up(&f, 1, 8, sizes[n], SEED);
		cr_assert_eq(insert(&f, 0, 0, true), 0);
		memcpy(bytes, key_of(&f, 0).bytes, sizes[n]);
		for (uint32_t bit = 0; bit < 8 * sizes[n]; bit++) {
			struct pendi_key key;

			bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
			/* With the hash of the key that is there: only the bytes differ. */
			key = (struct pendi_key){ bytes, key_of(&f, 0).hash };
			cr_assert_eq(pendi_index_find(&f.index, &key).slot, PENDI_SLOT_NONE);
			bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
		}
		tear_down(&f);
	}
}

Test(index, only_live_slots_are_found_but_all_holders_keep_the_key)
{
	struct fixture f;
	struct pendi_slot *at;
	uint64_t word;

	set_up(&f, 2, 8, 8, SEED);
	at = pendi_slab_slot(&f.slab, 0);
	cr_expect_eq(insert(&f, 0, 5, false), 0);
	cr_expect_eq(find(&f, 5), PENDI_SLOT_NONE, "not published yet");
	cr_expect_eq(insert(&f, 1, 5, true), -EEXIST);
	word = pendi_slot_publish(at, false);
	cr_expect_eq(find(&f, 5), 0);
	cr_expect_eq(insert(&f, 1, 5, true), -EEXIST);
	word = pendi_word_continue(word, word, 1).word;
	/* relaxed, all: one thread. */
	pendi_store_relaxed(&at->word, word);
	cr_expect_eq(find(&f, 5), 0, "RERUN is live");
	cr_expect_eq(insert(&f, 1, 5, true), -EEXIST);
	word = pendi_word_rerun_exit(word, 2, 1).word;
	pendi_store_relaxed(&at->word, word);
	cr_expect_eq(find(&f, 5), PENDI_SLOT_NONE, "COMPLETING is not");
	cr_expect_eq(insert(&f, 1, 5, true), -EEXIST);
	pendi_index_remove(&f.index, 0);
	pendi_slot_free(at, word);
	cr_expect_eq(insert(&f, 1, 5, true), 0);
	cr_expect_eq(find(&f, 5), 1);
	finish(&f, 1);
	expect_empty(&f);
	tear_down(&f);
}

/* What a stalled inserter left behind is settled by who comes next. */
Test(index, contenders_are_settled_by_whoever_comes)
{
	struct fixture f;
	struct pendi_slot *at;
	struct pendi_key key;
	uint32_t place;

	set_up(&f, 3, 8, 8, SEED);
	at = pendi_slab_slot(&f.slab, 0);
	key = key_of(&f, 9);
	/* Slot 0 announces the key in the first cell of its home, and stalls. */
	pendi_slot_arm(&f.slab, at);
	pendi_slot_fill(pendi_slab_key(&f.slab, at), key.bytes, 8);
	/* relaxed, all: one thread. */
	pendi_store_relaxed(&at->word, pendi_word_contest(pendi_load_relaxed(&at->word)));
	place = pendi_bucket_take(&f.index.buckets[0],
				  ((uint32_t)key.hash & ~f.index.slot_mask) | 1);
	cr_assert_eq(place, PENDI_CELL_FIRST);
	pendi_store_relaxed(&at->cell, place);
	cr_expect_eq(insert(&f, 1, 9, true), -EEXIST);
	cr_expect_eq(pendi_word_state(pendi_load_relaxed(&at->word)), PENDI_SLOT_ARMING,
		     "the first in rank was given the key by the second");
	(void)pendi_slot_publish(at, false);
	cr_expect_eq(find(&f, 9), 0);
	finish(&f, 0);
	expect_empty(&f);
	tear_down(&f);
}

/* Numbers of keys whose home is @bucket. */
static void keys_at(const struct fixture *f, uint32_t bucket, uint64_t *numbers, uint32_t count)
{
	uint64_t number = 0;

	for (uint32_t i = 0; i < count; number++)
		if (home_of(f, number) == bucket)
			numbers[i++] = number;
}

static void overflow(struct fixture *f, uint32_t home, uint32_t count)
{
	uint64_t numbers[64];
	const uint32_t in_line = PENDI_CELLS - PENDI_CELL_FIRST;

	keys_at(f, home, numbers, count + 1);
	for (uint32_t i = 0; i < count; i++) {
		cr_assert_eq(insert(f, i, numbers[i], true), 0);
		cr_assert_eq(home_word(f, home),
			     i < in_line ? 0
					 : pendi_home_make(i + 1 - in_line,
							   1 + (i - in_line) / in_line));
	}
	for (uint32_t i = 0; i < count; i++) {
		cr_assert_eq(find(f, numbers[i]), i);
		cr_assert_eq(insert(f, count, numbers[i], true), -EEXIST);
	}
	cr_assert_eq(find(f, numbers[count]), PENDI_SLOT_NONE);
	/* The displaced ones stay where they are when the home has room again. */
	for (uint32_t i = 0; i < in_line; i++)
		finish(f, i);
	for (uint32_t i = 0; i < count; i++)
		cr_assert_eq(find(f, numbers[i]), i < in_line ? PENDI_SLOT_NONE : i);
	cr_assert_eq(insert(f, 0, numbers[count - 1], true), -EEXIST);
	cr_assert_eq(insert(f, 0, numbers[0], true), 0);
	finish(f, 0);
	for (uint32_t i = in_line; i < count; i++) {
		cr_assert_eq(pendi_home_displaced(home_word(f, home)), count - i);
		finish(f, i);
	}
	expect_empty(f);
}

Test(index, keys_overflow_and_the_reach_follows)
{
	struct fixture f;

	set_up(&f, 18, 32, 16, SEED);
	cr_assert_eq(f.index.bucket_count, 4);
	overflow(&f, 1, 16);
	overflow(&f, 1, 17);
	tear_down(&f);
	set_up(&f, 33, 32, 16, SEED);
	overflow(&f, 0, 32); /* two buckets on */
	tear_down(&f);
}

Test(index, keys_overflow_around_the_end)
{
	struct fixture f;

	set_up(&f, 17, 16, 16, SEED);
	cr_assert_eq(f.index.bucket_count, 2);
	overflow(&f, 1, 16);
	tear_down(&f);
	set_up(&f, 33, 32, 16, SEED);
	overflow(&f, 3, 32);
	tear_down(&f);
}

Test(index, one_bucket_holds_its_entries)
{
	struct fixture f;

	set_up(&f, 9, 8, 4, SEED);
	cr_assert_eq(f.index.bucket_count, 1);
	for (uint32_t i = 0; i < 8; i++)
		cr_expect_eq(insert(&f, i, i, true), 0);
	for (uint32_t i = 0; i < 8; i++)
		cr_expect_eq(find(&f, i), i);
	cr_expect_eq(home_word(&f, 0), 0);
	tear_down(&f);
}

/* Slot numbers at powers of two fit beside the tag. */
Test(index, cells_hold_the_highest_slot_number)
{
	for (uint32_t bits = 0; bits <= 16; bits++)
		for (uint32_t more = 0; more <= 2; more++) {
			const uint32_t slots = (1u << bits) + more - 1;
			struct fixture f;

			if (!slots)
				continue;
			set_up(&f, slots, 8, 8, SEED);
			cr_expect_geq(f.index.slot_mask, slots);
			cr_expect_eq(f.index.slot_mask & (f.index.slot_mask + 1), 0);
			cr_expect_leq(f.index.slot_mask, 2 * slots);
			cr_assert_eq(insert(&f, slots - 1, 1, true), 0);
			cr_expect_eq(find(&f, 1), slots - 1);
			cr_expect_eq(pendi_index_peek(&f.index, key_of(&f, 1).hash), slots - 1);
			finish(&f, slots - 1);
			expect_empty(&f);
			tear_down(&f);
		}
}

/* With many slots the tag is short: keys of one home and tag are told apart by their bytes. */
Test(index, keys_of_one_tag_are_told_apart)
{
	enum { SAME = 6, SLOTS = 65536 };
	uint64_t numbers[SAME], number = 1;
	uint32_t tag;
	struct fixture f;

	set_up(&f, SLOTS, 8, 8, SEED);
	tag = (uint32_t)key_of(&f, 0).hash & ~f.index.slot_mask;
	numbers[0] = 0;
	for (uint32_t i = 1; i < SAME; number++)
		if (((uint32_t)key_of(&f, number).hash & ~f.index.slot_mask) == tag)
			numbers[i++] = number;
	for (uint32_t i = 0; i + 1 < SAME; i++)
		cr_assert_eq(insert(&f, i, numbers[i], true), 0);
	for (uint32_t i = 0; i + 1 < SAME; i++) {
		cr_expect_eq(find(&f, numbers[i]), i);
		cr_expect_eq(insert(&f, 100, numbers[i], true), -EEXIST);
	}
	cr_expect_eq(find(&f, numbers[SAME - 1]), PENDI_SLOT_NONE);
	tear_down(&f);
}

/* An empty cell is 0, and so is a tag now and then. */
Test(index, a_tag_of_zero_is_no_empty_cell)
{
	uint64_t number = 0;
	struct fixture f;

	set_up(&f, 65536, 8, 8, SEED);
	while ((uint32_t)key_of(&f, number).hash & ~f.index.slot_mask)
		number++;
	cr_expect_eq(find(&f, number), PENDI_SLOT_NONE);
	cr_expect_eq(pendi_index_peek(&f.index, key_of(&f, number).hash), PENDI_SLOT_NONE);
	cr_expect_eq(insert(&f, 7, number, true), 0);
	cr_expect_eq(find(&f, number), 7);
	cr_expect_eq(insert(&f, 8, number, true), -EEXIST);
	finish(&f, 7);
	expect_empty(&f);
	tear_down(&f);
}

/* How many of some keys have the same hash in both. */
static uint32_t alike(const struct fixture *a, const struct fixture *b)
{
	uint32_t count = 0;

	for (uint64_t number = 0; number < 1000; number++) {
		const uint64_t hash = key_of(a, number).hash;

		count += hash == key_of(b, number).hash;
	}
	return count;
}

Test(index, a_seed_decides_where_keys_land_and_no_seed_leaves_it_to_chance)
{
	struct fixture a, b, c, d, e;

	set_up(&a, 1, 1024, 16, SEED);
	set_up(&b, 1, 1024, 16, SEED);
	set_up(&c, 1, 1024, 16, SEED + 1);
	set_up(&d, 1, 1024, 16, 0);
	set_up(&e, 1, 1024, 16, 0);
	cr_expect_eq(alike(&a, &b), 1000);
	cr_expect_eq(alike(&a, &c), 0);
	cr_expect_eq(alike(&a, &d), 0);
	cr_expect_eq(alike(&d, &e), 0);
	tear_down(&a);
	tear_down(&b);
	tear_down(&c);
	tear_down(&d);
	tear_down(&e);
}

/*
 * The hash multiplies words of the key with words of its secret. Who knows the secret makes one
 * factor 0, and the other does not count: here with the published secret of seed 0, where each
 * of these keys collides with every other. Under a secret drawn at random they do not.
 */
Test(index, collisions_chosen_for_a_known_secret_do_not_collide_under_a_random_one)
{
	enum { KEYS = 1000, SIZE = 32 };
	unsigned char secret[XXH_SECRET_DEFAULT_SIZE];
	struct pendi_hash hash;
	uint64_t known = 0, first = 0;
	uint32_t collisions = 0;

	XXH3_generateSecret_fromSeed(secret, 0);
	pendi_hash_init(&hash, 0);
	for (uint64_t i = 0; i < KEYS; i++) {
		unsigned char key[SIZE] = { 0 };
		uint64_t chosen, mine;

		memcpy(key, secret, 8); /* the low factor is 0 ... */
		memcpy(key + 8, &i, 8); /* ... and this is lost */
		chosen = XXH3_64bits(key, SIZE);
		mine = pendi_hash_key(&hash, key, SIZE);
		if (i == 0) {
			known = chosen;
			first = mine;
		}
		cr_assert_eq(chosen, known, "the attack works on the known secret");
		collisions += i && mine == first;
	}
	cr_expect_eq(collisions, 0);
}

Test(index, homes_are_spread_evenly)
{
	enum { BUCKETS = 64, KEYS = 64000 };
	uint32_t counts[BUCKETS] = { 0 };
	struct fixture f;

	set_up(&f, 1, BUCKETS * 8, 8, SEED);
	cr_assert_eq(f.index.bucket_count, BUCKETS);
	for (uint64_t number = 0; number < KEYS; number++)
		counts[home_of(&f, number)]++;
	for (uint32_t i = 0; i < BUCKETS; i++) /* ten standard deviations */
		cr_expect(counts[i] > 684 && counts[i] < 1316, "home %u has %u", i, counts[i]);
	tear_down(&f);
}

Test(index, a_place_is_taken_over_or_emptied_by_one_only)
{
	struct fixture f;
	struct pendi_found found, stale;
	struct pendi_key key;

	set_up(&f, 3, 8, 16, SEED);
	key = key_of(&f, 3);
	cr_assert_eq(insert(&f, 0, 3, true), 0);
	found = stale = pendi_index_find(&f.index, &key);
	for (uint32_t slot = 1; slot < 3; slot++) {
		struct pendi_slot *at = pendi_slab_slot(&f.slab, slot);

		pendi_slot_arm(&f.slab, at);
		pendi_slot_fill(pendi_slab_key(&f.slab, at), key.bytes, 16);
		(void)pendi_slot_publish(at, false);
	}
	cr_expect(pendi_index_replace(&f.index, &found, 1));
	cr_expect_eq(find(&f, 3), 1);
	cr_expect_not(pendi_index_replace(&f.index, &stale, 2), "somebody was there before");
	cr_expect_not(pendi_index_erase(&f.index, &stale));
	cr_expect_eq(find(&f, 3), 1);
	found = pendi_index_find(&f.index, &key);
	cr_expect(pendi_index_erase(&f.index, &found));
	cr_expect_not(pendi_index_erase(&f.index, &found));
	cr_expect_not(pendi_index_replace(&f.index, &found, 2));
	expect_empty(&f);
	tear_down(&f);
}

Test(index, a_displaced_place_that_is_taken_over_is_counted_once)
{
	uint64_t numbers[16];
	struct fixture f;
	struct pendi_found found;
	struct pendi_slot *at;
	struct pendi_key key;

	set_up(&f, 16, 16, 16, SEED);
	keys_at(&f, 1, numbers, 15);
	for (uint32_t i = 0; i < 15; i++)
		cr_assert_eq(insert(&f, i, numbers[i], true), 0);
	cr_expect_eq(home_word(&f, 1), pendi_home_make(1, 1));
	key = key_of(&f, numbers[14]);
	found = pendi_index_find(&f.index, &key);
	cr_assert_eq(found.slot, 14);
	at = pendi_slab_slot(&f.slab, 15);
	pendi_slot_arm(&f.slab, at);
	pendi_slot_fill(pendi_slab_key(&f.slab, at), key.bytes, 16);
	(void)pendi_slot_publish(at, false);
	cr_expect(pendi_index_replace(&f.index, &found, 15));
	cr_expect_eq(home_word(&f, 1), pendi_home_make(1, 1));
	cr_expect_eq(find(&f, numbers[14]), 15);
	found = pendi_index_find(&f.index, &key);
	cr_expect(pendi_index_erase(&f.index, &found));
	cr_expect_eq(home_word(&f, 1), 0);
	cr_expect_eq(find(&f, numbers[14]), PENDI_SLOT_NONE);
	tear_down(&f);
}

Test(index, what_is_live_at_once_is_found_without_publishing)
{
	struct fixture f;

	set_up(&f, 2, 8, 8, SEED);
	f.index.live_at_once = true;
	cr_expect_eq(insert(&f, 0, 4, false), 0);
	cr_expect_eq(find(&f, 4), 0);
	cr_expect_eq(insert(&f, 1, 4, false), -EEXIST);
	cr_expect_eq(find(&f, 4), 0);
	finish(&f, 0);
	expect_empty(&f);
	tear_down(&f);
}

static int refuse(size_t size)
{
	return size != 0;
}

Test(index, no_memory_is_an_error)
{
	const struct pendi_slab_shape shape = { .count = 4, .key_size = 8 };
	struct pendi_slab slab;
	struct pendi_index index = { 0 };

	cr_assert_eq(pendi_slab_init(&slab, &shape, NULL), 0);
	pendi_script.allocation_fails = refuse;
	cr_expect_eq(pendi_index_init(&index, &slab, 4, 8, SEED, NULL), -ENOMEM);
	pendi_script.allocation_fails = NULL;
	pendi_slab_fini(&slab, NULL);
}
