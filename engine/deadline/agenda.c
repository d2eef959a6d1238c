/* SPDX-License-Identifier: MIT */
/*
 * agenda.c - a tree of ticks in which nobody can hide a slot, wherever he stops.
 *
 *	arm:   leaf, parent, .., root      each: (v, t) -> (v + 1, the earlier of t and the tick)
 *	pass:  down into what is due; at a leaf (v, t): look, then (v, t) -> (v + 1, next look);
 *	       on the way back up, each parent: read (v, t), read its eight children,
 *	       (v, t) -> (v + 1, the earliest of them)
 *
 * All of these are compare-and-swaps of a whole node, and every one moves the version.
 *
 * Why nothing is lost. An arming A of slot s at tick t moves the nodes c0 (the leaf), c1, .. up to
 * the root, one after the other. Claim: from the moment A moved ck, ck stays at t or earlier, until
 * a look at s that comes after A (it read c0 as A left it, or newer) has moved c0. For c0: only a
 * look moves a leaf to a later tick, and if it read the leaf before A moved it, its
 * compare-and-swap fails. For ck: only a raise makes it later. If the raise read ck before A
 * moved it, it fails. If after, it read the children after A had moved c(k-1) (DL2), and by
 * induction found t or earlier there. That is all, whatever else goes on: the raise may be one of
 * many, and may have stopped for hours between its reads and its compare-and-swap. And it is why an
 * arming may not end early where it finds an early tick: that tick may be about to be raised by
 * somebody who read the children before, or may be the work of another arming that stopped before
 * it came to the node above.
 *
 * When such a look says n and moves the leaf, ck is from then on, by the same argument, at n or
 * earlier, or at t if that is later than n. That happens where the look was early because of another
 * arming that has not come to ck: slot due at 9; an arming at 3 stops behind the leaf; a look at 3
 * says 5. If the looker stops there too, the slot is looked at at 9; but the arming has not
 * returned, and nobody relies on it. If the looker goes on, its raises put 5 in every node above,
 * each with a version of its own, so that 5 holds when its pass returns. That is why a raise moves
 * the version even if the tick is right, and is not given up on a node that is too late.
 *
 * Who stops in arm() keeps from the agenda what he was about to arm, and nothing else. Who stops in
 * pass() keeps nothing from it.
 *
 * Versions have 32 bits. A compare-and-swap goes wrong if its thread sleeps while the node moves
 * exactly 2^32 times (or a multiple) and comes back to the same tick, at or before the sleeper's
 * `now` where a look or a raise to a later tick is at stake. Ticks before now are left behind as
 * passes go on, so those 2^32 moves would have to happen within about one tick.
 *
 * Budget and fairness. A pass of which something is left over notes where it stopped, and the next
 * one begins there and comes round: slots that are due again at once cannot starve those behind
 * them. The note is a hint: lost or stale, it costs order, not looks.
 *
 * A node that is too early (an arming overtook a raise, a raise was given up) costs one visit: who
 * walks into a node raises it on his way back, whether he found something or not.
 */
#include "engine/deadline/agenda.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "platform/memory.h"

enum {
	AGENDA_FAN_BITS = 3,
	AGENDA_FAN = 1 << AGENDA_FAN_BITS, /* nodes of a cache line, children of a node */
	AGENDA_NEVER = INT32_MAX,
	AGENDA_RAISES = 4,      /* attempts to make a node later */
	AGENDA_SCOUT_LEVEL = 6, /* where fetching ahead begins: 256 Ki slots */
	AGENDA_SCOUTED = 64,    /* lines of a level fetched at once, about */
};

_Static_assert(AGENDA_FAN * sizeof(uint64_t) == PENDI_CACHE_LINE, "the children share a line");

PENDI_ALWAYS_INLINE uint32_t agenda_tick(uint64_t node)
{
	return (uint32_t)node;
}

/* The children, of @level, of a node. */
PENDI_ALWAYS_INLINE _Atomic uint64_t *agenda_line(const struct pendi_agenda *agenda, uint32_t level,
						  uint32_t node)
{
	return &agenda->levels[level][node << AGENDA_FAN_BITS];
}

PENDI_ALWAYS_INLINE uint32_t agenda_lowest(uint32_t bits)
{
	return (uint32_t)__builtin_ctz(bits);
}

/* @node at @tick, and with the next version. */
PENDI_ALWAYS_INLINE uint64_t agenda_moved(uint64_t node, uint32_t tick)
{
	return ((node >> 32) + 1) << 32 | tick;
}

PENDI_ALWAYS_INLINE bool agenda_is_due(uint64_t node, uint32_t now)
{
	const uint32_t tick = agenda_tick(node);

	return (tick != PENDI_TICK_NEVER) & ((int32_t)(tick - now) <= 0);
}

/* Whether @tick is before @other; never is after all. */
PENDI_ALWAYS_INLINE bool agenda_is_earlier(uint32_t tick, uint32_t other)
{
	return tick != PENDI_TICK_NEVER &&
	       (other == PENDI_TICK_NEVER || (int32_t)(tick - other) < 0);
}

PENDI_ALWAYS_INLINE uint32_t agenda_earlier(uint32_t a, uint32_t b)
{
	return agenda_is_earlier(b, a) ? b : a;
}

int pendi_agenda_init(struct pendi_agenda *agenda, uint32_t count,
		      const struct pend_allocator *allocator)
{
	size_t first[PENDI_AGENDA_LEVELS], total = 0, nodes = count;
	uint32_t depth = 0;

	if (count > PENDI_AGENDA_SLOTS)
		return -EINVAL;
	do { /* at least a line of leaves and a root, so that these need no case of their own */
		first[depth++] = total;
		total += (nodes + AGENDA_FAN - 1) / AGENDA_FAN * AGENDA_FAN;
		nodes = (nodes + AGENDA_FAN - 1) / AGENDA_FAN;
	} while (nodes > 1);
	first[depth++] = total;
	total += AGENDA_FAN;

	*agenda = (struct pendi_agenda){ .count = count, .depth = depth };
	agenda->bytes = total * sizeof(uint64_t);

	_Atomic uint64_t *const memory =
		pendi_memory_allocate(allocator, agenda->bytes, PENDI_CACHE_LINE);

	if (!memory)
		return -ENOMEM;
	for (uint32_t level = 0; level < depth; level++)
		agenda->levels[level] = memory + first[level];
	return 0;
}

void pendi_agenda_fini(struct pendi_agenda *agenda, const struct pend_allocator *allocator)
{
	pendi_memory_release(allocator, agenda->levels[0], agenda->bytes);
}

/* @node made no later than @tick, and moved even if it is earlier already: see above. */
PENDI_ALWAYS_INLINE uint64_t agenda_lowered(uint64_t node, uint32_t tick)
{
	return agenda_moved(node, agenda_earlier(agenda_tick(node), tick));
}

void pendi_agenda_arm(struct pendi_agenda *agenda, uint32_t slot, uint32_t tick)
{
	_Atomic uint64_t *node = &agenda->levels[0][slot];

	for (uint32_t level = 1; level < agenda->depth; level++)
		pendi_prefetch_write(&agenda->levels[level][slot >> AGENDA_FAN_BITS * level]);

	/* relaxed: the compare-and-swap checks it. */
	uint64_t seen = pendi_load_relaxed(node);

	/* [DL1.rel] What the caller wrote is there for the look; pairs with [DL1.acq] in
	 * agenda_look_at(). */
	while (!pendi_cas_release(node, &seen, agenda_lowered(seen, tick), DL1))
		;
	for (uint32_t level = 1; level < agenda->depth; level++) {
		node = &agenda->levels[level][slot >> AGENDA_FAN_BITS * level];
		/* relaxed: as above. */
		seen = pendi_load_relaxed(node);
		/* [DL2.rel] Who sees this node moved sees the one below moved; pairs with
		 * [DL2.acq] in agenda_raise(). */
		while (!pendi_cas_release(node, &seen, agenda_lowered(seen, tick), DL2))
			;
	}
}

static uint64_t agenda_root(const struct pendi_agenda *agenda)
{
	/* [DL2.acq] Pairs with [DL2.rel] in pendi_agenda_arm(): a pass finds what is told here. */
	return pendi_load_acquire(agenda->levels[agenda->depth - 1], DL2);
}

uint32_t pendi_agenda_next(const struct pendi_agenda *agenda)
{
	return agenda_tick(agenda_root(agenda));
}

/* One pass, in one or two sweeps over a part of the slots. */
struct agenda_pass {
	struct pendi_agenda *agenda;
	uint32_t now;
	uint32_t left;       /* of the budget */
	uint32_t first, end; /* the slots of this sweep */
	uint32_t stopped;    /* behind the slot that was looked at last */
	pendi_agenda_look_fn look;
	pendi_agenda_fetch_fn fetch; /* or NULL */
	void *context;
};

/* How far a child is from now; never is farthest. No branches here, which nobody could predict, and
 * eight times the same below: it takes half the time of what a compiler makes of a loop. */
PENDI_ALWAYS_INLINE int32_t agenda_distance(const _Atomic uint64_t *child, uint32_t now)
{
	/* relaxed: DL2 of the node above comes before, and its compare-and-swap checks them. */
	const uint32_t tick = agenda_tick(pendi_load_relaxed(child));
	const int32_t distance = (int32_t)(tick - now);

	return tick == PENDI_TICK_NEVER ? AGENDA_NEVER : distance;
}

PENDI_ALWAYS_INLINE int32_t agenda_nearer(int32_t a, int32_t b)
{
	return a < b ? a : b;
}

static uint32_t agenda_earliest(const _Atomic uint64_t *line, uint32_t now)
{
	const int32_t a =
		agenda_nearer(agenda_distance(&line[0], now), agenda_distance(&line[1], now));
	const int32_t b =
		agenda_nearer(agenda_distance(&line[2], now), agenda_distance(&line[3], now));
	const int32_t c =
		agenda_nearer(agenda_distance(&line[4], now), agenda_distance(&line[5], now));
	const int32_t d =
		agenda_nearer(agenda_distance(&line[6], now), agenda_distance(&line[7], now));
	const int32_t nearest = agenda_nearer(agenda_nearer(a, b), agenda_nearer(c, d));

	return nearest == AGENDA_NEVER ? PENDI_TICK_NEVER : now + (uint32_t)nearest;
}

/*
 * Makes a node the earliest of its children. If others keep moving it, it is left to them once it is
 * no later than the children, which costs a visit at most. It does not become later than what this
 * thread made of the children any more: who still can raise it read it after this thread first
 * did, and the children after that.
 */
static void agenda_raise(struct pendi_agenda *agenda, uint32_t level, uint32_t index, uint32_t now)
{
	_Atomic uint64_t *const node = &agenda->levels[level][index];
	const _Atomic uint64_t *const line = agenda_line(agenda, level - 1, index);
	/* [DL2.acq] Before the children: pairs with [DL2.rel] in pendi_agenda_arm() and below. */
	uint64_t seen = pendi_load_acquire(node, DL2);

	for (uint32_t attempt = 1;; attempt++) {
		const uint32_t tick = agenda_earliest(line, now);

		/* [DL2.rel] [DL2.acq] The same: as a load, before the children are read again; as
		 * a store, after those that this thread moved. */
		if (pendi_cas_acq_rel(node, &seen, agenda_moved(seen, tick), DL2, DL2))
			return;
		if (attempt >= AGENDA_RAISES && !agenda_is_earlier(tick, agenda_tick(seen)))
			return;
	}
}

static void agenda_look_at(struct agenda_pass *pass, uint32_t slot)
{
	_Atomic uint64_t *const leaf = &pass->agenda->levels[0][slot];
	/* [DL1.acq] Before the look: pairs with [DL1.rel] in pendi_agenda_arm(). */
	uint64_t node = pendi_load_acquire(leaf, DL1);

	if (!agenda_is_due(node, pass->now)) /* any more: another looked */
		return;
	pass->left--;
	pass->stopped = slot + 1;

	const uint32_t next = pass->look(pass->context, slot, pass->now);

	/* [DL1.rel] What the look wrote is there for the next one: pairs with [DL1.acq] above. If
	 * it fails, somebody armed the slot or looked: it keeps what they say. */
	(void)pendi_cas_release(leaf, &node, agenda_moved(node, next), DL1);
}

PENDI_ALWAYS_INLINE uint32_t agenda_due_bit(const _Atomic uint64_t *line, uint32_t i, uint32_t now)
{
	/* [DL2.acq] Pairs with [DL2.rel] in pendi_agenda_arm(): what made a node due is found
	 * below it. */
	return (uint32_t)agenda_is_due(pendi_load_acquire(&line[i], DL2), now) << i;
}

/* Which children of node @index are due and in this sweep; they are of @level. Bit i: the i-th. */
PENDI_ALWAYS_INLINE uint32_t agenda_due_of_line(const struct agenda_pass *pass, uint32_t level,
						uint32_t index)
{
	const _Atomic uint64_t *const line = agenda_line(pass->agenda, level, index);
	const uint32_t shift = AGENDA_FAN_BITS * level; /* slots below one of them */
	const uint32_t child = index << AGENDA_FAN_BITS;
	const uint32_t from = pass->first >> shift, to = (pass->end - 1) >> shift;
	const uint32_t now = pass->now;
	uint32_t due = agenda_due_bit(line, 0, now) | agenda_due_bit(line, 1, now) |
		       agenda_due_bit(line, 2, now) | agenda_due_bit(line, 3, now) |
		       agenda_due_bit(line, 4, now) | agenda_due_bit(line, 5, now) |
		       agenda_due_bit(line, 6, now) | agenda_due_bit(line, 7, now);

	if (PENDI_UNLIKELY(from > child))
		due &= ~0u << (from - child);
	if (PENDI_UNLIKELY(to < child + AGENDA_FAN - 1))
		due &= ~(~1u << (to - child));
	return due;
}

/* The last step of fetching ahead: what the looks below a node of level 1 are going to need. */
PENDI_ALWAYS_INLINE void agenda_fetch(const struct agenda_pass *pass, uint32_t index)
{
	uint32_t due = pass->fetch ? agenda_due_of_line(pass, 0, index) : 0;

	for (; due; due &= due - 1)
		pass->fetch(pass->context, (index << AGENDA_FAN_BITS) + agenda_lowest(due));
}

/*
 * Fetches the lines that the walk below a node is going to need, level by level, so that the memory
 * is waited for once for each level and not once for each line. False: they are too many, and are
 * better fetched for each child.
 */
static bool agenda_scout(const struct agenda_pass *pass, uint32_t level, uint32_t index)
{
	uint32_t nodes[AGENDA_SCOUTED + AGENDA_FAN], count = 1;

	nodes[0] = index;
	while (--level) {
		uint32_t found[AGENDA_SCOUTED + AGENDA_FAN], more = 0;

		for (uint32_t i = 0; i < count; i++) {
			uint32_t due = agenda_due_of_line(pass, level, nodes[i]);

			if (more > AGENDA_SCOUTED)
				return false;
			for (; due; due &= due - 1) {
				found[more] = (nodes[i] << AGENDA_FAN_BITS) + agenda_lowest(due);
				pendi_prefetch_write(
					agenda_line(pass->agenda, level - 1, found[more++]));
			}
		}
		count = more;
		memcpy(nodes, found, count * sizeof(nodes[0]));
	}
	for (uint32_t i = 0; i < count; i++)
		agenda_fetch(pass, nodes[i]);
	return true;
}

/* Goes through what is due below a node of @level 1 or more, then raises it. */
static void agenda_walk(struct agenda_pass *pass, uint32_t level, uint32_t index, bool fetched)
{
	if (!fetched && level <= AGENDA_SCOUT_LEVEL && level > 1)
		fetched = agenda_scout(pass, level, index);
	if (!fetched && level == 1)
		agenda_fetch(pass, index);

	uint32_t due = agenda_due_of_line(pass, level - 1, index);

	for (; due && pass->left; due &= due - 1) {
		const uint32_t child = (index << AGENDA_FAN_BITS) + agenda_lowest(due);

		if (level == 1)
			agenda_look_at(pass, child);
		else
			agenda_walk(pass, level - 1, child, fetched);
	}
	agenda_raise(pass->agenda, level, index, pass->now);
}

static void agenda_sweep(struct agenda_pass *pass, uint32_t first, uint32_t end)
{
	pass->first = first;
	pass->end = end;
	if (first < end && pass->left && agenda_is_due(agenda_root(pass->agenda), pass->now))
		agenda_walk(pass, pass->agenda->depth - 1, 0, false);
}

uint32_t pendi_agenda_pass_fetching(struct pendi_agenda *agenda, uint32_t now, uint32_t budget,
				    pendi_agenda_look_fn visit, pendi_agenda_fetch_fn fetch,
				    void *context)
{
	struct agenda_pass pass = { .agenda = agenda,
				    .now = now,
				    .left = budget,
				    .look = visit,
				    .fetch = fetch,
				    .context = context };
	/* relaxed: a hint, see above. */
	uint32_t start = pendi_load_relaxed(&agenda->start);

	agenda_sweep(&pass, start, agenda->count);
	agenda_sweep(&pass, 0, start);

	const uint32_t next = pass.left || pass.stopped == agenda->count ? 0 : pass.stopped;

	/* relaxed: and if it was moved meanwhile, so be it. */
	if (next != start)
		(void)pendi_cas_relaxed(&agenda->start, &start, next);
	return budget - pass.left;
}

uint32_t pendi_agenda_pass(struct pendi_agenda *agenda, uint32_t now, uint32_t budget,
			   pendi_agenda_look_fn visit, void *context)
{
	return pendi_agenda_pass_fetching(agenda, now, budget, visit, NULL, context);
}
