/* SPDX-License-Identifier: MIT */
/*
 * test_atomic.c - unit tests of the compound operations of platform/atomic.h, on one thread.
 *
 * They have loops, tails and vector code, so they can be wrong in ways that no memory order
 * explains. Built three times: as the library is, with the form of the line match that every other
 * machine gets (platform.atomic.scalar), and with the backend for valgrind, in which each single
 * access is more than one instruction too (platform.atomic.annotated).
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "platform/atomic.h"
#include "tests/support/wrap.h"

enum { BYTES_MAX = 64, WORDS = BYTES_MAX / 8 + 1, CELLS = 16 };

#define GUARD UINT64_C(0xdeadbeefdeadbeef)

static uint64_t seed = 0x9e3779b97f4a7c15;

static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void draw_bytes(unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = (unsigned char)(draw() >> 32);
}

static void fill_words(_Atomic uint64_t *words)
{
	for (size_t i = 0; i < WORDS; i++) {
		/* relaxed: one thread. */
		pendi_store_relaxed(&words[i], GUARD);
	}
}

static void copy_in(_Atomic uint64_t *words, const void *source, size_t bytes)
{
	/* [PF1.rel] One thread plays both sides; pairs with [PF1.acq] in copy_out(). */
	pendi_copy_in_release(words, source, bytes, PF1);
}

static void copy_out(void *target, const _Atomic uint64_t *words, size_t bytes)
{
	/* [PF1.acq] Pairs with [PF1.rel] in copy_in(). */
	pendi_copy_out_acquire(target, words, bytes, PF1);
}

static bool equal(const _Atomic uint64_t *words, const void *source, size_t bytes)
{
	/* [PF1.acq] Pairs with [PF1.rel] in copy_in(). */
	return pendi_equal_acquire(words, source, bytes, PF1);
}

/* Calls @check for every length and every alignment of the bytes outside. */
static void for_each_shape(void (*check)(size_t bytes, size_t offset))
{
	for (size_t bytes = 0; bytes <= BYTES_MAX; bytes++) {
		for (size_t offset = 0; offset < 8; offset++)
			check(bytes, offset);
	}
}

static void check_copy_in(size_t bytes, size_t offset)
{
	_Atomic uint64_t words[WORDS];
	unsigned char source[BYTES_MAX + 16];
	const size_t used = (bytes + 7) / 8;

	draw_bytes(source, sizeof(source));
	fill_words(words);
	copy_in(words, source + offset, bytes);
	for (size_t i = 0; i < WORDS; i++) {
		uint64_t wanted = i < used ? 0 : GUARD;

		if (i < used)
			memcpy(&wanted, source + offset + i * 8,
			       bytes - i * 8 < 8 ? bytes - i * 8 : 8);
		/* relaxed: one thread. */
		cr_assert_eq(pendi_load_relaxed(&words[i]), wanted, "%zu bytes at %zu, word %zu",
			     bytes, offset, i);
	}
}

Test(atomic, a_copy_in_pads_its_last_word_and_leaves_the_next)
{
	for_each_shape(check_copy_in);
}

static void check_copy_out(size_t bytes, size_t offset)
{
	_Atomic uint64_t words[WORDS];
	unsigned char source[BYTES_MAX], target[BYTES_MAX + 16], wanted[BYTES_MAX + 16];

	draw_bytes(source, sizeof(source));
	draw_bytes(target, sizeof(target));
	memcpy(wanted, target, sizeof(wanted));
	memcpy(wanted + offset, source, bytes);
	copy_in(words, source, sizeof(source));
	copy_out(target + offset, words, bytes);
	cr_assert_eq(memcmp(target, wanted, sizeof(target)), 0, "%zu bytes at %zu", bytes, offset);
}

Test(atomic, a_copy_out_writes_its_bytes_and_no_other)
{
	for_each_shape(check_copy_out);
}

static void check_equal(size_t bytes, size_t offset)
{
	_Atomic uint64_t words[WORDS];
	unsigned char source[BYTES_MAX + 16];

	draw_bytes(source, sizeof(source));
	fill_words(words);
	copy_in(words, source + offset, bytes);
	cr_assert(equal(words, source + offset, bytes), "%zu bytes at %zu", bytes, offset);
	for (size_t i = 0; i < sizeof(source); i++) {
		const bool inside = i >= offset && i < offset + bytes;

		source[i] ^= 1;
		cr_assert_eq(equal(words, source + offset, bytes), !inside,
			     "%zu bytes at %zu, byte %zu changed", bytes, offset, i);
		source[i] ^= 1;
	}
}

Test(atomic, a_comparison_sees_each_of_its_bytes_and_no_other)
{
	for_each_shape(check_equal);
}

static void set_cell(_Atomic uint32_t *cell, uint32_t value)
{
	/* [PF2.rel] One thread plays both sides; pairs with [PF2.acq] in match(). */
	pendi_store_release(cell, value, PF2);
}

static uint32_t match(const _Atomic uint32_t *cells, uint32_t value, uint32_t mask)
{
	/* [PF2.acq] Pairs with [PF2.rel] in set_cell(). */
	return pendi_match16_acquire(cells, value, mask, PF2);
}

Test(atomic, each_cell_of_a_line_has_a_bit_of_its_own)
{
	_Alignas(PENDI_CACHE_LINE) _Atomic uint32_t cells[CELLS];

	for (uint32_t at = 0; at < CELLS; at++) {
		for (uint32_t i = 0; i < CELLS; i++)
			set_cell(&cells[i], i == at ? 0x80000001 : 0x00000001);
		cr_assert_eq(match(cells, 0x80000001, UINT32_MAX), UINT32_C(1) << at);
		cr_assert_eq(match(cells, 0x80000000, 0x80000000), UINT32_C(1) << at);
		cr_assert_eq(match(cells, 1, 0x7fffffff), 0xffff);
		cr_assert_eq(match(cells, 0, 0), 0xffff);
		cr_assert_eq(match(cells, 2, UINT32_MAX), 0);
	}
}

/* The reference: one cell after the other, from plain copies. */
static uint32_t naive_match(const uint32_t *cells, uint32_t value, uint32_t mask)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < CELLS; i++) {
		if ((cells[i] & mask) == value)
			found |= UINT32_C(1) << i;
	}
	return found;
}

Test(atomic, a_line_match_agrees_with_a_loop_on_random_lines)
{
	static const uint32_t masks[] = { UINT32_MAX, 0xffff0000, 0x0000ffff, 0xff000000,
					  0x80000000, 0x00000001, 0 };
	_Alignas(PENDI_CACHE_LINE) _Atomic uint32_t cells[CELLS];
	uint32_t plain[CELLS];
	uint64_t hits = 0;

	for (uint32_t round = 0; round < 100000; round++) {
		const uint32_t mask = masks[draw() % (sizeof(masks) / sizeof(masks[0]))];
		const uint32_t alphabet[] = { (uint32_t)draw(), (uint32_t)draw(), 0, UINT32_MAX };
		uint32_t value = alphabet[draw() % 4];

		if (draw() % 8)
			value &= mask; /* else it may have bits that no masked cell has */
		for (uint32_t i = 0; i < CELLS; i++) {
			plain[i] = alphabet[draw() % 4] ^ (draw() % 4 ? 0 : (uint32_t)draw());
			set_cell(&cells[i], plain[i]);
		}
		cr_assert_eq(match(cells, value, mask), naive_match(plain, value, mask),
			     "round %u, value %x, mask %x", round, value, mask);
		hits += naive_match(plain, value, mask) != 0;
	}
	cr_assert_gt(hits, 10000);
}

Test(atomic, a_swap_that_fails_tells_the_value_and_changes_nothing)
{
	_Atomic uint64_t word = 7;
	uint64_t expected = 8;

	/* relaxed, all: one thread. */
	cr_assert_not(pendi_cas_relaxed(&word, &expected, 9));
	cr_assert_eq(expected, 7);
	cr_assert_eq(pendi_load_relaxed(&word), 7);
	cr_assert(pendi_cas_relaxed(&word, &expected, 9));
	cr_assert_eq(pendi_exchange_relaxed(&word, 10), 9);
	cr_assert_eq(pendi_fetch_add_relaxed(&word, 5), 10);
	cr_assert_eq(pendi_fetch_sub_relaxed(&word, 1), 15);
	cr_assert_eq(pendi_load_relaxed(&word), 14);
}

/* Each of the ordered kinds, on one word. */
static bool swap(uint32_t kind, _Atomic uint64_t *word, uint64_t *expected, uint64_t wanted)
{
	switch (kind) {
	case 0:
		/* [PF3.acq] One thread plays both sides; pairs with [PF3.rel] below. */
		return pendi_cas_acquire(word, expected, wanted, PF3);
	case 1:
		/* [PF3.rel] Pairs with [PF3.acq] in this function. */
		return pendi_cas_release(word, expected, wanted, PF3);
	default:
		/* [PF3.acq] [PF3.rel] Pairs with itself. */
		return pendi_cas_acq_rel(word, expected, wanted, PF3, PF3);
	}
}

Test(atomic, an_ordered_swap_does_what_a_relaxed_one_does)
{
	for (uint32_t kind = 0; kind < 3; kind++) {
		_Atomic uint64_t word = GUARD;
		uint64_t expected = 8;

		cr_assert_not(swap(kind, &word, &expected, 9));
		cr_assert_eq(expected, GUARD);
		/* relaxed, both: one thread. */
		cr_assert_eq(pendi_load_relaxed(&word), GUARD);
		cr_assert(swap(kind, &word, &expected, 9));
		cr_assert_eq(expected, GUARD);
		cr_assert_eq(pendi_load_relaxed(&word), 9);
	}
}

/* Each of the ordered kinds, on one word. Returns what the word held. */
static uint64_t change(uint32_t kind, _Atomic uint64_t *word, uint64_t value)
{
	switch (kind) {
	case 0:
		/* [PF3.acq] As above. */
		return pendi_exchange_acquire(word, value, PF3);
	case 1:
		/* [PF3.rel] As above. */
		return pendi_exchange_release(word, value, PF3);
	case 2:
		/* [PF3.acq] [PF3.rel] As above. */
		return pendi_exchange_acq_rel(word, value, PF3, PF3);
	case 3:
		/* [PF3.rel] As above. */
		return pendi_fetch_add_release(word, value, PF3);
	case 4:
		/* [PF3.acq] [PF3.rel] As above. */
		return pendi_fetch_add_acq_rel(word, value, PF3, PF3);
	default:
		/* [PF3.rel] As above. */
		return pendi_fetch_sub_release(word, value, PF3);
	}
}

Test(atomic, an_ordered_change_returns_what_was_there)
{
	static const uint64_t left[] = { 5, 5, 5, GUARD + 5, GUARD + 5, GUARD - 5 };

	for (uint32_t kind = 0; kind < sizeof(left) / sizeof(left[0]); kind++) {
		_Atomic uint64_t word = GUARD;

		cr_assert_eq(change(kind, &word, 5), GUARD, "kind %u", kind);
		/* [PF3.acq] As above. */
		cr_assert_eq(pendi_load_acquire(&word, PF3), left[kind], "kind %u", kind);
	}
}

Test(atomic, operands_are_evaluated_once)
{
	_Atomic uint64_t words[4] = { 1, 2, 3, 4 }, *at = words;
	uint64_t value = 10, expected[2] = { 13, 13 }, *wanted = expected;

	/* relaxed, all: one thread. */
	cr_assert_eq(pendi_load_relaxed(at++), 1);
	pendi_store_relaxed(at++, value++);
	cr_assert_eq(at - words, 2);
	cr_assert_eq(value, 11);
	cr_assert_eq(pendi_exchange_relaxed(at++, value++), 3);
	cr_assert_eq(pendi_fetch_add_relaxed(at--, value++), 4);
	cr_assert_not(pendi_cas_relaxed(at++, wanted++, value));
	cr_assert_eq(expected[0], 11);
	cr_assert_eq(expected[1], 13);
	cr_assert_eq(pendi_load_relaxed(at), 16);
	cr_assert_eq(wanted - expected, 1);
	at = words;
	/* [PF3.acq] [PF3.rel] As above. */
	cr_assert_eq(pendi_exchange_acq_rel(at++, value++, PF3, PF3), 1);
	cr_assert_eq(at - words, 1);
	cr_assert_eq(value, 14);
}

Test(atomic, pointers_and_booleans_are_words_too)
{
	_Atomic bool flag = false;
	int target = 0, *expected = NULL;
	_Atomic(int *) pointer = NULL;

	/* relaxed, all: one thread. */
	pendi_store_relaxed(&flag, true);
	cr_assert(pendi_exchange_relaxed(&flag, false));
	cr_assert_not(pendi_load_relaxed(&flag));
	cr_assert(pendi_cas_relaxed(&pointer, &expected, &target));
	cr_assert_eq(pendi_load_relaxed(&pointer), &target);
	pendi_store_relaxed(&pointer, NULL);
	cr_assert_null(pendi_load_relaxed(&pointer));
}

static pthread_once_t outer_once = PTHREAD_ONCE_INIT, inner_once = PTHREAD_ONCE_INIT;
static uint32_t outer_calls, inner_calls;

static void inner(void)
{
	inner_calls++;
}

static void outer(void)
{
	outer_calls++;
	pendi_once(&inner_once, inner);
	cr_assert_eq(inner_calls, 1);
}

Test(atomic, once_is_once_and_may_be_nested)
{
	for (uint32_t i = 0; i < 3; i++) {
		pendi_once(&outer_once, outer);
		pendi_once(&inner_once, inner);
		cr_assert_eq(outer_calls, 1);
		cr_assert_eq(inner_calls, 1);
	}
}

#ifdef PEND_TEST_SWITCH
/* ---- the threads that the backend for valgrind lets in ---- */

static uint32_t yields;

WRAPPED(int, sched_yield, void)
{
	yields++;
	return 0;
}

/* PEND_VALGRIND_SWITCH, and one access in how many yields; what is no number is as if it were not
 * there. */
struct switching {
	char text[24];
	uint32_t rarity; /* 0: none does */
};

ParameterizedTestParameters(atomic, the_environment_says_how_many_yield)
{
	static struct switching switches[] = {
		{ "", 16 },   { "x", 16 },          { "-1", 16 },
		{ "7x", 16 }, { "4294967295", 16 }, { "99999999999999999999", 16 },
		{ "0", 0 },   { "1", 1 },           { "300", 300 },
	};

	return cr_make_param_array(struct switching, switches,
				   sizeof(switches) / sizeof(switches[0]));
}

ParameterizedTest(const struct switching *switching, atomic, the_environment_says_how_many_yield)
{
	static _Atomic uint64_t word;

	cr_assert_eq(setenv("PEND_VALGRIND_SWITCH", switching->text, 1), 0);
	for (uint32_t access = 0; access < 3000; access++)
		(void)pendi_load_relaxed(&word); /* relaxed: one thread */
	if (switching->rarity == 0) {
		cr_assert_eq(yields, 0);
		return;
	}
	cr_assert_geq(yields, 3000 / switching->rarity / 2);
	cr_assert_leq(yields, 3000 / switching->rarity * 2);
}
#endif
