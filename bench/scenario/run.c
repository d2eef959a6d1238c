/* SPDX-License-Identifier: MIT */
/*
 * run.c - one process that measures, from the options to the document.
 *
 * The order is that of the plan: the tables size by size, then the trace, then the probes. The first
 * wrong account ends the run; what was measured before is in the document, with the exit status.
 */
#include "bench/scenario/run.h"

#include <string.h>

#include "bench/command/doctor.h"
#include "bench/measure/clock.h"
#include "bench/measure/counters.h"
#include "bench/measure/instructions.h"
#include "bench/measure/numa.h"
#include "bench/peers/packages.h"
#include "bench/scenario/record.h"

void bench_run_step(struct bench_run *run, double whole_s, double share, const char *what)
{
	bench_progress_step(&run->progress, (uint64_t)(whole_s * share * 1e6), what);
}

static int measure_tables(struct bench_run *run)
{
	const struct bench_plan *plan = &run->plan;
	uint32_t count;
	int status = 0;

	for (uint32_t i = 0; !status && i < plan->cell_count; i += count) {
		const struct bench_cell *cell = &plan->cells[i];

		count = 1;
		if (cell->scenario->stage == BENCH_STAGE_TRACE) {
			status = bench_run_trace(run, cell);
			continue;
		}
		while (i + count < plan->cell_count && plan->cells[i + count].size == cell->size &&
		       plan->cells[i + count].scenario->stage != BENCH_STAGE_TRACE)
			count++;
		status = bench_run_bed(run, cell, count);
	}
	return status;
}

static bool has_trace(const struct bench_plan *plan)
{
	return plan->cell_count &&
	       plan->cells[plan->cell_count - 1].scenario->stage == BENCH_STAGE_TRACE;
}

/* What is left out, and why. */
static int note_absences(struct bench_run *run)
{
	int error = 0;

	if (*bench_impls_absent())
		error |= bench_document_note(run->document, "absent: %s", bench_impls_absent_say());
	if (run->plan.threads_left_out)
		error |= bench_document_note(run->document,
					     "%u threads are left out: here is %u CPU",
					     run->plan.threads_left_out, run->host.cpu_count);
	return error;
}

/* Whether the processor counts anything; what it does not is a finding of the doctor. */
static void try_counters(struct bench_run *run)
{
	struct bench_counters counters;

	if (!run->options->counters)
		return;
	bench_counters_open(&counters, bench_counter_events);
	for (uint32_t i = 0; i < BENCH_COUNTERS; i++)
		run->counted |= counters.files[i] >= 0;
	bench_counters_close(&counters);
}

/* Where the memory is: with `strict` there or nowhere, else a note says that it was not possible. */
static int place_memory(struct bench_run *run)
{
	const enum bench_numa numa = run->options->numa;
	int error;

	if (numa == BENCH_NUMA_OFF)
		return 0;
	error = bench_numa_stay(run->host.cpus[0], numa == BENCH_NUMA_STRICT);
	if (!error)
		return 0;
	if (numa == BENCH_NUMA_STRICT) {
		bench_complain("--numa strict: memory cannot be placed: %s", strerror(-error));
		return BENCH_EXIT_ENVIRONMENT;
	}
	return bench_document_note(run->document, "--numa prefer: memory cannot be placed: %s",
				   strerror(-error))
		       ? BENCH_EXIT_ENVIRONMENT
		       : 0;
}

static int start_team(struct bench_run *run)
{
	const struct bench_options *options = run->options;
	const uint32_t tables = bench_plan_threads(&run->plan, 0);
	const uint32_t probes = bench_run_probe_threads(&run->plan);
	uint32_t count = tables > probes ? tables : probes;
	uint32_t cpus[BENCH_THREADS_MAX];

	if (count == 0)
		count = 1;
	bench_host_place(&run->host, options->pin, count, cpus);
	if (!bench_team_create(count, cpus, options->pin != BENCH_PIN_NONE, &run->team))
		return 0;
	bench_complain("cannot start %u threads", count);
	return BENCH_EXIT_ENVIRONMENT;
}

static bool is_empty(const struct bench_document *document)
{
	for (uint32_t i = 0; i < document->series_count; i++)
		if (document->series[i].count)
			return false;
	return !document->timeline_count && !document->spectrum_count;
}

static int complain_empty(const struct bench_document *document)
{
	for (uint32_t i = 0; i < document->note_count; i++)
		bench_complain("%s", document->notes[i]);
	bench_complain("nothing is left to measure");
	return BENCH_EXIT_ENVIRONMENT;
}

static int measure_all(struct bench_run *run)
{
	int status;

	if (run->options->count_instructions && !bench_instructions_counting()) {
		bench_complain("--count-instructions: this process does not run under callgrind");
		return BENCH_EXIT_ENVIRONMENT;
	}
	status = place_memory(run);
	if (!status)
		status = start_team(run);
	if (status)
		return status;
	bench_progress_begin(&run->progress, run->options->progress_fd,
			     (uint64_t)(bench_plan_s(&run->plan) * 1e6));
	status = measure_tables(run);
	if (!status)
		status = bench_run_probes(run);
	bench_progress_end(&run->progress);
	bench_team_destroy(run->team);
	if (!status && is_empty(run->document))
		status = complain_empty(run->document);
	return status;
}

int bench_measure_run(const struct bench_options *options, struct bench_document *document)
{
	const uint64_t begun_ns = bench_clock_ns();
	struct bench_run run = { .options = options, .document = document };
	int status = 0;

	bench_host_read(&run.host);
	if (bench_plan_make(options, run.host.cpu_count, &run.plan)) {
		bench_complain("no memory for the plan");
		return BENCH_EXIT_ENVIRONMENT;
	}
	if (has_trace(&run.plan)) /* first: a bad file is told before minutes pass */
		status = bench_run_load_trace(options, &run.trace);
	if (!status &&
	    (bench_record_facts(&run) || bench_doctor_quick(document) || note_absences(&run))) {
		bench_complain("no memory for the document");
		status = BENCH_EXIT_ENVIRONMENT;
	}
	try_counters(&run);
	if (!status)
		status = measure_all(&run);
	document->process_count = 1;
	document->took_s = (double)(bench_clock_ns() - begun_ns) / 1e9;
	document->exit_status = status;
	bench_trace_free(&run.trace);
	bench_plan_free(&run.plan);
	return status;
}
