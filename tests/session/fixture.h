/* SPDX-License-Identifier: MIT */
/*
 * fixture.h - an engine without executors, and a client of it that notes what it is told.
 *
 * The client stands for the maps: a test plays the part of the map with the functions of
 * engine/session/session.h. For Criterion tests and plain ones alike.
 */
#ifndef TESTS_SESSION_FIXTURE_H
#define TESTS_SESSION_FIXTURE_H

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <pendmap/engine.h>
#include <pendmap/session.h>

#include "engine/session/session.h"
#include "engine/shard/client.h"
#include "tests/session/session_oracle.h"
#include "tests/support/check.h"

struct fixture {
	struct pendi_client client;
	struct pend_engine *engine;
	struct oracle_told told;
	void (*inside)(struct fixture *fixture); /* called while the engine serves the client */
	struct pend_session *session;            /* for it */
	int result;                              /* of it */
};

static inline void fixture_serve(struct pendi_client *client, uint32_t slot)
{
	struct fixture *fixture = (struct fixture *)(void *)client;

	(void)slot;
	fixture->inside(fixture);
}

static inline void fixture_prefetch(struct pendi_client *client, uint32_t slot)
{
	(void)client;
	(void)slot;
}

static inline uint32_t fixture_pass(struct pendi_client *client, uint32_t shard,
				    const struct pendi_now *now, uint32_t budget)
{
	(void)client;
	(void)shard;
	(void)now;
	(void)budget;
	return 0;
}

static inline uint32_t fixture_next(struct pendi_client *client, uint32_t shard)
{
	(void)client;
	(void)shard;
	return 0;
}

static inline bool fixture_tend(struct pendi_client *client)
{
	(void)client;
	return false;
}

static inline void fixture_disown(struct pendi_client *client, uint32_t owner, uint32_t action)
{
	oracle_tell(&((struct fixture *)(void *)client)->told, owner, action);
}

static inline void fixture_begin_with(struct fixture *fixture,
				      const struct pend_allocator *allocator)
{
	struct pend_engine_options options = pend_engine_options_default();

	memset(fixture, 0, sizeof(*fixture));
	options.flags = PEND_ENGINE_POLLED;
	options.allocator = allocator;
	CHECK_INT(pend_engine_create(&options, &fixture->engine), ==, 0);
	fixture->client = (struct pendi_client){
		.serve = fixture_serve,
		.prefetch = fixture_prefetch,
		.pass = fixture_pass,
		.next = fixture_next,
		.tend = fixture_tend,
		.disown = fixture_disown,
	};
	CHECK_INT(pendi_engine_join(fixture->engine, &fixture->client), ==, 0);
}

static inline void fixture_begin(struct fixture *fixture)
{
	fixture_begin_with(fixture, NULL);
}

/* All sessions are closed. */
static inline void fixture_end(struct fixture *fixture)
{
	pendi_engine_leave(fixture->engine, &fixture->client);
	CHECK_INT(pend_engine_destroy(fixture->engine), ==, 0);
}

static inline struct pend_session_options fixture_options(enum pend_on_loss on_loss)
{
	struct pend_session_options options = pend_session_options_default();

	options.on_loss = on_loss;
	options.notices = 16;
	options.key_size = 8;
	options.name = on_loss == PEND_LOSS_HAND_OVER ? "heir" : NULL;
	return options;
}

static inline struct pend_session *fixture_open(struct fixture *fixture,
						const struct pend_session_options *options)
{
	struct pend_session *session = NULL;

	CHECK_INT(pend_session_open(fixture->engine, options, &session), ==, 0);
	return session;
}

static inline struct pend_notice fixture_notice(uint64_t handle)
{
	return (struct pend_notice){ .handle = handle,
				     .cookie = ~handle,
				     .program = handle * 3,
				     .time_ns = handle * 5,
				     .home_cpu = (uint32_t)handle,
				     .key_size = sizeof(handle) };
}

/* Pends and tells, as a map does. Returns what commit says. */
static inline uint32_t fixture_pend(struct fixture *fixture, struct pend_session *session,
				    uint64_t handle)
{
	const struct pend_notice notice = fixture_notice(handle);
	struct pendi_ticket ticket;

	CHECK_INT(pendi_session_reserve(session, fixture->engine, 0, &ticket), ==, 0);
	return pendi_session_commit(&ticket, &notice, &handle);
}

/* Whether @fd is readable within @milliseconds. */
static inline bool fixture_readable(int fd, int milliseconds)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, milliseconds) == 1 && (poll_fd.revents & POLLIN);
}

static inline struct pend_session_stats fixture_stats(struct pend_session *session)
{
	struct pend_session_stats stats = { .size = sizeof(stats) };

	CHECK_INT(pend_session_stats_read(session, &stats), ==, 0);
	return stats;
}

/* The two lowest descriptors that are free. */
static inline void fixture_free_descriptors(int free[2])
{
	free[0] = dup(STDOUT_FILENO);
	free[1] = dup(STDOUT_FILENO);
	CHECK_INT(free[0], >=, 0);
	CHECK_INT(free[1], >, free[0]);
	(void)close(free[0]);
	(void)close(free[1]);
}

/* Until the session has ended; a bounded wait for the monitor. */
static inline void fixture_await_loss(struct pend_session *session)
{
	for (int i = 0; i < 10000 && pendi_session_check(session) == 0; i++)
		(void)poll(NULL, 0, 1);
	CHECK_INT(pendi_session_check(session), ==, -ESHUTDOWN);
}

#endif
