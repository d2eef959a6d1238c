/* SPDX-License-Identifier: MIT */
/*
 * word.h - the slot word: 64 bits that decide everything about one operation.
 *
 *	63            26 25  23 22    20 19    12 11    9 8      6   5      4     3     2    0
 *	| generation 38 | zero | staged | reruns | origin | verdict | claimed | req | frame | state |
 *
 * This file is the only place that knows the layout, and it is pure: each transition is a
 * function from the old word to the new one, with no memory access in it. The library applies
 * them with one compare-and-swap, or one store where a single thread owns the word; the
 * exhaustive test applies the same functions to every reachable word.
 *
 *	FREE -> ARMING                       [pendi_word_arm]        owner
 *	ARMING -> CONTEST                    [pendi_word_contest]    owner
 *	CONTEST -> ARMING                    [pendi_word_win]        anybody, CAS
 *	CONTEST -> LOST                      [pendi_word_lose]       anybody, CAS
 *	ARMING, LOST -> FREE, generation+1   [pendi_word_disarm]     owner
 *	ARMING -> PENDING                    [pendi_word_publish]    owner
 *	PENDING -> COMPLETING                [pendi_word_complete]   anybody, CAS
 *	PENDING -> PENDING+req, RERUN        [pendi_word_continue]   anybody, CAS
 *	PENDING -> PENDING, COMPLETING, RERUN[pendi_word_frame_exit] the frame, CAS
 *	RERUN -> RERUN+verdict               [pendi_word_complete]   anybody, CAS
 *	PENDING, RERUN -> the same+staged    [pendi_word_stage]      anybody, CAS
 *	RERUN, COMPLETING -> +claimed        [pendi_word_claim]      anybody, CAS
 *	RERUN+verdict -> COMPLETING+claimed  [pendi_word_claim]      anybody, CAS
 *	RERUN -> PENDING, COMPLETING         [pendi_word_rerun_exit] who runs it, CAS
 *	COMPLETING -> COMPLETING-frame       [pendi_word_frame_exit] the frame, CAS
 *	COMPLETING -> FREE, generation+1     [pendi_word_finish]     who finishes it
 *
 * What holds in each state
 *	FREE        on a free list, in limbo, or in the hands of one thread between the two.
 *	ARMING      owned by one pender. In a keyed map, once CONTEST was left this way the slot
 *	            holds its key.
 *	CONTEST     its key stands in the index; whoever looks may settle who holds that key.
 *	LOST        a rival holds, or held, the key; the owner withdraws.
 *	PENDING     findable, waits. frame: its hook frame is open, so nothing may act on it yet.
 *	            req: it was continued during that frame.
 *	RERUN       its program is to run again, or (claimed) runs. A verdict other than 0 was
 *	            decided meanwhile and beats what the program returns. Never with frame.
 *	COMPLETING  decided, by verdict and origin. With frame: the frame's exit finishes it.
 *	            Without: exactly one thread has the duty to finish it. Claimed: it does.
 *
 * The duty (guarantees A and B): a transition that leaves COMPLETING without frame, or RERUN,
 * returns a duty with the new word, and only the caller whose CAS installed it carries it out.
 * So there is one completion for each pend, and none overlaps its frame or a re-run.
 *
 * In a map of an engine that duty is only to tell the home shard to look at the slot. Whoever looks
 * claims the slot, and the one whose claim succeeds has the duty to finish, or to run the program.
 * So to look twice, or to look at a slot because of an operation long gone, is harmless, and what a
 * thread that stalled did not do can be done by another (guarantees C and E).
 *
 * staged is the verdict that the two-step facade (update, then delete) holds ready; it decides
 * nothing by itself.
 *
 * A handle is a generation in the same place and the slot's number below it. The generation
 * is never 0, so no handle is, and moves each time the slot is freed: a stale handle finds
 * another generation. It wraps after 2^38 uses of one slot (at 10 ns each, 45 minutes of
 * nothing else), and a stale handle is mistaken only if used during that very pend.
 */
#ifndef PENDI_ENGINE_SLOT_WORD_H
#define PENDI_ENGINE_SLOT_WORD_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "platform/compiler.h"

/* Slot numbers are below 2^26; that many ones mean "no slot". */
#define PENDI_SLOT_BITS 26u
#define PENDI_SLOT_MASK ((1ull << PENDI_SLOT_BITS) - 1)
#define PENDI_SLOT_NONE ((uint32_t)PENDI_SLOT_MASK)

enum pendi_slot_state {
	PENDI_SLOT_FREE = 0,
	PENDI_SLOT_ARMING = 1,
	PENDI_SLOT_CONTEST = 2,
	PENDI_SLOT_LOST = 3,
	PENDI_SLOT_PENDING = 4,
	PENDI_SLOT_RERUN = 5,
	PENDI_SLOT_COMPLETING = 6,
};

/* What the caller whose CAS succeeded must do next. */
enum pendi_duty {
	PENDI_DUTY_NONE = 0,
	PENDI_DUTY_FINISH = 1, /* deliver the completion, unlink, recycle */
	PENDI_DUTY_RERUN = 2,  /* have the program run again */
};

/* The outcome of a transition: on an error the word is the old one and there is no duty. */
struct pendi_step {
	uint64_t word;
	int result;
	enum pendi_duty duty;
};

#define PENDI_WORD_STATE_MASK 0x7ull
#define PENDI_WORD_FRAME (1ull << 3)
#define PENDI_WORD_REQ (1ull << 4)
#define PENDI_WORD_CLAIMED (1ull << 5)
#define PENDI_WORD_VERDICT_SHIFT 6u
#define PENDI_WORD_VERDICT_MASK (0x7ull << PENDI_WORD_VERDICT_SHIFT)
#define PENDI_WORD_ORIGIN_SHIFT 9u
#define PENDI_WORD_ORIGIN_MASK (0x7ull << PENDI_WORD_ORIGIN_SHIFT)
#define PENDI_WORD_RERUNS_SHIFT 12u
#define PENDI_WORD_RERUNS_MASK (0xffull << PENDI_WORD_RERUNS_SHIFT)
#define PENDI_WORD_STAGED_SHIFT 20u
#define PENDI_WORD_STAGED_MASK (0x7ull << PENDI_WORD_STAGED_SHIFT)
#define PENDI_WORD_GENERATION_MASK (~PENDI_SLOT_MASK)
#define PENDI_WORD_GENERATION_ONE (1ull << PENDI_SLOT_BITS)

PENDI_ALWAYS_INLINE enum pendi_slot_state pendi_word_state(uint64_t word)
{
	return (enum pendi_slot_state)(word & PENDI_WORD_STATE_MASK);
}

PENDI_ALWAYS_INLINE uint32_t pendi_word_verdict(uint64_t word)
{
	return (uint32_t)((word & PENDI_WORD_VERDICT_MASK) >> PENDI_WORD_VERDICT_SHIFT);
}

PENDI_ALWAYS_INLINE uint32_t pendi_word_origin(uint64_t word)
{
	return (uint32_t)((word & PENDI_WORD_ORIGIN_MASK) >> PENDI_WORD_ORIGIN_SHIFT);
}

PENDI_ALWAYS_INLINE uint32_t pendi_word_reruns(uint64_t word)
{
	return (uint32_t)((word & PENDI_WORD_RERUNS_MASK) >> PENDI_WORD_RERUNS_SHIFT);
}

PENDI_ALWAYS_INLINE uint32_t pendi_word_staged(uint64_t word)
{
	return (uint32_t)((word & PENDI_WORD_STAGED_MASK) >> PENDI_WORD_STAGED_SHIFT);
}

/* Whether @word is of the generation that @handle (or another word) names. */
PENDI_ALWAYS_INLINE bool pendi_word_same_generation(uint64_t word, uint64_t handle)
{
	return ((word ^ handle) & PENDI_WORD_GENERATION_MASK) == 0;
}

/* PENDING or RERUN: what lookups report and completers may decide. */
PENDI_ALWAYS_INLINE bool pendi_word_is_live(uint64_t word)
{
	const enum pendi_slot_state state = pendi_word_state(word);

	return state == PENDI_SLOT_PENDING || state == PENDI_SLOT_RERUN;
}

PENDI_ALWAYS_INLINE uint64_t pendi_handle_make(uint64_t word, uint32_t slot)
{
	return (word & PENDI_WORD_GENERATION_MASK) | slot;
}

PENDI_ALWAYS_INLINE uint32_t pendi_handle_slot(uint64_t handle)
{
	return (uint32_t)(handle & PENDI_SLOT_MASK);
}

PENDI_ALWAYS_INLINE uint64_t pendi_word_with_state(uint64_t word, enum pendi_slot_state state)
{
	return (word & ~PENDI_WORD_STATE_MASK) | (uint64_t)state;
}

/* The free word of the next generation; generation 0 is skipped, as in zeroed memory. */
PENDI_ALWAYS_INLINE uint64_t pendi_word_next_generation(uint64_t word)
{
	const uint64_t next = (word & PENDI_WORD_GENERATION_MASK) + PENDI_WORD_GENERATION_ONE;

	return next ? next : PENDI_WORD_GENERATION_ONE;
}

/* FREE -> ARMING. A word of zeroed memory (never used) gets the generation of @first, which is not
 * 0: maps begin with different ones, so that a handle of one means nothing in another (F64). */
PENDI_ALWAYS_INLINE uint64_t pendi_word_arm(uint64_t word, uint64_t first)
{
	return (word ? word : first) | PENDI_SLOT_ARMING;
}

/* ARMING -> CONTEST. */
PENDI_ALWAYS_INLINE uint64_t pendi_word_contest(uint64_t word)
{
	return pendi_word_with_state(word, PENDI_SLOT_CONTEST);
}

/* CONTEST -> ARMING, holding the key. */
PENDI_ALWAYS_INLINE uint64_t pendi_word_win(uint64_t word)
{
	return pendi_word_with_state(word, PENDI_SLOT_ARMING);
}

/* CONTEST -> LOST. */
PENDI_ALWAYS_INLINE uint64_t pendi_word_lose(uint64_t word)
{
	return pendi_word_with_state(word, PENDI_SLOT_LOST);
}

/* ARMING or LOST -> FREE of the next generation: nothing was ever pended. */
PENDI_ALWAYS_INLINE uint64_t pendi_word_disarm(uint64_t word)
{
	return pendi_word_next_generation(word);
}

/* ARMING -> PENDING, with or without an open hook frame. */
PENDI_ALWAYS_INLINE uint64_t pendi_word_publish(uint64_t word, bool frame)
{
	return pendi_word_with_state(word, PENDI_SLOT_PENDING) | (frame ? PENDI_WORD_FRAME : 0);
}

PENDI_ALWAYS_INLINE struct pendi_step pendi_step_refuse(uint64_t word, int result)
{
	return (struct pendi_step){ word, result, PENDI_DUTY_NONE };
}

/* COMPLETING with @verdict by @origin; req and staged are dropped, frame, claimed and generation
 * stay. */
PENDI_ALWAYS_INLINE struct pendi_step pendi_step_decide(uint64_t word, uint32_t verdict,
							uint32_t origin)
{
	const uint64_t keep = word & (PENDI_WORD_GENERATION_MASK | PENDI_WORD_RERUNS_MASK |
				      PENDI_WORD_FRAME | PENDI_WORD_CLAIMED);
	const uint64_t next = keep | PENDI_SLOT_COMPLETING |
			      ((uint64_t)verdict << PENDI_WORD_VERDICT_SHIFT) |
			      ((uint64_t)origin << PENDI_WORD_ORIGIN_SHIFT);

	return (struct pendi_step){ next, 0,
				    next & PENDI_WORD_FRAME ? PENDI_DUTY_NONE : PENDI_DUTY_FINISH };
}

/* A terminal @verdict (not 0) for the operation that @handle names. */
PENDI_ALWAYS_INLINE struct pendi_step pendi_word_complete(uint64_t word, uint64_t handle,
							  uint32_t verdict, uint32_t origin)
{
	if (!pendi_word_same_generation(word, handle))
		return pendi_step_refuse(word, -ENOENT);
	switch (pendi_word_state(word)) {
	case PENDI_SLOT_PENDING:
		return pendi_step_decide(word, verdict, origin);
	case PENDI_SLOT_RERUN:
		if (pendi_word_verdict(word))
			return pendi_step_refuse(word, -EALREADY);
		word &= ~PENDI_WORD_STAGED_MASK;
		return (struct pendi_step){ word | ((uint64_t)verdict << PENDI_WORD_VERDICT_SHIFT) |
						    ((uint64_t)origin << PENDI_WORD_ORIGIN_SHIFT),
					    0, PENDI_DUTY_NONE };
	case PENDI_SLOT_COMPLETING:
		return pendi_step_refuse(word, -EALREADY);
	default:
		return pendi_step_refuse(word, -ENOENT);
	}
}

/* PENDING -> RERUN with one more re-run on the count. */
PENDI_ALWAYS_INLINE uint64_t pendi_word_begin_rerun(uint64_t word)
{
	return pendi_word_with_state(word & ~PENDI_WORD_REQ, PENDI_SLOT_RERUN);
}

/* Another run of the program, at most @limit (0..255) for one operation. */
PENDI_ALWAYS_INLINE struct pendi_step pendi_word_continue(uint64_t word, uint64_t handle,
							  uint32_t limit)
{
	if (!pendi_word_same_generation(word, handle))
		return pendi_step_refuse(word, -ENOENT);
	switch (pendi_word_state(word)) {
	case PENDI_SLOT_PENDING:
		break;
	case PENDI_SLOT_RERUN:
	case PENDI_SLOT_COMPLETING:
		return pendi_step_refuse(word, -EALREADY);
	default:
		return pendi_step_refuse(word, -ENOENT);
	}
	if (word & PENDI_WORD_REQ)
		return pendi_step_refuse(word, -EALREADY);
	if (pendi_word_reruns(word) >= limit)
		return pendi_step_refuse(word, -ELOOP);
	word = (word & ~PENDI_WORD_STAGED_MASK) + (1ull << PENDI_WORD_RERUNS_SHIFT);
	if (word & PENDI_WORD_FRAME)
		return (struct pendi_step){ word | PENDI_WORD_REQ, 0, PENDI_DUTY_NONE };
	return (struct pendi_step){ pendi_word_begin_rerun(word), 0, PENDI_DUTY_RERUN };
}

/* Holds @verdict (not 0) ready for the operation that @handle names; the last one staged counts. */
PENDI_ALWAYS_INLINE struct pendi_step pendi_word_stage(uint64_t word, uint64_t handle,
						       uint32_t verdict)
{
	const uint64_t staged = (uint64_t)verdict << PENDI_WORD_STAGED_SHIFT;

	if (!pendi_word_same_generation(word, handle))
		return pendi_step_refuse(word, -ENOENT);
	if (!pendi_word_is_live(word))
		return pendi_step_refuse(word, pendi_word_state(word) == PENDI_SLOT_COMPLETING
						       ? -EALREADY
						       : -ENOENT);
	if (pendi_word_verdict(word))
		return pendi_step_refuse(word, -EALREADY);
	return (struct pendi_step){ (word & ~PENDI_WORD_STAGED_MASK) | staged, 0, PENDI_DUTY_NONE };
}

/*
 * Takes what there is to do for the slot: to finish it, or to run its program. -EAGAIN if there is
 * nothing, or somebody has it. A re-run that was decided before it began is not run any more.
 */
PENDI_ALWAYS_INLINE struct pendi_step pendi_word_claim(uint64_t word)
{
	const enum pendi_slot_state state = pendi_word_state(word);

	if (word & (PENDI_WORD_CLAIMED | PENDI_WORD_FRAME))
		return pendi_step_refuse(word, -EAGAIN);
	if (state == PENDI_SLOT_COMPLETING)
		return (struct pendi_step){ word | PENDI_WORD_CLAIMED, 0, PENDI_DUTY_FINISH };
	if (state != PENDI_SLOT_RERUN)
		return pendi_step_refuse(word, -EAGAIN);
	if (!pendi_word_verdict(word))
		return (struct pendi_step){ word | PENDI_WORD_CLAIMED, 0, PENDI_DUTY_RERUN };
	return (struct pendi_step){ pendi_word_with_state(word, PENDI_SLOT_COMPLETING) |
					    PENDI_WORD_CLAIMED,
				    0, PENDI_DUTY_FINISH };
}

/*
 * The hook frame closes. @verdict is 0 if the program pended, else what it decided after all,
 * by @origin. Only the frame itself calls this, once, so the generation cannot have moved.
 */
PENDI_ALWAYS_INLINE struct pendi_step pendi_word_frame_exit(uint64_t word, uint32_t verdict,
							    uint32_t origin)
{
	if (!(word & PENDI_WORD_FRAME))
		return pendi_step_refuse(word, -EINVAL);
	word &= ~PENDI_WORD_FRAME;
	if (pendi_word_state(word) == PENDI_SLOT_COMPLETING)
		return (struct pendi_step){ word, 0, PENDI_DUTY_FINISH };
	if (verdict)
		return pendi_step_decide(word, verdict, origin);
	if (word & PENDI_WORD_REQ)
		return (struct pendi_step){ pendi_word_begin_rerun(word), 0, PENDI_DUTY_RERUN };
	return (struct pendi_step){ word, 0, PENDI_DUTY_NONE };
}

/*
 * A re-run ends, or is skipped. @verdict is 0 if the program pended again, else what it decided,
 * by @origin; a verdict that was decided meanwhile wins. Only who runs it calls this, once; the
 * duty to finish is then its own, so what it claimed stays claimed.
 */
PENDI_ALWAYS_INLINE struct pendi_step pendi_word_rerun_exit(uint64_t word, uint32_t verdict,
							    uint32_t origin)
{
	if (pendi_word_state(word) != PENDI_SLOT_RERUN)
		return pendi_step_refuse(word, -EINVAL);
	if (pendi_word_verdict(word))
		return pendi_step_decide(word, pendi_word_verdict(word), pendi_word_origin(word));
	if (verdict)
		return pendi_step_decide(word, verdict, origin);
	word &= ~PENDI_WORD_CLAIMED;
	return (struct pendi_step){ pendi_word_with_state(word, PENDI_SLOT_PENDING), 0,
				    PENDI_DUTY_NONE };
}

/* COMPLETING without frame -> FREE of the next generation. Only who has the duty. */
PENDI_ALWAYS_INLINE uint64_t pendi_word_finish(uint64_t word)
{
	return pendi_word_next_generation(word);
}

#endif
