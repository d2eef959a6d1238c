#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutants.py - plants faults in engine/index, one at a time, and runs the test that must notice.

far is a unit test. The others are the torture test, or some of its scenarios, with the atomics of
tests/support/chaos_oracle.h, which yield before some accesses. What is broken is always "unique":
one holder for each key, found while it is held.
tests/mutants/planted.py says how a mutant is judged, and how this is called.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "mutants"))
from planted import CHAOS, Mutant, Suite, Test, main  # pylint: disable=wrong-import-position

INDEX, FIND, BUCKET = (f"engine/index/{name}" for name in ("insert.c", "index.c", "bucket.c"))


def torture(rounds, only=""):
    """The torture test, of scenarios with @only in their names."""
    words = "--seed {seed}" + (f" --only {only}" if only else "") + " --rounds "
    return Test(("tests/index/torture_index.c",), CHAOS, f"{words}{rounds}", 3,
                plain=f"{words}200000")


TESTS = {
    "index": torture(4000000),
    "key": torture(6000000, "key"),
    "home": torture(4000000, "home"),
    "threads": torture(40000000, "threads"),
    "turns": torture(60000000, "turns"),
    "far": Test(("tests/index/test_far.c",), CHAOS, "--only beyond"),
}

MUTANTS = tuple(Mutant(*m) for m in (
    ("no scan after the announcement", "unique", INDEX,
     "		if (!PENDI_LIKELY(alone(index, home, tag) &&",
     "		(void)alone;\n		if (!PENDI_LIKELY(", "index"),
    ("alone without a look at the reach", "unique", INDEX,
     "	return !(match & (match - 1)) &&\n"
     "	       pendi_home_reach(pendi_load_acquire(&line->home, IX3)) == 0;",
     "	return !(match & (match - 1));", "home"),
    ("the favourite wins without a second scan", "unique", INDEX,
     "	const struct rivals again = look(index, key, seen->first);",
     "	const struct rivals again = *seen;", "key"),
    ("rivals of the favourite are not set to LOST", "unique", INDEX,
     "	} while (!settle_word(index, rival.slot, rival.word, "
     "pendi_word_lose(rival.word)));",
     "	} while (false);", "key"),
    ("a failed CAS to LOST is ignored", "unique", INDEX,
     "	} while (!settle_word(index, rival.slot, rival.word, "
     "pendi_word_lose(rival.word)));",
     "		(void)settle_word(index, rival.slot, rival.word, "
     "pendi_word_lose(rival.word));\n	} while (false);", "key"),
    ("a contender counts as a holder", "unique", INDEX,
     "		if (pendi_word_state(rival.word) != PENDI_SLOT_CONTEST) {",
     "		if (rival.slot != favourite) {", "index"),
    ("a LOST slot counts as a holder", "unique", INDEX,
     "pendi_word_state(word) == PENDI_SLOT_FREE || "
     "pendi_word_state(word) == PENDI_SLOT_LOST)",
     "pendi_word_state(word) == PENDI_SLOT_FREE)", "key"),
    ("examine does not read the cell again", "unique", INDEX,
     "		if (pendi_load_acquire(at, IX1) != cell)\n			continue;\n",
     "", "threads"),
    ("examine does not read the word again", "unique", INDEX,
     "		if (pendi_load_relaxed(&slot->word) == word)\n			return",
     "		return", "", (), "it lets a contender pass for the holder that it then becomes"),
    ("the cell is left after the generation moved", "unique", INDEX,
     "		pendi_index_remove(index, slot);\n"
     "		word = pendi_word_arm(pendi_word_disarm(word), index->slab->first_word);\n"
     "		/* [SL1.rel] Pairs with [SL1.acq] in examine(), as in announce(). */\n"
     "		pendi_store_release(&at->word, word, SL1);\n",
     "		word = pendi_word_arm(pendi_word_disarm(word), index->slab->first_word);\n"
     "		pendi_store_release(&at->word, word, SL1);\n"
     "		pendi_index_remove(index, slot);\n", "key"),
    ("find does not look at the word again", "unique", FIND,
     "	return pendi_word_same_generation(found->word, word) && "
     "pendi_word_is_live(found->word);",
     "	found->word = word;\n	return true;", "turns"),
    ("find believes the tag", "unique", FIND,
     "	if (!pendi_equal_acquire(pendi_slab_key(index->slab, slot), key->bytes, "
     "index->key_size,\n				 SL2))\n		return false;\n",
     "", "index"),
    ("the reach is not raised", "unique", BUCKET,
     "				       reach > distance ? reach : distance);",
     "				       reach);", "home"),
    ("the reach shrinks with each key that leaves", "unique", BUCKET,
     "displaced ? pendi_home_reach(old) : 0", "0", "home"),
    ("a displaced key that leaves is not counted", "unique", FIND,
     "	if (PENDI_UNLIKELY(displacement))\n"
     "		pendi_bucket_draw_in(home_of(index, place / PENDI_CELLS, displacement));",
     "	(void)displacement;", "home"),
    ("a key goes further than its slot can say", "unique", INDEX,
     "index->bucket_count - 1 < UINT16_MAX ? index->bucket_count - 1",
     "true ? index->bucket_count - 1", "far"),
    ("the fence between announcement and scan is left out", "unique", INDEX,
     "		pendi_fence_store_load_after_rmw(IX2);", "		;", "", (),
     "on x86 the CAS before it is the fence"),
))

if __name__ == "__main__":
    sys.exit(main(Suite("engine/index", ("platform/*.c", "epoch/[!u]*.c", "engine/slot/*.c"), TESTS,
                        MUTANTS)))
