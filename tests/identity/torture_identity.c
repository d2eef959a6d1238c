/* SPDX-License-Identifier: MIT */
/*
 * torture_identity.c - threads that resolve, copy and release while the processes die (F51, F52).
 *
 *	identity.torture_identity [--rounds N] [--seed N]
 *
 * Each thread keeps some references on processes that all of them share, and now and then ends one.
 * What must hold:
 *
 *	right	a process that was reaped before it was asked for is not found; one that nobody had
 *		begun to end by the time of the answer is.
 *	own	a reference is on its process for as long as it is held: whoever closed a descriptor
 *		that was not his any more would have closed another thread's.
 *	even	as many references were given back as were taken, and no descriptor is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/identity/identity.h"
#include "platform/process.h"
#include "tests/support/arguments.h"
#include "tests/support/check.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"

enum { PROCESSES = 24, THREADS = 4, HELD = 6, DESCRIPTORS_MOST = 1024 };

enum process_state { ALIVE, ENDING, REAPED };

struct process {
	pthread_mutex_t mutex;
	enum process_state state;
	struct pend_subject subject;
};

struct held {
	struct pendi_identity identity;
	uint32_t process;
};

static struct process processes[PROCESSES];
static struct arguments arguments = { .rounds = 12000 };
static uint64_t taken[THREADS], given[THREADS], refused[THREADS];

static void start(struct process *process)
{
	const pid_t parent = getpid(), pid = fork();

	CHECK_INT(pid, >=, 0);
	if (!pid) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (getppid() == parent)
			(void)pause();
		_exit(0);
	}
	CHECK_INT(pthread_mutex_init(&process->mutex, NULL), ==, 0);
	process->state = ALIVE;
	CHECK_INT(pend_subject_capture(pid, &process->subject), ==, 0);
}

static enum process_state state_of(struct process *process)
{
	enum process_state state;

	pthread_mutex_lock(&process->mutex);
	state = process->state;
	pthread_mutex_unlock(&process->mutex);
	return state;
}

static void set_state(struct process *process, enum process_state from, enum process_state to,
		      bool *set)
{
	pthread_mutex_lock(&process->mutex);
	*set = process->state == from;
	if (*set)
		process->state = to;
	pthread_mutex_unlock(&process->mutex);
}

/* Ends it, unless somebody else has begun to. */
static void finish(struct process *process)
{
	bool mine;

	set_state(process, ALIVE, ENDING, &mine);
	if (!mine)
		return;
	CHECK_INT(kill(process->subject.pid, SIGKILL), ==, 0);
	CHECK_INT(waitpid(process->subject.pid, NULL, 0), ==, process->subject.pid);
	set_state(process, ENDING, REAPED, &mine);
	CHECK(mine);
}

/* What is held is a descriptor of its process, which has its number until somebody ends it. */
static void check_own(const struct held *held)
{
	struct process *process = &processes[held->process];
	const int number = pendi_process_number(held->identity.subject.pidfd);

	if (number == -ESRCH)
		CHECK_INT(state_of(process), !=, ALIVE);
	else
		CHECK_INT(number, ==, process->subject.pid);
}

static void let_go(struct held *held, uint32_t number)
{
	const bool holds = held->identity.subject.pidfd >= 0;

	if (holds)
		check_own(held);
	CHECK_INT(pendi_identity_release(&held->identity), ==, holds);
	given[number] += holds;
}

static void resolve(struct held *held, uint32_t which, uint32_t number)
{
	struct process *process = &processes[which];
	const enum process_state before = state_of(process);
	const int result = pendi_identity_resolve(&process->subject, &held->identity);

	CHECK(result == 0 || result == -ENOENT);
	if (before == REAPED)
		CHECK_INT(result, ==, -ENOENT);
	if (state_of(process) == ALIVE)
		CHECK_INT(result, ==, 0);
	held->process = which;
	taken[number] += result == 0;
	refused[number] += result != 0;
	if (!result)
		check_own(held);
}

static void copy(struct held *held, const struct held *from, uint32_t number)
{
	const bool holds = from->identity.subject.pidfd >= 0;

	CHECK_INT(pendi_identity_copy(&from->identity, &held->identity), ==, holds ? 0 : -ENOENT);
	held->process = from->process;
	taken[number] += holds;
}

static void play(void *context, uint32_t number, struct crew *crew)
{
	const uint32_t rounds = (uint32_t)(arguments.rounds / THREADS);
	const uint32_t end_one_in = rounds / 8 + 1;
	struct rng rng = rng_make(arguments.seed, number);
	struct held held[HELD];

	(void)context;
	for (uint32_t i = 0; i < HELD; i++)
		held[i] = (struct held){ pendi_identity_none(), 0 };
	(void)crew_meet(crew);
	for (uint32_t round = 0; round < rounds; round++) {
		const uint32_t at = rng_below(&rng, HELD), from = rng_below(&rng, HELD);

		if (rng_one_in(&rng, end_one_in))
			finish(&processes[rng_below(&rng, PROCESSES)]);
		if (at != from && rng_one_in(&rng, 3)) {
			let_go(&held[at], number);
			copy(&held[at], &held[from], number);
		} else {
			let_go(&held[at], number);
			resolve(&held[at], rng_below(&rng, PROCESSES), number);
		}
	}
	for (uint32_t i = 0; i < HELD; i++)
		let_go(&held[i], number);
}

static uint32_t open_descriptors(void)
{
	uint32_t count = 0;

	for (int descriptor = 0; descriptor < DESCRIPTORS_MOST; descriptor++)
		count += fcntl(descriptor, F_GETFD) >= 0;
	return count;
}

/* Whether processes can be captured here at all: some valgrinds know no pidfd_open(). */
static bool can_capture(void)
{
	struct pend_subject subject;
	const int error = pend_subject_capture(getpid(), &subject);

	if (!error)
		CHECK_INT(pend_subject_release(&subject), ==, 0);
	return error != -EACCES;
}

int main(int argument_count, char **words)
{
	uint64_t took = 0, gave = 0, not_found = 0;
	struct tap tap = { 0, 0 };
	uint32_t descriptors;

	if (!arguments_parse(&arguments, argument_count, words))
		return 2;
	if (!can_capture()) {
		printf("1..0 # SKIP: there are no pidfds here\n");
		return 77;
	}
	for (uint32_t i = 0; i < PROCESSES; i++)
		start(&processes[i]);
	descriptors = open_descriptors();
	crew_run(THREADS, NULL, play);
	for (uint32_t i = 0; i < THREADS; i++) {
		took += taken[i];
		gave += given[i];
		not_found += refused[i];
	}
	CHECK_U64(took, ==, gave);
	CHECK_U64(took, >, arguments.rounds / 8);
	CHECK_U64(open_descriptors(), ==, descriptors);
	for (uint32_t i = 0; i < PROCESSES; i++) {
		finish(&processes[i]);
		CHECK_INT(pend_subject_release(&processes[i].subject), ==, 0);
		pthread_mutex_destroy(&processes[i].mutex);
	}
	printf("# %" PRIu64 " references, %" PRIu64 " not found\n", took, not_found);
	tap_report(&tap, 1, "F51 F52: right, own, even");
	return tap_end(&tap);
}
