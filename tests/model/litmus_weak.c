/* SPDX-License-Identifier: MIT */
/*
 * litmus_weak.c - does the weak mode do what C11 does? The known small programs, in TAP.
 *
 * Each line of the table below is one program, and whether its forbidden outcome can be seen: with
 * too weak an order it has to be found, and with the right one every schedule has to be without it.
 * The last lines are the same right programs, with one end of theirs weakened by its name: what a
 * run of the order mutants (orders.py) does with the library.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "platform/atomic.h"
#include "platform/futex.h"
#include "platform/membarrier.h"
#include "platform/memory.h"
#include "tests/model/checker/apart.h"
#include "tests/model/checker/sites.h"

static _Atomic uint32_t x, y, z;
static uint32_t seen[MODEL_THREADS][2];
static uint32_t plain;
static _Atomic uint32_t *_Atomic shared;
static pthread_mutex_t mutex;

/* relaxed, here and below: what a program needs it says by other accesses; what it lacks is its
 * point. */
static uint32_t get(_Atomic uint32_t *word)
{
	return pendi_load_relaxed(word); /* relaxed: as above */
}

static void set(_Atomic uint32_t *word)
{
	pendi_store_relaxed(word, 1); /* relaxed: as above */
}

static void nothing(void)
{
}

/* ---- message passing ---- */

static void pass_relaxed(uint32_t number)
{
	if (number == 0) {
		set(&x);
		set(&y);
	} else if (get(&y)) {
		MODEL_CHECK(get(&x));
	}
}

static void pass_half(uint32_t number)
{
	if (number == 0) {
		set(&x);
		pendi_store_release(&y, 1, LITMUS);
	} else if (get(&y)) {
		MODEL_CHECK(get(&x));
	}
}

static void pass(uint32_t number)
{
	if (number == 0) {
		set(&x);
		pendi_store_release(&y, 1, LITMUS);
	} else if (pendi_load_acquire(&y, LITMUS)) {
		MODEL_CHECK(get(&x));
	}
}

/* The flag is set by a third, who got it from the first: happens-before is transitive. */
static void pass_on(uint32_t number)
{
	if (number == 0) {
		set(&x);
		pendi_store_release(&y, 1, LITMUS);
	} else if (number == 1) {
		if (pendi_load_acquire(&y, LITMUS))
			pendi_store_release(&z, 1, LITMUS);
	} else if (pendi_load_acquire(&z, LITMUS)) {
		MODEL_CHECK(get(&x));
	}
}

static void pass_on_relaxed(uint32_t number)
{
	if (number == 0) {
		set(&x);
		pendi_store_release(&y, 1, LITMUS);
	} else if (number == 1) {
		if (get(&y))
			pendi_store_release(&z, 1, LITMUS);
	} else if (pendi_load_acquire(&z, LITMUS)) {
		MODEL_CHECK(get(&x));
	}
}

/* Fences in place of ordered accesses. */
static void pass_by_fences(uint32_t number)
{
	if (number == 0) {
		set(&x);
		pendi_fence_store_load(LITMUS);
		set(&y);
	} else if (get(&y)) {
		pendi_fence_store_load(LITMUS);
		MODEL_CHECK(get(&x));
	}
}

/* ---- release sequences ---- */

static void sequence_by_change(uint32_t number)
{
	if (number == 0) {
		set(&x);
		pendi_store_release(&y, 1, LITMUS);
	} else if (number == 1) {
		(void)pendi_fetch_add_relaxed(&y, 2); /* relaxed: as above */
	} else if (pendi_load_acquire(&y, LITMUS) == 3) {
		MODEL_CHECK(get(&x));
	}
}

/* A store of another ends the sequence. */
static void sequence_by_store(uint32_t number)
{
	if (number == 0) {
		set(&x);
		pendi_store_release(&y, 1, LITMUS);
	} else if (number == 1) {
		if (get(&y))
			pendi_store_relaxed(&y, 2); /* relaxed: as above */
	} else if (pendi_load_acquire(&y, LITMUS) == 2) {
		MODEL_CHECK(get(&x));
	}
}

/* ... and one of the same thread: C23 says so, C17 did not. */
static void sequence_of_own(uint32_t number)
{
	if (number == 0) {
		set(&x);
		pendi_store_release(&y, 1, LITMUS);
		pendi_store_relaxed(&y, 2); /* relaxed: as above */
	} else if (pendi_load_acquire(&y, LITMUS) == 2) {
		MODEL_CHECK(get(&x));
	}
}

/* ---- store buffering ---- */

static void buffer(uint32_t number)
{
	pendi_store_release(number ? &y : &x, 1, LITMUS);
	seen[number][0] = pendi_load_acquire(number ? &x : &y, LITMUS);
}

static void buffer_fenced(uint32_t number)
{
	set(number ? &y : &x);
	pendi_fence_store_load(LITMUS);
	seen[number][0] = get(number ? &x : &y);
}

/* On x86 the exchange alone would do. */
static void buffer_changing(uint32_t number)
{
	(void)pendi_exchange_acq_rel(number ? &y : &x, 1, LITMUS, LITMUS);
	seen[number][0] = get(number ? &x : &y);
}

static void buffer_after_change(uint32_t number)
{
	(void)pendi_exchange_relaxed(number ? &y : &x, 1); /* relaxed: as above */
	pendi_fence_store_load_after_rmw(LITMUS);
	seen[number][0] = get(number ? &x : &y);
}

static void buffer_asymmetric(uint32_t number)
{
	set(number ? &y : &x);
	if (number)
		MODEL_CHECK(pendi_membarrier() == 0);
	else
		pendi_fence_light(LITMUS);
	seen[number][0] = get(number ? &x : &y);
}

static void buffer_heavy_only(uint32_t number)
{
	set(number ? &y : &x);
	if (number)
		MODEL_CHECK(pendi_membarrier() == 0);
	seen[number][0] = get(number ? &x : &y);
}

static void buffer_light_only(uint32_t number)
{
	set(number ? &y : &x);
	pendi_fence_light(LITMUS);
	seen[number][0] = get(number ? &x : &y);
}

static void one_saw(void)
{
	MODEL_CHECK(seen[0][0] || seen[1][0]);
}

/* ---- independent readers of independent writers ---- */

static void independent(uint32_t number)
{
	if (number < 2) {
		pendi_store_release(number ? &y : &x, 1, LITMUS);
		return;
	}
	seen[number][0] = pendi_load_acquire(number == 2 ? &x : &y, LITMUS);
	seen[number][1] = pendi_load_acquire(number == 2 ? &y : &x, LITMUS);
}

static void independent_fenced(uint32_t number)
{
	if (number < 2) {
		pendi_store_release(number ? &y : &x, 1, LITMUS);
		return;
	}
	seen[number][0] = pendi_load_acquire(number == 2 ? &x : &y, LITMUS);
	pendi_fence_store_load(LITMUS);
	seen[number][1] = pendi_load_acquire(number == 2 ? &y : &x, LITMUS);
}

static void one_order(void)
{
	MODEL_CHECK(!(seen[2][0] && !seen[2][1] && seen[3][0] && !seen[3][1]));
}

/* ---- coherence ---- */

static void read_twice(uint32_t number)
{
	if (number == 0) {
		set(&x);
		pendi_store_relaxed(&x, 2); /* relaxed: as above */
		return;
	}

	const uint32_t first = get(&x);

	MODEL_CHECK(get(&x) >= first);
}

static void write_and_read(uint32_t number)
{
	pendi_store_relaxed(&x, number + 1); /* relaxed: as above */
	MODEL_CHECK(get(&x) != 0);
	if (number == 0)
		MODEL_CHECK(get(&x) >= 1);
}

static void add(uint32_t number)
{
	(void)number;
	(void)pendi_fetch_add_relaxed(&x, 1); /* relaxed: as above */
}

static void all_added(void)
{
	MODEL_CHECK(get(&x) == model_threads());
}

/* What a compare-and-swap finds when it fails may be old, and orders what its failure orders. */
static void fail_to_swap(uint32_t number)
{
	uint32_t expected = 7;

	if (number == 0) {
		set(&x);
		pendi_store_release(&y, 1, LITMUS);
	} else if (!pendi_cas_relaxed(&y, &expected, 8) && expected) { /* relaxed: as above */
		MODEL_CHECK(get(&x));
	}
}

static void fail_to_swap_ordered(uint32_t number)
{
	uint32_t expected = 7;

	if (number == 0) {
		set(&x);
		pendi_store_release(&y, 1, LITMUS);
	} else if (!pendi_cas_acquire(&y, &expected, 8, LITMUS) && expected) {
		MODEL_CHECK(get(&x));
	}
}

/* ---- plain memory, and what is allocated and freed ---- */

static void hand_over(uint32_t number)
{
	if (number == 0) {
		model_plain_write(&plain);
		pendi_store_release(&y, 1, LITMUS);
	} else if (pendi_load_acquire(&y, LITMUS)) {
		model_plain_read(&plain);
	}
}

static void hand_over_fenced(uint32_t number)
{
	if (number == 0) {
		model_plain_write(&plain);
		set(&y);
		pendi_fence_store_load(LITMUS);
	} else {
		pendi_fence_store_load(LITMUS);
		if (get(&y))
			model_plain_read(&plain);
	}
}

static void write_while_read(uint32_t number)
{
	if (number == 0) {
		model_plain_read(&plain);
		set(&y);
	} else if (get(&y)) {
		model_plain_write(&plain);
	}
}

static void hand_over_locked(uint32_t number)
{
	(void)number;
	pthread_mutex_lock(&mutex);
	model_plain_read(&plain);
	model_plain_write(&plain);
	pthread_mutex_unlock(&mutex);
}

static void hand_over_asleep(uint32_t number)
{
	if (number == 0) {
		model_plain_write(&plain);
		pendi_store_release(&y, 1, LITMUS);
		(void)pendi_futex_wake(&y, 1);
	} else {
		while (!pendi_load_acquire(&y, LITMUS))
			(void)pendi_futex_wait(&y, 0, UINT64_MAX);
		model_plain_read(&plain);
	}
}

static void publish(uint32_t number)
{
	if (number == 0) {
		_Atomic uint32_t *made = pendi_memory_allocate(NULL, sizeof(*made), sizeof(*made));

		MODEL_CHECK(made != NULL);
		pendi_store_release(&shared, made, LITMUS);
	} else {
		_Atomic uint32_t *found = pendi_load_acquire(&shared, LITMUS);

		if (found)
			set(found);
	}
}

static void make_shared(void)
{
	_Atomic uint32_t *made = pendi_memory_allocate(NULL, sizeof(*made), sizeof(*made));

	MODEL_CHECK(made != NULL);
	pendi_store_relaxed(&shared, made); /* relaxed: as above */
}

/* The reader says that it is done. */
static void use_or_free(uint32_t number)
{
	_Atomic uint32_t *found = pendi_load_relaxed(&shared); /* relaxed: as above */

	if (number == 0) {
		set(found);
		pendi_store_release(&y, 1, LITMUS);
	} else if (pendi_load_acquire(&y, LITMUS)) {
		pendi_memory_release(NULL, found, sizeof(*found));
	}
}

#define FREED "freed that others use"
#define NEW "not handed over"

/* Whether it is found, and what in the text of the violation; weaken: which end is made weaker. */
static const struct litmus {
	struct model_scenario scenario;
	const char *expected, *weaken;
} table[] = {
	{ { "message passing, relaxed", "", 2, 0, 3, nothing, pass_relaxed, nothing }, "get(&x)" },
	{ { "message passing, the store releases", "", 2, 0, 3, nothing, pass_half, nothing },
	  "get(&x)" },
	{ { "message passing", "", 2, 0, 4, nothing, pass, nothing } },
	{ { "message passing by a third", "", 3, 0, 4, nothing, pass_on, nothing } },
	{ { "message passing by a third, relaxed", "", 3, 0, 4, nothing, pass_on_relaxed, nothing },
	  "get(&x)" },
	{ { "message passing by fences", "", 2, 0, 4, nothing, pass_by_fences, nothing } },
	{ { "a release sequence through a change", "", 3, 0, 4, nothing, sequence_by_change,
	    nothing } },
	{ { "a release sequence cut by a store", "", 3, 0, 4, nothing, sequence_by_store, nothing },
	  "get(&x)" },
	{ { "a release sequence of one's own", "", 2, 0, 3, nothing, sequence_of_own, nothing },
	  "get(&x)" },
	{ { "store buffering, acquire and release", "", 2, 0, 3, nothing, buffer, one_saw },
	  "seen[1]" },
	{ { "store buffering, fences", "", 2, 0, 4, nothing, buffer_fenced, one_saw } },
	{ { "store buffering, exchanges", "", 2, 0, 3, nothing, buffer_changing, one_saw },
	  "seen[1]" },
	{ { "store buffering, exchanges and fences", "", 2, 0, 4, nothing, buffer_after_change,
	    one_saw } },
	{ { "store buffering, membarrier", "", 2, 0, 4, nothing, buffer_asymmetric, one_saw } },
	{ { "store buffering, its heavy half", "", 2, 0, 4, nothing, buffer_heavy_only, one_saw },
	  "seen[1]" },
	{ { "store buffering, its light half", "", 2, 0, 4, nothing, buffer_light_only, one_saw },
	  "seen[1]" },
	{ { "independent reads, acquire", "", 4, 0, 3, nothing, independent, one_order },
	  "seen[3]" },
	{ { "independent reads, fences", "", 4, 0, 4, nothing, independent_fenced, one_order } },
	{ { "coherence of reads", "", 2, 0, 5, nothing, read_twice, nothing } },
	{ { "coherence of writes", "", 3, 0, 4, nothing, write_and_read, nothing } },
	{ { "nothing added is lost", "", 4, 0, 4, nothing, add, all_added } },
	{ { "a swap that fails", "", 2, 0, 3, nothing, fail_to_swap, nothing }, "get(&x)" },
	{ { "a swap that fails and acquires", "", 2, 0, 4, nothing, fail_to_swap_ordered,
	    nothing } },
	{ { "plain memory", "", 2, 0, 4, nothing, hand_over, nothing } },
	{ { "plain memory, a fence on the wrong side", "", 2, 0, 3, nothing, hand_over_fenced,
	    nothing },
	  NEW },
	{ { "plain memory, written while it is read", "", 2, 0, 3, nothing, write_while_read,
	    nothing },
	  "which others use" },
	{ { "plain memory, a lock", "", 3, 0, 4, nothing, hand_over_locked, nothing } },
	{ { "plain memory, a futex", "", 2, 0, 4, nothing, hand_over_asleep, nothing } },
	{ { "new memory", "", 2, 0, 4, nothing, publish, nothing } },
	{ { "freed memory", "", 2, 0, 4, make_shared, use_or_free, nothing } },
	{ { "message passing, a weak store", "", 2, 0, 3, nothing, pass, nothing },
	  "get(&x)",
	  "tests/model/litmus_weak.c:pass:LITMUS.rel" },
	{ { "message passing, a weak load", "", 2, 0, 3, nothing, pass, nothing },
	  "get(&x)",
	  "tests/model/litmus_weak.c:pass:LITMUS.acq" },
	{ { "store buffering, no fence", "", 2, 0, 3, nothing, buffer_fenced, one_saw },
	  "seen[1]",
	  "LITMUS.sc" },
	{ { "store buffering, no membarrier", "", 2, 0, 3, nothing, buffer_asymmetric, one_saw },
	  "seen[1]",
	  "tests/model/litmus_weak.c:buffer_asymmetric:membarrier.sc" },
	{ { "store buffering, no light half", "", 2, 0, 3, nothing, buffer_asymmetric, one_saw },
	  "seen[1]",
	  "tests/model/litmus_weak.c:buffer_asymmetric:LITMUS.sc" },
	{ { "plain memory, a weak store", "", 2, 0, 3, nothing, hand_over, nothing },
	  NEW,
	  "LITMUS.rel" },
	{ { "plain memory, a weak load", "", 2, 0, 3, nothing, hand_over_asleep, nothing },
	  NEW,
	  "tests/model/litmus_weak.c:hand_over_asleep:LITMUS.acq" },
	{ { "new memory, a weak store", "", 2, 0, 3, nothing, publish, nothing },
	  NEW,
	  "tests/model/litmus_weak.c:publish:LITMUS.rel" },
	{ { "freed memory, a weak store", "", 2, 0, 3, make_shared, use_or_free, nothing },
	  FREED,
	  "tests/model/litmus_weak.c:use_or_free:LITMUS.rel" },
	{ { "freed memory, a weak load", "", 2, 0, 3, make_shared, use_or_free, nothing },
	  FREED,
	  "tests/model/litmus_weak.c:use_or_free:LITMUS.acq" },
};

/* Whether the search came to what is expected, and its replay too. */
static bool holds(const struct litmus *litmus)
{
	struct model_plan plan = { .bound = -1, .limit = 1000000, .seed = 1 };
	struct apart search, again;
	bool held;

	if (litmus->weaken && !sites_weaken(litmus->weaken))
		return false;
	if (!apart_run(&search, &litmus->scenario, MODEL_WEAK, &plan))
		return false;
	if (!litmus->expected) {
		held = search.result->done && search.result->exhausted;
	} else {
		plan.replay = search.result->schedule;
		held = !search.result->done &&
		       strstr(search.result->what, litmus->expected) != NULL &&
		       apart_run(&again, &litmus->scenario, MODEL_WEAK, &plan) &&
		       !again.result->done && strcmp(again.result->what, search.result->what) == 0;
	}
	if (!held)
		apart_print(&search, "# ");
	printf("%s - %s: %" PRIu64 " schedules, %s\n", held ? "ok" : "not ok",
	       litmus->scenario.name, search.result->schedules,
	       search.result->done ? "no violation" : search.result->what);
	apart_end(&search);
	sites_restore();
	return held;
}

int main(void)
{
	const size_t count = sizeof(table) / sizeof(table[0]);
	uint32_t failed = 0;

	sites_setup();
	for (size_t i = 0; i < count; i++)
		failed += !holds(&table[i]);
	printf("1..%zu\n", count);
	return failed != 0;
}
