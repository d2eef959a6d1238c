#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutants.py - plants faults in engine/shard, one at a time, and runs the test that must notice.

The torture test is compiled with the atomics of tests/support/chaos_oracle.h and a short bound for
what must happen at once.
tests/mutants/planted.py says how a mutant is judged, and how this is called.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "mutants"))
from planted import CHAOS, Mutant, Suite, Test, main  # pylint: disable=wrong-import-position

SHARD = "engine/shard"
LIBRARY = ("platform/*.c", "epoch/[!u]*.c", "engine/queue/*.c", "engine/object/*.c")
TORTURE = tuple(f"tests/shard/torture_{name}.c" for name in ("shard", "freeze", "lives"))

TESTS = {name: Test((f"tests/shard/test_{name}.c",), criterion=True)
         for name in ("engine", "poll", "home", "monitor")}
TESTS |= {name: Test(TORTURE, (*CHAOS, "-DBOUND_NS=UINT64_C(4000000000)"),
                     f"--only {name} --rounds 4000 --seed {{seed}}", 3)
          for name in ("leave", "cpus", "watches")}

VISIT, JOIN, HINT, SERVE, HOME, EXECUTOR, MONITOR, SUSPEND, WATCH, ENGINE, STATS, POLL, EVENT = (
    f"{SHARD}/{name}" for name in (
        "visit.h", "join.c", "hint.c", "serve.c", "home.c", "executor.c", "monitor.c", "suspend.c",
        "watch.c", "engine.c", "stats.c", "poll.c", "event.c"))

MUTANTS = tuple(Mutant(*m) for m in (
    # Clients.
    ("leaving waits for nobody", "A", JOIN, "	leave_await(engine, number);\n", "", "leave"),
    ("leaving does not take the client out", "A", JOIN,
     "	pendi_store_relaxed(&engine->clients[number], NULL);\n", "", "poll"),
    ("the client is looked up before it is visited", "A", VISIT,
     "	pendi_store_release(visitor->word, number, SH4);\n",
     "	struct pendi_client *early = pendi_load_acquire(&visitor->engine->clients[number], SH3);\n"
     "	pendi_store_release(visitor->word, number, SH4);\n"
     "	visitor->number = number;\n	return visitor->client = early;\n", "leave"),
    ("a number is never free again", "I", JOIN,
     "	engine->taken[number / 64] &= ~(1ull << number % 64);\n", "", "poll"),
    ("a client that left is still passed over", "I", JOIN,
     "	list_client(engine, number, false);\n", "	list_client(engine, number, true);\n",
     "", (), "it is found out when it is visited"),
    # Hints.
    ("nobody is rung", "C", HINT, "		pendi_doorbell_ring(&executor->bell);\n", "", "home"),
    ("who adopted a shard is not told", "C", HINT,
     "			pendi_store_relaxed(&executor->foreign, 1);\n", "			;\n", "home"),
    ("a drowsy monitor is not told", "C", HINT, "		pendi_monitor_kick(engine);\n",
     "		;\n", "monitor"),
    ("overflows are not counted", "I", HINT,
     "	(void)pendi_fetch_add_relaxed(&shard->hints_refused, hints);\n", "", "poll"),
    ("a later tick wakes too", "I", HINT, "(int32_t)(tick - (uint32_t)wake_at) < 0;", "true;",
     "home"),
    ("an earlier tick does not wake", "C", HINT, "(int32_t)(tick - (uint32_t)wake_at) < 0;",
     "false;", "home"),
    ("a tick does not wake who sleeps for good", "C", HINT, "wake_at == PENDI_WAKE_NEVER ||",
     "wake_at != PENDI_WAKE_NEVER &&", "home"),
    # Serving.
    ("a window is removed before it is served", "E", SERVE,
     "	if (!pendi_queue_peek(&shard->queue, &window))\n		return 0;\n",
     "	if (!pendi_queue_peek(&shard->queue, &window))\n		return 0;\n"
     "	pendi_queue_advance(&shard->queue, &window);\n", "poll"),
    ("nothing is prefetched", "I", SERVE,
     "			client->prefetch(client, item_slot(window.items[i]));\n", "			;\n",
     "poll"),
    ("all is served at home", "I", SERVE, "pendi_cpu_current() == shard->cpu", "true", "poll"),
    ("the heart stands still", "E", SERVE,
     "			client->serve(client, item_slot(window.items[i]));\n"
     "		pendi_shard_beat(shard);\n",
     "			client->serve(client, item_slot(window.items[i]));\n", "monitor"),
    ("ticks are rounded down", "C", SERVE, " + (ns % engine->tick_ns != 0));\n\n	return tick != ",
     ");\n\n	return tick != ", "poll"),
    ("a tick can be never", "C", SERVE, "tick : tick + 1;", "tick : tick;", "poll"),
    ("the present can be never", "C", SERVE, "tick : tick - 1;", "tick : tick;", "poll"),
    ("a pass that was cut short is a pass", "C", SERVE,
     "	if (looks < budget)\n		/* relaxed: see pendi_shard_wants_pass(). */\n", "", "poll"),
    ("a pass begins at the first client", "C", SERVE,
     "	pendi_store_relaxed(&shard->resume, number);\n", "", "poll"),
    ("a pass ends at the last client", "C", SERVE, "	if (first && looks < budget)\n",
     "	if (false)\n", "poll"),
    ("a suspend moves no horizon", "C", SERVE, "{ now_ns, horizon_ns,", "{ now_ns, now_ns,",
     "poll"),
    ("a suspend moves no tick", "C", SERVE,
     "pendi_engine_tick_begun(shard->engine, horizon_ns)",
     "pendi_engine_tick_begun(shard->engine, now_ns)", "poll"),
    ("a suspend is heeded for ever", "C", SERVE, "	while (before < offset_ns &&\n",
     "	while (false &&\n", "poll"),
    # Home.
    ("any node is as good", "I", HOME, "		if (other->node == engine->shards[cpu]->node)\n",
     "		if (true)\n", "home"),
    ("the lost adopt", "E", HOME,
     "condition_of(&other->executor) != PENDI_EXECUTOR_ALIVE ||", "", "home"),
    ("the stalled adopt", "E", HOME, "		    pendi_load_relaxed(&other->executor.stalled))\n",
     "		    false)\n", "monitor"),
    ("the adopter is not rung", "C", HOME,
     "	pendi_fence_store_load(SH1);\n	pendi_shard_ring(shard);\n",
     "	pendi_fence_store_load(SH1);\n", "home"),
    ("the adopter does not see it", "C", HOME,
     "	(void)pendi_fetch_add_release(&shard->engine->changes, 1, SH7);\n", "", "home"),
    ("only its own shard is given away", "C", HOME,
     "		if (pendi_shard_server(engine->shards[cpu]) == shard->cpu)\n",
     "		if (cpu == shard->cpu)\n", "home"),
    ("a lost CPU is tried all the time", "I", HOME,
     "	executor->retry_at_ns = now_ns + shard->engine->home_ns;\n", "", "home"),
    ("news of a CPU is ignored", "I", HOME, "		executor->retry_at_ns = 0;\n	}\n", "	}\n",
     "home"),
    ("a CPU that is back does not get its shard", "I", HOME,
     "		pendi_home_return(shard, now_ns);\n	} else {\n", "	} else {\n", "home"),
    ("who moves again does not get its shard", "I", HOME,
     "	if (pendi_shard_server(shard) != shard->cpu)\n		pendi_home_return(shard, now_ns);\n",
     "", "monitor"),
    ("a move that can be undone is a loss", "I", HOME,
     "now_ns >= executor->retry_at_ns && !try_home(shard, now_ns)) {",
     "(now_ns < executor->retry_at_ns || !try_home(shard, now_ns))) {", "home"),
    ("moving is not noticed", "C", HOME, "pendi_cpu_current() == shard->cpu);", "true);", "home"),
    # Executors.
    ("pinned without work", "I", EXECUTOR, "	executor->pinned = false;\n",
     "	(void)pendi_cpu_pin(shard->cpu);\n", "home"),
    ("not pinned at all", "I", EXECUTOR,
     "		pendi_home_pin(shard, executor->turn_ns);\n", "		;\n", "home"),
    ("what was there at the adoption is not looked at", "C", EXECUTOR,
     "	return executor->adopted != 0;\n", "	return false;\n", "", (),
     "whoever pushes meanwhile sets `foreign`, which nearly covers it"),
    ("the adopted have no deadlines", "C", EXECUTOR,
     "			looks += pendi_shard_pass(visitor, other, now_ns, PENDI_PASS_LOOKS);\n",
     "			;\n", "home"),
    ("no second look before it sleeps", "C", EXECUTOR,
     "	if (again != tick || limit_ns == 0 || is_wanted(shard)) {",
     "	if (again != tick || limit_ns == 0) {", "home"),
    ("no look at the adopted before it sleeps", "C", EXECUTOR,
     "		if ((cpu == shard->cpu || executor->adopted) && ", "		if (cpu == shard->cpu && ",
     "home"),
    ("a new server sleeps", "C", EXECUTOR,
     "	    pendi_load_relaxed(&engine->changes) != executor->changes_seen)\n",
     "	    false)\n", "home"),
    ("no ticks of the adopted before it sleeps", "C", EXECUTOR,
     "	const bool alone = !shard->executor.adopted;\n", "	const bool alone = true;\n", "home"),
    ("sleeps for as long as it likes", "C", EXECUTOR,
     "		limit = limit < PENDI_SLEEP_MOST_NS ? limit : PENDI_SLEEP_MOST_NS;\n", "		;\n",
     "home"),
    ("always says that it sleeps", "I", EXECUTOR,
     "	pendi_store_relaxed(&executor->wake_at, PENDI_WAKE_AWAKE);\n", "", "", (),
     "its bell is not armed then, so nobody believes it"),
    ("never says for how long it sleeps", "C", EXECUTOR,
     "tick == PENDI_TICK_NEVER ? PENDI_WAKE_NEVER : PENDI_WAKE_TICK | tick);",
     "PENDI_WAKE_AWAKE);", "home"),
    ("a lost CPU is not waited for", "I", EXECUTOR,
     "		limit = retry_ns < limit ? retry_ns : limit;\n", "", "home"),
    ("a refused priority is silent", "I", EXECUTOR,
     "		pendi_store_relaxed(&shard->without_fifo, 1);\n", "		;\n", "home"),
    # The monitor.
    ("stalls are not noticed", "E", MONITOR, "		give_stalled(shard, now_ns);\n", "",
     "monitor"),
    ("every delay is a stall", "I", MONITOR, ">= shard->engine->stall_ns) {", ">= 0) {",
     "monitor"),
    ("work for a moment is old work", "I", MONITOR,
     "		shard->watch_since_ns = 0;\n		return false;\n", "		return false;\n", "monitor"),
    ("deadlines are no work", "C", MONITOR,
     "	       tick_is_overdue(pendi_shard_next(visitor, shard, now_ns),\n", 
     "	       false && tick_is_overdue(pendi_shard_next(visitor, shard, now_ns),\n", "monitor"),
    ("the stalled are not marked", "E", MONITOR,
     "	pendi_store_relaxed(&executor->stalled, 1);\n", "", "monitor"),
    ("orphans are served by nobody", "E", MONITOR,
     "		served += serve_orphan(visitor, shard, now_ns);\n", "", "monitor"),
    ("orphans have no deadlines", "C", MONITOR,
     "	return done + pendi_shard_pass(visitor, shard, now_ns, PENDI_PASS_LOOKS);\n",
     "	return done;\n", "monitor"),
    ("orphans stay orphans", "E", MONITOR,
     "		(void)pendi_home_give(shard, PENDI_SERVER_MONITOR, PENDI_SERVER_MONITOR, now_ns);\n",
     "", "monitor"),
    ("the monitor never dozes", "I", MONITOR,
     "	pendi_store_relaxed(&engine->drowsy, 1);\n", "", "monitor"),
    ("the monitor dozes through a stall", "E", MONITOR,
     "		limit_ns = in_ns < limit_ns ? in_ns : limit_ns;\n", "", "monitor"),
    ("tending is done once", "G", MONITOR,
     "		pendi_store_relaxed(&engine->nudged, 1);\n	return more;\n", "		;\n	return more;\n",
     "monitor"),
    ("tending never ends", "I", MONITOR, "		more |= client && client->tend(client);\n",
     "		more |= client && (client->tend(client), true);\n", "monitor"),
    ("new CPUs get no executor", "I", MONITOR, "	(void)pendi_executor_start(shard);\n", "", "cpus"),
    # Suspends, events, watches.
    ("a delay is a suspend", "C", SUSPEND,
     "	const uint64_t boot_ns = pendi_clock_boot_ns();\n\n"
     "	return boot_ns - pendi_clock_mono_ns();\n",
     "	const uint64_t mono_ns = pendi_clock_mono_ns();\n"
     "	const uint64_t boot_ns = pendi_clock_boot_ns();\n\n"
     "	return pendi_clock_mono_ns() - mono_ns + boot_ns - mono_ns;\n", "poll"),
    ("a short suspend is one", "I", SUSPEND, "(int64_t)PENDI_SUSPEND_MIN_NS)", "1)", "poll"),
    ("what was pended right then did not sleep", "C", SUSPEND, "SH10) < since_ns)",
     "SH10) <= since_ns)", "poll"),
    ("what was pended later slept too", "C", SUSPEND, "SH10) < since_ns)",
     "SH10) + 1000 < since_ns)", "poll"),
    ("old suspends are forgotten", "C", SUSPEND, "	if (searched == count)\n", "	if (true)\n",
     "poll"),
    ("events are not kept", "I", EVENT, "	if (!engine->on_event)\n", "	if (true)\n", "home"),
    ("a watch fires again", "A", WATCH, "		watch->fn = NULL;\n		watch->running = true;\n",
     "		watch->running = true;\n", "", (), "EPOLLONESHOT stands before it"),
    ("taking out waits for nobody", "A", WATCH, "		while (watch->running)\n",
     "		while (false)\n", "watches"),
    # The rest.
    ("an engine in use is destroyed", "I", ENGINE, "	if (pendi_load_relaxed(&engine->uses))\n",
     "	if (false)\n", "engine"),
    ("a failed creation leaks", "I", ENGINE, "	if (error)\n		release_tables(engine);\n", "",
     "engine"),
    ("what others serve is not counted", "I", STATS,
     "	add_row(stats, &shard->rows[PENDI_ROW_OTHERS]);\n", "", "poll"),
    ("what the executor serves is not counted", "I", STATS,
     "	add_row(stats, &shard->rows[PENDI_ROW_HOME]);\n", "", "home"),
    ("polls nest", "A", POLL, "	if (pendi_engine_serving(engine))\n", "	if (false)\n", "poll"),
    ("the monitor keeps what it served", "I", POLL, "		pendi_home_return(shard, now_ns);\n",
     "		;\n", "monitor"),
))

if __name__ == "__main__":
    sys.exit(main(Suite(SHARD, LIBRARY, TESTS, MUTANTS, crashes=True)))
