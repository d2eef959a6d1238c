/* SPDX-License-Identifier: MIT */
/*
 * 07_continue_map.c - a program that is run again, and what it remembers: a map of its own.
 *
 * The upstream design's pattern. The program keeps where it stands in an ordinary map, under the
 * connection's own addresses, and looks there whenever it runs: found, it goes on; not found, it
 * begins. It deletes its entry before it decides. Where somebody else ends the pend it does not run,
 * and the entry stays: so an entry counts only if it has the key of this very pend; else another
 * connection of the same addresses left it. Scratch (06_continue_scratch.c) needs no such care.
 */
#include "loading.h"
#include <string.h>

/* What names a connection: at this layer only one of a name is pended at a time. */
struct tuple {
	uint32_t to, from;
	uint16_t to_port, from_port;
};

/* How far the program is with a connection. */
struct progress {
	struct pend_key key; /* of the pend that this is about */
	uint64_t asked;      /* how many were asked */
};

struct gate {
	struct pend_custom_map *pends, *progress;
	struct pend_key asked; /* how this program tells its orchestrator */
};

/* The program's next step, or its verdict. */
static int go_on(struct gate *gate, const struct tuple *tuple, struct progress *progress)
{
	static const char *const whom[] = { "owner", "guard" };

	if (progress->asked == 2)
		return bpf_map_delete_elem(gate->progress, tuple) == 0
			       ? BPF_SOCK_ADDR_VERDICT_PROCEED_SOFT
			       : BPF_SOCK_ADDR_VERDICT_REJECT;
	printf("asks the %s\n", whom[progress->asked++]);
	gate->asked = progress->key;
	return bpf_map_update_elem(gate->progress, tuple, progress, PEND_BPF_ANY) == 0
		       ? BPF_SOCK_ADDR_VERDICT_PEND
		       : BPF_SOCK_ADDR_VERDICT_REJECT;
}

static int program(void *context, void *data)
{
	const struct bpf_sock_addr *connection = context;
	struct gate *gate = data;
	struct pend_value value = { .version = PEND_VALUE_VERSION, .size = sizeof(value) };
	const struct tuple tuple = { .to = connection->user_ip4,
				     .from = connection->msg_src_ip4,
				     .to_port = connection->user_port,
				     .from_port = connection->msg_src_port };
	const struct progress *found = bpf_map_lookup_elem(gate->progress, &tuple);
	struct progress progress = { .key = pend_key_of(0) };

	/* The first time this pends; in a further run it only gives the key. */
	if (bpf_pend_operation(gate->pends, &value, sizeof(value), &progress.key,
			       sizeof(progress.key)) != 0)
		return BPF_SOCK_ADDR_VERDICT_REJECT;
	if (found && memcmp(&found->key, &progress.key, sizeof(progress.key)) == 0)
		progress.asked = found->asked;
	else if (found)
		printf("ignores what another left\n");
	else
		(void)bpf_continuation_missing(); /* is counted if this is a further run */
	return go_on(gate, &tuple, &progress);
}

/* The orchestrator: says yes to what was asked, or ends it. */
static int answer(struct stage *stage, struct gate *gate, enum pend_action action)
{
	if (pend_map_complete(pend_custom_map_pends(gate->pends), gate->asked.pend_id, action) != 0)
		return 1;
	stage_settle(stage);
	return 0;
}

static int use(struct stage *stage, struct gate *gate)
{
	uint64_t first, second;

	/* Blocked half way: the program does not run again, so its entry stays. */
	if (stage_connect(stage, "192.0.2.1", 443, NULL, &first) != 0 ||
	    answer(stage, gate, PEND_ACTION_CONTINUE) != 0 ||
	    answer(stage, gate, PEND_ACTION_BLOCK) != 0)
		return 1;
	printf("the first is %s\n", stage_fate(stage, first));

	if (stage_connect(stage, "192.0.2.1", 443, NULL, &second) != 0 ||
	    answer(stage, gate, PEND_ACTION_CONTINUE) != 0 ||
	    answer(stage, gate, PEND_ACTION_CONTINUE) != 0)
		return 1;
	printf("the second is %s\n", stage_fate(stage, second));
	return 0;
}

int main(void)
{
	static const uint32_t helpers[] = { BPF_FUNC_pend_operation,  BPF_FUNC_continuation_missing,
					    BPF_FUNC_map_lookup_elem, BPF_FUNC_map_update_elem,
					    BPF_FUNC_map_delete_elem, 0 };
	struct pend_program *loaded;
	struct pend_link *link;
	struct stage stage;
	struct gate gate;

	if (stage_open(&stage) != 0 || stage_pends(&stage, NULL, &gate.pends) != 0 ||
	    stage_map(&stage, BPF_MAP_TYPE_HASH, sizeof(struct tuple), sizeof(struct progress),
		      &gate.progress) != 0 ||
	    stage_load(&stage, NULL, program, &gate, helpers, &loaded) != 0 ||
	    stage_attach(loaded, NULL, &link) != 0)
		return 1;
	return use(&stage, &gate) || stage_remove(loaded, link) != 0 ||
	       pend_custom_map_close(gate.progress) != 0 ||
	       pend_custom_map_close(gate.pends) != 0 || stage_close(&stage);
}
