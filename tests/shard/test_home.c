/* SPDX-License-Identifier: MIT */
/*
 * test_home.c - CPUs that go and come back: who serves their shards (F18, F19), and how long
 * executors sleep.
 */
#include "tests/shard/cast.h"

TestSuite(home, .init = begin_scene, .fini = end_scene);

static void hint(uint32_t cpu, uint32_t slot)
{
	cr_assert(pendi_engine_hint(&fake.client, cpu, slot));
}

/* Has the events told. */
static void listen(void)
{
	machine_mono_ns += 1;
	cr_assert_geq(pend_engine_poll(engine, 0, 0), 0);
}

Test(home, an_executor_is_pinned_with_its_first_work)
{
	cr_assert_eq(turn(engine, 2), 0);
	cr_assert_eq(machine_pins, 0);
	hint(2, 7);
	cr_assert_eq(turn(engine, 2), 1);
	cr_assert_eq(machine_pins, 1);
	cr_assert_eq(cast_cpu[2], 2);
	cr_assert_eq(stats_of(engine, 2).at_home, 1);
	/* Or with its first look. */
	fake.looks[3][0] = pendi_engine_tick(engine, machine_mono_ns);
	cr_assert_eq(turn(engine, 3), 1);
	cr_assert_eq(machine_pins, 2);
	hint(2, 7);
	cr_assert_eq(turn(engine, 2), 1);
	cr_assert_eq(machine_pins, 2);
	cr_assert_eq(told.count, 0);
}

/* It was given away before its first work came, wherever its executor was: that is no loss. */
Test(home, who_was_never_pinned_takes_its_shard_back)
{
	cr_assert_eq(pendi_home_take(engine->shards[2], PENDI_SERVER_MONITOR), 2);
	cr_assert_eq(turn(engine, 2), 0);
	cr_assert_eq(server_of(engine, 2), 2);
	cr_assert_eq(machine_pins, 0);
	listen();
	check_event(&told, 0, PEND_EVENT_RETURN, 2, 2);
	cr_assert_eq(told.count, 1);
}

Test(home, a_lost_cpus_shard_is_adopted_and_returned)
{
	const uint64_t home_ns = engine->home_ns;

	settle(engine, &fake);
	hint(1, 101);
	unplug(1, 3);
	machine_mono_ns += 5;
	cr_assert_eq(turn(engine, 1), 0, "it has noticed before it served");
	cr_assert_eq(server_of(engine, 1), 2);
	cr_assert_eq(fake.served[101], 0);
	/* What was there before, and what comes after, is served by the adopter. */
	cr_assert_eq(turn(engine, 2), 1);
	cr_assert_eq(fake.served[101], 1);
	hint(1, 102);
	hint(2, 202);
	cr_assert_eq(turn(engine, 3) + turn(engine, 0), 0);
	cr_assert_eq(turn(engine, 2), 2);
	cr_assert_eq(fake.served[102], 1);
	cr_assert_eq(stats_of(engine, 1).served, 3);
	cr_assert_eq(stats_of(engine, 1).at_home, 1);
	/* So is what is due. */
	fake.looks[1][0] = pendi_engine_tick(engine, machine_mono_ns);
	machine_mono_ns += 1000000;
	cr_assert_eq(turn(engine, 2), 1);
	/* It tries again, but not all the time. */
	machine_pins = 0;
	for (uint32_t i = 0; i < 10; i++) {
		machine_mono_ns += home_ns / 4;
		cr_assert_eq(turn(engine, 1), 0);
	}
	cr_assert_geq(machine_pins, 2);
	cr_assert_leq(machine_pins, 3);
	machine_gone[1] = false;
	hint(1, 103);
	machine_mono_ns += home_ns;
	cr_assert_eq(turn(engine, 1), 1);
	cr_assert_eq(server_of(engine, 1), 1);
	cr_assert_eq(cast_cpu[1], 1);
	cr_assert_eq(fake.served[103], 1);
	cr_assert_eq(turn(engine, 2), 0);
	cr_assert_eq(stats_of(engine, 1).losses, 1);
	cr_assert_eq(stats_of(engine, 1).returns, 1);
	cr_assert_eq(stats_of(engine, 1).stalls, 0);
	listen();
	cr_assert_eq(told.count, 2);
	check_event(&told, 0, PEND_EVENT_LOST, 1, 2);
	check_event(&told, 1, PEND_EVENT_RETURN, 1, 1);
	cr_assert_eq(told.events[1].duration_ns, home_ns / 4 * 10 + home_ns + 1000000);
}

Test(home, the_same_node_is_preferred)
{
	settle(engine, &fake);
	engine->shards[0]->node = engine->shards[3]->node = 1;
	unplug(0, 1);
	(void)turn(engine, 0);
	cr_assert_eq(server_of(engine, 0), 3);
	unplug(3, 1);
	(void)turn(engine, 3);
	/* Nobody is left on that node: the next CPU. */
	cr_assert_eq(server_of(engine, 3), 1);
	cr_assert_eq(server_of(engine, 0), 1);
}

Test(home, the_lost_do_not_adopt_and_the_last_one_serves_all)
{
	settle(engine, &fake);
	for (uint32_t cpu = 0; cpu < FAKE_CPUS; cpu++) {
		unplug(cpu, 3);
		hint(cpu, 300 + cpu);
	}
	cast_cpu[3] = 0; /* nobody is where it should be */
	(void)turn(engine, 1);
	cr_assert_eq(server_of(engine, 1), 2);
	(void)turn(engine, 2);
	cr_assert_eq(server_of(engine, 2), 3);
	cr_assert_eq(server_of(engine, 1), 3);
	(void)turn(engine, 0);
	cr_assert_eq(server_of(engine, 0), 3);
	cr_assert_eq(turn(engine, 3), FAKE_CPUS);
	for (uint32_t cpu = 0; cpu < FAKE_CPUS; cpu++) {
		cr_assert_eq(server_of(engine, cpu), 3);
		cr_assert_eq(fake.served[300 + cpu], 1);
	}
	cr_assert_eq(turn(engine, 0) + turn(engine, 1) + turn(engine, 2), 0);
	/* One CPU comes back: its executor adopts what the last one serves. */
	machine_gone[0] = false;
	machine_mono_ns += engine->home_ns;
	hint(3, 333);
	hint(1, 331);
	(void)turn(engine, 0);
	cr_assert_eq(server_of(engine, 0), 0);
	(void)turn(engine, 3);
	cr_assert_eq(server_of(engine, 3), 0);
	cr_assert_eq(server_of(engine, 1), 0);
	(void)turn(engine, 0);
	cr_assert_eq(fake.served[331], 1);
	cr_assert_eq(fake.served[333], 1);
}

Test(home, a_move_that_can_be_undone_is_no_loss)
{
	settle(engine, &fake);
	machine_pins = 0;
	cast_cpu[1] = 3;
	hint(1, 1);
	cr_assert_eq(turn(engine, 1), 1);
	cr_assert_eq(cast_cpu[1], 1);
	cr_assert_eq(machine_pins, 1);
	/* Not with each batch, should somebody move it all the time. */
	cast_cpu[1] = 3;
	hint(1, 1);
	cr_assert_eq(turn(engine, 1), 1);
	cr_assert_eq(machine_pins, 1);
	machine_mono_ns += engine->home_ns;
	(void)turn(engine, 1);
	cr_assert_eq(machine_pins, 2);
	cr_assert_eq(stats_of(engine, 1).losses, 0);
	cr_assert_eq(server_of(engine, 1), 1);
	cr_assert_eq(stats_of(engine, 1).at_home, 2);
}

Test(home, news_of_a_cpu_is_acted_upon_at_once)
{
	settle(engine, &fake);
	unplug(1, 2);
	(void)turn(engine, 1);
	machine_gone[1] = false;
	machine_mono_ns += 1000;
	(void)turn(engine, 1);
	cr_assert_eq(server_of(engine, 1), 2);
	pendi_monitor_cpu_changed(engine, 3);
	(void)turn(engine, 1);
	cr_assert_eq(server_of(engine, 1), 2);
	pendi_monitor_cpu_changed(engine, 1);
	(void)turn(engine, 1);
	cr_assert_eq(server_of(engine, 1), 1);
}

Test(home, a_first_pin_that_fails_is_a_loss)
{
	machine_gone[2] = true;
	hint(2, 5);
	cr_assert_eq(turn(engine, 2), 0);
	cr_assert_eq(server_of(engine, 2), 3);
	cr_assert_eq(turn(engine, 3), 1);
	cr_assert_eq(fake.served[5], 1);
}

/* ---- sleeping ---- */

static uint32_t waits, wakes;
static uint64_t wait_ns;
static void (*while_asleep)(void);

static int note_wait(const void *word, uint32_t expected, uint64_t timeout_ns)
{
	(void)word;
	cr_assert_eq(expected, 1);
	waits++;
	wait_ns = timeout_ns;
	if (while_asleep)
		while_asleep();
	return -ETIMEDOUT;
}

static int note_wake(const void *word, uint32_t count)
{
	(void)word;
	(void)count;
	wakes++;
	return 1;
}

static void script_sleep(void)
{
	pendi_script.futex_wait = note_wait;
	pendi_script.futex_wake = note_wake;
	engine->flags = PEND_ENGINE_POLLED; /* else it has the chores of an unwatched one */
	settle(engine, &fake);
}

Test(home, sleeps_until_the_next_tick_and_never_too_long)
{
	const uint64_t tick_ns = engine->tick_ns;

	script_sleep();
	machine_mono_ns = 77 * tick_ns + 300;
	sleep_turn(engine, 1);
	cr_assert_eq(wait_ns, UINT64_MAX);
	fake.looks[1][0] = 80;
	sleep_turn(engine, 1);
	cr_assert_eq(wait_ns, 3 * tick_ns - 300);
	fake.looks[1][0] = 1000;
	sleep_turn(engine, 1);
	cr_assert_eq(wait_ns, 50000000);
	cr_assert_eq(waits, 3);
	fake.looks[1][0] = 77;
	sleep_turn(engine, 1);
	cr_assert_eq(waits, 3, "it is due");
	fake.looks[1][0] = 0;
	hint(1, 1);
	sleep_turn(engine, 1);
	cr_assert_eq(waits, 3, "there is a hint");
	(void)turn(engine, 1);
	unplug(1, 0);
	(void)turn(engine, 1);
	sleep_turn(engine, 1);
	cr_assert_eq(waits, 4);
	cr_assert_eq(wait_ns, 50000000, "it tries its CPU again");
	machine_mono_ns += engine->home_ns - 1000;
	sleep_turn(engine, 1);
	cr_assert_eq(wait_ns, 1000);
	cr_assert_eq(stats_of(engine, 1).sleeps, 5);
}

Test(home, an_adopted_shards_work_keeps_it_awake)
{
	script_sleep();
	unplug(1, 0);
	(void)turn(engine, 1);
	cr_assert_eq(server_of(engine, 1), 2);
	sleep_turn(engine, 2);
	cr_assert_eq(waits, 0, "it has not seen yet what it adopted");
	(void)turn(engine, 2);
	sleep_turn(engine, 2);
	cr_assert_eq(waits, 1);
	hint(1, 5);
	sleep_turn(engine, 2);
	cr_assert_eq(waits, 1);
	(void)turn(engine, 2);
	fake.looks[1][0] = pendi_engine_tick(engine, machine_mono_ns + 2000000);
	sleep_turn(engine, 2);
	cr_assert_eq(wait_ns, 2000000);
}

static void hint_asleep(void)
{
	hint(1, 9);
}

static void expect_asleep(void)
{
	/* Later than what it sleeps for, earlier, and the same: one call. */
	pendi_engine_expect(&fake.client, 1, 90);
	cr_assert_eq(wakes, 0);
	pendi_engine_expect(&fake.client, 2, 70);
	cr_assert_eq(wakes, 0, "that one is awake");
	pendi_engine_expect(&fake.client, 1, 79);
	cr_assert_eq(wakes, 1);
	pendi_engine_expect(&fake.client, 1, 78);
	cr_assert_eq(wakes, 1, "it is woken already");
}

static void expect_first(void)
{
	pendi_engine_expect(&fake.client, 1, 1000000);
	cr_assert_eq(wakes, 1);
}

Test(home, is_woken_by_a_hint_or_an_earlier_tick_only)
{
	script_sleep();
	machine_mono_ns = 77 * engine->tick_ns;
	while_asleep = hint_asleep;
	hint(1, 9);
	cr_assert_eq(wakes, 0, "nobody sleeps");
	(void)turn(engine, 1);
	sleep_turn(engine, 1);
	cr_assert_eq(wakes, 1);
	(void)turn(engine, 1);
	wakes = 0;
	while_asleep = expect_first;
	sleep_turn(engine, 1);
	wakes = 0;
	fake.looks[1][0] = 80;
	while_asleep = expect_asleep;
	sleep_turn(engine, 1);
	pendi_engine_expect(&fake.client, 1, 78);
	cr_assert_eq(wakes, 1);
}

static void unplug_asleep(void)
{
	while_asleep = NULL;
	unplug(1, 0);
	(void)turn(engine, 1);
	cr_assert_eq(server_of(engine, 1), 2);
	cr_assert_eq(wakes, 1);
}

Test(home, the_adopter_is_woken)
{
	script_sleep();
	while_asleep = unplug_asleep;
	sleep_turn(engine, 2);
	cr_assert_eq(waits, 1);
}

/* ---- priority ---- */

static uint32_t asked_priority;

static int refuse_fifo(uint32_t priority)
{
	asked_priority = priority;
	return -EPERM;
}

Test(home, a_refused_priority_is_counted_and_no_more)
{
	cr_assert_eq(stats_of(engine, 1).fifo_refused, 0);
	pendi_script.sched_fifo = refuse_fifo;
	engine->fifo_priority = 7;
	pendi_executor_begin(engine->shards[1]);
	cr_assert_eq(asked_priority, 7);
	cr_assert_eq(stats_of(engine, 1).fifo_refused, 1);
	hint(1, 1);
	cr_assert_eq(turn(engine, 1), 1);
	cr_assert_eq(stats_of(engine, PEND_CPU_CURRENT).fifo_refused, 1);
}
