/* SPDX-License-Identifier: MIT */
/*
 * test_hold.c - the hold function of a pend, and cancelling (guarantees A, D, I; F15, race X13).
 *
 * The hold is called when nothing else can fail and before anybody can see the operation; if it
 * refuses, the pend never was.
 */
#include "tests/map/manual.h"

static struct told told;

struct holder {
	struct pend_map *map;
	uint64_t key;
	uint64_t handle;
	uint64_t fill; /* what it writes into the scratch */
	uint32_t calls;
	bool look; /* what the others see */
	int result;
};

/* What the others see meanwhile: nothing. */
static void look_around(const struct holder *holder)
{
	struct pend_cursor cursor = { 0 };
	struct pend_info info;

	cr_assert_eq(pend_map_read(holder->map, holder->handle, NULL, NULL), -ENOENT);
	cr_assert_eq(pend_map_lookup(holder->map, &holder->key, 8, NULL, NULL), -ENOENT);
	cr_assert_eq(pend_map_complete(holder->map, holder->handle, PEND_ACTION_BLOCK), -ENOENT);
	cr_assert_eq(pend_map_scan(holder->map, &cursor, &info, NULL, 1), 0);
}

static int hold(void *context, uint64_t handle, void *scratch)
{
	struct holder *holder = context;

	holder->calls++;
	holder->handle = handle;
	cr_assert_neq(handle, 0);
	if (holder->look)
		look_around(holder);
	if (scratch)
		memcpy(scratch, &holder->fill, sizeof(holder->fill));
	return holder->result;
}

static int pend_held(struct holder *holder, uint64_t *handle)
{
	const struct pend_hold by = { hold, holder };
	struct pend_request request = request_of(&holder->key, NULL);
	const uint64_t ignored = 77;

	request.scratch = &ignored;
	request.hold = &by;
	return pend_map_pend(holder->map, &request, handle);
}

static void check_hold(struct pend_engine *engine)
{
	const struct pend_map_options options = managed(engine, &told, 4);
	struct holder holder = { .map = make(&options), .key = 5, .fill = 1234, .look = true };
	uint64_t handle = 0;

	told.count = 0;
	cr_assert_eq(pend_held(&holder, &handle), 0);
	cr_assert_eq(handle, holder.handle);
	cr_assert_eq(holder.calls, 1);
	cr_assert_eq(info_of(holder.map, handle).state, PEND_STATE_PENDING);
	cr_assert_eq(pend_map_complete(holder.map, handle, PEND_ACTION_BLOCK), 0);
	if (engine)
		(void)serve_all(engine);
	cr_assert_eq(told.count, 1);
	cr_assert_eq(told.scratches[0], 1234);
	destroy(holder.map);
}

Test(hold, comes_before_anybody_sees_the_operation)
{
	struct pend_engine *engine = make_engine();

	check_hold(NULL);
	check_hold(engine);
	destroy_engine(engine);
}

static void check_refusal(struct pend_engine *engine)
{
	const struct pend_map_options options = managed(engine, &told, 4);
	struct holder holder = { .map = make(&options), .key = 5, .result = -ENOMEM };
	uint64_t handle = CANARY;

	told.count = 0;
	/* The first in each slot arms its deadline, which stays armed, and is counted. */
	for (uint32_t i = 0; i < 16; i++)
		cr_assert_eq(pend_held(&holder, &handle), -ENOMEM);
	/* More often than there are slots: each goes back, and so does the key. */
	for (uint32_t i = 0; i < 20; i++) {
		/* retval: pend_map_pend -ENOMEM */
		COUNTED(holder.map, -ENOMEM, refused_hold, pend_held(&holder, &handle));
		cr_assert_eq(handle, CANARY);
		cr_assert_eq(pend_map_count(holder.map), 0);
		cr_assert_eq(pend_map_complete_key(holder.map, &holder.key, 8, PEND_ACTION_BLOCK),
			     -ENOENT);
	}
	cr_assert_eq(holder.calls, 36);
	for (uint64_t key = 4; key < 8; key++)
		(void)pend_key(holder.map, key);
	cr_assert_eq(pend_error(holder.map, 9), -ENOSPC);
	cr_assert_eq(told.count, 0);
	destroy(holder.map);
}

Test(hold, what_it_refuses_never_was)
{
	struct pend_engine *engine = make_engine();

	check_refusal(NULL);
	check_refusal(engine);
	destroy_engine(engine);
}

/* A session's notice and share, and the bytes, are given back too. */
Test(hold, what_it_refuses_tells_nobody)
{
	struct pend_engine *engine = make_engine();
	struct pend_map_options options = managed(engine, &told, 4);
	struct pend_session *session = NULL;
	struct pend_notice notice;
	struct holder holder = { .key = 5, .result = -EOPNOTSUPP };
	const struct pend_hold by = { hold, &holder };
	struct pend_request request = request_of(&holder.key, NULL);
	uint64_t handle = CANARY;

	options.quota_bytes = 1 << 20;
	holder.map = make(&options);
	cr_assert_eq(pend_session_open(engine, NULL, &session), 0);
	request.session = session;
	request.hold = &by;
	cr_assert_eq(pend_map_pend(holder.map, &request, &handle), -EOPNOTSUPP);
	cr_assert_eq(pend_session_read(session, &notice, NULL, 1), 0);
	cr_assert_eq(quota_used(holder.map), 0);
	holder.result = 0;
	cr_assert_eq(pend_map_pend(holder.map, &request, &handle), 0);
	cr_assert_eq(pend_session_read(session, &notice, NULL, 1), 1);
	cr_assert_eq(notice.handle, handle);
	cr_assert_eq(pend_session_close(session), 0);
	destroy(holder.map);
	destroy_engine(engine);
}

Test(hold, in_a_batch_each_has_its_own)
{
	const struct pend_map_options options = managed(NULL, &told, 4);
	struct pend_map *map = make(&options);
	struct holder holders[3] = { { .map = map, .key = 1 },
				     { .map = map, .key = 2, .result = -ENOMEM },
				     { .map = map, .key = 3 } };
	struct pend_request requests[3];
	const struct pend_hold by = { hold, &holders[1] };
	uint64_t handles[3];
	int results[3];

	for (uint32_t i = 0; i < 3; i++)
		requests[i] = request_of(&holders[i].key, NULL);
	/* The second alone: the first is seen by its hold's scan. */
	requests[1].hold = &by;
	cr_assert_eq(pend_map_pend_batch(map, &requests[1], 1, &handles[1], &results[1]), 0);
	cr_assert_eq(results[1], -ENOMEM);
	requests[1].hold = NULL;
	cr_assert_eq(pend_map_pend_batch(map, requests, 3, handles, results), 3);
	cr_assert_eq(stats_of(map).pends, 3);
	destroy(map);
}

Test(cancel, ends_an_operation_whoever_owns_it)
{
	struct pend_engine *engine = make_engine();
	const struct pend_map_options options = managed(engine, &told, 4);
	struct pend_map *map = make(&options);
	struct pend_session *session = NULL;
	struct pend_request request;
	const uint64_t key = 9;
	uint64_t handle = 0;

	told.count = 0;
	cr_assert_eq(pend_session_open(engine, NULL, &session), 0);
	request = request_of(&key, NULL);
	request.session = session;
	cr_assert_eq(pend_map_pend(map, &request, &handle), 0);
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_BLOCK), -EPERM);
	cr_assert_eq(pend_map_cancel(map, handle), 0);
	/* retval: pend_map_cancel -EALREADY */
	cr_assert_eq(pend_map_cancel(map, handle), -EALREADY);
	cr_assert_eq(pend_session_complete(session, map, handle, PEND_ACTION_PERMIT_SOFT),
		     -EALREADY);
	(void)serve_all(engine);
	cr_assert_eq(told.count, 1);
	cr_assert_eq(told.operations[0].action, PEND_ACTION_BLOCK);
	cr_assert_eq(told.operations[0].origin, PEND_ORIGIN_CANCEL);
	cr_assert_eq(stats_of(map).by_cancel, 1);
	cr_assert_eq(stats_of(map).completions, 1);
	cr_assert_eq(stats_of(map).live, 0);
	/* retval: pend_map_cancel -ENOENT */
	cr_assert_eq(pend_map_cancel(map, handle), -ENOENT);
	REFUSED(map, -ENOENT, pend_map_cancel(map, UINT64_MAX));
	cr_assert_eq(pend_session_close(session), 0);
	destroy(map);
	destroy_engine(engine);
}

Test(cancel, refuses)
{
	/* retval: pend_map_cancel -EFAULT */
	cr_assert_eq(pend_map_cancel(NULL, 1), -EFAULT);
	/* retval: pend_map_cancel -ESHUTDOWN */
	cr_assert_eq(pend_map_cancel(make_destroyed(), 1), -ESHUTDOWN);
}
