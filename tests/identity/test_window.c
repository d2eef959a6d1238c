/* SPDX-License-Identifier: MIT */
/*
 * test_window.c - a process that changes while it is being looked at (F51, R4 to R6): this program
 * has its own poll(), stat() and open(), so it can act between any two steps of the library.
 *
 *	capture, resolve:   status   stat(exe) stat(ns/user)   status   poll(pidfd)
 *	                           ^ here                             ^ and here
 */
#include "tests/identity/child.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "engine/identity/identity.h"

static struct child child;
static struct pend_subject subject;
static uint32_t descriptors;

/* What is done at the next call of each, once. */
static void (*before_poll)(void);
static void (*before_stat)(void);
/* Fails the open of a path that ends so. */
static const char *hidden;
static int hidden_error;
static uint32_t interruptions;

static void once(void (**what)(void))
{
	void (*act)(void) = *what;

	*what = NULL;
	if (act)
		act();
}

int poll(struct pollfd *descriptors_of, nfds_t count, int timeout_ms)
{
	const struct timespec most = { timeout_ms / 1000, timeout_ms % 1000 * 1000000l };

	once(&before_poll);
	if (interruptions) {
		interruptions--;
		errno = EINTR;
		return -1;
	}
	return ppoll(descriptors_of, count, timeout_ms < 0 ? NULL : &most, NULL);
}

int stat(const char *path, struct stat *file)
{
	if (strncmp(path, "/proc/", 6) == 0)
		once(&before_stat);
	return fstatat(AT_FDCWD, path, file, 0);
}

static bool ends_with(const char *path, const char *end)
{
	const size_t length = strlen(path), size = strlen(end);

	return length >= size && strcmp(path + length - size, end) == 0;
}

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;

	if (flags & (O_CREAT | O_TMPFILE)) {
		va_list more;

		va_start(more, flags);
		mode = va_arg(more, mode_t);
		va_end(more);
	}
	if (hidden && ends_with(path, hidden)) {
		errno = hidden_error;
		return -1;
	}
	return openat(AT_FDCWD, path, flags, mode);
}

static void reset(void)
{
	before_poll = NULL;
	before_stat = NULL;
	hidden = NULL;
	interruptions = 0;
	child = child_start();
	memset(&subject, 0, sizeof(subject));
	descriptors = open_descriptors();
}

static void end(void)
{
	hidden = NULL;
	child_reap(&child);
}

TestSuite(window, .init = reset, .fini = end, .timeout = 30);

static void die(void)
{
	child_kill(&child);
}

/* The descriptors that its end closes are this program's own. */
static void die_and_be_reaped(void)
{
	child_kill(&child);
	cr_assert_eq(waitpid(child.pid, NULL, 0), child.pid);
}

static void become_another_user(void)
{
	cr_assert(child_tell(&child, CHILD_SET_USER));
}

static void need_root(void)
{
	if (geteuid())
		child_skip(&child, "only root becomes another user");
}

static void capture(void)
{
	cr_assert_eq(pend_subject_capture(child.pid, &subject), 0);
	descriptors = open_descriptors();
}

static void expect_none(void)
{
	struct pendi_identity identity;

	cr_assert_eq(pendi_identity_resolve(&subject, &identity), -ENOENT);
	cr_assert_eq(identity.subject.pidfd, -1);
	cr_assert_eq(open_descriptors(), descriptors);
}

Test(window, R4_it_exits_after_all_was_read)
{
	capture();
	before_poll = die;
	expect_none();
	cr_assert_null(before_poll);
	cr_assert_eq(pend_subject_release(&subject), 0);
}

/* By now the number might be another's, whose picture was read. */
Test(window, R5_it_is_reaped_after_all_was_read)
{
	capture();
	before_poll = die_and_be_reaped;
	expect_none();
	cr_assert_null(before_poll);
	child.pid = 0;
	cr_assert_eq(pend_subject_release(&subject), 0);
}

Test(window, R4_it_exits_while_it_is_looked_at)
{
	capture();
	before_stat = die;
	expect_none();
	cr_assert_null(before_stat);
	cr_assert_eq(pend_subject_release(&subject), 0);
}

Test(window, it_exits_while_it_is_captured)
{
	before_poll = die;
	cr_assert_eq(pend_subject_capture(child.pid, &subject), -ESRCH);
	cr_assert_eq(open_descriptors(), descriptors);
	cr_assert_eq(subject.pid, 0);
}

Test(window, it_is_reaped_while_it_is_captured)
{
	before_stat = die_and_be_reaped;
	cr_assert_eq(pend_subject_capture(child.pid, &subject), -ESRCH);
	cr_assert_eq(open_descriptors(), descriptors);
	child.pid = 0;
}

/* The picture is of one moment: not the old user with what came after. */
Test(window, R6_it_becomes_another_user_while_it_is_captured)
{
	need_root();
	before_stat = become_another_user;
	capture();
	cr_assert_null(before_stat);
	cr_assert_eq(subject.uid, CHILD_ID);
	cr_assert_eq(subject.capabilities, 0);
	cr_assert_eq(pend_subject_release(&subject), 0);
}

Test(window, R6_it_becomes_another_user_while_it_is_resolved)
{
	need_root();
	capture();
	before_stat = become_another_user;
	expect_none();
	cr_assert_null(before_stat);
	cr_assert_eq(pend_subject_release(&subject), 0);
}

Test(window, an_interrupted_look_goes_on)
{
	struct pendi_identity identity;

	capture();
	interruptions = 3;
	cr_assert_eq(pendi_identity_resolve(&subject, &identity), 0);
	cr_assert_eq(interruptions, 0);
	cr_assert(pendi_identity_release(&identity));
	cr_assert_eq(pend_subject_release(&subject), 0);
}

/* --- A /proc that hides things --- */

static void expect_hidden(const char *path, int error, int answer)
{
	capture();
	hidden = path;
	hidden_error = error;
	expect_none();
	cr_assert_eq(pend_subject_release(&subject), 0);
	descriptors = open_descriptors();
	/* retval: pend_subject_capture -EACCES */
	cr_assert_eq(pend_subject_capture(child.pid, &subject), answer, "%d, not -EACCES or so",
		     answer);
	cr_assert_eq(open_descriptors(), descriptors);
	hidden = NULL;
}

Test(window, R6_what_is_hidden_is_not_known)
{
	expect_hidden("/status", ENOENT, -EACCES);
	expect_hidden("/status", EPERM, -EACCES);
	expect_hidden("/stat", ENOENT, -EACCES);
	expect_hidden("/stat", EACCES, -EACCES);
	expect_hidden("/status", ENFILE, -EMFILE);
	expect_hidden("/stat", EMFILE, -EMFILE);
}

/* Without its fdinfo nobody knows whose descriptor it is. */
Test(window, R3_what_nobody_can_tell_is_not_trusted)
{
	char path[64];
	int next;

	capture();
	next = fcntl(subject.pidfd, F_DUPFD_CLOEXEC, 3);
	(void)close(next);
	(void)snprintf(path, sizeof(path), "/fdinfo/%d", next);
	hidden = path;
	hidden_error = ENOENT;
	expect_none();
	hidden = NULL;
	cr_assert_eq(pend_subject_release(&subject), 0);
}
