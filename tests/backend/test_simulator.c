/* SPDX-License-Identifier: MIT */
/*
 * test_simulator.c - making and ending a simulator, what it refuses, names, reading, waiting (F3, F52).
 */
#include "tests/backend/fixture.h"

#include "engine/backend/simulator_internal.h"

static void begin(void)
{
	begin_stage(0);
}

static void begin_steps(void)
{
	begin_stage(PEND_SIM_STEPS);
}

TestSuite(making, .init = begin_runtime, .fini = end_runtime);
TestSuite(using, .init = begin, .fini = end_stage);
TestSuite(waiting, .init = begin_steps, .fini = end_stage);

static int create(const struct pend_simulator_options *options)
{
	struct pend_simulator *made = (void *)&stage;
	const int error = pend_simulator_create(stage.runtime, options, &made);

	if (error)
		cr_assert_eq(made, (void *)&stage, "untouched");
	else
		cr_assert_eq(pend_simulator_destroy(made), 0);
	return error;
}

Test(making, with_and_without_options)
{
	struct pend_simulator_options options = pend_simulator_options_default();

	cr_assert_eq(create(NULL), 0);
	cr_assert_eq(create(&options), 0);
	options.operations_max = 1;
	options.flags = PEND_SIM_STEPS | PEND_SIM_RESUME | PEND_SIM_READ_ONLY_IGNORE |
			PEND_SIM_RESUME_KNOWN;
	options.on_orchestrator_loss = PEND_HOOK_LOSS_PERMIT;
	cr_assert_eq(create(&options), 0);
	/* The program types may be there already, and stay then. */
	cr_assert_eq(pend_sock_addr_register(stage.runtime), 0);
	cr_assert_eq(create(NULL), 0);
	cr_assert_eq(pend_sock_addr_unregister(stage.runtime), 0);
	cr_assert_eq(create(NULL), 0);
	cr_assert_eq(pend_sock_addr_unregister(stage.runtime), -ENOENT, "it took them away");
}

Test(making, wrong_options)
{
	struct {
		struct pend_simulator_options options;
		uint64_t newer;
	} newer = { pend_simulator_options_default(), 1 };
	struct pend_simulator_options options = pend_simulator_options_default();
	struct pend_simulator *simulator;

	/* retval: pend_simulator_create -EFAULT */
	cr_assert_eq(pend_simulator_create(NULL, NULL, &simulator), -EFAULT);
	cr_assert_eq(pend_simulator_create(stage.runtime, NULL, NULL), -EFAULT);
#define WRONG(error, field, value)                          \
	do {                                                \
		options = pend_simulator_options_default(); \
		options.field = (value);                    \
		cr_assert_eq(create(&options), (error));    \
	} while (0)
	/* retval: pend_simulator_create -EINVAL */
	WRONG(-EINVAL, size, 8);
	WRONG(-EINVAL, flags, 1u << 20);
	WRONG(-EINVAL, flags, PEND_SIM_RESUME_KNOWN);
	WRONG(-EINVAL, reserved, 1);
	WRONG(-EINVAL, on_orchestrator_loss, (enum pend_hook_loss)3);
	/* retval: pend_simulator_create -ERANGE */
	WRONG(-ERANGE, operations_max, 0);
	WRONG(-ERANGE, operations_max, (1u << 20) + 1);
	WRONG(-ERANGE, redirect_expiry_ms, 0);
	newer.options.size = sizeof(newer);
	/* retval: pend_simulator_create -E2BIG */
	cr_assert_eq(create(&newer.options), -E2BIG);
}

/* One simulator for a runtime: the second finds the attach types taken, and leaves nothing. */
Test(making, one_for_each_runtime)
{
	struct pend_simulator *first;

	cr_assert_eq(pend_simulator_create(stage.runtime, NULL, &first), 0);
	/* retval: pend_simulator_create -EEXIST */
	cr_assert_eq(create(NULL), -EEXIST);
	cr_assert_eq(pend_simulator_destroy(first), 0);
	cr_assert_eq(create(NULL), 0);
}

/* Contexts that the runtime has no room for. */
Test(small_runtime, contexts_do_not_fit)
{
	struct pend_runtime_options options = pend_runtime_options_default();

	stage.engine = make_engine();
	options.engine = stage.engine;
	options.context_size = 64;
	cr_assert_eq(pend_runtime_create(&options, &stage.runtime), 0);
	cr_assert_eq(create(NULL), -E2BIG);
	end_runtime();
}

static uint32_t allocations_left;

static int allocation_fails(size_t size)
{
	(void)size;
	return allocations_left-- == 0;
}

/* Whichever allocation fails, nothing is left, and it works the next time. */
Test(making, without_memory)
{
	uint32_t failures = 0;

	for (int error = -ENOMEM; error; failures++) {
		allocations_left = failures;
		pendi_script.allocation_fails = allocation_fails;
		error = create(NULL);
		pendi_script.allocation_fails = NULL;
		/* retval: pend_simulator_create -ENOMEM */
		cr_assert(error == 0 || error == -ENOMEM, "error %d", error);
		cr_assert_eq(create(NULL), 0);
	}
	cr_assert_gt(failures, 10u);
}

/* ---- destroying ---- */

Test(using, it_does_not_go_while_it_is_used)
{
	struct actor *actor = add_pender(PEND_LAYER_BIND, AF_INET);
	const uint64_t operation = submit_at(PEND_LAYER_BIND, AF_INET);

	/* retval: pend_simulator_destroy -EFAULT */
	cr_assert_eq(pend_simulator_destroy(NULL), -EFAULT);
	cr_assert_eq(pend_simulator_destroy(stage.simulator), -EBUSY);
	cr_assert_eq(decide(actor->handle, PEND_ACTION_BLOCK), 0);
	settle();
	cr_assert_eq(pend_simulator_destroy(stage.simulator), -EBUSY, "a program is attached");
	assert_state(operation, PEND_SIM_BLOCKED);
	/* And nothing has changed: it goes on. */
	for (uint32_t i = 0; i < PENDABLE * FAMILIES; i++)
		cr_assert_not_null(pend_simulator_hook(stage.simulator, pendable[i / FAMILIES],
						       families[i % FAMILIES]));
	(void)submit_at(PEND_LAYER_BIND, AF_INET);
	cr_assert_eq(actor->runs, 2);
}

static int destroyed_inside;

static void destroy_inside(struct actor *actor, struct pend_sock_addr_context *context)
{
	(void)actor;
	(void)context;
	destroyed_inside = pend_simulator_destroy(stage.simulator);
}

Test(using, it_does_not_go_inside_a_program)
{
	add_actor(PEND_LAYER_BIND, AF_INET, PEND_VERDICT_REJECT)->inside = destroy_inside;
	(void)submit_at(PEND_LAYER_BIND, AF_INET);
	/* retval: pend_simulator_destroy -EDEADLK */
	cr_assert_eq(destroyed_inside, -EDEADLK);
	assert_state(stage.operation, PEND_SIM_BLOCKED);
}

/* Somebody is still inside of a call that concerns a settled operation: he is waited for, but not for
 * ever. */
static struct pendi_sim_operation *busy;

static void let_go(void)
{
	machine.on_pause = NULL;
	pendi_operation_put(stage.simulator, busy);
}

Test(leaving, waits_for_who_is_inside)
{
	begin();
	busy = pendi_operation_get(stage.simulator, submit_at(PEND_LAYER_BIND, AF_INET));
	cr_assert_eq(pend_simulator_destroy(stage.simulator), -EBUSY);
	/* Forgotten, and he has it still. */
	forget(stage.operation);
	cr_assert_eq(pend_simulator_destroy(stage.simulator), -EBUSY);
	machine.on_pause = let_go;
	cr_assert_eq(pend_simulator_destroy(stage.simulator), 0);
	cr_assert_null(machine.on_pause);
	cr_assert_eq(pend_custom_map_close(stage.map), 0);
	end_runtime();
}

/* What is remembered, or was never begun, goes with it. */
Test(leaving, takes_what_is_left)
{
	begin_steps();
	for (uint32_t i = 0; i < 8; i++)
		(void)submit_at(pendable[i % PENDABLE], AF_INET);
	cr_assert_eq(pend_simulator_step(stage.simulator, stage.operation), 0);
	cr_assert_eq(pend_simulator_destroy(stage.simulator), 0);
	cr_assert_eq(stage.told, 8);
	cr_assert_eq(pend_custom_map_close(stage.map), 0);
	end_runtime();
}

/* ---- what is refused ---- */

static int refuse(const struct pend_simulated_request *request)
{
	const struct pend_simulator_ledger before = ledger();
	uint64_t operation = CANARY;
	const int error = pend_simulator_submit(stage.simulator, request, &operation);
	const struct pend_simulator_ledger after = ledger();

	cr_assert_eq(operation, CANARY);
	cr_assert_eq(memcmp(&before, &after, sizeof(before)), 0);
	return error;
}

Test(using, wrong_requests)
{
	const struct pend_simulated_request good = request_at(PEND_LAYER_DATAGRAM, AF_INET);
	struct pend_simulated_request bad;
	uint64_t operation;

	/* retval: pend_simulator_submit -EFAULT */
	cr_assert_eq(pend_simulator_submit(NULL, &good, &operation), -EFAULT);
	cr_assert_eq(pend_simulator_submit(stage.simulator, NULL, &operation), -EFAULT);
	cr_assert_eq(pend_simulator_submit(stage.simulator, &good, NULL), -EFAULT);
#define BAD(error, field, value)                     \
	do {                                         \
		bad = good;                          \
		bad.field = (value);                 \
		cr_assert_eq(refuse(&bad), (error)); \
	} while (0)
	BAD(-EFAULT, payload, NULL);
	/* retval: pend_simulator_submit -EINVAL */
	BAD(-EINVAL, payload_size, 0);
	BAD(-EINVAL, layer, PEND_LAYER_CONNECT_REDIRECT);
	BAD(-EINVAL, layer, PEND_LAYERS);
	BAD(-EINVAL, layer, (enum pend_layer) - 1);
	BAD(-EINVAL, layer, PEND_LAYER_BIND); /* it has no payload */
	BAD(-EINVAL, direction, (enum pend_direction)2);
	BAD(-EINVAL, address.family, AF_UNIX);
	BAD(-EINVAL, address.data, "x");
	BAD(-EINVAL, address.data_end, "x");
	BAD(-EINVAL, flags, 2);
	BAD(-EINVAL, flow_state, PEND_FLOW_ESTABLISHED); /* of streams only */
	bad = good;
	bad.layer = PEND_LAYER_STREAM;
	bad.flow_state = PEND_FLOW_DELETED; /* the simulator's own to say */
	cr_assert_eq(refuse(&bad), -EINVAL);
	bad = request_at(PEND_LAYER_CONNECT, AF_INET);
	bad.flow = 1;
	cr_assert_eq(refuse(&bad), -EINVAL);
	finish(submit(&good));
}

/* ---- names ---- */

/* As many as were asked for, and no slot is lost. */
Test(using, so_many_operations)
{
	const struct pend_simulated_request request = request_at(PEND_LAYER_LISTEN, AF_INET);
	uint64_t operations[64];

	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 64; i++)
			operations[i] = submit(&request);
		/* retval: pend_simulator_submit -ENOSPC */
		cr_assert_eq(refuse(&request), -ENOSPC);
		for (uint32_t i = 0; i < 64; i++)
			forget(operations[i]);
	}
}

/* And as many flows: those of forgotten connections count. */
Test(using, so_many_flows)
{
	const struct pend_simulated_request request = request_at(PEND_LAYER_CONNECT, AF_INET);
	uint64_t flows[64];

	for (uint32_t i = 0; i < 64; i++) {
		flows[i] = sim_info(submit(&request)).flow;
		forget(stage.operation);
	}
	cr_assert_eq(refuse(&request), -ENOSPC);
	finish(submit_at(PEND_LAYER_BIND, AF_INET));
	cr_assert_eq(pend_simulator_end_flow(stage.simulator, flows[7]), 0);
	flows[7] = sim_info(submit(&request)).flow;
	forget(stage.operation);
	for (uint32_t i = 0; i < 64; i++)
		cr_assert_eq(pend_simulator_end_flow(stage.simulator, flows[i]), 0);
}

Test(using, old_names_are_nobodys)
{
	const uint64_t first = submit_at(PEND_LAYER_BIND, AF_INET);
	struct pend_simulated_info info = { .size = sizeof(info) };
	uint64_t names[] = { first, 0, 1, ~0ull, UINT64_C(1) << 32 | 63, first + 1 };

	forget(first);
	for (uint32_t i = 0; i < 300; i++) {
		const uint64_t operation = submit_at(PEND_LAYER_BIND, AF_INET);

		cr_assert_neq(operation, first);
		forget(operation);
	}
	(void)submit_at(PEND_LAYER_BIND, AF_INET);
	for (uint32_t i = 0; i < 6; i++) {
		/* retval: pend_simulator_read -ENOENT */
		cr_assert_eq(pend_simulator_read(stage.simulator, names[i], &info), -ENOENT);
		/* retval: pend_simulator_wait -ENOENT */
		cr_assert_eq(pend_simulator_wait(stage.simulator, names[i], 0), -ENOENT);
		/* retval: pend_simulator_forget -ENOENT */
		cr_assert_eq(pend_simulator_forget(stage.simulator, names[i]), -ENOENT);
		cr_assert_eq(pend_simulator_step(stage.simulator, names[i]), -ENOENT);
		cr_assert_eq(pend_simulator_kill(stage.simulator, names[i]), -ENOENT);
	}
	finish(stage.operation);
}

/* ---- reading ---- */

Test(using, wrong_reads)
{
	struct pend_simulated_info info = { .size = sizeof(info) };
	struct pend_simulator_ledger books = { .size = sizeof(books) };
	const uint64_t operation = submit_at(PEND_LAYER_BIND, AF_INET);

	/* retval: pend_simulator_read -EFAULT */
	cr_assert_eq(pend_simulator_read(NULL, operation, &info), -EFAULT);
	cr_assert_eq(pend_simulator_read(stage.simulator, operation, NULL), -EFAULT);
	info.size = sizeof(info) - 1;
	/* retval: pend_simulator_read -EINVAL */
	cr_assert_eq(pend_simulator_read(stage.simulator, operation, &info), -EINVAL);
	/* retval: pend_simulator_ledger_read -EFAULT */
	cr_assert_eq(pend_simulator_ledger_read(NULL, &books), -EFAULT);
	cr_assert_eq(pend_simulator_ledger_read(stage.simulator, NULL), -EFAULT);
	books.size--;
	/* retval: pend_simulator_ledger_read -EINVAL */
	cr_assert_eq(pend_simulator_ledger_read(stage.simulator, &books), -EINVAL);
	/* retval: pend_simulator_wait -EFAULT */
	cr_assert_eq(pend_simulator_wait(NULL, operation, 0), -EFAULT);
	/* retval: pend_simulator_forget -EFAULT */
	cr_assert_eq(pend_simulator_forget(NULL, operation), -EFAULT);
	forget(operation);
}

/* ---- waiting: the machine's time goes on by as much as a sleep is to last ---- */

static uint64_t awaited;

static void step_it(void)
{
	machine.on_pause = NULL;
	cr_assert_eq(pend_simulator_step(stage.simulator, awaited), 0);
}

Test(waiting, until_the_verdict)
{
	awaited = submit_at(PEND_LAYER_BIND, AF_INET);
	/* retval: pend_simulator_wait -ETIMEDOUT */
	cr_assert_eq(pend_simulator_wait(stage.simulator, awaited, 5 * MS), -ETIMEDOUT);
	cr_assert_eq(pend_simulator_wait(stage.simulator, awaited, 0), -ETIMEDOUT);
	/* retval: pend_simulator_forget -EBUSY */
	cr_assert_eq(pend_simulator_forget(stage.simulator, awaited), -EBUSY);
	machine.on_pause = step_it;
	cr_assert_eq(pend_simulator_wait(stage.simulator, awaited, SECOND), 0);
	assert_state(awaited, PEND_SIM_PERMITTED);
	cr_assert_eq(pend_simulator_wait(stage.simulator, awaited, 0), 0);
	forget(awaited);
}

/* Each sleeper is woken, once there is something to wake for. */
static uint32_t wakes;

static int count_wakes(const void *word, uint32_t count)
{
	(void)word;
	cr_assert_eq(count, UINT32_MAX);
	wakes++;
	return 0;
}

Test(waiting, who_sleeps_is_woken)
{
	pendi_script.futex_wake = count_wakes;
	awaited = submit_at(PEND_LAYER_BIND, AF_INET);
	step_it();
	cr_assert_eq(wakes, 0, "nobody sleeps");
	forget(awaited);
	awaited = submit_at(PEND_LAYER_BIND, AF_INET);
	cr_assert_eq(pend_simulator_wait(stage.simulator, awaited, MS), -ETIMEDOUT);
	step_it();
	cr_assert_eq(wakes, 1);
	pendi_script.futex_wake = NULL;
	forget(awaited);
}

/* A pended operation is settled when it is let go, and not when it is decided. */
Test(waiting, until_it_is_let_go)
{
	struct actor *actor = add_pender(PEND_LAYER_DATAGRAM, AF_INET);

	awaited = submit_at(PEND_LAYER_DATAGRAM, AF_INET);
	step_it();
	assert_state(awaited, PEND_SIM_PENDED);
	cr_assert_eq(decide(actor->handle, PEND_ACTION_PERMIT_SOFT), 0);
	cr_assert_eq(pend_simulator_wait(stage.simulator, awaited, MS), -ETIMEDOUT);
	settle();
	cr_assert_eq(pend_simulator_wait(stage.simulator, awaited, 0), 0);
	cr_assert_eq(sim_info(awaited).injections, 1);
	forget(awaited);
}
