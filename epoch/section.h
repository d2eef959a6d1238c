/* SPDX-License-Identifier: MIT */
/*
 * section.h - a reader's enter and exit in the native implementation, to be inlined where each
 * nanosecond counts.
 *
 * Callers outside of this folder use pendi_section_open() and pendi_section_close(), which also tell
 * the thread's number, looked up once. With liburcu they call.
 */
#ifndef PENDI_EPOCH_SECTION_H
#define PENDI_EPOCH_SECTION_H

#include <errno.h>

#include "epoch/epoch.h"
#include "epoch/native.h"

/* Returns our word, which only we write. */
static inline uint64_t open_section(struct pendi_thread_record *self)
{
	/* [EP3.acq] Pairs with [EP3.rel] in advance(): at epoch r + 1 the unlinks that were
	 * retired at r are seen (S1). */
	const uint32_t epoch = pendi_load_acquire(&pendi_native.epoch, EP3);
	/* relaxed: our own word. */
	const uint64_t section = pendi_section_enter(pendi_load_relaxed(&self->section), epoch);

	/* [EP2.rel] Pairs with [EP2.acq] in pendi_native_held_up(): who sees this section sees that
	 * the one before is over, with all that was read in it. */
	pendi_store_release(&self->section, section, EP2);
	/*
	 * [EP1.sc] Our word first, then whatever we read inside. Pairs with [EP1.sc] in
	 * fence_before_scan(): without it both we and the scan could miss the other, and what
	 * we are about to reach would be freed under us.
	 */
	pendi_fence_light(EP1);
	/* relaxed: after our word, so a change of the state is seen, or we are (EP1). */
	if (PENDI_UNLIKELY(pendi_load_relaxed(&pendi_native.fences) != PENDI_FENCES_ASYMMETRIC))
		/* [EP1.sc] The same, in the portable form. */
		pendi_fence_store_load(EP1);
	return section;
}

static inline void close_section(struct pendi_thread_record *self)
{
	/* relaxed: our own word. */
	const uint64_t section = pendi_load_relaxed(&self->section);

	/* [EP2.rel] Pairs with [EP2.acq] in pendi_native_held_up(): our reads are done before
	 * what we read is reused. */
	pendi_store_release(&self->section, pendi_section_exit(section), EP2);
}

static inline void pendi_section_pin(struct pendi_thread_record *self)
{
	if (self->nest++ == 0)
		(void)open_section(self);
}

static inline void pendi_section_unpin(struct pendi_thread_record *self)
{
	if (--self->nest == 0)
		close_section(self);
}

/* An open section, by who opened it: what closing it need not look up and read again. */
struct pendi_section {
	struct pendi_thread_record *record;
	uint32_t thread; /* its number */
	uint32_t nest;   /* sections that were open before */
	uint64_t word;   /* if there was none: its record's */
};

/* pendi_epoch_enter(), in line: 0 or -EAGAIN. */
PENDI_ALWAYS_INLINE int pendi_section_open(struct pendi_section *section)
{
	const uint32_t thread = pendi_thread_number();
	struct pendi_thread_record *self;

	if (PENDI_UNLIKELY(thread == 0))
		return -EAGAIN;
	section->thread = thread;
#ifdef PENDI_EPOCH_URCU
	return pendi_epoch_enter();
#else
	self = &pendi_thread_records[thread];
	section->record = self;
	section->nest = self->nest;
	self->nest = section->nest + 1;
	section->word = PENDI_LIKELY(section->nest == 0) ? open_section(self) : 0;
	return 0;
#endif
}

/* Whether it was opened inside another one. */
PENDI_ALWAYS_INLINE bool pendi_section_is_nested(const struct pendi_section *section)
{
#ifdef PENDI_EPOCH_URCU
	(void)section;
	return false;
#else
	return section->nest != 0;
#endif
}

/* pendi_epoch_exit(), in line; by the thread that opened it. */
PENDI_ALWAYS_INLINE void pendi_section_close(const struct pendi_section *section)
{
#ifdef PENDI_EPOCH_URCU
	(void)section;
	pendi_epoch_exit();
#else
	section->record->nest = section->nest;
	/* [EP2.rel] Pairs with [EP2.acq] in pendi_native_held_up(): as in close_section(). Our word is
	 * what we wrote when we opened it. */
	if (PENDI_LIKELY(section->nest == 0))
		pendi_store_release(&section->record->section, pendi_section_exit(section->word),
				    EP2);
#endif
}

#endif
