/* SPDX-License-Identifier: MIT */
/*
 * test_fork.c - what the child of a fork has of its parent: nothing that it could use, and its own as
 * soon as it makes it. The parent notices nothing.
 *
 * A child says by its exit status how many of its wishes were not answered as they should.
 */
#include <criterion/criterion.h>

#include <sys/wait.h>

#include <pendmap/continuation.h>
#include <pendmap/pendmap.h>

#include "tests/session/fixture.h"

#define CHILD_SECONDS 20u

static struct {
	struct fixture fixture, other;
	struct pend_session *session, *second, *of_other;
	struct pend_map *map;
	struct pend_continuation *notes;
	uint64_t handle;
} parent;

static int make_map(struct pend_map **map)
{
	struct pend_map_options options = pend_map_options_default();

	options.max_entries = 4;
	return pend_map_create(&options, map);
}

static int make_notes(struct pend_continuation **notes)
{
	struct pend_continuation_options options = pend_continuation_options_default();

	options.max_entries = 4;
	options.key_size = options.value_size = 8;
	return pend_continuation_create(&options, notes);
}

static void begin(void)
{
	const struct pend_request request = { .cookie = 1 };

	fixture_begin(&parent.fixture);
	fixture_begin(&parent.other);
	parent.session = fixture_open(&parent.fixture, NULL);
	parent.second = fixture_open(&parent.fixture, NULL);
	parent.of_other = fixture_open(&parent.other, NULL);
	cr_assert_eq(make_map(&parent.map), 0);
	cr_assert_eq(make_notes(&parent.notes), 0);
	cr_assert_eq(pend_map_pend(parent.map, &request, &parent.handle), 0);
}

/* The parent has all that it had. The older engine ends first: its sessions are not the first found. */
static void end(void)
{
	struct pend_notice notice;

	cr_assert_eq(fixture_pend(&parent.fixture, parent.session, 7), 0);
	cr_assert_eq(pend_session_read(parent.session, &notice, NULL, 1), 1);
	cr_assert_eq(pend_map_complete(parent.map, parent.handle, PEND_ACTION_BLOCK), 0);
	cr_assert_eq(pend_map_destroy(parent.map), 0);
	cr_assert_eq(pend_continuation_destroy(parent.notes), 0);
	pendi_session_release(parent.fixture.engine, 1);
	cr_assert_eq(pend_session_close(parent.session), 0);
	cr_assert_eq(pend_session_close(parent.second), 0);
	cr_assert_eq(pend_session_close(parent.of_other), 0);
	fixture_end(&parent.fixture);
	fixture_end(&parent.other);
}

TestSuite(session_fork, .init = begin, .fini = end);

/* What @body returns in a child of its own. */
static int in_child(int (*body)(void))
{
	const pid_t child = fork();
	int status = -1;

	if (child == 0) {
		(void)alarm(CHILD_SECONDS);
		_exit(body());
	}
	cr_assert_gt(child, 0);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status), "it was ended");
	return WEXITSTATUS(status);
}

/* How many calls on what the parent has are not told that it is gone. */
static int ask_for_all(void)
{
	const struct pend_request request = { .cookie = 2 };
	struct pend_notice notice;
	struct pend_session *opened;
	uint64_t handle;
	const int results[] = {
		pend_map_pend(parent.map, &request, &handle),
		pend_map_complete(parent.map, parent.handle, PEND_ACTION_BLOCK),
		pend_map_disable(parent.map, PEND_WAIT_FOREVER),
		pend_map_destroy(parent.map),
		pend_continuation_count(parent.notes),
		pend_continuation_destroy(parent.notes),
		pend_session_fd(parent.session),
		pend_session_lease(parent.second),
		pend_session_read(parent.of_other, &notice, NULL, 1),
		pend_session_close(parent.session),
		pend_session_close(parent.second),
		pend_session_close(parent.of_other),
		pend_session_open(parent.fixture.engine, NULL, &opened),
		pend_engine_disable(parent.fixture.engine, PEND_WAIT_FOREVER),
		pend_engine_destroy(parent.fixture.engine),
		pend_engine_destroy(parent.other.engine),
	};
	int accepted = 0;

	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		accepted += results[i] != -ESHUTDOWN;
	return accepted;
}

Test(session_fork, a_child_has_nothing_of_its_parent)
{
	cr_assert_eq(in_child(ask_for_all), 0);
	cr_assert_eq(pendi_session_check(parent.session), 0);
}

/* Which of the steps went wrong; 0: none. */
static int make_own(void)
{
	struct pend_engine_options options = pend_engine_options_default();
	const struct pend_request request = { .cookie = 3 };
	struct pend_continuation *notes;
	struct pend_session *session;
	struct pend_engine *engine;
	struct pend_map *map;
	uint64_t handle;

	options.flags = PEND_ENGINE_POLLED;
	if (make_map(&map) || make_notes(&notes))
		return 1;
	if (map == parent.map || notes == parent.notes)
		return 2;
	if (pend_map_pend(map, &request, &handle) ||
	    pend_map_complete(map, handle, PEND_ACTION_BLOCK))
		return 3;
	if (pend_engine_create(&options, &engine) || pend_session_open(engine, NULL, &session))
		return 4;
	if (pend_session_close(session) || pend_engine_destroy(engine))
		return 5;
	if (pend_map_destroy(map) || pend_continuation_destroy(notes))
		return 6;
	return ask_for_all() ? 7 : 0;
}

Test(session_fork, a_child_has_its_own)
{
	cr_assert_eq(in_child(make_own), 0);
}

/* And so does the child's child, which is not told of what the child has either. */
static struct pend_map *of_child;

static int ask_for_the_childs(void)
{
	return pend_map_count(of_child) != -ESHUTDOWN;
}

static int be_parent(void)
{
	if (make_map(&of_child))
		return 1;
	if (in_child(ask_for_the_childs) || in_child(ask_for_all))
		return 2;
	return pend_map_count(of_child) == 0 && pend_map_destroy(of_child) == 0 ? 0 : 3;
}

Test(session_fork, a_childs_child)
{
	cr_assert_eq(in_child(be_parent), 0);
}

/* ---- engines that end in another order than they were made ---- */

static struct fixture engines[3];
static struct pend_session *sessions[3];

static int count_open(void)
{
	int open = 0;

	for (uint32_t i = 1; i < 3; i++)
		open += pendi_session_check(sessions[i]) == 0;
	return open;
}

Test(session_fork_order, those_that_are_left_are_known)
{
	for (uint32_t i = 0; i < 3; i++) {
		fixture_begin(&engines[i]);
		sessions[i] = fixture_open(&engines[i], NULL);
	}
	cr_assert_eq(pend_session_close(sessions[0]), 0);
	fixture_end(&engines[0]);
	cr_assert_eq(in_child(count_open), 0);
	cr_assert_eq(count_open(), 2);
	for (uint32_t i = 1; i < 3; i++) {
		cr_assert_eq(pend_session_close(sessions[i]), 0);
		fixture_end(&engines[i]);
	}
}
