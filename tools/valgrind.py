#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""valgrind.py - the stress programs of a release, under helgrind, drd or memcheck.

They are the programs that ./dev stress runs, of a release as it is installed: its library has a
core for these tools beside the native one (platform/dual/dual.c). Nothing is suppressed but what
valgrind itself suppresses of glibc, and neither its environment variable nor its start-up files
are read.

Fails if a tool reports anything, a program finds fault with the library, or all of them together
did too few operations for the run to mean something. Memory that is lost is an error; what is
still reachable at the end is shown.

Usage: valgrind.py FOLDER helgrind|drd|memcheck [NAME...] [--part PERCENT] [--keep FOLDER]
  FOLDER    where the stress programs are
  NAME      only these programs; then the number of operations is not judged
  --part    so much of each program's time, and of the operations that are required
  --keep    where the output of each program and the tool's reports go
"""
import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ERROR_STATUS, SKIPPED, AT_ONCE = 99, 77, 2
LIMIT_S = 600  # of one program
OPTIONS = {
    # Without --fair-sched, whoever lets another thread in is mostly the next to run.
    "helgrind": ("--fair-sched=yes",),
    "drd": ("--fair-sched=yes",),
    "memcheck": ("--fair-sched=yes", "--leak-check=full", "--show-leak-kinds=all"),
}
# drd's time grows with the words that were ever published, so there maps are small.
SMALL = {"helgrind": (), "drd": ("--small",), "memcheck": ()}
REQUIRED = {"helgrind": 100_000, "drd": 100_000, "memcheck": 100_000}  # operations
RACE = re.compile(r"Possible data race|Conflicting (?:load|store)")
REPORT = re.compile(r"^==\d+== (?:Possible data race|Conflicting (?:load|store)|Invalid |Conditional "
                    r"jump|Use of uninit|Thread #\d+.*(?:lock|unlock))", re.M)
SUMMARY = re.compile(r"^==\d+== ERROR SUMMARY: (\d+) errors", re.M)
LOST = re.compile(r"(?:definitely|indirectly|possibly) lost: ([\d,]+) bytes")
OPERATIONS = re.compile(r"^operations: (\d+)$", re.M)


@dataclasses.dataclass(frozen=True)
class Program:
    """@amounts: of each tool, in the order of OPTIONS: seconds, or rounds of those that count in
    them; 0: not under this tool, for the reason @without."""
    name: str
    amounts: tuple
    arguments: tuple = ()
    rounds: bool = False
    children: bool = False      # it has some whose threads a fork left behind
    switch: int | None = None   # PEND_VALGRIND_SWITCH
    without: str = ""

    def title(self):
        return self.name if self.switch is None else f"{self.name}, switch {self.switch}"

    def amount(self, tool, part):
        return self.amounts[tuple(OPTIONS).index(tool)] * part

    def length(self, tool, part):
        """Its arguments."""
        amount = self.amount(tool, part)
        if self.rounds:
            least = min(3, self.amount(tool, 1))  # fewer rounds may not show what they must
            return ("--seconds", str(LIMIT_S), "--rounds", str(max(least, int(amount))))
        return ("--seconds", f"{amount:g}")


THREE = ("--threads", "3")
SLOW = "six threads that die, or one process, had not ended after two minutes of drd"
UNBROKEN = "an executor that is let run for 100,000 blocks has run for minutes of drd"
TRACED = "stops threads by ptrace, which valgrind does to its own"
PROGRAMS = (
    Program("map", (20, 20, 10), THREE),
    Program("map", (5, 0, 2), THREE, switch=0, without=UNBROKEN),
    Program("linear", (20, 15, 10), ("--threads", "4")),
    Program("exhaust", (20, 30, 10), THREE),
    Program("index", (20, 20, 10), THREE),
    Program("queue", (20, 30, 10), THREE),
    Program("epoch", (20, 20, 10), THREE),
    Program("deadline", (20000, 100, 20000), rounds=True),
    Program("runtime", (20000, 300, 20000), rounds=True),
    Program("replace", (50, 3, 50), rounds=True),
    Program("thread", (100, 0, 100), rounds=True, without=SLOW),
    Program("fork", (10, 3, 10), rounds=True, children=True),
    Program("kill", (2, 0, 2), rounds=True, children=True, without=SLOW),
    Program("unplug", (3, 3, 3), rounds=True),
    Program("lateness", (0, 0, 2), ("--rounds", "5000"),
            without="a million deadlines: its least takes minutes"),
    Program("freeze", (0, 0, 0), without=TRACED),
    Program("placement", (0, 0, 0), without="asks the kernel where pages of the native core lie"),
)


@dataclasses.dataclass
class Result:
    program: Program
    status: int | None
    operations: int
    errors: int
    races: int
    processes: int
    lost: int
    seconds: float
    output: str

    def fault(self):
        """What is wrong with it, or nothing."""
        if self.status is None:
            return "did not end"
        if self.errors:
            return f"{self.errors} errors"
        if self.lost:
            return f"{self.lost} bytes lost"
        return f"exit status {self.status}" if self.status not in (0, SKIPPED) else ""


def command(tool, log, path, program, part, seed):
    options = OPTIONS[tool]
    if tool == "memcheck" and program.children:
        # It would find the stacks of the threads that are not there any more.
        options += ("--child-silent-after-fork=yes",)
    return ("valgrind", "--command-line-only=yes", f"--tool={tool}", *options,
            f"--error-exitcode={ERROR_STATUS}", f"--log-file={log}.%p", str(path),
            *program.length(tool, part), "--seed", str(seed), *program.arguments, *SMALL[tool])


def run(folder, tool, program, part, seed, keep):
    """Runs one program; what it and its children say is in @keep."""
    path = folder / f"stress_{program.name}"
    place = keep / f"{tool}-{program.title().replace(', ', '-').replace(' ', '')}"
    for old in keep.glob(place.name + ".*"):
        old.unlink()
    environment = dict(os.environ)
    environment.pop("PEND_VALGRIND_SWITCH", None)
    if program.switch is not None:
        environment["PEND_VALGRIND_SWITCH"] = str(program.switch)
    began = time.monotonic()
    try:
        done = subprocess.run(command(tool, place, path, program, part, seed), check=False,
                              env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=LIMIT_S, text=True, errors="replace")
        status, output = done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        status, output = None, (late.stdout or b"").decode(errors="replace")
    place.with_suffix(".output").write_text(output)
    logs = [log.read_text(errors="replace") for log in keep.glob(place.name + ".[0-9]*")]
    # A process that was killed has no summary, but what was found before.
    errors = sum(int(SUMMARY.findall(log)[-1]) if SUMMARY.search(log) else len(REPORT.findall(log))
                 for log in logs)
    lost = sum(int(number.replace(",", "")) for log in logs for number in LOST.findall(log))
    return Result(program, status, sum(map(int, OPERATIONS.findall(output))), errors,
                  sum(len(RACE.findall(log)) for log in logs), len(logs), lost,
                  time.monotonic() - began, output + "".join(logs))


def show(result):
    verdict = result.fault() or ("not run here" if result.status == SKIPPED else "0 errors")
    print(f"{result.program.title():20} {result.operations:9} operations {result.seconds:6.1f} s  "
          f"{verdict}", flush=True)
    if result.fault():
        interesting = [line for line in result.output.splitlines()
                       if line.startswith(("==", "not ok", "Bail"))]
        print("".join(f"  {line}\n" for line in interesting[:60]), end="", flush=True)


def run_all(folder, tool, programs, part, seed, keep):
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        futures = [pool.submit(run, folder, tool, program, part, seed, keep)
                   for program in programs]
        results = []
        for future in concurrent.futures.as_completed(futures):
            results.append(future.result())
            show(results[-1])
    return results


def judge(tool, results, required):
    """Prints the sums. True: all is well."""
    operations = sum(result.operations for result in results)
    errors = sum(result.errors for result in results)
    lost = sum(result.lost for result in results)
    faults = [result.program.title() for result in results if result.fault()]
    print(f"{tool}: {operations} operations in {sum(result.processes for result in results)} "
          f"processes, {errors} errors, {lost} bytes lost, 0 suppressions of ours")
    if faults:
        print(f"{tool}: failed: {'; '.join(faults)}")
    if operations < required:
        print(f"{tool}: failed: less than {required:.0f} operations")
    return not faults and operations >= required


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("tool", choices=tuple(OPTIONS))
    parser.add_argument("names", nargs="*")
    parser.add_argument("--part", type=float, default=100)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000_007)
    parser.add_argument("--keep", type=pathlib.Path)
    given = parser.parse_args()
    known = {program.name for program in PROGRAMS}
    if not set(given.names) <= known:
        parser.error(f"there are: {' '.join(sorted(known))}")
    part = given.part / 100
    chosen = [program for program in PROGRAMS if program.amount(given.tool, 1)
              and (not given.names or program.name in given.names)]
    missing = [program.name for program in chosen
               if not (given.folder / f"stress_{program.name}").exists()]
    if missing:
        parser.error(f"not in {given.folder}: {' '.join(missing)}")
    with tempfile.TemporaryDirectory(prefix="pendmap-valgrind-") as scratch:
        keep = given.keep or pathlib.Path(scratch)
        keep.mkdir(parents=True, exist_ok=True)
        print(f"{given.tool}, seed {given.seed}", flush=True)
        for program in PROGRAMS:
            if not given.names and not program.amount(given.tool, 1):
                print(f"{program.title():20} not under {given.tool}: {program.without}")
        results = run_all(given.folder.resolve(), given.tool, chosen, part, given.seed,
                          keep.resolve())
    required = 0 if given.names else REQUIRED[given.tool] * min(part, 1)
    return 0 if judge(given.tool, results, required) else 1


if __name__ == "__main__":
    sys.exit(main())
