/* SPDX-License-Identifier: MIT */
/*
 * provider.c - who provides what, and who uses it (F76).
 *
 *	register -> PRESENT -- unregister, no client, or with `gone` and no client --> gone
 *	              |  ^ use, unuse                                                   ^
 *	              |                                                                 |
 *	              +-- unregister with `gone`, clients --> LEAVING -- the last unuse +
 *
 * R1  Of one kind and id at most one provider is PRESENT. Others may be LEAVING beside it.
 * R2  A provider is freed with no client, and nobody finds it any more.
 * R3  A client counts from before its on_attach until after its on_detach, so both find the provider
 *     there, and `gone` comes after the last on_detach has returned.
 *
 * Callbacks are called with the mutex released. Functions leave otherwise: function.c.
 */
#include <pendmap/custom_map.h>

#include "engine/object/options.h"
#include "engine/registry/registry_internal.h"

/* sizeof(struct pend_provider_options) in the first version. */
#define PROVIDER_OPTIONS_SIZE_FIRST sizeof(struct pend_provider_options)

struct pend_uuid pendi_map_type_id(uint32_t type)
{
	/* The map information interface's, its last four bytes replaced by the number. */
	struct pend_uuid id = { { 0x3c, 0x2b, 0x0f, 0x4e, 0x8b, 0x0e, 0x4e, 0x5e, 0x8e, 0x1b, 0x7f,
				  0x4b } };

	for (uint32_t i = 0; i < 4; i++)
		id.bytes[12 + i] = (uint8_t)(type >> (24 - 8 * i));
	return id;
}

static bool uuid_is_none(const struct pend_uuid *id)
{
	static const struct pend_uuid none;

	return memcmp(id, &none, sizeof(none)) == 0;
}

/* The one that is PRESENT, else one that is LEAVING, or NULL. Under the mutex. */
static struct pend_provider *provider_find(struct pendi_registry *registry,
					   enum pend_provider_kind kind, const struct pend_uuid *id)
{
	struct pend_provider *leaving = NULL;

	for (struct pend_provider *at = registry->providers; at; at = at->next) {
		if (at->kind != kind || memcmp(&at->id, id, sizeof(*id)) != 0)
			continue;
		if (!at->leaving)
			return at;
		leaving = at;
	}
	return leaving;
}

/* Whether somebody provides what @provider is to provide. Under the mutex. */
static bool provider_has_rival(struct pendi_registry *registry,
			       const struct pend_provider *provider)
{
	const struct pend_provider *rival;

	if (provider->kind == PEND_PROVIDER_FUNCTION)
		return pendi_function_find(registry, provider->name) != NULL;
	rival = provider_find(registry, provider->kind, &provider->id);
	return rival && !rival->leaving;
}

static void provider_describe(struct pend_provider *provider, struct pendi_registry *registry,
			      const struct pend_provider_options *options)
{
	provider->registry = registry;
	provider->kind = options->kind;
	provider->id = options->id;
	provider->data = options->data;
	provider->on_attach = options->on_attach;
	provider->on_detach = options->on_detach;
	provider->context = options->context;
	/* relaxed: published by the mutex. */
	pendi_fetch_add_relaxed(&registry->unreleased, 1);
	if (provider->kind == PEND_PROVIDER_MAP) {
		const struct pend_map_provider_data *data = (const void *)options->data;

		provider->id = pendi_map_type_id(data->type);
		provider->own = data->type <= PEND_MAP_TYPE_PROVIDER;
	}
	if (provider->kind == PEND_PROVIDER_FUNCTION)
		pendi_function_describe(provider);
}

static void provider_release(struct pend_provider *provider)
{
	struct pendi_registry *registry = provider->registry;

	pendi_memory_release(&registry->allocator, provider, sizeof(*provider));
	/* [RG3.rel] Pairs with [RG3.acq] in pendi_registry_is_empty(): as for objects. */
	pendi_fetch_sub_release(&registry->unreleased, 1, RG3);
}

/* 0 or -EINVAL. @library: it is the library that asks. */
static int provider_check_options(const struct pend_provider_options *options, bool library)
{
	const struct pend_map_provider_data *map = (const void *)options->data;

	switch (options->kind) {
	case PEND_PROVIDER_HOOK:
		return library && !uuid_is_none(&options->id) ? 0 : -EINVAL;
	case PEND_PROVIDER_MAP:
		return library || map->type > PEND_MAP_TYPE_PROVIDER ? 0 : -EINVAL;
	case PEND_PROVIDER_FUNCTION:
		return options->on_attach || options->on_detach ? -EINVAL : 0;
	default:
		return uuid_is_none(&options->id) ? -EINVAL : 0;
	}
}

/* Lists @made, unless somebody provides that: 0 or -EEXIST. */
static int provider_list(struct pendi_registry *registry, struct pend_provider *made)
{
	bool rival;

	pthread_mutex_lock(&registry->mutex);
	rival = provider_has_rival(registry, made);
	if (!rival) {
		made->next = registry->providers;
		registry->providers = made;
		if (made->kind == PEND_PROVIDER_FUNCTION)
			pendi_function_arrive(made);
	}
	pthread_mutex_unlock(&registry->mutex);
	return rival ? -EEXIST : 0;
}

static int provider_make(struct pendi_registry *registry,
			 const struct pend_provider_options *options, bool library,
			 struct pend_provider **provider)
{
	struct pend_provider *made;
	int error = pendi_description_check(options->kind, options->data);

	if (!error)
		error = provider_check_options(options, library);
	if (error)
		return error;
	made = pendi_memory_allocate(&registry->allocator, sizeof(*made),
				     _Alignof(struct pend_provider));
	if (!made)
		return -ENOMEM;
	provider_describe(made, registry, options);
	error = provider_list(registry, made);
	if (error)
		provider_release(made);
	else
		*provider = made;
	return error;
}

int pendi_provider_register(struct pendi_registry *registry,
			    const struct pend_provider_options *options,
			    struct pend_provider **provider)
{
	return provider_make(registry, options, true, provider);
}

int pend_provider_register(struct pend_runtime *runtime,
			   const struct pend_provider_options *options,
			   struct pend_provider **provider)
{
	struct pend_provider_options read = { 0 };
	int error = options && provider ? 0 : -EFAULT;

	if (!runtime)
		return -EFAULT;
	if (!error)
		error = pendi_options_read(&read, sizeof(read), PROVIDER_OPTIONS_SIZE_FIRST,
					   options);
	if (!error)
		error = provider_make(pendi_registry_of(runtime), &read, false, provider);
	return pendi_registry_refuse(pendi_registry_of(runtime), PENDI_REFUSED_PROVIDER, error);
}

void pendi_provider_unlink(struct pend_provider *provider)
{
	struct pend_provider **at = &provider->registry->providers;

	while (*at != provider)
		at = &(*at)->next;
	*at = provider->next;
}

int pendi_registry_use(struct pendi_registry *registry, enum pend_provider_kind kind,
		       const struct pend_uuid *id, struct pendi_use *use)
{
	struct pend_provider *provider;
	uint32_t client_id = 0;
	int error = 0;

	pthread_mutex_lock(&registry->mutex);
	provider = provider_find(registry, kind, id);
	if (!provider) {
		error = -ENOENT;
	} else if (provider->leaving) {
		error = -ENODEV;
	} else {
		provider->clients++;
		client_id = ++registry->last_client_id;
	}
	pthread_mutex_unlock(&registry->mutex);
	if (error)
		return error;
	use->provider = provider;
	use->client_id = client_id;
	if (provider->on_attach)
		provider->on_attach(provider->context, client_id);
	return 0;
}

/* Frees what nobody finds any more, and says so. */
static void provider_go(struct pend_provider *provider)
{
	const pend_provider_gone_fn gone = provider->gone;
	void *context = provider->gone_context;

	provider_release(provider);
	if (gone)
		gone(context);
}

void pendi_registry_unuse(struct pendi_use *use)
{
	struct pend_provider *provider = use->provider;
	struct pendi_registry *registry;
	bool last;

	if (!provider)
		return;
	use->provider = NULL;
	registry = provider->registry;
	if (provider->on_detach)
		provider->on_detach(provider->context, use->client_id);
	pthread_mutex_lock(&registry->mutex);
	last = --provider->clients == 0 && provider->leaving;
	if (last)
		pendi_provider_unlink(provider);
	pthread_mutex_unlock(&registry->mutex);
	if (last)
		provider_go(provider);
}

/* 0: it has been taken out, or with @gone waits for its last client (*waits); or an error. */
static int provider_leave(struct pend_provider *provider, bool deferrable, bool *waits)
{
	if (provider->leaving)
		return -EALREADY;
	*waits = provider->clients > 0;
	if (*waits && !deferrable)
		return -EBUSY;
	provider->leaving = true;
	if (!*waits)
		pendi_provider_unlink(provider);
	return 0;
}

int pend_provider_unregister(struct pend_provider *provider, pend_provider_gone_fn gone,
			     void *context)
{
	struct pendi_registry *registry;
	bool waits = false;
	int error;

	if (!provider)
		return -EFAULT;
	registry = provider->registry;
	if (provider->kind == PEND_PROVIDER_FUNCTION) {
		error = pendi_function_leave(provider);
	} else {
		pthread_mutex_lock(&registry->mutex);
		error = provider_leave(provider, gone != NULL, &waits);
		if (!error) {
			provider->gone = gone;
			provider->gone_context = context;
		}
		pthread_mutex_unlock(&registry->mutex);
	}
	if (error || waits)
		return error;
	provider->gone = gone;
	provider->gone_context = context;
	provider_go(provider);
	return 0;
}

int pend_provider_clients(struct pend_provider *provider)
{
	uint32_t clients;

	if (!provider)
		return -EFAULT;
	pthread_mutex_lock(&provider->registry->mutex);
	clients = provider->kind == PEND_PROVIDER_FUNCTION ? pendi_function_clients(provider)
							   : provider->clients;
	pthread_mutex_unlock(&provider->registry->mutex);
	return (int)clients;
}

const struct pend_header *pendi_use_data(const struct pendi_use *use)
{
	return use->provider->data;
}

void *pendi_use_context(const struct pendi_use *use)
{
	return use->provider->context;
}
