/* SPDX-License-Identifier: MIT */
/*
 * document.h - everything that one or more processes measured: what all outputs are made of.
 *
 *	child process 0 --.
 *	child process 1 ---+--> merged document --> tables, CSV, Markdown, OpenMetrics, HTML
 *	child process n --'          |
 *	                             +--> JSON <--> compare, report (another day)
 *
 * A series is one metric of one subject of one scenario at one point; its values are what was
 * measured, each with its process and its repeat. Values of two series with the same process and
 * repeat were measured side by side. Nothing here is computed: figure.h does that.
 *
 * Invariant: no two series of a document have the same scenario, subject, calls, metric and point;
 * so for timelines and spectra, which have a process or a kind besides.
 * One thread owns a document. Pointers into it hold until the next call that adds.
 */
#ifndef BENCH_MODEL_DOCUMENT_H
#define BENCH_MODEL_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where on the axes; 0 or "" where an axis has no meaning. */
struct bench_point {
	uint64_t size; /* max_entries */
	uint32_t threads;
	double occupancy; /* percent of max_entries that is live */
	double rate;      /* operations that are meant to begin in a second */
	char keys[16];    /* "" is uniform; "zipf:0.99" */
};

enum bench_better { BENCH_LESS_IS_BETTER, BENCH_MORE_IS_BETTER, BENCH_NEITHER_IS_BETTER };

struct bench_value {
	double value;
	uint64_t
		operations; /* that the value is a mean of; 0: it is no mean, but a percentile... */
	uint64_t preempted; /* involuntary context switches of the measuring threads meanwhile */
	double pingpong_ns; /* a cache line from thread to thread just before; 0: not measured */
	uint32_t process;
	uint32_t repeat; /* in its process */
};

struct bench_series {
	char scenario[40];
	char subject[32]; /* an implementation, or a variant of a probe */
	char calls[8];    /* "scalar", "batch", or "" */
	char metric[24];  /* "ns": thread time for one operation; others: schema.md */
	struct bench_point point;

	char unit[24];      /* "ns", "1/s", "bytes"; "" for numbers */
	char operation[40]; /* what one operation is */
	char summary[96];   /* how the subject is configured */
	char skipped[160];  /* why there is no value at all, or "" */
	enum bench_better better;
	bool primary;        /* the first metric: what subjects are compared by */
	bool peer;           /* the subject is not pendmap, and does the same work */
	bool oversubscribed; /* more threads than CPUs */
	struct bench_value *values;
	uint32_t count;
	uint32_t room;
};

#define BENCH_TIMELINE_COLUMNS 6u
#define BENCH_TIMELINE_EVENTS 8u

/* What happened in one run, step by step: rows of columns. */
struct bench_timeline {
	char scenario[40];
	char subject[32];
	struct bench_point point;
	uint32_t process;
	double step_ms;
	uint32_t column_count;
	struct {
		char name[24];
		char unit[16];
		enum bench_better better;
	} columns[BENCH_TIMELINE_COLUMNS];
	uint32_t event_count;
	struct {
		double at_ms;
		char text[48];
	} events[BENCH_TIMELINE_EVENTS];
	double *cells; /* row by row; NAN: not measured */
	uint32_t row_count;
	uint32_t room;
};

/* A distribution of times in ns: how many were at most that long and longer than the last bound. */
struct bench_bar {
	uint64_t bound;
	uint64_t count;
};

struct bench_spectrum {
	char scenario[40];
	char subject[32];
	char kind
		[16]; /* "response": from when it was meant to begin; "service": from when it did */
	struct bench_point point;
	bool peer;
	uint64_t most;          /* the longest, exactly */
	struct bench_bar *bars; /* ascending, counts above 0 */
	uint32_t bar_count;
};

#define BENCH_ACCOUNT_NUMBERS 10u

/* What went in and what came out of one subject in one process; it adds up, or the run failed. */
struct bench_ledger {
	char scenario[40];
	char subject[32];
	struct bench_point point;
	uint32_t process;
	uint32_t number_count;
	struct {
		char name[16];
		uint64_t number;
	} numbers[BENCH_ACCOUNT_NUMBERS];
};

enum bench_severity { BENCH_FINE, BENCH_NOTE, BENCH_WARNING };

/* What about this machine or build disturbs figures, and what to do about it. */
struct bench_finding {
	enum bench_severity severity;
	char name[32];
	char text[160];
	char advice[160];
};

/* Facts: names and values, as text. The names: schema.md. */
enum bench_about { BENCH_ABOUT_HOST, BENCH_ABOUT_BUILD, BENCH_ABOUT_CONFIG, BENCH_ABOUTS };

struct bench_fact {
	char name[32];
	char value[256];
};

struct bench_document {
	struct bench_fact *facts[BENCH_ABOUTS];
	uint32_t fact_count[BENCH_ABOUTS];
	struct bench_series *series;
	uint32_t series_count;
	struct bench_timeline *timelines;
	uint32_t timeline_count;
	struct bench_spectrum *spectra;
	uint32_t spectrum_count;
	struct bench_ledger *ledgers;
	uint32_t ledger_count;
	struct bench_finding *findings;
	uint32_t finding_count;
	char (*notes)[240]; /* what was left out, and why; each once */
	uint32_t note_count;
	uint32_t process_count;
	double took_s;
	int exit_status; /* the worst of its processes */
};

void bench_document_init(struct bench_document *document);
void bench_document_free(struct bench_document *document);

/* Sets a fact; a later value replaces an earlier one. 0 or -ENOMEM, so for all that add. */
int bench_document_set(struct bench_document *document, enum bench_about about, const char *name,
		       const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The value of a fact, or "". */
const char *bench_document_get(const struct bench_document *document, enum bench_about about,
			       const char *name);

int bench_document_note(struct bench_document *document, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Adds a finding; of two with one name the more severe stays. */
int bench_document_find_out(struct bench_document *document, const struct bench_finding *finding);

/* The series like @like (its values apart), which is added if there is none. NULL: no memory. */
struct bench_series *bench_document_series(struct bench_document *document,
					   const struct bench_series *like);

/* The series like @like, or NULL. */
const struct bench_series *bench_document_find(const struct bench_document *document,
					       const struct bench_series *like);

/* 0 or -ENOMEM. The series has values now, so it is not skipped any more. */
int bench_series_add(struct bench_series *series, const struct bench_value *value);

/* The timeline like @like (its rows apart), which is added if there is none. NULL: no memory. */
struct bench_timeline *bench_document_timeline(struct bench_document *document,
					       const struct bench_timeline *like);
int bench_timeline_add(struct bench_timeline *timeline, const double *cells);

/* Adds the @count bars, which ascend, and like->most to the spectrum like @like, which is added if
 * there is none. */
int bench_document_spectrum(struct bench_document *document, const struct bench_spectrum *like,
			    const struct bench_bar *bars, uint32_t count);

int bench_document_ledger(struct bench_document *document, const struct bench_ledger *ledger);

/*
 * Adds all that @from has to @into as process number @process. Facts that differ become a note.
 * 0 or -ENOMEM; then @into has part of it.
 */
int bench_document_merge(struct bench_document *into, const struct bench_document *from,
			 uint32_t process);

bool bench_point_equal(const struct bench_point *a, const struct bench_point *b);

/* "1Ki 2T 90% zipf:0.99 1M/s": the axes that have a meaning. Returns @text. */
const char *bench_point_format(const struct bench_point *point, char *text, size_t size);

/* A short name of what a series is: "steady/key 64Ki 2T pendmap batch". Returns @text. */
const char *bench_series_format(const struct bench_series *series, char *text, size_t size);

#endif
