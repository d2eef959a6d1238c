#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_size.py - the size and shape lint.

A .c file has at most 600 lines, a function at most 80, a folder with sources a README.md of at
most 20 lines, and every source opens with its SPDX line and "name - purpose" comment.

Usage: check_size.py [ROOT]      exit 0 clean, 1 with one line for each offence
"""
import pathlib
import re
import sys

FOLDERS = ("include", "platform", "epoch", "engine", "bench", "stress", "tests", "flamegraphs",
           "examples")
FILE_LINES, FUNCTION_LINES, README_LINES = 600, 80, 20


def functions(lines):
    """(name, first line, number of lines) of each function; its braces stand in column 0."""
    opened = None
    for n, line in enumerate(lines, 1):
        if line == "{":
            opened = n
        elif line == "}" and opened:
            head = " ".join(lines[max(0, opened - 6):opened - 1])
            names = re.findall(r"(\w+)\s*\(", head.rsplit("}", 1)[-1].rsplit(";", 1)[-1])
            yield (names[0] if names else "?"), opened, n - opened + 1
            opened = None


def check_source(path, name, offend):
    text = path.read_text()
    lines = text.split("\n")
    count = text.count("\n")
    if path.suffix == ".c" and count > FILE_LINES:
        offend(name, 1, f"{count} lines: at most {FILE_LINES}")
    for function, first, length in functions(lines):
        if length > FUNCTION_LINES:
            offend(name, first, f"{function}() has {length} lines: at most {FUNCTION_LINES}")
    if lines[0] != "/* SPDX-License-Identifier: MIT */":
        offend(name, 1, "does not start with the SPDX line")
    if not re.match(rf"[^\n]*\n/\*\n \* {re.escape(path.name)} - \S", text):
        offend(name, 2, f"does not open with the comment \"{path.name} - purpose\"")
    return count


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[1])
    offences, files, total = [], 0, 0

    def offend(name, line, what):
        offences.append(f"{name}:{line}: {what}")

    homes = set()
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.[ch]")):
            total += check_source(path, path.relative_to(root).as_posix(), offend)
            files += 1
            if folder != "include":
                homes.add(path.parent)
    for home in sorted(homes):
        readme, name = home / "README.md", (home / "README.md").relative_to(root).as_posix()
        if not readme.is_file():
            offend(name, 1, "does not exist: say what lives here")
        elif readme.read_text().count("\n") > README_LINES:
            offend(name, 1, f"more than {README_LINES} lines")
    print("\n".join(offences) or f"{files} files, {total} lines: all within bounds")
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
