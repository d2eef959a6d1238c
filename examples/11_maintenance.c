/* SPDX-License-Identifier: MIT */
/*
 * 11_maintenance.c - maintenance: stop pending, let nothing wait, change things, go on.
 *
 * When disable returns, nothing that was pended before is live and nothing can be pended until
 * enable: no flag that a program may have read too early, no second look. Programs go on running; the
 * refused pend tells them, and they decide what maintenance means: here, known hosts pass.
 *
 * This stops one map; pend_engine_disable() stops all, and so does DISABLED in a control map
 * (BPF_MAP_TYPE_NET_EBPF_EXT_PEND_CONTROL), as upstream.
 */
#include "loading.h"

static int program(void *context, void *data)
{
	const struct bpf_sock_addr *connection = context;
	struct pend_custom_map *pends = data;
	struct pend_value value = { .version = PEND_VALUE_VERSION, .size = sizeof(value) };
	struct pend_key key = pend_key_of(0);

	if (bpf_pend_operation(pends, &value, sizeof(value), &key, sizeof(key)) == 0)
		return BPF_SOCK_ADDR_VERDICT_PEND;
	return connection->user_ip4 == inet_addr("192.0.2.1") ? BPF_SOCK_ADDR_VERDICT_PROCEED_SOFT
							      : BPF_SOCK_ADDR_VERDICT_REJECT;
}

static int connect_both(struct stage *stage, const char *when, uint64_t operations[2])
{
	if (stage_connect(stage, "192.0.2.1", 443, NULL, &operations[0]) != 0 ||
	    stage_connect(stage, "198.51.100.9", 443, NULL, &operations[1]) != 0)
		return 1;
	printf("%s: the known host %s, the other %s\n", when, stage_fate(stage, operations[0]),
	       stage_fate(stage, operations[1]));
	return 0;
}

static int use(struct stage *stage, struct pend_map *map)
{
	struct pend_map_stats stats = { .size = sizeof(stats) };
	uint64_t before[2], during[2], after[2];

	if (connect_both(stage, "before", before) != 0)
		return 1;
	/* Blocks all that wait, and returns when the last one has been told. */
	if (pend_map_disable(map, PEND_WAIT_FOREVER) != 0)
		return 1;
	printf("disabled: %d wait; those before are %s, %s\n", pend_map_count(map),
	       stage_fate(stage, before[0]), stage_fate(stage, before[1]));

	if (connect_both(stage, "during", during) != 0)
		return 1;
	/* Here programs are replaced, orchestrators restarted, rules loaded. */
	if (pend_map_enable(map) != 0 || connect_both(stage, "after", after) != 0 ||
	    pend_map_disable(map, PEND_WAIT_FOREVER) != 0 || pend_map_stats_read(map, &stats) != 0)
		return 1;
	printf("pended %d, ended by a drain %d, refused %d\n", (int)stats.pends,
	       (int)stats.by_drain, (int)stats.refused_stopped);
	return 0;
}

int main(void)
{
	static const uint32_t helpers[] = { BPF_FUNC_pend_operation, 0 };
	struct pend_program *loaded;
	struct pend_link *link;
	struct stage stage;
	struct pend_custom_map *pends;

	if (stage_open(&stage) != 0 || stage_pends(&stage, NULL, &pends) != 0 ||
	    stage_load(&stage, NULL, program, pends, helpers, &loaded) != 0 ||
	    stage_attach(loaded, NULL, &link) != 0)
		return 1;
	return use(&stage, pend_custom_map_pends(pends)) || stage_remove(loaded, link) != 0 ||
	       pend_custom_map_close(pends) != 0 || stage_close(&stage);
}
