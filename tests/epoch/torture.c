/* SPDX-License-Identifier: MIT */
/*
 * torture.c - conformance: readers and writers at full speed, judged by the age of objects.
 *
 * Writers replace the objects in a few cells and retire the old ones. An object has an age: 0
 * while it is in a cell, 1 once it is retired, 2 when a grace period has passed. The function
 * that runs then also poisons the object and retires it again; after its second grace period
 * it is free to be used anew. Memory is never given back, so a reader that was let down reads
 * a wrong age or poison, not something undefined.
 *
 * Oracle: no reader, from its first to its last look inside one section, sees poison or an age
 * of 2 or more; and at the end every object is in a cell or free, and limbo is empty.
 */
#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "conformance.h"

enum {
	CELLS = 4,
	OBJECTS = 4096,
	READERS = 3,
	WRITERS = 2,
	WORDS = 4,
	BATCH = 8,
	READS_PER_WRITE = 4,
};

#define POISON UINT64_C(0xdeaddeaddeaddead)

struct object {
	struct pendi_epoch_node node;
	struct object *next_free;
	struct oracle_count age;
	uint64_t words[WORDS]; /* plain: race detectors watch them */
};

static struct object objects[OBJECTS];
static struct oracle_count objects_used;
static struct oracle_pointer cells[CELLS];
static struct oracle_pointer freed;
static struct oracle_count ages[4];
static struct oracle_count stop;
static bool calm; /* readers rest outside, so that there are quiet moments */

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint64_t word_of(const struct object *object, size_t n)
{
	return (uint64_t)(object - objects) * 0x9e3779b97f4a7c15u + n;
}

static void reclaim(struct pendi_epoch_node *node)
{
	struct object *object = PENDI_CONTAINER_OF(node, struct object, node);
	const uint64_t age = oracle_peek(&object->age) + 1;

	oracle_mark(&object->age, age);
	for (size_t n = 0; n < WORDS; n++)
		object->words[n] = POISON;
	if (age == 2)
		pendi_epoch_retire(node);
	else
		oracle_push(&freed, object, offsetof(struct object, next_free));
}

/* From the writer's own stock, from what was freed, or one never used; NULL: all are in use. */
static struct object *allocate(struct object **stock)
{
	struct object *object;

	if (!*stock)
		*stock = oracle_replace(&freed, NULL);
	object = *stock;
	if (object) {
		*stock = object->next_free;
	} else {
		if (oracle_peek(&objects_used) >= OBJECTS)
			return NULL;

		const uint64_t fresh = oracle_add(&objects_used, 1) - 1;

		if (fresh >= OBJECTS)
			return NULL;
		object = &objects[fresh];
	}
	object->node.reclaim = reclaim;
	oracle_mark(&object->age, 0);
	for (size_t n = 0; n < WORDS; n++)
		object->words[n] = word_of(object, n);
	return object;
}

static bool is_whole(const struct object *object)
{
	for (size_t n = 0; n < WORDS; n++) {
		if (object->words[n] != word_of(object, n))
			return false;
	}
	return true;
}

static void read_one(uint64_t *random, uint64_t seen[4])
{
	const uint64_t draw = next_random(random);
	const bool nested = (draw & 7) == 0;

	CHECK(pendi_epoch_enter() == 0);

	struct object *object = oracle_follow(&cells[draw % CELLS]);
	bool whole = is_whole(object);

	if (nested) {
		CHECK(pendi_epoch_enter() == 0);
		pendi_epoch_exit();
	}
	if ((draw >> 8 & 63) == 0)
		(void)sched_yield();
	whole = is_whole(object) && whole;

	const uint64_t age = oracle_peek(&object->age);

	pendi_epoch_exit();
	seen[age < 3 ? age : 3]++;
	if (calm && (draw >> 16 & 3) == 0)
		(void)sched_yield();
	if (!whole || age > 1)
		check(false, "the object outlives its reader", __FILE__, __LINE__);
}

static void *reader(void *argument)
{
	uint64_t random = 0x1234567u + (uintptr_t)argument, seen[4] = { 0 };
	const uint64_t reads = rounds * READS_PER_WRITE;

	for (uint64_t n = 0; n < reads; n++)
		read_one(&random, seen);
	for (size_t age = 0; age < 4; age++)
		(void)oracle_add(&ages[age], seen[age]);
	(void)oracle_add(&operations, reads);
	return NULL;
}

/* What a writer has unlinked and not yet retired. */
struct bunch {
	struct pendi_epoch_node *first, *last;
	uint32_t count;
};

static void add(struct bunch *bunch, struct object *object)
{
	object->node.next = bunch->first;
	bunch->first = &object->node;
	if (!bunch->last)
		bunch->last = &object->node;
	bunch->count++;
}

static void retire_bunch(struct bunch *bunch)
{
	if (bunch->count)
		pendi_epoch_retire_batch(bunch->first, bunch->last, bunch->count);
	*bunch = (struct bunch){ 0 };
}

/* Unlinks an object and retires it: alone, in a bunch, or from inside a section. */
static void write_one(uint64_t draw, struct object *fresh, struct bunch *bunch)
{
	struct object *old = oracle_replace(&cells[draw % CELLS], fresh);

	oracle_mark(&old->age, 1);
	switch (draw >> 8 & 3) {
	case 0:
		pendi_epoch_retire(&old->node);
		break;
	case 1:
		CHECK(pendi_epoch_enter() == 0);
		pendi_epoch_retire(&old->node);
		pendi_epoch_exit();
		break;
	default:
		add(bunch, old);
		break;
	}
	if (bunch->count == BATCH)
		retire_bunch(bunch);
	if ((draw >> 16 & 15) == 0)
		(void)pendi_epoch_poll();
}

static void *writer(void *argument)
{
	uint64_t random = 0x89abcdefu + (uintptr_t)argument, written = 0;
	struct object *stock = NULL;
	struct bunch bunch = { 0 };

	for (uint64_t n = 0; n < rounds; n++) {
		struct object *fresh = allocate(&stock);

		if (fresh) {
			write_one(next_random(&random), fresh, &bunch);
			written++;
			continue;
		}
		retire_bunch(&bunch);
		(void)pendi_epoch_poll();
		(void)sched_yield();
	}
	retire_bunch(&bunch);
	while (stock) {
		struct object *object = stock;

		stock = object->next_free;
		oracle_push(&freed, object, offsetof(struct object, next_free));
	}
	(void)oracle_add(&operations, written);
	return NULL;
}

static void set_up(void)
{
	struct object *stock = NULL;

	for (size_t n = 0; n < CELLS; n++) {
		if (!oracle_follow(&cells[n]))
			(void)oracle_replace(&cells[n], allocate(&stock));
	}
	while (stock) {
		struct object *object = stock;

		stock = object->next_free;
		oracle_push(&freed, object, offsetof(struct object, next_free));
	}
	for (size_t age = 0; age < 4; age++)
		oracle_set(&ages[age], 0);
	oracle_set(&stop, 0);
}

static void take_stock(void)
{
	uint64_t free_now = 0;
	const uint64_t used = oracle_read(&objects_used);

	/* The second for what the functions of the first have retired. */
	CHECK(pendi_epoch_barrier() == 0);
	CHECK(pendi_epoch_barrier() == 0);
	CHECK(pendi_epoch_limbo() == 0);
	for (struct object *object = oracle_follow(&freed); object; object = object->next_free)
		free_now++;
	CHECK(free_now + CELLS == (used < OBJECTS ? used : OBJECTS));
	printf("# ages seen by readers: 0: %llu, 1: %llu, 2 and more: %llu\n",
	       (unsigned long long)oracle_read(&ages[0]), (unsigned long long)oracle_read(&ages[1]),
	       (unsigned long long)(oracle_read(&ages[2]) + oracle_read(&ages[3])));
	CHECK(oracle_read(&ages[2]) + oracle_read(&ages[3]) == 0);
}

static void run(void)
{
	pthread_t threads[READERS + WRITERS];

	for (uintptr_t n = 0; n < READERS + WRITERS; n++)
		threads[n] = start(n < READERS ? reader : writer, (void *)n);
	for (size_t n = 0; n < READERS + WRITERS; n++)
		finish(threads[n]);
}

void torture(void)
{
	set_up();
	calm = false;
	run();
	take_stock();
}

/* Changes the fence whenever it finds a quiet moment. */
static void *selector(void *changes)
{
	while (!oracle_read(&stop)) {
		const enum pendi_epoch_fence now = pendi_epoch_fence_in_force();
		const int result = pendi_epoch_fence_select(now == PENDI_EPOCH_FENCE_PORTABLE
								    ? PENDI_EPOCH_FENCE_ASYMMETRIC
								    : PENDI_EPOCH_FENCE_PORTABLE);

		CHECK(result == 0 || result == -EBUSY || result == -EOPNOTSUPP);
		if (result == 0)
			(void)oracle_add(changes, 1);
		(void)sched_yield();
	}
	return NULL;
}

void torture_while_fences_change(void)
{
	const enum pendi_epoch_fence before = pendi_epoch_fence_in_force();
	struct oracle_count changes = { 0 };

	set_up();
	calm = true;

	const pthread_t thread = start(selector, &changes);

	run();
	oracle_set(&stop, 1);
	finish(thread);
	take_stock();
	printf("# fence changes: %llu\n", (unsigned long long)oracle_read(&changes));
	if (native)
		CHECK(pendi_epoch_fence_select(before) == 0);
}
