#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutants_fuzz.py - plants faults in the library, one at a time, and runs the fuzzer of sequences,
whose model must disagree with it before a number of runs is over.

It begins as ./dev fuzz does, with the kept inputs, and with the same options. A crash that no check
asked for, and running out of time, do not count. tests/mutants/planted.py says how a mutant is
judged, and how this is called; exit 77 without clang and its fuzzer runtime too.
"""
import pathlib
import subprocess
import sys
import tempfile

from planted import SKIPPED, Mutant, Suite, Test, main

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/fuzz"))
import fuzz  # pylint: disable=wrong-import-position

COMPILER, RUNS, PLAIN_RUNS = "clang", 100000, 5000
COVERAGE = "coverage=inline-8bit-counters,pc-table"
# As in the preset fuzz; the sources of the model are not what is to be covered.
FLAGS = ("-O2", "-DPENDI_SMALL", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
         f"-fsanitize-{COVERAGE}")
OWN, LINK = (f"-fno-sanitize-{COVERAGE}",), ("-fsanitize=fuzzer",)
LIBRARY = ("platform/*.c", "epoch/[!u]*.c", "engine/*/*.c")

MUTANTS = tuple(Mutant(*m, "fuzzer_sequences") for m in (
    ("half a map is left when an allocation fails", "no leak", "engine/map/map.c",
     "fail_tally:\n	pendi_pool_fini(&map->reruns, allocator);\n", "fail_tally:\n"),
    ("the key is free before its completion is told", "unique", "engine/map/complete.c",
     "	if (map->on_complete)\n		tell(map, slot, word);\n	if (map->key_size)\n"
     "		pendi_index_remove(&map->index, slot);\n",
     "	if (map->key_size)\n		pendi_index_remove(&map->index, slot);\n"
     "	if (map->on_complete)\n		tell(map, slot, word);\n"),
    ("a moved deadline is ignored", "C", "engine/map/deadline.c",
     "	if (map->engine)\n		pendi_map_look_by(map, slot, "
     "effective_due(map, at, due_after));\n", "	(void)due_after;\n"),
    ("decided twice", "A", "engine/slot/word.h",
     "					    0, PENDI_DUTY_NONE };\n"
     "	case PENDI_SLOT_COMPLETING:\n		return pendi_step_refuse(word, -EALREADY);\n",
     "					    0, PENDI_DUTY_NONE };\n"
     "	case PENDI_SLOT_COMPLETING:\n"
     "		return pendi_step_decide(word, verdict, origin);\n"),
    ("a refusal is not counted", "I", "engine/map/pend.c",
     "		pendi_tally_add(&map->tally, PENDI_COUNT_REFUSED_KEY, 1);\n", ""),
    ("bytes and share are not given back", "D", "engine/map/pend.c",
     "	if (error)\n		pendi_map_dismiss(map, &admission);\n	else\n", "	if (!error)\n"),
    ("a re-run whose hint found the queue full is nobody's", "C", "engine/map/deadline.c",
     "		pendi_map_serve_from(map, slot, pass->shard); /* not over: its program runs */\n", ""),
))


def has_fuzzer():
    try:
        return subprocess.run(
            [COMPILER, "-fsanitize=fuzzer", "-x", "c", "-", "-o", "/dev/null"], check=False,
            input="int LLVMFuzzerTestOneInput(const char *d, long n) { return n && !d; }",
            capture_output=True, text=True).returncode == 0
    except FileNotFoundError:
        return False


def suite(kept):
    """@kept: a folder for the kept inputs."""
    fuzz.unpack(ROOT / "tests/fuzz/corpus/sequences.pack", kept)
    inputs = kept / "list"
    inputs.write_text(",".join(str(path) for path in sorted(kept.glob("kept-*"))))
    options = (f"-max_len={fuzz.LENGTHS['sequences']} -entropic=0 -use_counters=0 -timeout=20 "
               f"-rss_limit_mb=2048 -exact_artifact_path=/dev/null -seed_inputs=@{inputs}")
    sources = sorted((ROOT / "tests/fuzz/sequences").glob("*.c"))
    test = Test(tuple(path.relative_to(ROOT).as_posix() for path in sources), FLAGS,
                f"-runs={RUNS} -seed={{seed}} {options}", attempts=2, own=OWN, link=LINK,
                plain=f"-runs={PLAIN_RUNS} -seed=1 {options}")
    return Suite("engine", LIBRARY, {"fuzzer_sequences": test}, MUTANTS)


def run():
    if not has_fuzzer():
        print(f"{COMPILER} or its fuzzer runtime is not installed")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="pend-kept-") as kept:
        return main(suite(pathlib.Path(kept)), COMPILER)


if __name__ == "__main__":
    sys.exit(run())
