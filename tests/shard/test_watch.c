/* SPDX-License-Identifier: MIT */
/*
 * test_watch.c - what wakes the monitor: its timer, events of CPUs, watches that take each other
 * out; and the executors that it starts.
 */
#include <pthread.h>
#include <semaphore.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "epoch/record.h"
#include "platform/uevent.h"
#include "tests/shard/cast.h"
#include "tests/support/wrap.h"

/* ---- events of CPUs, in an engine with a monitor's thread ---- */

static int news;            /* an eventfd that plays the socket */
static sem_t news_was_read; /* by the monitor, to its end */
static struct pendi_uevent told_events[3];
static uint32_t told_count;
static int told_error;

static int script_open(void)
{
	return news;
}

/* What there is, then the error, then nothing. */
static int script_read(int socket, struct pendi_uevent *event)
{
	uint64_t ignored;
	const int error = told_error;

	cr_assert_eq(socket, news);
	if (told_count) {
		*event = told_events[--told_count];
		return 1;
	}
	(void)!read(news, &ignored, sizeof(ignored));
	told_error = 0;
	sem_post(&news_was_read);
	return error;
}

static void tell_news(void)
{
	const uint64_t one = 1;

	cr_assert_eq(write(news, &one, sizeof(one)), (ssize_t)sizeof(one));
	while (sem_wait(&news_was_read) != 0)
		;
}

static uint32_t possible(void)
{
	return FAKE_CPUS;
}

/* Which executors are to try again, as a mask; and they are told once. */
static uint32_t retries(void)
{
	uint32_t mask = 0;

	for (uint32_t cpu = 0; cpu < FAKE_CPUS; cpu++)
		/* relaxed: the monitor has posted since, or its thread is joined. */
		mask |= pendi_exchange_relaxed(&engine->shards[cpu]->executor.retry, 0) << cpu;
	return mask;
}

/* The monitor may still be about to act on the last news: the next ones come behind it. */
static void settle_news(void)
{
	tell_news();
	tell_news();
}

static struct pend_engine *watched_engine(void)
{
	struct pend_engine_options options = manual_options();

	pendi_script.cpu_possible = possible;
	pendi_script.uevent_open = script_open;
	pendi_script.uevent_read = script_read;
	news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	cr_assert_geq(news, 0);
	cr_assert_eq(sem_init(&news_was_read, 0, 0), 0);
	options.flags = PEND_ENGINE_POLLED;
	return make_engine(&options);
}

Test(watch, news_of_a_cpu_reach_its_executor)
{
	engine = watched_engine();
	settle_news();
	(void)retries();
	told_events[0] = (struct pendi_uevent){ .type = PENDI_UEVENT_ONLINE, .cpu = 1 };
	told_events[1] = (struct pendi_uevent){ .type = PENDI_UEVENT_OTHER, .cpu = 2 };
	told_events[2] = (struct pendi_uevent){ .type = PENDI_UEVENT_OFFLINE, .cpu = 3 };
	told_count = 3;
	settle_news();
	cr_assert_eq(retries(), 1u << 1 | 1u << 3);
	cr_assert_eq(pend_engine_destroy(engine), 0);
}

/* Events were lost: any CPU may have come or gone. */
Test(watch, lost_news_reach_every_executor)
{
	engine = watched_engine();
	settle_news();
	(void)retries();
	told_error = -ENOBUFS;
	settle_news();
	cr_assert_eq(retries(), (1u << FAKE_CPUS) - 1);
	cr_assert_eq(pend_engine_destroy(engine), 0);
}

/* ---- the timer, and real-time priority ---- */

static sem_t clock_was_read;
static _Atomic uint32_t fifo_asked;

static uint64_t script_clock(void)
{
	sem_post(&clock_was_read);
	return UINT64_C(1000000000);
}

static int note_fifo(uint32_t priority)
{
	pendi_store_relaxed(&fifo_asked, priority); /* relaxed: its thread is joined before */
	return 0;
}

static void await_look(void)
{
	while (sem_wait(&clock_was_read) != 0)
		;
}

/* It counts the time asleep, which the time-out of epoll does not. */
Test(watch, the_timer_wakes_the_monitor)
{
	const struct itimerspec at_once = { .it_value = { .tv_nsec = 1 } };
	struct pend_engine_options options = manual_options();

	cr_assert_eq(sem_init(&clock_was_read, 0, 0), 0);
	pendi_script.clock_mono_ns = script_clock;
	pendi_script.sched_fifo = note_fifo;
	options.flags = PEND_ENGINE_POLLED;
	options.fifo_priority = 5;
	options.stall_ns = UINT64_C(60000000000); /* by itself it looks once in half a minute */
	engine = make_engine(&options);
	await_look();
	for (int round = 0; round < 3; round++) {
		while (sem_trywait(&clock_was_read) == 0)
			;
		cr_assert_eq(timerfd_settime(engine->monitor.timer, 0, &at_once, NULL), 0);
		await_look();
	}
	cr_assert_eq(pend_engine_destroy(engine), 0);
	/* relaxed: as above. */
	cr_assert_eq(pendi_load_relaxed(&fifo_asked), 5);
}

/* ---- the look, on the machine of fake.h ---- */

TestSuite(look, .init = begin_scene_by_hand, .fini = end_scene);

/* ---- watches ---- */

static int handles[2];
static size_t names[2];
static uint32_t fired[2];
static bool in_its_place;

static void fire(void *context)
{
	const size_t own = *(const size_t *)context;

	fired[own]++;
	pendi_monitor_unwatch(engine, handles[1 - own]);
	if (in_its_place)
		cr_assert_eq(pendi_monitor_watch(engine, handles[1 - own], fire, &names[1 - own]),
			     0);
}

static void make_ready(void)
{
	for (size_t i = 0; i < 2; i++) {
		names[i] = i;
		handles[i] = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
		cr_assert_geq(handles[i], 0);
		cr_assert_eq(pendi_monitor_watch(engine, handles[i], fire, &names[i]), 0);
	}
}

/* Both are ready at once, and the first takes the second out: its event is on its way and falls on
 * nobody. */
Test(look, an_event_of_a_watch_that_was_taken_out_is_dropped)
{
	make_ready();
	pendi_watches_wait(engine, 0);
	cr_assert_eq(fired[0] + fired[1], 1);
	pendi_monitor_unwatch(engine, handles[0]);
	pendi_monitor_unwatch(engine, handles[1]);
	pendi_watches_wait(engine, 0);
	cr_assert_eq(fired[0] + fired[1], 1);
}

/* And the place that it had is taken at once by another use. */
Test(look, an_event_does_not_fall_on_the_next_in_its_place)
{
	make_ready();
	in_its_place = true;
	pendi_watches_wait(engine, 0);
	cr_assert_eq(fired[0] + fired[1], 1);
	in_its_place = false;
	pendi_watches_wait(engine, 0);
	cr_assert_eq(fired[0] + fired[1], 2, "the new one is ready as well");
}

Test(look, taking_out_what_is_not_there_does_nothing)
{
	make_ready();
	pendi_monitor_unwatch(engine, -1);
	pendi_monitor_unwatch(engine, 12345);
	pendi_watches_wait(engine, 0);
	cr_assert_eq(fired[0] + fired[1], 1);
}

/* ---- when to look again ---- */

static uint64_t look_after(uint64_t nanoseconds)
{
	machine_mono_ns += nanoseconds;
	machine_cpu = 0;
	return pendi_monitor_look(engine);
}

/* A shard that only the monitor serves is looked at each tick, or before if it dozes less. */
Test(look, an_orphan_is_looked_at_each_tick)
{
	settle(engine, &fake);
	for (uint32_t cpu = 0; cpu < FAKE_CPUS; cpu++)
		(void)pendi_home_take(engine->shards[cpu], PENDI_SERVER_MONITOR);
	cr_assert_eq(look_after(0), engine->tick_ns);
	/* Something is due in a part of a tick, and what is then left of the stall is shorter. */
	engine->stall_ns = 1;
	fake.looks[0][0] = pendi_engine_tick_begun(engine, machine_mono_ns) + 1;
	machine_mono_ns += engine->tick_ns / 2;
	cr_assert_lt(look_after(0), engine->tick_ns);
}

/* ---- executors that the monitor starts ---- */

static uint32_t thread_calls, threads_refused;

WRAPPED(int, pthread_create, pthread_t *thread, const pthread_attr_t *attributes,
	void *(*run)(void *), void *argument)
{
	thread_calls++;
	if (threads_refused && threads_refused--)
		return EAGAIN;
	return __real_pthread_create(thread, attributes, run, argument);
}

static uint32_t allowed_mask = 3;

static int script_allowed(uint32_t cpu)
{
	return (allowed_mask >> cpu & 1) != 0;
}

static void fill_thread_table(bool full)
{
	for (uint32_t i = 1; i < PENDI_THREADS; i++) {
		const int32_t owner = full ? 0 : 1;

		/* relaxed: only this thread looks. */
		if (pendi_load_relaxed(&pendi_thread_records[i].owner) == owner)
			pendi_store_relaxed(&pendi_thread_records[i].owner, !owner);
	}
}

static void to_have_threads(void)
{
	engine->flags = PEND_ENGINE_UNWATCHED;
	pendi_script.cpu_allowed = script_allowed;
	for (uint32_t cpu = 0; cpu < FAKE_CPUS; cpu++)
		/* relaxed: one thread. */
		pendi_store_relaxed(&engine->shards[cpu]->executor.condition, PENDI_EXECUTOR_NONE);
}

/* A refusal is not repeated within a second, and a CPU that is not allowed gets none. */
Test(look, a_thread_that_is_refused_is_tried_again_later)
{
	to_have_threads();
	threads_refused = 2;
	(void)look_after(1);
	cr_assert_eq(thread_calls, 2);
	cr_assert_eq(stats_of(engine, 0).starts_refused, 1);
	cr_assert_eq(stats_of(engine, 2).starts_refused, 0);
	engine->monitor.recheck_ns = 0;
	threads_refused = 2;
	(void)look_after(1);
	cr_assert_eq(thread_calls, 2, "too early");
	(void)look_after(1000000000);
	cr_assert_eq(thread_calls, 4);
}

/* A thread without a number ends at once; the monitor takes note and tries again. */
Test(look, a_thread_that_gets_no_number_is_tried_again)
{
	struct pendi_executor *executor = &engine->shards[0]->executor;

	(void)pendi_thread_number();
	to_have_threads();
	allowed_mask = 1;
	fill_thread_table(true);
	(void)look_after(1);
	cr_assert_eq(thread_calls, 1);
	/* relaxed: waits for the thread's last words only; start_missing() acquires. */
	while (pendi_load_relaxed(&executor->start) == PENDI_START_NONE)
		pendi_cpu_relax();
	cr_assert(executor->has_thread);
	engine->monitor.recheck_ns = 0;
	(void)look_after(1);
	cr_assert_not(executor->has_thread, "it is joined");
	cr_assert_eq(stats_of(engine, 0).starts_refused, 1);
	threads_refused = 1;
	(void)look_after(1000000000);
	cr_assert_eq(stats_of(engine, 0).starts_refused, 2);
	fill_thread_table(false);
}
