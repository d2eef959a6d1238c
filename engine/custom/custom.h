/* SPDX-License-Identifier: MIT */
/*
 * custom.h - what the runtime needs of custom maps, and what they need of it.
 *
 * The pend and complete types lie over pend maps of the runtime's engine. Each pended operation has
 * a record of the runtime's at the front of its scratch memory; the program's scratch follows it.
 */
#ifndef PENDI_ENGINE_CUSTOM_CUSTOM_H
#define PENDI_ENGINE_CUSTOM_CUSTOM_H

#include <pendmap/custom_map.h>

#include "engine/registry/registry.h"

/* What the runtime gives the maps that it pends in. */
struct pendi_pend_functions {
	pend_complete_fn on_complete;
	pend_rerun_fn on_rerun;
	void *context;
	uint32_t record_size; /* bytes, multiple of 16, before the program's scratch */
};

/* Registers the types that the library itself provides (pend, complete, control). @functions must
 * live as long as the registry. 0; -ENOMEM. */
int pendi_custom_begin(struct pendi_registry *registry,
		       const struct pendi_pend_functions *functions);
/* And takes them away; no map of them lives. */
void pendi_custom_end(struct pendi_registry *registry);

/* What a pend helper needs of a map, once it is known to be of the pend or complete type. */
struct pendi_pend_target {
	struct pend_map *map;
	struct pend_session *session; /* that it is bound to, or NULL */
	uint32_t value_size;          /* of the pend type: value bytes; complete type: 0 */
	uint32_t scratch_size;        /* the program's */
	struct pend_namespace name_space;
};

/* 0; -EFAULT: @map is NULL; -EINVAL: it is not of @type (enum pend_map_type). Wait-free. */
int pendi_custom_target(struct pend_custom_map *map, uint32_t type,
			struct pendi_pend_target *target);

/* Calls @visit for the pend map of each custom map that has one, with no lock held. Not inside an
 * epoch nor in a function that the engine calls: a map that is closed meanwhile goes here. */
void pendi_custom_each_pend_map(struct pendi_registry *registry,
				void (*visit)(void *context, struct pend_map *map), void *context);

/* What programs do to maps of base type HASH: inside an epoch. -ENOTSUP where programs may not. */
int pendi_custom_program_lookup(struct pend_custom_map *map, const void *key, const void **value);
int pendi_custom_program_update(struct pend_custom_map *map, const void *key, const void *value,
				uint64_t update);
int pendi_custom_program_delete(struct pend_custom_map *map, const void *key);

#endif
