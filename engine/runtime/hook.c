/* SPDX-License-Identifier: MIT */
/*
 * hook.c - hooks, and the chains of what is attached to them.
 *
 *	hook -> chain -> attachments, in order      one pointer: an invocation reads it once
 *
 * A chain never changes. To change what is attached, another is made, published with one store (AT1),
 * and the old one retired: an invocation runs the one or the other, whole (guarantee G). Changes are
 * under the mutex of the runtime's cleaner; nothing is called and nobody waits under it.
 *
 * A hook is the provider of its attach types; links are its clients.
 */
#include <string.h>

#include "engine/map/gate.h"
#include "engine/object/options.h"
#include "engine/runtime/runtime_internal.h"
#include "platform/memory.h"

#define HOOK_FLAGS                                                                             \
	(PEND_HOOK_MAY_BLOCK | PEND_HOOK_NO_PEND | PEND_HOOK_RESUME | PEND_HOOK_RESUME_KNOWN | \
	 PEND_HOOK_READ_ONLY | PEND_HOOK_READ_ONLY_IGNORE | PEND_HOOK_EXCLUSIVE_PENDER |       \
	 PEND_HOOK_STOP_ON_WRITE | PEND_HOOK_CLASSIFIES)
#define HOOK_READ_ONLY_FLAGS (PEND_HOOK_READ_ONLY | PEND_HOOK_READ_ONLY_IGNORE)
#define HOOK_PAUSE_NS 50000u

/* The size of a backend's table whose last function is @last. */
#define HOOK_BACKEND_SIZE(last) \
	(offsetof(struct pend_backend, last) + sizeof(((const struct pend_backend *)NULL)->last))

/* ---- chains ---- */

struct pendi_chain *pendi_chain_create(struct pend_runtime *runtime)
{
	struct pendi_chain *made = pendi_memory_allocate(
		&runtime->registry.allocator, sizeof(*made), _Alignof(struct pendi_chain));

	if (made)
		made->remnant.runtime = runtime;
	return made;
}

void pendi_chain_free(struct pendi_chain *chain)
{
	if (chain)
		pendi_memory_release(&chain->remnant.runtime->registry.allocator, chain,
				     sizeof(*chain));
}

static void clean_chain(struct pendi_remnant *remnant)
{
	pendi_chain_free(PENDI_CONTAINER_OF(remnant, struct pendi_chain, remnant));
}

void pendi_chain_retire(struct pendi_chain *chain)
{
	pendi_cleaner_retire(chain->remnant.runtime, &chain->remnant, clean_chain);
}

struct pendi_chain *pendi_chain_of(struct pend_hook *hook)
{
	/* relaxed: under the mutex that it is changed under. */
	return pendi_load_relaxed(&hook->chain);
}

struct pendi_chain *pendi_chain_publish(struct pend_hook *hook, struct pendi_chain *next,
					struct pendi_attachment *out, struct pendi_attachment *in)
{
	struct pendi_chain *old = pendi_chain_of(hook);

	next->hook = hook;
	next->count = 0;
	next->sequence = hook->last_sequence;
	for (uint32_t i = 0; i < old->count; i++) {
		if (old->attachments[i] == out)
			continue;
		if (in && in->order < old->attachments[i]->order) {
			next->attachments[next->count++] = in;
			in = NULL;
		}
		next->attachments[next->count++] = old->attachments[i];
	}
	if (in)
		next->attachments[next->count++] = in;
	next->attachments[next->count] = NULL;
	/* [AT1.rel] Pairs with [AT1.acq] in pend_hook_invoke(): the chain and its attachments,
	 * complete. */
	pendi_store_release(&hook->chain, next, AT1);
	return old;
}

bool pendi_chain_has_pender(const struct pendi_chain *chain, const struct pendi_attachment *but)
{
	for (uint32_t i = 0; i < chain->count; i++) {
		if (chain->attachments[i] != but && chain->attachments[i]->program->may_pend)
			return true;
	}
	return false;
}

/* ---- creating ---- */

static bool hook_flags_agree(uint32_t flags)
{
	const uint32_t read_only = flags & HOOK_READ_ONLY_FLAGS;

	return !(flags & ~(uint32_t)HOOK_FLAGS) && read_only != HOOK_READ_ONLY_FLAGS &&
	       (!read_only || !(flags & PEND_HOOK_STOP_ON_WRITE)) &&
	       (flags & PEND_HOOK_RESUME || !(flags & PEND_HOOK_RESUME_KNOWN));
}

/* 0, -EFAULT or -EINVAL. */
static int check_backend(const struct pend_backend *backend, uint32_t flags)
{
	static const size_t sizes[] = { HOOK_BACKEND_SIZE(owner_gone), HOOK_BACKEND_SIZE(moved) };
	int error;

	if (!backend)
		return flags & PEND_HOOK_NO_PEND ? 0 : -EFAULT;
	error = pendi_header_check(&backend->header, PEND_BACKEND_VERSION, sizes, 2);
	if (error)
		return error;
	if (!backend->pend || !backend->complete || !backend->owner_gone ||
	    (backend->clone && (!backend->reinject || !backend->discard || !backend->abort)))
		return -EFAULT;
	return 0;
}

static int check_hook_options(const struct pend_hook_options *options)
{
	static const struct pend_uuid none;

	if (!hook_flags_agree(options->flags) ||
	    (uint32_t)options->on_orchestrator_loss > PEND_HOOK_LOSS_PERMIT)
		return -EINVAL;
	if (options->attach_type_count == 0 ||
	    options->attach_type_count > PEND_HOOK_ATTACH_TYPES_MAX || options->links_max == 0 ||
	    options->links_max > PEND_HOOK_LINKS_MAX)
		return -ERANGE;
	for (uint32_t i = 0; i < options->attach_type_count; i++) {
		if (!memcmp(&options->attach_types[i], &none, sizeof(none)))
			return -EINVAL;
	}
	return check_backend(options->backend, options->flags);
}

static void set_hook_fields(struct pend_hook *hook, const struct pend_hook_options *options)
{
	const struct pend_program_data *data =
		(const struct pend_program_data *)pendi_use_data(&hook->type);

	hook->flags = options->flags;
	hook->layout = data->context;
	hook->context_bytes = data->context.size;
	hook->backend = options->backend;
	hook->backend_context = options->backend_context;
	hook->on_loss = options->on_orchestrator_loss;
	hook->links_max = options->links_max;
	hook->program_type = options->program_type;
	hook->attach_type_count = options->attach_type_count;
	memcpy(hook->attach_types, options->attach_types, sizeof(hook->attach_types));
}

static void hook_provider_gone(void *context)
{
	_Atomic uint32_t *gone = context;

	/* [AT8.rel] Pairs with [AT8.acq] in withdraw_hook(): its last client is done with the hook. */
	pendi_store_release(gone, 1, AT8);
}

/* The hook is closed, and nothing is attached: its only clients are calls that are about to be told.
 * Waits for those. */
static void withdraw_hook(struct pend_hook *hook)
{
	for (uint32_t i = 0; i < hook->attach_type_count && hook->providers[i]; i++) {
		_Atomic uint32_t gone = 0;

		if (pend_provider_unregister(hook->providers[i], hook_provider_gone, &gone))
			continue; /* never: the hook alone makes it leave */
		/* [AT8.acq] Pairs with [AT8.rel] in hook_provider_gone(). */
		while (!pendi_load_acquire(&gone, AT8))
			pendi_gate_pause(HOOK_PAUSE_NS);
	}
}

/* Everything but the hook's own memory. */
static void take_hook_apart(struct pend_hook *hook)
{
	withdraw_hook(hook);
	pendi_chain_free(pendi_chain_of(hook));
	if (hook->type.provider)
		pendi_registry_unuse(&hook->type);
}

static int register_hook(struct pend_hook *hook)
{
	for (uint32_t i = 0; i < hook->attach_type_count; i++) {
		const struct pend_provider_options options = {
			.size = sizeof(options),
			.kind = PEND_PROVIDER_HOOK,
			.id = hook->attach_types[i],
			.context = hook,
		};
		const int error = pendi_provider_register(&hook->runtime->registry, &options,
							  &hook->providers[i]);

		if (error)
			return error;
	}
	return 0;
}

/* 0 or an error; what was done until then is taken back by take_hook_apart(). */
static int build_hook(struct pend_hook *hook, const struct pend_hook_options *options)
{
	struct pendi_chain *chain;
	int error = pendi_registry_use(&hook->runtime->registry, PEND_PROVIDER_PROGRAM,
				       &options->program_type, &hook->type);

	if (error)
		return error;
	set_hook_fields(hook, options);
	if (hook->layout.saved_size > hook->runtime->context_size)
		return -E2BIG;
	chain = pendi_chain_create(hook->runtime);
	if (!chain)
		return -ENOMEM;
	/* relaxed: nobody can find the hook yet. */
	pendi_store_relaxed(&hook->chain, chain);
	error = register_hook(hook);
	if (error)
		return error;
	pthread_mutex_lock(&hook->runtime->cleaner.mutex);
	hook->open = true;
	pthread_mutex_unlock(&hook->runtime->cleaner.mutex);
	return 0;
}

static int create_hook(struct pend_runtime *runtime, const struct pend_hook_options *options,
		       struct pend_hook **hook)
{
	struct pend_hook_options given = { 0 };
	char name[PEND_NAME_MAX + 1];
	struct pend_hook *made;
	int error = options && hook ? 0 : -EFAULT;

	if (!error)
		error = pendi_options_read(&given, sizeof(given), sizeof(given), options);
	if (!error)
		error = pendi_name_copy(name, given.name);
	if (!error)
		error = check_hook_options(&given);
	if (error)
		return error;
	made = pendi_memory_allocate(&runtime->registry.allocator, sizeof(*made),
				     _Alignof(struct pend_hook));
	if (!made)
		return -ENOMEM;
	made->runtime = runtime;
	memcpy(made->name, name, sizeof(made->name));
	error = build_hook(made, &given);
	if (error) {
		take_hook_apart(made);
		pendi_memory_release(&runtime->registry.allocator, made, sizeof(*made));
		return error;
	}
	*hook = made;
	return 0;
}

int pend_hook_create(struct pend_runtime *runtime, const struct pend_hook_options *options,
		     struct pend_hook **hook)
{
	return runtime ? pendi_registry_refuse(&runtime->registry, PENDI_REFUSED_PROVIDER,
					       create_hook(runtime, options, hook))
		       : -EFAULT;
}

/* ---- ending ---- */

/* Whether nothing is attached; then nothing can be any more. */
static bool close_hook(struct pend_hook *hook)
{
	bool closed;

	pthread_mutex_lock(&hook->runtime->cleaner.mutex);
	closed = pendi_chain_of(hook)->count == 0 && hook->unfreed == 0;
	if (closed)
		hook->open = false;
	pthread_mutex_unlock(&hook->runtime->cleaner.mutex);
	return closed;
}

int pend_hook_destroy(struct pend_hook *hook)
{
	struct pend_runtime *runtime;

	if (!hook)
		return -EFAULT;
	if (pendi_link_may_wait())
		return -EDEADLK;
	runtime = hook->runtime;
	/* What was attached may be on its way out, and so may chains that point to the hook. */
	(void)pendi_cleaner_flush(runtime);
	if (!close_hook(hook))
		return -EBUSY;
	take_hook_apart(hook);
	pendi_memory_release(&runtime->registry.allocator, hook, sizeof(*hook));
	return 0;
}
