/* SPDX-License-Identifier: MIT */
/*
 * map.c - the map in every way that it can be called, by many threads, full most of the time.
 *
 *	pend, batches, hook frames --> handles on a board --> complete, continue, cancel, extend
 *	                |                                          by handle, key, batch
 *	            ledger.h <---------- completion function <------'      or a deadline
 *
 * Guarantees A, D, I and J: every operation is told once, by who the counters say; at each meeting
 * pends = completions + live, every counter is what the threads counted, what a scan finds is what the
 * ledger has open, and there is room for as many more. In an engine a meeting disables the map: nothing is live when that
 * returns (F), and the deadline was in the race. Maps with and without keys, with pointers, and the
 * continuation map (map_remember.c). What the calls may answer is in map_calls.c.
 */
#include "stress/map.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 4096u
#define ROOM_MOST 64u
#define STOP_NS (30 * NS_PER_S)
#define REMEMBER_SHARE 0.15

static const struct map_kind kinds[] = {
	{ "handles", 0.2, 4, false, false, false },
	{ "keys", 0.2, 4, true, false, false },
	{ "keys, pointers", 0.2, 4, true, true, false },
	{ "keys, an engine", 0.25, 4, true, false, true },
};

static struct map_books sum_books(const struct shop *shop)
{
	struct map_books sum = { 0 };

	for (uint32_t i = 0; i < shop->team.count; i++) {
		const struct map_books *books = &shop->books[i];

		sum.pended += books->pended;
		sum.decided += books->decided;
		sum.cancelled += books->cancelled;
		sum.continued += books->continued;
		sum.extended += books->extended;
		sum.full += books->full;
		sum.held_back += books->held_back;
		sum.taken += books->taken;
		sum.refused += books->refused;
		sum.stale += books->stale;
		sum.reads += books->reads;
		sum.scans += books->scans;
	}
	return sum;
}

static struct pend_map_stats read_stats(struct shop *shop)
{
	struct pend_map_stats stats = { .size = sizeof(stats) };

	if (pend_map_stats_read(shop->map, &stats))
		stress_bail("pend_map_stats_read");
	return stats;
}

/* One number of the map's and what the threads have for it. */
static void same(struct shop *shop, const char *what, uint64_t counted, uint64_t known)
{
	(void)team_expect(&shop->team, counted == known,
			  "%s: the map counts %" PRIu64 ", the threads %" PRIu64, what, counted,
			  known);
}

/* Every counter is what the threads counted (guarantee I). All stand still. */
static void check_counters(struct shop *shop)
{
	struct map_books sum = sum_books(shop);
	struct pend_map_stats stats = read_stats(shop);
	uint64_t told = 0;

	for (uint32_t i = 0; i < MAP_ORIGINS; i++)
		told += cell_read(&shop->told[i]);
	same(shop, "pends", stats.pends, sum.pended);
	same(shop, "completions", stats.completions, told);
	same(shop, "pends, less completions", stats.pends - stats.completions, stats.live);
	same(shop, "live", stats.live, ledger_open_count(&shop->ledger));
	same(shop, "by complete", stats.by_orchestrator, sum.decided);
	same(shop, "by cancel", stats.by_cancel, sum.cancelled);
	same(shop, "by the program", stats.by_program, cell_read(&shop->told[PEND_ORIGIN_PROGRAM]));
	same(shop, "by the deadline", stats.by_deadline,
	     cell_read(&shop->told[PEND_ORIGIN_DEADLINE]));
	same(shop, "by drain", stats.by_drain, cell_read(&shop->told[PEND_ORIGIN_DRAIN]));
	same(shop, "continues", stats.continues, sum.continued);
	same(shop, "re-runs", stats.reruns, cell_read(&shop->reruns));
	same(shop, "extends", stats.extends, sum.extended);
	same(shop, "refused as full", stats.refused_full, sum.full);
	same(shop, "refused for readers", stats.refused_reserve, sum.held_back);
	same(shop, "refused for the key", stats.refused_key, sum.taken);
	same(shop, "refused by the hold function", stats.refused_hold, sum.refused);
	same(shop, "late and duplicate completes", stats.late + stats.duplicates, sum.stale);
	(void)team_expect(&shop->team, stats.live <= shop->room, "%" PRIu64 " live, room for %u",
			  stats.live, shop->room);
}

/* What a scan finds is what is open. All stand still. */
static void check_scan(struct shop *shop)
{
	struct pend_cursor cursor = { 0 };
	struct pend_info info;
	uint32_t found = 0;

	while (pend_map_scan(shop->map, &cursor, &info, NULL, 1) == 1) {
		uint32_t index = ledger_index(info.cookie);

		(void)team_expect(&shop->team,
				  index < shop->ledger.count &&
					  cell_read(&shop->ledger.entries[index].state) ==
						  ((info.cookie & UINT32_MAX) << 1 | 1),
				  "a scan finds %#" PRIx64 ", which is not pended", info.cookie);
		found++;
	}
	same(shop, "scanned", found, ledger_open_count(&shop->ledger));
	same(shop, "pend_map_count()", (uint64_t)pend_map_count(shop->map), found);
}

static void stop(struct shop *shop)
{
	int status = pend_map_disable(shop->map, stress_patience_ns(STOP_NS));

	(void)team_expect(&shop->team, status == 0, "disable: %d", status);
	(void)team_expect(&shop->team, ledger_open_count(&shop->ledger) == 0,
			  "%u live in a map that is disabled", ledger_open_count(&shop->ledger));
}

static void quiet(struct team *team)
{
	struct shop *shop = team->context;

	if (shop->engine)
		stop(shop);
	while (!shop->engine && pend_map_poll(shop->map, 64) > 0)
		;
	check_counters(shop);
	check_scan(shop);
	if (shop->engine && pend_map_enable(shop->map))
		stress_bail("pend_map_enable");
	if (!cell_read(&team->wrong))
		map_fill(&team->members[0], ledger_open_count(&shop->ledger));
}

static void make(struct shop *shop)
{
	struct pend_map_options options = pend_map_options_default();
	int status = 0;

	shop->room = shop->team.count * shop->kind->room;
	shop->room = shop->room < ROOM_MOST ? shop->room : ROOM_MOST;
	options.max_entries = shop->room;
	options.flags = (shop->kind->pointers ? PEND_MAP_POINTERS : 0) | PEND_MAP_ENABLED;
	options.key_size = shop->kind->keyed ? sizeof(uint64_t) : 0;
	options.value_size = sizeof(struct payload);
	options.scratch_size = sizeof(uint64_t);
	options.rerun_limit = PEND_RERUNS_MAX;
	options.hash_seed = shop->team.stress->seed | 1;
	options.on_complete = map_told;
	options.on_rerun = map_rerun;
	options.context = shop;
	if (shop->kind->engine) {
		status = pend_engine_create(NULL, &shop->engine);
		status = status ? status : pend_engine_enable(shop->engine);
		options.engine = shop->engine;
		options.deadline_ns = MAP_DEADLINE_NS;
	}
	options.lifetime_ns = PEND_DEADLINE_NONE;
	status = status ? status : pend_map_create(&options, &shop->map);
	if (status)
		stress_bail("pend_map_create: %s", strerror(-status));
	if (!ledger_make(&shop->ledger, shop->team.count * MAP_ENTRIES))
		stress_bail("no memory for the ledger");
}

/* What is left is completed by destroying the map: so many, and no more. */
static void finish(struct shop *shop)
{
	struct stress *stress = shop->team.stress;
	struct map_books sum = sum_books(shop);
	uint64_t left = read_stats(shop).live, told = 0, destroyed;
	const char *name = shop->kind->name;

	if (pend_map_destroy(shop->map) || (shop->engine && pend_engine_destroy(shop->engine)))
		stress_bail("destroy");
	for (uint32_t i = 0; i < MAP_ORIGINS; i++)
		told += cell_read(&shop->told[i]);
	destroyed = cell_read(&shop->told[PEND_ORIGIN_DESTROY]);
	/* With an engine some may have met their deadline before. */
	stress_check(stress, shop->engine ? destroyed <= left : destroyed == left,
		     "%s: destroying completed %" PRIu64 " of %" PRIu64, name, destroyed, left);
	stress_check(stress, ledger_open_count(&shop->ledger) == 0 && told == sum.pended,
		     "%s: lost = %u of %" PRIu64 " pended", name, ledger_open_count(&shop->ledger),
		     sum.pended);
	stress_check(stress,
		     cell_read(&shop->ledger.duplicates) + cell_read(&shop->ledger.strangers) == 0,
		     "%s: duplicate = %" PRIu64 ", never pended = %" PRIu64, name,
		     cell_read(&shop->ledger.duplicates), cell_read(&shop->ledger.strangers));
	stress_check(stress, cell_read(&shop->team.wrong) == 0,
		     "%s: wrong = %" PRIu64 ", pends = completions + live at %" PRIu64 " meetings",
		     name, cell_read(&shop->team.wrong), shop->team.meetings);
	stress_note("%s: %" PRIu64 " decided, %" PRIu64 " cancelled, %" PRIu64
		    " met their deadline, %" PRIu64 " ended by re-runs, %" PRIu64
		    " drained; refused: %" PRIu64 " full, %" PRIu64 " key taken; %" PRIu64
		    " reads, %" PRIu64 " scans",
		    name, sum.decided, sum.cancelled, cell_read(&shop->told[PEND_ORIGIN_DEADLINE]),
		    cell_read(&shop->told[PEND_ORIGIN_PROGRAM]),
		    cell_read(&shop->told[PEND_ORIGIN_DRAIN]), sum.full, sum.taken, sum.reads,
		    sum.scans);
	ledger_free(&shop->ledger);
}

static void run_kind(struct stress *stress, const struct map_kind *kind)
{
	struct shop *shop = aligned_alloc(128, sizeof(*shop));

	if (!shop)
		stress_bail("no memory");
	memset(shop, 0, sizeof(*shop));
	shop->kind = kind;
	shop->team = (struct team){ .stress = stress,
				    .name = kind->name,
				    .context = shop,
				    .count = stress->threads,
				    .steps = STEPS,
				    .share = kind->share,
				    .step = map_step,
				    .quiet = quiet };
	make(shop);
	(void)team_run(&shop->team);
	finish(shop);
	free(shop);
}

int main(int count, char **words)
{
	struct stress stress = { .name = "stress_map",
				 .purpose = "the map in every way that it can be called",
				 .seconds = 10,
				 .threads = 8 };
	int status;

	if (!stress_begin(&stress, count, words, &status))
		return status;
	stress_limit(stress.seconds * 2 + 120, "a map under all calls");
	for (uint32_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && !stress.failures; i++)
		run_kind(&stress, &kinds[i]);
	if (!stress.failures)
		map_remember(&stress, REMEMBER_SHARE);
	return stress_end(&stress);
}
