/* SPDX-License-Identifier: MIT */
/*
 * campaign.c - processes that measure, in turn: the repeats that count.
 *
 * One process runs at a time. Its time is bounded: by ten times that of the slowest before it, and by
 * 45 minutes. The first that fails ends the campaign; what was measured until then is kept.
 */
#include "bench/command/campaign.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/command/child.h"
#include "bench/command/doctor.h"
#include "bench/command/show.h"
#include "bench/measure/clock.h"
#include "bench/measure/instructions.h"

#define LIMIT_NS (45 * 60 * 1000000000ull)
#define LIMIT_LEAST_NS (60 * 1000000000ull)
#define LIMIT_TIMES 10u
#define OWN_WORDS 32u /* of a command line, besides those of the options */

struct campaign {
	const struct bench_options *options;
	struct bench_show show;
	uint64_t slowest_ns;
	char self[4096]; /* the path of this program */
	const char **argv;
};

static void heard(void *context, bool complaint, const char *line)
{
	struct campaign *campaign = context;

	if (complaint)
		bench_show_complaint(&campaign->show, line);
	else
		bench_show_told(&campaign->show, line);
}

/* The path of this program; where it was replaced meanwhile, the way to what runs. */
static void find_self(char *path, size_t size)
{
	const ssize_t length = readlink("/proc/self/exe", path, size - 1);

	path[length > 0 ? length : 0] = '\0';
	if (length <= 0 || access(path, X_OK))
		snprintf(path, size, "/proc/self/exe");
}

/* The command line of one process. */
static void make_argv(struct campaign *campaign, const struct bench_side *side, const char *program,
		      const char *number)
{
	const struct bench_options *options = campaign->options;
	const char *const own[] = { "measure",          "--process",     "--result",
				    BENCH_CHILD_RESULT, "--progress-fd", BENCH_CHILD_PROGRESS };
	const char **argv = campaign->argv;
	uint32_t count = 0;

	if (options->count_instructions)
		count = bench_instructions_words(argv, OWN_WORDS / 2);
	argv[count++] = program;
	for (uint32_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		argv[count++] = own[i];
		if (i == 1)
			argv[count++] = number;
	}
	for (uint32_t i = 0; i < options->argument_count; i++)
		argv[count++] = options->arguments[i];
	for (uint32_t i = 0; side->more && side->more[i] && i < 4; i++)
		argv[count++] = side->more[i];
	argv[count++] = "--";
	for (uint32_t i = 0; i < options->filter_count; i++)
		argv[count++] = options->filters[i];
	argv[count] = NULL;
}

/* What the end of a process comes to. */
static int judge_end(const struct bench_side *side, uint32_t process, enum bench_child_end end,
		     int status)
{
	const char *blank = *side->label ? " " : "";

	if (end == BENCH_CHILD_LATE) {
		bench_complain("process %u%s%s took far too long, and was ended", process + 1,
			       blank, side->label);
		return BENCH_EXIT_ENVIRONMENT;
	}
	if (end == BENCH_CHILD_SIGNALLED) {
		bench_complain("process %u%s%s was ended by signal %d (%s)%s", process + 1, blank,
			       side->label, status, strsignal(status),
			       status == SIGKILL ? ": was there too little memory?" : "");
		return status == SIGKILL ? BENCH_EXIT_ENVIRONMENT : BENCH_EXIT_WRONG;
	}
	if (status == 0 || (status >= BENCH_EXIT_USAGE && status <= BENCH_EXIT_ENVIRONMENT))
		return status;
	bench_complain("process %u%s%s ended with status %d", process + 1, blank, side->label,
		       status);
	return BENCH_EXIT_ENVIRONMENT;
}

/* Adds what a process measured to its side. Returns @status, or what is wrong with the document. */
static int take_result(const struct bench_child *child, struct bench_side *side, uint32_t process,
		       int status)
{
	struct bench_document document;
	char why[256] = "";
	int error;

	bench_document_init(&document);
	error = bench_child_result(child, &document, why, sizeof(why));
	if (!error && bench_document_merge(side->document, &document, process)) {
		error = -ENOMEM;
		snprintf(why, sizeof(why), "no memory");
	}
	bench_document_free(&document);
	if (!error || status)
		return status;
	bench_complain("process %u: no result: %s", process + 1,
		       error == -ENODATA ? "it wrote none" : why);
	return BENCH_EXIT_ENVIRONMENT;
}

/* Ends as one does who was interrupted: by the signal. */
static void end_interrupted(struct campaign *campaign, int signal)
{
	bench_show_end(&campaign->show);
	bench_child_release();
	raise(signal);
}

static int run_process(struct campaign *campaign, struct bench_side *side, uint32_t process)
{
	const struct bench_options *options = campaign->options;
	const uint64_t begun_ns = bench_clock_ns();
	const char *program = side->program ? side->program : campaign->self;
	struct bench_child child;
	uint64_t limit_ns = LIMIT_NS, took_ns;
	enum bench_child_end end;
	char number[16];
	int status;

	if (campaign->slowest_ns && campaign->slowest_ns * LIMIT_TIMES < limit_ns)
		limit_ns = campaign->slowest_ns * LIMIT_TIMES;
	if (limit_ns < LIMIT_LEAST_NS)
		limit_ns = LIMIT_LEAST_NS;
	snprintf(number, sizeof(number), "%u", process);
	make_argv(campaign, side, program, number);
	bench_show_part(&campaign->show, side->label);
	status = bench_child_start(options->count_instructions ? bench_instructions_program()
							       : program,
				   campaign->argv, &child);
	if (status) {
		bench_complain("%s: cannot be started: %s", program, strerror(-status));
		return side->program ? BENCH_EXIT_USAGE : BENCH_EXIT_ENVIRONMENT;
	}
	end = bench_child_wait(&child, begun_ns + limit_ns, heard, campaign, &status);
	if (end == BENCH_CHILD_INTERRUPTED) {
		bench_child_close(&child);
		end_interrupted(campaign, status);
		return BENCH_EXIT_ENVIRONMENT; /* the signal was ignored */
	}
	bench_show_part_end(&campaign->show);
	took_ns = bench_clock_ns() - begun_ns;
	if (took_ns > campaign->slowest_ns)
		campaign->slowest_ns = took_ns;
	status = take_result(&child, side, process, judge_end(side, process, end, status));
	bench_child_close(&child);
	return status;
}

/* A B B A A B ... */
static int run_sides(struct campaign *campaign, struct bench_side *sides, uint32_t count)
{
	for (uint32_t n = 0; n < campaign->options->processes; n++) {
		for (uint32_t i = 0; i < count; i++) {
			const uint32_t turn = n % 2 ? count - 1 - i : i;
			const int status = run_process(campaign, &sides[turn], n);

			if (status) {
				if (sides[turn].document->exit_status == 0)
					sides[turn].document->exit_status = status;
				return status;
			}
		}
	}
	return 0;
}

int bench_campaign_run(const struct bench_options *options, struct bench_side *sides,
		       uint32_t count)
{
	static struct campaign campaign; /* some kilobytes; one at a time */
	int status = 0;

	if (options->count_instructions && !bench_instructions_program()) {
		bench_complain("--count-instructions needs valgrind (the package valgrind)");
		return BENCH_EXIT_ENVIRONMENT;
	}
	campaign = (struct campaign){ .options = options };
	find_self(campaign.self, sizeof(campaign.self));
	campaign.argv = calloc(OWN_WORDS + options->argument_count + options->filter_count,
			       sizeof(*campaign.argv));
	if (!campaign.argv) {
		bench_complain("no memory");
		return BENCH_EXIT_ENVIRONMENT;
	}
	for (uint32_t i = 0; i < count; i++) /* before there is a load of our own */
		if (bench_doctor_load(sides[i].document))
			bench_complain("no memory");
	bench_child_guard();
	bench_show_begin(&campaign.show, options->progress, options->processes * count);
	status = run_sides(&campaign, sides, count);
	bench_show_end(&campaign.show);
	bench_child_release();
	free(campaign.argv);
	return status;
}
