/* SPDX-License-Identifier: MIT */
/*
 * registry.h - providers, their clients, and the objects that have ids, names and namespaces.
 *
 *	provider <- use (a program, a link, a custom map)     leaves when it has no use left
 *	function <- import (a program)                        leaves at once; imports are cleared
 *	object   <- handles and pins (users) and references (whoever in the library points to it)
 *
 * All of it is the control plane: one mutex, and while it is held no callback, no allocation, no
 * wait. What the data path needs of it is copied into programs and attachments, or, for imports, is
 * one atomic pointer.
 *
 * A runtime begins with its registry, so that folders below it can find the one from the other.
 */
#ifndef PENDI_ENGINE_REGISTRY_REGISTRY_H
#define PENDI_ENGINE_REGISTRY_REGISTRY_H

#include <pthread.h>
#include <stdbool.h>

#include <pendmap/program.h>
#include <pendmap/registry.h>

#include "platform/atomic.h"

struct pendi_registry;
struct pendi_use;
struct pendi_object;

/* --- Versioned headers (F79) --- */

/* 0; -EFAULT (NULL); -EINVAL: another version, or a size that is not among @sizes. */
int pendi_header_check(const struct pend_header *header, uint16_t version, const size_t *sizes,
		       uint32_t count);

/* The prototype at @index of a program type's list: the first one's total_size is the stride. */
const struct pend_helper_prototype *pendi_program_helper(const struct pend_program_data *data,
							 uint32_t index);

/* --- Providers and their clients --- */

/* As pend_provider_register(), and for what only the library itself may provide: hooks (id, context,
 * no data) and map types up to PEND_MAP_TYPE_PROVIDER. Those map types are the runtime's own: they do
 * not keep it from ending. No argument is checked for NULL. */
int pendi_provider_register(struct pendi_registry *registry,
			    const struct pend_provider_options *options,
			    struct pend_provider **provider);

/* What a client embeds. */
struct pendi_use {
	struct pend_provider *provider; /* NULL: unused */
	uint32_t client_id;
};

/* Becomes a client: @use is written. 0; -ENOENT: nobody provides it; -ENODEV: it is leaving. Calls on_attach. */
int pendi_registry_use(struct pendi_registry *registry, enum pend_provider_kind kind,
		       const struct pend_uuid *id, struct pendi_use *use);
/* Ends being one, once. Calls on_detach, and `gone` if it was the last of a provider that leaves. */
void pendi_registry_unuse(struct pendi_use *use);
const struct pend_header *pendi_use_data(const struct pendi_use *use);
void *pendi_use_context(const struct pendi_use *use);
/* The UUID under which map type @type is registered: providers of maps are found by number. */
struct pend_uuid pendi_map_type_id(uint32_t type);

/* --- Named functions (F81) --- */

struct pendi_import {
	_Atomic(pend_helper_fn) address; /* NULL while nobody provides it: pendi_import_address() */
	uint64_t prototype;
	char name[PEND_NAME_MAX + 1];
	_Atomic uint32_t *missing; /* counts imports without a provider */
	struct pendi_import *next;
};

/* Enlists @import (name, prototype and missing are set): 0, also if nobody provides it yet;
 * -EACCES: the provider's prototype differs. Address and *missing follow providers from now on. Who
 * reads *missing sees a hint: one that was 0 may have an import without address by now. */
int pendi_registry_import(struct pendi_registry *registry, struct pendi_import *import);
/* Ends that: nobody runs the program any more. Nothing happens if it is not enlisted. */
void pendi_registry_unimport(struct pendi_registry *registry, struct pendi_import *import);
/* The function, or NULL: to be called inside the epoch section in which it was asked for, and not
 * later: the provider waits for that section before it leaves. Wait-free. */
PENDI_ALWAYS_INLINE pend_helper_fn pendi_import_address(const struct pendi_import *import)
{
	/* [RG1.acq] Pairs with [RG1.rel] in import_fill(): what its provider had set up. */
	return pendi_load_acquire(&import->address, RG1);
}

/* --- Objects --- */

enum pendi_object_kind {
	PENDI_OBJECT_PROGRAM = 0,
	PENDI_OBJECT_LINK = 1,
	PENDI_OBJECT_MAP = 2,
	PENDI_OBJECT_KINDS = 3,
};

/* The first member of an object. */
struct pendi_object {
	struct pendi_registry *registry;
	enum pendi_object_kind kind;
	uint32_t id;
	struct pend_namespace name_space;
	uint32_t handles;            /* of users, pins included; under the mutex */
	_Atomic uint32_t references; /* of the library; all handles together hold one */
	void (*abandon)(struct pendi_object *object); /* the last handle is gone; may be NULL */
	void (*release)(struct pendi_object *object); /* the last reference is gone: frees it */
	struct pendi_object *next, *previous;         /* of its kind, by id */
};

/* Gives it an id, one handle and one reference, and lets it be found. kind, name_space, abandon and
 * release are set. An id is not given again before 2^32 - 1 others of its kind were. */
void pendi_object_enlist(struct pendi_registry *registry, struct pendi_object *object);
/* References: of who holds one already. Any thread, lock-free; put may call release, in place. */
void pendi_object_get(struct pendi_object *object);
void pendi_object_put(struct pendi_object *object);
/* A handle is given back: the last one ends that it can be found, calls abandon, then puts. */
void pendi_object_close(struct pendi_object *object);
/* What is found gets a handle. NULL: none such in that namespace (NULL: the default one). */
struct pendi_object *pendi_object_by_id(struct pendi_registry *registry,
					enum pendi_object_kind kind,
					const struct pend_namespace *name_space, uint32_t id);
struct pendi_object *pendi_object_open(struct pendi_registry *registry, enum pendi_object_kind kind,
				       const struct pend_namespace *name_space, const char *name);
/* The id after @id; 0: none. */
uint32_t pendi_object_next_id(struct pendi_registry *registry, enum pendi_object_kind kind,
			      const struct pend_namespace *name_space, uint32_t id);
/* 0; -EFAULT; -EINVAL (empty); -ENAMETOOLONG; -EEXIST; -ENOMEM. */
int pendi_object_pin(struct pendi_object *object, const char *name);
bool pendi_object_same_namespace(const struct pend_namespace *a, const struct pend_namespace *b);

/* 0; -EFAULT; -EINVAL: empty; -ENAMETOOLONG. Copies it to @to, PEND_NAME_MAX + 1 bytes. */
int pendi_name_copy(char *to, const char *name);

/* --- The registry itself --- */

/* What calls that were refused would have made or changed. */
enum pendi_refusal {
	PENDI_REFUSED_PROVIDER = 0, /* hooks too */
	PENDI_REFUSED_PROGRAM = 1,
	PENDI_REFUSED_LINK = 2,
	PENDI_REFUSED_MAP = 3,
	PENDI_REFUSALS = 4,
};

struct pendi_registry {
	pthread_mutex_t mutex;
	struct pend_allocator allocator;
	struct pend_engine *engine;
	bool light; /* membarrier works (as in a map) */
	struct pend_provider *providers;
	struct pendi_import *imports;
	struct pendi_object *objects[PENDI_OBJECT_KINDS]; /* lowest id first */
	struct pendi_object *newest[PENDI_OBJECT_KINDS];  /* the ends of those lists */
	uint32_t last_id[PENDI_OBJECT_KINDS];
	_Atomic uint32_t unreleased; /* providers and objects not yet freed, listed or not */
	struct pendi_pin *pins;
	uint32_t last_client_id;
	void *custom_types; /* the library's own map types: engine/custom/builtin.c */
	_Atomic uint64_t refusal_counts[PENDI_REFUSALS];
};

/* @allocator NULL: the default. */
/* Counts @error, if it is one, and returns it (guarantee I). */
PENDI_ALWAYS_INLINE int pendi_registry_refuse(struct pendi_registry *registry,
					      enum pendi_refusal what, int error)
{
	if (error)
		/* relaxed: a statistic. */
		(void)pendi_fetch_add_relaxed(&registry->refusal_counts[what], 1);
	return error;
}

void pendi_registry_init(struct pendi_registry *registry, struct pend_engine *engine,
			 const struct pend_allocator *allocator);
/* Whether nothing is left in it but providers of the runtime's own. */
bool pendi_registry_is_empty(struct pendi_registry *registry);
void pendi_registry_fini(struct pendi_registry *registry);

/* A runtime's registry is its first member. */
static inline struct pendi_registry *pendi_registry_of(struct pend_runtime *runtime)
{
	return (struct pendi_registry *)runtime;
}

#endif
