/* SPDX-License-Identifier: MIT */
/*
 * 08_custom_map.c - a map type of one's own: what is stored is not what callers give.
 *
 * A map of descriptors. Who puts one in may close its own at once: the provider stores a duplicate,
 * and closes that when the element goes, however it goes. The library stores, finds, counts and
 * bounds; the provider translates and cleans up, and is called with no lock held.
 */
#include "loading.h"
#include <errno.h>
#include <unistd.h>

enum { DESCRIPTORS = PEND_MAP_TYPE_PROVIDER + 1 }; /* the type's number, agreed with its users */

static int create(void *context, struct pend_custom_map *map, struct pend_map_shape *shape,
		  const void *extra)
{
	(void)context, (void)map, (void)extra;
	shape->actual_value_size =
		sizeof(int); /* as stored; may be more or less than callers see */
	return shape->value_size == sizeof(int) ? 0 : -EINVAL;
}

static void gone(void *context, void *map_context)
{
	(void)context, (void)map_context;
	printf("its map is gone\n");
}

static int associate(void *context, void *map_context, const struct pend_uuid *type)
{
	(void)context, (void)map_context, (void)type;
	return -EOPNOTSUPP; /* not for programs */
}

/* Before an element is stored. It may block, and it may refuse. */
static int store(void *context, void *map_context, const void *key, const void *value, void *stored,
		 uint32_t flags)
{
	const int copy = dup(*(const int *)value);

	(void)context, (void)map_context, (void)key, (void)flags;
	*(int *)stored = copy;
	return copy < 0 ? -errno : 0;
}

static int find(void *context, void *map_context, const void *key, const void *stored, void *value,
		uint32_t flags)
{
	(void)context, (void)map_context, (void)key, (void)flags;
	*(int *)value = *(const int *)stored;
	return 0;
}

/* Exactly once for each element that store() let through. */
static void release(void *context, void *map_context, const void *key, const void *stored,
		    uint32_t flags)
{
	(void)context, (void)map_context, (void)key;
	close(*(const int *)stored);
	printf("closed: %s\n", flags & PEND_MAP_OPERATION_CLEANUP  ? "its map goes"
			       : flags & PEND_MAP_OPERATION_UPDATE ? "replaced, or not stored"
								   : "deleted");
}

static const struct pend_map_callbacks callbacks = {
	.header = PEND_HEADER(PEND_MAP_PROVIDER_VERSION, struct pend_map_callbacks, next),
	.preprocess_create = create,
	.postprocess_delete = gone,
	.preprocess_associate = associate,
	.postprocess_find = find,
	.preprocess_update = store,
	.postprocess_delete_element = release,
};
static const struct pend_map_provider_data descriptors = {
	.header = PEND_HEADER(PEND_MAP_PROVIDER_VERSION, struct pend_map_provider_data, callbacks),
	.type = DESCRIPTORS,
	.base = PEND_MAP_BASE_HASH,
	.updates_original_value = true,
	.callbacks = &callbacks,
};

static int use(struct pend_custom_map *map)
{
	const uint32_t keys[] = { 1, 2, 3 };
	int ours = STDOUT_FILENO, theirs;

	for (int i = 0; i < 3; i++)
		if (pend_custom_map_update(map, NULL, &keys[i], &ours, PEND_BPF_ANY) != 0)
			return 1;
	if (pend_custom_map_lookup(map, &keys[0], &theirs) != 0 || theirs == ours)
		return 1;
	dprintf(theirs, "written to what the map holds\n");
	return pend_custom_map_delete(map, NULL, &keys[0]) != 0 ||
	       pend_custom_map_update(map, NULL, &keys[1], &ours, PEND_BPF_EXIST) != 0 ||
	       pend_custom_map_update(map, NULL, &keys[2], &ours, PEND_BPF_NOEXIST) != -EEXIST;
}

int main(void)
{
	const struct pend_provider_options offer = { .size = sizeof(offer),
						     .kind = PEND_PROVIDER_MAP,
						     .data = &descriptors.header };
	struct pend_provider *provider;
	struct pend_custom_map *map;
	struct stage stage;

	if (stage_open(&stage) != 0 ||
	    pend_provider_register(stage.runtime, &offer, &provider) != 0 ||
	    stage_map(&stage, DESCRIPTORS, sizeof(uint32_t), sizeof(int), &map) != 0)
		return 1;
	/* A provider does not leave before its last map. */
	return use(map) || pend_provider_unregister(provider, NULL, NULL) != -EBUSY ||
	       pend_custom_map_close(map) != 0 ||
	       pend_provider_unregister(provider, NULL, NULL) != 0 || stage_close(&stage);
}
