/* SPDX-License-Identifier: MIT */
/*
 * word_look.c - the lookers of an engine: executor and rescuer, in the exploration of one
 * operation (word_model.c).
 *
 *	a look:  load the word -> CAS to +claimed -> finish                        | free
 *	              ^  |            | failed       or run the program -> CAS: pend again
 *	              |  +- nothing   |                                    or finish, free
 *	              +---------------+
 *
 * With hints a look takes one away, and there is one for each duty. Otherwise looks come out of
 * nothing, at any time and any number: of hints served twice, of hints about an operation long
 * gone, of the deadline; and then no hint is ever pushed, as if everybody stalled before it.
 */
#include "word_model.h"

#include <string.h>

static bool holds(const struct model *m, uint32_t i)
{
	return m->stage[i] >= STAGE_CARRY;
}

uint32_t lookers_holding(const struct model *m)
{
	return (uint32_t)holds(m, LOOKER_0) + (uint32_t)holds(m, LOOKER_1);
}

uint32_t lookers_claiming(const struct model *m)
{
	return (uint32_t)(m->stage[LOOKER_0] == STAGE_SWAP) +
	       (uint32_t)(m->stage[LOOKER_1] == STAGE_SWAP);
}

bool lookers_frozen(const struct model *m)
{
	return m->stage[LOOKER_0] == STAGE_FROZEN || m->stage[LOOKER_1] == STAGE_FROZEN;
}

void lookers_sort(struct model *m)
{
	const struct model old = *m;

	if (m->stage[LOOKER_0] > m->stage[LOOKER_1] ||
	    (m->stage[LOOKER_0] == m->stage[LOOKER_1] &&
	     (m->loaded[LOOKER_0] > m->loaded[LOOKER_1] ||
	      (m->loaded[LOOKER_0] == m->loaded[LOOKER_1] &&
	       m->duty[LOOKER_0] >= m->duty[LOOKER_1]))))
		return;
	m->stage[LOOKER_0] = old.stage[LOOKER_1];
	m->stage[LOOKER_1] = old.stage[LOOKER_0];
	m->loaded[LOOKER_0] = old.loaded[LOOKER_1];
	m->loaded[LOOKER_1] = old.loaded[LOOKER_0];
	m->duty[LOOKER_0] = old.duty[LOOKER_1];
	m->duty[LOOKER_1] = old.duty[LOOKER_0];
}

static void rest(struct model *m, enum actor actor)
{
	m->loaded[actor] = 0;
	m->duty[actor] = 0;
	m->stage[actor] = STAGE_ABSENT;
}

static void look(const struct exploration *x, struct model *m, enum actor actor)
{
	rest(m, actor);
	if (x->transitions->claim(m->word).result)
		return;
	m->loaded[actor] = m->word;
	m->stage[actor] = STAGE_SWAP;
}

static void claim(struct exploration *x, struct model *m, enum actor actor)
{
	const struct pendi_step step = x->transitions->claim(m->loaded[actor]);

	if (m->word != m->loaded[actor]) {
		if (x->transitions->gives_up)
			rest(m, actor);
		else
			look(x, m, actor);
		return;
	}
	model_need(x, step.duty != PENDI_DUTY_RERUN || !m->accepted, 'A',
		   "the program is to run again although it is decided", m);
	m->word = step.word;
	m->loaded[actor] = 0;
	m->duty[actor] = (uint8_t)step.duty;
	m->stage[actor] = STAGE_CARRY;
}

static void load_exit(struct exploration *x, struct model *m, enum actor actor)
{
	m->loaded[actor] = m->word;
	m->stage[actor] = STAGE_RUN_SWAP;
	if (!model_rerun_exit(x, m, actor).result)
		return;
	model_need(x, false, 'A', "the end of a re-run is refused", m);
	m->rerun_running = 0;
	rest(m, actor);
}

static void act(struct exploration *x, struct model *m, enum actor actor)
{
	switch (m->stage[actor]) {
	case STAGE_SWAP:
		claim(x, m, actor);
		break;
	case STAGE_CARRY:
		model_begin_action(x, m);
		m->duty[actor] = 0;
		m->stage[actor] = STAGE_ACT;
		break;
	case STAGE_RUN_SWAP:
		if (m->word == m->loaded[actor]) {
			model_accept(x, m, actor, model_rerun_exit(x, m, actor));
			break;
		} /* else the failed swap has loaded it again */
		load_exit(x, m, actor);
		break;
	case STAGE_RUN:
		load_exit(x, m, actor);
		break;
	default:
		model_end_action(x, m);
		rest(m, actor);
		break;
	}
}

static void visit_runs(struct exploration *x, const struct model *m, enum actor actor,
		       double *paths)
{
	for (uint32_t returns = 0; returns <= 2; returns += 2) {
		struct model next = *m;

		model_begin_rerun(x, &next, returns);
		next.duty[actor] = 0;
		next.stage[actor] = STAGE_RUN;
		model_follow(x, &next, paths);
	}
}

/* A look that finds nothing, and had no hint to take away, is no step. */
static void visit_look(struct exploration *x, const struct model *m, enum actor actor,
		       double *paths)
{
	struct model next = *m;

	if (x->manner == MANNER_HINTS && !m->hints)
		return;
	if (x->manner == MANNER_HINTS)
		next.hints--;
	look(x, &next, actor);
	if (memcmp(&next, m, sizeof(next)) != 0)
		model_follow(x, &next, paths);
}

void looker_visit(struct exploration *x, const struct model *m, enum actor actor, double *paths)
{
	struct model next = *m;

	if (m->stage[actor] == STAGE_FROZEN)
		return;
	if (m->stage[actor] == STAGE_ABSENT) {
		visit_look(x, m, actor, paths);
	} else if (m->stage[actor] == STAGE_CARRY && m->duty[actor] == PENDI_DUTY_RERUN) {
		visit_runs(x, m, actor, paths);
	} else {
		act(x, &next, actor);
		model_follow(x, &next, paths);
	}
	if (x->freezes && holds(m, actor) && !lookers_frozen(m)) {
		next = *m;
		rest(&next, actor);
		next.stage[actor] = STAGE_FROZEN;
		model_follow(x, &next, paths);
	}
}
