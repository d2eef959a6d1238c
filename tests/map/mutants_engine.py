#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutants_engine.py - plants faults that break a guarantee of maps in an engine, and runs the
torture test of that letter (torture_engine), which must notice.

Each mutant is an exact piece of source text and what takes its place. It counts as killed if a check
of the test fails, or the thread sanitizer reports a race where that is asked for; running out of
time does not count (another seed is tried), nor does a mutant that does not compile. The test waits
for less long than usual before it calls something lost. The library is compiled with the atomics of
tests/support/chaos_oracle.h, which let other threads in.

Usage: mutants_engine.py ROOT [--compiler CC] [--only PATTERN] [--jobs N] [--list]
Exit 0 if every mutant was killed, 1 if not.
"""
import argparse
import collections
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile
import time

TIMEOUT_S, ATTEMPTS = 60, 6
FLAGS = ["-std=c17", "-D_GNU_SOURCE", "-O1", "-w", "-pthread", "-DBOUND_NS=8000000000ull"]
FLAVOURS = {
    "chaos": ['-DPENDI_ATOMIC_BACKEND="tests/support/chaos_oracle.h"'],
    "tsan": ["-fsanitize=thread", "-g"],
}
BELOW = ("platform", "epoch")
WITHOUT = ("epoch/urcu.c",)
TESTS = [f"tests/map/torture_engine{part}.c"
         for part in ("", "_once", "_fence", "_expiry", "_hostage", "_stop")]
ROUNDS = {"A": 6000, "B": 6000, "C": 1000, "E": 4000, "F": 4000}

WORD = "engine/slot/word.h"
SERVE, COMPLETE, DEADLINE, CONTROL, FRAME, OWNER, RERUN, PEND, GATE = (
    f"engine/map/{name}.c" for name in ("serve", "complete", "deadline", "control", "frame",
                                        "owner", "rerun", "pend", "gate"))
WINDOWS, MONITOR, SESSION = ("engine/shard/serve.c", "engine/shard/monitor.c",
                              "engine/session/session.c")

Mutant = collections.namedtuple("Mutant", "name guarantee file old new flavour",
                                defaults=("chaos",))

MUTANTS = [Mutant(*m) for m in (
    # A: exactly once.
    ("a claim is a load and a store", "A", SERVE,
     "	} while (!pendi_cas_acq_rel(&at->word, &word, step.word, SL3, SL3));\n"
     "	if (step.duty == PENDI_DUTY_RERUN) {",
     "	} while (0);\n	pendi_store_release(&at->word, step.word, SL3);\n"
     "	if (step.duty == PENDI_DUTY_RERUN) {"),
    ("the decision is a load and a store", "A", COMPLETE,
     "	} while (!pendi_cas_acq_rel(&at->word, &word, step->word, SL1, SL3));",
     "	} while (0);\n	pendi_store_release(&at->word, step->word, SL3);"),
    ("what is claimed is claimed again", "A", WORD,
     "	if (word & (PENDI_WORD_CLAIMED | PENDI_WORD_FRAME))",
     "	if (word & PENDI_WORD_FRAME)"),
    ("the generation stays when a slot is freed", "A", WORD,
     "PENDI_ALWAYS_INLINE uint64_t pendi_word_finish(uint64_t word)\n{\n"
     "	return pendi_word_next_generation(word);",
     "PENDI_ALWAYS_INLINE uint64_t pendi_word_finish(uint64_t word)\n{\n"
     "	return word & PENDI_WORD_GENERATION_MASK;"),
    ("a lost session takes what is not its own", "A", OWNER,
     "		if (!pendi_word_is_live(word) || pendi_load_acquire(&at->owner, SL2) != owner)\n",
     "		(void)owner;\n		if (!pendi_word_is_live(word))\n"),
    ("a decision during a re-run is overwritten", "A", RERUN,
     "	} while (!pendi_cas_acq_rel(&at->word, &word, step.word, SL3, SL1));",
     "	} while (0);\n	pendi_store_release(&at->word, step.word, SL1);"),
    ("whoever owns it may be decided by anybody", "A", COMPLETE,
     "	       pendi_load_acquire(&slot->owner, SL2) != owner;",
     "	       owner && pendi_load_acquire(&slot->owner, SL2) != owner;"),
    # B: exact fence.
    ("it is claimed although its frame is open", "B", WORD,
     "	if (word & (PENDI_WORD_CLAIMED | PENDI_WORD_FRAME))",
     "	if (word & PENDI_WORD_CLAIMED)"),
    ("it is run again although its frame is open", "B", WORD,
     "	if (word & PENDI_WORD_FRAME)\n"
     "		return (struct pendi_step){ word | PENDI_WORD_REQ, 0, PENDI_DUTY_NONE };\n",
     "	word &= ~PENDI_WORD_FRAME;\n"),
    ("what is decided during a re-run is finished during it", "B", WORD,
     "		word &= ~PENDI_WORD_STAGED_MASK;\n		return (struct pendi_step){ word | ",
     "		return pendi_step_decide(word & ~PENDI_WORD_CLAIMED, verdict, origin);\n"
     "		return (struct pendi_step){ word | "),
    ("SL3: the frame's end releases nothing", "B", FRAME,
     "pendi_cas_acq_rel(&at->word, &word, step.word, SL3, SL3)",
     "pendi_cas_relaxed(&at->word, &word, step.word)", "tsan"),
    ("SL3: a claim acquires nothing", "B", SERVE,
     "	} while (!pendi_cas_acq_rel(&at->word, &word, step.word, SL3, SL3));\n"
     "	if (step.duty == PENDI_DUTY_RERUN) {",
     "	} while (!pendi_cas_relaxed(&at->word, &word, step.word));\n"
     "	if (step.duty == PENDI_DUTY_RERUN) {", "tsan"),
    # C: bounded completion.
    ("a look leaves what is decided", "C", DEADLINE,
     "	case PENDI_SLOT_COMPLETING:\n		pendi_map_serve_from(map, slot, pass->shard);\n",
     "	case PENDI_SLOT_COMPLETING:\n"),
    ("a full queue forgets what was decided", "C", SERVE,
     "	pendi_map_look_by(map, slot, 0);\n", "	(void)slot;\n"),
    ("a short life is not armed", "C", PEND,
     "pendi_load_relaxed(&at->timed) == PENDI_TIMED_IN && life >= map->cover_ns))",
     "pendi_load_relaxed(&at->timed) == PENDI_TIMED_IN))"),
    ("a look forgets the deadline that is near", "C", DEADLINE,
     "	return look_tick(map, due_ns, pass->now->now_ns);", "	return pass->later;"),
    ("a deadline comes early", "C", DEADLINE,
     "		if (due_ns > pass->now->now_ns)",
     "		if (due_ns > pass->now->now_ns + 500000)"),
    # E: no hostage.
    ("a stalled executor keeps its shard", "E", MONITOR,
     "		give_stalled(shard, now_ns);\n", "		(void)give_stalled;\n"),
    ("a window is taken out before it is served", "E", WINDOWS,
     "	for (uint32_t i = 0; i < window.count; i++) {\n"
     "		client = item_client(visitor, window.items[i]);\n"
     "		if (PENDI_LIKELY(client != NULL))\n"
     "			client->prefetch(",
     "	pendi_queue_advance(&shard->queue, &window);\n"
     "	for (uint32_t i = 0; i < window.count; i++) {\n"
     "		client = item_client(visitor, window.items[i]);\n"
     "		if (PENDI_LIKELY(client != NULL))\n"
     "			client->prefetch("),
    ("a decision takes a lock", "E", COMPLETE,
     "	} while (!pendi_cas_acq_rel(&at->word, &word, step->word, SL1, SL3));",
     "	} while (!({\n"
     "		static _Atomic uint32_t lock;\n		uint32_t open = 0;\n"
     "		while (!pendi_cas_acquire(&lock, &open, 1, SL1))\n			open = 0;\n"
     "		for (uint32_t i = 0; i < 16; i++)\n			(void)pendi_load_relaxed(&at->word);\n"
     "		bool done = pendi_cas_acq_rel(&at->word, &word, step->word, SL1, SL3);\n"
     "		pendi_store_release(&lock, 0, SL3);\n		done;\n	}));"),
    ("a pend waits for room in its session's ring", "E", SESSION,
     "	else if (PENDI_UNLIKELY((ticket->notice = pendi_ring_reserve(&seat->ring)) ==\n"
     "				PENDI_RING_NONE))\n"
     "		error = seat_refuse(&seat->full_refusals, -ENOBUFS);",
     "	else\n		while ((ticket->notice = pendi_ring_reserve(&seat->ring)) ==\n"
     "		       PENDI_RING_NONE)\n			;"),
    # F: synchronous stop.
    ("a stop does not wait for who is inside", "F", GATE,
     "	for (uint32_t row = 0; row < limit && !error; row++) {",
     "	for (uint32_t row = limit; row < limit && !error; row++) {"),
    ("a stop does not wait for what is decided", "F", CONTROL,
     "	return wait_for_all(map, begin_ns, timeout_ns);",
     "	(void)wait_for_all;\n	return 0;"),
    ("a pend does not ask whether the map is open", "F", PEND,
     "	if (PENDI_UNLIKELY(!pendi_map_is_open(map)))\n		return refuse_closed(map);\n"
     "	error = ", "	(void)refuse_closed;\n	error = "),
    ("an asynchronous stop takes what was pended later", "F", CONTROL,
     "		drain->next = slot;\n",
     "		drain->next = slot;\n		if (pendi_word_is_live(word))\n"
     "			(void)pendi_map_complete(map, pendi_handle_make(word, slot),\n"
     "				PEND_ACTION_BLOCK, PEND_ORIGIN_DRAIN);\n"),
    ("an engine's state does not count", "F", CONTROL,
     "			      own && (!map->engine || pendi_engine_enabled(map->engine)));",
     "			      own);"),
    ("a slot is free before its completion is counted", "F", COMPLETE,
     "	pendi_tally_add(&map->tally, PENDI_COUNT_BY_ORIGIN + pendi_word_origin(word), 1);\n"
     "	pendi_slot_free(pendi_map_slot(map, slot), word);\n",
     "	pendi_slot_free(pendi_map_slot(map, slot), word);\n"
     "	pendi_tally_add(&map->tally, PENDI_COUNT_BY_ORIGIN + pendi_word_origin(word), 1);\n"),
)]


class Workshop:
    """What lies below the engine, and the test, compiled once; the engine anew for each mutant."""

    def __init__(self, root, compiler, flavour, place):
        self.root, self.flags, self.place = root, [*FLAGS, *FLAVOURS[flavour]], place
        self.compiler, self.flavour = compiler, flavour
        place.mkdir()
        self.unit = place / "engine_unit.c"
        self.unit.write_text("".join(f'#include "{p.relative_to(root).as_posix()}"\n'
                                     for p in sorted(root.glob("engine/*/*.c"))))
        self.objects = []

    def compile(self, source, target, over=None):
        """None, or what the compiler says. @over: a folder that is looked into first."""
        first = [f"-I{over}"] if over else []
        done = subprocess.run([self.compiler, *self.flags, *first, f"-I{self.root}",
                               f"-I{self.root}/include", "-c", str(source), "-o", str(target)],
                              check=False, capture_output=True, text=True)
        return done.stderr if done.returncode else None

    def prepare(self, jobs):
        sources = [p for folder in BELOW for p in sorted((self.root / folder).glob("*.c"))
                   if p.relative_to(self.root).as_posix() not in WITHOUT]
        sources += [self.root / name for name in TESTS]
        targets = [self.place / (s.relative_to(self.root).as_posix().replace("/", "_") + ".o")
                   for s in sources]
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for said in pool.map(self.compile, sources, targets):
                if said:
                    raise SystemExit(said)
        self.objects = targets

    def build(self, mutant, name):
        """The program, and None or why there is none. @mutant None: the library as it is."""
        over, target, program = (self.place / (name + end) for end in (".over", ".o", ".program"))
        if mutant:
            text = (self.root / mutant.file).read_text()
            if text.count(mutant.old) != 1:
                return program, f"its text occurs {text.count(mutant.old)} times in {mutant.file}"
            (over / mutant.file).parent.mkdir(parents=True)
            (over / mutant.file).write_text(text.replace(mutant.old, mutant.new))
        said = self.compile(self.unit, target, over)
        if said:
            return program, "it does not compile: " + said.split("\n")[0]
        linking = [f for f in self.flags if not f.startswith("-D")]
        done = subprocess.run([self.compiler, *linking, *map(str, self.objects), str(target),
                               "-o", str(program)], check=False, capture_output=True, text=True)
        return program, done.stderr.split("\n")[0] if done.returncode else None


def run_test(program, guarantee, seed):
    """(a check failed, or a race was seen; what was said)."""
    command = [str(program), "--rounds", str(ROUNDS[guarantee]), "--only", guarantee + " ",
               "--seed", str(seed)]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True,
                              timeout=TIMEOUT_S, env={"TSAN_OPTIONS": "halt_on_error=1"})
    except subprocess.TimeoutExpired:
        return False, "ran out of time"
    said = [re.sub(r"/\S*/", "", line) for line in (done.stdout + done.stderr).split("\n")
            if "Bail out" in line or line.startswith("not ok") or "WARNING: Thread" in line]
    return done.returncode != 0 and bool(said), said[0] if said else f"status {done.returncode}"


def judge(shops, number, mutant):
    begin = time.monotonic()
    program, said = shops[mutant.flavour].build(mutant, f"mutant{number}")
    if said:
        return False, said, time.monotonic() - begin
    killed = False
    for attempt in range(ATTEMPTS):
        killed, said = run_test(program, mutant.guarantee, 1000 * number + attempt + 1)
        if killed:
            break
    return killed, said, time.monotonic() - begin


def passes_unchanged(shop, letters):
    program, said = shop.build(None, "unchanged")
    if said:
        raise SystemExit(said)
    for letter in sorted(letters):
        failed, said = run_test(program, letter, 1)
        if failed or said != "status 0":
            print(f"the unchanged library fails {letter}: {said}")
            return False
    return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--compiler", default="cc")
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--list", action="store_true")
    given = parser.parse_args()
    has_tsan = subprocess.run([given.compiler, "-fsanitize=thread", "-x", "c", "-", "-o",
                               "/dev/null"], input="int main(void) { return 0; }", check=False,
                              text=True, capture_output=True).returncode == 0
    chosen = [m for m in MUTANTS
              if re.search(given.only, f"{m.guarantee} {m.name}") and
              (has_tsan or m.flavour != "tsan")]
    if given.list:
        print("\n".join(f"{m.guarantee:3} {m.file:26} {m.name}" for m in chosen))
        return 0
    killed = 0
    with tempfile.TemporaryDirectory(prefix="pend-mutants-") as place:
        shops = {}
        for flavour in sorted({m.flavour for m in chosen}):
            shops[flavour] = Workshop(given.root.resolve(), given.compiler, flavour,
                                      pathlib.Path(place) / flavour)
            shops[flavour].prepare(given.jobs)
            if not passes_unchanged(shops[flavour],
                                    {m.guarantee for m in chosen if m.flavour == flavour}):
                return 1
        with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
            for mutant, (dead, said, seconds) in zip(chosen, pool.map(
                    lambda pair: judge(shops, *pair), enumerate(chosen, 1))):
                killed += dead
                print(f"{'killed' if dead else 'SURVIVED'}: [{mutant.guarantee}] {mutant.name} "
                      f"({seconds:.1f} s; torture_engine {mutant.guarantee}: {said})", flush=True)
    print(f"killed {killed} of {len(chosen)}")
    return 0 if chosen and killed == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
