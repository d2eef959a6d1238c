/* SPDX-License-Identifier: MIT */
/*
 * model.h - a model checker for the library's own sources: what a scenario is, what it may ask.
 *
 *	begin()              one thread, nothing is scheduled: makes maps, engines ...
 *	thread(0) thread(1)  ... fibers; before each access to memory that two of them touch, and
 *	                     one writes, the checker decides who goes on
 *	end()                one thread again: looks at what came of it
 *
 * The checker runs the scenario again and again, from one copy of all its memory, and each time
 * decides differently, until no decision is left with at most `bound` preemptions: then it was
 * EXHAUSTED. What else may happen depends on the mode:
 *
 *	SC    nothing: each store is seen by all at once
 *	TSO   a store waits in a buffer of its thread, as in an x86 CPU; when it lands is decided
 *	WEAK  a load may see what was there before, as far as C11 lets it; which is decided
 *
 * What it does not see: races of plain accesses (the thread sanitizer does) but for those that a
 * scenario names, loads that see what is stored later, and what needs more threads or operations
 * than the scenario has.
 */
#ifndef CHECKER_MODEL_H
#define CHECKER_MODEL_H

#include <stdbool.h>
#include <stdint.h>

enum { MODEL_THREADS = 4 };

struct model_scenario {
	const char *name;
	const char *shows; /* the letter of a guarantee, a race, an edge */
	uint32_t threads;
	uint32_t bound;     /* preemptions: sequentially consistent */
	uint32_t tso_bound; /* preemptions and early flushes; 0: not run so */
	void (*begin)(void);
	void (*thread)(uint32_t number);
	void (*end)(void);
	void (*step)(void); /* before each step, or NULL: invariants, of plain reads */
	uint32_t freezes;   /* a set of fibers: one of them may stop for good, anywhere */
	uint32_t stores;    /* under way of one fiber at most, up to 16; 0: 8 */
};

/* The scenarios of one file; ctest runs each group by itself, as model.<name>. */
struct model_group {
	const char *name;
	const struct model_scenario *scenarios;
	uint32_t count;
};

/* Ends this execution, and the search: @condition does not hold. */
#define MODEL_CHECK(condition) \
	((condition) ? (void)0 : model_violation(__FILE__, __LINE__, #condition))

_Noreturn void model_violation(const char *file, int line, const char *what);

/* The fiber that runs, MODEL_THREADS while none does. */
uint32_t model_self(void);

/* How many threads the scenario has. */
uint32_t model_threads(void);

/* Whether that fiber has stopped for good in this execution. */
bool model_is_frozen(uint32_t fiber);

/* The virtual clock; stands still but for this. */
void model_advance(uint64_t ns);

/* The CPU that the running fiber is on, from now on. */
void model_move_to(uint32_t cpu);

/* Lets any other thread run in between, at no cost. */
void model_yield(void);

/*
 * Whether memory is C11's. Then of two fibers that nothing synchronizes neither comes first, whatever
 * the order in which they run here: a check that compares times of theirs does not hold.
 */
bool model_is_weak(void);

/*
 * In the weak mode: plain memory, named by any address, is read or written here. A violation, if
 * what other fibers did with it (writes; before a write also reads) did not happen before.
 */
void model_plain_read(const void *at);
void model_plain_write(const void *at);

/*
 * In the weak mode: a moment of the running fiber, and whether all that @fiber did until such a
 * moment of its own happened before now. In the others, and of the thread that is alone: yes.
 */
uint32_t model_moment(void);
bool model_is_after(uint32_t fiber, uint32_t moment);

#endif
