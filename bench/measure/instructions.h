/* SPDX-License-Identifier: MIT */
/*
 * instructions.h - how many instructions an operation takes, counted by callgrind.
 *
 *	parent: valgrind --tool=callgrind ... pendbench measure --count-instructions ...
 *	child:  prepare --> warm up --> N operations --> 2 N operations
 *	                                '- counted -'    '-- counted --'   difference / N
 *
 * Times differ from run to run; this number does not, so it can be a gate where a machine is too
 * busy to time anything. It is of one thread, and says nothing of caches or other CPUs.
 * Callgrind tells its counts in files of a folder that the parent makes and removes at its exit.
 */
#ifndef BENCH_MEASURE_INSTRUCTIONS_H
#define BENCH_MEASURE_INSTRUCTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct bench_subject;
struct bench_team;
struct bench_window;

/* ---- the parent ---- */

/* Where valgrind is; NULL: it is not here. */
const char *bench_instructions_program(void);

/*
 * Writes the words that stand before the program's name, "valgrind" first; sets the environment
 * variable and makes the folder that they speak of. Returns how many; 0: no folder could be made.
 */
uint32_t bench_instructions_words(const char **words, uint32_t room);

/* ---- the child ---- */

/* Whether this process was started by those words. */
bool bench_instructions_counting(void);

/* In the thread that measures, around what is counted. */
void bench_instructions_begin(void);
void bench_instructions_end(void);

/* What was counted since this was last called, by whichever thread. 0 or a negative errno. */
int bench_instructions_read(uint64_t *instructions);

/*
 * Instructions for one operation of @window's loop on one thread; of the window only the loop and
 * what belongs to it count, not its times. Writes how many operations that is a mean of.
 * 0, or a negative errno; what went wrong in the table stands in the subject's lanes.
 */
int bench_instructions_measure(struct bench_subject *subject, struct bench_team *team,
			       const struct bench_window *window, double *instructions,
			       uint64_t *operations);

/* The number of a callgrind file. 0, or -EBADMSG for one that has none. */
int bench_instructions_parse(FILE *file, uint64_t *instructions);

#endif
