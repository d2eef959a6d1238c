/* SPDX-License-Identifier: MIT */
/*
 * harness.c - the command line, TAP, figures and the time limit of the stress programs.
 */
#include "stress/harness.h"

#include "stress/cell.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

#define GUEST_MARK "pendmap.guest="
#define OTHERS_MOST 0.05 /* of the CPUs' time, for a figure to be judged */
#define VALGRIND_SLOWER 50u
#define PROGRESS_NS (NS_PER_S / 10)
#define SMALL_PART 32u /* of the room */
#define SMALL_LEAST 32u
#define SMALL_TIMES 100u /* as long between ticks */

bool cell_writes_by_exchange;

/* What the alarm says; set before it is armed. */
static char limit_text[160];
static size_t limit_length;

uint64_t stress_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void stress_sleep_ns(uint64_t ns)
{
	struct timespec left = { (time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S) };

	while (nanosleep(&left, &left) == -1 && errno == EINTR)
		;
}

/* The headers may lack, but what valgrind runs has a library of it loaded before all others. */
bool stress_on_valgrind(void)
{
	const char *preloaded = getenv("LD_PRELOAD");

	return RUNNING_ON_VALGRIND || (preloaded && strstr(preloaded, "vgpreload"));
}

uint64_t stress_patience_ns(uint64_t ns)
{
	return stress_on_valgrind() ? ns * VALGRIND_SLOWER : ns;
}

uint32_t stress_room(const struct stress *stress, uint32_t room)
{
	const uint32_t part = room / SMALL_PART;

	if (!stress->small)
		return room;
	return part > SMALL_LEAST ? part : SMALL_LEAST;
}

struct pend_engine_options stress_engine_options(const struct stress *stress)
{
	struct pend_engine_options options = pend_engine_options_default();

	if (stress->small) {
		options.queue_entries = stress_room(stress, options.queue_entries);
		options.tick_ns *= SMALL_TIMES;
		options.stall_ns *= SMALL_TIMES;
		options.home_ns *= SMALL_TIMES / 2;
	}
	return options;
}

static void limit_reached(int number)
{
	ssize_t written = write(STDOUT_FILENO, limit_text, limit_length);

	(void)number;
	(void)written;
	_exit(1);
}

void stress_limit(double seconds, const char *what)
{
	struct sigaction action = { .sa_handler = limit_reached };

	if (stress_on_valgrind())
		seconds *= VALGRIND_SLOWER;
	alarm(0);
	limit_length = (size_t)snprintf(limit_text, sizeof(limit_text),
					"\nBail out! not done after %.0f s: %.100s\n", seconds,
					what);
	sigaction(SIGALRM, &action, NULL);
	alarm((unsigned int)seconds + 1);
}

static void usage(const struct stress *stress)
{
	fprintf(stderr, "%s - %s\n\n", stress->name, stress->purpose);
	fprintf(stderr, "  --seconds S  how long (%g)\n", stress->seconds);
	fprintf(stderr, "  --rounds N   end after so many rounds (%" PRIu64 ")%s\n", stress->rounds,
		stress->rounds ? "" : "; 0: when the time is over");
	fprintf(stderr, "  --threads N  threads that load the map (%" PRIu32 ")\n",
		stress->threads);
	fprintf(stderr, "  --seed N     of all that is random (from the clock)\n");
	fprintf(stderr, "  --judge      fail when a figure is beyond its limit\n");
	fprintf(stderr, "  --small      little room, rare ticks: for drd\n");
	for (uint32_t i = 0; i < STRESS_FLAGS_MOST && stress->flags[i].name; i++)
		fprintf(stderr, "  %-12s %s\n", stress->flags[i].name, stress->flags[i].help);
}

/* True if @word is an option without a value, which is then noted. */
static bool parse_flag(struct stress *stress, const char *word)
{
	if (strcmp(word, "--judge") == 0)
		return stress->judge = true;
	if (strcmp(word, "--small") == 0)
		return stress->small = true;
	for (uint32_t i = 0; i < STRESS_FLAGS_MOST && stress->flags[i].name; i++) {
		if (strcmp(word, stress->flags[i].name) == 0) {
			stress->flags[i].set = true;
			return true;
		}
	}
	return false;
}

/* True if @word and @value are an option and its value, which is then noted. */
static bool parse_value(struct stress *stress, const char *word, const char *value)
{
	char *end = NULL;

	if (!value || *value == '\0' || *value == '-')
		return false;
	if (strcmp(word, "--seconds") == 0)
		stress->seconds = strtod(value, &end);
	else if (strcmp(word, "--rounds") == 0)
		stress->rounds = strtoull(value, &end, 0);
	else if (strcmp(word, "--threads") == 0)
		stress->threads = (uint32_t)strtoul(value, &end, 0);
	else if (strcmp(word, "--seed") == 0)
		stress->seed = strtoull(value, &end, 0);
	return end && *end == '\0';
}

/* What repeats this run: all options, with what was chosen where nothing was asked for. */
static void note_command(struct stress *stress)
{
	size_t room = sizeof(stress->repeat), used;

	used = (size_t)snprintf(
		stress->repeat, room,
		"%s --seed %" PRIu64 " --seconds %g --threads %" PRIu32 " --rounds %" PRIu64 "%s%s",
		stress->name, stress->seed, stress->seconds, stress->threads, stress->rounds,
		stress->judge ? " --judge" : "", stress->small ? " --small" : "");
	for (uint32_t i = 0; i < STRESS_FLAGS_MOST && stress->flags[i].name && used < room; i++) {
		if (stress->flags[i].set)
			used += (size_t)snprintf(stress->repeat + used, room - used, " %s",
						 stress->flags[i].name);
	}
	stress_note("%s", stress->repeat);
}

bool stress_begin(struct stress *stress, int count, char **words, int *status)
{
	cell_writes_by_exchange = stress_on_valgrind();
	stress->began_ns = stress_now_ns();
	stress_watch(stress);
	stress->seed = stress->began_ns;
	stress->terminal = isatty(STDERR_FILENO) == 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < count; i++) {
		if (strcmp(words[i], "--help") == 0) {
			usage(stress);
			*status = 0;
			return false;
		}
		if (parse_flag(stress, words[i]))
			continue;
		if (!parse_value(stress, words[i], i + 1 < count ? words[i + 1] : NULL)) {
			fprintf(stderr, "%s: what is %s?\n\n", stress->name, words[i]);
			usage(stress);
			*status = 2;
			return false;
		}
		i++;
	}
	note_command(stress);
	stress->end_ns = stress->began_ns + (uint64_t)(stress->seconds * (double)NS_PER_S);
	return true;
}

bool stress_goes_on(const struct stress *stress, uint64_t done)
{
	if (stress->rounds && done >= stress->rounds)
		return false;
	return stress_now_ns() < stress->end_ns;
}

void stress_count(struct stress *stress, uint64_t operations)
{
	stress->operations += operations;
}

/* Clears the progress line, if there may be one. */
static void clear_progress(const struct stress *stress)
{
	if (stress->terminal)
		fputs("\r\033[K", stderr);
}

static void report(struct stress *stress, bool holds, const char *format, va_list arguments)
{
	if (holds && stress->quiet)
		return;
	clear_progress(stress);
	printf("%s %" PRIu32 " - ", holds ? "ok" : "not ok", ++stress->checks);
	vprintf(format, arguments);
	putchar('\n');
	stress->failures += holds ? 0 : 1;
}

bool stress_check(struct stress *stress, bool holds, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	report(stress, holds, format, arguments);
	va_end(arguments);
	return holds;
}

void stress_watch(struct stress *stress)
{
	stress->watched = machine_now();
}

void stress_figure(struct stress *stress, double value, double most, const char *unit,
		   const char *format, ...)
{
	double others = machine_others(&stress->watched);
	char text[200];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (stress->judge && others > OTHERS_MOST) {
		stress_note("%s: %.3f %s (limit %g%s; not judged: the machine was busy, others had "
			    "%.0f %% of it)",
			    text, value, unit, most, value <= most ? "" : ", beyond it",
			    others * 100);
		return;
	}
	if (stress->judge) {
		(void)stress_check(stress, value <= most, "%s: %.3f %s, at most %g", text, value,
				   unit, most);
		return;
	}
	stress_note("%s: %.3f %s (limit %g%s, not judged)", text, value, unit, most,
		    value <= most ? "" : ", beyond it");
}

void stress_note(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("# ", stdout);
	vprintf(format, arguments);
	putchar('\n');
	va_end(arguments);
}

void stress_progress(struct stress *stress, const char *format, ...)
{
	va_list arguments;
	uint64_t now_ns;

	if (!stress->terminal)
		return;
	now_ns = stress_now_ns();
	if (now_ns - stress->shown_ns < PROGRESS_NS)
		return;
	stress->shown_ns = now_ns;
	clear_progress(stress);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fflush(stderr);
}

_Noreturn void stress_skip(const char *format, ...)
{
	va_list arguments;

	fputs("1..0 # SKIP ", stdout);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	exit(STRESS_SKIPPED);
}

_Noreturn void stress_bail(const char *format, ...)
{
	va_list arguments;

	fputs("Bail out! ", stdout);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
	_exit(1);
}

int stress_end(const struct stress *stress)
{
	bool passed = stress->checks && !stress->failures;

	clear_progress(stress);
	stress_note("%.1f s", (double)(stress_now_ns() - stress->began_ns) / (double)NS_PER_S);
	printf("1..%" PRIu32 "\n", stress->checks);
	if (!passed)
		stress_note("to repeat: %s", stress->repeat);
	printf("operations: %" PRIu64 "\n", stress->operations);
	fflush(stdout);
	return passed ? 0 : 1;
}

bool stress_in_guest(void)
{
	char line[4096];
	int file = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t length = file < 0 ? -1 : read(file, line, sizeof(line) - 1);

	if (file >= 0)
		close(file);
	if (length <= 0)
		return false;
	line[length] = '\0';
	return strstr(line, GUEST_MARK) != NULL;
}

int stress_write(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CLOEXEC), status = 0;

	if (file < 0)
		return -errno;
	if (write(file, text, strlen(text)) < 0)
		status = -errno;
	close(file);
	return status;
}

int stress_pin(uint32_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

uint32_t stress_cpus(uint32_t *cpus, uint32_t room)
{
	cpu_set_t set;
	uint32_t found = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 0;
	for (uint32_t cpu = 0; cpu < CPU_SETSIZE && found < room; cpu++) {
		if (CPU_ISSET(cpu, &set))
			cpus[found++] = cpu;
	}
	return found;
}
