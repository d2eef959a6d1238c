/* SPDX-License-Identifier: MIT */
/*
 * test_faults.c - sessions to which the system refuses watches and descriptors.
 *
 * Linked with --wrap: what the library calls comes here first, and goes on to the real thing unless
 * the test has said that it fails.
 */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdarg.h>
#include <sys/epoll.h>

#include "engine/session/session_internal.h"
#include "tests/session/fixture.h"
#include "tests/support/wrap.h"

static int add_error, open_error;
static void (*before_seats_lock)(void); /* called once */

WRAPPED(int, pthread_mutex_lock, pthread_mutex_t *mutex)
{
	void (*const act)(void) = before_seats_lock;

	if (mutex == &pendi_sessions_mutex && act) {
		before_seats_lock = NULL;
		act();
	}
	return __real_pthread_mutex_lock(mutex);
}

WRAPPED(int, epoll_ctl, int epoll, int operation, int handle, struct epoll_event *event)
{
	if (operation == EPOLL_CTL_ADD && add_error) {
		errno = add_error;
		return -1;
	}
	return __real_epoll_ctl(epoll, operation, handle, event);
}

WRAPPED(int, open, const char *path, int flags, ...)
{
	va_list more;
	mode_t mode = 0;

	if (open_error && strncmp(path, "/proc/self/fd/", 14) == 0) {
		errno = open_error;
		return -1;
	}
	if (flags & O_CREAT) {
		va_start(more, flags);
		mode = va_arg(more, mode_t);
		va_end(more);
	}
	return __real_open(path, flags, mode);
}

static uint32_t descriptors(void)
{
	uint32_t count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* A lease that cannot be watched is none, and leaves nothing. */
Test(session_faults, a_lease_that_cannot_be_watched)
{
	struct fixture fixture;
	struct pend_session *session;
	uint32_t before;
	int lease;

	fixture_begin(&fixture);
	session = fixture_open(&fixture, NULL);
	before = descriptors();
	add_error = ENOSPC;
	cr_assert_eq(pend_session_lease(session), -ENOSPC);
	add_error = 0;
	cr_assert_eq(descriptors(), before);
	cr_assert_eq(pendi_session_check(session), 0);
	lease = pend_session_lease(session);
	cr_assert_geq(lease, 0, "the next one is the first");
	cr_assert_eq(close(lease), 0);
	fixture_await_loss(session);
	cr_assert_eq(pend_session_close(session), -ESHUTDOWN);
	fixture_end(&fixture);
}

static struct pend_session *handed_over, *heir;

static void hand_over(void)
{
	const struct pend_session_options options = fixture_options(PEND_LOSS_HAND_OVER);

	cr_assert_eq(pend_session_close(handed_over), 0);
	cr_assert_eq(pend_session_open(pendi_seat_of(handed_over)->engine, &options, &heir), 0);
}

/* The session was open when it asked, and its heir sits there when the lease would be made. */
Test(session_faults, a_lease_is_not_of_the_heir)
{
	const struct pend_session_options options = fixture_options(PEND_LOSS_HAND_OVER);
	struct fixture fixture;
	uint32_t before;

	fixture_begin(&fixture);
	handed_over = fixture_open(&fixture, &options);
	before = descriptors();
	before_seats_lock = hand_over;
	cr_assert_eq(pend_session_lease(handed_over), -ESHUTDOWN);
	cr_assert_eq(descriptors(), before);
	cr_assert_eq(pendi_session_number(heir), pendi_session_number(handed_over));
	cr_assert_eq(pendi_session_check(heir), 0);
	cr_assert_eq(pend_session_close(heir), 0);
	fixture_end(&fixture);
}

/* A second lease needs /proc; what else is wrong with opening is said as it is. */
Test(session_faults, a_second_lease_that_cannot_be_opened)
{
	static const struct {
		int error, result;
	} cases[] = { { ENOENT, -EOPNOTSUPP },
		      { ENOTDIR, -EOPNOTSUPP },
		      { EMFILE, -EMFILE },
		      { EACCES, -EACCES } };
	struct fixture fixture;
	struct pend_session *session;
	int lease;

	fixture_begin(&fixture);
	session = fixture_open(&fixture, NULL);
	lease = pend_session_lease(session);
	cr_assert_geq(lease, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		open_error = cases[i].error;
		cr_assert_eq(pend_session_lease(session), cases[i].result);
	}
	open_error = 0;
	cr_assert_eq(pendi_session_check(session), 0);
	cr_assert_eq(close(lease), 0);
	fixture_await_loss(session);
	cr_assert_eq(pend_session_close(session), -ESHUTDOWN);
	fixture_end(&fixture);
}
