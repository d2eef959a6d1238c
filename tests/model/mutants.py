#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutants.py - plants faults in the library, one at a time, and runs the scenario of the model checker
that must find each: by a schedule, so chance has no part in it.

	checker and scenarios, compiled once --.
	library with one fault, one unit ------+--> program --only SCENARIO--> VIOLATION

A mutant counts as killed if a search of the scenario that it names reports a violation; running out
of time does not count, nor does a mutant that does not compile or whose text does not occur once.

Usage: mutants.py ROOT [--compiler CC] [--only PART-OF-NAME] [--jobs N] [--list]
Exit 0 if every mutant was killed, 1 if not, 77 where the checker does not exist (not x86-64).
"""
import argparse
import concurrent.futures
import dataclasses
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time

TIMEOUT_S, SKIPPED = 240, 77
FLAGS = ("-std=c17", "-D_GNU_SOURCE", "-DNDEBUG", "-O1", "-w", "-pthread", "-fno-pie", "-DPENDI_SMALL",
         '-DPENDI_ATOMIC_BACKEND="tests/model/checker/atomic_model.h"',
         '-DPENDI_THREAD_LOCAL=__attribute__((section("model_tls")))')
LINK = ("-no-pie", "-Wl,--wrap=pthread_mutex_lock,--wrap=pthread_mutex_unlock,--wrap=nanosleep",
        "-Wl,--wrap=eventfd,--wrap=read,--wrap=write,--wrap=poll,--wrap=close", "-lnuma")
LEFT_OUT = ("platform/memory.c", "epoch/urcu.c")
FOUND = re.compile(r"VIOLATION.*|.*violation.*")


@dataclasses.dataclass(frozen=True)
class Mutant:
    name: str       # what is wrong
    edge: str       # that it breaks, or ""
    file: str
    old: str
    new: str
    scenarios: str  # one of which must find it; between " + "


@dataclasses.dataclass(frozen=True)
class Unit:
    """Files that are compiled as one."""
    name: str
    files: tuple


class Workshop:
    """Works on a copy of the sources: what is edited meanwhile changes nothing."""
    def __init__(self, root, compiler, place):
        self.root, self.compiler, self.place = place / "sources", compiler, place
        for part in ("engine", "epoch", "include", "platform", "tests/model"):
            shutil.copytree(root / part, self.root / part)
        root = self.root
        sources = [path.relative_to(root).as_posix()
                   for part in ("platform", "epoch", "engine/*") for path in
                   sorted(root.glob(f"{part}/*.c"))]
        sources = [name for name in sources if name not in LEFT_OUT]
        self.engine = Unit("engine", tuple(n for n in sources if n.startswith("engine/")))
        self.library = [self.engine, *(Unit(n.replace("/", "_")[:-2], (n,)) for n in sources
                                       if n not in self.engine.files)]
        self.rest = [Unit(path.relative_to(root).as_posix().replace("/", "_")[:-2],
                          (path.relative_to(root).as_posix(),))
                     for part in ("checker", "scenarios")
                     for path in sorted(root.glob(f"tests/model/{part}/*.c"))]

    def compile(self, unit, over, home):
        """None, or what the compiler says. @over is looked into before the root."""
        source = home / f"{unit.name}.c"
        source.write_text("".join(f'#include "{name}"\n' for name in unit.files))
        done = subprocess.run([self.compiler, *FLAGS, f"-I{over}", f"-I{self.root}",
                               f"-I{self.root}/include", "-c", source, "-o",
                               home / f"{unit.name}.o"],
                              check=False, capture_output=True, text=True)
        return ("it does not compile: " + done.stderr.split("\n")[0]) if done.returncode else None

    def prepare(self, jobs):
        clean = self.place / "clean"
        clean.mkdir()
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for said in pool.map(lambda unit: self.compile(unit, self.root, clean),
                                 (*self.library, *self.rest)):
                if said:
                    raise SystemExit(said)

    def plant(self, mutant, home):
        """None, or why not. Copies the whole folder, for its files include each other."""
        folder = pathlib.Path(mutant.file).parent
        shutil.copytree(self.root / folder, home / folder, ignore=lambda at, names: [
            n for n in names if (pathlib.Path(at) / n).is_dir()])
        path = home / mutant.file
        text = path.read_text()
        if text.count(mutant.old) != 1:
            return f"its text occurs {text.count(mutant.old)} times in {mutant.file}"
        path.write_text(text.replace(mutant.old, mutant.new))
        return None

    def again(self, mutant):
        """The units that a change of its file touches; scenarios of a part include its headers."""
        if mutant.file.endswith(".c"):
            return [unit for unit in self.library if mutant.file in unit.files]
        return [unit for unit in (*self.library, *self.rest) if self.includes_library(unit)]

    def includes_library(self, unit):
        return any(re.search('#include "(engine|epoch)/', (self.root / name).read_text())
                   for name in unit.files)

    def build(self, mutant, home):
        said = self.plant(mutant, home)
        units = self.again(mutant) if said is None else []
        for unit in units:
            said = said or self.compile(unit, home, home)
        if said:
            return said
        objects = [(home if unit in units else self.place / "clean") / f"{unit.name}.o"
                   for unit in (*self.library, *self.rest)]
        return self.link(objects, home)

    def link(self, objects, home):
        done = subprocess.run([self.compiler, *FLAGS, *objects, *LINK, "-o", home / "program"],
                              check=False, capture_output=True, text=True)
        return ("it does not link: " + done.stderr.split("\n")[0]) if done.returncode else None

    def search(self, program, scenario):
        """(whether a violation was found, what was said)"""
        command = [program, "--only", scenario, "--budget", "100000", "--jobs", "1"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False,
                                  timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return False, "ran out of time"
        found = FOUND.search(done.stdout + done.stderr)
        return done.returncode == 1 and bool(found), found[0].strip() if found else \
            f"status {done.returncode}"

    def judge(self, number, mutant):
        """(whether it was found, what was said, seconds)"""
        begin, home = time.monotonic(), self.place / f"mutant{number}"
        home.mkdir()
        said, found = self.build(mutant, home), False
        for scenario in mutant.scenarios.split(" + ") if said is None else ():
            if not found:
                found, said = self.search(home / "program", scenario)
        shutil.rmtree(home, ignore_errors=True)
        return found, said, time.monotonic() - begin

    def clean_passes(self, mutants, jobs):
        """The unchanged library holds in every search that a mutant is going to be judged by."""
        home = self.place / "unchanged"
        home.mkdir()
        said = self.link([self.place / "clean" / f"{unit.name}.o"
                          for unit in (*self.library, *self.rest)], home)
        if said:
            raise SystemExit(said)
        wanted = sorted({name for m in mutants for name in m.scenarios.split(" + ")})
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            results = pool.map(lambda name: self.search(home / "program", name), wanted)
            wrong = [(name, said) for name, (_, said) in zip(wanted, results) if said != "status 0"]
        for name, said in wrong:
            print(f"the unchanged library: {name}: {said}")
        return not wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--compiler", default="cc")
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--list", action="store_true")
    given = parser.parse_args()
    chosen = [m for m in MUTANTS if given.only in m.name]
    if given.list:
        print("\n".join(f"{m.edge:4} {m.file:28} {m.name}" for m in chosen))
        return 0
    if platform.machine() not in ("x86_64", "AMD64"):
        print("the model checker has a switch of stacks for x86-64 only")
        return SKIPPED
    killed = 0
    with tempfile.TemporaryDirectory(prefix="pend-mutants-") as place:
        workshop = Workshop(given.root.resolve(), given.compiler, pathlib.Path(place))
        workshop.prepare(given.jobs)
        if not workshop.clean_passes(chosen, given.jobs):
            return 1
        with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
            results = pool.map(lambda item: workshop.judge(*item), enumerate(chosen))
            for mutant, (dead, said, seconds) in zip(chosen, results):
                killed += dead
                print(f"{'killed' if dead else 'SURVIVED'}: [{mutant.edge}] {mutant.name} "
                      f"({seconds:.1f} s; {mutant.scenarios}: {said})", flush=True)
    print(f"killed {killed} of {len(chosen)}")
    return 0 if chosen and killed == len(chosen) else 1


MUTANTS = (
    Mutant("a head's tag does not move (ABA)", "", "engine/slot/pool.h",
           "((head & ~PENDI_SLOT_MASK) + PENDI_SLOT_MASK + 1) | slot;",
           "(head & ~PENDI_SLOT_MASK) | slot;",
           "pool: a head comes back"),
    Mutant("\"none left\" without a second look", "", "engine/slot/pool.c",
           "		slot = steal(pool, magazine);",
           "		slot = PENDI_SLOT_NONE;",
           "pool: two take and put, one takes"),
    Mutant("a put does not end FULL", "", "engine/slot/pool.h",
           "	if (PENDI_UNLIKELY((full & PENDI_FULL_STATE) != PENDI_FULL_OPEN))\n"
           "		pendi_pool_tell(pool, full, head);",
           "	(void)full;",
           "pool: the only slot wanders"),
    Mutant("a proof without membarrier", "FR2", "engine/slot/pool.c",
           "	if (pendi_membarrier())\n		return false;\n",
           "",
           "pocket: a put and a proof of none"),
    Mutant("a put beside the membarrier makes no fence", "FR2", "engine/slot/pool.c",
           "	pendi_fence_store_load(FR2);\n	/* relaxed: as in pendi_pool_pushed(). */\n",
           "	/* relaxed: as in pendi_pool_pushed(). */\n",
           "pocket: a put and two proofs, one membarrier"),
    Mutant("a new period has the old membarrier", "FR3", "engine/slot/pool.c",
           "						(UINT64_C(1) << PENDI_FULL_PERIOD_SHIFT));",
           "						PENDI_FULL_SEQUENCE_ONE);",
           "pocket: full before, a put and a proof of none"),
    Mutant("a period is fenced before its membarrier", "FR3", "engine/slot/pool.c",
           "	/* [FR2.sc] The heavy half, for puts in pockets. */\n",
           "	pendi_store_release(&pool->fenced, period, FR3);\n",
           "pocket: a put, and two prove with one membarrier"),
    Mutant("a thief without membarrier", "PK1", "engine/slot/pocket.c",
           "			if (pendi_membarrier())",
           "			if (0)",
           "pocket: its owner and a thief"),
    Mutant("an owner without a fence", "PK1", "engine/slot/pocket.h",
           "		/* [PK1.sc] The same where there is no membarrier; pairs with the "
           "thief's fence. */\n"
           "		pendi_fence_store_load(PK1);",
           "		pendi_fence_light(PK1);",
           "pocket: the same, no membarrier"),
    Mutant("the owner takes the last slot of his pocket without asking", "", "engine/slot/pocket.h",
           "if (top != bottom || !pendi_cas_relaxed(&pocket->top, &top, top + 1))",
           "if (top != bottom)",
           "pocket: its owner and a thief"),
    Mutant("a thief takes a slot by a store", "", "engine/slot/pocket.c",
           "if (pendi_cas_release(&pocket->top, &top, top + 1, PK3))",
           "pendi_store_relaxed(&pocket->top, top + 1);\n"
           "		if (top + 1)",
           "pocket: its owner and a thief"),
    Mutant("the proof of none is stored, not compared and swapped", "", "engine/slot/pool.c",
           "if (pendi_cas_relaxed(&pool->full, &full,\n"
           "				      (full & ~(uint64_t)PENDI_FULL_STATE) | PENDI_FULL_FULL))",
           "pendi_store_relaxed(&pool->full, (full & ~(uint64_t)PENDI_FULL_STATE) "
           "| PENDI_FULL_FULL);\n"
           "		if (full != 1)",
           "pool: two take and put, one takes"),
    Mutant("a slot is taken by load and store: more than max_entries", "", "engine/slot/pool.h",
           "		if (PENDI_LIKELY(pendi_cas_acquire(&magazine->head, &head,\n"
           "						   pendi_head_with_slot(head, next), FR1))) {",
           "		pendi_store_relaxed(&magazine->head, pendi_head_with_slot(head, next));\n"
           "		if (head + 1) {",
           "pool: two take the last slot"),
    Mutant("a place is filled by load and store", "", "engine/queue/queue.c",
           "				 pendi_cas_acq_rel(at, &cell, lap << PENDI_QUEUE_ITEM_BITS | item,\n"
           "						   QU3, QU1))) {",
           "				 (pendi_store_relaxed(at, lap << PENDI_QUEUE_ITEM_BITS | item), "
           "cell + 1 != 0))) {",
           "queue: two push, one serves"),
    Mutant("the head is stored by whoever served", "", "engine/queue/queue.c",
           "	(void)pendi_cas_release(&queue->head, &expected, window->begin + "
           "window->count, QU2);",
           "	pendi_store_relaxed(&queue->head, expected + window->count);",
           "queue: one pushes, two serve"),
    Mutant("the bell is armed without a fence", "DB1", "engine/queue/doorbell.c",
           "	pendi_fence_store_load(DB1);",
           "	pendi_fence_light(DB1);",
           "doorbell: one rings twice, one sleeps"),
    Mutant("it sleeps although it was rung", "", "engine/queue/doorbell.c",
           "	(void)pendi_futex_wait(&bell->armed, 1, timeout_ns);",
           "	uint32_t now = pendi_load_relaxed(&bell->armed);\n"
           "	(void)pendi_futex_wait(&bell->armed, now, timeout_ns);",
           "doorbell: one rings twice, one sleeps"),
    Mutant("a look overwrites an arming", "", "engine/deadline/agenda.c",
           "	(void)pendi_cas_release(leaf, &node, agenda_moved(node, next), DL1);",
           "	pendi_store_relaxed(leaf, agenda_moved(node, next));",
           "agenda: a slot is armed during its look"),
    Mutant("a raise overwrites an arming", "", "engine/deadline/agenda.c",
           "		if (pendi_cas_acq_rel(node, &seen, agenda_moved(seen, tick), DL2, DL2))\n"
           "			return;",
           "		pendi_store_relaxed(node, agenda_moved(seen, tick));\n"
           "		if (seen + 1)\n"
           "			return;",
           "agenda: its neighbour is armed"),
    Mutant("ticks are compared without wrap", "", "engine/deadline/agenda.c",
           "	return (tick != PENDI_TICK_NEVER) & ((int32_t)(tick - now) <= 0);",
           "	return (tick != PENDI_TICK_NEVER) & (tick <= now);",
           "agenda: ticks come round"),
    Mutant("a scan without membarrier", "", "epoch/native.c",
           "	if (pendi_membarrier() == 0)\n"
           "		return true;",
           "	return true;",
           "epoch: a reader and a writer"),
    Mutant("a reader enters without a fence", "", "epoch/section.h",
           "		pendi_fence_store_load(EP1);",
           "		pendi_fence_light(EP1);",
           "epoch: the same, no membarrier"),
    Mutant("freed one epoch early", "", "epoch/native.c",
           "	*bag = (epoch - 2) % PENDI_BAGS;",
           "	*bag = (epoch - 1) % PENDI_BAGS;",
           "epoch: a reader and a writer + epoch: a reader that comes again"),
    Mutant("readers do not hold up an epoch", "", "epoch/native.c",
           "		    (any || pendi_section_epoch(section) != epoch))",
           "		    any)",
           "epoch: a reader and a writer"),
    Mutant("epochs are compared without wrap", "", "epoch/native.c",
           "		    (any || pendi_section_epoch(section) != epoch))",
           "		    (any || pendi_section_epoch(section) < epoch))",
           "epoch: epochs come round"),
    Mutant("a barrier does not wait for who runs the functions", "", "epoch/native_wait.c",
           "	if (!(turns & 1))\n"
           "		return;",
           "	return;",
           "epoch: a barrier and who polls"),
    Mutant("a portable reader without a fence", "", "epoch/section.h",
           "	if (PENDI_UNLIKELY(pendi_load_relaxed(&pendi_native.fences) != "
           "PENDI_FENCES_ASYMMETRIC))",
           "	if (PENDI_UNLIKELY(pendi_load_relaxed(&pendi_native.fences) == "
           "PENDI_FENCES_BOTH))",
           "epoch: the fence is made asymmetric + epoch: the fence is made portable"),
    Mutant("a thread that ends inside stays inside", "", "epoch/native.c",
           "	if (record->nest) {\n"
           "		record->nest = 0;\n"
           "		close_section(record);\n"
           "	}",
           "	record->nest = 0;",
           "epoch: a thread ends, inside, and one polls"),
    Mutant("a young reader is reported as stalled", "", "epoch/stall.c",
           "	if (seen != section) {",
           "	if (!seen) {",
           "epoch: a report and a young reader"),
    Mutant("a favourite is settled over contenders that did not lose", "", "engine/index/insert.c",
           "	} while (!settle_word(index, rival.slot, rival.word, "
           "pendi_word_lose(rival.word)));",
           "	} while (0);",
           "contest: the holder leaves, two come"),
    Mutant("a favourite is settled without a second scan", "", "engine/index/insert.c",
           "	const struct rivals again = look(index, key, seen->first);",
           "	const struct rivals again = *seen;",
           "contest: the holder leaves, two come"),
    Mutant("the reach shrinks while a key is displaced", "", "engine/index/bucket.c",
           "		next = pendi_home_make(displaced, displaced ? pendi_home_reach(old) : 0);",
           "		next = pendi_home_make(displaced, 0);",
           "index: a displaced key, another one leaves"),
    Mutant("the reach grows by load and store", "", "engine/index/bucket.c",
           "	} while (!pendi_cas_release(&home->home, &old, next, IX3));\n"
           "}\n"
           "\n"
           "void pendi_bucket_draw_in",
           "		pendi_store_relaxed(&home->home, next);\n"
           "	} while (0);\n"
           "}\n"
           "\n"
           "void pendi_bucket_draw_in",
           "index: one displaced key comes, one leaves"),
    Mutant("a decision by load and store", "", "engine/map/complete.c",
           "	} while (!pendi_cas_acq_rel(&at->word, &word, step->word, SL1, SL3));",
           "		pendi_store_relaxed(&at->word, step->word);\n"
           "	} while (0);",
           "map: two decide one operation"),
    Mutant("the generation does not move", "", "engine/slot/word.h",
           "	return next ? next : PENDI_WORD_GENERATION_ONE;",
           "	return next ? word & PENDI_WORD_GENERATION_MASK : PENDI_WORD_GENERATION_ONE;",
           "map: an old handle, the slot in use again"),
    Mutant("the generation is not looked at again", "", "engine/map/lookup.c",
           "	if (!pendi_word_same_generation(pendi_load_relaxed(&at->word), handle))\n"
           "		return -ENOENT;\n"
           "	if (info)\n"
           "		*info = copy;",
           "	if (info)\n"
           "		*info = copy;",
           "map: a read while the slot is used again"),
    Mutant("a slot is given back before it is free", "", "engine/map/serve.c",
           "	pendi_map_finish(map, slot, step.word);\n"
           "	pendi_recycler_put(&map->recycler, slot);\n"
           "	return true;",
           "	pendi_recycler_put(&map->recycler, slot);\n"
           "	pendi_map_finish(map, slot, step.word);\n"
           "	return true;",
           "serve: one decides, one polls, one pends + serve: one decides two, two poll"),
    Mutant("an operation is claimed by load and store", "", "engine/map/serve.c",
           "	} while (!pendi_cas_acq_rel(&at->word, &word, step.word, SL3, SL3));",
           "		pendi_store_relaxed(&at->word, step.word);\n"
           "	} while (0);",
           "serve: one decides two, two poll"),
    Mutant("a map leaves and waits for nobody", "", "engine/shard/join.c",
           "	leave_await(engine, number);\n",
           "",
           "serve: a map leaves while it is served"),
    Mutant("a map leaves without membarrier", "SH2", "engine/shard/join.c",
           "		if (pendi_membarrier())\n"
           "			leave_sleep(LEAVE_SETTLE_NS);",
           "		(void)0;",
           "serve: a map leaves while it is served"),
    Mutant("a slot is used again without grace", "", "engine/map/recycle.h",
           "	if (PENDI_UNLIKELY(recycler->deferred))",
           "	if (0)",
           "pointers: one is held while its slot recycles"),
    Mutant("a refusal while a debt is being settled", "", "engine/map/recycle.c",
           "	if (pendi_load_relaxed(&recycler->debt) == debt) {",
           "		if (1) {",
           "pointers: a debt is settled, one takes"),
    Mutant("expired by age, without asking whether it was moved", "", "engine/map/deadline.c",
           "	} while (!pass_due(at, &due));",
           "	} while (0);",
           "expiry: an extension and the deadline"),
    Mutant("slots leave the agenda without membarrier", "DL3", "engine/map/deadline.c",
           "	else if (pendi_membarrier())\n"
           "		return; /* not now: they stay in for longer */",
           "",
           "expiry: a pend while its slot is dropped"),
    Mutant("a frame closes by load and store", "", "engine/map/frame.c",
           "	} while (!pendi_cas_acq_rel(&at->word, &word, step.word, SL3, SL3));",
           "		pendi_store_relaxed(&at->word, step.word);\n"
           "	} while (0);",
           "frame: it closes, one decides, one polls"),
    Mutant("a re-run ends by load and store", "", "engine/map/rerun.c",
           "	} while (!pendi_cas_acq_rel(&at->word, &word, step.word, SL3, SL1));",
           "		pendi_store_relaxed(&at->word, step.word);\n"
           "	} while (0);",
           "rerun: a decision as it ends"),
    Mutant("a stop without membarrier", "GT1", "engine/map/gate.c",
           "	if (light)\n"
           "		while (pendi_membarrier())\n"
           "			pendi_gate_pause(GATE_PAUSE_NS);",
           "	if (light)\n"
           "		(void)0;",
           "stop: a pend"),
    Mutant("a pender without a fence", "GT1", "engine/map/gate.h",
           "		pendi_fence_store_load(GT1);",
           "		pendi_fence_light(GT1);",
           "stop: a pend, no membarrier"),
    Mutant("a stop does not wait for penders inside", "", "engine/map/control.c",
           "	int error = pendi_gate_wait(&map->tally, map->light, timeout_ns);\n"
           "\n"
           "	if (error)\n"
           "		return error;\n"
           "	decide_all(map, PEND_ORIGIN_DRAIN);\n"
           "	return wait_for_all",
           "	decide_all(map, PEND_ORIGIN_DRAIN);\n"
           "	return wait_for_all",
           "stop: a pend"),
    Mutant("a reader arms the bell and does not look again", "SE1", "engine/session/ring.c",
           "	if (!pendi_queue_peek(&ring->queue, &window))\n"
           "		return false;\n"
           "	pendi_ring_tell(ring);\n"
           "	return true;",
           "	(void)window;\n"
           "	return false;",
           "session: one pends, one reads"),
    Mutant("an executor sleeps without a look at its queue", "", "engine/shard/executor.c",
           "		    (!pendi_queue_is_empty(&other->queue) ||",
           "		    (0 ||",
           "executor: one decides, it sleeps"),
    Mutant("an executor sleeps without a second look at the ticks", "SH5", "engine/shard/executor.c",
           "if (again != tick || limit_ns == 0 || is_wanted(shard))",
           "if (limit_ns == 0 || is_wanted(shard))",
           "executor: a deadline comes, it sleeps"),
    Mutant("the adopter is not rung", "", "engine/shard/home.c",
           "	pendi_fence_store_load(SH1);\n"
           "	pendi_shard_ring(shard);",
           "	pendi_fence_store_load(SH1);",
           "adoption: a CPU goes while one decides"),
    Mutant("a hint in an adopted shard waits for its pusher's ring, and the executor spins", "", "engine/shard/executor.c",
           "		if (executor->adopted)\n"
           "			pendi_store_relaxed(&executor->foreign, 1);",
           "",
           "adoption: who decides stops anywhere + adoption: one decides, the heir sleeps"),
    Mutant("a leaver spins without a pause", "", "engine/shard/join.c",
           "			if (spins < LEAVE_SPINS)\n"
           "				pendi_cpu_relax();\n"
           "			else\n"
           "				leave_sleep(LEAVE_SLEEP_NS);\n",
           "			(void)leave_sleep;\n",
           "serve: a map leaves while it is served"),
    Mutant("a stop spins without a pause", "", "engine/map/gate.c",
           "		if (spins < GATE_SPINS) {\n"
           "			pendi_cpu_relax();\n"
           "			continue;\n"
           "		}\n"
           "		if (timeout_ns != UINT64_MAX && pendi_clock_mono_ns() - begin_ns >= timeout_ns)\n"
           "			return -ETIMEDOUT;\n"
           "		pendi_gate_pause(GATE_PAUSE_NS);\n",
           "		(void)begin_ns;\n",
           "stop: a pend"),
    Mutant("bytes are taken by load and store", "", "engine/shard/quota.h",
           "	} while (!pendi_cas_relaxed(&quota->used, &used, used + bytes));",
           "		pendi_store_relaxed(&quota->used, used + bytes);\n"
           "	} while (0);",
           "map: two pend, bytes for one"),
)

if __name__ == "__main__":
    sys.exit(main())
