/* SPDX-License-Identifier: MIT */
/*
 * test_name_space.c - the namespace of a socket's peer (F66), and how it is found (platform/peer.h).
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

static const struct pend_namespace untouched = { .user_inode = 11, .label = 12 };

/* Refused with @error, and the caller's struct is as it was. */
static void refuse_peer(int socket, int error)
{
	struct pend_namespace name_space = untouched;

	cr_assert_eq(pend_namespace_of_peer(socket, 5, &name_space), error);
	cr_assert_eq(memcmp(&name_space, &untouched, sizeof(untouched)), 0);
}

static ino_t own_inode(void)
{
	struct stat status;

	cr_assert_eq(stat("/proc/self/ns/user", &status), 0);
	return status.st_ino;
}

Test(name_space, of_a_peer_in_our_own)
{
	struct pend_namespace name_space = untouched;
	int pair[2], lowest;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	cr_assert_eq(pend_namespace_of_peer(pair[0], 5, &name_space), 0);
	cr_assert_eq(name_space.user_inode, own_inode());
	cr_assert_eq(name_space.label, 5);
	/* Nothing is left open. */
	lowest = dup(pair[0]);
	close(lowest);
	for (uint32_t i = 0; i < 10; i++)
		cr_assert_eq(pend_namespace_of_peer(pair[0], 5, &name_space), 0);
	cr_assert_eq(dup(pair[1]), lowest);
	close(lowest);
	/* retval: pend_namespace_of_peer -EFAULT */
	cr_assert_eq(pend_namespace_of_peer(pair[0], 5, NULL), -EFAULT);
	close(pair[0]);
	close(pair[1]);
}

Test(name_space, of_what_is_no_connected_unix_socket)
{
	const int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const int alone = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int internet = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int datagram = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un any = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(any);

	/* retval: pend_namespace_of_peer -EBADF */
	refuse_peer(-1, -EBADF);
	/* retval: pend_namespace_of_peer -ENOTSOCK */
	refuse_peer(file, -ENOTSOCK);
	/* retval: pend_namespace_of_peer -EOPNOTSUPP */
	refuse_peer(alone, -EOPNOTSUPP);
	refuse_peer(internet, -EOPNOTSUPP);
	/* A listening socket knows who made it, which is no peer. */
	cr_assert_eq(bind(listening, (struct sockaddr *)&any, sizeof(any.sun_family)), 0);
	cr_assert_eq(listen(listening, 1), 0);
	refuse_peer(listening, -EOPNOTSUPP);
	/* A datagram socket that was connected knows an address, and no process. */
	cr_assert_eq(bind(datagram, (struct sockaddr *)&any, sizeof(any.sun_family)), 0);
	cr_assert_eq(getsockname(datagram, (struct sockaddr *)&any, &size), 0);
	cr_assert_eq(connect(datagram, (struct sockaddr *)&any, size), 0);
	refuse_peer(datagram, -EOPNOTSUPP);
	close(datagram);
	close(file);
	close(alone);
	close(internet);
	close(listening);
}

/* A child process, connected to @listening, that lives until `end` is closed. */
struct child {
	pid_t pid;
	int end;
	int peer; /* our end of its connection */
};

enum child_trait { CHILD_PLAIN, CHILD_NEW_NAMESPACE, CHILD_HIDDEN };

static void child_run(const struct sockaddr_un *address, socklen_t size, int wait,
		      enum child_trait trait)
{
	const int connection = socket(AF_UNIX, SOCK_STREAM, 0);
	char nothing;

	if (trait == CHILD_NEW_NAMESPACE && unshare(CLONE_NEWUSER))
		_exit(1);
	if (trait == CHILD_HIDDEN && prctl(PR_SET_DUMPABLE, 0))
		_exit(1);
	if (connect(connection, (const struct sockaddr *)address, size))
		_exit(2);
	(void)!read(wait, &nothing, 1);
	_exit(0);
}

/* False: the machine has no new user namespaces for us. */
static bool child_begin(struct child *child, enum child_trait trait)
{
	const int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(address);
	int wait[2];

	cr_assert_eq(bind(listening, (struct sockaddr *)&address, sizeof(address.sun_family)), 0);
	cr_assert_eq(getsockname(listening, (struct sockaddr *)&address, &size), 0);
	cr_assert_eq(listen(listening, 1), 0);
	cr_assert_eq(pipe(wait), 0);
	child->pid = fork();
	cr_assert_geq(child->pid, 0);
	if (child->pid == 0) {
		close(wait[1]);
		close(listening); /* so that a child that fails wakes nobody who accepts */
		child_run(&address, size, wait[0], trait);
	}
	close(wait[0]);
	child->end = wait[1];
	/* It connects or exits: either ends a bounded wait. */
	for (uint32_t i = 0; i < 1000; i++) {
		struct timeval limit = { .tv_usec = 10000 };
		int status;

		setsockopt(listening, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		child->peer = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
		if (child->peer >= 0)
			break;
		if (waitpid(child->pid, &status, WNOHANG) == child->pid) {
			close(listening);
			close(child->end);
			return false;
		}
	}
	close(listening);
	cr_assert_geq(child->peer, 0);
	return true;
}

static void child_end(struct child *child)
{
	int status;

	close(child->end);
	cr_assert_eq(waitpid(child->pid, &status, 0), child->pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

Test(name_space, of_another_process, .timeout = 60)
{
	struct pend_namespace name_space = untouched;
	struct child child;

	cr_assert(child_begin(&child, CHILD_PLAIN));
	cr_assert_eq(pend_namespace_of_peer(child.peer, 9, &name_space), 0);
	cr_assert_eq(name_space.user_inode, own_inode());
	cr_assert_eq(name_space.label, 9);
	child_end(&child);
	/* retval: pend_namespace_of_peer -ESRCH */
	refuse_peer(child.peer, -ESRCH);
	close(child.peer);
}

/* It has ended, and its number is not free yet. */
Test(name_space, of_a_process_that_has_ended, .timeout = 60)
{
	struct child child;
	siginfo_t how;

	cr_assert(child_begin(&child, CHILD_PLAIN));
	close(child.end);
	cr_assert_eq(waitid(P_PID, (id_t)child.pid, &how, WEXITED | WNOWAIT), 0);
	refuse_peer(child.peer, -ESRCH);
	cr_assert_eq(waitpid(child.pid, NULL, 0), child.pid);
	close(child.peer);
}

Test(name_space, of_a_process_in_another, .timeout = 60)
{
	struct pend_namespace name_space = untouched;
	struct child child;

	if (!child_begin(&child, CHILD_NEW_NAMESPACE))
		cr_skip_test("no new user namespaces here");
	cr_assert_eq(pend_namespace_of_peer(child.peer, 9, &name_space), 0);
	cr_assert_neq(name_space.user_inode, own_inode());
	child_end(&child);
	close(child.peer);
}

/* Who may not look into the peer does not learn where it is. */
Test(name_space, of_a_process_that_may_not_be_seen, .timeout = 60)
{
	const bool is_root = geteuid() == 0;
	struct child child;

	cr_assert(child_begin(&child, CHILD_HIDDEN));
	if (is_root)
		cr_assert_eq(setresuid(65534, 65534, 0), 0);
	/* retval: pend_namespace_of_peer -EACCES */
	refuse_peer(child.peer, -EACCES);
	if (is_root)
		cr_assert_eq(setresuid(0, 0, 0), 0);
	child_end(&child);
	close(child.peer);
}

Test(name_space, without_a_descriptor_to_spare)
{
	struct rlimit before, none;
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	/* retval: pend_namespace_of_peer -EMFILE */
	refuse_peer(pair[0], -EMFILE);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	close(pair[0]);
	close(pair[1]);
}
