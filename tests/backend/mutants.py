#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutants.py - plants faults in the simulator, one at a time, and runs the test that must notice.

tests/mutants/planted.py says how a mutant is judged, and how this is called.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "mutants"))
from planted import (  # pylint: disable=wrong-import-position
    Mutant, Suite, TSAN, Test, main)

BACKEND, NAMES, OPERATION, REDIRECT, SIMULATOR, WAIT, LAYER, FLOW, STREAM = (
    f"engine/backend/{name}.c" for name in (
        "simulator_backend", "simulator_names", "simulator_operation", "simulator_redirect",
        "simulator", "simulator_wait", "layer", "flow", "flow_stream"))
LIBRARY = ("platform/*.c", "epoch/[!u]*.c", "engine/[!b]*/*.c")

TESTS = {name: Test((f"tests/backend/test_{name}.c",), criterion=True)
         for name in ("layers", "faults", "connect", "flow", "kill", "simulator")}
TESTS["torture-tsan"] = Test(("tests/backend/torture_backend.c",), TSAN,
                             "--rounds 600 --seed {seed}", 3)

MUTANTS = tuple(Mutant(*m) for m in (
    # Names.
    ("a name of any generation", "A", NAMES,
     "!(word & PENDI_NAMED) || (generation && word >> 32 != generation)",
     "!(word & PENDI_NAMED)", "simulator"),
    ("freed while it is named", "A", NAMES,
     "return !(word & PENDI_NAMED) && (word", "return (word", "simulator"),
    ("SM1: a change without what came before", "A", NAMES,
     "while (allowed && !pendi_cas_acq_rel(&named->word, &word, next, SM1, SM1));",
     "while (allowed && !pendi_cas_relaxed(&named->word, &word, next));", "torture-tsan"),
    ("SM1: a reference without what it refers to", "A", NAMES,
     "while (!pendi_cas_acq_rel(&named->word, &word, word + PENDI_NAMED_REFERENCE, SM1, SM1));",
     "while (!pendi_cas_relaxed(&named->word, &word, word + PENDI_NAMED_REFERENCE));",
     "torture-tsan"),
    ("SM2: a free element as it was", "A", NAMES,
     "while (!pendi_cas_release(&names->freed, &head, next, SM2));",
     "while (!pendi_cas_relaxed(&names->freed, &head, next));", "torture-tsan"),
    # Pending.
    ("a refused pend keeps its handle", "A", BACKEND,
     "	if (error)\n		pendi_backend_release_handle(simulator, operation);\n"
     "	return error;", "	return error;", "faults",
     (("	pendi_backend_release_handle(simulator, operation);\n"
       "	(void)pendi_named_change(&operation->named, &back, NULL);",
       "	(void)pendi_named_change(&operation->named, &back, NULL);"),)),
    ("a dead caller's operation is pended", "A", BACKEND,
     "	if (!error && pendi_named_change(&operation->named, &held, NULL))",
     "	if (!error && (pendi_named_change(&operation->named, &held, NULL), true))", "kill",
     ((".none = PENDI_SIM_VERDICTS | PENDI_SIM_HOLDING,", ".none = PENDI_SIM_HOLDING,"),)),
    ("what is taken back stays held", "A", BACKEND,
     "	pendi_sim_run_innermost->held = false;", "	;", "faults"),
    ("no end is entered for what is taken back", "I", BACKEND,
     "	pendi_simulator_enter(simulator, PENDI_LEDGER_COMPLETED);\n	dead = back;",
     "	dead = back;", "faults"),
    ("a moved pend is not noted", "A", BACKEND,
     "		write_hold(operation, map, handle);\n"
     "		(void)pendi_named_change(&operation->named, &held, &word);",
     "		(void)pendi_named_change(&operation->named, &held, &word);", "kill"),
    # Completing.
    ("a handle is kept after its bind", "A", BACKEND,
     "	pendi_backend_release_handle(simulator, operation);\n"
     "	pendi_simulator_enter(simulator, PENDI_LEDGER_COMPLETED);\n"
     "	pendi_operation_leave(",
     "	pendi_simulator_enter(simulator, PENDI_LEDGER_COMPLETED);\n"
     "	pendi_operation_leave(", "layers"),
    ("a copy is sent whatever was decided", "A", BACKEND,
     "	if (!(pendi_named_word(&operation->named) & PENDI_SIM_PERMITTED))\n		return;\n",
     "", "kill"),
    ("a failed reinjection frees its copy", "A", BACKEND,
     "	if (!error) {\n		inject(simulator, operation);\n		free_copy",
     "	if (!error)\n		inject(simulator, operation);\n	{\n		free_copy",
     "faults"),
    ("a hard permit is soft", "A", BACKEND, "return PEND_VERDICT_PROCEED_HARD;",
     "return PEND_VERDICT_PROCEED_SOFT;", "layers"),
    ("a completion without a verdict permits", "A", LAYER,
     "		return PEND_VERDICT_REJECT;\n	return cell->verdict;",
     "		return PEND_VERDICT_PROCEED_SOFT;\n	return cell->verdict;", "connect"),
    ("a completion asks the programs", "A", LAYER,
     "if (reason == PENDI_CLASSIFY_COMPLETION)", "if (0)", "layers"),
    # Killing.
    ("a kill cancels nothing", "E", OPERATION,
     "		(void)!pend_map_cancel(operation->map, handle);", "		(void)handle;",
     "kill"),
    ("a kill between hold and publish is lost", "E", OPERATION,
     "		(void)!pend_map_cancel(run.map, run.handle);", "		;", "kill"),
    ("two verdicts", "A", OPERATION,
     "	const struct pendi_change decide = {\n		.none = PENDI_SIM_VERDICTS,\n",
     "	const struct pendi_change decide = {\n", "kill"),
    ("told while it is held", "B", OPERATION,
     "	if (word & PENDI_SIM_VERDICTS && !(word & PENDI_SIM_BUSY))",
     "	if (word & PENDI_SIM_VERDICTS)", "kill"),
    ("forgotten while it is held", "A", WAIT,
     "		.none = PENDI_SIM_BUSY,\n		.clear = PENDI_NAMED,",
     "		.clear = PENDI_NAMED,", "kill"),
    ("nobody is woken", "E", WAIT, "	(void)pendi_futex_wake(&operation->bell, UINT32_MAX);",
     "", "simulator"),
    # Connections.
    ("a reauthorization can pend", "B", LAYER,
     "PEND_INVOKE_NO_PEND);\n	return ask_programs(", "0);\n	return ask_programs(", "connect"),
    ("own packets are asked about", "A", LAYER, "return flags & PEND_SIM_SELF_INJECTED;",
     "return flags >> 31;", "layers"),
    ("a redirected connection is authorized once", "A", OPERATION,
     "				   ? PENDI_STAGE_ORIGINAL", "				   ? PENDI_STAGE_FINAL",
     "connect"),
    ("the redirect's verdict is lost", "A", OPERATION,
     "	operation->initial = pendi_redirects_take(simulator, &key);",
     "	(void)pendi_redirects_take(simulator, &key);", "connect"),
    ("a REJECT without room is lost", "A", OPERATION,
     "	if (!pendi_redirects_set(simulator, &key, verdict) && verdict == PEND_VERDICT_REJECT) {",
     "	if (!pendi_redirects_set(simulator, &key, verdict) && 0) {", "connect"),
    ("a reauthorization blocks nobody", "A", OPERATION,
     "						   .set = PENDI_SIM_BLOCKED };",
     "						   .set = PENDI_SIM_PERMITTED };", "connect"),
    ("a blocked connection keeps its flow", "A", OPERATION,
     "	(void)pendi_flow_end(simulator, operation->flow);\n", "", "connect"),
    ("expired one tick late", "C", REDIRECT, ">= redirects->expiry_ns", "> redirects->expiry_ns",
     "connect"),
    ("a young machine's ages underflow", "C", REDIRECT,
     "now_ns - redirects->oldest->time_ns >= redirects->expiry_ns",
     "redirects->oldest->time_ns <= now_ns - redirects->expiry_ns", "connect"),
    ("the time asleep does not count", "C", REDIRECT,
     "	redirect_purge(simulator, pendi_clock_boot_ns());",
     "	redirect_purge(simulator, pendi_clock_mono_ns());", "connect"),
    ("a look-up purges nothing", "C", REDIRECT,
     "	redirect_purge(simulator, pendi_clock_boot_ns());\n", "", "connect"),
    ("an insert purges nothing", "C", REDIRECT, "	redirect_purge(simulator, now_ns);\n", "",
     "connect"),
    ("SOFT leaves what is stale", "A", REDIRECT,
     "	if (*at) {\n		redirect_drop(redirects, at);\n"
     "		pendi_simulator_enter(simulator, PENDI_LEDGER_REDIRECTS_EXPIRED);",
     "	if (*at && verdict != PEND_VERDICT_PROCEED_SOFT) {\n"
     "		redirect_drop(redirects, at);\n"
     "		pendi_simulator_enter(simulator, PENDI_LEDGER_REDIRECTS_EXPIRED);", "connect"),
    ("the cookie is no part of the key", "A", OPERATION,
     "	key.socket_cookie = operation->request.socket_cookie;\n", "", "connect"),
    ("the source port is no part of the key", "A", OPERATION,
     "	key.source_port = address->msg_src_port;\n", "", "connect"),
    ("strict is lenient", "I", SIMULATOR, "? PEND_HOOK_READ_ONLY_IGNORE\n",
     "? PEND_HOOK_READ_ONLY\n", "connect"),
    ("no layer may block", "H", SIMULATOR,
     "	if (pend_layer_describe(layer)->mode == PEND_MODE_MAY_BLOCK)", "	if (0)", "flow"),
    ("resumed chains are claimed", "A", SIMULATOR, "		flags |= PEND_HOOK_RESUME;\n", "		;\n",
     "layers"),
    ("late programs always run", "A", SIMULATOR, "		flags |= PEND_HOOK_RESUME_KNOWN;", "		;",
     "layers"),
    ("the compartment is not passed on", "A", LAYER,
     "	invocation->compartment = context->base.compartment_id;\n", "", "layers"),
    ("the loss policy is not passed on", "E", SIMULATOR,
     "		.on_orchestrator_loss = on_loss,\n", "", "layers"),
    # Flows.
    ("F1: published after its end", "A", FLOW,
     "	static const struct pendi_change publish = { .none = PENDI_FLOW_ENDED,\n",
     "	static const struct pendi_change publish = { .none = 0,\n", "flow"),
    ("F2: used before it is published", "A", FLOW,
     "	if (!flow || pendi_named_word(&flow->named) & PENDI_FLOW_ALIVE)\n",
     "	if (!flow || flow)\n", "torture-tsan"),
    ("F3: its end releases under its users", "A", FLOW,
     "	if (ended) {\n		kill_operations(",
     "	if (ended) {\n		if (pendi_identity_release(&flow->identity))\n"
     "			pendi_simulator_enter(simulator, "
     "PENDI_LEDGER_IDENTITIES_RELEASED);\n		kill_operations(", "flow"),
    ("F3: its end cancels nobody", "E", FLOW,
     "		if (operation->request.flow == name ||\n", "		if (\n", "flow"),
    ("F1: its end leaves its connection", "E", FLOW,
     "operation->request.flow == name ||\n"
     "		    pendi_named_name(&operation->named) == flow->maker)",
     "operation->request.flow == name)", "flow"),
    ("F4: a refused connection's flow stays", "A", FLOW,
     ".clear = PENDI_NAMED,\n						      .set",
     ".clear = 0,\n						      .set", "flow"),
    ("F5: the simulator goes with flows alive", "A", SIMULATOR,
     "	    ledger_value(simulator, PENDI_LEDGER_FLOWS) !=\n"
     "		    ledger_value(simulator, PENDI_LEDGER_FLOWS_DELETED) ||\n", "", "flow"),
    ("an identity is not given back", "I", FLOW,
     "	if (pendi_identity_release(&flow->identity))", "	if (0)", "flow"),
    # Streams.
    ("a block is forgotten", "A", STREAM,
     "	if (flow && pendi_named_word(&flow->named) & PENDI_FLOW_REFUSED)", "	if (0)", "flow"),
    ("who has seen enough is asked again", "A", STREAM,
     "		    !stream_wants(flow, links.only))", "		    0)", "flow"),
    ("a block does not end the chain", "A", STREAM,
     "		if (said == EBPF_FLOW_CLASSIFY_BLOCK)\n			return", "		if (0)\n			return",
     "flow"),
    ("nobody is told of the end", "A", STREAM,
     "			stream_tell_end(simulator, flow, link_id);", "			;", "flow"),
    ("whoever wants more after the end is not told", "A", STREAM,
     "	if (wants && pendi_flow_is_over(flow))", "	if (0)", "flow"),
    # Faults, the ledger, creation.
    ("a fault comes at once", "I", SIMULATOR, "	return after ? 0 : -(int)(order >> 48);",
     "	return -(int)(order >> 48);", "faults"),
    ("a fault stays", "I", SIMULATOR, "		if (!after && times == 1)\n			next = 0;\n",
     "		if (times == 0)\n			next = 0;\n		else if (!after)\n"
     "			next = order;\n", "faults"),
    ("it goes under who is inside", "A", SIMULATOR, "	    !await_callers(simulator))",
     "	    0)", "simulator"),
    ("it goes under who has a forgotten one", "A", NAMES, "		if (word & PENDI_NAMED_REFERENCES)",
     "		if (word & PENDI_NAMED && word & PENDI_NAMED_REFERENCES)", "simulator",
     (("		known += !!(word & PENDI_NAMED);", "		known = fresh;"),)),
    ("half a simulator is left", "I", SIMULATOR, "	(void)end_hooks(simulator);\n	unregister",
     "	unregister", "simulator"),
))

if __name__ == "__main__":
    sys.exit(main(Suite("engine/backend", LIBRARY, TESTS, MUTANTS, crashes=True)))
