/* SPDX-License-Identifier: MIT */
/*
 * session.c - sessions: notices, each read once and heard of; and what becomes of what they own.
 *
 * The ring has room for two notices. Its descriptor is a real one: end() leaves it as it was.
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "tests/model/scenarios/scenarios.h"
#include "tests/model/scenarios/world.h"

static uint32_t read_of[WORLD_HANDLES]; /* notices, by cookie */

static void with_session(void)
{
	world_make(2, WORLD_ENGINE | WORLD_SESSION);
}

static void with_room(void)
{
	world_make(3, WORLD_ENGINE | WORLD_SESSION);
}

static void owned(void)
{
	with_session();
	MODEL_CHECK(world_pend(0, 0, 0, 0) == 0);
}

static void two_owned(void)
{
	with_session();
	MODEL_CHECK(world_pend(0, 0, 0, 0) == 0 && world_pend(1, 0, 0, 0) == 0);
}

static void hear_all(void)
{
	struct pollfd heard = { .fd = pend_session_fd(world.session), .events = POLLIN };
	uint64_t count;

	if (heard.fd >= 0 && poll(&heard, 1, 0) == 1)
		MODEL_CHECK(read(heard.fd, &count, sizeof(count)) == sizeof(count));
}

static bool is_heard(void)
{
	struct pollfd heard = { .fd = pend_session_fd(world.session), .events = POLLIN };

	return poll(&heard, 1, 0) == 1;
}

/* Reads up to @count. */
static int read_some(uint32_t count)
{
	struct pend_notice notices[4];
	const int found = pend_session_read(world.session, notices, NULL, count);

	for (int i = 0; i < found; i++) {
		const uint64_t cookie = notices[i].cookie;

		MODEL_CHECK(cookie < WORLD_HANDLES && ++read_of[cookie] == 1);
		MODEL_CHECK(notices[i].map == world.map);
		model_plain_read(&world.handles[cookie]);
		/* Its pender may not have returned. */
		MODEL_CHECK(!world.handles[cookie] || notices[i].handle == world.handles[cookie]);
	}
	return found;
}

/* ---- notices ---- */

static void read_or_pend(uint32_t number)
{
	if (number == 0)
		world.results[0] = read_some(1);
	else
		world.results[number] = world_pend(number, 0, 0, 0);
}

static void read_all_or_pend(uint32_t number)
{
	if (number == 0)
		while (read_some(1) > 0)
			;
	else
		world.results[number] = world_pend(number, 0, 0, 0);
}

/* What waits is heard of; what was pended was announced, once. */
static void all_noticed(void)
{
	struct pend_session_stats stats = { .size = sizeof(stats) };

	MODEL_CHECK(pend_session_stats_read(world.session, &stats) == 0);
	MODEL_CHECK(!stats.waiting || is_heard());
	MODEL_CHECK(stats.notices == world.pends);
	while (read_some(4) > 0)
		;
	for (uint32_t i = 0; i < model_threads(); i++)
		if (i && world.results[i] == 0 && world.handles[i])
			MODEL_CHECK(read_of[i] == 1);
	MODEL_CHECK(!is_heard());
	world_finish();
}

static void two_read(uint32_t number)
{
	if (number == 2)
		world.results[2] = world_pend(2, 0, 0, 0);
	else
		(void)read_some(2);
}

static void one_inside(void)
{
	with_room();
	MODEL_CHECK(world_pend(0, 0, 0, 0) == 0);
}

static void all_read_once(void)
{
	MODEL_CHECK(world.results[2] == 0);
	while (read_some(4) > 0)
		;
	MODEL_CHECK(read_of[0] == 1 && read_of[2] == 1 && !is_heard());
	world_finish();
}

/* Room for two notices, one waits, and two pend: who is refused leaves no trace. */
static void pend_one(uint32_t number)
{
	world.results[number] = world_pend(number, 0, 0, 0);
}

static void one_fitted(void)
{
	MODEL_CHECK(world_count(2, 0) == 1 && world_count(2, -ENOBUFS) == 1);
	MODEL_CHECK(world_live() == 2 && read_some(4) == 2);
	MODEL_CHECK(world_pend(8, 0, 0, 0) == 0 && read_some(4) == 1);
	hear_all();
	world_finish();
}

static void one_waits(void)
{
	with_room();
	MODEL_CHECK(world_pend(7, 0, 0, 0) == 0);
}

/* ---- owner loss ---- */

static void close_or_complete(uint32_t number)
{
	if (number == 0)
		world.results[0] = pend_session_close(world.session);
	else
		world.results[1] = pend_session_complete(world.session, world.map, world.handles[0],
							 PEND_ACTION_PERMIT_SOFT);
}

static void told_by_the_winner(void)
{
	world_finish();
	MODEL_CHECK(world.results[0] == 0 && world.told_of[0] == 1 && world_live() == 0);
	MODEL_CHECK(world.origin_of[0] ==
		    (world.results[1] == 0 ? PEND_ORIGIN_ORCHESTRATOR : PEND_ORIGIN_OWNER));
}

static void close_or_pend(uint32_t number)
{
	if (number == 0)
		world.results[0] = pend_session_close(world.session);
	else
		world.results[1] = world_pend(1, 0, 0, 0);
}

/* Nobody is left to decide: what was pended is told, at once and not at its deadline. */
static void no_orphan(void)
{
	world_finish();
	MODEL_CHECK(world.results[0] == 0);
	MODEL_CHECK(world.results[1] == 0 || world.results[1] == -ESHUTDOWN);
	MODEL_CHECK(world.told == (world.results[1] == 0) && world_live() == 0);
}

static void close_twice(uint32_t number)
{
	world.results[number] = pend_session_close(world.session);
}

static void closed_once(void)
{
	world_finish();
	MODEL_CHECK(world_count(2, 0) == 1 && world_count(2, -ESHUTDOWN) == 1);
	MODEL_CHECK(world.told_of[0] == 1 && world.told_of[1] == 1);
	MODEL_CHECK(world.origin_of[0] == PEND_ORIGIN_OWNER && world_live() == 0);
}

static void close_or_poll_or_decide(uint32_t number)
{
	if (number == 0)
		world.results[0] = pend_session_close(world.session);
	else if (number == 1)
		world.results[1] = pend_session_complete(world.session, world.map, world.handles[0],
							 PEND_ACTION_BLOCK);
	else
		world_poll(0);
}

static void both_told(void)
{
	world_finish();
	MODEL_CHECK(world.results[0] == 0);
	MODEL_CHECK(world.told_of[0] == 1 && world.told_of[1] == 1 && world_live() == 0);
}

/* Its share is one: one of two penders has it. */
static void one_share(void)
{
	struct pend_session_options options = pend_session_options_default();

	world_make(2, WORLD_ENGINE);
	options.notices = 2;
	options.max_live = 1;
	MODEL_CHECK(pend_session_open(world.engine, &options, &world.session) == 0);
}

static void one_pended(void)
{
	MODEL_CHECK(world_count(2, 0) == 1 && world_count(2, -EDQUOT) == 1);
	MODEL_CHECK(pend_session_complete(world.session, world.map,
					  world.handles[world.results[1] == 0],
					  PEND_ACTION_BLOCK) == 0);
	world_finish();
	MODEL_CHECK(world_pend(8, 0, 0, 0) == 0);
	hear_all();
	world_finish();
}

static const struct model_scenario scenarios[] = {
	{ .name = "session: one pends, one reads",
	  .shows = "SE1 SE2 SE3",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = with_session,
	  .thread = read_all_or_pend,
	  .end = all_noticed },
	{ .name = "session: two pend, one reads",
	  .shows = "SE1 SE2 SE3",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = with_session,
	  .thread = read_or_pend,
	  .end = all_noticed },
	{ .name = "session: one pends, two read",
	  .shows = "SE2 SE3",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_inside,
	  .thread = two_read,
	  .end = all_read_once },
	{ .name = "session: two pend, room for one notice",
	  .shows = "D SE2",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_waits,
	  .thread = pend_one,
	  .end = one_fitted },
	{ .name = "session: two pend, a share of one",
	  .shows = "D",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = one_share,
	  .thread = pend_one,
	  .end = one_pended },
	{ .name = "session: it is closed while it completes",
	  .shows = "A SE4",
	  .threads = 2,
	  .bound = 4,
	  .tso_bound = 3,
	  .begin = owned,
	  .thread = close_or_complete,
	  .end = told_by_the_winner },
	{ .name = "session: it is closed while one pends",
	  .shows = "A SE4 SE5 X13",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = with_session,
	  .thread = close_or_pend,
	  .end = no_orphan },
	{ .name = "session: it is closed twice",
	  .shows = "A SE4",
	  .threads = 2,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = two_owned,
	  .thread = close_twice,
	  .end = closed_once },
	{ .name = "session: it is closed, one completes, one polls",
	  .shows = "A SE4",
	  .threads = 3,
	  .bound = 3,
	  .tso_bound = 2,
	  .begin = two_owned,
	  .thread = close_or_poll_or_decide,
	  .end = both_told },
};

const struct model_group model_session = { "session", scenarios,
					   sizeof(scenarios) / sizeof(scenarios[0]) };
