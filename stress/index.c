/* SPDX-License-Identifier: MIT */
/*
 * index.c - keys under collisions: none is held twice, none is lost, none is taken for another.
 *
 *	insert:  absent -> [hold function: its claim is 0, and is this operation now] -> present
 *	remove:  present -> [completion function: the claim is this operation's, and is 0 now] -> absent
 *
 * The claim of a key changes where the map itself calls back, when it has decided who gets the key
 * and before it is free again: so a second holder shows at once. Each thread has keys of its own
 * between those of all: it knows what every call for them must answer, whatever insertions and
 * removals around them move or reuse. A value is made of its key. At each meeting every key is
 * looked up: present are those that were inserted and not removed. In a continuation map one key is
 * replaced by everybody all the time, and always there.
 *
 * Keys collide because the map is small: a map of eight entries has one bucket (engine/index), one
 * of sixteen has two; or, in the others, because there are few keys and many threads.
 */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <pendmap/pendmap.h>

#include "stress/team.h"
#include "tests/map/map_oracle.h"

#define STEPS 4096u
#define KEYS_MOST 8192u
#define OWNED 2u
#define LOOKED 6u
#define YIELDS 64u

struct index_run;

struct index_kind {
	const char *name;
	double share;
	uint32_t room;
	uint32_t keys; /* that all threads want */
	uint32_t flags;
	bool continuations;
};

/* What is known of one key. */
struct key_record {
	struct cell claim; /* pend maps: the stamp of what has it */
	struct cell inserted, removed;
};

struct own_key {
	_Alignas(128) uint64_t stamps[OWNED]; /* 0: absent */
	uint64_t stamp, inserted, taken, refused, found, missed;
};

struct index_run {
	struct team team;
	const struct index_kind *kind;
	struct pend_map *map; /* one of the two */
	struct pend_continuation *continuations;
	struct own_key own[TEAM_MOST];
	struct key_record records[KEYS_MOST + TEAM_MOST * OWNED + 1];
};

/* What the thread's last removal took out. */
static _Thread_local uint64_t removed;
static _Thread_local uint32_t called_back;

/* In the middle of an insertion or a removal others get their turn now and then. */
static void let_others(void)
{
	if (++called_back % YIELDS == 0)
		(void)sched_yield();
}

static struct own_key *own_of(const struct team_member *member)
{
	struct index_run *run = member->context;

	return &run->own[member->number];
}

/* ---- what the map calls ---- */

struct claim {
	struct index_run *run;
	uint64_t key, stamp;
};

static int held(void *context, uint64_t handle, void *scratch)
{
	const struct claim *claim = context;
	struct cell *cell = &claim->run->records[claim->key].claim;

	(void)handle;
	(void)scratch;
	(void)team_expect(&claim->run->team, cell_change(cell, 0, claim->stamp),
			  "key %" PRIu64 " is held twice: by %#" PRIx64 " and %#" PRIx64,
			  claim->key, cell_read(cell), claim->stamp);
	let_others();
	return 0;
}

static void told(void *context, const struct pend_operation *operation)
{
	struct index_run *run = context;
	uint64_t key = payload_key(operation->value);

	removed = payload_stamp(operation->value);
	let_others();
	if (!team_expect(&run->team,
			 payload_is_whole(operation->value) &&
				 key < sizeof(run->records) / sizeof(run->records[0]) &&
				 payload_stamp(operation->key) == key,
			 "an operation with another's key or value: %" PRIu64, key))
		return;
	(void)team_expect(&run->team, cell_change(&run->records[key].claim, removed, 0),
			  "key %" PRIu64 " is released by %#" PRIx64 " and held by %#" PRIx64, key,
			  removed, cell_read(&run->records[key].claim));
}

/* ---- the two kinds of map, as one ---- */

static int insert(struct index_run *run, uint64_t key, uint64_t stamp)
{
	struct payload value = payload_make(key, stamp);
	struct claim claim = { run, key, stamp };
	struct pend_hold hold = { held, &claim };
	struct pend_request request = { .key = &key,
					.key_size = sizeof(key),
					.value = &value,
					.value_size = sizeof(value),
					.now_ns = 1,
					.hold = &hold };
	uint64_t handle;
	int result;

	if (run->continuations)
		result = pend_continuation_update(run->continuations, &key, &value,
						  PEND_UPDATE_NOEXIST);
	else
		result = pend_map_pend(run->map, &request, &handle);
	if (result == 0)
		(void)cell_add(&run->records[key].inserted, 1);
	return result;
}

static int take_out(struct index_run *run, uint64_t key)
{
	int result;

	if (run->continuations)
		result = pend_continuation_delete(run->continuations, &key);
	else
		result = pend_map_complete_key(run->map, &key, sizeof(key), PEND_ACTION_BLOCK);
	if (result == 0)
		(void)cell_add(&run->records[key].removed, 1);
	return result;
}

/* Copies the values of @count keys; the results are 0 or -ENOENT. */
static void look_up(struct index_run *run, const uint64_t *keys, uint32_t count,
		    struct payload *values, int *results)
{
	const void *found[LOOKED];

	if (!run->continuations && count == 1) {
		results[0] = pend_map_lookup(run->map, &keys[0], sizeof(keys[0]), NULL, &values[0]);
	} else if (!run->continuations) {
		(void)team_expect(
			&run->team,
			pend_map_lookup_batch(run->map, keys, count, NULL, values, results) >= 0,
			"lookup_batch");
	} else {
		if (pend_epoch_enter())
			stress_bail("pend_epoch_enter");
		(void)team_expect(
			&run->team,
			pend_continuation_lookup_batch(run->continuations, keys, count, found) >= 0,
			"lookup_batch");
		for (uint32_t i = 0; i < count; i++) {
			results[i] = found[i] ? 0 : -ENOENT;
			if (found[i])
				memcpy(&values[i], found[i], sizeof(values[i]));
		}
		(void)pend_epoch_exit();
	}
	for (uint32_t i = 0; i < count; i++)
		(void)team_expect(&run->team,
				  results[i] == -ENOENT ||
					  (results[i] == 0 && payload_is_whole(&values[i]) &&
					   payload_key(&values[i]) == keys[i]),
				  "a lookup of %" PRIu64 " finds %" PRIu64 " (%d)", keys[i],
				  payload_key(&values[i]), results[i]);
}

/* ---- the threads ---- */

static uint64_t own_key(const struct team_member *member, uint32_t at)
{
	const struct index_run *run = member->context;

	return run->kind->keys + member->number * OWNED + at;
}

static bool is_refusal(int result)
{
	return result == -ENOSPC || result == -EAGAIN;
}

static uint64_t next_stamp(const struct team_member *member)
{
	return ++own_of(member)->stamp * TEAM_MOST + member->number;
}

static uint32_t change_shared(struct team_member *member)
{
	struct index_run *run = member->context;
	uint64_t key = rng_below(&member->rng, run->kind->keys);
	int result;

	if (rng_one_in(&member->rng, 2)) {
		result = insert(run, key, next_stamp(member));
		own_of(member)->inserted += result == 0;
		own_of(member)->taken += result == -EEXIST;
		own_of(member)->refused += is_refusal(result);
		(void)team_expect(&run->team,
				  result == 0 || result == -EEXIST || is_refusal(result),
				  "insert: %d", result);
		return 1;
	}
	result = take_out(run, key);
	(void)team_expect(&run->team,
			  result == 0 || result == -ENOENT ||
				  (result == -EALREADY && !run->continuations),
			  "remove: %d", result);
	return 1;
}

/* What the thread knows of its own key holds, whatever others do to others. */
static uint32_t change_own(struct team_member *member)
{
	struct index_run *run = member->context;
	uint32_t at = rng_below(&member->rng, OWNED);
	uint64_t key = own_key(member, at), *has = &own_of(member)->stamps[at];
	uint64_t stamp = next_stamp(member);
	int result;

	if (*has && rng_one_in(&member->rng, 2)) {
		result = take_out(run, key);
		(void)team_expect(&run->team,
				  result == 0 && (run->continuations || removed == *has),
				  "key %" PRIu64 " is lost: removed: %d", key, result);
		*has = 0;
		(void)team_expect(&run->team, take_out(run, key) == -ENOENT,
				  "key %" PRIu64 " was there twice", key);
		return 2;
	}
	result = insert(run, key, stamp);
	(void)team_expect(&run->team, is_refusal(result) || result == (*has ? -EEXIST : 0),
			  "key %" PRIu64 ", %s: inserted: %d", key, *has ? "there" : "absent",
			  result);
	if (result == 0)
		*has = stamp;
	return 1;
}

static uint64_t evergreen(const struct index_run *run)
{
	return run->kind->keys + (uint64_t)run->team.count * OWNED;
}

/* The key that is always there. */
static uint32_t use_evergreen(struct team_member *member)
{
	struct index_run *run = member->context;
	uint64_t key = evergreen(run);
	struct payload value = payload_make(key, next_stamp(member));
	int result;

	if (!run->continuations)
		return 0;
	if (rng_one_in(&member->rng, 2)) {
		result = pend_continuation_update(run->continuations, &key, &value,
						  PEND_UPDATE_EXIST);
		(void)team_expect(&run->team, result == 0 || result == -EAGAIN,
				  "what is always there, replaced: %d", result);
	} else {
		look_up(run, &key, 1, &value, &result);
		(void)team_expect(&run->team, result == 0, "what is always there, looked up: %d",
				  result);
	}
	return 1;
}

/* The own keys and some others, in one call. */
static uint32_t look(struct team_member *member)
{
	struct index_run *run = member->context;
	struct own_key *own = own_of(member);
	struct payload values[LOOKED];
	uint64_t keys[LOOKED];
	int results[LOOKED];
	uint32_t count = rng_one_in(&member->rng, 2) ? LOOKED : 1;
	uint32_t first = rng_below(&member->rng, OWNED);

	for (uint32_t i = 0; i < count; i++)
		keys[i] = i < OWNED ? own_key(member, (first + i) % OWNED)
				    : rng_below(&member->rng, run->kind->keys);
	look_up(run, keys, count, values, results);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t has = own->stamps[(first + i) % OWNED];

		own->found += results[i] == 0;
		own->missed += results[i] != 0;
		if (i < OWNED)
			(void)team_expect(&run->team,
					  results[i] ? has == 0 : payload_stamp(&values[i]) == has,
					  "key %" PRIu64 " has %#" PRIx64 ": a lookup says %d",
					  keys[i], has, results[i]);
	}
	return count;
}

static uint32_t step(struct team_member *member)
{
	switch (rng_below(&member->rng, 5)) {
	case 0:
		return look(member);
	case 1:
		return change_own(member);
	case 2:
		return use_evergreen(member);
	default:
		return change_shared(member);
	}
}

/* Present are those that were inserted and not removed. All stand still. */
static void quiet(struct team *team)
{
	struct index_run *run = team->context;
	uint64_t present = 0, most = evergreen(run) + 1;
	int count;

	for (uint64_t key = 0; key < most; key++) {
		struct key_record *record = &run->records[key];
		uint64_t has = cell_read(&record->inserted) - cell_read(&record->removed);
		struct payload value;
		int result;

		look_up(run, &key, 1, &value, &result);
		present += has;
		(void)team_expect(team, has == (uint64_t)(result == 0),
				  "key %" PRIu64 ": inserted %" PRIu64 ", removed %" PRIu64
				  ": a lookup says %d",
				  key, cell_read(&record->inserted), cell_read(&record->removed),
				  result);
		if (!run->continuations)
			(void)team_expect(team,
					  cell_read(&record->claim) ==
						  (result ? 0 : payload_stamp(&value)),
					  "key %" PRIu64 " is another's", key);
	}
	count = run->map ? pend_map_count(run->map) : pend_continuation_count(run->continuations);
	(void)team_expect(team, count == (int)present && present <= run->kind->room,
			  "%" PRIu64 " present, %d counted, room for %u", present, count,
			  run->kind->room);
}

/* ---- a run ---- */

static int make_map(struct index_run *run)
{
	struct pend_map_options options = pend_map_options_default();

	options.max_entries = run->kind->room;
	options.flags = run->kind->flags;
	options.key_size = sizeof(uint64_t);
	options.value_size = sizeof(struct payload);
	options.hash_seed = run->team.stress->seed | 1;
	options.on_complete = told;
	options.context = run;
	return pend_map_create(&options, &run->map);
}

static int make_continuations(struct index_run *run)
{
	struct pend_continuation_options options = pend_continuation_options_default();

	options.max_entries = run->kind->room;
	options.key_size = sizeof(uint64_t);
	options.value_size = sizeof(struct payload);
	options.hash_seed = run->team.stress->seed | 1;
	return pend_continuation_create(&options, &run->continuations);
}

static void report(struct index_run *run)
{
	struct stress *stress = run->team.stress;
	struct own_key sum = { .inserted = 0 };

	for (uint32_t i = 0; i < run->team.count; i++) {
		sum.inserted += run->own[i].inserted;
		sum.taken += run->own[i].taken;
		sum.refused += run->own[i].refused;
		sum.found += run->own[i].found;
		sum.missed += run->own[i].missed;
	}
	stress_check(stress, cell_read(&run->team.wrong) == 0 && sum.inserted > 0,
		     "%s: held twice, lost or taken for another = %" PRIu64 "; %" PRIu64
		     " meetings",
		     run->kind->name, cell_read(&run->team.wrong), run->team.meetings);
	stress_note("%s: %" PRIu64 " inserted, %" PRIu64 " times the key was taken, %" PRIu64
		    " no room; %" PRIu64 " lookups found it, %" PRIu64 " did not",
		    run->kind->name, sum.inserted, sum.taken, sum.refused, sum.found, sum.missed);
}

static void run_kind(struct stress *stress, const struct index_kind *kind)
{
	struct index_run *run = aligned_alloc(128, sizeof(*run));
	int status;

	if (!run)
		stress_bail("no memory");
	memset(run, 0, sizeof(*run));
	run->kind = kind;
	run->team = (struct team){ .stress = stress,
				   .name = kind->name,
				   .context = run,
				   .count = stress->threads,
				   .steps = STEPS,
				   .share = kind->share,
				   .step = step,
				   .quiet = quiet };
	status = kind->continuations ? make_continuations(run) : make_map(run);
	if (status)
		stress_bail("create: %s", strerror(-status));
	if (run->continuations && insert(run, evergreen(run), 1))
		stress_bail("the first insert");
	(void)team_run(&run->team);
	report(run);
	status = run->map ? pend_map_destroy(run->map)
			  : pend_continuation_destroy(run->continuations);
	if (status)
		stress_bail("destroy: %s", strerror(-status));
	free(run);
}

static const struct index_kind kinds[] = {
	{ "one bucket", 0.2, 8, 12, 0, false },
	{ "two buckets", 0.1, 16, 24, 0, false },
	{ "few keys", 0.15, 256, 6, 0, false },
	{ "many keys", 0.15, 4096, KEYS_MOST, 0, false },
	{ "one bucket, pointers", 0.1, 8, 12, PEND_MAP_POINTERS, false },
	{ "one bucket of a continuation map", 0.1, 8, 12, 0, true },
	{ "few keys of a continuation map", 0.1, 256, 6, 0, true },
	{ "many keys of a continuation map", 0.1, 4096, KEYS_MOST, 0, true },
};

int main(int count, char **words)
{
	struct stress stress = { .name = "stress_index",
				 .purpose =
					 "keys that collide: none held twice, lost, or taken for "
					 "another",
				 .seconds = 10,
				 .threads = 8 };
	int status;

	if (!stress_begin(&stress, count, words, &status))
		return status;
	stress_limit(stress.seconds * 2 + 120, "keys that collide");
	for (uint32_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && !stress.failures; i++)
		run_kind(&stress, &kinds[i]);
	return stress_end(&stress);
}
