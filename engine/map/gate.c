/* SPDX-License-Identifier: MIT */
/*
 * gate.c - waiting for the penders that are inside. See gate.h.
 */
#include "engine/map/gate.h"

#include <errno.h>

#include "platform/clock.h"
#include "platform/futex.h"
#include "platform/membarrier.h"

#define GATE_SPINS 1000u
#define GATE_PAUSE_NS 50000u

void pendi_gate_pause(uint64_t ns)
{
	_Atomic uint32_t never = 0;

	(void)pendi_futex_wait(&never, 0, ns);
}

/* Whether the pender of a row that read @seen may still be inside. Row 0 counts. */
static bool is_still_inside(const struct pendi_tally *tally, uint32_t row, uint64_t seen)
{
	/* [GT2.acq] Pairs with [GT2.rel] in pendi_gate_leave(). */
	const uint64_t now = pendi_load_acquire(&tally->rows[row].count[PENDI_COUNT_GATE], GT2);

	return row ? now == seen : now != 0;
}

static int wait_for_row(const struct pendi_tally *tally, uint32_t row, uint64_t seen,
			uint64_t begin_ns, uint64_t timeout_ns)
{
	for (uint32_t spins = 0; is_still_inside(tally, row, seen); spins++) {
		if (spins < GATE_SPINS) {
			pendi_cpu_relax();
			continue;
		}
		if (timeout_ns != UINT64_MAX && pendi_clock_mono_ns() - begin_ns >= timeout_ns)
			return -ETIMEDOUT;
		pendi_gate_pause(GATE_PAUSE_NS);
	}
	return 0;
}

int pendi_gate_wait(const struct pendi_tally *tally, bool light, uint64_t timeout_ns)
{
	const uint32_t limit = pendi_thread_limit();
	const uint64_t begin_ns = pendi_clock_mono_ns();
	int error = 0;

	/* [GT1.sc] Pairs with [GT1.sc] in pendi_gate_enter(). A membarrier that the kernel has no
	 * memory for is tried again: it is all that makes the penders' light fence whole. */
	if (light)
		while (pendi_membarrier())
			pendi_gate_pause(GATE_PAUSE_NS);
	else
		pendi_fence_store_load(GT1);
	for (uint32_t row = 0; row < limit && !error; row++) {
		/* [GT2.acq] Pairs with [GT2.rel] in pendi_gate_leave(). */
		const uint64_t seen =
			pendi_load_acquire(&tally->rows[row].count[PENDI_COUNT_GATE], GT2);

		if (row ? seen & 1 : seen != 0)
			error = wait_for_row(tally, row, seen, begin_ns, timeout_ns);
	}
	return error;
}
