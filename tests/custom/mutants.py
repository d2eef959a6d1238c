#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutants.py - plants faults in what custom maps are made of, one at a time, and runs the test that
must notice.

tests/mutants/planted.py says how a mutant is judged, and how this is called.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "mutants"))
from planted import (  # pylint: disable=wrong-import-position
    ASAN, CHAOS, Mutant, Suite, Test, main)

LIBRARY = ("platform/*.c", "epoch/[!u]*.c", "engine/*/*.c")
TESTS = {name: Test((f"tests/custom/test_{name}.c",), criterion=True)
         for name in ("complete_type", "control_type", "create", "element", "pend_type",
                      "provider", "session", "size")}
TESTS |= {
    "provider-asan": Test(("tests/custom/test_provider.c",), ASAN, criterion=True),
    "torture": Test(("tests/custom/torture_custom.c",), (), "--rounds 100000 --seed {seed}", 3),
    "chaos": Test(("tests/custom/torture_custom.c",), CHAOS, "--rounds 60000 --seed {seed}", 3),
}

MUTANTS = tuple(Mutant(*m) for m in (
    ("the cell is not read again", "J", "engine/map/continuation_scan.c",
     "	if (pendi_load_acquire(at, IX1) != cell)\n"
     "		return PLACE_MOVED;\n",
     "", "chaos"),
    ("the walk begins again at the hash it stood on", "J", "engine/map/continuation_scan.c",
     "hash > other_hash",
     "hash >= other_hash && hash < other_hash", "element"),
    ("what could not be stored is not undone", "I", "engine/custom/element.c",
     "	if (error)\n"
     "		return undo_update(map, key, stored, flags, error);\n",
     "	if (error)\n"
     "		return error;\n", "element"),
    ("the new value is told of, not the old", "A", "engine/custom/element.c",
     "	if (old)\n"
     "		tell_gone(map, key, old, flags | PEND_MAP_OPERATION_UPDATE);\n",
     "	if (old)\n"
     "		tell_gone(map, key, stored, flags | PEND_MAP_OPERATION_UPDATE);\n", "element"),
    ("a replaced value is told of as deleted", "I", "engine/custom/element.c",
     "tell_gone(map, key, old, flags | PEND_MAP_OPERATION_UPDATE);",
     "tell_gone(map, key, old, flags);", "element"),
    ("room for a translated value is not zeroed", "H", "engine/custom/element.c",
     "memset(room, 0, map->stored_size);",
     "memset(room, 1, map->stored_size);", "element"),
    ("undone without having been prepared", "A", "engine/custom/element.c",
     "	if (map->callbacks.preprocess_update)\n"
     "		tell_gone",
     "	tell_gone", "element"),
    ("a value is taken twice", "A", "engine/custom/element.c",
     "		if (!pendi_continuation_erase(map->table, &found))\n"
     "			continue;\n"
     "		memcpy(value",
     "		(void)pendi_continuation_erase(map->table, &found);\n"
     "		memcpy(value", "torture"),
    ("a delete is told of twice", "A", "engine/custom/element.c",
     "		if (!pendi_continuation_erase(map->table, &found))\n"
     "			continue;\n"
     "		tell_gone(map, key, pendi",
     "		(void)pendi_continuation_erase(map->table, &found);\n"
     "		tell_gone(map, key, pendi", "chaos"),
    ("programs touch translated values", "I", "engine/custom/element.c",
     "return map->table && !map->translates ? 0 : -ENOTSUP;",
     "return map->table ? 0 : -ENOTSUP;", "size"),
    ("a lost session updates", "A", "engine/custom/element.c",
     "	error = pendi_custom_check_session(map, session);\n"
     "	if (error)\n"
     "		return error;\n"
     "	if (map->table)\n"
     "		return update_hash",
     "	if (map->table)\n"
     "		return update_hash", "session"),
    ("two maps of a single type", "I", "engine/custom/create.c",
     "	error = claim_single(map);",
     "	error = 0;", "create"),
    ("a failed create keeps the single place", "I", "engine/custom/create.c",
     "fail_ask:\n"
     "	yield_single(map);",
     "fail_ask:", "provider-asan"),
    ("a failed create stays enlisted", "I", "engine/custom/create.c",
     "fail_table:\n"
     "	forget_map(map);",
     "fail_table:", "size"),
    ("a closed map's elements are not told of", "A", "engine/custom/create.c",
     "		pendi_custom_clean_up(map);",
     "", "element"),
    ("the place of a single type is free too early", "I", "engine/custom/create.c",
     "	forget_map(map);\n"
     "	yield_single(map);",
     "	yield_single(map);\n"
     "	forget_map(map);", "torture"),
    ("only an epoch forbids closing", "E", "engine/custom/create.c",
     "if (call || pendi_epoch_inside())",
     "if (pendi_epoch_inside())", "create"),
    ("only a callback forbids closing", "E", "engine/custom/create.c",
     "if (call || pendi_epoch_inside())",
     "if (call)", "create"),
    ("an executor closes", "E", "engine/custom/create.c",
     "pendi_engine_serving(map->pends->engine)",
     "false", "pend_type"),
    ("stored sizes need not agree", "I", "engine/custom/create.c",
     "(map->translates || map->stored_size == map->value_size)",
     "true", "size"),
    ("maps of default options pend nothing", "I", "engine/custom/pend_type.c",
     "	options->flags = PEND_MAP_ENABLED;\n",
     "", "pend_type"),
    ("a value has no head", "I", "engine/custom/pend_type.c",
     "	memcpy(room, &head, sizeof(head));",
     "", "pend_type"),
    ("the walk does not go on", "J", "engine/custom/pend_type.c",
     "pendi_handle_slot(pend_type_key(key).pend_id) + 1",
     "pendi_handle_slot(pend_type_key(key).pend_id)", "pend_type"),
    ("no room for the record", "I", "engine/custom/pend_type.c",
     "	options.scratch_size += own->functions->record_size;",
     "", "pend_type"),
    ("a closed pend map is left alone", "A", "engine/custom/pend_type.c",
     "	(void)pend_map_destroy(map_context);",
     "	(void)map_context;", "pend_type"),
    ("a duplicate reads as unknown", "I", "engine/custom/complete_type.c",
     "	case PEND_EBPF_OBJECT_ALREADY_EXISTS:\n"
     "		return -EEXIST;",
     "	case PEND_EBPF_OBJECT_ALREADY_EXISTS:\n"
     "		return -ENOENT;", "complete_type"),
    ("an entry that must exist is inserted", "I", "engine/custom/complete_type.c",
     "	if (update == PEND_BPF_EXIST)\n"
     "		return -ENOENT;",
     "", "complete_type"),
    ("disabling does not stop", "F", "engine/custom/control_type.c",
     "	return stop_engine(own->registry->engine);",
     "	return 0;", "control_type"),
    ("an epoch waits for itself", "E", "engine/custom/control_type.c",
     "pendi_epoch_inside() ? -EDEADLK : ",
     "", "control_type"),
    ("a stop waits ten times too long", "C", "engine/custom/control_type.c",
     "CONTROL_PATIENCE_NS PEND_DEADLINE_DEFAULT_NS",
     "CONTROL_PATIENCE_NS (20 * PEND_DEADLINE_DEFAULT_NS)", "control_type"),
    ("any number of control maps", "I", "engine/custom/control_type.c",
     "	.single = true,\n",
     "", "control_type"),
    ("sessions of other namespaces are bound", "I", "engine/custom/bind.c",
     "	return pendi_object_same_namespace(&name_space, &map->object.name_space) ? 0 : -EPERM;",
     "	return 0;", "session"),
    ("sessions of other engines are bound", "I", "engine/custom/bind.c",
     "	if (pendi_session_engine(session) != map->object.registry->engine)\n"
     "		return -EPERM;\n",
     "", "session"),
    ("maps without pends are walked", "I", "engine/custom/bind.c",
     "at->id > id && map->pends",
     "at->id > id", "pend_type"),
    ("a seat keeps its namespace", "I", "engine/session/registry.c",
     "	pendi_store_relaxed(&seat->space_label, 0);\n",
     "", "session"),
    ("the old value is not kept", "A", "engine/map/continuation.c",
     "	attempt->old = pendi_continuation_value(map, found->slot);\n",
     "", "element"),
))

if __name__ == "__main__":
    sys.exit(main(Suite("engine", LIBRARY, TESTS, MUTANTS, crashes=True)))
