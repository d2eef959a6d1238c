/* SPDX-License-Identifier: MIT */
/*
 * desk.c - sessions: opened, lost, inherited, and what lies in their rings.
 */
#include <unistd.h>

#include "engine/session/ring.h"
#include "tests/fuzz/sequences/world.h"

enum { SUBJECT = 77, NOTICES = PENDI_RING_NOTICES_MIN };

_Static_assert(PENDI_RING_NOTICES_MIN <= (int)NOTICES_MAX, "the model has room for a ring");

static struct desk *any_desk(void)
{
	return &world.desks[next_below(&world.in, SESSIONS)];
}

/* ---- pending for one ---- */

/* Names a session in @request. Returns its place and 1, or 0. */
uint32_t desks_choose(struct pend_request *request)
{
	const uint32_t choice = next_byte(&world.in);
	const struct desk *desk = &world.desks[choice % SESSIONS];

	request->session = desk->session;
	request->subject_pid = choice >= 200 ? SUBJECT : 1;
	return desk->session ? choice % SESSIONS + 1 : 0;
}

static int count_one(uint64_t *counter, int error)
{
	++*counter;
	return error;
}

int desk_refuses(const struct pend_request *request)
{
	struct desk *desk = world.desks;

	while (desk->session != request->session)
		desk++;
	if (!desk->open)
		return -ESHUTDOWN;
	if (desk->share && desk->live >= desk->share)
		return count_one(&desk->over, -EDQUOT);
	if (desk->self_pid && desk->self_pid == request->subject_pid)
		return count_one(&desk->self, -EDEADLK);
	return desk->waiting == NOTICES ? count_one(&desk->full, -ENOBUFS) : 0;
}

void desk_takes(struct entry *entry)
{
	struct desk *desk = &world.desks[entry->owner - 1];
	const uint32_t at = (desk->first + desk->waiting++) % NOTICES_MAX;

	desk->ring[at] = entry->handle;
	desk->cookies[at] = entry->cookie;
	desk->notices++;
	desk->live++;
}

/* ---- the end of one ---- */

static bool is_of(const struct entry *entry, const struct desk *desk)
{
	return entry->owner && &world.desks[entry->owner - 1] == desk;
}

static void lose(struct desk *desk)
{
	desk->open = false;
	desk->waits = desk->on_loss == PEND_LOSS_HAND_OVER;
	if (desk->waits)
		return;
	for (uint32_t i = 0; i < ENTRIES_MAX; i++) {
		struct entry *entry = &world.entries[i];

		if (!is_of(entry, desk) || !model_is_live(entry))
			continue;
		if (desk->on_loss == PEND_LOSS_KEEP && entry->due_ns != PEND_DEADLINE_NONE)
			continue;
		(void)model_decide(entry,
				   desk->on_loss == PEND_LOSS_PERMIT ? PEND_ACTION_PERMIT_SOFT
								     : PEND_ACTION_BLOCK,
				   PEND_ORIGIN_OWNER);
	}
}

/* A session that is over, closed and without operations waits for no heir any more. */
static void sweep(void)
{
	for (uint32_t i = 0; i < SESSIONS; i++)
		if (!world.desks[i].open && !world.desks[i].owned && !world.desks[i].live)
			world.desks[i].waits = false;
}

static void drop_lease(struct desk *desk)
{
	if (desk->leased)
		CHECK_INT(close(desk->lease), ==, 0);
	desk->leased = false;
}

static void close_desk(struct desk *desk)
{
	const int expected = desk->open ? 0 : -ESHUTDOWN;

	if (desk->open)
		lose(desk);
	CHECK_INT(pend_session_close(desk->session), ==, expected);
	if (desk->owned) {
		desk->owned = false;
		sweep();
	}
	drop_lease(desk);
	desk->expired = false;
}

void play_close(void)
{
	struct desk *desk = any_desk();

	if (desk->session && !world.depth)
		close_desk(desk);
}

void desks_end(void)
{
	for (uint32_t i = 0; i < SESSIONS; i++)
		if (world.desks[i].session)
			close_desk(&world.desks[i]);
}

/* The first lease is made, or its only copy closed. */
void play_lease(void)
{
	struct desk *desk = any_desk();

	if (!desk->session || world.depth)
		return;
	if (desk->leased) {
		desk->expired = desk->open;
		drop_lease(desk);
		return;
	}
	if (desk->expired)
		return;
	desk->lease = pend_session_lease(desk->session);
	desk->leased = desk->open;
	if (desk->open)
		CHECK_INT(desk->lease, >=, 0);
	else
		CHECK_INT(desk->lease, ==, -ESHUTDOWN);
}

/* The engine may have looked at its descriptors: it does when it is served, once in a tick at least. */
void desks_resolve(void)
{
	for (uint32_t i = 0; i < SESSIONS; i++) {
		struct desk *desk = &world.desks[i];

		if (!desk->expired || !desk->open || pend_session_fd(desk->session) >= 0)
			continue;
		desk->expired = false;
		lose(desk);
	}
}

/* It has. */
void desks_watched(void)
{
	for (uint32_t i = 0; i < SESSIONS; i++)
		CHECK(!world.desks[i].expired || !world.desks[i].open);
}

/* ---- the beginning of one ---- */

static struct desk *find_heirless(const struct desk *heir)
{
	struct desk *found = NULL;

	for (uint32_t i = 0; i < SESSIONS && heir->named; i++) {
		struct desk *desk = &world.desks[i];

		if (desk->waits && desk->named && (!found || desk->number < found->number))
			found = desk;
	}
	return found;
}

/* What @before had is @desk's. */
static void inherit(struct desk *desk, struct desk *before)
{
	const uint32_t place = (uint32_t)(desk - world.desks) + 1;

	desk->live = before->live;
	desk->full = before->full;
	desk->over = before->over;
	desk->self = before->self;
	desk->notices = before->notices;
	desk->first = before->first;
	desk->waiting = before->waiting;
	memcpy(desk->ring, before->ring, sizeof(desk->ring));
	memcpy(desk->cookies, before->cookies, sizeof(desk->cookies));
	before->waits = before->owned = before->expired = false;
	before->live = 0;
	for (uint32_t i = 0; i < ENTRIES_MAX; i++)
		if (world.entries[i].phase != GONE && is_of(&world.entries[i], before))
			world.entries[i].owner = place;
}

static struct pend_session_options choose_options(struct desk *desk)
{
	const uint32_t choice = next_byte(&world.in);
	struct pend_session_options options = pend_session_options_default();

	options.on_loss = (enum pend_on_loss)(choice & 3);
	options.notices = NOTICES;
	options.key_size = choice & 64 ? 4 : 16;
	options.max_live = choice >> 2 & 3;
	options.self_pid = choice & 16 ? SUBJECT : 0;
	options.name = choice & 32 || options.on_loss == PEND_LOSS_HAND_OVER ? "heir" : NULL;
	*desk = (struct desk){ .on_loss = options.on_loss,
			       .key_size = options.key_size,
			       .share = options.max_live,
			       .self_pid = options.self_pid,
			       .named = options.name != NULL };
	return options;
}

static void opened(struct desk *desk)
{
	struct pend_session_stats stats = { .size = sizeof(stats) };

	CHECK_INT(pend_session_stats_read(desk->session, &stats), ==, 0);
	desk->number = stats.number;
	desk->open = desk->owned = true;
}

void play_open(void)
{
	struct desk *desk = any_desk(), made, *before;
	struct pend_session_options options;
	struct pend_session *session = NULL;
	int expected = world.starved ? -ENOMEM : 0;

	if (!world.engine || world.depth || desk->owned || desk->waits || desk->live)
		return;
	options = choose_options(&made);
	before = find_heirless(&made);
	if (before)
		expected = before->key_size == made.key_size ? 0 : -EINVAL;
	else
		sweep();
	CHECK_INT(pend_session_open(world.engine, &options, &session), ==, expected);
	if (expected) {
		CHECK(session == NULL);
		return;
	}
	*desk = made;
	desk->session = session;
	if (before)
		inherit(desk, before);
	opened(desk);
}

/* ---- what an orchestrator does ---- */

void play_session_complete(void)
{
	const struct desk *desk = any_desk();
	const uint64_t handle = any_handle();
	const uint32_t action = next_below(&world.in, 6);
	int expected = -ESHUTDOWN;

	if (!desk->session)
		return;
	if (desk->open)
		expected = model_complete(handle, action, (uint32_t)(desk - world.desks) + 1);
	CHECK_INT(pend_session_complete(desk->session, world.map, handle, (enum pend_action)action),
		  ==, expected);
}

void play_notices(void)
{
	struct desk *desk = any_desk();
	const uint32_t count = next_below(&world.in, 5);
	struct pend_notice notices[4];
	uint32_t expected;

	if (!desk->session)
		return;
	expected = count < desk->waiting ? count : desk->waiting;
	CHECK_INT(pend_session_read(desk->session, notices, NULL, count), ==,
		  desk->open ? (int)expected : -ESHUTDOWN);
	for (uint32_t i = 0; i < expected && desk->open; i++) {
		const uint32_t at = desk->first++ % NOTICES_MAX;

		CHECK_U64(notices[i].handle, ==, desk->ring[at]);
		CHECK_U64(notices[i].cookie, ==, desk->cookies[at]);
		CHECK(notices[i].map == world.map);
		CHECK_U64(notices[i].key_size, ==, world.options.key_size);
		desk->waiting--;
	}
}

void play_session_stats(void)
{
	struct pend_session_stats stats = { .size = sizeof(stats) };
	const struct desk *desk = any_desk();

	if (!desk->session)
		return;
	CHECK_INT(pend_session_stats_read(desk->session, &stats), ==, desk->open ? 0 : -ESHUTDOWN);
	if (!desk->open)
		return;
	CHECK_U64(stats.number, ==, desk->number);
	CHECK_U64(stats.live, ==, desk->live);
	CHECK_U64(stats.notices, ==, desk->notices);
	CHECK_U64(stats.waiting, ==, desk->waiting);
	CHECK_U64(stats.refused_full, ==, desk->full);
	CHECK_U64(stats.refused_share, ==, desk->over);
	CHECK_U64(stats.refused_self, ==, desk->self);
}
