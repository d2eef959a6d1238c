/* SPDX-License-Identifier: MIT */
/*
 * stall.c - the report on reclamation: how much waits, and which readers make it wait.
 *
 * Nobody reads a clock when a section opens. Instead each report is a sample: it compares the
 * section word of every thread with the word that an earlier report left there. A word that is
 * open and still the same belongs to one section that has been open since; a reader that leaves
 * and enters again has a new word, however often it does, and is never reported.
 *
 * Reports may run at once. The time is stored before the word, and only ever grows, so whoever
 * finds a word (EP7) finds a time that is not older than its first sighting: races may make a
 * reader look younger, never older.
 *
 * Works on the records alone, for every implementation. Edges: EP7 time ==> word.
 * Progress: lock-free (a lost CAS is another report's, which has a later time or the same word).
 */
#include <string.h>

#include "epoch/epoch.h"
#include "epoch/record.h"
#include "platform/atomic.h"
#include "platform/clock.h"

uint64_t pendi_epoch_limbo(void)
{
	const uint32_t limit = pendi_thread_limit();
	uint64_t retired = 0, reclaimed = 0;

	/* relaxed: statistics; a sum taken while nodes move may be off by those, not below 0. */
	for (uint32_t number = 0; number < limit; number++) {
		reclaimed += pendi_load_relaxed(&pendi_thread_records[number].reclaimed);
		retired += pendi_load_relaxed(&pendi_thread_records[number].retired);
	}
	return retired > reclaimed ? retired - reclaimed : 0;
}

static void note(struct pendi_thread_record *record, uint64_t seen, uint64_t section,
		 uint64_t now_ns)
{
	/* relaxed: EP7 publishes it. */
	uint64_t before_ns = pendi_load_relaxed(&record->seen_ns);

	/* relaxed: as above. */
	while (before_ns < now_ns && !pendi_cas_relaxed(&record->seen_ns, &before_ns, now_ns))
		;
	/* [EP7.rel] Pairs with [EP7.acq] in open_since(): else an older section's time could be
	 * read as this one's. A failure means that another report has noted something. */
	(void)pendi_cas_release(&record->seen, &seen, section, EP7);
}

/* Whether the open section of @record was seen by an earlier report, and when first. */
static bool open_since(struct pendi_thread_record *record, uint64_t now_ns, uint64_t *since_ns)
{
	/* relaxed: compared, not followed. */
	const uint64_t section = pendi_load_relaxed(&record->section);

	if (!pendi_section_is_open(section))
		return false;

	/* [EP7.acq] Pairs with [EP7.rel] in note(): the time is at least that of this word. */
	const uint64_t seen = pendi_load_acquire(&record->seen, EP7);

	if (seen != section) {
		note(record, seen, section, now_ns);
		return false;
	}
	/* relaxed: EP7 orders it. */
	*since_ns = pendi_load_relaxed(&record->seen_ns);
	return true;
}

/*
 * Puts @entry among the @used entries of @stalls, oldest first, and drops the youngest if there
 * is no room. By memcpy: the public call passes memory that it declared as another type of the
 * same layout.
 */
static void insert(struct pendi_epoch_stall *stalls, uint32_t count, uint32_t used,
		   const struct pendi_epoch_stall *entry)
{
	struct pendi_epoch_stall other;
	uint32_t at = used;

	for (; at > 0; at--) {
		memcpy(&other, &stalls[at - 1], sizeof(other));
		if (other.since_ns <= entry->since_ns)
			break;
		if (at < count)
			memcpy(&stalls[at], &other, sizeof(other));
	}
	if (at < count)
		memcpy(&stalls[at], entry, sizeof(*entry));
}

uint32_t pendi_epoch_stalled(uint64_t threshold_ns, struct pendi_epoch_stall *stalls,
			     uint32_t count)
{
	const uint64_t now_ns = pendi_clock_boot_ns();
	const uint32_t limit = pendi_thread_limit();
	uint32_t found = 0;

	for (uint32_t number = 0; number < limit; number++) {
		struct pendi_thread_record *record = &pendi_thread_records[number];
		struct pendi_epoch_stall entry = { .thread = number };

		if (!open_since(record, now_ns, &entry.since_ns) || now_ns < entry.since_ns ||
		    now_ns - entry.since_ns < threshold_ns)
			continue;
		/* relaxed: a name to print. */
		entry.tid = pendi_load_relaxed(&record->owner);
		insert(stalls, count, found < count ? found : count, &entry);
		found++;
	}
	return found;
}
