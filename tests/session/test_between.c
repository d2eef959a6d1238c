/* SPDX-License-Identifier: MIT */
/*
 * test_between.c - two at the same seat, and the second comes between any two accesses of the first
 * (tests/support/between.h).
 */
#include <criterion/criterion.h>

#include "engine/session/session_internal.h"
#include "tests/session/fixture.h"
#include "tests/support/between.h"

static struct fixture fixture;
static struct pend_session *first;

/* What is settled once in a process is settled: others would wait for it. */
static void begin(void)
{
	fixture_begin(&fixture);
	cr_assert_eq(pend_session_close(fixture_open(&fixture, NULL)), 0);
}

static void end(void)
{
	fixture_end(&fixture);
}

TestSuite(session_between, .init = begin, .fini = end);

static uint64_t live_of(struct pend_session *session)
{
	return fixture_stats(session).live;
}

/* A session that is lost, whose two operations and name wait for an heir. */
static void leave_behind(void)
{
	const struct pend_session_options options = fixture_options(PEND_LOSS_HAND_OVER);

	first = fixture_open(&fixture, &options);
	cr_assert_eq(fixture_pend(&fixture, first, 1), 0);
	cr_assert_eq(fixture_pend(&fixture, first, 2), 0);
	cr_assert_eq(pend_session_close(first), 0);
}

/* The heir sat down, or does so now; nothing is left behind. */
static void end_heir(struct pend_session *heir, uint64_t live)
{
	const uint32_t number = pendi_session_number(heir);

	cr_assert_eq(pendi_session_number(first), number);
	cr_assert_eq(live_of(heir), live);
	while (live--)
		pendi_session_release(fixture.engine, number);
	cr_assert_eq(pend_session_close(heir), 0);
	/* Nobody inherits any more: a new one of no name finds the seat over, or takes another. */
	cr_assert_eq(pend_session_close(fixture_open(&fixture, NULL)), 0);
}

static void *completes_one(void *argument)
{
	(void)argument;
	pendi_session_release(fixture.engine, pendi_session_number(first));
	return NULL;
}

/* What ends while the heir sits down is not inherited; the rest is. */
Test(session_between, an_heir_gets_what_is_left)
{
	const struct pend_session_options options = fixture_options(PEND_LOSS_HAND_OVER);

	for (uint32_t at = 0;; at++) {
		struct pend_session *heir;
		bool acted;

		leave_behind();
		(void)between_begin(at, completes_one, NULL);
		heir = fixture_open(&fixture, &options);
		acted = between_end();
		end_heir(heir, acted ? 1 : 2);
		if (!acted)
			break;
	}
}

static void *loses_it(void *argument)
{
	(void)argument;
	(void)pendi_seat_lose(pendi_seat_of(first), NULL);
	return NULL;
}

/* An heir whose descriptor cannot be watched did not sit down, whatever came between: the next one
 * finds it all. */
Test(session_between, an_heir_that_cannot_stay)
{
	static void *(*const others[])(void *) = { completes_one, loses_it };
	struct pend_session_options wrong = fixture_options(PEND_LOSS_HAND_OVER);
	const struct pend_session_options options = wrong;

	wrong.watch_fd = 123456;
	for (uint32_t i = 0; i < 2; i++)
		for (uint32_t at = 0;; at++) {
			struct pend_session *heir = NULL;
			bool acted;

			leave_behind();
			(void)between_begin(at, others[i], NULL);
			cr_assert_eq(pend_session_open(fixture.engine, &wrong, &heir), -EBADF);
			cr_assert_null(heir);
			acted = between_end();
			heir = fixture_open(&fixture, &options);
			end_heir(heir, acted && i == 0 ? 1 : 2);
			if (!acted)
				break;
		}
}

static struct pend_session *next;
static pthread_mutex_t *const seats_mutex = &pendi_sessions_mutex;

/* Hands over, unless the first is where nobody else may open a session. */
static void *hands_over(void *argument)
{
	const struct pend_session_options options = fixture_options(PEND_LOSS_HAND_OVER);

	(void)argument;
	if (pthread_mutex_trylock(seats_mutex))
		return NULL;
	(void)pthread_mutex_unlock(seats_mutex);
	if (pend_session_close(first) || pend_session_open(fixture.engine, &options, &next))
		abort();
	return NULL;
}

/* A lease of a session is never one of its heir. */
Test(session_between, a_lease_is_not_of_the_heir)
{
	const struct pend_session_options options = fixture_options(PEND_LOSS_HAND_OVER);
	uint32_t too_late = 0;

	for (uint32_t at = 0;; at++) {
		int lease;
		bool acted;

		next = NULL;
		first = fixture_open(&fixture, &options);
		(void)between_begin(at, hands_over, NULL);
		lease = pend_session_lease(first);
		acted = between_end();
		cr_assert(lease >= 0 || (next && lease == -ESHUTDOWN), "%d", lease);
		if (lease >= 0)
			cr_assert_eq(close(lease), 0);
		else
			too_late++;
		if (next) {
			cr_assert_eq(pendi_session_check(next), 0);
			cr_assert_eq(pend_session_close(next), 0);
		} else {
			(void)pend_session_close(first);
		}
		if (!acted)
			break;
	}
	cr_assert_gt(too_late, 1);
}
