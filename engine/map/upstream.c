/* SPDX-License-Identifier: MIT */
/*
 * upstream.c - the facades of upstream.h over the one decision of complete.c.
 *
 *	update(terminal)  stages: 3 bits of the slot word, by CAS; decides nothing
 *	update(CONTINUE)  continues
 *	delete            decides with what is staged, or BLOCK, in the same CAS
 *	complete map, pend_map_complete_elem   decide
 *
 * What is staged lives in the word, so a delete delivers a verdict that was staged for this very
 * operation and no other, and two orchestrators that interleave their steps cannot deliver one that
 * neither staged last (race X1; for exclusive use there are sessions).
 *
 * Progress: lock-free.
 */
#include <pendmap/upstream.h>

#include "engine/map/map_internal.h"

_Static_assert(sizeof(struct pend_key) == 16, "a key has no padding");
_Static_assert(sizeof(struct pend_value) == 16, "nor has a value");

static int check_upstream_key(const struct pend_key *key)
{
	if (!key)
		return -EFAULT;
	return key->version == PEND_KEY_VERSION && key->size == sizeof(*key) ? 0 : -EINVAL;
}

/* Checks session, map and key; *@owner is the number of the session. */
static int check_caller(const struct pend_session *session, const struct pend_map *map,
			const struct pend_key *key, uint32_t *owner)
{
	int error = pendi_map_check(map);

	if (!error)
		error = check_upstream_key(key);
	if (error || !session) {
		*owner = 0;
		return error;
	}
	error = pendi_session_check(session);
	if (error)
		return error;
	if (map->engine != pendi_session_engine(session))
		return -EPERM;
	*owner = pendi_session_number(session);
	return 0;
}

static int complete_upstream(struct pend_map *map, const struct pend_key *key, uint32_t action,
			     uint32_t owner)
{
	const struct pendi_decision decision = { action, PEND_ORIGIN_ORCHESTRATOR, owner };

	return pendi_map_complete_as(map, key->pend_id, &decision);
}

/* Stages @action: one CAS on the word of an operation that @owner owns. */
static int stage_verdict(struct pend_map *map, uint64_t handle, uint32_t action, uint32_t owner)
{
	const uint32_t slot = pendi_handle_slot(handle);
	struct pendi_slot *at;
	struct pendi_step step;
	uint64_t word;

	if (slot >= map->recycler.slab.count)
		return -ENOENT;
	at = pendi_map_slot(map, slot);
	/* [SL1.acq] Pairs with [SL1.rel] in pendi_slot_publish(). */
	word = pendi_load_acquire(&at->word, SL1);
	do {
		step = pendi_word_stage(word, handle, action);
		if (step.result)
			return step.result;
		/* [SL2.acq] Pairs with [SL2.rel] in fill_operation(); the CAS validates it. */
		if (map->engine && pendi_load_acquire(&at->owner, SL2) != owner)
			return -EPERM;
		/* [SL1.acq] As above. [SL3.rel] Pairs with [SL3.acq] in pendi_map_serve(). */
	} while (!pendi_cas_acq_rel(&at->word, &word, step.word, SL1, SL3));
	return 0;
}

/* -ENOENT for what exists no more is the answer to an update that may not create. */
static int result_of_update(int error, uint64_t flags)
{
	if (error == -EALREADY || error == -ENOENT)
		error = -ENOENT;
	return error == -ENOENT && flags != PEND_BPF_EXIST ? -EPERM : error;
}

/* Whether the key names something pended now. */
static bool is_pended(const struct pend_map *map, uint64_t handle)
{
	const uint32_t slot = pendi_handle_slot(handle);

	return slot < map->recycler.slab.count &&
	       pendi_map_copy(map, slot, handle, NULL, NULL) == 0;
}

/* Whether the operation, which was found continued or decided, is the former. */
static bool is_undecided(const struct pend_map *map, uint64_t handle)
{
	const struct pendi_slot *at = pendi_map_slot(map, pendi_handle_slot(handle));
	/* [SL1.acq] Pairs with [SL1.rel] in pendi_slot_publish(). */
	const uint64_t word = pendi_load_acquire(&at->word, SL1);

	return pendi_word_same_generation(word, handle) && pendi_word_is_live(word) &&
	       !pendi_word_verdict(word);
}

int pend_map_update_elem(struct pend_session *session, struct pend_map *map,
			 const struct pend_key *key, const struct pend_value *value, uint64_t flags)
{
	uint32_t owner;
	int error = check_caller(session, map, key, &owner);

	if (error)
		return error;
	if (!value)
		return -EFAULT;
	if (value->version != PEND_VALUE_VERSION || value->size < sizeof(*value) ||
	    flags > PEND_BPF_EXIST)
		return -EINVAL;
	error = pendi_map_check_action(map, value->action);
	if (error)
		return error;
	if (flags == PEND_BPF_NOEXIST)
		return is_pended(map, key->pend_id) ? -EEXIST : -EPERM;
	if (value->action == PEND_ACTION_CONTINUE) {
		error = complete_upstream(map, key, PEND_ACTION_CONTINUE, owner);
		if (error == -EALREADY && is_undecided(map, key->pend_id))
			return error;
		return result_of_update(error, flags);
	}
	return result_of_update(stage_verdict(map, key->pend_id, value->action, owner), flags);
}

int pend_map_delete_elem(struct pend_session *session, struct pend_map *map,
			 const struct pend_key *key)
{
	uint32_t owner;
	int error = check_caller(session, map, key, &owner);

	if (error)
		return error;
	error = complete_upstream(map, key, PENDI_ACTION_STAGED, owner);
	return error == -EALREADY ? -ENOENT : error;
}

int pend_map_lookup_elem(struct pend_map *map, const struct pend_key *key, struct pend_value *value)
{
	struct pend_info info;
	uint64_t word;
	int error = pendi_map_check(map);

	if (!error)
		error = check_upstream_key(key);
	if (!error && !value)
		error = -EFAULT;
	if (!error)
		error = pend_map_read(map, key->pend_id, &info, NULL);
	if (error)
		return error;
	/* [SL1.acq] Pairs with [SL1.rel] in pendi_slot_publish(). */
	word = pendi_load_acquire(&pendi_map_slot(map, pendi_handle_slot(key->pend_id))->word, SL1);
	if (!pendi_word_same_generation(word, key->pend_id) || !pendi_word_is_live(word))
		return -ENOENT;
	*value = (struct pend_value){ PEND_VALUE_VERSION, (uint16_t)sizeof(*value),
				      pendi_word_staged(word), info.pend_time_ns };
	return 0;
}

static enum pend_result result_of_error(int error)
{
	switch (error) {
	case 0:
		return PEND_EBPF_SUCCESS;
	case -ENOENT:
		return PEND_EBPF_KEY_NOT_FOUND;
	case -EALREADY:
		return PEND_EBPF_OBJECT_ALREADY_EXISTS;
	case -EPERM:
		return PEND_EBPF_ACCESS_DENIED;
	case -ELOOP:
		return PEND_EBPF_INVALID_STATE;
	case -EOPNOTSUPP:
		return PEND_EBPF_OPERATION_NOT_SUPPORTED;
	case -ESHUTDOWN:
		return PEND_EBPF_INVALID_OBJECT;
	default:
		return PEND_EBPF_INVALID_ARGUMENT;
	}
}

enum pend_result pend_complete_map_update_elem(struct pend_session *session, struct pend_map *map,
					       const struct pend_key *key,
					       const struct pend_complete_entry *entry)
{
	static const uint32_t actions[] = { PEND_ACTION_BLOCK, PEND_ACTION_PERMIT_SOFT,
					    PEND_ACTION_PERMIT_HARD, PEND_ACTION_CONTINUE };
	uint32_t owner;
	int error = check_caller(session, map, key, &owner);

	if (!error && (!entry || entry->version != PEND_VALUE_VERSION ||
		       entry->size < sizeof(*entry) || entry->action > PEND_COMPLETE_REINVOKE))
		error = -EINVAL;
	if (!error)
		error = pendi_map_check_action(map, actions[entry->action]);
	if (!error)
		error = complete_upstream(map, key, actions[entry->action], owner);
	return result_of_error(error);
}

int pend_map_complete_elem(struct pend_session *session, struct pend_map *map,
			   const struct pend_key *key, enum pend_action action)
{
	uint32_t owner;
	int error = check_caller(session, map, key, &owner);

	if (!error)
		error = pendi_map_check_action(map, (uint32_t)action);
	return error ? error : complete_upstream(map, key, (uint32_t)action, owner);
}
