/* SPDX-License-Identifier: MIT */
/*
 * lookup.c - reading one operation, by handle or by key, as a validated copy or by pointer.
 *
 *	word (acquire): live, of this generation -> copy the payload (acquire, word by word)
 *	                                         -> word again: the same generation?
 *
 * If the generation did not move, everything copied belongs to that operation, and the read
 * linearizes at the first look at the word. If it moved, the operation ended during the call, so
 * there was an instant without it: -ENOENT. A reader never writes, never retries and never holds
 * anything, so one that stalls is harmless (guarantee E).
 *
 * By pointer nothing is copied: inside an epoch a slot that was live after the epoch was entered
 * is not reused before it is left.
 *
 * Edges: SL1, SL2. Progress: by handle wait-free, by key as pendi_index_find().
 */
#include "engine/map/map_internal.h"

static void describe(const struct pendi_slot *slot, uint64_t handle, uint64_t word,
		     struct pend_info *info)
{
	/* [SL2.acq] Pairs with [SL2.rel] in fill_operation(), as all of the payload (fill.h). */
	info->handle = handle;
	info->cookie = pendi_load_acquire(&slot->user_cookie, SL2);
	info->pend_time_ns = pendi_load_acquire(&slot->pended_ns, SL2);
	info->deadline_ns = pendi_due_ns(pendi_load_acquire(&slot->due, SL2));
	info->home_cpu = pendi_load_acquire(&slot->home, SL2);
	info->rerun_count = pendi_word_reruns(word);
	info->state = pendi_word_state(word) == PENDI_SLOT_RERUN ? PEND_STATE_RERUN
								 : PEND_STATE_PENDING;
	info->owner = pendi_load_acquire(&slot->owner, SL2);
}

int pendi_map_copy(const struct pend_map *map, uint32_t slot, uint64_t handle,
		   struct pend_info *info, void *value)
{
	struct pendi_slot *at = pendi_map_slot(map, slot);
	/* [SL1.acq] Pairs with [SL1.rel] in pendi_slot_publish(). */
	const uint64_t word = pendi_load_acquire(&at->word, SL1);
	struct pend_info copy;

	if (!pendi_word_same_generation(word, handle) || !pendi_word_is_live(word))
		return -ENOENT;
	if (info)
		describe(at, handle, word, &copy);
	if (value)
		pendi_slot_copy(value, pendi_slab_value(&map->recycler.slab, at), map->value_size);
	/* relaxed: ordered after the copies by their acquire loads (SL2). */
	if (!pendi_word_same_generation(pendi_load_relaxed(&at->word), handle))
		return -ENOENT;
	if (info)
		*info = copy;
	return 0;
}

/* Part of a slot as plain bytes, for who may read it while nobody writes it. */
static const void *payload(const struct pendi_slot *slot, uint32_t offset)
{
	return (const unsigned char *)slot + offset;
}

struct pend_operation pendi_map_view(const struct pend_map *map, uint32_t slot, uint64_t word,
				     uint32_t action)
{
	const struct pendi_slab *slab = &map->recycler.slab;
	struct pendi_slot *at = pendi_map_slot(map, slot);

	/* relaxed, all: whoever owns the slot acquired it with its word (SL1). */
	return (struct pend_operation){
		.handle = pendi_handle_make(word, slot),
		.cookie = pendi_load_relaxed(&at->user_cookie),
		.key = map->key_size ? payload(at, slab->key_offset) : NULL,
		.value = map->value_size ? payload(at, slab->value_offset) : NULL,
		.scratch = map->scratch_size ? pendi_slab_scratch(slab, at) : NULL,
		/* relaxed: as above. */
		.pend_time_ns = pendi_load_relaxed(&at->pended_ns),
		.deadline_ns = pendi_due_ns(pendi_load_relaxed(&at->due)),
		.home_cpu = pendi_load_relaxed(&at->home),
		.rerun_count = pendi_word_reruns(word),
		.action = (enum pend_action)action,
		.origin = (enum pend_origin)pendi_word_origin(word),
	};
}

int pendi_map_check_key(const struct pend_map *map, const void *key, uint32_t key_size)
{
	const int error = pendi_map_check(map);

	if (PENDI_UNLIKELY(error || !key))
		return error ? error : -EFAULT;
	if (PENDI_UNLIKELY(!map->key_size))
		return -EOPNOTSUPP;
	return PENDI_LIKELY(key_size == map->key_size) ? 0 : -EMSGSIZE;
}

int pend_map_read(struct pend_map *map, uint64_t handle, struct pend_info *info, void *value)
{
	const int error = pendi_map_check(map);

	if (PENDI_UNLIKELY(error))
		return error;
	if (PENDI_UNLIKELY(pendi_handle_slot(handle) >= map->recycler.slab.count))
		return -ENOENT;
	return pendi_map_copy(map, pendi_handle_slot(handle), handle, info, value);
}

int pendi_map_lookup(const struct pend_map *map, const struct pendi_key *key,
		     struct pend_info *info, void *value)
{
	const struct pendi_found found = pendi_index_find(&map->index, key);

	if (found.slot == PENDI_SLOT_NONE)
		return -ENOENT;
	return pendi_map_copy(map, found.slot, pendi_handle_make(found.word, found.slot), info,
			      value);
}

int pend_map_lookup(struct pend_map *map, const void *key, uint32_t key_size,
		    struct pend_info *info, void *value)
{
	const int error = pendi_map_check_key(map, key, key_size);

	if (PENDI_UNLIKELY(error))
		return error;

	const struct pendi_key hashed = pendi_index_key(&map->index, key);

	return pendi_map_lookup(map, &hashed, info, value);
}

/* What both kinds of peek need of the map and the thread. */
static int check_peek(const struct pend_map *map)
{
	if (!(map->flags & PEND_MAP_POINTERS))
		return -EOPNOTSUPP;
	return pendi_epoch_inside() ? 0 : -EPERM;
}

static int peek(const struct pend_map *map, uint32_t slot, uint64_t handle, struct pend_info *info,
		const void **value)
{
	const int error = pendi_map_copy(map, slot, handle, info, NULL);

	if (!error)
		*value = payload(pendi_map_slot(map, slot), map->recycler.slab.value_offset);
	return error;
}

int pend_map_peek(struct pend_map *map, uint64_t handle, struct pend_info *info, const void **value)
{
	int error = pendi_map_check(map);

	if (!error)
		error = value ? check_peek(map) : -EFAULT;
	if (error)
		return error;
	if (pendi_handle_slot(handle) >= map->recycler.slab.count)
		return -ENOENT;
	return peek(map, pendi_handle_slot(handle), handle, info, value);
}

int pend_map_peek_key(struct pend_map *map, const void *key, uint32_t key_size,
		      struct pend_info *info, const void **value)
{
	int error = value || pendi_map_check(map) ? pendi_map_check_key(map, key, key_size)
						  : -EFAULT;

	if (!error)
		error = check_peek(map);
	if (error)
		return error;

	const struct pendi_key hashed = pendi_index_key(&map->index, key);
	const struct pendi_found found = pendi_index_find(&map->index, &hashed);

	if (found.slot == PENDI_SLOT_NONE)
		return -ENOENT;
	return peek(map, found.slot, pendi_handle_make(found.word, found.slot), info, value);
}
