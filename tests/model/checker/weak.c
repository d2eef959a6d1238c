/* SPDX-License-Identifier: MIT */
/*
 * weak.c - memory as C11 orders it.
 *
 *	location   what was stored, oldest first:   0   1   2   3     time stamps
 *	message    a value, and a view: what who reads it with acquire order has seen then
 *	view       of each location, the oldest message that may still be read; of each fiber, how
 *	           far what it did has happened before
 *
 * A load may read each message that its fiber's view allows. The newest costs nothing; every older
 * one is a decision of the search and costs as much as a preemption. A release store puts the view
 * of its fiber into the message, an acquire load joins the message's view to its own. A relaxed
 * store puts in only what the last fence released, a relaxed load keeps the view for the next
 * fence. A read-modify-write reads the newest message, and goes on with its release sequence: it
 * adds that message's view. (In C17 stores of the same thread go on with it too. C23 has dropped
 * that, and it is not relied on.) A compare-and-swap that fails may have read an older message.
 *
 * A store-load fence exchanges views with all such fences before it (`sc`), and acquires and
 * releases, as a seq_cst fence does. A light fence exchanges with heavy ones only, as the proposal
 * for asymmetric fences has it: so a light fence that is missing shows. What is exchanged so is
 * what may be read, not what has happened before: of two fences neither hands plain memory over.
 *
 * What is not produced, so what is not shown to be harmless:
 *	- a load that reads a store which is executed later (load buffering, and out of thin air)
 *	- a store that lands earlier in the order of its location than one executed before it: that
 *	  order is the order of execution (2+2W, and what becomes of it)
 *	- messages older than the last MESSAGES of a location
 *	- older messages for a read-modify-write that succeeds: C11 allows none either
 *	- reads of plain memory: they see the newest. Whether plain memory was handed over is checked
 *	  where it is allocated and freed, and where a scenario says so (model_plain_read())
 *	- orders of system calls: a futex fences, and who is woken has seen what the waker did
 */
#include "tests/model/checker/weak.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/model/checker/access.h"
#include "tests/model/checker/checker.h"

enum {
	WORD = 8, /* bytes */
	LOCATIONS = 256,
	SLOTS = 1024, /* of the table by address, a power of two */
	MESSAGES = 8,
	OBJECTS = 64,
	LANE = 16, /* locations are joined so many at a time */
	TIMES = 30000,
};

struct view {
	int16_t seen[LOCATIONS];
	uint32_t clock[MODEL_THREADS];
};

struct message {
	uint64_t value;
	struct view view;
};

struct location {
	uintptr_t at;
	size_t size;
	uint32_t execution; /* in which the rest was written */
	uint32_t newest, count;
	struct message messages[MESSAGES];
};

/* Cells of four bytes are read as halves of a word too: the word is the location then. */
struct place {
	struct location *location;
	uint32_t shift;
	uint64_t mask;
};

/* What lies beside each address the checker knows of. */
struct trail {
	uint32_t execution;
	uint32_t last[MODEL_THREADS];
};

struct object {
	uintptr_t at;
	struct view view;
};

struct plain {
	uintptr_t at;
	uint32_t writer, written;
	uint32_t read[MODEL_THREADS];
};

static struct weak {
	uint32_t execution;
	uint32_t used, lanes;
	struct location locations[LOCATIONS];
	uint16_t slots[SLOTS]; /* a location's number plus one */
	struct {
		struct view now;
		struct view released; /* with the last fence */
		struct view read;     /* by relaxed loads, for the next fence */
	} fibers[MODEL_THREADS];
	struct view sc, light, heavy;
	struct object objects[OBJECTS];
	struct plain plains[OBJECTS];
} * weak;

static struct trail *trails; /* by cell */

/* ---- views ---- */

static void join_seen(struct view *to, const struct view *from)
{
	for (uint32_t i = 0; i < weak->lanes; i++)
		to->seen[i] = to->seen[i] > from->seen[i] ? to->seen[i] : from->seen[i];
}

static void join(struct view *to, const struct view *from)
{
	join_seen(to, from);
	for (uint32_t i = 0; i < MODEL_THREADS; i++)
		to->clock[i] = to->clock[i] > from->clock[i] ? to->clock[i] : from->clock[i];
}

static struct view *view_now(void)
{
	return &weak->fibers[model->self].now;
}

static void *map_pages(size_t size)
{
	void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (pages == MAP_FAILED) {
		perror("model: mmap");
		exit(2);
	}
	return pages;
}

void weak_setup(size_t cells)
{
	weak = map_pages(sizeof(*weak));
	trails = map_pages(cells * sizeof(*trails));
}

void weak_begin(void)
{
	weak->execution++;
	memset(weak->fibers, 0, sizeof(weak->fibers));
	memset(&weak->sc, 0, sizeof(weak->sc));
	memset(&weak->light, 0, sizeof(weak->light));
	memset(&weak->heavy, 0, sizeof(weak->heavy));
	memset(weak->objects, 0, sizeof(weak->objects));
	memset(weak->plains, 0, sizeof(weak->plains));
}

uint32_t weak_execution(void)
{
	return weak->execution;
}

/* ---- what happened before ---- */

uint32_t weak_tick(void)
{
	return ++view_now()->clock[model->self];
}

bool weak_has_seen(uint32_t other, uint32_t time)
{
	/* As long as not all points are known, what is handed over through them is not either. */
	return view_now()->clock[other] >= time || model->grown;
}

bool model_is_weak(void)
{
	return model->weak;
}

static struct trail *trail_of(size_t cell)
{
	struct trail *trail = &trails[cell];

	if (trail->execution != weak->execution) {
		memset(trail, 0, sizeof(*trail));
		trail->execution = weak->execution;
	}
	return trail;
}

void weak_touch(size_t cell)
{
	trail_of(cell)->last[model->self] = weak_tick();
}

static bool all_seen(const uint32_t *times)
{
	for (uint32_t i = 0; i < MODEL_THREADS; i++)
		if (i != model->self && !weak_has_seen(i, times[i]))
			return false;
	return true;
}

bool weak_is_over(size_t cell)
{
	return all_seen(trail_of(cell)->last);
}

static struct plain *plain_of(const void *at)
{
	for (uint32_t i = 0; i < OBJECTS; i++) {
		struct plain *plain = &weak->plains[i];

		if (plain->at == 0)
			plain->at = (uintptr_t)at;
		if (plain->at == (uintptr_t)at)
			return plain;
	}
	model_violation(__FILE__, __LINE__, "more plain addresses than the checker has room for");
}

static bool plain_counts(void)
{
	return model->weak && model->running && model->self < MODEL_THREADS;
}

void model_plain_read(const void *at)
{
	if (!plain_counts())
		return;

	struct plain *plain = plain_of(at);

	if (!weak_has_seen(plain->writer, plain->written))
		model_violation(__FILE__, __LINE__,
				"plain memory is read, which was not handed over");
	plain->read[model->self] = weak_tick();
}

void model_plain_write(const void *at)
{
	if (!plain_counts())
		return;

	struct plain *plain = plain_of(at);

	if (!weak_has_seen(plain->writer, plain->written) || !all_seen(plain->read))
		model_violation(__FILE__, __LINE__, "plain memory is written, which others use");
	plain->writer = model->self;
	plain->written = weak_tick();
}

void weak_check_plain(const void *at)
{
	for (uint32_t i = 0; i < OBJECTS && weak->plains[i].at; i++) {
		const struct plain *plain = &weak->plains[i];

		if (plain->at == (uintptr_t)at &&
		    (!weak_has_seen(plain->writer, plain->written) || !all_seen(plain->read)))
			model_violation(__FILE__, __LINE__, "memory is written that others read");
	}
}

uint32_t model_moment(void)
{
	return plain_counts() ? weak_tick() : 0;
}

bool model_is_after(uint32_t fiber, uint32_t moment)
{
	return !plain_counts() || fiber >= MODEL_THREADS || weak_has_seen(fiber, moment);
}

/* ---- locations ---- */

static struct location *look_up(uintptr_t at, uint32_t *slot)
{
	*slot = (uint32_t)(at * UINT64_C(0x9e3779b97f4a7c15) >> 40) % SLOTS;
	while (weak->slots[*slot]) {
		struct location *location = &weak->locations[weak->slots[*slot] - 1];

		if (location->at == at)
			return location;
		*slot = (*slot + 1) % SLOTS;
	}
	return NULL;
}

static struct location *new_location(uintptr_t at, size_t size, uint32_t slot)
{
	struct location *location = &weak->locations[weak->used];

	for (uint32_t i = 0; i < weak->used; i++)
		if (at < weak->locations[i].at + weak->locations[i].size &&
		    weak->locations[i].at < at + size && size < WORD)
			model_violation(__FILE__, __LINE__, "atomics of two sizes overlap");
	if (weak->used == LOCATIONS)
		model_violation(__FILE__, __LINE__, "more locations than the checker has room for");
	location->at = at;
	location->size = size;
	weak->slots[slot] = (uint16_t)++weak->used;
	weak->lanes = (weak->used + LANE - 1) / LANE * LANE;
	return location;
}

/* The location of the whole word, if there is one: else the one at @at. */
static struct location *find_location(uintptr_t at, size_t size)
{
	uint32_t slot;
	struct location *location = look_up(at / WORD * WORD, &slot);

	if (location && (location->size == WORD || location->at == at)) {
		if (location->size < size) { /* a word that was known by its first half */
			location->size = size;
			location->execution = 0;
		}
		return location;
	}
	location = look_up(at, &slot);
	return location ? location : new_location(at, size, slot);
}

static uint64_t raw(const struct location *location)
{
	uint64_t value = 0;

	memcpy(&value, (const void *)location->at, location->size);
	return value;
}

static struct message *message_of(struct location *location, uint32_t stamp)
{
	return &location->messages[stamp % MESSAGES];
}

/* Where an access is: a part of a location, most often the whole. */
static struct place place_of(const void *pointer, size_t size)
{
	const uintptr_t at = (uintptr_t)pointer;
	struct location *location = find_location(at, size);

	if (location->execution != weak->execution) {
		location->execution = weak->execution;
		location->newest = 0;
		location->count = 1;
		memset(&location->messages[0].view, 0, sizeof(struct view));
		location->messages[0].value = raw(location);
	} else if (message_of(location, location->newest)->value != raw(location)) {
		model_violation(__FILE__, __LINE__, "an atomic was written by a plain store");
	}
	return (struct place){ location, (uint32_t)(at - location->at) * 8,
			       UINT64_MAX >> (64 - 8 * size) };
}

/* What a message says there. */
static uint64_t value_at(const struct place *place, uint32_t stamp)
{
	return message_of(place->location, stamp)->value >> place->shift & place->mask;
}

static uint32_t number_of(const struct location *location)
{
	return (uint32_t)(location - weak->locations);
}

/* The oldest message that the running fiber may read. */
static uint32_t oldest_of(const struct location *location)
{
	const uint32_t kept = location->newest + 1 - location->count;
	const uint32_t seen = (uint32_t)view_now()->seen[number_of(location)];

	return seen > kept ? seen : kept;
}

static uint64_t receive(const struct place *place, uint32_t stamp, uint32_t order)
{
	struct view *now = view_now();
	int16_t *seen = &now->seen[number_of(place->location)];

	if (*seen < (int16_t)stamp)
		*seen = (int16_t)stamp;
	join(order & MODEL_ACQUIRE ? now : &weak->fibers[model->self].read,
	     &message_of(place->location, stamp)->view);
	return value_at(place, stamp);
}

uint64_t weak_load(const void *at, size_t size, uint32_t order)
{
	const struct place place = place_of(at, size);
	const uint32_t newest = place.location->newest;
	const uint32_t back = schedule_choose(newest - oldest_of(place.location) + 1);

	return receive(&place, newest - back, order);
}

uint64_t weak_find(const void *at, uint64_t expected, size_t size, uint32_t order)
{
	const struct place place = place_of(at, size);
	const uint32_t newest = place.location->newest, oldest = oldest_of(place.location);
	uint32_t stamps[MESSAGES] = { newest }, count = 1;

	for (uint32_t stamp = newest; stamp-- > oldest;)
		if (value_at(&place, stamp) != expected)
			stamps[count++] = stamp;

	const uint32_t stamp = stamps[schedule_choose(count)];

	if (value_at(&place, stamp) != expected)
		return receive(&place, stamp, order & MODEL_ACQUIRE);
	return expected;
}

/* A message behind the newest; a change of it goes on with its release sequence. */
static void append(const struct place *place, uint64_t value, uint32_t order, bool changes)
{
	struct location *location = place->location;
	const struct message *last = message_of(location, location->newest);
	const uint32_t number = number_of(location);
	struct message *next = message_of(location, location->newest + 1);
	struct view *now = view_now();

	if (location->newest == TIMES)
		model_violation(__FILE__, __LINE__, "one location is written for ever");
	location->newest++;
	location->count += location->count < MESSAGES;
	now->seen[number] = (int16_t)location->newest;
	next->value = (last->value & ~(place->mask << place->shift)) | value << place->shift;
	next->view = order & MODEL_RELEASE ? *now : weak->fibers[model->self].released;
	if (changes)
		join(&next->view, &last->view);
	next->view.seen[number] = (int16_t)location->newest;
}

void weak_store(void *at, uint64_t value, size_t size, uint32_t order)
{
	const struct place place = place_of(at, size);

	append(&place, value, order, false);
}

void weak_exchange(void *at, uint64_t value, size_t size, uint32_t order)
{
	const struct place place = place_of(at, size);

	(void)receive(&place, place.location->newest, order);
	append(&place, value, order, true);
}

/* ---- fences, objects ---- */

static void acquire_and_release(void)
{
	join(view_now(), &weak->fibers[model->self].read);
	weak->fibers[model->self].released = *view_now();
}

void weak_fence(void)
{
	join_seen(view_now(), &weak->sc);
	acquire_and_release();
	join_seen(&weak->sc, view_now());
}

void weak_fence_light(void)
{
	join_seen(view_now(), &weak->heavy);
	join_seen(&weak->light, view_now());
}

void weak_fence_heavy(void)
{
	join_seen(view_now(), &weak->light);
	weak_fence();
	join_seen(&weak->heavy, view_now());
}

static struct object *object_of(const void *at)
{
	for (uint32_t i = 0; i < OBJECTS; i++) {
		struct object *object = &weak->objects[i];

		if (object->at == 0)
			object->at = (uintptr_t)at;
		if (object->at == (uintptr_t)at)
			return object;
	}
	model_violation(__FILE__, __LINE__, "more mutexes than the checker has room for");
}

void weak_hand_over(const void *object)
{
	(void)weak_tick();
	join(&object_of(object)->view, view_now());
}

void weak_acquire(const void *object)
{
	join(view_now(), &object_of(object)->view);
}
