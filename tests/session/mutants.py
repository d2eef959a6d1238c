#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutants.py - plants faults in engine/session, one at a time, and runs the test that must notice.

The engine is the real one, without executors where the test wants it so. Torture tests run with the
atomics of tests/support/chaos_oracle.h; orders that are too weak are for the thread sanitizer, what
is used after its end for the address sanitizer.
tests/mutants/planted.py says how a mutant is judged, and how this is called.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "mutants"))
from planted import (  # pylint: disable=wrong-import-position
    ASAN, CHAOS, Mutant, Suite, TSAN, Test, main)

RING, SESSION, SEAT, REGISTRY, LOSS, LEASE = (
    f"engine/session/{name}" for name in ("ring.c", "session.c", "session_internal.h",
                                          "registry.c", "loss.c", "lease.c"))
LIBRARY = ("platform/*.c", "epoch/[!u]*.c", "engine/object/*.c", "engine/queue/*.c",
           "engine/shard/*.c")


def torture(name, flags, arguments):
    return Test((f"tests/session/torture_{name}.c",), flags, arguments + " --seed {seed}", 3)


TESTS = {name: Test((f"tests/session/test_{name}.c",), criterion=True)
         for name in ("open", "read", "loss", "bell")}
TESTS |= {
    "loss-asan": Test(("tests/session/test_loss.c",), ASAN, criterion=True),
    "lease": Test(("tests/session/lease.c",)),
    "ring": torture("ring", CHAOS, "--rounds 600000"),
    "sleepers": torture("ring", CHAOS, "--rounds 600000 --only sleeping"),
    "ring-tsan": torture("ring", TSAN, "--rounds 60000"),
    "losses": torture("loss", CHAOS, "--rounds 300 --only closed"),
    "blocked": torture("loss", CHAOS, "--rounds 300 --only blocked"),
    "losses-tsan": torture("loss", TSAN, "--rounds 300 --only closed"),
}

MUTANTS = tuple(Mutant(*m) for m in (
    # The ring.
    ("a refusal tells nobody while a reader drains", "E", RING,
     "			ring_tell_if_draining(ring);\n", "", "bell"),
    ("no tag on the free stack", "D", RING,
     "pushed = ((head & ~RING_HEAD_MASK) + RING_HEAD_MASK + 1) | record;",
     "pushed = (head & ~RING_HEAD_MASK) | record;", "ring"),
    ("a record is claimed without a compare-and-swap", "A", RING,
     "	if (!pendi_cas_relaxed(&at->word, &word, word & ~RING_READY))\n		return false;",
     "	pendi_store_relaxed(&at->word, word & ~RING_READY);", "ring"),
    ("the item's life is not looked at", "A", RING,
     "if (!(word & RING_READY) || ((word >> 1) & RING_LIVES_MASK) != item >> RING_INDEX_BITS)",
     "if (!(word & RING_READY))", "read"),
    ("no second look after arming", "I", RING,
     "	if (!pendi_queue_peek(&ring->queue, &window))\n		return false;\n"
     "	pendi_ring_tell(ring);\n	return true;", "	(void)window;\n	return false;", "sleepers"),
    ("found after arming, not told", "I", RING, "	pendi_ring_tell(ring);\n	return true;",
     "	return true;", "bell"),
    ("drains after arming", "I", RING,
     "	ring_drain(ring);\n	ring_arm(ring, RING_DRAINER);",
     "	ring_arm(ring, RING_DRAINER);\n	ring_drain(ring);", "sleepers"),
    ("always quiet", "I", RING,
     "	return heard == drained && pendi_load_relaxed(&ring->told) == heard;",
     "	return heard + drained + 1 != 0;", "bell"),
    ("the bell begins unarmed", "I", RING, "pendi_store_relaxed(&ring->bell, RING_ARMED);",
     "pendi_store_relaxed(&ring->bell, 0);", "read"),
    ("tells each time", "I", RING,
     "	while ((bell & RING_ARMED) && "
     "!pendi_cas_relaxed(&ring->bell, &bell, bell & ~RING_ARMED))\n		;\n", "", "read"),
    ("advances past what was not read", "A", RING,
     "		if (i == window.count)\n			pendi_queue", "			pendi_queue",
     "read"),
    ("a failed write is not tried again", "I", RING,
     "		ring_arm(ring, 0); /* not told: the next committer tries again */",
     "		(void)0;", "bell"),
    ("a key is not padded", "I", RING,
     "	memset(at->key + kept, 0, ring->key_size - kept);", "", "read"),
    ("SE2: giving back orders nothing", "A", RING,
     "} while (!pendi_cas_release(&ring->free, &head, pushed, SE2));",
     "} while (!pendi_cas_relaxed(&ring->free, &head, pushed));", "ring-tsan"),
    # Pending for a session.
    ("SE4: commit leaves with no order", "A", SESSION,
     "pendi_fetch_sub_release(&seat->control, SEAT_INSIDE_ONE, SE4))]",
     "pendi_fetch_sub_relaxed(&seat->control, SEAT_INSIDE_ONE))]", "losses-tsan"),
    ("commit does not look at the state", "E", SESSION, "	return fates[pendi_seat_state(",
     "	return 0 * fates[pendi_seat_state(", "blocked"),
    ("a ticket does not count as inside", "A", SESSION,
     "#define SEAT_TICKET (SEAT_LIVE_ONE + SEAT_INSIDE_ONE)",
     "#define SEAT_TICKET (SEAT_LIVE_ONE)", "loss-asan"),
    ("a refusal keeps its place", "D", SESSION,
     "	if (PENDI_UNLIKELY(error))\n		seat_count_out(seat, SEAT_TICKET);", "", "read"),
    ("the share is not kept", "D", SESSION, "if ((control & SEAT_LIVE_MASK) >= most)",
     "if ((control & SEAT_LIVE_MASK) > most)", "read"),
    ("the sitting is not looked at", "A", SEAT,
     "	return control >> SEAT_SITTING_SHIFT == session->sitting &&\n"
     "	       pendi_seat_state(control) == PENDI_SEAT_OPEN;",
     "	return session->sitting < SEAT_SITTINGS && "
     "pendi_seat_state(control) == PENDI_SEAT_OPEN;", "open"),
    # Losing one.
    ("a loss is not decided by a compare-and-swap", "A", LOSS,
     "} while (!pendi_cas_acquire(&seat->control, &control, after, SE4));",
     "	(void)pendi_fetch_add_relaxed(&seat->control, after - control);\n	} while (0);",
     "losses"),
    ("the maps are not told", "E", LOSS,
     "	if (lost != PENDI_SEAT_WAITING)\n		pendi_engine_each(",
     "	if (0)\n		pendi_engine_each(", "loss"),
    ("who polls is not told of the loss", "I", LOSS,
     "	pendi_ring_tell_anyway(&seat->ring);\n", "", "lease"),
    ("a lease keeps its own end alive", "E", LEASE, "	return ends[1];",
     "	return dup(ends[1]);", "lease"),
    ("each lease has its own pipe", "E", LEASE,
     "result = seat->lease < 0 ? lease_first(seat) : lease_again(seat);",
     "result = lease_first(seat);", "lease"),
    ("descriptors are left behind", "I", LEASE,
     "	if (seat->watch >= 0)\n		(void)close(seat->watch);", "", "lease"),
    # Seats and heirs.
    ("an heir is lost by what was watched before", "I", REGISTRY,
     "	pendi_seat_unwatch(seat);\n	seat_set", "	seat_set", "lease"),
    ("a seat is used while somebody is inside", "A", REGISTRY,
     "(control & SEAT_COUNTS_MASK) != 0 ||", "(control & SEAT_LIVE_MASK) != 0 ||", "loss-asan"),
    ("a seat is used while operations live", "A", REGISTRY,
     "(control & SEAT_COUNTS_MASK) != 0 ||", "", "open"),
    ("heirs of any name", "I", REGISTRY, "strcmp(seat->name, name) == 0",
     "strncmp(seat->name, name, 3) == 0", "loss"),
    ("an heir of another geometry", "I", REGISTRY,
     "	if (seat->ring.count != options->notices || seat->ring.key_size != options->key_size)\n"
     "		return -EINVAL;\n", "", "loss"),
    ("an heir forgets what lives", "A", REGISTRY, "control & SEAT_COUNTS_MASK, PENDI_SEAT_OPEN",
     "control & 0, PENDI_SEAT_OPEN", "loss"),
))

if __name__ == "__main__":
    sys.exit(main(Suite("engine/session", LIBRARY, TESTS, MUTANTS)))
