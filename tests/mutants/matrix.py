#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""matrix.py - runs every suite of planted bugs and says which named test killed how many of them.

	ctest of the builds -> the tests labelled mutant -> run each -> its lines -> the table

What a suite says is kept in BUILD/mutants/SUITE.log. What a line must look like is below: one that
was killed names the test and what it said; one that need not be killed carries the reason, from the
suite. A suite that ends early, or fails otherwise, counts as one that is not killed.

Usage: matrix.py BUILD... [--only PART-OF-SUITE] [--read]
--read: makes the table of what is kept, and runs nothing.
Exit 0 if all were killed or excused, 1 if not.
"""
import argparse
import collections
import dataclasses
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading

LABEL, SKIPPED = "mutant", 77
ALSO = ("unit.slot.word_exhaustive",)  # a unit test with a suite inside
# "killed: [what it breaks] what is wrong (1.2 s; named test: what it said)"
LINE = re.compile(r"(?:# )?(?P<state>killed|SURVIVED|not required \((?P<why>.*?)\)): "
                  r"\[(?P<breaks>[^]]*)\] (?P<name>.*?) \((?:[\d.]+ s; )?"
                  r"(?P<test>[^:()]+): (?P<said>.*)\)$")
# A scenario has a name of two parts: "group: what happens". One of several: "a: b + c: d".
SCENARIO = re.compile(r"(?P<test>[^:]+: [^:+]+?)(?: \+ .*)?: .*")
# orders.py: "ok 7 - end: killed by scenario: what" or "ok 8 - end: survives ...; elsewhere: why"
ORDER = re.compile(r"(?P<right>ok|not ok) \d+ - (?P<name>\S+): "
                   r"(?:killed by (?P<test>[^:]+: [^:]+): .*|(?P<why>.*))$")


@dataclasses.dataclass
class Verdict:
    suite: str
    test: str  # the named one
    name: str
    state: str  # killed, SURVIVED or excused
    why: str


def read_line(suite, line):
    """The verdict of a line, or None."""
    found = LINE.match(line)
    if found:
        state = found["state"] if found["why"] is None else "excused"
        said = f"{found['test']}: {found['said']}"
        scenario = SCENARIO.match(said) if suite.endswith(".model") else None
        return Verdict(suite, (scenario or found)["test"], found["name"], state,
                       found["why"] or said)
    found = ORDER.match(line) if suite.endswith(".orders") else None
    if not found:
        return None
    state = "SURVIVED" if found["right"] != "ok" else "excused" if found["why"] else "killed"
    return Verdict(suite, found["test"] or "no scenario", found["name"], state, found["why"] or "")


@dataclasses.dataclass
class Suite:
    name: str
    build: pathlib.Path
    command: list
    environment: list
    folder: str
    timeout: float
    disabled: bool

    @property
    def log(self):
        return self.build / "mutants" / f"{self.name}.log"

    def run(self):
        """What it says is shown and kept, and how it ended."""
        self.log.unlink(missing_ok=True)
        if self.disabled:
            return
        environment = dict(os.environ, **dict(pair.split("=", 1) for pair in self.environment))
        self.log.parent.mkdir(exist_ok=True)
        with open(self.log, "w", encoding="utf-8") as log, subprocess.Popen(
                self.command, cwd=self.folder, env=environment, text=True, errors="replace",
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                start_new_session=True) as process:
            # Its children hold the pipe too.
            late = threading.Timer(self.timeout, os.killpg, (process.pid, signal.SIGKILL))
            late.start()
            for line in process.stdout:
                log.write(line)
                print(line, end="", flush=True)
            status, in_time = process.wait(), late.is_alive()
            late.cancel()
            log.write(f"status {status if in_time else 'out of time'}\n")

    def read(self):
        """(its verdicts, how it ended) of what is kept."""
        if not self.log.exists():
            return [], SKIPPED if self.disabled else "not run"
        *lines, last = self.log.read_text(encoding="utf-8").splitlines() or [""]
        status = last.removeprefix("status ")
        found = [read_line(self.name, line) for line in lines]
        return ([verdict for verdict in found if verdict],
                int(status) if status.lstrip("-").isdigit() else status)


def suites_of(build):
    done = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], check=True,
                          capture_output=True, text=True)
    for test in json.loads(done.stdout)["tests"]:
        of = {pair["name"]: pair["value"] for pair in test.get("properties", ())}
        if LABEL in of.get("LABELS", ()) or test["name"] in ALSO:
            yield Suite(test["name"], build, test.get("command", []), of.get("ENVIRONMENT", []),
                        of.get("WORKING_DIRECTORY", "."), of.get("TIMEOUT", 1500.0),
                        of.get("DISABLED", False) or not test.get("command"))


def collect(builds, only):
    """By name, the first build that has one: most say the same in each."""
    found = {}
    for build in builds:
        for suite in suites_of(build.resolve()):
            if only in suite.name:
                found.setdefault(suite.name, suite)
    return list(found.values())


def say_rows(verdicts):
    counts = collections.defaultdict(collections.Counter)
    for verdict in verdicts:
        counts[f"{verdict.suite}: {verdict.test}"][verdict.state] += 1
    width = max(map(len, counts), default=0)
    print(f"\n{'named test':{width}}  killed/total")
    for test, of in counts.items():
        excused = f"  ({of['excused']} excused)" if of["excused"] else ""
        print(f"{test:{width}}  {of['killed']}/{of.total()}{excused}")


def say_list(title, verdicts):
    if verdicts:
        print(f"\n{title}")
    for verdict in verdicts:
        print(f"  {verdict.suite}: {verdict.name}: {verdict.why}")


def say_end(suite, verdicts, status):
    """Whether the suite itself is in order."""
    if status == SKIPPED:
        print(f"skipped: {suite.name}: it needs something that is not here")
        return True
    wrong = any(verdict.state == "SURVIVED" for verdict in verdicts)
    if status == 0 and verdicts or status == 1 and wrong:
        return True
    print(f"FAILED: {suite.name}: status {status}, {len(verdicts)} judged: see {suite.log}")
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("builds", type=pathlib.Path, nargs="+", metavar="BUILD")
    parser.add_argument("--only", default="", help="suites with that in their names")
    parser.add_argument("--read", action="store_true", help="the table of what is kept")
    given = parser.parse_args()
    suites = collect(given.builds, given.only)
    if not suites:
        print(f"no suite has {given.only!r} in its name")
        return 1
    verdicts, in_order = [], True
    for suite in suites:
        if not given.read:
            print(f"== {suite.name}", flush=True)
            suite.run()
    print()
    for suite in suites:
        found, status = suite.read()
        in_order = say_end(suite, found, status) and in_order
        verdicts += found
    say_rows(verdicts)
    of = collections.Counter(verdict.state for verdict in verdicts)
    say_list("excused, with the reason in the suite", [v for v in verdicts if v.state == "excused"])
    say_list("SURVIVED", [v for v in verdicts if v.state == "SURVIVED"])
    print(f"\nkilled/total: {of['killed']}/{of.total()} in {len(suites)} suites; "
          f"{of['excused']} excused, {of['SURVIVED']} survive"
          + ("" if in_order else "; not all suites ended as they should"))
    return 0 if of["killed"] and not of["SURVIVED"] and in_order else 1


if __name__ == "__main__":
    sys.exit(main())
