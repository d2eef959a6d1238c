/* SPDX-License-Identifier: MIT */
/*
 * lease.c - how the engine learns that an orchestrator is gone (OP-12): leases, killed holders,
 * watched descriptors. Plain, for there is a monitor thread and there are child processes; all
 * waits are bounded.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/session/fixture.h"

/* A process that holds what it inherits but @closed, until it is killed. */
static pid_t holder(int closed)
{
	const pid_t child = fork();

	CHECK_INT(child, >=, 0);
	if (child == 0) {
		(void)close(closed);
		for (;;)
			(void)pause();
	}
	return child;
}

static void kill_and_reap(pid_t child)
{
	int status;

	CHECK_INT(kill(child, SIGKILL), ==, 0);
	CHECK_INT(waitpid(child, &status, 0), ==, child);
	CHECK(WIFSIGNALED(status));
}

static uint32_t descriptors(void)
{
	uint32_t count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* Lost, and not before: the monitor has had its chance. */
static void check_not_lost(struct pend_session *session)
{
	(void)poll(NULL, 0, 20);
	CHECK_INT(pendi_session_check(session), ==, 0);
}

static void lease_of_one_process(void)
{
	const struct pend_session_options options = fixture_options(PEND_LOSS_BLOCK);
	struct fixture fixture;
	struct pend_session *session;
	int lease, copy, second;

	fixture_begin(&fixture);
	session = fixture_open(&fixture, &options);
	CHECK_INT(fixture_pend(&fixture, session, 1), ==, 0);
	lease = pend_session_lease(session);
	CHECK_INT(lease, >=, 0);
	CHECK_INT(fcntl(lease, F_GETFD), ==, FD_CLOEXEC);
	copy = dup(lease);
	second = pend_session_lease(session);
	CHECK_INT(second, >=, 0);
	CHECK_INT(fcntl(second, F_GETFD), ==, FD_CLOEXEC);
	close(lease);
	check_not_lost(session);
	close(copy);
	check_not_lost(session);
	CHECK_U64(oracle_told_calls(&fixture.told), ==, 0);
	close(second);
	fixture_await_loss(session);
	for (int i = 0; i < 10000 && !oracle_told_calls(&fixture.told); i++)
		(void)poll(NULL, 0, 1);
	CHECK_U64(oracle_told_calls(&fixture.told), ==, 1);
	CHECK_U64(oracle_told_owner(&fixture.told), ==, 1);
	CHECK_U64(oracle_told_action(&fixture.told), ==, PEND_ACTION_BLOCK);
	/* retval: pend_session_lease -ESHUTDOWN */
	CHECK_INT(pend_session_lease(session), ==, -ESHUTDOWN);
	/* retval: pend_session_lease -EFAULT */
	CHECK_INT(pend_session_lease(NULL), ==, -EFAULT);
	CHECK_INT(pend_session_close(session), ==, -ESHUTDOWN);
	CHECK_U64(oracle_told_calls(&fixture.told), ==, 1);
	fixture_end(&fixture);
}

static void holder_is_killed(void)
{
	const struct pend_session_options options = fixture_options(PEND_LOSS_PERMIT);
	struct fixture fixture;
	struct pend_session *session;
	int lease, fd;
	pid_t child;

	fixture_begin(&fixture);
	session = fixture_open(&fixture, &options);
	fd = pend_session_fd(session);
	lease = pend_session_lease(session);
	child = holder(-1);
	close(lease);
	check_not_lost(session);
	CHECK(!fixture_readable(fd, 0));
	kill_and_reap(child);
	fixture_await_loss(session);
	CHECK(fixture_readable(fd, 10000)); /* whoever polls learns of it */
	for (int i = 0; i < 10000 && !oracle_told_calls(&fixture.told); i++)
		(void)poll(NULL, 0, 1);
	CHECK_U64(oracle_told_action(&fixture.told), ==, PEND_ACTION_PERMIT_SOFT);
	CHECK_INT(pend_session_close(session), ==, -ESHUTDOWN);
	fixture_end(&fixture);
}

/* A session that is closed while its lease is held is not lost a second time, nor is the next one in
 * its seat when the lease breaks. */
static void lease_outlives_the_session(void)
{
	struct fixture fixture;
	struct pend_session *session, *next;
	int lease;

	fixture_begin(&fixture);
	session = fixture_open(&fixture, NULL);
	lease = pend_session_lease(session);
	CHECK_INT(pend_session_close(session), ==, 0);
	next = fixture_open(&fixture, NULL);
	CHECK_U64(pendi_session_number(next), ==, 1);
	close(lease);
	check_not_lost(next);
	CHECK_U64(oracle_told_calls(&fixture.told), ==, 1);
	CHECK_INT(pend_session_close(next), ==, 0);
	fixture_end(&fixture);
}

/* The one before was lost by its lease and still watches something; that is nothing to the heir. */
static void heir_of_a_broken_lease(void)
{
	struct pend_session_options options = fixture_options(PEND_LOSS_HAND_OVER);
	struct fixture fixture;
	struct pend_session *first, *heir;
	int lease, watched[2];

	fixture_begin(&fixture);
	CHECK_INT(pipe2(watched, O_CLOEXEC), ==, 0);
	options.watch_fd = watched[0];
	first = fixture_open(&fixture, &options);
	CHECK_INT(fixture_pend(&fixture, first, 9), ==, 0);
	lease = pend_session_lease(first);
	close(lease);
	fixture_await_loss(first);
	options.watch_fd = -1;
	heir = fixture_open(&fixture, &options);
	CHECK_U64(pendi_session_number(heir), ==, 1);
	close(watched[1]);
	check_not_lost(heir);
	lease = pend_session_lease(heir);
	CHECK_INT(pend_session_close(first), ==, -ESHUTDOWN);
	check_not_lost(heir);
	close(lease);
	fixture_await_loss(heir);
	CHECK_INT(pend_session_close(heir), ==, -ESHUTDOWN);
	pendi_session_release(fixture.engine, 1);
	close(watched[0]);
	fixture_end(&fixture);
}

/* A pidfd, and one that is readable from the start; the caller's own descriptor may go. */
static void watched_process_is_killed(void)
{
	struct pend_session_options options = fixture_options(PEND_LOSS_KEEP);
	struct fixture fixture;
	struct pend_session *session;
	const pid_t child = holder(-1);

	options.watch_fd = (int)syscall(SYS_pidfd_open, child, 0);
	if (options.watch_fd < 0) {
		printf("# no pidfd_open() here\n");
		kill_and_reap(child);
		return;
	}
	fixture_begin(&fixture);
	session = fixture_open(&fixture, &options);
	check_not_lost(session);
	kill_and_reap(child);
	fixture_await_loss(session);
	CHECK_INT(pend_session_close(session), ==, -ESHUTDOWN);
	session = fixture_open(&fixture, &options); /* it is dead already */
	close(options.watch_fd);
	fixture_await_loss(session);
	CHECK_INT(pend_session_close(session), ==, -ESHUTDOWN);
	fixture_end(&fixture);
}

/* Nothing is left open behind a session, whatever it had; and no lease without a descriptor. */
static void descriptors_come_back(void)
{
	struct pend_session_options options = fixture_options(PEND_LOSS_BLOCK);
	struct rlimit limit, before;
	struct fixture fixture;
	struct pend_session *session;
	uint32_t count;
	int ends[2], free[2], lease;

	fixture_begin(&fixture);
	CHECK_INT(pipe2(ends, O_CLOEXEC), ==, 0);
	options.watch_fd = ends[0];
	count = descriptors();
	session = fixture_open(&fixture, &options);
	fixture_free_descriptors(free);
	CHECK_INT(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
	limit = before;
	for (int room = 0; room < 2; room++) {
		limit.rlim_cur = (rlim_t)free[room];
		CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
		/* retval: pend_session_lease -EMFILE */
		CHECK_INT(pend_session_lease(session), ==, -EMFILE);
	}
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
	lease = pend_session_lease(session);
	CHECK_INT(lease, >=, 0);
	fixture_free_descriptors(free);
	limit.rlim_cur = (rlim_t)free[0];
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
	CHECK_INT(pend_session_lease(session), ==, -EMFILE);
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
	close(lease);
	fixture_await_loss(session);
	/* The monitor may still be inside when this frees what it can; the next open or close
	 * frees the rest. */
	CHECK_INT(pend_session_close(session), ==, -ESHUTDOWN);
	for (int i = 0; i < 10000 && descriptors() != count; i++) {
		(void)poll(NULL, 0, 1);
		options.watch_fd = -1;
		CHECK_INT(pend_session_close(fixture_open(&fixture, &options)), ==, 0);
	}
	CHECK_U64(descriptors(), ==, count);
	close(ends[0]);
	close(ends[1]);
	fixture_end(&fixture);
}

/* In an engine without a monitor, whoever polls it finds the broken lease. */
static void found_by_who_polls(void)
{
	struct pend_engine_options options = pend_engine_options_default();
	struct pend_engine *engine;
	struct pend_session *session;

	options.flags = PEND_ENGINE_POLLED | PEND_ENGINE_UNWATCHED;
	CHECK_INT(pend_engine_create(&options, &engine), ==, 0);
	CHECK_INT(pend_session_open(engine, NULL, &session), ==, 0);
	close(pend_session_lease(session));
	(void)poll(NULL, 0, 20);
	CHECK_INT(pendi_session_check(session), ==, 0);
	for (int i = 0; i < 10000 && pendi_session_check(session) == 0; i++) {
		CHECK_INT(pend_engine_poll(engine, 0, 16), >=, 0);
		(void)poll(NULL, 0, 1);
	}
	CHECK_INT(pend_session_close(session), ==, -ESHUTDOWN);
	CHECK_INT(pend_engine_destroy(engine), ==, 0);
}

/* Where /proc is not mounted there is one lease, which can be duplicated. */
static void without_proc(void)
{
	struct fixture fixture;
	struct pend_session *session;
	int status, lease;
	pid_t child;

	if (geteuid() != 0) {
		printf("# needs chroot()\n");
		return;
	}
	fflush(stdout);
	child = fork();
	CHECK_INT(child, >=, 0);
	if (child == 0) {
		fixture_begin(&fixture);
		session = fixture_open(&fixture, NULL);
		if (chroot("/dev/shm"))
			_exit(77);
		lease = pend_session_lease(session);
		CHECK_INT(lease, >=, 0);
		/* retval: pend_session_lease -EOPNOTSUPP */
		CHECK_INT(pend_session_lease(session), ==, -EOPNOTSUPP);
		close(lease);
		fixture_await_loss(session);
		CHECK_INT(pend_session_close(session), ==, -ESHUTDOWN);
		fixture_end(&fixture); /* no thread is in the middle of something */
		_exit(0);
	}
	CHECK_INT(waitpid(child, &status, 0), ==, child);
	CHECK(WIFEXITED(status));
	CHECK(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77);
}

int main(void)
{
	struct tap tap = { 0 };

	without_proc(); /* first: it forks, and the child makes threads */
	tap_report(&tap, 1, "no second lease without /proc");
	lease_of_one_process();
	tap_report(&tap, 1, "lost when the last copy of the last lease is closed");
	holder_is_killed();
	tap_report(&tap, 1, "lost when the holder is killed");
	lease_outlives_the_session();
	tap_report(&tap, 1, "a lease of an earlier session means nothing");
	heir_of_a_broken_lease();
	tap_report(&tap, 1, "an heir is not lost by what was watched before");
	watched_process_is_killed();
	tap_report(&tap, 1, "lost when the watched process is killed");
	found_by_who_polls();
	tap_report(&tap, 1, "without a monitor, lost in the next poll");
	descriptors_come_back();
	tap_report(&tap, 1, "descriptors come back");
	return tap_end(&tap);
}
