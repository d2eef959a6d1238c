/* SPDX-License-Identifier: MIT */
/*
 * test_session.c - F64, F66: a session acts on custom maps of its own namespace and engine, and
 * owns what is pended in those that it is bound to.
 */
#include "tests/custom/types.h"

static struct world world;

static const struct pend_namespace here = { 11, 1 }, there = { 11, 2 }, elsewhere = { 12, 1 };

static void begin(void)
{
	world_begin(&world);
}

static void end(void)
{
	world_end(&world);
}

TestSuite(session, .init = begin, .fini = end);

static struct pend_session *open_in(struct pend_engine *engine,
				    const struct pend_namespace *name_space)
{
	struct pend_session *session = NULL;

	cr_assert_eq(pend_session_open(engine, NULL, &session), 0);
	if (name_space)
		cr_assert_eq(pend_session_namespace(session, name_space), 0);
	return session;
}

static struct pend_custom_map *gate_in(const struct pend_namespace *name_space)
{
	struct pend_custom_map_options options = pend_type_options(8);

	options.name_space = *name_space;
	return make_custom(&world, &options);
}

Test(session, what_is_pended_for_a_session_is_its_own)
{
	struct pend_custom_map *map = gate_in(&here);
	struct pend_session *mine = open_in(world.engine, &here);
	struct pend_session *other = open_in(world.engine, &here);
	struct pend_key key;

	cr_assert_eq(pend_custom_map_bind(map, mine), 0);
	cr_assert_eq(target_of(map).session, mine);
	key = pend_in(map, 1);
	/* retval: pend_custom_map_update -EPERM */
	cr_assert_eq(update_as(map, other, &key, PEND_ACTION_BLOCK, PEND_BPF_EXIST), -EPERM);
	cr_assert_eq(update_as(map, NULL, &key, PEND_ACTION_BLOCK, PEND_BPF_EXIST), -EPERM);
	/* retval: pend_custom_map_delete -EPERM */
	cr_assert_eq(pend_custom_map_delete(map, other, &key), -EPERM);
	cr_assert_eq(pend_custom_map_delete(map, NULL, &key), -EPERM);
	cr_assert_eq(update_as(map, mine, &key, PEND_ACTION_PERMIT_SOFT, PEND_BPF_EXIST), 0);
	cr_assert_eq(pend_custom_map_delete(map, mine, &key), 0);
	told_once(&world, &key, PEND_ACTION_PERMIT_SOFT);
	cr_assert_eq(pend_custom_map_bind(map, NULL), 0);
	cr_assert_null(target_of(map).session);
	key = pend_in(map, 2);
	cr_assert_eq(pend_custom_map_delete(map, NULL, &key), 0);
	close_map(map);
	cr_assert_eq(pend_session_close(mine), 0);
	cr_assert_eq(pend_session_close(other), 0);
}

Test(session, a_complete_map_knows_whose_it_is)
{
	struct pend_custom_map *map = make_complete_type(&world, 8);
	struct pend_session *mine = open_in(world.engine, NULL);
	struct pend_session *other = open_in(world.engine, NULL);
	struct pend_key key;

	cr_assert_eq(pend_custom_map_bind(map, mine), 0);
	key = pend_in(map, 0);
	cr_assert_eq(complete_as(map, other, &key, PEND_COMPLETE_PROCEED_HARD, 0), -EPERM);
	cr_assert_eq(complete_as(map, mine, &key, PEND_COMPLETE_PROCEED_HARD, 0), 0);
	told_once(&world, &key, PEND_ACTION_PERMIT_HARD);
	close_map(map);
	cr_assert_eq(pend_session_close(mine), 0);
	cr_assert_eq(pend_session_close(other), 0);
}

Test(session, of_another_namespace_reaches_nothing)
{
	struct pend_custom_map *map = gate_in(&here), *plain;
	struct pend_custom_map_options options = map_options(BPF_MAP_TYPE_HASH, 8);
	const struct pend_namespace *const others[] = { &there, &elsewhere, NULL };
	const uint64_t number = 1;
	struct pend_key key = pend_in(map, 1);

	options.name_space = here;
	plain = make_custom(&world, &options);
	must_put(plain, 1, 10);
	for (uint32_t i = 0; i < 3; i++) {
		struct pend_session *session = open_in(world.engine, others[i]);

		cr_assert_eq(update_as(map, session, &key, PEND_ACTION_BLOCK, 0), -EPERM);
		cr_assert_eq(pend_custom_map_delete(map, session, &key), -EPERM);
		/* retval: pend_custom_map_bind -EPERM */
		cr_assert_eq(pend_custom_map_bind(map, session), -EPERM);
		cr_assert_null(target_of(map).session);
		cr_assert_eq(pend_custom_map_update(plain, session, &number, &number, 0), -EPERM);
		cr_assert_eq(pend_custom_map_delete(plain, session, &number), -EPERM);
		cr_assert_eq(get(plain, 1), 10);
		cr_assert_eq(pend_session_close(session), 0);
	}
	(void)serve_all(world.engine);
	cr_assert_eq(world.told.count, 0);
	close_map(map);
	close_map(plain);
}

Test(session, begins_in_the_default_namespace_also_where_another_sat)
{
	struct pend_session *session = open_in(world.engine, &here);
	struct pend_custom_map *map = make_pend_type(&world, 8);

	cr_assert_eq(pend_custom_map_bind(map, session), -EPERM);
	cr_assert_eq(pend_session_close(session), 0);
	for (uint32_t i = 0; i < 3; i++) {
		session = open_in(world.engine, NULL);
		cr_assert_eq(pend_custom_map_bind(map, session), 0);
		cr_assert_eq(pend_session_namespace(session, &there), 0);
		cr_assert_eq(pend_custom_map_bind(map, session), -EPERM);
		cr_assert_eq(pend_session_close(session), 0);
	}
	close_map(map);
}

Test(session, that_has_ended_acts_no_more)
{
	struct pend_custom_map *map = make_pend_type(&world, 8);
	struct pend_session *session = open_in(world.engine, NULL);
	struct pend_key key;

	cr_assert_eq(pend_custom_map_bind(map, session), 0);
	key = pend_in(map, 1);
	cr_assert_eq(pend_session_close(session), 0);
	told_once(&world, &key, PEND_ACTION_BLOCK);
	/* retval: pend_custom_map_update -ESHUTDOWN */
	cr_assert_eq(update_as(map, session, &key, PEND_ACTION_BLOCK, 0), -ESHUTDOWN);
	/* retval: pend_custom_map_delete -ESHUTDOWN */
	cr_assert_eq(pend_custom_map_delete(map, session, &key), -ESHUTDOWN);
	/* retval: pend_custom_map_bind -ESHUTDOWN */
	cr_assert_eq(pend_custom_map_bind(map, session), -ESHUTDOWN);
	/* retval: pend_session_namespace -ESHUTDOWN */
	cr_assert_eq(pend_session_namespace(session, &here), -ESHUTDOWN);
	cr_assert_eq(try_pend_in(map, 2, 0, &key), -ESHUTDOWN, "its orchestrator is gone");
	close_map(map);
}

Test(session, of_another_engine_is_a_stranger)
{
	struct pend_engine *engine = make_engine();
	struct pend_session *session = open_in(engine, NULL);
	struct pend_custom_map *map = make_pend_type(&world, 8);

	cr_assert_eq(pend_custom_map_bind(map, session), -EPERM);
	close_map(map);
	cr_assert_eq(pend_session_close(session), 0);
	destroy_engine(engine);
}

Test(session, arguments_are_checked)
{
	struct pend_custom_map *plain = make_map(&world, BPF_MAP_TYPE_HASH, 8);
	struct pend_session *session = open_in(world.engine, NULL);

	/* retval: pend_custom_map_bind -EFAULT */
	cr_assert_eq(pend_custom_map_bind(NULL, session), -EFAULT);
	/* retval: pend_custom_map_bind -EOPNOTSUPP */
	cr_assert_eq(pend_custom_map_bind(plain, session), -EOPNOTSUPP);
	/* retval: pend_session_namespace -EFAULT */
	cr_assert_eq(pend_session_namespace(NULL, &here), -EFAULT);
	cr_assert_eq(pend_session_namespace(session, NULL), -EFAULT);
	cr_assert_eq(pend_session_close(session), 0);
	close_map(plain);
}
