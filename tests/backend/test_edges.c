/* SPDX-License-Identifier: MIT */
/*
 * test_edges.c - at the edges of the simulator: operations that its backend does not know any more,
 * programs that are asked past it, threads that epochs refuse, tables that are full.
 */
#include "tests/backend/fixture.h"
#include "tests/support/numbers.h"

#include "engine/backend/simulator_internal.h"

static void begin(void)
{
	begin_stage(0);
}

TestSuite(edges, .init = begin, .fini = end_stage);

static const struct pend_backend *const backend = &pendi_simulator_backend;

/* ---- what the backend does not know ---- */

static bool is_same_ledger(const struct pend_simulator_ledger *before)
{
	const struct pend_simulator_ledger now = ledger();

	return memcmp(&now, before, sizeof(now)) == 0;
}

Test(edges, a_name_that_is_gone_is_nobodys)
{
	const struct pend_completion completion = { .action = PEND_ACTION_PERMIT_SOFT };
	const uint64_t name = submit_at(PEND_LAYER_DATAGRAM, AF_INET);
	struct pend_payload payload = { .data = &completion, .size = 3, .token = name };
	struct pend_map *map = pend_custom_map_pends(stage.map);
	struct pend_simulator_ledger before;

	forget(name);
	before = ledger();
	cr_assert_eq(backend->pend(stage.simulator, name, map, 1), -ENOENT);
	cr_assert_eq(backend->clone(stage.simulator, name, &payload), -ENOENT);
	cr_assert_eq(payload.data, &completion);
	cr_assert_eq(backend->reinject(stage.simulator, name, &payload), -ENOENT);
	backend->discard(stage.simulator, &payload);
	backend->complete(stage.simulator, name, &completion);
	backend->abort(stage.simulator, name);
	backend->owner_gone(stage.simulator, name);
	backend->moved(stage.simulator, name, map, 1);
	cr_assert(is_same_ledger(&before));
	cr_assert_eq(stage.told, 1);
	/* Nor the name's next owner, who has the slot. */
	(void)submit_at(PEND_LAYER_DATAGRAM, AF_INET);
	cr_assert_eq((uint32_t)stage.operation, (uint32_t)name);
	before = ledger();
	backend->complete(stage.simulator, name, &completion);
	cr_assert(is_same_ledger(&before));
	cr_assert_eq(sim_info(stage.operation).completions, 0);
}

/* Whoever asks the programs of a layer past the simulator has nothing that could be held: neither what
 * is not an operation, nor one of which no stage runs here. */
Test(edges, programs_asked_past_it_cannot_pend)
{
	struct actor *actor = add_pender(PEND_LAYER_LISTEN, AF_INET);
	struct pend_hook *hook = pend_simulator_hook(stage.simulator, PEND_LAYER_LISTEN, AF_INET);
	struct pend_sock_addr_context context = { .base = { .family = AF_INET },
						  .layer = PEND_LAYER_LISTEN };
	struct pend_invocation invocation = { .context = &context,
					      .operation = CANARY,
					      .initial = PEND_VERDICT_PROCEED_SOFT };

	cr_assert_eq(pend_hook_invoke(hook, &invocation), 0);
	cr_assert_eq(invocation.verdict, PEND_VERDICT_REJECT);
	cr_assert_eq(actor->error, -ENOENT);
	invocation.operation = submit_at(PEND_LAYER_BIND, AF_INET);
	cr_assert_eq(pend_hook_invoke(hook, &invocation), 0);
	cr_assert_eq(invocation.verdict, PEND_VERDICT_REJECT);
	cr_assert_eq(actor->error, -EOPNOTSUPP);
	cr_assert_eq(ledger().pended, 0);
}

/* In a stage: another operation, and its own once more. */
static uint64_t bystander;
static int errors[2];

static void hold_again(struct actor *actor, struct pend_sock_addr_context *context)
{
	struct pend_map *map = pend_custom_map_pends(stage.map);

	const uint64_t own = pendi_named_name(&pendi_sim_run_innermost->operation->named);

	(void)context;
	errors[0] = backend->pend(stage.simulator, bystander, map, actor->handle);
	errors[1] = backend->pend(stage.simulator, own, map, actor->handle);
}

Test(edges, a_stage_holds_its_own_operation_once)
{
	struct actor *actor = add_pender(PEND_LAYER_LISTEN, AF_INET);

	bystander = submit_at(PEND_LAYER_BIND, AF_INET);
	actor->inside = hold_again;
	(void)submit_at(PEND_LAYER_LISTEN, AF_INET);
	cr_assert_eq(errors[0], -EOPNOTSUPP);
	cr_assert_eq(errors[1], -EBUSY);
	cr_assert_eq(ledger().pended, 1);
	cr_assert_eq(decide(actor->handle, PEND_ACTION_PERMIT_SOFT), 0);
	settle();
	assert_state(stage.operation, PEND_SIM_PERMITTED);
}

/* ---- a thread that gets no number ---- */

static void *submit_in_thread(void *operation)
{
	const struct pend_simulated_request request = request_at(PEND_LAYER_LISTEN, AF_INET);

	cr_assert_eq(pend_simulator_submit(stage.simulator, &request, operation), 0);
	return NULL;
}

/* Its programs cannot be asked, so it is blocked. */
Test(edges, who_has_no_number_is_blocked)
{
	struct actor *actor = add_actor(PEND_LAYER_LISTEN, AF_INET, PEND_VERDICT_PROCEED_HARD);
	uint64_t operation = 0;

	numbers_without(submit_in_thread, &operation);
	assert_state(operation, PEND_SIM_BLOCKED);
	cr_assert_eq(actor->runs, 0);
	assert_state(submit_at(PEND_LAYER_LISTEN, AF_INET), PEND_SIM_PERMITTED);
}

/* ---- waiting without a limit ---- */

static uint32_t sleeps;

static int decide_while_it_sleeps(const void *word, uint32_t expected, uint64_t timeout_ns)
{
	(void)word;
	(void)expected;
	MUST(timeout_ns == UINT64_MAX);
	sleeps++;
	MUST(decide(stage.actors[0].handle, PEND_ACTION_PERMIT_SOFT) == 0);
	settle();
	return 0;
}

Test(edges, a_wait_may_have_no_end)
{
	(void)add_pender(PEND_LAYER_BIND, AF_INET);
	(void)submit_at(PEND_LAYER_BIND, AF_INET);
	pendi_script.futex_wait = decide_while_it_sleeps;
	cr_assert_eq(pend_simulator_wait(stage.simulator, stage.operation, UINT64_MAX), 0);
	pendi_script.futex_wait = machine_pause;
	cr_assert_eq(sleeps, 1);
	assert_state(stage.operation, PEND_SIM_PERMITTED);
}

/* ---- ending ---- */

/* However many are behind the one that is under way. */
Test(edges, the_first_of_many_keeps_the_simulator)
{
	struct actor *actor = add_pender(PEND_LAYER_BIND, AF_INET);

	for (uint32_t i = 0; i < 3; i++)
		(void)submit_at(PEND_LAYER_BIND, AF_INET);
	cr_assert_eq(actor->pended, 1);
	cr_assert_eq(pend_simulator_destroy(stage.simulator), -EBUSY);
	cr_assert_eq(decide(actor->handle, PEND_ACTION_PERMIT_SOFT), 0);
}
