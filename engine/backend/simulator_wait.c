/* SPDX-License-Identifier: MIT */
/*
 * simulator_wait.c - reading an operation, waiting until it is settled, giving its name back.
 *
 * Who waits says so in the word (AWAITED), with the change that finds the operation unsettled; who
 * settles it finds that, rings the bell and wakes. The bell counts, so a ring between the look at the
 * word and the sleep is not lost.
 */
#include <errno.h>
#include <string.h>

#include "engine/backend/simulator_internal.h"
#include "platform/clock.h"
#include "platform/futex.h"

/* sizeof(struct pend_simulated_info) in the first version. */
#define SIMULATED_INFO_FIRST sizeof(struct pend_simulated_info)

static bool is_settled(uint64_t word)
{
	return word & PENDI_SIM_VERDICTS && !(word & PENDI_SIM_BUSY);
}

void pendi_operation_wake(struct pendi_sim_operation *operation, uint64_t word)
{
	if (!(word & PENDI_SIM_AWAITED))
		return;
	/* [SM3.rel] Pairs with [SM3.acq] in await(): who hears it finds the operation settled.
	 * Without: it looks again, and sleeps for good. */
	(void)pendi_fetch_add_release(&operation->bell, 1, SM3);
	(void)pendi_futex_wake(&operation->bell, UINT32_MAX);
}

void pendi_operation_tell(struct pend_simulator *simulator, struct pendi_sim_operation *operation,
			  uint64_t word)
{
	struct pendi_sim_flow *flow = operation->belongs;

	if (flow) {
		operation->belongs = NULL;
		pendi_flow_put(simulator, flow);
	}
	if (simulator->on_verdict)
		simulator->on_verdict(simulator->context, pendi_named_name(&operation->named),
				      pendi_operation_state(word));
	pendi_operation_wake(operation, word);
}

/* What the state says goes before what was written last, which may be of what comes next. */
static void read_verdict(const struct pendi_sim_operation *operation,
			 struct pend_simulated_info *info)
{
	/* relaxed: with a permit the word has brought it. */
	info->verdict = (enum pend_verdict)pendi_load_relaxed(&operation->verdict_now);
	info->action = PEND_ACTION_PENDING;
	if (info->state == PEND_SIM_PENDED)
		info->verdict = PEND_VERDICT_PEND;
	if (info->state == PEND_SIM_BLOCKED) {
		info->verdict = PEND_VERDICT_REJECT;
		info->action = PEND_ACTION_BLOCK;
	}
	if (info->state == PEND_SIM_PERMITTED)
		info->action = info->verdict == PEND_VERDICT_PROCEED_HARD ? PEND_ACTION_PERMIT_HARD
									  : PEND_ACTION_PERMIT_SOFT;
}

static void read_info(const struct pendi_sim_operation *operation, uint64_t word,
		      struct pend_simulated_info *info)
{
	info->state = pendi_operation_state(word);
	info->layer = operation->request.layer;
	read_verdict(operation, info);
	/* relaxed, all: each for itself; of a settled operation the word has brought them. */
	info->pends = pendi_load_relaxed(&operation->pends_count);
	info->completions = pendi_load_relaxed(&operation->completions_count);
	info->reclassified = pendi_load_relaxed(&operation->reclassified_count);
	info->injections = pendi_load_relaxed(&operation->injections_count);
	info->invocations = pendi_load_relaxed(&operation->invocations_count);
	info->flow_verdict = pendi_load_relaxed(&operation->flow_verdict_now);
	info->handle = pendi_load_relaxed(&operation->held);
	info->flow = word & (PENDI_SIM_BLOCKED | PENDI_SIM_CANCELLED) ? 0 : operation->flow;
	info->address = operation->request.address;
	/* It does not change any more once the redirect stage has run. */
	if (word & (PENDI_SIM_REDIRECTED | PENDI_SIM_PENDED) || is_settled(word))
		info->address = operation->address;
}

int pend_simulator_read(struct pend_simulator *simulator, uint64_t name,
			struct pend_simulated_info *info)
{
	struct pend_simulated_info now = { .size = 0 };
	struct pendi_sim_operation *operation;

	if (!simulator || !info)
		return -EFAULT;
	if (info->size < SIMULATED_INFO_FIRST)
		return -EINVAL;
	operation = pendi_operation_get(simulator, name);
	if (!operation)
		return -ENOENT;
	read_info(operation, pendi_named_word(&operation->named), &now);
	pendi_operation_put(simulator, operation);
	now.size = info->size;
	memcpy(info, &now, sizeof(now));
	return 0;
}

/* Sleeps until the operation is settled. 0 or -ETIMEDOUT. */
static int await(struct pendi_sim_operation *operation, uint64_t until_ns)
{
	static const struct pendi_change sleeps = { .set = PENDI_SIM_AWAITED };
	uint64_t word;

	for (;;) {
		uint64_t now_ns;
		/* [SM3.acq] Pairs with [SM3.rel] in pendi_operation_wake(). */
		const uint32_t bell = pendi_load_acquire(&operation->bell, SM3);

		(void)pendi_named_change(&operation->named, &sleeps, &word);
		if (is_settled(word))
			return 0;
		now_ns = until_ns == UINT64_MAX ? 0 : pendi_clock_mono_ns();
		if (until_ns != UINT64_MAX && now_ns >= until_ns)
			return -ETIMEDOUT;
		(void)pendi_futex_wait(&operation->bell, bell,
				       until_ns == UINT64_MAX ? UINT64_MAX : until_ns - now_ns);
	}
}

int pend_simulator_wait(struct pend_simulator *simulator, uint64_t name, uint64_t timeout_ns)
{
	struct pendi_sim_operation *operation;
	uint64_t until_ns = UINT64_MAX;
	int error = 0;

	if (!simulator)
		return -EFAULT;
	operation = pendi_operation_get(simulator, name);
	if (!operation)
		return -ENOENT;
	if (!is_settled(pendi_named_word(&operation->named))) {
		const uint64_t now_ns = pendi_clock_mono_ns();

		if (timeout_ns < UINT64_MAX - now_ns)
			until_ns = now_ns + timeout_ns;
		error = await(operation, until_ns);
	}
	pendi_operation_put(simulator, operation);
	return error;
}

int pend_simulator_forget(struct pend_simulator *simulator, uint64_t name)
{
	static const struct pendi_change forget = {
		.all = PENDI_NAMED,
		.any = PENDI_SIM_VERDICTS,
		.none = PENDI_SIM_BUSY,
		.clear = PENDI_NAMED,
	};
	struct pendi_sim_operation *operation;
	uint64_t word;
	bool done;

	if (!simulator)
		return -EFAULT;
	operation = pendi_operation_get(simulator, name);
	if (!operation)
		return -ENOENT;
	done = pendi_named_change(&operation->named, &forget, &word);
	pendi_operation_put(simulator, operation);
	if (done)
		return 0;
	return word & PENDI_NAMED ? -EBUSY : -ENOENT;
}
