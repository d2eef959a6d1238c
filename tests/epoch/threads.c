/* SPDX-License-Identifier: MIT */
/*
 * threads.c - conformance: threads come and go, in every way there is.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conformance.h"

enum { CHURN = 1600 };

static void *short_life(void *argument)
{
	CHECK(!pendi_epoch_inside());
	CHECK(pendi_epoch_enter() == 0);
	CHECK(pendi_thread_number() > 0 && pendi_thread_number() < PENDI_THREADS);
	pendi_epoch_exit();
	thing_retire(argument);
	return NULL;
}

/* A leak of one record in a hundred threads would fill the table. */
void threads_reuse_records(void)
{
	static struct thing things[CHURN];
	pthread_t threads[PEAK_THREADS];

	for (size_t n = 0; n < CHURN; n++)
		thing_init(&things[n]);
	for (size_t n = 0; n < CHURN; n += PEAK_THREADS) {
		for (size_t i = 0; i < PEAK_THREADS; i++)
			threads[i] = start(short_life, &things[n + i]);
		for (size_t i = 0; i < PEAK_THREADS; i++)
			finish(threads[i]);
	}
	/* The main thread and a thread of liburcu's beside; and record 0. */
	CHECK(pendi_thread_limit() <= PEAK_THREADS + 3);
	CHECK(pendi_epoch_barrier() == 0);
	for (size_t n = 0; n < CHURN; n++)
		CHECK(oracle_read(&things[n].reclaimed) == 1);
}

enum end { END_RETURN, END_EXIT, END_CANCEL, ENDS };

struct ending {
	enum end how;
	sem_t inside, never;
};

static void *ends_inside(void *argument)
{
	struct ending *ending = argument;

	for (int depth = 0; depth < 3; depth++)
		CHECK(pendi_epoch_enter() == 0);
	sem_post(&ending->inside);
	if (ending->how == END_EXIT)
		pthread_exit(NULL);
	if (ending->how == END_CANCEL) {
		while (sem_wait(&ending->never) != 0)
			;
	}
	return NULL;
}

void every_end_of_a_thread_closes_its_section(void)
{
	for (enum end how = END_RETURN; how < ENDS; how++) {
		struct ending ending = { .how = how };
		struct thing things[2];
		struct pendi_epoch_stall stall;

		thing_init(&things[0]);
		thing_init(&things[1]);
		sem_init(&ending.inside, 0, 0);
		sem_init(&ending.never, 0, 0);

		const pthread_t thread = start(ends_inside, &ending);

		while (sem_wait(&ending.inside) != 0)
			;
		if (how == END_CANCEL)
			CHECK(pthread_cancel(thread) == 0);
		finish(thread);

		/* Nobody is inside (else the barrier would not return), and whoever has the record
		 * next begins outside. */
		(void)pendi_epoch_stalled(0, NULL, 0);
		if (CHECK(pendi_epoch_stalled(0, &stall, 1) == 0)) {
			thing_retire(&things[0]);
			finish(start(short_life, &things[1]));
			CHECK(pendi_epoch_barrier() == 0);
			CHECK(oracle_read(&things[0].reclaimed) == 1);
			CHECK(oracle_read(&things[1].reclaimed) == 1);
		}
		sem_destroy(&ending.inside);
		sem_destroy(&ending.never);
	}
}

static void uses_the_library(void *argument)
{
	CHECK(pendi_epoch_enter() == 0);
	pendi_epoch_exit();
	(void)oracle_add(argument, 1);
}

static pthread_key_t late_key;

static void *has_late_destructor(void *argument)
{
	CHECK(pendi_epoch_enter() == 0);
	pendi_epoch_exit();
	CHECK(pthread_setspecific(late_key, argument) == 0);
	return NULL;
}

void late_destructor_may_use_the_library(void)
{
	enum { THREADS = 200 };
	struct oracle_count destroyed = { 0 };

	CHECK(pthread_key_create(&late_key, uses_the_library) == 0);
	for (int n = 0; n < THREADS; n++)
		finish(start(has_late_destructor, &destroyed));
	CHECK(oracle_read(&destroyed) == THREADS);
	CHECK(pendi_thread_limit() <= PEAK_THREADS + 3);
	CHECK(pthread_key_delete(late_key) == 0);
}

static int child(struct thing *thing, struct thing *another)
{
	(void)alarm(30); /* it hangs if it is wrong */
	if (pendi_epoch_limbo() != 1 || !pendi_epoch_inside())
		return 2;
	pendi_epoch_exit();
	thing_retire(another);
	if (pendi_epoch_barrier() != 0 || pendi_epoch_limbo() != 0)
		return 3;
	if (oracle_read(&thing->reclaimed) != 1 || oracle_read(&another->reclaimed) != 1)
		return 4;
	if (pendi_epoch_enter() != 0 || !pendi_epoch_inside())
		return 5;
	pendi_epoch_exit();
	return pendi_epoch_synchronize() == 0 ? 0 : 6;
}

/*
 * The caller of fork is inside, and so is another thread, which the child forgets. With liburcu
 * nobody else may be (its limit), so there the other leaves first.
 */
void child_of_a_fork_goes_on(void)
{
	struct thing thing, another;
	struct parked parked;
	int status = -1;

	if (!native && PENDI_TSAN) {
		printf("# not run: liburcu's child has a thread, the sanitizer forbids it\n");
		return;
	}
	thing_init(&thing);
	thing_init(&another);
	park(&parked);
	CHECK(pendi_epoch_enter() == 0);
	thing_retire(&thing);
	if (!native)
		unpark(&parked);
	fflush(stdout);

	const pid_t process = fork();

	if (process == 0)
		_exit(child(&thing, &another));
	pendi_epoch_exit();
	if (CHECK(process > 0) && CHECK(waitpid(process, &status, 0) == process))
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	if (native)
		unpark(&parked);
	CHECK(pendi_epoch_barrier() == 0);
	CHECK(oracle_read(&thing.reclaimed) == 1);
	CHECK(oracle_read(&another.reclaimed) == 0);
}

struct crowd {
	sem_t registered, end;
	struct oracle_count refused;
	struct thing things[2];
};

static void *one_of_a_crowd(void *argument)
{
	struct crowd *crowd = argument;
	const int result = pendi_epoch_enter();

	if (result == 0)
		pendi_epoch_exit();
	else if (CHECK(result == -EAGAIN))
		oracle_set(&crowd->refused, 1);
	sem_post(&crowd->registered);
	while (sem_wait(&crowd->end) != 0)
		;
	return NULL;
}

/* Nobody can register, and yet this thread can retire, and sees it through. */
static void *guest(void *argument)
{
	struct crowd *crowd = argument;

	CHECK(pendi_epoch_enter() == -EAGAIN);
	CHECK(!pendi_epoch_inside());
	CHECK(pendi_thread_number() == 0);
	for (size_t n = 0; n < 2; n++) {
		thing_init(&crowd->things[n]);
		thing_retire(&crowd->things[n]);
	}
	CHECK(pendi_epoch_limbo() == 2);
	if (native)
		CHECK(pendi_epoch_poll() == 2);
	CHECK(pendi_epoch_synchronize() == 0);
	CHECK(pendi_epoch_barrier() == 0);
	CHECK(pendi_epoch_limbo() == 0);
	for (size_t n = 0; n < 2; n++)
		CHECK(oracle_read(&crowd->things[n].reclaimed) == 1);
	return NULL;
}

void full_table_is_an_error(void)
{
	static struct crowd crowd;
	pthread_t threads[PENDI_THREADS];
	size_t count = 0;

	sem_init(&crowd.registered, 0, 0);
	sem_init(&crowd.end, 0, 0);
	while (count < PENDI_THREADS && !oracle_read(&crowd.refused)) {
		threads[count++] = start(one_of_a_crowd, &crowd);
		while (sem_wait(&crowd.registered) != 0)
			;
	}
	CHECK(oracle_read(&crowd.refused) == 1);
	CHECK(pendi_thread_limit() == PENDI_THREADS);
	finish(start(guest, &crowd));
	for (size_t n = 0; n < count; n++)
		sem_post(&crowd.end);
	for (size_t n = 0; n < count; n++)
		finish(threads[n]);
	CHECK(pendi_epoch_enter() == 0);
	pendi_epoch_exit();
	thing_init(&crowd.things[0]);
	finish(start(short_life, &crowd.things[0]));
	CHECK(pendi_epoch_barrier() == 0);
	CHECK(oracle_read(&crowd.things[0].reclaimed) == 1);
	sem_destroy(&crowd.registered);
	sem_destroy(&crowd.end);
}
