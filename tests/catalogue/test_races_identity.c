/* SPDX-License-Identifier: MIT */
/*
 * test_races_identity.c - the races R1 to R10 between capturing whose operation it is and resolving it
 * (F51 to F53), and F1 to F6 of the identity that flows carry on (F54). What is taken is given back,
 * always: the ledger of references balances at the end of each test.
 *
 * Captured in the frame; the process is changed; then the shards are served, and the program runs
 * again and asks.
 */
#include <fcntl.h>

#include "tests/catalogue/child.h"
#include "tests/catalogue/own_hook.h"
#include "tests/catalogue/stack.h"

static struct stack stack;
static struct own_hook own;

static void serve_thrice(void)
{
	for (uint32_t i = 0; i < 3; i++)
		(void)serve(&stack);
}

/* A process that waits to be killed. */
static pid_t make_process(struct pend_subject *subject)
{
	const pid_t child = child_begin();

	SO(child > 0);
	SAME(pend_subject_capture(child, subject), 0);
	return child;
}

static void end_process(pid_t child)
{
	SO(child_end(child));
}

static void begin(void)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT, .bare = true };

	stack_begin(&stack, &setting);
	own_begin(&own, &stack, 0);
	stack.player.asks_identity = stack.player.defers_if_asked = true;
	PLAN(&stack.player, SAYS(PEND_VERDICT_REJECT), SAYS(PEND_VERDICT_PROCEED_SOFT));
}

static void end(void)
{
	own_end(&own);
	stack_end(&stack);
}

static void deferred(const struct pend_subject *subject)
{
	SAME(own_operate(&own, subject), PEND_VERDICT_PEND);
	SAME(stack.player.runs, 1);
	SAME(stack.player.sights[0].identity_result, -EAGAIN);
	SAME(own.completions, 0);
}

/* It ran again, was told that there is nobody, and nothing is held. */
static void nobody(void)
{
	serve_thrice();
	SAME(stack.player.runs, 2);
	SAME(stack.player.sights[1].identity_result, -ENOENT);
	SAME(stack.player.sights[1].identity.pid, 0);
	SAME(own.completions, 1);
	SAME(own.last.action, PEND_ACTION_PERMIT_SOFT);
	SAME(counts_of(&stack).identities, counts_of(&stack).identities_released);
}

Test(races, R0_unchanged)
{
	struct pend_subject subject;
	pid_t child;

	begin();
	child = make_process(&subject);
	deferred(&subject);
	serve_thrice();
	SAME(stack.player.runs, 2);
	SAME(stack.player.sights[1].identity_result, 0);
	SAME(stack.player.sights[1].identity.pid, child);
	SAME(counts_of(&stack).identities, 1);
	end_process(child);
	SAME(pend_subject_release(&subject), 0);
	end();
}

Test(races, R1_handle_closed)
{
	struct pend_subject subject;
	pid_t child;

	begin();
	child = make_process(&subject);
	deferred(&subject);
	SAME(close(subject.pidfd), 0);
	nobody();
	end_process(child);
	end();
}

Test(races, R2_handle_of_another_type)
{
	struct pend_subject subject;
	pid_t child;
	int null;

	begin();
	child = make_process(&subject);
	deferred(&subject);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	SAME(dup2(null, subject.pidfd), subject.pidfd);
	SAME(close(null), 0);
	nobody();
	SAME(close(subject.pidfd), 0);
	end_process(child);
	end();
}

Test(races, R3_handle_of_another_process)
{
	struct pend_subject subject, other;
	pid_t child, sibling;

	begin();
	child = make_process(&subject);
	sibling = make_process(&other);
	deferred(&subject);
	SAME(dup2(other.pidfd, subject.pidfd), subject.pidfd);
	nobody();
	end_process(child);
	end_process(sibling);
	SAME(pend_subject_release(&subject), 0);
	SAME(pend_subject_release(&other), 0);
	end();
}

Test(races, R4_process_exited)
{
	struct pend_subject subject;
	pid_t child;

	begin();
	child = make_process(&subject);
	deferred(&subject);
	end_process(child);
	nobody();
	SAME(pend_subject_release(&subject), 0);
	end();
}

/* The zombie still has its number. */
Test(races, R4_process_exited_and_is_not_waited_for)
{
	struct pend_subject subject;
	siginfo_t state;
	pid_t child;

	begin();
	child = make_process(&subject);
	deferred(&subject);
	SAME(kill(child, SIGKILL), 0);
	SAME(waitid(P_PID, (id_t)child, &state, WEXITED | WNOWAIT), 0);
	nobody();
	SAME(waitpid(child, NULL, 0), child);
	SAME(pend_subject_release(&subject), 0);
	end();
}

/* The number is another process's by now: what was captured began at another time. */
Test(races, R5_number_used_again)
{
	struct pend_subject subject;
	pid_t child;

	begin();
	child = make_process(&subject);
	subject.start_time++;
	deferred(&subject);
	nobody();
	end_process(child);
	SAME(pend_subject_release(&subject), 0);
	end();
}

Test(races, R6_credentials_changed)
{
	for (uint32_t i = 0; i < 4; i++) {
		struct pend_subject subject;
		pid_t child;

		begin();
		child = make_process(&subject);
		subject.uid += i == 0;
		subject.gid += i == 1;
		subject.capabilities ^= (uint64_t)(i == 2) << 5;
		subject.executable += i == 3;
		deferred(&subject);
		nobody();
		end_process(child);
		SAME(pend_subject_release(&subject), 0);
		end();
	}
}

/* The operation goes while the job is queued: it does nothing, and the program is not run. */
Test(races, R7_torn_down_with_the_job_queued)
{
	begin();
	deferred(&stack.subject);
	SAME(pend_map_cancel(own.map, own.handle), 0);
	serve_thrice();
	SAME(stack.player.runs, 1);
	SAME(own.gone, 1);
	SAME(own.completions, 0);
	SAME(counts_of(&stack).identities, 0);
	end();
}

/* ... and while the job runs: the program is inside, with the identity in its hands. */
static void cancel_in_the_job(struct player *player)
{
	if (player->runs != 2)
		return;
	SAME(player->sights[1].identity_result, 0);
	SAME(pend_map_cancel(own.map, own.handle), 0);
	SAME(own.gone, 0);
}

Test(races, R7_torn_down_with_the_job_in_flight)
{
	begin();
	stack.player.after = cancel_in_the_job;
	deferred(&stack.subject);
	serve_thrice();
	SAME(stack.player.runs, 2);
	SAME(own.gone, 1);
	SAME(own.completions, 0);
	SAME(counts_of(&stack).identities, 1);
	SAME(counts_of(&stack).identities_released, 1);
	end();
}

/* Resolved and pended; an orchestrator completes before the program runs a third time. */
Test(races, R8_completed_before_it_runs_again)
{
	begin();
	PLAN(&stack.player, SAYS(PEND_VERDICT_REJECT), PENDS);
	deferred(&stack.subject);
	serve_thrice();
	SAME(stack.player.runs, 2);
	SAME(stack.player.error, 0);
	SAME(counts_of(&stack).identities - counts_of(&stack).identities_released, 1);
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_CONTINUE), 0);
	SAME(pend_map_complete(stack.map, stack.player.key.pend_id, PEND_ACTION_BLOCK), 0);
	serve_thrice();
	SAME(stack.player.runs, 2);
	SAME(own.completions, 1);
	SAME(own.last.action, PEND_ACTION_BLOCK);
	end();
}

/* Several operations of one process: each has its own reference. */
Test(races, R9_several_of_one_process)
{
	struct pend_key keys[3];

	begin();
	for (uint32_t i = 0; i < 3; i++) {
		PLAN(&stack.player, SAYS(PEND_VERDICT_REJECT), PENDS,
		     SAYS(PEND_VERDICT_PROCEED_HARD));
		deferred(&stack.subject);
		serve_thrice();
		keys[i] = stack.player.key;
	}
	SAME(pend_map_count(stack.map), 3);
	SAME(counts_of(&stack).identities - counts_of(&stack).identities_released, 3);
	for (uint32_t i = 0; i < 3; i++) {
		stack.player.runs = 2;
		SAME(orchestrate(&stack, &keys[i], PEND_ACTION_CONTINUE), 0);
		serve_thrice();
		SAME(stack.player.sights[2].identity_result, 0);
		SAME(stack.player.sights[2].identity.pid, getpid());
		SAME(counts_of(&stack).identities - counts_of(&stack).identities_released, 2 - i);
	}
	end();
}

/* It pends again and again: what was resolved stays, and is not resolved again. */
Test(races, R10_pends_again)
{
	uint64_t identities;

	begin();
	PLAN(&stack.player, SAYS(PEND_VERDICT_REJECT), PENDS);
	deferred(&stack.subject);
	serve_thrice();
	identities = counts_of(&stack).identities;
	for (uint32_t i = 3; i < 8; i++) {
		SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_CONTINUE), 0);
		serve_thrice();
		SAME(stack.player.runs, i);
		SAME(stack.player.sights[i - 1].identity_result, 0);
		SAME(counts_of(&stack).identities, identities);
		SAME(counts_of(&stack).identities_released, identities - 1);
	}
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_BLOCK), 0);
	end();
}

/* ---- flows ---- */

static void begin_flows(void)
{
	const struct setting setting = { .layer = PEND_LAYER_CONNECT };

	stack_begin(&stack, &setting);
}

/* A connection that is permitted; the flow that it makes. */
static uint64_t permit_one(void)
{
	(void)pend_one(&stack);
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_PERMIT_SOFT), 0);
	(void)serve(&stack);
	SAME(look(&stack).state, PEND_SIM_PERMITTED);
	SO(look(&stack).flow != 0);
	return look(&stack).flow;
}

static void end_flow(uint64_t flow)
{
	SAME(pend_simulator_end_flow(stack.simulator, flow), 0);
}

/* The flow is gone before its identity could be left on it. */
Test(races, F1_flow_gone_before_it_is_published)
{
	struct pend_simulator_ledger ledger;

	begin_flows();
	(void)pend_one(&stack);
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_PERMIT_SOFT), 0);
	SAME(pend_simulator_kill(stack.simulator, stack.operation), 0);
	(void)serve(&stack);
	ledger = ledger_of(&stack);
	SAME(ledger.flows, ledger.flows_deleted);
	SAME(ledger.identities, ledger.identities_released);
	stack_end(&stack);
}

/* Somebody looks before it is published. */
Test(races, F2_looked_for_before_it_is_published)
{
	struct pend_subject subject;
	uint64_t flow;

	begin_flows();
	(void)pend_one(&stack);
	SAME(pend_simulator_flow_identity(stack.simulator, 1, &subject), -ENOENT);
	SAME(ledger_of(&stack).identities, 0);
	SAME(orchestrate(&stack, &stack.player.key, PEND_ACTION_PERMIT_SOFT), 0);
	(void)serve(&stack);
	flow = look(&stack).flow;
	SAME(pend_simulator_flow_identity(stack.simulator, flow, &subject), 0);
	SAME(subject.pid, getpid());
	SAME(subject.start_time, stack.subject.start_time);
	end_flow(flow);
	SAME(pend_simulator_flow_identity(stack.simulator, flow, &subject), -ENOENT);
	stack_end(&stack);
}

/* The flow ends while a datagram of it is pended: that is cancelled, and each reference goes once. */
Test(races, F3_flow_ends_under_a_datagram)
{
	struct pend_simulated_request request;
	struct pend_simulator_ledger ledger;
	struct player listener = { .runs = 0 };
	uint64_t flow;

	begin_flows();
	flow = permit_one();
	listener.map = stack.custom;
	PLAN(&listener, PENDS);
	player_load(&stack, &listener, "datagrams", PEND_LAYER_DATAGRAM, player_run);
	player_attach(&listener, PEND_LAYER_DATAGRAM, AF_INET);
	request = request_for(&stack, PEND_LAYER_DATAGRAM, AF_INET);
	request.flow = flow;
	SAME(run_stages(&stack, submit(&stack, &request)).state, PEND_SIM_PENDED);
	end_flow(flow);
	(void)serve(&stack);
	SAME(look(&stack).state, PEND_SIM_CANCELLED);
	ledger = ledger_of(&stack);
	SAME(ledger.flows, ledger.flows_deleted);
	SAME(ledger.identities, ledger.identities_released);
	SAME(pend_simulator_end_flow(stack.simulator, flow), -ENOENT);
	player_leave(&listener);
	stack_end(&stack);
}

/* The operation goes before its verdict: nothing was published. */
Test(races, F4_torn_down_before_it_is_published)
{
	struct pend_subject subject;

	begin_flows();
	(void)pend_one(&stack);
	SAME(pend_simulator_kill(stack.simulator, stack.operation), 0);
	(void)serve(&stack);
	SAME(look(&stack).state, PEND_SIM_CANCELLED);
	SAME(pend_simulator_flow_identity(stack.simulator, look(&stack).flow, &subject), -ENOENT);
	SAME(ledger_of(&stack).flows, ledger_of(&stack).flows_deleted);
	SAME(ledger_of(&stack).identities, ledger_of(&stack).identities_released);
	stack_end(&stack);
}

/* Unloading waits for the flows. */
Test(races, F5_unload_with_flows_alive)
{
	struct pend_simulator_ledger ledger;
	uint64_t flows[3];

	begin_flows();
	for (uint32_t i = 0; i < 3; i++)
		flows[i] = permit_one();
	SAME(pend_link_detach(stack.player.link, PEND_OUTSTANDING_FINISH), 0);
	ledger = ledger_of(&stack);
	SAME(ledger.identities - ledger.identities_released, 3);
	SAME(pend_simulator_destroy(stack.simulator), -EBUSY);
	for (uint32_t i = 0; i < 3; i++)
		end_flow(flows[i]);
	stack_end(&stack);
}

/* The same addresses again make another flow. */
Test(races, F6_classified_again)
{
	struct pend_subject subject;
	uint64_t first, second;

	begin_flows();
	first = permit_one();
	end_flow(first);
	second = permit_one();
	SO(second != first);
	SAME(pend_simulator_flow_identity(stack.simulator, first, &subject), -ENOENT);
	SAME(pend_simulator_flow_identity(stack.simulator, second, &subject), 0);
	end_flow(second);
	stack_end(&stack);
}
