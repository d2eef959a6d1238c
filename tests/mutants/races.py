#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""races.py - plants races in a release, one at a time, which ./dev helgrind must then report.

	copy the sources -> build the release's stress programs -> unchanged: clean
	for each race: change the text, build again, run the program that meets it under the tool

A race is found when the tool says "data race" (drd: "conflicting"); that a program fails, hangs or
crashes does not count. drd is not asked about races that only programs meet which do not end under
it (tools/valgrind.py). Each race may be tried three times, for threads must meet.

What helgrind cannot see is for the model checker and the thread sanitizer: a missing fence, and a
release that an earlier one of the same thread on the same word covers up. Tried and not seen in
these programs: retired nodes handed over relaxed (EP4), which the epoch's other edges order too, and
a read section that ends relaxed (EP2).

Usage: races.py ROOT [--tool helgrind|drd] [--only PART-OF-NAME] [--list]
Exit 0 if all were found, 1 if not, 77 if there is no valgrind.
"""
import argparse
import importlib.util
import pathlib
import shutil
import subprocess
import sys
import tempfile
import typing

TRIES, SKIPPED = 3, 77
FILL, NATIVE, THREAD = "engine/slot/fill.h", "epoch/native.c", "epoch/thread.c"
TALLY, RING = "engine/map/tally.h", "engine/session/ring.c"
HOOK = "engine/runtime/hook.c"
PUBLISH = "	pendi_store_release(&slot->word, word, SL1);\n	return word;"


class Race(typing.NamedTuple):
    name: str
    program: str  # the stress program that meets it
    file: str     # as in planted.py's Mutant, for tools/check_planted.py
    old: str
    new: str
    also: tuple = ()
    drd: bool = True


MUTANTS = (
    Race("an operation is published relaxed", "map", FILL, PUBLISH,
         "	pendi_store_relaxed(&slot->word, word);\n	return word;"),
    Race("a plain write to an atomic word", "map", FILL, PUBLISH,
         "	*(uint64_t *)(uintptr_t)&slot->word = word;\n	return word;"),
    Race("a plain counter that all threads share", "map", TALLY,
         "	const uint32_t thread = pendi_thread_number();",
         "	const uint32_t thread = 0;",
         (("		(void)pendi_fetch_add_relaxed(count, n);",
           "		*(uint64_t *)(uintptr_t)count += n;"),)),
    Race("memory is freed without a grace period", "runtime", NATIVE,
         "	pendi_epoch_retire_batch(node, node, 1);", "	node->reclaim(node);"),
    Race("a hook's chain is published relaxed", "runtime", HOOK,
         "	pendi_store_release(&hook->chain, next, AT1);",
         "	pendi_store_relaxed(&hook->chain, next);"),
    Race("a thread's record is given back relaxed", "thread", THREAD,
         "	pendi_store_release(&record->owner, 0, TR1);",
         "	pendi_store_relaxed(&record->owner, 0);", drd=False),
    Race("the record of a notice is given back relaxed", "kill", RING,
         "	} while (!pendi_cas_release(&ring->free, &head, pushed, SE2));",
         "	} while (!pendi_cas_relaxed(&ring->free, &head, pushed));", drd=False),
)


def load_runner(root):
    spec = importlib.util.spec_from_file_location("valgrind", root / "tools/valgrind.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Workshop:
    """A copy of the sources and its build."""

    def __init__(self, root, place):
        self.source, self.binary, self.keep = place / "source", place / "build", place / "said"
        shutil.copytree(root, self.source, symlinks=True,
                        ignore=shutil.ignore_patterns("build", ".git"))
        self.keep.mkdir()
        self.call("cmake", "-S", self.source, "-B", self.binary, "-G", "Ninja",
                  "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_C_FLAGS_RELEASE=-O2 -g -DNDEBUG",
                  "-DPEND_DUAL=ON", "-DPEND_BENCH=OFF", "-DPEND_INSTALL=OFF")

    @staticmethod
    def call(*command):
        done = subprocess.run(list(map(str, command)), check=False, text=True, errors="replace",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            raise SystemExit(f"{' '.join(map(str, command))}:\n{done.stdout[-4000:]}")

    def build(self, programs):
        self.call("cmake", "--build", self.binary, "--target",
                  *(f"stress_{name}" for name in sorted(programs)))

    def change(self, race):
        """Plants it; returns what the file was before."""
        path = self.source / race.file
        before = text = path.read_text()
        for old, new in ((race.old, race.new), *race.also):
            if text.count(old) != 1:
                raise SystemExit(f"{race.name}: not once in {race.file}: {old!r}")
            text = text.replace(old, new)
        path.write_text(text)
        return before

    def run(self, runner, tool, name, seed):
        program = next(program for program in runner.PROGRAMS
                       if program.name == name and program.switch is None)
        return runner.run(self.binary / "stress", tool, program, 0.25, seed, self.keep)


def found(workshop, runner, tool, race):
    for seed in range(1, TRIES + 1):
        result = workshop.run(runner, tool, race.program, seed)
        if result.races:
            return f"{result.races} reports", result.seconds
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--tool", choices=("helgrind", "drd"), default="helgrind")
    parser.add_argument("--only", default="")
    parser.add_argument("--list", action="store_true")
    given = parser.parse_args()
    chosen = [race for race in MUTANTS if given.only in race.name
              and (race.drd or given.tool != "drd")]
    if given.list:
        print("\n".join(f"{race.name} ({race.program})" for race in chosen))
        return 0
    if not shutil.which("valgrind"):
        return SKIPPED
    root, count = given.root.resolve(), 0
    runner = load_runner(root)
    with tempfile.TemporaryDirectory(prefix="pendmap-races-") as place:
        workshop = Workshop(root, pathlib.Path(place))
        programs = {race.program for race in chosen}
        workshop.build(programs)
        for name in sorted(programs):
            result = workshop.run(runner, given.tool, name, 1)
            if result.errors or result.status is None:
                runner.show(result)
                return 1
            print(f"unchanged: {name}: 0 errors", flush=True)
        for race in chosen:
            before = workshop.change(race)
            workshop.build({race.program})
            said = found(workshop, runner, given.tool, race)
            count += said is not None
            words, seconds = said or ("no report", 0)
            print(f"{'killed' if said else 'SURVIVED'}: [race] {race.name} ({seconds:.1f} s; "
                  f"{given.tool} {race.program}: {words})", flush=True)
            (workshop.source / race.file).write_text(before)
    print(f"{given.tool}: {count} of {len(chosen)} planted races found")
    return 0 if chosen and count == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
