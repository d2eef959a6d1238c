/* SPDX-License-Identifier: MIT */
/*
 * linear.c - histories of single keys, recorded under concurrency and judged: is each linearizable?
 *
 *	round:  start together -> calls on a few keys, a clock read before and after each -> meet
 *	        -> each judges some of the keys (tests/support/linear.c), and empties them -> meet
 *
 * Keys are independent while the bound is far away, so each key's part of a round is a history of
 * its own. What is recorded orders nothing, but the clock does: it must bracket the calls. So this
 * program shows that the maps are linearizable; that they order what they hand over, others show.
 *
 * The judge is judged all the time: of some histories that it has accepted it gets a second copy,
 * corrupted in a way that cannot be explained, and must reject it. With --corrupt it gets such
 * copies in place of what was recorded, and the run must fail.
 */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pendmap/pendmap.h>

#include "stress/team.h"
#include "tests/map/map_oracle.h"
#include "tests/support/linear.h"

#define THREADS_MOST 8u
#define KEYS 16u
#define CALLS 16u      /* for each key, of all threads together */
#define STEPS_MOST 40u /* of a history: a pend that succeeds, and a complete, are two */
#define BATCH 3u
#define CORRUPTED 32u /* one history in so many, a second time */
#define SPINS 64u
#define YIELDS 3u
#define ENTRIES 64u
#define VALUE_UNWRITTEN (UINT64_C(1) << 60)

/* What one thread did to one key in this round. */
struct log {
	struct linear_op ops[STEPS_MOST];
	uint32_t count;
};

struct recording;

struct linear_kind_of_map {
	const char *name;
	double share;
	uint32_t entries;
	uint32_t keys; /* in use: fewer of them meet more often */
	uint32_t flags;
	void (*make)(struct recording *recording);
	void (*call)(struct team_member *member);
	int (*empty)(struct recording *recording, uint64_t key);
	int (*destroy)(struct recording *recording);
};

struct recording {
	struct team team;
	const struct linear_kind_of_map *kind;
	struct pend_map *pends; /* one of the two */
	struct pend_continuation *continuations;
	bool corrupt;
	uint32_t steps_each; /* of a thread on one key */
	struct oracle_clock clock;
	_Alignas(128) struct cell arrived;
	struct log logs[THREADS_MOST][KEYS];
	uint64_t stamps[THREADS_MOST];
	/* By who judged: */
	uint64_t histories[THREADS_MOST], longest[THREADS_MOST], steps[THREADS_MOST];
	uint64_t overlapping[THREADS_MOST]; /* histories in which calls of two threads did */
	struct cell rejected, corrupted, overlooked;
};

/* The value of what the thread has completed last. */
static _Thread_local uint64_t completed;

static _Thread_local uint32_t chances;

/* Now and then: in the middle of a call, where the library calls back, so that calls overlap even
 * where threads share a CPU. */
static void let_others(void)
{
	if (++chances % YIELDS == 0)
		(void)sched_yield();
}

static void told(void *context, const struct pend_operation *operation)
{
	struct recording *recording = context;

	(void)team_expect(&recording->team, payload_is_whole(operation->value),
			  "a completion gets a torn value");
	completed = payload_stamp(operation->value);
	let_others();
}

/* In the middle of a pend, when the key is reserved and not yet visible. */
static int held(void *context, uint64_t handle, void *scratch)
{
	(void)context;
	(void)handle;
	(void)scratch;
	let_others();
	return 0;
}

static void note(struct log *log, enum linear_kind kind, int result, uint64_t value,
		 uint64_t called, uint64_t returned)
{
	log->ops[log->count++] = (struct linear_op){ kind, result, value, called, returned };
}

static struct log *log_of(const struct team_member *member, uint64_t key)
{
	struct recording *recording = member->context;

	return &recording->logs[member->number][key];
}

static void note_lookup(const struct team_member *member, uint64_t key, int result,
			const struct payload *found, uint64_t called, uint64_t returned)
{
	struct recording *recording = member->context;

	if (result == 0)
		(void)team_expect(
			&recording->team, payload_is_whole(found) && payload_key(found) == key,
			"a lookup of %" PRIu64 " finds %" PRIu64, key, payload_key(found));
	note(log_of(member, key), LINEAR_LOOKUP, result, found->words[0], called, returned);
}

/* A key that has room for two more steps, if there is one. */
static uint64_t draw_key(struct team_member *member)
{
	struct recording *recording = member->context;
	uint64_t key = rng_below(&member->rng, recording->kind->keys);

	for (uint32_t i = 0; i < recording->kind->keys; i++) {
		if (log_of(member, key)->count + 2 <= recording->steps_each)
			return key;
		key = (key + 1) % recording->kind->keys;
	}
	return KEYS;
}

static uint64_t next_stamp(const struct team_member *member)
{
	struct recording *recording = member->context;

	recording->stamps[member->number] += THREADS_MOST;
	return recording->stamps[member->number] + member->number;
}

static void pend(struct team_member *member, uint64_t key)
{
	struct recording *recording = member->context;
	uint64_t stamp = next_stamp(member), handle, called, returned;
	struct payload value = payload_make(key, stamp);
	struct pend_hold hold = { held, NULL };
	struct pend_request request = { .key = &key,
					.key_size = sizeof(key),
					.value = &value,
					.value_size = sizeof(value),
					.now_ns = 1,
					.hold = &hold };
	int result;

	called = oracle_now(&recording->clock);
	result = pend_map_pend(recording->pends, &request, &handle);
	returned = oracle_now(&recording->clock);
	if (result == -ENOSPC) /* nothing happened to the key */
		return;
	note(log_of(member, key), LINEAR_RESERVE, result, stamp, called, returned);
	if (result == 0)
		note(log_of(member, key), LINEAR_PUBLISH, 0, stamp, called, returned);
}

static void complete(struct team_member *member, uint64_t key)
{
	struct recording *recording = member->context;
	uint64_t called = oracle_now(&recording->clock), returned;
	int result = pend_map_complete_key(recording->pends, &key, sizeof(key), PEND_ACTION_BLOCK);

	returned = oracle_now(&recording->clock);
	note(log_of(member, key), LINEAR_DECIDE, result, completed, called, returned);
	if (result == 0)
		note(log_of(member, key), LINEAR_FINISH, 0, completed, called, returned);
}

static void lookup(struct team_member *member, uint64_t key)
{
	struct recording *recording = member->context;
	struct payload found = { { 0 } };
	uint64_t called = oracle_now(&recording->clock), returned;
	int result = pend_map_lookup(recording->pends, &key, sizeof(key), NULL, &found);

	returned = oracle_now(&recording->clock);
	note_lookup(member, key, result, &found, called, returned);
}

static void lookup_batch(struct team_member *member)
{
	struct recording *recording = member->context;
	struct payload found[BATCH] = { { { 0 } } };
	uint64_t keys[BATCH], called, returned;
	int results[BATCH];

	for (uint32_t i = 0; i < BATCH; i++) {
		keys[i] = rng_below(&member->rng, recording->kind->keys);
		if (log_of(member, keys[i])->count + BATCH > recording->steps_each)
			return;
	}
	called = oracle_now(&recording->clock);
	(void)team_expect(
		&recording->team,
		pend_map_lookup_batch(recording->pends, keys, BATCH, NULL, found, results) >= 0,
		"pend_map_lookup_batch");
	returned = oracle_now(&recording->clock);
	for (uint32_t i = 0; i < BATCH; i++)
		note_lookup(member, keys[i], results[i], &found[i], called, returned);
}

static void call_pend_map(struct team_member *member)
{
	uint64_t key = draw_key(member);

	if (key == KEYS)
		return;
	switch (rng_below(&member->rng, 8)) {
	case 0:
		lookup_batch(member);
		return;
	case 1:
	case 2:
		lookup(member, key);
		return;
	case 3:
	case 4:
		complete(member, key);
		return;
	default:
		pend(member, key);
	}
}

static void lookup_continuation(struct team_member *member, uint64_t key)
{
	struct recording *recording = member->context;
	struct payload copy = { { 0 } };
	const void *found = NULL;
	uint64_t called, returned;
	int result;

	if (pend_epoch_enter())
		stress_bail("pend_epoch_enter");
	called = oracle_now(&recording->clock);
	result = pend_continuation_lookup(recording->continuations, &key, &found);
	returned = oracle_now(&recording->clock);
	if (result == 0)
		memcpy(&copy, found, sizeof(copy));
	(void)pend_epoch_exit();
	note_lookup(member, key, result, &copy, called, returned);
}

static void call_continuation_map(struct team_member *member)
{
	static const enum pend_update how[] = { [LINEAR_INSERT] = PEND_UPDATE_NOEXIST,
						[LINEAR_REPLACE] = PEND_UPDATE_EXIST,
						[LINEAR_PUT] = PEND_UPDATE_ANY };
	struct recording *recording = member->context;
	const enum linear_kind what = (enum linear_kind)rng_below(&member->rng, LINEAR_DELETE + 1);
	uint64_t key = draw_key(member), stamp = next_stamp(member), called, returned;
	struct payload value = payload_make(key, stamp);
	int result;

	if (key == KEYS)
		return;
	if (what == LINEAR_LOOKUP) {
		lookup_continuation(member, key);
		return;
	}
	called = oracle_now(&recording->clock);
	if (what == LINEAR_DELETE)
		result = pend_continuation_delete(recording->continuations, &key);
	else
		result =
			pend_continuation_update(recording->continuations, &key, &value, how[what]);
	returned = oracle_now(&recording->clock);
	if (result != -EAGAIN && result != -ENOSPC) /* refused for want of room: nothing happened */
		note(log_of(member, key), what, result, stamp, called, returned);
}

/* ---- judging ---- */

/* A step that was recorded: the first of @kind that succeeded, or NULL. */
static struct linear_op *find(struct linear_op *ops, uint32_t count, enum linear_kind kind)
{
	for (uint32_t i = 0; i < count; i++)
		if (ops[i].kind == kind && ops[i].result == 0)
			return &ops[i];
	return NULL;
}

/* Makes a history that has no explanation. Returns its length. */
static uint32_t corrupt(struct linear_op *ops, uint32_t count, struct rng *rng)
{
	struct linear_op *op = NULL;
	uint64_t last = 0;

	for (uint32_t i = 0; i < count; i++)
		last = ops[i].returned > last ? ops[i].returned : last;
	switch (rng_below(rng, 3)) {
	case 0: /* the same value was taken out twice */
		op = find(ops, count, LINEAR_FINISH);
		if (!op)
			break;
		ops[count] = (struct linear_op){ LINEAR_DECIDE, 0, op->value, last + 1, last + 2 };
		ops[count + 1] =
			(struct linear_op){ LINEAR_FINISH, 0, op->value, last + 1, last + 2 };
		return count + 2;
	case 1: /* it was seen before anything had happened */
		op = find(ops, count, LINEAR_LOOKUP);
		if (!op)
			break;
		op->called = 0;
		op->returned = 1;
		return count;
	default:
		break;
	}
	/* Somebody saw what nobody wrote. */
	ops[count] = (struct linear_op){ LINEAR_LOOKUP, 0, VALUE_UNWRITTEN, last + 1, last + 2 };
	return count + 1;
}

static void print(const struct linear_op *ops, uint32_t count, uint64_t key)
{
	static const char *const names[] = { "lookup",  "insert",  "replace", "put",   "delete",
					     "reserve", "publish", "decide",  "finish" };

	stress_note("no order explains this history of key %" PRIu64 ":", key);
	for (uint32_t i = 0; i < count; i++)
		stress_note("%8" PRIu64 " .. %8" PRIu64 " %s %" PRIx64 ": %d", ops[i].called,
			    ops[i].returned, names[ops[i].kind], ops[i].value, ops[i].result);
}

/* Whether a call of the last thread's, @last steps, overlaps one of those before. */
static bool overlaps(const struct linear_op *ops, uint32_t before, uint32_t last)
{
	for (uint32_t i = before; i < before + last; i++)
		for (uint32_t j = 0; j < before; j++)
			if (ops[i].called < ops[j].returned && ops[j].called < ops[i].returned)
				return true;
	return false;
}

/* The history of one key, of all threads. */
static void judge(struct team_member *member, uint64_t key)
{
	struct recording *recording = member->context;
	struct linear_op ops[LINEAR_MOST];
	uint32_t count = 0, number = member->number;
	bool overlap = false;

	for (uint32_t i = 0; i < recording->team.count; i++) {
		struct log *log = &recording->logs[i][key];

		memcpy(&ops[count], log->ops, log->count * sizeof(log->ops[0]));
		overlap = overlap || overlaps(ops, count, log->count);
		count += log->count;
		log->count = 0;
	}
	if (!count)
		return;
	recording->histories[number]++;
	recording->steps[number] += count;
	recording->overlapping[number] += overlap;
	if (count > recording->longest[number])
		recording->longest[number] = count;
	if (recording->corrupt && rng_one_in(&member->rng, CORRUPTED))
		count = corrupt(ops, count, &member->rng);
	if (!linear_check(ops, count)) {
		if (cell_add(&recording->rejected, 1) == 0)
			print(ops, count, key);
		return;
	}
	if (!rng_one_in(&member->rng, CORRUPTED))
		return;
	count = corrupt(ops, count, &member->rng);
	(void)cell_add(&recording->corrupted, 1);
	if (linear_check(ops, count) && cell_add(&recording->overlooked, 1) == 0)
		print(ops, count, key);
}

/* All begin at once, as far as there are CPUs. Orders nothing. */
static void start_together(struct recording *recording)
{
	uint64_t count = recording->team.count;
	uint64_t all = cell_add(&recording->arrived, 1) / count * count + count;

	for (uint32_t spins = 0; cell_read(&recording->arrived) < all; spins++)
		if (spins >= SPINS || stress_on_valgrind())
			(void)sched_yield();
}

/* Each on its own CPU, as far as there are enough: threads that meet so often end up on one. */
static void begin(struct team_member *member)
{
	uint32_t cpus[THREADS_MOST];
	uint32_t count = stress_cpus(cpus, THREADS_MOST);

	if (count)
		(void)stress_pin(cpus[member->number % count]);
}

/* A round. */
static uint32_t step(struct team_member *member)
{
	struct recording *recording = member->context;
	uint32_t calls = CALLS * recording->kind->keys / recording->team.count;
	int result;

	start_together(recording);
	for (uint32_t i = 0; i < calls; i++)
		recording->kind->call(member);
	(void)team_gather(member);
	for (uint64_t key = member->number; key < recording->kind->keys;
	     key += recording->team.count) {
		judge(member, key);
		result = recording->kind->empty(recording, key);
		(void)team_expect(&recording->team, result == 0 || result == -ENOENT,
				  "emptying a key: %d", result);
		(void)team_expect(&recording->team,
				  recording->kind->empty(recording, key) == -ENOENT,
				  "key %" PRIu64 " was there twice", key);
	}
	(void)team_gather(member);
	return calls;
}

/* ---- the maps ---- */

static void make_pends(struct recording *recording)
{
	struct pend_map_options options = pend_map_options_default();
	int status;

	options.max_entries = recording->kind->entries;
	options.flags = recording->kind->flags;
	options.key_size = sizeof(uint64_t);
	options.value_size = sizeof(struct payload);
	options.hash_seed = recording->team.stress->seed | 1;
	options.on_complete = told;
	options.context = recording;
	status = pend_map_create(&options, &recording->pends);
	if (status)
		stress_bail("pend_map_create: %s", strerror(-status));
}

static int empty_pends(struct recording *recording, uint64_t key)
{
	return pend_map_complete_key(recording->pends, &key, sizeof(key), PEND_ACTION_BLOCK);
}

static int destroy_pends(struct recording *recording)
{
	return pend_map_destroy(recording->pends);
}

static void make_continuations(struct recording *recording)
{
	struct pend_continuation_options options = pend_continuation_options_default();
	int status;

	options.max_entries = recording->kind->entries;
	options.key_size = sizeof(uint64_t);
	options.value_size = sizeof(struct payload);
	options.hash_seed = recording->team.stress->seed | 1;
	status = pend_continuation_create(&options, &recording->continuations);
	if (status)
		stress_bail("pend_continuation_create: %s", strerror(-status));
}

static int empty_continuations(struct recording *recording, uint64_t key)
{
	return pend_continuation_delete(recording->continuations, &key);
}

static int destroy_continuations(struct recording *recording)
{
	return pend_continuation_destroy(recording->continuations);
}

static const struct linear_kind_of_map kinds[] = {
	{ "pend map", 0.3, ENTRIES, KEYS, 0, make_pends, call_pend_map, empty_pends,
	  destroy_pends },
	{ "pend map, few keys", 0.2, ENTRIES, 6, 0, make_pends, call_pend_map, empty_pends,
	  destroy_pends },
	{ "pend map, pointers", 0.1, ENTRIES, 8, PEND_MAP_POINTERS, make_pends, call_pend_map,
	  empty_pends, destroy_pends },
	{ "pend map, one bucket", 0.1, 8, 8, 0, make_pends, call_pend_map, empty_pends,
	  destroy_pends },
	{ "continuation map", 0.2, ENTRIES, KEYS, 0, make_continuations, call_continuation_map,
	  empty_continuations, destroy_continuations },
	{ "continuation map, one bucket", 0.1, 8, 6, 0, make_continuations, call_continuation_map,
	  empty_continuations, destroy_continuations },
};

/* ---- a run ---- */

static uint64_t run_kind(struct stress *stress, const struct linear_kind_of_map *kind)
{
	struct recording *recording = aligned_alloc(128, sizeof(*recording));
	uint64_t histories = 0, steps = 0, longest = 0, overlapping = 0;

	if (!recording)
		stress_bail("no memory");
	memset(recording, 0, sizeof(*recording));
	recording->kind = kind;
	recording->corrupt = stress->flags[0].set;
	recording->steps_each = STEPS_MOST / stress->threads;
	recording->team = (struct team){ .stress = stress,
					 .name = kind->name,
					 .context = recording,
					 .count = stress->threads,
					 .steps = stress_on_valgrind() ? 4 : 64,
					 .share = kind->share,
					 .round = CALLS,
					 .step = step,
					 .begin = begin };
	kind->make(recording);
	(void)team_run(&recording->team);
	for (uint32_t i = 0; i < stress->threads; i++) {
		histories += recording->histories[i];
		steps += recording->steps[i];
		overlapping += recording->overlapping[i];
		if (recording->longest[i] > longest)
			longest = recording->longest[i];
	}
	stress_check(stress, cell_read(&recording->rejected) == 0 && histories > 0,
		     "%s: %" PRIu64 " histories of %.1f steps (%" PRIu64
		     " at most), %.0f %% with calls that overlap; rejected = %" PRIu64,
		     kind->name, histories, (double)steps / (double)histories, longest,
		     (double)overlapping * 100 / (double)histories,
		     cell_read(&recording->rejected));
	stress_check(stress, cell_read(&recording->overlooked) == 0,
		     "%s: of %" PRIu64 " corrupted ones rejected = %" PRIu64, kind->name,
		     cell_read(&recording->corrupted),
		     cell_read(&recording->corrupted) - cell_read(&recording->overlooked));
	stress_check(stress, cell_read(&recording->team.wrong) == 0, "%s: wrong results = %" PRIu64,
		     kind->name, cell_read(&recording->team.wrong));
	if (kind->destroy(recording))
		stress_bail("destroy");
	free(recording);
	return histories;
}

int main(int count, char **words)
{
	struct stress stress = { .name = "stress_linear",
				 .purpose = "recorded histories: is each linearizable? A round is "
					    "one history.",
				 .seconds = 10,
				 .threads = 4,
				 .flags = { { "--corrupt", "change some histories: must fail",
					      false } } };
	uint64_t histories = 0;
	int status;

	if (!stress_begin(&stress, count, words, &status))
		return status;
	if (stress.threads == 0 || stress.threads > THREADS_MOST)
		stress_bail("--threads: 1 to %u", THREADS_MOST);
	stress_limit(stress.seconds * 2 + 120, "histories");
	for (uint32_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && !stress.failures; i++)
		histories += run_kind(&stress, &kinds[i]);
	stress_note("histories: %" PRIu64, histories);
	return stress_end(&stress);
}
