#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutants.py - plants faults in engine/registry, one at a time, and runs the test that must notice.

tests/mutants/planted.py says how a mutant is judged, and how this is called.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "mutants"))
from planted import (  # pylint: disable=wrong-import-position
    ASAN, CHAOS, Mutant, Suite, TSAN, Test, main)

DESCRIPTION, FUNCTION, HEADER, NAME_SPACE, OBJECT, PIN, PROVIDER, REGISTRY, INTERFACE = (
    f"engine/registry/{name}" for name in (
        "description.c", "function.c", "header.c", "name_space.c", "object.c", "pin.c",
        "provider.c", "registry.c", "registry.h"))
LIBRARY = ("platform/*.c", "epoch/[!u]*.c", "engine/object/options.c")


def torture(case, flags, rounds):
    return Test(("tests/registry/torture_registry.c",), flags,
                f"--rounds {rounds} --only {case} --seed {{seed}}", 3)


TESTS = {name: Test((f"tests/registry/test_{name}.c",), criterion=True)
         for name in ("header", "description", "provider", "function", "object", "pin",
                      "name_space")}
TESTS |= {
    "functions": torture("functions", CHAOS, 8000),
    "functions-tsan": torture("functions", TSAN, 8000),
    "providers": torture("providers", CHAOS, 6000),
    "providers-asan": torture("providers", ASAN, 20000),
    "ends-tsan": torture("ends", TSAN, 4000),
    "objects-tsan": torture("objects", TSAN, 20000),
}

MUTANTS = tuple(Mutant(*m) for m in (
    # Versioned headers.
    ("any version", "I", HEADER, "header->version != version", "header->version < 1", "header"),
    ("larger sizes are taken", "I", HEADER, "header->size == sizes[i]", "header->size >= sizes[i]",
     "header"),
    ("only the first size", "I", HEADER, "i < count", "i < 1", "header"),
    # What providers hand over.
    ("a missing callback is not noticed", "I", DESCRIPTION,
     "|| !callbacks->postprocess_delete ||\n", "||\n", "description"),
    ("translated values without a translator", "I", DESCRIPTION,
     "(!callbacks->postprocess_find || !callbacks->preprocess_update ||",
     "(!callbacks->preprocess_update ||", "description"),
    ("the array's stride is ours", "I", DESCRIPTION,
     "first + index * data->helpers->header.total_size",
     "first + index * sizeof(struct pend_helper_prototype)", "description"),
    ("a pointer may end beyond the context", "I", DESCRIPTION,
     "(size_t)offset + sizeof(void *) <= layout->size", "(size_t)offset < layout->size",
     "description"),
    ("a saved context smaller than the context", "I", DESCRIPTION,
     "layout->saved_size >= layout->size &&", "", "description"),
    ("two helpers of one id", "I", DESCRIPTION,
     "if (pendi_program_helper(data, j)->id == helper->id)", "if (0)", "description"),
    # Providers.
    ("anybody makes hooks", "I", PROVIDER,
     "return library && !uuid_is_none(&options->id) ? 0 : -EINVAL;",
     "return !uuid_is_none(&options->id) ? 0 : -EINVAL;", "provider"),
    ("two providers of one thing", "I", PROVIDER, "return rival && !rival->leaving;",
     "return false;", "provider"),
    ("who leaves keeps its heir out", "I", PROVIDER, "return rival && !rival->leaving;",
     "return rival;", "provider"),
    ("who leaves takes clients", "G", PROVIDER, "	} else if (provider->leaving) {",
     "	} else if (0) {", "provider"),
    ("who leaves hides its heir", "G", PROVIDER, "		if (!at->leaving)\n			return at;",
     "		return at;", "provider",
     (("made->next = registry->providers;\n		registry->providers = made;",
       "struct pend_provider **end = &registry->providers;\n		while (*end)\n"
       "			end = &(*end)->next;\n		*end = made;"),)),
    ("a provider is taken from its clients", "G", PROVIDER,
     "	if (*waits && !deferrable)\n		return -EBUSY;", "", "provider"),
    ("a refusal leaves it leaving", "G", PROVIDER,
     "	*waits = provider->clients > 0;", "	*waits = provider->clients > 0;\n"
     "	provider->leaving = true;", "provider"),
    ("gone before the last client is told off", "G", PROVIDER,
     "	if (provider->on_detach)\n		provider->on_detach(provider->context, "
     "use->client_id);\n	pthread_mutex_lock(&registry->mutex);\n"
     "	last = --provider->clients == 0 && provider->leaving;",
     "	pthread_mutex_lock(&registry->mutex);\n"
     "	last = --provider->clients == 0 && provider->leaving;\n"
     "	pthread_mutex_unlock(&registry->mutex);\n	if (provider->on_detach)\n"
     "		provider->on_detach(provider->context, use->client_id);\n"
     "	pthread_mutex_lock(&registry->mutex);", "provider"),
    ("on_detach under the mutex", "E", PROVIDER,
     "	if (provider->on_detach)\n		provider->on_detach(provider->context, "
     "use->client_id);\n	pthread_mutex_lock(&registry->mutex);",
     "	pthread_mutex_lock(&registry->mutex);\n	if (provider->on_detach)\n"
     "		provider->on_detach(provider->context, use->client_id);", "provider"),
    ("on_attach before it counts", "G", PROVIDER,
     "		provider->clients++;\n", "", "providers-asan",
     (("	use->provider = provider;\n", "	pthread_mutex_lock(&registry->mutex);\n"
       "	provider->clients++;\n	pthread_mutex_unlock(&registry->mutex);\n"
       "	use->provider = provider;\n"),)),
    ("a use ends twice", "G", PROVIDER, "	use->provider = NULL;\n", "", "provider"),
    ("nobody is told that it is gone", "G", PROVIDER, "	if (gone)\n		gone(context);",
     "	(void)gone, (void)context;", "provider"),
    # Functions.
    ("nobody waits for callers", "G", FUNCTION,
     "return error ? error : pendi_epoch_synchronize();", "return error;", "functions"),
    ("imports keep a lost function", "G", FUNCTION, "		import_fill(at, NULL);\n", "",
     "function"),
    ("a late provider fills nothing", "G", FUNCTION,
     "		import_fill(at, provider->address);\n", "", "function"),
    ("any prototype", "I", FUNCTION,
     "return import->prototype == provider->prototype &&\n	       strcmp",
     "return strcmp", "function"),
    ("unregistering inside a frame changes things", "E", FUNCTION,
     "	error = pendi_epoch_synchronize();\n	if (error)\n		return error;\n", "",
     "function"),
    ("who is not enlisted any more is counted", "I", FUNCTION,
     "	if (*at) {\n		*at = import->next;", "	{\n		if (*at)\n"
     "			*at = import->next;", "function"),
    ("RG1: the address without what stands behind it", "G", FUNCTION,
     "pendi_store_release(&import->address, address, RG1);",
     "pendi_store_relaxed(&import->address, address);", "functions-tsan"),
    ("RG1: the address, relaxed", "G", INTERFACE,
     "return pendi_load_acquire(&import->address, RG1);",
     "return pendi_load_relaxed(&import->address);", "functions-tsan"),
    # Objects.
    ("what is about to go is found", "G", OBJECT,
     "	if (last)\n		object_unlink(object);\n	pthread_mutex_unlock(&registry->mutex);\n"
     "	if (!last)\n		return;\n	if (object->abandon)\n		object->abandon(object);\n",
     "	pthread_mutex_unlock(&registry->mutex);\n	if (!last)\n		return;\n"
     "	if (object->abandon)\n		object->abandon(object);\n"
     "	pthread_mutex_lock(&registry->mutex);\n	object_unlink(object);\n"
     "	pthread_mutex_unlock(&registry->mutex);\n", "object"),
    ("abandoned after the last reference", "G", OBJECT,
     "	if (object->abandon)\n		object->abandon(object);\n	pendi_object_put(object);",
     "	void (*abandon)(struct pendi_object *) = object->abandon;\n"
     "	pendi_object_put(object);\n	if (abandon)\n		abandon(object);", "object"),
    ("released one reference too early", "G", OBJECT,
     "if (pendi_fetch_sub_release(&object->references, 1, RG2) != 1)",
     "if (pendi_fetch_sub_release(&object->references, 1, RG2) > 2)", "object"),
    ("what is opened is no handle", "G", OBJECT, "	object->handles++;\n", "	(void)object;\n",
     "pin"),
    ("RG2: put without release", "G", OBJECT,
     "pendi_fetch_sub_release(&object->references, 1, RG2)",
     "pendi_fetch_sub_relaxed(&object->references, 1)", "objects-tsan"),
    ("RG2: put without acquire", "G", OBJECT,
     "(void)pendi_load_acquire(&object->references, RG2);", "", "objects-tsan"),
    ("the registry may end during a release", "G", REGISTRY,
     "return empty && pendi_load_acquire(&registry->unreleased, RG3) == own;", "return empty;",
     "object"),
    ("RG3: empty without acquire", "G", REGISTRY, "pendi_load_acquire(&registry->unreleased, RG3)",
     "pendi_load_relaxed(&registry->unreleased)", "ends-tsan"),
    ("RG3: released without release", "G", OBJECT,
     "pendi_fetch_sub_release(&registry->unreleased, 1, RG3);",
     "pendi_fetch_sub_relaxed(&registry->unreleased, 1);", "ends-tsan"),
    ("an id is given twice", "I", OBJECT,
     "while (id == 0 || (*before && (*before)->id == id));", "while (id == 0);", "object"),
    ("ids of all namespaces are listed", "I", OBJECT,
     "	while (at && !pendi_object_same_namespace(&at->name_space, name_space))\n"
     "		at = at->next;\n", "", "object"),
    ("found by id from any namespace", "I", OBJECT, "found->id != id ||", "found->id != id || 0 *",
     "object"),
    ("namespaces differ by user only", "I", OBJECT, " && a->label == b->label;", ";", "object"),
    # Pins.
    ("a name of another namespace", "I", PIN,
     "strcmp((*at)->name, name) != 0 ||\n		       !pendi_object_same_namespace("
     "&(*at)->object->name_space, name_space)))",
     "strcmp((*at)->name, name) != 0))", "pin"),
    ("another kind by that name", "I", PIN, "if (pin && pin->object->kind == kind) {",
     "if (pin) {", "pin"),
    ("a pin is no handle", "G", PIN, "		pendi_object_share(object);\n		*at = pin;",
     "		*at = pin;", "pin"),
    ("a pin that failed stays allocated", "I", PIN, "	if (taken)\n		pendi_memory_release",
     "	if (0)\n		pendi_memory_release", "pin"),
    ("names may be longer", "I", PIN, "	if (length > PEND_NAME_MAX)\n		return -ENAMETOOLONG;",
     "", "pin"),
    # The namespace of a peer.
    ("a peer that has ended counts", "I", NAME_SPACE,
     "	if (!pendi_process_is_alive(pidfd))\n		return -ESRCH;\n", "", "name_space"),
    ("our own namespace instead of the peer's", "I", NAME_SPACE,
     "pendi_process_look(pid, &peer)", "pendi_process_look(getpid(), &peer)", "name_space"),
    ("a namespace that may not be seen", "I", NAME_SPACE,
     "	if (!peer.user_namespace)\n		return -EACCES;\n", "", "name_space"),
    ("descriptors are left behind", "I", NAME_SPACE, "	(void)close(pidfd);\n", "",
     "name_space"),
))

if __name__ == "__main__":
    sys.exit(main(Suite("engine/registry", LIBRARY, TESTS, MUTANTS, crashes=True)))
