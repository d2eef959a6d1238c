/* SPDX-License-Identifier: MIT */
/*
 * insert.c - giving a key to a slot, so that no two slots hold it. index.h has the argument.
 *
 *	ARMING --announce--> CONTEST --settle--> ARMING (holds the key)      return 0
 *	                        |
 *	                        +--settle--> LOST --withdraw--> ARMING, a generation on
 *	                                              |
 *	                                              +-- a holder was seen: return -EEXIST
 *	                                              +-- none was: announce again
 *
 * A rank is a cell's place counted from the key's home, so rivals for one key, who have the same
 * home, agree on who comes first.
 *
 * Invariants
 *   I1  A slot stands in at most one cell, and while it is CONTEST in exactly one.
 *   I2  A word leaves CONTEST by one CAS, to ARMING or LOST, whoever does it.
 *   I3  A slot is set from CONTEST to ARMING only by a thread that scanned after its cell was
 *       set, saw no holder, and has set to LOST every other contender that it saw; these
 *       all came behind it.
 *
 * Edges: IX1, IX2, IX3 (index.h), SL1, SL2 (slot words and payloads).
 */
#include <errno.h>

#include "engine/index/index.h"

/* What one scan for a key saw. */
struct rivals {
	bool held;           /* a slot holds the key */
	bool outranked;      /* a contender comes before the favourite */
	uint32_t contenders; /* how many want it */
	uint32_t first;      /* the one of the lowest rank */
	uint64_t first_word; /* its word */
};

/* The slot in a cell, if it holds or wants the key. */
struct rival {
	uint32_t slot; /* PENDI_SLOT_NONE: it does neither */
	uint64_t word;
};

/* Puts the slot in the nearest empty cell, and notes in the slot where that is. */
static void announce(struct pendi_index *index, uint32_t slot, uint32_t home, uint32_t tag)
{
	struct pendi_slot *at = pendi_slab_slot(index->slab, slot);
	const uint32_t farthest = index->bucket_count - 1 < UINT16_MAX ? index->bucket_count - 1
								       : UINT16_MAX;
	uint32_t bucket = home, distance = 0, place;
	bool counted = false;

	/* [SL1.rel] Pairs with [SL1.acq] in examine(): who reads this word through a cell that
	 * the slot left long ago also sees that it left it. The load is relaxed: it is ours. */
	pendi_store_release(&at->word, pendi_word_contest(pendi_load_relaxed(&at->word)), SL1);
	/* relaxed, here and below: the CAS that sets the cell publishes it (IX1). */
	pendi_store_relaxed(&at->displacement, 0);
	while (!(place = pendi_bucket_take(&index->buckets[bucket], tag | (slot + 1)))) {
		/* Begin again: a cell came free where we had looked. (There are always more cells
		 * than slots; that 65536 buckets in a row are full, at four cells in seven taken
		 * and a secret seed, will not happen.) */
		distance = distance < farthest ? distance + 1 : 0;
		bucket = home + distance < index->bucket_count
				 ? home + distance
				 : home + distance - index->bucket_count;
		if (distance) {
			pendi_bucket_reach_out(&index->buckets[home], distance, counted);
			counted = true;
		}
		pendi_store_relaxed(&at->displacement, (uint16_t)distance);
	}
	if (counted && !distance)
		pendi_bucket_draw_in(&index->buckets[home]);
	/* relaxed: read by the slot's owner alone, who else would know the place by finding it. */
	pendi_store_relaxed(&at->cell, bucket * PENDI_CELLS + place);
}

/* Whether the slot, whose word is @word, holds or wants the key. */
static bool concerns(const struct pendi_index *index, const struct pendi_key *key,
		     struct pendi_slot *slot, uint64_t word)
{
	if (pendi_word_state(word) == PENDI_SLOT_FREE || pendi_word_state(word) == PENDI_SLOT_LOST)
		return false;
	/* [SL2.acq] Pairs with [SL2.rel] in pendi_slot_fill(). */
	return pendi_equal_acquire(pendi_slab_key(index->slab, slot), key->bytes, index->key_size,
				   SL2);
}

/*
 * What stands in the cell at @at, if it concerns @key: the slot's word, at a moment when the slot
 * stood in that cell with that key. Read cell, word, key, then cell and word again: if neither
 * changed, the word's generation is the one that set the cell, for a slot leaves its cell before
 * its generation moves. A cell that changed is examined anew, also after a "no": another slot may
 * have taken over the key in place.
 */
static struct rival examine(const struct pendi_index *index, const struct pendi_key *key,
			    const _Atomic uint32_t *at)
{
	const uint32_t tag = (uint32_t)key->hash & ~index->slot_mask;

	for (;;) {
		/* [IX1.acq] Pairs with [IX1.rel] in pendi_bucket_take(). */
		const uint32_t cell = pendi_load_acquire(at, IX1);

		if (cell == PENDI_CELL_EMPTY || (cell & ~index->slot_mask) != tag)
			return (struct rival){ PENDI_SLOT_NONE, 0 };

		const uint32_t number = (cell & index->slot_mask) - 1;
		struct pendi_slot *slot = pendi_slab_slot(index->slab, number);
		/* [SL1.acq] Pairs with [SL1.rel] in announce() and pendi_slot_arm(). */
		const uint64_t word = pendi_load_acquire(&slot->word, SL1);
		const bool concerned = concerns(index, key, slot, word);

		/* [IX1.acq] Pairs with [IX1.rel] in pendi_bucket_take(): a cell that the slot has
		 * set again since shows, in the last load below, the word it was set with. */
		if (pendi_load_acquire(at, IX1) != cell)
			continue;
		if (!concerned)
			return (struct rival){ PENDI_SLOT_NONE, 0 };
		/* relaxed: ordered after the reads before by their acquire loads. */
		if (pendi_load_relaxed(&slot->word) == word)
			return (struct rival){ number, word };
	}
}

/* A CAS from CONTEST as seen in @word. False: somebody settled it otherwise (I2). */
static bool settle_word(const struct pendi_index *index, uint32_t slot, uint64_t word,
			uint64_t settled)
{
	/* relaxed: the word decides by itself; the winner's owner publishes with SL1 later. */
	return pendi_cas_relaxed(&pendi_slab_slot(index->slab, slot)->word, &word, settled);
}

/* The word of a contender that gets the key. */
static uint64_t winning(const struct pendi_index *index, uint64_t word)
{
	return index->live_at_once ? pendi_word_publish(pendi_word_win(word), false)
				   : pendi_word_win(word);
}

/*
 * Takes note of what stands in the cell at @at. With @favourite, a contender that comes before it
 * ends the scan, and one that comes behind it is set to LOST; if that fails, it was settled
 * meanwhile, perhaps to hold the key: look again.
 */
static void weigh(const struct pendi_index *index, const struct pendi_key *key,
		  const _Atomic uint32_t *at, uint32_t favourite, struct rivals *seen)
{
	struct rival rival;

	do {
		rival = examine(index, key, at);
		if (rival.slot == PENDI_SLOT_NONE)
			return;
		if (pendi_word_state(rival.word) != PENDI_SLOT_CONTEST) {
			seen->held = true;
			return;
		}
		if (favourite == PENDI_SLOT_NONE || rival.slot == favourite)
			break;
		if (seen->contenders == 0) {
			seen->outranked = true;
			return;
		}
	} while (!settle_word(index, rival.slot, rival.word, pendi_word_lose(rival.word)));
	if (seen->contenders++ == 0) {
		seen->first = rival.slot;
		seen->first_word = rival.word;
	}
}

/* Whether a scan need not go on. */
static bool decided(const struct rivals *seen)
{
	return seen->held || seen->outranked;
}

/*
 * Scans the home of @key and as far as it reaches, in the order of rank. The caller has made a
 * store-load fence (IX2) since the cell was set on whose behalf it looks.
 */
static struct rivals look(const struct pendi_index *index, const struct pendi_key *key,
			  uint32_t favourite)
{
	const uint32_t home = pendi_index_home(index, key->hash);
	const uint32_t tag = (uint32_t)key->hash & ~index->slot_mask;
	struct rivals seen = { .first = PENDI_SLOT_NONE };
	/* [IX3.acq] Pairs with [IX3.rel] in pendi_bucket_reach_out(). */
	const uint32_t reach =
		pendi_home_reach(pendi_load_acquire(&index->buckets[home].home, IX3));

	for (uint32_t distance = 0, bucket = home; distance <= reach && !decided(&seen);
	     distance++) {
		const struct pendi_bucket *line = &index->buckets[bucket];
		/* [IX1.acq] Pairs with [IX1.rel] in pendi_bucket_take(); examine() reads again. */
		uint32_t match = pendi_match16_acquire(line->cells, tag, ~index->slot_mask, IX1) &
				 PENDI_CELL_SET;

		for (; match && !decided(&seen); match &= match - 1)
			weigh(index, key, &line->cells[__builtin_ctz(match)], favourite, &seen);
		bucket = bucket + 1 < index->bucket_count ? bucket + 1 : 0;
	}
	return seen;
}

/*
 * Several want the key: the first of them shall have it. Scans again, so that what it acts on was
 * seen after all their cells were set (I3). If one that comes before the favourite has turned up,
 * nothing is done: only a holder, or a contender of a lower rank, can keep a key from the first,
 * so contenders cannot set each other to LOST for ever.
 */
static PENDI_COLD void favour(const struct pendi_index *index, const struct pendi_key *key,
			      const struct rivals *seen)
{
	/* [IX2.sc] The favourite's cell was read; now the others are. Pairs with [IX2.sc] in
	 * pendi_index_insert(): a rival whose scan misses the favourite's cell is not missed. */
	pendi_fence_store_load(IX2);

	const struct rivals again = look(index, key, seen->first);

	if (!decided(&again))
		(void)settle_word(index, seen->first, seen->first_word,
				  winning(index, seen->first_word));
}

/*
 * Whether the slot's cell is the only one with the key's tag in its home, and the home reaches no
 * further: then nobody else holds or wants the key, and no slot need be looked at.
 */
static bool alone(const struct pendi_index *index, uint32_t home, uint32_t tag)
{
	const struct pendi_bucket *line = &index->buckets[home];
	/* [IX1.acq] Pairs with [IX1.rel] in pendi_bucket_take(). */
	const uint32_t match = pendi_match16_acquire(line->cells, tag, ~index->slot_mask, IX1) &
			       PENDI_CELL_SET;

	/* [IX3.acq] Pairs with [IX3.rel] in pendi_bucket_reach_out(). */
	return !(match & (match - 1)) &&
	       pendi_home_reach(pendi_load_acquire(&line->home, IX3)) == 0;
}

enum outcome {
	WON,
	LOST, /* to a contender */
	HELD, /* to a holder, which was seen */
};

/*
 * Until the slot's word, which was @announced, has left CONTEST. A winner that is live at once may
 * have been removed, and its generation moved on, before this thread looks.
 */
static PENDI_COLD enum outcome settle(const struct pendi_index *index, const struct pendi_key *key,
				      uint32_t slot, uint64_t announced)
{
	struct pendi_slot *at = pendi_slab_slot(index->slab, slot);

	for (;;) {
		const struct rivals seen = look(index, key, PENDI_SLOT_NONE);
		/* relaxed: the contest's word decides by itself (I2). */
		const uint64_t word = pendi_load_relaxed(&at->word);

		if (word != announced)
			return word == pendi_word_lose(announced) ? LOST : WON;
		if (seen.held) {
			if (settle_word(index, slot, word, pendi_word_lose(word)))
				return HELD;
		} else if (PENDI_LIKELY(seen.contenders == 1)) { /* itself, for it is one still */
			if (settle_word(index, slot, word, winning(index, word)))
				return WON;
		} else {
			favour(index, key, &seen);
		}
	}
}

int pendi_index_insert(struct pendi_index *index, uint32_t slot, const struct pendi_key *key)
{
	const uint32_t home = pendi_index_home(index, key->hash);
	const uint32_t tag = (uint32_t)key->hash & ~index->slot_mask;
	struct pendi_slot *at = pendi_slab_slot(index->slab, slot);
	/* relaxed: the word is ours, until its cell is set. */
	uint64_t word = pendi_load_relaxed(&at->word);

	for (;;) {
		announce(index, slot, home, tag);
		/*
		 * [IX2.sc] The cell was set by a CAS; now the others are read. Pairs with
		 * [IX2.sc] in the same place in another thread: without it each of two inserts
		 * could miss the other's cell, and both would hold the key.
		 */
		pendi_fence_store_load_after_rmw(IX2);

		const uint64_t announced = pendi_word_contest(word);
		enum outcome outcome = WON;

		if (!PENDI_LIKELY(alone(index, home, tag) &&
				  settle_word(index, slot, announced, winning(index, announced))))
			outcome = settle(index, key, slot, announced);
		if (PENDI_LIKELY(outcome == WON))
			return 0;
		pendi_index_remove(index, slot);
		word = pendi_word_arm(pendi_word_disarm(word), index->slab->first_word);
		/* [SL1.rel] Pairs with [SL1.acq] in examine(), as in announce(). */
		pendi_store_release(&at->word, word, SL1);
		if (outcome == HELD)
			return -EEXIST;
	}
}
