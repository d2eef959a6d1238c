#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""planted.py - plants faults in one folder of the library, one at a time, and runs the test that
must notice each: the runner of the mutants.py of several folders, which have the lists.

	compile all -> run the unchanged tests -> for each mutant: compile what it touches, link, run

A mutant counts as killed if the test ends with a failure and says which: a check, an assertion of
Criterion, a report of a sanitizer; a crash too, where the suite says so. Running out of time does
not count: the test is tried again, for Criterion's runner, on whose descriptors some mutants tread,
may hang with its test. Nor does a mutant that does not compile or whose text does not occur once.
What a changed header touches is what the compiler says includes it.

Usage: mutants.py ROOT [--compiler CC] [--only PART-OF-NAME] [--jobs N] [--list]
Exit 0 if every mutant that is required was killed, 1 if not, 77 if Criterion is needed and not
installed.
"""
import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TIMEOUT_S, HUNG_S, TRIES_AFTER_HANG, SKIPPED = 300, 60, 3, 77
FLAGS = ("-std=c17", "-D_GNU_SOURCE", "-O1", "-w", "-pthread")
CHAOS = ('-DPENDI_ATOMIC_BACKEND="tests/support/chaos_oracle.h"',)
TSAN, ASAN = ("-fsanitize=thread", "-g"), ("-fsanitize=address", "-g")
ENVIRONMENT = {"TSAN_OPTIONS": "halt_on_error=1", "ASAN_OPTIONS": "detect_leaks=1"}
SAYS = re.compile(r"^Bail out!|^not ok|Assertion|WARNING: ThreadSanitizer|ERROR: AddressSanitizer"
                  r"|runtime error:")
CRASHED = re.compile(r"CRASH")
OUT_OF_TIME = "ran out of time"
TOLD_TIME = re.compile(r"^Bail out! not done after")  # a stress program's own limit


@dataclasses.dataclass(frozen=True)
class Mutant:
    name: str
    guarantee: str  # the letter of docs/guarantees.md that it breaks
    file: str
    old: str
    new: str
    test: str       # the name of the test that must notice
    also: tuple = ()  # further pairs of old and new; of file, old and new, if in another one
    beyond: str = ""  # why no test need notice; then none is named and none is run

    def edits(self):
        """File, old and new of each."""
        return ((self.file, self.old, self.new), *((self.file, *edit)[-3:] for edit in self.also))


@dataclasses.dataclass(frozen=True)
class Test:
    sources: tuple
    flags: tuple = ()    # all of it is compiled with them
    arguments: str = ""  # {seed}: another number in each attempt
    attempts: int = 1
    criterion: bool = False
    plain: str = ""    # the arguments with nothing planted, if they are others
    own: tuple = ()    # flags of its own sources only
    link: tuple = ()   # what else it is linked with
    without: tuple = ()  # of the library


@dataclasses.dataclass(frozen=True)
class Suite:
    folder: str     # where the faults are planted
    library: tuple  # what else is linked
    tests: dict
    mutants: tuple
    crashes: bool = False  # whether a crash counts as noticed


def object_name(relative):
    return relative.replace("/", "_").removesuffix(".c") + ".o"


class Workshop:
    """All of it compiled once for each set of flags, and what a mutant touches anew."""

    def __init__(self, suite, root, compiler, place):
        self.suite, self.root, self.compiler, self.place = suite, root, compiler, place
        self.library = [path.relative_to(root).as_posix()
                        for glob in (*suite.library, f"{suite.folder}/*.c")
                        for path in sorted(root.glob(glob))]
        found = subprocess.run(["pkg-config", "--cflags", "--libs", "criterion"], check=False,
                               capture_output=True, text=True)
        self.criterion = found.stdout.split() if found.returncode == 0 else None

    def call(self, *command):
        """None, or what the compiler says."""
        done = subprocess.run([self.compiler, *FLAGS, *map(str, command)], check=False,
                              capture_output=True, text=True)
        return "it does not compile: " + done.stderr.split("\n")[0] if done.returncode else None

    def can(self, flags):
        program = self.place / "empty"
        program.with_suffix(".c").write_text("int main(void) { return 0; }\n")
        return self.call(*flags, program.with_suffix(".c"), "-o", program) is None

    def compile(self, name, flags, over, target):
        """@over: a folder that is looked into before the root."""
        source = over / name if (over / name).exists() else self.root / name
        return self.call(*flags, f"-I{over}", f"-I{self.root}", f"-I{self.root}/include", "-MMD",
                         "-c", source, "-o", target)

    def flags_of(self, test, name):
        return (*test.flags, *(test.own if name in test.sources else ()))

    def sources_of(self, test):
        return [name for name in dict.fromkeys((*self.library, *test.sources))
                if name not in test.without]

    def touches(self, test, files):
        """What is compiled again when @files have changed: they themselves, and who includes one."""
        clean = self.clean(test.flags)
        found = {}
        for name in self.sources_of(test):
            words = (clean / object_name(name)).with_suffix(".d").read_text().split()
            found[name] = {word.removeprefix(f"{self.root}/") for word in words}
        return [name for name, includes in found.items() if includes & files]

    def clean(self, flags):
        return self.place / f"clean{abs(hash(flags))}"

    def prepare(self, tests, jobs):
        work = {}
        for test in tests:
            self.clean(test.flags).mkdir(exist_ok=True)
            for name in self.sources_of(test):
                work[self.clean(test.flags) / object_name(name)] = (name,
                                                                    self.flags_of(test, name))
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for said in pool.map(lambda item: self.compile(*item[1], self.root, item[0]),
                                 work.items()):
                if said:
                    raise SystemExit(said)

    def link(self, test, home):
        """The objects in @home, and what is missing there from the clean ones."""
        names = [object_name(name) for name in self.sources_of(test)]
        objects = [home / name if (home / name).exists() else self.clean(test.flags) / name
                   for name in names]
        return self.call(*test.flags, *objects, *(self.criterion if test.criterion else ()),
                         *test.link, "-o", home / "program")

    def folder_of(self, file):
        """The folder that is copied to change @file."""
        inside = file.startswith(self.suite.folder + "/")
        return self.suite.folder if inside else pathlib.PurePath(file).parts[0]

    def build(self, test, home, mutant=None):
        """None, or why there is no program in @home."""
        home.mkdir()
        if mutant is None:
            return self.link(test, home)
        files = {file for file, _, _ in mutant.edits()}
        for folder in {self.folder_of(file) for file in files}:
            shutil.copytree(self.root / folder, home / folder)
        for file, old, new in mutant.edits():
            path = home / file
            text = path.read_text()
            if text.count(old) != 1:
                return f"its text occurs {text.count(old)} times in {file}"
            path.write_text(text.replace(old, new))
        for name in self.touches(test, files):
            said = self.compile(name, self.flags_of(test, name), home, home / object_name(name))
            if said:
                return said
        return self.link(test, home)

    def run_once(self, test, home, seed, words):
        """(whether it was noticed, what was said)"""
        arguments = words.format(seed=seed).split() + ["-j1"] * test.criterion
        program = subprocess.Popen([str(home / "program"), *arguments], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, errors="replace",
                                   start_new_session=True, env={**os.environ, **ENVIRONMENT})
        try:
            output, errors = program.communicate(timeout=HUNG_S if test.criterion else TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(program.pid, signal.SIGKILL) # its children hold the pipes too
            program.communicate()
            return False, OUT_OF_TIME
        lines = [re.sub(r"/\S*/", "", line) for line in (output + errors).split("\n")]
        said = [line for line in lines if SAYS.search(line)]
        if any(TOLD_TIME.search(line) for line in said):
            return False, OUT_OF_TIME
        crash = [line for line in lines if CRASHED.search(line)]
        if not said and self.suite.crashes:
            said = crash or ["a signal"] * (program.returncode < 0)
        status = f"status {program.returncode}"
        return program.returncode != 0 and bool(said), (said or crash or [status])[0].strip()

    def judge(self, test, home, mutant=None):
        """(whether it was noticed, what was said, seconds)"""
        begin = time.monotonic()
        said, noticed = self.build(test, home, mutant), False
        if said is None:
            attempts, hangs = test.attempts if mutant else 1, 0
            words = test.arguments if mutant or not test.plain else test.plain
            while not noticed and attempts and hangs < TRIES_AFTER_HANG:
                noticed, said = self.run_once(test, home, attempts + hangs, words)
                hangs += said == OUT_OF_TIME
                attempts -= said != OUT_OF_TIME
        shutil.rmtree(home, ignore_errors=True)
        return noticed, said, time.monotonic() - begin


def passes_unchanged(workshop, names):
    for name in names:
        _, said, _ = workshop.judge(workshop.suite.tests[name], workshop.place / f"test {name}")
        if said != "status 0":
            print(f"the unchanged library fails the test {name}: {said}")
            return False
    return True


def run_all(workshop, chosen, jobs):
    """How many of @chosen were killed."""
    suite, killed = workshop.suite, 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        results = pool.map(lambda item: workshop.judge(suite.tests[item[1].test],
                                                       workshop.place / f"mutant {item[0]}",
                                                       item[1]), enumerate(chosen))
        for mutant, (dead, said, seconds) in zip(chosen, results):
            killed += dead
            print(f"{'killed' if dead else 'SURVIVED'}: [{mutant.guarantee}] {mutant.name} "
                  f"({seconds:.1f} s; {mutant.test}: {said})", flush=True)
    return killed


def main(suite, compiler="cc"):
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--compiler", default=compiler)
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--list", action="store_true")
    given = parser.parse_args()
    chosen = [m for m in suite.mutants if given.only in m.name]
    beyond = [m for m in chosen if m.beyond]
    if given.list:
        print("\n".join(f"{m.guarantee:3} {m.file:28} {m.name}" for m in chosen))
        return 0
    for mutant in beyond:
        print(f"not required ({mutant.beyond}): [{mutant.guarantee}] {mutant.name} "
              "(no test: not run)")
    chosen = [m for m in chosen if not m.beyond]
    with tempfile.TemporaryDirectory(prefix="pend-mutants-") as place:
        workshop = Workshop(suite, given.root.resolve(), given.compiler, pathlib.Path(place))
        # A compiler may lack a sanitizer.
        able = {t.flags for t in suite.tests.values() if workshop.can(t.flags)}
        left_out = [m for m in chosen if suite.tests[m.test].flags not in able]
        chosen = [m for m in chosen if m not in left_out]
        names = sorted({m.test for m in chosen})
        if workshop.criterion is None and any(suite.tests[n].criterion for n in names):
            print("Criterion is not installed")
            return SKIPPED
        workshop.prepare([suite.tests[name] for name in names], given.jobs)
        if not passes_unchanged(workshop, names):
            return 1
        killed = run_all(workshop, chosen, given.jobs)
    print(f"killed {killed} of {len(chosen)}"
          + (f"; {len(beyond)} are not required" if beyond else "")
          + (f"; {len(left_out)} need a sanitizer that is not there" if left_out else ""))
    return 0 if chosen and killed == len(chosen) else 1


if __name__ == "__main__":
    sys.exit("a library of mutants.py: run the one of a folder")
