#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_planted.py - does every planted bug still find the text that it replaces?

The suites themselves say so too, after minutes; this is for every commit. A text must occur just
once in its file.

Usage: check_planted.py ROOT
"""
import importlib.util
import pathlib
import sys


def load(path):
    spec = importlib.util.spec_from_file_location(f"planted_{path.parent.name}_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.MUTANTS


def stale(root, mutant):
    file, old = mutant[2:4] if isinstance(mutant, tuple) else (mutant.file, mutant.old)
    source = (root / file).read_text()
    return [(file, text) for text in (old, *(pair[0] for pair in getattr(mutant, "also", ())))
            if source.count(text) != 1]


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    suites = [*sorted(root.glob("tests/*/mutants*.py")), root / "tests/mutants/run.py"]
    count, wrong = 0, 0
    for suite in suites:
        for mutant in load(suite):
            count += 1
            for file, old in stale(root, mutant):
                wrong += 1
                name = mutant[0] if isinstance(mutant, tuple) else mutant.name
                print(f"{suite.relative_to(root)}: {name}: not once in {file}: {old!r}")
    print(f"{count} planted bugs in {len(suites)} suites, {wrong} stale texts")
    return 1 if wrong or not count else 0


if __name__ == "__main__":
    sys.exit(main())
