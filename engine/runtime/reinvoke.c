/* SPDX-License-Identifier: MIT */
/*
 * reinvoke.c - programs that run on a saved context: CONTINUE, DEFER_TO_PASSIVE, resumed chains.
 *
 *	record.context --copy--> the frame's own, data and end bound to the payload's copy
 *	                            |
 *	                            program -> verdict
 *
 * The saved context stays as it is, so each run begins with what the first one saw, by value
 * (guarantee H). What a program writes is gone with the frame.
 *
 * CONTINUE: the program of the attachment that pended, or who inherited it, whether it is still
 * attached or not (K17, F92). A verdict completes the operation, PEND leaves it pended.
 *
 * DEFER_TO_PASSIVE: the operation is pended in the runtime's own map and continued at once (F49). Here,
 * where it may block, its identity is resolved, and the program runs again, whether that succeeded
 * or not. If it pends, the operation moves to the program's map, and the runtime's pend ends without
 * telling anybody. A second DEFER_TO_PASSIVE is refused (F50).
 *
 * The map has each operation run by one thread at a time, never while its frame is open or while it is
 * being completed (guarantee B).
 */
#include <string.h>

#include "engine/runtime/runtime_internal.h"
#include "platform/clock.h"

void pendi_runtime_resolve(struct pend_runtime *runtime, const struct pend_subject *subject,
			   struct pendi_identity *identity)
{
	if (!identity->resolved && pendi_identity_resolve(subject, identity) == 0)
		pendi_runtime_count(runtime, PENDI_RUNTIME_IDENTITIES, 1);
}

void pendi_runtime_release(struct pend_runtime *runtime, struct pendi_identity *identity)
{
	if (pendi_identity_release(identity))
		pendi_runtime_count(runtime, PENDI_RUNTIME_IDENTITIES_RELEASED, 1);
}

/* --- A frame on a saved context --- */

static void bind_pointer(unsigned char *context, int32_t offset, const void *pointer)
{
	if (offset >= 0)
		memcpy(context + offset, &pointer, sizeof(pointer));
}

/* A copy of the saved context, with the payload's copy for the payload. */
static void restore_context(struct pendi_replay *replay, const struct pendi_record *record)
{
	const struct pend_context_layout *layout = &record->hook->layout;
	const struct pend_payload *payload = &record->payload;
	const char *data = payload->data;

	memcpy(replay->context, record->context, layout->saved_size);
	bind_pointer(replay->context, layout->data, data);
	bind_pointer(replay->context, layout->end, data ? data + payload->size : NULL);
	if (record->hook->flags & PENDI_HOOK_WATCHED)
		memcpy(replay->before, replay->context, record->hook->context_bytes);
}

int pendi_replay_begin(struct pendi_replay *replay, struct pendi_record *record,
		       enum pendi_frame_kind kind)
{
	const int error = pendi_epoch_enter();

	if (error)
		return error;
	restore_context(replay, record);
	replay->frame = (struct pendi_frame){
		.outer = pendi_frame_innermost,
		.hook = record->hook,
		.context = replay->context,
		.events = { .identity = &record->identity,
			    .seed = record->seed,
			    .kind = (uint8_t)kind,
			    .eventful = true,
			    .placed = true },
		.aggregate = record->aggregate,
		.cpu = record->cpu,
		.record = record,
	};
	pendi_frame_innermost = &replay->frame;
	return 0;
}

uint32_t pendi_replay_run(struct pendi_replay *replay, struct pendi_attachment *attachment,
			  bool *stop)
{
	struct pendi_frame *frame = &replay->frame;
	const uint32_t flags = frame->hook->flags;
	int verdict = pendi_invoke_program(frame, attachment);

	*stop = false;
	if (flags & PENDI_HOOK_WATCHED && pendi_invoke_wrote(frame, replay->before)) {
		*stop = flags & PEND_HOOK_STOP_ON_WRITE;
		if (flags & PEND_HOOK_READ_ONLY)
			verdict = PEND_VERDICT_REJECT;
	}
	return pendi_invoke_settle(frame, verdict);
}

void pendi_replay_end(struct pendi_replay *replay)
{
	pendi_frame_innermost = replay->frame.outer;
	pendi_epoch_exit();
	pendi_invoke_close(&replay->frame);
}

/* --- Continuing --- */

int pendi_runtime_rerun(void *context, const struct pend_operation *operation)
{
	struct pend_runtime *runtime = context;
	struct pendi_record *record = operation->scratch;
	const bool deferred = record->reason == PENDI_REASON_DEFER;
	struct pendi_replay replay;
	uint32_t verdict;
	bool stop;

	if (deferred)
		pendi_runtime_resolve(runtime, &record->subject, &record->identity);
	if (pendi_replay_begin(&replay, record, PENDI_FRAME_REINVOKE))
		return PEND_VERDICT_REJECT;
	if (!deferred) {
		replay.frame.map = record->map;
		replay.frame.events.handle = operation->handle;
	}
	pendi_runtime_count(runtime, PENDI_RUNTIME_REINVOKED, 1);
	verdict = pendi_replay_run(&replay, pendi_attachment_heir(record->attachment), &stop);
	pendi_replay_end(&replay);
	/* It moved: this pend ends, and finish.c tells nobody. */
	if (replay.frame.events.pended)
		return PEND_VERDICT_PROCEED_SOFT;
	/* Its map counts its lifetime from when it came there; what moved there began before. */
	if (verdict == PEND_VERDICT_PEND && pendi_clock_coarse_ns() >= record->expires_ns)
		(void)pendi_map_complete(record->map, operation->handle, PEND_ACTION_BLOCK,
					 PEND_ORIGIN_DEADLINE);
	return (int)verdict;
}
