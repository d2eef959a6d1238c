/* SPDX-License-Identifier: MIT */
/*
 * harness.h - what all stress programs share: their command line, TAP, figures, and their end.
 *
 * A program checks what must hold on any machine, and measures figures. A figure has a limit that
 * counts only with --judge, and only if the machine was not busy with others meanwhile: a busy or
 * emulated machine says nothing about it. Whatever happens, a program ends: stress_limit() arms an
 * alarm that ends it with a failure.
 *
 * What a run looks like:
 *
 *	stress_begin()                  "# stress_map --seed 7 --seconds 10 ..."
 *	loop: stress_goes_on(), stress_progress()
 *	stress_check(), stress_figure(), stress_note(), stress_count()
 *	stress_end()                    "1..9", and how to repeat it if it failed; "operations: 123"
 *
 * On valgrind all is some fifty times slower: limits in wall-clock time, and stress_patience_ns(),
 * are as much longer. --seconds is not: how much is done there is what --rounds says. drd gets slower
 * with each word that was ever published, and never catches up with a tick of 1 ms: --small is for it.
 */
#ifndef STRESS_HARNESS_H
#define STRESS_HARNESS_H

#include <stdbool.h>
#include <stdint.h>

#include <pendmap/engine.h>

#include "stress/machine.h"

#define STRESS_SKIPPED 77 /* exit status */
#define STRESS_FLAGS_MOST 4u

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

/* An option of one program, without a value. */
struct stress_flag {
	const char *name; /* with its dashes */
	const char *help;
	bool set;
};

struct stress {
	/* What the program says before stress_begin(). */
	const char *name;
	const char *purpose;
	double seconds;   /* default; --seconds */
	uint64_t rounds;  /* default; --rounds; 0: until the time is over */
	uint32_t threads; /* default; --threads */
	struct stress_flag flags[STRESS_FLAGS_MOST];
	/* What stress_begin() adds. */
	uint64_t seed;
	bool judge; /* --judge: figures beyond their limits are failures */
	bool small; /* --small: maps and queues with little room, engines with rare ticks */
	bool terminal;
	bool quiet; /* checks that hold are not told: of what is done again and again */
	uint32_t checks;
	uint32_t failures;
	uint64_t operations; /* stress_count() */
	uint64_t began_ns;
	uint64_t end_ns;              /* began_ns and --seconds */
	uint64_t shown_ns;            /* the last progress line */
	char repeat[240];             /* the command that does the same again */
	struct machine_times watched; /* when stress_watch() was called */
};

/* Nanoseconds since boot, as the library counts them. */
uint64_t stress_now_ns(void);
void stress_sleep_ns(uint64_t ns);

/* Reads the command line. False: main() returns *@status. */
bool stress_begin(struct stress *stress, int count, char **words, int *status);

/* Whether this process runs on valgrind, and how long to wait there for what takes @ns elsewhere. */
bool stress_on_valgrind(void);
uint64_t stress_patience_ns(uint64_t ns);

/* How much room there is instead of @room if --small was said; else @room. */
uint32_t stress_room(const struct stress *stress, uint32_t room);

/* The defaults, or with --small those of a small engine. */
struct pend_engine_options stress_engine_options(const struct stress *stress);

/* The program fails @seconds from now (on valgrind fifty times as long) if it is still there; @what
 * is said then. Async-signal-safe in what it does, so it works whatever has become of the other
 * threads. Replaces the last one. */
void stress_limit(double seconds, const char *what);

/* False: --rounds of them are @done, or the time that --seconds gave is over. */
bool stress_goes_on(const struct stress *stress, uint64_t done);

/* Operations were done: stress_end() tells the sum. For the thread that makes the checks. */
void stress_count(struct stress *stress, uint64_t operations);

/* A line of TAP. Returns @holds. */
bool stress_check(struct stress *stress, bool holds, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* What others take of the machine counts from now on; for a process that forked, or a new part. */
void stress_watch(struct stress *stress);

/* A figure and the most that it may be. Not judged if others were busy since stress_watch(). */
void stress_figure(struct stress *stress, double value, double most, const char *unit,
		   const char *format, ...) __attribute__((format(printf, 5, 6)));

/* A comment line, and one that is overwritten by the next and shown on a terminal only, ten times a
 * second at most. */
void stress_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void stress_progress(struct stress *stress, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Ends the program as skipped, from main() before any check. */
_Noreturn void stress_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends it as broken: something that the program itself needs did not work. */
_Noreturn void stress_bail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The plan, and what was done; returns the exit status of main(). */
int stress_end(const struct stress *stress);

/* Whether this is the guest of tools/vm, whose CPUs may be taken away. */
bool stress_in_guest(void);

/* Writes @text into an existing file. 0 or negative errno. */
int stress_write(const char *path, const char *text);

/* Pins the calling thread. 0 or negative errno. */
int stress_pin(uint32_t cpu);

/* The CPUs that this process may use now, ascending, at most @room. Returns how many. */
uint32_t stress_cpus(uint32_t *cpus, uint32_t room);

#endif
