/* SPDX-License-Identifier: MIT */
/*
 * map_calls.c - the calls that map.c's threads make, and what each may answer.
 *
 * A value is made of its key and of its cookie, so whoever gets to see it knows whose it is and
 * whether it is whole. Handles lie on a board where everybody looks, so most operations are
 * completed by several threads at once. An anchor is an operation that nobody else knows: it must
 * be seen by whatever looks while it is pended.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "stress/map.h"

#define SCANNED 8u /* by one call */
#define SEEN_MOST 4096u
#define LEFT 16u /* one pend in so many is left to its deadline, in an engine */

/* What a pend is asked for. */
struct order {
	struct pend_request requests[MAP_BATCH];
	uint64_t keys[MAP_BATCH], scratches[MAP_BATCH];
	struct payload values[MAP_BATCH];
	uint64_t handles[MAP_BATCH];
	int results[MAP_BATCH];
	uint32_t count;
};

static struct map_books *books_of(const struct team_member *member)
{
	struct shop *shop = member->context;

	return &shop->books[member->number];
}

/* ---- what the map calls ---- */

/* Whether the operation is what was pended: its value, its scratch, its key. */
static void check_operation(struct shop *shop, const struct pend_operation *operation)
{
	uint64_t cookie = operation->cookie;

	(void)team_expect(&shop->team,
			  payload_is_whole(operation->value) &&
				  payload_stamp(operation->value) == cookie &&
				  payload_stamp(operation->scratch) == ~cookie,
			  "operation %#" PRIx64 " has another's value", cookie);
	if (shop->kind->keyed)
		(void)team_expect(&shop->team,
				  payload_stamp(operation->key) == payload_key(operation->value),
				  "operation %#" PRIx64 " has another's key", cookie);
	if (ledger_index(cookie) < shop->ledger.count)
		(void)team_expect(&shop->team,
				  cell_read(&shop->ledger.entries[ledger_index(cookie)].handle) ==
					  0,
				  "operation %#" PRIx64 " is told of in its hook frame", cookie);
}

void map_told(void *context, const struct pend_operation *operation)
{
	struct shop *shop = context;

	check_operation(shop, operation);
	if (ledger_close(&shop->ledger, operation->cookie))
		(void)cell_add(&shop->told[operation->origin % MAP_ORIGINS], 1);
}

int map_rerun(void *context, const struct pend_operation *operation)
{
	struct shop *shop = context;

	check_operation(shop, operation);
	(void)cell_add(&shop->reruns, 1);
	return operation->rerun_count % 3 == 2 ? PEND_VERDICT_PROCEED_SOFT : PEND_VERDICT_PEND;
}

static int refuse(void *context, uint64_t handle, void *scratch)
{
	(void)context;
	(void)handle;
	(void)scratch;
	return -ENOMEM;
}

/* ---- pending ---- */

/* A closed entry of the thread's own. Returns its new cookie. */
static uint64_t open_entry(struct shop *shop, const struct team_member *member)
{
	struct map_books *books = &shop->books[member->number];
	uint64_t cookie = 0;

	for (uint32_t i = 0; i < MAP_ENTRIES && !cookie; i++) {
		books->entry = (books->entry + 1) % MAP_ENTRIES;
		cookie = ledger_open(&shop->ledger, member->number * MAP_ENTRIES + books->entry);
	}
	if (!cookie) /* there are more than can be live */
		stress_bail("%s: %u operations are lost", shop->kind->name, MAP_ENTRIES);
	return cookie;
}

static uint64_t draw_key(const struct shop *shop, struct rng *rng)
{
	return rng_below(rng, shop->room + shop->room / 2);
}

static void fill_order(struct order *order, struct team_member *member, uint32_t count)
{
	struct shop *shop = member->context;

	memset(order, 0, sizeof(*order));
	order->count = count;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t cookie = open_entry(shop, member);

		order->keys[i] = draw_key(shop, &member->rng);
		order->values[i] = payload_make(order->keys[i], cookie);
		order->scratches[i] = ~cookie;
		order->requests[i] = (struct pend_request){ .value = &order->values[i],
							    .value_size = sizeof(struct payload),
							    .scratch = &order->scratches[i],
							    .cookie = cookie };
		if (shop->kind->keyed) {
			order->requests[i].key = &order->keys[i];
			order->requests[i].key_size = sizeof(uint64_t);
		}
	}
}

/* What came of it, in the books. */
static void settle_order(struct team_member *member, const struct order *order)
{
	struct shop *shop = member->context;
	struct map_books *books = books_of(member);

	for (uint32_t i = 0; i < order->count; i++) {
		int result = order->results[i];

		if (result)
			(void)ledger_close(&shop->ledger, order->requests[i].cookie);
		books->pended += result == 0;
		books->full += result == -ENOSPC;
		books->held_back += result == -EAGAIN && shop->kind->pointers;
		books->taken += result == -EEXIST && shop->kind->keyed;
		books->refused += result == -ENOMEM;
		(void)team_expect(&shop->team,
				  result == 0 || result == -ENOSPC || result == -ENOMEM ||
					  (result == -EAGAIN && shop->kind->pointers) ||
					  (result == -EEXIST && shop->kind->keyed),
				  "pend: %d", result);
		(void)team_expect(&shop->team, (result == 0) == (order->handles[i] != 0),
				  "a handle and %d", result);
	}
}

static uint64_t look(struct team_member *member)
{
	struct shop *shop = member->context;

	return cell_read(&shop->board[rng_below(&member->rng, MAP_BOARD)]);
}

static void count_decision(struct team_member *member, int result, uint32_t action)
{
	struct shop *shop = member->context;
	struct map_books *books = books_of(member);

	if (action == PEND_ACTION_CONTINUE)
		books->continued += result == 0;
	else
		books->decided += result == 0;
	books->stale += result == -ENOENT || result == -EALREADY;
	(void)team_expect(&shop->team, result == 0 || result == -ENOENT || result == -EALREADY,
			  "complete with action %u: %d", action, result);
}

/* Puts it on the board. What it displaces there is completed, if it is live still: nobody else would
 * know of it any more. */
static void show(struct team_member *member, uint64_t handle)
{
	struct shop *shop = member->context;

	if (handle)
		handle = cell_swap(&shop->board[rng_below(&member->rng, MAP_BOARD)], handle);
	if (handle)
		count_decision(member, pend_map_complete(shop->map, handle, PEND_ACTION_BLOCK),
			       PEND_ACTION_BLOCK);
}

static uint32_t call_pend(struct team_member *member)
{
	struct shop *shop = member->context;
	struct order order;

	fill_order(&order, member, 1);
	if (shop->engine && rng_one_in(&member->rng, LEFT))
		order.requests[0].deadline_ns =
			PEND_DEADLINE_MIN_NS + rng_below(&member->rng, 1u << 22);
	order.results[0] = pend_map_pend(shop->map, &order.requests[0], &order.handles[0]);
	settle_order(member, &order);
	if (!order.requests[0].deadline_ns) /* else nobody knows of it */
		show(member, order.handles[0]);
	return 1;
}

static uint32_t call_pend_batch(struct team_member *member)
{
	struct shop *shop = member->context;
	struct order order;
	int pended, counted = 0;

	fill_order(&order, member, 2 + rng_below(&member->rng, MAP_BATCH - 1));
	pended = pend_map_pend_batch(shop->map, order.requests, order.count, order.handles,
				     order.results);
	settle_order(member, &order);
	for (uint32_t i = 0; i < order.count; i++) {
		counted += order.results[i] == 0;
		show(member, order.handles[i]);
	}
	(void)team_expect(&shop->team, pended == counted, "pend_batch: %d of %d", pended, counted);
	return order.count;
}

/* A pend that its hold function takes back. */
static uint32_t call_pend_refused(struct team_member *member)
{
	struct shop *shop = member->context;
	struct pend_hold hold = { refuse, NULL };
	struct order order;

	fill_order(&order, member, 1);
	order.requests[0].hold = &hold;
	order.results[0] = pend_map_pend(shop->map, &order.requests[0], &order.handles[0]);
	(void)team_expect(&shop->team, order.results[0] != 0, "a hold that refused is pended");
	settle_order(member, &order);
	return 1;
}

/* ---- deciding ---- */

static enum pend_action draw_action(struct rng *rng)
{
	return (enum pend_action)(PEND_ACTION_PERMIT_SOFT + rng_below(rng, 4));
}

static uint32_t call_complete(struct team_member *member)
{
	struct shop *shop = member->context;
	enum pend_action action = draw_action(&member->rng);

	count_decision(member, pend_map_complete(shop->map, look(member), action), action);
	return 1;
}

static uint32_t call_complete_batch(struct team_member *member)
{
	struct shop *shop = member->context;
	uint64_t handles[MAP_BATCH];
	uint32_t actions[MAP_BATCH];
	int results[MAP_BATCH], accepted, counted = 0;

	for (uint32_t i = 0; i < MAP_BATCH; i++) {
		handles[i] = look(member);
		actions[i] = draw_action(&member->rng);
	}
	accepted = pend_map_complete_batch(shop->map, handles, actions, MAP_BATCH, results);
	for (uint32_t i = 0; i < MAP_BATCH; i++) {
		count_decision(member, results[i], actions[i]);
		counted += results[i] == 0;
	}
	(void)team_expect(&shop->team, accepted == counted, "complete_batch: %d of %d", accepted,
			  counted);
	return MAP_BATCH;
}

static uint32_t call_complete_key(struct team_member *member)
{
	struct shop *shop = member->context;
	uint64_t keys[MAP_BATCH];
	uint32_t actions[MAP_BATCH];
	int results[MAP_BATCH];
	uint32_t count = rng_one_in(&member->rng, 4) ? MAP_BATCH : 1;

	for (uint32_t i = 0; i < count; i++) {
		keys[i] = draw_key(shop, &member->rng);
		actions[i] = draw_action(&member->rng);
	}
	if (count == 1)
		results[0] = pend_map_complete_key(shop->map, &keys[0], sizeof(keys[0]),
						   (enum pend_action)actions[0]);
	else
		(void)team_expect(
			&shop->team,
			pend_map_complete_key_batch(shop->map, keys, actions, count, results) >= 0,
			"complete_key_batch");
	for (uint32_t i = 0; i < count; i++)
		count_decision(member, results[i], actions[i]);
	return count;
}

static uint32_t call_cancel(struct team_member *member)
{
	struct shop *shop = member->context;
	int result = pend_map_cancel(shop->map, look(member));

	books_of(member)->cancelled += result == 0;
	(void)team_expect(&shop->team, result == 0 || result == -ENOENT || result == -EALREADY,
			  "cancel: %d", result);
	return 1;
}

static uint32_t call_extend(struct team_member *member)
{
	struct shop *shop = member->context;
	uint64_t handle = look(member);
	int result;

	if (rng_one_in(&member->rng, 4))
		result = pend_map_hold(shop->map, handle);
	else
		result = pend_map_extend(shop->map, handle,
					 MAP_DEADLINE_NS + rng_below(&member->rng, 1u << 24));
	books_of(member)->extended += result == 0;
	(void)team_expect(&shop->team, result == 0 || result == -ENOENT || result == -EALREADY,
			  "extend: %d", result);
	return 1;
}

/* Pends with the frame open, shows the handle, does something else, and closes. */
static uint32_t call_frame(struct team_member *member)
{
	static const enum pend_verdict verdicts[] = { PEND_VERDICT_PEND, PEND_VERDICT_PEND,
						      PEND_VERDICT_REJECT,
						      PEND_VERDICT_PROCEED_HARD };
	struct shop *shop = member->context;
	struct order order;
	struct cell *frame;
	uint32_t done = 2;
	int result;

	fill_order(&order, member, 1);
	frame = &shop->ledger.entries[ledger_index(order.requests[0].cookie)].handle;
	order.requests[0].flags = PEND_REQUEST_FRAME;
	cell_write(frame, 1);
	order.results[0] = pend_map_pend(shop->map, &order.requests[0], &order.handles[0]);
	settle_order(member, &order);
	if (!order.handles[0])
		return 1;
	show(member, order.handles[0]);
	done += rng_one_in(&member->rng, 2) ? call_pend(member) : call_complete(member);
	cell_write(frame, 0);
	result = pend_map_close_frame(shop->map, order.handles[0],
				      verdicts[rng_below(&member->rng, 4)]);
	(void)team_expect(&shop->team, result == 0, "close_frame: %d", result);
	return done;
}

static uint32_t call_poll(struct team_member *member)
{
	struct shop *shop = member->context;
	int result = shop->engine ? pend_engine_poll(shop->engine, PEND_CPU_CURRENT, 16)
				  : pend_map_poll(shop->map, 4);

	(void)team_expect(&shop->team, result >= 0, "poll: %d", result);
	return 1;
}

/* ---- looking ---- */

/* What was found belongs together. */
static void check_found(struct team_member *member, const struct pend_info *info, const void *value)
{
	struct shop *shop = member->context;

	(void)team_expect(
		&shop->team, payload_is_whole(value) && payload_stamp(value) == info->cookie,
		"value %#" PRIx64 " with the cookie %#" PRIx64, payload_stamp(value), info->cookie);
	books_of(member)->reads++;
}

static uint32_t call_read(struct team_member *member)
{
	struct shop *shop = member->context;
	uint64_t handle = look(member);
	struct payload value;
	struct pend_info info;
	int result = pend_map_read(shop->map, handle, &info, &value);

	if (result == 0) {
		check_found(member, &info, &value);
		(void)team_expect(&shop->team, info.handle == handle, "another's handle");
	}
	(void)team_expect(&shop->team, result == 0 || result == -ENOENT, "read: %d", result);
	return 1;
}

static uint32_t call_lookup(struct team_member *member)
{
	struct shop *shop = member->context;
	uint64_t keys[MAP_BATCH];
	struct payload values[MAP_BATCH];
	struct pend_info infos[MAP_BATCH];
	int results[MAP_BATCH];
	uint32_t count = rng_one_in(&member->rng, 4) ? MAP_BATCH : 1;

	for (uint32_t i = 0; i < count; i++)
		keys[i] = draw_key(shop, &member->rng);
	if (count == 1)
		results[0] = pend_map_lookup(shop->map, &keys[0], sizeof(keys[0]), &infos[0],
					     &values[0]);
	else
		(void)team_expect(
			&shop->team,
			pend_map_lookup_batch(shop->map, keys, count, infos, values, results) >= 0,
			"lookup_batch");
	for (uint32_t i = 0; i < count; i++) {
		(void)team_expect(&shop->team, results[i] == 0 || results[i] == -ENOENT,
				  "lookup: %d", results[i]);
		if (results[i])
			continue;
		check_found(member, &infos[i], &values[i]);
		(void)team_expect(&shop->team, payload_key(&values[i]) == keys[i],
				  "a lookup of %" PRIu64 " finds %" PRIu64, keys[i],
				  payload_key(&values[i]));
	}
	return count;
}

/* A pointer stays what it is until the epoch is left, whatever becomes of the operation. */
static uint32_t call_peek(struct team_member *member)
{
	struct shop *shop = member->context;
	uint64_t key = draw_key(shop, &member->rng);
	const void *value = NULL;
	struct pend_info info;
	uint32_t done = 1;
	int result;

	if (pend_epoch_enter())
		stress_bail("pend_epoch_enter");
	if (shop->kind->keyed && rng_one_in(&member->rng, 2))
		result = pend_map_peek_key(shop->map, &key, sizeof(key), &info, &value);
	else
		result = pend_map_peek(shop->map, look(member), &info, &value);
	if (result == 0) {
		check_found(member, &info, value);
		done += rng_one_in(&member->rng, 2) ? call_complete(member) : call_pend(member);
		check_found(member, &info, value);
	}
	(void)team_expect(&shop->team, result == 0 || result == -ENOENT, "peek: %d", result);
	if (pend_epoch_exit())
		stress_bail("pend_epoch_exit");
	return done;
}

/* Notes @cookie. False: it was there. */
static bool note_cookie(uint64_t *seen, uint32_t *count, uint64_t cookie)
{
	for (uint32_t i = 0; i < *count; i++)
		if (seen[i] == cookie)
			return false;
	if (*count < SEEN_MOST)
		seen[(*count)++] = cookie;
	return true;
}

/* A whole scan: nothing twice. Returns whether @cookie was there. */
static bool scan(struct team_member *member, uint64_t cookie)
{
	static _Thread_local uint64_t seen[SEEN_MOST];
	struct shop *shop = member->context;
	struct pend_cursor cursor = { 0 };
	struct pend_info infos[SCANNED];
	struct payload values[SCANNED];
	uint32_t count = 0;
	bool found = false;
	int result;

	while ((result = pend_map_scan(shop->map, &cursor, infos, values, SCANNED)) > 0)
		for (int i = 0; i < result; i++) {
			check_found(member, &infos[i], &values[i]);
			found = found || infos[i].cookie == cookie;
			(void)team_expect(&shop->team, note_cookie(seen, &count, infos[i].cookie),
					  "scanned twice: %#" PRIx64, infos[i].cookie);
		}
	(void)team_expect(&shop->team, result == 0, "scan: %d", result);
	books_of(member)->scans++;
	return found;
}

/* Pends an anchor, looks for it in every way, and completes it. */
static uint32_t call_anchor(struct team_member *member)
{
	struct shop *shop = member->context;
	struct payload value;
	struct pend_info info;
	struct order order;
	uint64_t key;
	int result;

	fill_order(&order, member, 1);
	key = order.keys[0] = (UINT64_C(1) << 32) + member->number; /* nobody else's */
	order.values[0] = payload_make(key, order.requests[0].cookie);
	order.requests[0].deadline_ns = PEND_DEADLINE_NONE;
	order.results[0] = pend_map_pend(shop->map, &order.requests[0], &order.handles[0]);
	settle_order(member, &order);
	if (order.results[0])
		return 1;
	(void)team_expect(&shop->team, scan(member, order.requests[0].cookie),
			  "a scan did not see what was pended all the time");
	result = pend_map_read(shop->map, order.handles[0], &info, &value);
	(void)team_expect(&shop->team, result == 0 && info.cookie == order.requests[0].cookie,
			  "an operation that is pended, read: %d", result);
	if (shop->kind->keyed) {
		result = pend_map_lookup(shop->map, &key, sizeof(key), &info, &value);
		(void)team_expect(&shop->team,
				  result == 0 && info.cookie == order.requests[0].cookie,
				  "an operation that is pended, looked up: %d", result);
	}
	result = pend_map_complete(shop->map, order.handles[0], PEND_ACTION_BLOCK);
	count_decision(member, result, PEND_ACTION_BLOCK);
	(void)team_expect(&shop->team, result == 0, "what nobody knows is completed: %d", result);
	return 5;
}

static uint32_t call_count(struct team_member *member)
{
	struct shop *shop = member->context;
	int count = pend_map_count(shop->map);

	(void)team_expect(&shop->team, count >= 0 && count <= (int)shop->room, "count: %d", count);
	return 1;
}

void map_fill(struct team_member *member, uint32_t live)
{
	struct shop *shop = member->context;
	uint64_t handles[MAP_ENTRIES];
	uint32_t count = 0;
	struct order order;

	do {
		fill_order(&order, member, 1);
		order.requests[0].deadline_ns = PEND_DEADLINE_NONE;
		order.keys[0] = (UINT64_C(1) << 33) + count;
		order.values[0] = payload_make(order.keys[0], order.requests[0].cookie);
		order.results[0] = pend_map_pend(shop->map, &order.requests[0], &order.handles[0]);
		settle_order(member, &order);
		handles[count] = order.handles[0];
	} while (order.results[0] == 0 && ++count + live <= shop->room);
	if (order.results[0] != -EAGAIN)
		(void)team_expect(&shop->team, count + live == shop->room,
				  "%u live and %u more pended, room for %u", live, count,
				  shop->room);
	for (uint32_t i = 0; i < count; i++)
		count_decision(member, pend_map_complete(shop->map, handles[i], PEND_ACTION_BLOCK),
			       PEND_ACTION_BLOCK);
}

/* ---- drawing ---- */

#define NEEDS_KEYS 1u
#define NEEDS_POINTERS 2u

static const struct call {
	uint32_t weight; /* of 256 */
	uint32_t needs;
	uint32_t (*make)(struct team_member *member);
} calls[] = {
	{ 56, 0, call_pend },
	{ 12, 0, call_pend_batch },
	{ 2, 0, call_pend_refused },
	{ 44, 0, call_complete },
	{ 16, 0, call_complete_batch },
	{ 24, NEEDS_KEYS, call_complete_key },
	{ 10, 0, call_cancel },
	{ 8, 0, call_extend },
	{ 20, 0, call_frame },
	{ 8, 0, call_poll },
	{ 16, 0, call_read },
	{ 20, NEEDS_KEYS, call_lookup },
	{ 16, NEEDS_POINTERS, call_peek },
	{ 2, 0, call_anchor },
	{ 2, 0, call_count },
};

uint32_t map_step(struct team_member *member)
{
	const struct shop *shop = member->context;
	uint32_t drawn = rng_below(&member->rng, 256);
	const struct call *call = calls;

	while (drawn >= call->weight)
		drawn -= (call++)->weight;
	if ((call->needs & NEEDS_KEYS && !shop->kind->keyed) ||
	    (call->needs & NEEDS_POINTERS && !shop->kind->pointers))
		return call_complete(member);
	return call->make(member);
}
