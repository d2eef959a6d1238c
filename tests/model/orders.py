#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""orders.py - is every memory order of the library needed?

Each ordered access of the library has one or two ends (pend_model --sites). One after the other is
made one step weaker, at run time, and the scenarios that execute it are run in the weak mode, until
one of them finds a violation: the end is killed, and by that scenario. What nobody kills must be in
survivors.txt, with the reason; and what is there must survive. TAP on stdout.

An end is first tried with every schedule of bound 1 of all its scenarios, then with more schedules
of some, and of one. Scenarios that are said to show its edge come first, then short ones.
pend_model_plain sees plain memory of the library too, and so is the program to be given.
"""
import argparse
import concurrent.futures
import re
import subprocess
import sys

# Options of the search, and how many scenarios of an end are tried with them.
STAGES = ((("--bound", "1", "--limit", "3000"), 1000),
          (("--bound", "2", "--limit", "6000", "--budget", "6000"), 8),
          (("--bound", "4", "--limit", "40000", "--budget", "1"), 1))
TIMEOUT_S = 120
RESULT = re.compile(r"(?:not )?ok \d+ - (.*), WEAK: (\w+) ")


class Model:
    """The program, and what it says."""

    def __init__(self, program):
        self.program = program

    def run(self, *options):
        done = subprocess.run((self.program,) + options, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S,
                              check=False)
        if done.returncode not in (0, 1):
            sys.exit(f"{self.program} {' '.join(options)}: {done.returncode}\n{done.stdout}")
        return done.stdout.splitlines()

    def ends(self):
        names = (line.split()[1] for line in self.run("--sites"))
        return [name for name in names if not name.startswith("tests/")]

    def scenarios(self):
        """Name and edges of each."""
        found = {}
        for line in self.run("--list"):
            name, shows = re.match(r"(.*?)(?:  +(.*))?$", line.rstrip()).groups()
            found[name] = (shows or "").split()
        return found

    def reached(self, scenario):
        """The ends that the scenario executes, and its length; None: it fails unweakened."""
        reached, length = set(), 0
        for options, _ in STAGES[:2]:
            lines = self.run("--weak", "--only", scenario, "--reach", *options)
            if any("VIOLATION" in line for line in lines):
                return None
            reached |= {line.split()[2] for line in lines if line.startswith("# reaches ")}
            length += sum(int(found) for found in re.findall(r"(\d+) schedules,", lines[1]))
        return reached, length

    def kills(self, scenario, end, options):
        """What is violated with @end weakened, or None."""
        lines = self.run("--weak", "--only", scenario, "--weaken", end, *options)
        for number, line in enumerate(lines):
            result = RESULT.match(line)
            if result and result[2] == "VIOLATION":
                what = lines[number + 1].removeprefix("# VIOLATION ")
                if "neither ends nor waits" not in what:
                    return f"{result[1]}: {what}"
        return None


def edge_of(end):
    return re.search(r":(\w+)\.\w+(?:#\d+)?$", end)[1]


def read_survivors(path):
    """END, then what else kills it or "-", then why: one a line, separated by |."""
    entries = {}
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.startswith("#") or not line.strip():
                continue
            parts = [part.strip() for part in line.split("|")]
            if len(parts) != 3 or not all(parts) or parts[0] in entries:
                sys.exit(f"{path}:{number}: END | what else kills it, or - | why")
            entries[parts[0]] = (parts[1], parts[2])
    return entries


def judge(model, end, candidates):
    for options, most in STAGES:
        for scenario in candidates[:most]:
            killed = model.kills(scenario, end, options)
            if killed:
                return killed
    return None


def reach_all(model, pool):
    """The scenarios of each end, and those that fail anyway."""
    scenarios = model.scenarios()
    by_end, length, broken = {}, {}, []
    for name, reached in zip(scenarios, pool.map(model.reached, scenarios)):
        if reached is None:
            broken.append(name)
            continue
        length[name] = reached[1]
        for end in reached[0]:
            by_end.setdefault(end, []).append(name)
    for end, names in by_end.items():
        names.sort(key=lambda name: (edge_of(end) not in scenarios[name], length[name]))
    return by_end, broken


def verdict(end, killed, entry, reached):
    if killed:
        return entry is None, f"killed by {killed}" + (" BUT LISTED AS SURVIVOR" if entry else "")
    seen = f"survives {reached} scenarios" if reached else "is not executed"
    if entry is None:
        return False, f"{seen}, and survivors.txt does not say why"
    return True, f"{seen}; elsewhere: {entry[0]}; {entry[1]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="pend_model_plain")
    parser.add_argument("survivors", help="survivors.txt")
    parser.add_argument("--only", default="", help="ends with that in their name")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    model = Model(arguments.program)
    survivors = read_survivors(arguments.survivors)
    ends = [end for end in model.ends() if arguments.only in end]
    unknown = [end for end in survivors if arguments.only in end and end not in ends]
    failed = killed_count = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        by_end, broken = reach_all(model, pool)
        print(f"1..{len(ends) + len(unknown) + len(broken)}", flush=True)
        results = pool.map(lambda end: judge(model, end, by_end.get(end, ())), ends)
        lines = []
        for end, killed in zip(ends, results):
            right, text = verdict(end, killed, survivors.get(end), len(by_end.get(end, ())))
            killed_count += killed is not None
            lines.append((right, f"{end}: {text}"))
            print(f"{'ok' if right else 'not ok'} {len(lines)} - {lines[-1][1]}", flush=True)
    for end in unknown:
        lines.append((False, f"{end}: survivors.txt names it, the library does not"))
        print(f"not ok {len(lines)} - {lines[-1][1]}")
    for name in broken:
        lines.append((False, f"{name}: a violation with nothing weakened"))
        print(f"not ok {len(lines)} - {lines[-1][1]}")
    failed = sum(not right for right, _ in lines)
    print(f"# {killed_count} of {len(ends)} ends killed, {len(ends) - killed_count} survive, "
          f"{failed} not as expected")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
