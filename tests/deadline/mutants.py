#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutants.py - plants faults in engine/deadline, one at a time, and runs the test that must notice.

Each mutant is an exact piece of source text and what takes its place. A mutant counts as killed if
a check of the named test fails; running out of time does not count, nor does one that does not
compile. schedules explores every schedule, so what it kills it kills each time. Weakened orders are
built with the thread sanitizer, where the compiler has one, and with chaotic atomics.

Usage: mutants.py ROOT [--compiler CC] [--only PART-OF-NAME] [--jobs N] [--list]
Exit 0 if every mutant was killed, 1 if not.
"""
import argparse
import collections
import concurrent.futures
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

TIMEOUT_S = 100
FLAGS = ["-std=c17", "-D_GNU_SOURCE", "-O1", "-w", "-pthread"]
AGENDA, DUE = "engine/deadline/agenda.c", "engine/deadline/due.h"
BASE = [AGENDA, "platform/memory.c", "platform/script.c"]
TESTS = {
    "schedules": (["tests/deadline/schedules.c"],
                  ['-DPENDI_ATOMIC_BACKEND="tests/deadline/schedules_oracle.h"'], []),
    "tsan": (["tests/deadline/torture_agenda.c"],
             ["-fsanitize=thread", "-g",
              '-DPENDI_ATOMIC_BACKEND="tests/support/chaos_oracle.h"', "-DCHAOS_RARITY=6u"],
             ["--rounds", "500000", "--only", "once"]),
    "model": (["tests/deadline/model.c"], [], ["--rounds", "60000", "--seed", "1"]),
}

Mutant = collections.namedtuple("Mutant", "name guarantee file old new test")

MUTANTS = [Mutant(*m) for m in (
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
     "	/* [DL1.rel] What the caller wrote", "schedules"),
    ("no version moves", "C", AGENDA, "((node >> 32) + 1) << 32 | tick",
     "(node >> 32) << 32 | tick", "schedules"),
    ("a raise reads the children before the node", "C", AGENDA,
     "	uint64_t seen = pendi_load_acquire(node, DL2);\n",
     "	uint32_t early = agenda_earliest(line, now);\n"
     "	uint64_t seen = pendi_load_acquire(node, DL2);\n", "schedules"),
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
)]


def build(root, compiler, test, place, mutant=None):
    """The program, or a sentence saying why there is none."""
    sources, flags, _ = TESTS[test]
    home = place / "source"
    for folder in ("include", "platform", "engine/deadline", "engine/slot", "tests/deadline",
                   "tests/support"):
        shutil.copytree(root / folder, home / folder)
    if mutant:
        path = home / mutant.file
        text = path.read_text()
        if text.count(mutant.old) != 1:
            return f"its text occurs {text.count(mutant.old)} times in {mutant.file}"
        text = text.replace(mutant.old, mutant.new)
        if "goto above" in mutant.new:
            text = text.replace("	for (uint32_t level = 1; level < agenda->depth; level++) {\n"
                                "		node =", "above:\n	for (uint32_t level = 1; "
                                "level < agenda->depth; level++) {\n		node =")
        if "early = " in mutant.new:
            text = text.replace("const uint32_t tick = agenda_earliest(line, now);",
                                "const uint32_t tick = attempt == 1 ? early : "
                                "agenda_earliest(line, now);")
        path.write_text(text)
    done = subprocess.run([compiler, *FLAGS, *flags, f"-I{home}", f"-I{home}/include",
                           *(str(home / s) for s in BASE + sources), "-o",
                           str(place / "program")], check=False, capture_output=True, text=True)
    return done.stderr.split("\n")[0] if done.returncode else place / "program"


def run_test(program, test):
    """(a check failed, what it said)."""
    try:
        done = subprocess.run([str(program), *TESTS[test][2]], check=False, capture_output=True,
                              text=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return False, "ran out of time"
    said = [line for line in (done.stdout + done.stderr).split("\n")
            if "Bail out" in line or "not ok" in line or "WARNING: ThreadSanitizer" in line]
    return bool(said), said[0] if said else f"status {done.returncode}"


def judge(root, compiler, place, mutant):
    begin = time.monotonic()
    place.mkdir()
    program = build(root, compiler, mutant.test, place, mutant)
    if isinstance(program, str):
        return False, program, time.monotonic() - begin
    killed, said = run_test(program, mutant.test)
    return killed, said, time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--compiler", default="cc")
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--list", action="store_true")
    given = parser.parse_args()
    has_tsan = subprocess.run([given.compiler, "-fsanitize=thread", "-x", "c", "-", "-o",
                               "/dev/null"], input="int main(void) { return 0; }", check=False,
                              text=True, capture_output=True).returncode == 0
    chosen = [m for m in MUTANTS if given.only in m.name and (has_tsan or m.test != "tsan")]
    if given.list:
        print("\n".join(f"{m.guarantee:4} {m.file:24} {m.name}" for m in chosen))
        return 0
    alive = 0
    with tempfile.TemporaryDirectory(prefix="pend-mutants-") as folder, \
            concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
        place, root = pathlib.Path(folder), given.root.resolve()
        for test in sorted({m.test for m in chosen}):
            (place / test).mkdir()
            program = build(root, given.compiler, test, place / test)
            if isinstance(program, str):
                raise SystemExit(program)
            failed, said = run_test(program, test)
            if failed or said != "status 0":
                print(f"the unchanged library fails {test}: {said}")
                return 1
        futures = [(m, pool.submit(judge, root, given.compiler, place / f"mutant{n}", m))
                   for n, m in enumerate(chosen)]
        for mutant, future in futures:
            killed, said, seconds = future.result()
            alive += not killed
            print(f"{'killed' if killed else 'SURVIVED'}: [{mutant.guarantee}] {mutant.name} "
                  f"({seconds:.1f} s; {mutant.test}: {said})")
    print(f"{len(chosen) - alive} of {len(chosen)} killed")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
