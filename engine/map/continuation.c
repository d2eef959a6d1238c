/* SPDX-License-Identifier: MIT */
/*
 * continuation.c - the continuation map: keyed values, replaced whole, read by pointer.
 *
 * The same index as a keyed pend map, the same slots; but an entry has no owner, so the cell of
 * the index decides instead of the slot word:
 *
 *	insert   a slot from the free pool gets the key, PENDING at once     (index: live_at_once)
 *	replace  a spare slot with the new value, CAS cell: old -> spare; the old one is retired
 *	delete   CAS cell: slot -> empty; the slot is retired, a spare takes its place in the pool
 *	lookup   find, and hand out the pointer
 *
 * Who succeeds in a CAS on a cell owns the slot that it displaced. Readers and updaters are inside
 * an epoch, so a slot they found is not reused, and a cell does not come back to a value it had,
 * while they look (no ABA).
 *
 * A value's bytes never change between the moment it can be found and the moment no reader can
 * hold it. An update may be told -EAGAIN when readers hold the whole reserve; an insert also
 * -ENOSPC. A stalled reader costs no memory beyond the reserve (guarantee E).
 *
 * Linearization points: insert, the CAS that makes its word PENDING; replace and delete, the CAS
 * on the cell; lookup, as pendi_index_find().
 * Progress: lock-free; an update is repeated only because another one succeeded.
 */
#include "engine/map/continuation_internal.h"

/* One update under way: the slots it has taken and not yet used. */
struct attempt {
	struct pend_continuation *map;
	struct pendi_key key;
	const void *value;
	uint32_t cpu;
	uint32_t fresh;  /* from the free pool, for an insert: ARMING; or PENDI_SLOT_NONE */
	uint32_t spare;  /* for a replacement: PENDING; or PENDI_SLOT_NONE */
	const void *old; /* the value that was replaced, or NULL */
};

enum { AGAIN = 1 }; /* besides 0 and errors: look again */

/* Arms a slot that was taken, with the attempt's key and value in it. */
static void fill_entry(const struct attempt *attempt, uint32_t slot)
{
	const struct pend_continuation *map = attempt->map;
	struct pendi_slot *at = pendi_continuation_slot(map, slot);

	pendi_slot_arm(&map->recycler.slab, at);
	/* [SL2.rel] Pairs with [SL2.acq] in examine(), as all of the payload (fill.h). */
	pendi_store_release(&at->home, (uint16_t)attempt->cpu, SL2);
	pendi_slot_fill(pendi_slab_key(&map->recycler.slab, at), attempt->key.bytes, map->key_size);
	pendi_slot_fill(pendi_slab_value(&map->recycler.slab, at), attempt->value, map->value_size);
}

/* Frees a slot that can no longer be found; whoever calls owns it. */
static void free_slot(const struct pend_continuation *map, uint32_t slot)
{
	struct pendi_slot *at = pendi_continuation_slot(map, slot);

	/* relaxed: the word is the owner's. */
	pendi_slot_free(at, pendi_load_relaxed(&at->word));
}

/* Before an epoch is entered: what @update may need and the attempt does not have. */
static int provide(struct attempt *attempt, bool present)
{
	struct pendi_recycler *recycler = &attempt->map->recycler;
	int error = 0;

	if (present && attempt->spare == PENDI_SLOT_NONE) {
		attempt->spare = pendi_recycler_take_spare(recycler, attempt->cpu);
		if (attempt->spare == PENDI_SLOT_NONE)
			return -EAGAIN;
		fill_entry(attempt, attempt->spare);
		(void)pendi_slot_publish(pendi_continuation_slot(attempt->map, attempt->spare),
					 false);
	} else if (!present && attempt->fresh == PENDI_SLOT_NONE) {
		attempt->fresh = pendi_recycler_take(recycler, attempt->cpu, &error);
		if (attempt->fresh == PENDI_SLOT_NONE)
			return error;
		fill_entry(attempt, attempt->fresh);
	}
	return 0;
}

/* Gives back what was provided and not used. */
static void give_back(struct attempt *attempt)
{
	if (attempt->spare != PENDI_SLOT_NONE) {
		free_slot(attempt->map, attempt->spare);
		pendi_recycler_return_spare(&attempt->map->recycler, attempt->cpu, attempt->spare);
	}
	if (attempt->fresh != PENDI_SLOT_NONE) {
		pendi_slot_disarm(pendi_continuation_slot(attempt->map, attempt->fresh));
		pendi_recycler_return(&attempt->map->recycler, attempt->fresh);
	}
}

static int replace(struct attempt *attempt, const struct pendi_found *found)
{
	struct pend_continuation *map = attempt->map;

	if (!pendi_index_replace(&map->index, found, attempt->spare))
		return AGAIN;
	attempt->spare = PENDI_SLOT_NONE;
	attempt->old = pendi_continuation_value(map, found->slot);
	free_slot(map, found->slot);
	pendi_recycler_retire(&map->recycler, found->slot);
	return 0;
}

static int insert(struct attempt *attempt, enum pend_update update)
{
	struct pend_continuation *map = attempt->map;

	if (pendi_index_insert(&map->index, attempt->fresh, &attempt->key))
		return update == PEND_UPDATE_NOEXIST ? -EEXIST : AGAIN;
	attempt->fresh = PENDI_SLOT_NONE;
	pendi_tally_add(&map->tally, PENDI_COUNT_INSERTED, 1);
	return 0;
}

/* One look at the key, inside an epoch; *@present tells what was seen, for provide(). */
static int try_update(struct attempt *attempt, enum pend_update update, bool *present)
{
	const struct pendi_found found = pendi_index_find(&attempt->map->index, &attempt->key);

	*present = found.slot != PENDI_SLOT_NONE;
	if (*present && update == PEND_UPDATE_NOEXIST)
		return -EEXIST;
	if (!*present && update == PEND_UPDATE_EXIST)
		return -ENOENT;
	if (*present)
		return attempt->spare == PENDI_SLOT_NONE ? AGAIN : replace(attempt, &found);
	return attempt->fresh == PENDI_SLOT_NONE ? AGAIN : insert(attempt, update);
}

int pendi_continuation_exchange(struct pend_continuation *map, const struct pendi_key *key,
				const void *value, enum pend_update update, const void **old)
{
	struct attempt attempt = { .map = map,
				   .key = *key,
				   .value = value,
				   .cpu = pendi_cpu_current(),
				   .fresh = PENDI_SLOT_NONE,
				   .spare = PENDI_SLOT_NONE };
	bool present;
	int result;

	do {
		result = pendi_epoch_enter();
		if (result)
			break;
		result = try_update(&attempt, update, &present);
		if (result == 0) {
			*old = attempt.old;
			break;
		}
		pendi_epoch_exit();
		/* Outside the epoch, so that limbo can move on if the reserve is used up. */
		if (result == AGAIN) {
			const int error = provide(&attempt, present);

			result = error ? error : AGAIN;
		}
	} while (result == AGAIN);
	give_back(&attempt);
	return result;
}

int pendi_continuation_update(struct pend_continuation *map, const struct pendi_key *key,
			      const void *value, enum pend_update update)
{
	const void *old;
	const int result = pendi_continuation_exchange(map, key, value, update, &old);

	if (result == 0)
		pendi_epoch_exit();
	return result;
}

bool pendi_continuation_erase(struct pend_continuation *map, const struct pendi_found *found)
{
	if (!pendi_index_erase(&map->index, found))
		return false;
	free_slot(map, found->slot);
	pendi_tally_add(&map->tally, PENDI_COUNT_DELETED, 1);
	pendi_recycler_put(&map->recycler, found->slot);
	return true;
}

int pendi_continuation_delete(struct pend_continuation *map, const struct pendi_key *key)
{
	int result = pendi_epoch_enter();

	if (result)
		return result;
	for (;;) {
		const struct pendi_found found = pendi_index_find(&map->index, key);

		if (found.slot == PENDI_SLOT_NONE) {
			result = -ENOENT;
			break;
		}
		if (pendi_continuation_erase(map, &found))
			break;
	}
	pendi_epoch_exit();
	return result;
}

const void *pendi_continuation_find(const struct pend_continuation *map,
				    const struct pendi_key *key)
{
	const struct pendi_found found = pendi_index_find(&map->index, key);

	return found.slot == PENDI_SLOT_NONE ? NULL : pendi_continuation_value(map, found.slot);
}

int pend_continuation_update(struct pend_continuation *map, const void *key, const void *value,
			     enum pend_update update)
{
	const int error = pendi_continuation_check(map);

	if (error)
		return error;
	if (!key || !value)
		return -EFAULT;
	if (!pendi_continuation_is_update(update))
		return -EINVAL;

	const struct pendi_key hashed = pendi_index_key(&map->index, key);

	return pendi_continuation_update(map, &hashed, value, update);
}

int pend_continuation_delete(struct pend_continuation *map, const void *key)
{
	const int error = pendi_continuation_check(map);

	if (error)
		return error;
	if (!key)
		return -EFAULT;

	const struct pendi_key hashed = pendi_index_key(&map->index, key);

	return pendi_continuation_delete(map, &hashed);
}

int pend_continuation_lookup(struct pend_continuation *map, const void *key, const void **value)
{
	const int error = pendi_continuation_check(map);
	const void *found;

	if (PENDI_UNLIKELY(error))
		return error;
	if (PENDI_UNLIKELY(!key || !value))
		return -EFAULT;
	if (PENDI_UNLIKELY(!pendi_epoch_inside()))
		return -EPERM;

	const struct pendi_key hashed = pendi_index_key(&map->index, key);

	found = pendi_continuation_find(map, &hashed);
	if (!found)
		return -ENOENT;
	*value = found;
	return 0;
}
