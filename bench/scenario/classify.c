/* SPDX-License-Identifier: MIT */
/*
 * classify.c - what the whole stack costs, above the bare calls of the same programs.
 *
 *	bare      each program of the chain is called through its pointer; the strongest verdict
 *	hook      pend_hook_invoke(): frame, chain, programs, verdict
 *	pend      the last program pends, and the operation is completed and delivered; bare: the same
 *		  pend, completion and delivery in a map that no hook stands around
 *
 * Both go over the same operations in turn, some hundred at a time. What is told is the median over
 * all turns of the window: of each, and of the difference, which a busy machine shifts least.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bench/measure/clock.h"
#include "bench/measure/driver.h"
#include "bench/measure/measure.h"
#include "bench/model/stats.h"
#include "bench/scenario/bench_map.h"
#include "bench/scenario/stack.h"

#define STEPS 512u /* operations of a turn */
#define POLL_STEPS 16u
#define OPERATIONS 64u /* that are asked about again and again: one batch */
#define TURNS_MAX 4096u

enum classify_kind { KIND_HOOK, KIND_BATCH, KIND_READ_ONLY, KIND_REAUTHORIZE, KIND_PEND };

struct classify {
	const struct bench_setting *setting;
	const struct bench_variant *variant;
	struct bench_sample *sample;
	struct bench_stack stack;
	struct bench_map beside; /* KIND_PEND: of the bare calls */
	struct pend_request request;
	int error;
	uint32_t cpu;
	uint64_t invoked; /* operations that the hook was asked about */
	uint64_t verdicts;
	uint32_t turns;
	double bare_ns[TURNS_MAX];
	double hook_ns[TURNS_MAX];
	double over_ns[TURNS_MAX];
	struct pend_sock_addr_context contexts[OPERATIONS];
	struct pend_invocation invocations[OPERATIONS];
};

/* ---- programs: not inlined, so that both ways call them ---- */

#define BENCH_PROGRAM static __attribute__((noinline)) int

BENCH_PROGRAM permit(void *context, void *data)
{
	const struct bpf_sock_addr *connection = context;
	struct bench_rule *rule = data;

	return connection->user_port == rule->port ? BPF_SOCK_ADDR_VERDICT_REJECT
						   : BPF_SOCK_ADDR_VERDICT_PROCEED_SOFT;
}

BENCH_PROGRAM pend(void *context, void *data)
{
	struct bench_rule *rule = data;
	struct pend_value value = { .version = PEND_VALUE_VERSION, .size = sizeof(value) };
	struct pend_key key = pend_key_of(0);

	(void)context;
	return bpf_pend_operation(rule->map, &value, sizeof(value), &key, sizeof(key))
		       ? BPF_SOCK_ADDR_VERDICT_REJECT
		       : BPF_SOCK_ADDR_VERDICT_PEND;
}

/* Asked again about what was permitted: would pend, may not, and lets it be. */
BENCH_PROGRAM stand_by(void *context, void *data)
{
	return pend(context, data) == BPF_SOCK_ADDR_VERDICT_PEND
		       ? BPF_SOCK_ADDR_VERDICT_REJECT
		       : BPF_SOCK_ADDR_VERDICT_PROCEED_SOFT;
}

/* ---- the bare calls ---- */

/* The verdict of the last one that was called. */
BENCH_INLINE uint64_t call_chain(struct bench_stack *stack, void *context, uint32_t count)
{
	int verdict = BPF_SOCK_ADDR_VERDICT_PROCEED_SOFT;

	for (uint32_t i = 0; i < count && verdict != BPF_SOCK_ADDR_VERDICT_REJECT; i++)
		verdict = stack->entries[i](context, &stack->rules[i]);
	return (uint64_t)verdict;
}

static void bare_turn(struct classify *classify)
{
	const uint32_t count = classify->stack.count;
	uint64_t verdicts = 0;

	for (uint32_t i = 0; i < STEPS; i++)
		verdicts +=
			call_chain(&classify->stack, &classify->contexts[i % OPERATIONS], count);
	classify->verdicts += verdicts;
}

/* The programs before the last, then what the last one and its runtime do with the map. */
static void bare_pend_turn(struct classify *classify)
{
	struct pend_map *map = classify->beside.map;
	uint64_t handle;

	for (uint32_t i = 0; i < STEPS && !classify->error; i++) {
		classify->verdicts += call_chain(&classify->stack,
						 &classify->contexts[i % OPERATIONS],
						 classify->stack.count - 1);
		classify->error = pend_map_pend(map, &classify->request, &handle);
		if (!classify->error)
			classify->error = pend_map_complete(map, handle, PEND_ACTION_PERMIT_SOFT);
		if (i % POLL_STEPS == POLL_STEPS - 1)
			(void)pend_engine_poll(classify->beside.engine, classify->cpu, 64);
	}
}

/* ---- through the hook ---- */

static void hook_turn(struct classify *classify)
{
	struct pend_hook *hook = classify->stack.hook;
	uint64_t verdicts = 0;
	int error = 0;

	for (uint32_t i = 0; i < STEPS && !error; i++) {
		struct pend_invocation *invocation = &classify->invocations[i % OPERATIONS];

		error = pend_hook_invoke(hook, invocation);
		verdicts += (uint64_t)invocation->verdict;
	}
	classify->error = error;
	classify->verdicts += verdicts;
	classify->invoked += STEPS;
}

static void batch_turn(struct classify *classify)
{
	for (uint32_t i = 0; i < STEPS && !classify->error; i += OPERATIONS) {
		const int answered = pend_hook_invoke_batch(classify->stack.hook,
							    classify->invocations, OPERATIONS);

		if (answered != (int)OPERATIONS)
			classify->error = answered < 0 ? answered : -EIO;
		for (uint32_t n = 0; n < OPERATIONS; n++)
			classify->verdicts += (uint64_t)classify->invocations[n].verdict;
	}
	classify->invoked += STEPS;
}

static void pend_turn(struct classify *classify)
{
	struct pend_map *map = pend_custom_map_pends(classify->stack.map);

	for (uint32_t i = 0; i < STEPS && !classify->error; i++) {
		struct pend_invocation *invocation = &classify->invocations[i % OPERATIONS];

		classify->error = pend_hook_invoke(classify->stack.hook, invocation);
		if (!classify->error)
			classify->error =
				pend_map_complete(map, invocation->handle, PEND_ACTION_PERMIT_SOFT);
		if (i % POLL_STEPS == POLL_STEPS - 1)
			(void)pend_engine_poll(classify->stack.engine, classify->cpu, 64);
	}
	classify->invoked += STEPS;
}

/* ---- one window ---- */

typedef void (*turn_fn)(struct classify *classify);

static double timed(struct classify *classify, turn_fn turn)
{
	const uint64_t begin_ns = bench_clock_ns();

	turn(classify);
	return (double)(bench_clock_ns() - begin_ns) / STEPS;
}

static void run(void *context, uint32_t member)
{
	struct classify *classify = context;
	const uint32_t kind = classify->variant->kind;
	const turn_fn bare = kind == KIND_PEND ? bare_pend_turn : bare_turn;
	const turn_fn hook = kind == KIND_PEND    ? pend_turn
			     : kind == KIND_BATCH ? batch_turn
						  : hook_turn;
	const uint64_t begin_ns = bench_clock_ns();
	uint64_t preempted;

	(void)member;
	classify->cpu = (uint32_t)sched_getcpu();
	bare(classify);
	hook(classify); /* warm */
	preempted = bench_preemptions();
	do {
		const uint32_t turn = classify->turns++;

		classify->bare_ns[turn] = timed(classify, bare);
		classify->hook_ns[turn] = timed(classify, hook);
		classify->over_ns[turn] = classify->hook_ns[turn] - classify->bare_ns[turn];
	} while (!classify->error && classify->turns < TURNS_MAX &&
		 bench_clock_ns() - begin_ns < classify->setting->window_ns);
	classify->sample->operations = (uint64_t)classify->turns * STEPS;
	classify->sample->preempted = bench_preemptions() - preempted;
}

static void prepare(struct classify *classify)
{
	const uint32_t kind = classify->variant->kind;

	for (uint32_t i = 0; i < OPERATIONS; i++) {
		struct pend_sock_addr_context *context = &classify->contexts[i];

		context->base.family = AF_INET;
		context->base.user_port = (uint16_t)i;
		context->base.protocol = 6;
		context->layer = PEND_LAYER_CONNECT;
		classify->invocations[i] = (struct pend_invocation){
			.context = context,
			.operation = i,
			.flags = kind == KIND_REAUTHORIZE ? PEND_INVOKE_NO_PEND : 0,
			.initial = PEND_VERDICT_PROCEED_SOFT
		};
	}
}

static int open_beside(struct classify *classify)
{
	struct pend_map_options options = bench_map_options(classify->setting);

	options.key_size = 0;
	options.value_size = sizeof(struct pend_value);
	return bench_map_open(&classify->beside, BENCH_MAP_POLLED, NULL, &options);
}

static int judge(const struct classify *classify)
{
	struct bench_sample *sample = classify->sample;

	if (classify->error)
		return bench_sample_wrong(sample, "unexpected answer %d", classify->error);
	return 0;
}

static void write_values(struct classify *classify)
{
	double *values = classify->sample->values;

	values[0] = bench_stat_median(classify->hook_ns, classify->turns);
	values[1] = bench_stat_median(classify->bare_ns, classify->turns);
	values[2] = bench_stat_median(classify->over_ns, classify->turns);
	if (values[2] < 0) /* less than can be measured; below zero is "no figure" */
		values[2] = 0;
}

static int measure(const struct bench_setting *setting, const struct bench_variant *variant,
		   struct bench_sample *sample)
{
	static const uint32_t hook_flags[] = { [KIND_READ_ONLY] = PEND_HOOK_READ_ONLY,
					       [KIND_REAUTHORIZE] = PEND_HOOK_READ_ONLY,
					       [KIND_PEND] = 0 };
	static const pend_program_fn last[] = { [KIND_HOOK] = permit,
						[KIND_BATCH] = permit,
						[KIND_READ_ONLY] = permit,
						[KIND_REAUTHORIZE] = stand_by,
						[KIND_PEND] = pend };
	struct bench_sample beside = { 0 };
	static struct classify classify; /* some kilobytes; one at a time */
	int error;

	memset(&classify, 0, sizeof(classify));
	classify.setting = setting;
	classify.variant = variant;
	classify.sample = sample;
	prepare(&classify);
	error = bench_stack_open(&classify.stack, setting, hook_flags[variant->kind],
				 (uint32_t)variant->amount, permit, last[variant->kind]);
	if (error)
		return error;
	error = variant->kind == KIND_PEND ? open_beside(&classify) : 0;
	if (!error)
		bench_team_run(setting->team, 1, run, &classify);
	error = error ? error : judge(&classify);
	if (classify.beside.map && bench_map_close(&classify.beside, &beside) && !error)
		error = bench_sample_wrong(sample, "beside: %s", beside.why);
	if (error) {
		(void)bench_stack_close(&classify.stack, &beside, classify.invoked);
		return error;
	}
	write_values(&classify);
	return bench_stack_close(&classify.stack, sample, classify.invoked);
}

/* ---- what there is ---- */

static uint32_t list_chains(struct bench_variant *variants, uint32_t kind, const char *how,
			    const char *summary)
{
	static const uint32_t lengths[] = { 1, 4, 16 };
	uint32_t count = 0;

	for (uint32_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct bench_variant variant = { .summary = summary,
						 .kind = kind,
						 .amount = lengths[i] };

		snprintf(variant.name, sizeof(variant.name), "%u %s%s", lengths[i],
			 lengths[i] == 1 ? "program" : "programs", how);
		bench_variant_add(variants, &count, &variant);
	}
	return count;
}

static uint32_t list_chain(const struct bench_setting *setting, struct bench_variant *variants)
{
	const uint32_t count = list_chains(variants, KIND_HOOK, "", "pend_hook_invoke()");

	(void)setting;
	return count + list_chains(variants + count, KIND_BATCH, ", batch of 64",
				   "pend_hook_invoke_batch()");
}

static uint32_t list_read_only(const struct bench_setting *setting, struct bench_variant *variants)
{
	(void)setting;
	return list_chains(variants, KIND_READ_ONLY, "",
			   "a hook that undoes what a program writes into its context");
}

static uint32_t list_reauthorize(const struct bench_setting *setting,
				 struct bench_variant *variants)
{
	(void)setting;
	return list_chains(variants, KIND_REAUTHORIZE, "",
			   "read-only, and cannot pend; the last program tries");
}

static uint32_t list_pend(const struct bench_setting *setting, struct bench_variant *variants)
{
	(void)setting;
	return list_chains(variants, KIND_PEND, "", "the last one pends; completed, delivered");
}

static const struct bench_metric metrics[BENCH_METRICS_MAX] = {
	{ "ns", "ns", BENCH_LESS_IS_BETTER },
	{ "bare", "ns", BENCH_NEITHER_IS_BETTER },
	{ "over", "ns", BENCH_LESS_IS_BETTER },
};

const struct bench_probe bench_probe_chain = {
	.metrics = metrics, .threads = 1, .list = list_chain, .measure = measure
};
const struct bench_probe bench_probe_read_only = {
	.metrics = metrics, .threads = 1, .list = list_read_only, .measure = measure
};
const struct bench_probe bench_probe_reauthorize = {
	.metrics = metrics, .threads = 1, .list = list_reauthorize, .measure = measure
};
const struct bench_probe bench_probe_pend = { .metrics = metrics,
					      .threads = 1,
					      .sizes = { 65536, 65536, 1024 },
					      .list = list_pend,
					      .measure = measure };
