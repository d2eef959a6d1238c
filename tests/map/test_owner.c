/* SPDX-License-Identifier: MIT */
/*
 * test_owner.c - operations that belong to a session: who completes them (F64), who is told of them
 * (F14), and what becomes of them without it.
 */
#include "tests/map/manual.h"

#include <pendmap/session.h>

static struct pend_engine *engine;
static struct pend_map *map;
static struct told told;

static void begin(void)
{
	struct pend_map_options options;

	engine = make_engine();
	options = managed(engine, &told, 40);
	options.quota_bytes = 1u << 20;
	map = make(&options);
}

static void end(void)
{
	destroy(map);
	destroy_engine(engine);
}

TestSuite(owner, .init = begin, .fini = end);

static struct pend_session *open_with(const struct pend_session_options *options)
{
	struct pend_session *session = NULL;

	cr_assert_eq(pend_session_open(engine, options, &session), 0);
	return session;
}

static struct pend_session *open_small(enum pend_on_loss on_loss)
{
	struct pend_session_options options = pend_session_options_default();

	options.notices = 16;
	options.key_size = 8;
	options.on_loss = on_loss;
	options.name = on_loss == PEND_LOSS_HAND_OVER ? "heir" : NULL;
	return open_with(&options);
}

static int try_pend(struct pend_session *session, uint64_t key, int32_t pid, uint64_t *handle)
{
	struct pend_request request = request_of(&key, NULL);

	request.session = session;
	request.subject_pid = pid;
	request.program = key * 3;
	return pend_map_pend(map, &request, handle);
}

static uint64_t pend_for(struct pend_session *session, uint64_t key, uint64_t deadline_ns)
{
	struct pend_request request = request_of(&key, NULL);
	uint64_t handle = 0;

	request.session = session;
	request.deadline_ns = deadline_ns;
	cr_assert_eq(pend_map_pend(map, &request, &handle), 0);
	return handle;
}

static struct pend_session_stats session_stats(struct pend_session *session)
{
	struct pend_session_stats stats = { .size = sizeof(stats) };

	cr_assert_eq(pend_session_stats_read(session, &stats), 0);
	return stats;
}

Test(owner, only_its_session_completes)
{
	struct pend_session *owner = open_small(PEND_LOSS_BLOCK), *other = open_small(0), *stranger;
	struct pend_engine *second = make_engine();
	const uint64_t handle = pend_for(owner, 1, 0), free_for_all = pend_key(map, 2), key = 1;
	const uint32_t action = PEND_ACTION_PERMIT_SOFT;
	int error = 0;

	cr_assert_eq(pend_session_open(second, NULL, &stranger), 0);
	cr_assert_eq(info_of(map, handle).owner, session_stats(owner).number);
	cr_assert_eq(info_of(map, free_for_all).owner, 0);
	/* retval: pend_map_complete -EPERM */
	COUNTED(map, -EPERM, denied, pend_map_complete(map, handle, action));
	/* retval: pend_map_complete_key -EPERM */
	COUNTED(map, -EPERM, denied, pend_map_complete_key(map, &key, 8, action));
	COUNTED(map, 0, denied, pend_map_complete_batch(map, &handle, &action, 1, &error));
	cr_assert_eq(error, -EPERM);
	COUNTED(map, 0, denied, pend_map_complete_key_batch(map, &key, &action, 1, &error));
	cr_assert_eq(error, -EPERM);
	/* retval: pend_session_complete -EPERM */
	COUNTED(map, -EPERM, denied, pend_session_complete(other, map, handle, action));
	REFUSED(map, -EPERM, pend_session_complete(stranger, map, handle, action));
	COUNTED(map, -EPERM, denied, pend_session_complete(owner, map, free_for_all, action));
	cr_assert_eq(pend_session_complete(owner, map, handle, action), 0);
	/* retval: pend_session_complete -EALREADY */
	COUNTED(map, -EALREADY, duplicates, pend_session_complete(owner, map, handle, action));
	(void)serve_all(engine);
	cr_assert_eq(told.count, 1);
	cr_assert_eq(told.operations[0].origin, PEND_ORIGIN_ORCHESTRATOR);
	/* retval: pend_session_complete -ENOENT */
	COUNTED(map, -ENOENT, late, pend_session_complete(owner, map, handle, action));
	/* retval: pend_session_complete -EINVAL */
	REFUSED(map, -EINVAL, pend_session_complete(owner, map, handle, PEND_ACTION_PENDING));
	/* retval: pend_session_complete -EOPNOTSUPP */
	REFUSED(map, -EOPNOTSUPP, pend_session_complete(owner, map, handle, PEND_ACTION_CONTINUE));
	/* retval: pend_session_complete -EFAULT */
	cr_assert_eq(pend_session_complete(NULL, map, handle, action), -EFAULT);
	cr_assert_eq(pend_session_complete(owner, NULL, handle, action), -EFAULT);
	cr_assert_eq(pend_session_close(other), 0);
	/* retval: pend_session_complete -ESHUTDOWN */
	REFUSED(map, -ESHUTDOWN, pend_session_complete(other, map, handle, action));
	cr_assert_eq(pend_session_complete(owner, make_destroyed(), handle, action), -ESHUTDOWN);
	cr_assert_eq(pend_session_close(owner), 0);
	cr_assert_eq(pend_session_close(stranger), 0);
	destroy_engine(second);
}

static int pend_again(void *context, const struct pend_operation *operation)
{
	(void)context;
	(void)operation;
	return PEND_VERDICT_PEND;
}

/* A binding outlives re-runs, and continuing has its limit for the owner as well. */
Test(owner, stays_over_reruns)
{
	struct pend_session *owner = open_small(PEND_LOSS_BLOCK);
	struct pend_map_options options = managed(engine, &told, 4);
	struct pend_map *second;
	struct pend_request request = request_of(&(uint64_t){ 1 }, NULL);
	uint64_t handle;

	options.on_rerun = pend_again;
	options.rerun_limit = 1;
	second = make(&options);
	request.session = owner;
	cr_assert_eq(pend_map_pend(second, &request, &handle), 0);
	cr_assert_eq(pend_map_complete(second, handle, PEND_ACTION_CONTINUE), -EPERM);
	cr_assert_eq(pend_session_complete(owner, second, handle, PEND_ACTION_CONTINUE), 0);
	(void)serve_all(engine);
	/* retval: pend_session_complete -ELOOP */
	REFUSED(second, -ELOOP, pend_session_complete(owner, second, handle, PEND_ACTION_CONTINUE));
	cr_assert_eq(pend_map_complete(second, handle, PEND_ACTION_BLOCK), -EPERM);
	cr_assert_eq(info_of(second, handle).owner, session_stats(owner).number);
	cr_assert_eq(pend_session_complete(owner, second, handle, PEND_ACTION_BLOCK), 0);
	cr_assert_eq(session_stats(owner).live, 1, "until it is delivered");
	(void)serve_all(engine);
	cr_assert_eq(session_stats(owner).live, 0);
	destroy(second);
	cr_assert_eq(pend_session_close(owner), 0);
}

Test(owner, notices_tell_what_was_pended)
{
	struct pend_session *session = open_small(PEND_LOSS_BLOCK);
	struct pend_notice notices[4];
	uint64_t keys[4], handles[3];

	for (uint64_t key = 0; key < 3; key++) {
		machine.cpu = (uint32_t)key;
		machine.mono_ns += MS;
		cr_assert_eq(try_pend(session, key, 0, &handles[key]), 0);
	}
	cr_assert_eq(pend_session_read(session, notices, keys, 4), 3);
	for (uint64_t key = 0; key < 3; key++) {
		cr_assert_eq(notices[key].handle, handles[key]);
		cr_assert_eq(notices[key].cookie, key + 1000);
		cr_assert_eq(notices[key].program, key * 3);
		cr_assert_eq(notices[key].time_ns, info_of(map, handles[key]).pend_time_ns);
		cr_assert_eq(notices[key].map, map);
		cr_assert_eq(notices[key].home_cpu, key);
		cr_assert_eq(notices[key].key_size, 8);
		cr_assert_eq(keys[key], key);
		cr_assert_eq(pend_session_complete(session, map, notices[key].handle,
						   PEND_ACTION_PERMIT_SOFT),
			     0);
	}
	(void)serve_all(engine);
	cr_assert_eq(told.count, 3);
	cr_assert_eq(pend_session_read(session, notices, keys, 4), 0);
	cr_assert_eq(pend_session_close(session), 0);
}

/* Each refusal comes before the pend, and leaves neither an operation nor a notice nor bytes. */
Test(owner, refusals_leave_no_trace)
{
	struct pend_session_options options = pend_session_options_default();
	struct pend_session *full = open_small(PEND_LOSS_BLOCK), *shared, *gone = open_small(0);
	uint64_t handle = CANARY, used;

	cr_assert_eq(pend_session_close(gone), 0);
	for (uint64_t key = 0; key < 16; key++)
		cr_assert_eq(try_pend(full, key, 0, &handle), 0);
	used = quota_used(map);
	handle = CANARY;
	/* retval: pend_map_pend -ENOBUFS */
	COUNTED(map, -ENOBUFS, refused_session, try_pend(full, 99, 0, &handle));
	cr_assert_eq(session_stats(full).refused_full, 1);
	cr_assert_eq(session_stats(full).live, 16);
	options.max_live = 2;
	options.self_pid = 4711;
	shared = open_with(&options);
	cr_assert_eq(quota_used(map), used);
	/* retval: pend_map_pend -EDEADLK */
	COUNTED(map, -EDEADLK, refused_session, try_pend(shared, 99, 4711, &handle));
	cr_assert_eq(session_stats(shared).refused_self, 1);
	/* retval: pend_map_pend -ESHUTDOWN */
	COUNTED(map, -ESHUTDOWN, refused_session, try_pend(gone, 99, 0, &handle));
	/* A key that is taken: noticed after the reservation, which goes back. */
	for (uint32_t i = 0; i < 40; i++)
		COUNTED(map, -EEXIST, refused_key, try_pend(shared, 3, 4712, &handle));
	cr_assert_eq(session_stats(shared).live, 0);
	cr_assert_eq(session_stats(shared).waiting, 0);
	cr_assert_eq(handle, CANARY);
	cr_assert_eq(quota_used(map), used);
	cr_assert_eq(try_pend(shared, 100, 4712, &handle), 0);
	cr_assert_eq(try_pend(shared, 101, 0, &handle), 0);
	/* retval: pend_map_pend -EDQUOT */
	COUNTED(map, -EDQUOT, refused_session, try_pend(shared, 102, 0, &handle));
	cr_assert_eq(session_stats(shared).refused_share, 1);
	cr_assert_eq(session_stats(shared).waiting, 2);
	/* What is delivered is no longer in the share. */
	cr_assert_eq(pend_session_complete(shared, map, handle, PEND_ACTION_BLOCK), 0);
	COUNTED(map, -EDQUOT, refused_session, try_pend(shared, 102, 0, &handle));
	(void)serve_all(engine);
	cr_assert_eq(try_pend(shared, 102, 0, &handle), 0);
	cr_assert_eq(pend_session_close(full), 0);
	cr_assert_eq(pend_session_close(shared), 0);
	(void)serve_all(engine);
	cr_assert_eq(quota_used(map), 0);
	cr_assert_eq(stats_of(map).live, 0);
}

/* A session of another engine, or in a map without one, is none. */
Test(owner, of_another_engine)
{
	struct pend_engine *second = make_engine();
	struct pend_map *bare = make_keyed(4);
	struct pend_request request = request_of(&(uint64_t){ 1 }, NULL);
	struct pend_session *stranger;
	uint64_t handle = CANARY;

	cr_assert_eq(pend_session_open(second, NULL, &stranger), 0);
	COUNTED(map, -ESHUTDOWN, refused_session, try_pend(stranger, 1, 0, &handle));
	request.session = stranger;
	COUNTED(bare, -ESHUTDOWN, refused_session, pend_map_pend(bare, &request, &handle));
	cr_assert_eq(handle, CANARY);
	cr_assert_eq(quota_used(map), 0);
	destroy(bare);
	cr_assert_eq(pend_session_close(stranger), 0);
	destroy_engine(second);
}

Test(owner, in_a_batch)
{
	struct pend_session *session = open_small(PEND_LOSS_BLOCK);
	struct pend_request requests[20];
	uint64_t keys[20], handles[20];
	int results[20];

	for (uint64_t i = 0; i < 20; i++) {
		keys[i] = i;
		requests[i] = request_of(&keys[i], NULL);
		requests[i].session = i % 4 ? session : NULL;
	}
	cr_assert_eq(pend_map_pend_batch(map, requests, 20, handles, results), 20);
	cr_assert_eq(session_stats(session).waiting, 15);
	for (uint64_t i = 0; i < 20; i++)
		cr_assert_eq(info_of(map, handles[i]).owner != 0, i % 4 != 0);
	cr_assert_eq(pend_session_close(session), 0);
	(void)serve_all(engine);
	cr_assert_eq(told.count, 15);
}

/* ---- without its session ---- */

/* Closing does to what the session owned as on_loss says, and to nothing else. */
static void loses(enum pend_on_loss on_loss, enum pend_action action, uint32_t at_once)
{
	struct pend_session *session = open_small(on_loss), *other = open_small(0);
	const uint64_t untouched = pend_for(other, 1, 0), free_for_all = pend_key(map, 2);
	const uint64_t framed = pend_with(map, 3, PEND_REQUEST_FRAME, 0);

	told.count = 0;
	(void)pend_for(session, 10, 0);
	(void)pend_for(session, 11, PEND_DEADLINE_NONE);
	(void)pend_for(session, 12, 0);
	cr_assert_eq(pend_session_close(session), 0);
	(void)serve_all(engine);
	cr_assert_eq(told.count, at_once);
	for (uint32_t i = 0; i < at_once; i++) {
		cr_assert_geq(told.keys[i], 10);
		cr_assert_eq(told.operations[i].action, action);
		cr_assert_eq(told.operations[i].origin, PEND_ORIGIN_OWNER);
	}
	cr_assert_eq(stats_of(map).by_owner, at_once);
	cr_assert_eq(info_of(map, untouched).state, PEND_STATE_PENDING);
	cr_assert_eq(info_of(map, free_for_all).state, PEND_STATE_PENDING);
	cr_assert_eq(info_of(map, framed).state, PEND_STATE_PENDING);
	cr_assert_eq(pend_map_close_frame(map, framed, PEND_VERDICT_PEND), 0);
	cr_assert_eq(pend_session_close(other), 0);
}

Test(owner, lost_blocks)
{
	loses(PEND_LOSS_BLOCK, PEND_ACTION_BLOCK, 3);
}

Test(owner, lost_permits)
{
	loses(PEND_LOSS_PERMIT, PEND_ACTION_PERMIT_SOFT, 3);
}

/* What has a deadline waits for it; what has none is blocked. */
Test(owner, lost_keeps)
{
	loses(PEND_LOSS_KEEP, PEND_ACTION_BLOCK, 1);
	cr_assert_eq(told.keys[0], 11);
	told.count = 0;
	cr_assert_eq(pend_map_complete_key(map, &(uint64_t){ 10 }, 8, PEND_ACTION_BLOCK), -EPERM);
	pass_time(engine, 2002 * MS, MS);
	cr_assert_eq(stats_of(map).by_deadline, 4);
	cr_assert_eq(stats_of(map).live, 0);
}

Test(owner, lost_hands_over)
{
	struct pend_session *heir;
	struct pend_notice notices[4];

	loses(PEND_LOSS_HAND_OVER, PEND_ACTION_PENDING, 0);
	heir = open_small(PEND_LOSS_HAND_OVER);
	cr_assert_eq(session_stats(heir).live, 3);
	cr_assert_eq(pend_session_read(heir, notices, NULL, 4), 3);
	told.count = 0;
	for (uint32_t i = 0; i < 3; i++) {
		cr_assert_eq(pend_map_complete(map, notices[i].handle, PEND_ACTION_BLOCK), -EPERM);
		cr_assert_eq(pend_session_complete(heir, map, notices[i].handle,
						   PEND_ACTION_PERMIT_HARD),
			     0);
	}
	(void)serve_all(engine);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(told.operations[told.count - 3 + i].action, PEND_ACTION_PERMIT_HARD);
	cr_assert_eq(session_stats(heir).live, 0);
	cr_assert_eq(pend_session_close(heir), 0);
}

/* What is decided already keeps its verdict; a frame is waited for. */
Test(owner, lost_does_not_undo)
{
	struct pend_session *session = open_small(PEND_LOSS_BLOCK);
	const uint64_t decided = pend_for(session, 1, 0);
	struct pend_request request = request_of(&(uint64_t){ 2 }, NULL);
	uint64_t framed;

	request.session = session;
	request.flags = PEND_REQUEST_FRAME;
	cr_assert_eq(pend_map_pend(map, &request, &framed), 0);
	cr_assert_eq(pend_session_complete(session, map, decided, PEND_ACTION_PERMIT_HARD), 0);
	cr_assert_eq(pend_session_close(session), 0);
	(void)serve_all(engine);
	cr_assert_eq(told.count, 1);
	cr_assert_eq(told.operations[0].action, PEND_ACTION_PERMIT_HARD);
	cr_assert_eq(pend_map_close_frame(map, framed, PEND_VERDICT_PROCEED_HARD), 0);
	(void)serve_all(engine);
	cr_assert_eq(told.operations[1].action, PEND_ACTION_BLOCK);
	cr_assert_eq(told.operations[1].origin, PEND_ORIGIN_OWNER);
}

/* Its session is lost between reservation and notice: the pender does what the loss says. */
Test(owner, lost_while_pending)
{
	struct pend_session *session = open_small(PEND_LOSS_PERMIT);
	struct pend_request request = request_of(&(uint64_t){ 1 }, NULL);
	struct pendi_admission admission;
	struct pendi_moment moment = { .cpu = 0 };
	struct pendi_key key;
	uint64_t handle;
	uint32_t slot, action;
	int error = 0;

	/* The steps of pend_map_pend(), with a loss in between. */
	request.session = session;
	key = pendi_index_key(&map->index, request.key);
	cr_assert_eq(pendi_map_admit(map, &request, &admission), 0);
	slot = pendi_recycler_take(&map->recycler, 0, &error);
	cr_assert_eq(pend_session_close(session), 0);
	cr_assert_eq(pendi_map_arm(map, &request, &key, slot, &moment, &handle), 0);
	pendi_tally_add(&map->tally, PENDI_COUNT_PENDS, 1);
	action = pendi_map_announce(map, &request, &admission, handle);
	cr_assert_eq(action, PEND_ACTION_PERMIT_SOFT);
	pendi_map_disown_one(map, handle, action);
	(void)serve_all(engine);
	cr_assert_eq(told.count, 1);
	cr_assert_eq(told.operations[0].action, PEND_ACTION_PERMIT_SOFT);
	cr_assert_eq(told.operations[0].origin, PEND_ORIGIN_OWNER);
}
