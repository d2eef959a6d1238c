/* SPDX-License-Identifier: MIT */
/*
 * complete_type.c - the map type of complete maps: the second vocabulary as a custom map (F63).
 *
 * An update completes an operation that was pended in this very map (F64: a handle of another map
 * is none here). Nothing is inserted, so a complete map is never full (X6), and an operation that
 * is pended again under its key finds nothing in its way (X5). There is nothing to look up, delete
 * or enumerate.
 */
#include <string.h>

#include "engine/custom/custom_internal.h"

static int complete_type_create(void *context, struct pend_custom_map *map,
				struct pend_map_shape *shape, const void *extra)
{
	if (shape->key_size != sizeof(struct pend_key) ||
	    shape->value_size < sizeof(struct pend_complete_entry))
		return -EINVAL;
	return pendi_custom_make_pends(context, map, shape, 0, extra);
}

/* As upstream maps its results to errno; re-invoked too often has a better one than "other". */
static int errno_of_result(enum pend_result result)
{
	switch (result) {
	case PEND_EBPF_SUCCESS:
		return 0;
	case PEND_EBPF_KEY_NOT_FOUND:
		return -ENOENT;
	case PEND_EBPF_OBJECT_ALREADY_EXISTS:
		return -EEXIST;
	case PEND_EBPF_ACCESS_DENIED:
		return -EPERM;
	case PEND_EBPF_OPERATION_NOT_SUPPORTED:
		return -ENOTSUP;
	case PEND_EBPF_INVALID_STATE:
		return -ELOOP;
	default:
		return -EINVAL;
	}
}

static int complete_type_update(void *context, void *map_context, struct pend_session *session,
				const void *key, const void *value, uint64_t update, uint32_t flags)
{
	struct pend_key copy;
	struct pend_complete_entry entry;

	(void)context;
	(void)flags;
	/* There never is an element to replace. */
	if (update == PEND_BPF_EXIST)
		return -ENOENT;
	memcpy(&copy, key, sizeof(copy));
	memcpy(&entry, value, sizeof(entry));
	return errno_of_result(pend_complete_map_update_elem(session, map_context, &copy, &entry));
}

static int complete_type_find(void *context, void *map_context, const void *key, void *value,
			      uint32_t flags)
{
	(void)context;
	(void)map_context;
	(void)key;
	(void)value;
	(void)flags;
	return -ENOTSUP;
}

static int complete_type_erase(void *context, void *map_context, struct pend_session *session,
			       const void *key, uint32_t flags)
{
	(void)context;
	(void)map_context;
	(void)session;
	(void)key;
	(void)flags;
	return -ENOTSUP;
}

static int complete_type_next(void *context, void *map_context, const void *key, void *next)
{
	(void)context;
	(void)map_context;
	(void)key;
	(void)next;
	return -ENOTSUP;
}

static const struct pend_map_callbacks complete_type_callbacks = {
	.header = PEND_HEADER(PEND_MAP_PROVIDER_VERSION, struct pend_map_callbacks, next),
	.preprocess_create = complete_type_create,
	.postprocess_delete = pendi_custom_end_pends,
	.preprocess_associate = pendi_custom_associate_any,
	.find = complete_type_find,
	.update = complete_type_update,
	.erase = complete_type_erase,
	.next = complete_type_next,
};

const struct pend_map_provider_data pendi_custom_complete_type = {
	.header = PEND_HEADER(PEND_MAP_PROVIDER_VERSION, struct pend_map_provider_data, callbacks),
	.type = BPF_MAP_TYPE_SOCK_ADDR_PEND_COMPLETE,
	.base = PEND_MAP_BASE_NONE,
	.callbacks = &complete_type_callbacks,
};
