#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutants_stress.py - plants faults anywhere in the library, one at a time, and runs the stress
program whose account must notice. Chance decides in which attempt: threads must meet.

What passes for a moment only is for others: that a deadline which has passed is moved takes a
window of nanoseconds (mutant.map and the model checker find it).
tests/mutants/planted.py says how a mutant is judged, and how this is called. The time limit of a
program itself does not count either.
"""
import sys

from planted import ASAN, Mutant, Suite, Test, main

LIBRARY = ("platform/*.c", "epoch/[!u]*.c", "engine/*/*.c")
PARTS = tuple(f"stress/{name}.c" for name in
              ("cpuset", "gate", "harness", "ledger", "leftovers", "load", "machine",
               "orchestrator", "recorder", "team", "victim"))
OPTIMIZED = ("-O2",)  # last counts
FILES = {
    "exhaust": ("stress/refusal.c",),
    "linear": ("tests/support/linear.c",),
    "map": ("stress/map_calls.c", "stress/map_remember.c"),
}
ARGUMENTS = {
    "deadline": "--seconds 2",
    "epoch": "--seconds 6 --threads 8",
    "exhaust": "--seconds 8 --threads 16",
    "fork": "--seconds 2",
    "index": "--seconds 6 --threads 8",
    "kill": "--seconds 3",
    "linear": "--seconds 6 --threads 4",
    "map": "--seconds 6 --threads 8",
    "queue": "--seconds 6 --threads 8",
    "runtime": "--seconds 2",
    "thread": "--seconds 8 --rounds 12000",
}
SCHEDULE = "two threads must meet within nanoseconds: mutant.model finds it by a schedule"
ATTEMPTS = 5


def stress(name, flags=OPTIMIZED):
    return Test((f"stress/{name}.c", *FILES.get(name, ()), *PARTS), flags,
                ARGUMENTS[name] + " --seed {seed}", ATTEMPTS,
                own=("-DEPOCH_IS_NATIVE",) if name == "fork" else ())


TESTS = {f"stress.{name}": stress(name) for name in ARGUMENTS}
# What is freed too early is seen there, and only crashes otherwise.
TESTS["stress.runtime-asan"] = stress("runtime", (*OPTIMIZED, *ASAN))

MUTANTS = tuple(Mutant(*m) for m in (
    # map.c
    ("double completion: the decision is a load and a store", "A", "engine/map/complete.c",
     "	} while (!pendi_cas_acq_rel(&at->word, &word, step->word, SL1, SL3));",
     "	if (pendi_load_relaxed(&at->word) == word) {\n"
     "		pendi_store_release(&at->word, step->word, SL3);\n"
     "		break;\n	}\n"
     "	word = pendi_load_relaxed(&at->word);\n"
     "	} while (1);",
     "stress.map"),
    ("double completion: a claim is a load and a store", "A", "engine/map/serve.c",
     "	} while (!pendi_cas_acq_rel(&at->word, &word, step.word, SL3, SL3));\n"
     "	if (step.duty == PENDI_DUTY_RERUN) {",
     "	} while (0);\n"
     "	pendi_store_release(&at->word, step.word, SL3);\n"
     "	if (step.duty == PENDI_DUTY_RERUN) {",
     "stress.map"),
    ("told again when it is free", "A", "engine/map/complete.c",
     "	pendi_slot_free(pendi_map_slot(map, slot), word);\n"
     "}\n",
     "	pendi_slot_free(pendi_map_slot(map, slot), word);\n"
     "	if (map->on_complete)\n"
     "		tell(map, slot, word);\n}\n",
     "stress.map"),
    ("a completion is not counted", "I", "engine/map/complete.c",
     "	pendi_tally_add(&map->tally, PENDI_COUNT_BY_ORIGIN + "
     "pendi_word_origin(word), 1);\n",
     "",
     "stress.map"),
    ("a scan forgets one at each border", "J", "engine/map/scan.c",
     "	return (int)found;",
     "	cursor->position += found == count;\n"
     "	return (int)found;",
     "stress.map"),
    ("a closed frame has nothing done", "B", "engine/map/frame.c",
     "	pendi_map_carry_out(map, slot, &step);\n",
     "",
     "stress.map"),
    ("frames are not opened", "B", "engine/map/pend.c",
     "pendi_slot_publish(at, frame)",
     "pendi_slot_publish(at, frame && false)",
     "stress.map"),
    ("a slot comes back at once, with readers inside", "E", "engine/map/recycle.c",
     "	pendi_epoch_retire(node);\n",
     "	node->reclaim(node);\n",
     "stress.map"),
    ("a stop does not wait for delivery", "F", "engine/map/control.c",
     "	return wait_for_all(map, begin_ns, timeout_ns);",
     "	(void)wait_for_all;\n	return 0;",
     "stress.map"),
    ("what its hold refused keeps its slot", "D", "engine/map/pend.c",
     "	pendi_slot_disarm(at);\n"
     "	pendi_recycler_return(&map->recycler, slot);\n"
     "	pendi_tally_add(&map->tally, PENDI_COUNT_REFUSED_HOLD, 1);\n",
     "	pendi_slot_disarm(at);\n"
     "	pendi_tally_add(&map->tally, PENDI_COUNT_REFUSED_HOLD, 1);\n",
     "stress.map"),
    ("its hold's refusal is ignored", "I", "engine/map/pend.c",
     "		if (PENDI_UNLIKELY(error))\n"
     "			return error;\n	}\n"
     "	*handle =",
     "		(void)error;\n	}\n	*handle =",
     "stress.map"),
    ("a decision during a re-run is overwritten", "A", "engine/map/rerun.c",
     "} while (!pendi_cas_acq_rel(&at->word, &word, step.word, SL3, SL1));",
     "} while (0);\n"
     "	pendi_store_release(&at->word, step.word, SL1);",
     "stress.map"),
    ("a copy is not validated", "E", "engine/map/lookup.c",
     "	if "
     "(!pendi_word_same_generation(pendi_load_relaxed(&at->word), handle))\n"
     "		return -ENOENT;\n",
     "",
     "stress.map"),
    ("a bunch loses its last slot", "D", "engine/slot/pool.c",
     "for (uint32_t i = count; i-- > 1;)",
     "for (uint32_t i = count; i-- > 2;)",
     "stress.map"),
    ("the generation stays when the slot is freed", "A", "engine/slot/word.h",
     "PENDI_ALWAYS_INLINE uint64_t pendi_word_finish(uint64_t word)\n"
     "{\n	return pendi_word_next_generation(word);",
     "PENDI_ALWAYS_INLINE uint64_t pendi_word_finish(uint64_t word)\n"
     "{\n	return word & PENDI_WORD_GENERATION_MASK;",
     "stress.map"),
    # exhaust.c
    ("overshoot: four slots more than max_entries", "D", "engine/map/map.c",
     "		.entries = options->max_entries,\n"
     "		.reserve = reserve,\n	};\n",
     "		.entries = options->max_entries + 4,\n"
     "		.reserve = reserve,\n	};\n",
     "stress.exhaust"),
    ("a refused key keeps its slot", "D", "engine/map/pend.c",
     "		pendi_recycler_return(&map->recycler, slot);\n",
     "",
     "stress.exhaust"),
    ("stranded: thieves leave pockets out", "D", "engine/slot/pool.c",
     "return slot != PENDI_SLOT_NONE ? slot : steal_pockets(pool);",
     "(void)steal_pockets; return slot;",
     "stress.exhaust"),
    ("a put does not tell who is proving that there is nothing", "D", "engine/slot/pool.h",
     "	if (PENDI_UNLIKELY((full & PENDI_FULL_STATE) != PENDI_FULL_OPEN))\n"
     "		pendi_pool_tell(pool, full, head);",
     "	(void)full; (void)head;",
     "stress.exhaust"),
    ("an owner takes the last slot of its pocket unasked", "D", "engine/slot/pocket.h",
     "	if (top != bottom || !pendi_cas_relaxed(&pocket->top, &top, top + 1))",
     "	if (top != bottom || (pendi_store_relaxed(&pocket->top, top "
     "+ 1), false))",
     "stress.exhaust", (), SCHEDULE),
    ("no second look before FULL", "D", "engine/slot/pool.c",
     "		slot = steal(pool, magazine);\n"
     "		if (slot != PENDI_SLOT_NONE)\n"
     "			return slot;\n"
     "		/* relaxed: success",
     "		(void)slot; (void)steal;\n"
     "		/* relaxed: success",
     "stress.exhaust"),
    # index.c
    ("a place at home is not noted", "unique", "engine/index/insert.c",
     "	pendi_store_relaxed(&at->displacement, 0);\n"
     "	while",
     "	while",
     "stress.index"),
    ("no scan after the announcement", "unique", "engine/index/insert.c",
     "		if (!PENDI_LIKELY(alone(index, home, tag) &&",
     "		(void)alone;\n"
     "		if (!PENDI_LIKELY(",
     "stress.index"),
    ("a contender counts as a holder", "unique", "engine/index/insert.c",
     "		if (pendi_word_state(rival.word) != PENDI_SLOT_CONTEST) {",
     "		if (rival.slot != favourite) {",
     "stress.index"),
    ("find believes the tag", "unique", "engine/index/index.c",
     "	if (!pendi_equal_acquire(pendi_slab_key(index->slab, slot), "
     "key->bytes, index->key_size,\n"
     "				 SL2))\n"
     "		return false;\n",
     "",
     "stress.index", (),
     "two keys must have one tag and meet: mutant.index and its torture test see to that"),
    ("a replaced value is reused with readers inside", "unique", "engine/map/continuation.c",
     "	free_slot(map, found->slot);\n"
     "	pendi_recycler_retire(&map->recycler, found->slot);\n",
     "	free_slot(map, found->slot);\n"
     "	pendi_recycler_return_spare(&map->recycler, attempt->cpu, "
     "found->slot);\n",
     "stress.index"),
    # epoch.c
    ("a replaced value is reused with readers inside (epoch)", "E", "engine/map/continuation.c",
     "	free_slot(map, found->slot);\n"
     "	pendi_recycler_retire(&map->recycler, found->slot);\n",
     "	free_slot(map, found->slot);\n"
     "	pendi_recycler_return_spare(&map->recycler, attempt->cpu, "
     "found->slot);\n",
     "stress.epoch"),
    ("a grace period does not wait: advance sees no reader", "E", "epoch/native.c",
     "(any || pendi_section_epoch(section) != epoch)",
     "any",
     "stress.epoch"),
    # queue.c
    ("lost hint: those of one slot in 64 are never sent", "C", "engine/map/serve.c",
     "	if (PENDI_UNLIKELY(!pendi_engine_hint(&map->client, "
     "home_of_slot(map, slot), slot)))",
     "	if (slot % 64 != 5 && "
     "PENDI_UNLIKELY(!pendi_engine_hint(&map->client, "
     "home_of_slot(map, slot), slot)))",
     "stress.queue"),
    ("wrong CPU: completions go to who decides", "C", "engine/map/serve.c",
     "	return pendi_load_relaxed(&pendi_map_slot(map, slot)->home);",
     "	return pendi_cpu_current();",
     "stress.queue"),
    ("wrong CPU: a batch goes to the home of its first", "C", "engine/map/serve.c",
     "end < count && home_of_slot(map, slots[end]) == home; end++)",
     "end < count; end++)",
     "stress.queue"),
    # linear.c
    ("a lookup does not look again", "unique", "engine/index/index.c",
     "	} while (cell != before);\n	return false;",
     "	} while (0);\n	(void)before;\n"
     "	return false;",
     "stress.linear"),
    ("any is refused for a rival", "unique", "engine/map/continuation.c",
     "return update == PEND_UPDATE_NOEXIST ? -EEXIST : AGAIN;",
     "return -EEXIST;",
     "stress.linear"),
    ("no scan after the announcement (linear)", "unique", "engine/index/insert.c",
     "		if (!PENDI_LIKELY(alone(index, home, tag) &&",
     "		(void)alone;\n"
     "		if (!PENDI_LIKELY(",
     "stress.linear"),
    ("a contender counts as a holder (linear)", "unique", "engine/index/insert.c",
     "		if (pendi_word_state(rival.word) != PENDI_SLOT_CONTEST) {",
     "		if (rival.slot != favourite) {",
     "stress.linear"),
    ("an insert does not look again", "unique", "engine/index/insert.c",
     "		if (pendi_load_acquire(at, IX1) != cell)\n"
     "			continue;\n"
     "		if (!concerned)\n",
     "		if (concerned && pendi_load_acquire(at, IX1) != cell)\n"
     "			continue;\n"
     "		if (!concerned)\n",
     "stress.linear"),
    # deadline.c
    ("a moved deadline is not armed", "C", "engine/map/deadline.c",
     "		pendi_map_look_by(map, slot, effective_due(map, at, "
     "due_after));\n",
     "		(void)at;\n",
     "stress.deadline"),
    ("an expired operation is decided, and no more", "C", "engine/map/deadline.c",
     "	pendi_map_serve_from(map, slot, pass->shard);\n}\n",
     "}\n",
     "stress.deadline"),
    ("short lives are not armed", "C", "engine/map/pend.c",
     " && life >= map->cover_ns))",
     "))",
     "stress.deadline"),
    # runtime.c
    ("for a moment there is none", "G", "engine/runtime/update.c",
     "step->next, step->old, step->fresh)",
     "step->next, step->old, NULL)",
     "stress.runtime"),
    ("another seed", "H", "engine/runtime/reinvoke.c",
     ".seed = record->seed,",
     ".seed = 0,",
     "stress.runtime"),
    ("another CPU", "H", "engine/runtime/reinvoke.c",
     ".placed = true",
     ".placed = false",
     "stress.runtime"),
    ("pended without a frame", "B", "engine/runtime/pending.c",
     "{ .flags = PEND_REQUEST_FRAME }",
     "{ .flags = 0 }",
     "stress.runtime"),
    ("freed with pends", "G", "engine/runtime/attachment.c",
     "return dones == *pends &&",
     "return true &&",
     "stress.runtime-asan"),
    ("cleaned before its readers left", "G", "engine/runtime/cleaner.c",
     "pendi_epoch_retire(&remnant->node);",
     "cleaner_hand_in(&remnant->node);",
     "stress.runtime-asan"),
    ("a detach waits for nobody", "G", "engine/runtime/attachment.c",
     "	(void)pendi_epoch_synchronize();\n	if (returns)\n",
     "	if (returns)\n",
     "stress.runtime-asan"),
    # thread.c
    ("a cancelled thread ends inside a pend", "E", "platform/event.h",
     "	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);\n"
     "	error = write",
     "	(void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);\n"
     "	error = write",
     "stress.thread"),
    ("a dead thread's section stays open", "E", "epoch/native.c",
     "	if (record->nest) {\n"
     "		record->nest = 0;\n"
     "		close_section(record);\n	}\n",
     "	record->nest = 0;\n",
     "stress.thread"),
    ("a dead thread keeps its record", "E", "epoch/thread.c",
     "	pendi_thread_self = 0;\n	free_record(record);",
     "	pendi_thread_self = 0;",
     "stress.thread"),
    # fork.c
    ("the parent's maps and engines live in the child", "fork", "engine/object/roster.c",
     "		pendi_store_relaxed(&entry->stage, PENDI_STAGE_DEAD);\n"
     "}\n\nvoid *",
     "		(void)entry;\n}\n\nvoid *",
     "stress.fork"),
    ("the parent's sessions live in the child", "fork", "engine/session/registry.c",
     "						      PENDI_SEAT_FREE));",
     "						      PENDI_SEAT_OPEN));",
     "stress.fork"),
    ("an eventfd is inherited", "fork", "engine/shard/watch.c",
     "EFD_CLOEXEC",
     "0",
     "stress.fork"),
    # kill.c
    ("what was to be permitted is blocked", "E", "engine/session/loss.c",
     "		loss.action = PEND_ACTION_PERMIT_SOFT;",
     "		loss.action = PEND_ACTION_BLOCK;",
     "stress.kill"),
    ("a lost session's operations are not ended", "E", "engine/session/loss.c",
     "	if (lost != PENDI_SEAT_WAITING)\n"
     "		pendi_engine_each(",
     "	if (0)\n		pendi_engine_each(",
     "stress.kill"),
    ("what was to be kept is blocked", "E", "engine/session/loss.c",
     "		loss.action = PEND_ACTION_PENDING; /* blocks those without "
     "a deadline */",
     "		loss.action = PEND_ACTION_BLOCK;",
     "stress.kill"),
    ("a lease outlives who held it", "E", "engine/session/lease.c",
     "	return ends[1];",
     "	return dup(ends[1]);",
     "stress.kill"),
    ("pended while its session is lost, and forgotten", "E", "engine/session/session.c",
     "	return fates[pendi_seat_state(",
     "	return 0 * fates[pendi_seat_state(",
     "stress.kill", (),
     "a pend must commit in the moment of the loss: mutant.session sees to that"),
))

if __name__ == "__main__":
    sys.exit(main(Suite("engine", LIBRARY, TESTS, MUTANTS)))
