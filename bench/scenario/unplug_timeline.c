/* SPDX-License-Identifier: MIT */
/*
 * unplug_timeline.c - a CPU goes away under full load and comes back, step by step (unplug/timeline).
 *
 *	home thread 0, 1: pend, complete ---> executor of the CPU that pended: told
 *	                     |                            ^
 *	                     +-- goes on while fewer than WINDOW wait to be told
 *
 * After a third of the time the first CPU goes, after two thirds it is back. Where control groups
 * may be made, it is taken out of that of the process ("cpuset"): to the kernel and to the engine it
 * is lost as if it had been unplugged. Elsewhere the executor is moved away and its pinning refused
 * through the seam that the library's own tests have ("scripted"); the event says which.
 *
 * With one CPU of two, about half of the operations a second are left: `dip` is how deep they fell
 * at the deepest; `recovery` is from the CPU's return until nine tenths of what was before are
 * reached again, `home` until nine tenths as many are told at home; `adopted` how long nobody served
 * the lost CPU, at most: until the engine says so.
 */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure/clock.h"
#include "bench/measure/cpuset.h"
#include "bench/measure/measure.h"
#include "bench/model/figure.h"
#include "bench/scenario/bench_map.h"
#include "bench/scenario/watch.h"
#include "platform/script.h"

#define THREADS 2u
#define WINDOW 1024u /* completions of each thread that may wait, but not an eighth of the map */
#define TURNS 16u    /* pairs between two looks at what waits */

enum { COLUMN_TOLD, COLUMN_HOME, COLUMN_WAIT, COLUMN_ADOPTED };
enum { METRIC_DIP, METRIC_RECOVERY, METRIC_HOME, METRIC_ADOPTED, METRIC_WAIT };

struct thread {
	_Alignas(128) _Atomic uint64_t completed; /* by its own thread */
	_Alignas(128) _Atomic uint64_t told;      /* of them */
	uint64_t preempted;
	int error;
	unsigned char key[256];
	unsigned char value[4096];
};

struct timeline {
	const struct bench_setting *setting;
	struct bench_map map;
	struct bench_cpuset cpuset;
	struct bench_watch watch;
	struct bench_timeline steps;
	bool scripted;
	uint64_t window;
	_Atomic uint32_t gone; /* the first CPU is away */
	_Atomic uint64_t gone_ns;
	_Atomic uint64_t lost_ns; /* when the engine told of it */
	_Alignas(128) _Atomic uint64_t at_home;
	struct thread threads[THREADS];
};

static struct timeline timeline; /* one at a time; the script's functions have no context */

/* ---- the CPU that goes ---- */

static int pin(pid_t thread, uint32_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(thread, sizeof(set), &set) ? -errno : 0;
}

/* What the kernel would answer. */
static int scripted_pin(uint32_t cpu)
{
	/* relaxed: a CPU that is gone is gone some time. */
	if (cpu == timeline.setting->host->cpus[0] && pendi_load_relaxed(&timeline.gone))
		return -EINVAL;
	return pin(0, cpu);
}

/* The thread of this process with that name, or 0. */
static pid_t find_thread(const char *name)
{
	DIR *folder = opendir("/proc/self/task");
	const struct dirent *entry;
	char path[300], text[32];
	pid_t found = 0;

	while (folder && !found && (entry = readdir(folder))) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
		file = fopen(path, "re");
		if (file && fgets(text, sizeof(text), file)) {
			text[strcspn(text, "\n")] = '\0';
			if (strcmp(text, name) == 0)
				found = (pid_t)strtol(entry->d_name, NULL, 10);
		}
		if (file)
			fclose(file);
	}
	if (folder)
		closedir(folder);
	return found;
}

static int take_away(void *context)
{
	const struct bench_host *host = timeline.setting->host;
	char name[32];

	(void)context;
	/* relaxed, both: a wish, a time. */
	pendi_store_relaxed(&timeline.gone_ns, bench_clock_ns());
	pendi_store_relaxed(&timeline.gone, 1);
	if (!timeline.scripted)
		return bench_cpuset_set(&timeline.cpuset, host->cpus + 1, host->cpu_count - 1);
	snprintf(name, sizeof(name), "pend/%u", host->cpus[0]);
	return pin(find_thread(name), host->cpus[1]);
}

static int give_back(void *context)
{
	const struct bench_host *host = timeline.setting->host;
	int error = 0;

	(void)context;
	if (!timeline.scripted)
		error = bench_cpuset_set(&timeline.cpuset, host->cpus, host->cpu_count);
	pendi_store_relaxed(&timeline.gone, 0); /* relaxed: a wish */
	return error;
}

static const struct bench_turn kernel_turns[] = { { 1.0 / 3, "CPU taken away (cpuset)", take_away },
						  { 2.0 / 3, "CPU back", give_back } };
static const struct bench_turn scripted_turns[] = {
	{ 1.0 / 3, "CPU taken away (scripted)", take_away }, { 2.0 / 3, "CPU back", give_back }
};

/* ---- the load ---- */

static void on_event(void *context, const struct pend_engine_event *event)
{
	(void)context;
	/* relaxed, all: times. */
	if (event->type == PEND_EVENT_LOST && event->cpu == timeline.setting->host->cpus[0] &&
	    pendi_load_relaxed(&timeline.gone_ns) && !pendi_load_relaxed(&timeline.lost_ns))
		pendi_store_relaxed(&timeline.lost_ns, bench_clock_ns());
}

/* The cookie: who pended it, and where. */
static void on_complete(void *context, const struct pend_operation *operation)
{
	struct thread *thread = &timeline.threads[operation->cookie % THREADS];

	(void)context;
	/* relaxed, both: counts. */
	(void)pendi_fetch_add_relaxed(&thread->told, 1);
	if ((uint32_t)sched_getcpu() == operation->cookie / THREADS)
		(void)pendi_fetch_add_relaxed(&timeline.at_home, 1);
}

static int pair(struct thread *thread, uint64_t number, uint32_t member)
{
	struct pend_request request =
		bench_map_request(timeline.setting, thread->key, thread->value, number);
	uint64_t handle;
	int error;

	request.cookie = (uint64_t)sched_getcpu() * THREADS + member;
	error = pend_map_pend(timeline.map.map, &request, &handle);
	if (!error)
		error = pend_map_complete(timeline.map.map, handle, PEND_ACTION_PERMIT_SOFT);
	if (!error)
		/* relaxed, both: its own count. */
		pendi_store_relaxed(&thread->completed, pendi_load_relaxed(&thread->completed) + 1);
	return error;
}

/* Where it belongs: nobody moves a thread back after its CPU was away. */
static uint32_t settle_down(uint32_t member, uint32_t was_gone)
{
	const struct bench_host *host = timeline.setting->host;
	const uint32_t gone = pendi_load_relaxed(&timeline.gone); /* relaxed: a wish */

	if (member != 0 || gone == was_gone)
		return gone;
	if (!gone || timeline.scripted)
		(void)pin(0, host->cpus[gone]);
	return gone;
}

static void load(void *context, uint32_t member)
{
	struct thread *thread = &timeline.threads[member];
	const uint64_t before = bench_preemptions();
	uint64_t number = (uint64_t)(member + 1) << 48;
	uint32_t gone = 0;

	(void)context;
	/* relaxed, all: only to stop; counts, of which the older value is the more careful one. */
	while (!thread->error && !pendi_load_relaxed(&timeline.watch.over)) {
		for (uint32_t i = 0; i < TURNS && !thread->error; i++)
			thread->error = pair(thread, number++, member);
		gone = settle_down(member, gone);
		while (pendi_load_relaxed(&thread->completed) - pendi_load_relaxed(&thread->told) >
			       timeline.window &&
		       !pendi_load_relaxed(&timeline.watch.over))
			sched_yield();
	}
	thread->preempted = bench_preemptions() - before;
}

static void read_counters(void *context, double *readings)
{
	const struct bench_host *host = timeline.setting->host;
	uint64_t told = 0, completed = 0;
	uint32_t adopted = 0;

	(void)context;
	/* relaxed, all: counts; told first, so that the difference is not negative. */
	for (uint32_t i = 0; i < THREADS; i++)
		told += pendi_load_relaxed(&timeline.threads[i].told);
	for (uint32_t i = 0; i < THREADS; i++)
		completed += pendi_load_relaxed(&timeline.threads[i].completed);
	for (uint32_t i = 0; i < host->cpu_count; i++) {
		struct pend_shard_stats stats = { .size = sizeof(stats) };

		if (!pend_engine_stats_read(timeline.map.engine, host->cpus[i], &stats))
			adopted += stats.server_cpu != host->cpus[i];
	}
	readings[COLUMN_TOLD] = (double)told;
	readings[COLUMN_HOME] = (double)pendi_load_relaxed(&timeline.at_home);
	readings[COLUMN_WAIT] = completed > told ? (double)(completed - told) : 0;
	readings[COLUMN_ADOPTED] = adopted;
}

/* ---- what came of it ---- */

static double at_most(const struct bench_timeline *steps, uint32_t column)
{
	double most = 0;

	for (uint32_t row = 0; row < steps->row_count; row++)
		most = fmax(most, steps->cells[(size_t)row * steps->column_count + column]);
	return most;
}

/* Milliseconds after the CPU's return; negative: never. */
static double after_return(const struct bench_timeline *steps, uint32_t column)
{
	const struct bench_dip dip = bench_timeline_dip(steps, column, 0);
	const double away_ms = steps->events[1].at_ms - steps->events[0].at_ms;

	if (!(dip.recovery_ms >= 0))
		return -1;
	return dip.recovery_ms > away_ms ? dip.recovery_ms - away_ms : 0;
}

static void write_values(struct bench_sample *sample)
{
	const struct bench_timeline *steps = &timeline.steps;
	const struct bench_dip dip = bench_timeline_dip(steps, COLUMN_TOLD, 0);
	/* relaxed, both: the engine is gone, and with it who wrote them. */
	const uint64_t gone_ns = pendi_load_relaxed(&timeline.gone_ns);
	const uint64_t lost_ns = pendi_load_relaxed(&timeline.lost_ns);

	for (uint32_t i = 0; i < THREADS; i++) {
		sample->operations += pendi_load_relaxed(&timeline.threads[i].told); /* as above */
		sample->preempted += timeline.threads[i].preempted;
	}
	if (!(dip.before > 0) && timeline.setting->options->profile != BENCH_SMOKE) {
		(void)bench_sample_skip(sample, "nothing was done before the CPU went");
		return; /* but its account is checked */
	}
	sample->values[METRIC_DIP] = dip.depth * 100;
	sample->values[METRIC_RECOVERY] = after_return(steps, COLUMN_TOLD);
	sample->values[METRIC_HOME] = after_return(steps, COLUMN_HOME);
	if (lost_ns)
		sample->values[METRIC_ADOPTED] = (double)(lost_ns - gone_ns) / 1e6;
	sample->values[METRIC_WAIT] = at_most(steps, COLUMN_WAIT);
}

static int judge(struct bench_sample *sample)
{
	uint64_t told = 0, completed = 0;

	for (uint32_t i = 0; i < THREADS; i++) {
		if (timeline.threads[i].error)
			return bench_sample_wrong(sample, "unexpected answer %d",
						  timeline.threads[i].error);
		/* relaxed, both: everybody has ended. */
		told += pendi_load_relaxed(&timeline.threads[i].told);
		completed += pendi_load_relaxed(&timeline.threads[i].completed);
	}
	if (told != completed)
		return bench_sample_wrong(sample, "%llu were completed, but %llu were told",
					  (unsigned long long)completed, (unsigned long long)told);
	write_values(sample);
	return 0;
}

/* ---- the stage ---- */

static void describe(const struct bench_options *options)
{
	struct bench_timeline *steps = &timeline.steps;

	steps->step_ms = bench_watch_step_ms(options);
	bench_watch_column(steps, COLUMN_TOLD, "operations", "1/s", BENCH_MORE_IS_BETTER);
	bench_watch_column(steps, COLUMN_HOME, "told at home", "1/s", BENCH_MORE_IS_BETTER);
	bench_watch_column(steps, COLUMN_WAIT, "waiting", "", BENCH_LESS_IS_BETTER);
	bench_watch_column(steps, COLUMN_ADOPTED, "adopted shards", "", BENCH_NEITHER_IS_BETTER);
	timeline.watch = (struct bench_watch){
		.timeline = steps,
		.length_ms = bench_watch_length_ms(options),
		.rates = 1u << COLUMN_TOLD | 1u << COLUMN_HOME,
		.read = read_counters,
		.turns = timeline.scripted ? scripted_turns : kernel_turns,
		.turn_count = 2,
	};
}

static int open_stage(const struct bench_setting *setting)
{
	struct pend_map_options options = bench_map_options(setting);
	struct pend_engine_options engine_options = pend_engine_options_default();
	char why[160];

	timeline.setting = setting;
	timeline.window = setting->size / 8 < WINDOW ? setting->size / 8 : WINDOW;
	timeline.scripted = bench_cpuset_open(&timeline.cpuset, setting->host->cpus,
					      setting->host->cpu_count, why, sizeof(why)) != 0;
	if (timeline.scripted)
		pendi_script.cpu_pin = scripted_pin;
	bench_team_pin(setting->team);
	options.on_complete = on_complete;
	engine_options.on_event = on_event;
	return bench_map_open(&timeline.map, BENCH_MAP_EXECUTORS, &engine_options, &options);
}

static void close_stage(const struct bench_setting *setting)
{
	pendi_script.cpu_pin = NULL;
	if (!timeline.scripted)
		bench_cpuset_close(&timeline.cpuset);
	bench_team_pin(setting->team);
}

static int measure(const struct bench_setting *setting, const struct bench_variant *variant,
		   struct bench_sample *sample)
{
	int error, closing;

	memset(&timeline, 0, sizeof(timeline));
	error = open_stage(setting);
	if (!error) {
		describe(setting->options);
		error = bench_watch_run(&timeline.watch, setting->team, THREADS, load);
		if (error)
			error = bench_sample_wrong(sample, "a CPU cannot be moved: %d", error);
		(void)give_back(NULL);
		closing = bench_map_close(&timeline.map, sample);
		error = error ? error : closing;
		error = error ? error : judge(sample);
		closing = bench_watch_store(setting, variant, &timeline.steps);
		error = error ? error : closing;
	}
	close_stage(setting);
	return error;
}

static uint32_t list(const struct bench_setting *setting, struct bench_variant *variants)
{
	static const struct bench_variant engine = {
		.name = "pendmap-executor",
		.summary = "pend and complete on two CPUs; executors finish"
	};
	uint32_t count = 0;

	if (bench_watch_wanted(setting))
		bench_variant_add(variants, &count, &engine);
	return count;
}

static const struct bench_metric metrics[BENCH_METRICS_MAX] = {
	[METRIC_DIP] = { "dip", "%", BENCH_LESS_IS_BETTER },
	[METRIC_RECOVERY] = { "recovery", "ms", BENCH_LESS_IS_BETTER },
	[METRIC_HOME] = { "home", "ms", BENCH_LESS_IS_BETTER },
	[METRIC_ADOPTED] = { "adopted", "ms", BENCH_LESS_IS_BETTER },
	[METRIC_WAIT] = { "waiting", "", BENCH_LESS_IS_BETTER },
};

const struct bench_probe bench_probe_unplug_timeline = { .metrics = metrics,
							 .threads = THREADS,
							 .sizes = { 65536, 65536, 4096 },
							 .list = list,
							 .measure = measure };
