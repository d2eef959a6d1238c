/* SPDX-License-Identifier: MIT */
/*
 * registry.c - objects with handles and references: each is released once, after its last use.
 *
 * A release gives the memory back, so whoever uses the object after it is seen.
 */
#include <stddef.h>

#include "engine/registry/registry.h"
#include "platform/memory.h"
#include "tests/model/scenarios/scenarios.h"

struct thing {
	struct pendi_object object;
	_Atomic uint32_t uses;
};

static struct {
	struct pendi_registry registry;
	struct thing *thing;
	uint32_t id, released, abandoned;
	struct pendi_object *found;
} at;

static void abandon(struct pendi_object *object)
{
	MODEL_CHECK(object == &at.thing->object && !at.released);
	at.abandoned++;
}

static void release(struct pendi_object *object)
{
	MODEL_CHECK(object == &at.thing->object && ++at.released == 1);
	/* relaxed: it is nobody else's any more; that is what is checked. */
	pendi_store_relaxed(&at.thing->uses, 0);
	pendi_memory_release(&pendi_memory_default, at.thing, sizeof(*at.thing));
}

static void use(struct thing *thing)
{
	/* relaxed: whoever holds a reference may. */
	(void)pendi_fetch_add_relaxed(&thing->uses, 1);
}

static void make(void)
{
	pendi_registry_init(&at.registry, NULL, NULL);
	at.thing = pendi_memory_allocate(&pendi_memory_default, sizeof(*at.thing), 16);
	MODEL_CHECK(at.thing);
	at.thing->object.kind = PENDI_OBJECT_MAP;
	at.thing->object.abandon = abandon;
	at.thing->object.release = release;
	pendi_object_enlist(&at.registry, &at.thing->object);
	at.id = at.thing->object.id;
}

/* A reference for each thread, the handle's among them. */
static void held_by_three(void)
{
	make();
	pendi_object_get(&at.thing->object);
	pendi_object_get(&at.thing->object);
}

static void use_and_put(uint32_t number)
{
	use(at.thing);
	if (number == 0)
		pendi_object_close(&at.thing->object);
	else
		pendi_object_put(&at.thing->object);
}

static void released_once(void)
{
	MODEL_CHECK(at.released == 1 && at.abandoned == 1);
	MODEL_CHECK(pendi_registry_is_empty(&at.registry));
}

/* Found or not: who finds it may use it until he closes it. */
static void close_or_find(uint32_t number)
{
	struct pendi_object *found;

	if (number == 0) {
		use(at.thing);
		pendi_object_close(&at.thing->object);
		return;
	}
	found = pendi_object_by_id(&at.registry, PENDI_OBJECT_MAP, NULL, at.id);
	if (!found)
		return;
	use((struct thing *)(void *)found);
	pendi_object_close(found);
}

/* Empty is only what has been released. */
static void close_or_ask(uint32_t number)
{
	if (number == 0)
		pendi_object_close(&at.thing->object);
	else if (pendi_registry_is_empty(&at.registry))
		MODEL_CHECK(at.released == 1);
}

static const struct model_scenario scenarios[] = {
	{ .name = "registry: three references are given back",
	  .shows = "RG2 C8",
	  .threads = 3,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = held_by_three,
	  .thread = use_and_put,
	  .end = released_once },
	{ .name = "registry: the last handle, and who looks it up",
	  .shows = "RG2 X10",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = make,
	  .thread = close_or_find,
	  .end = released_once },
	{ .name = "registry: it is asked whether it is empty",
	  .shows = "RG3",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = make,
	  .thread = close_or_ask,
	  .end = released_once },
};

const struct model_group model_registry = { "registry", scenarios,
					    sizeof(scenarios) / sizeof(scenarios[0]) };
