/* SPDX-License-Identifier: MIT */
/*
 * simulator_operation.c - the life of an operation once it has its name, but for what the runtime
 * calls.
 *
 *	submit -> [step] redirect -> [step] authorize -> permitted | blocked
 *	                     |              |  ^             ^
 *	                     |              v  | next stage  | complete()
 *	                     |           pended -------------+
 *	                     v              v
 *	                    kill ----> cancelled
 *
 * A connection that its redirect stage sent elsewhere is authorized twice: as it was and as it is. Each
 * may be pended. What comes after a pended authorization is run by whoever let go of it, unless the
 * simulator is stepped.
 *
 * Kills: the word decides whether there was a verdict before. A kill cancels what it finds held. If the
 * pend is being made at that moment, its maker finds the operation cancelled: before the pend is
 * accepted (pend refuses), or when its frame has closed (run_authorization() cancels). So a pend of a
 * dead caller never stays.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/backend/simulator_internal.h"
#include "platform/memory.h"

enum pend_simulated_state pendi_operation_state(uint64_t word)
{
	if (word & PENDI_SIM_CANCELLED)
		return PEND_SIM_CANCELLED;
	if (word & PENDI_SIM_BLOCKED)
		return PEND_SIM_BLOCKED;
	if (word & PENDI_SIM_PERMITTED)
		return PEND_SIM_PERMITTED;
	if (word & PENDI_SIM_PENDED)
		return PEND_SIM_PENDED;
	return word & PENDI_SIM_REDIRECTED ? PEND_SIM_REDIRECTED : PEND_SIM_NEW;
}

struct pendi_sim_operation *pendi_operation_get(struct pend_simulator *simulator, uint64_t name)
{
	return (struct pendi_sim_operation *)pendi_names_get(&simulator->operations, name);
}

static void free_operation(struct pend_simulator *simulator, struct pendi_sim_operation *operation)
{
	pendi_memory_release(simulator->allocator, (void *)(uintptr_t)operation->request.payload,
			     operation->request.payload_size);
	operation->request.payload = NULL;
	pendi_names_free(&simulator->operations, &operation->named);
}

void pendi_operation_put(struct pend_simulator *simulator, struct pendi_sim_operation *operation)
{
	if (pendi_names_put(&operation->named))
		free_operation(simulator, operation);
}

/* --- Verdicts --- */

bool pendi_operation_decide(struct pend_simulator *simulator, struct pendi_sim_operation *operation,
			    uint64_t verdict)
{
	const struct pendi_change decide = {
		.none = PENDI_SIM_VERDICTS,
		.clear = PENDI_SIM_REDIRECTED | PENDI_SIM_PENDED,
		.set = verdict | PENDI_SIM_ENDING,
	};

	if (!pendi_named_change(&operation->named, &decide, NULL))
		return false;
	pendi_simulator_enter(simulator, PENDI_LEDGER_ENDED);
	if (!operation->makes)
		return true;
	if (verdict == PENDI_SIM_PERMITTED)
		pendi_flow_publish(simulator, operation);
	else
		pendi_flow_withdraw(simulator, operation);
	return true;
}

uint64_t pendi_operation_said(struct pend_simulator *simulator,
			      struct pendi_sim_operation *operation, enum pend_verdict verdict)
{
	const bool permits = verdict == PEND_VERDICT_PROCEED_SOFT ||
			     verdict == PEND_VERDICT_PROCEED_HARD;
	const struct pendi_change again = {
		.none = PENDI_SIM_VERDICTS,
		.clear = PENDI_SIM_PENDED,
		.set = PENDI_SIM_REDIRECTED,
	};

	/* relaxed: who finds it permitted has this from the word. */
	pendi_store_relaxed(&operation->verdict_now, (uint32_t)verdict);
	if (permits && operation->stage == PENDI_STAGE_ORIGINAL) {
		operation->stage = PENDI_STAGE_FINAL;
		(void)pendi_named_change(&operation->named, &again, NULL);
		return 0;
	}
	if (!pendi_operation_decide(simulator, operation,
				    permits ? PENDI_SIM_PERMITTED : PENDI_SIM_BLOCKED))
		return 0;
	return PENDI_SIM_ENDING;
}

/* --- Stages --- */

static struct pendi_redirect_key redirect_key(const struct pendi_sim_operation *operation)
{
	const struct bpf_sock_addr *address = &operation->address;
	struct pendi_redirect_key key;

	memset(&key, 0, sizeof(key));
	key.socket_cookie = operation->request.socket_cookie;
	key.family = address->family;
	memcpy(key.destination, address->user_ip6,
	       address->family == AF_INET6 ? sizeof(key.destination) : sizeof(address->user_ip4));
	key.protocol = address->protocol;
	key.compartment = address->compartment_id;
	key.destination_port = address->user_port;
	key.source_port = address->msg_src_port;
	return key;
}

static bool is_redirected(const struct bpf_sock_addr *from, const struct bpf_sock_addr *to)
{
	const size_t size = from->family == AF_INET6 ? sizeof(from->user_ip6)
						     : sizeof(from->user_ip4);

	return from->user_port != to->user_port || memcmp(from->user_ip6, to->user_ip6, size) != 0;
}

/* Before routing: the programs may change the destination. Their verdict is not the connection's: it
 * is kept for the authorization (F68, F74), but a REJECT that cannot be kept blocks at once. */
static uint64_t run_redirect(struct pend_simulator *simulator,
			     struct pendi_sim_operation *operation)
{
	static const struct pendi_change redirected = { .none = PENDI_SIM_VERDICTS,
							.set = PENDI_SIM_REDIRECTED };
	struct pendi_sim_run run = { .operation = operation };
	const enum pend_verdict verdict = pendi_layer_redirect(simulator, &run);
	struct pendi_redirect_key key;

	memcpy(operation->address.user_ip6, run.context.base.user_ip6,
	       sizeof(operation->address.user_ip6));
	operation->address.user_port = run.context.base.user_port;
	operation->redirect_context = run.context.redirect_context;
	operation->stage = is_redirected(&operation->request.address, &operation->address)
				   ? PENDI_STAGE_ORIGINAL
				   : PENDI_STAGE_FINAL;
	/* relaxed: who reads it with the verdict has it from the word. */
	pendi_store_relaxed(&operation->verdict_now, (uint32_t)verdict);
	key = redirect_key(operation);
	if (!pendi_redirects_set(simulator, &key, verdict) && verdict == PEND_VERDICT_REJECT) {
		operation->stage = PENDI_STAGE_FINAL;
		return PENDI_SIM_RUNNING |
		       pendi_operation_said(simulator, operation, PEND_VERDICT_REJECT);
	}
	(void)pendi_named_change(&operation->named, &redirected, NULL);
	return PENDI_SIM_RUNNING;
}

/* What the redirect stage said, once. False: REJECT. */
static bool take_redirect_verdict(struct pend_simulator *simulator,
				  struct pendi_sim_operation *operation)
{
	const struct pendi_redirect_key key = redirect_key(operation);

	operation->initial = pendi_redirects_take(simulator, &key);
	return operation->initial != PEND_VERDICT_REJECT;
}

static uint64_t run_authorization(struct pend_simulator *simulator,
				  struct pendi_sim_operation *operation)
{
	struct pendi_sim_run run = { .operation = operation };
	enum pend_verdict verdict;
	uint32_t answer = EBPF_FLOW_CLASSIFY_ALLOW;

	if (operation->request.layer == PEND_LAYER_STREAM) {
		verdict = pendi_stream_classify(simulator, &run, &answer);
		/* relaxed: who reads it with the verdict has it from the word. */
		pendi_store_relaxed(&operation->flow_verdict_now, answer);
	} else {
		verdict = pendi_layer_classify(simulator, &run, PENDI_CLASSIFY_INITIAL);
	}
	if (!run.held)
		return PENDI_SIM_RUNNING | pendi_operation_said(simulator, operation, verdict);
	/* Killed after the pend was accepted and before its map could be asked to cancel it. */
	if (pendi_named_word(&operation->named) & PENDI_SIM_CANCELLED)
		(void)!pend_map_cancel(run.map, run.handle);
	return 0;
}

/* Runs the next stage of an operation that the caller has claimed. What the caller is busy with now:
 * nothing if it was pended, for then it is not the caller's any more. */
static uint64_t run_stage(struct pend_simulator *simulator, struct pendi_sim_operation *operation)
{
	const bool connects = operation->request.layer == PEND_LAYER_CONNECT;

	if (connects && operation->stage == PENDI_STAGE_REDIRECT)
		return run_redirect(simulator, operation);
	/* The first authorization takes what was said; a second one knows it. */
	if (connects && !operation->authorized) {
		operation->authorized = true;
		if (!take_redirect_verdict(simulator, operation))
			return PENDI_SIM_RUNNING |
			       pendi_operation_said(simulator, operation, PEND_VERDICT_REJECT);
	}
	return run_authorization(simulator, operation);
}

/* Claims the operation to run a stage. */
static bool claim_stage(struct pendi_sim_operation *operation)
{
	static const struct pendi_change claim = {
		.none = PENDI_SIM_VERDICTS | PENDI_SIM_PENDED | PENDI_SIM_BUSY,
		.set = PENDI_SIM_RUNNING,
	};

	return pendi_named_change(&operation->named, &claim, NULL);
}

/* Clears @busy, which the caller was. Of all who are busy with an operation that has its verdict, the
 * last one tells. */
static void clear_busy(struct pend_simulator *simulator, struct pendi_sim_operation *operation,
		       uint64_t busy)
{
	const struct pendi_change leave = { .clear = busy };
	uint64_t word;

	(void)pendi_named_change(&operation->named, &leave, &word);
	if (word & PENDI_SIM_VERDICTS && !(word & PENDI_SIM_BUSY))
		pendi_operation_tell(simulator, operation, word);
}

/* One stage. False: there is none to run. */
static bool run_one(struct pend_simulator *simulator, struct pendi_sim_operation *operation)
{
	uint64_t busy;

	if (!claim_stage(operation))
		return false;
	busy = run_stage(simulator, operation);
	if (busy)
		clear_busy(simulator, operation, busy);
	return true;
}

void pendi_operation_leave(struct pend_simulator *simulator, struct pendi_sim_operation *operation,
			   uint64_t busy)
{
	clear_busy(simulator, operation, busy);
	if (simulator->flags & PEND_SIM_STEPS)
		return;
	while (run_one(simulator, operation))
		continue;
}

int pend_simulator_step(struct pend_simulator *simulator, uint64_t name)
{
	struct pendi_sim_operation *operation;
	bool ran;

	if (!simulator)
		return -EFAULT;
	operation = pendi_operation_get(simulator, name);
	if (!operation)
		return -ENOENT;
	ran = run_one(simulator, operation);
	pendi_operation_put(simulator, operation);
	return ran ? 0 : -EALREADY;
}

/* --- Killing --- */

int pendi_operation_kill(struct pend_simulator *simulator, struct pendi_sim_operation *operation)
{
	uint64_t word;

	if (!pendi_operation_decide(simulator, operation, PENDI_SIM_CANCELLED))
		return -EALREADY;
	word = pendi_named_word(&operation->named);
	/* Who is HOLDING finds it cancelled; what is HELD stays until it was cancelled, so map and
	 * handle are its own. */
	if (word & PENDI_SIM_HELD && !(word & PENDI_SIM_HOLDING)) {
		/* relaxed: written before HELD was set, and the word has brought it. */
		const uint64_t handle = pendi_load_relaxed(&operation->held);

		(void)!pend_map_cancel(operation->map, handle);
	}
	pendi_operation_leave(simulator, operation, PENDI_SIM_ENDING);
	return 0;
}

int pend_simulator_kill(struct pend_simulator *simulator, uint64_t name)
{
	struct pendi_sim_operation *operation;
	int error;

	if (!simulator)
		return -EFAULT;
	operation = pendi_operation_get(simulator, name);
	if (!operation)
		return -ENOENT;
	error = pendi_operation_kill(simulator, operation);
	pendi_operation_put(simulator, operation);
	return error;
}

/* --- Reauthorizing --- */

/* Asks again about one connection, if it is permitted and goes to @port. True: it was asked. */
static bool reauthorize(struct pend_simulator *simulator, struct pendi_sim_operation *operation,
			uint16_t port)
{
	static const struct pendi_change claim = { .all = PENDI_SIM_PERMITTED,
						   .none = PENDI_SIM_BUSY,
						   .set = PENDI_SIM_RUNNING };
	static const struct pendi_change block = { .clear = PENDI_SIM_PERMITTED | PENDI_SIM_RUNNING,
						   .set = PENDI_SIM_BLOCKED };
	static const struct pendi_change leave = { .clear = PENDI_SIM_RUNNING };
	struct pendi_sim_run run = { .operation = operation };
	uint64_t word;
	bool asked;

	if (!pendi_named_change(&operation->named, &claim, NULL))
		return false;
	asked = !port || operation->address.user_port == port;
	if (!asked ||
	    pendi_layer_classify(simulator, &run, PENDI_CLASSIFY_POLICY) != PEND_VERDICT_REJECT) {
		(void)pendi_named_change(&operation->named, &leave, &word);
		pendi_operation_wake(operation, word);
		return asked;
	}
	(void)pendi_flow_end(simulator, operation->flow);
	(void)pendi_named_change(&operation->named, &block, &word);
	pendi_operation_tell(simulator, operation, word);
	return true;
}

int pend_simulator_reauthorize(struct pend_simulator *simulator, uint16_t port,
			       enum pend_reauthorize_reason reason)
{
	int asked = 0;

	if (!simulator)
		return -EFAULT;
	if (reason != PEND_REASON_POLICY && reason != PEND_REASON_ROUTE)
		return -EINVAL;
	for (uint32_t i = 0; i < pendi_names_walk(&simulator->operations); i++) {
		struct pendi_sim_operation *operation =
			(struct pendi_sim_operation *)pendi_names_get_at(&simulator->operations, i);

		if (!operation)
			continue;
		if (pend_layer_describe(operation->request.layer)->reauthorizes)
			asked += reauthorize(simulator, operation, port);
		pendi_operation_put(simulator, operation);
	}
	return asked;
}
