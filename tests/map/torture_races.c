/* SPDX-License-Identifier: MIT */
/*
 * torture_races.c - several threads complete, continue and poll the same operations.
 *
 * Handles stand on a board, where they stay after their operation has ended, so most completions
 * come second or late. Books, by cookie: accepted at most once, told exactly once, and told what
 * was accepted (guarantee A); no function of an operation runs while another does (B). Readers
 * copy values, which are made so that a mixture of two shows, and scan: an operation that stays
 * pended throughout is seen exactly once in every scan, and no operation twice (J).
 */
#include <errno.h>
#include <stdlib.h>

#include <pendmap/pendmap.h>

#include "tests/map/map_oracle.h"
#include "tests/map/torture_map.h"
#include "tests/support/check.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"

enum { WORKERS = 4, ENTRIES = 48, ANCHORS = 11, BOARD = 24, KEYS = 40, SCAN_STEP = 5 };

/* The books of one operation. */
struct book {
	struct oracle_count accepted; /* terminal completions that returned 0 */
	struct oracle_count told;
	struct oracle_count running; /* functions of it that run now */
	struct oracle_count decided; /* 1 + the origin it was told */
	struct oracle_place handle;
};

struct races {
	struct pend_map *map;
	uint64_t seed;
	uint32_t rounds, cookies; /* of each worker */
	struct book *books;       /* of ANCHORS, then of the workers */
	struct oracle_place board[BOARD];
	struct oracle_sum pended, calls, reruns;
};

struct worker {
	struct races *races;
	struct rng rng;
	uint32_t next_cookie;
	uint64_t calls, pended;
	uint32_t *stamps; /* by cookie: the last scan that saw it */
	uint32_t scans;
};

static struct book *book_of(struct races *races, const struct pend_operation *operation)
{
	CHECK_U64(operation->cookie, <, races->cookies * (uint64_t)WORKERS + ANCHORS);
	CHECK(payload_is_whole(operation->value));
	CHECK_U64(payload_stamp(operation->value), ==, operation->cookie);
	CHECK_U64(payload_stamp(operation->key), ==, payload_key(operation->value));
	/* The scratch counts the functions that were called: plain, they hand it to each other. */
	CHECK_U64(payload_stamp(operation->scratch), <=, operation->rerun_count);
	return &races->books[operation->cookie];
}

static void races_told(void *context, const struct pend_operation *operation)
{
	struct races *races = context;
	struct book *book = book_of(races, operation);

	CHECK_U64(oracle_count_up(&book->running), ==, 1);
	CHECK_U64(oracle_count_up(&book->told), ==, 1);
	/* Decided and not yet over. */
	CHECK_INT(pend_map_complete(races->map, operation->handle, PEND_ACTION_BLOCK), ==,
		  -EALREADY);
	oracle_count_set(&book->decided, 1 + operation->origin);
	CHECK(operation->action != PEND_ACTION_CONTINUE &&
	      operation->action != PEND_ACTION_PENDING);
	CHECK_U64(oracle_count_down(&book->running), ==, 0);
}

static int races_rerun(void *context, const struct pend_operation *operation)
{
	struct races *races = context;
	struct book *book = book_of(races, operation);
	const uint64_t draw = payload_word(operation->cookie, operation->rerun_count, 0);

	CHECK_U64(oracle_count_up(&book->running), ==, 1);
	CHECK_U64(oracle_count_now(&book->told), ==, 0);
	(*(uint64_t *)operation->scratch)++;
	oracle_add(&races->reruns, 1);
	if (draw % 16 == 0) /* it decides about itself, and loses to nobody */
		(void)!pend_map_complete(races->map, operation->handle, PEND_ACTION_CONTINUE);
	CHECK_U64(oracle_count_down(&book->running), ==, 0);
	return draw % 3 ? PEND_VERDICT_PEND : PEND_VERDICT_REJECT;
}

static struct pend_map *make_map(struct races *races, bool pointers)
{
	struct pend_map_options options = pend_map_options_default();
	struct pend_map *map;

	options.max_entries = ENTRIES;
	options.key_size = 8;
	options.value_size = sizeof(struct payload);
	options.scratch_size = 8;
	options.rerun_limit = 3;
	options.flags = pointers ? PEND_MAP_POINTERS : 0;
	options.reserve = pointers ? 64 : 0;
	options.on_complete = races_told;
	options.on_rerun = races_rerun;
	options.context = races;
	CHECK_INT(pend_map_create(&options, &map), ==, 0);
	return map;
}

static int pend(struct races *races, uint64_t key, uint64_t cookie, uint64_t *handle)
{
	const struct payload value = payload_make(key, cookie);
	const struct pend_request request = { .key = &key,
					      .key_size = 8,
					      .value = &value,
					      .value_size = sizeof(value),
					      .cookie = cookie,
					      .now_ns = cookie + 1 };

	return pend_map_pend(races->map, &request, handle);
}

static void pend_one(struct worker *worker)
{
	struct races *races = worker->races;
	const uint64_t cookie = worker->next_cookie;
	uint64_t handle = 0;
	const int result = pend(races, rng_below(&worker->rng, KEYS), cookie, &handle);

	CHECK(result == 0 || result == -EEXIST || result == -ENOSPC || result == -EAGAIN);
	worker->next_cookie += result == 0;
	worker->pended += result == 0;
	if (result)
		return;
	(void)oracle_swap(&races->books[cookie].handle, handle);
	(void)oracle_swap(&races->board[rng_below(&worker->rng, BOARD)], handle);
}

/* Whose operation a call that the thread is making has completed cannot be told from the outside
 * when it goes by key or by a handle on the board; the value says it. */
static void complete_one(struct worker *worker)
{
	struct races *races = worker->races;
	const uint64_t handle = oracle_look(&races->board[rng_below(&worker->rng, BOARD)]);
	struct payload value;
	/* Read first: if the completion is accepted, this was the operation's value. */
	const int found = pend_map_read(races->map, handle, NULL, &value);
	const uint32_t action = PEND_ACTION_PERMIT_SOFT + rng_below(&worker->rng, 3);
	const int result = pend_map_complete(races->map, handle, (enum pend_action)action);

	CHECK(result == 0 || result == -ENOENT || result == -EALREADY);
	if (result == 0) {
		CHECK_INT(found, ==, 0);
		CHECK_U64(oracle_count_up(&races->books[value.words[0]].accepted), ==, 1);
	}
}

static void continue_one(struct worker *worker)
{
	struct races *races = worker->races;
	const uint64_t handle = oracle_look(&races->board[rng_below(&worker->rng, BOARD)]);
	const int result = pend_map_complete(races->map, handle, PEND_ACTION_CONTINUE);

	CHECK(result == 0 || result == -ENOENT || result == -EALREADY || result == -ELOOP);
	if (result == 0 && rng_one_in(&worker->rng, 2))
		CHECK_INT(pend_map_poll(races->map, 2), <=, 2);
}

/* Copies are whole, and of the operation that was asked for. */
static void read_one(struct worker *worker)
{
	struct races *races = worker->races;
	const uint64_t key = rng_below(&worker->rng, KEYS);
	struct payload value;
	struct pend_info info;
	int result;

	if (rng_one_in(&worker->rng, 2)) {
		const uint64_t handle = oracle_look(&races->board[rng_below(&worker->rng, BOARD)]);

		result = pend_map_read(races->map, handle, &info, &value);
		CHECK(result == 0 || result == -ENOENT);
		CHECK(result || info.handle == handle);
	} else {
		result = pend_map_lookup(races->map, &key, 8, &info, &value);
		CHECK(result == 0 || result == -ENOENT);
		CHECK(result || value.words[1] == key);
	}
	if (result)
		return;
	CHECK(payload_is_whole(&value));
	CHECK_U64(value.words[0], ==, info.cookie);
	CHECK_U64(info.pend_time_ns, ==, info.cookie + 1);
	CHECK_U64(info.rerun_count, <=, 3);

	/* The handle is not in the books before its pend has returned. */
	const uint64_t noted = oracle_look(&races->books[info.cookie].handle);

	CHECK(noted == 0 || noted == info.handle);
}

static void scan_all(struct worker *worker)
{
	struct races *races = worker->races;
	struct pend_cursor cursor = { 0 };
	struct pend_info infos[SCAN_STEP];
	struct payload values[SCAN_STEP];
	uint32_t anchors = 0;
	int found;

	worker->scans++;
	while ((found = pend_map_scan(races->map, &cursor, infos, values, SCAN_STEP)) > 0) {
		for (int i = 0; i < found; i++) {
			CHECK(payload_is_whole(&values[i]));
			CHECK_U64(values[i].words[0], ==, infos[i].cookie);
			CHECK(worker->stamps[infos[i].cookie] != worker->scans);
			worker->stamps[infos[i].cookie] = worker->scans;
			anchors += infos[i].cookie < ANCHORS;
		}
		worker->calls++;
	}
	CHECK_INT(found, ==, 0);
	CHECK_U64(anchors, ==, ANCHORS);
}

static void run_worker(void *context, uint32_t number, struct crew *crew)
{
	struct races *races = context;
	struct worker worker = { .races = races,
				 .rng = rng_make(races->seed, number),
				 .next_cookie = ANCHORS + number * races->cookies };

	worker.stamps = calloc(ANCHORS + WORKERS * (size_t)races->cookies, sizeof(*worker.stamps));
	CHECK(worker.stamps != NULL);
	(void)crew_meet(crew);
	for (uint32_t i = 0; i < races->rounds; i++) {
		switch (rng_below(&worker.rng, 10)) {
		case 0:
		case 1:
		case 2:
			pend_one(&worker);
			break;
		case 3:
		case 4:
			complete_one(&worker);
			worker.calls++;
			break;
		case 5:
		case 6:
			continue_one(&worker);
			break;
		case 7:
			CHECK_INT(pend_map_poll(races->map, 3), <=, 3);
			break;
		case 8:
			if (rng_one_in(&worker.rng, 8))
				scan_all(&worker);
			break;
		default:
			read_one(&worker);
		}
	}
	oracle_add(&races->calls, worker.calls + races->rounds);
	oracle_add(&races->pended, worker.pended);
	free(worker.stamps);
}

static void pend_anchors(struct races *races)
{
	uint64_t handle;

	for (uint64_t cookie = 0; cookie < ANCHORS; cookie++)
		CHECK_INT(pend(races, KEYS + cookie, cookie, &handle), ==, 0);
}

/* Everything has ended: the books are closed. */
static void audit(struct races *races)
{
	uint64_t told = 0;

	for (uint32_t i = 0; i < ANCHORS + WORKERS * races->cookies; i++) {
		struct book *book = &races->books[i];
		const uint32_t decided = oracle_count_now(&book->decided);

		CHECK_U64(oracle_count_now(&book->running), ==, 0);
		told += oracle_count_now(&book->told);
		CHECK_U64(oracle_count_now(&book->accepted), ==,
			  decided == 1 + PEND_ORIGIN_ORCHESTRATOR);
		CHECK_U64(oracle_count_now(&book->told), ==, decided != 0);
	}
	CHECK_U64(told, ==, oracle_total(&races->pended) + ANCHORS);
}

uint64_t torture_races(uint64_t seed, uint64_t rounds, bool pointers)
{
	struct races races = { .seed = seed,
			       .rounds = (uint32_t)rounds,
			       .cookies = (uint32_t)rounds };
	struct pend_map_stats stats = { .size = sizeof(stats) };

	races.books = calloc(ANCHORS + WORKERS * (size_t)races.cookies, sizeof(*races.books));
	CHECK(races.books != NULL);
	races.map = make_map(&races, pointers);
	pend_anchors(&races);
	crew_run(WORKERS, &races, run_worker);
	CHECK_INT(pend_map_poll(races.map, UINT32_MAX), >=, 0);
	CHECK_INT(pend_map_stats_read(races.map, &stats), ==, 0);
	CHECK_U64(stats.pends, ==, oracle_total(&races.pended) + ANCHORS);
	CHECK_U64(stats.pends, ==, stats.completions + stats.live);
	CHECK_U64(stats.reruns, ==, oracle_total(&races.reruns));
	CHECK_U64(stats.reruns, >, 0);
	CHECK_U64(stats.by_program, >, 0);
	CHECK_INT(pend_map_destroy(races.map), ==, 0);
	audit(&races);
	free(races.books);
	return oracle_total(&races.calls);
}
