/* SPDX-License-Identifier: MIT */
/*
 * sock_addr.c - the program types of the network layers, and the helpers that only they have.
 *
 *	context   [ struct bpf_sock_addr: programs see and write it | what helpers read ]
 *	           <------------- size ------------->
 *	           <------------------------- saved_size -------------------------------->
 *
 * Every helper here answers from the context of the program that runs, and from nothing else: not
 * from the thread, which in a re-run is another, nor from the backend. A pended operation keeps the
 * whole context by value, so what is answered is the same each time (guarantee H, X7). That is why
 * the general helpers for process and socket are overridden for these types.
 *
 * A helper takes the context of its program and no other pointer: what is behind one that the
 * program made up is not a context.
 *
 * Data path: no lock, no allocation, no system call.
 */
#include <errno.h>
#include <string.h>

#include "engine/runtime/runtime_internal.h"

#include <pendmap/helpers.h>
#include <pendmap/hook.h>
#include <pendmap/sock_addr.h>

#define SOCK_ADDR_NETWORK_VERSION 2u
#define SOCK_ADDR_FAILED (-1) /* what programs of the sources compare with */

#define SOCK_ADDR_AT(field, offset)                                                     \
	_Static_assert(offsetof(struct bpf_sock_addr_network_context, field) == offset, \
		       "programs were built with this layout")

SOCK_ADDR_AT(version, 0);
SOCK_ADDR_AT(interface_type, 4);
SOCK_ADDR_AT(tunnel_type, 8);
SOCK_ADDR_AT(next_hop_interface_luid, 16);
SOCK_ADDR_AT(sub_interface_index, 24);
SOCK_ADDR_AT(available, 28);
_Static_assert(sizeof(struct bpf_sock_addr_network_context) == 32, "version 1 was as large");
_Static_assert(sizeof(struct pend_sock_addr_context) <= 256, "runtimes hold it by default");

/* --- Helpers --- */

/* The context of the running program, if @context is that. */
static struct pend_sock_addr_context *sock_addr_context(uint64_t context)
{
	void *running = pend_frame_context();

	return (uintptr_t)running == context ? running : NULL;
}

/* ... or if it is NULL, for helpers that find the context by themselves. */
static const struct pend_sock_addr_context *sock_addr_implicit(uint64_t context)
{
	return context ? sock_addr_context(context) : pend_frame_context();
}

/* A helper was called where it does not exist: counted, as one that the program did not name. */
static int64_t sock_addr_refused(int error)
{
	struct pendi_frame *frame = pendi_frame_innermost;

	pendi_runtime_count(frame->hook->runtime, PENDI_RUNTIME_HELPER_REFUSED, 1);
	pendi_invoke_trace(frame, PEND_TRACE_HELPER, error);
	return error;
}

/* What is known at a layer (F69). */
static uint32_t sock_addr_available(uint32_t layer)
{
	const uint32_t types = PEND_NETWORK_INTERFACE_TYPE | PEND_NETWORK_TUNNEL_TYPE;

	switch (layer) {
	case PEND_LAYER_CONNECT:
		return types | PEND_NETWORK_SUB_INTERFACE | PEND_NETWORK_NEXT_HOP;
	case PEND_LAYER_RECV_ACCEPT:
		return types | PEND_NETWORK_SUB_INTERFACE;
	case PEND_LAYER_LISTEN:
	case PEND_LAYER_BIND:
		return types;
	default:
		return 0;
	}
}

/* What the backend knows of it, and zero for the rest, padding included: it is handed out too, so it
 * is not returned by value, which would leave the padding open. */
static void sock_addr_network(const struct pend_sock_addr_context *context, uint32_t available,
			      struct bpf_sock_addr_network_context *network)
{
	const struct bpf_sock_addr_network_context *known = &context->network;

	memset(network, 0, sizeof(*network));
	network->version = SOCK_ADDR_NETWORK_VERSION;
	network->available = available & known->available;
	if (network->available & PEND_NETWORK_INTERFACE_TYPE)
		network->interface_type = known->interface_type;
	if (network->available & PEND_NETWORK_TUNNEL_TYPE)
		network->tunnel_type = known->tunnel_type;
	if (network->available & PEND_NETWORK_NEXT_HOP)
		network->next_hop_interface_luid = known->next_hop_interface_luid;
	if (network->available & PEND_NETWORK_SUB_INTERFACE)
		network->sub_interface_index = known->sub_interface_index;
}

static uint64_t sock_addr_help_network(uint64_t context, uint64_t to, uint64_t size, uint64_t d,
				       uint64_t e)
{
	const struct pend_sock_addr_context *from = sock_addr_context(context);
	struct bpf_sock_addr_network_context network;
	void *out = (void *)(uintptr_t)to;
	uint32_t available;

	(void)d;
	(void)e;
	if (!from || !out || !size)
		return (uint64_t)SOCK_ADDR_FAILED;
	memset(out, 0, size);
	available = sock_addr_available(from->layer);
	if (!available)
		return (uint64_t)sock_addr_refused(SOCK_ADDR_FAILED);
	if (!from->has_network)
		return (uint64_t)SOCK_ADDR_FAILED;
	sock_addr_network(from, available, &network);
	memcpy(out, &network, size < sizeof(network) ? size : sizeof(network));
	return 0;
}

static uint64_t sock_addr_help_redirect(uint64_t context, uint64_t value, uint64_t c, uint64_t d,
					uint64_t e)
{
	struct pend_sock_addr_context *to = sock_addr_context(context);

	(void)c;
	(void)d;
	(void)e;
	if (!to)
		return (uint64_t)-EFAULT;
	if (to->layer != PEND_LAYER_CONNECT_REDIRECT)
		return (uint64_t)sock_addr_refused(-EOPNOTSUPP);
	to->redirect_context = value;
	return 0;
}

static uint64_t sock_addr_help_process(uint64_t context, uint64_t b, uint64_t c, uint64_t d,
				       uint64_t e)
{
	const struct pend_sock_addr_context *from = sock_addr_context(context);

	(void)b;
	(void)c;
	(void)d;
	(void)e;
	return from ? from->process_thread : 0;
}

/* In place of bpf_get_current_pid_tgid(), which has no arguments. */
static uint64_t sock_addr_override_process(uint64_t a, uint64_t b, uint64_t c, uint64_t d,
					   uint64_t e)
{
	const struct pend_sock_addr_context *from = pend_frame_context();

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	(void)e;
	return from ? from->process_thread : 0;
}

/* In place of bpf_get_socket_cookie(). */
static uint64_t sock_addr_override_cookie(uint64_t context, uint64_t b, uint64_t c, uint64_t d,
					  uint64_t e)
{
	const struct pend_sock_addr_context *from = sock_addr_implicit(context);

	(void)b;
	(void)c;
	(void)d;
	(void)e;
	return from ? from->socket_cookie : 0;
}

/* --- What the types hand over --- */

#define SOCK_ADDR_HEADER PEND_HEADER(PEND_PROGRAM_VERSION, struct pend_helper_prototype, flags)

static const struct pend_helper_prototype sock_addr_prototypes[] = {
	{ SOCK_ADDR_HEADER,
	  BPF_FUNC_sock_addr_get_current_pid_tgid,
	  "bpf_sock_addr_get_current_pid_tgid",
	  PEND_RETURN_INTEGER,
	  { PEND_ARGUMENT_CONTEXT },
	  0 },
	{ SOCK_ADDR_HEADER,
	  BPF_FUNC_sock_addr_set_redirect_context,
	  "bpf_sock_addr_set_redirect_context",
	  PEND_RETURN_INTEGER,
	  { PEND_ARGUMENT_CONTEXT, PEND_ARGUMENT_ANYTHING },
	  0 },
	{ SOCK_ADDR_HEADER,
	  BPF_FUNC_sock_addr_get_network_context,
	  "bpf_sock_addr_get_network_context",
	  PEND_RETURN_INTEGER,
	  { PEND_ARGUMENT_CONTEXT, PEND_ARGUMENT_WRITABLE, PEND_ARGUMENT_SIZE },
	  0 },
};
static const pend_helper_fn sock_addr_helpers[] = {
	sock_addr_help_process,
	sock_addr_help_redirect,
	sock_addr_help_network,
};
static const uint32_t sock_addr_override_ids[] = {
	BPF_FUNC_get_current_pid_tgid,
	BPF_FUNC_get_socket_cookie,
};
static const pend_helper_fn sock_addr_overrides[] = {
	sock_addr_override_process,
	sock_addr_override_cookie,
};

#define SOCK_ADDR_LAYOUT                                                             \
	{                                                                            \
		sizeof(struct bpf_sock_addr), sizeof(struct pend_sock_addr_context), \
			offsetof(struct bpf_sock_addr, data),                        \
			offsetof(struct bpf_sock_addr, data_end)                     \
	}

static const struct pend_program_data sock_addr_data = {
	.header = PEND_HEADER(PEND_PROGRAM_VERSION, struct pend_program_data, override_addresses),
	.name = "sock_addr",
	.context = SOCK_ADDR_LAYOUT,
	.helper_count = sizeof(sock_addr_helpers) / sizeof(sock_addr_helpers[0]),
	.helpers = sock_addr_prototypes,
	.helper_addresses = sock_addr_helpers,
	.override_count = sizeof(sock_addr_overrides) / sizeof(sock_addr_overrides[0]),
	.override_ids = sock_addr_override_ids,
	.override_addresses = sock_addr_overrides,
};

/* A flow classifier has nothing to redirect, and routing is past. */
static const struct pend_program_data sock_addr_flow_data = {
	.header = PEND_HEADER(PEND_PROGRAM_VERSION, struct pend_program_data, override_addresses),
	.name = "flow_classify",
	.context = SOCK_ADDR_LAYOUT,
	.helper_count = 1,
	.helpers = sock_addr_prototypes,
	.helper_addresses = sock_addr_helpers,
	.override_count = sizeof(sock_addr_overrides) / sizeof(sock_addr_overrides[0]),
	.override_ids = sock_addr_override_ids,
	.override_addresses = sock_addr_overrides,
};

_Static_assert(sizeof(sock_addr_prototypes) / sizeof(sock_addr_prototypes[0]) ==
		       sizeof(sock_addr_helpers) / sizeof(sock_addr_helpers[0]),
	       "one address each");
_Static_assert(offsetof(struct pend_sock_addr_context, base) == 0, "programs see it first");

/* --- Registering --- */

static int sock_addr_provide(struct pend_runtime *runtime, const struct pend_uuid *type,
			     const struct pend_program_data *data, struct pend_provider **provider)
{
	const struct pend_provider_options options = {
		.size = sizeof(options),
		.kind = PEND_PROVIDER_PROGRAM,
		.id = *type,
		.data = &data->header,
	};

	return pend_provider_register(runtime, &options, provider);
}

/* Nothing to be done: the tables are part of the library. */
static void sock_addr_gone(void *context)
{
	(void)context;
}

int pend_sock_addr_register(struct pend_runtime *runtime)
{
	struct pend_provider *sock_addr, *flow;
	int result;

	if (!runtime)
		return -EFAULT;
	result = sock_addr_provide(runtime, pend_sock_addr_type(), &sock_addr_data, &sock_addr);
	if (result)
		return result;
	result = sock_addr_provide(runtime, pend_flow_classify_type(), &sock_addr_flow_data, &flow);
	/* Who has become a client meanwhile keeps it until it is none. */
	if (result)
		(void)!pend_provider_unregister(sock_addr, sock_addr_gone, NULL);
	return result;
}

/* Who provides @type; NULL: nobody. */
static struct pend_provider *sock_addr_provider(struct pend_runtime *runtime,
						const struct pend_uuid *type)
{
	struct pendi_use use = { .provider = NULL };
	struct pend_provider *provider;

	if (pendi_registry_use(pendi_registry_of(runtime), PEND_PROVIDER_PROGRAM, type, &use))
		return NULL;
	provider = use.provider;
	pendi_registry_unuse(&use);
	return provider;
}

int pend_sock_addr_unregister(struct pend_runtime *runtime)
{
	struct pend_provider *sock_addr, *flow;

	if (!runtime)
		return -EFAULT;
	sock_addr = sock_addr_provider(runtime, pend_sock_addr_type());
	flow = sock_addr_provider(runtime, pend_flow_classify_type());
	if (!sock_addr || !flow)
		return -ENOENT;
	if (pend_provider_clients(sock_addr) || pend_provider_clients(flow))
		return -EBUSY;
	/* Whoever becomes a client from here on keeps its provider until it is none: neither fails. */
	(void)!pend_provider_unregister(sock_addr, sock_addr_gone, NULL);
	return pend_provider_unregister(flow, sock_addr_gone, NULL);
}

/* --- What programs call --- */

int bpf_sock_addr_get_network_context(struct bpf_sock_addr *context, void *network, uint32_t size)
{
	const pend_helper_fn help = bpf_helper(BPF_FUNC_sock_addr_get_network_context);

	if (!help)
		return -EPERM;
	return (int)help((uintptr_t)context, (uintptr_t)network, size, 0, 0);
}

int bpf_sock_addr_set_redirect_context(struct bpf_sock_addr *context, uint64_t value)
{
	const pend_helper_fn help = bpf_helper(BPF_FUNC_sock_addr_set_redirect_context);

	if (!help)
		return -EPERM;
	return (int)help((uintptr_t)context, value, 0, 0, 0);
}

uint64_t bpf_sock_addr_get_current_pid_tgid(struct bpf_sock_addr *context)
{
	const pend_helper_fn help = bpf_helper(BPF_FUNC_sock_addr_get_current_pid_tgid);

	return help ? help((uintptr_t)context, 0, 0, 0, 0) : 0;
}
