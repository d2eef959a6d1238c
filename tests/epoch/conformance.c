/* SPDX-License-Identifier: MIT */
/*
 * conformance.c - runs the epoch's conformance suite on the implementation it is linked with.
 *
 *	epoch_conformance_* [--rounds N] [--fence portable | --refuse] [--only NAME]
 *
 * The same tests, whatever the implementation; where one promises more, the test says so. No
 * test proves anything by waiting: threads are led by semaphores, and where a fault could show
 * only if another thread ran meanwhile, that thread is given a chance that is bounded. TAP on
 * standard output; exit status 1 when a test failed.
 */
#include "conformance.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "platform/script.h"

struct test {
	const char *name;
	void (*function)(void);
};

#define TEST(function)              \
	{                           \
#function, function \
	}

/* The table is filled last: the tests before it count records. */
static const struct test tests[] = {
	TEST(public_calls_check_their_caller),
	TEST(sections_nest),
	TEST(own_section_protects),
	TEST(inner_exit_keeps_protecting),
	TEST(batch_is_reclaimed_whole),
	TEST(threads_that_ended_strand_nothing),
	TEST(nodes_arrive_as_they_were_sent),
	TEST(barrier_waits_for_a_running_function),
	TEST(synchronize_waits_for_the_reader),
	TEST(function_may_retire_and_poll),
	TEST(stalled_reader_is_named),
	TEST(busy_reader_is_not_stalled),
	TEST(stalled_reader_bounds_limbo),
	TEST(fence_changes_only_when_quiet),
	TEST(refused_membarrier_frees_nothing),
	TEST(torture),
	TEST(torture_while_fences_change),
	TEST(threads_reuse_records),
	TEST(every_end_of_a_thread_closes_its_section),
	TEST(late_destructor_may_use_the_library),
	TEST(child_of_a_fork_goes_on),
	TEST(full_table_is_an_error),
};

uint64_t rounds = 60000;
bool native;
struct oracle_count operations;

static struct oracle_count clock_ns;
static struct oracle_count failures;

bool check(bool holds, const char *what, const char *file, int line)
{
	if (!holds) {
		(void)oracle_add(&failures, 1);
		printf("# %s:%d: not so: %s\n", file, line, what);
		fflush(stdout);
	}
	return holds;
}

static void reclaim_thing(struct pendi_epoch_node *node)
{
	struct thing *thing = PENDI_CONTAINER_OF(node, struct thing, node);

	(void)oracle_add(&thing->reclaimed, 1);
}

void thing_init(struct thing *thing)
{
	thing->node.next = NULL;
	thing->node.reclaim = reclaim_thing;
	oracle_mark(&thing->reclaimed, 0);
}

void thing_retire(struct thing *thing)
{
	pendi_epoch_retire(&thing->node);
	(void)oracle_add(&operations, 1);
}

pthread_t start(void *(*function)(void *), void *argument)
{
	pthread_t thread;
	const int error = pthread_create(&thread, NULL, function, argument);

	if (error) {
		printf("Bail out! no thread: %s\n", strerror(error));
		exit(1);
	}
	return thread;
}

void finish(pthread_t thread)
{
	CHECK(pthread_join(thread, NULL) == 0);
}

static void *parked_thread(void *argument)
{
	struct parked *parked = argument;

	CHECK(pendi_epoch_enter() == 0);
	parked->tid = (int32_t)gettid();
	sem_post(&parked->inside);
	while (sem_wait(&parked->leave) != 0)
		;
	oracle_set(&parked->has_left, 1);
	pendi_epoch_exit();
	return NULL;
}

void park(struct parked *parked)
{
	memset(parked, 0, sizeof(*parked));
	sem_init(&parked->inside, 0, 0);
	sem_init(&parked->leave, 0, 0);
	parked->thread = start(parked_thread, parked);
	while (sem_wait(&parked->inside) != 0)
		;
}

void unpark(struct parked *parked)
{
	sem_post(&parked->leave);
	finish(parked->thread);
	sem_destroy(&parked->inside);
	sem_destroy(&parked->leave);
}

/*
 * Time for another thread to do what it must not. A right implementation passes however short it
 * is; a wrong one is found only if the thread runs, which on a busy machine takes milliseconds.
 */
void give_a_chance(struct oracle_count *count)
{
	const struct timespec millisecond = { .tv_nsec = 1000000 };

	for (int n = 0; n < 2000 && !oracle_read(count); n++)
		(void)sched_yield();
	for (int n = 0; n < 50 && !oracle_read(count); n++)
		(void)nanosleep(&millisecond, NULL);
}

void clock_set_ns(uint64_t now_ns)
{
	oracle_set(&clock_ns, now_ns);
}

static uint64_t scripted_clock(void)
{
	return oracle_read(&clock_ns);
}

static int refuse(void)
{
	return -EPERM;
}

static int usage(const char *program)
{
	fprintf(stderr, "usage: %s [--rounds N] [--fence portable | --refuse] [--only NAME]\n",
		program);
	return 2;
}

static bool parse(int count, char **words, bool *portable, const char **only)
{
	for (int n = 1; n < count; n++) {
		const char *value = n + 1 < count ? words[n + 1] : "";

		if (strcmp(words[n], "--refuse") == 0) {
			pendi_script.membarrier_register = refuse;
			pendi_script.membarrier = refuse;
			continue;
		}
		if (strcmp(words[n], "--rounds") == 0)
			rounds = strtoull(value, NULL, 10);
		else if (strcmp(words[n], "--only") == 0)
			*only = value;
		else if (strcmp(words[n], "--fence") == 0 && strcmp(value, "portable") == 0)
			*portable = true;
		else
			return false;
		n++;
	}
	return rounds > 0;
}

/* How the run is set up decides the fence, and nothing else does. */
static void fence_is_as_asked(bool portable)
{
	const bool refused = pendi_script.membarrier_register != NULL;

	if (!native)
		return;
	if (refused) {
		CHECK(pendi_epoch_fence_in_force() == PENDI_EPOCH_FENCE_PORTABLE);
		CHECK(pendi_epoch_fence_select(PENDI_EPOCH_FENCE_ASYMMETRIC) == 0);
		CHECK(pendi_epoch_fence_in_force() == PENDI_EPOCH_FENCE_PORTABLE);
	}
	if (portable)
		CHECK(pendi_epoch_fence_select(PENDI_EPOCH_FENCE_PORTABLE) == 0);
	printf("# readers fence: %s\n",
	       pendi_epoch_fence_in_force() == PENDI_EPOCH_FENCE_PORTABLE ? "yes" : "no");
}

int main(int argc, char **argv)
{
	const char *only = NULL;
	bool portable = false;
	uint64_t number = 0;

	if (!parse(argc, argv, &portable, &only))
		return usage(argv[0]);
	pendi_script.clock_boot_ns = scripted_clock;
	native = strcmp(pendi_epoch_name(), "native") == 0;
	printf("# implementation: %s\n", pendi_epoch_name());
	fence_is_as_asked(portable);

	bool passed = oracle_read(&failures) == 0;

	for (size_t n = 0; n < sizeof(tests) / sizeof(tests[0]); n++) {
		if (only && strcmp(only, tests[n].name) != 0)
			continue;

		const uint64_t before = oracle_read(&failures);

		tests[n].function();

		const bool held = oracle_read(&failures) == before;

		passed = passed && held;
		printf("%s %llu - %s\n", held ? "ok" : "not ok", (unsigned long long)++number,
		       tests[n].name);
		fflush(stdout);
	}
	printf("1..%llu\n", (unsigned long long)number);
	printf("# operations: %llu\n", (unsigned long long)oracle_read(&operations));
	return passed && number > 0 ? 0 : 1;
}
