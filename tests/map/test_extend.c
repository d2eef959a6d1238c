/* SPDX-License-Identifier: MIT */
/*
 * test_extend.c - moving a deadline: by extending and holding, by another cycle, by a suspend; and how
 * far (guarantee C, OP-38).
 */
#include "tests/map/expiry.h"

Test(extend, extend_moves_it_both_ways)
{
	struct pend_map *map = begin_default(4);
	uint64_t handle = pend_key(map, 1), due_ns;

	pass_time(engine, SECOND, 100 * MS);
	cr_assert_eq(pend_map_extend(map, handle, 5 * SECOND), 0);
	due_ns = info_of(map, handle).deadline_ns;
	cr_assert_eq(due_ns, rounded_up(machine.mono_ns + 5 * SECOND));
	cr_assert_eq(stats_of(map).extends, 1);
	pass_time(engine, 2 * SECOND, 100 * MS);
	cr_assert_eq(told.count, 0, "the old deadline is past");
	expires(due_ns, PEND_ACTION_BLOCK);

	handle = pend_key(map, 1);
	cr_assert_eq(pend_map_extend(map, handle, PEND_DEADLINE_MIN_NS), 0);
	expires(rounded_up(machine.mono_ns + PEND_DEADLINE_MIN_NS), PEND_ACTION_BLOCK);
	end(map);
}

Test(extend, extend_is_refused)
{
	struct pend_map *map = begin_default(4);
	const uint64_t handle = pend_key(map, 1), decided = pend_with(map, 2, 1, 0);
	const uint64_t wrong[] = { 0, 1, PEND_DEADLINE_MIN_NS - 1, PEND_DEADLINE_MAX_NS + 1,
				   PEND_DEADLINE_NONE - 1 };

	cr_assert_eq(pend_map_complete(map, decided, PEND_ACTION_BLOCK), 0);
	/* retval: pend_map_extend -ERANGE */
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		REFUSED(map, -ERANGE, pend_map_extend(map, handle, wrong[i]));
	/* The lifetime is ten deadlines by default. */
	REFUSED(map, -ERANGE, pend_map_extend(map, handle, 20 * SECOND + MS));
	REFUSED(map, -ERANGE, pend_map_extend(map, handle, PEND_DEADLINE_NONE));
	/* retval: pend_map_extend -EALREADY */
	REFUSED(map, -EALREADY, pend_map_extend(map, decided, SECOND));
	/* retval: pend_map_extend -ENOENT */
	REFUSED(map, -ENOENT, pend_map_extend(map, 0, SECOND));
	REFUSED(map, -ENOENT, pend_map_extend(map, ~0ull, SECOND));
	REFUSED(map, -ENOENT, pend_map_extend(map, handle + (1ull << 26), SECOND));
	/* retval: pend_map_extend -EFAULT */
	cr_assert_eq(pend_map_extend(NULL, handle, SECOND), -EFAULT);
	/* retval: pend_map_extend -ESHUTDOWN */
	cr_assert_eq(pend_map_extend(make_destroyed(), handle, SECOND), -ESHUTDOWN);
	/* retval: pend_map_hold -EALREADY */
	REFUSED(map, -EALREADY, pend_map_hold(map, decided));
	/* retval: pend_map_hold -ENOENT */
	REFUSED(map, -ENOENT, pend_map_hold(map, 0));
	REFUSED(map, -ENOENT, pend_map_hold(map, ~0ull));
	/* retval: pend_map_hold -EFAULT */
	cr_assert_eq(pend_map_hold(NULL, handle), -EFAULT);
	/* retval: pend_map_hold -ESHUTDOWN */
	cr_assert_eq(pend_map_hold(make_destroyed(), handle), -ESHUTDOWN);
	cr_assert_eq(info_of(map, handle).deadline_ns, rounded_up(machine.mono_ns + 2 * SECOND));
	end(map);
}

static struct pend_map *passing;
static uint64_t passing_handle;

/* Somebody finds that the deadline is over, and stops before it decides. */
static void it_passes(void)
{
	struct pendi_slot *at = pendi_map_slot(passing, pendi_handle_slot(passing_handle));

	/* relaxed, both: one thread. */
	pendi_store_relaxed(&at->due, pendi_load_relaxed(&at->due) | PENDI_DUE_PASSED);
}

Test(extend, what_has_passed_is_not_moved)
{
	passing = begin_default(4);
	passing_handle = pend_key(passing, 1);
	pass_time(engine, SECOND, 100 * MS);
	machine.on_clock = it_passes;
	REFUSED(passing, -EALREADY, pend_map_extend(passing, passing_handle, 5 * SECOND));
	REFUSED(passing, -EALREADY, pend_map_hold(passing, passing_handle));
	cr_assert_eq(told.count, 0);
	/* Whoever looks next finishes what that one began. */
	expires(info_of(passing, passing_handle).deadline_ns, PEND_ACTION_BLOCK);
	end(passing);
}

Test(extend, a_lifetime_ends_it_all)
{
	struct pend_map_options options = managed(NULL, &told, 4);
	struct pend_map *map;
	uint64_t handle, begun_ns;

	options.lifetime_ns = 3 * SECOND;
	map = begin(&options);
	handle = pend_key(map, 1);
	begun_ns = machine.mono_ns;
	pass_time(engine, SECOND, 100 * MS);
	cr_assert_eq(pend_map_extend(map, handle, 2 * SECOND), 0);
	REFUSED(map, -ERANGE, pend_map_extend(map, handle, 2 * SECOND + 1));
	cr_assert_eq(pend_map_extend(map, handle, 10 * MS), 0);
	cr_assert_eq(pend_map_hold(map, handle), 0);
	cr_assert_eq(info_of(map, handle).deadline_ns, rounded_up(begun_ns + 3 * SECOND));
	cr_assert_eq(stats_of(map).extends, 3);
	expires(rounded_up(begun_ns + 3 * SECOND), PEND_ACTION_BLOCK);
	end(map);
}

Test(extend, hold_without_a_lifetime_is_for_good)
{
	struct pend_map_options options = managed(NULL, &told, 4);
	struct pend_map *map;
	uint64_t handle;

	options.lifetime_ns = PEND_DEADLINE_NONE;
	map = begin(&options);
	handle = pend_key(map, 1);
	cr_assert_eq(pend_map_hold(map, handle), 0);
	pass_time(engine, 30 * SECOND, 100 * MS);
	cr_assert_eq(told.count, 0);
	cr_assert_eq(pend_map_extend(map, handle, MS), 0);
	expires(rounded_up(machine.mono_ns + MS), PEND_ACTION_BLOCK);
	end(map);
}

/* A deadline that was asked for beyond the lifetime is not cut by holding. */
Test(extend, hold_never_shortens)
{
	struct pend_map *map = begin_default(4);
	const uint64_t handle = pend_with(map, 1, 0, HOUR);
	const uint64_t due_ns = info_of(map, handle).deadline_ns;

	cr_assert_eq(pend_map_hold(map, handle), 0);
	cr_assert_eq(info_of(map, handle).deadline_ns, due_ns);
	expires(due_ns, PEND_ACTION_BLOCK);
	end(map);
}

/* Pending again begins a new cycle, within the lifetime. */
Test(extend, each_cycle_has_its_own)
{
	struct pend_map_options options = managed(NULL, &told, 4);
	struct pend_map *map;
	uint64_t handle, end_ns;

	options.on_rerun = pend_again;
	options.lifetime_ns = 5 * SECOND;
	map = begin(&options);
	handle = pend_key(map, 1);
	end_ns = machine.mono_ns + 5 * SECOND;
	for (uint32_t cycle = 1; cycle <= 4; cycle++) {
		uint64_t due_ns;

		pass_time(engine, SECOND, 50 * MS);
		cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_CONTINUE), 0);
		(void)serve_all(engine);
		cr_assert_eq(reruns, cycle);
		due_ns = machine.mono_ns + 2 * SECOND;
		cr_assert_eq(info_of(map, handle).deadline_ns,
			     rounded_up(due_ns < end_ns ? due_ns : end_ns));
	}
	expires(rounded_up(end_ns), PEND_ACTION_BLOCK);
	/* A new cycle does not end sooner than the old one would have. */
	handle = pend_with(map, 1, 0, 4 * SECOND);
	end_ns = machine.mono_ns + 4 * SECOND;
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_CONTINUE), 0);
	(void)serve_all(engine);
	expires(rounded_up(end_ns), PEND_ACTION_BLOCK);
	end(map);
}

/* ---- suspend (OP-38) ---- */

Test(extend, what_slept_too_is_stale)
{
	struct pend_map *map = begin_default(8);
	uint64_t long_lived, due_ns, young;

	(void)pend_key(map, 1);
	(void)pend_key(map, 2);
	long_lived = pend_with(map, 3, 0, 2 * HOUR);
	(void)pend_with(map, 4, 0, PEND_DEADLINE_NONE);
	due_ns = info_of(map, long_lived).deadline_ns;
	(void)serve_all(engine);
	machine.mono_ns += MS;
	machine.lead_ns += HOUR;
	(void)serve_all(engine);
	cr_assert_eq(told.count, 2, "at once");
	cr_assert_eq(told.operations[0].origin, PEND_ORIGIN_DEADLINE);
	cr_assert_eq(told.operations[1].origin, PEND_ORIGIN_DEADLINE);
	/* What was pended since counts from its pend; what had longer to live goes on. */
	machine.mono_ns += MS;
	young = pend_key(map, 1);
	expires(info_of(map, young).deadline_ns, PEND_ACTION_BLOCK);
	expires(due_ns - HOUR, PEND_ACTION_BLOCK);
	cr_assert_eq(stats_of(map).live, 1);
	end(map);
}

/* What is left of a deadline after the suspend ends then, and not when something is looked at anyway. */
Test(extend, what_is_left_is_enforced)
{
	struct pend_map *map = begin_default(8);
	uint64_t due_ns;

	due_ns = info_of(map, pend_with(map, 1, 0, 100 * MS)).deadline_ns;
	(void)serve_all(engine);
	machine.lead_ns += 40 * MS;
	(void)serve_all(engine);
	cr_assert_eq(told.count, 0);
	expires(due_ns - 40 * MS, PEND_ACTION_BLOCK);
	end(map);
}

/* A deadline that was set after the suspend counts from then. */
Test(extend, extended_after_a_suspend)
{
	struct pend_map_options options = managed(NULL, &told, 8);
	struct pend_map *map;
	uint64_t handle, extended_ns;

	options.lifetime_ns = PEND_DEADLINE_MAX_NS;
	options.on_rerun = pend_again;
	map = begin(&options);
	handle = pend_with(map, 3, 0, 2 * HOUR);
	(void)serve_all(engine);
	machine.mono_ns += MS;
	machine.lead_ns += HOUR;
	(void)serve_all(engine);
	cr_assert_eq(pend_map_extend(map, handle, 10 * SECOND), 0);
	extended_ns = machine.mono_ns + 10 * SECOND;
	machine.mono_ns = extended_ns - 1;
	(void)serve_all(engine);
	cr_assert_eq(told.count, 0);
	machine.mono_ns = extended_ns + TICK_NS + 65536;
	(void)serve_all(engine);
	cr_assert_eq(told.count, 1);

	handle = pend_with(map, 3, 0, 2 * HOUR);
	machine.mono_ns += MS;
	machine.lead_ns += 2 * HOUR - SECOND;
	(void)serve_all(engine);
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_CONTINUE), 0);
	(void)serve_all(engine);
	cr_assert_eq(reruns, 1);
	extended_ns = machine.mono_ns + 2 * SECOND;
	machine.mono_ns = extended_ns - 1;
	(void)serve_all(engine);
	cr_assert_eq(told.count, 1, "the new cycle has its own two seconds");
	machine.mono_ns = extended_ns + TICK_NS + 65536;
	(void)serve_all(engine);
	cr_assert_eq(told.count, 2);
	end(map);
}
