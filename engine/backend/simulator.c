/* SPDX-License-Identifier: MIT */
/*
 * simulator.c - making and ending a simulator, its ledger, and faults to order.
 *
 * A simulator is a hook for each layer and family, over one backend; a pool of operations and one of
 * flows, both of a fixed size; and a table of redirect verdicts. All of it is allocated when it is
 * made. Creation climbs a ladder, and climbs it down when a rung fails.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/backend/simulator_internal.h"
#include "engine/object/options.h"
#include "engine/runtime/runtime_internal.h"
#include "platform/memory.h"

/* sizeof(struct pend_simulator_options) in the first version. */
#define SIMULATOR_OPTIONS_FIRST sizeof(struct pend_simulator_options)
#define SIMULATOR_LEDGER_FIRST sizeof(struct pend_simulator_ledger)
#define SIMULATOR_OPERATIONS_MAX (1u << 20)
#define SIMULATOR_FLAGS \
	(PEND_SIM_STEPS | PEND_SIM_RESUME | PEND_SIM_READ_ONLY_IGNORE | PEND_SIM_RESUME_KNOWN)

#define FAULT_NUMBER_MAX 0xffffffu /* of `after` and `times` */
#define FAULT_ERROR_MAX 4095

/* Who is in a call that is about to return is waited for so often, and so long each time. */
#define CALLERS_LOOKS 1000u
#define CALLERS_PAUSE_NS 100000u

static const int simulator_families[PENDI_FAMILIES] = { AF_INET, AF_INET6 };

/* --- The ledger and faults --- */

void pendi_simulator_enter(struct pend_simulator *simulator, enum pendi_ledger_entry entry)
{
	/* relaxed: a counter, which orders nothing. */
	(void)pendi_fetch_add_relaxed(&simulator->ledger[entry], 1);
}

static uint64_t ledger_value(struct pend_simulator *simulator, enum pendi_ledger_entry entry)
{
	/* relaxed: a moment's value; exact when nothing is under way. */
	return pendi_load_relaxed(&simulator->ledger[entry]);
}

int pend_simulator_ledger_read(struct pend_simulator *simulator,
			       struct pend_simulator_ledger *ledger)
{
	struct pend_simulator_ledger now;

	if (!simulator || !ledger)
		return -EFAULT;
	if (ledger->size < SIMULATOR_LEDGER_FIRST)
		return -EINVAL;
	now = (struct pend_simulator_ledger){
		.size = ledger->size,
		.submitted = ledger_value(simulator, PENDI_LEDGER_SUBMITTED),
		.ended = ledger_value(simulator, PENDI_LEDGER_ENDED),
		.pended = ledger_value(simulator, PENDI_LEDGER_PENDED),
		.completed = ledger_value(simulator, PENDI_LEDGER_COMPLETED),
		.copies = ledger_value(simulator, PENDI_LEDGER_COPIES),
		.copies_freed = ledger_value(simulator, PENDI_LEDGER_COPIES_FREED),
		.handles = ledger_value(simulator, PENDI_LEDGER_HANDLES),
		.handles_released = ledger_value(simulator, PENDI_LEDGER_HANDLES_RELEASED),
		.identities = ledger_value(simulator, PENDI_LEDGER_IDENTITIES),
		.identities_released = ledger_value(simulator, PENDI_LEDGER_IDENTITIES_RELEASED),
		.flows = ledger_value(simulator, PENDI_LEDGER_FLOWS),
		.flows_deleted = ledger_value(simulator, PENDI_LEDGER_FLOWS_DELETED),
		.injected = ledger_value(simulator, PENDI_LEDGER_INJECTED),
		.redirects_cached = ledger_value(simulator, PENDI_LEDGER_REDIRECTS_CACHED),
		.redirects_used = ledger_value(simulator, PENDI_LEDGER_REDIRECTS_USED),
		.redirects_expired = ledger_value(simulator, PENDI_LEDGER_REDIRECTS_EXPIRED),
	};
	memcpy(ledger, &now, sizeof(now));
	return 0;
}

int pend_simulator_fail(struct pend_simulator *simulator, enum pend_simulator_fault at,
			uint32_t after, uint32_t times, int error)
{
	uint64_t order = 0;

	if (!simulator)
		return -EFAULT;
	if ((uint32_t)at >= PEND_FAULTS || after > FAULT_NUMBER_MAX || times > FAULT_NUMBER_MAX ||
	    error >= 0 || error < -FAULT_ERROR_MAX)
		return -EINVAL;
	if (times)
		order = (uint64_t)-error << 48 | (uint64_t)after << 24 | times;
	/* relaxed: the order is all in this word. */
	pendi_store_relaxed(&simulator->faults[at], order);
	return 0;
}

int pendi_simulator_fault(struct pend_simulator *simulator, enum pend_simulator_fault at)
{
	/* relaxed, all: the order is all in this word, and each call takes its part of it once. */
	uint64_t order = pendi_load_relaxed(&simulator->faults[at]);
	uint64_t next, after, times;

	do {
		if (!order)
			return 0;
		after = order >> 24 & FAULT_NUMBER_MAX;
		times = order & FAULT_NUMBER_MAX;
		next = after ? order - (UINT64_C(1) << 24) : order - 1;
		if (!after && times == 1)
			next = 0;
	} while (!pendi_cas_relaxed(&simulator->faults[at], &order, next));
	return after ? 0 : -(int)(order >> 48);
}

/* --- Hooks --- */

static uint32_t hook_flags(const struct pend_simulator *simulator, enum pend_layer layer)
{
	uint32_t flags = 0;

	if (pend_layer_describe(layer)->mode == PEND_MODE_MAY_BLOCK)
		flags |= PEND_HOOK_MAY_BLOCK;
	if (layer == PEND_LAYER_CONNECT_REDIRECT)
		return flags | PEND_HOOK_NO_PEND | PEND_HOOK_STOP_ON_WRITE;
	if (layer == PEND_LAYER_STREAM)
		return flags | PEND_HOOK_NO_PEND | PEND_HOOK_CLASSIFIES |
		       PEND_HOOK_READ_ONLY_IGNORE;
	flags |= simulator->flags & PEND_SIM_READ_ONLY_IGNORE ? PEND_HOOK_READ_ONLY_IGNORE
							      : PEND_HOOK_READ_ONLY;
	if (simulator->flags & PEND_SIM_RESUME)
		flags |= PEND_HOOK_RESUME;
	if (simulator->flags & PEND_SIM_RESUME_KNOWN)
		flags |= PEND_HOOK_RESUME_KNOWN;
	return flags;
}

static int make_hook(struct pend_simulator *simulator, enum pend_layer layer, uint32_t family,
		     enum pend_hook_loss on_loss)
{
	const struct pend_hook_options options = {
		.size = sizeof(options),
		.flags = hook_flags(simulator, layer),
		.name = pend_layer_section(layer, simulator_families[family]),
		.program_type = layer == PEND_LAYER_STREAM ? *pend_flow_classify_type()
							   : *pend_sock_addr_type(),
		.attach_types = { *pend_layer_attach_type(layer, simulator_families[family]) },
		.attach_type_count = 1,
		.links_max = PEND_HOOK_LINKS_MAX,
		.on_orchestrator_loss = on_loss,
		.backend = &pendi_simulator_backend,
		.backend_context = simulator,
	};

	return pend_hook_create(simulator->runtime, &options, &simulator->hooks[layer][family]);
}

/* Ends the hooks that there are. 0 or -EBUSY: one is used, and it and those behind it are still there. */
static int end_hooks(struct pend_simulator *simulator)
{
	int error = 0;

	for (uint32_t i = 0; i < PEND_LAYERS * PENDI_FAMILIES && !error; i++) {
		struct pend_hook **hook = &simulator->hooks[i / PENDI_FAMILIES][i % PENDI_FAMILIES];

		if (*hook)
			error = pend_hook_destroy(*hook);
		if (!error)
			*hook = NULL;
	}
	return error;
}

/* Whether a program is attached, or one that was is not yet gone. */
static bool hooks_are_used(struct pend_simulator *simulator)
{
	for (uint32_t i = 0; i < PEND_LAYERS * PENDI_FAMILIES; i++) {
		struct pend_hook *hook = simulator->hooks[i / PENDI_FAMILIES][i % PENDI_FAMILIES];

		if (hook && pend_provider_clients(hook->providers[0]) > 0)
			return true;
	}
	return false;
}

struct pend_hook *pend_simulator_hook(struct pend_simulator *simulator, enum pend_layer layer,
				      int family)
{
	if (!simulator || !pend_layer_describe(layer) || (family != AF_INET && family != AF_INET6))
		return NULL;
	return pendi_layer_hook(simulator, layer, (uint32_t)family);
}

/* --- Creation --- */

/* 0, -EINVAL or -ERANGE. */
static int check_simulator_options(const struct pend_simulator_options *options)
{
	const uint32_t loss = (uint32_t)options->on_orchestrator_loss;

	if (options->flags & ~(uint32_t)SIMULATOR_FLAGS || options->reserved ||
	    loss > PEND_HOOK_LOSS_PERMIT)
		return -EINVAL;
	if (options->flags & PEND_SIM_RESUME_KNOWN && !(options->flags & PEND_SIM_RESUME))
		return -EINVAL;
	if (options->operations_max == 0 || options->operations_max > SIMULATOR_OPERATIONS_MAX)
		return -ERANGE;
	return options->redirect_expiry_ms ? 0 : -ERANGE;
}

/* The program types, unless somebody has registered them already. */
static int register_types(struct pend_simulator *simulator)
{
	const int error = pend_sock_addr_register(simulator->runtime);

	simulator->registered = !error;
	return error == -EEXIST ? 0 : error;
}

/* Programs may still be loaded: then the types stay, for pend_sock_addr_unregister(). */
static void unregister_types(struct pend_simulator *simulator)
{
	if (simulator->registered)
		(void)!pend_sock_addr_unregister(simulator->runtime);
}

static int build_simulator(struct pend_simulator *simulator,
			   const struct pend_simulator_options *options)
{
	const uint32_t count = options->operations_max;
	int error = pendi_names_init(&simulator->operations, count,
				     sizeof(struct pendi_sim_operation), simulator->allocator);

	if (error)
		return error;
	error = pendi_names_init(&simulator->flows, count, sizeof(struct pendi_sim_flow),
				 simulator->allocator);
	if (error)
		goto fail_flows;
	error = pendi_redirects_create(simulator, count, options->redirect_expiry_ms);
	if (error)
		goto fail_redirects;
	error = register_types(simulator);
	if (error)
		goto fail_types;
	for (uint32_t i = 0; i < PEND_LAYERS * PENDI_FAMILIES && !error; i++)
		error = make_hook(simulator, (enum pend_layer)(i / PENDI_FAMILIES),
				  i % PENDI_FAMILIES, options->on_orchestrator_loss);
	if (!error)
		return 0;
	(void)end_hooks(simulator);
	unregister_types(simulator);
fail_types:
	pendi_redirects_destroy(simulator);
fail_redirects:
	pendi_names_fini(&simulator->flows);
fail_flows:
	pendi_names_fini(&simulator->operations);
	return error;
}

int pend_simulator_create(struct pend_runtime *runtime,
			  const struct pend_simulator_options *options,
			  struct pend_simulator **simulator)
{
	struct pend_simulator_options given = pend_simulator_options_default();
	const struct pend_allocator *allocator;
	struct pend_simulator *made;
	int error = runtime && simulator ? 0 : -EFAULT;

	if (!error && options)
		error = pendi_options_read(&given, sizeof(given), SIMULATOR_OPTIONS_FIRST, options);
	if (!error)
		error = check_simulator_options(&given);
	if (error)
		return error;
	allocator = &pendi_registry_of(runtime)->allocator;
	made = pendi_memory_allocate(allocator, sizeof(*made), PENDI_CACHE_LINE);
	if (!made)
		return -ENOMEM;
	made->runtime = runtime;
	made->allocator = allocator;
	made->flags = given.flags;
	made->on_verdict = given.on_verdict;
	made->context = given.context;
	error = build_simulator(made, &given);
	if (error) {
		pendi_memory_release(allocator, made, sizeof(*made));
		return error;
	}
	*simulator = made;
	return 0;
}

/* Whether an operation is under way. One that was never begun, as it is stepped, is not. */
static bool operations_are_used(struct pend_simulator *simulator)
{
	bool used = false;

	for (uint32_t i = 0; i < pendi_names_walk(&simulator->operations) && !used; i++) {
		struct pendi_sim_operation *operation =
			(struct pendi_sim_operation *)pendi_names_get_at(&simulator->operations, i);

		if (!operation)
			continue;
		used = pendi_named_word(&operation->named) & PENDI_SIM_BUSY;
		pendi_operation_put(simulator, operation);
	}
	return used;
}

/* Waits, not for long, until nobody is inside of a call for an operation that is settled: whoever
 * settled it has told of it, and returns from there just now. */
static bool await_callers(const struct pend_simulator *simulator)
{
	for (uint32_t i = 0; i < CALLERS_LOOKS; i++) {
		if (pendi_names_are_idle(&simulator->operations))
			return true;
		pendi_gate_pause(CALLERS_PAUSE_NS);
	}
	return false;
}

/* Forgets what is still remembered. What has no verdict is cancelled. */
static void end_operations(struct pend_simulator *simulator)
{
	for (uint32_t i = 0; i < pendi_names_walk(&simulator->operations); i++) {
		struct pendi_sim_operation *operation =
			(struct pendi_sim_operation *)pendi_names_get_at(&simulator->operations, i);
		uint64_t name;

		if (!operation)
			continue;
		name = pendi_named_name(&operation->named);
		(void)pendi_operation_kill(simulator, operation);
		pendi_operation_put(simulator, operation);
		(void)!pend_simulator_forget(simulator, name);
	}
}

int pend_simulator_destroy(struct pend_simulator *simulator)
{
	int error;

	if (!simulator)
		return -EFAULT;
	if (!pendi_epoch_may_wait())
		return -EDEADLK;
	/* What was attached may be on its way out, and with it the hooks' last clients. */
	(void)pendi_cleaner_flush(simulator->runtime);
	if (operations_are_used(simulator) || hooks_are_used(simulator) ||
	    ledger_value(simulator, PENDI_LEDGER_FLOWS) !=
		    ledger_value(simulator, PENDI_LEDGER_FLOWS_DELETED) ||
	    !await_callers(simulator))
		return -EBUSY;
	error = end_hooks(simulator);
	if (error)
		return error;
	end_operations(simulator);
	unregister_types(simulator);
	pendi_redirects_destroy(simulator);
	pendi_names_fini(&simulator->flows);
	pendi_names_fini(&simulator->operations);
	pendi_memory_release(simulator->allocator, simulator, sizeof(*simulator));
	return 0;
}
