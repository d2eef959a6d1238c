#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutants.py - plants faults in engine/slot, one at a time, and runs the test that must notice.

model and states explore the word. The others are the torture tests, of the pool or of the index,
or some of their scenarios: with the atomics of tests/support/chaos_oracle.h, which yield before
some accesses, or, for orders that are too weak, under the thread sanitizer.
tests/mutants/planted.py says how a mutant is judged, and how this is called.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "mutants"))
from planted import CHAOS, Mutant, Suite, TSAN, Test, main  # pylint: disable=wrong-import-position

POOL, POOL_H, POCKET, POCKET_H, WORD, FILL = (
    f"engine/slot/{name}" for name in ("pool.c", "pool.h", "pocket.c", "pocket.h", "word.h",
                                       "fill.h"))
POOL_TEST, INDEX_TEST = "slot/torture_pool", "index/torture_index"
WORD_TEST = tuple(f"tests/slot/{name}.c" for name in
                  ("test_word_exhaustive", "word_states", "word_model", "word_look",
                   "word_contest", "word_mutants"))


def torture(test, rounds, only="", flags=CHAOS):
    """The torture test @test, of scenarios with @only in their names."""
    words = "--seed {seed}" + (f" --only {only}" if only else "") + " --rounds "
    return Test((f"tests/{test}.c",), flags, f"{words}{rounds}", 3, plain=f"{words}200000")


TESTS = {name: Test(WORD_TEST, CHAOS, f"--only {name}") for name in ("model", "states")}
TESTS |= {
    "pool": torture(POOL_TEST, 2000000),
    "pockets": torture(POOL_TEST, 3000000, "pockets"),
    "crowd": torture(POOL_TEST, 60000000, "crowd"),
    "bunches": torture(POOL_TEST, 400000, "bunches"),
    "index": torture(INDEX_TEST, 1000000),
    "pool-tsan": torture(POOL_TEST, 400000, flags=TSAN),
    "pockets-tsan": torture(POOL_TEST, 1000000, "pockets", TSAN),
    "index-tsan": torture(INDEX_TEST, 400000, flags=TSAN),
}
CHANCE = "only if a store lingers in its CPU; by a schedule, always: mutant.model/"

MUTANTS = tuple(Mutant(*m) for m in (
    # The pool: guarantee D.
    ("a put does not tell who is proving that there is nothing", "D", POOL_H,
     "	if (PENDI_UNLIKELY((full & PENDI_FULL_STATE) != PENDI_FULL_OPEN))\n"
     "		pendi_pool_tell(pool, full, head);",
     "	(void)full; (void)head;", "pool"),
    ("a put in a pocket does not tell", "D", POOL_H,
     "	if (PENDI_UNLIKELY((full & PENDI_FULL_STATE) != PENDI_FULL_OPEN))\n"
     "		pendi_pool_tell_of_pocket(pool);",
     "	(void)full;", "pockets"),
    ("no second look before FULL", "D", POOL,
     "		slot = steal(pool, magazine);\n"
     "		if (slot != PENDI_SLOT_NONE)\n			return slot;\n"
     "		/* relaxed: success",
     "		(void)slot; (void)steal;\n		/* relaxed: success", "pool"),
    ("refused after one look, without a proof", "D", POOL,
     "return slot != PENDI_SLOT_NONE ? slot : prove_empty(pool, magazine);",
     "(void)prove_empty; return slot;", "pool"),
    ("FULL although the sequence moved on", "D", POOL,
     "		if (pendi_cas_relaxed(&pool->full, &full,\n"
     "				      (full & ~(uint64_t)PENDI_FULL_STATE) | "
     "PENDI_FULL_FULL))\n			return PENDI_SLOT_NONE;",
     "		pendi_store_relaxed(&pool->full,\n"
     "				      (full & ~(uint64_t)PENDI_FULL_STATE) | "
     "PENDI_FULL_FULL);\n		return PENDI_SLOT_NONE;", "pool"),
    ("the sequence number stays", "D", POOL,
     "				      ((full & ~(uint64_t)PENDI_FULL_STATE) | "
     "PENDI_FULL_SCARCE) +\n					      PENDI_FULL_SEQUENCE_ONE))",
     "				      ((full & ~(uint64_t)PENDI_FULL_STATE) | "
     "PENDI_FULL_SCARCE)))", "crowd"),
    ("a head's tag stays when it is pushed (ABA)", "D", POOL_H,
     "return ((head & ~PENDI_SLOT_MASK) + PENDI_SLOT_MASK + 1) | slot;",
     "return (head & ~PENDI_SLOT_MASK) | slot;", "pool"),
    ("thieves leave the last magazine out", "D", POOL,
     "for (uint32_t i = 0; i < pool->count; i++) {\n		const uint32_t victim",
     "for (uint32_t i = 0; i + 1 < pool->count; i++) {\n		const uint32_t victim", "pool"),
    ("thieves leave pockets out", "D", POOL,
     "return slot != PENDI_SLOT_NONE ? slot : steal_pockets(pool);",
     "(void)steal_pockets; return slot;", "pockets"),
    ("a bunch loses its last slot", "D", POOL,
     "for (uint32_t i = count; i-- > 1;)", "for (uint32_t i = count; i-- > 2;)", "bunches"),
    ("an owner takes the last slot of its pocket unasked", "D", POCKET_H,
     "	if (top != bottom || !pendi_cas_relaxed(&pocket->top, &top, top + 1))",
     "	if (top != bottom || (pendi_store_relaxed(&pocket->top, top + 1), false))", "pockets"),
    ("a pocket's owner does not look at top again", "D", POCKET_H,
     "	/* relaxed, both: PK1 orders top; the ring is the owner's own writing. */\n"
     "	top = pendi_load_relaxed(&pocket->top);\n",
     "", "pockets"),
    # The word: guarantees A and B.
    ("the generation stays when the slot is freed", "A", WORD,
     "PENDI_ALWAYS_INLINE uint64_t pendi_word_finish(uint64_t word)\n{\n"
     "	return pendi_word_next_generation(word);",
     "PENDI_ALWAYS_INLINE uint64_t pendi_word_finish(uint64_t word)\n{\n"
     "	return word & PENDI_WORD_GENERATION_MASK;", "index"),
    ("the generation stays, judged by the model", "A", WORD,
     "PENDI_ALWAYS_INLINE uint64_t pendi_word_finish(uint64_t word)\n{\n"
     "	return pendi_word_next_generation(word);",
     "PENDI_ALWAYS_INLINE uint64_t pendi_word_finish(uint64_t word)\n{\n"
     "	return word & PENDI_WORD_GENERATION_MASK;", "model"),
    ("generation 0 is used", "A", WORD, "return next ? next : PENDI_WORD_GENERATION_ONE;",
     "return next;", "states"),
    ("a frame does not defer the completion", "B", WORD,
     "next & PENDI_WORD_FRAME ? PENDI_DUTY_NONE : PENDI_DUTY_FINISH", "PENDI_DUTY_FINISH",
     "model"),
    ("a re-run's end forgets what was decided", "A", WORD,
     "	if (pendi_word_verdict(word))\n		return pendi_step_decide(word, "
     "pendi_word_verdict(word), pendi_word_origin(word));\n",
     "", "model"),
    ("a completion does not ask for the generation", "A", WORD,
     "	if (!pendi_word_same_generation(word, handle))\n"
     "		return pendi_step_refuse(word, -ENOENT);\n"
     "	switch (pendi_word_state(word)) {\n	case PENDI_SLOT_PENDING:\n"
     "		return pendi_step_decide",
     "	switch (pendi_word_state(word)) {\n	case PENDI_SLOT_PENDING:\n"
     "		return pendi_step_decide", "index"),
    ("the generation stays when an attempt is withdrawn", "unique", WORD,
     "PENDI_ALWAYS_INLINE uint64_t pendi_word_disarm(uint64_t word)\n{\n"
     "	return pendi_word_next_generation(word);",
     "PENDI_ALWAYS_INLINE uint64_t pendi_word_disarm(uint64_t word)\n{\n"
     "	return word & PENDI_WORD_GENERATION_MASK;", "states"),
    # The word in an engine, and what is staged.
    ("what is claimed is claimed again", "A", WORD,
     "	if (word & (PENDI_WORD_CLAIMED | PENDI_WORD_FRAME))",
     "	if (word & PENDI_WORD_FRAME)", "model"),
    ("it is claimed although the frame is open", "B", WORD,
     "	if (word & (PENDI_WORD_CLAIMED | PENDI_WORD_FRAME))",
     "	if (word & PENDI_WORD_CLAIMED)", "model"),
    ("a claim leaves no trace", "A", WORD,
     "		return (struct pendi_step){ word | PENDI_WORD_CLAIMED, 0, "
     "PENDI_DUTY_FINISH };",
     "		return (struct pendi_step){ word, 0, PENDI_DUTY_FINISH };", "model"),
    ("a re-run that pends again stays claimed", "A", WORD,
     "	word &= ~PENDI_WORD_CLAIMED;\n", "", "model"),
    ("a re-run that decided is not claimed any more", "A", WORD,
     "PENDI_WORD_FRAME | PENDI_WORD_CLAIMED);\n	const uint64_t next",
     "PENDI_WORD_FRAME);\n	const uint64_t next", "model"),
    ("the program runs although it was decided before", "A", WORD,
     "	if (!pendi_word_verdict(word))\n		return (struct pendi_step){ word | "
     "PENDI_WORD_CLAIMED, 0, PENDI_DUTY_RERUN };",
     "	if (true)\n		return (struct pendi_step){ word | "
     "PENDI_WORD_CLAIMED, 0, PENDI_DUTY_RERUN };", "model"),
    ("a staged verdict outlives a continue", "A", WORD,
     "	word = (word & ~PENDI_WORD_STAGED_MASK) + (1ull << PENDI_WORD_RERUNS_SHIFT);",
     "	word = word + (1ull << PENDI_WORD_RERUNS_SHIFT);", "model"),
    ("a staged verdict outlives the decision during a re-run", "A", WORD,
     "		word &= ~PENDI_WORD_STAGED_MASK;\n", "", "states"),
    ("a second staged verdict is mixed with the first", "A", WORD,
     "(word & ~PENDI_WORD_STAGED_MASK) | staged", "word | staged", "states"),
    ("maps begin with the same generation", "A", WORD,
     "(word ? word : first) | PENDI_SLOT_ARMING",
     "(word || !first ? word : PENDI_WORD_GENERATION_ONE) | PENDI_SLOT_ARMING", "states"),
    # Memory orders, one end of an edge each.
    ("FR1: a push releases nothing", "D", POOL_H,
     "pendi_cas_release(&magazine->head, &head, pendi_head_pushed(head, first), FR1)",
     "pendi_cas_relaxed(&magazine->head, &head, pendi_head_pushed(head, first))", "pool-tsan"),
    ("FR1: a pop acquires nothing", "D", POOL_H,
     "pendi_cas_acquire(&magazine->head, &head,\n"
     "						   pendi_head_with_slot(head, next), FR1)",
     "pendi_cas_relaxed(&magazine->head, &head, pendi_head_with_slot(head, next))", "pool-tsan"),
    ("PK2: a put in a pocket releases nothing", "D", POCKET_H,
     "pendi_store_release(&pocket->bottom, bottom + 1, PK2)",
     "pendi_store_relaxed(&pocket->bottom, bottom + 1)", "pockets-tsan"),
    ("SL1: publishing releases nothing", "A", FILL,
     "	pendi_store_release(&slot->word, word, SL1);\n	return word;",
     "	pendi_store_relaxed(&slot->word, word);\n	return word;", "index-tsan"),
    # Fences.
    ("FR2: no membarrier before the proof", "D", POOL,
     "	if (pendi_membarrier())\n		return false;\n", "", "", (),
     CHANCE + "a proof without membarrier"),
    ("PK1: a fenced owner makes no fence", "D", POCKET_H,
     "		pendi_fence_store_load(PK1);\n}", "		pendi_fence_light(PK1);\n}", "", (),
     CHANCE + "an owner without a fence"),
    ("PK1: a thief makes no membarrier", "D", POCKET,
     "if (pendi_membarrier())", "if (false)", "", (), CHANCE + "a thief without membarrier"),
))

if __name__ == "__main__":
    sys.exit(main(Suite("engine/slot", ("platform/*.c", "epoch/[!u]*.c", "engine/index/*.c"), TESTS,
                        MUTANTS)))
