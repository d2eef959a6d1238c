/* SPDX-License-Identifier: MIT */
/*
 * 04_sessions.c - an orchestrator's session: it is told, it decides, and what happens when it goes.
 *
 * A program that pends names the session whose orchestrator is to decide. The operation then belongs
 * to that session: a notice lies in its ring, its descriptor becomes readable, and nobody else can
 * complete it. When the session is closed, what it still owns is blocked.
 */
#include <pendmap/pendmap.h>
#include <poll.h>
#include <stdio.h>

enum { KEY_SIZE = 8, RING = 16 };

static void on_complete(void *context, const struct pend_operation *operation)
{
	(void)context;
	printf("%s: %s, %s\n", (const char *)operation->key,
	       operation->action == PEND_ACTION_BLOCK ? "blocked" : "permitted",
	       operation->origin == PEND_ORIGIN_OWNER ? "its session went" : "its session decided");
}

static int pend_for(struct pend_session *session, struct pend_map *map, const char key[KEY_SIZE])
{
	const struct pend_request request = {
		.key = key,
		.key_size = KEY_SIZE,
		.session = session,
	};
	uint64_t handle;

	return pend_map_pend(map, &request, &handle);
}

/* Serves every shard until nothing is live. */
static int settle(struct pend_engine *engine, struct pend_map *map)
{
	for (uint32_t polls = 0; pend_map_count(map) > 0; polls++)
		for (uint32_t cpu = 0; pend_engine_poll(engine, cpu, 64) >= 0; cpu++)
			if (polls > 1000000)
				return 1;
	return 0;
}

static int use(struct pend_engine *engine, struct pend_map *map, struct pend_session *session)
{
	static const char first[KEY_SIZE] = "first", second[KEY_SIZE] = "second";
	struct pollfd waits = { .fd = pend_session_fd(session), .events = POLLIN };
	struct pend_notice notices[RING];
	char keys[RING][KEY_SIZE];
	int count;

	if (pend_for(session, map, first) != 0 || pend_for(session, map, second) != 0)
		return 1;
	if (poll(&waits, 1, 0) != 1)
		return 1;
	count = pend_session_read(session, notices, keys, RING);
	printf("%d notices, the first about \"%s\"\n", count, keys[0]);

	/* Not the owner. */
	if (pend_map_complete(map, notices[0].handle, PEND_ACTION_PERMIT_SOFT) >= 0)
		return 1;
	printf("nobody else may decide\n");
	if (pend_session_complete(session, map, notices[0].handle, PEND_ACTION_PERMIT_SOFT) != 0 ||
	    pend_session_close(session) != 0)
		return 1;
	return settle(engine, map);
}

int main(void)
{
	struct pend_engine_options engine_options = pend_engine_options_default();
	struct pend_map_options map_options = pend_map_options_default();
	struct pend_session_options session_options = pend_session_options_default();
	struct pend_engine *engine;
	struct pend_session *session;
	struct pend_map *map;
	int failed;

	engine_options.flags = PEND_ENGINE_POLLED | PEND_ENGINE_UNWATCHED;
	if (pend_engine_create(&engine_options, &engine) != 0)
		return 1;
	map_options.engine = engine;
	map_options.flags = PEND_MAP_ENABLED;
	map_options.key_size = KEY_SIZE;
	map_options.on_complete = on_complete;
	session_options.notices = RING;
	session_options.key_size = KEY_SIZE;
	if (pend_map_create(&map_options, &map) != 0 || pend_engine_enable(engine) != 0 ||
	    pend_session_open(engine, &session_options, &session) != 0)
		return 1;
	failed = use(engine, map, session);
	return pend_map_destroy(map) != 0 || pend_engine_destroy(engine) != 0 || failed;
}
