# SPDX-License-Identifier: MIT
"""Runs the fuzzers, and keeps what they found worth keeping.

    fuzz.py run --programs DIR [--seconds N] [--least N] [--seed N] [--only TARGET]
    fuzz.py keep --programs DIR       after a run: the smallest set that reaches as much, packed
    fuzz.py unpack PACK DIR           the inputs of a pack as files

A run begins with the kept inputs and works in DIR/work. It fails when a target fails, which leaves
the input there, or when fewer than --least sequences were played.
"""
import argparse
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import time

MAGIC = b"FUZZPACK"
HERE = pathlib.Path(__file__).resolve().parent
# Of the time; the sequences have the most. Lengths: short inputs say as much, and are faster.
SHARES = {"sequences": 85, "sizes": 3, "system": 2, "trace": 3, "document": 4, "flame": 3}
LENGTHS = {"sequences": 64, "sizes": 96, "system": 64, "trace": 512, "document": 4096,
           "flame": 512}
KEPT_MOST = 64 * 1024  # bytes of one pack


def unpack(pack, folder):
    data = pathlib.Path(pack).read_bytes()
    folder.mkdir(parents=True, exist_ok=True)
    at, count = len(MAGIC), 0
    assert data.startswith(MAGIC), pack
    while at < len(data):
        size, = struct.unpack_from("<I", data, at)
        (folder / f"kept-{count:04}").write_bytes(data[at + 4:at + 4 + size])
        at, count = at + 4 + size, count + 1
    return count


def pack(folder, path):
    inputs = sorted((file.read_bytes() for file in folder.iterdir()), key=lambda b: (len(b), b))
    data = MAGIC
    count = 0
    for bytes_ in inputs:
        if len(data) + 4 + len(bytes_) > KEPT_MOST:
            break
        data += struct.pack("<I", len(bytes_)) + bytes_
        count += 1
    path.write_bytes(data)
    return count, len(inputs)


def targets(programs):
    return [name for name in SHARES if (programs / f"fuzzer_{name}").exists()]


def arguments_for(name, seconds, seed, worker):
    return [f"-max_total_time={seconds}", f"-max_len={LENGTHS[name]}", f"-seed={seed + worker}",
            "-entropic=0", "-use_counters=0", "-reload=0", "-print_final_stats=1", "-timeout=20",
            "-rss_limit_mb=2048", f"-artifact_prefix={name}-"]


def reason(text):
    """What there is to know of a failure: what was said, where, and which input."""
    lines = text.splitlines()
    said = [at for at, line in enumerate(lines)
            if re.search(r"Bail out!|runtime error|ERROR: |Test unit written", line)]
    if not said:
        return "\n".join(lines[-20:])
    kept = [line for line in lines[said[0]:said[0] + 30] if "/" in line or "Bail" in line]
    return "\n".join(kept + lines[said[-1]:said[-1] + 1])


def play(programs, name, seconds, seed, workers):
    """Runs one target in several processes. Returns how many inputs, and what failed."""
    work = programs / "work"
    running = []
    for worker in range(workers):
        corpus = work / f"{name}.{worker}"
        if not corpus.exists() and (HERE / "corpus" / f"{name}.pack").exists():
            unpack(HERE / "corpus" / f"{name}.pack", corpus)
        corpus.mkdir(parents=True, exist_ok=True)
        log = open(work / f"{name}.{worker}.log", "w+", errors="replace")
        options = os.environ.get("ASAN_OPTIONS", "")
        environment = dict(os.environ, ASAN_OPTIONS=options + ":quarantine_size_mb=8")
        running.append((log, subprocess.Popen(
            [programs / f"fuzzer_{name}", corpus, *arguments_for(name, seconds, seed, worker)],
            cwd=work, stdout=log, stderr=subprocess.STDOUT, env=environment)))
    inputs, failures = 0, []
    for log, process in running:
        status = process.wait()
        log.seek(0)
        text = log.read()
        log.close()
        done = re.search(r"number_of_executed_units:\s*(\d+)", text)
        inputs += int(done.group(1)) if done else 0
        if status or not done:
            failures.append(reason(text))
    return inputs, failures


def run(options):
    programs = options.programs.resolve()
    names = [name for name in targets(programs) if options.only in (None, name)]
    if not names:
        sys.exit(f"no fuzzer is in {programs}")
    shutil.rmtree(programs / "work", ignore_errors=True)
    (programs / "work").mkdir()
    workers = len(os.sched_getaffinity(0))
    whole = sum(SHARES[name] for name in names)
    print(f"# seed {options.seed}, {workers} at a time", flush=True)
    failed, sequences = False, 0
    for place, name in enumerate(names, 1):
        seconds = max(2, options.seconds * SHARES[name] // whole)
        inputs, failures = play(programs, name, seconds, options.seed, workers)
        sequences += inputs if name == "sequences" else 0
        for text in failures:
            print(re.sub(r"(?m)^", "# ", text))
        failed = failed or bool(failures)
        print(f"{'not ok' if failures else 'ok'} {place} - {name}: {inputs} inputs in {seconds} s",
              flush=True)
    print(f"1..{len(names)}")
    if sequences < options.least:
        failed = True
        print(f"# {sequences} sequences, and {options.least} are asked for")
    return 1 if failed else 0


def keep(options):
    programs = options.programs.resolve()
    for name in targets(programs):
        found = [path for path in (programs / "work").glob(f"{name}.[0-9]*") if path.is_dir()]
        if not found:
            continue
        least = programs / "work" / f"{name}.least"
        shutil.rmtree(least, ignore_errors=True)
        least.mkdir()
        subprocess.run([programs / f"fuzzer_{name}", "-merge=1", "-max_len=4096", least, *found],
                       cwd=programs / "work", check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        kept, all_ = pack(least, HERE / "corpus" / f"{name}.pack")
        print(f"{name}: {kept} of {all_} inputs kept")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("run", "keep"):
        command = commands.add_parser(name)
        command.add_argument("--programs", type=pathlib.Path, required=True)
    command = commands.choices["run"]
    command.add_argument("--seconds", type=int, default=60)
    command.add_argument("--least", type=int, default=0)
    command.add_argument("--seed", type=int, default=int(time.time()) % 1000000 + 1)
    command.add_argument("--only", choices=sorted(SHARES))
    command = commands.add_parser("unpack")
    command.add_argument("pack")
    command.add_argument("folder", type=pathlib.Path)
    options = parser.parse_args()
    if options.command == "unpack":
        print(unpack(options.pack, options.folder), "inputs")
        return 0
    return run(options) if options.command == "run" else keep(options)


if __name__ == "__main__":
    sys.exit(main())
