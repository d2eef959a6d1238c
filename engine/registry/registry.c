/* SPDX-License-Identifier: MIT */
/*
 * registry.c - the registry's beginning and end.
 */
#include "engine/registry/registry_internal.h"
#include "platform/membarrier.h"

void pendi_registry_init(struct pendi_registry *registry, struct pend_engine *engine,
			 const struct pend_allocator *allocator)
{
	memset(registry, 0, sizeof(*registry));
	pthread_mutex_init(&registry->mutex, NULL);
	registry->allocator = allocator ? *allocator : pendi_memory_default;
	registry->engine = engine;
	registry->light = pendi_membarrier_register() == 0;
}

/* Counts the runtime's own providers. False: there are others, or clients. Under the mutex. */
static bool registry_has_only_own(const struct pendi_registry *registry, uint32_t *own)
{
	for (const struct pend_provider *at = registry->providers; at; at = at->next) {
		if (!at->own || at->clients)
			return false;
		++*own;
	}
	return true;
}

bool pendi_registry_is_empty(struct pendi_registry *registry)
{
	uint32_t own = 0;
	bool empty;

	pthread_mutex_lock(&registry->mutex);
	empty = !registry->imports && !registry->pins && registry_has_only_own(registry, &own);
	for (uint32_t kind = 0; kind < PENDI_OBJECT_KINDS; kind++)
		empty = empty && !registry->objects[kind];
	pthread_mutex_unlock(&registry->mutex);
	/* [RG3.acq] Pairs with [RG3.rel] in pendi_object_put(): no release goes on any more. */
	return empty && pendi_load_acquire(&registry->unreleased, RG3) == own;
}

void pendi_registry_fini(struct pendi_registry *registry)
{
	pthread_mutex_destroy(&registry->mutex);
}
