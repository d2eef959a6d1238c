/* SPDX-License-Identifier: MIT */
/*
 * test_faults.c - /proc files and sockets that answer as they seldom do: interrupted, cut, changed
 * between two looks, of an older kernel.
 *
 * Linked with --wrap: what platform/process.c and platform/peer.c call comes here first.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <pendmap/registry.h>

#include "platform/peer.h"
#include "platform/process.h"
#include "tests/support/wrap.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

#define STATUS(uid, gid, capabilities) \
	"Uid:\t1\t" uid "\t1\t1\nGid:\t1\t" gid "\t1\t1\nCapEff:\t" capabilities "\n"
#define SAME STATUS("1", "1", "0")

/* What a file whose path ends so says, in this order; behind the last it is the real one. */
static const char *path_end;
static const char *const *texts;

static struct fault fails_read, fails_poll, fails_pidfd;

static bool fills_the_buffer;
static pid_t peer_number = -1; /* of SO_PEERCRED, if it is not -1 */
static int peer_error;         /* of SO_PEERPIDFD, if it is not 0 */

WRAPPED(int, open, const char *path, int flags, ...)
{
	const size_t length = strlen(path), end = path_end ? strlen(path_end) : 0;
	int file;

	if (!end || !*texts || length < end || strcmp(path + length - end, path_end) != 0)
		return __real_open(path, flags);
	file = memfd_create("given", MFD_CLOEXEC);
	cr_assert_geq(file, 0);
	cr_assert_eq(write(file, *texts, strlen(*texts)), (ssize_t)strlen(*texts));
	cr_assert_eq(lseek(file, 0, SEEK_SET), 0);
	texts++;
	return file;
}

WRAPPED(ssize_t, read, int file, void *buffer, size_t bytes)
{
	if (strikes(&fails_read))
		return -1;
	if (!fills_the_buffer)
		return __real_read(file, buffer, bytes);
	memset(buffer, ' ', bytes);
	return (ssize_t)bytes;
}

WRAPPED(int, poll, struct pollfd *list, nfds_t count, int timeout_ms)
{
	return strikes(&fails_poll) ? -1 : __real_poll(list, count, timeout_ms);
}

bool answer_syscall(long number, const long given[6], long *result)
{
	(void)given;
	*result = -1;
	return number == SYS_pidfd_open && strikes(&fails_pidfd);
}

WRAPPED(int, getsockopt, int handle, int level, int option, void *value, socklen_t *bytes)
{
	int result;

	if (option == SO_PEERPIDFD && peer_error) {
		errno = peer_error;
		return -1;
	}
	result = __real_getsockopt(handle, level, option, value, bytes);
	if (option == SO_PEERCRED && peer_number != -1)
		((struct ucred *)value)->pid = peer_number;
	return result;
}

static int look(struct pend_subject *subject)
{
	*subject = (struct pend_subject){ .pid = 7, .pidfd = 8, .start_time = 9 };
	return pendi_process_look(getpid(), subject);
}

static void assert_untouched(const struct pend_subject *subject)
{
	cr_assert_eq(subject->pid, 7);
	cr_assert_eq(subject->pidfd, 8);
	cr_assert_eq(subject->start_time, 9);
	cr_assert_eq(subject->executable, 0);
}

/* ---- pidfds ---- */

Test(process_faults, a_thread_is_no_process_says_an_older_kernel)
{
	fails_pidfd.calls = 1;
	fails_pidfd.error = EINVAL;
	cr_assert_eq(pendi_process_open(getpid()), -ESRCH);
	cr_assert_geq(pendi_process_open(getpid()), 0);
}

Test(process_faults, an_interrupted_poll_is_asked_again)
{
	const int pidfd = pendi_process_open(getpid());

	fails_poll.calls = 3;
	fails_poll.error = EINTR;
	cr_assert(pendi_process_is_alive(pidfd));
	cr_assert_eq(fails_poll.calls, 0);
}

Test(process_faults, who_cannot_be_asked_for_is_not_said_to_live)
{
	const int pidfd = pendi_process_open(getpid());

	fails_poll.calls = 1;
	fails_poll.error = ENOMEM;
	cr_assert_not(pendi_process_is_alive(pidfd));
	cr_assert(pendi_process_is_alive(pidfd));
}

Test(process_faults, a_pidfd_of_nobody_has_no_number)
{
	static const char *const given[] = { "pos:\t0\nPid:\t0\n", "Pid:\t-1\n", NULL };
	const int pidfd = pendi_process_open(getpid());
	char path[64];

	cr_assert_eq(pendi_process_number(pidfd), getpid());
	(void)snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", pidfd);
	path_end = path;
	texts = given;
	cr_assert_eq(pendi_process_number(pidfd), -ESRCH);
	cr_assert_eq(pendi_process_number(pidfd), -ESRCH);
	cr_assert_eq(pendi_process_number(pidfd), getpid());
}

/* ---- files ---- */

Test(process_faults, an_interrupted_read_goes_on)
{
	struct pend_subject subject;

	fails_read.calls = 5;
	fails_read.error = EINTR;
	cr_assert_eq(look(&subject), 0);
	cr_assert_eq(fails_read.calls, 0);
	cr_assert_eq(subject.uid, geteuid());
}

/* The stat, the status, the status again: whichever cannot be read. */
Test(process_faults, a_read_that_fails_is_no_look)
{
	for (int at = 0; at < 8; at++) {
		struct pend_subject subject;
		int result;

		fails_read.after = at;
		fails_read.calls = 1;
		fails_read.error = EIO;
		result = look(&subject);
		if (fails_read.calls == 0) {
			cr_assert_eq(result, -EACCES, "read %d", at);
			assert_untouched(&subject);
		} else {
			cr_assert_gt(at, 3);
			cr_assert_eq(result, 0);
		}
	}
}

Test(process_faults, a_status_that_breaks_off_within_a_line_is_none)
{
	struct pend_subject subject = { .uid = 77 };
	const int file = memfd_create("status", MFD_CLOEXEC);

	cr_assert_eq(write(file, "Uid:\t1\t2", 8), 8);
	cr_assert_eq(lseek(file, 0, SEEK_SET), 0);
	fails_read.after = 1;
	fails_read.calls = 1;
	fails_read.error = EIO;
	cr_assert_eq(pendi_process_read_status(file, &subject), -EIO);
	cr_assert_eq(subject.uid, 77);
	(void)close(file);
}

Test(process_faults, a_status_with_a_broken_line_is_none)
{
	static const char *const given[] = { STATUS("1", "x", "0"), "Uid:\tx\n", "Gid:\t\n", NULL };

	path_end = "/status";
	for (texts = given; *texts;) {
		struct pend_subject subject;

		cr_assert_eq(look(&subject), -EACCES);
		assert_untouched(&subject);
	}
}

Test(process_faults, a_stat_without_a_start_time_is_none)
{
	static const char *const given[] = { "12 (cat) S 1 2 3\n", "", NULL };

	path_end = "/stat";
	for (texts = given; *texts;) {
		struct pend_subject subject;

		cr_assert_eq(look(&subject), -EACCES);
		assert_untouched(&subject);
	}
}

Test(process_faults, a_stat_longer_than_any_is_read_so_far_and_no_further)
{
	struct pend_subject subject;

	fills_the_buffer = true;
	cr_assert_eq(look(&subject), -EACCES);
	assert_untouched(&subject);
}

/* An exec between the two: which of the three it changed does not matter. */
Test(process_faults, a_process_that_changes_is_looked_at_again)
{
	static const char *const given[] = {
		SAME, STATUS("2", "1", "0"), SAME, STATUS("1", "2", "0"), SAME, SAME, NULL
	};
	struct pend_subject subject;

	path_end = "/status";
	texts = given;
	cr_assert_eq(look(&subject), 0);
	cr_assert_null(*texts);
	cr_assert_eq(subject.uid, 1);
	cr_assert_eq(subject.gid, 1);
	cr_assert_eq(subject.capabilities, 0);
}

Test(process_faults, a_process_that_never_rests_is_given_up)
{
	static const char *const given[] = { SAME, STATUS("1", "1", "1"),
					     SAME, STATUS("1", "1", "2"),
					     SAME, STATUS("1", "1", "3"),
					     NULL };
	struct pend_subject subject;

	path_end = "/status";
	texts = given;
	cr_assert_eq(look(&subject), -EACCES);
	cr_assert_null(*texts, "three looks");
	assert_untouched(&subject);
}

/* ---- peers ---- */

Test(peer_faults, what_the_kernel_says_is_passed_on)
{
	static const struct {
		pid_t number;
		int error, result;
	} rows[] = {
		{ 0, 0, -EACCES }, /* of another namespace */
		{ -1, EMFILE, -EMFILE }, { -1, ENFILE, -EMFILE },
		{ -1, ESRCH, -ESRCH },   { -1, EINVAL, -ESRCH }, /* it has exited */
	};
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		peer_number = rows[i].number;
		peer_error = rows[i].error;
		cr_assert_eq(pendi_peer_open(pair[0]), rows[i].result, "row %zu", i);
	}
}

/* It gives the number only, and the process of that number is opened. */
Test(peer_faults, a_kernel_that_gives_no_pidfd_gives_a_number)
{
	int pair[2], pidfd;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	peer_error = ENOPROTOOPT;
	pidfd = pendi_peer_open(pair[0]);
	cr_assert_geq(pidfd, 0);
	cr_assert_eq(pendi_process_number(pidfd), getpid());
	peer_number = 0x7ffffffe; /* above what the kernel ever gives */
	cr_assert_eq(pendi_peer_open(pair[0]), -ESRCH);
}

/* The peer lives, and cannot be looked at: neither can its namespace. */
Test(peer_faults, a_peer_that_cannot_be_read_has_no_namespace)
{
	const struct pend_namespace untouched = { .user_inode = 11, .label = 12 };
	uint32_t failed = 0;
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (int at = 0; at < 12; at++) {
		struct pend_namespace name_space = untouched;
		int result;

		fails_read.after = at;
		fails_read.calls = 1;
		fails_read.error = EIO;
		result = pend_namespace_of_peer(pair[0], 5, &name_space);
		if (fails_read.calls) {
			cr_assert_eq(result, 0, "it has not read so often");
			break;
		}
		failed++;
		cr_assert_neq(result, 0, "read %d", at);
		cr_assert_eq(memcmp(&name_space, &untouched, sizeof(untouched)), 0);
	}
	cr_assert_gt(failed, 2);
}
