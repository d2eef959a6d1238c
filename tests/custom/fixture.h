/* SPDX-License-Identifier: MIT */
/*
 * fixture.h - what the unit tests of custom maps share: a runtime that is a registry and no more,
 * and a provider that keeps a diary of its callbacks.
 *
 * The engine is the scripted one of tests/map/manual.h: nothing happens but what the test does.
 */
#ifndef TESTS_CUSTOM_FIXTURE_H
#define TESTS_CUSTOM_FIXTURE_H

#include "tests/map/manual.h"

#include <pendmap/custom_map.h>
#include <pendmap/program.h>

#include "engine/custom/custom.h"
#include "engine/registry/registry.h"

/* ---- the runtime ---- */

struct world {
	struct pendi_registry registry; /* first, as in a runtime */
	struct pend_engine *engine;
	struct pendi_pend_functions functions;
	struct told told;
};

enum { RECORD_SIZE = 48 };

static inline struct pend_runtime *runtime_of(struct world *world)
{
	return (struct pend_runtime *)(void *)&world->registry;
}

static inline int run_again(void *context, const struct pend_operation *operation)
{
	(void)context;
	(void)operation;
	return PEND_VERDICT_PEND;
}

static inline void world_begin(struct world *world)
{
	memset(world, 0, sizeof(*world));
	world->engine = make_engine();
	world->functions.on_complete = tell;
	world->functions.on_rerun = run_again;
	world->functions.context = &world->told;
	world->functions.record_size = RECORD_SIZE;
	pendi_registry_init(&world->registry, world->engine, NULL);
	cr_assert_eq(pendi_custom_begin(&world->registry, &world->functions), 0);
}

/* Nothing is left over. */
static inline void world_end(struct world *world)
{
	cr_assert(pendi_registry_is_empty(&world->registry));
	pendi_custom_end(&world->registry);
	pendi_registry_fini(&world->registry);
	destroy_engine(world->engine);
}

/* ---- the provider ---- */

enum event { CREATED = 1, FORGOTTEN, ASSOCIATED, FOUND, UPDATING, GONE };

struct line {
	enum event event;
	uint32_t flags;
	uint64_t key;
	uint64_t stored; /* its first bytes; UPDATING: what the caller gave */
};

enum { DIARY_LINES = 256, TEST_TYPE = PEND_MAP_TYPE_PROVIDER + 7 };

/* A provider, and what it was told. Keys are 8 bytes. What it stores is the value plus 1000. */
struct diary {
	struct pend_map_callbacks callbacks;
	struct pend_map_provider_data data;
	struct pend_provider *provider;
	uint32_t count;
	struct line lines[DIARY_LINES];
	uint32_t attached, detached, gone;
	/* What it is to do. */
	uint32_t actual_value_size; /* 0: leave it */
	bool spoil_size;            /* set actual_value_size, although 0 */
	int fail[GONE + 1];         /* what callbacks return, by event */
	void (*within)(struct diary *diary, enum event event); /* called in each callback */
	struct pend_custom_map *map;
};

static inline void write_line(struct diary *diary, enum event event, const void *key,
			      const void *stored, uint32_t bytes, uint32_t flags)
{
	struct line *line = &diary->lines[diary->count];

	cr_assert_lt(diary->count, (uint32_t)DIARY_LINES);
	diary->count++;
	*line = (struct line){ .event = event, .flags = flags };
	if (key)
		memcpy(&line->key, key, sizeof(line->key));
	if (stored)
		memcpy(&line->stored, stored, bytes < 8 ? bytes : 8);
	if (diary->within)
		diary->within(diary, event);
}

static inline uint32_t stored_bytes(const struct diary *diary)
{
	return diary->actual_value_size ? diary->actual_value_size : 8;
}

static inline int diary_create(void *context, struct pend_custom_map *map,
			       struct pend_map_shape *shape, const void *extra)
{
	struct diary *diary = context;

	(void)extra;
	diary->map = map;
	cr_assert_eq(shape->actual_value_size, shape->value_size);
	if (diary->actual_value_size || diary->spoil_size)
		shape->actual_value_size = diary->actual_value_size;
	shape->map_context = &diary->map;
	cr_assert_not(pendi_epoch_inside());
	write_line(diary, CREATED, NULL, NULL, 0, 0);
	return diary->fail[CREATED];
}

static inline void diary_forget(void *context, void *map_context)
{
	struct diary *diary = context;

	cr_assert_eq(map_context, (void *)&diary->map);
	cr_assert_not(pendi_epoch_inside());
	write_line(diary, FORGOTTEN, NULL, NULL, 0, 0);
}

static inline int diary_associate(void *context, void *map_context, const struct pend_uuid *type)
{
	struct diary *diary = context;

	cr_assert_eq(map_context, (void *)&diary->map);
	cr_assert(pendi_epoch_inside());
	write_line(diary, ASSOCIATED, type->bytes, NULL, 0, 0);
	return diary->fail[ASSOCIATED];
}

static inline int diary_find(void *context, void *map_context, const void *key, const void *stored,
			     void *value, uint32_t flags)
{
	struct diary *diary = context;
	uint64_t plain = 0;

	cr_assert_eq(map_context, (void *)&diary->map);
	cr_assert(pendi_epoch_inside());
	cr_assert_eq(value != NULL, diary->data.updates_original_value);
	write_line(diary, FOUND, key, stored, stored_bytes(diary), flags);
	if (value) {
		memcpy(&plain, stored, stored_bytes(diary) < 8 ? stored_bytes(diary) : 8);
		plain -= 1000;
		memcpy(value, &plain, sizeof(plain));
	}
	return diary->fail[FOUND];
}

static inline int diary_update(void *context, void *map_context, const void *key, const void *value,
			       void *stored, uint32_t flags)
{
	struct diary *diary = context;
	uint64_t plain;

	cr_assert_eq(map_context, (void *)&diary->map);
	cr_assert(pendi_epoch_inside());
	cr_assert_eq(stored != NULL, diary->data.updates_original_value);
	write_line(diary, UPDATING, key, value, 8, flags);
	memcpy(&plain, value, sizeof(plain));
	plain += 1000;
	for (uint32_t i = 0; stored && i < stored_bytes(diary); i++)
		cr_assert_eq(((const unsigned char *)stored)[i], 0, "what it gets is zeroed");
	if (stored)
		memcpy(stored, &plain, stored_bytes(diary) < 8 ? stored_bytes(diary) : 8);
	return diary->fail[UPDATING];
}

static inline void diary_gone(void *context, void *map_context, const void *key, const void *stored,
			      uint32_t flags)
{
	struct diary *diary = context;

	cr_assert_eq(map_context, (void *)&diary->map);
	cr_assert(pendi_epoch_inside());
	write_line(diary, GONE, key, stored, stored_bytes(diary), flags);
}

static inline void diary_attached(void *context, uint32_t client)
{
	cr_assert_neq(client, 0);
	((struct diary *)context)->attached++;
}

static inline void diary_detached(void *context, uint32_t client)
{
	cr_assert_neq(client, 0);
	((struct diary *)context)->detached++;
}

static inline void diary_left(void *context)
{
	((struct diary *)context)->gone++;
}

/* A provider of TEST_TYPE, base HASH, all callbacks; not yet registered. */
static inline void diary_begin(struct diary *diary, bool translates)
{
	memset(diary, 0, sizeof(*diary));
	diary->callbacks = (struct pend_map_callbacks){
		.header = PEND_HEADER(PEND_MAP_PROVIDER_VERSION, struct pend_map_callbacks, next),
		.preprocess_create = diary_create,
		.postprocess_delete = diary_forget,
		.preprocess_associate = diary_associate,
		.postprocess_find = diary_find,
		.preprocess_update = diary_update,
		.postprocess_delete_element = diary_gone,
	};
	diary->data = (struct pend_map_provider_data){
		.header = PEND_HEADER(PEND_MAP_PROVIDER_VERSION, struct pend_map_provider_data,
				      callbacks),
		.type = TEST_TYPE,
		.base = PEND_MAP_BASE_HASH,
		.updates_original_value = translates,
		.callbacks = &diary->callbacks,
	};
}

static inline int diary_register(struct diary *diary, struct world *world)
{
	const struct pend_provider_options options = { .size = sizeof(options),
						       .kind = PEND_PROVIDER_MAP,
						       .data = &diary->data.header,
						       .on_attach = diary_attached,
						       .on_detach = diary_detached,
						       .context = diary };

	return pend_provider_register(runtime_of(world), &options, &diary->provider);
}

static inline void diary_leave(struct diary *diary)
{
	cr_assert_eq(pend_provider_unregister(diary->provider, NULL, NULL), 0);
}

/* How often @event was told of, with @flags. */
static inline uint32_t told_of(const struct diary *diary, enum event event, uint32_t flags)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < diary->count; i++)
		count += diary->lines[i].event == event && diary->lines[i].flags == flags;
	return count;
}

static inline uint32_t told_of_any(const struct diary *diary, enum event event)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < diary->count; i++)
		count += diary->lines[i].event == event;
	return count;
}

static inline struct line last_line(const struct diary *diary)
{
	cr_assert_gt(diary->count, 0u);
	return diary->lines[diary->count - 1];
}

/* ---- maps ---- */

static inline struct pend_custom_map_options map_options(uint32_t type, uint32_t max_entries)
{
	return (struct pend_custom_map_options){ .size = sizeof(struct pend_custom_map_options),
						 .type = type,
						 .key_size = 8,
						 .value_size = 8,
						 .max_entries = max_entries };
}

static inline struct pend_custom_map *make_custom(struct world *world,
						  const struct pend_custom_map_options *options)
{
	struct pend_custom_map *map = NULL;

	cr_assert_eq(pend_custom_map_create(runtime_of(world), options, &map), 0);
	cr_assert_not_null(map);
	return map;
}

static inline struct pend_custom_map *make_map(struct world *world, uint32_t type,
					       uint32_t max_entries)
{
	const struct pend_custom_map_options options = map_options(type, max_entries);

	return make_custom(world, &options);
}

/* The error of a create that must fail, and touch nothing. */
static inline int create_error(struct world *world, const struct pend_custom_map_options *options)
{
	struct pend_custom_map *const canary = (void *)(uintptr_t)64;
	struct pend_custom_map *map = canary;
	const int error = pend_custom_map_create(runtime_of(world), options, &map);

	cr_assert_eq(map, canary);
	cr_assert_neq(error, 0);
	return error;
}

static inline int put(struct pend_custom_map *map, uint64_t key, uint64_t value, uint64_t update)
{
	return pend_custom_map_update(map, NULL, &key, &value, update);
}

static inline void must_put(struct pend_custom_map *map, uint64_t key, uint64_t value)
{
	cr_assert_eq(put(map, key, value, PEND_BPF_ANY), 0);
}

/* The value, which must be there. */
static inline uint64_t get(struct pend_custom_map *map, uint64_t key)
{
	uint64_t value = CANARY;

	cr_assert_eq(pend_custom_map_lookup(map, &key, &value), 0);
	return value;
}

/* The error of a lookup that must fail, and touch nothing. */
static inline int get_error(struct pend_custom_map *map, uint64_t key)
{
	uint64_t value = CANARY;
	const int error = pend_custom_map_lookup(map, &key, &value);

	cr_assert_neq(error, 0);
	cr_assert_eq(value, CANARY);
	return error;
}

static inline int drop(struct pend_custom_map *map, uint64_t key)
{
	return pend_custom_map_delete(map, NULL, &key);
}

static inline uint32_t count_of(struct pend_custom_map *map)
{
	struct pend_custom_map_info info = { .size = sizeof(info) };

	cr_assert_eq(pend_custom_map_info_read(map, &info), 0);
	return info.count;
}

static inline void close_map(struct pend_custom_map *map)
{
	cr_assert_eq(pend_custom_map_close(map), 0);
}

#endif
