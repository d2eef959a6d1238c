/* SPDX-License-Identifier: MIT */
/*
 * child.h - real processes that do as they are told, for tests of identity.
 *
 *	test  -- one byte: what to do -->  child
 *	test  <-- 'k' done, 'f' failed --  child      end of file: it became another program
 *
 * A child is killed when its test ends, however that ends. No wait is longer than CHILD_WAIT_MS.
 */
#ifndef TESTS_IDENTITY_CHILD_H
#define TESTS_IDENTITY_CHILD_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <linux/capability.h>

#define CHILD_WAIT_MS 10000
#define CHILD_ID 65534u /* nobody, whom every system has */

enum child_order {
	CHILD_SET_USER = 'u',
	CHILD_SET_GROUP = 'g',
	CHILD_DROP_CAPABILITIES = 'c',
	CHILD_EXEC = 'x',
	CHILD_NEW_USER_NAMESPACE = 'n',
	CHILD_NASTY_NAME = 'b',
};

struct child {
	pid_t pid;
	int orders, answers;
};

static inline int child_drop_capabilities(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[2] = { { 0, 0, 0 }, { 0, 0, 0 } };

	return (int)syscall(SYS_capset, &header, none);
}

static inline int child_obey(int order)
{
	switch (order) {
	case CHILD_SET_USER:
		return (int)syscall(SYS_setresuid, CHILD_ID, CHILD_ID, CHILD_ID);
	case CHILD_SET_GROUP:
		return (int)syscall(SYS_setresgid, -1, CHILD_ID, -1);
	case CHILD_DROP_CAPABILITIES:
		return child_drop_capabilities();
	case CHILD_EXEC: /* it waits for the end of its input, which is that of the orders */
		return execl("/bin/cat", "cat", (char *)NULL);
	case CHILD_NEW_USER_NAMESPACE:
		return unshare(CLONE_NEWUSER);
	case CHILD_NASTY_NAME:
		return prctl(PR_SET_NAME, "a) R 7 (\nUid:\t9");
	default:
		return -1;
	}
}

static inline _Noreturn void child_run(int orders, int answers)
{
	char order;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(orders, STDIN_FILENO) != STDIN_FILENO)
		_exit(1);
	while (read(STDIN_FILENO, &order, 1) == 1) {
		const char answer = child_obey(order) ? 'f' : 'k';

		if (write(answers, &answer, 1) != 1)
			break;
	}
	_exit(0);
}

static inline struct child child_start(void)
{
	int orders[2], answers[2];
	struct child child;

	cr_assert_eq(pipe2(orders, O_CLOEXEC), 0);
	cr_assert_eq(pipe2(answers, O_CLOEXEC), 0);
	child = (struct child){ fork(), orders[1], answers[0] };
	cr_assert_geq(child.pid, 0);
	if (!child.pid) {
		(void)close(orders[1]);
		child_run(orders[0], answers[1]);
	}
	(void)close(orders[0]);
	(void)close(answers[1]);
	return child;
}

/* Whether it did. */
static inline bool child_tell(const struct child *child, enum child_order order)
{
	const struct timespec most = { CHILD_WAIT_MS / 1000, 0 };
	struct pollfd wait = { child->answers, POLLIN, 0 };
	const char byte = (char)order;
	char answer = 0;
	ssize_t got;

	cr_assert_eq(write(child->orders, &byte, 1), 1);
	cr_assert_eq(ppoll(&wait, 1, &most, NULL), 1, "the child does not answer");
	got = read(child->answers, &answer, 1);
	return got == 0 ? order == CHILD_EXEC : answer == 'k';
}

/* Dead, but not reaped: its number is still taken. */
static inline void child_kill(const struct child *child)
{
	siginfo_t ended;

	cr_assert_eq(kill(child->pid, SIGKILL), 0);
	cr_assert_eq(waitid(P_PID, (id_t)child->pid, &ended, WEXITED | WNOWAIT), 0);
}

static inline void child_reap(struct child *child)
{
	if (!child->pid)
		return;
	(void)kill(child->pid, SIGKILL);
	cr_assert_eq(waitpid(child->pid, NULL, 0), child->pid);
	(void)close(child->orders);
	(void)close(child->answers);
	child->pid = 0;
}

/* A skipped test does not come to its end: its child is reaped here. */
static inline void child_skip(struct child *child, const char *why)
{
	child_reap(child);
	cr_skip_test("%s", why);
}

/* How many descriptors are open. */
static inline uint32_t open_descriptors(void)
{
	uint32_t count = 0;

	for (int descriptor = 0; descriptor < 512; descriptor++)
		count += fcntl(descriptor, F_GETFD) >= 0;
	return count;
}

#endif
