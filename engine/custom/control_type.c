/* SPDX-License-Identifier: MIT */
/*
 * control_type.c - the map type of the control map: stop and start an engine by an update (F43).
 *
 *	key 0 -> { state, reserved }   one element, one map of the type in a runtime
 *
 * The map begins as it is zero-initialized, DISABLED: to create it stops the engine, and nothing
 * pends until somebody writes ENABLED (it fails closed). Writing DISABLED returns when nothing
 * pended before is live any more (guarantee F). The state is the engine's and stays when the map
 * goes (K14).
 */
#include <string.h>

#include "engine/custom/custom_internal.h"
#include "engine/shard/client.h"

/* All is decided at once; what is waited for are hook frames and completion functions. */
#define CONTROL_PATIENCE_NS PEND_DEADLINE_DEFAULT_NS

struct control_value {
	uint32_t state; /* enum pend_control_state */
	uint32_t reserved;
};

/* A frame that this thread is in would be waited for. */
static int stop_engine(struct pend_engine *engine)
{
	return pendi_epoch_inside() ? -EDEADLK : pend_engine_disable(engine, CONTROL_PATIENCE_NS);
}

static int control_type_create(void *context, struct pend_custom_map *map,
			       struct pend_map_shape *shape, const void *extra)
{
	const struct pendi_custom_own *own = context;

	(void)map;
	(void)extra;
	if (shape->key_size != sizeof(uint32_t) ||
	    shape->value_size != sizeof(struct control_value) || shape->max_entries != 1)
		return -EINVAL;
	shape->map_context = own->registry->engine;
	return stop_engine(own->registry->engine);
}

static void control_type_delete(void *context, void *map_context)
{
	(void)context;
	(void)map_context;
}

static bool is_control_key(const void *key)
{
	uint32_t index;

	memcpy(&index, key, sizeof(index));
	return index == 0;
}

static int control_type_find(void *context, void *map_context, const void *key, void *value,
			     uint32_t flags)
{
	const struct control_value now = {
		pendi_engine_enabled(map_context) ? PEND_CONTROL_ENABLED : PEND_CONTROL_DISABLED, 0
	};

	(void)context;
	(void)flags;
	if (!is_control_key(key))
		return -ENOENT;
	memcpy(value, &now, sizeof(now));
	return 0;
}

static int control_type_update(void *context, void *map_context, struct pend_session *session,
			       const void *key, const void *value, uint64_t update, uint32_t flags)
{
	struct control_value wanted;

	(void)context;
	(void)session;
	(void)flags;
	memcpy(&wanted, value, sizeof(wanted));
	if (!is_control_key(key))
		return update == PEND_BPF_EXIST ? -ENOENT : -ENOSPC;
	if (update == PEND_BPF_NOEXIST)
		return -EEXIST;
	if (wanted.reserved)
		return -EINVAL;
	switch (wanted.state) {
	case PEND_CONTROL_ENABLED:
		return pend_engine_enable(map_context);
	case PEND_CONTROL_DISABLED:
		return stop_engine(map_context);
	default:
		return -EINVAL;
	}
}

static int control_type_erase(void *context, void *map_context, struct pend_session *session,
			      const void *key, uint32_t flags)
{
	(void)context;
	(void)map_context;
	(void)session;
	(void)key;
	(void)flags;
	return -ENOTSUP;
}

static int control_type_next(void *context, void *map_context, const void *key, void *next)
{
	static const uint32_t only;

	(void)context;
	(void)map_context;
	if (key)
		return -ENOENT;
	memcpy(next, &only, sizeof(only));
	return 0;
}

static const struct pend_map_callbacks control_type_callbacks = {
	.header = PEND_HEADER(PEND_MAP_PROVIDER_VERSION, struct pend_map_callbacks, next),
	.preprocess_create = control_type_create,
	.postprocess_delete = control_type_delete,
	.preprocess_associate = pendi_custom_associate_any,
	.find = control_type_find,
	.update = control_type_update,
	.erase = control_type_erase,
	.next = control_type_next,
};

const struct pend_map_provider_data pendi_custom_control_type = {
	.header = PEND_HEADER(PEND_MAP_PROVIDER_VERSION, struct pend_map_provider_data, callbacks),
	.type = BPF_MAP_TYPE_NET_EBPF_EXT_PEND_CONTROL,
	.base = PEND_MAP_BASE_NONE,
	.single = true,
	.callbacks = &control_type_callbacks,
};
