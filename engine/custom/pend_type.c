/* SPDX-License-Identifier: MIT */
/*
 * pend_type.c - the map type of pend maps: the first vocabulary as a custom map (F4, F6, F16).
 *
 *	key    struct pend_key          value  struct pend_value, then the program's own fields
 *	find   what the program stored, its head as it stands now
 *	update stage a verdict, or continue        erase  complete        next  by slot
 *
 * Nothing is stored by an update and nothing removed by an erase: both are requests to the pend map
 * underneath, which programs fill by pending and in no other way.
 */
#include <string.h>

#include "engine/custom/custom_internal.h"
#include "engine/object/options.h"

#define SCRATCH_ALIGNMENT 16u

/* Takes from @extra what the caller may say, and sets the rest. */
static int read_pend_options(struct pend_map_options *options, const struct pendi_custom_own *own,
			     const void *extra)
{
	const uint32_t record_size = own->functions->record_size;
	int error = 0;

	*options = pend_map_options_default();
	options->flags = PEND_MAP_ENABLED;
	if (extra)
		error = pendi_options_read(options, sizeof(*options), sizeof(*options), extra);
	if (error)
		return error;
	if (options->scratch_size > PEND_SCRATCH_SIZE_MAX)
		return -ERANGE;
	options->scratch_size = (options->scratch_size + SCRATCH_ALIGNMENT - 1) &
				~(SCRATCH_ALIGNMENT - 1);
	if (record_size + options->scratch_size > PEND_SCRATCH_SIZE_MAX)
		return -ERANGE;
	if (!options->allocator)
		options->allocator = &own->registry->allocator;
	options->engine = own->registry->engine;
	options->on_complete = own->functions->on_complete;
	options->on_rerun = own->functions->on_rerun;
	options->context = own->functions->context;
	return 0;
}

int pendi_custom_make_pends(const struct pendi_custom_own *own, struct pend_custom_map *map,
			    struct pend_map_shape *shape, uint32_t value_size, const void *extra)
{
	struct pend_map_options options;
	uint32_t scratch_size;
	int error = read_pend_options(&options, own, extra);

	if (error)
		return error;
	scratch_size = options.scratch_size;
	options.max_entries = shape->max_entries;
	options.key_size = 0;
	options.value_size = value_size;
	options.scratch_size += own->functions->record_size;
	error = pend_map_create(&options, &map->pends);
	if (error)
		return error;
	map->scratch_size = scratch_size;
	shape->map_context = map->pends;
	return 0;
}

void pendi_custom_end_pends(void *context, void *map_context)
{
	(void)context;
	/* What is pended in it is completed with PEND_ACTION_BLOCK, by this thread (X11); that it
	 * is not inside a function of the map was asked before. */
	(void)pend_map_destroy(map_context);
}

int pendi_custom_associate_any(void *context, void *map_context, const struct pend_uuid *type)
{
	(void)context;
	(void)map_context;
	(void)type;
	return 0;
}

static int pend_type_create(void *context, struct pend_custom_map *map,
			    struct pend_map_shape *shape, const void *extra)
{
	if (shape->key_size != sizeof(struct pend_key) ||
	    shape->value_size < sizeof(struct pend_value))
		return -EINVAL;
	return pendi_custom_make_pends(context, map, shape, shape->value_size, extra);
}

/* The caller's bytes need not be aligned. */
static struct pend_key pend_type_key(const void *key)
{
	struct pend_key copy;

	memcpy(&copy, key, sizeof(copy));
	return copy;
}

static int pend_type_find(void *context, void *map_context, const void *key, void *value,
			  uint32_t flags)
{
	struct pend_map *map = map_context;
	const struct pend_key copy = pend_type_key(key);
	unsigned char room[PEND_VALUE_SIZE_MAX];
	struct pend_value head;
	int error = pend_map_lookup_elem(map, &copy, &head);

	(void)context;
	(void)flags;
	if (!error)
		error = pend_map_read(map, copy.pend_id, NULL, room);
	if (error)
		return error;
	memcpy(room, &head, sizeof(head));
	memcpy(value, room, map->value_size);
	return 0;
}

static int pend_type_update(void *context, void *map_context, struct pend_session *session,
			    const void *key, const void *value, uint64_t update, uint32_t flags)
{
	const struct pend_key copy = pend_type_key(key);
	struct pend_value head;

	(void)context;
	(void)flags;
	memcpy(&head, value, sizeof(head));
	return pend_map_update_elem(session, map_context, &copy, &head, update);
}

static int pend_type_erase(void *context, void *map_context, struct pend_session *session,
			   const void *key, uint32_t flags)
{
	const struct pend_key copy = pend_type_key(key);

	(void)context;
	(void)flags;
	return pend_map_delete_elem(session, map_context, &copy);
}

/* By slot: what is pended during the whole walk is met, once (guarantee J). */
static int pend_type_next(void *context, void *map_context, const void *key, void *next)
{
	struct pend_cursor cursor = { 0 };
	struct pend_info info;
	struct pend_key found;

	(void)context;
	if (key)
		cursor.position = (uint64_t)pendi_handle_slot(pend_type_key(key).pend_id) + 1;
	if (pend_map_scan(map_context, &cursor, &info, NULL, 1) != 1)
		return -ENOENT;
	found = pend_key_of(info.handle);
	memcpy(next, &found, sizeof(found));
	return 0;
}

static const struct pend_map_callbacks pend_type_callbacks = {
	.header = PEND_HEADER(PEND_MAP_PROVIDER_VERSION, struct pend_map_callbacks, next),
	.preprocess_create = pend_type_create,
	.postprocess_delete = pendi_custom_end_pends,
	.preprocess_associate = pendi_custom_associate_any,
	.find = pend_type_find,
	.update = pend_type_update,
	.erase = pend_type_erase,
	.next = pend_type_next,
};

const struct pend_map_provider_data pendi_custom_pend_type = {
	.header = PEND_HEADER(PEND_MAP_PROVIDER_VERSION, struct pend_map_provider_data, callbacks),
	.type = BPF_MAP_TYPE_NET_EBPF_EXT_PEND,
	.base = PEND_MAP_BASE_NONE,
	.callbacks = &pend_type_callbacks,
};
