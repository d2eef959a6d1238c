/* SPDX-License-Identifier: MIT */
/*
 * handle.c - custom maps by name and by id, and what one tells about itself.
 *
 * Finding is within one namespace (F66): what is in another is not there.
 */
#include <string.h>

#include "engine/custom/custom_internal.h"

/* sizeof(struct pend_custom_map_info) in the first version. */
#define CUSTOM_INFO_SIZE_FIRST sizeof(struct pend_custom_map_info)

static struct pend_custom_map *custom_of(struct pendi_object *object)
{
	return PENDI_CONTAINER_OF(object, struct pend_custom_map, object);
}

int pend_custom_map_associate(struct pend_custom_map *map, const struct pend_uuid *program_type)
{
	int error;

	if (!map || !program_type)
		return -EFAULT;
	if (!map->callbacks.preprocess_associate)
		return 0;
	error = pendi_epoch_enter();
	if (error)
		return error;
	error = map->callbacks.preprocess_associate(map->provider_context, map->map_context,
						    program_type);
	pendi_epoch_exit();
	return error;
}

static uint32_t count_elements(const struct pend_custom_map *map)
{
	int count = 0;

	if (map->table)
		count = pend_continuation_count(map->table);
	else if (map->pends)
		count = pend_map_count(map->pends);
	return count > 0 ? (uint32_t)count : 0;
}

int pend_custom_map_info_read(struct pend_custom_map *map, struct pend_custom_map_info *info)
{
	struct pend_custom_map_info now = { 0 };

	if (!map || !info)
		return -EFAULT;
	if (info->size < CUSTOM_INFO_SIZE_FIRST)
		return -EINVAL;
	now.size = info->size;
	now.id = map->object.id;
	now.type = map->type;
	now.key_size = map->key_size;
	now.value_size = map->value_size;
	now.max_entries = map->max_entries;
	now.count = count_elements(map);
	/* A caller newer than this library knows more fields than are written. */
	memcpy(info, &now, info->size < sizeof(now) ? info->size : sizeof(now));
	return 0;
}

int pend_custom_map_pin(struct pend_custom_map *map, const char *name)
{
	return map && name ? pendi_object_pin(&map->object, name) : -EFAULT;
}

/* What was found, as its handle's receiver has it. 0 or -ENOENT. */
static int hand_out(struct pendi_object *found, struct pend_custom_map **map)
{
	if (!found)
		return -ENOENT;
	*map = custom_of(found);
	return 0;
}

int pend_custom_map_open(struct pend_runtime *runtime, const struct pend_namespace *name_space,
			 const char *name, struct pend_custom_map **map)
{
	if (!runtime || !name || !map)
		return -EFAULT;
	return hand_out(
		pendi_object_open(pendi_registry_of(runtime), PENDI_OBJECT_MAP, name_space, name),
		map);
}

int64_t pend_custom_map_next_id(struct pend_runtime *runtime,
				const struct pend_namespace *name_space, uint32_t id)
{
	if (!runtime)
		return -EFAULT;
	return pendi_object_next_id(pendi_registry_of(runtime), PENDI_OBJECT_MAP, name_space, id);
}

int pend_custom_map_by_id(struct pend_runtime *runtime, const struct pend_namespace *name_space,
			  uint32_t id, struct pend_custom_map **map)
{
	if (!runtime || !map)
		return -EFAULT;
	return hand_out(
		pendi_object_by_id(pendi_registry_of(runtime), PENDI_OBJECT_MAP, name_space, id),
		map);
}

void *pend_custom_map_context(struct pend_custom_map *map)
{
	return map ? map->map_context : NULL;
}

struct pend_map *pend_custom_map_pends(struct pend_custom_map *map)
{
	return map ? map->pends : NULL;
}
