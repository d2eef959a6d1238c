/* SPDX-License-Identifier: MIT */
/*
 * test_between_end.c - operations whose session, map or slot comes to its end between any two accesses
 * of who pends, serves or recycles them (tests/support/between.h).
 */
#include "tests/map/manual.h"

#include <pendmap/session.h>

#include "engine/shard/engine_internal.h"
#include "tests/support/between.h"

/* What is settled once in a process is settled: others would wait for it. */
static void settle_all(void)
{
	machine_play();
	(void)pendi_thread_number();
	destroy(make_keyed(4));
}

TestSuite(map_between_end, .init = settle_all, .timeout = 60);

/* ---- a session that is lost while somebody pends for it ---- */

static void *closes(void *session)
{
	if (pend_session_close(session))
		abort();
	return NULL;
}

struct loss {
	enum pend_on_loss on_loss;
	uint64_t deadline_ns;
	enum pend_action action; /* PENDING: it waits for its deadline */
};

/* Returns whether the session was closed before the pend had ended. */
static bool pend_and_lose(const struct loss *loss, uint32_t at, uint32_t *refused)
{
	struct pend_session_options session_options = pend_session_options_default();
	struct pend_request request = request_of(&(uint64_t){ 1 }, NULL);
	struct pend_engine *engine = make_engine();
	struct told told = { 0 };
	const struct pend_map_options options = managed(engine, &told, 4);
	struct pend_map *map = make(&options);
	uint64_t handle = 0;
	bool acted;
	int result;

	session_options.on_loss = loss->on_loss;
	cr_assert_eq(pend_session_open(engine, &session_options, &request.session), 0);
	request.deadline_ns = loss->deadline_ns;
	(void)between_begin(at, closes, request.session);
	result = pend_map_pend(map, &request, &handle);
	acted = between_end();
	if (!acted)
		(void)closes(request.session);
	(void)serve_all(engine);
	cr_assert(result == 0 || (acted && result == -ESHUTDOWN), "%d", result);
	*refused += result != 0;
	if (result || loss->action == PEND_ACTION_PENDING) {
		cr_assert_eq(told.count, 0);
	} else {
		cr_assert_eq(told.count, 1, "as if the session had been closed afterwards");
		cr_assert_eq(told.operations[0].action, loss->action);
		cr_assert_eq(told.operations[0].origin, PEND_ORIGIN_OWNER);
	}
	pass_time(engine, 3 * SECOND, 100 * MS);
	cr_assert_eq(told.count, result == 0);
	destroy(map);
	destroy_engine(engine);
	return acted;
}

Test(map_between_end, pended_for_a_session_that_is_lost)
{
	static const struct loss losses[] = {
		{ PEND_LOSS_BLOCK, SECOND, PEND_ACTION_BLOCK },
		{ PEND_LOSS_PERMIT, SECOND, PEND_ACTION_PERMIT_SOFT },
		{ PEND_LOSS_KEEP, SECOND, PEND_ACTION_PENDING },
		{ PEND_LOSS_KEEP, PEND_DEADLINE_NONE, PEND_ACTION_BLOCK },
	};

	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
		uint32_t at = 0, refused = 0;

		while (pend_and_lose(&losses[i], at, &refused))
			at++;
		cr_assert_gt(refused, 0);
		cr_assert_lt(refused, at);
	}
}

/* ---- two that serve an engine while a map of it drains ---- */

static struct {
	struct pend_engine *engine;
	uint32_t reports;
} draining;

static void count_report(void *context, struct pend_map *map)
{
	(void)context;
	(void)map;
	draining.reports++;
}

static void *polls(void *argument)
{
	(void)argument;
	for (uint32_t cpu = 0; cpu < MACHINE_CPUS; cpu++)
		if (pend_engine_poll(draining.engine, cpu, 64) < 0)
			abort();
	return NULL;
}

/* It is told once that the drain is through, and never before it is. */
Test(map_between_end, one_tends_a_drain)
{
	for (uint32_t at = 0;; at++) {
		struct told told = { 0 };
		struct pend_map_options options;
		struct pend_map *map, *bystander;
		uint64_t handle;
		bool acted;

		draining.engine = make_engine();
		draining.reports = 0;
		options = managed(draining.engine, &told, 4);
		map = make(&options);
		bystander = make(&options);
		handle = pend_key(bystander, 1);
		(void)pend_key(map, 1);
		(void)pend_key(map, 2);
		cr_assert_eq(pend_map_disable_async(map, SECOND, count_report, NULL), 0);
		(void)between_begin(at, polls, NULL);
		(void)polls(NULL);
		acted = between_end();
		cr_assert_eq(told.count, 2);
		pass_time(draining.engine, 5 * MS, MS);
		cr_assert_eq(draining.reports, 1);
		cr_assert_eq(told.count, 2);
		/* relaxed: one thread. */
		cr_assert_eq(pendi_load_relaxed(&draining.engine->nudged), 0, "nothing is left");
		cr_assert_eq(info_of(bystander, handle).state, PEND_STATE_PENDING);
		destroy(map);
		destroy(bystander);
		destroy_engine(draining.engine);
		if (!acted)
			break;
	}
}

/* ---- a slot that comes out of limbo while another one is owed ---- */

static void *reclaims(void *argument)
{
	(void)argument;
	if (pendi_epoch_synchronize())
		abort();
	while (pendi_epoch_poll())
		;
	return NULL;
}

/* However limbo moves while a slot is deferred, there is room for what has ended. */
Test(map_between_end, no_slot_is_owed_for_good)
{
	for (uint32_t at = 0;; at++) {
		struct pend_map_options options = keyed(2, PEND_MAP_POINTERS);
		struct pend_map *map;
		uint64_t first, second;
		bool acted;

		options.reserve = 1;
		map = make(&options);
		first = pend_key(map, 1);
		second = pend_key(map, 2);
		cr_assert_eq(pend_map_complete(map, second, PEND_ACTION_BLOCK), 0);
		(void)pend_key(map, 3); /* the spare; the second's slot is in limbo */
		(void)between_begin(at, reclaims, NULL);
		cr_assert_eq(pend_map_complete(map, first, PEND_ACTION_BLOCK), 0);
		acted = between_end();
		let_reclaim();
		(void)pend_key(map, 4);
		cr_assert_eq(pend_error(map, 5), -ENOSPC);
		cr_assert_eq(pend_map_complete_key(map, &(uint64_t){ 3 }, 8, PEND_ACTION_BLOCK), 0);
		let_reclaim();
		(void)pend_key(map, 6);
		destroy(map);
		if (!acted)
			break;
	}
}

/* ---- deadlines ---- */

struct lengthened {
	struct pend_map *map;
	uint64_t handle;
};

static void *extends(void *argument)
{
	const struct lengthened *operation = argument;

	if (pend_map_extend(operation->map, operation->handle, 3 * SECOND))
		abort();
	return NULL;
}

/* Of two that extend, the last one's deadline stands. */
Test(map_between_end, the_last_extension_counts)
{
	uint32_t overtaken = 0, at = 0;
	bool acted = true;

	for (; acted; at++) {
		struct pend_engine *engine = make_engine();
		const struct pend_map_options options = managed(engine, NULL, 4);
		struct lengthened operation = { .map = make(&options) };
		uint64_t due_ns;

		operation.handle = pend_key(operation.map, 1);
		(void)between_begin(at, extends, &operation);
		cr_assert_eq(pend_map_extend(operation.map, operation.handle, 5 * SECOND), 0);
		acted = between_end();
		due_ns = info_of(operation.map, operation.handle).deadline_ns;
		if (due_ns == rounded_up(machine.mono_ns + 3 * SECOND))
			overtaken++;
		else
			cr_assert_eq(due_ns, rounded_up(machine.mono_ns + 5 * SECOND));
		cr_assert_eq(stats_of(operation.map).extends, 1 + acted);
		destroy(operation.map);
		destroy_engine(engine);
	}
	cr_assert_gt(overtaken, 0);
	cr_assert_lt(overtaken, at - 4);
}

struct replaced {
	struct lengthened operation;
	uint64_t other, due_ns;
};

static void *replaces(void *argument)
{
	struct replaced *replaced = argument;
	struct pend_map *map = replaced->operation.map;

	if (pend_map_complete(map, replaced->operation.handle, PEND_ACTION_BLOCK))
		abort();
	replaced->other = pend_with(map, 2, 0, SECOND);
	replaced->due_ns = info_of(map, replaced->other).deadline_ns;
	return NULL;
}

/* Who extends an operation that ends meanwhile never moves the deadline of the next one in its slot. */
Test(map_between_end, the_next_operation_keeps_its_deadline)
{
	uint32_t late = 0, at = 0;
	bool acted = true;

	for (; acted; at++) {
		const struct pend_map_options options = keyed(1, 0);
		struct replaced replaced = { .operation.map = make(&options) };
		struct pend_map *map = replaced.operation.map;
		int result;

		replaced.operation.handle = pend_key(map, 1);
		(void)between_begin(at, replaces, &replaced);
		result = pend_map_extend(map, replaced.operation.handle, 5 * SECOND);
		acted = between_end();
		cr_assert(result == 0 || (acted && result == -ENOENT), "%d", result);
		if (acted)
			cr_assert_eq(info_of(map, replaced.other).deadline_ns, replaced.due_ns);
		late += result != 0;
		destroy(map);
	}
	cr_assert_gt(late, 1);
}
