/* SPDX-License-Identifier: MIT */
/*
 * flow.c - flows: what is left of a permitted connection, and whose it is (F54, races F1 to F6).
 *
 *	reserved -> ALIVE -> ENDED
 *	      \______________^        ended before its connection is permitted
 *
 * A connection reserves its flow when it is submitted, so the name is known, and being permitted needs
 * no memory. Being permitted publishes it, with an identity of its own: resolved anew from what was
 * captured of the caller, with a descriptor of its own, so it does not depend on the connection's.
 *
 *	F1  ended before it was published   publishing fails, and releases what it has just taken
 *	F2  used before it was published    there is none yet: no identity
 *	F3  ended while it is used          the user has a reference; the last one releases
 *	F4  the connection is not permitted withdrawn: nothing was taken
 *	F5  the simulator goes              refused while a flow is alive
 *	F6  a connection is made again      another flow, with another identity
 *
 * One word decides between publishing and ending (simulator_names.h). The end looks through the
 * operations for what it holds up; one that is submitted meanwhile looks at the word after it has got
 * its name, by a change of the word, so either the end finds it or it finds the end.
 */
#include <errno.h>

#include "engine/backend/simulator_internal.h"

struct pendi_sim_flow *pendi_flow_reserve(struct pend_simulator *simulator, uint64_t maker)
{
	static const struct pendi_change reserve = { .set = PENDI_NAMED };
	struct pendi_sim_flow *flow = (struct pendi_sim_flow *)pendi_names_take(&simulator->flows);

	if (!flow)
		return NULL;
	flow->maker = maker;
	flow->identity = pendi_identity_none();
	for (uint32_t i = 0; i < PEND_HOOK_LINKS_MAX; i++) {
		/* relaxed: it has no name yet. */
		pendi_store_relaxed(&flow->wanting[i], 0);
	}
	(void)pendi_named_change(&flow->named, &reserve, NULL);
	return flow;
}

void pendi_flow_put(struct pend_simulator *simulator, struct pendi_sim_flow *flow)
{
	if (!pendi_names_put(&flow->named))
		return;
	if (pendi_identity_release(&flow->identity))
		pendi_simulator_enter(simulator, PENDI_LEDGER_IDENTITIES_RELEASED);
	pendi_names_free(&simulator->flows, &flow->named);
}

void pendi_flow_publish(struct pend_simulator *simulator, struct pendi_sim_operation *operation)
{
	static const struct pendi_change publish = { .none = PENDI_FLOW_ENDED,
						     .set = PENDI_FLOW_ALIVE };
	struct pendi_sim_flow *flow = operation->makes;

	operation->makes = NULL;
	pendi_layer_context(operation, operation->request.layer, &operation->address,
			    &flow->context);
	flow->context.base.data = flow->context.base.data_end = NULL;
	if (operation->request.subject.pid &&
	    !pendi_identity_resolve(&operation->request.subject, &flow->identity))
		pendi_simulator_enter(simulator, PENDI_LEDGER_IDENTITIES);
	if (pendi_named_change(&flow->named, &publish, NULL))
		pendi_simulator_enter(simulator, PENDI_LEDGER_FLOWS);
	/* If it has ended, this is the last reference, or that of who has just looked at it. */
	pendi_flow_put(simulator, flow);
}

void pendi_flow_withdraw(struct pend_simulator *simulator, struct pendi_sim_operation *operation)
{
	static const struct pendi_change withdraw = { .clear = PENDI_NAMED,
						      .set = PENDI_FLOW_ENDED };
	struct pendi_sim_flow *flow = operation->makes;

	operation->makes = NULL;
	(void)pendi_named_change(&flow->named, &withdraw, NULL);
	pendi_flow_put(simulator, flow);
}

struct pendi_sim_flow *pendi_flow_get(struct pend_simulator *simulator, uint64_t name)
{
	struct pendi_sim_flow *flow =
		(struct pendi_sim_flow *)pendi_names_get(&simulator->flows, name);

	if (!flow || pendi_named_word(&flow->named) & PENDI_FLOW_ALIVE)
		return flow;
	pendi_flow_put(simulator, flow);
	return NULL;
}

bool pendi_flow_is_over(struct pendi_sim_flow *flow)
{
	static const struct pendi_change look = { .all = 0 };
	uint64_t word;

	(void)pendi_named_change(&flow->named, &look, &word);
	return word & PENDI_FLOW_ENDED;
}

const struct pend_subject *pendi_flow_subject(const struct pendi_sim_flow *flow)
{
	return flow->identity.subject.pidfd >= 0 ? &flow->identity.subject : NULL;
}

/* Kills each operation of @flow that has no verdict yet: nobody waits for it any more (X13). */
static void kill_operations(struct pend_simulator *simulator, const struct pendi_sim_flow *flow,
			    uint64_t name)
{
	for (uint32_t i = 0; i < pendi_names_walk(&simulator->operations); i++) {
		struct pendi_sim_operation *operation =
			(struct pendi_sim_operation *)pendi_names_get_at(&simulator->operations, i);

		if (!operation)
			continue;
		if (operation->request.flow == name ||
		    pendi_named_name(&operation->named) == flow->maker)
			(void)pendi_operation_kill(simulator, operation);
		pendi_operation_put(simulator, operation);
	}
}

/* Ends it, if it is still what @change asks for: alive, or reserved. */
static bool end_as(struct pendi_sim_flow *flow, uint64_t all, uint64_t none)
{
	const struct pendi_change end = { .all = PENDI_NAMED | all,
					  .none = none,
					  .clear = PENDI_NAMED | PENDI_FLOW_ALIVE,
					  .set = PENDI_FLOW_ENDED };

	return pendi_named_change(&flow->named, &end, NULL);
}

int pendi_flow_end(struct pend_simulator *simulator, uint64_t name)
{
	struct pendi_sim_flow *flow =
		(struct pendi_sim_flow *)pendi_names_get(&simulator->flows, name);
	bool lived, ended;

	if (!flow)
		return -ENOENT;
	/* It may come alive between the looks, once. */
	lived = end_as(flow, PENDI_FLOW_ALIVE, 0);
	ended = lived || end_as(flow, 0, PENDI_FLOW_ALIVE);
	if (!ended)
		lived = ended = end_as(flow, PENDI_FLOW_ALIVE, 0);
	if (lived)
		pendi_simulator_enter(simulator, PENDI_LEDGER_FLOWS_DELETED);
	if (ended) {
		kill_operations(simulator, flow, name);
		pendi_stream_end(simulator, flow);
	}
	pendi_flow_put(simulator, flow);
	return ended ? 0 : -ENOENT;
}

int pend_simulator_end_flow(struct pend_simulator *simulator, uint64_t name)
{
	return simulator ? pendi_flow_end(simulator, name) : -EFAULT;
}

int pend_simulator_flow_identity(struct pend_simulator *simulator, uint64_t name,
				 struct pend_subject *subject)
{
	struct pendi_sim_flow *flow;
	const struct pend_subject *known;

	if (!simulator || !subject)
		return -EFAULT;
	flow = pendi_flow_get(simulator, name);
	if (!flow)
		return -ENOENT;
	known = pendi_flow_subject(flow);
	if (known)
		*subject = *known;
	pendi_flow_put(simulator, flow);
	return known ? 0 : -ENOENT;
}
