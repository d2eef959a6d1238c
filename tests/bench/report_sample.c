/* SPDX-License-Identifier: MIT */
/*
 * report_sample.c - figures that nobody measured, in the shape of a full run.
 *
 * The same every time: the spread comes from a generator with a fixed seed.
 */
#include "tests/bench/report_sample.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define PROCESSES 5u
#define REPEATS 6u

static uint64_t state;

/* 0 .. 1 */
static double draw(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (double)(state >> 11) / 9007199254740992.;
}

static const struct {
	const char *subject;
	const char *calls;
	double factor;
	bool peer;
} subjects[] = {
	{ "pendmap", "scalar", 1, false },      { "pendmap", "batch", 0.55, false },
	{ "pendmap-id", "scalar", 1.1, false }, { "mutex", "scalar", 2.9, true },
	{ "rwlock", "scalar", 3.4, true },      { "urcu-memb", "scalar", 2.1, true },
	{ "urcu-qsbr", "scalar", 1.9, true },   { "ck", "scalar", 2.4, true },
	{ "dpdk", "scalar", 1.7, true },        { "libcuckoo", "scalar", 4.4, true },
	{ "tbb", "scalar", 5.2, true },
};

static const struct {
	const char *scenario;
	const char *operation;
	double ns;
} tables[] = {
	{ "pend-complete/handle", "pend one, complete it by its handle", 14 },
	{ "lookup/hit", "look up a live key", 6 },
	{ "steady/key", "pend one, complete the oldest by key", 24 },
	{ "full/refuse", "pend on a full map", 2.1 },
};

/* Values around @level in each process and repeat; some were preempted. */
static int add_values(struct bench_document *document, const struct bench_series *like,
		      double level, uint32_t processes, uint32_t repeats)
{
	struct bench_series *series = bench_document_series(document, like);

	if (!series)
		return -ENOMEM;
	for (uint32_t process = 0; process < processes; process++) {
		double bias = 1 + 0.06 * (draw() - 0.5);

		for (uint32_t repeat = 0; repeat < repeats; repeat++) {
			struct bench_value value = {
				.value = level * bias * (1 + 0.05 * (draw() - 0.5)),
				.operations = 100000,
				.preempted = draw() < 0.1,
				.pingpong_ns = like->point.threads > 1 ? 45 + 20 * draw() : 0,
				.process = process,
				.repeat = repeat,
			};

			if (value.preempted)
				value.value *= 1.2 + draw();
			if (bench_series_add(series, &value) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

/* One subject in one table; time at steady/key grows with the threads, so that nothing scales. */
static int add_cell(struct bench_document *document, size_t table, size_t subject, uint64_t size,
		    uint32_t threads)
{
	struct bench_series like = {
		.point = { .size = size, .threads = threads },
		.unit = "ns",
		.metric = "ns",
		.primary = true,
		.peer = subjects[subject].peer,
		.oversubscribed = threads > 4,
	};
	double level = tables[table].ns * subjects[subject].factor * (size > 1024 ? 1.7 : 1);

	level *= strcmp(tables[table].scenario, "steady/key") == 0
			 ? threads
			 : 1 + 0.04 * (threads - 1) * subjects[subject].factor;
	snprintf(like.scenario, sizeof(like.scenario), "%s", tables[table].scenario);
	snprintf(like.operation, sizeof(like.operation), "%s", tables[table].operation);
	snprintf(like.subject, sizeof(like.subject), "%s", subjects[subject].subject);
	snprintf(like.calls, sizeof(like.calls), "%s", subjects[subject].calls);
	snprintf(like.summary, sizeof(like.summary), "%s as it comes", subjects[subject].subject);
	return add_values(document, &like, level, PROCESSES, REPEATS);
}

static int add_tables(struct bench_document *document)
{
	static const uint64_t sizes[] = { 1024, 65536, 1048576 };
	static const uint32_t threads[] = { 1, 2, 3, 4, 8 };
	int error = 0;

	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
			for (size_t n = 0; n < sizeof(threads) / sizeof(threads[0]); n++)
				for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
					error |= add_cell(document, t, i, sizes[s], threads[n]);
	return error;
}

static int add_occupancy(struct bench_document *document)
{
	static const double percent[] = { 50, 75, 90, 95, 99 };
	int error = 0;

	for (size_t i = 0; i < 5; i++)
		for (int peer = 0; peer < 2; peer++) {
			struct bench_series like = {
				.scenario = "occupancy/steady",
				.operation = "pend one, complete the oldest by key",
				.calls = "scalar",
				.metric = "ns",
				.unit = "ns",
				.primary = true,
				.peer = peer,
				.point = { .size = 1048576, .threads = 1, .occupancy = percent[i] },
			};

			snprintf(like.subject, sizeof(like.subject), peer ? "dpdk" : "pendmap");
			error |= add_values(document, &like,
					    (peer ? 60 : 40) * (1 + 3 / (101 - percent[i])),
					    PROCESSES, REPEATS);
		}
	return error;
}

/* Probes: a scenario, a subject, metrics. */
static const struct {
	const char *scenario, *subject, *metric, *unit;
	double level;
	enum bench_better better;
	bool peer;
} probes[] = {
	{ "frame", "hooked", "ns", "ns", 7.2, BENCH_LESS_IS_BETTER, false },
	{ "frame", "bare", "ns", "ns", 3.1, BENCH_LESS_IS_BETTER, false },
	{ "classify/chain", "none", "ns", "ns", 5.5, BENCH_LESS_IS_BETTER, false },
	{ "classify/chain", "4 programs", "ns", "ns", 21, BENCH_LESS_IS_BETTER, false },
	{ "classify/chain", "16 programs", "ns", "ns", 74, BENCH_LESS_IS_BETTER, false },
	{ "unplug/adopt", "pendmap", "drained", "ms", 21, BENCH_LESS_IS_BETTER, false },
	{ "unplug/adopt", "pendmap", "lost", "", 0, BENCH_LESS_IS_BETTER, false },
	{ "exhaust/refuse", "pendmap", "ns", "ns", 2.4, BENCH_LESS_IS_BETTER, false },
	{ "exhaust/refuse", "dpdk", "ns", "ns", 31, BENCH_LESS_IS_BETTER, true },
	{ "epoch/enter", "pendmap", "ns", "ns", 3.3, BENCH_LESS_IS_BETTER, false },
	{ "epoch/enter", "urcu-memb", "ns", "ns", 1.9, BENCH_LESS_IS_BETTER, true },
	{ "epoch/enter", "urcu-mb", "ns", "ns", 12.5, BENCH_LESS_IS_BETTER, true },
	{ "memory/entry", "pendmap", "total", "bytes", 78, BENCH_LESS_IS_BETTER, false },
	{ "memory/entry", "dpdk", "total", "bytes", 91, BENCH_LESS_IS_BETTER, true },
	{ "memory/entry", "tbb", "total", "bytes", 152, BENCH_LESS_IS_BETTER, true },
	{ "deadline/precision", "steady", "p99.99", "ns", 9.8e5, BENCH_LESS_IS_BETTER, false },
	{ "deadline/precision", "storm", "p99.99", "ns", 1.4e6, BENCH_LESS_IS_BETTER, false },
};

static int add_probes(struct bench_document *document)
{
	int error = 0;

	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		struct bench_series like = {
			.better = probes[i].better,
			.primary = i == 0 ||
				   strcmp(probes[i].scenario, probes[i - 1].scenario) != 0 ||
				   strcmp(probes[i].metric, probes[i - 1].metric) == 0,
			.peer = probes[i].peer,
			.point = { .size = 65536, .threads = 1 }
		};

		snprintf(like.scenario, sizeof(like.scenario), "%s", probes[i].scenario);
		snprintf(like.subject, sizeof(like.subject), "%s", probes[i].subject);
		snprintf(like.metric, sizeof(like.metric), "%s", probes[i].metric);
		snprintf(like.unit, sizeof(like.unit), "%s", probes[i].unit);
		error |= add_values(document, &like, probes[i].level, PROCESSES, REPEATS);
	}
	return error;
}

/* A tail of response times that a stall makes, and service times that hide it. */
static int add_spectra(struct bench_document *document)
{
	static const double rates[] = { 2e5, 1e6, 4e6 };
	struct bench_bar bars[200];
	int error = 0;

	for (size_t r = 0; r < 3; r++)
		for (int service = 0; service < 2; service++)
			for (int peer = 0; peer < 2; peer++) {
				struct bench_spectrum like = {
					.scenario = "latency/steady",
					.point = { .size = 65536, .threads = 1, .rate = rates[r] },
					.peer = peer,
				};
				double left = 1e6;

				snprintf(like.subject, sizeof(like.subject),
					 peer ? "urcu-memb" : "pendmap");
				snprintf(like.kind, sizeof(like.kind),
					 service ? "service" : "response");
				for (uint32_t i = 0; i < 200; i++) {
					double tail = service ? 1.03 : 1.06 + 0.004 * (double)r;

					bars[i].bound = (uint64_t)((peer ? 60 : 32) * pow(tail, i));
					if (i && bars[i].bound <= bars[i - 1].bound)
						bars[i].bound = bars[i - 1].bound + 1;
					bars[i].count = (uint64_t)fmax(left * 0.07, 1);
					left -= (double)bars[i].count;
				}
				like.most = bars[199].bound;
				error |= bench_document_spectrum(document, &like, bars, 200);
			}
	return error;
}

static int add_timeline(struct bench_document *document, const char *scenario, const char *first,
			const char *second, uint32_t process)
{
	struct bench_timeline like = {
		.subject = "pendmap",
		.point = { .size = 65536, .threads = 2 },
		.process = process,
		.step_ms = 5,
		.column_count = 3,
		.columns = { { "completions", "1/s", BENCH_MORE_IS_BETTER },
			     { "backlog", "entries", BENCH_LESS_IS_BETTER },
			     { "retired", "bytes", BENCH_NEITHER_IS_BETTER } },
		.event_count = 2,
	};
	struct bench_timeline *timeline;

	snprintf(like.scenario, sizeof(like.scenario), "%s", scenario);
	like.events[0].at_ms = 300;
	like.events[1].at_ms = 650;
	snprintf(like.events[0].text, sizeof(like.events[0].text), "%s", first);
	snprintf(like.events[1].text, sizeof(like.events[1].text), "%s", second);
	timeline = bench_document_timeline(document, &like);
	for (uint32_t i = 0; timeline && i < 200; i++) {
		double ms = 5. * i, hole = ms > 300 && ms < 380 ? (ms - 300) / 80 : 1;
		double cells[3] = { 4.1e6 * hole * (1 + 0.06 * (draw() - 0.5)),
				    ms > 300 && ms < 650 ? (ms - 300) * 12 : 40 * draw(),
				    i % 17 == 3 ? NAN : 65536 * (1 + ms / 200) };

		if (bench_timeline_add(timeline, cells) < 0)
			return -ENOMEM;
	}
	return timeline ? 0 : -ENOMEM;
}

static int add_about(struct bench_document *document)
{
	const struct bench_finding findings[] = {
		{ BENCH_WARNING, "virtual machine", "this is a guest (KVM): other guests take time",
		  "compare only runs of one machine, side by side" },
		{ BENCH_NOTE, "counters", "no hardware counters (ENOENT)", "" },
		{ BENCH_FINE, "build", "Release, no sanitizer", "" },
	};
	struct bench_ledger ledger = { .scenario = "steady/key",
				       .subject = "pendmap",
				       .point = { .size = 65536, .threads = 2 },
				       .number_count = 2,
				       .numbers = { { "inserted", 41230112 },
						    { "completed", 41171130 } } };
	int error = 0;

	for (size_t i = 0; i < 3; i++)
		error |= bench_document_find_out(document, &findings[i]);
	error |= bench_document_set(document, BENCH_ABOUT_HOST, "cpu", "%s", "Sample CPU 9000");
	error |= bench_document_set(document, BENCH_ABOUT_HOST, "cpus", "%d", 4);
	error |= bench_document_set(document, BENCH_ABOUT_HOST, "kernel", "%s", "6.18.0");
	error |= bench_document_set(document, BENCH_ABOUT_BUILD, "version", "%s", "0.1.0");
	error |= bench_document_set(document, BENCH_ABOUT_BUILD, "compiler", "%s", "GNU 12.2.0");
	error |= bench_document_set(document, BENCH_ABOUT_CONFIG, "profile", "%s", "full");
	error |= bench_document_set(document, BENCH_ABOUT_CONFIG, "command", "%s",
				    "pendbench run --full --threads 1,2,4,8 --seed 7");
	error |= bench_document_note(document, "%s", "rte_ring: no DPDK on this machine");
	error |= bench_document_ledger(document, &ledger);
	document->process_count = PROCESSES;
	document->took_s = 812;
	return error;
}

int report_sample_fill(struct bench_document *document)
{
	int error;

	state = 42;
	error = add_about(document) | add_tables(document) | add_occupancy(document) |
		add_probes(document) | add_spectra(document);
	for (uint32_t process = 0; process < 2; process++) {
		error |= add_timeline(document, "unplug/timeline", "CPU 1 goes away",
				      "CPU 1 is back", process);
		error |= add_timeline(document, "epoch/timeline", "a reader stalls", "it goes on",
				      process);
		error |= add_timeline(document, "exhaust/timeline", "full", "recovers", process);
	}
	return error ? -ENOMEM : 0;
}

int report_sample_single(struct bench_document *document)
{
	struct bench_series like = { .scenario = "lookup/hit",
				     .subject = "pendmap",
				     .metric = "ns",
				     .unit = "ns",
				     .primary = true,
				     .point = { .size = 1024, .threads = 1 } };

	state = 1;
	document->process_count = 1;
	return add_values(document, &like, 6, 1, 1);
}

int report_sample_hostile(struct bench_document *document)
{
	struct bench_series like = { .scenario = "steady/" REPORT_SAMPLE_HOSTILE,
				     .calls = "<u>&",
				     .metric = "m" REPORT_SAMPLE_HOSTILE,
				     .unit = "<i>&",
				     .operation = "one " REPORT_SAMPLE_HOSTILE,
				     .summary = REPORT_SAMPLE_HOSTILE,
				     .primary = true,
				     .point = { .size = 1000, .threads = 2, .keys = "<k>&\"'" } };
	struct bench_finding finding = { BENCH_WARNING, "f" REPORT_SAMPLE_HOSTILE,
					 "text " REPORT_SAMPLE_HOSTILE,
					 "advice " REPORT_SAMPLE_HOSTILE };
	struct bench_spectrum spectrum = { .scenario = "latency/" REPORT_SAMPLE_HOSTILE,
					   .subject = REPORT_SAMPLE_HOSTILE,
					   .kind = "<k>&\"'",
					   .point = { .size = 10, .rate = 5 },
					   .most = 9 };
	struct bench_bar bars[2] = { { 5, 3 }, { 9, 1 } };
	struct bench_series skipped;
	int error = 0;

	state = 1;
	document->process_count = 2;
	for (int i = 0; i < 2; i++) {
		snprintf(like.subject, sizeof(like.subject), "s%d" REPORT_SAMPLE_HOSTILE, i);
		like.peer = i == 1;
		error |= add_values(document, &like, 6 + i, 2, 3);
	}
	skipped = like;
	snprintf(skipped.subject, sizeof(skipped.subject), "other");
	snprintf(skipped.skipped, sizeof(skipped.skipped), "no " REPORT_SAMPLE_HOSTILE);
	error |= bench_document_series(document, &skipped) ? 0 : -ENOMEM;
	error |= bench_document_find_out(document, &finding);
	error |= bench_document_set(document, BENCH_ABOUT_HOST, "cpu", "%s", REPORT_SAMPLE_HOSTILE);
	error |= bench_document_set(document, BENCH_ABOUT_CONFIG, "command", "%s",
				    REPORT_SAMPLE_HOSTILE);
	error |= bench_document_note(document, "%s", "note " REPORT_SAMPLE_HOSTILE);
	error |= bench_document_spectrum(document, &spectrum, bars, 2);
	error |= add_timeline(document, "unplug/" REPORT_SAMPLE_HOSTILE, "e" REPORT_SAMPLE_HOSTILE,
			      "f" REPORT_SAMPLE_HOSTILE, 0);
	return error ? -ENOMEM : 0;
}
