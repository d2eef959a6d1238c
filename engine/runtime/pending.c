/* SPDX-License-Identifier: MIT */
/*
 * pending.c - pending the operation of a frame: a record in the slot, and the backend's hold.
 *
 *	FIRST:             take a slot -> backend.pend -> backend.clone -> record -> publish
 *	                                      |                +-> abort
 *	                                      +-> its error: nothing happened (F15)
 *	RESUME, REINVOKE:  take a slot -> record, from the old one -> publish -> backend.moved
 *
 * All of it happens in the hold of the map's pend, when that can fail for no other reason and nobody
 * can see the operation yet (race A). What fails leaves nothing behind. What moves takes payload and
 * identity along: the old record tells nobody any more when it ends, and the backend's pend is not
 * called again (F32).
 *
 * Every pend is made with an open frame, which is closed when the program has returned (invoke.c).
 */
#include <string.h>

#include "engine/runtime/runtime_internal.h"
#include "platform/clock.h"

/* A pend under way. */
struct pendi_hold {
	struct pendi_frame *frame;
	const struct pendi_pend_target *target;
	struct pendi_record *from; /* NULL: a first pend */
	struct pendi_record *record;
	uint64_t now_ns;
	enum pendi_pend_reason reason;
};

static const struct pend_subject nobody = { .pidfd = -1 };

/* --- The record --- */

/* When the lifetime ends of what is pended now for the first time. */
static uint64_t expiry_of(const struct pendi_hold *hold)
{
	const uint64_t life = hold->target->map->lifetime_ns;

	return life == PEND_DEADLINE_NONE || hold->reason == PENDI_REASON_DEFER
		       ? PEND_DEADLINE_NONE
		       : hold->now_ns + life;
}

/* What is the same for first pends and others. */
static void fill_record(const struct pendi_hold *hold)
{
	struct pendi_frame *frame = hold->frame;
	struct pendi_record *record = hold->record;
	struct pendi_attachment *attachment = frame->attachment;
	struct pend_runtime *runtime = frame->hook->runtime;

	if (!frame->events.seed) {
		frame->events.seed = pendi_helper_seed();
		frame->drawer = NULL;
	}
	if (!frame->events.placed) {
		frame->cpu = pendi_cpu_current();
		frame->events.placed = true;
	}
	pendi_attachment_pend(attachment);
	record->attachment = attachment;
	record->hook = frame->hook;
	record->map = hold->target->map;
	record->order = attachment->order;
	record->expires_ns = expiry_of(hold);
	record->seed = frame->events.seed;
	record->cpu = frame->cpu;
	record->aggregate = frame->aggregate;
	record->reason = hold->reason;
	record->synthesized = false;
	record->moved_map = NULL;
	record->moved_handle = 0;
	memset((unsigned char *)record + runtime->record_size, 0, hold->target->scratch_size);
	pendi_runtime_count(runtime, PENDI_RUNTIME_PENDS, 1);
}

static void fill_first(const struct pendi_hold *hold)
{
	struct pendi_frame *frame = hold->frame;
	struct pendi_record *record = hold->record;
	const struct pend_invocation *invocation = frame->invocation;

	record->operation = invocation->operation;
	record->sequence = frame->chain->sequence;
	record->began_ns = hold->now_ns;
	record->payload_bytes = invocation->payload_bytes;
	record->compartment = invocation->compartment;
	record->typed = invocation->attach_type != NULL;
	record->filter = invocation->filter;
	record->filter_context = invocation->filter_context;
	record->subject = invocation->subject ? *invocation->subject : nobody;
	record->identity = frame->events.identity ? *frame->events.identity : pendi_identity_none();
	memcpy(record->context, frame->context, frame->hook->layout.saved_size);
}

/* Everything passes on; only after this can nothing fail. */
static void fill_moved(const struct pendi_hold *hold, uint64_t handle)
{
	struct pendi_frame *frame = hold->frame;
	struct pendi_record *record = hold->record, *from = hold->from;
	const void *context = frame->events.kind == PENDI_FRAME_REINVOKE ? from->context
									 : frame->context;

	record->operation = from->operation;
	record->sequence = from->sequence;
	record->began_ns = from->began_ns;
	if (from->expires_ns < record->expires_ns)
		record->expires_ns = from->expires_ns;
	record->payload_bytes = from->payload_bytes;
	record->compartment = from->compartment;
	record->typed = from->typed;
	record->filter = from->filter;
	record->filter_context = from->filter_context;
	record->subject = from->subject;
	record->payload = from->payload;
	record->identity = from->identity;
	memcpy(record->context, context, frame->hook->layout.saved_size);
	from->identity = pendi_identity_none();
	from->payload = (struct pend_payload){ .data = NULL };
	from->moved_map = record->map;
	from->moved_handle = handle;
	pendi_runtime_count(frame->hook->runtime, PENDI_RUNTIME_MOVED, 1);
}

/* --- The backend's hold --- */

static int refuse_by_backend(const struct pendi_hold *hold, int error)
{
	pendi_runtime_count(hold->frame->hook->runtime, PENDI_RUNTIME_BACKEND_REFUSED, 1);
	return error < 0 ? error : -EIO;
}

/* Has the backend hold the operation, and copy its payload into the record. */
static int ask_backend(const struct pendi_hold *hold, uint64_t handle)
{
	const struct pend_hook *hook = hold->frame->hook;
	const struct pend_backend *backend = hook->backend;
	const uint64_t operation = hold->frame->invocation->operation;
	struct pend_payload payload = { .data = NULL };
	int error = backend->pend(hook->backend_context, operation, hold->target->map, handle);

	if (error)
		return refuse_by_backend(hold, error);
	if (backend->clone)
		error = backend->clone(hook->backend_context, operation, &payload);
	if (error) {
		backend->abort(hook->backend_context, operation);
		return refuse_by_backend(hold, error);
	}
	hold->record->payload = payload;
	return 0;
}

static int hold_operation(void *context, uint64_t handle, void *scratch)
{
	struct pendi_hold *hold = context;
	int error = 0;

	hold->record = scratch;
	if (!hold->from)
		error = ask_backend(hold, handle);
	if (error)
		return error;
	fill_record(hold);
	if (hold->from)
		fill_moved(hold, handle);
	else
		fill_first(hold);
	return 0;
}

/* --- Pending --- */

/* The deadline of what moves: the map's, but no later than its lifetime's end. 0: the map's. */
static int limit_deadline(const struct pendi_hold *hold, uint64_t *deadline_ns)
{
	const uint64_t usual_ns = hold->target->map->deadline_ns;
	uint64_t left_ns;

	if (!hold->from || hold->from->expires_ns == PEND_DEADLINE_NONE)
		return 0;
	left_ns = hold->from->expires_ns > hold->now_ns ? hold->from->expires_ns - hold->now_ns : 0;
	if (left_ns < PEND_DEADLINE_MIN_NS)
		return -ERANGE;
	if (left_ns < usual_ns)
		*deadline_ns = left_ns;
	return 0;
}

/* Who decides there is gone; it is not that the map was told to stop. */
static bool is_loss(const struct pendi_pend_target *target, int error)
{
	return error == -ESHUTDOWN && target->session && pendi_map_is_open(target->map);
}

static PENDI_COLD int refuse_pend(struct pendi_frame *frame, const struct pendi_pend_target *target,
				  int error)
{
	if (is_loss(target, error))
		frame->events.loss = frame->events.eventful = true;
	else if (error == -ESHUTDOWN)
		pendi_runtime_count(frame->hook->runtime, PENDI_RUNTIME_DISABLED, 1);
	return error;
}

/* Names the operation anew to the backend, which may cancel it from now on. */
static void tell_moved(const struct pendi_frame *frame)
{
	const struct pend_hook *hook = frame->hook;
	const struct pend_backend *backend = hook->backend;
	const size_t end = offsetof(struct pend_backend, moved) + sizeof(backend->moved);

	if (backend->header.size >= end && backend->moved)
		backend->moved(hook->backend_context, frame->record->operation, frame->map,
			       frame->events.handle);
}

static int32_t subject_of(const struct pendi_hold *hold)
{
	const struct pend_invocation *invocation = hold->frame->invocation;

	if (hold->from)
		return hold->from->subject.pid;
	return invocation->subject ? invocation->subject->pid : 0;
}

int pendi_pend_operation(struct pendi_frame *frame, const struct pendi_pend_target *target,
			 void *value, enum pendi_pend_reason reason)
{
	struct pendi_hold hold = { .frame = frame, .target = target, .reason = reason };
	const struct pend_hold by = { hold_operation, &hold };
	struct pend_request request = { .flags = PEND_REQUEST_FRAME };
	struct pend_value *head = value, kept = { .version = 0 };
	uint64_t handle;
	int error;

	hold.from = frame->events.kind == PENDI_FRAME_FIRST ? NULL : frame->record;
	hold.now_ns = pendi_clock_coarse_ns();
	error = limit_deadline(&hold, &request.deadline_ns);
	if (error)
		return error;
	if (head) {
		kept = *head;
		head->action = PEND_ACTION_PENDING;
		head->pend_timestamp_ns = hold.now_ns;
		request.value = value;
		request.value_size = target->value_size;
	}
	request.cookie = pendi_attachment_cookie(frame->attachment);
	request.now_ns = hold.now_ns;
	request.program = frame->attachment->program->object.id;
	request.payload_bytes = hold.from ? hold.from->payload_bytes
					  : frame->invocation->payload_bytes;
	request.session = target->session;
	request.subject_pid = subject_of(&hold);
	request.hold = &by;
	error = pend_map_pend(target->map, &request, &handle);
	if (error) {
		if (head)
			*head = kept;
		return refuse_pend(frame, target, error);
	}
	frame->map = target->map;
	frame->events.handle = handle;
	frame->record = hold.record;
	frame->events.identity = &hold.record->identity;
	frame->events.eventful = frame->events.pended = true;
	if (hold.from)
		tell_moved(frame);
	return 0;
}
