#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutants.py - plants faults in epoch/, one at a time, and runs the test that must notice.

The tests whose names begin with steps are the scripted ones of test_native.c, all of them; the
others are one function each of the conformance suite, which runs over the native epoch and over
liburcu. tests/mutants/planted.py says how a mutant is judged, and how this is called.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "mutants"))
from planted import Mutant, Suite, TSAN, Test, main  # pylint: disable=wrong-import-position

NATIVE, WAIT, SECTION = "epoch/native.c", "epoch/native_wait.c", "epoch/section.h"
THREAD, STALL, URCU, API = "epoch/thread.c", "epoch/stall.c", "epoch/urcu.c", "epoch/api.c"

# A table that a test can fill, and an epoch that starts eight before its wrap.
SMALL = ("-DPENDI_THREADS=64u", "-DPENDI_EPOCH_START=0xfffffff8u")
CONFORMANCE = tuple(f"tests/epoch/{name}.c"
                    for name in ("conformance", "sections", "threads", "torture"))
LIBURCU = ("-lurcu-memb", "-lurcu-common")


def conformance(name, without=(URCU,), flags=(), link=()):
    return Test(CONFORMANCE, (*SMALL, *flags), f"--rounds 30000 --only {name}", without=without,
                link=link)


def over_urcu(name):
    return conformance(name, (NATIVE, WAIT), TSAN, LIBURCU)


NAMES = ("torture", "synchronize_waits_for_the_reader", "inner_exit_keeps_protecting",
         "barrier_waits_for_a_running_function", "function_may_retire_and_poll",
         "every_end_of_a_thread_closes_its_section", "threads_reuse_records",
         "refused_membarrier_frees_nothing", "fence_changes_only_when_quiet",
         "busy_reader_is_not_stalled", "nodes_arrive_as_they_were_sent")
STEPS = (("tests/epoch/test_native.c",), (URCU, NATIVE, API))  # it includes native.c

TESTS = {
    **{name: conformance(name) for name in NAMES},
    **{f"{name}, tsan": conformance(name, flags=TSAN) for name in NAMES},
    **{f"{name}, urcu": over_urcu(name) for name in NAMES},
    "steps": Test(STEPS[0], SMALL, without=STEPS[1]),
    "steps, tsan": Test(STEPS[0], (*SMALL, *TSAN), without=STEPS[1]),
}

BAG = "	*bag = (epoch - 2) % PENDI_BAGS;"
TAKE = "	const uint32_t epoch = pendi_load_acquire(&pendi_native.epoch, EP3);\n\n	*bag ="
TAKE_RELAXED = "	const uint32_t epoch = pendi_load_relaxed(&pendi_native.epoch);\n\n	*bag ="
TAKE_TRUSTING = ("	const uint32_t epoch = pendi_section_epoch(pendi_load_relaxed(\n"
                 "		&pendi_thread_records[pendi_thread_self].section));\n\n	*bag =")
ADVANCE = "	uint32_t epoch = pendi_load_acquire(&pendi_native.epoch, EP3);"
ADVANCE_RELAXED = "	uint32_t epoch = pendi_load_relaxed(&pendi_native.epoch);"
OPEN = "	const uint32_t epoch = pendi_load_acquire(&pendi_native.epoch, EP3);"
CLOSE = "	pendi_store_release(&self->section, pendi_section_exit(section), EP2);"
SCAN = "			pendi_load_acquire(&pendi_thread_records[number].section, EP2);"

MUTANTS = tuple(Mutant(name, "E", *rest) for name, *rest in (
    # Grace periods.
    ("the bag of now is taken", NATIVE, BAG, "	*bag = epoch % PENDI_BAGS;", "steps"),
    ("half a grace period", NATIVE, BAG, "	*bag = (epoch - 1) % PENDI_BAGS;", "steps"),
    ("an advance sees no reader", NATIVE, "(any || pendi_section_epoch(section) != epoch)", "any",
     "torture"),
    ("epochs are compared by size", NATIVE, "pendi_section_epoch(section) != epoch",
     "pendi_section_epoch(section) < epoch", "steps"),
    ("a scan stops short", THREAD, "			raise_limit(number + 1);\n", "", "torture"),
    ("a collector trusts its enter", NATIVE, TAKE, TAKE_TRUSTING, "steps"),
    ("one advance is a grace period", WAIT, "passed_since(start) < 2", "passed_since(start) < 1",
     "synchronize_waits_for_the_reader"),
    ("an inner exit closes", SECTION, "	if (--self->nest == 0)", "	if (--self->nest < 2)",
     "inner_exit_keeps_protecting"),
    # Waiting.
    ("a barrier ignores turns", WAIT, "		await_turn(&pendi_thread_records[number]);",
     "		(void)await_turn;", "barrier_waits_for_a_running_function"),
    ("polls nest", NATIVE, "	if (!self || pendi_native_in_turn(self))", "	if (!self)",
     "function_may_retire_and_poll"),
    # Threads.
    ("a thread's end forgets the section", NATIVE, "	if (record->nest) {", "	if (false) {",
     "every_end_of_a_thread_closes_its_section"),
    ("a thread's end forgets the record", THREAD, "	pendi_thread_self = 0;\n	free_record(record);",
     "	pendi_thread_self = 0;\n	(void)free_record;", "threads_reuse_records"),
    # Fences.
    ("a refused membarrier is a fence", NATIVE, "	if (pendi_membarrier() == 0)",
     "	if (pendi_membarrier() <= 0)", "refused_membarrier_frees_nothing"),
    ("the fence changes under readers", WAIT, "= fenced && !pendi_native_held_up(0, true)",
     "= fenced", "fence_changes_only_when_quiet"),
    # The report.
    ("a busy reader is stalled", STALL, "	if (seen != section)",
     "	if (!pendi_section_is_open(seen))", "busy_reader_is_not_stalled"),
    # Memory orders: what x86 hides, the sanitizer sees.
    ("EP2: a section's end releases nothing", SECTION, CLOSE,
     "	pendi_store_relaxed(&self->section, pendi_section_exit(section));", "steps, tsan"),
    ("EP2: a scan acquires nothing", NATIVE, SCAN,
     "			pendi_load_relaxed(&pendi_thread_records[number].section);",
     "torture, tsan"),
    ("EP3: an advance orders nothing", NATIVE,
     "pendi_cas_acq_rel(&pendi_native.epoch, &epoch, epoch + 1, EP3, EP3)",
     "pendi_cas_relaxed(&pendi_native.epoch, &epoch, epoch + 1)", "steps, tsan"),
    ("EP3: nobody acquires the epoch", NATIVE, TAKE, TAKE_RELAXED, "steps, tsan",
     ((ADVANCE, ADVANCE_RELAXED),
      (SECTION, OPEN, "	const uint32_t epoch = pendi_load_relaxed(&pendi_native.epoch);"))),
    ("EP4: a push releases nothing", NATIVE, "pendi_cas_release(bag, &head, first, EP4)",
     "pendi_cas_relaxed(bag, &head, first)", "nodes_arrive_as_they_were_sent, tsan"),
    ("EP4: who takes a bag acquires nothing", NATIVE,
     "pendi_exchange_acq_rel(&lane->bags[*bag], NULL, EP4, EP5)",
     "pendi_exchange_release(&lane->bags[*bag], NULL, EP5)",
     "nodes_arrive_as_they_were_sent, tsan",
     (("pendi_load_acquire(&lane->bags[*bag], EP5)", "pendi_load_relaxed(&lane->bags[*bag])"),)),
    ("EP6: a turn ends relaxed", NATIVE, "pendi_store_release(&self->turns, turns + 2, EP6)",
     "pendi_store_relaxed(&self->turns, turns + 2)", "barrier_waits_for_a_running_function, tsan"),
    ("TR1: a record is given back relaxed", THREAD, "pendi_store_release(&record->owner, 0, TR1)",
     "pendi_store_relaxed(&record->owner, 0)", "threads_reuse_records, tsan"),
    # Over liburcu.
    ("UR1: a section's end releases nothing", URCU,
     "pendi_store_release(&self->section, pendi_section_exit(section), UR1)",
     "pendi_store_relaxed(&self->section, pendi_section_exit(section))", "torture, urcu"),
    ("UR2: a push releases nothing", URCU,
     "pendi_cas_release(&lane->incoming, &head, first, UR2)",
     "pendi_cas_relaxed(&lane->incoming, &head, first)", "nodes_arrive_as_they_were_sent, urcu"),
    ("UR3: who arms a lane releases nothing", URCU,
     "pendi_store_release(&lane->waiting, chain, UR3)",
     "pendi_store_relaxed(&lane->waiting, chain)", "nodes_arrive_as_they_were_sent, urcu"),
    ("UR4: a lane goes idle relaxed", URCU,
     "pendi_cas_release(&lane->incoming, &nothing_new, NULL, UR4)",
     "pendi_cas_relaxed(&lane->incoming, &nothing_new, NULL)",
     "barrier_waits_for_a_running_function, urcu"),
))

if __name__ == "__main__":
    sys.exit(main(Suite("epoch", tuple(f"platform/{name}.c" for name in
                                       ("clock", "cpu", "futex", "membarrier", "memory",
                                        "script")), TESTS, MUTANTS)))
