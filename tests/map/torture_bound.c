/* SPDX-License-Identifier: MIT */
/*
 * torture_bound.c - the bound under fire: threads race for max_entries slots (guarantees A, D, I).
 *
 * Every call at full speed. Books: each pend is completed once and told once, no more than
 * max_entries are live for certain at any instant, and at the end every slot can be pended again
 * and every counter is what the threads counted. An operation is live for certain from the return
 * of its pend to the call of its completion function.
 *
 * Between the races come the logged rounds of torture_refusals.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "epoch/epoch.h"
#include "tests/map/torture_bound.h"
#include "tests/support/arguments.h"
#include "tests/support/threads.h"

/* One run of the race. */
struct race {
	struct plan plan;
	struct pend_map *map;
	uint64_t seed;
	uint32_t calls;            /* of each thread */
	struct oracle_count *told; /* by cookie */
	uint32_t cookies;          /* for each thread */
	struct oracle_live live;
	struct oracle_place board[BOARD];
	struct oracle_sum pended, accepted, full, held_back, duplicate_keys, stale, calls_made;
};

/* One thread of it. */
struct racer {
	struct race *race;
	struct rng rng;
	uint32_t next_cookie, last_cookie;
	uint64_t pended, accepted, full, held_back, duplicate_keys, stale, calls_made;
};

static uint64_t operations;

static void race_told(void *context, const struct pend_operation *operation)
{
	struct race *race = context;
	const uint64_t cookie = operation->cookie;

	CHECK_U64(cookie, <, race->cookies * (uint64_t)THREADS);
	CHECK_U64(oracle_count_up(&race->told[cookie]), ==, 1);
	CHECK(payload_is_whole(operation->value));
	CHECK_U64(payload_stamp(operation->value), ==, cookie);
	CHECK_U64(payload_stamp(operation->scratch), ==, ~cookie);
	if (race->plan.keyed)
		CHECK_U64(payload_stamp(operation->key), ==, payload_key(operation->value));
	CHECK_U64(operation->action, ==, PEND_ACTION_BLOCK);
	(void)oracle_live_add(&race->live, -1);
}

struct pend_map *make_map(const struct plan *plan, pend_complete_fn told, void *context)
{
	struct pend_map_options options = pend_map_options_default();
	struct pend_map *map;

	options.max_entries = plan->max_entries;
	options.key_size = plan->keyed ? 8 : 0;
	options.value_size = sizeof(struct payload);
	options.scratch_size = 8;
	options.flags = plan->pointers ? PEND_MAP_POINTERS : 0;
	options.reserve = plan->pointers ? 16 + plan->max_entries / 2 : 0;
	options.on_complete = told;
	options.context = context;
	CHECK_INT(pend_map_create(&options, &map), ==, 0);
	return map;
}

uint64_t draw_key(const struct plan *plan, struct rng *rng)
{
	return rng_below(rng, 2 * plan->max_entries + 2);
}

void fill_request(struct requests *requests, uint32_t at, const struct plan *plan, uint64_t key,
		  uint64_t cookie)
{
	requests->keys[at] = key;
	requests->scratches[at] = ~cookie;
	requests->values[at] = payload_make(key, cookie);
	requests->all[at] = (struct pend_request){ .key = plan->keyed ? &requests->keys[at] : NULL,
						   .key_size = plan->keyed ? 8 : 0,
						   .value = &requests->values[at],
						   .value_size = sizeof(struct payload),
						   .scratch = &requests->scratches[at],
						   .cookie = cookie,
						   .now_ns = 1 };
}

static void count_pend(struct racer *racer, int result)
{
	if (result == -ENOSPC)
		racer->full++;
	else if (result == -EEXIST && racer->race->plan.keyed)
		racer->duplicate_keys++;
	else if (result == -EAGAIN && racer->race->plan.pointers)
		racer->held_back++;
	else
		CHECK_INT(result, ==, 0);
}

static void pend_some(struct racer *racer, uint32_t count)
{
	struct race *race = racer->race;
	struct requests requests;
	uint64_t handles[BATCH] = { 0 };
	int results[BATCH], pended = 0;

	for (uint32_t i = 0; i < count; i++)
		fill_request(&requests, i, &race->plan, draw_key(&race->plan, &racer->rng),
			     racer->next_cookie + i);
	if (count == 1) {
		results[0] = pend_map_pend(race->map, &requests.all[0], &handles[0]);
		pended = results[0] == 0;
	} else {
		pended = pend_map_pend_batch(race->map, requests.all, count, handles, results);
	}
	CHECK_INT(pended, >=, 0);
	CHECK_INT(oracle_live_add(&race->live, pended), <=, race->plan.max_entries);
	racer->next_cookie += count;
	racer->pended += (uint64_t)pended;
	for (uint32_t i = 0; i < count; i++) {
		count_pend(racer, results[i]);
		CHECK((handles[i] != 0) == (results[i] == 0));
		if (handles[i]) /* what was there may be lost: the final scan finds it */
			(void)oracle_swap(&race->board[rng_below(&racer->rng, BOARD)], handles[i]);
	}
}

static void count_completion(struct racer *racer, int result)
{
	if (result == 0)
		racer->accepted++;
	else if (result == -ENOENT || result == -EALREADY)
		racer->stale++;
	else
		CHECK_INT(result, ==, 0);
}

/* Handles are looked at, not taken: others complete the same ones. */
static void complete_some(struct racer *racer, uint32_t count)
{
	struct race *race = racer->race;
	uint64_t handles[BATCH];
	uint32_t actions[BATCH];
	int results[BATCH];

	for (uint32_t i = 0; i < count; i++) {
		handles[i] = oracle_look(&race->board[rng_below(&racer->rng, BOARD)]);
		actions[i] = PEND_ACTION_BLOCK;
	}
	if (count == 1)
		results[0] = pend_map_complete(race->map, handles[0], PEND_ACTION_BLOCK);
	else
		CHECK_INT(pend_map_complete_batch(race->map, handles, actions, count, results), >=,
			  0);
	for (uint32_t i = 0; i < count; i++)
		count_completion(racer, results[i]);
}

static void complete_some_keys(struct racer *racer, uint32_t count)
{
	struct race *race = racer->race;
	uint64_t keys[BATCH];
	uint32_t actions[BATCH];
	int results[BATCH];

	for (uint32_t i = 0; i < count; i++) {
		keys[i] = draw_key(&race->plan, &racer->rng);
		actions[i] = PEND_ACTION_BLOCK;
	}
	if (count == 1)
		results[0] = pend_map_complete_key(race->map, &keys[0], 8, PEND_ACTION_BLOCK);
	else
		CHECK_INT(pend_map_complete_key_batch(race->map, keys, actions, count, results), >=,
			  0);
	for (uint32_t i = 0; i < count; i++)
		count_completion(racer, results[i]);
}

static void run_racer(void *context, uint32_t number, struct crew *crew)
{
	struct race *race = context;
	struct racer racer = { .race = race,
			       .rng = rng_make(race->seed, number),
			       .next_cookie = number * race->cookies,
			       .last_cookie = (number + 1) * race->cookies };

	(void)crew_meet(crew);
	while (racer.calls_made < race->calls && racer.next_cookie + BATCH <= racer.last_cookie) {
		const uint32_t count = rng_one_in(&racer.rng, 4) ? 1 + rng_below(&racer.rng, BATCH)
								 : 1;

		racer.calls_made += count;
		if (rng_one_in(&racer.rng, 2))
			pend_some(&racer, count);
		else if (race->plan.keyed && rng_one_in(&racer.rng, 2))
			complete_some_keys(&racer, count);
		else
			complete_some(&racer, count);
	}
	oracle_add(&race->pended, racer.pended);
	oracle_add(&race->accepted, racer.accepted);
	oracle_add(&race->full, racer.full);
	oracle_add(&race->held_back, racer.held_back);
	oracle_add(&race->duplicate_keys, racer.duplicate_keys);
	oracle_add(&race->stale, racer.stale);
	oracle_add(&race->calls_made, racer.calls_made);
}

/* Completes what a finished race left behind. Returns how much that was. */
static uint64_t drain(struct pend_map *map)
{
	struct pend_cursor cursor = { 0 };
	struct pend_info info;
	uint64_t count = 0;

	while (pend_map_scan(map, &cursor, &info, NULL, 1) == 1) {
		CHECK_INT(pend_map_complete(map, info.handle, PEND_ACTION_BLOCK), ==, 0);
		count++;
	}
	return count;
}

/* The counters are what the threads counted. */
static void check_stats(struct race *race, uint64_t left)
{
	struct pend_map_stats stats = { .size = sizeof(stats) };

	CHECK_INT(pend_map_stats_read(race->map, &stats), ==, 0);
	CHECK_U64(stats.pends, ==, oracle_total(&race->pended));
	CHECK_U64(stats.completions, ==, oracle_total(&race->accepted) + left);
	CHECK_U64(stats.by_orchestrator, ==, stats.completions);
	CHECK_U64(stats.pends, ==, stats.completions);
	CHECK_U64(stats.live, ==, 0);
	CHECK_U64(stats.refused_full, ==, oracle_total(&race->full));
	CHECK_U64(stats.refused_reserve, ==, oracle_total(&race->held_back));
	CHECK_U64(stats.refused_key, ==, oracle_total(&race->duplicate_keys));
	CHECK_U64(stats.late + stats.duplicates, ==, oracle_total(&race->stale));
}

void check_room(const struct plan *plan, struct pend_map *map)
{
	struct requests request;
	uint64_t handle;

	CHECK_INT(pendi_epoch_barrier(), ==, 0);
	for (uint64_t n = 0; n <= plan->max_entries; n++) {
		fill_request(&request, 0, plan, n, n);
		CHECK_INT(pend_map_pend(map, &request.all[0], &handle), ==,
			  n < plan->max_entries ? 0 : -ENOSPC);
	}
}

static void race_once(const struct plan *plan, uint64_t seed, uint32_t calls)
{
	struct race race = { .plan = *plan, .seed = seed, .calls = calls };
	uint64_t left, told = 0;

	race.cookies = (calls > 1024 ? calls : 1024) + BATCH;
	race.told = calloc((size_t)race.cookies * THREADS, sizeof(*race.told));
	CHECK(race.told != NULL);
	race.map = make_map(plan, race_told, &race);
	crew_run(THREADS, &race, run_racer);
	CHECK_INT(pend_map_count(race.map), ==, oracle_live_add(&race.live, 0));
	left = drain(race.map);
	for (uint32_t i = 0; i < race.cookies * THREADS; i++)
		told += oracle_count_now(&race.told[i]);
	CHECK_U64(told, ==, oracle_total(&race.pended));
	CHECK_U64(told, ==, oracle_total(&race.accepted) + left);
	check_stats(&race, left);
	operations += oracle_total(&race.calls_made) + left;
	memset(race.told, 0, race.cookies * (size_t)THREADS * sizeof(*race.told));
	check_room(plan, race.map);
	CHECK_INT(pend_map_destroy(race.map), ==, 0);
	free(race.told);
}

static const uint32_t sizes[] = { 1, THREADS - 1, THREADS, 64, 1024 };

static void run_plan(const struct arguments *arguments, struct tap *tap, const struct plan *plan)
{
	const char *kind = plan->keyed      ? plan->pointers ? "keys, pointers" : "keys"
			   : plan->pointers ? "handles, pointers"
					    : "handles";
	char name[96];

	(void)snprintf(name, sizeof(name), "race for %" PRIu32 " slots, %s", plan->max_entries,
		       kind);
	if (arguments_want(arguments, name)) {
		race_once(plan, arguments->seed + tap->count, (uint32_t)arguments->rounds);
		tap_report(tap, 1, name);
	}
	if (plan->max_entries >= ROUND_CALLS)
		return;
	(void)snprintf(name, sizeof(name), "refusals of %" PRIu32 " slots, %s", plan->max_entries,
		       kind);
	if (arguments_want(arguments, name)) {
		operations += refuse_rounds(plan, arguments->seed + tap->count,
					    1 + arguments->rounds / 40);
		tap_report(tap, 1, name);
	}
}

int main(int count, char **words)
{
	struct arguments arguments = { .rounds = 100000 };
	struct tap tap = { 0 };

	if (!arguments_parse(&arguments, count, words))
		return 2;
	for (uint32_t size = 0; size < sizeof(sizes) / sizeof(sizes[0]); size++)
		for (uint32_t kind = 0; kind < 4; kind++) {
			const struct plan plan = { sizes[size], kind & 1, kind & 2 };

			run_plan(&arguments, &tap, &plan);
		}
	printf("operations: %" PRIu64 "\n", operations);
	return tap_end(&tap);
}
