/* SPDX-License-Identifier: MIT */
/*
 * builtin.c - registering the map types that the library itself provides: pend, complete, control.
 *
 * They are providers as any other, of base type NONE.
 */
#include "engine/custom/custom_internal.h"
#include "platform/memory.h"

static const struct pend_map_provider_data *const own_types[PENDI_CUSTOM_OWN_TYPES] = {
	&pendi_custom_pend_type,
	&pendi_custom_complete_type,
	&pendi_custom_control_type,
};

static void end_own(struct pendi_custom_own *own)
{
	for (uint32_t i = 0; i < PENDI_CUSTOM_OWN_TYPES; i++) {
		/* It cannot be refused: no map of the type lives. */
		const int error = own->providers[i]
					  ? pend_provider_unregister(own->providers[i], NULL, NULL)
					  : 0;

		(void)error;
	}
	pendi_memory_release(&own->registry->allocator, own, sizeof(*own));
}

int pendi_custom_begin(struct pendi_registry *registry,
		       const struct pendi_pend_functions *functions)
{
	struct pend_provider_options options = { .size = sizeof(options),
						 .kind = PEND_PROVIDER_MAP };
	struct pendi_custom_own *own = pendi_memory_allocate(&registry->allocator, sizeof(*own),
							     _Alignof(struct pendi_custom_own));

	if (!own)
		return -ENOMEM;
	own->registry = registry;
	own->functions = functions;
	options.context = own;
	for (uint32_t i = 0; i < PENDI_CUSTOM_OWN_TYPES; i++) {
		options.data = &own_types[i]->header;
		const int error = pendi_provider_register(registry, &options, &own->providers[i]);

		if (error) {
			end_own(own);
			return error;
		}
	}
	registry->custom_types = own;
	return 0;
}

void pendi_custom_end(struct pendi_registry *registry)
{
	end_own(registry->custom_types);
	registry->custom_types = NULL;
}
