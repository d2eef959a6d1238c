#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutants.py - plants faults in engine/map, one at a time, and runs the test that must notice.

Each mutant is an exact piece of source text and what takes its place, and names the guarantee that
it breaks ("linear": a key that is there is found, and is there once). It counts as killed if a
check of the named test fails, or the test crashes; running out of time does not count, nor does a
mutant that does not compile. The library is compiled with the atomics of
tests/support/chaos_oracle.h, which let other threads in. Mutants that a unit test of one thread
kills name the test; where Criterion is not installed they are left out.

Usage: mutants.py ROOT [--compiler CC] [--only PART-OF-NAME] [--jobs N] [--list]
Exit 0 if every mutant was killed, 1 if not.
"""
import argparse
import collections
import concurrent.futures
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

TIMEOUT_S, ATTEMPTS = 90, 3
FLAGS = ["-std=c17", "-D_GNU_SOURCE", "-O1", "-w", "-pthread",
         '-DPENDI_ATOMIC_BACKEND="tests/support/chaos_oracle.h"']
FOLDERS = ("platform", "epoch", "engine/object", "engine/slot", "engine/index", "engine/queue",
           "engine/deadline", "engine/shard", "engine/session", "engine/map")
WITHOUT = ("epoch/urcu.c",)

RACES = "--rounds 100000 --only races"
PEND, COMPLETE, RERUN, LOOKUP, SCAN, MAP, RECYCLE, CONTINUATION = (
    f"engine/map/{name}.c" for name in ("pend", "complete", "rerun", "lookup", "scan", "map",
                                        "recycle", "continuation"))
(SERVE, DEADLINE, CONTROL, OWNER, ADMIT, FRAME, UPSTREAM, BATCH) = (
    f"engine/map/{name}.c" for name in ("serve", "deadline", "control", "owner", "admit", "frame",
                                        "upstream", "batch"))
FIND, INSERT = "engine/index/index.c", "engine/index/insert.c"
TESTS = {
    "bound": [f"tests/map/{name}.c" for name in ("torture_bound", "torture_refusals")],
    "map": [f"tests/map/{name}.c" for name in
            ("torture_map", "torture_races", "torture_pointers", "torture_continuation",
             "continuation_keys", "torture_linear")] + ["tests/support/linear.c"],
    "oom": ["tests/map/oom.c"],
}
UNIT_TESTS = ("frame", "deadline", "home", "cover", "extend", "control", "drain", "owner", "quota",
              "upstream", "hold")

Mutant = collections.namedtuple("Mutant", "name guarantee file old new test arguments")

MUTANTS = (
    # Deciding and finishing.
    ("the decision is a load and a store", "A", COMPLETE,
     "} while (!pendi_cas_acq_rel(&at->word, &word, step->word, SL1, SL3));",
     "	if (pendi_load_relaxed(&at->word) == word) {\n"
     "		pendi_store_release(&at->word, step->word, SL3);\n		break;\n	}\n"
     "	word = pendi_load_relaxed(&at->word);\n	} while (1);", "map", RACES),
    ("told again when it is free", "A", COMPLETE,
     "	pendi_slot_free(pendi_map_slot(map, slot), word);\n}\n",
     "	pendi_slot_free(pendi_map_slot(map, slot), word);\n"
     "	if (map->on_complete)\n		tell(map, slot, word);\n}\n", "map", RACES),
    ("the slot can be taken before it is finished", "A", SERVE,
     "		pendi_map_finish(map, slot, step->word);\n"
     "		pendi_recycler_put(&map->recycler, slot);\n",
     "		pendi_recycler_put(&map->recycler, slot);\n"
     "		pendi_map_finish(map, slot, step->word);\n", "map", RACES),
    ("a decision during a re-run is overwritten", "A", RERUN,
     "} while (!pendi_cas_acq_rel(&at->word, &word, step.word, SL3, SL1));",
     "} while (0);\n	pendi_store_release(&at->word, step.word, SL1);", "map", RACES),
    ("a re-run is queued twice", "B", RERUN,
     "	pendi_pool_put(&map->reruns, 0, slot);\n",
     "	pendi_pool_put(&map->reruns, 0, slot);\n	(void)pendi_map_rerun_one(map);\n"
     "	end_rerun(map, slot, 0);\n", "map", RACES),
    ("destroying completes nothing", "A", CONTROL,
     "	decide_all(map, PEND_ORIGIN_DESTROY);\n", "", "map", RACES),
    # Pending.
    ("visible before it is filled", "A", PEND,
     "	fill_operation(map, at, request, now, due_ns);\n	if (map->engine)\n"
     "		cover(map, slot, life, due_ns);\n	if (PENDI_UNLIKELY(request->hold != NULL)) {",
     "	*handle = pendi_handle_make(pendi_slot_publish(at, frame), slot);\n"
     "	fill_operation(map, at, request, now, due_ns);\n	(void)cover;\n	(void)hold;\n"
     "	return 0;\n	{", "map", RACES),
    ("a refused key keeps its slot", "D", PEND,
     "		pendi_recycler_return(&map->recycler, slot);\n", "", "bound",
     "--rounds 5000 --only keys"),
    ("one slot more than max_entries", "D", RECYCLE,
     "	error = pendi_pool_init(&recycler->free, &recycler->slab, 0, shape->entries, cpus,\n",
     "	error = pendi_pool_init(&recycler->free, &recycler->slab, 0,\n"
     "				shape->entries + (shape->reserve != 0), cpus,\n", "bound",
     "--rounds 5000 --only pointers"),
    ("more slots than max_entries", "D", MAP,
     "		.entries = options->max_entries,\n		.reserve = reserve,\n	};\n",
     "		.entries = options->max_entries + 4,\n		.reserve = reserve,\n	};\n",
     "bound", "--rounds 5000 --only race"),
    ("a refusal is not counted", "I", COMPLETE,
     "		pendi_tally_add(&map->tally, PENDI_COUNT_DUPLICATES, 1);\n", "		(void)map;\n",
     "bound", "--rounds 5000"),
    ("a completion is not counted", "I", COMPLETE,
     "	pendi_tally_add(&map->tally, PENDI_COUNT_BY_ORIGIN + pendi_word_origin(word), 1);\n", "",
     "bound", "--rounds 5000"),
    # Reading.
    ("a copy is not validated", "E", LOOKUP,
     "	if (!pendi_word_same_generation(pendi_load_relaxed(&at->word), handle))\n"
     "		return -ENOENT;\n", "", "map", RACES),
    ("a scan forgets one at each border", "J", SCAN,
     "	return (int)found;", "	cursor->position += found == count;\n	return (int)found;", "map",
     RACES),
    ("a scan begins again too early", "J", SCAN,
     "		cursor->position = (uint64_t)slot + 1;\n",
     "		cursor->position = (uint64_t)slot + (found < count);\n", "map", RACES),
    # Allocation.
    ("a rung of the ladder is skipped", "no leak", MAP,
     "	pendi_pool_fini(&map->reruns, allocator);\n", "	;\n", "oom", ""),
    ("the first rung is skipped", "no leak", RECYCLE,
     "fail_free:\n	pendi_slab_fini(&recycler->slab, allocator);\n", "fail_free:\n", "oom", ""),
    ("the continuation map's ladder skips a rung", "no leak",
     "engine/map/continuation_map.c",
     "fail_index:\n	pendi_tally_fini(&map->tally, &map->allocator);\n", "fail_index:\n", "oom", ""),
    # Recycling through the epoch.
    ("a slot comes back at once, with readers inside", "E", RECYCLE,
     "	pendi_epoch_retire(node);\n", "	node->reclaim(node);\n", "map",
     "--rounds 20000 --only hold"),
    ("a debt is forgotten", "D", RECYCLE,
     "		(void)pendi_fetch_add_relaxed(&recycler->debt, DEBT_INCURRED_ONE);\n",
     "		(void)DEBT_INCURRED_ONE;\n", "map", "--rounds 20000 --only stalls"),
    ("a debt is paid twice", "D", RECYCLE,
     "		if (slot != PENDI_SLOT_NONE && claim_debt(recycler)) {\n",
     "		if (slot != PENDI_SLOT_NONE) {\n", "bound", "--rounds 20000 --only pointers"),
    ("held back is called full", "D", RECYCLE,
     "*error = owed ? -EAGAIN : -ENOSPC;", "*error = -ENOSPC;", "map",
     "--rounds 20000 --only stalls"),
    # The continuation map.
    ("a lookup does not look again", "linear", FIND,
     "	} while (cell != before);\n	return false;", "	} while (0);\n	(void)before;\n	return false;",
     "map", "--rounds 100000 --only continuation"),
    ("an insert does not look again", "linear", INSERT,
     "		if (pendi_load_acquire(at, IX1) != cell)\n			continue;\n"
     "		if (!concerned)\n",
     "		if (concerned && pendi_load_acquire(at, IX1) != cell)\n			continue;\n"
     "		if (!concerned)\n", "map", "--rounds 200000 --only linearizable"),
    ("a place at home is not noted", "linear", INSERT,
     "	pendi_store_relaxed(&at->displacement, 0);\n	while", "	while", "map",
     "--rounds 60000 --only home"),
    ("any is refused for a rival", "linear", CONTINUATION,
     "return update == PEND_UPDATE_NOEXIST ? -EEXIST : AGAIN;", "return -EEXIST;", "map",
     "--rounds 100000 --only linearizable"),
    ("a replaced value is reused with readers inside", "E", CONTINUATION,
     "	free_slot(map, found->slot);\n	pendi_recycler_retire(&map->recycler, found->slot);\n",
     "	free_slot(map, found->slot);\n"
     "	pendi_recycler_return_spare(&map->recycler, attempt->cpu, found->slot);\n", "map",
     "--rounds 20000 --only continuations"),
    ("a deleted value is reused with readers inside", "E", CONTINUATION,
     "	pendi_recycler_put(&map->recycler, found->slot);\n",
     "	pendi_recycler_return(&map->recycler, found->slot);\n", "map",
     "--rounds 20000 --only continuations"),
    ("an unused spare is kept", "D", CONTINUATION,
     "		pendi_recycler_return_spare(&attempt->map->recycler, attempt->cpu, attempt->spare);\n",
     "", "map", "--rounds 20000 --only continuations"),
    # Serving (guarantees A, B, E).
    ("a hint is served without a claim", "A", SERVE,
     "	} while (!pendi_cas_acq_rel(&at->word, &word, step.word, SL3, SL3));\n"
     "	if (step.duty == PENDI_DUTY_RERUN) {", "	} while (0);\n"
     "	if (step.duty == PENDI_DUTY_RERUN) {", "frame", "one_serves"),
    ("a look tells where it is", "home", SERVE, "	if (home == shard)\n", "	if (true)\n", "home",
     "what_meets_its_deadline_is_told_at_home"),
    ("a look whose hint finds the queue full leaves it", "C", SERVE,
     "	else if (!pendi_engine_hint(&map->client, home, slot))\n"
     "		(void)pendi_map_serve_away(map, slot);\n",
     "	else\n		(void)pendi_engine_hint(&map->client, home, slot);\n", "home",
     "if_the_queue_is_full_who_looks_tells_and_counts"),
    ("what is told away is not counted", "I", SERVE,
     "	if (served)\n		pendi_tally_add(&map->tally, PENDI_COUNT_AWAY, 1);\n", "", "home",
     "if_the_queue_is_full_who_looks_tells_and_counts"),
    ("completions go to who decides", "home", SERVE,
     "	return pendi_load_relaxed(&pendi_map_slot(map, slot)->home);",
     "	return pendi_cpu_current();", "frame", "completions_go_home"),
    ("a batch goes to the home of its first", "home", SERVE,
     "end < count && home_of_slot(map, slots[end]) == home; end++)", "end < count; end++)",
     "frame", "completions_go_home"),
    ("what finds the queue full is forgotten", "C", SERVE,
     "	pendi_map_look_by(map, slot, 0);\n", "	(void)slot;\n", "deadline",
     "a_full_queue_delays_by_a_tick"),
    ("the first of a batch that finds the queue full is forgotten", "C", SERVE,
     "for (uint32_t i = begin + sent; i < end; i++)",
     "for (uint32_t i = begin + sent + 1; i < end; i++)", "deadline",
     "a_full_queue_delays_by_a_tick"),
    ("nobody is told after a continuer that stopped", "E", SERVE,
     "	return map->engine && pendi_word_state(word) == PENDI_SLOT_RERUN &&",
     "	return false && pendi_word_state(word) == PENDI_SLOT_RERUN &&", "deadline",
     "a_continue_that_nobody_was_told_of"),
    # Frames (guarantee B).
    ("frames are not opened", "B", PEND,
     "pendi_slot_publish(at, frame)", "pendi_slot_publish(at, frame && false)", "frame",
     "what_is_decided_in_it_is_told_after_it"),
    ("the program's verdict is ignored", "B", FRAME,
     "step = pendi_word_frame_exit(word, pendi_map_action_of((int)verdict),",
     "(void)verdict;\n		step = pendi_word_frame_exit(word, 0,", "frame",
     "a_verdict_at_its_end_completes"),
    ("a closed frame has nothing done", "B", FRAME,
     "	pendi_map_carry_out(map, slot, &step);\n", "", "frame",
     "what_is_decided_in_it_is_told_after_it"),
    ("another generation's frame is closed", "B", FRAME,
     "		if (PENDI_UNLIKELY(!pendi_word_same_generation(word, handle)))\n"
     "			return -ENOENT;\n", "", "frame", "it_is_closed_once"),
    ("a frame outlives its map", "A", CONTROL, "		end_frame(map, slot);\n",
     "		(void)end_frame;\n", "frame", "destroying_ends_it"),
    # Deadlines (guarantee C).
    ("short lives are not armed", "C", PEND, " && life >= map->cover_ns))", "))", "deadline",
     "of_every_length"),
    ("slots never count as in the agenda", "cost", PEND,
     "	pendi_store_relaxed(&at->timed, PENDI_TIMED_IN);\n",
     "	pendi_store_relaxed(&at->timed, PENDI_TIMED_OUT);\n", "cover",
     "of_a_slot_in_use_costs_nothing"),
    ("a slot counts as in the agenda before it is armed", "C", PEND,
     "	pendi_map_look_by(map, slot, due_ns);\n", "", "deadline", "of_every_length"),
    ("the border between parts is one off", "C", DEADLINE,
     "((((uint64_t)slot + 1) * map->shards - 1) / map->recycler.slab.count)",
     "((uint64_t)slot * map->shards / map->recycler.slab.count)", "deadline", "of_every_slot"),
    ("a slot that is being armed is let go", "C", DEADLINE,
     "	default:\n		return pass->soon;", "	default:\n		return PENDI_TICK_NEVER;",
     "cover", "a_pender_may_stop"),
    ("a free slot leaves at once", "C", DEADLINE,
     "	if (timed == PENDI_TIMED_OUT)\n		return PENDI_TICK_NEVER;",
     "	if (timed != PENDI_TIMED_LEAVING)\n		return PENDI_TICK_NEVER;", "cover",
     "a_slot_on_its_way_out_is_kept"),
    ("a slot leaves without a barrier", "C", DEADLINE,
     "	else if (pendi_membarrier())\n		return;", "	else if (false)\n		return;",
     "cover", "leaving_takes_a_barrier"),
    ("an idle slot never leaves", "cost", DEADLINE,
     "(void)pendi_cas_relaxed(&at->timed, &mark, PENDI_TIMED_OUT);", "(void)mark;", "cover",
     "an_idle_slot_is_left_alone_and_comes_back"),
    ("nobody looks after a decider that stopped", "C", DEADLINE,
     "	case PENDI_SLOT_COMPLETING:\n		pendi_map_serve_from(map, slot, pass->shard);\n",
     "	case PENDI_SLOT_COMPLETING:\n", "deadline",
     "a_decision_that_nobody_was_told_of_is_carried_out"),
    ("an expired operation is decided, and no more", "C", DEADLINE,
     "	pendi_map_serve_from(map, slot, pass->shard);\n}\n", "}\n", "deadline", "of_every_length"),
    ("what has passed is moved", "C", DEADLINE,
     "		if (due & PENDI_DUE_PASSED)\n			return -EALREADY;\n", "", "extend",
     "what_has_passed_is_not_moved"),
    ("who was asked to permit blocks", "C", DEADLINE,
     "map->flags & PEND_MAP_DEADLINE_PERMITS", "false", "deadline",
     "a_map_that_only_watches_permits"),
    ("a deadline comes early", "C", DEADLINE,
     "		if (due_ns > pass->now->now_ns)",
     "		if (due_ns > pass->now->now_ns + 1000000)",
     "deadline", "of_every_length"),
    ("sleep is not counted", "C", DEADLINE,
     "	return map->engine ? pendi_engine_suspended(map->engine, pended_ns) : 0;",
     "	(void)pended_ns;\n	return 0;", "extend", "what_slept_too_is_stale"),
    ("an extension pays for the sleep before it", "C", DEADLINE,
     "pendi_clock_coarse_ns() + slept_since_pend(map, at) + deadline_ns",
     "pendi_clock_coarse_ns() + deadline_ns", "extend", "extended_after_a_suspend"),
    ("a lifetime is not checked", "C", DEADLINE,
     "	if (due_ns > end_ns)\n		return -ERANGE;\n", "	(void)end_ns;\n", "extend",
     "a_lifetime_ends_it_all"),
    ("holding shortens", "C", DEADLINE, "due_ns > end_ns ? due_ns : end_ns", "end_ns", "extend",
     "hold_never_shortens"),
    ("another cycle has the deadline of the first", "C", RERUN,
     "		pendi_map_renew(map, slot, word);\n", "		;\n", "extend",
     "each_cycle_has_its_own"),
    ("another cycle outlives the lifetime", "C", DEADLINE,
     "	due_ns = due_ns < end_ns ? due_ns : end_ns;\n", "	(void)end_ns;\n", "extend",
     "each_cycle_has_its_own"),
    ("a moved deadline is not armed", "C", DEADLINE,
     "		pendi_map_look_by(map, slot, effective_due(map, at, due_after));\n",
     "		(void)at;\n", "extend", "extend_moves_it_both_ways"),
    # Stopping (guarantee F).
    ("a pender is outside of the gate", "F", PEND,
     "		return refuse_closed(map);\n	error =",
     "		return refuse_closed(map);\n	pendi_gate_leave(&map->tally);\n"
     "	pendi_gate_enter(&map->tally, map->light);\n	pendi_gate_leave(&map->tally);\n"
     "	error =", "control", "a_stop_in_the_middle_of_a_pend"),
    ("a stop does not wait for penders", "F", CONTROL,
     "	int error = pendi_gate_wait(&map->tally, map->light, timeout_ns);\n\n	if (error)\n"
     "		return error;\n	decide_all(map, PEND_ORIGIN_DRAIN);",
     "	decide_all(map, PEND_ORIGIN_DRAIN);", "control", "a_stop_waits_for_penders"),
    ("a stop does not wait for delivery", "F", CONTROL,
     "	return wait_for_all(map, begin_ns, timeout_ns);",
     "	(void)wait_for_all;\n	return 0;", "control", "a_stop_waits_for_frames"),
    ("a stop waits for executors only", "F", CONTROL,
     "if (map->engine && pauses >= DRAIN_PATIENCE && pendi_map_serve_away(map, slot))",
     "if (false)", "control", "a_stop_waits_for_penders"),
    ("a stopped map pends", "F", BATCH,
     "	if (PENDI_UNLIKELY(!pendi_map_is_open(map))) {\n"
     "		refuse_group(map, requests, count, -ESHUTDOWN, handles, results);\n"
     "		return 0;\n	}\n", "", "control", "on_and_off_and_on"),
    ("the engine's state is ignored", "F", CONTROL,
     "own && (!map->engine || pendi_engine_enabled(map->engine))", "own", "control",
     "begins_disabled_in_an_engine"),
    ("an asynchronous stop reports at once", "F", CONTROL,
     "	if (!advance_drain(map)) {", "	if (advance_drain(map) && false) {", "drain",
     "an_asynchronous_stop_reports"),
    ("an asynchronous stop tells where it is", "home", CONTROL,
     "drain->waits < DRAIN_PATIENCE || ", "", "home", "an_asynchronous_stop_waits_for_home"),
    ("an asynchronous stop waits for home for ever", "F", CONTROL,
     "			drain->waits++;\n", "", "home", "a_stop_does_not_wait_for_home_for_ever"),
    ("an asynchronous stop decides nothing", "F", CONTROL,
     "	decide_all(map, PEND_ORIGIN_DRAIN);\n	/* [DR1.rel]", "	/* [DR1.rel]", "drain",
     "an_asynchronous_stop_reports"),
    ("an asynchronous stop of a map that goes is never reported", "F", CONTROL,
     "	if (pendi_load_relaxed(&map->drain.active))\n		report_drain(map);\n", "",
     "drain", "destroying_ends_an_asynchronous_stop"),
    ("functions may stop what waits for them", "F", CONTROL,
     "	return pendi_callback_innermost || (engine && pendi_engine_serving(engine));",
     "	return false;", "control", "functions_may_do_all_that_does_not_wait"),
    # Sessions and quotas.
    ("anybody completes", "owner", COMPLETE,
     "		if (PENDI_UNLIKELY(is_denied(map, at, origin, decision->owner)) && !step->result)",
     "		(void)is_denied;\n		if (false)", "owner", "only_its_session_completes"),
    ("a lost session takes the others along", "owner", OWNER,
     "pendi_load_acquire(&at->owner, SL2) != owner)\n			continue;\n		pendi_map_disown_one",
     "!pendi_load_acquire(&at->owner, SL2) || !owner)\n			continue;\n		pendi_map_disown_one",
     "owner", "lost_blocks"),
    ("what could wait for its deadline is blocked", "owner", OWNER,
     "		if (pendi_due_ns(due) != PEND_DEADLINE_NONE)\n			return;\n",
     "		(void)due;\n", "owner", "lost_keeps"),
    ("a refused pend keeps its notice and its bytes", "I", PEND,
     "		pendi_map_dismiss(map, &admission);\n", "		(void)pendi_map_dismiss;\n", "owner",
     "refusals_leave_no_trace"),
    ("what its hold refused keeps its slot", "D", PEND,
     "	pendi_slot_disarm(at);\n	pendi_recycler_return(&map->recycler, slot);\n"
     "	pendi_tally_add(&map->tally, PENDI_COUNT_REFUSED_HOLD, 1);\n",
     "	pendi_slot_disarm(at);\n	pendi_tally_add(&map->tally, PENDI_COUNT_REFUSED_HOLD, 1);\n",
     "hold", "what_it_refuses_never_was"),
    ("its hold's refusal is ignored", "I", PEND,
     "		if (PENDI_UNLIKELY(error))\n			return error;\n	}\n	*handle =",
     "		(void)error;\n	}\n	*handle =", "hold", "what_it_refuses_never_was"),
    ("a cancel asks who owns it", "A", COMPLETE,
     "pendi_map_complete(map, handle, PEND_ACTION_BLOCK, PEND_ORIGIN_CANCEL)",
     "pendi_map_complete(map, handle, PEND_ACTION_BLOCK, PEND_ORIGIN_ORCHESTRATOR)", "hold",
     "ends_an_operation_whoever_owns_it"),
    ("a session's refusal keeps bytes", "I", ADMIT,
     "	admission->ticket.seat = NULL;\n	if (admission->charge)\n"
     "		give_bytes(map, admission->charge);\n	pendi_tally_add",
     "	admission->ticket.seat = NULL;\n	pendi_tally_add", "owner",
     "refusals_leave_no_trace"),
    ("an engine's refusal keeps the map's bytes", "I", ADMIT,
     "	pendi_quota_give(&map->quota, charge);\n	return false;\n", "	return false;\n",
     "quota", "of_an_engine_is_shared"),
    ("the engine's bytes are not given back", "I", ADMIT,
     "		pendi_quota_give(pendi_engine_quota(map->engine), charge);\n",
     "		(void)charge;\n", "quota", "of_an_engine_is_shared"),
    ("the map's bytes are not given back", "I", ADMIT,
     "		pendi_quota_give(pendi_engine_quota(map->engine), charge);\n"
     "	pendi_quota_give(&map->quota, charge);\n",
     "		pendi_quota_give(pendi_engine_quota(map->engine), charge);\n", "quota",
     "of_a_map_is_exact"),
    ("a session's share is not given back", "I", ADMIT,
     "		pendi_session_release(map->engine, owner);\n", "		;\n", "owner",
     "stays_over_reruns"),
    # The facades.
    ("anybody stages", "owner", UPSTREAM,
     "		if (map->engine && pendi_load_acquire(&at->owner, SL2) != owner)\n"
     "			return -EPERM;\n", "		(void)owner;\n", "upstream",
     "belongs_to_its_session"),
    ("a delete forgets what is staged", "staged", UPSTREAM,
     "complete_upstream(map, key, PENDI_ACTION_STAGED, owner)",
     "complete_upstream(map, key, PEND_ACTION_BLOCK, owner)", "upstream",
     "an_update_decides_nothing_and_a_delete_does"),
    ("an update decides", "staged", UPSTREAM,
     "	return result_of_update(stage_verdict(map, key->pend_id, value->action, owner), flags);",
     "	(void)stage_verdict;\n"
     "	return result_of_update(complete_upstream(map, key, value->action, owner), flags);",
     "upstream", "an_update_decides_nothing_and_a_delete_does"),
    ("what a deadline drops is not counted", "I", COMPLETE,
     "		pendi_tally_add(&map->tally, PENDI_COUNT_STAGED_LOST, 1);\n", "		;\n",
     "upstream", "a_deadline_drops_what_is_staged"),
    ("what the program drops is not counted", "I", FRAME,
     "		pendi_tally_add(&map->tally, PENDI_COUNT_STAGED_LOST, 1);\n", "		;\n",
     "upstream", "whatever_drops_a_staged_verdict_is_counted"),
    ("an update of nothing is not refused as an insert", "K2", UPSTREAM,
     "	return error == -ENOENT && flags != PEND_BPF_EXIST ? -EPERM : error;",
     "	(void)flags;\n	return error;", "upstream", "nobody_inserts"),
    ("a session that has ended has a say", "owner", UPSTREAM,
     "	error = pendi_session_check(session);\n	if (error)\n		return error;\n",
     "", "upstream", "belongs_to_its_session"),
)


def sources_of(test):
    return [f"tests/map/test_{test}.c"] if test in UNIT_TESTS else TESTS[test]


class Workshop:
    """Every source compiled once; a mutant is one object that takes another's place."""

    def __init__(self, root, compiler, place, tests):
        self.root, self.compiler, self.place, self.tests = root, compiler, place, tests
        self.library = [p for folder in FOLDERS for p in sorted((root / folder).glob("*.c"))
                        if p.relative_to(root).as_posix() not in WITHOUT]

    def object_of(self, source):
        return self.place / (source.relative_to(self.root).as_posix().replace("/", "_") + ".o")

    def compile(self, source, target):
        """None, or what the compiler says."""
        done = subprocess.run([self.compiler, *FLAGS, f"-I{self.root}", f"-I{self.root}/include",
                               "-c", str(source), "-o", str(target)],
                              check=False, capture_output=True, text=True)
        return done.stderr if done.returncode else None

    def prepare(self, jobs):
        tests = {self.root / name for test in self.tests for name in sources_of(test)}
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for said in pool.map(lambda s: self.compile(s, self.object_of(s)),
                                 [*self.library, *sorted(tests)]):
                if said:
                    raise SystemExit(said)

    def link(self, test, program, instead=None):
        """None, or what the linker says. @instead: (source, the object to use for it)."""
        objects = {s: self.object_of(s)
                   for s in self.library + [self.root / name for name in sources_of(test)]}
        objects.update([instead] if instead else [])
        libraries = ["-lcriterion"] if test in UNIT_TESTS else []
        done = subprocess.run([self.compiler, "-pthread", *map(str, objects.values()), "-o",
                               str(program), *libraries], check=False, capture_output=True,
                              text=True)
        return done.stderr if done.returncode else None

    def build(self, number, mutant):
        """The mutant's program, and None or why there is none."""
        source = self.root / mutant.file
        text = source.read_text()
        changed, target = self.place / f"mutant{number}.c", self.place / f"mutant{number}.o"
        program = self.place / f"mutant{number}"
        if text.count(mutant.old) != 1:
            return program, f"its text occurs {text.count(mutant.old)} times in {mutant.file}"
        changed.write_text(text.replace(mutant.old, mutant.new))
        said = self.compile(changed, target) or self.link(mutant.test, program, (source, target))
        return program, said.split("\n")[0] if said else None


def run_test(program, test, arguments, seed):
    """(ended by itself because a check failed, what it said)."""
    command = [str(program), *arguments.split()]
    if test in UNIT_TESTS:
        command = [str(program), "--tap", "--jobs", "1", "--filter", "*/" + (arguments or "*")]
    elif arguments:
        command += ["--seed", str(seed)]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True,
                              timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return False, "ran out of time"
    said = [re.sub(r"\S*/", "", line, count=1)
            for line in (done.stdout + done.stderr).split("\n")
            if line.startswith(("Bail out", "not ok"))]
    if any("timed out" in line.lower() for line in said):
        return False, "ran out of time"
    failed = bool(said) and done.returncode not in (0, 2)
    crashed = done.returncode == -signal.SIGSEGV
    return failed or crashed, said[0] if said else f"status {done.returncode}"


def judge(workshop, number, mutant):
    program, said = workshop.build(number, mutant)
    if said:
        return False, said
    killed = False
    for attempt in range(ATTEMPTS):
        killed, said = run_test(program, mutant.test, mutant.arguments, 1000 * number + attempt + 1)
        if killed or said == "ran out of time":
            break
    return killed, said


def has_criterion(compiler):
    return subprocess.run([compiler, "-x", "c", "-", "-lcriterion", "-o", "/dev/null"],
                          input="int main(void) { return 0; }", check=False, text=True,
                          capture_output=True).returncode == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--compiler", default="cc")
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--list", action="store_true")
    given = parser.parse_args()
    chosen = [m for m in map(Mutant._make, MUTANTS) if given.only in m.name]
    if given.list:
        print("\n".join(f"{m.guarantee:7} {m.file:26} {m.name}" for m in chosen))
        return 0
    if not has_criterion(given.compiler):
        print("Criterion is not installed: mutants for unit tests are left out")
        chosen = [m for m in chosen if m.test not in UNIT_TESTS]
    tests = sorted({m.test for m in chosen})
    with tempfile.TemporaryDirectory(prefix="pend-map-mutants-") as place:
        workshop = Workshop(given.root.resolve(), given.compiler, pathlib.Path(place), tests)
        workshop.prepare(given.jobs)
        for test in tests:
            program = workshop.place / test
            said = workshop.link(test, program)
            if said:
                raise SystemExit(said)
            plain = "" if test == "oom" or test in UNIT_TESTS else "--rounds 5000"
            failed, said = run_test(program, test, plain, 1)
            if failed or said != "status 0":
                print(f"the unchanged library fails the test {test}: {said}")
                return 1
        with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
            results = list(pool.map(lambda pair: judge(workshop, *pair), enumerate(chosen, 1)))
    for mutant, (dead, said) in zip(chosen, results):
        print(f"{'killed' if dead else 'SURVIVED'}: [{mutant.guarantee}] {mutant.name} "
              f"({mutant.test}: {said})")
    killed = sum(1 for dead, _ in results if dead)
    print(f"killed {killed} of {len(chosen)}")
    return 0 if chosen and killed == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
