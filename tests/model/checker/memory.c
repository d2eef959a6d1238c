/* SPDX-License-Identifier: MIT */
/*
 * memory.c - what an access does.
 *
 * An address matters if two fibers touched it and one of them wrote: only before accesses to such
 * addresses is anything decided. (To switch before another access is the same as to switch before
 * the next one that matters.) Which ones do is found out while searching; when there is a new one,
 * the search begins anew, with all that is known.
 *
 *	cell    of each 8 bytes of the program's data and of the arenas: who touched it
 *	buffer  of each fiber: stores that wait, in the TSO mode
 *	shadow  of each 16 bytes of the arenas: allocated, freed
 *
 * Memory of the library comes from arenas, one a fiber, that only grow within an execution, so that
 * nothing freed is used for something else: each access to freed memory is seen. In the weak mode
 * (weak.c) so is an access that is not known to be over when its memory is freed, and one that does
 * not come after the allocation. Arenas lie at the same addresses in each process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/model/checker/access.h"
#include "tests/model/checker/checker.h"
#include "tests/model/checker/plain.h"
#include "tests/model/checker/sites.h"
#include "tests/model/checker/weak.h"

enum { SHADOW_NONE, SHADOW_LIVE, SHADOW_FREED };

enum {
	CELL = 8,        /* bytes */
	STRAYS = 1 << 12 /* cells of other addresses: stacks. A power of two */
};

#define ARENA_BYTES ((size_t)MODEL_FIBERS * MODEL_ARENA)
#define ARENA_CELLS (ARENA_BYTES / CELL)
#define ARENAS_AT ((void *)UINT64_C(0x200000000000))

extern char __data_start[], _end[]; /* the linker's */

static unsigned char *arenas, *shadow, *arena_begin, *shadow_begin;
static uint32_t *born;           /* of each grain: when its fiber allocated it */
static struct model_cell *cells; /* of the arenas, of the data, strays */
static size_t data_cells;
static struct model_site *heavy[MODEL_FIBERS]; /* the fence that each of them is in */

static void *map_pages(void *at, size_t size)
{
	void *pages =
		mmap(at, size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at ? MAP_FIXED_NOREPLACE : 0),
		     -1, 0);

	if (pages == MAP_FAILED) {
		perror("model: mmap");
		exit(2);
	}
	return pages;
}

void memory_setup(void)
{
	data_cells = (size_t)(_end - __data_start) / CELL + 1;
	arenas = map_pages(ARENAS_AT, ARENA_BYTES);
	shadow = map_pages(NULL, ARENA_BYTES / MODEL_GRAIN);
	arena_begin = map_pages(NULL, ARENA_BYTES);
	shadow_begin = map_pages(NULL, ARENA_BYTES / MODEL_GRAIN);
	born = map_pages(NULL, ARENA_BYTES / MODEL_GRAIN * sizeof(*born));
	cells = map_pages(NULL, (ARENA_CELLS + data_cells + STRAYS) * sizeof(*cells));
	weak_setup(ARENA_CELLS + data_cells + STRAYS);
	plain_setup(arenas, ARENA_BYTES);
}

static inline bool in_fiber(void)
{
	return model->running && model->self != MODEL_MAIN;
}

/* ---- arenas ---- */

static void copy_arena(unsigned char *to, const unsigned char *from, unsigned char *to_shadow,
		       const unsigned char *from_shadow, uint32_t fiber, size_t used)
{
	const size_t offset = (size_t)fiber * MODEL_ARENA;

	memcpy(to + offset, from + offset, used);
	memcpy(to_shadow + offset / MODEL_GRAIN, from_shadow + offset / MODEL_GRAIN,
	       (used + MODEL_GRAIN - 1) / MODEL_GRAIN);
}

void memory_snapshot(void)
{
	for (uint32_t i = 0; i < MODEL_FIBERS; i++) {
		model->fibers[i].used_begin = model->fibers[i].used;
		copy_arena(arena_begin, arenas, shadow_begin, shadow, i, model->fibers[i].used);
	}
}

void memory_restore(void)
{
	for (uint32_t i = 0; i < MODEL_FIBERS; i++) {
		struct model_fiber *fiber = &model->fibers[i];

		copy_arena(arenas, arena_begin, shadow, shadow_begin, i, fiber->used);
		fiber->used = fiber->used_begin;
		fiber->buffered = 0;
	}
	if (model->weak)
		weak_begin();
}

static void note_birth(const unsigned char *at, size_t size)
{
	const uint32_t now = weak_tick();

	for (size_t i = 0; i < size; i += MODEL_GRAIN)
		born[(size_t)(at + i - arenas) / MODEL_GRAIN] = now;
}

void *memory_allocate(size_t size, size_t alignment)
{
	struct model_fiber *fiber = &model->fibers[model->self];
	const size_t align = alignment < MODEL_GRAIN ? MODEL_GRAIN : alignment;
	const size_t begin = (fiber->used + align - 1) / align * align;
	unsigned char *at = arenas + (size_t)model->self * MODEL_ARENA + begin;

	if (begin + size > MODEL_ARENA)
		return NULL;
	fiber->used = begin + (size + MODEL_GRAIN - 1) / MODEL_GRAIN * MODEL_GRAIN;
	memset(at, 0, size);
	memset(shadow + (size_t)(at - arenas) / MODEL_GRAIN, SHADOW_LIVE,
	       (size + MODEL_GRAIN - 1) / MODEL_GRAIN);
	if (model->weak && in_fiber())
		note_birth(at, size);
	return at;
}

static inline void check_live(const void *at)
{
	const size_t offset = (size_t)((const unsigned char *)at - arenas);

	if (offset < ARENA_BYTES && shadow[offset / MODEL_GRAIN] != SHADOW_LIVE)
		model_violation(__FILE__, __LINE__, "an access to memory that was freed");
}

/* In the weak mode: who allocated it has told who uses it. */
static void check_born(const void *at)
{
	const size_t offset = (size_t)((const unsigned char *)at - arenas);
	const uint32_t fiber = (uint32_t)(offset / MODEL_ARENA);

	if (offset >= ARENA_BYTES || fiber == MODEL_MAIN || fiber == model->self ||
	    offset % MODEL_ARENA < model->fibers[fiber].used_begin)
		return;
	if (!weak_has_seen(fiber, born[offset / MODEL_GRAIN]))
		model_violation(__FILE__, __LINE__, "memory is used that was not handed over");
}

/* ---- cells ---- */

static size_t stray_cell(uintptr_t at)
{
	size_t slot = (size_t)(at * UINT64_C(0x9e3779b97f4a7c15) >> 32) % STRAYS;
	struct model_cell *strays = &cells[ARENA_CELLS + data_cells];

	while (strays[slot].at && strays[slot].at != at)
		slot = (slot + 1) % STRAYS;
	return ARENA_CELLS + data_cells + slot;
}

static inline size_t cell_number(const void *at)
{
	size_t offset = (size_t)((const unsigned char *)at - arenas);

	if (offset < ARENA_BYTES)
		return offset / CELL;
	offset = (size_t)((uintptr_t)at - (uintptr_t)__data_start);
	if (offset < data_cells * CELL)
		return ARENA_CELLS + offset / CELL;
	return stray_cell((uintptr_t)at / CELL);
}

struct model_cell *memory_cell(const void *at)
{
	struct model_cell *cell = &cells[cell_number(at)];

	if (!cell->at) {
		MODEL_CHECK(model->touched_count < MODEL_CELLS);
		model->touched[model->touched_count++] = cell;
		cell->at = (uintptr_t)at / CELL;
	}
	return cell;
}

/* In the weak mode: nobody may still be at it. */
static void check_over(const void *memory, size_t size)
{
	for (size_t i = 0; i < size; i += CELL)
		if (!weak_is_over(cell_number((const unsigned char *)memory + i)))
			model_violation(__FILE__, __LINE__, "memory is freed that others use");
}

static inline void note(struct model_cell *cell, bool writes)
{
	const uint8_t bit = (uint8_t)(1u << model->self);

	if (writes)
		cell->writers |= bit;
	else
		cell->readers |= bit;
	if (!cell->point && cell->writers) {
		const uint8_t both = cell->readers | cell->writers;

		if (both & (both - 1))
			model->grown = true;
	}
}

/* To free memory is to write all of it: whoever else looks at it may do so just before. */
static void before_release(const unsigned char *memory, size_t size)
{
	bool point = false;

	for (size_t i = 0; i < size; i += CELL) {
		struct model_cell *cell = memory_cell(memory + i);

		note(cell, true);
		point |= cell->point;
	}
	if (point)
		schedule_point();
}

void memory_release(void *memory, size_t size)
{
	unsigned char *at = memory;
	unsigned char *mark = shadow + (size_t)(at - arenas) / MODEL_GRAIN;

	if (in_fiber() && at >= arenas && at + size <= arenas + ARENA_BYTES)
		before_release(at, size);
	memory_land_all(model->self); /* whoever frees has synchronized with who gets it next */
	MODEL_CHECK(at >= arenas && at + size <= arenas + ARENA_BYTES);
	MODEL_CHECK(*mark == SHADOW_LIVE);
	if (model->weak && in_fiber()) {
		check_over(memory, size);
		plain_write(memory, size);
	}
	memset(mark, SHADOW_FREED, (size + MODEL_GRAIN - 1) / MODEL_GRAIN);
}

/* Before the access of the running fiber. Its cell; NULL: no fiber runs. */
static inline struct model_cell *before(const struct model_site *site, const void *at, size_t size,
					bool writes, bool lands)
{
	struct model_cell *cell;

	check_live(at);
	if (!in_fiber())
		return NULL;
	sites_reach(site);
	cell = memory_cell(at);
	note(cell, writes);
	/* What waits in its buffer lands with this access: others may come before that. */
	if (cell->point || (lands && model->fibers[model->self].buffered)) {
		schedule_point();
		check_live(at); /* others ran */
	}
	if (model->weak) {
		check_born(at);
		weak_touch(cell_number(at));
		plain_read_atomic(at, size);
	}
	return cell;
}

/* Whether weak.c knows what is there. */
static inline bool has_history(const struct model_cell *cell)
{
	return cell && cell->point && model->weak;
}

/* ---- values ---- */

static inline uint64_t read_raw(const void *at, size_t size)
{
	switch (size) {
	case 1:
		return *(const uint8_t *)at;
	case 2:
		return *(const uint16_t *)at;
	case 4:
		return *(const uint32_t *)at;
	default:
		return *(const uint64_t *)at;
	}
}

static inline void write_raw(void *at, uint64_t value, size_t size)
{
	const uint64_t was = read_raw(at, size);

	memcpy(at, &value, size);
	if (read_raw(at, size) != was) {
		model->version++;
		model->spins = 0;
	}
}

static uint64_t look(const void *at, size_t size)
{
	const struct model_fiber *fiber = &model->fibers[model->self];

	for (uint32_t i = fiber->buffered; i-- > 0;)
		if (fiber->buffer[i].at == at)
			return fiber->buffer[i].value;
	return read_raw(at, size);
}

static void land_first(uint32_t number)
{
	struct model_fiber *fiber = &model->fibers[number];
	const struct model_pending first = fiber->buffer[0];

	check_live(first.at);
	fiber->buffered--;
	memmove(&fiber->buffer[0], &fiber->buffer[1], fiber->buffered * sizeof(first));
	write_raw(first.at, first.value, first.size);
	if (model->trace)
		report_landing(number, first.at, first.value);
}

/* ... and those behind it that nobody else looks at: when they land makes no difference. */
void memory_land(uint32_t number)
{
	struct model_fiber *fiber = &model->fibers[number];

	do
		land_first(number);
	while (fiber->buffered && !memory_cell(fiber->buffer[0].at)->point);
}

void memory_land_all(uint32_t number)
{
	while (model->fibers[number].buffered)
		memory_land(number);
}

/* ---- accesses ---- */

static inline void report(const struct model_site *site, const char *what, const void *at,
			  uint64_t found, uint64_t now)
{
	if (model->trace && in_fiber())
		report_access(site, what, at, found, now);
}

/*
 * Most loads: this fiber has read the cell before, and it is no point: then there is nothing to be
 * decided or noted. In an execution by the thread that runs scenarios there never is.
 */
static inline bool is_quiet(const void *at)
{
	const struct model_cell *cell;

	check_live(at);
	if (!in_fiber())
		return true;
	cell = &cells[cell_number(at)];
	return !cell->point && cell->readers & (1u << model->self) &&
	       !model->fibers[model->self].buffered && !model->weak && !model->trace &&
	       !model->reach;
}

void model_load(struct model_site *site, const void *at, void *value, size_t size)
{
	const struct model_cell *cell;
	uint64_t word;

	if (is_quiet(at)) {
		word = read_raw(at, size);
		memcpy(value, &word, size);
		return;
	}
	cell = before(site, at, size, false, false);
	if (has_history(cell))
		word = weak_load(at, size, site->now);
	else
		word = model->fibers[model->self].buffered ? look(at, size) : read_raw(at, size);
	memcpy(value, &word, size);
	report(site, "load", at, word, word);
}

static uint32_t buffer_room(void)
{
	const uint32_t asked = model->scenario->stores;

	return asked ? asked : MODEL_BUFFER_USUAL;
}

void model_store(struct model_site *site, void *at, const void *value, size_t size)
{
	struct model_fiber *fiber = &model->fibers[model->self];
	const struct model_cell *cell = before(site, at, size, true, false);
	const uint64_t word = read_raw(value, size);

	if (model->weak && cell)
		weak_check_plain(at);
	report(site, "store", at, read_raw(at, size), word);
	if (has_history(cell))
		weak_store(at, word, size, site->now);
	if (!model->tso || !cell || (!fiber->buffered && !cell->point)) {
		write_raw(at, word, size);
		return;
	}
	if (fiber->buffered == buffer_room())
		memory_land(model->self);
	fiber->buffer[fiber->buffered++] = (struct model_pending){ at, word, (uint32_t)size };
}

/* The second half of a read-modify-write. */
static void change(const struct model_site *site, const struct model_cell *cell, void *at,
		   uint64_t value, size_t size)
{
	if (model->weak && cell)
		weak_check_plain(at);
	if (has_history(cell))
		weak_exchange(at, value, size, site->now);
	write_raw(at, value, size);
}

bool model_cas(struct model_site *site, void *at, void *expected, const void *value, size_t size)
{
	const struct model_cell *cell = before(site, at, size, true, true);
	const uint64_t wanted = read_raw(expected, size), word = read_raw(value, size);
	uint64_t found;

	memory_land_all(model->self);
	found = has_history(cell) ? weak_find(at, wanted, size, site->now) : read_raw(at, size);
	report(site, found == wanted ? "cas" : "cas failed", at, found, word);
	if (found != wanted) {
		memcpy(expected, &found, size);
		return false;
	}
	change(site, cell, at, word, size);
	return true;
}

uint64_t model_exchange(struct model_site *site, void *at, uint64_t value, size_t size)
{
	const struct model_cell *cell = before(site, at, size, true, true);
	uint64_t found;

	memory_land_all(model->self);
	found = read_raw(at, size);
	report(site, "exchange", at, found, value);
	change(site, cell, at, value, size);
	return found;
}

uint64_t model_add(struct model_site *site, void *at, uint64_t value, size_t size)
{
	const struct model_cell *cell = before(site, at, size, true, true);
	uint64_t found, sum;

	memory_land_all(model->self);
	found = read_raw(at, size);
	sum = found + value;
	sum = read_raw(&sum, size);
	report(site, "add", at, found, sum);
	change(site, cell, at, sum, size);
	return found;
}

/* ---- fences ---- */

void memory_fence(void)
{
	if (model->fibers[model->self].buffered)
		schedule_point();
	memory_land_all(model->self);
	if (model->weak && in_fiber())
		weak_fence();
}

void model_fence(struct model_site *site)
{
	if (in_fiber())
		sites_reach(site);
	if (!(site->now & MODEL_SEQ_CST))
		return;
	if (site->kind != MODEL_FENCE_LIGHT_)
		memory_fence();
	else if (model->weak && in_fiber())
		weak_fence_light();
}

void model_fence_heavy(struct model_site *site)
{
	if (in_fiber())
		sites_reach(site);
	heavy[model->self] = site;
}

void memory_barrier(void)
{
	const struct model_site *site = heavy[model->self];

	if (site && !(site->now & MODEL_SEQ_CST))
		return;
	for (uint32_t i = 0; i < MODEL_THREADS; i++)
		memory_land_all(i);
	if (model->weak && in_fiber())
		weak_fence_heavy();
}

void memory_hand_over(const void *object)
{
	memory_land_all(model->self);
	if (model->weak && in_fiber())
		weak_hand_over(object);
}

void memory_acquire(const void *object)
{
	if (model->weak && in_fiber())
		weak_acquire(object);
}
