/* SPDX-License-Identifier: MIT */
/*
 * report.c - what went wrong, and how to see it again.
 *
 * A schedule is
 *
 *	3.01c2:4zd,1,8
 *	|  |   '- points, as they differ from one to the next: addresses before which it was decided
 *	|  '- what was taken at each decision; a letter from a on: 3 zeros, 4 zeros ... in a row
 *	'- the bound
 *
 * which is all that an execution depends on, for addresses are the same in each process of the same
 * program. A replay of it prints each access to a point, and each change of who goes on.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/model/checker/access.h"
#include "tests/model/checker/checker.h"
#include "tests/model/checker/sites.h"

enum { ZEROS_MIN = 3, ZEROS_MAX = 28, PATIENCE_S = 3 };

struct text {
	char *at, *end;
};

static void put(struct text *text, char c)
{
	if (text->at < text->end - 1)
		*text->at++ = c;
	*text->at = '\0';
}

static void put_base36(struct text *text, uint64_t value)
{
	char digits[16];
	uint32_t count = 0;

	do
		digits[count++] = "0123456789abcdefghijklmnopqrstuvwxyz"[value % 36];
	while (value /= 36);
	while (count)
		put(text, digits[--count]);
}

static void put_decisions(struct text *text)
{
	uint32_t zeros = 0;

	for (uint32_t i = 0; i < model->depth; i++) {
		const uint8_t taken = model->decisions[i].taken;

		if (taken == 0 && ++zeros < ZEROS_MAX)
			continue;
		if (zeros >= ZEROS_MIN)
			put(text, (char)('a' + zeros - ZEROS_MIN));
		else
			for (; zeros; zeros--)
				put(text, '0');
		zeros = 0;
		if (taken)
			put(text, taken < 10 ? (char)('0' + taken) : (char)('A' + taken - 10));
	}
}

static int by_number(const void *a, const void *b)
{
	const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static void put_points(struct text *text)
{
	uint64_t *points = model->sorted, before = 0;
	uint32_t count = 0;

	for (uint32_t i = 0; i < model->touched_count; i++)
		if (model->touched[i]->point)
			points[count++] = model->touched[i]->at;
	qsort(points, count, sizeof(points[0]), by_number);
	for (uint32_t i = 0; i < count; i++) {
		put(text, i ? ',' : ':');
		put_base36(text, points[i] - before);
		before = points[i];
	}
}

static void write_schedule(char *schedule, size_t size)
{
	struct text text = { schedule, schedule + size };

	if (model->bound == UINT32_MAX)
		put(&text, '-');
	else
		put_base36(&text, model->bound);
	put(&text, '.');
	put_decisions(&text);
	put_points(&text);
}

/* Decisions from @text on. What follows them, or NULL. */
static const char *read_decisions(const char *text)
{
	for (model->known = 0; *text && *text != ':'; text++) {
		uint32_t zeros = 0, taken = 0;

		if (*text >= 'a' && *text <= 'z')
			zeros = (uint32_t)(*text - 'a') + ZEROS_MIN;
		else if (*text == '0')
			zeros = 1;
		else if (*text > '0' && *text <= '9')
			taken = (uint32_t)(*text - '0');
		else if (*text >= 'A' && *text <= 'Z')
			taken = (uint32_t)(*text - 'A') + 10;
		else
			return NULL;
		if (model->known + zeros + 1 >= MODEL_DEPTH)
			return NULL;
		while (zeros--)
			model->decisions[model->known++].taken = 0;
		if (taken)
			model->decisions[model->known++].taken = (uint8_t)taken;
	}
	return text;
}

bool report_read_schedule(const char *text)
{
	uint64_t point = 0;
	char *end = (char *)(uintptr_t)text + 1;

	if (*text == '-')
		model->bound = UINT32_MAX;
	else
		model->bound = (uint32_t)strtoul(text, &end, 36);
	if (*end != '.' || !(text = read_decisions(end + 1)))
		return false;
	while (*text == ':' || *text == ',') {
		point += strtoull(text + 1, &end, 36);
		memory_cell((const void *)(uintptr_t)(point * 8))->point = true;
		text = end;
	}
	return *text == '\0';
}

/* ---- what went wrong ---- */

static const char *who(uint32_t fiber)
{
	static const char *const names[] = { "fiber 0", "fiber 1", "fiber 2", "fiber 3", "main" };

	return names[fiber < MODEL_FIBERS ? fiber : MODEL_MAIN];
}

void model_violation(const char *file, int line, const char *what)
{
	const char *name = strrchr(file, '/');
	struct model_result *result = model->result;

	if (model->trace)
		report_last_lines();
	printf("VIOLATION by %s at %s:%d: %s\n", who(model->self), name ? name + 1 : file, line,
	       what);
	result->chooser = model->chooser;
	snprintf(result->what, sizeof(result->what), "%s", what);
	write_schedule(result->schedule, sizeof(result->schedule));
	fflush(stdout);
	_exit(1);
}

static void on_signal(int number)
{
	static const struct {
		int number;
		const char *what;
	} signals[] = { { SIGSEGV, "an access to memory that is not there" },
			{ SIGBUS, "an access to memory that is not there" },
			{ SIGFPE, "a division by zero" },
			{ SIGILL, "an instruction that is none" },
			{ SIGABRT, "a call of abort()" } };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (signals[i].number == number)
			model_violation(__FILE__, __LINE__, signals[i].what);
}

/* Every few seconds of CPU time: an execution takes less than a millisecond. */
static void on_timer(int number)
{
	(void)number;
	if (model->ticked_at == model->steps)
		model_violation(__FILE__, __LINE__, "a loop that neither ends nor waits");
	model->ticked_at = model->steps;
}

void report_setup(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	const stack_t other = { .ss_sp = model->signal_stack, .ss_size = MODEL_SIGNAL_STACK };
	const struct itimerval patience = { { PATIENCE_S, 0 }, { PATIENCE_S, 0 } };
	struct sigaction action = { .sa_flags = SA_ONSTACK };

	sigaltstack(&other, NULL);
	action.sa_handler = on_signal;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
	action.sa_handler = on_timer;
	sigaction(SIGVTALRM, &action, NULL);
	setitimer(ITIMER_VIRTUAL, &patience, NULL);
}

/* ---- a replay: what happens, one line each; of very many the first and the last ---- */

struct line {
	char text[MODEL_LINE];
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void put_text(struct line *line, const char *format,
							   ...)
{
	va_list arguments;
	int more;

	va_start(arguments, format);
	more = vsnprintf(line->text + line->used, sizeof(line->text) - line->used, format,
			 arguments);
	va_end(arguments);
	line->used += more > 0 ? (size_t)more : 0;
	if (line->used >= sizeof(line->text))
		line->used = sizeof(line->text) - 1;
}

/* Each fiber in a column of its own. */
static struct line begin_line(uint32_t fiber)
{
	struct line line = { .used = 0 };

	put_text(&line, "%6u %*s%s: ", model->step, (int)(fiber < MODEL_THREADS ? fiber * 4 : 0),
		 "", who(fiber));
	return line;
}

static void end_line(const struct line *line)
{
	const uint64_t number = model->lines++;

	if (number < MODEL_LINES)
		puts(line->text);
	else
		memcpy(model->last_lines[number % MODEL_LINES], line->text, sizeof(line->text));
}

void report_last_lines(void)
{
	uint64_t number = MODEL_LINES;

	if (model->lines > 2 * MODEL_LINES) {
		number = model->lines - MODEL_LINES;
		printf("   ... %" PRIu64 " steps ...\n", number - MODEL_LINES);
	}
	for (; number < model->lines; number++)
		puts(model->last_lines[number % MODEL_LINES]);
}

static const char *from_root(const char *file)
{
	const size_t root = strlen(__FILE__) - strlen("tests/model/checker/report.c");

	return strncmp(file, __FILE__, root) == 0 ? file + root : file;
}

void report_access(const struct model_site *site, const char *what, const void *at, uint64_t found,
		   uint64_t now)
{
	struct line line;

	if (!memory_cell(at)->point)
		return;
	line = begin_line(model->self);
	put_text(&line, "%s %s: %#" PRIx64, what, site->text, found);
	if (now != found)
		put_text(&line, " -> %#" PRIx64, now);
	put_text(&line, "   (%p, %s", at, sites_order(site));
	if (site->acquire_edge)
		put_text(&line, " %s", site->acquire_edge);
	if (site->release_edge && site->release_edge != site->acquire_edge)
		put_text(&line, " %s", site->release_edge);
	put_text(&line, ", %s() at %s:%u)", site->function, from_root(site->file), site->line);
	end_line(&line);
}

void report_landing(uint32_t fiber, const void *at, uint64_t value)
{
	struct line line;

	if (!memory_cell(at)->point)
		return;
	line = begin_line(fiber);
	put_text(&line, "its store lands: %#" PRIx64 "   (%p)", value, at);
	end_line(&line);
}

void report_event(const char *what, const void *on)
{
	struct line line = begin_line(model->self);

	if (on)
		put_text(&line, "%s %p", what, on);
	else
		put_text(&line, "%s", what);
	end_line(&line);
}
