/* SPDX-License-Identifier: MIT */
/*
 * test_poll.c - hints, looks and clients in an engine that has no thread of its own.
 */
#include "tests/shard/fake.h"

static struct fake fake, other;
static struct pend_engine *engine;

static void begin(void)
{
	const struct pend_engine_options options = manual_options();

	machine_play();
	engine = make_engine(&options);
	fake = fake_make();
	other = fake_make();
	join(engine, &fake);
}

static void end(void)
{
	leave_and_destroy(engine, &fake);
}

TestSuite(poll, .init = begin, .fini = end);

static int poll_cpu(uint32_t cpu)
{
	return pend_engine_poll(engine, cpu, 1000);
}

Test(poll, a_hint_is_served_by_its_shard)
{
	cr_assert(pendi_engine_hint(&fake.client, 2, 77));
	for (uint32_t cpu = 0; cpu < FAKE_CPUS; cpu++)
		cr_assert_eq(stats_of(engine, cpu).queued, cpu == 2);
	cr_assert_eq(poll_cpu(0) + poll_cpu(1) + poll_cpu(3), 0);
	cr_assert_eq(fake.total, 0);
	cr_assert_eq(poll_cpu(2), 1);
	cr_assert_eq(fake.served[77], 1);
	cr_assert(fake.was_serving);
	cr_assert_not(pendi_engine_serving(engine));
	cr_assert_eq(poll_cpu(2), 0);
	cr_assert_eq(stats_of(engine, 2).served, 1);
	cr_assert_eq(stats_of(engine, 2).at_home, 0);
	cr_assert_eq(stats_of(engine, PEND_CPU_CURRENT).served, 1);
	machine_cpu = 3;
	cr_assert(pendi_engine_hint(&fake.client, 3, 1));
	cr_assert_eq(pend_engine_poll(engine, PEND_CPU_CURRENT, 1), 1);
	cr_assert_eq(stats_of(engine, 3).at_home, 1);
}

Test(poll, many_hints_and_a_full_queue)
{
	uint32_t slots[100];

	for (uint32_t i = 0; i < 100; i++)
		slots[i] = 1000 + i;
	cr_assert_eq(pendi_engine_hint_many(&fake.client, 1, slots, 40), 40);
	cr_assert_eq(pendi_engine_hint_many(&fake.client, 1, slots + 40, 60), 24);
	cr_assert_not(pendi_engine_hint(&fake.client, 1, 5));
	cr_assert_eq(stats_of(engine, 1).overflows, 37);
	cr_assert_eq(stats_of(engine, 1).queued, 64);
	/* Sixteen at a time. */
	cr_assert_eq(pend_engine_poll(engine, 1, 0), 0);
	cr_assert_eq(pend_engine_poll(engine, 1, 1), 16);
	cr_assert_eq(pend_engine_poll(engine, 1, 17), 32);
	cr_assert_eq(poll_cpu(1), 16);
	for (uint32_t i = 0; i < 100; i++)
		cr_assert_eq(fake.served[1000 + i], i < 64);
	cr_assert_eq(pendi_engine_hint_many(&fake.client, 1, slots, 0), 0);
}

Test(poll, clients_do_not_get_each_others_hints)
{
	join(engine, &other);
	cr_assert_neq(fake.client.number, other.client.number);
	for (uint32_t i = 0; i < 16; i++)
		cr_assert(pendi_engine_hint(i % 3 ? &fake.client : &other.client, 0, i));
	cr_assert_eq(poll_cpu(0), 16);
	for (uint32_t i = 0; i < 16; i++) {
		cr_assert_eq(fake.served[i], i % 3 != 0);
		cr_assert_eq(other.served[i], i % 3 == 0);
	}
	pendi_engine_leave(engine, &other.client);
}

Test(poll, a_client_that_left_is_not_called)
{
	join(engine, &other);
	other.looks[0][0] = pendi_engine_tick(engine, machine_mono_ns) - 1;
	cr_assert(pendi_engine_hint(&other.client, 0, 1));
	cr_assert(pendi_engine_hint(&fake.client, 0, 2));
	pendi_engine_leave(engine, &other.client);
	cr_assert_eq(poll_cpu(0), 2);
	cr_assert_eq(other.total + other.passes, 0);
	cr_assert_eq(fake.served[2], 1);
}

Test(poll, numbers_run_out_and_come_back)
{
	static struct pendi_client crowd[PENDI_CLIENTS];
	struct pendi_client one_more = fake_make().client;
	uint32_t joined = 0;

	for (; joined < PENDI_CLIENTS; joined++) {
		crowd[joined] = fake_make().client;
		if (pendi_engine_join(engine, &crowd[joined]))
			break;
		cr_assert_lt(crowd[joined].number, PENDI_CLIENTS);
		cr_assert_gt(crowd[joined].number, 0);
	}
	cr_assert_eq(joined, PENDI_CLIENTS - 2);
	cr_assert_eq(pendi_engine_join(engine, &one_more), -ENOSPC);
	pendi_engine_leave(engine, &crowd[100]);
	cr_assert_eq(pendi_engine_join(engine, &one_more), 0);
	cr_assert_eq(one_more.number, crowd[100].number);
	pendi_engine_leave(engine, &one_more);
	for (uint32_t i = 0; i < joined; i++) {
		if (i != 100)
			pendi_engine_leave(engine, &crowd[i]);
	}
}

static uint64_t queued_inside;

static void count_queued(struct fake *from, uint32_t slot)
{
	(void)slot;
	queued_inside += pendi_queue_length(&from->client.engine->shards[1]->queue);
}

Test(poll, what_is_being_served_is_still_there_for_others)
{
	fake.on_serve = count_queued;
	for (uint32_t i = 0; i < 16; i++)
		cr_assert(pendi_engine_hint(&fake.client, 1, i));
	cr_assert_eq(poll_cpu(1), 16);
	cr_assert_eq(queued_inside, 16 * 16);
	cr_assert_eq(stats_of(engine, 1).queued, 0);
}

static void count_client(struct pendi_client *client, void *context)
{
	cr_assert(client == &fake.client || client == &other.client);
	(*(uint32_t *)context)++;
}

Test(poll, each_visits_each)
{
	uint32_t visits = 0;

	pendi_engine_each(engine, count_client, &visits);
	cr_assert_eq(visits, 1);
	join(engine, &other);
	pendi_engine_each(engine, count_client, &visits);
	cr_assert_eq(visits, 3);
	pendi_engine_leave(engine, &other.client);
}

Test(poll, nesting_is_refused)
{
	fake.nested = true;
	cr_assert(pendi_engine_hint(&fake.client, 0, 1));
	cr_assert_eq(poll_cpu(0), 1);
	/* retval: pend_engine_poll -EDEADLK */
	cr_assert_eq(fake.inside, -EDEADLK);
}

static struct pend_engine *second;

static void poll_second(struct fake *from, uint32_t slot)
{
	(void)slot;
	/* From inside the first engine the second may be polled; that is then inside of both. */
	if (from == &fake)
		from->inside = pend_engine_poll(second, 0, 10);
	else
		from->inside = pendi_engine_serving(engine) && pendi_engine_serving(second);
}

Test(poll, another_engine_may_be_polled_from_inside)
{
	const struct pend_engine_options options = manual_options();

	second = make_engine(&options);
	join(second, &other);
	fake.on_serve = other.on_serve = poll_second;
	cr_assert(pendi_engine_hint(&other.client, 0, 9));
	cr_assert(pendi_engine_hint(&fake.client, 0, 8));
	cr_assert_not(pendi_engine_serving(second));
	cr_assert_eq(poll_cpu(0), 1);
	cr_assert_eq(fake.inside, 1);
	cr_assert_eq(other.inside, true);
	cr_assert_eq(other.served[9], 1);
	leave_and_destroy(second, &other);
}

/* ---- looks ---- */

Test(poll, ticks_are_rounded_up_and_never_never)
{
	const uint64_t tick_ns = pendi_engine_tick_length(engine);

	cr_assert_eq(tick_ns, 1000000);
	for (uint64_t whole = 5; whole < 10; whole++) {
		const uint32_t tick = pendi_engine_tick(engine, whole * tick_ns);

		cr_assert_eq(tick, whole);
		cr_assert_eq(pendi_engine_tick(engine, whole * tick_ns + 1), tick + 1);
		cr_assert_eq(pendi_engine_tick(engine, whole * tick_ns + tick_ns - 1), tick + 1);
		cr_assert_eq(pendi_engine_tick_begun(engine, whole * tick_ns), tick);
		cr_assert_eq(pendi_engine_tick_begun(engine, whole * tick_ns + tick_ns - 1), tick);
	}
	/* Where the count wraps, never is stepped over: forward when arming, back when looking. */
	cr_assert_eq(pendi_engine_tick(engine, (1ull << 32) * tick_ns), 1);
	cr_assert_eq(pendi_engine_tick_begun(engine, (1ull << 32) * tick_ns), UINT32_MAX);
	cr_assert_eq(pendi_engine_tick(engine, 0), 1);
}

Test(poll, a_look_is_made_in_its_tick_and_not_before)
{
	const uint64_t due_ns = machine_mono_ns + 7500000;
	const uint32_t tick = pendi_engine_tick(engine, due_ns);

	fake.looks[1][0] = tick;
	while (machine_mono_ns < due_ns) {
		cr_assert_eq(poll_cpu(1), 0);
		machine_mono_ns += 100000;
	}
	cr_assert_eq(fake.passes, 0);
	machine_mono_ns = due_ns + 500000;
	cr_assert_eq(poll_cpu(0), 0);
	cr_assert_eq(poll_cpu(1), 1);
	cr_assert_eq(fake.passes, 1);
	cr_assert_eq(fake.now.tick, tick);
	cr_assert_eq(fake.now.now_ns, machine_mono_ns);
	cr_assert_eq(fake.now.horizon_ns, machine_mono_ns);
	cr_assert_eq(poll_cpu(1), 0);
	cr_assert_eq(stats_of(engine, 1).passes, 1);
	cr_assert_eq(stats_of(engine, 1).looks, 1);
}

Test(poll, ticks_wrap)
{
	const uint64_t tick_ns = pendi_engine_tick_length(engine);

	machine_mono_ns = ((1ull << 32) - 3) * tick_ns;
	for (uint32_t i = 0; i < 6; i++)
		fake.looks[0][i] = pendi_engine_tick(engine, machine_mono_ns + (i + 1) * tick_ns);
	for (uint32_t i = 0, left = 6; i < 6; i++) {
		machine_mono_ns += tick_ns;
		left -= (uint32_t)poll_cpu(0);
		/* The tick that is stepped over is looked at one later. */
		cr_assert_eq(left, 6 - (i + 1) + (i == 2));
	}
}

Test(poll, the_budget_bounds_looks_and_the_rest_comes_next)
{
	for (uint32_t i = 0; i < FAKE_LOOKS; i++)
		fake.looks[0][i] = pendi_engine_tick(engine, machine_mono_ns);
	cr_assert_eq(pend_engine_poll(engine, 0, 3), 3);
	cr_assert_eq(pend_engine_poll(engine, 0, 3), 3);
	cr_assert(pendi_engine_hint(&fake.client, 0, 1));
	/* Also while hints come. */
	cr_assert_eq(pend_engine_poll(engine, 0, 3), 3);
	cr_assert_eq(fake.served[1], 1);
	cr_assert_eq(poll_cpu(0), 0);
}

Test(poll, no_client_keeps_the_others_looks_waiting)
{
	join(engine, &other);
	for (uint32_t i = 0; i < FAKE_LOOKS; i++)
		fake.looks[0][i] = other.looks[0][i] = pendi_engine_tick(engine, machine_mono_ns);
	cr_assert_eq(pend_engine_poll(engine, 0, 4), 4);
	/* One of them has more than enough for good. */
	fake.looks[0][0] = fake.looks[0][1] = fake.looks[0][2] = fake.looks[0][3] =
		pendi_engine_tick(engine, machine_mono_ns);
	cr_assert_eq(pend_engine_poll(engine, 0, 4), 4);
	cr_assert_eq(fake.passes, 1);
	cr_assert_eq(other.passes, 1);
	pendi_engine_leave(engine, &other.client);
}

/* ---- suspend (OP-38) ---- */

Test(poll, a_suspend_is_noticed_and_heeded_once)
{
	const uint64_t before_ns = machine_mono_ns;
	const uint64_t slept_ns = 3600000000000, ahead_ns = slept_ns + PENDI_REVISIT_MAX_NS;

	fake.looks[1][0] = pendi_engine_tick(engine, machine_mono_ns + slept_ns);
	fake.looks[1][1] = pendi_engine_tick(engine, machine_mono_ns + ahead_ns + 5000000);
	fake.looks[3][0] = pendi_engine_tick(engine, machine_mono_ns + 1000000);
	cr_assert_eq(poll_cpu(1), 0);
	cr_assert_eq(pendi_engine_suspended(engine, before_ns), 0);
	machine_lead_ns += slept_ns;
	cr_assert_eq(poll_cpu(1), 1);
	cr_assert_eq(fake.now.now_ns, machine_mono_ns);
	cr_assert_eq(fake.now.horizon_ns, machine_mono_ns + ahead_ns);
	cr_assert_eq(fake.now.tick, pendi_engine_tick_begun(engine, machine_mono_ns + ahead_ns));
	cr_assert_eq(pendi_engine_suspended(engine, before_ns), slept_ns);
	cr_assert_eq(pendi_engine_suspended(engine, before_ns + 1), 0);
	/* Each shard once. */
	cr_assert_eq(poll_cpu(1), 0);
	cr_assert_eq(poll_cpu(3), 1);
	cr_assert_eq(fake.now.horizon_ns, machine_mono_ns + ahead_ns);
	cr_assert_eq(fake.passes, 2);
	machine_mono_ns += 6000000;
	fake.looks[1][2] = pendi_engine_tick_begun(engine, machine_mono_ns);
	cr_assert_eq(poll_cpu(1), 1);
	cr_assert_eq(fake.now.horizon_ns, machine_mono_ns);
}

Test(poll, a_delay_is_no_suspend)
{
	/* Less than 10 ms is kept for the next look; the boot clock falling behind is nothing. */
	machine_lead_ns += 9999999;
	(void)poll_cpu(0);
	cr_assert_eq(pendi_engine_suspended(engine, 0), 0);
	machine_lead_ns -= 9999999 + 4000;
	(void)poll_cpu(0);
	cr_assert_eq(pendi_engine_suspended(engine, 0), 0);
	/* Nor is being held up between the two clocks. */
	machine_delay_ns = 50000000;
	(void)poll_cpu(0);
	cr_assert_eq(pendi_engine_suspended(engine, 0), 0);
	machine_delay_ns = 0;
	(void)poll_cpu(0);
	cr_assert_eq(pendi_engine_suspended(engine, 0), 0);
	machine_lead_ns += 10000000 + 4000;
	(void)poll_cpu(0);
	cr_assert_eq(pendi_engine_suspended(engine, 0), 10000000);
}

Test(poll, suspends_add_up_and_the_oldest_run_together)
{
	enum { SUSPENDS = 200, KEPT = 62 };
	uint64_t at[SUSPENDS];

	for (uint32_t i = 0; i < SUSPENDS; i++) {
		machine_mono_ns += 1000;
		machine_lead_ns += 20000000;
		(void)poll_cpu(0);
		at[i] = machine_mono_ns;
	}
	for (uint32_t i = 0; i < SUSPENDS; i++) {
		const uint64_t slept = pendi_engine_suspended(engine, at[i]) / 20000000;

		/* The suspend that was noticed right then counts, and all after it. */
		if (i >= SUSPENDS - KEPT)
			cr_assert_eq(slept, SUSPENDS - i);
		else
			cr_assert_eq(slept, KEPT);
	}
	cr_assert_eq(pendi_engine_suspended(engine, machine_mono_ns + 1), 0);
}

/* ---- tending ---- */

Test(poll, tends_while_there_is_more_to_do)
{
	(void)poll_cpu(0);
	cr_assert_eq(fake.tends, 0);
	fake.tends_wanted = 3;
	pendi_engine_nudge(engine);
	for (uint32_t i = 1; i <= 3; i++) {
		(void)poll_cpu(0);
		cr_assert_eq(fake.tends, i);
	}
	(void)poll_cpu(0);
	cr_assert_eq(fake.tends, 3);
}
