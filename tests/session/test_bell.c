/* SPDX-License-Identifier: MIT */
/*
 * test_bell.c - the moments between draining, arming and looking again, one by one.
 *
 * This program has read() and write() of its own, which the ring calls. For its eventfd they let
 * something happen first: a commit while the reader is about to drain, a read while the committer is
 * about to tell. So one thread plays what two would seldom meet.
 */
#include <criterion/criterion.h>

#include <sys/syscall.h>
#include <unistd.h>

#include "engine/session/ring.h"
#include "tests/session/fixture.h"

static struct pendi_ring ring;
static uint32_t commits_before_read, reads_before_write, write_fails;
static bool refused_after_read, told_when_refused;
static int write_error = EPERM;

static void commit_one(uint64_t handle)
{
	const struct pend_notice notice = fixture_notice(handle);
	const uint32_t record = pendi_ring_reserve(&ring);

	cr_assert_neq(record, PENDI_RING_NONE);
	pendi_ring_commit(&ring, record, &notice, &handle);
}

static uint32_t read_some(uint32_t count)
{
	struct pend_notice notices[16];

	return pendi_ring_read(&ring, notices, NULL, count);
}

ssize_t read(int fd, void *buffer, size_t bytes)
{
	while (ring.records && fd == ring.event && commits_before_read)
		commit_one(commits_before_read--);

	const ssize_t got = syscall(SYS_read, fd, buffer, bytes);

	if (refused_after_read) {
		refused_after_read = false;
		cr_assert(!fixture_readable(fd, 0), "eaten");
		cr_assert_eq(pendi_ring_reserve(&ring), PENDI_RING_NONE);
		told_when_refused = fixture_readable(fd, 0);
	}
	return got;
}

ssize_t write(int fd, const void *buffer, size_t bytes)
{
	if (ring.records && fd == ring.event) {
		while (reads_before_write && reads_before_write--)
			(void)read_some(16);
		if (write_fails && write_fails--) {
			errno = write_error;
			return -1;
		}
	}
	return syscall(SYS_write, fd, buffer, bytes);
}

static void begin(void)
{
	cr_assert_eq(pendi_ring_init(&ring, 16, 8, NULL), 0);
}

static void end(void)
{
	pendi_ring_fini(&ring, NULL);
}

/* What is committed between the reader's look and its drain, and told to nobody, is still told. */
Test(bell, commits_while_the_reader_drains, .init = begin, .fini = end)
{
	for (uint32_t commits = 1; commits <= 8; commits++) {
		/* Told and read, but not found empty: the bell is not armed. */
		commit_one(99);
		cr_assert_eq(read_some(1), 1);
		cr_assert(fixture_readable(ring.event, 0));
		commits_before_read = commits;
		for (uint32_t left = commits; left; left--) {
			cr_assert_eq(read_some(1), 1);
			cr_assert(left == 1 || fixture_readable(ring.event, 0), "%u wait", left);
		}
		cr_assert_eq(read_some(1), 0);
		cr_assert(!fixture_readable(ring.event, 0));
	}
}

/* A reader stops after it ate what others were told of a ring that is full now: nobody commits any
 * more, so who is refused tells. */
Test(bell, refused_while_a_reader_stands_still, .init = begin, .fini = end)
{
	commit_one(99); /* told, so that the next look drains */
	cr_assert_eq(read_some(1), 1);
	commits_before_read = ring.count;
	refused_after_read = true;
	cr_assert_eq(read_some(1), 1);
	cr_assert(told_when_refused);
	while (read_some(16))
		;
	cr_assert(!fixture_readable(ring.event, 0));
}

/* A committer that tells when all is read already leaves a descriptor that the next read drains. */
Test(bell, told_too_late, .init = begin, .fini = end)
{
	for (int again = 0; again < 3; again++) {
		reads_before_write = 1;
		commit_one(1);
		cr_assert(fixture_readable(ring.event, 0), "nothing waits, but it was written");
		cr_assert_eq(read_some(1), 0);
		cr_assert(!fixture_readable(ring.event, 0));
		commit_one(2);
		cr_assert(fixture_readable(ring.event, 0), "and the bell still works");
		cr_assert_eq(read_some(2), 1);
		cr_assert(!fixture_readable(ring.event, 0));
	}
}

/* Where the eventfd cannot be written, the next committer tries again. */
Test(bell, not_told, .init = begin, .fini = end)
{
	write_fails = 1;
	commit_one(1);
	cr_assert(!fixture_readable(ring.event, 0));
	commit_one(2);
	cr_assert(fixture_readable(ring.event, 0));
	cr_assert_eq(read_some(16), 2);
	cr_assert(!fixture_readable(ring.event, 0));
}

/* An eventfd that counts no further is readable: nobody need be told again. */
Test(bell, told_as_often_as_can_be, .init = begin, .fini = end)
{
	const uint64_t most = UINT64_MAX - 1;

	cr_assert_eq(write(ring.event, &most, sizeof(most)), sizeof(most));
	write_error = EAGAIN;
	write_fails = 1;
	commit_one(1);
	cr_assert_eq(write_fails, 0);
	/* relaxed: one thread. */
	cr_assert_eq(pendi_load_relaxed(&ring.bell), 0, "it is told");
	commit_one(2);
	cr_assert_eq(read_some(16), 2);
	cr_assert_eq(read_some(16), 0);
	cr_assert(!fixture_readable(ring.event, 0));
	commit_one(3);
	cr_assert(fixture_readable(ring.event, 0));
	cr_assert_eq(read_some(16), 1);
}
