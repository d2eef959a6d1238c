/* SPDX-License-Identifier: MIT */
/*
 * test_control_type.c - F43, K14, Appendix F S8, OP-8: the control map as a custom map: it begins
 * DISABLED, there is one, and what it was set to stays.
 */
#include "tests/custom/types.h"

static struct world world;

static void begin(void)
{
	world_begin(&world);
}

static void end(void)
{
	world_end(&world);
}

TestSuite(control_type, .init = begin, .fini = end);

struct control {
	uint32_t state, reserved;
};

static struct pend_custom_map_options control_options(void)
{
	struct pend_custom_map_options options =
		map_options(BPF_MAP_TYPE_NET_EBPF_EXT_PEND_CONTROL, 1);

	options.key_size = 4;
	return options;
}

static struct pend_custom_map *make_control(void)
{
	const struct pend_custom_map_options options = control_options();

	return make_custom(&world, &options);
}

static int set(struct pend_custom_map *map, uint32_t state)
{
	const struct control value = { state, 0 };
	const uint32_t key = 0;

	return pend_custom_map_update(map, NULL, &key, &value, PEND_BPF_ANY);
}

static uint32_t state_of(struct pend_custom_map *map)
{
	struct control value = { 77, 77 };
	const uint32_t key = 0;

	cr_assert_eq(pend_custom_map_lookup(map, &key, &value), 0);
	cr_assert_eq(value.reserved, 0);
	return value.state;
}

/* S8 */
Test(control_type, nothing_pends_until_it_is_enabled)
{
	struct pend_custom_map *gate = make_pend_type(&world, 8), *control;
	struct pend_key key = pend_in(gate, 1);

	control = make_control();
	cr_assert_eq(world.told.count, 1, "to create it is to disable");
	cr_assert_eq(world.told.operations[0].action, PEND_ACTION_BLOCK);
	world.told.count = 0;
	cr_assert_eq(state_of(control), PEND_CONTROL_DISABLED);
	cr_assert_eq(try_pend_in(gate, 2, 0, &key), -ESHUTDOWN);
	cr_assert_eq(set(control, PEND_CONTROL_ENABLED), 0);
	cr_assert_eq(state_of(control), PEND_CONTROL_ENABLED);
	key = pend_in(gate, 3);
	(void)pend_in(gate, 4);
	cr_assert_eq(update(gate, &key, PEND_ACTION_PERMIT_HARD), 0);
	cr_assert_eq(set(control, PEND_CONTROL_DISABLED), 0);
	cr_assert_eq(world.told.count, 2, "when that returns nothing is live");
	cr_assert_eq(world.told.operations[0].action, PEND_ACTION_BLOCK);
	cr_assert_eq(world.told.operations[1].origin, PEND_ORIGIN_DRAIN);
	cr_assert_eq(try_pend_in(gate, 5, 0, &key), -ESHUTDOWN);
	cr_assert_eq(set(control, PEND_CONTROL_ENABLED), 0);
	close_map(control);
	close_map(gate);
}

Test(control_type, there_is_one)
{
	const struct pend_custom_map_options options = control_options();
	struct pend_custom_map *control = make_control();

	cr_assert_eq(set(control, PEND_CONTROL_ENABLED), 0);
	cr_assert_eq(create_error(&world, &options), -EBUSY);
	cr_assert_eq(state_of(control), PEND_CONTROL_ENABLED, "the second changed nothing");
	close_map(control);
}

/* K14, and what happens when the map goes. */
Test(control_type, a_state_stays_when_the_map_goes)
{
	struct pend_custom_map *control = make_control(), *gate = make_pend_type(&world, 8);
	struct pend_key key;

	close_map(control);
	cr_assert_eq(try_pend_in(gate, 1, 0, &key), -ESHUTDOWN);
	control = make_control();
	cr_assert_eq(set(control, PEND_CONTROL_ENABLED), 0);
	close_map(control);
	(void)pend_in(gate, 1);
	close_map(gate);
}

Test(control_type, a_state_that_is_none_changes_nothing)
{
	struct pend_custom_map *control = make_control();
	struct control value = { PEND_CONTROL_DISABLED, 1 };
	const uint32_t key = 0;

	cr_assert_eq(set(control, PEND_CONTROL_ENABLED), 0);
	cr_assert_eq(set(control, 2), -EINVAL);
	cr_assert_eq(set(control, UINT32_MAX), -EINVAL);
	cr_assert_eq(pend_custom_map_update(control, NULL, &key, &value, PEND_BPF_ANY), -EINVAL);
	cr_assert_eq(state_of(control), PEND_CONTROL_ENABLED);
	close_map(control);
}

Test(control_type, has_one_element)
{
	struct pend_custom_map *control = make_control();
	const struct control value = { PEND_CONTROL_ENABLED, 0 };
	uint32_t key = 1, next = 7;
	struct control found;

	cr_assert_eq(pend_custom_map_lookup(control, &key, &found), -ENOENT);
	cr_assert_eq(pend_custom_map_update(control, NULL, &key, &value, PEND_BPF_ANY), -ENOSPC);
	cr_assert_eq(pend_custom_map_update(control, NULL, &key, &value, PEND_BPF_EXIST), -ENOENT);
	key = 0;
	cr_assert_eq(pend_custom_map_update(control, NULL, &key, &value, PEND_BPF_NOEXIST),
		     -EEXIST);
	cr_assert_eq(pend_custom_map_delete(control, NULL, &key), -ENOTSUP);
	cr_assert_eq(state_of(control), PEND_CONTROL_DISABLED);
	cr_assert_eq(pend_custom_map_update(control, NULL, &key, &value, PEND_BPF_EXIST), 0);
	cr_assert_eq(pend_custom_map_next_key(control, NULL, &next), 0);
	cr_assert_eq(next, 0);
	cr_assert_eq(pend_custom_map_next_key(control, &next, &next), -ENOENT);
	close_map(control);
}

Test(control_type, sizes_are_its_own)
{
	struct pend_custom_map_options options = control_options();

	options.key_size = 8;
	cr_assert_eq(create_error(&world, &options), -EINVAL);
	options = control_options();
	options.value_size = 4;
	cr_assert_eq(create_error(&world, &options), -EINVAL);
	options = control_options();
	options.max_entries = 2;
	cr_assert_eq(create_error(&world, &options), -EINVAL);
}

/* ---- where a stop would wait for itself ---- */

static struct pend_custom_map *stopping;

static void stop_it(void *context, const struct pend_operation *operation)
{
	tell(context, operation);
	/* retval: pend_custom_map_update -EDEADLK */
	cr_assert_eq(set(stopping, PEND_CONTROL_DISABLED), -EDEADLK);
}

Test(control_type, a_function_of_the_engine_does_not_stop_it)
{
	const struct pend_custom_map_options options = control_options();
	struct pend_custom_map *gate, *found = NULL;
	struct pend_key key;

	cr_assert_eq(pend_epoch_enter(), 0);
	/* retval: pend_custom_map_create -EDEADLK */
	cr_assert_eq(pend_custom_map_create(runtime_of(&world), &options, &found), -EDEADLK);
	cr_assert_eq(pend_epoch_exit(), 0);
	cr_assert_null(found);
	world.functions.on_complete = stop_it;
	gate = make_pend_type(&world, 8);
	stopping = make_control();
	cr_assert_eq(set(stopping, PEND_CONTROL_ENABLED), 0);
	key = pend_in(gate, 1);
	cr_assert_eq(pend_custom_map_delete(gate, NULL, &key), 0);
	told_once(&world, &key, PEND_ACTION_BLOCK);
	cr_assert_eq(pend_epoch_enter(), 0);
	cr_assert_eq(set(stopping, PEND_CONTROL_DISABLED), -EDEADLK);
	cr_assert_eq(pend_epoch_exit(), 0);
	cr_assert_eq(state_of(stopping), PEND_CONTROL_ENABLED);
	close_map(stopping);
	close_map(gate);
}

Test(control_type, a_stop_does_not_wait_for_ever_for_a_frame, .timeout = 20)
{
	const struct pend_custom_map_options options = control_options();
	struct pend_custom_map *gate = make_pend_type(&world, 8), *control = NULL;
	struct pend_key key;
	uint64_t began;

	cr_assert_eq(try_pend_in(gate, 1, PEND_REQUEST_FRAME, &key), 0);
	began = machine.mono_ns;
	/* retval: pend_custom_map_create -ETIMEDOUT */
	cr_assert_eq(pend_custom_map_create(runtime_of(&world), &options, &control), -ETIMEDOUT);
	cr_assert_lt(machine.mono_ns - began, 3 * SECOND);
	cr_assert_null(control);
	cr_assert_eq(
		pend_map_close_frame(pend_custom_map_pends(gate), key.pend_id, PEND_VERDICT_PEND),
		0);
	control = make_control();
	told_once(&world, &key, PEND_ACTION_BLOCK);
	cr_assert_eq(set(control, PEND_CONTROL_ENABLED), 0);
	cr_assert_eq(try_pend_in(gate, 2, PEND_REQUEST_FRAME, &key), 0);
	/* retval: pend_custom_map_update -ETIMEDOUT */
	cr_assert_eq(set(control, PEND_CONTROL_DISABLED), -ETIMEDOUT);
	cr_assert_eq(state_of(control), PEND_CONTROL_DISABLED);
	cr_assert_eq(
		pend_map_close_frame(pend_custom_map_pends(gate), key.pend_id, PEND_VERDICT_PEND),
		0);
	cr_assert_eq(set(control, PEND_CONTROL_DISABLED), 0, "it goes on waiting");
	told_once(&world, &key, PEND_ACTION_BLOCK);
	close_map(control);
	close_map(gate);
}
