/* SPDX-License-Identifier: MIT */
/*
 * test_capture.c - pend_subject_capture() and pend_subject_release(), with each of their answers
 * (F51); nothing is held of what could not be captured (F52).
 */
#include "tests/identity/child.h"

#include <pthread.h>
#include <stddef.h>
#include <sys/resource.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pendmap/identity.h>

static struct child child;
static struct pend_subject untouched, subject;
static uint32_t descriptors;

static void begin(void)
{
	child = child_start();
	memset(&untouched, 0x5a, sizeof(untouched));
	subject = untouched;
	descriptors = open_descriptors();
}

static void end(void)
{
	child_reap(&child);
}

TestSuite(capture, .init = begin, .fini = end, .timeout = 30);

/* It failed as it should: nothing written, nothing left open. */
static void expect_nothing(void)
{
	cr_assert_eq(memcmp(&subject, &untouched, sizeof(subject)), 0);
	cr_assert_eq(open_descriptors(), descriptors);
}

Test(capture, takes_a_picture_and_a_descriptor)
{
	cr_assert_eq(pend_subject_capture(child.pid, &subject), 0);
	cr_assert_eq(subject.pid, child.pid);
	cr_assert_geq(subject.pidfd, 0);
	cr_assert_eq(fcntl(subject.pidfd, F_GETFD), FD_CLOEXEC);
	cr_assert_eq(subject.uid, geteuid());
	cr_assert_eq(subject.gid, getegid());
	cr_assert_neq(subject.start_time, 0);
	cr_assert_neq(subject.executable, 0);
	cr_assert_eq(open_descriptors(), descriptors + 1);
	cr_assert_eq(pend_subject_release(&subject), 0);
	cr_assert_eq(open_descriptors(), descriptors);
}

Test(capture, release_closes_once)
{
	int pidfd;

	cr_assert_eq(pend_subject_capture(child.pid, &subject), 0);
	pidfd = subject.pidfd;
	cr_assert_eq(pend_subject_release(&subject), 0);
	cr_assert_eq(subject.pid, 0);
	cr_assert_eq(subject.pidfd, -1);
	cr_assert_eq(dup2(STDERR_FILENO, pidfd), pidfd);
	cr_assert_eq(pend_subject_release(&subject), 0);
	cr_assert_eq(fcntl(pidfd, F_GETFD), 0, "another's by now");
}

/* A subject that was never captured, all zero, names no descriptor, not even 0. */
Test(capture, release_of_nothing_closes_nothing)
{
	memset(&subject, 0, sizeof(subject));
	cr_assert_eq(pend_subject_release(&subject), 0);
	cr_assert_eq(open_descriptors(), descriptors);
	cr_assert_eq(subject.pidfd, -1);
	/* Nor does one that was only named. */
	subject.pid = child.pid;
	errno = 0;
	cr_assert_eq(pend_subject_release(&subject), 0);
	cr_assert_eq(errno, 0, "no descriptor -1 was closed");
	cr_assert_eq(subject.pid, 0);
}

Test(capture, needs_a_subject_and_a_number)
{
	/* retval: pend_subject_capture -EFAULT */
	cr_assert_eq(pend_subject_capture(child.pid, NULL), -EFAULT);
	/* retval: pend_subject_capture -EINVAL */
	cr_assert_eq(pend_subject_capture(0, &subject), -EINVAL);
	cr_assert_eq(pend_subject_capture(-1, &subject), -EINVAL);
	cr_assert_eq(pend_subject_capture(INT32_MIN, &subject), -EINVAL);
	/* retval: pend_subject_release -EFAULT */
	cr_assert_eq(pend_subject_release(NULL), -EFAULT);
	expect_nothing();
}

Test(capture, who_was_reaped_is_not_there)
{
	const pid_t pid = child.pid;

	child_reap(&child);
	descriptors = open_descriptors();
	/* retval: pend_subject_capture -ESRCH */
	cr_assert_eq(pend_subject_capture(pid, &subject), -ESRCH);
	expect_nothing();
}

/* It has a number and a pidfd can be had of it, but nothing of it runs any more. */
Test(capture, who_exited_is_not_there)
{
	child_kill(&child);
	cr_assert_eq(pend_subject_capture(child.pid, &subject), -ESRCH);
	expect_nothing();
}

static pid_t thread_number;
static pthread_barrier_t barrier;

static void *wait_for_end(void *unused)
{
	thread_number = (pid_t)syscall(SYS_gettid);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return unused;
}

Test(capture, a_thread_is_no_process)
{
	pthread_t thread;

	cr_assert_eq(pthread_barrier_init(&barrier, NULL, 2), 0);
	cr_assert_eq(pthread_create(&thread, NULL, wait_for_end, NULL), 0);
	pthread_barrier_wait(&barrier);
	cr_assert_eq(pend_subject_capture(thread_number, &subject), -ESRCH);
	pthread_barrier_wait(&barrier);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	expect_nothing();
}

/* --- Out of descriptors --- */

/* Takes all descriptors but @left. */
static void leave_descriptors(uint32_t left)
{
	const struct rlimit few = { 64, 64 };
	int last = -1, taken;

	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	while ((taken = dup(STDERR_FILENO)) >= 0)
		last = taken;
	for (uint32_t i = 0; i < left; i++)
		(void)close(last - (int)i);
	descriptors = open_descriptors();
}

Test(capture, needs_a_descriptor)
{
	leave_descriptors(0);
	/* retval: pend_subject_capture -EMFILE */
	cr_assert_eq(pend_subject_capture(child.pid, &subject), -EMFILE);
	expect_nothing();
}

/* The pidfd that it had by then is closed again. */
Test(capture, needs_another_to_look)
{
	leave_descriptors(1);
	cr_assert_eq(pend_subject_capture(child.pid, &subject), -EMFILE);
	expect_nothing();
}

Test(capture, needs_no_more_than_two)
{
	leave_descriptors(2);
	cr_assert_eq(pend_subject_capture(child.pid, &subject), 0);
	cr_assert_eq(open_descriptors(), descriptors + 1);
	cr_assert_eq(pend_subject_release(&subject), 0);
}

/* --- A system that does not show --- */

/* From now on this process gets @error from pidfd_open(). */
static void refuse_pidfds(uint32_t error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		child_skip(&child, "no seccomp filters here");
}

Test(capture, a_kernel_without_pidfds)
{
	refuse_pidfds(ENOSYS);
	/* retval: pend_subject_capture -EACCES */
	cr_assert_eq(pend_subject_capture(child.pid, &subject), -EACCES);
	expect_nothing();
}

Test(capture, a_policy_against_pidfds)
{
	refuse_pidfds(EPERM);
	cr_assert_eq(pend_subject_capture(child.pid, &subject), -EACCES);
	expect_nothing();
}

Test(capture, a_system_without_room_for_files)
{
	refuse_pidfds(ENFILE);
	cr_assert_eq(pend_subject_capture(child.pid, &subject), -EMFILE);
	expect_nothing();
}

Test(capture, a_kernel_without_memory)
{
	refuse_pidfds(ENOMEM);
	cr_assert_eq(pend_subject_capture(child.pid, &subject), -EMFILE);
	expect_nothing();
}
