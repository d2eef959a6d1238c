/* SPDX-License-Identifier: MIT */
/*
 * test_catalogue_more.c - the recommended tests of the catalogue, through the whole stack: bounds,
 * interleavings, churn, clocks, descriptors, replacement, a caller that dies. What needs threads or
 * other processes is in live.c, what needs memory to run out in test_oom.c. Guarantees A to J but E.
 */
#include <sys/resource.h>

#include "tests/catalogue/child.h"
#include "tests/catalogue/stack.h"

static struct stack stack;

static void serve_thrice(void)
{
	for (uint32_t i = 0; i < 3; i++)
		(void)serve(&stack);
}

/* ---- every order of up to three events, before and after the frame's end ---- */

enum event { PERMIT, BLOCK, CONTINUE, EXPIRE, CANCEL, EVENTS };

static struct {
	enum event order[3];
	uint32_t count, in_frame, accepted;
	enum pend_action action; /* of the first terminal one that was accepted */
} plan;

static void happen(enum event event)
{
	const struct pend_key *key = &stack.player.key;
	enum pend_action action = PEND_ACTION_PENDING;
	int error = -1;

	switch (event) {
	case PERMIT:
		action = PEND_ACTION_PERMIT_SOFT;
		error = orchestrate(&stack, key, action);
		break;
	case BLOCK:
		action = PEND_ACTION_BLOCK;
		error = orchestrate(&stack, key, action);
		break;
	case CONTINUE:
		(void)orchestrate(&stack, key, PEND_ACTION_CONTINUE);
		break;
	case CANCEL:
		action = PEND_ACTION_BLOCK;
		error = pend_map_cancel(stack.map, key->pend_id);
		break;
	default:
		pass_time(stack.engine, 60 * MS, 60 * MS);
	}
	if (!error && action != PEND_ACTION_PENDING && !plan.accepted++)
		plan.action = action;
}

static void happen_in_the_frame(struct player *player)
{
	if (player->runs == 1)
		for (uint32_t i = 0; i < plan.in_frame; i++)
			happen(plan.order[i]);
}

static void play(void)
{
	struct pend_simulated_info info;
	uint64_t operation;

	plan.accepted = 0;
	stack.player.runs = 0;
	(void)operate(&stack);
	SAME(stack.player.error, 0);
	operation = stack.operation;
	for (uint32_t i = plan.in_frame; i < plan.count; i++)
		happen(plan.order[i]);
	serve_thrice();
	pass_time(stack.engine, 400 * MS, 60 * MS); /* what nobody decided ends all the same */
	info = look_at(&stack, operation);
	SO(plan.accepted <= 1);
	SAME(info.completions + (info.state == PEND_SIM_CANCELLED), 1);
	SO(info.state >= PEND_SIM_PERMITTED);
	if (plan.accepted && info.state != PEND_SIM_CANCELLED)
		SAME(info.action, plan.action);
	holds(&stack, 0);
	forget(&stack, operation);
}

static void play_all(void)
{
	for (uint32_t count = 0; count <= 3; count++) {
		const uint32_t orders = count == 0   ? 1
					: count == 1 ? EVENTS
					: count == 2 ? 25
						     : 125;

		for (uint32_t order = 0; order < orders; order++)
			for (uint32_t in_frame = 0; in_frame <= count; in_frame++) {
				plan.count = count;
				plan.in_frame = in_frame;
				plan.order[0] = (enum event)(order % EVENTS);
				plan.order[1] = (enum event)(order / EVENTS % EVENTS);
				plan.order[2] = (enum event)(order / EVENTS / EVENTS);
				play();
			}
	}
}

Test(catalogue, R_interleavings)
{
	static const int verdicts[] = { PEND_VERDICT_PEND, PEND_VERDICT_PROCEED_HARD };

	for (uint32_t i = 0; i < 2; i++)
		for (enum words words = 0; words < WORDS_HELPER; words++) {
			const struct setting setting = { .layer = PEND_LAYER_CONNECT,
							 .words = words,
							 .deadline_ns = 50 * MS };

			stack_begin(&stack, &setting);
			stack.player.after = happen_in_the_frame;
			PLAN(&stack.player, PENDS_THEN(verdicts[i]), PENDS);
			play_all();
			stack_end(&stack);
		}
}

/* ---- bounds ---- */

Test(catalogue, R_exact_max_entries)
{
	for (uint32_t most = 1; most <= 9; most += 4) {
		const struct setting setting = { .layer = PEND_LAYER_DATAGRAM,
						 .max_entries = most };
		struct pend_key last;

		stack_begin(&stack, &setting);
		for (uint32_t round = 0; round < 3; round++) {
			for (uint32_t i = 0; i < most; i++) {
				machine.cpu = i % MACHINE_CPUS;
				last = pend_one(&stack);
			}
			machine.cpu = round;
			SAME(operate(&stack).state, PEND_SIM_BLOCKED);
			SAME(stack.player.error, -ENOSPC);
			holds(&stack, most);
			SAME(orchestrate(&stack, &last, PEND_ACTION_BLOCK), 0);
			(void)serve(&stack);
			(void)pend_one(&stack); /* one went, one comes */
			SAME(pend_map_disable(stack.map, SECOND), 0);
			SAME(pend_map_enable(stack.map), 0);
		}
		stack_end(&stack);
	}
}

/* Two thousand at once, and nobody decides: each is blocked by its deadline and a tick. */
Test(catalogue, R_deadlines_of_a_crowd)
{
	const struct setting setting = { .layer = PEND_LAYER_DATAGRAM,
					 .max_entries = 2000,
					 .deadline_ns = 100 * MS };
	static uint64_t operations[2000];

	stack_begin(&stack, &setting);
	for (uint32_t i = 0; i < 2000; i++) {
		machine.cpu = i % MACHINE_CPUS;
		(void)pend_one(&stack);
		operations[i] = stack.operation;
	}
	holds(&stack, 2000);
	pass_time(stack.engine, 99 * MS, MS);
	holds(&stack, 2000);
	pass_time(stack.engine, 3 * MS, MS);
	holds(&stack, 0);
	SAME(map_counts(&stack).by_deadline, 2000);
	for (uint32_t i = 0; i < 2000; i++)
		SAME(look_at(&stack, operations[i]).state, PEND_SIM_BLOCKED);
	stack_end(&stack);
}

/* What stays during a scan is seen once, however much comes and goes. */
Test(catalogue, R_enumerate_under_churn)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT, .max_entries = 64 };
	struct pend_cursor cursor = { .position = 0 };
	struct pend_key stays[20], goes[20];
	uint32_t seen[20] = { 0 };
	struct pend_info infos[3];
	int found;

	stack_begin(&stack, &setting);
	for (uint32_t i = 0; i < 20; i++) {
		goes[i] = pend_one(&stack);
		stays[i] = pend_one(&stack);
	}
	for (uint32_t step = 0; (found = pend_map_scan(stack.map, &cursor, infos, NULL, 3)) > 0;
	     step++) {
		for (int i = 0; i < found; i++)
			for (uint32_t j = 0; j < 20; j++)
				seen[j] += infos[i].handle == stays[j].pend_id;
		if (step < 20) {
			SAME(orchestrate(&stack, &goes[step], PEND_ACTION_BLOCK), 0);
			(void)serve(&stack);
			(void)pend_one(&stack);
		}
	}
	SAME(found, 0);
	for (uint32_t j = 0; j < 20; j++)
		SAME(seen[j], 1);
	SAME(pend_map_disable(stack.map, SECOND), 0);
	stack_end(&stack);
}

/* ---- replacement with operations pended (guarantee G) ---- */

static void replace(enum pend_outstanding outstanding)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };
	const bool handed = outstanding == PEND_OUTSTANDING_HAND_OVER;
	struct pend_link_update_options options = { .size = sizeof(options),
						    .flags = PEND_LINK_REPLACE,
						    .outstanding = outstanding };
	struct player heir = { .runs = 0 };
	struct pend_key key;

	stack_begin(&stack, &setting);
	PLAN(&stack.player, PENDS, SAYS(PEND_VERDICT_REJECT));
	heir.map = stack.custom;
	PLAN(&heir, SAYS(PEND_VERDICT_PROCEED_HARD));
	player_load(&stack, &heir, "heir", setting.layer, player_run);
	key = pend_one(&stack);
	options.old_program = heir.program;
	SAME(pend_link_update(stack.player.link, heir.program, &options), -EPERM);
	options.old_program = stack.player.program;
	SAME(pend_link_update(stack.player.link, heir.program, &options), 0);
	(void)serve(&stack);
	if (outstanding == PEND_OUTSTANDING_COMPLETE) {
		SAME(look(&stack).state, PEND_SIM_BLOCKED);
		SAME(map_counts(&stack).by_drain, 1);
		SAME(orchestrate(&stack, &key, PEND_ACTION_CONTINUE), -ENOENT);
	} else {
		SAME(look(&stack).state, PEND_SIM_PENDED);
		SAME(orchestrate(&stack, &key, PEND_ACTION_CONTINUE), 0);
		serve_thrice();
		SAME(stack.player.runs, handed ? 1 : 2);
		SAME(heir.runs, handed ? 1 : 0);
		SAME(look(&stack).state, handed ? PEND_SIM_PERMITTED : PEND_SIM_BLOCKED);
	}
	/* New ones run the new program only; the old one is freed with its last holder. */
	heir.runs = 0;
	stack.player.runs = 0;
	SAME(operate(&stack).state, PEND_SIM_PERMITTED);
	SAME(heir.runs, 1);
	SAME(stack.player.runs, 0);
	SAME(pend_program_close(stack.player.program), 0);
	stack.player.program = NULL;
	let_go(&stack);
	SAME(stack.player.freed, 1);
	SAME(heir.freed, 0);
	SAME(pend_program_close(heir.program), 0);
	stack_end(&stack);
}

Test(catalogue, R_link_update_with_pends_finish)
{
	replace(PEND_OUTSTANDING_FINISH);
}

Test(catalogue, R_link_update_with_pends_hand_over)
{
	replace(PEND_OUTSTANDING_HAND_OVER);
}

Test(catalogue, R_link_update_with_pends_complete)
{
	replace(PEND_OUTSTANDING_COMPLETE);
}

/* ---- guarantee H ---- */

Test(catalogue, R_helper_equivalence)
{
	for (uint32_t i = 0; i < PENDING_LAYERS; i++) {
		const struct setting setting = { .layer = pending_layers[i],
						 .family = i % 2 ? AF_INET6 : AF_INET };
		const struct sight *first = &stack.player.sights[0];

		stack_begin(&stack, &setting);
		PLAN(&stack.player, PENDS);
		(void)pend_one(&stack);
		for (uint32_t n = 1; n <= 4; n++) {
			const struct sight *again = &stack.player.sights[n];

			machine.cpu = n % MACHINE_CPUS;
			machine.mono_ns += 10 * MS;
			SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_CONTINUE), 0);
			serve_thrice();
			SAME(stack.player.runs, n + 1);
			SO(memcmp(&first->address, &again->address, sizeof(first->address)) == 0);
			SO(memcmp(&first->network, &again->network, sizeof(first->network)) == 0);
			SAME(first->network_result, again->network_result);
			SAME(first->process_thread, again->process_thread);
			SAME(first->cookie, again->cookie);
			SAME(first->cookie, 0xc00c1e);
			SAME(first->payload_sum, again->payload_sum);
			SAME(first->payload_bytes, again->payload_bytes);
			SAME(again->scratch, n);
		}
		SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_BLOCK), 0);
		stack_end(&stack);
	}
}

/* ---- what an orchestrator's machine does ---- */

/* Its own traffic is not pended for it: nobody waits for himself. */
Test(catalogue, R_self_traffic)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };
	struct pend_session_options options = small_session(PEND_LOSS_BLOCK);
	struct pend_simulated_request request;

	stack_begin(&stack, &setting);
	options.self_pid = getpid();
	stack_session(&stack, &options);
	stack.player.fallback = PEND_VERDICT_PROCEED_SOFT;
	SAME(operate(&stack).state, PEND_SIM_PERMITTED);
	SAME(stack.player.error, -EDEADLK);
	SAME(ledger_of(&stack).pended, 0);
	request = request_here(&stack);
	request.subject.pid = getppid();
	SAME(run_stages(&stack, submit(&stack, &request)).state, PEND_SIM_PENDED);
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_BLOCK), 0);
	stack_end(&stack);
}

/* The machine slept for an hour: what is pended gets its time all the same, and then ends. */
Test(catalogue, R_clock_jump)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT, .deadline_ns = 500 * MS };

	stack_begin(&stack, &setting);
	(void)pend_one(&stack);
	pass_time(stack.engine, 10 * MS, MS);
	machine.lead_ns += HOUR;
	pass_time(stack.engine, 60 * MS, MS);
	SAME(look(&stack).state, PEND_SIM_BLOCKED);
	SAME(map_counts(&stack).by_deadline, 1);
	(void)pend_one(&stack); /* and what comes after has its own */
	pass_time(stack.engine, 480 * MS, MS);
	SAME(look(&stack).state, PEND_SIM_PENDED);
	pass_time(stack.engine, 30 * MS, MS);
	SAME(look(&stack).state, PEND_SIM_BLOCKED);
	stack_end(&stack);
}

/* No descriptor is left: identity cannot be had, everything else goes on. */
Test(catalogue, R_fd_exhaustion)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };
	struct rlimit before, none;

	stack_begin(&stack, &setting);
	SAME(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	SAME(setrlimit(RLIMIT_NOFILE, &none), 0);
	PLAN(&stack.player, PENDS, PENDS);
	(void)pend_one(&stack);
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_CONTINUE), 0);
	serve_thrice();
	SAME(stack.player.runs, 2);
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_PERMIT_SOFT), 0);
	serve_thrice();
	SAME(look(&stack).state, PEND_SIM_PERMITTED);
	stack.player.asks_identity = stack.player.defers_if_asked = true;
	PLAN(&stack.player, SAYS(PEND_VERDICT_REJECT), SAYS(PEND_VERDICT_PROCEED_SOFT));
	SAME(operate(&stack).state, PEND_SIM_PENDED);
	serve_thrice();
	SAME(stack.player.runs, 2);
	SAME(stack.player.sights[1].identity_result, -ENOENT);
	SAME(look(&stack).state, PEND_SIM_PERMITTED);
	SAME(setrlimit(RLIMIT_NOFILE, &before), 0);
	holds(&stack, 0);
	stack_end(&stack);
}

/* The caller dies while it is pended: let go, and nobody is sent anything. */
Test(catalogue, R_client_killed_while_pended)
{
	for (uint32_t i = 0; i < PENDING_LAYERS; i++) {
		const struct setting setting = { .layer = pending_layers[i] };
		struct pend_key key;

		stack_begin(&stack, &setting);
		key = pend_one(&stack);
		SAME(pend_simulator_kill(stack.simulator, stack.operation), 0);
		(void)serve(&stack);
		SAME(look(&stack).state, PEND_SIM_CANCELLED);
		SAME(look(&stack).completions, 0);
		SAME(look(&stack).injections, 0);
		SAME(counts_of(&stack).cancelled, 1);
		SAME(map_counts(&stack).by_cancel, 1);
		SAME(orchestrate(&stack, &key, PEND_ACTION_PERMIT_SOFT), -ENOENT);
		SAME(pend_simulator_kill(stack.simulator, stack.operation), -EALREADY);
		holds(&stack, 0);
		stack_end(&stack);
	}
}

/* ---- the orchestrator is killed, at each step of a flow (OP-12) ---- */

enum step {
	BEFORE_THE_PEND,
	IN_THE_FRAME,
	WHEN_PENDED,
	WHEN_STAGED,
	WHEN_DECIDED,
	WHEN_CONTINUED,
	IN_THE_RERUN,
	STEPS
};

static struct {
	enum step at;
	pid_t orchestrator; /* holds the lease of the stack's session */
} killing;

static void kill_at(enum step step)
{
	if (step != killing.at)
		return;
	SO(child_end(killing.orchestrator));
	if (step == IN_THE_RERUN)
		return; /* this is a function of the shard */
	machine.mono_ns += 2 * MS;
	(void)serve(&stack); /* whoever serves looks at leases too */
}

static void kill_inside(struct player *player)
{
	kill_at(player->runs == 1 ? IN_THE_FRAME : IN_THE_RERUN);
}

static void stage(enum pend_action action)
{
	const struct element element = {
		{ PEND_VALUE_VERSION, sizeof(element), (uint32_t)action, 0 }, 0
	};

	(void)!pend_custom_map_update(stack.custom, stack.session, &stack.player.key, &element,
				      PEND_BPF_EXIST);
}

static void play_until_killed(void)
{
	stack.player.after = kill_inside;
	PLAN(&stack.player, PENDS, PENDS);
	kill_at(BEFORE_THE_PEND);
	(void)operate(&stack);
	kill_at(WHEN_PENDED);
	if (killing.at == WHEN_STAGED)
		stage(PEND_ACTION_PERMIT_HARD);
	kill_at(WHEN_STAGED);
	if (killing.at == WHEN_CONTINUED || killing.at == IN_THE_RERUN)
		stage(PEND_ACTION_CONTINUE);
	else if (killing.at == WHEN_DECIDED)
		SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_PERMIT_HARD), 0);
	kill_at(WHEN_DECIDED);
	kill_at(WHEN_CONTINUED);
	for (uint32_t i = 0; i < 4; i++) {
		machine.mono_ns += 2 * MS;
		(void)serve(&stack);
	}
}

Test(catalogue, R_kill9_at_each_step)
{
	for (killing.at = 0; killing.at < STEPS; killing.at++) {
		const struct setting setting = { .layer = PEND_LAYER_CONNECT,
						 .with_session = true,
						 .deadline_ns = HOUR };
		int lease;

		stack_begin(&stack, &setting);
		snprintf(at_, sizeof(at_), "step %d", (int)killing.at);
		lease = pend_session_lease(stack.session);
		SO(lease >= 0);
		killing.orchestrator = child_begin();
		SO(killing.orchestrator > 0);
		SAME(close(lease), 0);
		play_until_killed();
		SAME(look(&stack).state,
		     killing.at == WHEN_DECIDED ? PEND_SIM_PERMITTED : PEND_SIM_BLOCKED);
		SAME(look(&stack).completions, killing.at != BEFORE_THE_PEND);
		SAME(map_counts(&stack).by_owner,
		     killing.at != BEFORE_THE_PEND && killing.at != WHEN_DECIDED);
		holds(&stack, 0);
		stack_end(&stack);
	}
}
