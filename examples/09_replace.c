/* SPDX-License-Identifier: MIT */
/*
 * 09_replace.c - replacing a program in one step, with operations pended.
 *
 * An invocation runs the old program or the new one, and there is no moment without either. What the
 * old one pended is finished as the update says: by the old program, by the new one, or at once. The
 * old program goes when nothing needs it any more.
 */
#include "loading.h"
#include <errno.h>

struct policy {
	const char *name;
	uint16_t pends;   /* connections to this port ... */
	uint16_t permits; /* ... and to this one */
	struct pend_custom_map *map;
	uint64_t pended; /* the last one */
};

static int program(void *context, void *data)
{
	const struct bpf_sock_addr *connection = context;
	struct policy *policy = data;
	const uint16_t port = ntohs(connection->user_port);
	struct pend_value value = { .version = PEND_VALUE_VERSION, .size = sizeof(value) };
	struct pend_key key = pend_key_of(0);

	printf("%s is asked about port %d\n", policy->name, port);
	if (port == policy->permits)
		return BPF_SOCK_ADDR_VERDICT_PROCEED_SOFT;
	if (port != policy->pends ||
	    bpf_pend_operation(policy->map, &value, sizeof(value), &key, sizeof(key)) != 0)
		return BPF_SOCK_ADDR_VERDICT_REJECT;
	policy->pended = key.pend_id;
	return BPF_SOCK_ADDR_VERDICT_PEND;
}

static void gone(void *data)
{
	const struct policy *policy = data;

	printf("%s is gone\n", policy->name);
}

static int load(struct stage *stage, struct policy *policy, struct pend_program **loaded)
{
	static const uint32_t helpers[] = { BPF_FUNC_pend_operation };
	const struct pend_program_options options = { .size = sizeof(options),
						      .name = policy->name,
						      .type = *pend_sock_addr_type(),
						      .entry = program,
						      .data = policy,
						      .helpers = helpers,
						      .helper_count = 1,
						      .on_free = gone };

	return pend_program_load(stage->runtime, &options, loaded) != 0;
}

static int use(struct stage *stage, struct policy *policies, struct pend_program **programs,
	       struct pend_link *link)
{
	struct pend_link_update_options update = { .size = sizeof(update),
						   .flags = PEND_LINK_REPLACE,
						   .old_program = programs[0],
						   .outstanding = PEND_OUTSTANDING_HAND_OVER };
	struct pend_link_info before = { .size = sizeof(before) },
			      after = { .size = sizeof(after) };
	uint64_t first, second;

	if (stage_connect(stage, "192.0.2.1", 443, NULL, &first) != 0 ||
	    pend_link_info_read(link, &before) != 0 ||
	    pend_link_update(link, programs[1], &update) != 0)
		return 1;
	/* Only if nobody else replaced it meanwhile: compare and swap. */
	if (pend_link_update(link, programs[1], &update) != -EPERM ||
	    pend_link_info_read(link, &after) != 0)
		return 1;
	printf("replaced: the same link %s, another program %s\n",
	       before.id == after.id ? "yes" : "no",
	       before.program_id != after.program_id ? "yes" : "no");

	if (pend_program_close(programs[0]) != 0 ||
	    stage_connect(stage, "192.0.2.1", 25, NULL, &second) != 0)
		return 1;
	/* What the old one pended was handed over: the new one goes on with it. */
	if (pend_map_complete(pend_custom_map_pends(policies[0].map), policies[0].pended,
			      PEND_ACTION_CONTINUE) != 0 ||
	    pend_map_complete(pend_custom_map_pends(policies[1].map), policies[1].pended,
			      PEND_ACTION_BLOCK) != 0)
		return 1;
	stage_settle(stage);
	printf("port 443 is %s, port 25 is %s\n", stage_fate(stage, first),
	       stage_fate(stage, second));
	return 0;
}

int main(void)
{
	struct policy policies[] = { { .name = "the old one", .pends = 443, .permits = 80 },
				     { .name = "the new one", .pends = 25, .permits = 443 } };
	struct pend_program *programs[2];
	struct pend_custom_map *map;
	struct pend_link *link;
	struct stage stage;

	if (stage_open(&stage) != 0 || stage_pends(&stage, NULL, &map) != 0)
		return 1;
	policies[0].map = policies[1].map = map;
	if (load(&stage, &policies[0], &programs[0]) != 0 ||
	    load(&stage, &policies[1], &programs[1]) != 0 ||
	    stage_attach(programs[0], NULL, &link) != 0)
		return 1;
	return use(&stage, policies, programs, link) || stage_remove(programs[1], link) != 0 ||
	       pend_custom_map_close(map) != 0 || stage_close(&stage);
}
