/* SPDX-License-Identifier: MIT */
/*
 * identity.c - captures processes, and resolves what was captured into a reference or none.
 *
 *	capture   pidfd of the number -> names that number -> picture -> still alive
 *	resolve   own copy of the pidfd -> names that number -> picture, the same -> still alive
 *
 * Invariant: a pidfd that is alive at the end has had its number all the time, so the picture in
 * between is of its process. Every way out that is not 0 has closed what it opened: nothing is held
 * of a process that could not be resolved (F52).
 *
 * No state but what the caller holds; any thread. Progress: a bounded number of system calls.
 */
#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include "engine/identity/identity.h"
#include "platform/process.h"

/* Fills the picture of the process that @subject->pidfd refers to, if its number is @subject->pid.
 * 0; -ESRCH: it is another, or gone; -EBADF: not a pidfd; -EMFILE; -EACCES. */
static int identity_picture(struct pend_subject *subject)
{
	const int number = pendi_process_number(subject->pidfd);
	int result;

	if (number < 0)
		return number;
	if (number != subject->pid)
		return -ESRCH;
	result = pendi_process_look(subject->pid, subject);
	/* After the look, whatever came of it: the number may be another's by now. */
	if (!pendi_process_is_alive(subject->pidfd))
		return -ESRCH;
	return result;
}

/* Two pictures of one process. */
static bool identity_same(const struct pend_subject *a, const struct pend_subject *b)
{
	return a->start_time == b->start_time && a->uid == b->uid && a->gid == b->gid &&
	       a->capabilities == b->capabilities && a->executable == b->executable &&
	       a->executable_device == b->executable_device &&
	       a->user_namespace == b->user_namespace;
}

int pend_subject_capture(int32_t pid, struct pend_subject *subject)
{
	struct pend_subject captured = { .pid = pid };
	int result;

	if (!subject)
		return -EFAULT;
	if (pid < 1)
		return -EINVAL;
	captured.pidfd = pendi_process_open(pid);
	if (captured.pidfd < 0)
		return captured.pidfd;
	result = identity_picture(&captured);
	if (result) {
		(void)close(captured.pidfd);
		return result == -ESRCH || result == -EMFILE ? result : -EACCES;
	}
	*subject = captured;
	return 0;
}

int pend_subject_release(struct pend_subject *subject)
{
	if (!subject)
		return -EFAULT;
	if (subject->pid > 0 && subject->pidfd >= 0)
		(void)close(subject->pidfd);
	subject->pid = 0;
	subject->pidfd = -1;
	return 0;
}

/* --- References --- */

/* Tried, and without one. */
static struct pendi_identity identity_failed(void)
{
	struct pendi_identity failed = pendi_identity_none();

	failed.error = -ENOENT;
	failed.resolved = 1;
	return failed;
}

struct pendi_identity pendi_identity_none(void)
{
	return (struct pendi_identity){ .subject = { .pidfd = -1 } };
}

int pendi_identity_resolve(const struct pend_subject *captured, struct pendi_identity *identity)
{
	struct pend_subject found;

	*identity = identity_failed();
	if (!captured || captured->pid < 1 || captured->pidfd < 0)
		return -ENOENT;
	found = *captured;
	found.pidfd = pendi_process_dup(captured->pidfd);
	if (found.pidfd < 0)
		return -ENOENT;
	if (identity_picture(&found) || !identity_same(&found, captured)) {
		(void)close(found.pidfd);
		return -ENOENT;
	}
	identity->subject = found;
	identity->error = 0;
	return 0;
}

int pendi_identity_copy(const struct pendi_identity *from, struct pendi_identity *to)
{
	struct pendi_identity copy = *from;

	*to = identity_failed();
	if (from->subject.pidfd < 0)
		return -ENOENT;
	copy.subject.pidfd = pendi_process_dup(from->subject.pidfd);
	if (copy.subject.pidfd < 0)
		return -ENOENT;
	*to = copy;
	return 0;
}

bool pendi_identity_release(struct pendi_identity *identity)
{
	const int32_t pidfd = identity->subject.pidfd;

	if (pidfd < 0)
		return false;
	*identity = identity_failed();
	(void)close(pidfd);
	return true;
}
