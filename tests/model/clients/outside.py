#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""outside.py - runs the clients under GenMC, a model checker of C11 programs that is not part of
this project: each as it is, and with one end of one edge weaker at a time.

	client.c --clang, inlined, no other optimization--> LLVM bitcode --genmc--> verdict

A client says on a line "Weaker, and found: PK1.sc PK2.rel" which orders it needs: without one of
them the checker must report an error. Everything else that the matrix tries (--all) is information.

Usage: outside.py ROOT GENMC [--include DIR] [--llvm 16] [--only CLIENT] [--all] [--limit SECONDS]
GENMC is the program; DIR is the folder of its headers (beside the program: include).
Exit 0 if every client is clean and every order that it names is missed, 1 if not.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

NEEDS = re.compile(r"Weaker, and found:((?:\s+(?:\* )?[A-Z]+\d+\.\w+)+)")
OPTIONS = re.compile(r"Checked with:\s+(.*)")
EDGE = re.compile(r"\b([A-Z]{2}\d+)\.(rel|acq|sc)\b")
PASSES = "forceattrs,always-inline,function(sroa),cgscc(inline),function(sroa)"
INLINE = ["-inline-threshold=100000", "-inlinecold-threshold=100000",
          "-force-remove-attribute=noinline"]
ERROR = re.compile(r"^(Error|Non-atomic race|Liveness|Assertion)|error was found|"
                   r"Verification unsuccessful|Safety violation", re.MULTILINE | re.IGNORECASE)


class Checker:
    def __init__(self, arguments):
        self.arguments = arguments
        self.place = tempfile.TemporaryDirectory()

    def bitcode(self, client, weaker):
        """The client as bitcode; None, and said, if it does not compile."""
        root, llvm = self.arguments.root, self.arguments.llvm
        plain = pathlib.Path(self.place.name) / "plain.bc"
        inlined = pathlib.Path(self.place.name) / "inlined.bc"
        commands = [
            [f"clang-{llvm}", "-std=c17", "-g", "-O1", "-w", "-Xclang", "-disable-llvm-passes",
             f"-I{self.arguments.include}", "-D__CONFIG_GENMC_INODE_DATA_SIZE=64", f"-I{root}",
             f"-I{root / 'include'}", f'-DCLIENT_WEAKEN="{weaker}"', "-emit-llvm", "-c",
             str(client), "-o", str(plain)],
            [f"opt-{llvm}", *INLINE, f"-passes={PASSES}", str(plain), "-o", str(inlined)]]
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                print(done.stderr, file=sys.stderr)
                return None
        return inlined

    def run(self, client, weaker=""):
        """("clean" | "error" | "no verdict", executions)."""
        program = self.bitcode(client, weaker)
        if not program:
            return "no verdict", 0
        options = OPTIONS.search(client.read_text())
        command = [self.arguments.genmc, "--disable-estimation", "--input-from-bitcode-file",
                   *(options[1].split() if options else []), "--", str(program)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False,
                                  timeout=self.arguments.limit)
        except subprocess.TimeoutExpired:
            return "no verdict", 0
        said = done.stdout + done.stderr
        executions = re.search(r"complete executions explored: (\d+)", said)
        count = int(executions[1]) if executions else 0
        if "No errors were detected" in said and done.returncode == 0:
            return "clean", count
        return ("error", count) if ERROR.search(said) else ("no verdict", count)


def orders_of(client):
    found = NEEDS.search(client.read_text())
    return [f"{edge}.{end}" for edge, end in EDGE.findall(found[1])] if found else []


def every_order(root):
    """All ends of all edges that the table of the documentation has."""
    edges = re.findall(r"^\| ([A-Z]{2}\d+) \|", (root / "docs/memory-order.md").read_text(),
                       re.MULTILINE)
    return [f"{edge}.{end}" for edge in edges for end in ("rel", "acq", "sc")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("genmc", type=pathlib.Path)
    parser.add_argument("--include", type=pathlib.Path)
    parser.add_argument("--llvm", default="16")
    parser.add_argument("--only", default="")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--limit", type=int, default=600)
    arguments = parser.parse_args()
    arguments.include = arguments.include or arguments.genmc.resolve().parent / "include"
    checker = Checker(arguments)
    failed = executions = orders = found = 0
    for client in sorted((arguments.root / "tests/model/clients").glob("*.c")):
        if arguments.only not in client.stem:
            continue
        verdict, count = checker.run(client)
        executions += count
        failed += verdict != "clean"
        print(f"{client.stem:20} {verdict:10} {count:8} executions", flush=True)
        needed = orders_of(client)
        for order in every_order(arguments.root) if arguments.all else needed:
            verdict, _ = checker.run(client, order)
            if order in needed:
                orders += 1
                found += verdict == "error"
            if order in needed or verdict != "clean":
                print(f"{'':20} without {order}: {verdict}", flush=True)
    print(f"{executions} executions; {found} of {orders} missing orders found")
    return 1 if failed or found != orders else 0


if __name__ == "__main__":
    sys.exit(main())
