/* SPDX-License-Identifier: MIT */
/*
 * stack.h - the whole stack of a probe: engine, runtime, hook, backend, a chain of programs.
 *
 * Programs get a context as those of the network layers do (sock_addr.h). What becomes of a pended
 * operation is the bench's: holding costs nothing, completing counts.
 */
#ifndef BENCH_SCENARIO_STACK_H
#define BENCH_SCENARIO_STACK_H

#include <stdint.h>

#include <pendmap/pendmap.h>

#include "bench/scenario/probe.h"

/* What a program knows. */
struct bench_rule {
	struct pend_custom_map *map; /* where it pends */
	uint32_t port;               /* that it rejects */
	uint32_t reserved;
	uint64_t runs;
};

struct bench_stack {
	struct pend_engine *engine; /* polled */
	struct pend_runtime *runtime;
	struct pend_provider *type; /* of the programs */
	struct pend_custom_map *map;
	struct pend_hook *hook;
	uint64_t completed; /* operations that the backend was told of */
	uint32_t count;     /* of programs */
	pend_program_fn entries[PEND_HOOK_LINKS_MAX];
	struct bench_rule rules[PEND_HOOK_LINKS_MAX];
	struct pend_program *programs[PEND_HOOK_LINKS_MAX];
	struct pend_link *links[PEND_HOOK_LINKS_MAX];
};

/*
 * A hook of @hook_flags with @count programs: all run @entry, but the last runs @last. Of those, @last
 * alone may pend. 0 or an error, and then nothing is left.
 */
int bench_stack_open(struct bench_stack *stack, const struct bench_setting *setting,
		     uint32_t hook_flags, uint32_t count, pend_program_fn entry,
		     pend_program_fn last);

/* Serves this CPU's shard until nothing is pended. */
void bench_stack_settle(struct bench_stack *stack);

/*
 * Writes the map's account; checks that every program ran @runs times, and that the runtime and the
 * backend saw the same operations end as the map; destroys everything. 0 or -EBADMSG.
 */
int bench_stack_close(struct bench_stack *stack, struct bench_sample *sample, uint64_t runs);

#endif
