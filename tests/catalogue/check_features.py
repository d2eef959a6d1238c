#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_features.py - docs/features.md tells the truth about tests.

Each feature F1 to F93 has one row, with a test or "not done". Each test named anywhere in the file
exists: `folder.program/case` is a case of tests/folder/test_program.c (or program.c), `folder.program`
that file, `torture.folder.program` and `stress.program` theirs; and the program is registered with
ctest. The names of the catalogues are all there: S1 to S20, A, B, R1 to R10, F1 to F6, D1 to D3, W1,
W2 and X1 to X17.

Usage: check_features.py ROOT      exit 0 clean, 1 with one line for each offence
       check_features.py --self-test
"""
import pathlib
import re
import sys

ROW = re.compile(r"^\| (F\d+|OP-\d+|K\d+) \|(.*)\|\s*$", re.M)
NAME = re.compile(r"`((?:torture\.|stress\.|mutant\.)?[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*"
                  r"(?:/[A-Za-z0-9_]+)?)`")
CASE = re.compile(r"\b(?:Test|BOTH_WAYS)\((?:\w+,\s*)?(\w+)|\{ \"(\w+)\", |tap_report\([^;]*\"(\w+)\"\)")
FOLDERS = ("backend", "bench", "catalogue", "custom", "deadline", "epoch", "identity", "index", "map",
           "queue", "registry", "runtime", "session", "shard", "slot")


def cases_of(text):
    return {name for match in CASE.findall(text) for name in match if name}


def is_test(name):
    parts = name.split("/")[0].split(".")
    if parts[0] in ("torture", "stress", "mutant"):
        return True
    return len(parts) == 2 and parts[0] in FOLDERS and parts[1] not in ("c", "h")


def program_of(name, root):
    """The source of the program that @name names, or None."""
    parts = name.split("/")[0].split(".")
    if parts[0] == "stress":
        found = [root / "stress" / f"{parts[1]}.c"]
    elif parts[0] == "mutant":
        return root / "tests"
    else:
        folder, program = parts[-2:]
        found = [root / "tests" / folder / f"{prefix}{program}.c" for prefix in ("test_", "")]
    return next((path for path in found if path.is_file()), None)


def is_registered(path, name, root):
    if not path.is_file():
        return True
    text = (path.parent / "CMakeLists.txt").read_text()
    return path.name in text or re.search(rf"\b{path.stem.removeprefix('test_')}\b", text)


def check_name(name, root, offend):
    path = program_of(name, root)
    if path is None:
        offend(f"`{name}` is no test program")
        return
    if not is_registered(path, name, root):
        offend(f"`{name}` is not registered with ctest")
    if "/" in name and name.split("/")[1] not in cases_of(path.read_text()):
        offend(f"`{name}` is no case of {path.relative_to(root).as_posix()}")


def wanted_cases():
    yield from (f"S{i}" for i in range(1, 21))
    yield from ("A", "B", "D1", "D2", "D3", "W1", "W2")
    yield from (f"R{i}" for i in range(1, 11))
    yield from (f"F{i}" for i in range(1, 7))
    yield from (f"X{i}" for i in range(1, 18))


def check(text, root, offend):
    rows = {}
    for number, rest in ROW.findall(text):
        if number in rows:
            offend(f"{number} has two rows")
        rows[number] = rest
    for prefix, last in (("F", 93), ("OP-", 44), ("K", 18)):
        for i in range(1, last + 1):
            if f"{prefix}{i}" not in rows:
                offend(f"{prefix}{i} has no row")
    for number, rest in rows.items():
        if number.startswith("F") and "not done" not in rest and \
                not any(is_test(name) for name in NAME.findall(rest)):
            offend(f"{number} names no test")
    for name in sorted(set(NAME.findall(text))):
        if is_test(name):
            check_name(name, root, offend)


def check_catalogue(sources, offend):
    cases = set().union(*(cases_of(text) for text in sources))
    for wanted in wanted_cases():
        if not any(case.startswith(wanted + "_") for case in cases):
            offend(f"no case of the catalogue is called {wanted}_...")


def self_test():
    root = pathlib.Path(__file__).resolve().parents[2]
    rows = "".join(f"| {prefix}{i} | x | y | `map.scan/sees_each_once` | - |\n"
                   for prefix, last in (("F", 93), ("OP-", 44), ("K", 18))
                   for i in range(1, last + 1))
    tries = [("", 0), ("\n| F1 | again | `map.scan` |\n", 1), ("`map.scan/nothing`", 1),
             ("`map.nothing`", 1), ("`stress.nothing`", 1)]
    failed = 0
    for more, count in tries:
        found = []
        check(rows + more, root, found.append)
        failed += len(found) != count
    for text, count in ((rows.replace("| F7 |", "| F777 |"), 2 - 1),
                        (rows.replace("`map.scan/sees_each_once`", "-", 1), 1)):
        found = []
        check(text, root, found.append)
        failed += len(found) != count
    found = []
    check_catalogue(["Test(a, S1_x) Test(a, S10_x)"], found.append)
    failed += len(found) != 20 + 7 + 10 + 6 + 17 - 2
    print(f"self-test: {'ok' if not failed else 'failed'}")
    return 1 if failed else 0


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    root = pathlib.Path(arguments[0]).resolve()
    offences = []
    check((root / "docs" / "features.md").read_text(), root, offences.append)
    check_catalogue([path.read_text() for path in sorted((root / "tests" / "catalogue").glob("*.c"))],
                    offences.append)
    for offence in offences:
        print(f"docs/features.md: {offence}")
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
