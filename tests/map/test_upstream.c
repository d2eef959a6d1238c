/* SPDX-License-Identifier: MIT */
/*
 * test_upstream.c - the facades in upstream words, each with each of its answers; and that two
 * orchestrators who interleave their steps cannot deliver what neither meant last (K2 to K4, F42,
 * race X1).
 */
#include "tests/map/manual.h"

#include <pendmap/session.h>
#include <pendmap/upstream.h>

static struct pend_engine *engine;
static struct pend_map *map;
static struct told told;
static uint32_t reruns;
static int verdict;

static int rerun(void *context, const struct pend_operation *operation)
{
	(void)context;
	(void)operation;
	reruns++;
	return verdict;
}

static void begin(void)
{
	struct pend_map_options options;

	engine = make_engine();
	options = managed(engine, &told, 8);
	options.on_rerun = rerun;
	options.rerun_limit = 2;
	map = make(&options);
	verdict = PEND_VERDICT_PEND;
}

static void end(void)
{
	destroy(map);
	destroy_engine(engine);
}

TestSuite(upstream, .init = begin, .fini = end);

static struct pend_value value_of(uint32_t action)
{
	return (struct pend_value){ PEND_VALUE_VERSION, sizeof(struct pend_value), action, 0 };
}

static int update(uint64_t handle, uint32_t action, uint64_t flags)
{
	const struct pend_key key = pend_key_of(handle);
	const struct pend_value value = value_of(action);

	return pend_map_update_elem(NULL, map, &key, &value, flags);
}

static int delete (uint64_t handle)
{
	const struct pend_key key = pend_key_of(handle);

	return pend_map_delete_elem(NULL, map, &key);
}

static enum pend_result insert(uint64_t handle, uint32_t action)
{
	const struct pend_key key = pend_key_of(handle);
	const struct pend_complete_entry entry = { PEND_VALUE_VERSION, sizeof(entry), action };

	return pend_complete_map_update_elem(NULL, map, &key, &entry);
}

static int call(uint64_t handle, enum pend_action action)
{
	const struct pend_key key = pend_key_of(handle);

	return pend_map_complete_elem(NULL, map, &key, action);
}

static uint32_t staged_of(uint64_t handle)
{
	const struct pend_key key = pend_key_of(handle);
	struct pend_value value;

	cr_assert_eq(pend_map_lookup_elem(map, &key, &value), 0);
	cr_assert_eq(value.version, PEND_VALUE_VERSION);
	cr_assert_eq(value.size, sizeof(value));
	cr_assert_eq(value.pend_timestamp_ns, info_of(map, handle).pend_time_ns);
	return value.action;
}

/* One more operation was told, like this. */
static void was_told(enum pend_action action, enum pend_origin origin)
{
	(void)serve_all(engine);
	cr_assert_eq(told.count, 1);
	cr_assert_eq(told.operations[0].action, action);
	cr_assert_eq(told.operations[0].origin, origin);
	told.count = 0;
}

/* ---- the first vocabulary: update, delete ---- */

Test(upstream, an_update_decides_nothing_and_a_delete_does)
{
	static const enum pend_action actions[] = { PEND_ACTION_PERMIT_SOFT,
						    PEND_ACTION_PERMIT_HARD, PEND_ACTION_BLOCK };

	for (uint32_t i = 0; i < 3; i++) {
		const uint64_t handle = pend_key(map, i);

		cr_assert_eq(staged_of(handle), PEND_ACTION_PENDING);
		cr_assert_eq(update(handle, actions[i], PEND_BPF_EXIST), 0);
		(void)serve_all(engine);
		cr_assert_eq(told.count, 0);
		cr_assert_eq(staged_of(handle), actions[i]);
		cr_assert_eq(info_of(map, handle).state, PEND_STATE_PENDING);
		cr_assert_eq(delete (handle), 0);
		was_told(actions[i], PEND_ORIGIN_ORCHESTRATOR);
	}
	cr_assert_eq(stats_of(map).staged_lost, 0);
	cr_assert_eq(stats_of(map).by_orchestrator, 3);
}

/* The last update counts; any flag that allows an update does. */
Test(upstream, the_last_update_counts)
{
	const uint64_t handle = pend_key(map, 1);

	cr_assert_eq(update(handle, PEND_ACTION_BLOCK, PEND_BPF_ANY), 0);
	cr_assert_eq(update(handle, PEND_ACTION_PERMIT_HARD, PEND_BPF_EXIST), 0);
	cr_assert_eq(update(handle, PEND_ACTION_PERMIT_SOFT, PEND_BPF_ANY), 0);
	cr_assert_eq(staged_of(handle), PEND_ACTION_PERMIT_SOFT);
	cr_assert_eq(delete (handle), 0);
	was_told(PEND_ACTION_PERMIT_SOFT, PEND_ORIGIN_ORCHESTRATOR);
}

/* F42: a delete that nothing was staged for blocks; the second one finds nothing. */
Test(upstream, a_delete_out_of_nowhere_blocks)
{
	const uint64_t handle = pend_key(map, 1);

	cr_assert_eq(delete (handle), 0);
	/* retval: pend_map_delete_elem -ENOENT */
	COUNTED(map, -ENOENT, duplicates, delete (handle));
	was_told(PEND_ACTION_BLOCK, PEND_ORIGIN_ORCHESTRATOR);
	COUNTED(map, -ENOENT, late, delete (handle));
	COUNTED(map, -ENOENT, late, delete (0));
	COUNTED(map, -ENOENT, late, delete (~0ull));
}

/* K2: only a program makes elements. */
Test(upstream, nobody_inserts)
{
	const uint64_t handle = pend_key(map, 1), gone = pend_key(map, 2);
	const uint64_t missing[] = { 0, ~0ull, handle + (1ull << 26), gone };

	cr_assert_eq(call(gone, PEND_ACTION_BLOCK), 0);
	for (uint32_t round = 0; round < 2; round++) {
		for (size_t i = 0; i < 4; i++) {
			/* retval: pend_map_update_elem -ENOENT */
			REFUSED(map, -ENOENT, update(missing[i], 1, PEND_BPF_EXIST));
			/* retval: pend_map_update_elem -EPERM */
			REFUSED(map, -EPERM, update(missing[i], 1, PEND_BPF_ANY));
			REFUSED(map, -EPERM, update(missing[i], 1, PEND_BPF_NOEXIST));
			cr_assert_eq(update(missing[i], 4, PEND_BPF_EXIST), -ENOENT);
			cr_assert_eq(update(missing[i], 4, PEND_BPF_ANY), -EPERM);
		}
		/* Decided first, then delivered. */
		(void)serve_all(engine);
	}
	/* retval: pend_map_update_elem -EEXIST */
	REFUSED(map, -EEXIST, update(handle, 1, PEND_BPF_NOEXIST));
	REFUSED(map, -EEXIST, update(handle, 4, PEND_BPF_NOEXIST));
	cr_assert_eq(staged_of(handle), PEND_ACTION_PENDING);
}

/* K3: staged and never deleted: the deadline blocks, and says what it dropped. */
Test(upstream, a_deadline_drops_what_is_staged)
{
	const uint64_t handle = pend_key(map, 1);

	cr_assert_eq(update(handle, PEND_ACTION_PERMIT_HARD, PEND_BPF_EXIST), 0);
	pass_time(engine, 2002 * MS, MS);
	was_told(PEND_ACTION_BLOCK, PEND_ORIGIN_DEADLINE);
	cr_assert_eq(stats_of(map).staged_lost, 1);
	COUNTED(map, -ENOENT, late, delete (handle));
}

/* K4: continuing drops what is staged. */
Test(upstream, a_continue_drops_what_is_staged)
{
	uint64_t handle = pend_key(map, 1);

	cr_assert_eq(update(handle, PEND_ACTION_PERMIT_HARD, PEND_BPF_EXIST), 0);
	cr_assert_eq(update(handle, PEND_ACTION_CONTINUE, PEND_BPF_EXIST), 0);
	cr_assert_eq(staged_of(handle), PEND_ACTION_PENDING);
	cr_assert_eq(stats_of(map).staged_lost, 1);
	/* retval: pend_map_update_elem -EALREADY */
	COUNTED(map, -EALREADY, duplicates, update(handle, PEND_ACTION_CONTINUE, PEND_BPF_EXIST));
	(void)serve_all(engine);
	cr_assert_eq(reruns, 1);
	cr_assert_eq(delete (handle), 0);
	was_told(PEND_ACTION_BLOCK, PEND_ORIGIN_ORCHESTRATOR);
	/* Staged while it waits for its program: it holds, if the program pends again. */
	handle = pend_key(map, 1);
	cr_assert_eq(update(handle, PEND_ACTION_CONTINUE, PEND_BPF_ANY), 0);
	cr_assert_eq(update(handle, PEND_ACTION_PERMIT_SOFT, PEND_BPF_EXIST), 0);
	(void)serve_all(engine);
	cr_assert_eq(staged_of(handle), PEND_ACTION_PERMIT_SOFT);
	cr_assert_eq(delete (handle), 0);
	was_told(PEND_ACTION_PERMIT_SOFT, PEND_ORIGIN_ORCHESTRATOR);
	cr_assert_eq(stats_of(map).staged_lost, 1);
}

/* Whoever comes before the delete drops what is staged, and it is counted (guarantee I). */
Test(upstream, whatever_drops_a_staged_verdict_is_counted)
{
	uint64_t handle = pend_key(map, 1), lost = 0;

	cr_assert_eq(update(handle, PEND_ACTION_PERMIT_HARD, PEND_BPF_EXIST), 0);
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_BLOCK), 0);
	was_told(PEND_ACTION_BLOCK, PEND_ORIGIN_ORCHESTRATOR);
	cr_assert_eq(stats_of(map).staged_lost, ++lost);
	/* The program's own verdict: at the end of its frame, .. */
	handle = pend_with(map, 1, PEND_REQUEST_FRAME, 0);
	cr_assert_eq(update(handle, PEND_ACTION_PERMIT_HARD, PEND_BPF_EXIST), 0);
	cr_assert_eq(pend_map_close_frame(map, handle, PEND_VERDICT_REJECT), 0);
	was_told(PEND_ACTION_BLOCK, PEND_ORIGIN_PROGRAM);
	cr_assert_eq(stats_of(map).staged_lost, ++lost);
	/* .. and of its re-run. */
	handle = pend_key(map, 1);
	verdict = PEND_VERDICT_REJECT;
	cr_assert_eq(update(handle, PEND_ACTION_CONTINUE, PEND_BPF_EXIST), 0);
	cr_assert_eq(update(handle, PEND_ACTION_PERMIT_HARD, PEND_BPF_EXIST), 0);
	was_told(PEND_ACTION_BLOCK, PEND_ORIGIN_PROGRAM);
	cr_assert_eq(stats_of(map).staged_lost, ++lost);
	/* A frame that ends in PEND drops nothing. */
	handle = pend_with(map, 1, PEND_REQUEST_FRAME, 0);
	cr_assert_eq(update(handle, PEND_ACTION_PERMIT_HARD, PEND_BPF_EXIST), 0);
	cr_assert_eq(pend_map_close_frame(map, handle, PEND_VERDICT_PEND), 0);
	cr_assert_eq(staged_of(handle), PEND_ACTION_PERMIT_HARD);
	/* A stop blocks. */
	cr_assert_eq(pend_map_disable(map, SECOND), 0);
	was_told(PEND_ACTION_BLOCK, PEND_ORIGIN_DRAIN);
	cr_assert_eq(stats_of(map).staged_lost, ++lost);
}

/*
 * X1: T1 updates (PERMIT), T2 updates (BLOCK), T1 deletes, T2 deletes. One of them decides, with the
 * verdict that was staged last, for this operation; the other is told that somebody else did. And
 * what was staged for the operation before is nobody's.
 */
Test(upstream, two_orchestrators_interleave)
{
	const uint64_t before = pend_key(map, 1);
	uint64_t handle;

	cr_assert_eq(update(before, PEND_ACTION_PERMIT_HARD, PEND_BPF_EXIST), 0);
	cr_assert_eq(update(before, PEND_ACTION_BLOCK, PEND_BPF_EXIST), 0);
	cr_assert_eq(delete (before), 0);
	cr_assert_eq(delete (before), -ENOENT);
	was_told(PEND_ACTION_BLOCK, PEND_ORIGIN_ORCHESTRATOR);
	/* T1 updates, T2 deletes and the slot is used again; T1 deletes. */
	handle = pend_key(map, 1);
	cr_assert_eq(update(handle, PEND_ACTION_PERMIT_HARD, PEND_BPF_EXIST), 0);
	cr_assert_eq(delete (handle), 0);
	was_told(PEND_ACTION_PERMIT_HARD, PEND_ORIGIN_ORCHESTRATOR);
	for (uint64_t key = 0; key < 8; key++) {
		const uint64_t next = pend_key(map, key);

		cr_assert_eq(delete (handle), -ENOENT);
		cr_assert_eq(update(handle, PEND_ACTION_PERMIT_HARD, PEND_BPF_EXIST), -ENOENT);
		cr_assert_eq(staged_of(next), PEND_ACTION_PENDING);
	}
}

static const struct pend_value *const no_value;

Test(upstream, elements_are_checked)
{
	const uint64_t handle = pend_key(map, 1);
	const struct pend_key good = pend_key_of(handle);
	const struct pend_key bad[] = { { 0, 16, 0, handle },
					{ 2, 16, 0, handle },
					{ 1, 15, 0, handle },
					{ 1, 17, 0, handle } };
	struct pend_value value = value_of(PEND_ACTION_BLOCK), read = value_of(77);
	struct pend_map *const gone = make_destroyed();

	/* retval: pend_map_update_elem -EFAULT */
	cr_assert_eq(pend_map_update_elem(NULL, NULL, &good, &value, 0), -EFAULT);
	REFUSED(map, -EFAULT, pend_map_update_elem(NULL, map, NULL, &value, 0));
	REFUSED(map, -EFAULT, pend_map_update_elem(NULL, map, &good, no_value, 0));
	/* retval: pend_map_update_elem -ESHUTDOWN */
	cr_assert_eq(pend_map_update_elem(NULL, gone, &good, &value, 0), -ESHUTDOWN);
	/* retval: pend_map_delete_elem -EFAULT */
	cr_assert_eq(pend_map_delete_elem(NULL, NULL, &good), -EFAULT);
	REFUSED(map, -EFAULT, pend_map_delete_elem(NULL, map, NULL));
	/* retval: pend_map_delete_elem -ESHUTDOWN */
	cr_assert_eq(pend_map_delete_elem(NULL, gone, &good), -ESHUTDOWN);
	/* retval: pend_map_lookup_elem -EFAULT */
	cr_assert_eq(pend_map_lookup_elem(NULL, &good, &read), -EFAULT);
	REFUSED(map, -EFAULT, pend_map_lookup_elem(map, NULL, &read));
	REFUSED(map, -EFAULT, pend_map_lookup_elem(map, &good, NULL));
	/* retval: pend_map_lookup_elem -ESHUTDOWN */
	cr_assert_eq(pend_map_lookup_elem(gone, &good, &read), -ESHUTDOWN);
	for (size_t i = 0; i < 4; i++) {
		/* retval: pend_map_update_elem -EINVAL */
		REFUSED(map, -EINVAL, pend_map_update_elem(NULL, map, &bad[i], &value, 0));
		/* retval: pend_map_delete_elem -EINVAL */
		REFUSED(map, -EINVAL, pend_map_delete_elem(NULL, map, &bad[i]));
		/* retval: pend_map_lookup_elem -EINVAL */
		REFUSED(map, -EINVAL, pend_map_lookup_elem(map, &bad[i], &read));
		/* retval: pend_map_complete_elem -EINVAL */
		REFUSED(map, -EINVAL, pend_map_complete_elem(NULL, map, &bad[i], 3));
	}
	for (uint32_t action = 0; action < 20; action += action == 0 ? 5 : 1)
		REFUSED(map, -EINVAL, update(handle, action, PEND_BPF_EXIST));
	REFUSED(map, -EINVAL, update(handle, 3, 3));
	REFUSED(map, -EINVAL, update(handle, 3, 1ull << 32));
	value.version = 2;
	REFUSED(map, -EINVAL, pend_map_update_elem(NULL, map, &good, &value, 0));
	value = value_of(PEND_ACTION_BLOCK);
	value.size--;
	REFUSED(map, -EINVAL, pend_map_update_elem(NULL, map, &good, &value, 0));
	/* What is newer is ignored: fields behind, and what is reserved. */
	value.size = 100;
	cr_assert_eq(pend_map_update_elem(
			     NULL, map, &(struct pend_key){ 1, 16, 0xffffffff, handle }, &value, 0),
		     0);
	/* retval: pend_map_lookup_elem -ENOENT */
	cr_assert_eq(pend_map_lookup_elem(map, &(struct pend_key){ 1, 16, 0, 0 }, &read), -ENOENT);
	cr_assert_eq(delete (handle), 0);
	cr_assert_eq(pend_map_lookup_elem(map, &good, &read), -ENOENT);
	cr_assert_eq(read.action, 77);
}

Test(upstream, continuing_has_its_limits)
{
	const uint64_t handle = pend_key(map, 1);
	struct pend_map_options options = managed(engine, &told, 8);
	struct pend_map *bare = make(&options);
	const struct pend_key key = pend_key_of(pend_key(bare, 1));
	const struct pend_value value = value_of(PEND_ACTION_CONTINUE);

	/* retval: pend_map_update_elem -EOPNOTSUPP */
	REFUSED(bare, -EOPNOTSUPP, pend_map_update_elem(NULL, bare, &key, &value, 2));
	/* retval: pend_map_complete_elem -EOPNOTSUPP */
	REFUSED(bare, -EOPNOTSUPP, pend_map_complete_elem(NULL, bare, &key, 4));
	cr_assert_eq(pend_complete_map_update_elem(
			     NULL, bare, &key,
			     &(struct pend_complete_entry){ 1, 8, PEND_COMPLETE_REINVOKE }),
		     PEND_EBPF_OPERATION_NOT_SUPPORTED);
	destroy(bare);
	for (uint32_t i = 0; i < 2; i++) {
		cr_assert_eq(update(handle, PEND_ACTION_CONTINUE, PEND_BPF_EXIST), 0);
		(void)serve_all(engine);
	}
	cr_assert_eq(reruns, 2);
	/* retval: pend_map_update_elem -ELOOP */
	REFUSED(map, -ELOOP, update(handle, PEND_ACTION_CONTINUE, PEND_BPF_EXIST));
	/* retval: pend_map_complete_elem -ELOOP */
	REFUSED(map, -ELOOP, call(handle, PEND_ACTION_CONTINUE));
	cr_assert_eq(insert(handle, PEND_COMPLETE_REINVOKE), PEND_EBPF_INVALID_STATE);
}

/* ---- the second vocabulary ---- */

Test(upstream, a_complete_map_is_no_map)
{
	static const struct {
		uint32_t action;
		enum pend_action told;
	} cases[] = { { PEND_COMPLETE_REJECT, PEND_ACTION_BLOCK },
		      { PEND_COMPLETE_PROCEED_SOFT, PEND_ACTION_PERMIT_SOFT },
		      { PEND_COMPLETE_PROCEED_HARD, PEND_ACTION_PERMIT_HARD } };
	uint64_t handle;

	for (uint32_t i = 0; i < 3; i++) {
		handle = pend_key(map, i);
		cr_assert_eq(insert(handle, cases[i].action), PEND_EBPF_SUCCESS);
		cr_assert_eq(insert(handle, cases[i].action), PEND_EBPF_OBJECT_ALREADY_EXISTS);
		was_told(cases[i].told, PEND_ORIGIN_ORCHESTRATOR);
		cr_assert_eq(insert(handle, cases[i].action), PEND_EBPF_KEY_NOT_FOUND);
	}
	handle = pend_key(map, 1);
	cr_assert_eq(insert(handle, PEND_COMPLETE_REINVOKE), PEND_EBPF_SUCCESS);
	cr_assert_eq(insert(handle, PEND_COMPLETE_REINVOKE), PEND_EBPF_OBJECT_ALREADY_EXISTS);
	(void)serve_all(engine);
	cr_assert_eq(reruns, 1);
	/* X6: a full map of operations can be completed like any other. */
	for (uint64_t key = 2; key < 9; key++)
		(void)pend_key(map, key);
	COUNTED(map, -ENOSPC, refused_full, pend_error(map, 99));
	cr_assert_eq(insert(handle, PEND_COMPLETE_REJECT), PEND_EBPF_SUCCESS);
	was_told(PEND_ACTION_BLOCK, PEND_ORIGIN_ORCHESTRATOR);
}

Test(upstream, entries_are_checked)
{
	const uint64_t handle = pend_key(map, 1);
	const struct pend_key key = pend_key_of(handle), bad = { 2, 16, 0, handle };
	const struct pend_complete_entry good = { 1, 8, PEND_COMPLETE_REJECT };
	const struct pend_complete_entry wrong[] = {
		{ 0, 8, 0 }, { 2, 8, 0 }, { 1, 7, 0 }, { 1, 8, 4 }, { 1, 8, UINT32_MAX }
	};

#define INVALID(call)                                     \
	cr_assert_eq((call), PEND_EBPF_INVALID_ARGUMENT); \
	cr_assert_eq(info_of(map, handle).state, PEND_STATE_PENDING)
	INVALID(pend_complete_map_update_elem(NULL, NULL, &key, &good));
	INVALID(pend_complete_map_update_elem(NULL, map, NULL, &good));
	INVALID(pend_complete_map_update_elem(NULL, map, &key, NULL));
	INVALID(pend_complete_map_update_elem(NULL, map, &bad, &good));
	for (size_t i = 0; i < 5; i++) {
		INVALID(pend_complete_map_update_elem(NULL, map, &key, &wrong[i]));
	}
	cr_assert_eq(pend_complete_map_update_elem(NULL, make_destroyed(), &key, &good),
		     PEND_EBPF_INVALID_OBJECT);
	cr_assert_eq(pend_complete_map_update_elem(NULL, map, &key,
						   &(struct pend_complete_entry){ 1, 800, 0 }),
		     PEND_EBPF_SUCCESS);
}

Test(upstream, completing_under_the_upstream_name)
{
	const uint64_t handle = pend_key(map, 1);
	const struct pend_key key = pend_key_of(handle);

	/* retval: pend_map_complete_elem -EFAULT */
	cr_assert_eq(pend_map_complete_elem(NULL, NULL, &key, 3), -EFAULT);
	REFUSED(map, -EFAULT, pend_map_complete_elem(NULL, map, NULL, 3));
	/* retval: pend_map_complete_elem -ESHUTDOWN */
	cr_assert_eq(pend_map_complete_elem(NULL, make_destroyed(), &key, 3), -ESHUTDOWN);
	REFUSED(map, -EINVAL, call(handle, PEND_ACTION_PENDING));
	REFUSED(map, -EINVAL, call(handle, (enum pend_action)5));
	REFUSED(map, -EINVAL, call(handle, (enum pend_action)7));
	/* retval: pend_map_complete_elem -ENOENT */
	COUNTED(map, -ENOENT, late, call(0, PEND_ACTION_BLOCK));
	cr_assert_eq(call(handle, PEND_ACTION_PERMIT_HARD), 0);
	/* retval: pend_map_complete_elem -EALREADY */
	COUNTED(map, -EALREADY, duplicates, call(handle, PEND_ACTION_BLOCK));
	was_told(PEND_ACTION_PERMIT_HARD, PEND_ORIGIN_ORCHESTRATOR);
}

/* ---- with sessions (F64) ---- */

Test(upstream, belongs_to_its_session)
{
	const struct pend_complete_entry entry = { 1, 8, PEND_COMPLETE_PROCEED_SOFT };
	const struct pend_value value = value_of(PEND_ACTION_PERMIT_HARD);
	struct pend_session *owner, *other, *strangers[2];
	struct pend_engine *second = make_engine();
	struct pend_request request = request_of(&(uint64_t){ 1 }, NULL);
	struct pend_key key;
	uint64_t handle;

	cr_assert_eq(pend_session_open(engine, NULL, &owner), 0);
	cr_assert_eq(pend_session_open(engine, NULL, &other), 0);
	cr_assert_eq(pend_session_open(second, NULL, &strangers[1]), 0);
	request.session = owner;
	cr_assert_eq(pend_map_pend(map, &request, &handle), 0);
	key = pend_key_of(handle);
	strangers[0] = NULL;
	for (uint32_t i = 0; i < 3; i++) {
		struct pend_session *const stranger = i == 2 ? other : strangers[i];

		/* retval: pend_map_update_elem -EPERM */
		cr_assert_eq(pend_map_update_elem(stranger, map, &key, &value, 2), -EPERM);
		/* retval: pend_map_delete_elem -EPERM */
		cr_assert_eq(pend_map_delete_elem(stranger, map, &key), -EPERM);
		/* retval: pend_map_complete_elem -EPERM */
		cr_assert_eq(pend_map_complete_elem(stranger, map, &key, 3), -EPERM);
		cr_assert_eq(pend_complete_map_update_elem(stranger, map, &key, &entry),
			     PEND_EBPF_ACCESS_DENIED);
	}
	cr_assert_eq(staged_of(handle), PEND_ACTION_PENDING);
	cr_assert_eq(pend_map_update_elem(owner, map, &key, &value, 2), 0);
	cr_assert_eq(pend_map_delete_elem(owner, map, &key), 0);
	was_told(PEND_ACTION_PERMIT_HARD, PEND_ORIGIN_ORCHESTRATOR);
	cr_assert_eq(pend_map_pend(map, &request, &handle), 0);
	key = pend_key_of(handle);
	cr_assert_eq(pend_complete_map_update_elem(owner, map, &key, &entry), PEND_EBPF_SUCCESS);
	was_told(PEND_ACTION_PERMIT_SOFT, PEND_ORIGIN_ORCHESTRATOR);
	/* A session that has ended has no say. */
	handle = pend_key(map, 1);
	key = pend_key_of(handle);
	cr_assert_eq(pend_session_close(other), 0);
	cr_assert_eq(pend_map_update_elem(other, map, &key, &value, 2), -ESHUTDOWN);
	cr_assert_eq(pend_map_delete_elem(other, map, &key), -ESHUTDOWN);
	cr_assert_eq(pend_map_complete_elem(other, map, &key, 3), -ESHUTDOWN);
	cr_assert_eq(pend_complete_map_update_elem(other, map, &key, &entry),
		     PEND_EBPF_INVALID_OBJECT);
	cr_assert_eq(pend_session_close(owner), 0);
	cr_assert_eq(pend_session_close(strangers[1]), 0);
	destroy_engine(second);
}
