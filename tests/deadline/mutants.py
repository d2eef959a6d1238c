#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutants.py - plants faults in engine/deadline, one at a time, and runs the test that must notice.

schedules explores every schedule, so what it kills it kills each time. Weakened orders are built
with the thread sanitizer, where the compiler has one, and with chaotic atomics.
tests/mutants/planted.py says how a mutant is judged, and how this is called.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "mutants"))
from planted import CHAOS, Mutant, Suite, TSAN, Test, main  # pylint: disable=wrong-import-position

AGENDA = "engine/deadline/agenda.c"
TESTS = {
    "schedules": Test(("tests/deadline/schedules.c",),
                      ('-DPENDI_ATOMIC_BACKEND="tests/deadline/schedules_oracle.h"',)),
    "tsan": Test(("tests/deadline/torture_agenda.c",), (*TSAN, *CHAOS, "-DCHAOS_RARITY=6u"),
                 "--rounds 500000 --only once"),
    "model": Test(("tests/deadline/model.c",), (), "--rounds 60000 --seed 1"),
}

MUTANTS = tuple(Mutant(*m) for m in (
    ("an arming that finds an earlier tick moves nothing", "C", AGENDA,
     "	return agenda_moved(node, agenda_earlier(agenda_tick(node), tick));",
     "	return agenda_is_earlier(tick, agenda_tick(node)) ? agenda_moved(node, tick) : node;",
     "schedules"),
    ("an arming ends where it finds an earlier tick", "C", AGENDA,
     "		seen = pendi_load_relaxed(node);\n",
     "		seen = pendi_load_relaxed(node);\n"
     "		if (!agenda_is_earlier(tick, agenda_tick(seen)))\n			return;\n",
     "schedules"),
    ("an arming leaves the leaf out if it is early enough", "C", AGENDA,
     "	/* [DL1.rel] What the caller wrote",
     "	if (!agenda_is_earlier(tick, agenda_tick(seen)))\n		goto above;\n"
     "	/* [DL1.rel] What the caller wrote", "schedules",
     (("	for (uint32_t level = 1; level < agenda->depth; level++) {\n		node =",
       "above:\n	for (uint32_t level = 1; level < agenda->depth; level++) {\n		node ="),)),
    ("no version moves", "C", AGENDA, "((node >> 32) + 1) << 32 | tick",
     "(node >> 32) << 32 | tick", "schedules"),
    ("a raise reads the children before the node", "C", AGENDA,
     "	uint64_t seen = pendi_load_acquire(node, DL2);\n",
     "	uint32_t early = agenda_earliest(line, now);\n"
     "	uint64_t seen = pendi_load_acquire(node, DL2);\n", "schedules",
     (("const uint32_t tick = agenda_earliest(line, now);",
       "const uint32_t tick = attempt == 1 ? early : agenda_earliest(line, now);"),)),
    ("a raise is a store", "C", AGENDA,
     "		if (pendi_cas_acq_rel(node, &seen, agenda_moved(seen, tick), DL2, DL2))\n"
     "			return;\n",
     "		pendi_store_release(node, agenda_moved(seen, tick), DL2);\n		return;\n",
     "schedules"),
    ("a look's answer is a store", "C", AGENDA,
     "	(void)pendi_cas_release(leaf, &node, agenda_moved(node, next), DL1);",
     "	pendi_store_release(leaf, agenda_moved(node, next), DL1);", "schedules"),
    ("a look's answer goes in whatever came meanwhile", "C", AGENDA,
     "	(void)pendi_cas_release(leaf, &node, agenda_moved(node, next), DL1);",
     "	while (!pendi_cas_release(leaf, &node, agenda_moved(node, next), DL1))\n		;",
     "schedules"),
    ("the leaf is read after the look", "C", AGENDA,
     "	/* [DL1.rel] What the look wrote",
     "	node = pendi_load_acquire(leaf, DL1);\n	/* [DL1.rel] What the look wrote",
     "schedules"),
    ("a raise keeps the children of its first attempt", "C", AGENDA,
     "	for (uint32_t attempt = 1;; attempt++) {\n"
     "		const uint32_t tick = agenda_earliest(line, now);\n",
     "	const uint32_t tick = agenda_earliest(line, now);\n"
     "	for (uint32_t attempt = 1;; attempt++) {\n", "schedules"),
    ("a raise is given up though the node is too late", "C", AGENDA,
     "		if (attempt >= AGENDA_RAISES && !agenda_is_earlier(tick, agenda_tick(seen)))\n"
     "			return;\n", "		return;\n", "schedules"),
    ("a raise that changes no tick moves no version", "C", AGENDA,
     "		if (pendi_cas_acq_rel(node,",
     "		if (tick == agenda_tick(seen))\n			return;\n"
     "		if (pendi_cas_acq_rel(node,", "schedules"),
    ("never is the earliest tick", "C", AGENDA,
     "	return tick == PENDI_TICK_NEVER ? AGENDA_NEVER : distance;", "	return distance;", "model"),
    ("a tick that has wrapped is not due", "C", AGENDA,
     "((int32_t)(tick - now) <= 0)", "(tick <= now)", "model"),
    ("never is due", "C", AGENDA, "(tick != PENDI_TICK_NEVER) & ", "", "model"),
    ("a pass does not come round", "C", AGENDA, "	agenda_sweep(&pass, 0, start);\n", "",
     "model"),
    ("a pass leaves the last child out", "C", AGENDA,
     "		due &= ~(~1u << (to - child));", "		due &= ~(~0u << (to - child));",
     "model"),
    ("a look costs nothing of the budget", "C", AGENDA, "	pass->left--;\n", "", "model"),
    ("DL1: an arming releases nothing", "C", AGENDA,
     "pendi_cas_release(node, &seen, agenda_lowered(seen, tick), DL1)",
     "pendi_cas_relaxed(node, &seen, agenda_lowered(seen, tick))", "tsan"),
))

if __name__ == "__main__":
    sys.exit(main(Suite("engine/deadline", ("platform/memory.c", "platform/script.c"), TESTS,
                        MUTANTS)))
