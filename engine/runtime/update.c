/* SPDX-License-Identifier: MIT */
/*
 * update.c - replacing the program of a link in one step (F89 to F92, guarantee G).
 *
 *	memory -> [mutex: is it the expected one? next chain, same place] -> publish
 *	       -> the old attachment is dropped, its operations treated as asked
 *
 * The chain with the new program follows the one with the old by one store. An invocation reads one
 * chain, so it runs one of the two; there is no chain with neither. The link, its id and its place
 * stay. Whatever can fail does so before that store.
 */
#include "engine/object/options.h"
#include "engine/runtime/runtime_internal.h"

/* sizeof(struct pend_link_update_options) in the first version. */
#define UPDATE_OPTIONS_SIZE_FIRST sizeof(struct pend_link_update_options)

struct update_step {
	struct pend_link *link;
	struct pend_program *program;
	const struct pend_link_update_options *options;
	struct pendi_attachment *fresh;
	struct pendi_chain *next;
	/* Out: what the step took out. */
	struct pendi_attachment *old;
	struct pendi_chain *old_chain;
};

static int read_update_options(struct pend_link_update_options *into,
			       const struct pend_link_update_options *from)
{
	const int error =
		from ? pendi_options_read(into, sizeof(*into), UPDATE_OPTIONS_SIZE_FIRST, from) : 0;

	if (error)
		return error;
	if (into->flags & PEND_LINK_REPLACE && !into->old_program)
		return -EFAULT;
	if (into->flags & ~(uint32_t)(PEND_LINK_REPLACE | PEND_LINK_WAIT) || into->reserved ||
	    (!(into->flags & PEND_LINK_REPLACE) && into->old_program) ||
	    (uint32_t)into->outstanding > PEND_OUTSTANDING_COMPLETE)
		return -EINVAL;
	return into->flags & PEND_LINK_WAIT ? pendi_link_may_wait() : 0;
}

/* 0, or why the program cannot take the link's place. Under the mutex. */
static int check_update(const struct update_step *step)
{
	const struct pend_link *link = step->link;
	const struct pend_program *program = step->program;
	int error;

	if (!link->attachment)
		return -ENOLINK;
	error = pendi_link_check(program, &link->attachment->program->type_id, &link->attach_type,
				 &link->object.name_space);
	if (error)
		return error;
	if (step->options->flags & PEND_LINK_REPLACE &&
	    link->attachment->program != step->options->old_program)
		return -EPERM;
	if (link->hook->flags & PEND_HOOK_EXCLUSIVE_PENDER && program->may_pend &&
	    pendi_chain_has_pender(pendi_chain_of(link->hook), link->attachment))
		return -EBUSY;
	return 0;
}

/* Under the mutex. */
static void take_place(struct update_step *step)
{
	struct pend_link *link = step->link;

	step->old = link->attachment;
	link->updates++;
	pendi_attachment_enlist(step->fresh);
	step->old->program->attached--;
	if (step->options->outstanding == PEND_OUTSTANDING_HAND_OVER)
		pendi_attachment_hand_over(step->old, step->fresh);
	step->old_chain = pendi_chain_publish(link->hook, step->next, step->old, step->fresh);
}

/* 0 or an error, after which nothing has changed. */
static int replace_program(struct update_step *step)
{
	struct pend_runtime *runtime = step->link->runtime;
	int error;

	step->fresh = pendi_attachment_create(step->program, step->link);
	step->next = pendi_chain_create(runtime);
	error = step->fresh && step->next ? 0 : -ENOMEM;
	if (!error) {
		pthread_mutex_lock(&runtime->cleaner.mutex);
		error = check_update(step);
		if (!error)
			take_place(step);
		pthread_mutex_unlock(&runtime->cleaner.mutex);
	}
	if (error) {
		if (step->fresh)
			pendi_attachment_discard(step->fresh);
		pendi_chain_free(step->next);
		return error;
	}
	pendi_chain_retire(step->old_chain);
	return 0;
}

int pend_link_update(struct pend_link *link, struct pend_program *program,
		     struct pend_link_update_options *options)
{
	struct pend_link_update_options given = { 0 };
	struct update_step step = { .link = link, .program = program, .options = &given };
	uint64_t before, after = 0;
	int error;

	if (!link)
		return -EFAULT;
	error = program ? read_update_options(&given, options) : -EFAULT;
	if (!error)
		error = replace_program(&step);
	if (error)
		return pendi_registry_refuse(&link->runtime->registry, PENDI_REFUSED_LINK, error);
	if (given.flags & PEND_LINK_WAIT) {
		/* Those that run it now have not returned yet; then they will have, and no others. */
		before = pendi_attachment_returns_exactly(step.old);
		pendi_attachment_drop_waiting(step.old, given.outstanding, &after);
		options->waited = after - before;
	} else {
		pendi_attachment_drop(step.old, given.outstanding);
	}
	pendi_cleaner_run(link->runtime);
	return error;
}
