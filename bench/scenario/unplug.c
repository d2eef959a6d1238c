/* SPDX-License-Identifier: MIT */
/*
 * unplug.c - CPUs that go away and come back (unplug/adopt, unplug/return; unplug_storm.c).
 *
 * The process is moved into a control group, and the first CPU of the team is taken out of that: to
 * the engine's executors it is lost as if it had been unplugged. Where control groups may not be
 * made, there are no figures.
 *
 *	adopt    1024 operations of the CPU are live; it is taken away and all are completed: until
 *	         the engine says that another one serves (`adopted`), until all are told (`drained`)
 *	return   then it is given back: until its own executor serves again (`served`), until a
 *	         completion is told on it (`home`)
 */
#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include "bench/measure/clock.h"
#include "bench/scenario/unplug.h"

#define LIVE BENCH_UNPLUG_LIVE
#define PATIENCE_NS 10000000000u

/* relaxed, all of these: times and counts that carry nothing else. */
static void on_event(void *context, const struct pend_engine_event *event)
{
	struct bench_unplug *unplug = context;

	if (event->cpu != unplug->cpu)
		return;
	if (event->type == PEND_EVENT_LOST)
		pendi_store_relaxed(&unplug->lost_ns, bench_clock_ns());
	if (event->type == PEND_EVENT_RETURN)
		pendi_store_relaxed(&unplug->return_ns, bench_clock_ns());
}

static void on_complete(void *context, const struct pend_operation *operation)
{
	struct bench_unplug *unplug = context;

	/* relaxed, all: as above. */
	if (pendi_fetch_add_relaxed(&unplug->told, 1) + 1 == LIVE)
		pendi_store_relaxed(&unplug->drained_ns, bench_clock_ns());
	if (operation->cookie && (uint32_t)sched_getcpu() == unplug->cpu &&
	    pendi_load_relaxed(&unplug->return_ns) && !pendi_load_relaxed(&unplug->home_ns))
		pendi_store_relaxed(&unplug->home_ns, bench_clock_ns());
}

/* ---- the stage ---- */

int bench_unplug_take_away(const struct bench_unplug *unplug)
{
	const struct bench_host *host = unplug->setting->host;

	return bench_cpuset_set(&unplug->cpuset, host->cpus + 1, host->cpu_count - 1);
}

int bench_unplug_give_back(const struct bench_unplug *unplug)
{
	const struct bench_host *host = unplug->setting->host;

	return bench_cpuset_set(&unplug->cpuset, host->cpus, host->cpu_count);
}

int bench_unplug_open(struct bench_unplug *unplug, const struct bench_setting *setting,
		      uint64_t home_ns, struct bench_sample *sample)
{
	struct pend_map_options options = bench_map_options(setting);
	struct pend_engine_options engine_options = pend_engine_options_default();
	int error;

	*unplug = (struct bench_unplug){ .setting = setting, .cpu = setting->host->cpus[0] };
	if (bench_cpuset_open(&unplug->cpuset, setting->host->cpus, setting->host->cpu_count,
			      sample->why, sizeof(sample->why)))
		return -EOPNOTSUPP;
	sample->why[0] = '\0';
	bench_team_pin(setting->team);
	options.max_entries = 64 * LIVE;
	options.on_complete = on_complete;
	options.context = unplug;
	engine_options.on_event = on_event;
	engine_options.context = unplug;
	engine_options.home_ns = home_ns ? home_ns : engine_options.home_ns;
	error = bench_map_open(&unplug->map, BENCH_MAP_EXECUTORS, &engine_options, &options);
	if (error)
		bench_cpuset_close(&unplug->cpuset);
	return error;
}

int bench_unplug_close(struct bench_unplug *unplug, struct bench_sample *sample)
{
	int error;

	(void)bench_unplug_give_back(unplug);
	error = bench_map_close(&unplug->map, sample);
	bench_cpuset_close(&unplug->cpuset);
	bench_team_pin(unplug->setting->team);
	return error;
}

/* Waits for a time to be noted. */
static bool await(const _Atomic uint64_t *noted_ns)
{
	const uint64_t until_ns = bench_clock_ns() + PATIENCE_NS;

	/* relaxed: a time that carries nothing else. */
	while (!pendi_load_relaxed(noted_ns)) {
		if (bench_clock_ns() > until_ns)
			return false;
		usleep(100);
	}
	return true;
}

static double since_ms(const _Atomic uint64_t *noted_ns, uint64_t begin_ns)
{
	/* relaxed: as in await(). */
	return ((double)pendi_load_relaxed(noted_ns) - (double)begin_ns) / 1e6;
}

/* ---- adopt, return ---- */

static void pend_live(void *context, uint32_t member)
{
	struct bench_unplug *unplug = context;
	struct bench_unplug_thread *thread = &unplug->threads[0];

	(void)member;
	for (uint32_t i = 0; i < LIVE && !unplug->error; i++) {
		const struct pend_request request =
			bench_map_request(unplug->setting, thread->key, thread->value, i);

		unplug->error = pend_map_pend(unplug->map.map, &request, &unplug->handles[i]);
	}
}

/* The CPU is gone, what was pended there is told. */
static int lose(struct bench_unplug *unplug, struct bench_sample *sample)
{
	uint64_t begin_ns;
	int error;

	bench_team_run(unplug->setting->team, 1, pend_live, unplug);
	begin_ns = bench_clock_ns();
	error = unplug->error ? unplug->error : bench_unplug_take_away(unplug);
	for (uint32_t i = 0; !error && i < LIVE; i++)
		error = pend_map_complete(unplug->map.map, unplug->handles[i],
					  PEND_ACTION_PERMIT_SOFT);
	if (error)
		return bench_sample_wrong(sample, "unexpected answer %d", error);
	if (!await(&unplug->drained_ns))
		return bench_sample_wrong(sample, "what a lost CPU had pended is never completed");
	if (!await(&unplug->lost_ns))
		return bench_sample_wrong(sample, "the loss was not noticed");
	sample->values[0] = since_ms(&unplug->lost_ns, begin_ns);
	sample->values[1] = since_ms(&unplug->drained_ns, begin_ns);
	sample->operations = LIVE;
	return 0;
}

/* One operation, pended on the CPU that came back. The cookie says so. */
static void pend_at_home(void *context, uint32_t member)
{
	struct bench_unplug *unplug = context;
	struct bench_unplug_thread *thread = &unplug->threads[0];
	struct pend_request request =
		bench_map_request(unplug->setting, thread->key, thread->value, 1u << 30);
	uint64_t handle;

	(void)member;
	request.cookie = (uint32_t)sched_getcpu() == unplug->cpu;
	unplug->error = pend_map_pend(unplug->map.map, &request, &handle);
	if (!unplug->error)
		unplug->error = pend_map_complete(unplug->map.map, handle, PEND_ACTION_PERMIT_SOFT);
}

static int come_back(struct bench_unplug *unplug, struct bench_sample *sample)
{
	const uint64_t begin_ns = bench_clock_ns();

	if (bench_unplug_give_back(unplug))
		return bench_sample_wrong(sample, "the CPU cannot be given back");
	bench_team_pin(unplug->setting->team);
	while (!unplug->error && !pendi_load_relaxed(&unplug->home_ns) && /* relaxed: as above */
	       bench_clock_ns() - begin_ns < PATIENCE_NS) {
		bench_team_run(unplug->setting->team, 1, pend_at_home, unplug);
		bench_map_settle(&unplug->map);
	}
	if (unplug->error)
		return bench_sample_wrong(sample, "unexpected answer %d", unplug->error);
	if (!await(&unplug->return_ns) || !await(&unplug->home_ns))
		return bench_sample_wrong(sample, "completions do not come home again");
	sample->values[0] = since_ms(&unplug->return_ns, begin_ns);
	sample->values[1] = since_ms(&unplug->home_ns, begin_ns);
	return 0;
}

static int measure_loss(const struct bench_setting *setting, struct bench_sample *sample,
			bool returns)
{
	static struct bench_unplug unplug; /* some kilobytes; one at a time */
	int error = bench_unplug_open(&unplug, setting, 0, sample), closing;

	if (error)
		return error;
	error = lose(&unplug, sample);
	if (!error && returns)
		error = come_back(&unplug, sample);
	closing = bench_unplug_close(&unplug, sample);
	return error ? error : closing;
}

static int measure_adopt(const struct bench_setting *setting, const struct bench_variant *variant,
			 struct bench_sample *sample)
{
	(void)variant;
	return measure_loss(setting, sample, false);
}

static int measure_return(const struct bench_setting *setting, const struct bench_variant *variant,
			  struct bench_sample *sample)
{
	(void)variant;
	return measure_loss(setting, sample, true);
}

/* ---- variants ---- */

static uint32_t list_one(const struct bench_setting *setting, struct bench_variant *variants)
{
	static const struct bench_variant engine = {
		"engine", "executors, a watching monitor", NULL, false, 0, 0, { 0 }
	};
	uint32_t count = 0;

	(void)setting;
	bench_variant_add(variants, &count, &engine);
	return count;
}

static const struct bench_metric adopt_metrics[BENCH_METRICS_MAX] = {
	{ "adopted", "ms", BENCH_LESS_IS_BETTER },
	{ "drained", "ms", BENCH_LESS_IS_BETTER },
};
static const struct bench_metric return_metrics[BENCH_METRICS_MAX] = {
	{ "served", "ms", BENCH_LESS_IS_BETTER },
	{ "home", "ms", BENCH_LESS_IS_BETTER },
};
const struct bench_probe bench_probe_adopt = {
	.metrics = adopt_metrics, .threads = 2, .list = list_one, .measure = measure_adopt
};

const struct bench_probe bench_probe_return = {
	.metrics = return_metrics, .threads = 2, .list = list_one, .measure = measure_return
};
