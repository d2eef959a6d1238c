/* SPDX-License-Identifier: MIT */
/*
 * bind.c - who may act on a custom map: sessions and namespaces (F64, F66).
 *
 * A session is of one namespace, as a map is. It acts on maps of that namespace, and operations are
 * pended for it in such maps only. Who has no session acts for nobody: what belongs to a session is
 * out of reach then (complete.c).
 *
 * Edge: CU1 session bound ==> read by who pends.
 */
#include "engine/custom/custom_internal.h"

int pendi_custom_check_session(const struct pend_custom_map *map,
			       const struct pend_session *session)
{
	struct pend_namespace name_space;
	int error;

	if (!session)
		return 0;
	error = pendi_session_check(session);
	if (error)
		return error;
	if (pendi_session_engine(session) != map->object.registry->engine)
		return -EPERM;
	pendi_session_space(session, &name_space.user_inode, &name_space.label);
	return pendi_object_same_namespace(&name_space, &map->object.name_space) ? 0 : -EPERM;
}

int pend_custom_map_bind(struct pend_custom_map *map, struct pend_session *session)
{
	int error;

	if (!map)
		return -EFAULT;
	if (!map->pends)
		return -EOPNOTSUPP;
	error = pendi_custom_check_session(map, session);
	if (error)
		return error;
	/* [CU1.rel] Pairs with [CU1.acq] in pendi_custom_target(): who pends for the session finds
	 * it as it was opened. */
	pendi_store_release(&map->bound, session, CU1);
	return 0;
}

int pend_session_namespace(struct pend_session *session, const struct pend_namespace *name_space)
{
	int error;

	if (!session || !name_space)
		return -EFAULT;
	error = pendi_session_check(session);
	if (!error)
		pendi_session_set_space(session, name_space->user_inode, name_space->label);
	return error;
}

int pendi_custom_target(struct pend_custom_map *map, uint32_t type,
			struct pendi_pend_target *target)
{
	if (!map)
		return -EFAULT;
	if (map->type != type || !map->pends)
		return -EINVAL;
	target->map = map->pends;
	/* [CU1.acq] Pairs with [CU1.rel] in pend_custom_map_bind(). */
	target->session = pendi_load_acquire(&map->bound, CU1);
	target->value_size = map->type == BPF_MAP_TYPE_NET_EBPF_EXT_PEND ? map->value_size : 0;
	target->scratch_size = map->scratch_size;
	target->name_space = map->object.name_space;
	return 0;
}

/* The listed map with the lowest id above @id that has a pend map, referenced; or NULL. */
static struct pend_custom_map *reference_next(struct pendi_registry *registry, uint32_t id)
{
	struct pend_custom_map *found = NULL;

	pthread_mutex_lock(&registry->mutex);
	for (struct pendi_object *at = registry->objects[PENDI_OBJECT_MAP]; at; at = at->next) {
		struct pend_custom_map *map =
			PENDI_CONTAINER_OF(at, struct pend_custom_map, object);

		if (at->id > id && map->pends) {
			pendi_object_get(at);
			found = map;
			break;
		}
	}
	pthread_mutex_unlock(&registry->mutex);
	return found;
}

void pendi_custom_each_pend_map(struct pendi_registry *registry,
				void (*visit)(void *context, struct pend_map *map), void *context)
{
	struct pend_custom_map *map = reference_next(registry, 0);

	while (map) {
		const uint32_t id = map->object.id;

		visit(context, map->pends);
		pendi_object_put(&map->object);
		map = reference_next(registry, id);
	}
}
