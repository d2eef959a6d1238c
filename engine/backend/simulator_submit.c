/* SPDX-License-Identifier: MIT */
/*
 * simulator_submit.c - submitting an operation.
 *
 *	check -> take an element, copy the payload, reserve its flow -> give it its name -> run its stages
 *
 * All that it can need is reserved before it has its name, so what follows cannot fail for want of
 * anything. Until it has its name nobody else knows of it, and a failure gives all of it back.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/backend/simulator_internal.h"
#include "platform/memory.h"

static int check_payload(const struct pend_simulated_request *request)
{
	if (request->payload_size && !request->payload)
		return -EFAULT;
	if (request->payload && !request->payload_size)
		return -EINVAL;
	if (request->payload_size && !pend_layer_describe(request->layer)->has_payload)
		return -EINVAL;
	return 0;
}

static int check_request(const struct pend_simulated_request *request)
{
	const struct bpf_sock_addr *address = &request->address;

	if (request->layer == PEND_LAYER_CONNECT_REDIRECT || !pend_layer_describe(request->layer))
		return -EINVAL;
	if (request->direction != PEND_OUTBOUND && request->direction != PEND_INBOUND)
		return -EINVAL;
	if ((address->family != AF_INET && address->family != AF_INET6) || address->data ||
	    address->data_end)
		return -EINVAL;
	if (request->flags & ~(uint32_t)PEND_SIM_SELF_INJECTED)
		return -EINVAL;
	if (request->flow && request->layer != PEND_LAYER_DATAGRAM &&
	    request->layer != PEND_LAYER_STREAM)
		return -EINVAL;
	if (request->layer == PEND_LAYER_STREAM
		    ? (uint32_t)request->flow_state > PEND_FLOW_ESTABLISHED
		    : request->flow_state != PEND_FLOW_NEW)
		return -EINVAL;
	return check_payload(request);
}

static bool makes_flow(const struct pend_simulated_request *request)
{
	return (request->layer == PEND_LAYER_CONNECT || request->layer == PEND_LAYER_RECV_ACCEPT) &&
	       !pendi_layer_is_own(request->flags);
}

/* The copy of the payload. False: no memory. */
static bool copy_payload(const struct pend_simulator *simulator,
			 struct pend_simulated_request *request, const void *payload)
{
	void *copy = NULL;

	if (request->payload_size) {
		copy = pendi_memory_allocate(simulator->allocator, request->payload_size, 16);
		if (!copy)
			return false;
		memcpy(copy, payload, request->payload_size);
	}
	request->payload = copy;
	return true;
}

static void fill_operation_of(struct pendi_sim_operation *operation,
			      const struct pend_simulated_request *request)
{
	operation->request = *request;
	operation->request.payload = NULL;
	operation->address = request->address;
	operation->makes = operation->belongs = NULL;
	operation->flow = 0;
	operation->stage = request->layer == PEND_LAYER_CONNECT ? PENDI_STAGE_REDIRECT
								: PENDI_STAGE_FINAL;
	operation->initial = PEND_VERDICT_PROCEED_SOFT;
	operation->authorized = operation->has_handle = false;
	operation->redirect_context = 0;
	operation->map = NULL;
	/* relaxed, all: its name is not known yet. */
	pendi_store_relaxed(&operation->held, 0);
	pendi_store_relaxed(&operation->verdict_now, PEND_VERDICT_PROCEED_SOFT);
	pendi_store_relaxed(&operation->flow_verdict_now, EBPF_FLOW_CLASSIFY_ALLOW);
	pendi_store_relaxed(&operation->pends_count, 0);
	pendi_store_relaxed(&operation->completions_count, 0);
	pendi_store_relaxed(&operation->reclassified_count, 0);
	pendi_store_relaxed(&operation->injections_count, 0);
	pendi_store_relaxed(&operation->invocations_count, 0);
}

/* An operation without a name, all it needs reserved. 0, -ENOSPC, -ENOMEM. */
static int make_operation(struct pend_simulator *simulator,
			  const struct pend_simulated_request *request,
			  struct pendi_sim_operation **made)
{
	struct pendi_sim_operation *operation =
		(struct pendi_sim_operation *)pendi_names_take(&simulator->operations);
	struct pendi_sim_flow *flow = NULL;

	if (!operation)
		return -ENOSPC;
	fill_operation_of(operation, request);
	if (!copy_payload(simulator, &operation->request, request->payload)) {
		pendi_operation_put(simulator, operation);
		return -ENOMEM;
	}
	if (makes_flow(request)) {
		flow = pendi_flow_reserve(simulator, pendi_named_name(&operation->named));
		if (!flow) {
			pendi_operation_put(simulator, operation);
			return -ENOSPC;
		}
		operation->makes = flow;
		operation->flow = pendi_named_name(&flow->named);
	}
	if (request->flow)
		operation->belongs = pendi_flow_get(simulator, request->flow);
	*made = operation;
	return 0;
}

/* Gives it its name, and the caller is busy with it. What the simulator itself injected passes at
 * once, and no program sees it. What the caller is busy with then. */
static uint64_t announce_operation(struct pend_simulator *simulator,
				   struct pendi_sim_operation *operation)
{
	static const struct pendi_change announce = { .set = PENDI_NAMED | PENDI_SIM_RUNNING };

	pendi_simulator_enter(simulator, PENDI_LEDGER_SUBMITTED);
	(void)pendi_named_change(&operation->named, &announce, NULL);
	if (pendi_layer_is_own(operation->request.flags))
		return PENDI_SIM_RUNNING |
		       pendi_operation_said(simulator, operation, PEND_VERDICT_PROCEED_SOFT);
	/* Its flow's end may have looked for what it holds up before this had a name. */
	if (operation->belongs && pendi_flow_is_over(operation->belongs))
		(void)pendi_operation_kill(simulator, operation);
	return PENDI_SIM_RUNNING;
}

int pend_simulator_submit(struct pend_simulator *simulator,
			  const struct pend_simulated_request *request, uint64_t *name)
{
	struct pendi_sim_operation *operation;
	int error;

	if (!simulator || !request || !name)
		return -EFAULT;
	error = check_request(request);
	if (!error)
		error = pendi_simulator_fault(simulator, PEND_FAULT_SUBMIT);
	if (!error)
		error = make_operation(simulator, request, &operation);
	if (error)
		return error;
	*name = pendi_named_name(&operation->named);
	pendi_operation_leave(simulator, operation, announce_operation(simulator, operation));
	pendi_operation_put(simulator, operation);
	return 0;
}
