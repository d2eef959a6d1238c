/* SPDX-License-Identifier: MIT */
/*
 * function.c - functions that programs call by name (F81).
 *
 *	import (of a program)  address -> function of the provider of that name and prototype
 *	                       address = NULL: nobody provides it; the program is not run
 *
 * F1  An import has an address if and only if a listed provider has its name and its prototype.
 * F2  *missing of a program is the number of its imports without an address.
 *
 * The provider may come later, go, and come back. It leaves at once: each import's address is cleared,
 * and then the epoch is waited for. A frame loads the address inside an epoch section and calls the
 * function in the same one, so afterwards none is inside. Address and *missing are written under the
 * mutex and read without it.
 */
#include "engine/registry/registry_internal.h"
#include "epoch/epoch.h"

void pendi_function_describe(struct pend_provider *provider)
{
	const struct pend_function_data *data = (const void *)provider->data;

	provider->address = data->address;
	provider->prototype = data->prototype;
	strcpy(provider->name, data->name);
}

struct pend_provider *pendi_function_find(struct pendi_registry *registry, const char *name)
{
	for (struct pend_provider *at = registry->providers; at; at = at->next) {
		if (at->kind == PEND_PROVIDER_FUNCTION && strcmp(at->name, name) == 0)
			return at;
	}
	return NULL;
}

static bool import_fits(const struct pendi_import *import, const struct pend_provider *provider)
{
	return import->prototype == provider->prototype &&
	       strcmp(import->name, provider->name) == 0;
}

static void import_fill(struct pendi_import *import, pend_helper_fn address)
{
	/* [RG1.rel] Pairs with [RG1.acq] in pendi_import_address(): who gets the function sees what
	 * its provider set up before it registered. */
	pendi_store_release(&import->address, address, RG1);
}

/* Says that one import more, or less, of the program is missing. */
static void import_count(struct pendi_import *import, bool missing)
{
	/* relaxed, both: a hint; the address decides. */
	if (missing)
		pendi_fetch_add_relaxed(import->missing, 1);
	else
		pendi_fetch_sub_relaxed(import->missing, 1);
}

void pendi_function_arrive(struct pend_provider *provider)
{
	for (struct pendi_import *at = provider->registry->imports; at; at = at->next) {
		if (!import_fits(at, provider))
			continue;
		import_fill(at, provider->address);
		import_count(at, false);
	}
}

/* 0, or -EALREADY: another thread takes it away. Under the mutex. */
static int function_withdraw(struct pend_provider *provider)
{
	if (provider->leaving)
		return -EALREADY;
	provider->leaving = true;
	pendi_provider_unlink(provider);
	for (struct pendi_import *at = provider->registry->imports; at; at = at->next) {
		if (!import_fits(at, provider))
			continue;
		import_count(at, true);
		import_fill(at, NULL);
	}
	return 0;
}

int pendi_function_leave(struct pend_provider *provider)
{
	struct pendi_registry *registry = provider->registry;
	int error;

	/* Who may not wait learns it here, before anything has changed. */
	error = pendi_epoch_synchronize();
	if (error)
		return error;
	pthread_mutex_lock(&registry->mutex);
	error = function_withdraw(provider);
	pthread_mutex_unlock(&registry->mutex);
	/* Sections that begin now find no address; those that found one are waited for. */
	return error ? error : pendi_epoch_synchronize();
}

uint32_t pendi_function_clients(const struct pend_provider *provider)
{
	uint32_t count = 0;

	if (provider->leaving)
		return 0;
	for (const struct pendi_import *at = provider->registry->imports; at; at = at->next)
		count += import_fits(at, provider);
	return count;
}

int pendi_registry_import(struct pendi_registry *registry, struct pendi_import *import)
{
	struct pend_provider *provider;
	int error = 0;

	pthread_mutex_lock(&registry->mutex);
	provider = pendi_function_find(registry, import->name);
	if (provider && !import_fits(import, provider)) {
		error = -EACCES;
	} else {
		import_fill(import, provider ? provider->address : NULL);
		if (!provider)
			import_count(import, true);
		import->next = registry->imports;
		registry->imports = import;
	}
	pthread_mutex_unlock(&registry->mutex);
	return error;
}

void pendi_registry_unimport(struct pendi_registry *registry, struct pendi_import *import)
{
	struct pendi_import **at;

	pthread_mutex_lock(&registry->mutex);
	for (at = &registry->imports; *at && *at != import; at = &(*at)->next)
		;
	if (*at) {
		*at = import->next;
		/* relaxed: written under the mutex. */
		if (!pendi_load_relaxed(&import->address))
			import_count(import, false);
	}
	pthread_mutex_unlock(&registry->mutex);
}
