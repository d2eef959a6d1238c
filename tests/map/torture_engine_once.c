/* SPDX-License-Identifier: MIT */
/*
 * torture_engine_once.c - guarantee A: exactly one completion for each pend, whoever races.
 *
 * Threads pend, complete and continue the same operations, of which some have a hook frame, some
 * belong to a session and most a deadline of a few milliseconds; one thread disables and enables map
 * and engine and ends sessions. Handles of operations long gone are completed too.
 *
 * The books, by cookie: who was told 0, by which call, and for which verdict. When all has ended,
 * each pend was told once, and told what the one call decided that was accepted, or the program, or
 * the deadline, the limit, the drain or the loss of its session. A completion and its books agree in
 * both directions, so a decision that got lost shows as much as one that came twice.
 */
#include "tests/map/torture_engine.h"

#include <errno.h>
#include <stdlib.h>

enum {
	WORKERS = 4,
	STEPS = 600, /* of a worker in one phase */
	BOARD = 24,
	STALE = 32,
	KEYS = 40,
	RERUN_LIMIT = 1,
	SESSION_STEPS = 150,
	STOP_STEPS = 60,
};

struct once_book {
	struct oracle_place handle;            /* 0: not known yet */
	struct oracle_count owned;             /* 1: by a session */
	struct oracle_count accepted, verdict; /* terminal calls that were told 0 */
	struct oracle_count continues;         /* CONTINUEs that were told 0 */
	struct oracle_count program;           /* 1 + the terminal verdict of frame or re-run */
	struct oracle_count extended;          /* its deadline may have been later */
	struct oracle_count told, action, origin, reruns;
};

struct once {
	struct stage *stage;
	struct once_book *books;          /* WORKERS * STEPS */
	struct oracle_place board[BOARD]; /* 1 + cookie */
	struct oracle_place stale[STALE]; /* handles of earlier phases */
	struct oracle_word session;       /* struct pend_session *, as it is now */
	struct oracle_sum pended, told, calls;
	struct oracle_sum origins[PEND_ORIGIN_OWNER + 1];
};

static uint32_t action_of(uint32_t verdict)
{
	return verdict == PEND_VERDICT_PROCEED_SOFT   ? PEND_ACTION_PERMIT_SOFT
	       : verdict == PEND_VERDICT_PROCEED_HARD ? PEND_ACTION_PERMIT_HARD
						      : PEND_ACTION_BLOCK;
}

static struct pend_session *once_session(struct once *once)
{
	return (struct pend_session *)(uintptr_t)oracle_obtain(&once->session);
}

static struct once_book *once_book_of(struct once *once, const struct pend_operation *operation)
{
	struct once_book *book;
	uint64_t noted;

	CHECK_U64(operation->cookie, <, WORKERS * STEPS);
	book = &once->books[operation->cookie];
	noted = oracle_look(&book->handle);
	CHECK(noted == 0 || noted == operation->handle);
	return book;
}

static void once_told(void *context, const struct pend_operation *operation)
{
	struct once *once = context;
	struct once_book *book = once_book_of(once, operation);

	CHECK_U64(oracle_count_up(&book->told), ==, 1);
	CHECK_U64((uint64_t)operation->origin, <=, PEND_ORIGIN_OWNER);
	/* What moved its deadline may have come in the moment in which it was overdue. */
	if (operation->origin == PEND_ORIGIN_DEADLINE && operation->rerun_count == 0 &&
	    !oracle_count_now(&book->extended))
		CHECK_U64(stage_now_ns(), >=, operation->deadline_ns);
	oracle_count_set(&book->action, operation->action);
	oracle_count_set(&book->origin, operation->origin);
	oracle_count_set(&book->reruns, operation->rerun_count);
	/* Decided, and not yet over. */
	CHECK_INT(pend_map_complete(once->stage->map, operation->handle, PEND_ACTION_BLOCK), ==,
		  -EALREADY);
	oracle_add(&once->told, 1);
	oracle_add(&once->origins[operation->origin], 1);
}

static int once_rerun(void *context, const struct pend_operation *operation)
{
	struct once *once = context;
	struct once_book *book = once_book_of(once, operation);
	const uint64_t draw = payload_word(operation->cookie, operation->rerun_count, 1);

	CHECK_U64(oracle_count_now(&book->told), ==, 0);
	if (draw % 4)
		return PEND_VERDICT_PEND;
	CHECK_U64(oracle_count_now(&book->program), ==, 0);
	oracle_count_set(&book->program, 1 + (uint32_t)(draw / 4 % 3));
	return (int)(draw / 4 % 3);
}

/* ---- the workers ---- */

struct once_worker {
	struct once *once;
	struct rng rng;
	uint64_t next, end; /* cookies */
	uint64_t calls;
	uint32_t opened; /* sessions */
};

static void once_close_frame(struct once_worker *worker, uint64_t cookie, uint64_t handle)
{
	struct once *once = worker->once;
	uint32_t verdict = PEND_VERDICT_PEND;

	if (rng_one_in(&worker->rng, 4)) {
		verdict = rng_below(&worker->rng, 3);
		oracle_count_set(&once->books[cookie].program, 1 + verdict);
	}
	for (uint32_t i = rng_below(&worker->rng, 4); i; i--)
		(void)sched_yield();
	CHECK_INT(pend_map_close_frame(once->stage->map, handle, (enum pend_verdict)verdict), ==,
		  0);
}

static void once_pend(struct once_worker *worker)
{
	struct once *once = worker->once;
	const uint64_t cookie = worker->next, key = rng_below(&worker->rng, KEYS);
	const bool frame = rng_one_in(&worker->rng, 4), owned = rng_one_in(&worker->rng, 3);
	struct pend_request request = { .cookie = cookie };
	uint64_t handle = 0;
	int result;

	request.key = once->stage->setup->keyed ? &key : NULL;
	request.key_size = once->stage->setup->keyed ? 8 : 0;
	request.flags = frame ? PEND_REQUEST_FRAME : 0;
	request.deadline_ns = rng_one_in(&worker->rng, 8)
				      ? PEND_DEADLINE_NONE
				      : 1000000u * (1 + rng_below(&worker->rng, 5));
	request.session = owned ? once_session(once) : NULL;
	oracle_count_set(&once->books[cookie].owned, owned);
	result = pend_map_pend(once->stage->map, &request, &handle);
	CHECK(result == 0 || result == -EEXIST || result == -ENOSPC || result == -ESHUTDOWN ||
	      (owned && result == -ENOBUFS));
	if (result)
		return;
	worker->next++;
	oracle_add(&once->pended, 1);
	(void)oracle_swap(&once->books[cookie].handle, handle);
	(void)oracle_swap(&once->board[rng_below(&worker->rng, BOARD)], cookie + 1);
	if (frame)
		once_close_frame(worker, cookie, handle);
	(void)oracle_swap(&once->stale[rng_below(&worker->rng, STALE / 2)], handle);
}

static int once_decide(struct once *once, struct once_book *book, uint64_t handle, uint32_t action)
{
	int result = pend_map_complete(once->stage->map, handle, (enum pend_action)action);

	CHECK(result || !oracle_count_now(&book->owned));
	if (result != -EPERM)
		return result;
	result = pend_session_complete(once_session(once), once->stage->map, handle,
				       (enum pend_action)action);
	CHECK(result || oracle_count_now(&book->owned));
	return result;
}

static void once_complete(struct once_worker *worker, bool again)
{
	struct once *once = worker->once;
	const uint64_t seen = oracle_look(&once->board[rng_below(&worker->rng, BOARD)]);
	const uint32_t action = again ? PEND_ACTION_CONTINUE
				      : PEND_ACTION_PERMIT_SOFT + rng_below(&worker->rng, 3);
	struct once_book *book;
	uint64_t handle;
	int result;

	if (!seen)
		return;
	book = &once->books[seen - 1];
	handle = oracle_look(&book->handle);
	if (!handle)
		return;
	result = once_decide(once, book, handle, action);
	CHECK(result == 0 || result == -ENOENT || result == -EALREADY || result == -EPERM ||
	      result == -ESHUTDOWN);
	if (result)
		return;
	if (again) {
		(void)oracle_count_up(&book->continues);
		return;
	}
	CHECK_U64(oracle_count_up(&book->accepted), ==, 1);
	oracle_count_set(&book->verdict, action);
}

/* What is over stays over. */
static void once_disturb(struct once_worker *worker)
{
	struct once *once = worker->once;
	const uint64_t stale =
		oracle_look(&once->stale[STALE / 2 + rng_below(&worker->rng, STALE / 2)]);
	const uint64_t seen = oracle_look(&once->board[rng_below(&worker->rng, BOARD)]);
	int result;

	if (stale)
		CHECK_INT(pend_map_complete(once->stage->map, stale, PEND_ACTION_PERMIT_HARD), ==,
			  -ENOENT);
	if (!seen)
		return;
	oracle_count_set(&once->books[seen - 1].extended, 1);
	result = pend_map_extend(once->stage->map, oracle_look(&once->books[seen - 1].handle),
				 1000000u * (1 + rng_below(&worker->rng, 3)));
	CHECK(result == 0 || result == -ENOENT || result == -EALREADY || result == -ERANGE);
}

static void once_stop(struct once_worker *worker)
{
	struct stage *stage = worker->once->stage;
	int result;

	switch (rng_below(&worker->rng, 3)) {
	case 0:
		CHECK_INT(pend_map_disable(stage->map, PEND_WAIT_FOREVER), ==, 0);
		break;
	case 1:
		result = pend_map_disable_async(stage->map, PEND_WAIT_FOREVER, NULL, NULL);
		CHECK(result == 0 || result == -EALREADY);
		break;
	default:
		CHECK_INT(pend_engine_disable(stage->engine, PEND_WAIT_FOREVER), ==, 0);
		CHECK_INT(pend_engine_enable(stage->engine), ==, 0);
	}
	CHECK_INT(pend_map_enable(stage->map), ==, 0);
}

static struct pend_session *once_open(struct once_worker *worker)
{
	static const enum pend_on_loss losses[] = { PEND_LOSS_BLOCK, PEND_LOSS_PERMIT,
						    PEND_LOSS_KEEP };
	struct pend_session_options options = pend_session_options_default();
	struct pend_session *session;

	options.on_loss = losses[worker->opened++ % 3];
	CHECK_INT(pend_session_open(worker->once->stage->engine, &options, &session), ==, 0);
	return session;
}

/* The session ends while others name it, and another one takes its place. */
static void once_lose(struct once_worker *worker)
{
	struct once *once = worker->once;
	struct pend_session *old = once_session(once);
	struct pend_session *next = once_open(worker);

	if (rng_one_in(&worker->rng, 2))
		oracle_give(&once->session, (uintptr_t)next);
	CHECK_INT(pend_session_close(old), ==, 0);
	oracle_give(&once->session, (uintptr_t)next);
}

static void once_step(struct once_worker *worker, uint32_t number, uint32_t step)
{
	const uint32_t draw = rng_below(&worker->rng, 12);
	struct pend_notice notices[8];

	if (number == 0 && step % STOP_STEPS == STOP_STEPS - 1)
		once_stop(worker);
	if (number == 0 && step % SESSION_STEPS == SESSION_STEPS - 1)
		once_lose(worker);
	if (draw < 4)
		once_pend(worker);
	else if (draw < 7)
		once_complete(worker, false);
	else if (draw < 9)
		once_complete(worker, true);
	else if (draw < 10)
		(void)pend_session_read(once_session(worker->once), notices, NULL, 8);
	else
		once_disturb(worker);
}

/* ---- the audit ---- */

/* What was told is what was decided. */
static void once_audit_book(struct once_book *book, bool pended)
{
	const uint32_t origin = oracle_count_now(&book->origin);
	const uint32_t action = oracle_count_now(&book->action);
	const uint32_t continues = oracle_count_now(&book->continues);

	CHECK_U64(oracle_count_now(&book->told), ==, pended);
	if (!pended)
		return;
	CHECK_U64(oracle_count_now(&book->accepted), ==, origin == PEND_ORIGIN_ORCHESTRATOR);
	CHECK_U64(continues, ==, oracle_count_now(&book->reruns) + (origin == PEND_ORIGIN_LIMIT));
	switch (origin) {
	case PEND_ORIGIN_ORCHESTRATOR:
		CHECK_U64(action, ==, oracle_count_now(&book->verdict));
		break;
	case PEND_ORIGIN_PROGRAM:
		CHECK_U64(oracle_count_now(&book->program), >, 0);
		CHECK_U64(action, ==, action_of(oracle_count_now(&book->program) - 1));
		break;
	case PEND_ORIGIN_OWNER:
		CHECK_U64(oracle_count_now(&book->owned), ==, 1);
		CHECK(action == PEND_ACTION_BLOCK || action == PEND_ACTION_PERMIT_SOFT);
		break;
	case PEND_ORIGIN_LIMIT:
		CHECK_U64(continues, ==, RERUN_LIMIT + 1);
		CHECK_U64(action, ==, PEND_ACTION_BLOCK);
		break;
	default:
		CHECK_U64(action, ==, PEND_ACTION_BLOCK);
	}
}

static void once_audit(struct once *once, const struct once_worker *workers)
{
	stage_settle(once->stage);
	stage_balance(once->stage, oracle_total(&once->pended), oracle_total(&once->told));
	for (uint32_t i = 0; i < WORKERS; i++)
		for (uint32_t cookie = i * STEPS; cookie < (i + 1) * STEPS; cookie++)
			once_audit_book(&once->books[cookie], cookie < workers[i].next);
	memset(once->books, 0, WORKERS * STEPS * sizeof(*once->books));
	memset(once->board, 0, sizeof(once->board));
	/* Their operations are over: from now on these handles mean nothing. */
	for (uint32_t i = 0; i < STALE / 2; i++)
		(void)oracle_swap(&once->stale[STALE / 2 + i], oracle_look(&once->stale[i]));
	CHECK_INT(pend_map_enable(once->stage->map), ==, 0);
}

static struct once_worker once_workers[WORKERS];

static void run_once(void *context, uint32_t number, struct crew *crew)
{
	struct once *once = context;
	struct once_worker *worker = &once_workers[number];
	const uint64_t phases = 4 * once->stage->rounds / STEPS + 1;

	*worker = (struct once_worker){ .once = once, .rng = rng_make(once->stage->seed, number) };
	if (number == 0)
		oracle_give(&once->session, (uintptr_t)once_open(worker));
	for (uint64_t phase = 0; phase < phases; phase++) {
		const uint32_t steps = once->stage->rounds < STEPS ? (uint32_t)once->stage->rounds
								   : STEPS;

		worker->next = number * STEPS;
		(void)crew_meet(crew);
		for (uint32_t step = 0; step < steps; step++)
			once_step(worker, number, step);
		if (crew_meet(crew))
			once_audit(once, once_workers);
		(void)crew_meet(crew);
		worker->calls += steps;
	}
	oracle_add(&once->calls, worker->calls);
}

uint64_t torture_once(struct stage *stage)
{
	struct pend_map_options options = pend_map_options_default();
	struct once once = { .stage = stage };

	once.books = calloc((size_t)WORKERS * STEPS, sizeof(*once.books));
	CHECK(once.books != NULL);
	options.rerun_limit = RERUN_LIMIT;
	options.deadline_ns = 3000000;
	options.flags = PEND_MAP_LIMIT_BLOCKS;
	options.on_complete = once_told;
	options.on_rerun = once_rerun;
	options.context = &once;
	stage_begin(stage, &options);
	crew_run(WORKERS, &once, run_once);
	CHECK_INT(pend_session_close(once_session(&once)), ==, 0);
	printf("# %" PRIu64 " pended; told by", oracle_total(&once.pended));
	for (uint32_t i = 0; i <= PEND_ORIGIN_OWNER; i++)
		printf(" %" PRIu64, oracle_total(&once.origins[i]));
	printf("; %" PRIu64 " overflows\n", stage_stats(stage).overflows);
	stage_end(stage);
	free(once.books);
	return oracle_total(&once.calls);
}
