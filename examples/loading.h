/* SPDX-License-Identifier: MIT */
/*
 * loading.h - the maps and programs of examples, with what is the same for all of them filled in.
 */
#ifndef EXAMPLES_LOADING_H
#define EXAMPLES_LOADING_H

#include "stage.h"

/* A map of another type: a table, or one that somebody provides. */
static inline int stage_map(struct stage *stage, uint32_t type, uint32_t key_size,
			    uint32_t value_size, struct pend_custom_map **map)
{
	const struct pend_custom_map_options options = { .size = sizeof(options),
							 .type = type,
							 .key_size = key_size,
							 .value_size = value_size,
							 .max_entries = 1024 };

	return pend_custom_map_create(stage->runtime, &options, map) != 0;
}

/* A map where programs pend, ready to. @pends may say more, or be NULL. */
static inline int stage_pends(struct stage *stage, const struct pend_map_options *pends,
			      struct pend_custom_map **map)
{
	const struct pend_custom_map_options options = { .size = sizeof(options),
							 .type = BPF_MAP_TYPE_NET_EBPF_EXT_PEND,
							 .key_size = sizeof(struct pend_key),
							 .value_size = sizeof(struct pend_value),
							 .max_entries = 1024,
							 .extra = pends };

	return pend_custom_map_create(stage->runtime, &options, map) != 0 ||
	       pend_map_enable(pend_custom_map_pends(*map)) != 0;
}

/* A program. @helpers ends with 0. @type NULL: that of the network layers. */
static inline int stage_load(struct stage *stage, const struct pend_uuid *type,
			     pend_program_fn entry, void *data, const uint32_t *helpers,
			     struct pend_program **program)
{
	struct pend_program_options options = { .size = sizeof(options),
						.name = "example",
						.type = type ? *type : *pend_sock_addr_type(),
						.entry = entry,
						.data = data,
						.helpers = helpers };

	while (helpers[options.helper_count])
		options.helper_count++;
	return pend_program_load(stage->runtime, &options, program) != 0;
}

/* Attaches it to the hook @at. NULL: where connections are authorized. */
static inline int stage_attach(struct pend_program *program, const struct pend_uuid *at,
			       struct pend_link **link)
{
	const struct pend_link_options options = {
		.size = sizeof(options),
		.attach_type = at ? *at : *pend_layer_attach_type(PEND_LAYER_CONNECT, AF_INET),
	};

	return pend_link_attach(program, &options, link) != 0;
}

/* Detaches it, waits until nobody runs it, and lets both go. */
static inline int stage_remove(struct pend_program *program, struct pend_link *link)
{
	return pend_link_detach(link, PEND_OUTSTANDING_FINISH) != 0 || pend_link_close(link) != 0 ||
	       pend_program_close(program) != 0;
}

#endif
