/* SPDX-License-Identifier: MIT */
/*
 * replace.c - a program replaced under load, again and again, with operations pended (guarantee G).
 *
 *   invokers (--threads, or one for each CPU): open a ledger entry -> ask the hook -> close it, or it is pended
 *   completer: permits, blocks or continues what is pended; some is left to its deadline
 *   replacer:  load -> update, with any policy, now and then waiting -> close the old one
 *   backend:   told of each operation that ends: closes its entry
 *
 * Each invocation runs exactly one program; none runs that is gone; each goes, once; each operation
 * ends, once, whatever was done to its program meanwhile. A program's block is taken again only
 * BLOCKS replacements later, so a run that comes too late finds it gone.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <pendmap/pendmap.h>

#include "stress/cell.h"
#include "stress/gate.h"
#include "stress/harness.h"
#include "stress/ledger.h"
#include "tests/support/random.h"

#define BLOCKS 65536u
#define BOARD 256u
#define ENTRIES 4096u /* of each invoker */
#define INVOKERS_MOST 16u
#define PENDS 4u  /* one operation in so many is pended ... */
#define LEFT 64u  /* ... and one of those in so many is left to its deadline */
#define WAITS 16u /* one replacement in so many waits */

enum block_state { BLOCK_FREE, BLOCK_USED };

struct replace;

/* What a program knows. */
struct block {
	struct replace *replace;
	struct cell state;
};

struct question {
	uint64_t pends; /* 1: the program shall */
};

struct invoker {
	struct replace *replace;
	pthread_t thread;
	uint32_t number;
	uint32_t cpu;
	struct cell asked;
};

struct replace {
	struct stress *stress;
	struct gate gate;
	struct pend_link *link;
	struct pend_program *program; /* the present one */
	struct ledger ledger;
	struct cell board[BOARD];
	struct cell stop;
	struct cell ran, ran_gone, freed_twice, freed, wrong, pended, completed, waited;
	uint64_t loaded, updates, longest_ns;
	struct block *blocks;
	uint32_t invoker_count;
	struct invoker invokers[INVOKERS_MOST];
};

static bool is_over(struct replace *replace)
{
	return cell_read(&replace->stop) != 0;
}

/* ---- the program and its backend ---- */

static int program(void *context, void *data)
{
	const struct question *question = context;
	struct block *block = data;
	struct replace *replace = block->replace;
	struct pend_value value = { .version = PEND_VALUE_VERSION, .size = sizeof(value) };
	struct pend_key key = pend_key_of(0);
	const bool again = bpf_pend_scratch(NULL) != NULL;

	if (cell_read(&block->state) != BLOCK_USED)
		cell_add(&replace->ran_gone, 1);
	if (!question->pends || again)
		return PEND_VERDICT_PROCEED_SOFT;
	return bpf_pend_operation(replace->gate.pends, &value, sizeof(value), &key, sizeof(key)) ==
			       0
		       ? PEND_VERDICT_PEND
		       : PEND_VERDICT_PROCEED_HARD;
}

static void program_gone(void *data)
{
	struct block *block = data;

	if (cell_swap(&block->state, BLOCK_FREE) != BLOCK_USED)
		cell_add(&block->replace->freed_twice, 1);
	cell_add(&block->replace->freed, 1);
}

static int hold(void *backend, uint64_t operation, struct pend_map *map, uint64_t handle)
{
	(void)backend, (void)operation, (void)map, (void)handle;
	return 0;
}

static void complete(void *backend, uint64_t operation, const struct pend_completion *completion)
{
	struct replace *replace = backend;

	(void)completion;
	if (ledger_close(&replace->ledger, operation))
		cell_add(&replace->completed, 1);
}

static void owner_gone(void *backend, uint64_t operation)
{
	struct replace *replace = backend;

	(void)operation; /* nobody cancels here */
	cell_add(&replace->wrong, 1);
}

static const struct pend_backend backend = {
	.header = PEND_HEADER(PEND_BACKEND_VERSION, struct pend_backend, owner_gone),
	.pend = hold,
	.complete = complete,
	.owner_gone = owner_gone,
};

/* ---- those who work ---- */

static void decide(struct replace *replace, uint64_t cookie, struct rng *rng)
{
	static const enum pend_action actions[] = { PEND_ACTION_PERMIT_SOFT, PEND_ACTION_BLOCK,
						    PEND_ACTION_CONTINUE };
	const uint64_t handle = cell_read(&replace->ledger.entries[ledger_index(cookie)].handle);

	if (handle)
		gate_decide(&replace->gate, handle, actions[rng_below(rng, 3)]);
}

/* One operation of entry @index, if its last one has ended. */
static void ask(struct invoker *invoker, uint32_t index, struct rng *rng)
{
	struct replace *replace = invoker->replace;
	struct question question = { .pends = rng_one_in(rng, PENDS) };
	struct pend_invocation invocation = { .context = &question,
					      .operation = ledger_open(&replace->ledger, index),
					      .initial = PEND_VERDICT_PROCEED_SOFT };
	uint64_t displaced;

	if (!invocation.operation)
		return;
	gate_must(pend_hook_invoke(replace->gate.hook, &invocation), "pend_hook_invoke");
	cell_write(&invoker->asked, cell_read(&invoker->asked) + 1);
	if (invocation.programs != 1)
		cell_add(&replace->wrong, 1);
	if (invocation.verdict != PEND_VERDICT_PEND) {
		(void)ledger_close(&replace->ledger, invocation.operation);
		if (question.pends != (invocation.verdict == PEND_VERDICT_PROCEED_HARD))
			cell_add(&replace->wrong, 1);
		return;
	}
	cell_add(&replace->pended, 1);
	cell_write(&replace->ledger.entries[index].handle, invocation.handle);
	if (rng_one_in(rng, LEFT))
		return;
	displaced = cell_swap(&replace->board[rng_below(rng, BOARD)], invocation.operation);
	if (displaced)
		decide(replace, displaced, rng);
}

static void *invoke(void *argument)
{
	struct invoker *invoker = argument;
	struct stress *stress = invoker->replace->stress;
	const uint32_t entries = stress_room(stress, ENTRIES);
	struct rng rng = rng_make(stress->seed, invoker->number);

	(void)stress_pin(invoker->cpu);
	for (uint32_t at = 0; !is_over(invoker->replace); at = (at + 1) % entries)
		ask(invoker, invoker->number * entries + at, &rng);
	return NULL;
}

static void *settle_board(void *argument)
{
	struct replace *replace = argument;
	struct rng rng = rng_make(replace->stress->seed, 1000);

	for (uint32_t at = 0; !is_over(replace); at = (at + 1) % BOARD) {
		const uint64_t cookie = cell_swap(&replace->board[at], 0);

		if (cookie)
			decide(replace, cookie, &rng);
		if (at == 0)
			sched_yield();
	}
	return NULL;
}

/* ---- the replacer ---- */

static struct pend_program *load_program(struct replace *replace, struct block *block)
{
	static const uint32_t helpers[] = { BPF_FUNC_pend_operation, BPF_FUNC_pend_scratch };

	block->replace = replace;
	cell_write(&block->state, BLOCK_USED);
	replace->loaded++;
	return gate_load(&replace->gate, program, block, helpers, 2, program_gone);
}

/* False: the block that would be next is still in use. */
static bool replace_once(struct replace *replace, struct rng *rng)
{
	struct block *block = &replace->blocks[replace->loaded % BLOCKS];
	struct pend_link_update_options options = {
		.size = sizeof(options),
		.flags = PEND_LINK_REPLACE | (rng_one_in(rng, WAITS) ? PEND_LINK_WAIT : 0),
		.old_program = replace->program,
		.outstanding = (enum pend_outstanding)rng_below(rng, 3),
	};
	struct pend_program *next;
	uint64_t began_ns;

	if (cell_read(&block->state) != BLOCK_FREE)
		return false;
	next = load_program(replace, block);
	began_ns = stress_now_ns();
	gate_must(pend_link_update(replace->link, next, &options), "pend_link_update");
	if (stress_now_ns() - began_ns > replace->longest_ns)
		replace->longest_ns = stress_now_ns() - began_ns;
	gate_must(pend_program_close(replace->program), "pend_program_close");
	replace->program = next;
	replace->updates++;
	cell_add(&replace->waited, options.waited);
	return true;
}

static void replace_all(struct replace *replace)
{
	struct rng rng = rng_make(replace->stress->seed, 2000);

	while (stress_goes_on(replace->stress, replace->updates)) {
		if (!replace_once(replace, &rng))
			stress_sleep_ns(NS_PER_MS);
		stress_progress(replace->stress, "replaced %" PRIu64 " times", replace->updates);
	}
}

/* ---- up and down ---- */

static void set_up(struct replace *replace)
{
	const struct gate_options options = { .context_size = sizeof(struct question),
					      .scratch_size = sizeof(uint64_t),
					      .entries = INVOKERS_MOST *
							 stress_room(replace->stress, ENTRIES),
					      .links_max = 1,
					      .deadline_ns = 20 * NS_PER_MS,
					      .backend = &backend,
					      .backend_context = replace };

	gate_open(&replace->gate, &options, replace->stress);
	replace->program = load_program(replace, &replace->blocks[0]);
	replace->link = gate_attach(replace->program, PEND_COMPARTMENT_ANY);
}

/* Detaches, waits until nothing is pended, and looks at the accounts. */
static void check_account(struct replace *replace)
{
	struct stress *stress = replace->stress;
	uint64_t pended = cell_read(&replace->pended), asked = 0;
	struct pend_map_stats stats;

	gate_must(pend_link_detach(replace->link, PEND_OUTSTANDING_FINISH), "pend_link_detach");
	gate_must(pend_link_close(replace->link), "pend_link_close");
	gate_must(pend_program_close(replace->program), "pend_program_close");
	stats = gate_settle(&replace->gate);
	for (uint32_t i = 0; i < replace->invoker_count; i++)
		asked += cell_read(&replace->invokers[i].asked);
	stress_count(stress, asked);
	stress_check(stress, cell_read(&replace->wrong) == 0,
		     "each of %" PRIu64 " invocations ran one program: wrong = %" PRIu64, asked,
		     cell_read(&replace->wrong));
	stress_check(stress, cell_read(&replace->ran_gone) == 0, "run when it was gone = %" PRIu64,
		     cell_read(&replace->ran_gone));
	stress_check(stress, stats.live == 0 && ledger_open_count(&replace->ledger) == 0,
		     "lost = %" PRIu32 " of %" PRIu64 " pended, live = %" PRIu64,
		     ledger_open_count(&replace->ledger), pended, stats.live);
	stress_check(stress,
		     cell_read(&replace->ledger.duplicates) +
					     cell_read(&replace->ledger.strangers) ==
				     0 &&
			     cell_read(&replace->completed) == pended,
		     "told of %" PRIu64 ", duplicate = %" PRIu64, cell_read(&replace->completed),
		     cell_read(&replace->ledger.duplicates));
	stress_note("%" PRIu64 " replacements, %" PRIu64 " invocations waited for; %" PRIu64
		    " completed by drain, %" PRIu64 " by deadline, %" PRIu64 " by a program",
		    replace->updates, cell_read(&replace->waited), stats.by_drain,
		    stats.by_deadline, stats.by_program);
}

static void take_down(struct replace *replace)
{
	gate_close(&replace->gate, replace->stress);
	stress_check(replace->stress,
		     cell_read(&replace->freed) == replace->loaded &&
			     cell_read(&replace->freed_twice) == 0,
		     "%" PRIu64 " programs, %" PRIu64 " freed, twice = %" PRIu64, replace->loaded,
		     cell_read(&replace->freed), cell_read(&replace->freed_twice));
}

static void run(struct replace *replace)
{
	uint32_t cpus[INVOKERS_MOST], cpu_count = stress_cpus(cpus, INVOKERS_MOST);
	uint32_t wanted = replace->stress->threads;
	pthread_t completer;

	replace->invoker_count = wanted && wanted <= INVOKERS_MOST ? wanted : cpu_count;
	replace->blocks = calloc(BLOCKS, sizeof(*replace->blocks));
	if (!replace->blocks ||
	    !ledger_make(&replace->ledger,
			 replace->invoker_count * stress_room(replace->stress, ENTRIES)))
		stress_bail("no memory");
	set_up(replace);
	if (pthread_create(&completer, NULL, settle_board, replace))
		stress_bail("no thread");
	for (uint32_t i = 0; i < replace->invoker_count; i++) {
		struct invoker *invoker = &replace->invokers[i];

		invoker->replace = replace;
		invoker->number = i;
		invoker->cpu = cpus[i % cpu_count];
		if (pthread_create(&invoker->thread, NULL, invoke, invoker))
			stress_bail("no thread");
	}
	replace_all(replace);
	cell_write(&replace->stop, 1);
	for (uint32_t i = 0; i < replace->invoker_count; i++)
		pthread_join(replace->invokers[i].thread, NULL);
	pthread_join(completer, NULL);
	check_account(replace);
	take_down(replace);
	ledger_free(&replace->ledger);
	free(replace->blocks);
}

int main(int count, char **words)
{
	struct stress stress = { .name = "stress_replace",
				 .purpose = "programs that are replaced under load",
				 .seconds = 60 };
	static struct replace replace; /* the board and all cells */
	int status;

	if (!stress_begin(&stress, count, words, &status))
		return status;
	stress_limit(stress.seconds * 3 + 60, "replace");
	replace.stress = &stress;
	stress_watch(&stress);
	run(&replace);
	stress_figure(&stress, (double)replace.longest_ns / (double)NS_PER_MS, 250, "ms",
		      "longest replacement, with those that wait");
	return stress_end(&stress);
}
