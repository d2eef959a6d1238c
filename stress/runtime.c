/* SPDX-License-Identifier: MIT */
/*
 * runtime.c - invocations on all threads while programs come, go and are replaced (guarantees A, B,
 * G and H).
 *
 *   invokers:   open ledger entries -> ask the hook, one by one or BATCH at once -> close them, or
 *               they are pended
 *   replacer:   updates the one link that pends, with any policy: version 1, 2, 3, ...
 *   guests:     attach programs that run before it, and detach them again
 *   completer:  permits, blocks or continues what is pended; some is left to its deadline
 *   backend:    told of each operation that ends: closes its entry
 *
 *	announced = 7 | update() | installed = 7
 *
 * An invocation that began when `installed` was 6 and ended when `announced` was 7 ran version 6 or
 * 7, once; all of a batch ran the same. A guest does not run when its detach has returned, and
 * nobody runs who is gone. While a program of an operation runs, no other does, and the operation
 * does not end. A program that runs again, be it another version, sees what the first run saw.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "stress/cell.h"
#include "stress/gate.h"
#include "stress/ledger.h"
#include "tests/support/random.h"

#define BLOCKS 16384u
#define BOARD 256u
#define ENTRIES 2048u /* of each invoker */
#define INVOKERS_MOST 32u
#define GUESTS 3u
#define BATCH 4u
#define PENDS 3u /* one operation in so many is pended ... */
#define LEFT 64u /* ... and one of those in so many is left to its deadline */
#define WAITS 16u
#define YIELDS 61u
#define COMPARTMENT 7u /* of all operations and guests: these run first */

enum block_state { BLOCK_FREE, BLOCK_USED };

struct runtime;

/* What a program knows. */
struct block {
	struct runtime *runtime;
	struct cell state;
	struct cell detached; /* of a guest: its detach has returned */
	uint64_t version;     /* 0: a guest */
};

/* What programs see of an operation. */
struct question {
	uint64_t entry;
	uint64_t stamp;
	uint64_t pends; /* the program shall */
	/* Written by the first run. */
	uint64_t version;
	uint64_t runs;
	uint64_t guests;
	uint64_t displaced; /* from the board: the invoker decides it */
};

/* What the first run saw. */
struct first {
	uint64_t stamp;
	uint64_t process;
	uint32_t cpu;
	uint32_t random;
};

struct invoker {
	struct runtime *runtime;
	pthread_t thread;
	uint32_t number;
	struct cell asked;
};

struct operation {
	struct cell stamp;   /* the cookie of its round */
	struct cell running; /* a program runs */
};

struct runtime {
	struct stress *stress;
	struct gate gate;
	struct pend_link *link;
	struct pend_program *program; /* the present one */
	struct ledger ledger;
	struct operation *operations;
	struct cell board[BOARD];
	struct cell stop, announced, installed;
	struct cell wrong_version, wrong_count, split, ran_gone, ran_detached, overlaps, unfaithful;
	struct cell freed, freed_twice, pended, completed, reruns, cancelled, attached;
	struct block *blocks;
	struct cell loaded;
	uint64_t updates;
	uint32_t invoker_count;
	struct invoker invokers[INVOKERS_MOST];
};

static bool is_over(struct runtime *runtime)
{
	return cell_read(&runtime->stop) != 0;
}

/* ---- programs ---- */

static struct first look(const struct question *question)
{
	return (struct first){ .stamp = question->stamp,
			       .process = bpf_get_current_pid_tgid(),
			       .cpu = bpf_get_smp_processor_id(),
			       .random = bpf_get_prandom_u32() };
}

/* Guarantee H: whichever version this is. @first is what the first run left in the scratch. */
static int run_again(struct runtime *runtime, struct question *question, const struct first *first)
{
	const struct first now = look(question);

	cell_add(&runtime->reruns, 1);
	if (now.stamp != first->stamp || now.process != first->process || now.cpu != first->cpu ||
	    now.random != first->random ||
	    now.stamp != cell_read(&runtime->operations[question->entry].stamp))
		cell_add(&runtime->unfaithful, 1);
	return question->stamp % 4 ? PEND_VERDICT_PROCEED_SOFT : PEND_VERDICT_PEND;
}

/* From now on others decide, although the frame is open. */
static void show(struct runtime *runtime, struct question *question, uint64_t handle)
{
	uint64_t cookie = question->stamp;

	cell_write(&runtime->ledger.entries[question->entry].handle, handle);
	if (cookie % LEFT)
		question->displaced = cell_swap(&runtime->board[question->entry % BOARD], cookie);
	if (cookie % YIELDS == 0)
		sched_yield();
}

static int run_first(struct runtime *runtime, struct question *question, uint64_t version)
{
	struct pend_value value = { .version = PEND_VALUE_VERSION, .size = sizeof(value) };
	struct pend_key key = pend_key_of(0);
	const struct first first = look(question);

	question->version = version;
	question->runs++;
	if (!question->pends)
		return PEND_VERDICT_PROCEED_SOFT;
	if (bpf_pend_operation(runtime->gate.pends, &value, sizeof(value), &key, sizeof(key)))
		return PEND_VERDICT_PROCEED_HARD;
	memcpy(bpf_pend_scratch(NULL), &first, sizeof(first));
	show(runtime, question, key.pend_id);
	return PEND_VERDICT_PEND;
}

static int pending_program(void *context, void *data)
{
	struct question *question = context;
	struct block *block = data;
	struct runtime *runtime = block->runtime;
	struct cell *running = &runtime->operations[question->entry].running;
	const struct first *first = bpf_pend_scratch(NULL);
	int verdict;

	if (cell_read(&block->state) != BLOCK_USED)
		cell_add(&runtime->ran_gone, 1);
	if (cell_swap(running, 1))
		cell_add(&runtime->overlaps, 1);
	verdict = first ? run_again(runtime, question, first)
			: run_first(runtime, question, block->version);
	cell_write(running, 0);
	return verdict;
}

static int guest_program(void *context, void *data)
{
	struct question *question = context;
	struct block *block = data;

	if (cell_read(&block->state) != BLOCK_USED)
		cell_add(&block->runtime->ran_gone, 1);
	if (cell_read(&block->detached))
		cell_add(&block->runtime->ran_detached, 1);
	question->guests++;
	return PEND_VERDICT_PROCEED_SOFT;
}

static void program_gone(void *data)
{
	struct block *block = data;

	if (cell_swap(&block->state, BLOCK_FREE) != BLOCK_USED)
		cell_add(&block->runtime->freed_twice, 1);
	cell_add(&block->runtime->freed, 1);
}

/* NULL: the block that would be next is still in use. */
static struct pend_program *load_next(struct runtime *runtime, uint64_t version,
				      struct block **used)
{
	static const uint32_t helpers[] = { BPF_FUNC_pend_operation, BPF_FUNC_pend_scratch,
					    BPF_FUNC_get_current_pid_tgid,
					    BPF_FUNC_get_smp_processor_id,
					    BPF_FUNC_get_prandom_u32 };
	struct block *block = &runtime->blocks[cell_add(&runtime->loaded, 1) % BLOCKS];

	while (cell_read(&block->state) != BLOCK_FREE) {
		if (is_over(runtime)) {
			cell_add(&runtime->loaded, UINT64_MAX);
			return NULL;
		}
		sched_yield();
	}
	block->runtime = runtime;
	block->version = version;
	cell_write(&block->detached, 0);
	cell_write(&block->state, BLOCK_USED);
	*used = block;
	return gate_load(&runtime->gate, version ? pending_program : guest_program, block, helpers,
			 version ? sizeof(helpers) / sizeof(helpers[0]) : 0, program_gone);
}

/* ---- the backend ---- */

static int hold(void *backend, uint64_t operation, struct pend_map *map, uint64_t handle)
{
	(void)backend, (void)operation, (void)map, (void)handle;
	return 0;
}

/* Guarantee B: not while a program runs. */
static void complete(void *backend, uint64_t operation, const struct pend_completion *completion)
{
	struct runtime *runtime = backend;

	(void)completion;
	if (cell_read(&runtime->operations[ledger_index(operation)].running))
		cell_add(&runtime->overlaps, 1);
	if (ledger_close(&runtime->ledger, operation))
		cell_add(&runtime->completed, 1);
}

static void owner_gone(void *backend, uint64_t operation)
{
	struct runtime *runtime = backend;

	(void)operation; /* nobody cancels here */
	cell_add(&runtime->cancelled, 1);
}

static const struct pend_backend backend = {
	.header = PEND_HEADER(PEND_BACKEND_VERSION, struct pend_backend, owner_gone),
	.pend = hold,
	.complete = complete,
	.owner_gone = owner_gone,
};

/* ---- those who work ---- */

static void decide(struct runtime *runtime, uint64_t cookie, struct rng *rng)
{
	static const enum pend_action actions[] = { PEND_ACTION_PERMIT_SOFT, PEND_ACTION_BLOCK,
						    PEND_ACTION_CONTINUE, PEND_ACTION_CONTINUE };
	uint64_t handle = cell_read(&runtime->ledger.entries[ledger_index(cookie)].handle);

	if (handle)
		gate_decide(&runtime->gate, handle, actions[rng_below(rng, 4)]);
}

static void check_runs(struct runtime *runtime, const struct question *question,
		       const struct pend_invocation *invocation, uint64_t installed)
{
	if (question->runs != 1 || invocation->programs != question->runs + question->guests)
		cell_add(&runtime->wrong_count, 1);
	if (question->version < installed || question->version > cell_read(&runtime->announced))
		cell_add(&runtime->wrong_version, 1);
}

/* Operations of up to @count entries from @index on: those whose last one has ended. */
static uint32_t prepare(struct runtime *runtime, struct rng *rng, uint32_t index, uint32_t count,
			struct question *questions, struct pend_invocation *invocations)
{
	uint32_t ready = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t cookie = ledger_open(&runtime->ledger, index + i);

		if (!cookie)
			continue;
		cell_write(&runtime->operations[index + i].stamp, cookie);
		questions[ready] = (struct question){ .entry = index + i,
						      .stamp = cookie,
						      .pends = rng_one_in(rng, PENDS) };
		invocations[ready] =
			(struct pend_invocation){ .context = &questions[ready],
						  .operation = cookie,
						  .compartment = COMPARTMENT,
						  .initial = PEND_VERDICT_PROCEED_SOFT };
		ready++;
	}
	return ready;
}

static void ask(struct invoker *invoker, uint32_t index, uint32_t wanted, struct rng *rng)
{
	struct runtime *runtime = invoker->runtime;
	struct question questions[BATCH];
	struct pend_invocation invocations[BATCH];
	uint32_t count = prepare(runtime, rng, index, wanted, questions, invocations);
	uint64_t installed = cell_read(&runtime->installed);

	if (count == 1)
		gate_must(pend_hook_invoke(runtime->gate.hook, invocations), "pend_hook_invoke");
	else if (count &&
		 pend_hook_invoke_batch(runtime->gate.hook, invocations, count) != (int)count)
		stress_bail("pend_hook_invoke_batch");
	cell_write(&invoker->asked, cell_read(&invoker->asked) + count);
	for (uint32_t i = 0; i < count; i++) {
		check_runs(runtime, &questions[i], &invocations[i], installed);
		if (questions[i].version != questions[0].version ||
		    questions[i].guests != questions[0].guests)
			cell_add(&runtime->split, 1);
		if (invocations[i].verdict == PEND_VERDICT_PEND)
			cell_add(&runtime->pended, 1);
		else
			(void)ledger_close(&runtime->ledger, invocations[i].operation);
		if (questions[i].displaced)
			decide(runtime, questions[i].displaced, rng);
	}
}

static void *invoke(void *argument)
{
	struct invoker *invoker = argument;
	struct stress *stress = invoker->runtime->stress;
	const uint32_t entries = stress_room(stress, ENTRIES);
	struct rng rng = rng_make(stress->seed, invoker->number);

	for (uint32_t at = 0; !is_over(invoker->runtime); at = (at + BATCH) % entries)
		ask(invoker, invoker->number * entries + at, rng_one_in(&rng, 2) ? 1 : BATCH, &rng);
	return NULL;
}

static void *settle_board(void *argument)
{
	struct runtime *runtime = argument;
	struct rng rng = rng_make(runtime->stress->seed, 1000);

	for (uint32_t at = 0; !is_over(runtime); at = (at + 1) % BOARD) {
		const uint64_t cookie = cell_swap(&runtime->board[at], 0);

		if (cookie)
			decide(runtime, cookie, &rng);
		if (at == 0)
			sched_yield();
	}
	return NULL;
}

/* Programs that look on for a while. */
static void *be_guests(void *argument)
{
	struct runtime *runtime = argument;
	struct rng rng = rng_make(runtime->stress->seed, 3000);
	struct pend_link *links[GUESTS] = { NULL };
	struct block *blocks[GUESTS] = { NULL };

	while (!is_over(runtime)) {
		uint32_t at = rng_below(&rng, GUESTS);

		if (links[at]) {
			gate_must(pend_link_detach(links[at], PEND_OUTSTANDING_FINISH), "detach");
			cell_write(&blocks[at]->detached, 1);
			gate_must(pend_link_close(links[at]), "pend_link_close");
			links[at] = NULL;
		} else {
			struct pend_program *guest = load_next(runtime, 0, &blocks[at]);

			if (!guest)
				break;
			links[at] = gate_attach(guest, COMPARTMENT);
			gate_must(pend_program_close(guest), "pend_program_close");
			cell_add(&runtime->attached, 1);
		}
		stress_sleep_ns(rng_below(&rng, 200) * NS_PER_US);
	}
	for (uint32_t i = 0; i < GUESTS; i++) {
		if (links[i])
			gate_must(pend_link_close(links[i]), "pend_link_close");
	}
	return NULL;
}

/* ---- the replacer ---- */

/* False: the run is over. */
static bool replace_once(struct runtime *runtime, struct rng *rng)
{
	struct pend_link_update_options options = {
		.size = sizeof(options),
		.flags = PEND_LINK_REPLACE | (rng_one_in(rng, WAITS) ? PEND_LINK_WAIT : 0),
		.old_program = runtime->program,
		.outstanding = (enum pend_outstanding)rng_below(rng, 3),
	};
	uint64_t version = cell_read(&runtime->announced) + 1;
	struct block *block;
	struct pend_program *next = load_next(runtime, version, &block);

	if (!next)
		return false;
	cell_write(&runtime->announced, version);
	gate_must(pend_link_update(runtime->link, next, &options), "pend_link_update");
	cell_write(&runtime->installed, version);
	gate_must(pend_program_close(runtime->program), "pend_program_close");
	runtime->program = next;
	runtime->updates++;
	return true;
}

static uint64_t asked(struct runtime *runtime)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < runtime->invoker_count; i++)
		sum += cell_read(&runtime->invokers[i].asked);
	return sum;
}

static void replace_all(struct runtime *runtime)
{
	struct rng rng = rng_make(runtime->stress->seed, 2000);

	while (stress_goes_on(runtime->stress, asked(runtime)) && replace_once(runtime, &rng))
		stress_progress(runtime->stress, "replaced %" PRIu64 " times, %" PRIu64 " asked",
				runtime->updates, asked(runtime));
}

/* ---- afterwards ---- */

static void check_account(struct runtime *runtime)
{
	struct stress *stress = runtime->stress;
	uint64_t pended = cell_read(&runtime->pended), lost;
	struct pend_map_stats stats;

	gate_must(pend_link_detach(runtime->link, PEND_OUTSTANDING_FINISH), "pend_link_detach");
	gate_must(pend_link_close(runtime->link), "pend_link_close");
	gate_must(pend_program_close(runtime->program), "pend_program_close");
	stats = gate_settle(&runtime->gate);
	lost = ledger_open_count(&runtime->ledger);
	stress_check(stress, stats.live == 0 && lost == 0,
		     "lost = %" PRIu64 " of %" PRIu64 " pended, live = %" PRIu64, lost, pended,
		     stats.live);
	stress_check(stress,
		     cell_read(&runtime->completed) == pended &&
			     cell_read(&runtime->ledger.duplicates) == 0 &&
			     cell_read(&runtime->ledger.strangers) == 0 &&
			     cell_read(&runtime->cancelled) == 0,
		     "told of %" PRIu64 ", duplicate = %" PRIu64, cell_read(&runtime->completed),
		     cell_read(&runtime->ledger.duplicates));
	stress_note("%" PRIu64 " completed by deciders, %" PRIu64 " by deadline, %" PRIu64
		    " by drain, %" PRIu64 " by a program, %" PRIu64 " by the limit",
		    stats.by_orchestrator, stats.by_deadline, stats.by_drain, stats.by_program,
		    stats.by_limit);
}

static void check_programs(struct runtime *runtime)
{
	const struct {
		struct cell *count;
		const char *what;
	} bad[] = {
		{ &runtime->wrong_version, "neither the old nor the new version" },
		{ &runtime->wrong_count, "not one version, once" },
		{ &runtime->split, "two versions in one batch" },
		{ &runtime->ran_gone, "run when it was gone" },
		{ &runtime->ran_detached, "run when it was detached" },
		{ &runtime->overlaps, "run twice at once, or while it ended" },
		{ &runtime->unfaithful, "run again, and something was different" },
		{ &runtime->freed_twice, "a program freed twice" },
	};

	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		stress_check(runtime->stress, cell_read(bad[i].count) == 0, "%s: %" PRIu64,
			     bad[i].what, cell_read(bad[i].count));
	stress_check(runtime->stress, cell_read(&runtime->freed) == cell_read(&runtime->loaded),
		     "%" PRIu64 " programs, %" PRIu64 " freed", cell_read(&runtime->loaded),
		     cell_read(&runtime->freed));
}

static void set_up(struct runtime *runtime)
{
	const uint32_t entries = runtime->invoker_count * stress_room(runtime->stress, ENTRIES);
	const struct gate_options options = { .context_size = sizeof(struct question),
					      .scratch_size = sizeof(struct first),
					      .entries = entries,
					      .links_max = GUESTS + 1,
					      .deadline_ns = 20 * NS_PER_MS,
					      .backend = &backend,
					      .backend_context = runtime };
	struct block *block;

	runtime->blocks = calloc(BLOCKS, sizeof(*runtime->blocks));
	runtime->operations = calloc(entries, sizeof(*runtime->operations));
	if (!runtime->blocks || !runtime->operations || !ledger_make(&runtime->ledger, entries))
		stress_bail("no memory");
	gate_open(&runtime->gate, &options, runtime->stress);
	cell_write(&runtime->announced, 1);
	cell_write(&runtime->installed, 1);
	runtime->program = load_next(runtime, 1, &block);
	runtime->link = gate_attach(runtime->program, PEND_COMPARTMENT_ANY);
}

static void run(struct runtime *runtime)
{
	pthread_t completer, guests;

	set_up(runtime);
	if (pthread_create(&completer, NULL, settle_board, runtime) ||
	    pthread_create(&guests, NULL, be_guests, runtime))
		stress_bail("no thread");
	for (uint32_t i = 0; i < runtime->invoker_count; i++) {
		struct invoker *invoker = &runtime->invokers[i];

		invoker->runtime = runtime;
		invoker->number = i;
		if (pthread_create(&invoker->thread, NULL, invoke, invoker))
			stress_bail("no thread");
	}
	replace_all(runtime);
	cell_write(&runtime->stop, 1);
	for (uint32_t i = 0; i < runtime->invoker_count; i++)
		pthread_join(runtime->invokers[i].thread, NULL);
	pthread_join(completer, NULL);
	pthread_join(guests, NULL);
	check_account(runtime);
	gate_close(&runtime->gate, runtime->stress);
	check_programs(runtime);
	stress_note("%" PRIu64 " invocations, %" PRIu64 " replacements, %" PRIu64
		    " guests, %" PRIu64 " runs again",
		    asked(runtime), runtime->updates, cell_read(&runtime->attached),
		    cell_read(&runtime->reruns));
	stress_count(runtime->stress, asked(runtime));
	ledger_free(&runtime->ledger);
	free(runtime->operations);
	free(runtime->blocks);
}

int main(int count, char **words)
{
	struct stress stress = { .name = "stress_runtime",
				 .purpose = "hooks whose programs come, go and are replaced; "
					    "--rounds of invocations",
				 .seconds = 20 };
	static struct runtime runtime;
	uint32_t cpus[INVOKERS_MOST];
	int status;

	if (!stress_begin(&stress, count, words, &status))
		return status;
	stress_limit(stress.seconds * 3 + 60, "runtime");
	runtime.stress = &stress;
	runtime.invoker_count = stress.threads ? stress.threads : stress_cpus(cpus, INVOKERS_MOST);
	if (runtime.invoker_count > INVOKERS_MOST)
		runtime.invoker_count = INVOKERS_MOST;
	run(&runtime);
	return stress_end(&stress);
}
