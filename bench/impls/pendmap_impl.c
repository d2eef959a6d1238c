/* SPDX-License-Identifier: MIT */
/*
 * pendmap_impl.c - pendmap as a user calls it, three ways.
 *
 * "pendmap" has keys and completes by handle or by key; "pendmap-id" has no keys, so nothing is
 * hashed; "pendmap-pointers" has keys, hands out pointers inside an epoch and recycles through
 * it. Only the public API is called, through the static library; requests are built anew for each
 * call, results are checked, nobody is told of completions (peers tell nobody either).
 */
#include <pendmap/epoch.h>

#include "bench/impls/pendmap_ops.h"
#include "bench/measure/driver_origin.h"

/* The value is copied out, as every other implementation's lookup does. */
static int map_peek(void *opaque, const void *key, void *value)
{
	struct session *session = opaque;
	const void *found;
	int result = pend_epoch_enter();

	if (result)
		return result;
	result = pend_map_peek_key(session->map, key, session->key_size, NULL, &found);
	if (result == 0 && session->value_size == 128)
		memcpy(value, found, 128);
	else if (result == 0)
		memcpy(value, found, session->value_size);
	pend_epoch_exit();
	return result;
}

static void map_destroy(void *opaque)
{
	struct table *table = opaque;

	pend_map_destroy(table->map);
	free(table);
}

static int make(const struct bench_shape *shape, uint32_t key_size, uint32_t flags, void **opaque)
{
	struct pend_map_options options = options_of(shape);
	struct table *table;

	options.key_size = key_size;
	options.flags = flags;

	const int error = make_table(shape, &options, &table);

	if (!error)
		*opaque = table;
	return error;
}

static int map_create(const struct bench_shape *shape, void **table)
{
	return make(shape, shape->key_size, 0, table);
}

static int map_create_id(const struct bench_shape *shape, void **table)
{
	return make(shape, 0, 0, table);
}

static int map_create_pointers(const struct bench_shape *shape, void **table)
{
	return make(shape, shape->key_size, PEND_MAP_POINTERS, table);
}

static void map_enter(void *session)
{
	map_tick(session);
}

static void map_leave(void *session)
{
	(void)session; /* a thread of pendmap needs no farewell */
}

static const struct bench_ops keyed_ops = {
	.pend = map_pend,
	.complete = map_complete,
	.complete_key = map_complete_key,
	.lookup = map_lookup,
	.pend_batch = map_pend_batch,
	.complete_batch = map_complete_batch,
	.complete_key_batch = map_complete_key_batch,
	.lookup_batch = map_lookup_batch,
	.tick = map_tick,
	.walk = map_walk,
};

static const struct bench_ops id_ops = {
	.pend = map_pend,
	.complete = map_complete,
	.pend_batch = map_pend_batch,
	.complete_batch = map_complete_batch,
	.tick = map_tick,
};

static const struct bench_ops pointers_ops = {
	.pend = map_pend,
	.complete = map_complete,
	.complete_key = map_complete_key,
	.lookup = map_peek,
	.pend_batch = map_pend_batch,
	.complete_batch = map_complete_batch,
	.complete_key_batch = map_complete_key_batch,
	.tick = map_tick,
	.walk = map_walk,
};

static void keyed_drive(struct bench_lane *lane, enum bench_loop loop)
{
	bench_drive_shared(&keyed_ops, lane, loop);
}

static void id_drive(struct bench_lane *lane, enum bench_loop loop)
{
	bench_drive_shared(&id_ops, lane, loop);
}

static void pointers_drive(struct bench_lane *lane, enum bench_loop loop)
{
	bench_drive_shared(&pointers_ops, lane, loop);
}

const struct bench_impl bench_impl_pendmap = {
	.name = "pendmap",
	.summary = "keyed map, validated copies, slots recycle at once",
	.abilities = BENCH_KEYS | BENCH_BATCH | BENCH_BATCH_LOOKUP | BENCH_WALK,
	.entry_bytes = 64 + 16,
	.create = map_create,
	.destroy = map_destroy,
	.session = map_session,
	.enter = map_enter,
	.leave = map_leave,
	.live = map_live,
	.audit = map_audit,
	.drive = keyed_drive,
};

const struct bench_impl bench_impl_pendmap_id = {
	.name = "pendmap-id",
	.summary = "map without keys: handles only, nothing is hashed",
	.abilities = BENCH_BATCH,
	.entry_bytes = 64,
	.create = map_create_id,
	.destroy = map_destroy,
	.session = map_session,
	.enter = map_enter,
	.leave = map_leave,
	.live = map_live,
	.audit = map_audit,
	.drive = id_drive,
};

const struct bench_impl bench_impl_pendmap_pointers = {
	.name = "pendmap-pointers",
	.summary = "keyed map with PEND_MAP_POINTERS: slots recycle through the epoch",
	.abilities = BENCH_KEYS | BENCH_BATCH | BENCH_WALK,
	.entry_bytes = 128 + 16,
	.create = map_create_pointers,
	.destroy = map_destroy,
	.session = map_session,
	.enter = map_enter,
	.leave = map_leave,
	.live = map_live,
	.audit = map_audit,
	.drive = pointers_drive,
};
