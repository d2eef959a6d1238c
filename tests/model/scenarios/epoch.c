/* SPDX-License-Identifier: MIT */
/*
 * epoch.c - reclamation by itself: objects that are really freed.
 *
 *	reader: enter -> load the cell -> read the object -> exit
 *	writer: put another object into the cell -> retire the old one -> poll
 *
 * The checker sees each access to freed memory. What is freed is spoiled first, so that reading an
 * object meets its end wherever that may come. Oracle besides: all that was retired is freed, once,
 * as soon as nobody reads.
 */
#include <errno.h>
#include <stddef.h>

#include "epoch/epoch.h"
#include "epoch/native.h"
#include "epoch/record.h"
#include "platform/memory.h"
#include "tests/model/scenarios/scenarios.h"
#include "tests/model/scenarios/world.h"

enum { CELLS = 2, ALIVE = 7 };

struct thing {
	struct pendi_epoch_node node;
	_Atomic uint64_t value;
};

static struct {
	_Atomic(struct thing *) cells[CELLS];
	uint32_t retired, freed;
	const struct thing *last; /* that was retired */
	uint32_t begun, ended;    /* sections of the one that is reported */
} at;

static void reclaim(struct pendi_epoch_node *node)
{
	struct thing *thing = (struct thing *)(void *)node;

	/* relaxed: it is nobody else's any more; that is what is checked. */
	MODEL_CHECK(pendi_load_relaxed(&thing->value) == ALIVE);
	pendi_store_relaxed(&thing->value, 0);
	at.freed++;
	model_plain_write(&thing->node);
	model_plain_write(&thing->value);
	pendi_memory_release(&pendi_memory_default, thing, sizeof(*thing));
}

static struct thing *make_thing(void)
{
	struct thing *thing = pendi_memory_allocate(&pendi_memory_default, sizeof(*thing), 16);

	MODEL_CHECK(thing);
	/* relaxed: MD1 publishes it. */
	pendi_store_relaxed(&thing->value, ALIVE);
	thing->node.reclaim = reclaim;
	return thing;
}

static void make(void)
{
	for (uint32_t i = 0; i < CELLS; i++)
		/* [MD1.rel] Pairs with [MD1.acq] in unlink_thing() and read_cell(). */
		pendi_store_release(&at.cells[i], make_thing(), MD1);
}

static void make_portable(void)
{
	MODEL_CHECK(pendi_epoch_fence_select(PENDI_EPOCH_FENCE_PORTABLE) == 0);
	make();
}

/* Epochs come round with the first advance. */
static void make_at_the_wrap(void)
{
	/* relaxed: nobody reads, nothing is retired. */
	pendi_store_relaxed(&pendi_native.epoch, UINT32_MAX);
	make();
}

static struct thing *unlink_thing(uint32_t cell)
{
	/* [MD1.acq] Pairs with [MD1.rel] in make(). */
	return pendi_exchange_acquire(&at.cells[cell], NULL, MD1);
}

static void retire(uint32_t cell)
{
	struct thing *thing = unlink_thing(cell);

	if (!thing)
		return;
	at.retired++;
	at.last = thing;
	model_plain_write(&thing->node);
	pendi_epoch_retire(&thing->node);
}

static void read_cell(uint32_t cell)
{
	/* [MD1.acq] Pairs with [MD1.rel] in make(): the object as it was made. */
	struct thing *thing = pendi_load_acquire(&at.cells[cell], MD1);

	if (!thing)
		return;
	model_plain_read(&thing->value);
	/* relaxed: MD1 orders it. */
	MODEL_CHECK(pendi_load_relaxed(&thing->value) == ALIVE);
}

static void read(uint32_t cell)
{
	MODEL_CHECK(pendi_epoch_enter() == 0);
	read_cell(cell);
	pendi_epoch_exit();
}

static void all_freed(void)
{
	(void)pendi_epoch_poll();
	MODEL_CHECK(at.freed == at.retired && pendi_epoch_limbo() == 0);
}

static void read_or_retire(uint32_t number)
{
	if (number == 0) {
		read(0);
	} else {
		retire(0);
		(void)pendi_epoch_poll();
	}
}

static void two_read_or_retire(uint32_t number)
{
	read_or_retire(number < 2 ? 0 : 1);
}

/* The word of a reader's next section stands for the end of the last one too (EP2). */
static void read_and_come_again(uint32_t number)
{
	read_or_retire(number);
	if (number == 0)
		read(1);
}

/* The second section of a reader begins while the writer still looks at the first. */
static void read_twice_or_retire(uint32_t number)
{
	if (number == 0)
		read(1);
	read_or_retire(number);
}

static void read_or_two_retire(uint32_t number)
{
	if (number == 0) {
		read(0);
		return;
	}
	retire(number - 1);
	if (number == 1)
		(void)pendi_epoch_poll();
}

static void read_or_synchronize(uint32_t number)
{
	struct thing *thing;

	if (number == 0) {
		read(0);
		return;
	}
	thing = unlink_thing(0);
	MODEL_CHECK(pendi_epoch_synchronize() == 0);
	at.retired++;
	reclaim(&thing->node);
}

/* Whoever runs the functions: a barrier returns when they have run. */
static void barrier_or_poll(uint32_t number)
{
	if (number) {
		(void)pendi_epoch_poll();
		return;
	}
	retire(0);
	MODEL_CHECK(pendi_epoch_barrier() == 0);
	MODEL_CHECK(at.freed == 1);
	model_plain_read(&at.last->node);
}

static void read_or_select(uint32_t number)
{
	if (number == 0) {
		read(0);
	} else if (number == 1) {
		retire(0);
		(void)pendi_epoch_poll();
	} else {
		const int result = pendi_epoch_fence_select(PENDI_EPOCH_FENCE_PORTABLE);

		MODEL_CHECK(result == 0 || result == -EBUSY);
	}
}

static void read_or_select_back(uint32_t number)
{
	if (number < 2) {
		read_or_select(number);
	} else {
		const int result = pendi_epoch_fence_select(PENDI_EPOCH_FENCE_ASYMMETRIC);

		MODEL_CHECK(result == 0 || result == -EBUSY);
	}
}

/* E: a reader that stops holds up what it may see, and nobody. */
static void held_up_at_most(void)
{
	if (!model_is_frozen(0)) {
		all_freed();
		return;
	}
	(void)pendi_epoch_poll();
	MODEL_CHECK(at.freed + pendi_epoch_limbo() == at.retired);
}

/* What a thread has retired is freed by another, after it has ended; its record is used again. */
static void end_thread(void)
{
	struct pendi_thread_record *record = &pendi_thread_records[pendi_thread_self];

	pendi_epoch_thread_end(record);
	pendi_thread_self = 0;
	/* [TR1.rel] Pairs with [TR1.acq] in claim(): as the end of a thread does it. */
	pendi_store_release(&record->owner, 0, TR1);
}

static void end_or_begin(uint32_t number)
{
	if (number == 0) {
		retire(0);
		MODEL_CHECK(pendi_epoch_enter() == 0); /* it ends inside */
		end_thread();
	} else {
		if (number == 2)
			end_thread(); /* and begins anew */
		else
			(void)pendi_epoch_poll();
		read(1);
	}
}

/* A reader is reported as stalled only if one section was open from one report to the next. */
static void report_or_read(uint32_t number)
{
	struct pendi_epoch_stall stalls[2];
	uint32_t begun, ended, found;

	if (number == 0) {
		for (uint32_t i = 0; i < 2; i++) {
			at.begun++;
			read(0);
			at.ended++;
		}
		return;
	}
	(void)pendi_epoch_stalled(MS, stalls, 2);
	begun = at.begun;
	model_advance(2 * MS);
	model_yield(); /* the reader may come again */
	ended = at.ended;
	found = pendi_epoch_stalled(MS, stalls, 2);
	if (!model_is_weak()) /* there a word may be read late, both times */
		MODEL_CHECK(found <= (begun > ended));
}

static const struct model_scenario scenarios[] = {
	{ .name = "epoch: a reader and a writer",
	  .shows = "E EP1 EP2 EP3",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = make,
	  .thread = read_or_retire,
	  .end = all_freed },
	{ .name = "epoch: the same, no membarrier",
	  .shows = "EP1 EP2 EP3",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = make_portable,
	  .thread = read_or_retire,
	  .end = all_freed },
	{ .name = "epoch: epochs come round",
	  .shows = "EP3",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = make_at_the_wrap,
	  .thread = read_or_retire,
	  .end = all_freed },
	{ .name = "epoch: two readers and a writer",
	  .shows = "EP1 EP2",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = make,
	  .thread = two_read_or_retire,
	  .end = all_freed },
	{ .name = "epoch: a reader that comes again",
	  .shows = "EP1 EP2",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = make,
	  .thread = read_twice_or_retire,
	  .end = all_freed },
	{ .name = "epoch: a reader that has come again",
	  .shows = "EP2",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = make,
	  .thread = read_and_come_again,
	  .end = all_freed },
	{ .name = "epoch: a reader and two writers",
	  .shows = "EP3 EP4",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = make,
	  .thread = read_or_two_retire,
	  .end = all_freed },
	{ .name = "epoch: a reader and who waits for it",
	  .shows = "EP1 EP2",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = make,
	  .thread = read_or_synchronize,
	  .end = all_freed },
	{ .name = "epoch: a barrier and who polls",
	  .shows = "EP5 EP6",
	  .threads = 2,
	  .bound = 3,
	  .begin = make,
	  .thread = barrier_or_poll,
	  .end = all_freed },
	{ .name = "epoch: the fence is made portable",
	  .shows = "EP1 EP8",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = make,
	  .thread = read_or_select,
	  .end = all_freed },
	{ .name = "epoch: the fence is made asymmetric",
	  .shows = "EP1 EP8",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = make_portable,
	  .thread = read_or_select_back,
	  .end = all_freed },
	{ .name = "epoch: a reader stops anywhere",
	  .shows = "E",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = make,
	  .thread = read_or_retire,
	  .end = held_up_at_most,
	  .freezes = 1 },
	{ .name = "epoch: a thread ends, inside, and one polls",
	  .shows = "E TR1 EP2",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = make,
	  .thread = end_or_begin,
	  .end = all_freed },
	{ .name = "epoch: a thread ends, one takes its number",
	  .shows = "E TR1 EP2",
	  .threads = 3,
	  .bound = 3,
	  .begin = make,
	  .thread = end_or_begin,
	  .end = all_freed },
	{ .name = "epoch: a report and a young reader",
	  .shows = "EP7",
	  .threads = 2,
	  .bound = 4,
	  .begin = make,
	  .thread = report_or_read,
	  .end = all_freed },
};

const struct model_group model_epoch = { "epoch", scenarios,
					 sizeof(scenarios) / sizeof(scenarios[0]) };
