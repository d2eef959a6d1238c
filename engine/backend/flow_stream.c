/* SPDX-License-Identifier: MIT */
/*
 * flow_stream.c - the segments of a flow: inline verdicts, nothing is held (F60).
 *
 *	NEW          every program is asked
 *	ESTABLISHED  those that wanted more data are asked
 *	DELETED      those that still want more data are told
 *
 *	ALLOW           this program has seen enough; the others go on
 *	NEED_MORE_DATA  the segment passes; ask again
 *	BLOCK           the segment and all that follow are refused; nobody behind is asked
 *
 * So a program is asked alone: one invocation for each link, which the filter picks. Which links want
 * more data, the flow keeps, in places that are set and cleared one by one without a lock. Whoever
 * empties a place when the flow has ended tells that program, and each place is emptied once.
 */
#include "engine/backend/simulator_internal.h"

/* The links at the hook, and the one that may run. */
struct stream_links {
	uint32_t count;
	uint32_t ids[PEND_HOOK_LINKS_MAX];
	uint32_t only;
};

static bool stream_collect(void *context, const struct pend_uuid *attach_type, uint32_t link_id)
{
	struct stream_links *links = context;

	(void)attach_type;
	if (links->count < PEND_HOOK_LINKS_MAX)
		links->ids[links->count++] = link_id;
	return false;
}

static bool stream_is_the_one(void *context, const struct pend_uuid *attach_type, uint32_t link_id)
{
	const struct stream_links *links = context;

	(void)attach_type;
	return link_id == links->only;
}

static enum pend_verdict stream_ask(struct pend_simulator *simulator, struct pendi_sim_run *run,
				    struct stream_links *links, pend_invoke_filter_fn filter)
{
	const struct pendi_sim_operation *operation = run->operation;
	struct pend_invocation invocation = {
		.operation = operation ? pendi_named_name(&operation->named) : 0,
		.flags = PEND_INVOKE_NO_PEND,
		.initial = PEND_VERDICT_PROCEED_SOFT,
		.filter = filter,
		.filter_context = links,
	};

	if (operation && operation->request.subject.pid)
		invocation.subject = &operation->request.subject;
	else if (operation && operation->belongs)
		invocation.subject = pendi_flow_subject(operation->belongs);
	return pendi_layer_ask(simulator, run, &invocation);
}

/* The last question to one program. */
static void stream_tell_end(struct pend_simulator *simulator, const struct pendi_sim_flow *flow,
			    uint32_t link_id)
{
	struct pendi_sim_run run = { .context = flow->context };
	struct stream_links links = { .only = link_id };

	run.context.layer = PEND_LAYER_STREAM;
	run.context.flow = pendi_named_name(&flow->named);
	run.context.flow_state = PEND_FLOW_DELETED;
	(void)stream_ask(simulator, &run, &links, stream_is_the_one);
}

void pendi_stream_end(struct pend_simulator *simulator, struct pendi_sim_flow *flow)
{
	for (uint32_t i = 0; i < PEND_HOOK_LINKS_MAX; i++) {
		/* relaxed: an id and nothing with it; who gets it is the one who tells. */
		const uint32_t link_id = pendi_exchange_relaxed(&flow->wanting[i], 0);

		if (link_id)
			stream_tell_end(simulator, flow, link_id);
	}
}

static bool stream_wants(const struct pendi_sim_flow *flow, uint32_t link_id)
{
	for (uint32_t i = 0; i < PEND_HOOK_LINKS_MAX; i++) {
		/* relaxed: of two segments at once either may be first. */
		if (pendi_load_relaxed(&flow->wanting[i]) == link_id)
			return true;
	}
	return false;
}

static void stream_set_wanting(struct pend_simulator *simulator, struct pendi_sim_flow *flow,
			       uint32_t link_id, bool wants)
{
	uint32_t i = 0;

	if (wants == stream_wants(flow, link_id))
		return;
	for (; i < PEND_HOOK_LINKS_MAX; i++) {
		uint32_t expected = wants ? 0 : link_id;

		/* relaxed: as above. */
		if (pendi_cas_relaxed(&flow->wanting[i], &expected, wants ? link_id : 0))
			break;
	}
	/* Its end may have looked at the places before. */
	if (wants && pendi_flow_is_over(flow))
		pendi_stream_end(simulator, flow);
}

static void stream_refuse(struct pendi_sim_flow *flow)
{
	static const struct pendi_change refuse = { .set = PENDI_FLOW_REFUSED };

	if (flow)
		(void)pendi_named_change(&flow->named, &refuse, NULL);
}

/* What one program says of the segment. */
static uint32_t stream_ask_one(struct pend_simulator *simulator, struct pendi_sim_run *run,
			       struct stream_links *links)
{
	struct pendi_sim_flow *flow = run->operation->belongs;
	enum pend_verdict verdict;

	/* relaxed: a counter. */
	(void)pendi_fetch_add_relaxed(&run->operation->invocations_count, 1);
	verdict = stream_ask(simulator, run, links, stream_is_the_one);
	if (verdict == PEND_VERDICT_REJECT) {
		stream_refuse(flow);
		return EBPF_FLOW_CLASSIFY_BLOCK;
	}
	if (flow)
		stream_set_wanting(simulator, flow, links->only,
				   verdict == PEND_VERDICT_PROCEED_HARD);
	return verdict == PEND_VERDICT_PROCEED_HARD ? EBPF_FLOW_CLASSIFY_NEED_MORE_DATA
						    : EBPF_FLOW_CLASSIFY_ALLOW;
}

enum pend_verdict pendi_stream_classify(struct pend_simulator *simulator, struct pendi_sim_run *run,
					uint32_t *answer)
{
	const struct pendi_sim_operation *operation = run->operation;
	const struct pendi_sim_flow *flow = operation->belongs;
	struct stream_links links = { .count = 0 };

	*answer = EBPF_FLOW_CLASSIFY_BLOCK;
	if (flow && pendi_named_word(&flow->named) & PENDI_FLOW_REFUSED)
		return PEND_VERDICT_REJECT;
	pendi_layer_context(operation, PEND_LAYER_STREAM, &operation->address, &run->context);
	(void)stream_ask(simulator, run, &links, stream_collect);
	*answer = EBPF_FLOW_CLASSIFY_ALLOW;
	for (uint32_t i = 0; i < links.count; i++) {
		uint32_t said;

		links.only = links.ids[i];
		if (flow && operation->request.flow_state != PEND_FLOW_NEW &&
		    !stream_wants(flow, links.only))
			continue;
		said = stream_ask_one(simulator, run, &links);
		if (said != EBPF_FLOW_CLASSIFY_ALLOW)
			*answer = said;
		if (said == EBPF_FLOW_CLASSIFY_BLOCK)
			return PEND_VERDICT_REJECT;
	}
	return PEND_VERDICT_PROCEED_SOFT;
}
