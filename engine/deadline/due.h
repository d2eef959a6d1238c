/* SPDX-License-Identifier: MIT */
/*
 * due.h - the deadline in a slot: a time and the generation that it belongs to, in one word.
 *
 *	| units of 2^16 ns since boot, 42 bits | passed | low 21 bits of the slot's generation |
 *
 * The tag lets a deadline be moved by one compare-and-swap that cannot hit the next operation in
 * the slot: that one has another tag. (It would take 2^21 uses of one slot within one kernel tick
 * to come by the same tag and the same time.) All ones in the time mean "none".
 *
 * Whoever finds that a deadline is over marks it as passed before it decides the operation, and one
 * that has passed is not moved any more. So a deadline is moved or it is met, never both.
 *
 * Times are rounded up to the unit, 66 microseconds: a deadline is never early.
 */
#ifndef PENDI_ENGINE_DEADLINE_DUE_H
#define PENDI_ENGINE_DEADLINE_DUE_H

#include <stdint.h>

#include "engine/slot/word.h"

#define PENDI_DUE_UNIT_BITS 16u
#define PENDI_DUE_TAG_BITS 21u
#define PENDI_DUE_TAG_MASK ((1ull << PENDI_DUE_TAG_BITS) - 1)
#define PENDI_DUE_PASSED (1ull << PENDI_DUE_TAG_BITS)
#define PENDI_DUE_TIME_SHIFT (PENDI_DUE_TAG_BITS + 1)
#define PENDI_DUE_NONE_NS UINT64_MAX

PENDI_ALWAYS_INLINE uint64_t pendi_due_tag(uint64_t word)
{
	return (word >> PENDI_SLOT_BITS) & PENDI_DUE_TAG_MASK;
}

/* The deadline @due_ns, or PENDI_DUE_NONE_NS, of the operation of @word's generation. */
PENDI_ALWAYS_INLINE uint64_t pendi_due_make(uint64_t due_ns, uint64_t word)
{
	const uint64_t round = (1ull << PENDI_DUE_UNIT_BITS) - 1;
	const uint64_t none = ~0ull >> PENDI_DUE_TIME_SHIFT;
	const uint64_t units = due_ns > (none - 1) << PENDI_DUE_UNIT_BITS
				       ? none
				       : (due_ns + round) >> PENDI_DUE_UNIT_BITS;

	return units << PENDI_DUE_TIME_SHIFT | pendi_due_tag(word);
}

/* Nanoseconds since boot, or PENDI_DUE_NONE_NS. */
PENDI_ALWAYS_INLINE uint64_t pendi_due_ns(uint64_t due)
{
	const uint64_t units = due >> PENDI_DUE_TIME_SHIFT;

	return units == ~0ull >> PENDI_DUE_TIME_SHIFT ? PENDI_DUE_NONE_NS
						      : units << PENDI_DUE_UNIT_BITS;
}

/* Whether @due belongs to the operation of @word's generation. */
PENDI_ALWAYS_INLINE bool pendi_due_is_of(uint64_t due, uint64_t word)
{
	return (due & PENDI_DUE_TAG_MASK) == pendi_due_tag(word);
}

#endif
