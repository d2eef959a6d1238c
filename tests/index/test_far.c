/* SPDX-License-Identifier: MIT */
/*
 * test_far.c - a key that finds no room near its home: how far it may go.
 *
 *	index_far [--rounds N] [--seed N] [--only NAME]
 *
 *	home                              home+65535  home+65536
 *	| full | full | ...        | full | full     | a cell is empty
 *
 * A slot notes in 16 bits how far from its home it stands, so it must not go further than that.
 * The cells between are filled by hand: no hash would do so. The table ends in between, so the
 * distance is also reckoned around the end. Rounds change nothing.
 */
#include <sched.h>
#include <string.h>

#include "engine/index/index.h"
#include "engine/slot/fill.h"
#include "tests/support/arguments.h"
#include "tests/support/check.h"
#include "tests/support/threads.h"

enum {
	FARTHEST = 65535,
	BUCKETS = FARTHEST + 100,
	ENTRIES = 8 * BUCKETS,
	NEAR = 7,
	GIVE_UP_S = 30
};

struct fixture {
	struct pendi_slab slab;
	struct pendi_index index;
	uint64_t key;
	struct pendi_key hashed;
	uint32_t home, others; /* what fills the cells: another tag, and a slot that is FREE */
};

static struct pendi_bucket *bucket_at(struct fixture *f, uint32_t distance)
{
	return &f->index.buckets[(f->home + distance) % f->index.bucket_count];
}

/* relaxed, all here: one thread, or a cell that the other takes by CAS. */
static void set_bucket(struct fixture *f, uint32_t distance, uint32_t cell)
{
	for (uint32_t i = PENDI_CELL_FIRST; i < PENDI_CELLS; i++)
		pendi_store_relaxed(&bucket_at(f, distance)->cells[i], cell);
}

static void set_up(struct fixture *f, uint64_t seed)
{
	const struct pendi_slab_shape shape = { .count = 2, .key_size = 8 };

	CHECK_INT(pendi_slab_init(&f->slab, &shape, NULL), ==, 0);
	CHECK_INT(pendi_index_init(&f->index, &f->slab, ENTRIES, 8, seed | 1, NULL), ==, 0);
	CHECK_U64(f->index.bucket_count, ==, BUCKETS);
	for (f->key = 1;; f->key++) {
		f->hashed = pendi_index_key(&f->index, &f->key);
		f->home = pendi_index_home(&f->index, f->hashed.hash);
		if (f->home > BUCKETS - FARTHEST)
			break;
	}
	f->others = (~(uint32_t)f->hashed.hash & ~f->index.slot_mask) | 1;
	for (uint32_t distance = 0; distance <= FARTHEST; distance++)
		set_bucket(f, distance, f->others);
}

static void insert(struct fixture *f)
{
	struct pendi_slot *at = pendi_slab_slot(&f->slab, 1);

	pendi_slot_arm(&f->slab, at);
	pendi_slot_fill(pendi_slab_key(&f->slab, at), &f->key, 8);
	CHECK_INT(pendi_index_insert(&f->index, 1, &f->hashed), ==, 0);
	(void)pendi_slot_publish(at, false);
}

/* It stands @distance from home, is found there, and leaves nothing behind. */
static void expect_at(struct fixture *f, uint32_t distance)
{
	struct pendi_slot *at = pendi_slab_slot(&f->slab, 1);
	const struct pendi_found found = pendi_index_find(&f->index, &f->hashed);

	CHECK_U64(found.slot, ==, 1);
	CHECK_U64(found.place / PENDI_CELLS, ==, (f->home + distance) % BUCKETS);
	/* relaxed, all: one thread. */
	CHECK_U64(pendi_load_relaxed(&at->displacement), ==, distance);
	CHECK_U64(pendi_load_relaxed(&bucket_at(f, 0)->home), ==, pendi_home_make(1, FARTHEST));
	pendi_index_remove(&f->index, 1);
	pendi_slot_free(at, pendi_word_complete(found.word, found.word, 1, 0).word);
	CHECK_U64(pendi_index_find(&f->index, &f->hashed).slot, ==, PENDI_SLOT_NONE);
	for (uint32_t i = 0; i < BUCKETS; i++)
		CHECK_U64(pendi_load_relaxed(&f->index.buckets[i].home), ==, 0);
}

static void tear_down(struct fixture *f)
{
	pendi_index_fini(&f->index, NULL);
	pendi_slab_fini(&f->slab, NULL);
}

static void test_farthest(uint64_t seed)
{
	struct fixture f = { 0 };

	set_up(&f, seed);
	/* relaxed: one thread. */
	pendi_store_relaxed(&bucket_at(&f, FARTHEST)->cells[9], PENDI_CELL_EMPTY);
	insert(&f);
	expect_at(&f, FARTHEST);
	tear_down(&f);
}

/* One inserts; the other waits until that has been as far as it may go, and makes room nearby. */
static void meet_the_end(void *context, uint32_t number, struct crew *crew)
{
	struct fixture *f = context;
	const time_t begin = time(NULL);

	(void)crew;
	if (number == 0) {
		insert(f);
		return;
	}
	/* relaxed: it is only a time to go. */
	while (pendi_home_reach(pendi_load_relaxed(&bucket_at(f, 0)->home)) < FARTHEST) {
		CHECK(time(NULL) - begin < GIVE_UP_S);
		(void)sched_yield();
	}
	pendi_store_relaxed(&bucket_at(f, NEAR)->cells[4], PENDI_CELL_EMPTY);
}

static void test_beyond(uint64_t seed)
{
	struct fixture f = { 0 };

	set_up(&f, seed);
	/* relaxed: one thread as yet. */
	CHECK_U64(pendi_load_relaxed(&bucket_at(&f, FARTHEST + 1)->cells[4]), ==, PENDI_CELL_EMPTY);
	crew_run(2, &f, meet_the_end);
	expect_at(&f, NEAR);
	tear_down(&f);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(uint64_t seed);
	} cases[] = {
		{ "farthest: the last bucket that a slot can name is taken", test_farthest },
		{ "beyond: the next one is not; a cell that comes free is", test_beyond },
	};
	struct arguments arguments = { .rounds = 1 };
	struct tap tap = { 0 };

	if (!arguments_parse(&arguments, argc, argv))
		return 2;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (!arguments_want(&arguments, cases[i].name))
			continue;
		cases[i].run(arguments.seed);
		tap_report(&tap, 1, cases[i].name);
	}
	return tap_end(&tap);
}
