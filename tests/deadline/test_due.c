/* SPDX-License-Identifier: MIT */
/*
 * test_due.c - unit tests of engine/deadline/due.h: a deadline is never early and never of another
 * operation.
 */
#include <criterion/criterion.h>

#include "engine/deadline/due.h"

enum { UNIT_NS = 1 << PENDI_DUE_UNIT_BITS };

static uint64_t word_of(uint64_t generation)
{
	return generation << PENDI_SLOT_BITS;
}

Test(due, rounds_up_to_the_unit)
{
	static const struct {
		uint64_t ns, kept;
	} cases[] = {
		{ 0, 0 },
		{ 1, UNIT_NS },
		{ UNIT_NS - 1, UNIT_NS },
		{ UNIT_NS, UNIT_NS },
		{ UNIT_NS + 1, 2 * UNIT_NS },
		{ 1000000000ull * 86400 * 365,
		  (1000000000ull * 86400 * 365 + UNIT_NS - 1) / UNIT_NS * UNIT_NS },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint64_t due = pendi_due_make(cases[i].ns, word_of(12345));

		cr_expect_eq(pendi_due_ns(due), cases[i].kept, "case %zu", i);
		cr_expect(pendi_due_is_of(due, word_of(12345)));
	}
}

/* Never early, and late by less than a unit, over all magnitudes. */
Test(due, is_never_early)
{
	for (uint32_t bit = 0; bit < 57; bit++) {
		for (uint64_t ns = (1ull << bit) - (bit > 1 ? 2 : 0); ns < (1ull << bit) + 3;
		     ns++) {
			const uint64_t kept = pendi_due_ns(pendi_due_make(ns, word_of(1)));

			cr_assert_geq(kept, ns);
			cr_assert_lt(kept - ns, UNIT_NS);
		}
	}
}

Test(due, none_is_none)
{
	const uint64_t due = pendi_due_make(PENDI_DUE_NONE_NS, word_of(77));

	cr_expect_eq(pendi_due_ns(due), PENDI_DUE_NONE_NS);
	cr_expect(pendi_due_is_of(due, word_of(77)));
	cr_expect_not(pendi_due_is_of(due, word_of(78)));
}

/* A time that 42 bits of units do not hold is none, not one that has wrapped into the past. */
Test(due, the_far_end_does_not_wrap)
{
	const uint64_t last = ((1ull << 42) - 2) << PENDI_DUE_UNIT_BITS;
	const uint64_t far[] = { last + 1,      last + UNIT_NS,
				 1ull << 58,    (1ull << 58) + UNIT_NS,
				 1ull << 63,    UINT64_MAX - UNIT_NS,
				 UINT64_MAX - 1 };

	cr_expect_eq(pendi_due_ns(pendi_due_make(last, word_of(1))), last);
	for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
		const uint64_t due = pendi_due_make(far[i], word_of(1));

		cr_expect_geq(pendi_due_ns(due), far[i], "case %zu is early", i);
		cr_expect(pendi_due_is_of(due, word_of(1)), "case %zu: its tag", i);
	}
}

Test(due, belongs_to_one_generation)
{
	static const uint64_t generations[] = {
		0, 1, 2, (1u << 21) - 1, (1u << 21) + 1, (1ull << 38) - 2
	};
	const size_t count = sizeof(generations) / sizeof(generations[0]);

	for (size_t i = 0; i < count; i++) {
		const uint64_t due = pendi_due_make(123456789, word_of(generations[i]));

		/* The state and the rest of the word are not part of it. */
		cr_expect(pendi_due_is_of(due, word_of(generations[i]) | PENDI_SLOT_MASK));
		cr_expect(pendi_due_is_of(due, word_of(generations[i] + (1u << 21))), "it wraps");
		cr_expect_eq(pendi_due_ns(due), pendi_due_ns(pendi_due_make(123456789, 0)));
		for (uint32_t bit = 0; bit < PENDI_DUE_TAG_BITS; bit++)
			cr_expect_not(pendi_due_is_of(due, word_of(generations[i] ^ 1ull << bit)));
	}
}
