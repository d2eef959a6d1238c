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
 *	the stager	stages a verdict, then completes with what is staged, or BLOCK
 *	the next pender	takes the slot for another operation once it is free
 *
 * A duty is carried out in one of three manners:
 *
 *	directly	by who has it, as in a map without an engine: the worker runs the program,
 *			the executor the completion action
 *	by hints	the duty is to push a hint; two lookers serve hints (word_look.c). One hint
 *			is there from the beginning, stale. The expiry looks at the slot whether
 *			or not it decided. The next operation is completed as well.
 *	by looks	no hint is ever pushed, as if all who decide stalled for ever before that;
 *			but the two look at any time, as if for a deadline, a stale hint or one
 *			served twice. One of them may stop for ever with what it has claimed.
 *
 * The word is moved by the functions under test alone. What must hold is judged by ghosts that
 * read no field of it: whether the frame is open, the program runs, the action runs; who was told
 * that his verdict was accepted; how many duties there are.
 */
#include "word_model.h"

#include <errno.h>
#include <string.h>

#include "tests/support/check.h"

enum { RERUNS_MOST = 2, CHOICES = 7, STAGED = 2, BLOCK = 3 };

struct request {
	uint32_t verdict, origin;
};

/* Verdict and origin that an actor asks for; each is told apart from the others. */
static struct request request_of(const struct exploration *x, enum actor actor,
				 const struct model *m)
{
	const uint32_t staged = pendi_word_staged(m->loaded[STAGER]);

	switch (actor) {
	case FRAME:
		return (struct request){ x->frame_verdict, 5 };
	case WORKER:
	case LOOKER_0:
	case LOOKER_1:
		return (struct request){ m->returns, 6 };
	case EXPIRE:
		return (struct request){ BLOCK, 3 };
	case COMPLETE_A:
	case NEXT:
		return (struct request){ 1, 1 };
	case COMPLETE_B:
		return (struct request){ 2, 2 };
	case STAGER:
		return (struct request){ staged ? staged : BLOCK, 4 };
	default:
		return (struct request){ 1, 7 };
	}
}

struct pendi_step model_rerun_exit(const struct exploration *x, const struct model *m,
				   enum actor actor)
{
	const struct request r = request_of(x, actor, m);

	return x->transitions->rerun_exit(m->loaded[actor], r.verdict, r.origin);
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
		return model_rerun_exit(x, m, actor);
	case CONTINUE_A:
	case CONTINUE_B:
		return x->transitions->proceed(word, m->handle, x->rerun_limit);
	case LATECOMER:
		return x->transitions->complete(word, m->handle - PENDI_WORD_GENERATION_ONE,
						r.verdict, r.origin);
	case NEXT:
		return x->transitions->complete(word, m->handle + PENDI_WORD_GENERATION_ONE,
						r.verdict, r.origin);
	case STAGER:
		if (!m->stager_deletes)
			return x->transitions->stage(word, m->handle, STAGED);
		return x->transitions->complete(word, m->handle, r.verdict, r.origin);
	default:
		return x->transitions->complete(word, m->handle, r.verdict, r.origin);
	}
}

void model_need(struct exploration *x, bool holds, char letter, const char *what,
		const struct model *m)
{
	if (!holds)
		violation(x->findings, letter, what, m->word);
}

static void need(struct exploration *x, bool holds, char letter, const char *what,
		 const struct model *m)
{
	model_need(x, holds, letter, what, m);
}

/* Whether what @actor wants is to decide the operation. */
static bool is_completer(const struct model *m, enum actor actor)
{
	return actor == COMPLETE_A || actor == COMPLETE_B || actor == EXPIRE ||
	       (actor == STAGER && m->stager_deletes);
}

/* An actor is told no. */
static void refused(struct exploration *x, struct model *m, enum actor actor, int result)
{
	need(x, actor != FRAME && actor != WORKER, 'A', "the frame or the worker is refused", m);
	need(x, actor != NEXT, 'A', "the completion of the next operation is refused", m);
	if (is_completer(m, actor) || actor == STAGER) {
		need(x, m->accepted > 0, 'A', "a completion is refused, and none was accepted", m);
		need(x, result != -ENOENT || m->completions, 'A', "a live operation is denied", m);
	}
	need(x, actor != LATECOMER || result == -ENOENT, 'A', "an old handle is known", m);
	if (actor == EXPIRE && x->manner == MANNER_HINTS)
		m->hints++; /* the deadline's look */
	m->stage[actor] = STAGE_ABSENT;
	m->loaded[actor] = 0;
}

static void take_duty(struct exploration *x, struct model *m, enum actor actor, uint32_t duty)
{
	/* Without hints, it is lost on who decided. */
	const bool carries = x->manner != MANNER_LOOKS || actor >= WORKER;

	m->loaded[actor] = 0;
	m->duty[actor] = carries ? (uint8_t)duty : PENDI_DUTY_NONE;
	m->stage[actor] = m->duty[actor] ? STAGE_CARRY : STAGE_ABSENT;
}

/* Notes what was decided, if it is this that decided. */
static void note_verdict(struct exploration *x, struct model *m, enum actor actor)
{
	const struct request r = request_of(x, actor, m);
	const bool runs = actor == FRAME || actor >= WORKER;

	need(x, actor != LATECOMER, 'A', "an old handle decided", m);
	need(x, !m->next_pended, 'A', "a handle decided the operation after its own", m);
	need(x, !m->completions, 'A', "accepted after the completion", m);
	need(x, actor != STAGER || r.verdict == (m->staged ? m->staged : BLOCK), 'A',
	     "completed with something else than what was staged", m);
	if (!is_completer(m, actor) && !(runs && r.verdict && !m->accepted))
		return;
	if (!m->accepted) {
		m->verdict = (uint8_t)r.verdict;
		m->origin = (uint8_t)r.origin;
	}
	m->accepted++;
}

void model_accept(struct exploration *x, struct model *m, enum actor actor, struct pendi_step step)
{
	const bool stages = actor == STAGER && !m->stager_deletes;

	if (actor == NEXT) {
		need(x, m->next_pended && !m->next_completions, 'A', "NEXT decided another", m);
		m->next_accepted++;
	} else if (!stages) {
		note_verdict(x, m, actor);
	}
	if (actor == FRAME)
		m->frame_open = 0;
	if (actor >= WORKER)
		m->rerun_running = 0;
	if (actor == CONTINUE_A || actor == CONTINUE_B)
		m->staged = 0;
	m->word = step.word;
	take_duty(x, m, actor, step.duty);
	if (actor == EXPIRE && x->manner == MANNER_HINTS && !step.duty)
		m->hints++; /* the deadline's look */
	if (stages) {
		m->staged = STAGED;
		m->stager_deletes = 1;
		m->stage[STAGER] = STAGE_LOAD;
	}
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

/* The duty: in a map of an engine, to push a hint. */
static void carry(struct exploration *x, struct model *m, enum actor actor)
{
	const bool direct = x->manner == MANNER_DIRECT || x->transitions->finishes_unclaimed;

	if (direct && m->duty[actor] == PENDI_DUTY_FINISH)
		m->finish_queued++;
	else if (x->manner == MANNER_DIRECT)
		m->rerun_queued++;
	if (x->manner == MANNER_HINTS)
		m->hints++;
	m->duty[actor] = 0;
	m->stage[actor] = STAGE_ABSENT;
}

static void act(struct exploration *x, struct model *m, enum actor actor)
{
	switch (m->stage[actor]) {
	case STAGE_LOAD:
		work_out(x, m, actor);
		break;
	case STAGE_SWAP:
		if (m->word == m->loaded[actor])
			model_accept(x, m, actor, next_step(x, m, actor));
		else /* the failed swap has loaded it again */
			work_out(x, m, actor);
		break;
	default:
		carry(x, m, actor);
		break;
	}
}

void model_begin_rerun(struct exploration *x, struct model *m, uint32_t returns)
{
	need(x, !m->frame_open, 'B', "a re-run while the frame is open", m);
	need(x, !m->rerun_running, 'B', "two re-runs at once", m);
	need(x, !m->action_running, 'B', "a re-run during the completion", m);
	need(x, !m->completions, 'A', "a re-run after the completion", m);
	need(x, m->reruns < x->rerun_limit, 'A', "more re-runs than allowed", m);
	m->reruns++;
	m->rerun_running = 1;
	m->returns = (uint8_t)returns;
}

static void begin_worker(struct exploration *x, struct model *m, uint32_t returns)
{
	const bool busy = m->rerun_running;

	model_begin_rerun(x, m, returns);
	m->rerun_queued--;
	if (!busy)
		m->stage[WORKER] = STAGE_LOAD;
}

void model_begin_action(struct exploration *x, struct model *m)
{
	const bool next = m->next_pended;

	need(x, !m->frame_open, 'B', "completed while the frame is open", m);
	need(x, !m->rerun_running, 'B', "completed while the program runs again", m);
	need(x, !(next ? m->next_completions : m->completions) && !m->action_running, 'A',
	     "completed twice", m);
	need(x, (next ? m->next_accepted : m->accepted) == 1, 'A',
	     "not exactly one verdict was accepted", m);
	need(x, pendi_word_verdict(m->word) == (next ? 1 : m->verdict), 'A',
	     "another verdict is delivered", m);
	need(x, pendi_word_origin(m->word) == (next ? 1 : m->origin), 'A',
	     "another origin is delivered", m);
	need(x, pendi_word_state(m->word) == PENDI_SLOT_COMPLETING, 'A', "not COMPLETING", m);
	m->action_running++;
}

void model_end_action(struct exploration *x, struct model *m)
{
	m->action_running--;
	if (m->next_pended)
		m->next_completions++;
	else
		m->completions++;
	m->word = x->transitions->finish(m->word);
}

static void pend_next(const struct exploration *x, struct model *m)
{
	m->next_pended = 1;
	m->word = pendi_word_publish(pendi_word_arm(m->word, PENDI_WORD_GENERATION_ONE), false);
	if (x->manner != MANNER_DIRECT)
		m->stage[NEXT] = STAGE_LOAD;
}

static bool can_pend_next(const struct model *m)
{
	return m->completions && !m->next_pended && pendi_word_state(m->word) == PENDI_SLOT_FREE;
}

/*
 * At most one duty, and exactly one where the word says that there is something to do. With hints,
 * there is at least one hint then; without them, somebody looks some time.
 */
static void check_duties(struct exploration *x, const struct model *m)
{
	const bool direct = x->manner == MANNER_DIRECT;
	uint32_t finish = 0, rerun = 0;

	for (uint32_t i = 0; i <= WORKER; i++) {
		finish += m->duty[i] == PENDI_DUTY_FINISH;
		rerun += m->duty[i] == PENDI_DUTY_RERUN;
	}
	if (direct) {
		finish += m->finish_queued + m->action_running;
		rerun += m->rerun_queued + m->rerun_running;
		need(x, finish + rerun <= 1, 'A', "two duties", m);
	} else {
		need(x, lookers_holding(m) + m->finish_queued <= 1, 'A', "two have it claimed", m);
		finish += rerun + m->hints + lookers_claiming(m) + lookers_holding(m);
		rerun = finish;
	}
	if (x->manner == MANNER_LOOKS || m->next_pended || m->completions)
		return;
	need(x, finish || m->frame_open || pendi_word_state(m->word) != PENDI_SLOT_COMPLETING, 'A',
	     "nobody is to complete", m);
	need(x, rerun || pendi_word_state(m->word) != PENDI_SLOT_RERUN, 'A', "nobody is to re-run",
	     m);
}

/* The slot was given to another operation. */
static void check_next(struct exploration *x, const struct model *m)
{
	if (x->manner == MANNER_DIRECT) {
		need(x, pendi_word_state(m->word) == PENDI_SLOT_PENDING, 'A',
		     "the next operation is not as it was pended", m);
		return;
	}
	need(x, m->next_accepted == 1, 'A', "the next operation was not decided", m);
	if (lookers_frozen(m)) {
		need(x, !m->next_completions, 'A', "completed by another than who claimed it", m);
		return;
	}
	need(x, m->next_completions == 1, 'A', "completions of the next operation", m);
	need(x, pendi_word_state(m->word) == PENDI_SLOT_FREE, 'A', "the slot was not freed", m);
}

/* Nobody can do anything more. */
static void check_last(struct exploration *x, const struct model *m)
{
	x->findings->last_states++;
	if (m->completions) {
		need(x, m->completions == 1, 'A', "completions at the end", m);
		need(x, m->next_pended, 'A', "the slot was not freed", m);
		check_next(x, m);
		return;
	}
	if (lookers_frozen(m))
		return;

	struct pendi_step step = x->transitions->complete(m->word, m->handle, BLOCK, 3);

	need(x, !m->accepted, 'A', "accepted and never completed", m);
	need(x, step.result == 0 && step.duty == PENDI_DUTY_FINISH, 'A', "expiry cannot finish it",
	     m);
	if (x->manner == MANNER_DIRECT || step.result)
		return;
	step = x->transitions->claim(step.word);
	need(x, step.result == 0 && step.duty == PENDI_DUTY_FINISH, 'A', "nobody can claim it", m);
}

static void visit(struct exploration *x, const struct model *m);

void model_follow(struct exploration *x, struct model *m, double *paths)
{
	x->findings->steps++;
	lookers_sort(m);
	visit(x, m);
	*paths += x->paths;
}

/* The worker and the executor of a map without an engine. */
static void visit_queues(struct exploration *x, const struct model *m, double *paths)
{
	struct model next;

	for (uint32_t returns = 0; m->rerun_queued && returns <= 2; returns += 2) {
		next = *m;
		begin_worker(x, &next, returns);
		model_follow(x, &next, paths);
	}
	if (m->finish_queued) {
		next = *m;
		model_begin_action(x, &next);
		next.finish_queued--;
		model_follow(x, &next, paths);
	}
	/* With an engine, a looker ends what it began. */
	if (m->action_running && lookers_holding(m) == 0) {
		next = *m;
		model_end_action(x, &next);
		model_follow(x, &next, paths);
	}
}

static double visit_successors(struct exploration *x, const struct model *m)
{
	double paths = 0;
	struct model next;

	for (uint32_t i = 0; i <= WORKER; i++) {
		if (m->stage[i] == STAGE_ABSENT)
			continue;
		next = *m;
		act(x, &next, (enum actor)i);
		model_follow(x, &next, &paths);
	}
	visit_queues(x, m, &paths);
	for (uint32_t i = LOOKER_0; i <= LOOKER_1 && x->manner != MANNER_DIRECT; i++)
		looker_visit(x, m, (enum actor)i, &paths);
	if (can_pend_next(m)) {
		next = *m;
		pend_next(x, &next);
		model_follow(x, &next, &paths);
	}
	return paths;
}

static void visit(struct exploration *x, const struct model *m)
{
	const struct findings *found = x->findings;
	bool added;

	if (found->enough && found->violations_a + found->violations_b >= found->enough)
		return;

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
	static const enum actor optional[CHOICES] = { COMPLETE_A, COMPLETE_B, EXPIRE, CONTINUE_A,
						      CONTINUE_B, LATECOMER,  STAGER };
	/* The operation before, completed by its frame's exit. */
	const uint64_t first = UINT64_C(0x2b992ddfa2) * PENDI_WORD_GENERATION_ONE;
	const uint64_t before = pendi_word_publish(pendi_word_arm(0, first), true);
	const uint64_t free_again = pendi_word_finish(pendi_word_frame_exit(before, 1, 0).word);
	struct model m = { .frame_open = 1, .hints = x->manner == MANNER_HINTS };

	m.word = pendi_word_publish(pendi_word_arm(free_again, first), true);
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

/* Whether this many act together: with lookers, or with the stager, who has two steps, not all of
 * them do. The last bit of a choice is the stager's. */
static bool is_explored(enum manner manner, uint32_t choice)
{
	static const int most[][2] = {
		[MANNER_DIRECT] = { CHOICES, 4 },
		[MANNER_HINTS] = { 4, 3 },
		[MANNER_LOOKS] = { 4, 3 },
	};

	return __builtin_popcount(choice) <= most[manner][choice >> (CHOICES - 1)];
}

void word_model_explore(const struct transitions *transitions, enum manner manner,
			struct findings *findings)
{
	struct exploration x = { .transitions = transitions,
				 .findings = findings,
				 .manner = manner,
				 .freezes = manner == MANNER_LOOKS };

	/* As many re-runs as there are continuers, and one fewer, so that the limit is met. */
	for (x.rerun_limit = 1; x.rerun_limit <= RERUNS_MOST; x.rerun_limit++)
		for (x.frame_verdict = 0; x.frame_verdict <= 3; x.frame_verdict += 3)
			for (uint32_t choice = 0; choice < 1u << CHOICES; choice++)
				if (is_explored(manner, choice))
					explore(&x, choice);
}
