#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutants.py - plants faults in engine/identity, one at a time, and runs the test that must notice.

tests/mutants/planted.py says how a mutant is judged, and how this is called.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "mutants"))
from planted import Mutant, Suite, Test, main  # pylint: disable=wrong-import-position

IDENTITY = "engine/identity/identity.c"
LIBRARY = ("platform/*.c", "epoch/[!u]*.c")
TESTS = {name: Test((f"tests/identity/test_{name}.c",), criterion=True)
         for name in ("capture", "resolve", "window")}

MUTANTS = tuple(Mutant(*m) for m in (
    ("alive at first is alive", "H", IDENTITY,
     "	if (!pendi_process_is_alive(subject->pidfd))\n		return -ESRCH;", "", "window"),
    ("any pidfd will do", "H", IDENTITY, "if (number != subject->pid)", "if (number < 0)",
     "resolve"),
    ("start times are not compared", "H", IDENTITY, "a->start_time == b->start_time && ", "",
     "resolve"),
    ("groups are not compared", "H", IDENTITY, "a->gid == b->gid &&", "", "resolve"),
    ("a wrong process's descriptor stays open", "I", IDENTITY,
     "		(void)close(found.pidfd);", "", "resolve"),
    ("released twice", "A", IDENTITY, "	*identity = identity_failed();\n	(void)close(pidfd);",
     "	(void)close(pidfd);", "resolve"),
    ("a copy shares its descriptor", "A", IDENTITY,
     "copy.subject.pidfd = pendi_process_dup(from->subject.pidfd);",
     "copy.subject.pidfd = from->subject.pidfd;", "resolve"),
))

if __name__ == "__main__":
    sys.exit(main(Suite("engine/identity", LIBRARY, TESTS, MUTANTS)))
