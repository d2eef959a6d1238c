/* SPDX-License-Identifier: MIT */
/*
 * test_monitor.c - the monitor's look, look by look: stalls, orphans, when to look again; watches.
 */
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/shard/cast.h"

TestSuite(monitor, .init = begin_scene_by_hand, .fini = end_scene);

static void hint(uint32_t cpu, uint32_t slot)
{
	cr_assert(pendi_engine_hint(&fake.client, cpu, slot));
}

static uint64_t look_after(uint64_t nanoseconds)
{
	machine_mono_ns += nanoseconds;
	machine_cpu = 0;
	return pendi_monitor_look(engine);
}

static bool is_drowsy(void)
{
	/* relaxed: one thread. */
	return pendi_load_relaxed(&engine->drowsy) != 0;
}

Test(monitor, a_stalled_shard_is_given_away_and_comes_back)
{
	settle(engine, &fake);
	hint(1, 11);
	(void)look_after(0);
	(void)look_after(engine->stall_ns - 1);
	cr_assert_eq(server_of(engine, 1), 1);
	(void)look_after(1);
	cr_assert_eq(server_of(engine, 1), 2);
	cr_assert_eq(turn(engine, 2), 1);
	cr_assert_eq(fake.served[11], 1);
	hint(1, 12);
	cr_assert_eq(turn(engine, 2), 1);
	machine_mono_ns += 7;
	/* It moves. */
	hint(1, 13);
	cr_assert_eq(turn(engine, 1), 1);
	cr_assert_eq(server_of(engine, 1), 1);
	cr_assert_eq(stats_of(engine, 1).stalls, 1);
	cr_assert_eq(stats_of(engine, 1).returns, 1);
	(void)look_after(0);
	cr_assert_eq(told.count, 2);
	check_event(&told, 0, PEND_EVENT_STALL, 1, 2);
	cr_assert_eq(told.events[0].duration_ns, engine->stall_ns);
	check_event(&told, 1, PEND_EVENT_RETURN, 1, 1);
	cr_assert_eq(told.events[1].duration_ns, 7);
}

Test(monitor, who_moves_or_has_nothing_to_do_is_not_stalled)
{
	settle(engine, &fake);
	for (uint32_t i = 0; i < 10; i++) {
		/* Shard 1 always has work, and is served; shard 2 has nothing to do. */
		for (uint32_t n = 0; n < 32; n++)
			hint(1, n);
		(void)look_after(engine->stall_ns / 2);
		cr_assert_eq(turn(engine, 1), 16);
		(void)look_after(engine->stall_ns / 2);
		cr_assert_eq(turn(engine, 1), 16);
	}
	/* Work that went away by itself is no reason to take later work for old. */
	fake.looks[2][0] = pendi_engine_tick_begun(engine, machine_mono_ns);
	(void)look_after(0);
	fake.looks[2][0] = 0;
	(void)look_after(1);
	hint(2, 1);
	(void)look_after(engine->stall_ns * 10);
	(void)turn(engine, 2);
	/* Nor is it if work comes long after the last. */
	(void)look_after(engine->stall_ns * 10);
	hint(1, 1);
	(void)look_after(engine->stall_ns * 10);
	cr_assert_eq(stats_of(engine, PEND_CPU_CURRENT).stalls, 0);
	(void)turn(engine, 1);
}

Test(monitor, an_overdue_look_is_work)
{
	settle(engine, &fake);
	fake.looks[1][0] = pendi_engine_tick(engine, machine_mono_ns + engine->stall_ns * 3);
	(void)look_after(0);
	(void)look_after(engine->stall_ns * 2);
	cr_assert_eq(stats_of(engine, 1).stalls, 0);
	(void)look_after(engine->stall_ns * 2);
	(void)look_after(engine->stall_ns);
	cr_assert_eq(stats_of(engine, 1).stalls, 1);
	cr_assert_eq(server_of(engine, 1), 2);
	cr_assert_eq(turn(engine, 2), 1);
}

Test(monitor, the_stalled_do_not_adopt)
{
	settle(engine, &fake);
	hint(1, 11);
	hint(2, 12);
	(void)look_after(0);
	(void)look_after(engine->stall_ns);
	/* 1 went to 2 before 2 was known to be stalled, or to 3; 2 to 3. */
	cr_assert_eq(server_of(engine, 2), 3);
	(void)look_after(0);
	(void)look_after(engine->stall_ns);
	cr_assert_neq(server_of(engine, 1), 2);
	cr_assert_neq(server_of(engine, 1), 1);
}

Test(monitor, serves_what_nobody_else_can)
{
	settle(engine, &fake);
	for (uint32_t cpu = 0; cpu < FAKE_CPUS; cpu++)
		hint(cpu, 20 + cpu);
	for (uint32_t i = 0; i < 2 * FAKE_CPUS; i++)
		(void)look_after(engine->stall_ns);
	for (uint32_t cpu = 0; cpu < FAKE_CPUS; cpu++) {
		cr_assert_eq(fake.served[20 + cpu], 1);
		cr_assert_eq(server_of(engine, cpu), PEND_CPU_CURRENT);
	}
	/* And looks at what is due, and is there at once when there is more. */
	fake.looks[3][0] = pendi_engine_tick(engine, machine_mono_ns + 1);
	cr_assert_leq(look_after(engine->tick_ns), engine->tick_ns);
	cr_assert_eq(fake.looks[3][0], 0);
	cr_assert_eq(is_drowsy(), true);
	hint(0, 50);
	cr_assert_eq(is_drowsy(), false);
	(void)look_after(0);
	cr_assert_eq(fake.served[50], 1);
	/* One of them moves: it takes its own, and gets the others'. */
	(void)turn(engine, 2);
	cr_assert_eq(server_of(engine, 2), 2);
	hint(1, 51);
	(void)look_after(0);
	cr_assert_eq(server_of(engine, 1), 2);
}

Test(monitor, a_polled_shard_is_served_if_nobody_polls)
{
	/* No executor is there at all. */
	pendi_executors_stop(engine);
	hint(2, 5);
	(void)look_after(0);
	(void)look_after(engine->stall_ns - 1);
	cr_assert_eq(fake.served[5], 0);
	(void)look_after(1);
	(void)look_after(0);
	cr_assert_eq(fake.served[5], 1);
	cr_assert_eq(server_of(engine, 2), PEND_CPU_CURRENT);
	hint(2, 6);
	cr_assert_eq(pend_engine_poll(engine, 2, 10), 1);
	cr_assert_eq(server_of(engine, 2), 2);
	(void)look_after(0);
	check_event(&told, 0, PEND_EVENT_STALL, 2, PEND_CPU_CURRENT);
	check_event(&told, 1, PEND_EVENT_RETURN, 2, 2);
}

Test(monitor, looks_often_while_there_is_work_and_dozes_off)
{
	const uint64_t often_ns = engine->stall_ns / 2;

	settle(engine, &fake);
	cr_assert_eq(look_after(0), often_ns);
	cr_assert_eq(look_after(500000000), often_ns);
	cr_assert_eq(is_drowsy(), false);
	cr_assert_eq(look_after(500000000), 1000000000);
	cr_assert_eq(is_drowsy(), true);
	cr_assert_eq(look_after(1000000000), 1000000000, "nothing has come");
	hint(1, 1);
	cr_assert_eq(is_drowsy(), false);
	(void)turn(engine, 1);
	cr_assert_eq(look_after(0), often_ns);
	cr_assert_eq(look_after(999999999), often_ns);
	/* No longer than until a look can be overdue for stall_ns. */
	fake.looks[3][0] = pendi_engine_tick(engine, machine_mono_ns) + 100;
	cr_assert_leq(look_after(1), 101 * engine->tick_ns + engine->stall_ns);
	cr_assert_eq(is_drowsy(), true);
}

Test(monitor, tends_a_tick_apart)
{
	(void)look_after(0);
	cr_assert_eq(fake.tends, 0);
	fake.tends_wanted = 3;
	pendi_engine_nudge(engine);
	cr_assert_eq(look_after(1), engine->tick_ns);
	cr_assert_eq(look_after(1), engine->tick_ns);
	cr_assert_neq(look_after(1), engine->tick_ns);
	cr_assert_eq(fake.tends, 3);
	(void)look_after(1);
	cr_assert_eq(fake.tends, 3);
}

Test(monitor, tells_of_a_suspend)
{
	machine_lead_ns += 12345678901;
	(void)look_after(0);
	cr_assert_eq(told.count, 1);
	cr_assert_eq(told.events[0].type, PEND_EVENT_SUSPEND);
	cr_assert_eq(told.events[0].duration_ns, 12345678901);
}

/* ---- watches ---- */

static uint32_t fired;

static void fire(void *context)
{
	fired += *(const uint32_t *)context;
}

static void poll_later(void)
{
	machine_mono_ns += engine->tick_ns;
	cr_assert_geq(pend_engine_poll(engine, 0, 1), 0);
}

Test(monitor, a_watch_fires_once)
{
	const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	const uint64_t one = 1;
	uint32_t weight = 100;

	cr_assert_eq(pendi_monitor_watch(engine, fd, fire, &weight), 0);
	poll_later();
	cr_assert_eq(fired, 0);
	cr_assert_eq(write(fd, &one, sizeof(one)), sizeof(one));
	poll_later();
	cr_assert_eq(fired, 100);
	poll_later();
	cr_assert_eq(fired, 100);
	pendi_monitor_unwatch(engine, fd);
	/* Again, in the same place. */
	weight = 7;
	cr_assert_eq(pendi_monitor_watch(engine, fd, fire, &weight), 0);
	poll_later();
	cr_assert_eq(fired, 107);
	pendi_monitor_unwatch(engine, fd);
	cr_assert_eq(pendi_monitor_watch(engine, fd, fire, &weight), 0);
	pendi_monitor_unwatch(engine, fd);
	poll_later();
	cr_assert_eq(fired, 107, "taken out");
	cr_assert_eq(close(fd), 0);
}

Test(monitor, a_pipe_that_hangs_up_fires)
{
	uint32_t weight = 1;
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(pendi_monitor_watch(engine, fds[0], fire, &weight), 0);
	poll_later();
	cr_assert_eq(fired, 0);
	cr_assert_eq(close(fds[1]), 0);
	poll_later();
	cr_assert_eq(fired, 1);
	pendi_monitor_unwatch(engine, fds[0]);
	cr_assert_eq(close(fds[0]), 0);
}

Test(monitor, what_cannot_be_watched_is_refused)
{
	uint32_t weight = 1;

	cr_assert_eq(pendi_monitor_watch(engine, -1, fire, &weight), -EBADF);
	cr_assert_eq(pendi_monitor_watch(engine, 1000000, fire, &weight), -EBADF);
	pendi_monitor_unwatch(engine, 1000000);
	cr_assert_eq(engine->monitor.watches_used, 1, "its place is free again");
}

Test(monitor, places_run_out)
{
	static uint32_t weight = 1;
	const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	for (uint32_t i = 0; i < PENDI_WATCHES; i++)
		engine->monitor.watches[i].fd = 1;
	engine->monitor.watches_used = PENDI_WATCHES;
	cr_assert_eq(pendi_monitor_watch(engine, fd, fire, &weight), -ENOSPC);
	engine->monitor.watches[5000].fd = -1;
	cr_assert_eq(pendi_monitor_watch(engine, fd, fire, &weight), 0);
	pendi_monitor_unwatch(engine, fd);
	cr_assert_eq(close(fd), 0);
}
