#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run.py - plants faults in engine/slot and engine/index, one at a time, and runs the test that
must notice.

Each mutant is an exact piece of source text and what takes its place. The sources are copied to a
scratch folder, the mutant is applied, what depends on it is compiled again with the test that must
fail, and that test is run. A mutant counts as killed if the test ends by itself with a failure;
one that only runs out of time, or does not compile, does not count. Many of the faults need a
thread to stop at the wrong moment, so the tests are built with the atomics of
tests/support/chaos_oracle.h, which yield before some accesses. Mutants that weaken a memory order
are built with the thread sanitizer instead (where the compiler has none, they are left out), and
mutants that leave a fence out natively.

Usage: run.py ROOT [--compiler CC] [--only PART-OF-NAME] [--jobs N] [--list]
Exit 0 if every mutant that is required was killed, 1 if not.
"""
import argparse
import concurrent.futures
import dataclasses
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

TIMEOUT_S, ATTEMPTS = 40, 3
FLAGS = ["-std=c17", "-D_GNU_SOURCE", "-O1", "-w", "-pthread"]
FLAVOURS = {
    "chaos": ['-DPENDI_ATOMIC_BACKEND="tests/support/chaos_oracle.h"'],
    "native": ["-O2"],                    # for fences: what the CPU itself reorders
    "tsan": ["-fsanitize=thread", "-g"],  # for orders that are too weak
}
FOLDERS = ("platform", "epoch", "engine/slot", "engine/index")
WITHOUT = ("epoch/urcu.c",)
TESTS = {
    "pool": ["tests/slot/torture_pool.c"],
    "index": ["tests/index/torture_index.c"],
    "far": ["tests/index/test_far.c"],
    "word": [f"tests/slot/{name}.c" for name in
             ("test_word_exhaustive", "word_states", "word_model", "word_look", "word_contest",
              "word_mutants")],
}


@dataclasses.dataclass
class Mutant:
    name: str
    guarantee: str  # a letter of docs/guarantees.md, or "unique": one holder for each key
    file: str
    old: str
    new: str
    test: str
    arguments: str
    beyond: str = ""  # why no run here need show it
    flavour: str = "chaos"  # how it is built


CHANCE = "by chance: a store must linger in its CPU while another looks"
POOL, INDEX = "engine/slot/pool.c", "engine/index/insert.c"
POOL_H, POCKET_H = "engine/slot/pool.h", "engine/slot/pocket.h"
WORD, FILL, FIND, BUCKET = ("engine/slot/word.h", "engine/slot/fill.h", "engine/index/index.c",
                            "engine/index/bucket.c")

MUTANTS = [
    # The pool: guarantee D.
    Mutant("a put does not tell who is proving that there is nothing", "D", POOL_H,
           "	if (PENDI_UNLIKELY((full & PENDI_FULL_STATE) != PENDI_FULL_OPEN))\n"
           "		pendi_pool_tell(pool, full, head);",
           "	(void)full; (void)head;", "pool", "--rounds 400000"),
    Mutant("a put in a pocket does not tell", "D", POOL_H,
           "	if (PENDI_UNLIKELY((full & PENDI_FULL_STATE) != PENDI_FULL_OPEN))\n"
           "		pendi_pool_tell_of_pocket(pool);",
           "	(void)full;", "pool", "--rounds 3000000 --only pockets"),
    Mutant("no second look before FULL", "D", POOL,
           "		slot = steal(pool, magazine);\n"
           "		if (slot != PENDI_SLOT_NONE)\n			return slot;\n"
           "		/* relaxed: success",
           "		(void)slot; (void)steal;\n		/* relaxed: success", "pool",
           "--rounds 400000"),
    Mutant("refused after one look, without a proof", "D", POOL,
           "return slot != PENDI_SLOT_NONE ? slot : prove_empty(pool, magazine);",
           "(void)prove_empty; return slot;", "pool", "--rounds 1000000"),
    Mutant("FULL although the sequence moved on", "D", POOL,
           "		if (pendi_cas_relaxed(&pool->full, &full,\n"
           "				      (full & ~(uint64_t)PENDI_FULL_STATE) | "
           "PENDI_FULL_FULL))\n			return PENDI_SLOT_NONE;",
           "		pendi_store_relaxed(&pool->full,\n"
           "				      (full & ~(uint64_t)PENDI_FULL_STATE) | "
           "PENDI_FULL_FULL);\n		return PENDI_SLOT_NONE;",
           "pool", "--rounds 1000000"),
    Mutant("the sequence number stays", "D", POOL,
           "				      ((full & ~(uint64_t)PENDI_FULL_STATE) | "
           "PENDI_FULL_SCARCE) +\n					      PENDI_FULL_SEQUENCE_ONE))",
           "				      ((full & ~(uint64_t)PENDI_FULL_STATE) | "
           "PENDI_FULL_SCARCE)))", "pool",
           "--rounds 60000000 --only crowd"),
    Mutant("a head's tag stays when it is pushed (ABA)", "D", POOL_H,
           "return ((head & ~PENDI_SLOT_MASK) + PENDI_SLOT_MASK + 1) | slot;",
           "return (head & ~PENDI_SLOT_MASK) | slot;", "pool", "--rounds 2000000"),
    Mutant("thieves leave the last magazine out", "D", POOL,
           "for (uint32_t i = 0; i < pool->count; i++) {\n		const uint32_t victim",
           "for (uint32_t i = 0; i + 1 < pool->count; i++) {\n		const uint32_t victim",
           "pool", "--rounds 400000"),
    Mutant("thieves leave pockets out", "D", POOL,
           "return slot != PENDI_SLOT_NONE ? slot : steal_pockets(pool);",
           "(void)steal_pockets; return slot;", "pool", "--rounds 1000000 --only pockets"),
    Mutant("a bunch loses its last slot", "D", POOL,
           "for (uint32_t i = count; i-- > 1;)", "for (uint32_t i = count; i-- > 2;)", "pool",
           "--rounds 400000 --only bunches"),
    Mutant("an owner takes the last slot of its pocket unasked", "D", POCKET_H,
           "	if (top != bottom || !pendi_cas_relaxed(&pocket->top, &top, top + 1))",
           "	if (top != bottom || (pendi_store_relaxed(&pocket->top, top + 1), false))",
           "pool", "--rounds 3000000 --only pockets"),
    Mutant("a pocket's owner does not look at top again", "D", POCKET_H,
           "	/* relaxed, both: PK1 orders top; the ring is the owner's own writing. */\n"
           "	top = pendi_load_relaxed(&pocket->top);\n",
           "", "pool", "--rounds 3000000 --only pockets"),
    # The word: guarantees A and B.
    Mutant("the generation stays when the slot is freed", "A", WORD,
           "PENDI_ALWAYS_INLINE uint64_t pendi_word_finish(uint64_t word)\n{\n"
           "	return pendi_word_next_generation(word);",
           "PENDI_ALWAYS_INLINE uint64_t pendi_word_finish(uint64_t word)\n{\n"
           "	return word & PENDI_WORD_GENERATION_MASK;", "index", "--rounds 1000000"),
    Mutant("the generation stays, judged by the model", "A", WORD,
           "PENDI_ALWAYS_INLINE uint64_t pendi_word_finish(uint64_t word)\n{\n"
           "	return pendi_word_next_generation(word);",
           "PENDI_ALWAYS_INLINE uint64_t pendi_word_finish(uint64_t word)\n{\n"
           "	return word & PENDI_WORD_GENERATION_MASK;", "word", "--only model"),
    Mutant("generation 0 is used", "A", WORD, "return next ? next : PENDI_WORD_GENERATION_ONE;",
           "return next;", "word", "--only states"),
    Mutant("a frame does not defer the completion", "B", WORD,
           "next & PENDI_WORD_FRAME ? PENDI_DUTY_NONE : PENDI_DUTY_FINISH", "PENDI_DUTY_FINISH",
           "word", "--only model"),
    Mutant("a re-run's end forgets what was decided", "A", WORD,
           "	if (pendi_word_verdict(word))\n		return pendi_step_decide(word, "
           "pendi_word_verdict(word), pendi_word_origin(word));\n",
           "", "word", "--only model"),
    Mutant("a completion does not ask for the generation", "A", WORD,
           "	if (!pendi_word_same_generation(word, handle))\n"
           "		return pendi_step_refuse(word, -ENOENT);\n"
           "	switch (pendi_word_state(word)) {\n	case PENDI_SLOT_PENDING:\n"
           "		return pendi_step_decide",
           "	switch (pendi_word_state(word)) {\n	case PENDI_SLOT_PENDING:\n"
           "		return pendi_step_decide", "index", "--rounds 1000000"),
    # The index: one holder for each key, found while it is held.
    Mutant("no scan after the announcement", "unique", INDEX,
           "		if (!PENDI_LIKELY(alone(index, home, tag) &&",
           "		(void)alone;\n		if (!PENDI_LIKELY(", "index", "--rounds 400000"),
    Mutant("alone without a look at the reach", "unique", INDEX,
           "	return !(match & (match - 1)) &&\n"
           "	       pendi_home_reach(pendi_load_acquire(&line->home, IX3)) == 0;",
           "	return !(match & (match - 1));", "index", "--rounds 4000000 --only home"),
    Mutant("the favourite wins without a second scan", "unique", INDEX,
           "	const struct rivals again = look(index, key, seen->first);",
           "	const struct rivals again = *seen;", "index", "--rounds 4000000 --only key"),
    Mutant("rivals of the favourite are not set to LOST", "unique", INDEX,
           "	} while (!settle_word(index, rival.slot, rival.word, "
           "pendi_word_lose(rival.word)));",
           "	} while (false);", "index", "--rounds 4000000 --only key"),
    Mutant("a failed CAS to LOST is ignored", "unique", INDEX,
           "	} while (!settle_word(index, rival.slot, rival.word, "
           "pendi_word_lose(rival.word)));",
           "		(void)settle_word(index, rival.slot, rival.word, "
           "pendi_word_lose(rival.word));\n	} while (false);",
           "index", "--rounds 6000000 --only key"),
    Mutant("a contender counts as a holder", "unique", INDEX,
           "		if (pendi_word_state(rival.word) != PENDI_SLOT_CONTEST) {",
           "		if (rival.slot != favourite) {", "index", "--rounds 1000000"),
    Mutant("a LOST slot counts as a holder", "unique", INDEX,
           "pendi_word_state(word) == PENDI_SLOT_FREE || "
           "pendi_word_state(word) == PENDI_SLOT_LOST)",
           "pendi_word_state(word) == PENDI_SLOT_FREE)", "index", "--rounds 2000000 --only key"),
    Mutant("examine does not read the cell again", "unique", INDEX,
           "		if (pendi_load_acquire(at, IX1) != cell)\n			continue;\n",
           "", "index", "--rounds 6000000 --only key"),
    Mutant("examine does not read the word again", "unique", INDEX,
           "		if (pendi_load_relaxed(&slot->word) == word)\n			return",
           "		return", "index", "--rounds 400000 --only key",
           beyond="it lets a contender pass for the holder that it then becomes"),
    Mutant("the generation stays when an attempt is withdrawn", "unique", WORD,
           "PENDI_ALWAYS_INLINE uint64_t pendi_word_disarm(uint64_t word)\n{\n"
           "	return pendi_word_next_generation(word);",
           "PENDI_ALWAYS_INLINE uint64_t pendi_word_disarm(uint64_t word)\n{\n"
           "	return word & PENDI_WORD_GENERATION_MASK;", "word", "--only states"),
    Mutant("the cell is left after the generation moved", "unique", INDEX,
           "		pendi_index_remove(index, slot);\n"
           "		word = pendi_word_arm(pendi_word_disarm(word), index->slab->first_word);\n"
           "		/* [SL1.rel] Pairs with [SL1.acq] in examine(), as in announce(). */\n"
           "		pendi_store_release(&at->word, word, SL1);\n",
           "		word = pendi_word_arm(pendi_word_disarm(word), index->slab->first_word);\n"
           "		pendi_store_release(&at->word, word, SL1);\n"
           "		pendi_index_remove(index, slot);\n", "index", "--rounds 2000000 --only key"),
    Mutant("find does not look at the word again", "unique", FIND,
           "	return pendi_word_same_generation(found->word, word) && "
           "pendi_word_is_live(found->word);",
           "	found->word = word;\n	return true;", "index", "--rounds 60000000 --only turns"),
    Mutant("find believes the tag", "unique", FIND,
           "	if (!pendi_equal_acquire(pendi_slab_key(index->slab, slot), key->bytes, "
           "index->key_size,\n				 SL2))\n		return false;\n",
           "", "index", "--rounds 4000000"),
    Mutant("the reach is not raised", "unique", BUCKET,
           "				       reach > distance ? reach : distance);",
           "				       reach);", "index", "--rounds 400000 --only home"),
    Mutant("the reach shrinks with each key that leaves", "unique", BUCKET,
           "displaced ? pendi_home_reach(old) : 0", "0", "index", "--rounds 1000000 --only home"),
    Mutant("a displaced key that leaves is not counted", "unique", FIND,
           "	if (PENDI_UNLIKELY(displacement))\n"
           "		pendi_bucket_draw_in(home_of(index, place / PENDI_CELLS, displacement));",
           "	(void)displacement;", "index", "--rounds 400000 --only home"),
    Mutant("a key goes further than its slot can say", "unique", INDEX,
           "index->bucket_count - 1 < UINT16_MAX ? index->bucket_count - 1",
           "true ? index->bucket_count - 1", "far", "--only beyond"),
    # The word in an engine, and what is staged.
    Mutant("what is claimed is claimed again", "A", WORD,
           "	if (word & (PENDI_WORD_CLAIMED | PENDI_WORD_FRAME))",
           "	if (word & PENDI_WORD_FRAME)", "word", "--only model"),
    Mutant("it is claimed although the frame is open", "B", WORD,
           "	if (word & (PENDI_WORD_CLAIMED | PENDI_WORD_FRAME))",
           "	if (word & PENDI_WORD_CLAIMED)", "word", "--only model"),
    Mutant("a claim leaves no trace", "A", WORD,
           "		return (struct pendi_step){ word | PENDI_WORD_CLAIMED, 0, "
           "PENDI_DUTY_FINISH };",
           "		return (struct pendi_step){ word, 0, PENDI_DUTY_FINISH };",
           "word", "--only model"),
    Mutant("a re-run that pends again stays claimed", "A", WORD,
           "	word &= ~PENDI_WORD_CLAIMED;\n", "", "word", "--only model"),
    Mutant("a re-run that decided is not claimed any more", "A", WORD,
           "PENDI_WORD_FRAME | PENDI_WORD_CLAIMED);\n	const uint64_t next",
           "PENDI_WORD_FRAME);\n	const uint64_t next", "word", "--only model"),
    Mutant("the program runs although it was decided before", "A", WORD,
           "	if (!pendi_word_verdict(word))\n		return (struct pendi_step){ word | "
           "PENDI_WORD_CLAIMED, 0, PENDI_DUTY_RERUN };",
           "	if (true)\n		return (struct pendi_step){ word | "
           "PENDI_WORD_CLAIMED, 0, PENDI_DUTY_RERUN };", "word", "--only model"),
    Mutant("a staged verdict outlives a continue", "A", WORD,
           "	word = (word & ~PENDI_WORD_STAGED_MASK) + (1ull << PENDI_WORD_RERUNS_SHIFT);",
           "	word = word + (1ull << PENDI_WORD_RERUNS_SHIFT);", "word", "--only model"),
    Mutant("a staged verdict outlives the decision during a re-run", "A", WORD,
           "		word &= ~PENDI_WORD_STAGED_MASK;\n", "", "word", "--only states"),
    Mutant("a second staged verdict is mixed with the first", "A", WORD,
           "(word & ~PENDI_WORD_STAGED_MASK) | staged", "word | staged", "word",
           "--only states"),
    Mutant("maps begin with the same generation", "A", WORD,
           "(word ? word : first) | PENDI_SLOT_ARMING",
           "(word || !first ? word : PENDI_WORD_GENERATION_ONE) | PENDI_SLOT_ARMING", "word",
           "--only states"),
    # Memory orders, one end of an edge each.
    Mutant("FR1: a push releases nothing", "D", POOL_H,
           "pendi_cas_release(&magazine->head, &head, pendi_head_pushed(head, first), FR1)",
           "pendi_cas_relaxed(&magazine->head, &head, pendi_head_pushed(head, first))", "pool",
           "--rounds 400000", flavour="tsan"),
    Mutant("FR1: a pop acquires nothing", "D", POOL_H,
           "pendi_cas_acquire(&magazine->head, &head,\n"
           "						   pendi_head_with_slot(head, next), FR1)",
           "pendi_cas_relaxed(&magazine->head, &head, pendi_head_with_slot(head, next))", "pool",
           "--rounds 400000", flavour="tsan"),
    Mutant("PK2: a put in a pocket releases nothing", "D", POCKET_H,
           "pendi_store_release(&pocket->bottom, bottom + 1, PK2)",
           "pendi_store_relaxed(&pocket->bottom, bottom + 1)", "pool",
           "--rounds 1000000 --only pockets", flavour="tsan"),
    Mutant("SL1: publishing releases nothing", "A", FILL,
           "	pendi_store_release(&slot->word, word, SL1);\n	return word;",
           "	pendi_store_relaxed(&slot->word, word);\n	return word;", "index",
           "--rounds 400000", flavour="tsan"),
    # Fences: killed if both CPUs are free at the right moment, so reported and not required.
    Mutant("FR2: no membarrier before the proof", "D", POOL,
           "	if (pendi_membarrier())\n		return false;\n", "", "pool",
           "--rounds 60000000 --only pockets", beyond=CHANCE, flavour="native"),
    Mutant("PK1: a fenced owner makes no fence", "D", POCKET_H,
           "		pendi_fence_store_load(PK1);\n}", "		pendi_fence_light(PK1);\n}",
           "pool", "--rounds 60000000 --only fenced", beyond=CHANCE, flavour="native"),
    Mutant("PK1: a thief makes no membarrier", "D", "engine/slot/pocket.c",
           "if (pendi_membarrier())", "if (false)", "pool", "--rounds 20000000 --only pockets",
           beyond=CHANCE, flavour="native"),
    Mutant("the fence between announcement and scan is left out", "unique", INDEX,
           "		pendi_fence_store_load_after_rmw(IX2);", "		;", "index",
           "--rounds 400000", beyond="on x86 the CAS before it is the fence"),
]


def sources(root):
    found = []
    for folder in FOLDERS:
        found += [p for p in sorted((root / folder).glob("*.c"))
                  if p.relative_to(root).as_posix() not in WITHOUT]
    return found


def compile_one(compiler, flavour, root, source, target):
    return subprocess.run([compiler, *FLAGS, *flavour, f"-I{root}", f"-I{root}/include", "-c",
                           str(source), "-o", str(target)],
                          check=False, capture_output=True, text=True)


class Workshop:
    """A copy of the sources, with what no mutant touches compiled once."""

    def __init__(self, root, compiler, flavour, place):
        self.compiler, self.flavour, self.place = compiler, flavour, place
        self.clean = place / "clean"
        for folder in (*FOLDERS, "include", "tests/support", "tests/slot", "tests/index"):
            shutil.copytree(root / folder, self.clean / folder)
        self.objects = place / "objects"
        self.objects.mkdir()

    def object_of(self, source, root):
        return self.objects / source.relative_to(root).as_posix().replace("/", "_")\
            .replace(".c", ".o")

    def prepare(self, jobs):
        tests = [self.clean / name for names in TESTS.values() for name in names]
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for done in pool.map(lambda s: compile_one(self.compiler, self.flavour,
                                                       self.clean, s,
                                                       self.object_of(s, self.clean)),
                                 sources(self.clean) + tests):
                if done.returncode:
                    raise SystemExit(done.stderr)

    def link(self, test, objects, program):
        """Links @test with @objects instead of those of the same name."""
        chosen = {}
        for source in sources(self.clean) + [self.clean / name for name in TESTS[test]]:
            plain = self.object_of(source, self.clean)
            chosen[plain.name] = plain
        for changed in objects:
            chosen[changed.name] = changed
        return subprocess.run([self.compiler, "-pthread", *self.flavour, *map(str, chosen.values()),
                               "-o", str(program)], check=False, capture_output=True, text=True)

    def build(self, mutant, number):
        """The mutant's program, or a sentence saying why there is none."""
        home = self.place / f"mutant{number}"
        shutil.copytree(self.clean, home)
        path = home / mutant.file
        text = path.read_text()
        if text.count(mutant.old) != 1:
            return f"its text occurs {text.count(mutant.old)} times in {mutant.file}"
        path.write_text(text.replace(mutant.old, mutant.new))
        if mutant.file.endswith(".h"):
            again = sources(home) + [home / name for name in TESTS[mutant.test]]
            again = [s for s in again if s.parts[len(home.parts)] in ("engine", "tests")]
        else:
            again = [path]
        objects = []
        (home / "objects").mkdir()
        for source in again:
            target = home / "objects" / self.object_of(source, home).name
            done = compile_one(self.compiler, self.flavour, home, source, target)
            if done.returncode:
                return "it does not compile: " + done.stderr.split("\n")[0]
            objects.append(target)
        done = self.link(mutant.test, objects, home / "program")
        return done.stderr.split("\n")[0] if done.returncode else home / "program"


def run_test(program, arguments, seed):
    """(ended by itself with a failure, what it said)."""
    command = [str(program), *arguments.split()]
    if "--only model" not in arguments and "--only states" not in arguments:
        command += ["--seed", str(seed)]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True,
                              timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return False, "ran out of time"
    said = [line for line in (done.stdout + done.stderr).split("\n")
            if "Bail out" in line or "not ok" in line or "WARNING: Thread" in line]
    return done.returncode != 0, said[0] if said else f"status {done.returncode}"


def passes_unchanged(workshop, tests):
    for test in sorted(tests):
        program = workshop.place / test
        if workshop.link(test, [], program).returncode:
            raise SystemExit(f"the test {test} does not link")
        failed, said = run_test(program, "--only model" if test == "word" else "--rounds 200000", 1)
        if failed or said == "ran out of time":
            print(f"the unchanged library fails the test {test}: {said}")
            return False
    return True


def judge(workshop, number, mutant):
    begin = time.monotonic()
    program = workshop.build(mutant, number)
    if isinstance(program, str):
        return False, program, time.monotonic() - begin
    killed, said = False, ""
    for attempt in range(1 if mutant.beyond and mutant.flavour != "native" else ATTEMPTS):
        killed, said = run_test(program, mutant.arguments, 1000 * number + attempt + 1)
        if killed or said == "ran out of time":
            break
    return killed, said, time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--compiler", default="cc")
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--list", action="store_true")
    given = parser.parse_args()
    chosen = [m for m in MUTANTS if given.only in m.name]
    if given.list:
        print("\n".join(f"{m.guarantee:7} {m.file:24} {m.name}" for m in chosen))
        return 0
    wrong = 0
    has_tsan = subprocess.run([given.compiler, *FLAVOURS["tsan"], "-x", "c", "-", "-o",
                               "/dev/null"], input="int main(void) { return 0; }", check=False,
                              text=True, capture_output=True).returncode == 0
    chosen = [m for m in chosen if has_tsan or m.flavour != "tsan"]
    with tempfile.TemporaryDirectory(prefix="pend-mutants-") as place:
        shops = {}
        for flavour in sorted({m.flavour for m in chosen}):
            home = pathlib.Path(place) / flavour
            home.mkdir()
            shops[flavour] = Workshop(given.root.resolve(), given.compiler, FLAVOURS[flavour],
                                      home)
            shops[flavour].prepare(given.jobs)
            if not passes_unchanged(shops[flavour],
                                    {m.test for m in chosen if m.flavour == flavour}):
                return 1
        with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
            futures = [(m, pool.submit(judge, shops[m.flavour], n, m))
                       for n, m in enumerate(chosen, 1) if m.flavour != "native"]
            results = [(m, *future.result()) for m, future in futures]
        results += [(m, *judge(shops[m.flavour], n, m))  # these want the machine for themselves
                    for n, m in enumerate(chosen, 1) if m.flavour == "native"]
    killed = 0
    for mutant, dead, said, seconds in results:
        killed += dead
        wrong += not dead and not mutant.beyond
        state = f"not required ({mutant.beyond})" if mutant.beyond else "SURVIVED"
        state = "killed" if dead else state
        print(f"{state}: [{mutant.guarantee}] {mutant.name} ({seconds:.1f} s; {mutant.test}: "
              f"{said})")
    print(f"killed {killed} of {len(chosen)}; "
          f"{sum(1 for m in chosen if m.beyond)} are not required")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
