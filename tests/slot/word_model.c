/* SPDX-License-Identifier: MIT */
/*
 * word_model.c - one operation, and every interleaving of those who act on it.
 *
 * The slot has been used before. Its operation is pended under an open hook frame. Then these act,
 * in every order and in every combination, each in the steps in which the library acts (load the
 * word and work out the next one; compare-and-swap; carry out the duty):
 *
 *	the frame	exits, with PEND or with a verdict
 *	completers	A, B and the expiry
 *	continuers	two
 *	a latecomer	with the handle of the operation before
 *	the worker	runs the program again: it pends again or decides
 *	the executor	begins the completion action, ends it, frees the slot
 *	the next pender	takes the slot for another operation once it is free
 *
 * The word is moved by the functions under test alone. What must hold is judged by ghosts that
 * read no field of it: whether the frame is open, the program runs, the action runs; who was told
 * that his verdict was accepted; how many duties there are.
 */
#include "word_exhaustive.h"

#include <errno.h>
#include <string.h>

#include "tests/support/check.h"

enum actor {
	FRAME,
	COMPLETE_A,
	COMPLETE_B,
	EXPIRE,
	CONTINUE_A,
	CONTINUE_B,
	LATECOMER,
	WORKER,
	ACTORS,
};

enum stage {
	STAGE_ABSENT = 0, /* or done */
	STAGE_LOAD,
	STAGE_SWAP,
	STAGE_CARRY,
};

enum { RERUNS_MOST = 2, CHOICES = 6 };

/* Padded with nothing: states are compared as bytes. */
struct model {
	uint64_t word;
	uint64_t handle;         /* of the operation under test */
	uint64_t loaded[ACTORS]; /* in STAGE_SWAP, else 0 */
	uint8_t stage[ACTORS];
	uint8_t duty[ACTORS]; /* in STAGE_CARRY, else 0 */
	uint8_t returns;      /* the verdict of the re-run in progress */
	uint8_t frame_open;   /* ghosts from here on */
	uint8_t finish_queued;
	uint8_t rerun_queued;
	uint8_t rerun_running;
	uint8_t action_running;
	uint8_t accepted; /* terminal requests that were told so */
	uint8_t verdict;  /* of the first of them */
	uint8_t origin;
	uint8_t completions;
	uint8_t next_pended; /* another operation is in the slot */
	uint8_t reruns;      /* begun */
	uint8_t padding[4];
};

_Static_assert(sizeof(struct model) == 16 + 8 * ACTORS + 2 * ACTORS + 16, "no hidden padding");

struct exploration {
	const struct transitions *transitions;
	struct findings *findings;
	struct state_set seen;
	uint32_t frame_verdict;
	uint32_t rerun_limit;
	double paths; /* of the state visited last */
};

struct request {
	uint32_t verdict, origin;
};

/* Verdict and origin that an actor asks for; each is told apart from the others. */
static struct request request_of(const struct exploration *x, enum actor actor,
				 const struct model *m)
{
	switch (actor) {
	case FRAME:
		return (struct request){ x->frame_verdict, 5 };
	case WORKER:
		return (struct request){ m->returns, 6 };
	case EXPIRE:
		return (struct request){ 3, 3 };
	case COMPLETE_A:
		return (struct request){ 1, 1 };
	case COMPLETE_B:
		return (struct request){ 2, 2 };
	default:
		return (struct request){ 1, 7 };
	}
}

static struct pendi_step next_step(const struct exploration *x, const struct model *m,
				   enum actor actor)
{
	const struct request r = request_of(x, actor, m);
	const uint64_t word = m->loaded[actor];

	switch (actor) {
	case FRAME:
		return x->transitions->frame_exit(word, r.verdict, r.origin);
	case WORKER:
		return x->transitions->rerun_exit(word, r.verdict, r.origin);
	case CONTINUE_A:
	case CONTINUE_B:
		return x->transitions->resume(word, m->handle, x->rerun_limit);
	case LATECOMER:
		return x->transitions->complete(word, m->handle - PENDI_WORD_GENERATION_ONE,
						r.verdict, r.origin);
	default:
		return x->transitions->complete(word, m->handle, r.verdict, r.origin);
	}
}

static void need(struct exploration *x, bool holds, char letter, const char *what,
		 const struct model *m)
{
	if (!holds)
		violation(x->findings, letter, what, m->word);
}

/* An actor is told no. */
static void refused(struct exploration *x, struct model *m, enum actor actor, int result)
{
	need(x, actor != FRAME && actor != WORKER, 'A', "the frame or the worker is refused", m);
	if (actor == COMPLETE_A || actor == COMPLETE_B || actor == EXPIRE) {
		need(x, m->accepted > 0, 'A', "a completion is refused, and none was accepted", m);
		need(x, result != -ENOENT || m->completions, 'A', "a live operation is denied", m);
	}
	need(x, actor != LATECOMER || result == -ENOENT, 'A', "an old handle is known", m);
	m->stage[actor] = STAGE_ABSENT;
	m->loaded[actor] = 0;
}

/* An actor's compare-and-swap succeeded. */
static void accepted(struct exploration *x, struct model *m, enum actor actor,
		     struct pendi_step step)
{
	const struct request r = request_of(x, actor, m);
	const bool asks = actor == COMPLETE_A || actor == COMPLETE_B || actor == EXPIRE;
	const bool decides = (actor == FRAME || actor == WORKER) && r.verdict && !m->accepted;

	need(x, actor != LATECOMER, 'A', "an old handle decided", m);
	need(x, !m->next_pended, 'A', "a handle decided the operation after its own", m);
	need(x, !m->completions, 'A', "accepted after the completion", m);
	if (asks || decides) {
		if (!m->accepted) {
			m->verdict = (uint8_t)r.verdict;
			m->origin = (uint8_t)r.origin;
		}
		m->accepted++;
	}
	if (actor == FRAME)
		m->frame_open = 0;
	if (actor == WORKER)
		m->rerun_running = 0;
	m->word = step.word;
	m->loaded[actor] = 0;
	m->duty[actor] = (uint8_t)step.duty;
	m->stage[actor] = step.duty ? STAGE_CARRY : STAGE_ABSENT;
}

static void work_out(struct exploration *x, struct model *m, enum actor actor)
{
	m->loaded[actor] = m->word;

	const struct pendi_step step = next_step(x, m, actor);

	if (step.result)
		refused(x, m, actor, step.result);
	else
		m->stage[actor] = STAGE_SWAP;
}

static void act(struct exploration *x, struct model *m, enum actor actor)
{
	switch (m->stage[actor]) {
	case STAGE_LOAD:
		work_out(x, m, actor);
		break;
	case STAGE_SWAP:
		if (m->word == m->loaded[actor])
			accepted(x, m, actor, next_step(x, m, actor));
		else /* the failed swap has loaded it again */
			work_out(x, m, actor);
		break;
	default:
		if (m->duty[actor] == PENDI_DUTY_FINISH)
			m->finish_queued++;
		else
			m->rerun_queued++;
		m->duty[actor] = 0;
		m->stage[actor] = STAGE_ABSENT;
		break;
	}
}

static void begin_rerun(struct exploration *x, struct model *m, uint32_t returns)
{
	need(x, !m->frame_open, 'B', "a re-run while the frame is open", m);
	need(x, !m->rerun_running, 'B', "two re-runs at once", m);
	need(x, !m->action_running, 'B', "a re-run during the completion", m);
	need(x, !m->completions, 'A', "a re-run after the completion", m);
	need(x, m->reruns < x->rerun_limit, 'A', "more re-runs than allowed", m);
	m->rerun_queued--;
	m->reruns++;
	if (m->rerun_running)
		return;
	m->rerun_running = 1;
	m->returns = (uint8_t)returns;
	m->stage[WORKER] = STAGE_LOAD;
}

static void begin_action(struct exploration *x, struct model *m)
{
	need(x, !m->frame_open, 'B', "completed while the frame is open", m);
	need(x, !m->rerun_running, 'B', "completed while the program runs again", m);
	need(x, !m->completions && !m->action_running, 'A', "completed twice", m);
	need(x, m->accepted == 1, 'A', "not exactly one verdict was accepted", m);
	need(x, pendi_word_verdict(m->word) == m->verdict, 'A', "another verdict is delivered", m);
	need(x, pendi_word_origin(m->word) == m->origin, 'A', "another origin is delivered", m);
	need(x, pendi_word_state(m->word) == PENDI_SLOT_COMPLETING, 'A', "not COMPLETING", m);
	m->finish_queued--;
	m->action_running++;
}

static void end_action(struct exploration *x, struct model *m)
{
	m->action_running--;
	m->completions++;
	m->word = x->transitions->finish(m->word);
}

static void pend_next(struct model *m)
{
	m->next_pended = 1;
	m->word = pendi_word_publish(pendi_word_arm(m->word), false);
}

static bool can_pend_next(const struct model *m)
{
	return m->completions && !m->next_pended && pendi_word_state(m->word) == PENDI_SLOT_FREE;
}

/* At most one duty, and exactly one where the word says that there is something to do. */
static void check_duties(struct exploration *x, const struct model *m)
{
	uint32_t finish = m->finish_queued + m->action_running;
	uint32_t rerun = m->rerun_queued + m->rerun_running;

	for (uint32_t i = 0; i < ACTORS; i++) {
		finish += m->duty[i] == PENDI_DUTY_FINISH;
		rerun += m->duty[i] == PENDI_DUTY_RERUN;
	}
	need(x, finish + rerun <= 1, 'A', "two duties", m);
	if (m->next_pended || m->completions)
		return;
	need(x, finish || m->frame_open || pendi_word_state(m->word) != PENDI_SLOT_COMPLETING, 'A',
	     "nobody is to complete", m);
	need(x, rerun || pendi_word_state(m->word) != PENDI_SLOT_RERUN, 'A', "nobody is to re-run",
	     m);
}

/* Nobody can do anything more. */
static void check_last(struct exploration *x, const struct model *m)
{
	x->findings->last_states++;
	if (m->completions) {
		need(x, m->completions == 1, 'A', "completions at the end", m);
		need(x, m->next_pended, 'A', "the slot was not freed", m);
		need(x, pendi_word_state(m->word) == PENDI_SLOT_PENDING, 'A',
		     "the next operation is not as it was pended", m);
		return;
	}

	const struct pendi_step step = x->transitions->complete(m->word, m->handle, 3, 3);

	need(x, !m->accepted, 'A', "accepted and never completed", m);
	need(x, step.result == 0 && step.duty == PENDI_DUTY_FINISH, 'A', "expiry cannot finish it",
	     m);
}

static void visit(struct exploration *x, const struct model *m);

/* Visits what @m became, and adds the paths from there. */
static void follow(struct exploration *x, const struct model *m, double *paths)
{
	x->findings->steps++;
	visit(x, m);
	*paths += x->paths;
}

static double visit_successors(struct exploration *x, const struct model *m)
{
	double paths = 0;
	struct model next;

	for (uint32_t i = 0; i < ACTORS; i++) {
		if (m->stage[i] == STAGE_ABSENT)
			continue;
		next = *m;
		act(x, &next, (enum actor)i);
		follow(x, &next, &paths);
	}
	for (uint32_t returns = 0; m->rerun_queued && returns <= 2; returns += 2) {
		next = *m;
		begin_rerun(x, &next, returns);
		follow(x, &next, &paths);
	}
	if (m->finish_queued) {
		next = *m;
		begin_action(x, &next);
		follow(x, &next, &paths);
	}
	if (m->action_running) {
		next = *m;
		end_action(x, &next);
		follow(x, &next, &paths);
	}
	if (can_pend_next(m)) {
		next = *m;
		pend_next(&next);
		follow(x, &next, &paths);
	}
	return paths;
}

static void visit(struct exploration *x, const struct model *m)
{
	bool added;

	double *const entry = state_set_add(&x->seen, m, &added);

	x->paths = *entry;
	if (!added) {
		need(x, x->paths >= 0, 'A', "they go round in a circle", m);
		return;
	}
	*entry = PATHS_UNDER_WAY;
	x->findings->states++;
	check_duties(x, m);

	const uint64_t steps_before = x->findings->steps;

	x->paths = visit_successors(x, m);
	if (x->findings->steps == steps_before) {
		check_last(x, m);
		x->paths = 1;
	}
	*state_set_add(&x->seen, m, &added) = x->paths;
}

/* One combination of actors. */
static void explore(struct exploration *x, uint32_t choice)
{
	static const enum actor optional[CHOICES] = { COMPLETE_A, COMPLETE_B, EXPIRE,
						      CONTINUE_A, CONTINUE_B, LATECOMER };
	/* The operation before, completed by its frame's exit. */
	const uint64_t before = pendi_word_publish(pendi_word_arm(0), true);
	const uint64_t free_again = pendi_word_finish(pendi_word_frame_exit(before, 1, 0).word);
	struct model m = { .frame_open = 1 };

	m.word = pendi_word_publish(pendi_word_arm(free_again), true);
	m.handle = pendi_handle_make(m.word, 3);
	m.stage[FRAME] = STAGE_LOAD;
	for (uint32_t i = 0; i < CHOICES; i++)
		if (choice >> i & 1)
			m.stage[optional[i]] = STAGE_LOAD;
	state_set_init(&x->seen, sizeof(struct model));
	visit(x, &m);
	x->findings->interleavings += x->paths;
	state_set_fini(&x->seen);
}

void word_model_explore(const struct transitions *transitions, struct findings *findings)
{
	struct exploration x = { .transitions = transitions, .findings = findings };

	/* As many re-runs as there are continuers, and one fewer, so that the limit is met. */
	for (x.rerun_limit = 1; x.rerun_limit <= RERUNS_MOST; x.rerun_limit++)
		for (x.frame_verdict = 0; x.frame_verdict <= 3; x.frame_verdict += 3)
			for (uint32_t choice = 0; choice < 1u << CHOICES; choice++)
				explore(&x, choice);
}
