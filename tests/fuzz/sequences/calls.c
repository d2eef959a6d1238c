/* SPDX-License-Identifier: MIT */
/*
 * calls.c - pending and completing.
 */
#include "tests/fuzz/sequences/world.h"

static const uint64_t lives[] = { 0, 0, MS, 5 * MS, 100 * MS, 3000 * MS, PEND_DEADLINE_NONE, 1 };

/* An operation, of whatever phase, one that ended, or none at all. */
uint64_t any_handle(void)
{
	const uint32_t choice = next_byte(&world.in);
	const struct entry *entry = &world.entries[choice % ENTRIES_MAX];

	if (choice < 12 * ENTRIES_MAX) {
		for (uint32_t i = 0; i < ENTRIES_MAX; i++, entry++) {
			if (entry == &world.entries[ENTRIES_MAX])
				entry = world.entries;
			if (entry->phase != GONE)
				return entry->handle;
		}
	}
	return choice & 1 ? world.former[choice / 2 % FORMER] : choice * 0x100000000001ull;
}

uint64_t keys_of(uint32_t index)
{
	return index % KEYS + 1;
}

/* ---- one pend: its request, what is to come of it, and the new operation ---- */

struct wish {
	struct pend_request request;
	struct pend_hold hold;
	uint64_t key;
	uint8_t value[VALUE_MAX], scratch[8];
	uint32_t place; /* of its session, and 1 */
	int held;       /* what its hold function says */
	uint64_t held_handle;
};

static int hold(void *context, uint64_t handle, void *scratch)
{
	struct wish *wish = context;

	CHECK_U64(wish->held_handle, ==, 0);
	wish->held_handle = handle;
	CHECK((scratch != NULL) == (world.options.scratch_size != 0));
	if (scratch)
		memcpy(scratch, wish->scratch, world.options.scratch_size);
	return wish->held;
}

static void spoil(struct wish *wish, uint32_t how)
{
	struct pend_request *request = &wish->request;

	switch (how) {
	case 0:
		request->key = world.options.key_size ? NULL : &wish->key;
		request->key_size = world.options.key_size ? request->key_size : 8;
		break;
	case 1:
		request->key_size += 1;
		break;
	case 2:
		request->value_size += 4;
		break;
	case 3:
		request->flags |= 1u << 7;
		break;
	default:
		request->deadline_ns = PEND_DEADLINE_MAX_NS + 1;
	}
}

static void make_wish(struct wish *wish)
{
	const uint32_t how = next_byte(&world.in), what = next_byte(&world.in);
	struct pend_request *request = &wish->request;

	memset(wish, 0, sizeof(*wish));
	wish->key = world.options.key_size ? keys_of(what) : 0;
	memset(wish->value, (int)(what + 1), sizeof(wish->value));
	memset(wish->scratch, (int)(how + 1), sizeof(wish->scratch));
	request->key = world.options.key_size ? &wish->key : NULL;
	request->key_size = world.options.key_size;
	if (world.options.value_size && what & 32) {
		request->value = wish->value;
		request->value_size = world.options.value_size;
	} else {
		memset(wish->value, 0, sizeof(wish->value));
	}
	request->scratch = world.options.scratch_size ? wish->scratch : NULL;
	request->cookie = how * 0x0101010101010101ull + world.stats.pends;
	request->flags = how & 1 ? PEND_REQUEST_FRAME : 0;
	request->deadline_ns = lives[how >> 1 & 7];
	request->payload_bytes = how & 16 ? 100 : 0;
	if (how & 32)
		wish->place = desks_choose(request);
	if (how >= 240)
		spoil(wish, what % 5);
	if (how >= 192 && how < 216) {
		wish->hold = (struct pend_hold){ hold, wish };
		request->hold = &wish->hold;
		wish->held = how & 1 ? -ENOMEM : 0;
	}
}

/* The library has pended it under @handle. */
static void add_entry(const struct wish *wish, uint64_t handle)
{
	const struct pend_request *request = &wish->request;
	const uint64_t life = request->deadline_ns ? request->deadline_ns
						   : world.options.deadline_ns;
	const bool charged = world.options.quota_bytes || world.engine_quota;
	struct entry *entry = world.entries;

	CHECK(handle != 0 && model_find(handle) == NULL);
	for (uint32_t i = 0; i < FORMER; i++)
		CHECK_U64(world.former[i], !=, handle);
	while (entry->phase != GONE)
		entry++;
	*entry = (struct entry){
		.phase = PENDING,
		.frame = request->flags & PEND_REQUEST_FRAME,
		.handle = handle,
		.cookie = request->cookie,
		.pended_ns = world.now_ns,
		.due_ns = life == PEND_DEADLINE_NONE ? life : model_due_at(world.now_ns + life),
		.charge = charged ? world.slot_bytes + request->payload_bytes : 0,
		.home = world.cpu,
		.owner = request->session ? wish->place : 0,
		.key = wish->key,
	};
	memcpy(entry->value, wish->value, sizeof(entry->value));
	memcpy(entry->scratch, wish->scratch, sizeof(entry->scratch));
	world.used_bytes += entry->charge;
	world.stats.pends++;
	world.stats.live++;
	if (entry->owner)
		desk_takes(entry);
}

static void check_pended(const struct wish *wish, uint64_t handle)
{
	if (wish->request.hold)
		CHECK_U64(wish->held_handle, ==, handle);
	add_entry(wish, handle);
}

void play_pend(void)
{
	const uint64_t before = 0xdeadbeef;
	uint64_t handle = before;
	struct wish wish;
	int expected, result;

	make_wish(&wish);
	result = pend_map_pend(world.map, &wish.request, &handle);
	expected = model_admit(&wish.request, wish.held, result);
	CHECK_INT(result, ==, expected);
	if (expected)
		CHECK_U64(handle, ==, before);
	else
		check_pended(&wish, handle);
}

/* As that many single ones: what the first does, the next one finds. */
void play_pend_batch(void)
{
	enum { MOST = 20 };
	struct wish wishes[MOST];
	struct pend_request requests[MOST] = { { .key = NULL } };
	const uint32_t count = next_below(&world.in, MOST + 1);
	uint64_t handles[MOST];
	int results[MOST], pended, accepted = 0;

	for (uint32_t i = 0; i < count; i++) {
		make_wish(&wishes[i]);
		wishes[i].request.hold = NULL;
		requests[i] = wishes[i].request;
	}
	pended = pend_map_pend_batch(world.map, requests, count, handles, results);
	for (uint32_t i = 0; i < count; i++) {
		const int expected = model_admit(&requests[i], 0, results[i]);

		CHECK_INT(results[i], ==, expected);
		CHECK(expected ? handles[i] == 0 : handles[i] != 0);
		if (!expected)
			add_entry(&wishes[i], handles[i]);
		accepted += !expected;
	}
	CHECK_INT(pended, ==, accepted);
}

/* ---- deciding ---- */

void play_complete(void)
{
	const uint64_t handle = any_handle();
	const uint32_t action = next_below(&world.in, 6);
	const int expected = model_complete(handle, action, 0);

	CHECK_INT(pend_map_complete(world.map, handle, (enum pend_action)action), ==, expected);
}

static int model_complete_key(uint64_t key, uint32_t action)
{
	const struct entry *entry = model_find_key(key, true);

	return model_complete(entry ? entry->handle : UINT64_MAX, action, 0);
}

void play_complete_key(void)
{
	const uint64_t key = keys_of(next_byte(&world.in));
	const uint32_t action = next_below(&world.in, 6);
	const bool keyed = world.options.key_size != 0;
	const int expected = keyed ? model_complete_key(key, action) : -EOPNOTSUPP;

	CHECK_INT(pend_map_complete_key(world.map, &key, 8, (enum pend_action)action), ==,
		  expected);
}

/* By handle or by key. In a map without an engine what is told during the call must find the model
 * as it will be, so all of it is brought up to date first. */
void play_complete_batch(void)
{
	enum { MOST = 16 }; /* what is decided together is told together */
	const uint32_t choice = next_byte(&world.in), count = choice % (MOST + 1);
	const bool by_key = choice >= 128 && world.options.key_size;
	uint64_t names[MOST];
	uint32_t actions[MOST];
	int results[MOST], expected[MOST], accepted = 0, done;

	for (uint32_t i = 0; i < count; i++) {
		names[i] = by_key ? keys_of(next_byte(&world.in)) : any_handle();
		actions[i] = next_below(&world.in, 6);
		expected[i] = by_key ? model_complete_key(names[i], actions[i])
				     : model_complete(names[i], actions[i], 0);
		accepted += expected[i] == 0;
	}
	world.depth += DEPTH_MAX; /* nothing from inside: it would come before what was foretold */
	done = by_key ? pend_map_complete_key_batch(world.map, names, actions, count, results)
		      : pend_map_complete_batch(world.map, names, actions, count, results);
	world.depth -= DEPTH_MAX;
	for (uint32_t i = 0; i < count; i++)
		CHECK_INT(results[i], ==, expected[i]);
	CHECK_INT(done, ==, accepted);
}

void play_cancel(void)
{
	const uint64_t handle = any_handle();
	struct entry *entry = model_find(handle);
	const int expected = entry ? model_decide(entry, PEND_ACTION_BLOCK, PEND_ORIGIN_CANCEL)
				   : -ENOENT;

	CHECK_INT(pend_map_cancel(world.map, handle), ==, expected);
}

/* ---- frames and deadlines ---- */

static int model_close_frame(struct entry *entry, uint32_t verdict)
{
	static const uint32_t actions[] = { PEND_ACTION_BLOCK, PEND_ACTION_PERMIT_SOFT,
					    PEND_ACTION_PERMIT_HARD, PEND_ACTION_PENDING };

	if (!entry)
		return -ENOENT;
	if (!entry->frame)
		return -EINVAL;
	entry->frame = false;
	if (entry->action)
		return 0;
	if (verdict != PEND_VERDICT_PEND)
		return model_decide(entry, verdict < 4 ? actions[verdict] : PEND_ACTION_BLOCK,
				    PEND_ORIGIN_PROGRAM);
	if (entry->again)
		entry->phase = RERUN;
	entry->again = false;
	return 0;
}

void play_frame(void)
{
	const uint64_t handle = any_handle();
	const uint32_t verdict = next_below(&world.in, 6);
	const int expected = model_close_frame(model_find(handle), verdict);

	CHECK_INT(pend_map_close_frame(world.map, handle, (enum pend_verdict)verdict), ==,
		  expected);
}

/* @life: from now, or 0 for as long as can be. */
static int model_extend(struct entry *entry, uint64_t life)
{
	const uint64_t slept = entry && world.engine ? model_slept_since(entry->pended_ns) : 0;
	uint64_t due = life == PEND_DEADLINE_NONE ? life : world.now_ns + slept + life, end;

	if (!entry)
		return -ENOENT;
	if (entry->action)
		return -EALREADY;
	end = model_lifetime_end(entry);
	if (!life)
		due = entry->due_ns > end ? entry->due_ns : end;
	else if (due > end)
		return -ERANGE;
	entry->due_ns = model_due_at(due);
	world.stats.extends++;
	return 0;
}

void play_extend(void)
{
	const uint64_t handle = any_handle();
	const uint64_t life = lives[next_below(&world.in, 8)];
	int expected = -ERANGE;

	if (life != 1) /* too short to be one */
		expected = model_extend(model_find(handle), life);
	CHECK_INT(life ? pend_map_extend(world.map, handle, life)
		       : pend_map_hold(world.map, handle),
		  ==, expected);
}
