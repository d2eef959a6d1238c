#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutants.py - plants faults in engine/map, one at a time, and runs the test that must notice.

Each mutant is an exact piece of source text and what takes its place, and names the guarantee that
it breaks ("linear": a key that is there is found, and is there once). It counts as killed if a
check of the named test fails, or the test crashes; running out of time does not count, nor does a
mutant that does not compile. The library is compiled with the atomics of
tests/support/chaos_oracle.h, which let other threads in.

Usage: mutants.py ROOT [--compiler CC] [--only PART-OF-NAME] [--jobs N] [--list]
Exit 0 if every mutant was killed, 1 if not.
"""
import argparse
import collections
import concurrent.futures
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

TIMEOUT_S, ATTEMPTS = 40, 3
FLAGS = ["-std=c17", "-D_GNU_SOURCE", "-O1", "-w", "-pthread",
         '-DPENDI_ATOMIC_BACKEND="tests/support/chaos_oracle.h"']
FOLDERS = ("platform", "epoch", "engine/slot", "engine/index", "engine/map")
WITHOUT = ("epoch/urcu.c",)

RACES = "--rounds 100000 --only races"
PEND, COMPLETE, RERUN, LOOKUP, SCAN, MAP, RECYCLE, CONTINUATION, OPTIONS = (
    f"engine/map/{name}.c" for name in ("pend", "complete", "rerun", "lookup", "scan", "map",
                                        "recycle", "continuation", "options"))
FIND, INSERT = "engine/index/index.c", "engine/index/insert.c"
TESTS = {
    "bound": [f"tests/map/{name}.c" for name in ("torture_bound", "torture_refusals")],
    "map": [f"tests/map/{name}.c" for name in
            ("torture_map", "torture_races", "torture_pointers", "torture_continuation",
             "continuation_keys", "torture_linear", "linear")],
    "oom": ["tests/map/oom.c"],
}

Mutant = collections.namedtuple("Mutant", "name guarantee file old new test arguments")

MUTANTS = (
    # Deciding and finishing.
    ("the decision is a load and a store", "A", COMPLETE,
     "} while (!pendi_cas_acq_rel(&at->word, &word, step->word, SL1, SL3));",
     "	if (pendi_load_relaxed(&at->word) == word) {\n"
     "		pendi_store_release(&at->word, step->word, SL3);\n		break;\n	}\n"
     "	word = pendi_load_relaxed(&at->word);\n	} while (1);", "map", RACES),
    ("finished before it is told", "A", COMPLETE,
     "	if (map->on_complete)\n		tell(map, slot, word);\n"
     "	if (map->key_size)\n		pendi_index_remove(&map->index, slot);\n"
     "	pendi_slot_free(pendi_map_slot(map, slot), word);\n",
     "	if (map->key_size)\n		pendi_index_remove(&map->index, slot);\n"
     "	pendi_slot_free(pendi_map_slot(map, slot), word);\n"
     "	if (map->on_complete)\n		tell(map, slot, word);\n", "map", RACES),
    ("the slot can be taken before it is finished", "A", COMPLETE,
     "		pendi_map_finish(map, slot, step.word);\n"
     "		pendi_recycler_put(&map->recycler, slot);\n",
     "		pendi_recycler_put(&map->recycler, slot);\n"
     "		pendi_map_finish(map, slot, step.word);\n", "map", RACES),
    ("a decision during a re-run is overwritten", "A", RERUN,
     "} while (!pendi_cas_acq_rel(&at->word, &word, step.word, SL3, SL1));",
     "} while (0);\n	pendi_store_release(&at->word, step.word, SL1);", "map", RACES),
    ("a re-run is queued twice", "B", RERUN,
     "	pendi_pool_put(&map->reruns, 0, slot);\n",
     "	pendi_pool_put(&map->reruns, 0, slot);\n	(void)pendi_map_rerun_one(map);\n"
     "	end_rerun(map, slot, 0);\n", "map", RACES),
    ("destroying completes nothing", "A", MAP,
     "	complete_all(map);\n", "	(void)complete_all;\n", "map", RACES),
    # Pending.
    ("visible before it is filled", "A", PEND,
     "	fill_operation(map, at, request, request->now_ns ? request->now_ns : moment->now_ns);\n"
     "	*handle = pendi_handle_make(pendi_slot_publish(at), slot);\n",
     "	*handle = pendi_handle_make(pendi_slot_publish(at), slot);\n"
     "	fill_operation(map, at, request, request->now_ns ? request->now_ns : moment->now_ns);\n",
     "map", RACES),
    ("a refused key keeps its slot", "D", PEND,
     "		pendi_recycler_return(&map->recycler, slot);\n", "", "bound",
     "--rounds 5000 --only keys"),
    ("one slot more than max_entries", "D", RECYCLE,
     "	error = pendi_pool_init(&recycler->free, &recycler->slab, 0, shape->entries, cpus,\n",
     "	error = pendi_pool_init(&recycler->free, &recycler->slab, 0,\n"
     "				shape->entries + (shape->reserve != 0), cpus,\n", "bound",
     "--rounds 5000 --only pointers"),
    ("more slots than max_entries", "D", MAP,
     "		.entries = options->max_entries,\n		.reserve = reserve,\n	};\n",
     "		.entries = options->max_entries + 4,\n		.reserve = reserve,\n	};\n",
     "bound", "--rounds 5000 --only race"),
    ("a refusal is not counted", "I", COMPLETE,
     "		pendi_tally_add(&map->tally, PENDI_COUNT_DUPLICATES, 1);\n", "		(void)map;\n",
     "bound", "--rounds 5000"),
    ("a completion is not counted", "I", COMPLETE,
     "	pendi_tally_add(&map->tally, PENDI_COUNT_BY_ORIGIN + pendi_word_origin(word), 1);\n", "",
     "bound", "--rounds 5000"),
    # Reading.
    ("a copy is not validated", "E", LOOKUP,
     "	if (!pendi_word_same_generation(pendi_load_relaxed(&at->word), handle))\n"
     "		return -ENOENT;\n", "", "map", RACES),
    ("a scan forgets one at each border", "J", SCAN,
     "	return (int)found;", "	cursor->position += found == count;\n	return (int)found;", "map",
     RACES),
    ("a scan begins again too early", "J", SCAN,
     "		cursor->position = (uint64_t)slot + 1;\n",
     "		cursor->position = (uint64_t)slot + (found < count);\n", "map", RACES),
    # Allocation.
    ("a rung of the ladder is skipped", "no leak", MAP,
     "	pendi_pool_fini(&map->reruns, allocator);\n", "	;\n", "oom", ""),
    ("the first rung is skipped", "no leak", RECYCLE,
     "fail_free:\n	pendi_slab_fini(&recycler->slab, allocator);\n", "fail_free:\n", "oom", ""),
    ("the continuation map's ladder skips a rung", "no leak",
     "engine/map/continuation_map.c",
     "fail_index:\n	pendi_tally_fini(&map->tally, &map->allocator);\n", "fail_index:\n", "oom", ""),
    # Recycling through the epoch.
    ("a slot comes back at once, with readers inside", "E", RECYCLE,
     "	pendi_epoch_retire(node);\n", "	node->reclaim(node);\n", "map",
     "--rounds 20000 --only hold"),
    ("a debt is forgotten", "D", RECYCLE,
     "		(void)pendi_fetch_add_relaxed(&recycler->debt, DEBT_INCURRED_ONE);\n",
     "		(void)DEBT_INCURRED_ONE;\n", "map", "--rounds 20000 --only stalls"),
    ("a debt is paid twice", "D", RECYCLE,
     "		if (slot != PENDI_SLOT_NONE && claim_debt(recycler)) {\n",
     "		if (slot != PENDI_SLOT_NONE) {\n", "bound", "--rounds 20000 --only pointers"),
    ("held back is called full", "D", RECYCLE,
     "*error = owed ? -EAGAIN : -ENOSPC;", "*error = -ENOSPC;", "map",
     "--rounds 20000 --only stalls"),
    # The continuation map.
    ("a lookup does not look again", "linear", FIND,
     "	} while (cell != before);\n	return false;", "	} while (0);\n	(void)before;\n	return false;",
     "map", "--rounds 100000 --only continuation"),
    ("an insert does not look again", "linear", INSERT,
     "		if (pendi_load_acquire(at, IX1) != cell)\n			continue;\n"
     "		if (!concerned)\n",
     "		if (concerned && pendi_load_acquire(at, IX1) != cell)\n			continue;\n"
     "		if (!concerned)\n", "map", "--rounds 200000 --only linearizable"),
    ("a place at home is not noted", "linear", INSERT,
     "	pendi_store_relaxed(&at->displacement, 0);\n	while", "	while", "map",
     "--rounds 60000 --only home"),
    ("any is refused for a rival", "linear", CONTINUATION,
     "return update == PEND_UPDATE_NOEXIST ? -EEXIST : AGAIN;", "return -EEXIST;", "map",
     "--rounds 100000 --only linearizable"),
    ("a replaced value is reused with readers inside", "E", CONTINUATION,
     "	free_slot(map, found->slot);\n	pendi_recycler_retire(&map->recycler, found->slot);\n",
     "	free_slot(map, found->slot);\n"
     "	pendi_recycler_return_spare(&map->recycler, attempt->cpu, found->slot);\n", "map",
     "--rounds 20000 --only continuations"),
    ("a deleted value is reused with readers inside", "E", CONTINUATION,
     "			pendi_recycler_put(&map->recycler, found.slot);\n",
     "			pendi_recycler_return(&map->recycler, found.slot);\n", "map",
     "--rounds 20000 --only continuations"),
    ("an unused spare is kept", "D", CONTINUATION,
     "		pendi_recycler_return_spare(&attempt->map->recycler, attempt->cpu, attempt->spare);\n",
     "", "map", "--rounds 20000 --only continuations"),
)


class Workshop:
    """Every source compiled once; a mutant is one object that takes another's place."""

    def __init__(self, root, compiler, place):
        self.root, self.compiler, self.place = root, compiler, place
        self.library = [p for folder in FOLDERS for p in sorted((root / folder).glob("*.c"))
                        if p.relative_to(root).as_posix() not in WITHOUT]

    def object_of(self, source):
        return self.place / (source.relative_to(self.root).as_posix().replace("/", "_") + ".o")

    def compile(self, source, target):
        """None, or what the compiler says."""
        done = subprocess.run([self.compiler, *FLAGS, f"-I{self.root}", f"-I{self.root}/include",
                               "-c", str(source), "-o", str(target)],
                              check=False, capture_output=True, text=True)
        return done.stderr if done.returncode else None

    def prepare(self, jobs):
        tests = {self.root / name for names in TESTS.values() for name in names}
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for said in pool.map(lambda s: self.compile(s, self.object_of(s)),
                                 [*self.library, *sorted(tests)]):
                if said:
                    raise SystemExit(said)

    def link(self, test, program, instead=None):
        """None, or what the linker says. @instead: (source, the object to use for it)."""
        objects = {s: self.object_of(s)
                   for s in self.library + [self.root / name for name in TESTS[test]]}
        objects.update([instead] if instead else [])
        done = subprocess.run([self.compiler, "-pthread", *map(str, objects.values()), "-o",
                               str(program)], check=False, capture_output=True, text=True)
        return done.stderr if done.returncode else None

    def build(self, number, mutant):
        """The mutant's program, and None or why there is none."""
        source = self.root / mutant.file
        text = source.read_text()
        changed, target = self.place / f"mutant{number}.c", self.place / f"mutant{number}.o"
        program = self.place / f"mutant{number}"
        if text.count(mutant.old) != 1:
            return program, f"its text occurs {text.count(mutant.old)} times in {mutant.file}"
        changed.write_text(text.replace(mutant.old, mutant.new))
        said = self.compile(changed, target) or self.link(mutant.test, program, (source, target))
        return program, said.split("\n")[0] if said else None


def run_test(program, arguments, seed):
    """(ended by itself because a check failed, what it said)."""
    command = [str(program), *arguments.split()]
    if arguments:
        command += ["--seed", str(seed)]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True,
                              timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return False, "ran out of time"
    said = [re.sub(r"\S*/", "", line, count=1) for line in done.stdout.split("\n")
            if line.startswith(("Bail out", "not ok"))]
    failed = bool(said) and done.returncode not in (0, 2)
    crashed = done.returncode == -signal.SIGSEGV
    return failed or crashed, said[0] if said else f"status {done.returncode}"


def judge(workshop, number, mutant):
    program, said = workshop.build(number, mutant)
    if said:
        return False, said
    killed = False
    for attempt in range(ATTEMPTS):
        killed, said = run_test(program, mutant.arguments, 1000 * number + attempt + 1)
        if killed or said == "ran out of time":
            break
    return killed, said


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--compiler", default="cc")
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--list", action="store_true")
    given = parser.parse_args()
    chosen = [m for m in map(Mutant._make, MUTANTS) if given.only in m.name]
    if given.list:
        print("\n".join(f"{m.guarantee:7} {m.file:26} {m.name}" for m in chosen))
        return 0
    with tempfile.TemporaryDirectory(prefix="pend-map-mutants-") as place:
        workshop = Workshop(given.root.resolve(), given.compiler, pathlib.Path(place))
        workshop.prepare(given.jobs)
        for test in TESTS:
            program = workshop.place / test
            said = workshop.link(test, program)
            if said:
                raise SystemExit(said)
            failed, said = run_test(program, "" if test == "oom" else "--rounds 5000", 1)
            if failed or said != "status 0":
                print(f"the unchanged library fails the test {test}: {said}")
                return 1
        with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
            results = list(pool.map(lambda pair: judge(workshop, *pair), enumerate(chosen, 1)))
    for mutant, (dead, said) in zip(chosen, results):
        print(f"{'killed' if dead else 'SURVIVED'}: [{mutant.guarantee}] {mutant.name} "
              f"({mutant.test}: {said})")
    killed = sum(1 for dead, _ in results if dead)
    print(f"killed {killed} of {len(chosen)}")
    return 0 if chosen and killed == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
