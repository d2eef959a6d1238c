/* SPDX-License-Identifier: MIT */
/*
 * simulator_backend.c - the simulator as the runtime sees it: struct pend_backend.
 *
 *	pend     RUNNING -> HOLDING -> PENDED HELD        from the submitter's frame
 *	clone    ... COPY                                 from the submitter's frame
 *	abort    PENDED HELD -> RUNNING                   from the submitter's frame
 *	moved    HELD -> HOLDING -> HELD                  from an executor's frame
 *	complete, owner_gone   HELD goes                  on an executor
 *	reinject, discard      COPY goes                  on an executor, after that
 *
 * Between two of these the operation is the runtime's, which calls exactly one of complete, owner_gone
 * and abort for each pend (guarantee A). While it is HELD or COPY its name is good, so all of them
 * find it.
 *
 * HOLDING is set while map and handle are written, and a kill that finds it leaves them alone.
 */
#include <errno.h>
#include <string.h>

#include "engine/backend/simulator_internal.h"
#include "platform/memory.h"

/* --- Pending --- */

/* A bind is held by a handle of its own (F58). */
static int acquire_handle(struct pend_simulator *simulator, struct pendi_sim_operation *operation)
{
	const int error = pendi_simulator_fault(simulator, PEND_FAULT_ACQUIRE_HANDLE);

	if (error)
		return error;
	operation->has_handle = true;
	pendi_simulator_enter(simulator, PENDI_LEDGER_HANDLES);
	return 0;
}

void pendi_backend_release_handle(struct pend_simulator *simulator,
				  struct pendi_sim_operation *operation)
{
	if (!operation->has_handle)
		return;
	operation->has_handle = false;
	pendi_simulator_enter(simulator, PENDI_LEDGER_HANDLES_RELEASED);
}

/* All that can go wrong: the handle first, if there is to be one; a pend that is refused gives it
 * back. */
static int acquire(struct pend_simulator *simulator, struct pendi_sim_operation *operation)
{
	int error = 0;

	if (pend_layer_describe(operation->request.layer)->completes_by == PEND_COMPLETES_HANDLE)
		error = acquire_handle(simulator, operation);
	if (!error)
		error = pendi_simulator_fault(simulator, PEND_FAULT_PEND);
	if (error)
		pendi_backend_release_handle(simulator, operation);
	return error;
}

static void write_hold(struct pendi_sim_operation *operation, struct pend_map *map, uint64_t handle)
{
	operation->map = map;
	/* relaxed: the word's next change publishes it; reading it alone is a moment's look. */
	pendi_store_relaxed(&operation->held, handle);
}

/* The end of HOLDING: held, unless there was an error or its caller has gone. */
static int end_holding(struct pend_simulator *simulator, struct pendi_sim_operation *operation,
		       int error)
{
	static const struct pendi_change held = {
		.none = PENDI_SIM_VERDICTS,
		.clear = PENDI_SIM_HOLDING | PENDI_SIM_RUNNING | PENDI_SIM_REDIRECTED,
		.set = PENDI_SIM_PENDED | PENDI_SIM_HELD,
	};
	static const struct pendi_change back = { .clear = PENDI_SIM_HOLDING };

	if (!error && pendi_named_change(&operation->named, &held, NULL))
		return 0;
	pendi_backend_release_handle(simulator, operation);
	(void)pendi_named_change(&operation->named, &back, NULL);
	return error ? error : -ECANCELED;
}

static int backend_hold(struct pend_simulator *simulator, struct pendi_sim_operation *operation,
			struct pend_map *map, uint64_t handle)
{
	static const struct pendi_change holding = { .all = PENDI_SIM_RUNNING,
						     .none = PENDI_SIM_VERDICTS | PENDI_SIM_HOLDING,
						     .set = PENDI_SIM_HOLDING };
	struct pendi_sim_run *run = pendi_sim_run_innermost;
	uint64_t word;
	int error;

	/* Only the stage that runs here can be pended. */
	if (!run || run->operation != operation)
		return -EOPNOTSUPP;
	if (!pendi_named_change(&operation->named, &holding, &word))
		return word & PENDI_SIM_VERDICTS ? -ECANCELED : -EBUSY;
	error = acquire(simulator, operation);
	if (!error)
		write_hold(operation, map, handle);
	error = end_holding(simulator, operation, error);
	if (error)
		return error;
	run->held = true;
	run->map = map;
	run->handle = handle;
	/* relaxed: a counter. */
	(void)pendi_fetch_add_relaxed(&operation->pends_count, 1);
	pendi_simulator_enter(simulator, PENDI_LEDGER_PENDED);
	return 0;
}

static int backend_pend(void *backend, uint64_t name, struct pend_map *map, uint64_t handle)
{
	struct pend_simulator *simulator = backend;
	struct pendi_sim_operation *operation = pendi_operation_get(simulator, name);
	int error;

	if (!operation)
		return -ENOENT;
	error = backend_hold(simulator, operation, map, handle);
	pendi_operation_put(simulator, operation);
	return error;
}

static void backend_moved(void *backend, uint64_t name, struct pend_map *map, uint64_t handle)
{
	static const struct pendi_change holding = { .none = PENDI_SIM_VERDICTS,
						     .set = PENDI_SIM_HOLDING };
	static const struct pendi_change held = { .clear = PENDI_SIM_HOLDING };
	struct pend_simulator *simulator = backend;
	struct pendi_sim_operation *operation = pendi_operation_get(simulator, name);
	uint64_t word;

	if (!operation)
		return;
	if (pendi_named_change(&operation->named, &holding, &word)) {
		write_hold(operation, map, handle);
		(void)pendi_named_change(&operation->named, &held, &word);
	}
	if (word & PENDI_SIM_VERDICTS)
		(void)!pend_map_cancel(map, handle);
	pendi_operation_put(simulator, operation);
}

static void backend_abort(void *backend, uint64_t name)
{
	struct pend_simulator *simulator = backend;
	struct pendi_sim_operation *operation = pendi_operation_get(simulator, name);
	struct pendi_change back = { .clear = PENDI_SIM_PENDED | PENDI_SIM_HELD,
				     .set = PENDI_SIM_RUNNING };
	struct pendi_change dead;

	if (!operation)
		return;
	/* It was held by the same call, so its stage runs here. */
	pendi_sim_run_innermost->held = false;
	pendi_backend_release_handle(simulator, operation);
	pendi_simulator_enter(simulator, PENDI_LEDGER_COMPLETED);
	dead = back;
	back.none = PENDI_SIM_VERDICTS;
	if (operation->request.layer == PEND_LAYER_CONNECT)
		back.set |= PENDI_SIM_REDIRECTED;
	if (!pendi_named_change(&operation->named, &back, NULL))
		(void)pendi_named_change(&operation->named, &dead, NULL);
	pendi_operation_put(simulator, operation);
}

/* --- Completing --- */

static enum pend_verdict simulated_verdict(enum pend_action action)
{
	if (action == PEND_ACTION_PERMIT_HARD)
		return PEND_VERDICT_PROCEED_HARD;
	return action == PEND_ACTION_PERMIT_SOFT ? PEND_VERDICT_PROCEED_SOFT : PEND_VERDICT_REJECT;
}

/* It is not pended any more: the end of each pend, but for abort. */
static void end_pend(struct pend_simulator *simulator, struct pendi_sim_operation *operation,
		     uint64_t busy)
{
	pendi_backend_release_handle(simulator, operation);
	pendi_simulator_enter(simulator, PENDI_LEDGER_COMPLETED);
	pendi_operation_leave(simulator, operation, PENDI_SIM_HELD | busy);
	pendi_operation_put(simulator, operation);
}

static void backend_complete(void *backend, uint64_t name, const struct pend_completion *completion)
{
	struct pend_simulator *simulator = backend;
	struct pendi_sim_operation *operation = pendi_operation_get(simulator, name);
	enum pend_verdict verdict = simulated_verdict(completion->action);

	if (!operation)
		return;
	if (pend_layer_describe(operation->request.layer)->completes_by ==
	    PEND_COMPLETES_RECLASSIFY)
		verdict = pendi_layer_reclassify(simulator, operation, verdict);
	/* relaxed: a counter. */
	(void)pendi_fetch_add_relaxed(&operation->completions_count, 1);
	end_pend(simulator, operation, pendi_operation_said(simulator, operation, verdict));
}

static void backend_owner_gone(void *backend, uint64_t name)
{
	struct pend_simulator *simulator = backend;
	struct pendi_sim_operation *operation = pendi_operation_get(simulator, name);

	if (!operation)
		return;
	/* Cancelled by another than its kill: nobody waits for it all the same. */
	end_pend(simulator, operation,
		 pendi_operation_decide(simulator, operation, PENDI_SIM_CANCELLED)
			 ? PENDI_SIM_ENDING
			 : 0);
}

/* --- Payloads: the token is the operation's name --- */

static int backend_clone(void *backend, uint64_t name, struct pend_payload *payload)
{
	static const struct pendi_change copied = { .set = PENDI_SIM_COPY };
	struct pend_simulator *simulator = backend;
	struct pendi_sim_operation *operation = pendi_operation_get(simulator, name);
	uint32_t size;
	void *copy;
	int error;

	if (!operation)
		return -ENOENT;
	size = operation->request.payload_size;
	error = size ? pendi_simulator_fault(simulator, PEND_FAULT_CLONE) : 0;
	copy = error || !size ? NULL : pendi_memory_allocate(simulator->allocator, size, 16);
	if (!error && size && !copy)
		error = -ENOMEM;
	if (copy) {
		memcpy(copy, operation->request.payload, size);
		(void)pendi_named_change(&operation->named, &copied, NULL);
		pendi_simulator_enter(simulator, PENDI_LEDGER_COPIES);
	}
	if (!error)
		*payload = (struct pend_payload){ copy, size, name };
	pendi_operation_put(simulator, operation);
	return error;
}

static void free_copy(struct pend_simulator *simulator, struct pendi_sim_operation *operation,
		      const struct pend_payload *payload)
{
	pendi_memory_release(simulator->allocator, (void *)(uintptr_t)payload->data, payload->size);
	pendi_simulator_enter(simulator, PENDI_LEDGER_COPIES_FREED);
	pendi_operation_leave(simulator, operation, PENDI_SIM_COPY);
}

/* Sends a copy, if the operation is permitted; it would come in again as PEND_SIM_SELF_INJECTED. The
 * first authorization of a redirected connection sends nothing, nor does one whose caller has gone. */
static void inject(struct pend_simulator *simulator, struct pendi_sim_operation *operation)
{
	if (!(pendi_named_word(&operation->named) & PENDI_SIM_PERMITTED))
		return;
	pendi_simulator_enter(simulator, PENDI_LEDGER_INJECTED);
	/* relaxed: a counter. */
	(void)pendi_fetch_add_relaxed(&operation->injections_count, 1);
}

static int backend_reinject(void *backend, uint64_t name, const struct pend_payload *payload)
{
	struct pend_simulator *simulator = backend;
	struct pendi_sim_operation *operation = pendi_operation_get(simulator, name);
	int error;

	if (!operation)
		return -ENOENT;
	error = pendi_simulator_fault(simulator, PEND_FAULT_REINJECT);
	if (!error) {
		inject(simulator, operation);
		free_copy(simulator, operation, payload);
	}
	pendi_operation_put(simulator, operation);
	return error;
}

static void backend_discard(void *backend, const struct pend_payload *payload)
{
	struct pend_simulator *simulator = backend;
	struct pendi_sim_operation *operation = pendi_operation_get(simulator, payload->token);

	if (!operation)
		return;
	free_copy(simulator, operation, payload);
	pendi_operation_put(simulator, operation);
}

const struct pend_backend pendi_simulator_backend = {
	.header = PEND_HEADER(PEND_BACKEND_VERSION, struct pend_backend, moved),
	.pend = backend_pend,
	.complete = backend_complete,
	.clone = backend_clone,
	.reinject = backend_reinject,
	.discard = backend_discard,
	.abort = backend_abort,
	.owner_gone = backend_owner_gone,
	.moved = backend_moved,
};
