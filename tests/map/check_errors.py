#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_errors.py - is every documented error of every public function provoked by a test?

The headers say which errors a function returns: the @retval lines of the comment before its
declaration. A test says which of them it provokes, with a comment next to the check:

    /* retval: pend_map_pend -EEXIST */

Every documented pair needs such a mark; a mark that names no documented pair is wrong, and so is
one with no check in the lines that follow it.

Usage: check_errors.py ROOT | --self-test     exit 0 clean, 1 with one line for each offence
"""
import pathlib
import re
import sys
import tempfile

DECLARATION = re.compile(r"/\*\*((?:(?!\*/).)*)\*/\s*PEND_API\s[^;(]*?(\w+)\s*\(", re.S)
RETVAL = re.compile(r"@retval\s+(-E[A-Z0-9]+)")
MARK = re.compile(r"/\*\s*retval:\s*(\w+)\s+(-E[A-Z0-9]+)\s*\*/")
FOLDERS = ("map", "shard", "session", "platform", "jemalloc", "registry", "identity", "custom", "runtime",
           "backend")
REACH = 6  # lines below a mark in which its error must be asserted


def documented(root):
    pairs = {}
    for header in sorted((root / "include").rglob("*.h")):
        for match in DECLARATION.finditer(header.read_text()):
            for code in RETVAL.findall(match[1]):
                pairs[match[2], code] = header.relative_to(root).as_posix()
    return pairs


def marks(root):
    """(function, code, place, whether a check of that code follows)"""
    for source in sorted(p for folder in FOLDERS for p in (root / "tests" / folder).glob("*.[ch]")):
        lines = source.read_text().split("\n")
        for n, line in enumerate(lines):
            for function, code in MARK.findall(line):
                below = "\n".join(lines[n + 1:n + 1 + REACH])
                yield (function, code, f"{source.relative_to(root).as_posix()}:{n + 1}",
                       re.search(rf"{re.escape(code)}\b", below) is not None)


def check(root):
    pairs, seen, offences = documented(root), set(), []
    for function, code, place, checked in marks(root):
        seen.add((function, code))
        if (function, code) not in pairs:
            offences.append(f"{place}: {function}() documents no {code}")
        elif not checked:
            offences.append(f"{place}: no check of {code} within {REACH} lines")
    for (function, code), header in sorted(pairs.items()):
        if (function, code) not in seen:
            offences.append(f"{header}: {function}() documents {code}, which no test provokes")
    if not pairs:
        offences.append("no documented errors found: the headers are not read right")
    return offences, len(pairs)


HEADER = """/**
 * Makes.
 *
 * @retval 0        success
 * @retval -EINVAL  no
 * @retval -ENOMEM  no memory
 */
PEND_API int pend_thing_make(int a) PEND_MUST_CHECK;

/**
 * Ends.
 *
 * @retval -EFAULT  NULL
 */
PEND_API struct pend_thing *pend_thing_end(void);
"""
TEST = """/* retval: pend_thing_make -EINVAL */
CHECK(pend_thing_make(1) == -EINVAL);
/* retval: pend_thing_make -ENOMEM */
CHECK(pend_thing_make(2) == -ENOMEM);
/* retval: pend_thing_end -EFAULT */
CHECK(pend_thing_end() == -EFAULT);
"""
SPOILS = (
    (None, None, 0),
    ("/* retval: pend_thing_end -EFAULT */\n", "", 1),
    ("pend_thing_end -EFAULT", "pend_thing_end -EPERM", 2),
    ("pend_thing_make -ENOMEM", "pend_thing_made -ENOMEM", 2),
    ("== -EFAULT", "== -EINVAL", 1),
)


def self_test():
    wrong = 0
    for old, new, offences in SPOILS:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "include").mkdir()
            (root / "tests" / "shard").mkdir(parents=True)
            (root / "include" / "thing.h").write_text(HEADER)
            (root / "tests" / "shard" / "test.c").write_text(TEST.replace(old, new) if old else TEST)
            found = check(root)[0]
            if len(found) != offences:
                print(f"{old!r} -> {new!r}: expected {offences} offences, got {found}")
                wrong += 1
    return wrong


def main():
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(1 if self_test() else 0)
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])
    offences, total = check(root)
    print("\n".join(offences) or f"{total} documented errors, each provoked by a test")
    sys.exit(1 if offences else 0)


if __name__ == "__main__":
    main()
