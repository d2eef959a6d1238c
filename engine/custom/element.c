/* SPDX-License-Identifier: MIT */
/*
 * element.c - what is done to the elements of a custom map (F85).
 *
 *	base HASH	update  preprocess -> exchange in the table -> the old value, or the new
 *	                        one that did not get in, is told of
 *			delete  out of the table -> told of
 *			take    find -> translate -> out of the table if it still is that one
 *	                        -> told of
 *	base NONE	the provider's own function
 *
 * Exactly once: a value that preprocess_update let through gets into the table or is told of at
 * once; what is in the table leaves it by one compare-and-swap, of who then tells (continuation.c).
 * Nothing is held meanwhile but an epoch, so that a callback may call anything that does not wait
 * for one.
 *
 * Nothing is allocated: a translated value is made on the stack.
 */
#include <string.h>

#include "engine/custom/custom_internal.h"

PENDI_THREAD_LOCAL const struct pendi_custom_call *pendi_custom_innermost;

/* The stored value was taken out by the caller, and is read for the last time. */
static void tell_gone(const struct pend_custom_map *map, const void *key, const void *stored,
		      uint32_t flags)
{
	if (map->callbacks.postprocess_delete_element)
		map->callbacks.postprocess_delete_element(map->provider_context, map->map_context,
							  key, stored, flags);
}

/* What a caller gets to see of a stored value; untouched if the provider refuses. */
static int show_stored(const struct pend_custom_map *map, const void *key, const void *stored,
		       void *value)
{
	const struct pend_map_callbacks *callbacks = &map->callbacks;
	unsigned char room[PEND_VALUE_SIZE_MAX];
	int error = 0;

	if (map->translates) {
		memset(room, 0, map->value_size);
		error = callbacks->postprocess_find(map->provider_context, map->map_context, key,
						    stored, room, 0);
		stored = room;
	} else if (callbacks->postprocess_find) {
		error = callbacks->postprocess_find(map->provider_context, map->map_context, key,
						    stored, NULL, 0);
	}
	if (!error)
		memcpy(value, stored, map->value_size);
	return error;
}

static int lookup_hash(struct pend_custom_map *map, const void *key, void *value)
{
	const struct pendi_key hashed = pendi_index_key(&map->table->index, key);
	const void *stored = pendi_continuation_find(map->table, &hashed);

	return stored ? show_stored(map, key, stored, value) : -ENOENT;
}

int pend_custom_map_lookup(struct pend_custom_map *map, const void *key, void *value)
{
	int error;

	if (!map || !key || !value)
		return -EFAULT;
	error = pendi_epoch_enter();
	if (error)
		return error;
	error = map->table ? lookup_hash(map, key, value)
			   : map->callbacks.find(map->provider_context, map->map_context, key,
						 value, 0);
	pendi_epoch_exit();
	return error;
}

/* Has the provider see, and translate to @room, what is to be stored. *@stored: what is. */
static int prepare_stored(const struct pend_custom_map *map, const void *key, const void *value,
			  void *room, const void **stored, uint32_t flags)
{
	int error;

	*stored = value;
	if (!map->callbacks.preprocess_update)
		return 0;
	error = pendi_epoch_enter();
	if (error)
		return error;
	if (map->translates) {
		memset(room, 0, map->stored_size);
		*stored = room;
	}
	error = map->callbacks.preprocess_update(map->provider_context, map->map_context, key,
						 value, map->translates ? room : NULL, flags);
	pendi_epoch_exit();
	return error;
}

/* What was let through and could not be stored is told of. Returns @error. */
static int undo_update(const struct pend_custom_map *map, const void *key, const void *stored,
		       uint32_t flags, int error)
{
	/* It cannot fail: the thread is known to the epoch since prepare_stored(). */
	const bool inside = pendi_epoch_enter() == 0;

	if (map->callbacks.preprocess_update)
		tell_gone(map, key, stored, flags | PEND_MAP_OPERATION_UPDATE);
	if (inside)
		pendi_epoch_exit();
	return error;
}

static int update_hash(struct pend_custom_map *map, const void *key, const void *value,
		       uint64_t update, uint32_t flags)
{
	const struct pendi_key hashed = pendi_index_key(&map->table->index, key);
	_Alignas(16) unsigned char room[PEND_VALUE_SIZE_MAX];
	const void *stored, *old;
	int error = prepare_stored(map, key, value, room, &stored, flags);

	if (error)
		return error;
	error = pendi_continuation_exchange(map->table, &hashed, stored, (enum pend_update)update,
					    &old);
	if (error)
		return undo_update(map, key, stored, flags, error);
	if (old)
		tell_gone(map, key, old, flags | PEND_MAP_OPERATION_UPDATE);
	pendi_epoch_exit();
	return 0;
}

int pend_custom_map_update(struct pend_custom_map *map, struct pend_session *session,
			   const void *key, const void *value, uint64_t update)
{
	struct pendi_custom_call call;
	int error;

	if (!map || !key || !value)
		return -EFAULT;
	if (update > PEND_BPF_EXIST)
		return -EINVAL;
	error = pendi_custom_check_session(map, session);
	if (error)
		return error;
	if (map->table)
		return update_hash(map, key, value, update, 0);
	pendi_custom_enter_call(&call, map);
	error = map->callbacks.update(map->provider_context, map->map_context, session, key, value,
				      update, 0);
	pendi_custom_leave_call(&call);
	return error;
}

/* Takes the element out and tells of it. Inside an epoch. 0 or -ENOENT. */
static int delete_hash(struct pend_custom_map *map, const void *key, uint32_t flags)
{
	const struct pendi_key hashed = pendi_index_key(&map->table->index, key);

	for (;;) {
		const struct pendi_found found = pendi_index_find(&map->table->index, &hashed);

		if (found.slot == PENDI_SLOT_NONE)
			return -ENOENT;
		if (!pendi_continuation_erase(map->table, &found))
			continue;
		tell_gone(map, key, pendi_continuation_value(map->table, found.slot), flags);
		return 0;
	}
}

int pend_custom_map_delete(struct pend_custom_map *map, struct pend_session *session,
			   const void *key)
{
	struct pendi_custom_call call;
	int error;

	if (!map || !key)
		return -EFAULT;
	error = pendi_custom_check_session(map, session);
	if (error)
		return error;
	if (!map->table) {
		pendi_custom_enter_call(&call, map);
		error = map->callbacks.erase(map->provider_context, map->map_context, session, key,
					     0);
		pendi_custom_leave_call(&call);
		return error;
	}
	error = pendi_epoch_enter();
	if (error)
		return error;
	error = delete_hash(map, key, 0);
	pendi_epoch_exit();
	return error;
}

/* As delete_hash(), for who sees the value first. What the provider does not show stays. */
static int take_hash(struct pend_custom_map *map, const void *key, void *value)
{
	const struct pendi_key hashed = pendi_index_key(&map->table->index, key);
	unsigned char room[PEND_VALUE_SIZE_MAX];

	for (;;) {
		const struct pendi_found found = pendi_index_find(&map->table->index, &hashed);
		const void *stored;
		int error;

		if (found.slot == PENDI_SLOT_NONE)
			return -ENOENT;
		stored = pendi_continuation_value(map->table, found.slot);
		error = show_stored(map, key, stored, room);
		if (error)
			return error;
		if (!pendi_continuation_erase(map->table, &found))
			continue;
		memcpy(value, room, map->value_size);
		tell_gone(map, key, stored, 0);
		return 0;
	}
}

int pend_custom_map_take(struct pend_custom_map *map, const void *key, void *value)
{
	int error;

	if (!map || !key || !value)
		return -EFAULT;
	if (!map->table)
		return -ENOTSUP;
	error = pendi_epoch_enter();
	if (error)
		return error;
	error = take_hash(map, key, value);
	pendi_epoch_exit();
	return error;
}

static int next_hash(const struct pend_custom_map *map, const void *key, void *next)
{
	struct pendi_key after;

	if (key)
		after = pendi_index_key(&map->table->index, key);
	return pendi_continuation_next(map->table, key ? &after : NULL, next) ? 0 : -ENOENT;
}

int pend_custom_map_next_key(struct pend_custom_map *map, const void *key, void *next)
{
	int error;

	if (!map || !next)
		return -EFAULT;
	error = pendi_epoch_enter();
	if (error)
		return error;
	error = map->table
			? next_hash(map, key, next)
			: map->callbacks.next(map->provider_context, map->map_context, key, next);
	pendi_epoch_exit();
	return error;
}

int pend_custom_map_find_stored(struct pend_custom_map *map, const void *key, const void **stored)
{
	const void *found;

	if (!map || !key || !stored)
		return -EFAULT;
	if (!map->table)
		return -ENOTSUP;
	if (!pendi_epoch_inside())
		return -EPERM;

	const struct pendi_key hashed = pendi_index_key(&map->table->index, key);

	found = pendi_continuation_find(map->table, &hashed);
	if (!found)
		return -ENOENT;
	*stored = found;
	return 0;
}

/* The elements of a map that goes, one after the other: nobody else is in it any more. */
void pendi_custom_clean_up(struct pend_custom_map *map)
{
	unsigned char key[PEND_KEY_SIZE_MAX];
	const void *last = NULL;
	int error;

	do {
		const bool inside = pendi_epoch_enter() == 0;

		error = next_hash(map, last, key);
		if (!error)
			error = delete_hash(map, key, PEND_MAP_OPERATION_CLEANUP);
		if (inside)
			pendi_epoch_exit();
		last = key;
	} while (!error);
}

/* What programs ask for: 0, or why they may not. */
static int check_program_call(const struct pend_custom_map *map, const void *key)
{
	if (!map || !key)
		return -EFAULT;
	return map->table && !map->translates ? 0 : -ENOTSUP;
}

int pendi_custom_program_lookup(struct pend_custom_map *map, const void *key, const void **value)
{
	int error = check_program_call(map, key);
	const void *stored;

	if (error)
		return error;

	const struct pendi_key hashed = pendi_index_key(&map->table->index, key);

	stored = pendi_continuation_find(map->table, &hashed);
	if (!stored)
		return -ENOENT;
	if (map->callbacks.postprocess_find)
		error = map->callbacks.postprocess_find(map->provider_context, map->map_context,
							key, stored, NULL,
							PEND_MAP_OPERATION_HELPER);
	if (!error)
		*value = stored;
	return error;
}

int pendi_custom_program_update(struct pend_custom_map *map, const void *key, const void *value,
				uint64_t update)
{
	const int error = check_program_call(map, key);

	if (error)
		return error;
	if (!value)
		return -EFAULT;
	if (update > PEND_BPF_EXIST)
		return -EINVAL;
	return update_hash(map, key, value, update, PEND_MAP_OPERATION_HELPER);
}

int pendi_custom_program_delete(struct pend_custom_map *map, const void *key)
{
	const int error = check_program_call(map, key);

	return error ? error : delete_hash(map, key, PEND_MAP_OPERATION_HELPER);
}
