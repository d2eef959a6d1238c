/* SPDX-License-Identifier: MIT */
/*
 * fill.h - what one thread does to a slot that it owns: arm, fill, publish, free.
 *
 * Between pendi_slot_arm() and pendi_slot_publish() the slot is in the hands of its pender; its
 * payload may still be read by who was overtaken by the recycling. So the payload is written with
 * release and read with acquire, word by word (SL2): a reader that got a word of this operation
 * while it meant the one before sees, when it looks at the slot's word again, that the generation
 * moved, because that happened before this payload was written.
 *
 * Edges: SL1 word published ==> word read; SL2 payload.
 */
#ifndef PENDI_ENGINE_SLOT_FILL_H
#define PENDI_ENGINE_SLOT_FILL_H

#include "engine/slot/slab.h"

/* FREE -> ARMING. */
PENDI_ALWAYS_INLINE void pendi_slot_arm(const struct pendi_slab *slab, struct pendi_slot *slot)
{
	/* relaxed: the word is ours. */
	const uint64_t word = pendi_load_relaxed(&slot->word);

	/* [SL1.rel] Pairs with [SL1.acq] in examine(): who reads this word through a cell that
	 * the slot left long ago also sees that it left it. */
	pendi_store_release(&slot->word, pendi_word_arm(word, slab->first_word), SL1);
}

/* Writes @bytes of @source, or as many zeros if it is NULL. */
PENDI_ALWAYS_INLINE void pendi_slot_fill(_Atomic uint64_t *words, const void *source,
					 uint32_t bytes)
{
	/* [SL2.rel] Pairs with [SL2.acq] in pendi_slot_copy() and check(): see above. */
	if (PENDI_LIKELY(source != NULL)) {
		pendi_copy_in_release(words, source, bytes, SL2);
		return;
	}
	for (uint32_t i = 0; i < (bytes + 7) / 8; i++)
		/* [SL2.rel] As above. */
		pendi_store_release(&words[i], 0, SL2);
}

/* Copies @bytes of the payload out. The caller validates the generation afterwards. */
PENDI_ALWAYS_INLINE void pendi_slot_copy(void *target, const _Atomic uint64_t *words,
					 uint32_t bytes)
{
	/* [SL2.acq] Pairs with [SL2.rel] in pendi_slot_fill(). */
	pendi_copy_out_acquire(target, words, bytes, SL2);
}

/* ARMING -> PENDING. Returns the word: from here on anybody may complete the operation. @frame: its
 * hook frame is open, and pendi_word_frame_exit() must follow. */
PENDI_ALWAYS_INLINE uint64_t pendi_slot_publish(struct pendi_slot *slot, bool frame)
{
	/* relaxed: the word is ours; a settler that set it had it from us. */
	const uint64_t word = pendi_word_publish(pendi_load_relaxed(&slot->word), frame);

	/* [SL1.rel] Pairs with [SL1.acq] in whoever finds or completes the operation: the whole
	 * slot as it was pended. Without it a completer could act on half of it. */
	pendi_store_release(&slot->word, word, SL1);
	return word;
}

/* ARMING -> FREE: nothing was pended after all. The caller still owns the slot. */
PENDI_ALWAYS_INLINE void pendi_slot_disarm(struct pendi_slot *slot)
{
	/* relaxed: the word is ours. */
	const uint64_t word = pendi_load_relaxed(&slot->word);

	/* [SL1.rel] Pairs with [SL1.acq] in examine(), as in pendi_slot_arm(). */
	pendi_store_release(&slot->word, pendi_word_disarm(word), SL1);
}

/* COMPLETING -> FREE. The caller still owns the slot. */
PENDI_ALWAYS_INLINE void pendi_slot_free(struct pendi_slot *slot, uint64_t word)
{
	/* [SL1.rel] Pairs with [SL1.acq] in whoever still holds the handle: the completion was
	 * delivered before the handle went stale. */
	pendi_store_release(&slot->word, pendi_word_finish(word), SL1);
}

#endif
