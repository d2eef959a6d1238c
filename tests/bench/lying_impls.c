/* SPDX-License-Identifier: MIT */
/*
 * lying_impls.c - a list of implementations for pendbench of which all but one lie.
 *
 * One chained hash table for a single thread, which keeps the key and the first 8 bytes of the
 * value; what differs is the lie in its session: each is told once, when the table has been used
 * for a while, so that nothing but the accounting can notice.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure/driver_origin.h"
#include "bench/measure/impl.h"

#define BUCKETS 4096u
#define KEY_BYTES 64u
#define PATIENCE 500u /* calls before the lie */

enum lie {
	HONEST,
	LOSES,     /* an operation that is pended cannot be completed */
	FORGETS,   /* one more is live than was pended */
	OVERFILLS, /* a full table takes one more */
	MISTAKES,  /* a lookup answers with another value */
	INVENTS,   /* a lookup finds what was never pended */
	AUDITS,    /* its own counters disagree */
};

struct entry {
	uint32_t next;
	unsigned char key[KEY_BYTES];
	unsigned char value[8];
};

struct table {
	enum lie lie;
	uint32_t key_size;
	uint32_t max_entries;
	uint32_t live;
	uint32_t free;
	uint64_t calls;
	uint32_t heads[BUCKETS]; /* numbers of entries, from 1; 0: none */
	struct entry *entries;
};

static bool lies(struct table *table, enum lie lie)
{
	return table->lie == lie && table->calls++ == PATIENCE;
}

static uint32_t *find(struct table *table, const void *key)
{
	const unsigned char *bytes = key;
	uint32_t hash = 2166136261u;

	for (uint32_t i = 0; i < table->key_size; i++)
		hash = (hash ^ bytes[i]) * 16777619u;

	uint32_t *link = &table->heads[(hash ^ hash >> 15) % BUCKETS];

	while (*link && memcmp(table->entries[*link].key, key, table->key_size) != 0)
		link = &table->entries[*link].next;
	return link;
}

static int lying_pend(void *opaque, const void *key, const void *value, uint64_t *token)
{
	struct table *table = opaque;
	uint32_t *link = find(table, key);
	const uint32_t number = table->free;

	if (*link)
		return -EEXIST;
	if (table->live == table->max_entries)
		return lies(table, OVERFILLS) ? 0 : -ENOSPC;
	table->free = table->entries[number].next;
	memcpy(table->entries[number].key, key, table->key_size);
	memcpy(table->entries[number].value, value, 8);
	table->entries[number].next = 0;
	*link = number;
	table->live++;
	*token = number;
	return 0;
}

static int lying_complete_key(void *opaque, const void *key)
{
	struct table *table = opaque;
	uint32_t *link = find(table, key);
	const uint32_t number = *link;

	if (!number || lies(table, LOSES))
		return -ENOENT;
	*link = table->entries[number].next;
	table->entries[number].next = table->free;
	table->free = number;
	table->live--;
	return 0;
}

static int lying_complete(void *opaque, uint64_t token)
{
	struct table *table = opaque;
	unsigned char key[KEY_BYTES];

	memcpy(key, table->entries[token].key, sizeof(key));
	return lying_complete_key(opaque, key);
}

static int lying_lookup(void *opaque, const void *key, void *value)
{
	struct table *table = opaque;
	const uint32_t number = *find(table, key);

	if (!number)
		return lies(table, INVENTS) ? 0 : -ENOENT;
	memcpy(value, table->entries[number].value, 8);
	if (lies(table, MISTAKES))
		memset(value, 0xff, 8);
	return 0;
}

static void lying_destroy(void *opaque)
{
	struct table *table = opaque;

	free(table->entries);
	free(table);
}

static int create(const struct bench_shape *shape, enum lie lie, void **opaque)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table || shape->key_size > KEY_BYTES || shape->threads > 1) {
		free(table);
		return -EINVAL;
	}
	table->lie = lie;
	table->key_size = shape->key_size;
	table->max_entries = (uint32_t)shape->max_entries;
	table->entries = calloc(shape->max_entries + 1, sizeof(*table->entries));
	if (!table->entries) {
		free(table);
		return -ENOMEM;
	}
	for (uint32_t i = 1; i < table->max_entries; i++)
		table->entries[i].next = i + 1;
	table->free = 1;
	*opaque = table;
	return 0;
}

static void *lying_session(void *table, uint32_t thread)
{
	(void)thread;
	return table;
}

static void lying_enter(void *session)
{
	(void)session;
}

static int64_t lying_live(void *opaque)
{
	const struct table *table = opaque;

	return (int64_t)table->live + (table->lie == FORGETS ? 1 : 0);
}

static int lying_audit(void *opaque, const struct bench_counts *counts, char *why, size_t why_size)
{
	const struct table *table = opaque;

	(void)counts;
	if (table->lie != AUDITS)
		return 0;
	snprintf(why, why_size, "stats say seven");
	return -EBADMSG;
}

static const struct bench_ops lying_ops = {
	.pend = lying_pend,
	.complete = lying_complete,
	.complete_key = lying_complete_key,
	.lookup = lying_lookup,
};

static void lying_drive(struct bench_lane *lane, enum bench_loop loop)
{
	bench_drive_shared(&lying_ops, lane, loop);
}

static int create_honest(const struct bench_shape *shape, void **table)
{
	return create(shape, HONEST, table);
}

static int create_loses(const struct bench_shape *shape, void **table)
{
	return create(shape, LOSES, table);
}

static int create_forgets(const struct bench_shape *shape, void **table)
{
	return create(shape, FORGETS, table);
}

static int create_overfills(const struct bench_shape *shape, void **table)
{
	return create(shape, OVERFILLS, table);
}

static int create_mistakes(const struct bench_shape *shape, void **table)
{
	return create(shape, MISTAKES, table);
}

static int create_invents(const struct bench_shape *shape, void **table)
{
	return create(shape, INVENTS, table);
}

static int create_audits(const struct bench_shape *shape, void **table)
{
	return create(shape, AUDITS, table);
}

#define LYING_IMPL(lie, rank)                                                               \
	{                                                                                   \
		.name = #lie, .summary = "a test's", .abilities = BENCH_KEYS | (rank),      \
		.create = create_##lie, .destroy = lying_destroy, .session = lying_session, \
		.enter = lying_enter, .leave = lying_enter, .live = lying_live,             \
		.audit = lying_audit, .drive = lying_drive                                  \
	}

static const struct bench_impl impls[] = {
	LYING_IMPL(honest, BENCH_PEER), LYING_IMPL(loses, 0),    LYING_IMPL(forgets, 0),
	LYING_IMPL(overfills, 0),       LYING_IMPL(mistakes, 0), LYING_IMPL(invents, 0),
	LYING_IMPL(audits, 0),
};

const struct bench_impl *bench_impl_at(uint32_t number)
{
	return number < sizeof(impls) / sizeof(impls[0]) ? &impls[number] : NULL;
}

const char *bench_impls_absent(void)
{
	return "urcu-memb,urcu-qsbr";
}
