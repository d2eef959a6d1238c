#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_docs.py - the documentation lint.

Every public function has a doc comment that says what it returns, where it may be called
(@context), how it progresses (@progress) and what it costs (@complexity); one that describes a
parameter describes all of them. It is used by a test or an example. Every relative link of a
Markdown file leads somewhere.

Usage: check_docs.py [ROOT]      exit 0 clean, 1 with one line for each offence
"""
import pathlib
import re
import sys

DECLARATION = re.compile(r"^PEND_API\b([^;{]*?)\b((?:pend|bpf)_\w+)\s*\(([^;{]*)\)\s*(?:PEND_\w+\s*)*;",
                         re.M)
TAGS = ("@context", "@progress", "@complexity", "@since")
LINK = re.compile(r"(?<!!)\[[^\]\n]+\]\(([^)\s]+)\)")


def parameters(text):
    """The names in a parameter list."""
    if text.strip() in ("", "void"):
        return []
    flat = re.sub(r"\([^()]*\)\s*$", "", text)
    return [re.findall(r"\w+", re.sub(r"\[[^]]*\]", "", p))[-1] for p in flat.split(",")]


def check_function(name, result, given, comment, offend):
    if not comment:
        offend(f"{name}() has no doc comment")
        return
    for tag in TAGS:
        if tag not in comment:
            offend(f"{name}() has no {tag}")
    if result.strip() != "void" and not re.search(r"@retval|@return\b", comment):
        offend(f"{name}() does not say what it returns")
    for parameter in parameters(given) if "@param" in comment else ():
        if not re.search(rf"(?:@param(?:\[\w+(?:,\w+)?\])?\s+(?:\w+,\s*)*|@p\s+){parameter}\b",
                         comment):
            offend(f"{name}() does not describe {parameter}")


def check_header(path, root, users, offend):
    text = path.read_text()
    count = 0
    for match in DECLARATION.finditer(text):
        result, name, given = match.groups()
        before = text[:match.start()].rstrip()
        comment = before[before.rfind("/**"):] if before.endswith("*/") else ""
        line = text.count("\n", 0, match.start()) + 1
        where = f"{path.relative_to(root).as_posix()}:{line}"
        check_function(name, result, given, comment, lambda what, w=where: offend(w, what))
        if not re.search(rf"\b{name}\s*\(", users):
            offend(where, f"{name}() is used by no test and no example")
        count += 1
    if count != len(re.findall(r"^PEND_API\b", text, re.M)):
        offend(f"{path.relative_to(root).as_posix()}:1",
               "holds a PEND_API declaration that this lint cannot read")
    return count


def check_links(root, offend):
    count = 0
    for path in sorted(root.rglob("*.md")):
        name = path.relative_to(root)
        if name.parts[0].startswith(".") or name.parts[0] == "build":
            continue
        text = re.sub(r"^```.*?^```", lambda m: re.sub(r"[^\n]", " ", m[0]), path.read_text(),
                      flags=re.M | re.S)
        for match in LINK.finditer(text):
            target = match[1].split("#")[0]
            if not target or re.match(r"[a-z]+:", target):
                continue
            count += 1
            if not (path.parent / target).exists():
                offend(f"{name.as_posix()}:{text.count(chr(10), 0, match.start()) + 1}",
                       f"{target} does not exist")
    return count


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[1])
    root = root.resolve()
    offences = []

    def offend(where, what):
        offences.append(f"{where}: {what}")

    users = "\n".join(path.read_text() for folder in ("tests", "examples")
                      for path in sorted((root / folder).rglob("*.[ch]")))
    functions = sum(check_header(path, root, users, offend)
                    for path in sorted((root / "include" / "pendmap").glob("*.h")))
    links = check_links(root, offend)
    print("\n".join(offences) or f"{functions} public functions, {links} links: all in order")
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
