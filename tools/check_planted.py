#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_planted.py - does every planted bug still find the text that it replaces, and is what
docs/mutants.md says of them so?

The suites themselves say the former too, after minutes; this is for every commit. A text must occur
just once in its file. Each numbered row of the document names bugs as `suite/name`, which must exist,
and the test that finds each.

Usage: check_planted.py ROOT
"""
import importlib.util
import pathlib
import re
import sys

OTHERS = ("tests/mutants/races.py",)
# Suites that are not called like their folders or files.
NAMES = {"races": "races", "mutants_engine": "engine", "mutants_stress": "stress",
         "mutants_fuzz": "fuzz"}
DOCUMENT, ROWS = "docs/mutants.md", 24


def load(path):
    spec = importlib.util.spec_from_file_location(f"planted_{path.parent.name}_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.MUTANTS


def edits(mutant):
    """File, old and new of each; some suites have tuples."""
    if hasattr(mutant, "edits"):
        return mutant.edits()
    file, *edit = mutant[2:5] if isinstance(mutant, tuple) else (mutant.file, mutant.old, "")
    return ((file, *edit), *((file, *more) for more in getattr(mutant, "also", ())))


def stale(root, mutant):
    return [(file, old) for file, old, _ in edits(mutant)
            if (root / file).read_text().count(old) != 1]


def name_of(mutant):
    return mutant[0] if isinstance(mutant, tuple) else mutant.name


def test_of(path, mutant):
    """Who must find it: map's are tuples without names for their parts, engine's only a letter."""
    if path.stem == "mutants_engine":
        return mutant[1]
    if isinstance(mutant, tuple) and not hasattr(mutant, "program"):
        return mutant[5]
    return next(getattr(mutant, name) for name in ("test", "scenarios", "program")
                if hasattr(mutant, name))


def offences(root, found):
    """@found: suite -> name -> test."""
    rows = re.findall(r"^\| (\d+) \|(.*)$", (root / DOCUMENT).read_text(), re.M)
    if [int(number) for number, _ in rows] != list(range(1, ROWS + 1)):
        yield f"the rows are not 1 to {ROWS}"
    for number, text in rows:
        *_, planted, tests, _ = text.split("|")
        named = re.findall(r"`mutant\.([\w-]+)/([^`]+)`", planted)
        if not named:
            yield f"row {number} names no planted bug"
        for suite, name in named:
            test = found.get(suite, {}).get(name)
            if test is None:
                yield f"row {number}: mutant.{suite} has no {name!r}"
            elif test not in tests:
                yield f"row {number}: {name!r} is for {test!r}, not for{tests}"


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    suites = [*sorted(root.glob("tests/*/mutants*.py")), *(root / name for name in OTHERS)]
    count, wrong, found = 0, 0, {}
    for suite in suites:
        of_suite = found.setdefault(NAMES.get(suite.stem, suite.parent.name), {})
        for mutant in load(suite):
            count += 1
            of_suite[name_of(mutant)] = test_of(suite, mutant)
            for file, old in stale(root, mutant):
                wrong += 1
                print(f"{suite.relative_to(root)}: {name_of(mutant)}: not once in {file}: {old!r}")
    for text in offences(root, found):
        wrong += 1
        print(f"{DOCUMENT}: {text}")
    print(f"{count} planted bugs in {len(suites)} suites, {wrong} stale")
    return 1 if wrong or not count else 0


if __name__ == "__main__":
    sys.exit(main())
