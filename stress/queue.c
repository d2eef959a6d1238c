/* SPDX-License-Identifier: MIT */
/*
 * queue.c - completions through the queues of an engine: each told once, on the CPU that pended it.
 *
 *	pender, pinned to a CPU --> board --> completer: one hint for each decision
 *	                                          |
 *	                 that CPU's queue <-------'------> full: counted, and left to a tick
 *	                          |
 *	                  its executor --> completion function: is this the CPU?
 *
 * Where a completion function runs away from home, its shard was given away (a stall or a lost CPU,
 * which the shard counts), or a look at the slot, by the shard that has it in its agenda, found the
 * home's queue full, or had sent a hint that came late: so no more are away than there were looks.
 * At each meeting everything decided has been told, and the hints that were followed up and those
 * that found a queue full are as many as the decisions: one that was lost would be made up for by a
 * later look at the slot, and nobody would notice.
 */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <pendmap/control.h>
#include <pendmap/engine.h>
#include <pendmap/pendmap.h>

#include "stress/ledger.h"
#include "stress/team.h"

#define CPUS 64u
#define ROOM 1024u
#define SMALL_QUEUE 16u
#define ENTRIES 256u /* of the ledger, for each thread */
#define BOARD 256u
#define BATCH 8u
#define STEPS 2048u
#define BUDGET 32u
#define SETTLE_NS (10 * NS_PER_S)
#define NOBODY UINT32_MAX
#define SETTLED_MOST_MS 100.0 /* a look that makes up for a lost hint comes after half a second */

struct queue_kind {
	const char *name;
	double share;
	uint32_t flags; /* of the engine */
	bool overflows; /* its queues are small, for that */
};

struct queue_books {
	_Alignas(128) uint64_t pended, decided, full;
	uint32_t entry;
	uint32_t cpu; /* pinned to it; or NOBODY */
};

struct queues {
	struct team team;
	const struct queue_kind *kind;
	struct pend_engine *engine;
	struct pend_map *map;
	struct ledger ledger; /* handle: 1 + the CPU that pends */
	uint32_t cpus[CPUS];
	uint32_t cpu_count;
	struct cell board[BOARD];
	struct queue_books books[TEAM_MOST];
	struct cell told, at_home[CPUS], away[CPUS];
	uint64_t longest_ns; /* that it took to tell what was decided */
};

/* Whose shard the thread polls. */
static _Thread_local uint32_t polled = NOBODY;

static bool is_polled(const struct queues *queues)
{
	return queues->kind->flags & PEND_ENGINE_POLLED;
}

static void told(void *context, const struct pend_operation *operation)
{
	struct queues *queues = context;
	uint32_t here = polled != NOBODY ? polled : (uint32_t)sched_getcpu();
	uint32_t home = operation->home_cpu;
	uint64_t pender;

	if (!ledger_close(&queues->ledger, operation->cookie))
		return;
	pender = cell_read(&queues->ledger.entries[ledger_index(operation->cookie)].handle);
	(void)team_expect(&queues->team, home < CPUS && (pender == 0 || pender == home + 1u),
			  "pended on CPU %" PRIu64 ", and its home is %u", pender - 1, home);
	if (here == home)
		(void)cell_add(&queues->at_home[home % CPUS], 1);
	else
		(void)cell_add(&queues->away[home % CPUS], 1);
	(void)cell_add(&queues->told, 1);
}

/* ---- the threads ---- */

/* Where this thread pends, if it stays there. */
static uint32_t pinned_cpu(const struct queue_books *books)
{
	return books->cpu != NOBODY && (uint32_t)sched_getcpu() == books->cpu ? books->cpu : NOBODY;
}

/* A closed entry of the thread's own, if there is one. */
static uint64_t open_entry(struct queues *queues, const struct team_member *member)
{
	struct queue_books *books = &queues->books[member->number];
	uint64_t cookie = 0;

	for (uint32_t i = 0; i < ENTRIES && !cookie; i++) {
		books->entry = (books->entry + 1) % ENTRIES;
		cookie = ledger_open(&queues->ledger, member->number * ENTRIES + books->entry);
	}
	return cookie;
}

static void decide(struct queues *queues, struct queue_books *books, const uint64_t *handles,
		   uint32_t count)
{
	static const uint32_t actions[BATCH] = { PEND_ACTION_BLOCK, PEND_ACTION_BLOCK,
						 PEND_ACTION_BLOCK, PEND_ACTION_BLOCK,
						 PEND_ACTION_BLOCK, PEND_ACTION_BLOCK,
						 PEND_ACTION_BLOCK, PEND_ACTION_BLOCK };
	int results[BATCH], accepted = (int)count;

	if (count == 1)
		accepted = pend_map_complete(queues->map, handles[0], PEND_ACTION_BLOCK) == 0;
	else if (count)
		accepted = pend_map_complete_batch(queues->map, handles, actions, count, results);
	(void)team_expect(&queues->team, accepted == (int)count,
			  "of %u that nobody else completes, %d were accepted", count, accepted);
	books->decided += count;
}

/* Puts them on the board, and decides what it displaces there. */
static void show(struct queues *queues, struct team_member *member, const uint64_t *handles,
		 uint32_t count)
{
	uint64_t displaced[BATCH];
	uint32_t some = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct cell *place = &queues->board[rng_below(&member->rng, BOARD)];

		displaced[some] = cell_swap(place, handles[i]);
		some += displaced[some] != 0;
	}
	decide(queues, &queues->books[member->number], displaced, some);
}

static uint32_t pend_some(struct team_member *member)
{
	struct queues *queues = member->context;
	struct queue_books *books = &queues->books[member->number];
	uint32_t wanted = 1 + rng_below(&member->rng, BATCH), count = 0;
	uint64_t handles[BATCH];

	for (uint32_t i = 0; i < wanted; i++) {
		struct pend_request request = { .cookie = open_entry(queues, member) };
		uint32_t cpu = pinned_cpu(books);
		int result;

		if (!request.cookie)
			break;
		cell_write(&queues->ledger.entries[ledger_index(request.cookie)].handle,
			   cpu != NOBODY ? cpu + 1u : 0);
		result = pend_map_pend(queues->map, &request, &handles[count]);
		if (result) {
			(void)ledger_close(&queues->ledger, request.cookie);
			(void)team_expect(&queues->team, result == -ENOSPC, "pend: %d", result);
			books->full++;
			break;
		}
		count++;
	}
	books->pended += count;
	show(queues, member, handles, count);
	if (count < wanted)
		(void)sched_yield(); /* completions are to be told */
	return count + 1;
}

static uint32_t complete_some(struct team_member *member)
{
	struct queues *queues = member->context;
	uint32_t wanted = 1 + rng_below(&member->rng, BATCH), count = 0;
	uint64_t handles[BATCH];

	for (uint32_t i = 0; i < wanted; i++) {
		struct cell *place = &queues->board[rng_below(&member->rng, BOARD)];

		handles[count] = cell_read(place) ? cell_swap(place, 0) : 0;
		count += handles[count] != 0;
	}
	decide(queues, &queues->books[member->number], handles, count);
	return count + 1;
}

/* Serves the shard of any CPU. Returns how many slots that were. */
static int poll(struct queues *queues, uint32_t cpu)
{
	int served;

	polled = cpu;
	served = pend_engine_poll(queues->engine, cpu, BUDGET);
	polled = NOBODY;
	(void)team_expect(&queues->team, served >= 0, "poll: %d", served);
	return served;
}

static uint32_t step(struct team_member *member)
{
	struct queues *queues = member->context;
	uint32_t drawn = rng_below(&member->rng, is_polled(queues) ? 3 : 2);

	if (drawn == 2) {
		(void)poll(queues, queues->cpus[rng_below(&member->rng, queues->cpu_count)]);
		return 1;
	}
	return drawn ? complete_some(member) : pend_some(member);
}

static void begin(struct team_member *member)
{
	struct queues *queues = member->context;
	uint32_t cpu = queues->cpus[member->number % queues->cpu_count];

	queues->books[member->number].cpu = stress_pin(cpu) == 0 ? cpu : NOBODY;
}

/* ---- judging ---- */

static struct pend_shard_stats shard_stats(struct queues *queues, uint32_t cpu)
{
	struct pend_shard_stats stats = { .size = sizeof(stats) };

	if (pend_engine_stats_read(queues->engine, cpu, &stats))
		stress_bail("pend_engine_stats_read");
	return stats;
}

static struct pend_map_stats map_stats(struct queues *queues)
{
	struct pend_map_stats stats = { .size = sizeof(stats) };

	if (pend_map_stats_read(queues->map, &stats))
		stress_bail("pend_map_stats_read");
	return stats;
}

static uint64_t hints(struct queues *queues)
{
	struct pend_shard_stats all = shard_stats(queues, PEND_CPU_CURRENT);

	return all.served + all.overflows;
}

/* Everything decided is told and counted, and every hint is followed up. All stand still. */
static void settle(struct queues *queues, uint64_t decided)
{
	uint64_t began_ns = stress_now_ns(), ns;
	uint64_t give_up_ns = began_ns + stress_patience_ns(SETTLE_NS);

	while ((map_stats(queues).completions < decided || hints(queues) < decided) &&
	       stress_now_ns() < give_up_ns) {
		if (is_polled(queues))
			for (uint32_t i = 0; i < queues->cpu_count; i++)
				(void)poll(queues, queues->cpus[i]);
		else
			stress_sleep_ns(NS_PER_MS / 4);
	}
	ns = stress_now_ns() - began_ns;
	queues->longest_ns = ns > queues->longest_ns ? ns : queues->longest_ns;
}

/* What ran away from home had a reason: its shard was given away, or a look at the slot found the
 * home's queue full; or a hint about the slot's last operation came late, served twice by two who
 * poll, or sent by a look. */
static void check_homes(struct queues *queues, uint64_t decided)
{
	struct pend_shard_stats all = shard_stats(queues, PEND_CPU_CURRENT);
	uint64_t reasons = all.looks + all.served + all.overflows - decided, away = 0;

	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		if (cell_read(&queues->away[cpu]) &&
		    shard_stats(queues, cpu).stalls + shard_stats(queues, cpu).losses == 0)
			away += cell_read(&queues->away[cpu]);
	}
	(void)team_expect(&queues->team, away <= reasons,
			  "%" PRIu64 " ran elsewhere than at home; reasons for %" PRIu64, away,
			  reasons);
}

static void quiet(struct team *team)
{
	struct queues *queues = team->context;
	struct pend_map_stats stats;
	uint64_t pended = 0, decided = 0;
	uint32_t open;

	for (uint32_t i = 0; i < team->count; i++) {
		pended += queues->books[i].pended;
		decided += queues->books[i].decided;
	}
	settle(queues, decided);
	open = ledger_open_count(&queues->ledger);
	stats = map_stats(queues);
	(void)team_expect(team,
			  cell_read(&queues->told) == decided && stats.completions == decided &&
				  stats.pends == pended && stats.live == open &&
				  open == pended - decided,
			  "pended %" PRIu64 ", decided %" PRIu64 ", told %" PRIu64
			  ", counted %" PRIu64 " and %" PRIu64 ", open %u, live %" PRIu64,
			  pended, decided, cell_read(&queues->told), stats.pends, stats.completions,
			  open, stats.live);
	(void)team_expect(team, hints(queues) >= decided,
			  "%" PRIu64 " hints followed up or refused, of %" PRIu64 " decisions",
			  hints(queues), decided);
	check_homes(queues, decided);
}

/* ---- a run ---- */

static void make(struct queues *queues)
{
	const struct stress *stress = queues->team.stress;
	struct pend_engine_options engine_options = stress_engine_options(stress);
	struct pend_map_options options = pend_map_options_default();
	int status;

	queues->cpu_count = stress_cpus(queues->cpus, CPUS);
	if (!queues->cpu_count)
		stress_bail("no CPU");
	engine_options.flags = queues->kind->flags;
	if (queues->kind->overflows)
		engine_options.queue_entries = SMALL_QUEUE;
	status = pend_engine_create(&engine_options, &queues->engine);
	status = status ? status : pend_engine_enable(queues->engine);
	options.engine = queues->engine;
	options.flags = PEND_MAP_ENABLED;
	options.max_entries = stress_room(stress, ROOM);
	options.deadline_ns = PEND_DEADLINE_NONE;
	options.lifetime_ns = PEND_DEADLINE_NONE;
	options.on_complete = told;
	options.context = queues;
	status = status ? status : pend_map_create(&options, &queues->map);
	if (status)
		stress_bail("an engine and its map: %s", strerror(-status));
	if (!ledger_make(&queues->ledger, queues->team.count * ENTRIES))
		stress_bail("no memory for the ledger");
}

/* The rest is decided too; nothing is open any more. */
static void finish(struct queues *queues)
{
	for (uint32_t i = 0; i < BOARD; i++) {
		uint64_t handle = cell_swap(&queues->board[i], 0);

		if (handle)
			decide(queues, &queues->books[0], &handle, 1);
	}
	quiet(&queues->team);
}

static void report(struct queues *queues)
{
	struct stress *stress = queues->team.stress;
	const char *name = queues->kind->name;
	struct pend_shard_stats all = shard_stats(queues, PEND_CPU_CURRENT);
	uint64_t home = 0, away = 0, pended = 0, full = 0;

	for (uint32_t i = 0; i < CPUS; i++) {
		home += cell_read(&queues->at_home[i]);
		away += cell_read(&queues->away[i]);
	}
	for (uint32_t i = 0; i < queues->team.count; i++) {
		pended += queues->books[i].pended;
		full += queues->books[i].full;
	}
	stress_check(stress,
		     ledger_open_count(&queues->ledger) == 0 && cell_read(&queues->told) == pended,
		     "%s: lost = %u of %" PRIu64 " pended", name,
		     ledger_open_count(&queues->ledger), pended);
	stress_check(stress,
		     cell_read(&queues->ledger.duplicates) + cell_read(&queues->ledger.strangers) ==
			     0,
		     "%s: duplicate = %" PRIu64 ", never pended = %" PRIu64, name,
		     cell_read(&queues->ledger.duplicates), cell_read(&queues->ledger.strangers));
	stress_check(stress, cell_read(&queues->team.wrong) == 0,
		     "%s: wrong = %" PRIu64 "; told at home: %" PRIu64 ", elsewhere: %" PRIu64,
		     name, cell_read(&queues->team.wrong), home, away);
	if (queues->kind->overflows && stress->small)
		stress_note("not judged with --small: whether queues were full; they were %" PRIu64
			    " times",
			    all.overflows);
	else if (queues->kind->overflows)
		stress_check(stress, all.overflows > 0, "%s: queues were full %" PRIu64 " times",
			     name, all.overflows);
	stress_figure(stress, (double)queues->longest_ns / (double)NS_PER_MS, SETTLED_MOST_MS, "ms",
		      "%s: the last was told after", name);
	stress_note("%s: hints served %" PRIu64 " (%" PRIu64 " at home), full %" PRIu64
		    ", looks %" PRIu64 ", sleeps %" PRIu64 ", wakes %" PRIu64 ", stalls %" PRIu64
		    ", losses %" PRIu64 "; refused as full: %" PRIu64,
		    name, all.served, all.at_home, all.overflows, all.looks, all.sleeps, all.wakes,
		    all.stalls, all.losses, full);
}

static void run_kind(struct stress *stress, const struct queue_kind *kind)
{
	struct queues *queues = aligned_alloc(128, sizeof(*queues));

	if (!queues)
		stress_bail("no memory");
	memset(queues, 0, sizeof(*queues));
	queues->kind = kind;
	queues->team = (struct team){ .stress = stress,
				      .name = kind->name,
				      .context = queues,
				      .count = stress->threads,
				      .steps = STEPS,
				      .share = kind->share,
				      .step = step,
				      .quiet = quiet,
				      .begin = begin };
	make(queues);
	stress_watch(stress);
	(void)team_run(&queues->team);
	finish(queues);
	report(queues);
	if (pend_map_destroy(queues->map) || pend_engine_destroy(queues->engine))
		stress_bail("destroy");
	ledger_free(&queues->ledger);
	free(queues);
}

static const struct queue_kind kinds[] = {
	{ "executors", 0.35, 0, false },
	{ "executors, small queues", 0.25, 0, true },
	{ "polled", 0.2, PEND_ENGINE_POLLED | PEND_ENGINE_UNWATCHED, false },
	{ "polled, small queues", 0.2, PEND_ENGINE_POLLED | PEND_ENGINE_UNWATCHED, true },
};

int main(int count, char **words)
{
	struct stress stress = { .name = "stress_queue",
				 .purpose =
					 "completions through the queues: told once, and at home",
				 .seconds = 10,
				 .threads = 8 };
	int status;

	if (!stress_begin(&stress, count, words, &status))
		return status;
	stress_limit(stress.seconds * 2 + 120, "completions through the queues");
	for (uint32_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && !stress.failures; i++)
		run_kind(&stress, &kinds[i]);
	return stress_end(&stress);
}
