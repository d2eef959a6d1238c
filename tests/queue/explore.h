/* SPDX-License-Identifier: MIT */
/*
 * explore.h - all interleavings of a few threads that run real code of the library.
 *
 * A thread's program is a list of stages, each a call of one function. A stage is run from its
 * beginning again for each of its steps, with what its earlier accesses returned; at the first
 * access that is new it stops, and the explorer decides who goes on. So the state of a thread is
 * data: its stage, what that stage was told so far, and the store buffer. Worlds are copied, told
 * apart by a fingerprint of 128 bits, and each is left in every way once.
 */
#ifndef TESTS_QUEUE_EXPLORE_H
#define TESTS_QUEUE_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	EXPLORE_THREADS = 5, /* the last one is the stranger: see explore_alone() */
	EXPLORE_WORDS = 8,
	EXPLORE_LOG = 64,   /* accesses of one stage */
	EXPLORE_BUFFER = 4, /* stores of one thread under way */
	EXPLORE_FACTS = 8,  /* what the test notes about a world */
};

#define EXPLORE_END UINT64_MAX /* a stage that returns this was the last */

enum explore_kind { LOAD, STORE, CAS, EXCHANGE, FENCE, WAIT, WAKE };

struct explore_access {
	enum explore_kind kind;
	uint32_t word;
	uint64_t first, second;
};

struct explore_thread {
	uint64_t local; /* what the stages hand on */
	uint64_t log[EXPLORE_LOG];
	uint32_t logged, buffered;
	bool runs, asleep;
	struct {
		uint32_t word;
		uint64_t value;
	} buffer[EXPLORE_BUFFER];
	struct explore_access next;
};

struct explore_world {
	uint64_t memory[EXPLORE_WORDS];
	uint64_t facts[EXPLORE_FACTS];
	uint32_t timeouts; /* that sleepers may still have */
	struct explore_thread threads[EXPLORE_THREADS];
};

struct explore {
	/* One stage of @thread: from @local to the next. Changes facts only as its last act. */
	uint64_t (*stage)(uint32_t thread, uint64_t local, uint64_t *facts);
	/* What is wrong with a world, or NULL. In @ended nothing can happen any more. */
	const char *(*wrong)(const struct explore_world *world, bool ended);
	/* Where the words of the world are for the code that is run. */
	const void *words[EXPLORE_WORDS];
	bool fenceless[EXPLORE_THREADS]; /* whose store-load fences are left out */
	bool quiet;                      /* how it came to what is wrong is not printed */

	uint64_t states, steps, ends;
	const char *found; /* what was wrong */
	struct explore_visited {
		uint64_t (*table)[2];
		size_t size, used;
	} visited;
};

/* Readies @thread to run its first stage with @local. */
void explore_begin(struct explore *explore, struct explore_world *world, uint32_t thread,
		   uint64_t local);

/* Visits all that can come of @world, or the first that is wrong. */
void explore_all(struct explore *explore, const struct explore_world *world);

/* Runs @thread to its end while nobody else does anything. False: it does not end by itself within
 * @most steps. From wrong() only, on a copy. */
bool explore_alone(struct explore_world *world, uint32_t thread, uint32_t most);

/* The scripts of the futex calls (platform/script.h). */
int explore_futex_wait(const void *word, uint32_t expected, uint64_t timeout_ns);
int explore_futex_wake(const void *word, uint32_t count);

#endif
