/* SPDX-License-Identifier: MIT */
/*
 * object.c - objects with an id and a namespace: how long they live, and who finds them.
 *
 *	enlist -> LISTED (handles >= 1) -- the last handle is closed --> abandoned -- the last
 *	                                   reference is put --> released
 *
 * O1  Listed if and only if handles > 0: who finds an object gets a handle under the mutex, so what
 *     has begun to go is never found.
 * O2  All handles together hold one reference, put after abandon() has returned.
 * O3  abandon() and release() are called once each, in that order, with the mutex released.
 * O4  `unreleased` counts objects whose release() has not returned: the registry outlives them.
 */
#include "engine/registry/registry_internal.h"

static const struct pend_namespace object_default_namespace;

bool pendi_object_same_namespace(const struct pend_namespace *a, const struct pend_namespace *b)
{
	a = a ? a : &object_default_namespace;
	b = b ? b : &object_default_namespace;
	return a->user_inode == b->user_inode && a->label == b->label;
}

/* The listed one with the greatest id not above @id, or NULL. */
static struct pendi_object *object_at_most(struct pendi_registry *registry,
					   enum pendi_object_kind kind, uint32_t id)
{
	struct pendi_object *at = registry->newest[kind];

	while (at && at->id > id)
		at = at->previous;
	return at;
}

/* The next id that no listed object of @kind has; *@before: the object to go behind. */
static uint32_t object_new_id(struct pendi_registry *registry, enum pendi_object_kind kind,
			      struct pendi_object **before)
{
	uint32_t id;

	do {
		id = ++registry->last_id[kind];
		*before = object_at_most(registry, kind, id);
	} while (id == 0 || (*before && (*before)->id == id));
	return id;
}

static void object_link(struct pendi_registry *registry, struct pendi_object *object,
			struct pendi_object *before)
{
	struct pendi_object **next = before ? &before->next : &registry->objects[object->kind];

	object->previous = before;
	object->next = *next;
	*next = object;
	if (object->next)
		object->next->previous = object;
	else
		registry->newest[object->kind] = object;
}

static void object_unlink(struct pendi_object *object)
{
	struct pendi_registry *registry = object->registry;

	if (object->previous)
		object->previous->next = object->next;
	else
		registry->objects[object->kind] = object->next;
	if (object->next)
		object->next->previous = object->previous;
	else
		registry->newest[object->kind] = object->previous;
	object->next = object->previous = NULL;
}

void pendi_object_enlist(struct pendi_registry *registry, struct pendi_object *object)
{
	struct pendi_object *before;

	object->registry = registry;
	object->handles = 1;
	/* relaxed, both: published by the mutex, or by the caller. */
	pendi_store_relaxed(&object->references, 1);
	pendi_fetch_add_relaxed(&registry->unreleased, 1);
	pthread_mutex_lock(&registry->mutex);
	object->id = object_new_id(registry, object->kind, &before);
	object_link(registry, object, before);
	pthread_mutex_unlock(&registry->mutex);
}

void pendi_object_get(struct pendi_object *object)
{
	/* relaxed: the caller's reference keeps it; nothing is read by the count. */
	pendi_fetch_add_relaxed(&object->references, 1);
}

void pendi_object_put(struct pendi_object *object)
{
	struct pendi_registry *registry = object->registry;

	/* [RG2.rel] Pairs with [RG2.acq] below: what each holder did comes before the release. */
	if (pendi_fetch_sub_release(&object->references, 1, RG2) != 1)
		return;
	/* [RG2.acq] Pairs with [RG2.rel] above, of all who put before. */
	(void)pendi_load_acquire(&object->references, RG2);
	object->release(object);
	/* [RG3.rel] Pairs with [RG3.acq] in pendi_registry_is_empty(): who ends the registry comes
	 * after the release. */
	pendi_fetch_sub_release(&registry->unreleased, 1, RG3);
}

void pendi_object_share(struct pendi_object *object)
{
	object->handles++;
}

void pendi_object_close(struct pendi_object *object)
{
	struct pendi_registry *registry = object->registry;
	bool last;

	pthread_mutex_lock(&registry->mutex);
	last = --object->handles == 0;
	if (last)
		object_unlink(object);
	pthread_mutex_unlock(&registry->mutex);
	if (!last)
		return;
	if (object->abandon)
		object->abandon(object);
	pendi_object_put(object);
}

struct pendi_object *pendi_object_by_id(struct pendi_registry *registry,
					enum pendi_object_kind kind,
					const struct pend_namespace *name_space, uint32_t id)
{
	struct pendi_object *found;

	pthread_mutex_lock(&registry->mutex);
	found = object_at_most(registry, kind, id);
	if (found &&
	    (found->id != id || !pendi_object_same_namespace(&found->name_space, name_space)))
		found = NULL;
	if (found)
		pendi_object_share(found);
	pthread_mutex_unlock(&registry->mutex);
	return found;
}

uint32_t pendi_object_next_id(struct pendi_registry *registry, enum pendi_object_kind kind,
			      const struct pend_namespace *name_space, uint32_t id)
{
	struct pendi_object *at;
	uint32_t next;

	pthread_mutex_lock(&registry->mutex);
	at = object_at_most(registry, kind, id);
	at = at ? at->next : registry->objects[kind];
	while (at && !pendi_object_same_namespace(&at->name_space, name_space))
		at = at->next;
	next = at ? at->id : 0;
	pthread_mutex_unlock(&registry->mutex);
	return next;
}
