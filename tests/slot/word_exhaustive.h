/* SPDX-License-Identifier: MIT */
/*
 * word_exhaustive.h - what the parts of the exhaustive slot-word test share.
 *
 *	word_states.c	every reachable word, every event: one transition at a time
 *	word_model.c	one operation, every interleaving of who acts on it
 *	word_look.c	those who look at it, in a map of an engine
 *	word_contest.c	several slots that want one key, every interleaving
 *	word_mutants.c	transitions with a fault planted, which the two above must find
 */
#ifndef TESTS_SLOT_WORD_EXHAUSTIVE_H
#define TESTS_SLOT_WORD_EXHAUSTIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/slot/word.h"

/* The transitions that are explored: those of word.h, or one of them with a fault. */
struct transitions {
	struct pendi_step (*complete)(uint64_t word, uint64_t handle, uint32_t verdict,
				      uint32_t origin);
	struct pendi_step (*proceed)(uint64_t word, uint64_t handle, uint32_t limit);
	struct pendi_step (*frame_exit)(uint64_t word, uint32_t verdict, uint32_t origin);
	struct pendi_step (*rerun_exit)(uint64_t word, uint32_t verdict, uint32_t origin);
	struct pendi_step (*stage)(uint64_t word, uint64_t handle, uint32_t verdict);
	struct pendi_step (*claim)(uint64_t word);
	uint64_t (*finish)(uint64_t word);
	uint64_t (*win)(uint64_t word);
	uint64_t (*lose)(uint64_t word);
	uint64_t (*disarm)(uint64_t word);
	/* Faults in what is made of them, with an engine. */
	bool finishes_unclaimed; /* who has the duty to finish does so, besides pushing a hint */
	bool gives_up;           /* a claim is not tried again when its CAS failed */
};

/* How a duty is carried out: word_model.c. */
enum manner {
	MANNER_DIRECT,
	MANNER_HINTS,
	MANNER_LOOKS,
};

extern const struct transitions word_transitions;

/* What an exploration saw. */
struct findings {
	uint64_t states;       /* distinct, summed over the configurations */
	uint64_t steps;        /* edges between them */
	double interleavings;  /* paths from a first state to a last one, counted by states */
	uint64_t last_states;  /* where nobody can do anything more */
	uint64_t violations_a; /* of exactly once (guarantee A) */
	uint64_t violations_b; /* of the exact fence (guarantee B) */
	uint64_t all_lost;     /* contest: states in which everyone lost and nobody had held */
	uint64_t enough;       /* violations after which to stop; 0: never */
	bool verbose;          /* print the first few violations */
};

/* A set of states of one size, each with a number. Grows. */
struct state_set {
	unsigned char *entries;
	size_t size; /* bytes of a state, a multiple of 8 */
	size_t capacity;
	size_t count;
};

void state_set_init(struct state_set *set, size_t size);
void state_set_fini(struct state_set *set);

/* The number that belongs to @state; valid until the next add. *@added: it was not there. The
 * explorations keep the paths from the state to the end in it, or PATHS_UNDER_WAY. */
double *state_set_add(struct state_set *set, const void *state, bool *added);

#define PATHS_UNDER_WAY (-1.0)

/* Counts a violation of the guarantee @letter, and prints the first few. */
void violation(struct findings *findings, char letter, const char *what, uint64_t word);

/* Checks every reachable word. Adds what it saw. Aborts on the first word that is wrong. */
void word_states_check(struct findings *findings);

/* Explores every interleaving on one operation. */
void word_model_explore(const struct transitions *transitions, enum manner manner,
			struct findings *findings);

/* Explores every interleaving of @inserters (2 or 3) that want one key, @attempts tries each. */
void word_contest_explore(const struct transitions *transitions, uint32_t inserters,
			  uint32_t attempts, struct findings *findings);

/* Explores each mutant. Returns how many survived; prints a line for each. *@planted: how many. */
uint32_t word_mutants_run(uint32_t *planted);

#endif
