#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""honesty.py - does pendbench cry wolf, and does it see one?

    python3 -B bench/honesty.py PENDBENCH [--comparisons 20] [--planted 10]

Compares PENDBENCH with itself, which must give no change, and with itself made five percent slower on
purpose (`ab --plant 5`), which must be found. Prints a table and the sums. Exit status 0: of the
comparisons with itself at most one in twenty said that something changed, and of those with planted
slowness at least nine in ten said "slower"; 1: not so; 2: it could not be run.

A verdict is one series: one scenario, one size, pendmap alone. Windows are short and many, so that
most are clean on a machine that does other things too.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

# Scenario, threads, windows: these in turn. Two threads wait for each other before each window.
CASES = [
    ("steady/key", 1, 200),
    ("steady/handle", 1, 200),
    ("lookup/hit", 1, 200),
    ("pend-complete/key", 1, 200),
    ("steady/key", 2, 100),
]
# Slowness can be planted in loops that pend.
PLANTED_CASES = [case for case in CASES if not case[0].startswith("lookup/")]
PLANTED_PERCENT = 5
RUNS = 8
LIMIT_S = 400  # of one comparison


def fail(why):
    print(f"honesty: {why}", file=sys.stderr)
    sys.exit(2)


def command(program, case, planted, markdown):
    scenario, threads, windows = case
    words = [program, "ab", program, program, scenario, "--threads", str(threads)]
    words += ["--runs", str(RUNS), "--smoke", "--repeats", str(windows), "--window", "1"]
    words += ["--impl", "pendmap", "--calls", "scalar", "--sizes", "1Ki", "--counters", "none"]
    words += ["--noise", "2%"]
    words += ["--no-progress", "--markdown", markdown]
    return words + (["--plant", str(PLANTED_PERCENT)] if planted else [])


def read_row(markdown):
    """The cells of the one comparison of a Markdown table: series, values, change, ..., verdict."""
    with open(markdown, encoding="utf-8") as file:
        lines = [line.strip() for line in file if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    rows = [row for row in rows if len(row) == 7 and "pendmap" in row[0]]
    if not rows:
        fail("no comparison was printed")
    return rows[0]


def compare(program, number, planted, folder):
    cases = PLANTED_CASES if planted else CASES
    case = cases[number % len(cases)]
    markdown = os.path.join(folder, "comparison.md")
    try:
        done = subprocess.run(command(program, case, planted, markdown), timeout=LIMIT_S,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
    except subprocess.TimeoutExpired:
        fail(f"{case[0]}: not done after {LIMIT_S} s: this machine has too much else to do")
    if done.returncode:
        sys.stderr.write(done.stdout)
        fail(f"{case[0]}: exit status {done.returncode}")
    row = read_row(markdown)
    verdict = row[6].replace("*", "").strip()
    print(f"{number + 1:4}  {'planted' if planted else 'itself':8} {case[0]:18} {case[1]}T "
          f"{row[2]:>9}  {row[3]:>18}  {row[4]:>6}  {verdict}", flush=True)
    return verdict.split(":")[0]


def main():
    parser = argparse.ArgumentParser(description="does pendbench cry wolf, and does it see one?")
    parser.add_argument("program", metavar="PENDBENCH")
    parser.add_argument("--comparisons", type=int, default=20, help="with itself (20)")
    parser.add_argument("--planted", type=int, default=10, help="with itself made slower (10)")
    options = parser.parse_args()
    if not os.access(options.program, os.X_OK):
        parser.error(f"{options.program}: no program")
    program = os.path.abspath(options.program)
    begun = time.monotonic()
    print("   n  NEW is   scenario           T     change                95 %       p  verdict")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_DATA_HOME"] = folder
        same = [compare(program, n, False, folder) for n in range(options.comparisons)]
        slow = [compare(program, n, True, folder) for n in range(options.planted)]
    false = sum(verdict not in ("no change", "inconclusive") for verdict in same)
    found = sum(verdict == "slower" for verdict in slow)
    refused = sum(verdict == "inconclusive" for verdict in same + slow)
    honest = 20 * false <= len(same) and 10 * found >= 9 * len(slow)
    print(f"with itself: {false} of {len(same)} said changed (at most one in twenty may)")
    print(f"{PLANTED_PERCENT} % slower: {found} of {len(slow)} were found (nine in ten must be)")
    print(f"refused, as inconclusive: {refused}")
    print(f"{'honest' if honest else 'NOT honest'}, in {time.monotonic() - begun:.0f} s")
    return 0 if honest else 1


if __name__ == "__main__":
    sys.exit(main())
