/* SPDX-License-Identifier: MIT */
/*
 * unplug.c - CPUs that go away and come back under full load (guarantees A, C and E).
 *
 * A pinned pender on every CPU, completers, deadlines, executors; then again and again some CPUs
 * are lost and return:
 *   by default   a cpuset that this process and nobody else is in is shrunk and widened. The kernel
 *                moves its pinned threads away silently and restores them when the CPU is back.
 *   --sysfs      the CPUs are really taken offline. Only in the guest of tools/vm. There nobody
 *                moves a thread back but the library.
 * For every operation whose home is lost: how long from when it was decided, or the home was lost,
 * whichever came last, until it was told; that is how long the lost CPU's queue lay about. After
 * the return: how long until completions run at home again.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress/cpuset.h"
#include "stress/load.h"

#define DRAINED_MOST_MS 50.0
#define HOME_MOST_MS 1000.0
#define HOME_NOTED_NS (NS_PER_S / 2)
#define STARVED_LIMIT_NS (20 * NS_PER_S)
#define HOME_LIMIT_NS (10 * NS_PER_S) /* beyond this it has not returned at all */
#define HOME_STREAK 16u               /* completions at home between two looks, and none away */
#define DWELL_MOST_US 8000u
#define DWELL_LONG_NS (120 * NS_PER_MS)
#define GUEST_PAUSE_NS NS_PER_MS /* an emulated machine under full load hardly unplugs */

struct unplug {
	struct load load;
	struct cpuset cpuset;
	bool sysfs;
	struct rng rng;
	uint32_t cpus[LOAD_CPUS];
	uint32_t cpu_count;
	uint32_t cycles[LOAD_CPUS]; /* of each */
	uint32_t never_home;
	uint64_t starved_ns; /* for which a CPU that was back gave this process no time */
	struct cell lost_ns[LOAD_CPUS]; /* 0: it is there */
	struct histogram drained;
	struct histogram home;
	struct histogram steady;
	struct cell events[PEND_EVENT_SUSPEND + 1];
};

static void on_event(void *context, const struct pend_engine_event *event)
{
	struct unplug *unplug = context;

	if (event->type <= PEND_EVENT_SUSPEND)
		cell_add(&unplug->events[event->type], 1);
}

static void observe(void *context, const struct load_completion *completion)
{
	struct unplug *unplug = context;
	uint64_t lost_ns = cell_read(&unplug->lost_ns[completion->operation->home_cpu % LOAD_CPUS]);
	uint64_t since_ns = completion->decided_ns;

	if (!since_ns) /* told before complete had returned */
		since_ns = completion->now_ns;
	if (since_ns < lost_ns)
		since_ns = lost_ns;
	histogram_add(lost_ns ? &unplug->drained : &unplug->steady,
		      completion->now_ns > since_ns ? completion->now_ns - since_ns : 0);
}

/* Lets this process run on those of its CPUs that are not lost. */
static void apply(struct unplug *unplug, uint32_t cpu, bool online)
{
	char path[64];
	uint32_t left[LOAD_CPUS], count = 0;
	int status;

	if (unplug->sysfs) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
		status = stress_write(path, online ? "1" : "0");
	} else {
		for (uint32_t i = 0; i < unplug->cpu_count; i++) {
			if (!cell_read(&unplug->lost_ns[unplug->cpus[i]]))
				left[count++] = unplug->cpus[i];
		}
		status = cpuset_set(&unplug->cpuset, left, count);
	}
	if (status)
		stress_bail("cpu %u %s: %s", cpu, online ? "online" : "offline", strerror(-status));
}

static void lose(struct unplug *unplug, uint32_t cpu)
{
	cell_write(&unplug->lost_ns[cpu], stress_now_ns());
	apply(unplug, cpu, false);
	unplug->cycles[cpu]++;
}

/* Returns when the CPU was back. */
static uint64_t give_back(struct unplug *unplug, uint32_t cpu)
{
	if (unplug->sysfs)
		apply(unplug, cpu, true);
	cell_write(&unplug->lost_ns[cpu], 0);
	if (!unplug->sysfs)
		apply(unplug, cpu, true);
	return stress_now_ns();
}

/* What the threads of this process do just now: name, state, CPU. */
static void note_threads(void)
{
	char path[64], line[512];
	struct dirent *entry;
	DIR *folder = opendir("/proc/self/task");

	while (folder && (entry = readdir(folder))) {
		FILE *file;
		char *word, *rest;
		int field = 2;

		snprintf(path, sizeof(path), "/proc/self/task/%.20s/stat", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		word = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
		fclose(file);
		if (!word)
			continue;
		*word = '\0';
		printf("#   %s) %c", line, word[2]);
		for (word = strtok_r(word + 1, " ", &rest); word;
		     word = strtok_r(NULL, " ", &rest)) {
			if (++field == 14 || field == 15 || field == 39)
				printf(" %s", word); /* user and system ticks, CPU */
		}
		putchar('\n');
	}
	if (folder)
		closedir(folder);
}

static void note_not_home(struct unplug *unplug, uint32_t cpu, uint64_t since_ns, uint64_t home,
			  uint64_t away)
{
	stress_note("cpu %u: not home %.0f ms after its return: %" PRIu64 " at home, %" PRIu64
		    " away so far",
		    cpu, (double)since_ns / (double)NS_PER_MS, home, away);
	load_note_shards(&unplug->load);
	note_threads();
}

/*
 * Waits until what is pended on @cpu is completed there and nowhere else. Time counts while the CPU
 * gives any to this process, which its pender tells: what others do to the machine is not the
 * library's.
 */
static void await_home(struct unplug *unplug, uint32_t cpu, uint64_t back_ns)
{
	struct load *load = &unplug->load;
	uint64_t home = cell_read(&load->at_home[cpu]), away = cell_read(&load->away[cpu]);
	uint64_t waited_ns = 0, starved_ns = 0, last_ns = back_ns, beats = load_beats(load, cpu);
	bool noted = false;

	while (waited_ns < HOME_LIMIT_NS && starved_ns < STARVED_LIMIT_NS) {
		uint64_t now_ns, home_now, away_now, beats_now;

		stress_sleep_ns(NS_PER_MS);
		now_ns = stress_now_ns();
		home_now = cell_read(&load->at_home[cpu]);
		away_now = cell_read(&load->away[cpu]);
		beats_now = load_beats(load, cpu);
		*(beats_now != beats ? &waited_ns : &starved_ns) += now_ns - last_ns;
		last_ns = now_ns;
		beats = beats_now;
		if (away_now != away) {
			home = home_now;
			away = away_now;
		} else if (home_now - home >= HOME_STREAK) {
			histogram_add(&unplug->home, waited_ns);
			unplug->starved_ns += starved_ns;
			return;
		}
		if (!unplug->sysfs && waited_ns > HOME_NOTED_NS && !noted) {
			note_not_home(unplug, cpu, waited_ns, home_now, away_now);
			noted = true;
		}
	}
	unplug->starved_ns += starved_ns;
	unplug->never_home += waited_ns >= HOME_LIMIT_NS ? 1 : 0;
}

static void dwell(struct unplug *unplug)
{
	if (rng_one_in(&unplug->rng, 16))
		stress_sleep_ns(DWELL_LONG_NS);
	else if (!rng_one_in(&unplug->rng, 4))
		stress_sleep_ns(rng_below(&unplug->rng, DWELL_MOST_US) * NS_PER_US);
}

/* Every CPU but one (the first, of a real machine) goes and returns: one by one, or all at once. */
static void cycle(struct unplug *unplug)
{
	uint32_t count = unplug->cpu_count;
	uint32_t stays = unplug->sysfs ? 0 : rng_below(&unplug->rng, count);
	bool at_once = rng_one_in(&unplug->rng, 2), wait = rng_one_in(&unplug->rng, 2);
	uint64_t back_ns[LOAD_CPUS] = { 0 };

	for (uint32_t i = 1; i < count; i++) {
		uint32_t cpu = unplug->cpus[(stays + i) % count];

		lose(unplug, cpu);
		dwell(unplug);
		if (at_once)
			continue;
		back_ns[cpu] = give_back(unplug, cpu);
		if (wait)
			await_home(unplug, cpu, back_ns[cpu]);
	}
	for (uint32_t i = 1; i < count && at_once; i++) {
		uint32_t cpu = unplug->cpus[(stays + i) % count];

		back_ns[cpu] = give_back(unplug, cpu);
	}
	for (uint32_t i = 1; i < count && at_once && wait; i++) {
		uint32_t cpu = unplug->cpus[(stays + i) % count];

		await_home(unplug, cpu, back_ns[cpu]);
	}
}

static void run_cycles(struct unplug *unplug)
{
	struct stress *stress = unplug->load.stress;
	uint64_t began_ns = stress_now_ns(), done = 0;

	while (stress_goes_on(stress, done)) {
		cycle(unplug);
		done++;
		stress_progress(stress, "cycle %" PRIu64 ", %" PRIu64 " completed", done,
				cell_read(&unplug->load.completed));
	}
	stress_check(stress, done >= stress->rounds,
		     "%" PRIu64 " cycles in %.1f s, asked for %" PRIu64, done,
		     (double)(stress_now_ns() - began_ns) / (double)NS_PER_S, stress->rounds);
}

static void note_times(const char *what, struct histogram *histogram)
{
	stress_note("%s: p50 %.3f, p99 %.3f, p99.99 %.3f, max %.3f ms (%" PRIu64 ")", what,
		    (double)histogram_quantile(histogram, 0.5) / (double)NS_PER_MS,
		    (double)histogram_quantile(histogram, 0.99) / (double)NS_PER_MS,
		    (double)histogram_quantile(histogram, 0.9999) / (double)NS_PER_MS,
		    (double)cell_read(&histogram->most) / (double)NS_PER_MS,
		    histogram_count(histogram));
}

static void report(struct unplug *unplug)
{
	struct stress *stress = unplug->load.stress;

	for (uint32_t i = 0; i < unplug->cpu_count; i++)
		stress_note("cpu %u: lost %u times", unplug->cpus[i],
			    unplug->cycles[unplug->cpus[i]]);
	stress_note("the engine told: %" PRIu64 " stalls, %" PRIu64 " losses, %" PRIu64 " returns",
		    cell_read(&unplug->events[PEND_EVENT_STALL]),
		    cell_read(&unplug->events[PEND_EVENT_LOST]),
		    cell_read(&unplug->events[PEND_EVENT_RETURN]));
	note_times("decided to told, CPU there", &unplug->steady);
	note_times("decided to told, CPU lost ", &unplug->drained);
	note_times("return to home again      ", &unplug->home);
	stress_note("CPUs that were back gave this process no time for %.1f s",
		    (double)unplug->starved_ns / (double)NS_PER_S);
	stress_check(stress, unplug->never_home == 0, "never home again = %u", unplug->never_home);
	/* Valgrind runs one thread at a time: few rounds may lose no CPU that had any. */
	if (!stress_on_valgrind())
		stress_check(stress, histogram_count(&unplug->drained) > 0,
			     "operations of lost CPUs were completed");
	stress_figure(stress, (double)cell_read(&unplug->drained.most) / (double)NS_PER_MS,
		      DRAINED_MOST_MS, "ms", "a lost CPU's queue is drained");
	stress_figure(stress, (double)cell_read(&unplug->home.most) / (double)NS_PER_MS,
		      HOME_MOST_MS, "ms", "completions are home again");
}

static void run(struct unplug *unplug, struct stress *stress)
{
	struct load *load = &unplug->load;
	uint32_t completers = stress->threads ? stress->threads : (unplug->cpu_count + 1) / 2;

	load_prepare(load, stress);
	load->observe = observe;
	load->context = unplug;
	load->pause_ns = unplug->sysfs ? GUEST_PAUSE_NS : 0;
	load->engine_options.on_event = on_event;
	load->engine_options.context = unplug;
	unplug->rng = rng_make(stress->seed, 1000);
	for (uint32_t i = 0; i < unplug->cpu_count && i < LOAD_WORKERS / 2; i++)
		(void)load_add(load, "pender", unplug->cpus[i], load_pender);
	for (uint32_t i = 0; i < completers && i < LOAD_WORKERS / 2; i++)
		(void)load_add(load, "completer", UINT32_MAX, load_completer);
	load_start(load);
	run_cycles(unplug);
	load_finish(load);
	report(unplug);
}

/* The parent stays outside the group: it removes it when the child is gone, however it went. */
static int run_in_cpuset(struct unplug *unplug, struct stress *stress)
{
	char why[160];
	int status =
		cpuset_make(&unplug->cpuset, unplug->cpus, unplug->cpu_count, why, sizeof(why));
	pid_t parent = getpid(), child;

	if (status)
		stress_skip("no control group to shrink (root?): %s", why);
	fflush(NULL);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		stress_limit(stress->seconds * 3 + 120, "unplug");
		stress_watch(stress);
		status = cpuset_enter(&unplug->cpuset);
		if (status)
			stress_bail("entering the cpuset: %s", strerror(-status));
		run(unplug, stress);
		exit(stress_end(stress));
	}
	status = 1;
	if (child > 0 && waitpid(child, &status, 0) != child)
		status = 1;
	if (cpuset_remove(&unplug->cpuset))
		fprintf(stderr, "%s is left\n", unplug->cpuset.path);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int count, char **words)
{
	static struct unplug unplug;
	struct stress stress = { .name = "stress_unplug",
				 .purpose = "CPUs that go away and come back under load",
				 .seconds = 60,
				 .flags = { { "--sysfs", "take CPUs offline: in the guest only",
					      false } } };
	int status;

	if (!stress_begin(&stress, count, words, &status))
		return status;
	unplug.sysfs = stress.flags[0].set;
	unplug.cpu_count = stress_cpus(unplug.cpus, LOAD_CPUS);
	if (unplug.sysfs && !stress_in_guest())
		stress_skip("--sysfs takes CPUs away: only in the guest of ./dev vm");
	if (unplug.cpu_count < 2 || unplug.cpus[unplug.cpu_count - 1] >= LOAD_CPUS)
		stress_skip("needs two CPUs or more, of numbers below %u", LOAD_CPUS);
	if (!unplug.sysfs)
		return run_in_cpuset(&unplug, &stress);
	stress_limit(stress.seconds * 3 + 120, "unplug");
	run(&unplug, &stress);
	return stress_end(&stress);
}
