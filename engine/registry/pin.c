/* SPDX-License-Identifier: MIT */
/*
 * pin.c - names that keep objects (F66).
 *
 * A pin is a handle with a name. Names are per namespace, across all kinds of objects: the same name
 * in two namespaces names two things, and nobody sees the other's. A pin is in its object's namespace.
 */
#include "engine/registry/registry_internal.h"

int pendi_name_copy(char *to, const char *name)
{
	size_t length;

	if (!name)
		return -EFAULT;
	length = strnlen(name, PEND_NAME_MAX + 1);
	if (length == 0)
		return -EINVAL;
	if (length > PEND_NAME_MAX)
		return -ENAMETOOLONG;
	memset(to, 0, PEND_NAME_MAX + 1);
	memcpy(to, name, length);
	return 0;
}

/* Where the pin of @name is linked, or where the list ends. Under the mutex. */
static struct pendi_pin **pin_find(struct pendi_registry *registry,
				   const struct pend_namespace *name_space, const char *name)
{
	struct pendi_pin **at = &registry->pins;

	while (*at && (strcmp((*at)->name, name) != 0 ||
		       !pendi_object_same_namespace(&(*at)->object->name_space, name_space)))
		at = &(*at)->next;
	return at;
}

int pendi_object_pin(struct pendi_object *object, const char *name)
{
	struct pendi_registry *registry = object->registry;
	struct pendi_pin *pin, **at;
	char copy[PEND_NAME_MAX + 1];
	bool taken;
	int error = pendi_name_copy(copy, name);

	if (error)
		return error;
	pin = pendi_memory_allocate(&registry->allocator, sizeof(*pin), _Alignof(struct pendi_pin));
	if (!pin)
		return -ENOMEM;
	memcpy(pin->name, copy, sizeof(copy));
	pin->object = object;
	pthread_mutex_lock(&registry->mutex);
	at = pin_find(registry, &object->name_space, copy);
	taken = *at != NULL;
	if (!taken) {
		pendi_object_share(object);
		*at = pin;
	}
	pthread_mutex_unlock(&registry->mutex);
	if (taken)
		pendi_memory_release(&registry->allocator, pin, sizeof(*pin));
	return taken ? -EEXIST : 0;
}

struct pendi_object *pendi_object_open(struct pendi_registry *registry, enum pendi_object_kind kind,
				       const struct pend_namespace *name_space, const char *name)
{
	struct pendi_object *found = NULL;
	const struct pendi_pin *pin;

	pthread_mutex_lock(&registry->mutex);
	pin = *pin_find(registry, name_space, name);
	if (pin && pin->object->kind == kind) {
		found = pin->object;
		pendi_object_share(found);
	}
	pthread_mutex_unlock(&registry->mutex);
	return found;
}

int pend_unpin(struct pend_runtime *runtime, const struct pend_namespace *name_space,
	       const char *name)
{
	struct pendi_registry *registry;
	struct pendi_object *object;
	struct pendi_pin *pin, **at;

	if (!runtime || !name)
		return -EFAULT;
	registry = pendi_registry_of(runtime);
	pthread_mutex_lock(&registry->mutex);
	at = pin_find(registry, name_space, name);
	pin = *at;
	if (pin)
		*at = pin->next;
	pthread_mutex_unlock(&registry->mutex);
	if (!pin)
		return -ENOENT;
	object = pin->object;
	pendi_memory_release(&registry->allocator, pin, sizeof(*pin));
	pendi_object_close(object);
	return 0;
}
