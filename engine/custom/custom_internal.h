/* SPDX-License-Identifier: MIT */
/*
 * custom_internal.h - the custom map's own structure, and what its files share.
 *
 *	create.c     making and ending a map; single types
 *	element.c    lookup, update, delete, take, next: start there
 *	handle.c     names, ids, what a map tells about itself
 *	bind.c       sessions, namespaces, what pend helpers need
 *	builtin.c    the types that the library itself provides: begin and end
 *	pend_type.c, complete_type.c, control_type.c: those types
 *
 * A map of base type HASH keeps its elements in a continuation map: stored values are immutable,
 * and who replaces or removes one owns it. So each is told about once, with no lock held, inside
 * the epoch in which it was taken out.
 */
#ifndef PENDI_ENGINE_CUSTOM_CUSTOM_INTERNAL_H
#define PENDI_ENGINE_CUSTOM_CUSTOM_INTERNAL_H

#include <errno.h>

#include "engine/custom/custom.h"
#include "engine/map/continuation_internal.h"
#include "engine/map/map_internal.h"

enum { PENDI_CUSTOM_OWN_TYPES = 3 }; /* pend, complete, control */

struct pend_custom_map {
	struct pendi_object object; /* first */
	struct pendi_use use;       /* client of its type's provider; unused if there is none */
	uint32_t type;
	uint32_t base; /* enum pend_map_base */
	uint32_t key_size;
	uint32_t value_size;  /* as callers see it */
	uint32_t stored_size; /* as it lies in the table */
	uint32_t max_entries;
	bool translates; /* updates_original_value */
	bool single;
	struct pend_continuation *table;     /* base HASH, else NULL */
	struct pend_map_callbacks callbacks; /* the provider's; NULL where it has none */
	void *provider_context;
	void *map_context;
	struct pend_map *pends; /* pend and complete type, else NULL */
	uint32_t scratch_size;  /* ... the programs' */
	_Atomic(struct pend_session *) bound;
	/* Of a single type: where it is the only one. Under the mutex of create.c. */
	struct pendi_registry *single_in;
	struct pend_custom_map *next_single;
};

/* What the library's own providers have as their context: one for each registry. */
struct pendi_custom_own {
	struct pendi_registry *registry;
	const struct pendi_pend_functions *functions;
	struct pend_provider *providers[PENDI_CUSTOM_OWN_TYPES];
};

/* A callback of a map that may sleep, on the thread that is inside it. */
struct pendi_custom_call {
	const struct pend_custom_map *map;
	const struct pendi_custom_call *outer;
};

extern PENDI_THREAD_LOCAL const struct pendi_custom_call *pendi_custom_innermost;

/* The calling thread is inside such a function of @map, until pendi_custom_leave_call(). */
PENDI_ALWAYS_INLINE void pendi_custom_enter_call(struct pendi_custom_call *call,
						 const struct pend_custom_map *map)
{
	call->map = map;
	call->outer = pendi_custom_innermost;
	pendi_custom_innermost = call;
}

PENDI_ALWAYS_INLINE void pendi_custom_leave_call(const struct pendi_custom_call *call)
{
	pendi_custom_innermost = call->outer;
}

/* element.c: each element of a map that nobody else uses any more is taken out and told of. */
void pendi_custom_clean_up(struct pend_custom_map *map);

/* bind.c: whether @session (NULL: nobody's) may act on the map: 0, -ESHUTDOWN or -EPERM. */
int pendi_custom_check_session(const struct pend_custom_map *map,
			       const struct pend_session *session);

/* pend_type.c: makes the pend map under a map of the pend or complete type; @extra as the options
 * have it. 0 or what pend_map_create() returns. */
int pendi_custom_make_pends(const struct pendi_custom_own *own, struct pend_custom_map *map,
			    struct pend_map_shape *shape, uint32_t value_size, const void *extra);
/* pend_type.c: callbacks of both types. */
void pendi_custom_end_pends(void *context, void *map_context);
int pendi_custom_associate_any(void *context, void *map_context, const struct pend_uuid *type);

/* What the own providers hand over. */
extern const struct pend_map_provider_data pendi_custom_pend_type;
extern const struct pend_map_provider_data pendi_custom_complete_type;
extern const struct pend_map_provider_data pendi_custom_control_type;

#endif
