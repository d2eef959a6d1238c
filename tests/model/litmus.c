/* SPDX-License-Identifier: MIT */
/*
 * litmus.c - is the checker able to fail? Small programs of known behaviour, in TAP.
 *
 * Each line of the table below runs one of them in one mode, at one bound, and says what has to come
 * of it: a violation whose text has some words in it, or none and all schedules run. What was found
 * must come again when its schedule is replayed.
 */
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "platform/atomic.h"
#include "platform/event.h"
#include "platform/futex.h"
#include "platform/membarrier.h"
#include "platform/memory.h"
#include "tests/model/checker/apart.h"
#include "tests/model/checker/sites.h"

static _Alignas(16) _Atomic uint32_t words[4]; /* two in each cell of memory.c */
static uint32_t seen[MODEL_THREADS];
static _Atomic uint32_t *_Atomic shared;
static PENDI_THREAD_LOCAL uint32_t own;
static pthread_mutex_t mutexes[2];
static int event;
static uint32_t *outside; /* of the snapshot: what no scenario may do */

/* relaxed, all accesses of this file: the modes that are tested here know no orders. */
static uint32_t get(uint32_t word)
{
	return pendi_load_relaxed(&words[word]); /* relaxed: as above */
}

static void set(uint32_t word, uint32_t value)
{
	pendi_store_relaxed(&words[word], value); /* relaxed: as above */
}

static void nothing(void)
{
}

/* ---- store buffering: each stores, and loads what the other stores ---- */

static void buffer_stores(uint32_t number)
{
	set(number, 1);
	seen[number] = get(1 - number);
}

static void buffer_and_fence(uint32_t number)
{
	set(number, 1);
	pendi_fence_store_load(LITMUS);
	seen[number] = get(1 - number);
}

static void buffer_and_swap(uint32_t number)
{
	(void)pendi_exchange_relaxed(&words[number], 1); /* relaxed: as above */
	seen[number] = get(1 - number);
}

/* One side is light, and the other interrupts it. */
static void buffer_or_barrier(uint32_t number)
{
	set(number, 1);
	if (number == 0)
		pendi_fence_light(LITMUS);
	else
		MODEL_CHECK(pendi_membarrier() == 0);
	seen[number] = get(1 - number);
}

static void buffer_lightly(uint32_t number)
{
	set(number, 1);
	pendi_fence_light(LITMUS);
	seen[number] = get(1 - number);
}

static void one_saw(void)
{
	MODEL_CHECK(seen[0] || seen[1]);
}

/* ---- stores of one thread land in order ---- */

static void pass_message(uint32_t number)
{
	if (number == 0) {
		set(0, 1);
		set(1, 1);
	} else if (get(1)) {
		MODEL_CHECK(get(0));
	}
}

/* ---- updates ---- */

static void load_and_store(uint32_t number)
{
	(void)number;
	set(0, get(0) + 1);
}

static void add(uint32_t number)
{
	(void)number;
	(void)pendi_fetch_add_relaxed(&words[0], 1); /* relaxed: as above */
}

static void nothing_lost(void)
{
	MODEL_CHECK(get(0) == model_threads());
}

/* A bound that is looked at, and then added to: for all four to pass, three must be preempted. */
static void check_then_add(uint32_t number)
{
	if (get(0) == 0)
		add(number);
	MODEL_CHECK(get(0) < 4);
}

/* The second comes first, which costs nothing, and is preempted once. */
static void come_second(uint32_t number)
{
	if (number == 0) {
		if (get(0) == 1)
			set(0, 2);
	} else {
		set(0, 1);
		MODEL_CHECK(get(0) != 2);
	}
}

/* Each step needs that of the other: four preemptions, for nobody preempts who has ended. */
static void take_turns(uint32_t number)
{
	for (uint32_t step = number; step < 6; step += 2)
		if (get(0) == step)
			set(0, step + 1);
	MODEL_CHECK(get(0) < 6);
}

/* ---- memory ---- */

static void make_shared(void)
{
	_Atomic uint32_t *made = pendi_memory_allocate(NULL, sizeof(*made), sizeof(*made));

	MODEL_CHECK(made != NULL);
	pendi_store_relaxed(&shared, made); /* relaxed: as above */
}

static void read_or_free(uint32_t number)
{
	_Atomic uint32_t *found = pendi_load_relaxed(&shared); /* relaxed: as above */

	if (number == 1) {
		pendi_store_relaxed(&shared, NULL); /* relaxed: as above */
		pendi_memory_release(NULL, found, sizeof(*found));
	} else if (found) {
		seen[0] = pendi_load_relaxed(found); /* relaxed: as above */
	}
}

static void both_free(uint32_t number)
{
	_Atomic uint32_t *found = pendi_load_relaxed(&shared); /* relaxed: as above */

	(void)number;
	if (!found)
		return;
	pendi_store_relaxed(&shared, NULL); /* relaxed: as above */
	pendi_memory_release(NULL, found, sizeof(*found));
}

static void exchange_and_free(uint32_t number)
{
	/* relaxed: as above */
	_Atomic uint32_t *found = pendi_exchange_relaxed(&shared, NULL);

	(void)number;
	if (found)
		pendi_memory_release(NULL, found, sizeof(*found));
}

static void read_nowhere(uint32_t number)
{
	if (number == 1 || get(0) == 0)
		set(0, 1);
	else
		seen[0] = *(uint32_t *)(uintptr_t)get(2); /* which is 0 */
}

/* ---- waiting ---- */

/* The word that is slept on is not the one that changes. */
static void lose_wakeup(uint32_t number)
{
	if (number == 1) {
		set(0, 1);
		(void)pendi_futex_wake(&words[1], 1);
	} else if (!get(0)) {
		(void)pendi_futex_wait(&words[1], 0, UINT64_MAX);
	}
}

static void wake(uint32_t number)
{
	if (number == 1) {
		set(0, 1);
		(void)pendi_futex_wake(&words[0], 1);
	} else {
		while (!get(0))
			(void)pendi_futex_wait(&words[0], 0, UINT64_MAX);
	}
}

static void lock_crosswise(uint32_t number)
{
	pthread_mutex_lock(&mutexes[number]);
	set(0, number);
	pthread_mutex_lock(&mutexes[1 - number]);
	pthread_mutex_unlock(&mutexes[1 - number]);
	pthread_mutex_unlock(&mutexes[number]);
}

static void update_locked(uint32_t number)
{
	pthread_mutex_lock(&mutexes[0]);
	load_and_store(number);
	pthread_mutex_unlock(&mutexes[0]);
}

static void wait_for_each_other(uint32_t number)
{
	while (!get(number))
		pendi_cpu_relax();
	set(1 - number, 1);
}

static void wait_for_the_first(uint32_t number)
{
	while (number && !get(0))
		pendi_cpu_relax();
	set(0, 1);
}

static void wait_without_relaxing(uint32_t number)
{
	while (number && !get(0))
		;
	set(0, 1);
}

/* Nobody else touches the word: the checker is never asked. */
static void wait_alone(uint32_t number)
{
	while (number && !get(2))
		;
}

/* A lock that its owner may take to the grave. */
static void spin_to_lock(uint32_t number)
{
	(void)number;
	while (pendi_exchange_relaxed(&words[1], 1)) /* relaxed: as above */
		pendi_cpu_relax();
	load_and_store(0);
	set(1, 0);
}

/* Made by begin(), written and read by fibers: as it was made in each execution. */
static void make_event(void)
{
	event = eventfd(0, EFD_NONBLOCK);
	MODEL_CHECK(event >= 0);
}

static void signal_or_drain(uint32_t number)
{
	if (number == 0)
		MODEL_CHECK(pendi_event_signal(event) == 0);
	else
		pendi_event_drain(event);
}

static bool is_readable(void)
{
	struct pollfd polled = { .fd = event, .events = POLLIN };

	return poll(&polled, 1, 0) == 1;
}

static void drained(void)
{
	MODEL_CHECK(!is_readable());
}

static void signal_and_drain(uint32_t number)
{
	if (number == 0) {
		MODEL_CHECK(pendi_event_signal(event) == 0);
		pendi_event_drain(event);
	} else {
		MODEL_CHECK(!is_readable());
	}
}

static void drained_again(void)
{
	pendi_event_drain(event);
	MODEL_CHECK(!is_readable());
}

/* ---- the checker's own ---- */

static void count_own(uint32_t number)
{
	(void)number;
	own++;
	set(0, 1);
	own++;
	MODEL_CHECK(own == 2);
}

static void remember(void)
{
	outside = mmap(NULL, sizeof(*outside), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0); /* which is not put back */
	MODEL_CHECK(outside != MAP_FAILED);
}

static void differ(uint32_t number)
{
	if (number == 1 && (*outside)++ % 8 == 7)
		set(0, 3);
	set(0, 1);
	set(0, 2);
}

/* take_turns() with much in between: too long for a search, and no moment has to be exact. */
static void take_turns_slowly(uint32_t number)
{
	for (uint32_t step = number; step < 6; step += 2) {
		if (get(0) == step)
			set(0, step + 1);
		for (uint32_t i = 0; i < 20; i++)
			(void)pendi_fetch_add_relaxed(&words[3], 1); /* relaxed: as above */
	}
	MODEL_CHECK(get(0) < 6);
}

static void below_two(void)
{
	MODEL_CHECK(words[0] < 2); /* a plain read: no step */
}

#define FREED "memory that was freed"

/* What is found in each mode, and nothing where that is NULL. A bound of 0 in TSO: not run. */
static const struct litmus {
	struct model_scenario scenario;
	const char *sc, *tso;
	uint64_t budget;
	enum model_chooser chooser; /* that finds it */
	bool once;                  /* a replay need not find it again */
} table[] = {
	{ { "store buffering", "", 2, 3, 2, nothing, buffer_stores, one_saw }, NULL, "seen[1]" },
	{ { "... with a fence", "", 2, 3, 3, nothing, buffer_and_fence, one_saw }, NULL, NULL },
	{ { "... by exchanges", "", 2, 3, 3, nothing, buffer_and_swap, one_saw }, NULL, NULL },
	{ { "... with a membarrier", "", 2, 3, 3, nothing, buffer_or_barrier, one_saw } },
	{ { "... with half of one", "", 2, 3, 3, nothing, buffer_lightly, one_saw },
	  NULL,
	  "seen[1]" },
	{ { "message passing", "", 2, 3, 3, nothing, pass_message, nothing }, NULL, NULL },
	{ { "a lost update, bound 0", "", 2, 0, 0, nothing, load_and_store, nothing_lost } },
	{ { "a lost update", "", 2, 1, 1, nothing, load_and_store, nothing_lost },
	  "get(0) ==",
	  "get(0) ==" },
	{ { "no lost update", "", 3, 3, 3, nothing, add, nothing_lost } },
	{ { "no lost update under a lock", "", 3, 3, 3, nothing, update_locked, nothing_lost } },
	{ { "check, then add; bound 2", "", 4, 2, 2, nothing, check_then_add, nothing } },
	{ { "check, then add", "", 4, 3, 0, nothing, check_then_add, nothing }, "get(0) < 4" },
	{ { "a start is no preemption", "", 2, 1, 0, nothing, come_second, nothing }, "!= 2" },
	{ { "... but there is one, bound 0", "", 2, 0, 0, nothing, come_second, nothing } },
	{ { "six turns, bound 3", "", 2, 3, 3, nothing, take_turns, nothing } },
	{ { "six turns", "", 2, 4, 0, nothing, take_turns, nothing }, "get(0) < 6" },
	{ { "six turns, by a higher bound", "", 2, 1, 0, nothing, take_turns, nothing },
	  "get(0) < 6",
	  NULL,
	  10000 },
	{ { "six slow turns, bound 2", "", 2, 2, 0, nothing, take_turns_slowly, nothing } },
	{ { "six slow turns, by chance", "", 2, 1, 0, nothing, take_turns_slowly, nothing },
	  "get(0) < 6",
	  NULL,
	  50000,
	  MODEL_BY_PRIORITY },
	{ { "use after free", "", 2, 2, 2, make_shared, read_or_free, nothing }, FREED, FREED },
	{ { "double free", "", 2, 1, 1, make_shared, both_free, nothing },
	  "SHADOW_LIVE",
	  "SHADOW_LIVE" },
	{ { "one frees", "", 3, 3, 3, make_shared, exchange_and_free, nothing } },
	{ { "a crash", "", 2, 1, 0, nothing, read_nowhere, nothing }, "memory that is not there" },
	{ { "a lost wake-up", "", 2, 1, 1, nothing, lose_wakeup, nothing },
	  "deadlock",
	  "deadlock" },
	{ { "a wake-up", "", 2, 3, 3, nothing, wake, nothing } },
	{ { "locks crosswise", "", 2, 1, 1, nothing, lock_crosswise, nothing },
	  "deadlock",
	  "deadlock" },
	{ { "two wait for each other", "", 2, 1, 1, nothing, wait_for_each_other, nothing },
	  "livelock",
	  "livelock" },
	{ { "two wait for the first", "", 3, 3, 3, nothing, wait_for_the_first, nothing } },
	{ { "a wait that does not relax", "", 2, 1, 0, nothing, wait_without_relaxing, nothing },
	  "without end" },
	{ { "a wait for nobody", "", 2, 1, 0, nothing, wait_alone, nothing }, "neither ends" },
	{ { "a spin lock", "", 2, 3, 2, nothing, spin_to_lock, nothing_lost } },
	{ { "a spin lock whose owner stops", "", 2, 1, 1, nothing, spin_to_lock, nothing, NULL, 1 },
	  "livelock",
	  "livelock" },
	{ { "an event after its drain", "", 2, 1, 0, make_event, signal_or_drain, drained },
	  "!is_readable" },
	{ { "an event between two calls", "", 2, 1, 0, make_event, signal_and_drain, nothing },
	  "!is_readable" },
	{ { "an event between two, bound 0", "", 2, 0, 0, make_event, signal_and_drain, nothing } },
	{ { "an event is drained", "", 2, 3, 3, make_event, signal_or_drain, drained_again } },
	{ { "thread-locals", "", 3, 2, 2, nothing, count_own, nothing } },
	{ { "another way", "", 2, 3, 0, remember, differ, nothing },
	  "another way",
	  NULL,
	  0,
	  0,
	  true },
	{ { "after each step", "", 2, 1, 0, nothing, add, nothing, below_two }, "words[0] < 2" },
};

/* Whether the search, and the replay of what it found, came to what is expected. */
static bool holds(const struct litmus *litmus, enum model_mode mode)
{
	const char *expected = mode == MODEL_SC ? litmus->sc : litmus->tso;
	struct model_plan plan = { .bound = -1,
				   .limit = 1000000,
				   .budget = litmus->budget,
				   .change_points = 5,
				   .seed = 1 };
	struct apart search, again;
	bool held;

	if (!apart_run(&search, &litmus->scenario, mode, &plan))
		return false;
	if (!expected) {
		held = search.result->done && search.result->exhausted;
	} else {
		plan.replay = search.result->schedule;
		held = !search.result->done && strstr(search.result->what, expected);
		if (held && !litmus->once)
			held = apart_run(&again, &litmus->scenario, mode, &plan) &&
			       !again.result->done &&
			       strcmp(again.result->what, search.result->what) == 0;
	}
	if (litmus->chooser && search.result->chooser != litmus->chooser)
		held = false;
	if (!held)
		apart_print(&search, "# ");
	printf("%s - %s, %s: %" PRIu64 " schedules, %s\n", held ? "ok" : "not ok",
	       litmus->scenario.name, search_mode_names[mode], search.result->schedules,
	       search.result->done ? "no violation" : search.result->what);
	apart_end(&search);
	return held;
}

int main(void)
{
	const size_t count = sizeof(table) / sizeof(table[0]);
	uint32_t lines = 0, failed = 0;

	sites_setup();
	for (size_t i = 0; i < count; i++)
		for (uint32_t mode = MODEL_SC; mode <= MODEL_TSO; mode++)
			if (search_bound(&table[i].scenario, mode) >= 0) {
				lines++;
				failed += !holds(&table[i], mode);
			}
	printf("1..%u\n", lines);
	return failed != 0;
}
