/* SPDX-License-Identifier: MIT */
/*
 * own_hook.h - a hook whose backend is the test itself, for what happens inside the backend's
 * functions and for subjects that a simulator would copy.
 *
 * It attaches the stack's player, which must not be attached elsewhere (setting.bare). What is asked
 * of the backend is counted; each operation has the number 1.
 */
#ifndef TESTS_CATALOGUE_OWN_HOOK_H
#define TESTS_CATALOGUE_OWN_HOOK_H

#include "tests/catalogue/stack.h"

struct own_hook {
	struct stack *stack;
	struct pend_hook *hook;
	int pend_error; /* what the backend says to a pend */
	int send_error; /* ... and to a reinjection */
	bool has_payload;
	void (*on_pend)(struct own_hook *own, struct pend_map *map, uint64_t handle);
	void (*on_complete)(struct own_hook *own);
	/* What it was asked: */
	uint32_t pends, completions, gone, copies, sent, discarded;
	struct pend_map *map;
	uint64_t handle;
	struct pend_completion last;
	struct pend_sock_addr_context context;
	struct pend_invocation invocation;
};

static const struct pend_uuid own_type = { { 0x0f, 0x0e, 1, 2, 3, 4, 5, 6, 7, 8, 9 } };

static int own_pend(void *backend, uint64_t operation, struct pend_map *map, uint64_t handle)
{
	struct own_hook *own = backend;

	SAME(operation, 1);
	own->map = map;
	own->handle = handle;
	if (own->on_pend)
		own->on_pend(own, map, handle);
	if (!own->pend_error)
		own->pends++;
	return own->pend_error;
}

static void own_complete(void *backend, uint64_t operation,
			 const struct pend_completion *completion)
{
	struct own_hook *own = backend;

	SAME(operation, 1);
	own->completions++;
	own->last = *completion;
	if (own->on_complete)
		own->on_complete(own);
}

static void own_gone(void *backend, uint64_t operation)
{
	struct own_hook *own = backend;

	SAME(operation, 1);
	own->gone++;
}

static int own_clone(void *backend, uint64_t operation, struct pend_payload *payload)
{
	struct own_hook *own = backend;

	SAME(operation, 1);
	if (own->has_payload) {
		*payload = (struct pend_payload){ payload_bytes, sizeof(payload_bytes), 7 };
		own->copies++;
	}
	return 0;
}

static int own_reinject(void *backend, uint64_t operation, const struct pend_payload *payload)
{
	struct own_hook *own = backend;

	SAME(operation, 1);
	SO(payload->data == payload_bytes && payload->token == 7);
	SO(own->last.action != PEND_ACTION_BLOCK); /* completed before, and permitted */
	if (!own->send_error)
		own->sent++;
	return own->send_error;
}

static void own_discard(void *backend, const struct pend_payload *payload)
{
	struct own_hook *own = backend;

	SO(payload->data == payload_bytes && payload->token == 7);
	own->discarded++;
}

static void own_abort(void *backend, uint64_t operation)
{
	(void)backend;
	(void)operation;
	cr_assert_fail("nothing is taken back that was copied");
}

static const struct pend_backend own_backend = {
	.header = PEND_HEADER(PEND_BACKEND_VERSION, struct pend_backend, owner_gone),
	.pend = own_pend,
	.complete = own_complete,
	.clone = own_clone,
	.reinject = own_reinject,
	.discard = own_discard,
	.abort = own_abort,
	.owner_gone = own_gone,
};

static inline void own_begin(struct own_hook *own, struct stack *stack, uint32_t flags)
{
	const struct pend_hook_options options = {
		.size = sizeof(options),
		.flags = flags,
		.name = "own",
		.program_type = *pend_sock_addr_type(),
		.attach_types = { own_type },
		.attach_type_count = 1,
		.links_max = PEND_HOOK_LINKS_MAX,
		.backend = &own_backend,
		.backend_context = own,
	};
	const struct pend_link_options link = { .size = sizeof(link), .attach_type = own_type };

	*own = (struct own_hook){ .stack = stack };
	own->context.base.family = AF_INET;
	own->context.base.user_port = htons(443);
	own->context.socket_cookie = 0xc00c1e;
	cr_assert_eq(pend_hook_create(stack->runtime, &options, &own->hook), 0);
	cr_assert_eq(pend_link_attach(stack->player.program, &link, &stack->player.link), 0);
}

/* One operation of @subject (NULL: nobody's). Its verdict. */
static inline enum pend_verdict own_operate(struct own_hook *own,
					    const struct pend_subject *subject)
{
	own->invocation = (struct pend_invocation){
		.context = &own->context,
		.operation = 1,
		.subject = subject,
		.initial = PEND_VERDICT_PROCEED_SOFT,
	};
	cr_assert_eq(pend_hook_invoke(own->hook, &own->invocation), 0);
	return own->invocation.verdict;
}

/* All of it has been told, once each. */
static inline void own_balances(const struct own_hook *own)
{
	const struct pend_runtime_stats counts = counts_of(own->stack);

	SAME(own->pends, own->completions + own->gone);
	SAME(own->copies, own->sent + own->discarded);
	SAME(counts.pends, counts.completions);
	SAME(counts.identities, counts.identities_released);
	SAME(pend_map_count(own->stack->map), 0);
}

static inline void own_end(struct own_hook *own)
{
	for (uint32_t i = 0; i < 4; i++)
		(void)serve(own->stack);
	own_balances(own);
	player_leave(&own->stack->player);
	let_reclaim();
	SAME(pend_hook_destroy(own->hook), 0);
}

#endif
