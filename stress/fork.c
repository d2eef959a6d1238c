/* SPDX-License-Identifier: MIT */
/*
 * fork.c - a process with a live engine, maps, a session and threads in all of them forks, and its
 * children do what they may.
 *
 *   parent:   penders, completers, readers inside sections of the epoch, an agent of the session;
 *             forkers, which fork in the middle of it, some inside a section
 *   children: end at once | ask for everything that the parent has, down to its end, and are
 *             refused | make an engine and a map of their own | exec | the same by vfork()
 *
 * A child says by its exit status what it found; one that waits for what it does not have is ended
 * by its alarm. The parent goes on unharmed: its account is right, notices arrive, no stop waits, and
 * the session is lost when the last copy of its lease is closed, and not before. A child that execs
 * has none of the library's descriptors.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pendmap/continuation.h>
#include <pendmap/epoch.h>

#include "stress/leftovers.h"
#include "stress/load.h"

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define CHILD_HAS_THREADS false /* the sanitizer forbids them in the child of a fork */
#else
#define CHILD_HAS_THREADS true
#endif

#define FORKERS 2u
#define READERS 2u
#define OWN_PENDS 64u
#define MESSAGE 64u
#define CHILD_SECONDS 30u
#define STOP_NS (10 * NS_PER_S)
#define STOP_EVERY_NS (50 * NS_PER_MS)
#define LOSS_NS (10 * NS_PER_S)
#define EXECED "--after-exec"

enum kind { KIND_END, KIND_ASK, KIND_OWN, KIND_EXEC, KIND_VFORK, KINDS };

static const char *const kind_names[KINDS] = { "ended at once", "asked", "had their own", "execed",
					       "execed by vfork()" };

struct forking {
	struct load load;
	struct pend_continuation *notes;
	int lease;
	sem_t all_here; /* a place for each worker, more than enough */
	char *program;  /* this one ... */
	char already
		[16]; /* ... and how many descriptors it was given that look like the library's */
	struct cell forks[KINDS];
	struct cell failed[KINDS], status, missed;
};

static struct forking *of(struct load_worker *worker)
{
	return worker->load->context;
}

/* ---- children ---- */

/* How many of @statuses are not -ESHUTDOWN, as a child's exit status. */
static int count_accepted(const int *statuses, size_t count)
{
	int accepted = 0;

	for (size_t i = 0; i < count; i++)
		accepted += statuses[i] != -ESHUTDOWN;
	return accepted;
}

/* Nothing of the parent's is to be had. */
static int ask(struct forking *forking)
{
	struct load *load = &forking->load;
	struct pend_request request = { .cookie = 1 };
	struct pend_map_stats map = { .size = sizeof(map) };
	struct pend_session_stats session = { .size = sizeof(session) };
	struct pend_shard_stats shard = { .size = sizeof(shard) };
	struct pend_notice notice;
	struct pend_session *opened;
	struct pend_info info;
	uint64_t handle = cell_read(&load->ledger.entries[0].handle), other;
	const int statuses[] = {
		pend_map_pend(load->map, &request, &other),
		pend_map_complete(load->map, handle, PEND_ACTION_BLOCK),
		pend_map_extend(load->map, handle, NS_PER_S),
		pend_map_read(load->map, handle, &info, NULL),
		pend_map_count(load->map),
		pend_map_stats_read(load->map, &map),
		pend_map_enable(load->map),
		pend_map_disable(load->map, STOP_NS),
		pend_continuation_count(forking->notes),
		pend_session_fd(load->session),
		pend_session_lease(load->session),
		pend_session_read(load->session, &notice, NULL, 1),
		pend_session_complete(load->session, load->map, handle, PEND_ACTION_BLOCK),
		pend_session_stats_read(load->session, &session),
		pend_session_close(load->session),
		pend_session_open(load->engine, NULL, &opened),
		pend_engine_poll(load->engine, PEND_CPU_CURRENT, 1),
		pend_engine_stats_read(load->engine, PEND_CPU_CURRENT, &shard),
		pend_engine_disable(load->engine, STOP_NS),
		pend_map_destroy(load->map),
		pend_continuation_destroy(forking->notes),
		pend_engine_destroy(load->engine),
	};

	return count_accepted(statuses, sizeof(statuses) / sizeof(statuses[0]));
}

static void count_own(void *context, const struct pend_operation *operation)
{
	(void)operation;
	cell_add(context, 1);
}

/* Pends, decides half, and leaves the rest to their deadlines, or to the map's end. */
static int use_own(struct pend_engine *engine, struct cell *told)
{
	struct pend_map_options options = pend_map_options_default();
	struct pend_request request = { .deadline_ns = PEND_DEADLINE_MIN_NS };
	struct pend_map *map;
	uint64_t handle;
	int status;

	options.engine = engine;
	options.flags = PEND_MAP_ENABLED;
#ifdef EPOCH_IS_NATIVE /* liburcu's child waits for the parent's readers */
	options.flags |=
		PEND_MAP_POINTERS; /* its end waits for readers; the parent's are not there */
#endif
	options.on_complete = count_own;
	options.context = told;
	status = pend_map_create(&options, &map);
	for (uint32_t i = 0; !status && i < OWN_PENDS; i++) {
		status = pend_map_pend(map, &request, &handle);
		if (!status && i % 2)
			(void)!pend_map_complete(map, handle, PEND_ACTION_PERMIT_SOFT);
	}
	return status ? status : pend_map_destroy(map);
}

/* An engine, a session and a map of the child's own. */
static int have_own(void)
{
	struct pend_engine_options options = pend_engine_options_default();
	struct pend_engine *engine;
	struct pend_session *session;
	struct cell told = { 0 };

	if (!CHILD_HAS_THREADS)
		options.flags = PEND_ENGINE_POLLED | PEND_ENGINE_UNWATCHED;
	if (pend_engine_create(&options, &engine) || pend_engine_enable(engine))
		return 101;
	if (pend_session_open(engine, NULL, &session))
		return 102;
	if (use_own(engine, &told))
		return 103;
	if (cell_read(&told) != OWN_PENDS)
		return 104;
	if (pend_epoch_enter() || pend_epoch_exit())
		return 105;
	if (pend_session_close(session) || pend_engine_destroy(engine))
		return 106;
	return 0;
}

/* What is left of @inside, which the thread was when it forked. */
static int leave_section(bool inside)
{
	return (pend_epoch_exit() == 0) == inside ? 0 : 110;
}

/* Valgrind would look for what is lost, and find the threads that are not there any more. */
static _Noreturn void end_child(int status)
{
	if (!status && stress_on_valgrind())
		(void)raise(SIGKILL);
	_exit(status);
}

static bool has_succeeded(int status)
{
	return status == 0 ||
	       (stress_on_valgrind() && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static _Noreturn void be_child(struct forking *forking, enum kind kind, bool inside)
{
	int status = 0;

	(void)alarm((unsigned int)(stress_patience_ns(CHILD_SECONDS * NS_PER_S) / NS_PER_S));
	if (kind == KIND_ASK)
		status = ask(forking);
	if (kind == KIND_OWN) {
		status = leave_section(inside);
		status = status ? status : have_own();
		inside = false;
	}
	if (kind == KIND_EXEC) {
		execl(forking->program, forking->program, EXECED, forking->already, (char *)NULL);
		status = 120;
	}
	if (!status && kind != KIND_END)
		status = leave_section(inside);
	end_child(status);
}

/* Descriptors of the kinds that the library makes; after exec it has made none. */
static int count_inherited(void)
{
	char path[64], target[64];
	int inherited = 0;

	for (int file = 3; file < 256; file++) {
		ssize_t length;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
		length = readlink(path, target, sizeof(target) - 1);
		if (length < 0)
			continue;
		target[length] = '\0';
		inherited += strncmp(target, "anon_inode:", strlen("anon_inode:")) == 0 ||
			     strncmp(target, "pipe:", strlen("pipe:")) == 0 ||
			     strncmp(target, "socket:", strlen("socket:")) == 0;
	}
	return inherited;
}

/* ---- forkers ---- */

static pid_t vfork_and_exec(struct forking *forking)
{
	pid_t child = vfork();

	if (child == 0) {
		execl(forking->program, forking->program, EXECED, forking->already, (char *)NULL);
		_exit(120);
	}
	return child;
}

static void fork_once(struct load_worker *worker)
{
	struct forking *forking = of(worker);
	enum kind kind = (enum kind)rng_below(&worker->rng, KINDS);
	bool inside = rng_one_in(&worker->rng, 2);
	int status = 0;
	pid_t child;

	if (inside && pend_epoch_enter())
		stress_bail("pend_epoch_enter");
	child = kind == KIND_VFORK ? vfork_and_exec(forking) : fork();
	if (child == 0)
		be_child(forking, kind, inside);
	if (child < 0)
		stress_bail("fork: %s", strerror(errno));
	if (inside && pend_epoch_exit())
		stress_bail("pend_epoch_exit");
	if (waitpid(child, &status, 0) != child)
		stress_bail("waitpid: %s", strerror(errno));
	if (!has_succeeded(status)) {
		cell_write(&forking->status, (uint64_t)status);
		cell_add(&forking->failed[kind], 1);
	}
	cell_add(&forking->forks[kind], 1);
}

/*
 * A child's threads get the stacks of those that the parent had, which main() has written: so that it
 * did before we fork, and for helgrind too, nobody forks before all are there.
 */
static void forker(struct load_worker *worker)
{
	while (sem_wait(&of(worker)->all_here))
		;
	while (!load_over(worker->load))
		fork_once(worker);
}

static void reader(struct load_worker *worker)
{
	struct load *load = worker->load;

	while (!load_over(load)) {
		uint32_t index = rng_below(&worker->rng, load->ledger.count);
		const void *value;

		if (pend_epoch_enter())
			stress_bail("pend_epoch_enter");
		(void)!pend_map_peek(load->map, cell_read(&load->ledger.entries[index].handle),
				     NULL, &value);
		sched_yield();
		(void)pend_epoch_exit();
	}
}

/* Half of what it reads. A descriptor that was not ready although notices wait was robbed. */
static void agent(struct load_worker *worker)
{
	struct load *load = worker->load;
	struct pollfd ready = { .fd = pend_session_fd(load->session), .events = POLLIN };
	struct pend_notice notices[MESSAGE];
	struct pend_session_stats stats = { .size = sizeof(stats) };

	while (!load_over(load)) {
		int count = pend_session_read(load->session, notices, NULL, MESSAGE);

		for (int i = 0; i < count; i++) {
			if (rng_one_in(&worker->rng, 2))
				load_complete(load, notices[i].cookie);
		}
		if (count > 0)
			continue;
		if (poll(&ready, 1, 1000) == 0 &&
		    pend_session_stats_read(load->session, &stats) == 0 && stats.waiting &&
		    poll(&ready, 1, 0) == 0)
			cell_add(&of(worker)->missed, 1);
	}
}

/* ---- all of it ---- */

static uint64_t forks(struct forking *forking)
{
	uint64_t all = 0;

	for (uint32_t i = 0; i < KINDS; i++)
		all += cell_read(&forking->forks[i]);
	return all;
}

/* Nobody of a child's is waited for. */
static void stop_once(struct forking *forking)
{
	struct pend_map *map = forking->load.map;
	int status = pend_map_disable(map, stress_patience_ns(STOP_NS));

	if (status) {
		stress_check(forking->load.stress, false, "a stop returned %d", status);
		cell_write(&forking->load.stop, 1);
	}
	if (pend_map_enable(map))
		stress_bail("pend_map_enable");
}

static void watch(struct forking *forking)
{
	struct stress *stress = forking->load.stress;
	uint64_t stop_ns = stress_now_ns() + stress_patience_ns(STOP_EVERY_NS);

	while (stress_goes_on(stress, forks(forking)) && !load_over(&forking->load)) {
		stress_sleep_ns(STOP_EVERY_NS);
		if (stress_now_ns() >= stop_ns) {
			stop_once(forking);
			stop_ns = stress_now_ns() + stress_patience_ns(STOP_EVERY_NS);
		}
		stress_progress(stress, "%" PRIu64 " forks, %" PRIu64 " completed", forks(forking),
				cell_read(&forking->load.completed));
	}
}

/* The session lives as long as a copy of its lease, and no longer. */
static void check_lease(struct forking *forking)
{
	struct stress *stress = forking->load.stress;
	uint64_t give_up_ns = stress_now_ns() + stress_patience_ns(LOSS_NS);
	struct pend_session_stats stats = { .size = sizeof(stats) };
	int status = pend_session_stats_read(forking->load.session, &stats);

	stress_check(stress, status == 0, "the session has survived all children (%d)", status);
	close(forking->lease);
	while (!status && stress_now_ns() < give_up_ns) {
		stress_sleep_ns(NS_PER_MS);
		status = pend_session_stats_read(forking->load.session, &stats);
	}
	stress_check(stress, status == -ESHUTDOWN, "and is lost with its lease (%d)", status);
	(void)pend_session_close(forking->load.session);
}

static void report(struct forking *forking)
{
	struct stress *stress = forking->load.stress;
	uint64_t failed = 0;

	for (uint32_t i = 0; i < KINDS; i++) {
		failed += cell_read(&forking->failed[i]);
		stress_note("%" PRIu64 " children %s, %" PRIu64 " of them failed",
			    cell_read(&forking->forks[i]), kind_names[i],
			    cell_read(&forking->failed[i]));
	}
	stress_check(stress, failed == 0 && forks(forking) > 0,
		     "%" PRIu64 " children, failed = %" PRIu64 " (the last with status %#" PRIx64
		     ")",
		     forks(forking), failed, cell_read(&forking->status));
	stress_check(stress, cell_read(&forking->missed) == 0,
		     "notices that nobody was woken for: %" PRIu64, cell_read(&forking->missed));
}

static void prepare(struct forking *forking, struct stress *stress)
{
	struct pend_session_options session = pend_session_options_default();
	struct pend_continuation_options notes = pend_continuation_options_default();
	struct load *load = &forking->load;
	uint32_t forkers = stress->threads ? stress->threads : FORKERS;

	if (sem_init(&forking->all_here, 0, 0))
		stress_bail("sem_init: %s", strerror(errno));
	load_prepare(load, stress);
	load->context = forking;
	load->map_options.flags |= PEND_MAP_POINTERS;
	load->map_options.max_entries = stress_room(stress, 4096);
	load->cookie_values = true;
	load->stops = true;
	load->pause_ns = NS_PER_MS / 10;
	load->entries = stress_room(stress, 2048);
	load_make_engine(load);
	session.key_size = 0;
	session.notices = 4096;
	notes.key_size = notes.value_size = sizeof(uint64_t);
	if (pend_session_open(load->engine, &session, &load->session) ||
	    pend_continuation_create(&notes, &forking->notes))
		stress_bail("pend_session_open or pend_continuation_create");
	forking->lease = pend_session_lease(load->session);
	for (uint32_t i = 0; i < 2; i++)
		(void)load_add(load, "pender", UINT32_MAX, load_pender);
	(void)load_add(load, "agent", UINT32_MAX, agent);
	for (uint32_t i = 0; i < READERS; i++)
		(void)load_add(load, "reader", UINT32_MAX, reader);
	for (uint32_t i = 0; i < forkers && load->worker_count < LOAD_WORKERS; i++)
		(void)load_add(load, "forker", UINT32_MAX, forker);
}

int main(int count, char **words)
{
	static struct forking forking;
	struct stress stress = { .name = "stress_fork",
				 .purpose = "a process that forks, with all of it alive",
				 .seconds = 20 };
	struct leftovers before;
	int status;

	if (count == 3 && strcmp(words[1], EXECED) == 0)
		return count_inherited() - atoi(words[2]);
	if (!stress_begin(&stress, count, words, &status))
		return status;
	stress_limit(stress.seconds * 3 + 120, "fork");
	before = leftovers_before();
	forking.program = realpath("/proc/self/exe", NULL);
	if (!forking.program)
		stress_bail("/proc/self/exe: %s", strerror(errno));
	snprintf(forking.already, sizeof(forking.already), "%d", count_inherited());
	prepare(&forking, &stress);
	load_start(&forking.load);
	for (uint32_t i = 0; i < forking.load.worker_count; i++)
		(void)sem_post(&forking.all_here);
	watch(&forking);
	load_settle(&forking.load);
	report(&forking);
	check_lease(&forking);
	if (pend_continuation_destroy(forking.notes))
		stress_bail("pend_continuation_destroy");
	load_end(&forking.load);
	leftovers_check(&stress, &before);
	free(forking.program);
	return stress_end(&stress);
}
