/* SPDX-License-Identifier: MIT */
/*
 * deadline.c - deadlines of a map's operations: when a slot is looked at, and what is done then.
 *
 *	          pend: first use, or short life           look: idle
 *	timed:  OUT ---------------------------> IN -----------------------> LEAVING
 *	         ^                               ^                              |   |
 *	         |                               +--- pend: arms, as for OUT ---+   |
 *	         +-------- a heavy fence after LEAVING was seen, and still idle ----+
 *
 * The slot has the truth: its word and its deadline. The agenda (engine/deadline) only says when to
 * look at the slot. A slot in it is looked at every `revisit` at least, whatever it holds; so an
 * operation that lives longer than that needs nothing armed if its slot is IN, which is what a
 * pend of the map's default deadline finds in every slot that was used lately. That is why pending
 * costs no read-modify-write for its deadline. Shorter lives arm the agenda themselves.
 *
 * A look at a slot
 *	live and overdue    decides it: PEND_ORIGIN_DEADLINE
 *	decided, continued  has it served, in case whoever should send the hint did not or could not
 *	being armed         comes back with the next tick
 *	free                twice, and then again: the slot leaves the agenda, so that an idle map
 *	                    sleeps
 *
 * Why no look is lost.
 *	1. IN is stored only by who owns the slot while it is being armed, after it armed the agenda,
 *	   and before the operation is published. Nobody else can store it late.
 *	2. Only a look that sees the slot free takes it out of the agenda, against the version of the
 *	   leaf that it read before; so it fails if the slot was armed meanwhile (agenda.h).
 *	3. It does so only if the slot is OUT. OUT is set only by who saw the slot LEAVING, then made
 *	   every CPU execute a fence, and then found it free still. A pender makes the word ARMING and
 *	   then reads `timed` (DL3, a light fence): so either that reads LEAVING, and it arms, or its
 *	   ARMING was seen.
 * Looks may be made by several threads at once, and each may stop anywhere.
 *
 * Time is that of CLOCK_MONOTONIC. What the machine slept since an operation was pended is taken
 * off its deadline: an operation that slept too is stale (OP-38). A deadline that is set later has
 * what was slept until then added, so that it counts from when it was set.
 *
 * Guarantee C. Edges: DL1 (agenda.h), DL3, SL1, SL2. Progress: lock-free.
 */
#include <string.h>

#include "engine/map/map_internal.h"
#include "platform/clock.h"
#include "platform/membarrier.h"
#include "platform/memory.h"

#define CANDIDATES 512u
/* So many that leave are worth a heavy fence at once; fewer wait a while for company. */
#define CANDIDATES_ENOUGH 64u

/* What one pass over a part of the agenda knows. */
struct pass {
	struct pend_map *map;
	struct pendi_part *part;
	const struct pendi_now *now;
	uint32_t shard;
	uint32_t soon;  /* the next tick */
	uint32_t later; /* the tick of the next revisit */
	uint32_t count; /* of slots that were seen LEAVING, and free */
	uint32_t slots[CANDIDATES];
	uint16_t marks[CANDIDATES]; /* what their `timed` read */
};

static uint32_t part_of_slot(const struct pend_map *map, uint32_t slot)
{
	return (uint32_t)((((uint64_t)slot + 1) * map->shards - 1) / map->recycler.slab.count);
}

/* The tick of the look that finds something due at @due_ns over, no sooner than now and no later
 * than the next revisit. Ticks wrap, so times are compared before they become ticks. */
static uint32_t look_tick(const struct pend_map *map, uint64_t due_ns, uint64_t now_ns)
{
	if (due_ns > now_ns + map->revisit_ns)
		due_ns = now_ns + map->revisit_ns;
	return pendi_engine_tick(map->engine, due_ns > now_ns ? due_ns : now_ns);
}

void pendi_map_look_by(struct pend_map *map, uint32_t slot, uint64_t due_ns)
{
	const uint32_t shard = part_of_slot(map, slot);
	const uint32_t tick = look_tick(map, due_ns, pendi_clock_mono_ns());

	pendi_agenda_arm(&map->parts[shard].agenda, slot - map->parts[shard].first, tick);
	pendi_tally_add(&map->tally, PENDI_COUNT_ARMS, 1);
	pendi_engine_expect(&map->client, shard, tick);
}

/* The slot was seen free. Returns the tick of its next look. */
static uint32_t look_at_free(struct pass *pass, uint32_t slot)
{
	struct pendi_slot *at = pendi_map_slot(pass->map, slot);
	/* relaxed: OUT was set by who knew (3 above), and what it allows is checked by version. */
	uint16_t timed = pendi_load_relaxed(&at->timed);

	if (timed == PENDI_TIMED_OUT)
		return PENDI_TICK_NEVER;
	if (timed == PENDI_TIMED_IN) {
		/* relaxed, both: the number tells one leaving from another; the fence that matters
		 * is let_leave()'s. */
		const uint32_t number = pendi_fetch_add_relaxed(&pass->part->leavings, 1);
		const uint32_t mark = PENDI_TIMED_LEAVING + number % PENDI_TIMED_MARKS;

		(void)pendi_cas_relaxed(&at->timed, &timed, (uint16_t)mark);
	} else if (pass->count < CANDIDATES) {
		pass->slots[pass->count] = slot;
		pass->marks[pass->count++] = timed;
	}
	return pass->later;
}

/* The heavy half of DL3, and then the slots that are still free are OUT. */
static void let_leave(struct pass *pass)
{
	struct pendi_part *part = pass->part;
	const uint64_t now_ns = pass->now->now_ns;

	/* relaxed, both: several may do this at once; then there is a fence too many. */
	if (!pass->count ||
	    (pass->count < CANDIDATES_ENOUGH &&
	     now_ns - pendi_load_relaxed(&part->left_ns) < pass->map->revisit_ns / 4))
		return;
	pendi_store_relaxed(&part->left_ns, now_ns);
	/* [DL3.sc] Pairs with [DL3.sc] in cover(). */
	if (!pass->map->light)
		pendi_fence_store_load(DL3);
	else if (pendi_membarrier())
		return; /* not now: they stay in for longer */
	for (uint32_t i = 0; i < pass->count; i++) {
		struct pendi_slot *at = pendi_map_slot(pass->map, pass->slots[i]);
		uint16_t mark = pass->marks[i];
		/* relaxed, both: the fence above orders them. */
		const uint64_t word = pendi_load_relaxed(&at->word);

		if (pendi_word_state(word) == PENDI_SLOT_FREE)
			(void)pendi_cas_relaxed(&at->timed, &mark, PENDI_TIMED_OUT);
	}
}

/* How long the machine slept since the operation in the slot was pended. */
static uint64_t slept_since_pend(const struct pend_map *map, const struct pendi_slot *at)
{
	/* [SL2.acq] Pairs with [SL2.rel] in fill_operation(). */
	const uint64_t pended_ns = pendi_load_acquire(&at->pended_ns, SL2);

	return map->engine ? pendi_engine_suspended(map->engine, pended_ns) : 0;
}

/* When the operation that @word and @due name is over, or PEND_DEADLINE_NONE. */
static uint64_t effective_due(const struct pend_map *map, const struct pendi_slot *at, uint64_t due)
{
	const uint64_t due_ns = pendi_due_ns(due);
	const uint64_t slept = slept_since_pend(map, at);

	if (due_ns == PEND_DEADLINE_NONE)
		return due_ns;
	return slept < due_ns ? due_ns - slept : 0;
}

/*
 * Marks the deadline @due as passed, so that nobody moves it while the operation is decided. False:
 * it was moved meanwhile, or belongs to another operation; @due is what it is now.
 */
static bool pass_due(struct pendi_slot *at, uint64_t *due)
{
	/* [SL2.rel] [SL2.acq] Pairs with [SL2.acq] and [SL2.rel] in move_due(). */
	return *due & PENDI_DUE_PASSED ||
	       pendi_cas_acq_rel(&at->due, due, *due | PENDI_DUE_PASSED, SL2, SL2);
}

static void expire(const struct pass *pass, uint32_t slot, uint64_t word)
{
	struct pend_map *map = pass->map;
	const struct pendi_decision decision = { map->flags & PEND_MAP_DEADLINE_PERMITS
							 ? PEND_ACTION_PERMIT_SOFT
							 : PEND_ACTION_BLOCK,
						 PEND_ORIGIN_DEADLINE, 0 };
	struct pendi_step step;

	(void)pendi_map_decide(map, pendi_handle_make(word, slot), &decision, &step);
	pendi_map_serve_from(map, slot, pass->shard);
}

/* The slot holds a live operation. Returns the tick of its next look. */
static uint32_t look_at_live(const struct pass *pass, uint32_t slot, uint64_t word)
{
	struct pend_map *map = pass->map;
	struct pendi_slot *at = pendi_map_slot(map, slot);
	/* [SL2.acq] Pairs with [SL2.rel] in fill_operation() and in move_due(). */
	uint64_t due = pendi_load_acquire(&at->due, SL2), due_ns;

	do {
		due_ns = effective_due(map, at, due);
		if (!pendi_due_is_of(due, word) || due_ns == PEND_DEADLINE_NONE)
			return pass->later;
		if (due_ns > pass->now->now_ns)
			return look_tick(map, due_ns, pass->now->now_ns);
	} while (!pass_due(at, &due));
	expire(pass, slot, word);
	return pass->later;
}

static uint32_t look_at_slot(void *context, uint32_t index, uint32_t horizon)
{
	struct pass *pass = context;
	struct pend_map *map = pass->map;
	const uint32_t slot = pass->part->first + index;
	/* [SL1.acq] Pairs with [SL1.rel] in pendi_slot_publish(). */
	const uint64_t word = pendi_load_acquire(&pendi_map_slot(map, slot)->word, SL1);
	uint32_t tick;

	(void)horizon;
	switch (pendi_word_state(word)) {
	case PENDI_SLOT_PENDING:
		return look_at_live(pass, slot, word);
	case PENDI_SLOT_RERUN:
		tick = look_at_live(pass, slot, word);
		pendi_map_serve_from(map, slot, pass->shard); /* not over: its program runs */
		return tick;
	case PENDI_SLOT_COMPLETING:
		pendi_map_serve_from(map, slot, pass->shard);
		return pass->later;
	case PENDI_SLOT_FREE:
		return look_at_free(pass, slot);
	default:
		return pass->soon;
	}
}

/* The line of the slot that every look reads; most looks at one that is overdue write it too. */
static void fetch_slot(void *context, uint32_t index)
{
	const struct pass *pass = context;

	pendi_prefetch_write(pendi_map_slot(pass->map, pass->part->first + index));
}

uint32_t pendi_map_pass(struct pendi_client *client, uint32_t shard, const struct pendi_now *now,
			uint32_t budget)
{
	struct pend_map *map = PENDI_CONTAINER_OF(client, struct pend_map, client);
	struct pass pass;
	uint32_t looks;

	pass.map = map;
	pass.part = &map->parts[shard];
	pass.now = now;
	pass.shard = shard;
	pass.soon =
		pendi_engine_tick(map->engine, now->now_ns + pendi_engine_tick_length(map->engine));
	pass.later = look_tick(map, PEND_DEADLINE_NONE, now->now_ns);
	pass.count = 0;
	looks = pendi_agenda_pass_fetching(&pass.part->agenda, now->tick, budget, look_at_slot,
					   fetch_slot, &pass);
	let_leave(&pass);
	return looks;
}

uint32_t pendi_map_next(struct pendi_client *client, uint32_t shard)
{
	const struct pend_map *map = PENDI_CONTAINER_OF(client, struct pend_map, client);
	const struct pendi_part *part = &map->parts[shard];

	return part->count ? pendi_agenda_next(&part->agenda) : PENDI_TICK_NEVER;
}

/* The latest deadline that the operation can have. */
static uint64_t lifetime_end(const struct pend_map *map, const struct pendi_slot *at)
{
	/* [SL2.acq] Pairs with [SL2.rel] in fill_operation(). */
	const uint64_t pended_ns = pendi_load_acquire(&at->pended_ns, SL2);

	return map->lifetime_ns == PEND_DEADLINE_NONE ? PEND_DEADLINE_NONE
						      : pended_ns + map->lifetime_ns;
}

/*
 * Moves the deadline of the operation of @word's generation to @due_ns. -ENOENT if the slot has
 * another operation by now, -EALREADY if the deadline has passed: it tells both itself (due.h).
 */
static int move_due(struct pend_map *map, uint32_t slot, uint64_t word, uint64_t due_ns)
{
	struct pendi_slot *at = pendi_map_slot(map, slot);
	const uint64_t due_after = pendi_due_make(due_ns, word);
	/* [SL2.acq] Pairs with [SL2.rel] in fill_operation() and below. */
	uint64_t due = pendi_load_acquire(&at->due, SL2);

	do {
		if (!pendi_due_is_of(due, word))
			return -ENOENT;
		if (due & PENDI_DUE_PASSED)
			return -EALREADY;
		/* [SL2.rel] Pairs with [SL2.acq] in look_at_live(). */
	} while (!pendi_cas_acq_rel(&at->due, &due, due_after, SL2, SL2));
	if (map->engine)
		pendi_map_look_by(map, slot, effective_due(map, at, due_after));
	return 0;
}

void pendi_map_renew(struct pend_map *map, uint32_t slot, uint64_t word)
{
	struct pendi_slot *at = pendi_map_slot(map, slot);
	/* [SL2.acq] Pairs with [SL2.rel] in move_due(). */
	const uint64_t old_ns = pendi_due_ns(pendi_load_acquire(&at->due, SL2));
	const uint64_t end_ns = lifetime_end(map, at);
	uint64_t due_ns = PEND_DEADLINE_NONE;

	if (map->deadline_ns != PEND_DEADLINE_NONE)
		due_ns = pendi_clock_coarse_ns() + slept_since_pend(map, at) + map->deadline_ns;
	due_ns = due_ns < end_ns ? due_ns : end_ns;
	/* A new cycle never ends sooner than the old one would have. */
	if (due_ns > old_ns)
		(void)move_due(map, slot, word, due_ns);
}

/* 0 and the word of the live operation that @handle names, or what is wrong. */
static int find_live(const struct pend_map *map, uint64_t handle, uint64_t *word)
{
	const uint32_t slot = pendi_handle_slot(handle);

	if (slot >= map->recycler.slab.count)
		return -ENOENT;
	/* [SL1.acq] Pairs with [SL1.rel] in pendi_slot_publish(). */
	*word = pendi_load_acquire(&pendi_map_slot(map, slot)->word, SL1);
	if (!pendi_word_same_generation(*word, handle))
		return -ENOENT;
	if (pendi_word_is_live(*word))
		return pendi_word_verdict(*word) ? -EALREADY : 0;
	return pendi_word_state(*word) == PENDI_SLOT_COMPLETING ? -EALREADY : -ENOENT;
}

int pend_map_extend(struct pend_map *map, uint64_t handle, uint64_t deadline_ns)
{
	const uint32_t slot = pendi_handle_slot(handle);
	const struct pendi_slot *at;
	uint64_t word, due_ns, end_ns;
	int error = pendi_map_check(map);

	if (error)
		return error;
	if (deadline_ns != PEND_DEADLINE_NONE &&
	    (deadline_ns < PEND_DEADLINE_MIN_NS || deadline_ns > PEND_DEADLINE_MAX_NS))
		return -ERANGE;
	error = find_live(map, handle, &word);
	if (error)
		return error;
	at = pendi_map_slot(map, slot);
	end_ns = lifetime_end(map, at);
	due_ns = deadline_ns == PEND_DEADLINE_NONE
			 ? deadline_ns
			 : pendi_clock_coarse_ns() + slept_since_pend(map, at) + deadline_ns;
	if (due_ns > end_ns)
		return -ERANGE;
	error = move_due(map, slot, word, due_ns);
	if (!error)
		pendi_tally_add(&map->tally, PENDI_COUNT_EXTENDS, 1);
	return error;
}

int pend_map_hold(struct pend_map *map, uint64_t handle)
{
	const uint32_t slot = pendi_handle_slot(handle);
	uint64_t word, end_ns, due_ns;
	int error = pendi_map_check(map);

	if (!error)
		error = find_live(map, handle, &word);
	if (error)
		return error;
	end_ns = lifetime_end(map, pendi_map_slot(map, slot));
	/* [SL2.acq] Pairs with [SL2.rel] in fill_operation(). It may be later: who pended asked. */
	due_ns = pendi_due_ns(pendi_load_acquire(&pendi_map_slot(map, slot)->due, SL2));
	error = move_due(map, slot, word, due_ns > end_ns ? due_ns : end_ns);
	if (!error)
		pendi_tally_add(&map->tally, PENDI_COUNT_EXTENDS, 1);
	return error;
}

static int init_part(struct pend_map *map, uint32_t shard)
{
	struct pendi_part *part = &map->parts[shard];
	const uint64_t slots = map->recycler.slab.count;

	part->first = (uint32_t)(slots * shard / map->shards);
	part->count = (uint32_t)(slots * (shard + 1) / map->shards) - part->first;
	return part->count ? pendi_agenda_init(&part->agenda, part->count, &map->allocator) : 0;
}

int pendi_map_parts_init(struct pend_map *map)
{
	int error = 0;

	map->shards = pendi_engine_shards(map->engine);
	map->parts = pendi_memory_allocate(&map->allocator, map->shards * sizeof(*map->parts),
					   _Alignof(struct pendi_part));
	if (!map->parts)
		return -ENOMEM;
	for (uint32_t shard = 0; shard < map->shards && !error; shard++)
		error = init_part(map, shard);
	if (error)
		pendi_map_parts_fini(map);
	return error;
}

void pendi_map_parts_fini(struct pend_map *map)
{
	for (uint32_t shard = 0; shard < map->shards; shard++)
		if (map->parts[shard].agenda.bytes)
			pendi_agenda_fini(&map->parts[shard].agenda, &map->allocator);
	pendi_memory_release(&map->allocator, map->parts, map->shards * sizeof(*map->parts));
	map->parts = NULL;
}

size_t pendi_map_parts_bytes(const struct pend_map *map)
{
	size_t bytes = map->shards * sizeof(*map->parts);

	for (uint32_t shard = 0; shard < map->shards; shard++)
		bytes += map->parts[shard].agenda.bytes;
	return bytes;
}
