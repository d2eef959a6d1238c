/* SPDX-License-Identifier: MIT */
/*
 * freeze.c - one thread stopped at a random instruction, in each role, a thousand times
 * (guarantees C and E): nobody waits for it, nothing grows, and it is told of.
 *
 *   parent (tracer)                        child (the load)
 *   free window -> stop one thread by ->   readers, penders, completers, executors; the others go
 *   ptrace -> frozen window -> let go      on; counters lie in memory that both see
 *
 * Stopped by ptrace, a thread is anywhere, also inside a system call, runs no handler and costs no
 * CPU. What the others do in frozen windows is compared with what they do in the free windows before
 * them: pends, reads and completions each for itself, and the worst counts. A few windows are long enough for the watchdogs to tell of the victim: the engine of an
 * executor, pend_epoch_stalled() of a reader inside an epoch. Penders, completers and readers that
 * copy hold nothing that anybody could wait for, so nothing tells of them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress/load.h"
#include "stress/recorder.h"
#include "stress/victim.h"

#define STALL_NS (20 * NS_PER_MS)
#define LONG_NS (4 * STALL_NS)
#define LONG_EVERY 25u /* one window in so many is long */
#define SHORT_MOST_US 1500u
#define TOLD_MOST_NS (10 * NS_PER_S)
#define POINTERS_LEAST 4u /* a reader may stop outside its epoch: one long freeze tells nothing */
#define KEPT_LEAST 0.5
#define WENT_ON_NS (50 * NS_PER_MS) /* completions come in bursts: in less there may be none */
#define PENDERS_MOST (LOAD_WORKERS / 4)

enum role {
	ROLE_READER,
	ROLE_PENDER,
	ROLE_COMPLETER,
	ROLE_EXECUTOR,
	ROLE_MONITOR,
	ROLE_POINTERS,
	ROLES
};

static const char *const role_names[ROLES] = { "reader",   "pender",  "completer",
					       "executor", "monitor", "pointers" };

enum work { WORK_PENDS, WORK_READS, WORK_COMPLETIONS, WORKS };

static const char *const work_names[WORKS] = { "pends", "reads", "completions" };

struct window {
	uint64_t done[WORKS];
	uint64_t ns;
};

/* What one role came to. Filled by the parent, reported by the child. */
struct outcome {
	uint64_t freezes;
	uint64_t long_freezes;
	uint64_t told;      /* long ones that somebody told of */
	uint64_t adopted;   /* long ones of an executor in which others did its work */
	struct window free; /* what the others did in each kind of window */
	struct window frozen;
	uint64_t calls;    /* of the allocator meanwhile */
	int64_t grown_kib; /* of the child's resident memory */
	uint64_t refused;  /* pends, meanwhile */
};

struct shared {
	struct load load;
	struct recorder recorder;
	struct cell running; /* the child's load is at work */
	struct cell over;    /* the parent is through */
	struct cell stalls[LOAD_CPUS];
	struct cell returns[LOAD_CPUS];
	struct cell stalled_tid; /* the last that pend_epoch_stalled() named */
	struct cell torn;
	struct outcome outcomes[ROLES];
	struct rng rng;
};

static void on_event(void *context, const struct pend_engine_event *event)
{
	struct shared *shared = context;

	if (event->type == PEND_EVENT_STALL)
		cell_add(&shared->stalls[event->cpu % LOAD_CPUS], 1);
	else if (event->type == PEND_EVENT_RETURN)
		cell_add(&shared->returns[event->cpu % LOAD_CPUS], 1);
}

/* Each word of a value is the cookie, and the cookie names the entry that it was found by. */
static void read_one(struct load_worker *worker, bool pointers)
{
	struct load *load = worker->load;
	struct shared *shared = load->context;
	uint32_t index = rng_below(&worker->rng, load->ledger.count);
	uint64_t handle = cell_read(&load->ledger.entries[index].handle);
	uint64_t copy[LOAD_VALUE_WORDS] = { 0 };
	const void *value = copy;
	struct pend_info info;
	int status;

	if (!handle)
		return;
	status = pointers ? pend_map_peek(load->map, handle, &info, &value)
			  : pend_map_read(load->map, handle, &info, copy);
	if (status)
		return;
	memcpy(copy, value, sizeof(copy));
	for (uint32_t i = 0; i < LOAD_VALUE_WORDS; i++) {
		if (copy[i] != info.cookie)
			cell_add(&shared->torn, 1);
	}
	if (ledger_index(info.cookie) != index)
		cell_add(&shared->torn, 1);
}

static void reader(struct load_worker *worker)
{
	while (!load_over(worker->load)) {
		read_one(worker, false);
		cell_write(&worker->steps, cell_read(&worker->steps) + 1);
	}
}

static void pointer_reader(struct load_worker *worker)
{
	while (!load_over(worker->load)) {
		if (pend_epoch_enter())
			stress_bail("pend_epoch_enter");
		for (uint32_t i = 0; i < 8; i++)
			read_one(worker, true);
		if (pend_epoch_exit())
			stress_bail("pend_epoch_exit");
		cell_write(&worker->steps, cell_read(&worker->steps) + 1);
	}
}

/* What all but the victim have done so far; without what was pended on @cpu, if that is one: while
 * its executor stands still, that waits for the watchdog. */
static struct window others_work(struct shared *shared, int32_t victim, uint32_t cpu)
{
	struct window window = { .ns = stress_now_ns() };

	for (uint32_t i = 0; i < shared->load.worker_count; i++) {
		struct load_worker *worker = &shared->load.workers[i];
		bool pends = worker->work == load_pender;

		if ((int32_t)cell_read(&worker->tid) != victim && worker->work != load_completer)
			window.done[pends ? WORK_PENDS : WORK_READS] += cell_read(&worker->steps);
	}
	for (uint32_t home = 0; home < LOAD_CPUS; home++) {
		if (home != cpu)
			window.done[WORK_COMPLETIONS] += load_completed_of(&shared->load, home);
	}
	return window;
}

/* A thread of the role, and in @cpu the shard it serves, of an executor. 0: there is none. */
static int32_t pick(struct shared *shared, enum role role, pid_t child, uint32_t *cpu)
{
	struct load *load = &shared->load;
	uint32_t start = rng_below(&shared->rng, LOAD_CPUS), count, cpus[LOAD_CPUS];
	int32_t tids[LOAD_CPUS];

	if (role == ROLE_EXECUTOR || role == ROLE_MONITOR) {
		count = victim_list_engine(child, role == ROLE_EXECUTOR, tids, cpus);
		if (!count)
			return 0;
		*cpu = cpus[start % count];
		return tids[start % count];
	}
	for (uint32_t i = 0; i < load->worker_count; i++) {
		struct load_worker *worker = &load->workers[(start + i) % load->worker_count];

		if (strcmp(worker->role, role_names[role]) == 0)
			return (int32_t)cell_read(&worker->tid);
	}
	return 0;
}

/* Whether the victim of a long window was told of, since @stalls. */
static bool was_told(struct shared *shared, enum role role, int32_t tid, uint32_t cpu,
		     uint64_t stalls)
{
	if (role == ROLE_EXECUTOR)
		return cell_read(&shared->stalls[cpu]) != stalls;
	return role == ROLE_POINTERS && (int32_t)cell_read(&shared->stalled_tid) == tid;
}

/* Adds what the others do in the next @ns. */
static void window_add(struct window *window, struct shared *shared, int32_t tid, uint32_t cpu,
		       uint64_t ns)
{
	struct window before = others_work(shared, tid, cpu), after;

	stress_sleep_ns(ns);
	after = others_work(shared, tid, cpu);
	for (uint32_t i = 0; i < WORKS; i++)
		window->done[i] += after.done[i] - before.done[i];
	window->ns += after.ns - before.ns;
}

static double window_rate(const struct window *window, enum work work)
{
	return (double)window->done[work] / ((double)window->ns + 1) * (double)NS_PER_S;
}

/* A long window goes on until the victim was told of and others do its work, within reason: on a
 * busy machine those who have to notice may not run. */
static void await_told(struct shared *shared, enum role role, int32_t tid, uint32_t cpu,
		       uint64_t stalls, uint64_t completed)
{
	struct outcome *outcome = &shared->outcomes[role];
	uint64_t most_ns = role == ROLE_EXECUTOR ? TOLD_MOST_NS : LONG_NS;
	uint64_t give_up_ns = stress_now_ns() + most_ns;
	bool watched = role == ROLE_EXECUTOR || role == ROLE_POINTERS, told, adopted;
	/* For want of a CPU it had stalled before, and was told of then: it is not told of twice. */
	bool was_away = role == ROLE_EXECUTOR && stalls > cell_read(&shared->returns[cpu]);

	for (;;) {
		adopted = load_completed_of(&shared->load, cpu % LOAD_CPUS) > completed;
		told = was_told(shared, role, tid, cpu, stalls) || (was_away && adopted);
		if (!watched || stress_now_ns() > give_up_ns ||
		    (told && (adopted || role != ROLE_EXECUTOR)))
			break;
		stress_sleep_ns(NS_PER_MS);
	}
	outcome->long_freezes++;
	outcome->told += told ? 1 : 0;
	outcome->adopted += adopted ? 1 : 0;
}

/* One free window and one frozen one. False: there is no such thread, or it cannot be stopped. */
static bool freeze_once(struct shared *shared, enum role role, pid_t child)
{
	struct outcome *outcome = &shared->outcomes[role];
	bool is_long = outcome->freezes % LONG_EVERY == LONG_EVERY - 1;
	uint64_t ns = is_long ? LONG_NS : (1 + rng_below(&shared->rng, SHORT_MOST_US)) * NS_PER_US;
	uint32_t cpu = LOAD_CPUS;
	int32_t tid = pick(shared, role, child, &cpu);
	uint64_t stalls, completed;

	if (!tid)
		return false;
	window_add(&outcome->free, shared, tid, cpu, ns);
	cell_write(&shared->stalled_tid, 0);
	if (!victim_stop(tid))
		return false;
	stalls = cell_read(&shared->stalls[cpu % LOAD_CPUS]);
	completed = load_completed_of(&shared->load, cpu % LOAD_CPUS);
	window_add(&outcome->frozen, shared, tid, cpu, ns);
	if (is_long)
		await_told(shared, role, tid, cpu, stalls, completed);
	victim_go(tid);
	outcome->freezes++;
	return true;
}

static void freeze_role(struct shared *shared, enum role role, pid_t child)
{
	struct outcome *outcome = &shared->outcomes[role];
	struct stress *stress = shared->load.stress;
	uint64_t end_ns = stress_now_ns() + (uint64_t)(stress->seconds * (double)NS_PER_S / ROLES);
	uint64_t calls, refused, failed = 0;
	int64_t kib;

	stress_sleep_ns(200 * NS_PER_MS); /* until all have touched what they use */
	kib = victim_resident_kib(child);
	calls = cell_read(&shared->recorder.calls);
	refused = cell_read(&shared->load.refused);
	while (outcome->freezes < stress->rounds || (!stress->rounds && stress_now_ns() < end_ns)) {
		if (!freeze_once(shared, role, child) && ++failed > 1000)
			break;
		stress_progress(stress, "%s: frozen %" PRIu64 " times", role_names[role],
				outcome->freezes);
	}
	outcome->grown_kib = victim_resident_kib(child) - kib;
	outcome->calls = cell_read(&shared->recorder.calls) - calls;
	outcome->refused = cell_read(&shared->load.refused) - refused;
}

static void report_role(struct stress *stress, const struct outcome *outcome, enum role role)
{
	double least = 1e9;
	bool all_went_on = true;

	stress_note("%s: frozen %" PRIu64 " times; %" PRIu64 " long, told of %" PRIu64
		    "; memory %+" PRId64 " KiB, %" PRIu64 " allocations; refused %" PRIu64,
		    role_names[role], outcome->freezes, outcome->long_freezes, outcome->told,
		    outcome->grown_kib, outcome->calls, outcome->refused);
	for (enum work work = 0; work < WORKS; work++) {
		double free = window_rate(&outcome->free, work);
		double frozen = window_rate(&outcome->frozen, work), kept = frozen / (free + 1);

		stress_note("  %-11s of the others: %7.3f M/s free, %7.3f M/s frozen, %3.0f %%",
			    work_names[work], free / 1e6, frozen / 1e6, kept * 100);
		least = kept < least ? kept : least;
		all_went_on = all_went_on && frozen > 0;
	}
	stress_check(stress,
		     outcome->freezes && (!stress->rounds || outcome->freezes >= stress->rounds),
		     "%s: frozen %" PRIu64 " times", role_names[role], outcome->freezes);
	stress_check(stress, outcome->calls == 0, "%s: nothing was allocated", role_names[role]);
	if (outcome->frozen.ns >= WENT_ON_NS)
		stress_check(stress, all_went_on, "%s: the others went on", role_names[role]);
	stress_figure(stress, KEPT_LEAST / (least + 1e-9), 1, "",
		      "%s: half of the free rate over the frozen rate", role_names[role]);
	if (role == ROLE_EXECUTOR && outcome->long_freezes)
		stress_check(stress, outcome->adopted == outcome->long_freezes,
			     "executor: others did its work in %" PRIu64 " of %" PRIu64
			     " long freezes",
			     outcome->adopted, outcome->long_freezes);
	if (role == ROLE_EXECUTOR && outcome->long_freezes)
		stress_check(stress, outcome->told == outcome->long_freezes,
			     "executor: %" PRIu64 " of %" PRIu64 " long freezes were told of",
			     outcome->told, outcome->long_freezes);
	if (role == ROLE_POINTERS && outcome->long_freezes >= POINTERS_LEAST)
		stress_check(stress, outcome->told * 2 >= outcome->long_freezes,
			     "pointers: %" PRIu64 " of %" PRIu64 " long freezes were told of",
			     outcome->told, outcome->long_freezes);
}

/* Looks for stalled readers until the parent is through. */
static void watch_epochs(struct shared *shared)
{
	while (!cell_read(&shared->over)) {
		struct pend_epoch_stall stall = { 0 };

		if (pend_epoch_stalled(STALL_NS, &stall, 1) > 0)
			cell_write(&shared->stalled_tid, (uint64_t)stall.tid);
		stress_sleep_ns(STALL_NS / 2);
		if (getppid() == 1)
			stress_bail("the parent is gone");
	}
}

static void add_workers(struct shared *shared, bool pointers)
{
	struct load *load = &shared->load;
	uint32_t cpus[PENDERS_MOST], count = stress_cpus(cpus, PENDERS_MOST);
	uint32_t penders = load->stress->threads ? load->stress->threads : count;

	for (uint32_t i = 0; i < penders && i < PENDERS_MOST; i++)
		(void)load_add(load, "pender", cpus[i % count], load_pender);
	for (uint32_t i = 0; i < 2; i++) {
		(void)load_add(load, "completer", UINT32_MAX, load_completer);
		(void)load_add(load, pointers ? "pointers" : "reader", UINT32_MAX,
			       pointers ? pointer_reader : reader);
	}
}

static void run_child(struct shared *shared, struct stress *stress, bool pointers)
{
	struct load *load = &shared->load;

	load_prepare(load, stress);
	recorder_make(&shared->recorder);
	load->context = shared;
	load->engine_options.on_event = on_event;
	load->engine_options.context = shared;
	load->engine_options.stall_ns = STALL_NS;
	load->engine_options.allocator = &shared->recorder.allocator;
	load->map_options.allocator = &shared->recorder.allocator;
	load->cookie_values = true;
	load->entries = 16384;
	load->map_options.max_entries = 16384 * PENDERS_MOST;
	if (pointers)
		load->map_options.flags |= PEND_MAP_POINTERS;
	add_workers(shared, pointers);
	load_start(load);
	cell_write(&shared->running, 1);
	watch_epochs(shared);
	load_finish(load);
	stress_check(stress, cell_read(&shared->torn) == 0,
		     "what was read fits together: torn = %" PRIu64, cell_read(&shared->torn));
}

static void freeze_roles(struct shared *shared, bool pointers, pid_t child)
{
	uint64_t give_up_ns = stress_now_ns() + 20 * NS_PER_S;

	while (!cell_read(&shared->running) && stress_now_ns() < give_up_ns)
		stress_sleep_ns(NS_PER_MS);
	for (enum role role = 0; role < ROLES && cell_read(&shared->running); role++) {
		if ((role == ROLE_POINTERS) == pointers)
			freeze_role(shared, role, child);
	}
	cell_write(&shared->over, 1);
}

/* One load in a child of its own. Its checks are added to those of @stress. */
static void run_pair(struct stress *stress, bool pointers)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct stress *both = mmap(NULL, sizeof(*both), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0;
	pid_t child;

	if (shared == MAP_FAILED || both == MAP_FAILED)
		stress_bail("mmap: %s", strerror(errno));
	*both = *stress;
	shared->load.stress = both;
	shared->rng = rng_make(stress->seed, 2000 + pointers);
	fflush(NULL);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		stress_limit(stress->seconds * 3 + 120, "freeze");
		stress_watch(both);
		run_child(shared, both, pointers);
		for (enum role role = 0; role < ROLES; role++) {
			if ((role == ROLE_POINTERS) == pointers)
				report_role(both, &shared->outcomes[role], role);
		}
		fflush(NULL);
		_exit(0);
	}
	if (child < 0)
		stress_bail("fork: %s", strerror(errno));
	freeze_roles(shared, pointers, child);
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status))
		stress_bail("the load ended with status %#x", (unsigned int)status);
	*stress = *both;
	munmap(shared, sizeof(*shared));
	munmap(both, sizeof(*both));
}

int main(int count, char **words)
{
	struct stress stress = { .name = "stress_freeze",
				 .purpose = "threads that stop at any instruction",
				 .seconds = 60,
				 .rounds = 1000 };
	int status;

	if (!stress_begin(&stress, count, words, &status))
		return status;
	if (stress_on_valgrind())
		stress_skip("valgrind runs one thread at a time: one that stops has its turn");
	if (!victim_may_stop())
		stress_skip("ptrace is not permitted");
	stress_limit(stress.seconds * 3 + 120, "freeze");
	run_pair(&stress, false);
	run_pair(&stress, true);
	return stress_end(&stress);
}
