/* SPDX-License-Identifier: MIT */
/*
 * test_edges.c - what is at the edge of a call's conditions: handles nobody was given, a bad request
 * among those that a full or closed map refuses, a function that polls its own map, hints that are
 * older than the map they reach.
 */
#include "tests/map/manual.h"

#include <pendmap/session.h>
#include <pendmap/upstream.h>

Test(edges, a_handle_that_nobody_was_given)
{
	struct pend_map *map = make_keyed(1);
	const uint64_t handle = pend_key(map, 1);
	uint64_t next;

	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_BLOCK), 0);
	/* relaxed: one thread. The free slot has the generation of what is pended next. */
	next = pendi_handle_make(
		pendi_load_relaxed(&pendi_map_slot(map, pendi_handle_slot(handle))->word),
		pendi_handle_slot(handle));
	cr_assert_neq(next, handle);
	REFUSED(map, -ENOENT, pend_map_close_frame(map, next, PEND_VERDICT_PEND));
	REFUSED(map, -ENOENT, pend_map_extend(map, next, SECOND));
	REFUSED(map, -ENOENT, pend_map_hold(map, next));
	destroy(map);
}

/* Only who decides counts what came too late. */
Test(edges, a_cancel_of_no_slot_is_not_counted)
{
	struct pend_map *map = make_keyed(4);

	REFUSED(map, -ENOENT, pend_map_cancel(map, ~UINT64_C(0)));
	COUNTED(map, -ENOENT, late, pend_map_complete(map, ~UINT64_C(0), PEND_ACTION_BLOCK));
	destroy(map);
}

/* What is wrong with a request is said also where all are refused, and it is not counted. */
Test(edges, a_bad_request_among_those_that_are_refused)
{
	static const uint64_t keys[3] = { 10, 11, 12 };
	struct pend_request requests[3] = { request_of(&keys[0], NULL), request_of(&keys[1], NULL),
					    request_of(&keys[2], NULL) };
	struct pend_map *map = make_keyed(2);
	struct pend_map_stats stats;
	uint64_t handles[3];
	int results[3];

	(void)pend_key(map, 1);
	(void)pend_key(map, 2);
	requests[1].key_size = 7;
	cr_assert_eq(pend_map_pend_batch(map, requests, 3, handles, results), 0);
	cr_assert_eq(results[0], -ENOSPC);
	cr_assert_eq(results[1], -EMSGSIZE);
	cr_assert_eq(results[2], -ENOSPC);
	cr_assert_eq(handles[1], 0);
	stats = stats_of(map);
	cr_assert_eq(stats.refused_full, 2);
	cr_assert_eq(pend_map_disable(map, 0), 0);
	cr_assert_eq(pend_map_pend_batch(map, requests, 3, handles, results), 0);
	cr_assert_eq(results[0], -ESHUTDOWN);
	cr_assert_eq(results[1], -EMSGSIZE);
	cr_assert_eq(stats_of(map).refused_stopped, stats.refused_stopped + 2);
	destroy(map);
}

Test(edges, a_bad_map_comes_before_a_bad_pointer)
{
	const uint64_t key = 1;

	cr_assert_eq(pend_map_peek_key(NULL, &key, 8, NULL, NULL), -EFAULT);
	cr_assert_eq(pend_map_peek_key(make_destroyed(), &key, 8, NULL, NULL), -ESHUTDOWN);
}

static struct {
	struct pend_map *map;
	int polled;
	uint32_t reruns;
} polling;

static void poll_own_map(void *context, const struct pend_operation *operation)
{
	(void)context;
	(void)operation;
	polling.polled = pend_map_poll(polling.map, UINT32_MAX);
}

static int count_rerun(void *context, const struct pend_operation *operation)
{
	(void)context;
	(void)operation;
	polling.reruns++;
	return PEND_VERDICT_PEND;
}

/* A completion function may poll; a re-run may not (test_rerun.c). */
Test(edges, a_completion_function_may_poll)
{
	struct pend_map_options options = keyed(4, 0);
	uint64_t first, second;

	options.on_complete = poll_own_map;
	options.on_rerun = count_rerun;
	polling.map = make(&options);
	first = pend_key(polling.map, 1);
	second = pend_key(polling.map, 2);
	cr_assert_eq(pend_map_complete(polling.map, second, PEND_ACTION_CONTINUE), 0);
	cr_assert_eq(pend_map_complete(polling.map, first, PEND_ACTION_BLOCK), 0);
	cr_assert_eq(polling.polled, 1);
	cr_assert_eq(polling.reruns, 1);
	destroy(polling.map);
}

/* In a map whose operations have no deadline, another cycle has none either, whatever the first one
 * had; but for the lifetime. */
Test(edges, a_new_cycle_without_a_deadline)
{
	static const uint64_t lifetimes_ns[] = { PEND_DEADLINE_NONE, HOUR };
	struct pend_engine *engine = make_engine();

	for (uint32_t i = 0; i < 2; i++) {
		struct told told = { 0 };
		struct pend_map_options options = managed(engine, &told, 4);
		uint64_t handle, pended_ns;
		struct pend_map *map;

		options.deadline_ns = PEND_DEADLINE_NONE;
		options.lifetime_ns = lifetimes_ns[i];
		options.on_rerun = count_rerun;
		map = make(&options);
		handle = pend_with(map, 1, 0, SECOND);
		pended_ns = info_of(map, handle).pend_time_ns;
		cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_CONTINUE), 0);
		(void)serve_all(engine);
		cr_assert_eq(info_of(map, handle).state, PEND_STATE_PENDING);
		cr_assert_eq(info_of(map, handle).deadline_ns,
			     i ? rounded_up(pended_ns + HOUR) : PEND_DEADLINE_NONE);
		pass_time(engine, 60 * SECOND, SECOND);
		cr_assert_eq(told.count, 0);
		destroy(map);
	}
	destroy_engine(engine);
}

/* Hints that outlive their map reach the next one of its number, which has fewer slots. */
Test(edges, hints_of_an_earlier_map)
{
	enum { MANY = 48 };
	struct pend_engine *engine = make_engine();
	struct told told = { 0 };
	struct pend_map_options options = managed(engine, &told, MANY);
	struct pend_map *map = make(&options);
	const uint32_t number = map->client.number;

	for (uint64_t key = 0; key < MANY; key++)
		cr_assert_eq(pend_map_complete(map, pend_key(map, key), PEND_ACTION_BLOCK), 0);
	destroy(map);
	cr_assert_eq(told.count, MANY);
	options.max_entries = 1;
	map = make(&options);
	/* The number is used again at once, or late: then the hints are handed over. */
	for (uint32_t slot = 0; map->client.number != number && slot < MANY; slot++)
		cr_assert(pendi_engine_hint(&map->client, 0, slot));
	(void)pend_key(map, 1);
	(void)serve_all(engine);
	cr_assert_eq(told.count, MANY);
	cr_assert_eq(stats_of(map).live, 1);
	destroy(map);
	destroy_engine(engine);
}

/* A crowd that ends at once leaves the agenda in several passes, and then nobody looks any more. */
Test(edges, a_crowd_leaves_the_agenda)
{
	enum { CROWD = 3000 };
	struct pend_engine *engine = make_engine();
	struct pend_map_options options = managed(engine, NULL, CROWD);
	struct pend_map *map = make(&options);
	uint32_t left = 0;

	for (uint64_t key = 0; key < CROWD; key++)
		(void)pend_with(map, key, 0, SECOND);
	pass_time(engine, 2 * SECOND, 100 * MS);
	cr_assert_eq(stats_of(map).by_deadline, CROWD);
	pass_time(engine, 60 * SECOND, SECOND);
	for (uint32_t slot = 0; slot < CROWD; slot++)
		/* relaxed: one thread. */
		left += pendi_load_relaxed(&pendi_map_slot(map, slot)->timed) == PENDI_TIMED_OUT;
	cr_assert_eq(left, CROWD);
	for (uint32_t shard = 0; shard < map->shards; shard++)
		cr_assert_eq(map->client.next(&map->client, shard), PENDI_TICK_NEVER);
	destroy(map);
	destroy_engine(engine);
}

/* ---- sessions ---- */

/* A notice says when the operation was pended, also where who pends says so. */
Test(edges, a_notice_says_when)
{
	struct pend_engine *engine = make_engine();
	const struct pend_map_options options = managed(engine, NULL, 4);
	struct pend_map *map = make(&options);
	const uint64_t keys[2] = { 1, 2 };
	struct pend_session *session;
	struct pend_notice notices[2];

	cr_assert_eq(pend_session_open(engine, NULL, &session), 0);
	for (uint32_t i = 0; i < 2; i++) {
		struct pend_request request = request_of(&keys[i], NULL);
		uint64_t handle;

		request.session = session;
		request.now_ns = i ? machine.mono_ns - 5 * MS : 0;
		cr_assert_eq(pend_map_pend(map, &request, &handle), 0);
	}
	cr_assert_eq(pend_session_read(session, notices, NULL, 2), 2);
	cr_assert_eq(notices[0].time_ns, machine.mono_ns);
	cr_assert_eq(notices[1].time_ns, machine.mono_ns - 5 * MS);
	cr_assert_eq(pend_session_close(session), 0);
	destroy(map);
	destroy_engine(engine);
}

static uint32_t pauses;

static void count_pause(void)
{
	pauses++;
}

/* Who finds that a session with many operations is lost rests now and then. */
Test(edges, a_large_loss_rests)
{
	enum { MANY = 5000 };
	struct pend_engine *engine = make_engine();
	struct pend_session_options session_options = pend_session_options_default();
	struct pend_map_options options = managed(engine, NULL, MANY);
	struct pend_map *map = make(&options);
	struct pend_session *session;

	session_options.notices = 8192;
	cr_assert_eq(pend_session_open(engine, &session_options, &session), 0);
	for (uint64_t key = 0; key < MANY; key++) {
		struct pend_request request = request_of(&key, NULL);
		uint64_t handle;

		request.session = session;
		cr_assert_eq(pend_map_pend(map, &request, &handle), 0);
	}
	machine.on_pause = count_pause;
	cr_assert_eq(pend_session_close(session), 0);
	machine.on_pause = NULL;
	cr_assert_eq(pauses, 1);
	(void)serve_all(engine);
	pass_time(engine, SECOND, 10 * MS);
	cr_assert_eq(stats_of(map).by_owner, MANY);
	destroy(map);
	destroy_engine(engine);
}

/* ---- upstream's words for a map without an engine ---- */

Test(edges, staged_without_an_engine)
{
	struct told told = { 0 };
	struct pend_map_options options = keyed(4, 0);
	struct pend_value value = { PEND_VALUE_VERSION, sizeof(value), PEND_ACTION_PERMIT_HARD, 0 };
	struct pend_key key = { .version = PEND_KEY_VERSION, .size = sizeof(key) };
	struct pend_map *map;

	options.on_complete = tell;
	options.context = &told;
	map = make(&options);
	key.pend_id = pend_key(map, 1);
	cr_assert_eq(pend_map_update_elem(NULL, map, &key, &value, PEND_BPF_EXIST), 0);
	cr_assert_eq(told.count, 0);
	cr_assert_eq(pend_map_delete_elem(NULL, map, &key), 0);
	cr_assert_eq(told.count, 1);
	cr_assert_eq(told.operations[0].action, PEND_ACTION_PERMIT_HARD);
	destroy(map);
}
