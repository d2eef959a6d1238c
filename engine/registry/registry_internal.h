/* SPDX-License-Identifier: MIT */
/*
 * registry_internal.h - what the files of the registry share.
 */
#ifndef PENDI_ENGINE_REGISTRY_REGISTRY_INTERNAL_H
#define PENDI_ENGINE_REGISTRY_REGISTRY_INTERNAL_H

#include <errno.h>
#include <string.h>

#include "engine/registry/registry.h"
#include "platform/memory.h"

/* All of it under the registry's mutex, but for what never changes. */
struct pend_provider {
	struct pendi_registry *registry;
	enum pend_provider_kind kind;
	bool own;     /* the runtime's: it does not keep the runtime from ending */
	bool leaving; /* no new client; with the last one it goes */
	struct pend_uuid id;
	const struct pend_header *data;
	pend_provider_client_fn on_attach;
	pend_provider_client_fn on_detach;
	void *context;
	uint32_t clients;           /* not of functions: those are counted when asked for */
	pend_provider_gone_fn gone; /* while leaving */
	void *gone_context;
	/* Of functions: */
	pend_helper_fn address;
	uint64_t prototype;
	char name[PEND_NAME_MAX + 1];
	struct pend_provider *next;
};

/* An object by a name, in the object's namespace. Holds a handle. */
struct pendi_pin {
	struct pendi_object *object;
	struct pendi_pin *next;
	char name[PEND_NAME_MAX + 1];
};

/* description.c: whether @data is what a provider of @kind must hand over: 0, -EFAULT or -EINVAL. */
int pendi_description_check(enum pend_provider_kind kind, const struct pend_header *data);

/* provider.c: takes it out of the list. Under the mutex. */
void pendi_provider_unlink(struct pend_provider *provider);

/* function.c: the name, address and prototype of what @provider provides. */
void pendi_function_describe(struct pend_provider *provider);
/* function.c: who provides @name, or NULL. Under the mutex. */
struct pend_provider *pendi_function_find(struct pendi_registry *registry, const char *name);
/* function.c: all that asked for it get it. Under the mutex. */
void pendi_function_arrive(struct pend_provider *provider);
/* function.c: all that have it lose it; returns when nobody is inside. 0; -EALREADY; -EDEADLK. */
int pendi_function_leave(struct pend_provider *provider);
/* function.c: how many have it. Under the mutex. */
uint32_t pendi_function_clients(const struct pend_provider *provider);

/* object.c: another handle on a listed object. Under the mutex. */
void pendi_object_share(struct pendi_object *object);

#endif
