#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutants.py - plants faults in the runtime, the simulator, custom maps and identity, one at a time,
and runs the whole-stack test that must notice. Races are played on one thread, so nothing depends on
luck. tests/mutants/planted.py says how a mutant is judged, and how this is called.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "mutants"))
from planted import Mutant, Suite, Test, main  # pylint: disable=wrong-import-position

INVOKE, PENDING, FINISH, REINVOKE, UPDATE, HELPERS = (
    f"engine/runtime/{name}.c" for name in ("invoke", "pending", "finish", "reinvoke", "update",
                                            "helpers"))
BACKEND, LAYER, CONTROL, BIND, IDENTITY = (
    f"engine/{name}.c" for name in ("backend/simulator_backend", "backend/layer",
                                    "custom/control_type", "custom/bind", "identity/identity"))
LIBRARY = ("platform/*.c", "epoch/[!u]*.c", "engine/*/*.c")

TESTS = {name: Test((f"tests/catalogue/test_{name}.c",), criterion=True)
         for name in ("flows", "flows_stop", "catalogue", "catalogue_layers", "catalogue_more",
                      "races", "races_identity", "races_x", "races_life", "rules", "rules_more",
                      "sequences")}
TESTS["oom"] = Test(("tests/catalogue/oom.c",))

MUTANTS = tuple(Mutant(*m) for m in (
    # Pending.
    ("the aggregate before the pender is lost", "A", PENDING,
     "	record->aggregate = frame->aggregate;", "	record->aggregate = PEND_VERDICT_PROCEED_SOFT;",
     "flows"),
    ("scratch is not zeroed", "H", PENDING,
     "	memset((unsigned char *)record + runtime->record_size, 0, hold->target->scratch_size);",
     "	(void)runtime;", "races_x"),
    ("what was accepted is not taken back", "I", PENDING,
     "		backend->abort(hook->backend_context, operation);\n", "", "flows"),
    ("the backend is asked again when an operation moves", "A", PENDING,
     "	if (!hold->from)\n		error = ask_backend(hold, handle);",
     "	if (hold->frame->invocation)\n		error = ask_backend(hold, handle);\n"
     "	else\n		hold->frame->hook->backend->abort(hold->frame->hook->backend_context, "
     "hold->from->operation);", "flows"),
    ("the identity stays behind when an operation moves", "I", PENDING,
     "	record->identity = from->identity;\n", "	record->identity = pendi_identity_none();\n",
     "flows_stop"),
    ("nobody is told that the orchestrator is gone", "I", PENDING,
     "		frame->events.loss = frame->events.eventful = true;",
     "		frame->events.eventful = true;",
     "rules"),
    # Ending.
    ("the decision alone counts", "A", FINISH,
     "pendi_verdict_stronger(record->aggregate, verdict_of(operation->action));",
     "verdict_of(operation->action);", "flows"),
    ("a blocked operation goes on", "A", FINISH,
     "	if (verdict != PEND_VERDICT_REJECT && record->hook->flags & PEND_HOOK_RESUME)",
     "	if (record->hook->flags & PEND_HOOK_RESUME)", "flows"),
    ("claim mode resumes", "A", FINISH,
     "	if (verdict != PEND_VERDICT_REJECT && record->hook->flags & PEND_HOOK_RESUME)",
     "	if (verdict != PEND_VERDICT_REJECT)", "flows"),
    ("who came later runs although only the known are to", "A", FINISH,
     "	if (record->hook->flags & PEND_HOOK_RESUME_KNOWN && attachment->sequence > "
     "record->sequence)\n		return false;\n", "", "races_life"),
    ("what could not be sent is kept", "I", FINISH,
     "		note_failed_reinjection(runtime, record, completion->handle, error);\n"
     "		discard_payload(record);",
     "		note_failed_reinjection(runtime, record, completion->handle, error);", "flows"),
    ("a blocked payload is sent", "A", FINISH,
     "	if (completion->action == PEND_ACTION_BLOCK || !record->payload.data) {",
     "	if (!record->payload.data) {", "races"),
    ("a cancelled payload is kept", "I", FINISH,
     "	discard_payload(record);\n	pendi_runtime_count(runtime, PENDI_RUNTIME_CANCELLED, 1);",
     "	pendi_runtime_count(runtime, PENDI_RUNTIME_CANCELLED, 1);", "races"),
    ("a cancelled operation is completed", "I", FINISH,
     "	} else if (operation->origin == PEND_ORIGIN_CANCEL) {\n		count_age",
     "	} else if (operation->origin == PEND_ORIGIN_LIMIT) {\n		count_age",
     "catalogue_more"),
    ("an identity is not given back", "I", FINISH,
     "	pendi_runtime_release(runtime, &record->identity);\n", "", "flows_stop"),
    ("an ended pend holds its program", "G", FINISH,
     "	pendi_attachment_done(record->attachment);\n", "", "races_life"),
    ("a cancelled operation holds its identity", "I", FINISH,
     "	pendi_runtime_release(runtime, &record->identity);\n",
     "	if (operation->origin != PEND_ORIGIN_CANCEL)\n"
     "		pendi_runtime_release(runtime, &record->identity);\n", "sequences"),
    ("a cancellation does not go after what moves", "A", FINISH,
     "		if (operation->origin == PEND_ORIGIN_CANCEL)\n			pass_cancellation_on",
     "		if (operation->origin == PEND_ORIGIN_LIMIT)\n			pass_cancellation_on",
     "rules_more"),
    ("what moves lives on", "C", PENDING,
     "	if (from->expires_ns < record->expires_ns)\n		record->expires_ns = "
     "from->expires_ns;\n", "", "rules_more"),
    ("what moves has the usual deadline", "C", PENDING,
     "	if (left_ns < usual_ns)\n		*deadline_ns =",
     "	if (left_ns > usual_ns && usual_ns == 0)\n		*deadline_ns =", "rules_more"),
    # Running again.
    ("a re-run does not see the payload", "H", REINVOKE,
     "	bind_pointer(replay->context, layout->data, data);",
     "	bind_pointer(replay->context, layout->data, NULL);", "catalogue_more"),
    ("the new program runs what the old one pended", "G", REINVOKE,
     "pendi_attachment_heir(record->attachment), &stop);",
     "record->hook->chain->count ? record->hook->chain->attachments[0] : record->attachment, "
     "&stop);", "catalogue_more"),
    ("whose operation it is is asked in any frame", "B", HELPERS,
     "	if (!pendi_frame_may_block(frame))\n		return -EAGAIN;\n", "", "flows_stop"),
    # A frame.
    ("PEND without a pend permits", "I", INVOKE,
     "		if (!frame->events.loss)\n			return PEND_VERDICT_REJECT;",
     "		if (!frame->events.loss)\n			return PEND_VERDICT_PROCEED_SOFT;",
     "catalogue"),
    ("a write is found and not undone", "A", INVOKE,
     "	memcpy(frame->context, before, frame->hook->context_bytes);\n"
     "	if (frame->events.pended)", "	if (frame->events.pended)", "catalogue_layers"),
    ("a write to a read-only context is let through", "A", INVOKE,
     "	return *wrote && flags & PEND_HOOK_READ_ONLY ? PEND_VERDICT_REJECT : verdict;",
     "	return verdict;", "catalogue_layers"),
    ("nobody's operation is deferred", "A", INVOKE,
     "	if (!subject || subject->pid < 1 || subject->pidfd < 0)\n		return false;\n",
     "	(void)subject;\n", "flows_stop"),
    ("a compartment is not looked at", "A", INVOKE,
     "	    PENDI_UNLIKELY(attachment->compartment != invocation->compartment))\n"
     "		return false;", "	    0)\n		return false;", "rules"),
    # Replacing.
    ("any program is the expected one", "G", UPDATE,
     "	    link->attachment->program != step->options->old_program)\n		return -EPERM;",
     "	    !step->options->old_program)\n		return -EPERM;", "catalogue_more"),
    ("nothing is handed over", "G", UPDATE,
     "	if (step->options->outstanding == PEND_OUTSTANDING_HAND_OVER)",
     "	if (step->options->outstanding > PEND_OUTSTANDING_COMPLETE)", "catalogue_more"),
    # The simulator.
    ("a completed bind keeps its handle", "I", BACKEND,
     "	pendi_backend_release_handle(simulator, operation);\n"
     "	pendi_simulator_enter(simulator, PENDI_LEDGER_COMPLETED);\n	pendi_operation_leave",
     "	pendi_simulator_enter(simulator, PENDI_LEDGER_COMPLETED);\n	pendi_operation_leave",
     "flows"),
    ("who is re-authorized may be pended", "I", LAYER,
     "	if (reason == PENDI_CLASSIFY_POLICY)\n"
     "		return ask_programs(simulator, run, PEND_VERDICT_PROCEED_SOFT, "
     "PEND_INVOKE_NO_PEND);",
     "	if (reason == PENDI_CLASSIFY_POLICY)\n"
     "		return ask_programs(simulator, run, PEND_VERDICT_PROCEED_SOFT, 0);",
     "catalogue_layers"),
    # Maps and identity.
    ("an unknown control state disables", "F", CONTROL, "	default:\n		return -EINVAL;",
     "	default:\n		return stop_engine(map_context);", "catalogue"),
    ("a session acts in any namespace", "I", BIND,
     "? 0 : -EPERM;", "? 0 : 0;", "rules"),
    ("a process is known by its number", "I", IDENTITY,
     "	return a->start_time == b->start_time && a->uid", "	return a->uid", "races_identity"),
    ("credentials do not matter", "I", IDENTITY,
     "a->start_time == b->start_time && a->uid == b->uid && a->gid == b->gid &&",
     "a->start_time == b->start_time && a->gid == b->gid &&", "races_identity"),
))

if __name__ == "__main__":
    sys.exit(main(Suite("engine", LIBRARY, TESTS, MUTANTS, crashes=True)))
