/* SPDX-License-Identifier: MIT */
/*
 * create.c - making and ending a custom map (F87).
 *
 *	allocate -> client of the provider -> the only one, if its type is single
 *	         -> preprocess_create -> table -> listed
 *
 * A ladder that is climbed down in reverse, by a failure or by the last reference: each element is
 * told of, the table goes, postprocess_delete, no client any more. The provider cannot leave in
 * between (F76). No lock is held while any of its functions runs.
 */
#include <string.h>

#include "engine/custom/custom_internal.h"
#include "engine/object/options.h"
#include "platform/memory.h"

/* sizeof(struct pend_custom_map_options) in the first version. */
#define CUSTOM_OPTIONS_SIZE_FIRST sizeof(struct pend_custom_map_options)

static pthread_mutex_t single_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct pendi_fork_guard single_guard = { .mutex = &single_mutex };
static struct pend_custom_map *single_maps; /* of all registries; under the mutex */

/* Makes the map the only one of its type, if it must be. 0 or -EBUSY. */
static int claim_single(struct pend_custom_map *map)
{
	struct pend_custom_map *other;

	if (!map->single)
		return 0;
	(void)pendi_fork_guard(&single_guard); /* the map's would have failed before */
	pthread_mutex_lock(&single_mutex);
	for (other = single_maps; other; other = other->next_single)
		if (other->single_in == map->object.registry && other->type == map->type)
			break;
	if (!other) {
		map->single_in = map->object.registry;
		map->next_single = single_maps;
		single_maps = map;
	}
	pthread_mutex_unlock(&single_mutex);
	return other ? -EBUSY : 0;
}

static void yield_single(struct pend_custom_map *map)
{
	struct pend_custom_map **at = &single_maps;

	if (!map->single)
		return;
	pthread_mutex_lock(&single_mutex);
	while (*at != map)
		at = &(*at)->next_single;
	*at = map->next_single;
	pthread_mutex_unlock(&single_mutex);
}

/* Becomes a client of who provides the type. 0, -ENOENT or -ENODEV. */
static int find_provider(struct pend_custom_map *map)
{
	const struct pend_uuid id = pendi_map_type_id(map->type);
	const struct pend_map_provider_data *data;
	int error;

	if (map->type == BPF_MAP_TYPE_HASH) {
		map->base = PEND_MAP_BASE_HASH;
		return 0;
	}
	error = pendi_registry_use(map->object.registry, PEND_PROVIDER_MAP, &id, &map->use);
	if (error)
		return error;
	data = (const void *)pendi_use_data(&map->use);
	map->base = (uint32_t)data->base;
	map->translates = data->updates_original_value;
	map->single = data->single;
	/* Where an older table ends, the functions it does not know are NULL. */
	memcpy(&map->callbacks, data->callbacks, data->callbacks->header.size);
	map->provider_context = pendi_use_context(&map->use);
	return 0;
}

/* Asks the provider. 0 or an error, after which it has nothing to forget. */
static int ask_provider(struct pend_custom_map *map, const void *extra)
{
	struct pend_map_shape shape = { map->key_size, map->value_size, map->max_entries,
					map->value_size, NULL };
	struct pendi_custom_call call;
	int error = 0;

	if (map->callbacks.preprocess_create) {
		pendi_custom_enter_call(&call, map);
		error = map->callbacks.preprocess_create(map->provider_context, map, &shape, extra);
		pendi_custom_leave_call(&call);
	}
	if (error)
		return error;
	map->map_context = shape.map_context;
	map->stored_size = shape.actual_value_size;
	return 0;
}

static bool is_stored_size_sound(const struct pend_custom_map *map)
{
	return map->stored_size && (map->translates || map->stored_size == map->value_size);
}

static int make_table(struct pend_custom_map *map)
{
	struct pend_continuation_options options = pend_continuation_options_default();

	if (map->base != PEND_MAP_BASE_HASH)
		return 0;
	options.max_entries = map->max_entries;
	options.key_size = map->key_size;
	options.value_size = map->stored_size;
	options.allocator = &map->object.registry->allocator;
	return pend_continuation_create(&options, &map->table);
}

/* The provider forgets the map. */
static void forget_map(const struct pend_custom_map *map)
{
	if (map->callbacks.postprocess_delete)
		map->callbacks.postprocess_delete(map->provider_context, map->map_context);
}

/* Builds what was allocated. 0 or an error, after which nothing is left but the memory. */
static int build_custom(struct pend_custom_map *map, const void *extra)
{
	int error = find_provider(map);

	if (error)
		return error;
	error = claim_single(map);
	if (error)
		goto fail_single;
	error = ask_provider(map, extra);
	if (error)
		goto fail_ask;
	error = is_stored_size_sound(map) ? make_table(map) : -EINVAL;
	if (error)
		goto fail_table;
	return 0;

fail_table:
	forget_map(map);
fail_ask:
	yield_single(map);
fail_single:
	pendi_registry_unuse(&map->use);
	return error;
}

/* The last reference is gone. */
static void release_custom(struct pendi_object *object)
{
	struct pend_custom_map *map = PENDI_CONTAINER_OF(object, struct pend_custom_map, object);

	if (map->table) {
		pendi_custom_clean_up(map);
		/* Nobody else is in it, and this thread is in no epoch. */
		(void)pend_continuation_destroy(map->table);
	}
	forget_map(map);
	yield_single(map);
	pendi_registry_unuse(&map->use);
	pendi_memory_release(&object->registry->allocator, map, sizeof(*map));
}

static int check_custom_options(const struct pend_custom_map_options *options)
{
	if (options->flags || options->type == BPF_MAP_TYPE_UNSPEC)
		return -EINVAL;
	if (options->key_size == 0 || options->key_size > PEND_KEY_SIZE_MAX ||
	    options->value_size == 0 || options->value_size > PEND_VALUE_SIZE_MAX ||
	    options->max_entries == 0 || options->max_entries > PEND_MAP_ENTRIES_MAX)
		return -ERANGE;
	return 0;
}

static void set_custom(struct pend_custom_map *map, struct pendi_registry *registry,
		       const struct pend_custom_map_options *options)
{
	map->object.registry = registry;
	map->object.kind = PENDI_OBJECT_MAP;
	map->object.name_space = options->name_space;
	map->object.release = release_custom;
	map->type = options->type;
	map->key_size = options->key_size;
	map->value_size = options->value_size;
	map->max_entries = options->max_entries;
}

static int make_custom(struct pend_runtime *runtime, const struct pend_custom_map_options *options,
		       struct pend_custom_map **map)
{
	struct pend_custom_map_options given = { 0 };
	struct pendi_registry *registry;
	struct pend_custom_map *made;
	int error = options && map ? 0 : -EFAULT;

	if (!error)
		error = pendi_options_read(&given, sizeof(given), CUSTOM_OPTIONS_SIZE_FIRST,
					   options);
	if (!error)
		error = check_custom_options(&given);
	if (error)
		return error;
	registry = pendi_registry_of(runtime);
	made = pendi_memory_allocate(&registry->allocator, sizeof(*made),
				     _Alignof(struct pend_custom_map));
	if (!made)
		return -ENOMEM;
	set_custom(made, registry, &given);
	error = build_custom(made, given.extra);
	if (error) {
		pendi_memory_release(&registry->allocator, made, sizeof(*made));
		return error;
	}
	pendi_object_enlist(registry, &made->object);
	*map = made;
	return 0;
}

int pend_custom_map_create(struct pend_runtime *runtime,
			   const struct pend_custom_map_options *options,
			   struct pend_custom_map **map)
{
	return runtime ? pendi_registry_refuse(pendi_registry_of(runtime), PENDI_REFUSED_MAP,
					       make_custom(runtime, options, map))
		       : -EFAULT;
}

/* Whether the calling thread is where the map cannot go: in a function of it, in an epoch, or in a
 * function that its engine calls. */
static bool is_in_the_way(const struct pend_custom_map *map)
{
	const struct pendi_custom_call *call = pendi_custom_innermost;

	while (call && call->map != map)
		call = call->outer;
	if (call || pendi_epoch_inside())
		return true;
	return map->pends && (pendi_callback_inside(map->pends, false) ||
			      pendi_engine_serving(map->pends->engine));
}

int pend_custom_map_close(struct pend_custom_map *map)
{
	if (!map)
		return -EFAULT;
	if (is_in_the_way(map))
		return -EDEADLK;
	pendi_object_close(&map->object);
	return 0;
}
