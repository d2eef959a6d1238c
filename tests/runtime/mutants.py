#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutants.py - plants faults in engine/runtime, one at a time, and runs the test that must notice.

tests/mutants/planted.py says how a mutant is judged, and how this is called.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "mutants"))
from planted import Mutant, Suite, TSAN, Test, main  # pylint: disable=wrong-import-position

(ATTACHMENT, CALLS, CLEANER, FINISH, HELPERS, HOOK, INVOKE, LINK, PENDING, PROGRAM, REINVOKE,
 RUNTIME, UPDATE) = (f"engine/runtime/{name}.c"
            for name in ("attachment", "calls", "cleaner", "finish", "helpers", "hook", "invoke",
                         "link", "pending", "program", "reinvoke", "runtime",
                         "update"))
LIBRARY = ("platform/*.c", "epoch/[!u]*.c", "engine/[!r]*/*.c", "engine/registry/*.c")
TESTS = {name: Test((f"tests/runtime/test_{name}.c",), criterion=True)
         for name in ("attachment", "counted", "defer", "finish", "helpers", "hook", "link", "pending",
                      "program", "refusals", "reinvoke", "resume", "update", "update_pends")}
REPLACE = ("tests/runtime/torture_replace.c",)
TESTS |= {
    "replace": Test(REPLACE, (), "--rounds 6000 --seed {seed}", 3),
    "replace-tsan": Test(REPLACE, TSAN, "--rounds 1500 --seed {seed}", 3),
}

MUTANTS = tuple(Mutant(*m) for m in (
    # What is attached, and in which order.
    ("in the order of attaching alone", "G", HOOK, "in->order < old->attachments[i]->order",
     "in->sequence < old->attachments[i]->sequence", "hook"),
    ("two that may pend where one may", "I", LINK, "pendi_chain_has_pender(chain, NULL)", "false",
     "hook"),
    ("who names what pends may not pend", "I", PROGRAM,
     "program->may_pend |= pendi_builtins[i].pends;", "", "program"),
    # Replacement.
    ("for a moment there is none", "G", UPDATE, "step->next, step->old, step->fresh)",
     "step->next, step->old, NULL)", "replace"),
    ("nothing is handed over", "G", UPDATE,
     "if (step->options->outstanding == PEND_OUTSTANDING_HAND_OVER)", "if (false)",
     "update_pends"),
    ("whatever it was before", "G", UPDATE,
     "if (step->options->flags & PEND_LINK_REPLACE &&", "if (false &&", "update"),
    ("waits for nobody", "G", ATTACHMENT, "	(void)pendi_epoch_synchronize();\n	if (returns)\n",
     "	if (returns)\n", "update"),
    # The end of an attachment.
    ("what late frames pended stays pended", "G", ATTACHMENT,
     "if (attachment->completes && pendi_attachment_complete_all(attachment))", "if (false)",
     "update_pends"),
    ("freed with pends", "G", ATTACHMENT, "return dones == *pends &&", "return true &&",
     "replace"),
    ("no second grace period for strays", "G", ATTACHMENT,
     "if (pendi_load_acquire(&runtime->cleaner.strays, AT7))", "if (false)", "attachment"),
    ("the last pend does not look", "G", ATTACHMENT,
     "if (PENDI_UNLIKELY(pendi_load_relaxed(&attachment->phase) == ATTACHMENT_DROPPED))",
     "if (false)", "attachment"),
    ("a successor is not kept", "G", ATTACHMENT, "	pendi_attachment_pend(successor);\n", "",
     "attachment"),
    ("cleaned before its readers left", "G", CLEANER, "pendi_epoch_retire(&remnant->node);",
     "cleaner_hand_in(&remnant->node);", "replace"),
    ("nobody comes back to clean", "G", CLEANER,
     "	pendi_cleaner_run(runtime);\n	return cleaner_is_busy(&runtime->cleaner);",
     "	pendi_cleaner_run(runtime);\n	return false;", "update"),
    # The flow of an operation.
    ("a move forgets where it went", "A", PENDING,
     "	from->moved_map = record->map;",
     "	from->moved_map = NULL;", "defer"),
    ("pended without a frame", "B", PENDING,
     "{ .flags = PEND_REQUEST_FRAME }",
     "{ .flags = 0 }", "pending"),
    ("another seed", "H", REINVOKE,
     ".seed = record->seed,",
     ".seed = 0,", "helpers"),
    ("another CPU", "H", REINVOKE,
     ".placed = true",
     ".placed = false", "helpers"),
    ("a re-run writes the saved context", "H", REINVOKE,
     "		.context = replay->context,",
     "		.context = record->context,", "resume"),
    ("a move saves what the re-run wrote", "H", PENDING,
     "kind == PENDI_FRAME_REINVOKE ? from->context",
     "kind == PENDI_FRAME_FIRST ? from->context", "defer"),
    ("moves do not end", "I", FINISH,
     "	pendi_runtime_count(runtime, PENDI_RUNTIME_COMPLETIONS, 1);",
     "	if (!record->moved_map)\n"
     "		pendi_runtime_count(runtime, PENDI_RUNTIME_COMPLETIONS, 1);", "resume"),
    ("programs before the pender do not count", "G", FINISH,
     "pendi_verdict_stronger(record->aggregate, verdict_of(operation->action))",
     "verdict_of(operation->action)", "finish"),
    ("a copy that was not sent is lost", "I", FINISH,
     "	if (error) {\n"
     "		note_failed",
     "	if (0) {\n"
     "		note_failed", "finish"),
    ("an identity is released twice", "A", PENDING,
     "	from->identity = pendi_identity_none();\n",
     "", "defer"),
    ("a cancel is lost when the operation moved", "A", FINISH,
     "		if (operation->origin == PEND_ORIGIN_CANCEL)\n"
     "			pass",
     "		if (0)\n"
     "			pass", "defer"),
    ("a pend whose copy failed stays held", "A", PENDING,
     "		backend->abort(hook->backend_context, operation);\n",
     "", "pending"),
    ("what it completed itself counts as synthesized", "I", INVOKE,
     "verdict != PEND_VERDICT_PEND && !frame->events.completed",
     "verdict != PEND_VERDICT_PEND", "pending"),
    ("deferred where it may block", "I", INVOKE,
     "	if (pendi_frame_may_block(frame) || !pendi_frame_can_pend",
     "	if (!pendi_frame_can_pend", "defer"),
    ("what it wrote is saved", "H", INVOKE,
     "	if (frame->events.pended)\n"
     "		memcpy(frame->record->context",
     "	if (0)\n"
     "		memcpy(frame->record->context", "pending"),
    ("a resumed chain runs other compartments", "G", FINISH,
     "	    attachment->compartment != record->compartment)",
     "	    attachment->compartment != record->compartment && 0)", "resume"),
    ("a resumed chain runs what came since", "G", PENDING,
     "	record->sequence = from->sequence;",
     "	record->sequence = UINT64_MAX;", "resume"),
    ("a moved operation lives longer", "C", PENDING,
     "	if (left_ns < usual_ns)",
     "	if (0)", "resume"),
    ("handed over to nobody", "G", REINVOKE,
     "pendi_attachment_heir(record->attachment)",
     "record->attachment", "reinvoke"),
    ("a lost orchestrator is not noticed", "I", PENDING,
     "pendi_map_is_open(target->map)",
     "false", "pending"),
    ("scratch of the operation before", "H", PENDING,
     "	memset((unsigned char *)record + runtime->record_size, 0, hold->target->scratch_size);",
     "", "helpers"),
    ("helpers that were not named", "I", CALLS,
     "	if (PENDI_UNLIKELY(!address))\n"
     "		pendi_helper_refuse(frame, -EPERM);\n"
     "	return address;",
     "	return address ? address : pendi_builtins[which].address;", "refusals"),
    ("two maps in one frame", "A", HELPERS,
     "frame->map != target->map",
     "false", "pending"),
    ("what is refused is not told", "I", RUNTIME,
     "*refusals[i] = pendi_load_relaxed(&runtime->registry.refusal_counts[i]);",
     "*refusals[i] = 0;", "counted"),
    ("a program that is refused counts as a link", "I", PROGRAM, "PENDI_REFUSED_PROGRAM",
     "PENDI_REFUSED_LINK", "counted"),
    # Orders.
    ("a chain is published as it comes", "G", HOOK,
     "pendi_store_release(&hook->chain, next, AT1);", "pendi_store_relaxed(&hook->chain, next);",
     "replace-tsan"),
))

if __name__ == "__main__":
    sys.exit(main(Suite("engine/runtime", LIBRARY, TESTS, MUTANTS, crashes=True)))
