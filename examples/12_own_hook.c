/* SPDX-License-Identifier: MIT */
/*
 * 12_own_hook.c - a hook of one's own: programs decide about an application's operations.
 *
 * It takes a program type (what programs are given), a backend (what becomes of an operation that is
 * pended) and the hook. Of the stage, only the engine and the runtime are used.
 */
#include "loading.h"
#include <string.h>

/* What programs are given: by value, so that a later run sees the same. */
static char removals[][32] = { "old.log", "letters" }; /* operations are named by their place */

static void carry_out(uint64_t operation, bool permitted)
{
	printf("%s: %s\n", removals[operation], permitted ? "removed" : "kept");
}

/* A program: logs may go; for the rest somebody has to consent. */
static int program(void *context, void *data)
{
	struct pend_value value = { .version = PEND_VALUE_VERSION, .size = sizeof(value) };
	struct pend_key key = pend_key_of(0);

	if (strstr(context, ".log"))
		return PEND_VERDICT_PROCEED_SOFT;
	return bpf_pend_operation(data, &value, sizeof(value), &key, sizeof(key)) == 0
		       ? PEND_VERDICT_PEND
		       : PEND_VERDICT_REJECT;
}

/* The backend. To hold a removal takes nothing: it is just not carried out yet. */
static int hold(void *backend, uint64_t operation, struct pend_map *map, uint64_t handle)
{
	(void)backend, (void)operation, (void)map, (void)handle;
	return 0;
}

/* Once for each that was held, on the CPU that pended it, never before its hook has returned. */
static void complete(void *backend, uint64_t operation, const struct pend_completion *completion)
{
	(void)backend;
	carry_out(operation, completion->action != PEND_ACTION_BLOCK);
}

/* Instead, if whoever wanted it is gone: pend_map_cancel(). */
static void owner_gone(void *backend, uint64_t operation)
{
	(void)backend, (void)operation;
}

static const struct pend_backend backend = {
	.header = PEND_HEADER(PEND_BACKEND_VERSION, struct pend_backend, owner_gone),
	.pend = hold,
	.complete = complete,
	.owner_gone = owner_gone,
};
static const struct pend_program_data type = {
	.header = PEND_HEADER(PEND_PROGRAM_VERSION, struct pend_program_data, override_addresses),
	.name = "removal",
	.context = { sizeof(removals[0]), sizeof(removals[0]), -1, -1 },
};
static const struct pend_uuid type_id = { "removal, type" }, hook_id = { "removal, hook" };

static int open_hook(struct stage *stage, struct pend_provider **provider, struct pend_hook **hook)
{
	const struct pend_provider_options offer = { sizeof(offer), PEND_PROVIDER_PROGRAM, type_id,
						     .data = &type.header };
	const struct pend_hook_options options = { .size = sizeof(options),
						   .name = "removal",
						   .program_type = type_id,
						   .attach_types = { hook_id },
						   .attach_type_count = 1,
						   .links_max = PEND_HOOK_LINKS_MAX,
						   .backend = &backend };

	return pend_provider_register(stage->runtime, &offer, provider) != 0 ||
	       pend_hook_create(stage->runtime, &options, hook) != 0;
}

/* The application asks first. Returns the handle under which it is pended, or 0. */
static uint64_t remove_file(struct pend_hook *hook, uint64_t operation)
{
	struct pend_invocation asked = { .context = removals[operation],
					 .operation = operation,
					 .initial = PEND_VERDICT_PROCEED_SOFT };

	if (pend_hook_invoke(hook, &asked) != 0 || asked.verdict != PEND_VERDICT_PEND)
		carry_out(operation, asked.verdict != PEND_VERDICT_REJECT);
	return asked.handle;
}

int main(void)
{
	static const uint32_t helpers[] = { BPF_FUNC_pend_operation, 0 };
	struct pend_custom_map *pends;
	struct pend_provider *provider;
	struct pend_program *loaded;
	struct pend_hook *hook;
	struct pend_link *link;
	struct stage stage;

	if (stage_open(&stage) != 0 || stage_pends(&stage, NULL, &pends) != 0 ||
	    open_hook(&stage, &provider, &hook) != 0 ||
	    stage_load(&stage, &type_id, program, pends, helpers, &loaded) != 0 ||
	    stage_attach(loaded, &hook_id, &link) != 0)
		return 1;

	remove_file(hook, 0);
	if (pend_map_complete(pend_custom_map_pends(pends), remove_file(hook, 1),
			      PEND_ACTION_BLOCK))
		return 1;
	printf("decided, and not yet delivered\n");
	stage_settle(&stage);

	return stage_remove(loaded, link) || pend_hook_destroy(hook) != 0 ||
	       pend_provider_unregister(provider, NULL, NULL) != 0 ||
	       pend_custom_map_close(pends) != 0 || stage_close(&stage);
}
