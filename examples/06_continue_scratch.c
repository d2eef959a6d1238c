/* SPDX-License-Identifier: MIT */
/*
 * 06_continue_scratch.c - a program that is run again, and what it remembers: scratch.
 *
 * The program wants a host's reputation, which it does not know the first time. It pends; the
 * orchestrator finds out, writes the score into a table and says CONTINUE: the program is run again
 * with the context it was given then, and decides, or pends once more. What it has to remember from
 * run to run lies in the pend's scratch, which comes with the pend and goes with it: it is never
 * stale, never evicted, and never another connection's. 07_continue_map.c does without.
 */
#include "loading.h"

enum { RUNS = 3 };

struct gate {
	struct pend_custom_map *pends;
	struct pend_custom_map *scores; /* address -> score */
	struct pend_key asked;          /* how this program tells its orchestrator */
};

static int judge(uint32_t score)
{
	return score >= 50 ? BPF_SOCK_ADDR_VERDICT_PROCEED_SOFT : BPF_SOCK_ADDR_VERDICT_REJECT;
}

static int program(void *context, void *data)
{
	const struct bpf_sock_addr *connection = context;
	struct gate *gate = data;
	struct pend_value value = { .version = PEND_VALUE_VERSION, .size = sizeof(value) };
	struct pend_key key = pend_key_of(0);
	const uint32_t *score = bpf_map_lookup_elem(gate->scores, &connection->user_ip4);
	uint32_t *runs = bpf_pend_scratch(NULL); /* NULL: nothing is pended, so this is the first */

	printf("run %u: %s\n", runs ? *runs + 1 : 1, score ? "known" : "not known");
	if (score)
		return judge(*score);
	if (runs && *runs + 1 == RUNS)
		return BPF_SOCK_ADDR_VERDICT_REJECT;

	/* In a further run this pends nothing anew: it gives the key that the operation has. */
	if (bpf_pend_operation(gate->pends, &value, sizeof(value), &key, sizeof(key)) != 0)
		return BPF_SOCK_ADDR_VERDICT_REJECT;
	runs = bpf_pend_scratch(NULL);
	++*runs; /* zero when the pend begins */
	gate->asked = key;
	return BPF_SOCK_ADDR_VERDICT_PEND;
}

/* The orchestrator: has the program look again. */
static int look_again(struct stage *stage, struct gate *gate)
{
	const int error = pend_map_complete(pend_custom_map_pends(gate->pends), gate->asked.pend_id,
					    PEND_ACTION_CONTINUE);

	stage_settle(stage);
	return error != 0;
}

static int use(struct stage *stage, struct gate *gate)
{
	const uint32_t address = inet_addr("192.0.2.1"), score = 80;
	uint64_t known, never;

	if (stage_connect(stage, "192.0.2.1", 443, NULL, &known) != 0 ||
	    look_again(stage, gate) != 0 || /* in vain */
	    pend_custom_map_update(gate->scores, NULL, &address, &score, PEND_BPF_ANY) != 0 ||
	    look_again(stage, gate) != 0)
		return 1;
	printf("%s\n", stage_fate(stage, known));

	if (stage_connect(stage, "198.51.100.9", 443, NULL, &never) != 0 ||
	    look_again(stage, gate) != 0 || look_again(stage, gate) != 0)
		return 1;
	printf("%s\n", stage_fate(stage, never));
	return 0;
}

int main(void)
{
	static const uint32_t helpers[] = { BPF_FUNC_pend_operation, BPF_FUNC_pend_scratch,
					    BPF_FUNC_map_lookup_elem, 0 };
	struct pend_map_options options = pend_map_options_default();
	struct pend_program *loaded;
	struct pend_link *link;
	struct stage stage;
	struct gate gate;

	options.scratch_size = sizeof(uint32_t);
	if (stage_open(&stage) != 0 || stage_pends(&stage, &options, &gate.pends) != 0 ||
	    stage_map(&stage, BPF_MAP_TYPE_HASH, sizeof(uint32_t), sizeof(uint32_t),
		      &gate.scores) != 0 ||
	    stage_load(&stage, NULL, program, &gate, helpers, &loaded) != 0 ||
	    stage_attach(loaded, NULL, &link) != 0)
		return 1;
	return use(&stage, &gate) || stage_remove(loaded, link) != 0 ||
	       pend_custom_map_close(gate.scores) != 0 || pend_custom_map_close(gate.pends) != 0 ||
	       stage_close(&stage);
}
