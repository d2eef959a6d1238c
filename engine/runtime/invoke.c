/* SPDX-License-Identifier: MIT */
/*
 * invoke.c - the hot path: a frame, the programs of a chain, a verdict.
 *
 *	enter the epoch -> load the chain -> link the frame -> each program that applies -> unlink
 *	                                                         |            -> leave the epoch
 *	REJECT                    ends the chain
 *	PROCEED_SOFT, _HARD       the stronger one counts, the next program runs
 *	PEND, and it pended       the operation is absorbed; ends the chain; closes the pend's frame
 *	DEFER_TO_PASSIVE          pended by the runtime, continued at once; the same
 *	anything else             REJECT, counted
 *
 * The usual, a program that permits, is straight through: no lock, no allocation, no
 * read-modify-write; wait-free. What is not usual sets frame.events.eventful and is out of line.
 *
 * The frame of a pend is closed as the last thing, when the programs have returned, the verdict is
 * written and nothing of the operation is touched any more: from then on it may be completed by
 * another thread (guarantee B).
 *
 * Edges: AT1 (the chain: what it consists of was made before it was published).
 */
#include <string.h>

#include "engine/runtime/runtime_internal.h"

PENDI_THREAD_LOCAL struct pendi_frame *pendi_frame_innermost;

void pendi_invoke_trace(struct pendi_frame *frame, enum pend_trace_type type, int error)
{
	const struct pend_trace trace = {
		.type = type,
		.program_id = frame->attachment->program->object.id,
		.error = error,
		.handle = frame->events.handle,
	};

	pendi_runtime_trace(frame->hook->runtime, &trace);
}

/* --- One program --- */

static __attribute__((noinline)) int refuse_lost_program(struct pendi_frame *frame,
							 struct pendi_attachment *attachment)
{
	frame->attachment = attachment;
	pendi_runtime_count(frame->hook->runtime, PENDI_RUNTIME_LOST_FUNCTION, 1);
	pendi_invoke_trace(frame, PEND_TRACE_LOST, 0);
	return PEND_VERDICT_REJECT;
}

PENDI_ALWAYS_INLINE bool is_complete_program(const struct pendi_attachment *attachment)
{
	/* relaxed: it says whether to begin; a function that goes while the program runs is NULL
	 * to it, which it finds by itself. */
	return PENDI_LIKELY(pendi_load_relaxed(&attachment->program->missing) == 0);
}

/* By a thread that has a number: frame->thread. */
PENDI_ALWAYS_INLINE int run_attachment(struct pendi_frame *frame,
				       struct pendi_attachment *attachment)
{
	_Atomic uint64_t *runs;
	int verdict;

	frame->attachment = attachment;
	verdict = attachment->entry(frame->context, attachment->data);
	runs = &attachment->tally.rows[frame->thread].count[PENDI_ATTACHMENT_RUNS];
	/* relaxed, both: as in pendi_tally_add(). */
	pendi_store_relaxed(runs, pendi_load_relaxed(runs) + 1);
	return verdict;
}

int pendi_invoke_program(struct pendi_frame *frame, struct pendi_attachment *attachment)
{
	int verdict;

	if (!is_complete_program(attachment))
		return refuse_lost_program(frame, attachment);
	frame->attachment = attachment;
	verdict = attachment->entry(frame->context, attachment->data);
	pendi_tally_add(&attachment->tally, PENDI_ATTACHMENT_RUNS, 1);
	return verdict;
}

/* --- Contexts that are watched (F70, OP-43) --- */

/* Whether @bytes differ; they are few, and mostly do not. */
PENDI_ALWAYS_INLINE bool is_changed(const unsigned char *now, const unsigned char *before,
				    uint32_t bytes)
{
	pendi_lanes bits = { 0, 0 };
	uint32_t at = 0;
	uint64_t rest = 0;

	for (; at + sizeof(bits) <= bytes; at += (uint32_t)sizeof(bits))
		bits |= *(const pendi_lanes *)(now + at) ^ *(const pendi_lanes *)(before + at);
	for (; at < bytes; at++)
		rest |= (uint64_t)(now[at] ^ before[at]);
	return PENDI_UNLIKELY((bits[0] | bits[1] | rest) != 0);
}

/* The same of copying: in line, because @bytes is not known when this is compiled. */
PENDI_ALWAYS_INLINE void copy_context(unsigned char *to, const unsigned char *from, uint32_t bytes)
{
	uint32_t at = 0;

	for (; at + sizeof(pendi_lanes) <= bytes; at += (uint32_t)sizeof(pendi_lanes))
		*(pendi_lanes *)(to + at) = *(const pendi_lanes *)(from + at);
	for (; at < bytes; at++)
		to[at] = from[at];
}

static PENDI_COLD void undo_writes(struct pendi_frame *frame, const void *before)
{
	memcpy(frame->context, before, frame->hook->context_bytes);
	if (frame->events.pended)
		memcpy(frame->record->context, before, frame->hook->context_bytes);
	pendi_runtime_count(frame->hook->runtime, PENDI_RUNTIME_READ_ONLY, 1);
	pendi_invoke_trace(frame, PEND_TRACE_READ_ONLY, 0);
}

PENDI_ALWAYS_INLINE bool has_written(struct pendi_frame *frame, const void *before)
{
	if (!is_changed(frame->context, before, frame->hook->context_bytes))
		return false;
	if (frame->hook->flags & (PEND_HOOK_READ_ONLY | PEND_HOOK_READ_ONLY_IGNORE))
		undo_writes(frame, before);
	return true;
}

bool pendi_invoke_wrote(struct pendi_frame *frame, const void *before)
{
	return has_written(frame, before);
}

/* What programs of PEND_HOOK_CLASSIFIES answer, in the other words. */
static int verdict_of_flow(int verdict)
{
	static const int verdicts[] = { PEND_VERDICT_PROCEED_SOFT, PEND_VERDICT_REJECT,
					PEND_VERDICT_PROCEED_HARD };

	return verdict < 0 || verdict > 2 ? PEND_VERDICT_REJECT : verdicts[verdict];
}

/* The verdict of a program in a hook that is looked at closely. */
PENDI_ALWAYS_INLINE int look_at_writes(struct pendi_frame *frame, const void *before, int verdict,
				       bool *wrote)
{
	const uint32_t flags = frame->hook->flags;

	if (flags & PEND_HOOK_CLASSIFIES)
		verdict = verdict_of_flow(verdict);
	*wrote = flags & PENDI_HOOK_WATCHED && has_written(frame, before);
	return *wrote && flags & PEND_HOOK_READ_ONLY ? PEND_VERDICT_REJECT : verdict;
}

/* --- What a program returned, if it is not the usual --- */

/* DEFER_TO_PASSIVE (F49): the runtime pends, and has the program run again where it may block. */
static bool defer_operation(struct pendi_frame *frame)
{
	const struct pend_subject *subject;
	struct pend_runtime *runtime = frame->hook->runtime;
	const struct pendi_pend_target target = { .map = runtime->deferrals };

	if (pendi_frame_may_block(frame) || !pendi_frame_can_pend(frame) ||
	    !frame->attachment->program->may_pend)
		return false;
	subject = frame->invocation->subject;
	if (!subject || subject->pid < 1 || subject->pidfd < 0)
		return false;
	if (pendi_pend_operation(frame, &target, NULL, PENDI_REASON_DEFER))
		return false;
	/* The frame is open, so it runs when that has closed. A drain may have been faster. */
	(void)pendi_map_complete(runtime->deferrals, frame->events.handle, PEND_ACTION_CONTINUE,
				 PEND_ORIGIN_PROGRAM);
	pendi_runtime_count(runtime, PENDI_RUNTIME_DEFERRED, 1);
	frame->closing = PEND_VERDICT_PEND;
	return true;
}

static uint32_t refuse_defer(struct pendi_frame *frame)
{
	pendi_runtime_count(frame->hook->runtime, PENDI_RUNTIME_DEFER_REFUSED, 1);
	return PEND_VERDICT_REJECT;
}

/* It pended here: whatever it returns, the operation is absorbed (F24, K8). */
static uint32_t settle_pended(struct pendi_frame *frame, uint32_t verdict)
{
	if (verdict == PEND_VERDICT_DEFER_TO_PASSIVE)
		verdict = refuse_defer(frame);
	if (verdict != PEND_VERDICT_PEND && !frame->events.completed)
		frame->record->synthesized = true;
	frame->closing = verdict;
	return PEND_VERDICT_PEND;
}

/* Its orchestrator is gone, and so it could not pend (OP-39). */
static uint32_t settle_loss(struct pendi_frame *frame, uint32_t verdict)
{
	frame->events.loss = false;
	switch (frame->hook->on_loss) {
	case PEND_HOOK_LOSS_BLOCK:
		return PEND_VERDICT_REJECT;
	case PEND_HOOK_LOSS_PERMIT:
		return verdict == PEND_VERDICT_REJECT ? verdict : PEND_VERDICT_PROCEED_SOFT;
	default:
		return verdict == PEND_VERDICT_PEND ? PEND_VERDICT_REJECT : verdict;
	}
}

__attribute__((noinline)) uint32_t pendi_invoke_settle(struct pendi_frame *frame, int returned)
{
	struct pend_runtime *runtime = frame->hook->runtime;
	uint32_t verdict = (uint32_t)returned;

	if (verdict > PEND_VERDICT_DEFER_TO_PASSIVE) {
		pendi_runtime_count(runtime, PENDI_RUNTIME_BAD_VERDICTS, 1);
		verdict = PEND_VERDICT_REJECT;
	}
	if (frame->events.pended)
		return settle_pended(frame, verdict);
	if (verdict == PEND_VERDICT_DEFER_TO_PASSIVE)
		return defer_operation(frame) ? PEND_VERDICT_PEND : refuse_defer(frame);
	/* In a re-invocation it is pended already. */
	if (verdict == PEND_VERDICT_PEND && !frame->events.handle) {
		pendi_runtime_count(runtime, PENDI_RUNTIME_NOT_PENDED, 1);
		pendi_invoke_trace(frame, PEND_TRACE_NOT_PENDED, 0);
		if (!frame->events.loss)
			return PEND_VERDICT_REJECT;
	}
	return frame->events.loss ? settle_loss(frame, verdict) : verdict;
}

void pendi_invoke_close(const struct pendi_frame *frame)
{
	int error = 0;

	/* It cannot fail: the frame is open, and the map lives as long as it is pended. */
	if (frame->events.pended)
		error = pend_map_close_frame(frame->map, frame->events.handle,
					     (enum pend_verdict)frame->closing);
	(void)error;
}

/* --- A chain --- */

/* What an invocation asks for besides its compartment. */
static __attribute__((noinline)) bool is_asked_for(const struct pendi_attachment *attachment,
						   const struct pend_invocation *invocation)
{
	const struct pend_link *link = attachment->link;

	if (invocation->attach_type &&
	    memcmp(invocation->attach_type, &link->attach_type, sizeof(link->attach_type)) != 0)
		return false;
	return !invocation->filter ||
	       invocation->filter(invocation->filter_context, &link->attach_type, link->object.id);
}

/* @asks: the invocation may ask for more than its compartment. */
PENDI_ALWAYS_INLINE bool applies(const struct pendi_attachment *attachment,
				 const struct pend_invocation *invocation, bool asks)
{
	if (attachment->compartment != PEND_COMPARTMENT_ANY &&
	    PENDI_UNLIKELY(attachment->compartment != invocation->compartment))
		return false;
	return !asks || is_asked_for(attachment, invocation);
}

/* Programs behind the pender that are never run for this operation (F34, F93). */
static void note_skipped(struct pendi_frame *frame, uint32_t next)
{
	const struct pendi_chain *chain = frame->chain;
	struct pend_trace trace = {
		.type = PEND_TRACE_SKIPPED,
		.program_id = frame->attachment->program->object.id,
		.handle = frame->events.handle,
	};

	for (; next < chain->count; next++)
		if (applies(chain->attachments[next], frame->invocation, true))
			trace.skipped[trace.count++] = chain->attachments[next]->program->object.id;
	if (!trace.count)
		return;
	pendi_runtime_count(frame->hook->runtime, PENDI_RUNTIME_SKIPPED, trace.count);
	pendi_runtime_trace(frame->hook->runtime, &trace);
}

/* The end of an invocation in which more was done than running programs. */
static PENDI_COLD void end_eventful(struct pendi_frame *frame, struct pend_invocation *invocation,
				    uint32_t next)
{
	if (frame->events.pended) {
		if (!(frame->hook->flags & PEND_HOOK_RESUME))
			note_skipped(frame, next);
		invocation->verdict = PEND_VERDICT_PEND;
		invocation->handle = frame->events.handle;
	}
	if (frame->events.identity == &frame->room)
		pendi_runtime_release(frame->hook->runtime, &frame->room);
}

static PENDI_COLD int refuse_rejected(struct pend_invocation *invocation)
{
	invocation->verdict = PEND_VERDICT_REJECT;
	invocation->programs = 0;
	invocation->handle = 0;
	return 0;
}

/* The verdict of one more program. False: the chain ends. */
PENDI_ALWAYS_INLINE bool count_verdict(struct pendi_frame *frame, uint32_t verdict)
{
	if (PENDI_LIKELY(verdict == frame->aggregate))
		return true;
	if (PENDI_UNLIKELY(verdict == PEND_VERDICT_PEND))
		return false;
	frame->aggregate = pendi_verdict_stronger(frame->aggregate, verdict);
	return verdict != PEND_VERDICT_REJECT;
}

/* Runs the programs that apply. @asks: the invocation may ask for more than its compartment. @before:
 * room for a copy of the context, if the hook looks closely; else NULL. */
PENDI_ALWAYS_INLINE void run_chain(struct pend_hook *hook, const struct pendi_chain *chain,
				   struct pend_invocation *invocation, uint32_t thread, bool asks,
				   unsigned char *before)
{
	struct pendi_frame frame;
	struct pendi_attachment *const *next = chain->attachments;
	struct pendi_attachment *attachment;

	frame.outer = pendi_frame_innermost;
	frame.hook = hook;
	frame.context = invocation->context;
	frame.chain = chain;
	frame.invocation = invocation;
	memset(&frame.events, 0, sizeof(frame.events));
	frame.aggregate = (uint32_t)invocation->initial;
	frame.thread = thread;
	pendi_frame_innermost = &frame;
	if (before && hook->flags & PENDI_HOOK_WATCHED)
		copy_context(before, frame.context, hook->context_bytes);
	while ((attachment = *next) != NULL) {
		bool wrote = false;
		int verdict;

		next++;
		if (PENDI_UNLIKELY(!applies(attachment, frame.invocation, asks))) {
			frame.events.left_out++;
			continue;
		}
		if (PENDI_LIKELY(is_complete_program(attachment))) {
			verdict = run_attachment(&frame, attachment);
			if (before)
				verdict = look_at_writes(&frame, before, verdict, &wrote);
		} else {
			verdict = refuse_lost_program(&frame, attachment);
			frame.events.left_out++;
		}
		if (PENDI_UNLIKELY((uint32_t)verdict > PEND_VERDICT_PROCEED_HARD ||
				   frame.events.eventful))
			verdict = (int)pendi_invoke_settle(&frame, verdict);
		if (PENDI_UNLIKELY(!count_verdict(&frame, (uint32_t)verdict)))
			break;
		if (before && wrote && hook->flags & PEND_HOOK_STOP_ON_WRITE)
			break;
	}
	pendi_frame_innermost = frame.outer;
	/* From the frame, as all that is needed behind a program: it is in memory, and so nothing has
	 * to be saved for it. */
	invocation = frame.invocation;
	invocation->verdict = (enum pend_verdict)frame.aggregate;
	invocation->programs = (uint32_t)(next - frame.chain->attachments) - frame.events.left_out;
	invocation->handle = 0;
	if (PENDI_UNLIKELY(frame.events.eventful)) {
		end_eventful(&frame, invocation, (uint32_t)(next - frame.chain->attachments));
		pendi_invoke_close(&frame);
	}
}

static __attribute__((noinline)) void run_asking(struct pend_hook *hook,
						 const struct pendi_chain *chain,
						 struct pend_invocation *invocation,
						 uint32_t thread)
{
	run_chain(hook, chain, invocation, thread, true, NULL);
}

static __attribute__((noinline)) void run_watched(struct pend_hook *hook,
						  const struct pendi_chain *chain,
						  struct pend_invocation *invocation,
						  uint32_t thread)
{
	unsigned char before[PENDI_CONTEXT_MAX];

	run_chain(hook, chain, invocation, thread, true, before);
}

PENDI_ALWAYS_INLINE void run_invocation(struct pend_hook *hook, const struct pendi_chain *chain,
					struct pend_invocation *invocation, uint32_t thread)
{
	if (PENDI_UNLIKELY(hook->flags & (PENDI_HOOK_WATCHED | PEND_HOOK_CLASSIFIES)))
		run_watched(hook, chain, invocation, thread);
	else if (PENDI_UNLIKELY((invocation->attach_type != NULL) | (invocation->filter != NULL)))
		run_asking(hook, chain, invocation, thread);
	else
		run_chain(hook, chain, invocation, thread, false, NULL);
}

static __attribute__((noinline)) void run_nested(struct pend_hook *hook,
						 const struct pendi_chain *chain,
						 struct pend_invocation *invocation,
						 uint32_t thread)
{
	run_invocation(hook, chain, invocation, thread);
}

/* --- The calls --- */

PENDI_ALWAYS_INLINE int check_invocation(const struct pend_hook *hook,
					 const struct pend_invocation *invocation)
{
	if (PENDI_UNLIKELY(!hook || !invocation || !invocation->context))
		return -EFAULT;
	if (PENDI_UNLIKELY(invocation->flags & ~(uint32_t)PEND_INVOKE_NO_PEND ||
			   (uint32_t)invocation->initial > PEND_VERDICT_PROCEED_HARD))
		return -EINVAL;
	return 0;
}

/* For which no program is run. */
PENDI_ALWAYS_INLINE bool is_rejected(const struct pend_invocation *invocation)
{
	return PENDI_UNLIKELY(invocation->initial == PEND_VERDICT_REJECT);
}

static PENDI_COLD int refuse_unregistered(struct pend_invocation *invocations, uint32_t count,
					  int error)
{
	for (uint32_t i = 0; i < count; i++)
		(void)refuse_rejected(&invocations[i]);
	return error;
}

int pend_hook_invoke(struct pend_hook *hook, struct pend_invocation *invocation)
{
	const struct pendi_chain *chain;
	struct pendi_section section;
	int error = check_invocation(hook, invocation);

	if (PENDI_UNLIKELY(error))
		return error;
	if (is_rejected(invocation))
		return refuse_rejected(invocation);
	error = pendi_section_open(&section);
	if (PENDI_UNLIKELY(error))
		return refuse_unregistered(invocation, 1, error);
	/* [AT1.acq] Pairs with [AT1.rel] in pendi_chain_publish(): the attachments that the chain lists,
	 * and what they refer to. */
	chain = pendi_load_acquire(&hook->chain, AT1);
	/* Apart, so that closing the outermost one is two stores. */
	if (PENDI_UNLIKELY(pendi_section_is_nested(&section))) {
		run_nested(hook, chain, invocation, section.thread);
		pendi_section_close(&section);
	} else {
		run_invocation(hook, chain, invocation, section.thread);
		pendi_section_close(&section);
	}
	return 0;
}

int pend_hook_invoke_batch(struct pend_hook *hook, struct pend_invocation *invocations,
			   uint32_t count)
{
	const struct pendi_chain *chain;
	struct pendi_section section;
	int error = 0;

	if (!hook || !invocations)
		return -EFAULT;
	if (count > INT32_MAX)
		return -ERANGE;
	for (uint32_t i = 0; i < count && !error; i++)
		error = check_invocation(hook, &invocations[i]);
	if (error)
		return error;
	error = pendi_section_open(&section);
	if (error)
		return refuse_unregistered(invocations, count, error);
	/* [AT1.acq] As in pend_hook_invoke(). */
	chain = pendi_load_acquire(&hook->chain, AT1);
	for (uint32_t i = 0; i < count; i++) {
		if (is_rejected(&invocations[i]))
			(void)refuse_rejected(&invocations[i]);
		else
			run_invocation(hook, chain, &invocations[i], section.thread);
	}
	pendi_section_close(&section);
	return (int)count;
}

/* --- For providers' helpers --- */

void *pend_frame_context(void)
{
	return pendi_frame_innermost ? pendi_frame_innermost->context : NULL;
}

uint64_t pend_frame_operation(void)
{
	return pendi_frame_innermost ? pendi_frame_operation(pendi_frame_innermost) : 0;
}

struct pend_hook *pend_frame_hook(void)
{
	return pendi_frame_innermost ? pendi_frame_innermost->hook : NULL;
}
