/* SPDX-License-Identifier: MIT */
/*
 * word_model.h - the state that word_model.c and word_look.c explore together.
 *
 *	word_model.c	the operation, those who decide about it, and the duties carried out by
 *			who has them, as in a map without an engine
 *	word_look.c	the lookers of an engine, who claim before they do anything
 */
#ifndef TESTS_SLOT_WORD_MODEL_H
#define TESTS_SLOT_WORD_MODEL_H

#include "word_exhaustive.h"

enum actor {
	FRAME,
	COMPLETE_A,
	COMPLETE_B,
	EXPIRE,
	CONTINUE_A,
	CONTINUE_B,
	LATECOMER,
	STAGER, /* stages, then completes with what is staged */
	NEXT,   /* completes the operation after */
	WORKER, /* of a map without an engine */
	LOOKER_0,
	LOOKER_1,
	ACTORS,
};

enum stage {
	STAGE_ABSENT = 0, /* or done; a looker: does nothing at the moment */
	STAGE_LOAD,
	STAGE_SWAP,
	STAGE_CARRY,
	STAGE_RUN, /* lookers: the program runs */
	STAGE_RUN_SWAP,
	STAGE_ACT, /* lookers: the completion action runs */
	STAGE_FROZEN,
};

/* Padded with nothing: states are compared as bytes. */
struct model {
	uint64_t word;
	uint64_t handle;         /* of the operation under test */
	uint64_t loaded[ACTORS]; /* in STAGE_SWAP and STAGE_RUN_SWAP, else 0 */
	uint8_t stage[ACTORS];
	uint8_t duty[ACTORS];   /* in STAGE_CARRY, else 0 */
	uint8_t returns;        /* the verdict of the re-run in progress */
	uint8_t stager_deletes; /* the second of its two steps */
	uint8_t hints;
	uint8_t frame_open; /* ghosts from here on */
	uint8_t finish_queued;
	uint8_t rerun_queued;
	uint8_t rerun_running;
	uint8_t action_running;
	uint8_t staged;   /* what was staged last, and since no re-run asked for */
	uint8_t accepted; /* terminal requests that were told so */
	uint8_t verdict;  /* of the first of them */
	uint8_t origin;
	uint8_t completions;
	uint8_t reruns;      /* begun */
	uint8_t next_pended; /* another operation is in the slot */
	uint8_t next_accepted;
	uint8_t next_completions;
	uint8_t padding[7];
};

_Static_assert(sizeof(struct model) == 16 + 8 * ACTORS + 2 * ACTORS + 24, "no hidden padding");

struct exploration {
	const struct transitions *transitions;
	struct findings *findings;
	struct state_set seen;
	enum manner manner;
	uint32_t frame_verdict;
	uint32_t rerun_limit;
	bool freezes; /* one of the lookers may stop for ever with what it claimed */
	double paths; /* of the state visited last */
};

void model_need(struct exploration *x, bool holds, char letter, const char *what,
		const struct model *m);

/* What a run of the program, or a completion action, begins and ends with. */
void model_begin_rerun(struct exploration *x, struct model *m, uint32_t returns);
void model_begin_action(struct exploration *x, struct model *m);
void model_end_action(struct exploration *x, struct model *m);

/* The step of the one who runs the program, when that returns. */
struct pendi_step model_rerun_exit(const struct exploration *x, const struct model *m,
				   enum actor actor);

/* @actor's compare-and-swap succeeded. */
void model_accept(struct exploration *x, struct model *m, enum actor actor, struct pendi_step step);

/* Visits what @m became, and adds the paths from there to @paths. */
void model_follow(struct exploration *x, struct model *m, double *paths);

/* How many lookers have something claimed. */
uint32_t lookers_holding(const struct model *m);
/* How many are about to claim. */
uint32_t lookers_claiming(const struct model *m);
bool lookers_frozen(const struct model *m);

/* Gives the two the order that tells states apart: which is which makes no difference. */
void lookers_sort(struct model *m);

/* Follows what @actor, a looker, may do next. */
void looker_visit(struct exploration *x, const struct model *m, enum actor actor, double *paths);

#endif
