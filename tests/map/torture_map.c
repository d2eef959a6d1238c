/* SPDX-License-Identifier: MIT */
/*
 * torture_map.c - the maps under fire: who wins, what readers see, what stays (guarantees A, B, E,
 * J). See torture_map.h for its parts.
 */
#include "tests/map/torture_map.h"

#include "tests/support/arguments.h"
#include "tests/support/check.h"

static struct arguments arguments = { .rounds = 100000 };
static struct tap tap;
static uint64_t operations;

#define RUN(name, call)                                   \
	do {                                              \
		if (arguments_want(&arguments, (name))) { \
			operations += (call);             \
			tap_report(&tap, 1, (name));      \
		}                                         \
	} while (0)

int main(int count, char **words)
{
	if (!arguments_parse(&arguments, count, words))
		return 2;

	const uint64_t seed = arguments.seed, rounds = arguments.rounds;

	RUN("races for the same operations", torture_races(seed, rounds, false));
	RUN("the same through the epoch", torture_races(seed, rounds, true));
	RUN("readers hold pointers", torture_pointers(seed, rounds));
	RUN("a reader stalls", torture_stalled_reader(seed, rounds / 4));
	RUN("continuations", torture_continuation(seed, rounds, false));
	RUN("continuations away from home", torture_continuation(seed, rounds, true));
	RUN("pend map, linearizable", torture_linear_pend(seed, rounds / 20, false));
	RUN("pend map, linearizable away from home", torture_linear_pend(seed, rounds / 20, true));
	RUN("continuation map, linearizable",
	    torture_linear_continuation(seed, rounds / 20, false));
	RUN("continuation map, linearizable away from home",
	    torture_linear_continuation(seed, rounds / 20, true));
	printf("operations: %" PRIu64 "\n", operations);
	return tap_end(&tap);
}
