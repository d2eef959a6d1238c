#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""guest.py - boots a small emulated machine, runs programs in it, says whether they passed.

The guest has four CPUs, of which it may really lose three, and two NUMA nodes. It is a kernel and
an initramfs made here of busybox, the programs and their shared libraries; it has no disk and no
network. The programs write TAP. The serial line is all that comes back:

    @TOKEN boot ...          the guest is up
    @TOKEN begin NAME        what follows is the job's output
    @TOKEN end NAME STATUS   its exit status
    @TOKEN done              all jobs ran; the guest powers off

A run passes only if every one of these lines came, each status is 0, and each job's TAP is
complete and all "ok". Each job has its own time limit in the guest and the whole run one here.

Usage: guest.py --kernel FILE --work DIR [--limit SECONDS] JOB...
       guest.py --self-test
       JOB is NAME=SECONDS=COMMAND: the first word of COMMAND is a program of this machine
Exit:  0 all passed, 1 not all, 2 usage or something is missing
"""
import argparse
import os
import pathlib
import re
import secrets
import selectors
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
QEMU = "qemu-system-x86_64"
CPUS, NODES, MEMORY_MB = 4, 2, 1024
TROUBLE = re.compile(r"Kernel panic|^.{0,20}\bBUG: |Oops:|soft lockup|Out of memory")


class Archive:
    """An initramfs: a cpio archive of the newc form."""

    def __init__(self):
        self.parts, self.names = [], set()

    def add(self, name, mode, content=b"", device=(0, 0)):
        if name in self.names:
            return
        parent = str(pathlib.PurePosixPath(name).parent)
        if parent != "." and name != "TRAILER!!!":
            self.add(parent, 0o040755)
        self.names.add(name)
        encoded = name.encode() + b"\0"
        fields = (len(self.names), mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(encoded), 0)
        header = b"070701" + b"".join(b"%08x" % field for field in fields) + encoded
        self.parts += [header, b"\0" * (-len(header) % 4), content, b"\0" * (-len(content) % 4)]

    def file(self, name, path, mode=0o100755):
        self.add(name, mode, pathlib.Path(path).read_bytes())

    def finish(self, path):
        self.add("TRAILER!!!", 0)
        path.write_bytes(b"".join(self.parts))


def libraries(program):
    """The shared libraries of a program, as (path in the guest, path here)."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    if "not a dynamic" in listed.stderr + listed.stdout:
        return []
    missing = re.findall(r"(\S+) => not found", listed.stdout)
    if listed.returncode or missing:
        raise SystemExit(f"guest: {program}: libraries not found: {missing or listed.stderr}")
    return re.findall(r"(/\S+) \(0x", listed.stdout)


def make_initramfs(jobs, path):
    busybox = shutil.which("busybox")
    if not busybox or libraries(busybox):
        raise SystemExit("guest: no static busybox (package busybox-static)")
    archive = Archive()
    archive.file("bin/busybox", busybox)
    archive.file("init", HERE / "init")
    archive.add("dev", 0o040755)
    archive.add("dev/console", 0o020600, device=(5, 1))
    lines = []
    for name, limit, command in jobs:
        program, *arguments = command.split()
        guest_path = f"bin/{pathlib.Path(program).name}"
        archive.file(guest_path, program)
        for library in libraries(program):
            archive.file(library.lstrip("/"), os.path.realpath(library))
        lines.append(" ".join([name, str(limit), "/" + guest_path, *arguments]))
    archive.add("jobs", 0o100644, "".join(line + "\n" for line in lines).encode())
    archive.finish(path)


def qemu_command(kernel, initramfs, token):
    command = [QEMU, "-accel", "tcg,thread=multi", "-machine", "q35,hpet=off",
               "-cpu", "max", "-smp", str(CPUS), "-m", str(MEMORY_MB),
               "-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio", "-monitor", "none",
               "-kernel", str(kernel), "-initrd", str(initramfs),
               "-append", "console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable "
               "rcupdate.rcu_expedited=1 cpu_init_udelay=0 " # unplugging takes half the time
               f"pendmap.guest={token}"]
    each, memory = CPUS // NODES, MEMORY_MB // NODES
    for node in range(NODES):
        command += ["-object", f"memory-backend-ram,id=m{node},size={memory}M", "-numa",
                    f"node,nodeid={node},cpus={node * each}-{node * each + each - 1},"
                    f"memdev=m{node}"]
    return command


def judge_tap(lines):
    """None, or what is wrong with a job's TAP."""
    plan, count, failed = None, 0, []
    for line in lines:
        if re.match(r"Bail out!", line):
            return line
        if match := re.match(r"1\.\.(\d+)", line):
            plan = int(match[1])
        elif re.match(r"(not )?ok\b", line):
            count += 1
            if line.startswith("not ok") and "# TODO" not in line:
                failed.append(line)
    if failed:
        return "; ".join(failed)
    if plan is None:
        return "no plan: the program did not come to its end"
    return None if plan == count and count else f"{count} results, planned {plan}"


class Transcript:
    """What came over the serial line, and what it means."""

    def __init__(self, token, jobs):
        self.mark = f"@{token} "
        self.wanted = [name for name, _, _ in jobs]
        self.verdicts = {}  # name -> None or what is wrong
        self.job, self.lines = None, []
        self.booted = self.done = False
        self.trouble = []

    def feed(self, line):
        """Takes one line in; returns what to show of it."""
        if TROUBLE.search(line):
            self.trouble.append(line)
        if not line.startswith(self.mark):
            if self.job:
                self.lines.append(line)
            return f"  {line}" if line and self.booted else None
        word, *rest = line[len(self.mark):].split()
        if word == "boot":
            self.booted = True
            return f"guest: {' '.join(rest)}"
        if word == "begin":
            self.job, self.lines = rest[0], []
            return f"guest: {self.job}"
        if word == "end":
            name, status = rest[0], int(rest[1])
            wrong = judge_tap(self.lines)
            if status:
                wrong = f"exit status {status}" + (f"; {wrong}" if wrong else "")
            self.verdicts[name] = wrong if name == self.job else "its end is another job's"
            self.job = None
            return None
        self.done = self.done or word == "done"
        return None

    def problems(self):
        found = [f"guest: {line}" for line in self.trouble]
        if not self.booted:
            return found + ["the guest did not come up"]
        for name in self.wanted:
            if name not in self.verdicts:
                found.append(f"{name}: did not end" if name == self.job else f"{name}: did not run")
            elif self.verdicts[name]:
                found.append(f"{name}: {self.verdicts[name]}")
        return found if self.done or found else ["the guest stopped before it was done"]


def run(command, transcript, limit, log):
    """Runs the guest to its end or the limit. Returns None or what stopped it."""
    deadline = time.monotonic() + limit
    guest = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT)
    pending = b""
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(guest.stdout, selectors.EVENT_READ)
            while True:
                left = deadline - time.monotonic()
                if left <= 0:
                    return f"not done after {limit} s"
                if not selector.select(left):
                    continue
                data = os.read(guest.stdout.fileno(), 65536)
                log.write(data)
                pending += data
                *whole, pending = pending.split(b"\n")
                for line in whole if data else [*whole, pending]:
                    shown = transcript.feed(line.decode(errors="replace").strip("\r"))
                    if shown is not None:
                        print(shown, flush=True)
                if not data:
                    return None
    finally:
        guest.kill()
        guest.wait()


def self_test():
    """What must not pass does not."""
    good = ["@t boot x", "@t begin a", "ok 1 - x", "1..1", "@t end a 0", "@t done"]

    def problems(lines):
        transcript = Transcript("t", [("a", 1, "a")])
        for line in lines:
            transcript.feed(line)
        return transcript.problems()

    assert not problems(good)
    for at in range(len(good)):
        assert problems(good[:at] + good[at + 1:]), f"without line {at}"
        assert at == 0 or problems(good[:at]), f"cut before line {at}"
    for at, line in ((2, "not ok 1 - x"), (3, "1..2"), (4, "@t end a 77"), (4, "@u end a 0"),
                     (4, "@t end b 0"), (2, "Bail out! x"), (5, "Kernel panic - x")):
        assert problems(good[:at] + [line] + good[at + 1:]), line
    print("guest: self-test passed")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--kernel", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--limit", type=int, default=300)
    parser.add_argument("jobs", nargs="*", metavar="NAME=SECONDS=COMMAND")
    options = parser.parse_args()
    if options.self_test:
        return self_test()
    if not options.kernel or not options.work or not options.jobs or not shutil.which(QEMU):
        parser.error(f"--kernel, --work, a job and {QEMU} are needed")
    jobs = [(name, int(limit), command) for name, limit, command in
            (job.split("=", 2) for job in options.jobs)]
    options.work.mkdir(parents=True, exist_ok=True)
    initramfs, token = options.work / "initramfs.cpio", secrets.token_hex(8)
    make_initramfs(jobs, initramfs)
    transcript, began = Transcript(token, jobs), time.monotonic()
    with open(options.work / "serial.log", "wb") as log:
        stopped = run(qemu_command(options.kernel, initramfs, token), transcript, options.limit,
                      log)
    problems = transcript.problems() + ([stopped] if stopped else [])
    for problem in problems:
        print(f"guest: FAILED: {problem}")
    print(f"guest: {len(jobs)} jobs, {len(problems)} problems, {time.monotonic() - began:.1f} s")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
