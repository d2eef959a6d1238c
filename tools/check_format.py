#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_format.py - the formatting lint: every source is as clang-format 14 leaves it.

Another version formats otherwise, so without version 14 the answer is "skipped".

Usage: check_format.py [ROOT]      exit 0 clean, 1 with the offences, 77 without clang-format 14
"""
import pathlib
import re
import shutil
import subprocess
import sys


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[1])
    for name in ("clang-format-14", "clang-format"):
        program = shutil.which(name)
        if program:
            version = subprocess.run([program, "--version"], capture_output=True, text=True,
                                     check=True).stdout
            if re.search(r"version 14\.", version):
                break
    else:
        print("clang-format 14 is not installed: skipped")
        return 77
    files = [path for path in sorted(root.rglob("*.[ch]"))
             if not re.match(r"\.|build$", path.relative_to(root).parts[0])]
    if not files:
        print("no sources")
        return 1
    result = subprocess.run([program, "--dry-run", "-Werror", *files], check=False, text=True,
                            stderr=subprocess.PIPE)
    wrong = sorted({re.sub(r":.*", "", line.replace(f"{root}/", "", 1))
                    for line in result.stderr.split("\n") if "-Wclang-format-violations" in line})
    for path in wrong:
        print(f"{path}: not formatted; ./dev format does it")
    if result.returncode and not wrong:
        print(result.stderr)
    if result.returncode == 0:
        print(f"{len(files)} files: all formatted")
    return 1 if result.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
