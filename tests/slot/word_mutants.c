/* SPDX-License-Identifier: MIT */
/*
 * word_mutants.c - faults planted in the slot word's transitions, each to be found.
 *
 * A mutant is the table of transitions with one of them replaced by a wrong one. It counts as
 * found if the exploration reports violations of the very guarantee that it breaks.
 */
#include "word_exhaustive.h"

#include <errno.h>

#include "tests/support/check.h"

/* Violations after which an exploration that need not be counted stops. */
enum { ENOUGH = 1000 };

struct mutant {
	const char *name;
	char guarantee;
	enum manner manner; /* in which the model is explored */
	uint32_t inserters; /* 0: explore the model, else the contest */
	uint32_t attempts;  /* in the contest */
	uint64_t enough;    /* violations after which to stop; 0: explore everything */
	void (*plant)(struct transitions *transitions);
};

static struct pendi_step completes_although_framed(uint64_t word, uint64_t handle, uint32_t verdict,
						   uint32_t origin)
{
	struct pendi_step step = pendi_word_complete(word, handle, verdict, origin);

	if (!step.result && pendi_word_state(step.word) == PENDI_SLOT_COMPLETING)
		step.duty = PENDI_DUTY_FINISH;
	return step;
}

static struct pendi_step reruns_although_framed(uint64_t word, uint64_t handle, uint32_t limit)
{
	struct pendi_step step = pendi_word_continue(word, handle, limit);

	if (!step.result && step.word & PENDI_WORD_REQ) {
		step.word = pendi_word_begin_rerun(step.word);
		step.duty = PENDI_DUTY_RERUN;
	}
	return step;
}

static struct pendi_step accepts_again(uint64_t word, uint64_t handle, uint32_t verdict,
				       uint32_t origin)
{
	const struct pendi_step step = pendi_word_complete(word, handle, verdict, origin);

	return step.result == -EALREADY && pendi_word_state(word) == PENDI_SLOT_COMPLETING
		       ? pendi_step_decide(word, verdict, origin)
		       : step;
}

static struct pendi_step completes_during_rerun(uint64_t word, uint64_t handle, uint32_t verdict,
						uint32_t origin)
{
	return pendi_word_state(word) == PENDI_SLOT_RERUN &&
			       pendi_word_same_generation(word, handle)
		       ? pendi_step_decide(word, verdict, origin)
		       : pendi_word_complete(word, handle, verdict, origin);
}

static struct pendi_step ignores_generation(uint64_t word, uint64_t handle, uint32_t verdict,
					    uint32_t origin)
{
	(void)handle;
	return pendi_word_complete(word, word, verdict, origin);
}

static struct pendi_step forgets_what_was_decided(uint64_t word, uint32_t verdict, uint32_t origin)
{
	return pendi_word_rerun_exit(word & ~(PENDI_WORD_VERDICT_MASK | PENDI_WORD_ORIGIN_MASK),
				     verdict, origin);
}

static struct pendi_step keeps_no_duty(uint64_t word, uint32_t verdict, uint32_t origin)
{
	struct pendi_step step = pendi_word_frame_exit(word, verdict, origin);

	if (pendi_word_state(word) == PENDI_SLOT_COMPLETING)
		step.duty = PENDI_DUTY_NONE;
	return step;
}

static struct pendi_step forgets_request(uint64_t word, uint32_t verdict, uint32_t origin)
{
	struct pendi_step step = pendi_word_frame_exit(word, verdict, origin);

	if (step.duty == PENDI_DUTY_RERUN)
		step.duty = PENDI_DUTY_NONE;
	return step;
}

static struct pendi_step counts_no_rerun(uint64_t word, uint64_t handle, uint32_t limit)
{
	struct pendi_step step = pendi_word_continue(word, handle, limit);

	if (!step.result)
		step.word -= UINT64_C(1) << PENDI_WORD_RERUNS_SHIFT;
	return step;
}

static struct pendi_step claims_again(uint64_t word)
{
	return pendi_word_claim(word & ~PENDI_WORD_CLAIMED);
}

static struct pendi_step claims_although_framed(uint64_t word)
{
	return pendi_word_claim(word & ~PENDI_WORD_FRAME);
}

static struct pendi_step claims_without_trace(uint64_t word)
{
	struct pendi_step step = pendi_word_claim(word);

	if (!step.result)
		step.word &= ~PENDI_WORD_CLAIMED;
	return step;
}

static struct pendi_step runs_although_decided(uint64_t word)
{
	if (pendi_word_state(word) != PENDI_SLOT_RERUN || word & PENDI_WORD_CLAIMED)
		return pendi_word_claim(word);
	return (struct pendi_step){ word | PENDI_WORD_CLAIMED, 0, PENDI_DUTY_RERUN };
}

static struct pendi_step pends_claimed(uint64_t word, uint32_t verdict, uint32_t origin)
{
	struct pendi_step step = pendi_word_rerun_exit(word, verdict, origin);

	step.word |= word & PENDI_WORD_CLAIMED;
	return step;
}

static struct pendi_step decides_unclaimed(uint64_t word, uint32_t verdict, uint32_t origin)
{
	struct pendi_step step = pendi_word_rerun_exit(word, verdict, origin);

	step.word &= ~PENDI_WORD_CLAIMED;
	return step;
}

static struct pendi_step stages_past_continue(uint64_t word, uint64_t handle, uint32_t limit)
{
	struct pendi_step step = pendi_word_continue(word, handle, limit);

	step.word |= word & PENDI_WORD_STAGED_MASK;
	return step;
}

static struct pendi_step stages_by_completing(uint64_t word, uint64_t handle, uint32_t verdict)
{
	return pendi_word_complete(word, handle, verdict, 4);
}

static uint64_t stays_in_generation(uint64_t word)
{
	return word & PENDI_WORD_GENERATION_MASK;
}

static uint64_t does_nothing(uint64_t word)
{
	return word;
}

static void plant_1(struct transitions *t)
{
	t->complete = completes_although_framed;
}

static void plant_2(struct transitions *t)
{
	t->proceed = reruns_although_framed;
}

static void plant_3(struct transitions *t)
{
	t->complete = accepts_again;
}

static void plant_4(struct transitions *t)
{
	t->finish = stays_in_generation;
}

static void plant_5(struct transitions *t)
{
	t->rerun_exit = forgets_what_was_decided;
}

static void plant_6(struct transitions *t)
{
	t->complete = completes_during_rerun;
}

static void plant_7(struct transitions *t)
{
	t->complete = ignores_generation;
}

static void plant_8(struct transitions *t)
{
	t->frame_exit = keeps_no_duty;
}

static void plant_9(struct transitions *t)
{
	t->frame_exit = forgets_request;
}

static void plant_10(struct transitions *t)
{
	t->proceed = counts_no_rerun;
}

static void plant_11(struct transitions *t)
{
	t->lose = does_nothing;
}

static void plant_12(struct transitions *t)
{
	t->disarm = stays_in_generation;
}

static void plant_13(struct transitions *t)
{
	t->claim = claims_again;
}

static void plant_14(struct transitions *t)
{
	t->claim = claims_although_framed;
}

static void plant_15(struct transitions *t)
{
	t->rerun_exit = pends_claimed;
}

static void plant_16(struct transitions *t)
{
	t->finishes_unclaimed = true;
}

static void plant_17(struct transitions *t)
{
	t->claim = runs_although_decided;
}

static void plant_18(struct transitions *t)
{
	t->proceed = stages_past_continue;
}

static void plant_19(struct transitions *t)
{
	t->gives_up = true;
}

static void plant_20(struct transitions *t)
{
	t->claim = claims_without_trace;
}

static void plant_21(struct transitions *t)
{
	t->rerun_exit = decides_unclaimed;
}

static void plant_22(struct transitions *t)
{
	t->stage = stages_by_completing;
}

static const struct mutant mutants[] = {
	{ "a completion is carried out although the frame is open", 'B', MANNER_DIRECT, 0, 0,
	  ENOUGH, plant_1 },
	{ "the program runs again although the frame is open", 'B', MANNER_DIRECT, 0, 0, ENOUGH,
	  plant_2 },
	{ "a second completion is accepted", 'A', MANNER_DIRECT, 0, 0, ENOUGH, plant_3 },
	{ "the generation stays when the slot is freed", 'A', MANNER_DIRECT, 0, 0, ENOUGH,
	  plant_4 },
	{ "a verdict given during a re-run is forgotten", 'A', MANNER_DIRECT, 0, 0, ENOUGH,
	  plant_5 },
	{ "a completion is carried out during a re-run", 'B', MANNER_DIRECT, 0, 0, ENOUGH,
	  plant_6 },
	{ "an old handle decides", 'A', MANNER_DIRECT, 0, 0, ENOUGH, plant_7 },
	{ "the frame's exit leaves the completion to nobody", 'A', MANNER_DIRECT, 0, 0, ENOUGH,
	  plant_8 },
	{ "the frame's exit leaves the re-run to nobody", 'A', MANNER_DIRECT, 0, 0, ENOUGH,
	  plant_9 },
	{ "re-runs are not counted", 'A', MANNER_DIRECT, 0, 0, ENOUGH, plant_10 },
	{ "a rival is not set to LOST", 'A', MANNER_DIRECT, 2, 3, 0, plant_11 },
	{ "the generation stays when an attempt is withdrawn", 'A', MANNER_DIRECT, 3, 2, 1,
	  plant_12 },
	{ "what is claimed is claimed again", 'A', MANNER_LOOKS, 0, 0, ENOUGH, plant_13 },
	{ "it is claimed although the frame is open", 'B', MANNER_LOOKS, 0, 0, ENOUGH, plant_14 },
	{ "a re-run that pends again stays claimed", 'A', MANNER_HINTS, 0, 0, ENOUGH, plant_15 },
	{ "who decides finishes, and pushes a hint as well", 'A', MANNER_HINTS, 0, 0, ENOUGH,
	  plant_16 },
	{ "the program runs although it was decided before", 'A', MANNER_LOOKS, 0, 0, ENOUGH,
	  plant_17 },
	{ "a staged verdict outlives a continue", 'A', MANNER_DIRECT, 0, 0, ENOUGH, plant_18 },
	{ "a claim is not tried again when its CAS failed", 'A', MANNER_HINTS, 0, 0, ENOUGH,
	  plant_19 },
	{ "a claim leaves no trace", 'A', MANNER_LOOKS, 0, 0, ENOUGH, plant_20 },
	{ "a re-run that decided is not claimed any more", 'A', MANNER_LOOKS, 0, 0, ENOUGH,
	  plant_21 },
	{ "to stage a verdict decides", 'A', MANNER_DIRECT, 0, 0, ENOUGH, plant_22 },
};

uint32_t word_mutants_run(uint32_t *planted)
{
	uint32_t survived = 0;

	*planted = sizeof(mutants) / sizeof(mutants[0]);
	for (uint32_t i = 0; i < *planted; i++) {
		const struct mutant *mutant = &mutants[i];
		struct transitions transitions = word_transitions;
		struct findings found = { .enough = mutant->enough };

		mutant->plant(&transitions);
		if (mutant->inserters)
			word_contest_explore(&transitions, mutant->inserters, mutant->attempts,
					     &found);
		else
			word_model_explore(&transitions, mutant->manner, &found);

		const uint64_t violations = mutant->guarantee == 'A' ? found.violations_a
								     : found.violations_b;

		printf("# %s: [%c] %s (word: %" PRIu64 " violations)\n",
		       violations ? "killed" : "SURVIVED", mutant->guarantee, mutant->name,
		       violations);
		survived += !violations;
	}
	return survived;
}
