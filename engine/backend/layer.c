/* SPDX-License-Identifier: MIT */
/*
 * layer.c - what the layers are, and asking the programs of one.
 *
 *	classify(INITIAL)     the programs run; they may pend
 *	classify(POLICY)      the programs run; nothing can be pended (F62, F71)
 *	classify(COMPLETION)  no program runs: the verdict is in the cell of the completing thread
 *
 * A layer that completes by RECLASSIFY is handed its verdict the way the systems do it that this one
 * plays: the completion enters the layer's classify again, on its own thread, and that finds there
 * what it is to say (F55). The cell is good for one operation and for the time of that call; a
 * classify for another operation or reason does not look at it. A completion that finds none blocks.
 */
#include <string.h>
#include <sys/socket.h>

#include "engine/backend/simulator_internal.h"

PENDI_THREAD_LOCAL struct pendi_sim_run *pendi_sim_run_innermost;

/* The verdict of the completion that runs on this thread. */
struct completion_cell {
	uint64_t operation;
	enum pend_verdict verdict;
	const struct completion_cell *outer;
};

static PENDI_THREAD_LOCAL const struct completion_cell *layer_cell;

static const struct pend_layer_descriptor layer_descriptors[PEND_LAYERS] = {
	{ PEND_LAYER_CONNECT_REDIRECT, "connect-redirect", PEND_MODE_NONBLOCK,
	  PEND_COMPLETES_INLINE, false, false, false },
	{ PEND_LAYER_CONNECT, "connect", PEND_MODE_NONBLOCK, PEND_COMPLETES_RECLASSIFY, true, true,
	  true },
	{ PEND_LAYER_RECV_ACCEPT, "recv-accept", PEND_MODE_NONBLOCK, PEND_COMPLETES_DIRECT, true,
	  false, true },
	{ PEND_LAYER_LISTEN, "listen", PEND_MODE_MAY_BLOCK, PEND_COMPLETES_RECLASSIFY, false, false,
	  true },
	{ PEND_LAYER_BIND, "bind", PEND_MODE_MAY_BLOCK, PEND_COMPLETES_HANDLE, false, false, true },
	{ PEND_LAYER_DATAGRAM, "datagram", PEND_MODE_NONBLOCK, PEND_COMPLETES_REINJECT, true, false,
	  true },
	{ PEND_LAYER_STREAM, "stream", PEND_MODE_MAY_BLOCK, PEND_COMPLETES_INLINE, true, false,
	  false },
};

const struct pend_layer_descriptor *pend_layer_describe(enum pend_layer layer)
{
	return (uint32_t)layer < PEND_LAYERS ? &layer_descriptors[layer] : NULL;
}

struct pend_hook *pendi_layer_hook(const struct pend_simulator *simulator, enum pend_layer layer,
				   uint32_t family)
{
	return simulator->hooks[layer][family == AF_INET6];
}

bool pendi_layer_is_own(uint32_t flags)
{
	return flags & PEND_SIM_SELF_INJECTED;
}

/* Which addresses a layer knows (F57, F58, F67): listening has no remote end, so both are the local
 * one; a bind has no source. */
static void shape_address(struct bpf_sock_addr *address, enum pend_layer layer)
{
	if (layer == PEND_LAYER_LISTEN) {
		memcpy(address->msg_src_ip6, address->user_ip6, sizeof(address->msg_src_ip6));
		address->msg_src_port = address->user_port;
	} else if (layer == PEND_LAYER_BIND) {
		memset(address->msg_src_ip6, 0, sizeof(address->msg_src_ip6));
		address->msg_src_port = 0;
	}
}

void pendi_layer_context(const struct pendi_sim_operation *operation, enum pend_layer layer,
			 const struct bpf_sock_addr *address,
			 struct pend_sock_addr_context *context)
{
	const struct pend_simulated_request *request = &operation->request;
	const uint32_t pid = (uint32_t)request->subject.pid;
	const uint32_t thread = request->thread ? (uint32_t)request->thread : pid;

	memset(context, 0, sizeof(*context));
	context->base = *address;
	shape_address(&context->base, layer);
	if (request->payload_size) {
		context->base.data = request->payload;
		context->base.data_end = (const char *)request->payload + request->payload_size;
	}
	context->layer = layer;
	context->direction = request->direction;
	context->process_thread = pid ? (uint64_t)pid << 32 | thread : 0;
	context->socket_cookie = request->socket_cookie;
	context->redirect_context = operation->redirect_context;
	context->flow = request->flow;
	context->network = request->network;
	context->has_network = request->network.version != 0;
	context->flow_state = request->flow_state;
}

enum pend_verdict pendi_layer_ask(struct pend_simulator *simulator, struct pendi_sim_run *run,
				  struct pend_invocation *invocation)
{
	const struct pend_sock_addr_context *context = &run->context;
	struct pend_hook *hook =
		pendi_layer_hook(simulator, (enum pend_layer)context->layer, context->base.family);
	int error;

	invocation->context = &run->context;
	invocation->compartment = context->base.compartment_id;
	run->outer = pendi_sim_run_innermost;
	pendi_sim_run_innermost = run;
	error = pend_hook_invoke(hook, invocation);
	pendi_sim_run_innermost = run->outer;
	return error ? PEND_VERDICT_REJECT : invocation->verdict;
}

/* Whose operation it is: what its caller said, or what is known of its flow (F54). */
static const struct pend_subject *simulated_subject(const struct pendi_sim_operation *operation)
{
	if (operation->request.subject.pid)
		return &operation->request.subject;
	return operation->belongs ? pendi_flow_subject(operation->belongs) : NULL;
}

static enum pend_verdict ask_programs(struct pend_simulator *simulator, struct pendi_sim_run *run,
				      enum pend_verdict initial, uint32_t flags)
{
	struct pendi_sim_operation *operation = run->operation;
	struct pend_invocation invocation = {
		.operation = pendi_named_name(&operation->named),
		.subject = simulated_subject(operation),
		.payload_bytes = operation->request.payload_size,
		.flags = flags,
		.initial = initial,
	};

	/* relaxed: a counter. */
	(void)pendi_fetch_add_relaxed(&operation->invocations_count, 1);
	return pendi_layer_ask(simulator, run, &invocation);
}

/* A completion's verdict, for exactly the operation that it completes. */
static enum pend_verdict classify_completion(const struct pendi_sim_operation *operation)
{
	const struct completion_cell *cell = layer_cell;

	if (!cell || cell->operation != pendi_named_name(&operation->named))
		return PEND_VERDICT_REJECT;
	return cell->verdict;
}

enum pend_verdict pendi_layer_classify(struct pend_simulator *simulator, struct pendi_sim_run *run,
				       enum pendi_classify_reason reason)
{
	struct pendi_sim_operation *operation = run->operation;
	const bool is_original = operation->stage == PENDI_STAGE_ORIGINAL;

	if (reason == PENDI_CLASSIFY_COMPLETION)
		return classify_completion(operation);
	pendi_layer_context(operation, operation->request.layer,
			    is_original ? &operation->request.address : &operation->address,
			    &run->context);
	if (reason == PENDI_CLASSIFY_POLICY)
		return ask_programs(simulator, run, PEND_VERDICT_PROCEED_SOFT, PEND_INVOKE_NO_PEND);
	return ask_programs(simulator, run,
			    is_original ? PEND_VERDICT_PROCEED_SOFT : operation->initial, 0);
}

enum pend_verdict pendi_layer_redirect(struct pend_simulator *simulator, struct pendi_sim_run *run)
{
	pendi_layer_context(run->operation, PEND_LAYER_CONNECT_REDIRECT,
			    &run->operation->request.address, &run->context);
	return ask_programs(simulator, run, PEND_VERDICT_PROCEED_SOFT, PEND_INVOKE_NO_PEND);
}

enum pend_verdict pendi_layer_reclassify(struct pend_simulator *simulator,
					 struct pendi_sim_operation *operation,
					 enum pend_verdict verdict)
{
	const struct completion_cell cell = { pendi_named_name(&operation->named), verdict,
					      layer_cell };
	struct pendi_sim_run run = { .operation = operation };
	enum pend_verdict said;

	layer_cell = &cell;
	said = pendi_layer_classify(simulator, &run, PENDI_CLASSIFY_COMPLETION);
	layer_cell = cell.outer;
	/* relaxed: a counter. */
	(void)pendi_fetch_add_relaxed(&operation->reclassified_count, 1);
	return said;
}
