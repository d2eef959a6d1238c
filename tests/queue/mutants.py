#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutants.py - plants faults in engine/queue, one at a time, and runs the test that must notice.

explore and bell try every interleaving under atomics of their own, so what they kill they kill each
time; queue and tsan are the torture test, with chaotic atomics and under the thread sanitizer.
tests/mutants/planted.py says how a mutant is judged, and how this is called.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "mutants"))
from planted import CHAOS, Mutant, Suite, TSAN, Test, main  # pylint: disable=wrong-import-position

QUEUE, BELL = "engine/queue/queue.c", "engine/queue/doorbell.c"
EXPLORE = ('-DPENDI_ATOMIC_BACKEND="tests/queue/explore_oracle.h"',)
ROUNDS = "--rounds 2000000 --seed {seed}"

TESTS = {
    "explore": Test(("tests/queue/explore_queue.c", "tests/queue/explore.c"), EXPLORE),
    "bell": Test(("tests/queue/explore_doorbell.c", "tests/queue/explore.c"), EXPLORE),
    "queue": Test(("tests/queue/torture_queue.c",), CHAOS, ROUNDS, attempts=3),
    "tsan": Test(("tests/queue/torture_queue.c",), TSAN, ROUNDS, attempts=3),
    "unit-bell": Test(("tests/queue/test_doorbell.c",), criterion=True),
}

FILL = ("pendi_cas_acq_rel(at, &cell, lap << PENDI_QUEUE_ITEM_BITS | item,\n"
        "						   QU3, QU1)")
FILL_BLINDLY = "(pendi_store_release(at, lap << PENDI_QUEUE_ITEM_BITS | item, QU1), true)"
MOVE_HEAD = ("	(void)pendi_cas_release(&queue->head, &expected, window->begin + window->count, "
             "QU2);")
MOVE_HEAD_BLINDLY = ("	(void)expected;\n"
                     "	pendi_store_release(&queue->head, window->begin + window->count, QU2);")

MUTANTS = tuple(Mutant(*m) for m in (
    # The ring.
    ("a place is filled again before it was served", "E", QUEUE,
     "	return *position - head <= queue->mask;\n}", "	return true;\n}", "explore"),
    ("one place too many", "E", QUEUE, "	if (PENDI_LIKELY(*position - head <= queue->mask))",
     "	if (PENDI_LIKELY(*position - head <= queue->mask + 1))", "explore"),
    ("the head is said to be one further", "E", QUEUE,
     "	pendi_store_release(&queue->head_seen, head, QU2);",
     "	pendi_store_release(&queue->head_seen, head + 1, QU2);", "explore"),
    ("a position behind the head is filled", "E", QUEUE,
     "	if (*position < head)\n		*position = head;\n", "", "explore"),
    ("a consumer moves the head whoever served", "E", QUEUE, MOVE_HEAD, MOVE_HEAD_BLINDLY,
     "explore"),
    ("a consumer moves the head whoever served, under fire", "E", QUEUE, MOVE_HEAD,
     MOVE_HEAD_BLINDLY, "queue"),
    ("the tail is said to be one further: a gap", "E", QUEUE,
     "		pendi_store_release(&queue->tail, position, QU3);",
     "		pendi_store_release(&queue->tail, position + 1, QU3);", "explore"),
    ("a cell is stored, whoever filled it", "E", QUEUE, FILL, FILL_BLINDLY, "explore"),
    ("a cell is stored, whoever filled it, under fire", "E", QUEUE, FILL, FILL_BLINDLY, "queue"),
    ("the laps of a cell are not looked at", "E", QUEUE, "		if (PENDI_LIKELY(ahead == 0 &&",
     "		if (PENDI_LIKELY(", "explore"),
    ("a consumer takes what is in an empty cell", "E", QUEUE,
     "			if (ahead != 1)\n				break;\n",
     "			if (position == pendi_load_relaxed(&queue->tail))\n				break;\n",
     "explore"),
    ("a window that leaves out its last item", "E", QUEUE, "	window->count = count;",
     "	window->count = count;\n"
     "	if (count > 1)\n		window->items[count - 1] = window->items[0];", "explore"),
    ("a consumer that was overtaken says that there is nothing", "E", QUEUE,
     "	} while (PENDI_UNLIKELY(count == 0 && ahead != 0));", "	} while (false);", "explore"),
    ("QU1: an item is handed over without an order", "E", QUEUE, FILL,
     "pendi_cas_relaxed(at, &cell, lap << PENDI_QUEUE_ITEM_BITS | item)", "tsan"),
    # The bell.
    ("no fence in arm()", "C", BELL, "	pendi_fence_store_load(DB1);", "	;", "bell"),
    ("arm() fences before it arms", "C", BELL,
     "	pendi_store_relaxed(&bell->armed, 1);", "	pendi_fence_store_load(DB1);", "bell",
     (("unarmed has made its work before the look that follows. */\n"
       "	pendi_fence_store_load(DB1);", "*/\n	pendi_store_relaxed(&bell->armed, 1);"),)),
    ("a ringer leaves the bell armed and does not wake", "C", BELL,
     "	if (pendi_exchange_release(&bell->armed, 0, DB2))",
     "	if (!pendi_exchange_release(&bell->armed, 0, DB2))", "bell"),
    ("a sleeper sleeps on an unarmed bell", "C", BELL,
     "pendi_futex_wait(&bell->armed, 1, timeout_ns)",
     "pendi_futex_wait(&bell->armed, 0, timeout_ns)", "bell"),
    ("a wake without disarming", "C", BELL, "	if (pendi_exchange_release(&bell->armed, 0, DB2))",
     "	if (pendi_load_relaxed(&bell->armed))", "unit-bell"),
    ("the end of a sleep leaves the bell armed", "C", BELL,
     "	(void)pendi_exchange_acquire(&bell->armed, 0, DB2);", "", "unit-bell"),
))

if __name__ == "__main__":
    sys.exit(main(Suite("engine/queue", tuple(f"platform/{name}.c" for name in
                                              ("memory", "script", "futex")), TESTS, MUTANTS)))
