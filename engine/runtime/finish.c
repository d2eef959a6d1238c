/* SPDX-License-Identifier: MIT */
/*
 * finish.c - the end of a pend: what the chain says in the end, and who is told.
 *
 *	moved:           nobody; a cancellation is passed on to where it went
 *	cancelled:       backend.owner_gone -> discard
 *	permitted:       [the rest of the chain] -> backend.complete -> reinject, or discard
 *	blocked:         backend.complete -> discard
 *	                 -> identity -> the attachment
 *
 * Called once for each pend, by the shard of the CPU that pended it (guarantee A), never while its
 * frame is open or its program runs again (guarantee B).
 *
 * The chain's verdict is the strongest of those of the programs before the pender, the decision, and,
 * in resume mode, the programs behind it: REJECT, PROCEED_HARD, PROCEED_SOFT. One of those may pend
 * again; then the operation moves, and is decided there (F35).
 *
 * Edges: AT1 (the chain, as in invoke.c).
 */
#include <string.h>

#include "engine/runtime/runtime_internal.h"
#include "platform/clock.h"

/* --- The chain's verdict --- */

static uint32_t verdict_of(enum pend_action action)
{
	switch (action) {
	case PEND_ACTION_PERMIT_SOFT:
		return PEND_VERDICT_PROCEED_SOFT;
	case PEND_ACTION_PERMIT_HARD:
		return PEND_VERDICT_PROCEED_HARD;
	default:
		return PEND_VERDICT_REJECT;
	}
}

static enum pend_action action_of(uint32_t verdict)
{
	switch (verdict) {
	case PEND_VERDICT_PROCEED_SOFT:
		return PEND_ACTION_PERMIT_SOFT;
	case PEND_VERDICT_PROCEED_HARD:
		return PEND_ACTION_PERMIT_HARD;
	default:
		return PEND_ACTION_BLOCK;
	}
}

/* Whether a program behind the pender runs for the operation. */
static bool is_resumed(const struct pendi_attachment *attachment, const struct pendi_record *record)
{
	const struct pend_link *link = attachment->link;

	if (attachment->order <= record->order)
		return false;
	if (record->hook->flags & PEND_HOOK_RESUME_KNOWN && attachment->sequence > record->sequence)
		return false;
	if (attachment->compartment != PEND_COMPARTMENT_ANY &&
	    attachment->compartment != record->compartment)
		return false;
	if (record->typed && memcmp(&link->attach_type, &record->attachment->link->attach_type,
				    sizeof(link->attach_type)) != 0)
		return false;
	return !record->filter ||
	       record->filter(record->filter_context, &link->attach_type, link->object.id);
}

/* Runs the rest of the chain: its verdict, or PEND if the operation was pended again. */
static uint32_t resume_chain(struct pendi_record *record, uint32_t aggregate)
{
	struct pendi_replay replay;
	const struct pendi_chain *chain;
	bool stop = false;

	if (pendi_replay_begin(&replay, record, PENDI_FRAME_RESUME))
		return PEND_VERDICT_REJECT;
	/* [AT1.acq] Pairs with [AT1.rel] in pendi_chain_publish(). */
	chain = pendi_load_acquire(&record->hook->chain, AT1);
	for (uint32_t i = 0; i < chain->count && !stop; i++) {
		uint32_t verdict;

		if (!is_resumed(chain->attachments[i], record))
			continue;
		replay.frame.aggregate = aggregate;
		verdict = pendi_replay_run(&replay, chain->attachments[i], &stop);
		if (replay.frame.events.pended) {
			aggregate = PEND_VERDICT_PEND;
			break;
		}
		aggregate = pendi_verdict_stronger(aggregate, verdict);
		if (aggregate == PEND_VERDICT_REJECT)
			break;
	}
	pendi_replay_end(&replay);
	return aggregate;
}

/* --- Telling the backend --- */

static PENDI_COLD void note_failed_reinjection(struct pend_runtime *runtime,
					       const struct pendi_record *record, uint64_t handle,
					       int error)
{
	const struct pend_trace trace = {
		.type = PEND_TRACE_REINJECT,
		.program_id = record->attachment->program->object.id,
		.error = error,
		.handle = handle,
	};

	pendi_runtime_count(runtime, PENDI_RUNTIME_REINJECT_FAILED, 1);
	pendi_runtime_trace(runtime, &trace);
}

static void discard_payload(const struct pendi_record *record)
{
	const struct pend_hook *hook = record->hook;

	if (record->payload.data)
		hook->backend->discard(hook->backend_context, &record->payload);
}

static void tell_completed(struct pend_runtime *runtime, struct pendi_record *record,
			   const struct pend_completion *completion)
{
	const struct pend_hook *hook = record->hook;
	const struct pend_backend *backend = hook->backend;
	int error;

	backend->complete(hook->backend_context, record->operation, completion);
	if (completion->action == PEND_ACTION_BLOCK || !record->payload.data) {
		discard_payload(record);
		return;
	}
	error = backend->reinject(hook->backend_context, record->operation, &record->payload);
	if (error) {
		note_failed_reinjection(runtime, record, completion->handle, error);
		discard_payload(record);
	}
}

static void tell_cancelled(struct pend_runtime *runtime, struct pendi_record *record)
{
	const struct pend_hook *hook = record->hook;

	hook->backend->owner_gone(hook->backend_context, record->operation);
	discard_payload(record);
	pendi_runtime_count(runtime, PENDI_RUNTIME_CANCELLED, 1);
}

/* --- The end --- */

/* F93: how long operations were pended, by powers of two. */
static void count_age(struct pend_runtime *runtime, const struct pendi_record *record)
{
	const uint64_t now_ns = pendi_clock_coarse_ns();
	const uint64_t age_ns = now_ns > record->began_ns ? now_ns - record->began_ns : 0;
	const uint32_t bucket = age_ns ? 63u - (uint32_t)__builtin_clzll(age_ns) : 0;

	pendi_tally_add(&runtime->ages[bucket / 32], bucket % 32, 1);
}

static void count_synthesized(struct pend_runtime *runtime, const struct pend_operation *operation)
{
	pendi_runtime_count(runtime,
			    operation->origin == PEND_ORIGIN_PROGRAM
				    ? PENDI_RUNTIME_SYNTHESIZED
				    : PENDI_RUNTIME_SYNTHESIZED_LOST,
			    1);
}

/* Decided, and its own: has the chain go on, tells the backend. */
static void conclude_operation(struct pend_runtime *runtime, struct pendi_record *record,
			       const struct pend_operation *operation)
{
	struct pend_completion completion = { .handle = operation->handle,
					      .origin = operation->origin };
	uint32_t verdict = pendi_verdict_stronger(record->aggregate, verdict_of(operation->action));

	if (verdict != PEND_VERDICT_REJECT && record->hook->flags & PEND_HOOK_RESUME)
		verdict = resume_chain(record, verdict);
	if (verdict == PEND_VERDICT_PEND)
		return;
	completion.action = action_of(verdict);
	count_age(runtime, record);
	tell_completed(runtime, record, &completion);
}

/* A cancellation that came while the operation was moving goes after it. */
static void pass_cancellation_on(const struct pendi_record *record)
{
	/* Whoever else decided there in the meantime was faster, and it has ended all the same. */
	if (pend_map_cancel(record->moved_map, record->moved_handle))
		return;
}

void pendi_runtime_complete(void *context, const struct pend_operation *operation)
{
	struct pend_runtime *runtime = context;
	struct pendi_record *record = operation->scratch;

	if (record->synthesized)
		count_synthesized(runtime, operation);
	if (record->moved_map) {
		if (operation->origin == PEND_ORIGIN_CANCEL)
			pass_cancellation_on(record);
	} else if (operation->origin == PEND_ORIGIN_CANCEL) {
		count_age(runtime, record);
		tell_cancelled(runtime, record);
	} else {
		conclude_operation(runtime, record, operation);
	}
	pendi_runtime_release(runtime, &record->identity);
	pendi_runtime_count(runtime, PENDI_RUNTIME_COMPLETIONS, 1);
	pendi_attachment_done(record->attachment);
}
