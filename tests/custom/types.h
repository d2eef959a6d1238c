/* SPDX-License-Identifier: MIT */
/*
 * types.h - maps of the library's own types, and pending in them as a program's helper does.
 */
#ifndef TESTS_CUSTOM_TYPES_H
#define TESTS_CUSTOM_TYPES_H

#include "tests/custom/fixture.h"

/* A program's value: the head, and a field of its own. */
struct gate_value {
	struct pend_value head;
	uint64_t port;
};

static inline struct pend_custom_map_options pend_type_options(uint32_t max_entries)
{
	struct pend_custom_map_options options =
		map_options(BPF_MAP_TYPE_NET_EBPF_EXT_PEND, max_entries);

	options.key_size = sizeof(struct pend_key);
	options.value_size = sizeof(struct gate_value);
	return options;
}

static inline struct pend_custom_map_options complete_type_options(uint32_t max_entries)
{
	struct pend_custom_map_options options =
		map_options(BPF_MAP_TYPE_SOCK_ADDR_PEND_COMPLETE, max_entries);

	options.key_size = sizeof(struct pend_key);
	options.value_size = sizeof(struct pend_complete_entry);
	return options;
}

static inline struct pend_custom_map *make_pend_type(struct world *world, uint32_t max_entries)
{
	const struct pend_custom_map_options options = pend_type_options(max_entries);

	return make_custom(world, &options);
}

static inline struct pend_custom_map *make_complete_type(struct world *world, uint32_t max_entries)
{
	const struct pend_custom_map_options options = complete_type_options(max_entries);

	return make_custom(world, &options);
}

static inline struct pendi_pend_target target_of(struct pend_custom_map *map)
{
	struct pend_custom_map_info info = { .size = sizeof(info) };
	struct pendi_pend_target target;

	cr_assert_eq(pend_custom_map_info_read(map, &info), 0);
	cr_assert_eq(pendi_custom_target(map, info.type, &target), 0);
	return target;
}

/* Pends as a program does, with @port in the value if the type has one. 0 or an error. */
static inline int try_pend_in(struct pend_custom_map *map, uint64_t port, uint32_t flags,
			      struct pend_key *key)
{
	const struct pendi_pend_target target = target_of(map);
	const struct gate_value value = { .port = port };
	struct pend_request request = { .flags = flags, .session = target.session };
	uint64_t handle;
	int error;

	if (target.value_size) {
		request.value = &value;
		request.value_size = sizeof(value);
	}
	error = pend_map_pend(target.map, &request, &handle);
	if (!error)
		*key = pend_key_of(handle);
	return error;
}

static inline struct pend_key pend_in(struct pend_custom_map *map, uint64_t port)
{
	struct pend_key key = { 0 };

	cr_assert_eq(try_pend_in(map, port, 0, &key), 0);
	return key;
}

/* First vocabulary. */
static inline int update_as(struct pend_custom_map *map, struct pend_session *session,
			    const struct pend_key *key, uint32_t action, uint64_t update)
{
	const struct gate_value value = { .head = { PEND_VALUE_VERSION, sizeof(struct pend_value),
						    action, 0 } };

	return pend_custom_map_update(map, session, key, &value, update);
}

static inline int update(struct pend_custom_map *map, const struct pend_key *key, uint32_t action)
{
	return update_as(map, NULL, key, action, PEND_BPF_EXIST);
}

/* Second vocabulary. */
static inline int complete_as(struct pend_custom_map *map, struct pend_session *session,
			      const struct pend_key *key, uint32_t action, uint64_t flags)
{
	const struct pend_complete_entry entry = { PEND_VALUE_VERSION, sizeof(entry), action };

	return pend_custom_map_update(map, session, key, &entry, flags);
}

static inline int complete(struct pend_custom_map *map, const struct pend_key *key, uint32_t action)
{
	return complete_as(map, NULL, key, action, PEND_BPF_ANY);
}

/* The only thing that was told since the last time is this. */
static inline void told_once(struct world *world, const struct pend_key *key,
			     enum pend_action action)
{
	(void)serve_all(world->engine);
	cr_assert_eq(world->told.count, 1);
	cr_assert_eq(world->told.operations[0].handle, key->pend_id);
	cr_assert_eq(world->told.operations[0].action, action);
	world->told.count = 0;
}

#endif
