/* SPDX-License-Identifier: MIT */
/*
 * test_resolve.c - from a captured process to a reference on it, or to none: R1 to R10 (F51 to F53,
 * S12), each by its number. Whatever happens, what was taken is what is given back: each test
 * counts the descriptors before and after.
 */
#include "tests/identity/child.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "engine/identity/identity.h"
#include "platform/process.h"

#include <linux/sched.h>

static struct child child;
static struct pend_subject captured;
static struct pendi_identity identity;
static uint32_t descriptors;

static void begin(void)
{
	child = child_start();
	cr_assert_eq(pend_subject_capture(child.pid, &captured), 0);
	memset(&identity, 0x5a, sizeof(identity));
	descriptors = open_descriptors();
}

static void end(void)
{
	cr_assert_eq(pend_subject_release(&captured), 0);
	child_reap(&child);
}

TestSuite(resolve, .init = begin, .fini = end, .timeout = 30);

static void expect_resolved(void)
{
	cr_assert_eq(pendi_identity_resolve(&captured, &identity), 0);
	cr_assert_eq(identity.error, 0);
	cr_assert_eq(identity.resolved, 1);
	cr_assert_eq(identity.subject.pid, captured.pid);
	cr_assert_eq(identity.subject.start_time, captured.start_time);
	cr_assert_neq(identity.subject.pidfd, captured.pidfd, "its own");
	cr_assert_eq(pendi_process_number(identity.subject.pidfd), child.pid);
	cr_assert_eq(open_descriptors(), descriptors + 1);
	cr_assert(pendi_identity_release(&identity));
	cr_assert_eq(open_descriptors(), descriptors);
}

static void expect_none_of(const struct pend_subject *subject)
{
	descriptors = open_descriptors();
	cr_assert_eq(pendi_identity_resolve(subject, &identity), -ENOENT);
	cr_assert_eq(identity.error, -ENOENT);
	cr_assert_eq(identity.resolved, 1);
	cr_assert_eq(identity.subject.pidfd, -1);
	cr_assert_eq(identity.subject.pid, 0);
	cr_assert_eq(open_descriptors(), descriptors);
	cr_assert_not(pendi_identity_release(&identity));
}

Test(resolve, who_is_still_the_same_is_found)
{
	expect_resolved();
	expect_resolved();
}

Test(resolve, nobody_was_captured)
{
	const struct pend_subject zero = { 0 };
	struct pend_subject without = captured;

	expect_none_of(NULL);
	expect_none_of(&zero);
	without.pidfd = -1;
	expect_none_of(&without);
	without = captured;
	without.pid = 0;
	expect_none_of(&without);
	without.pid = -5;
	expect_none_of(&without);
}

/* --- The windows of F53 --- */

Test(resolve, R1_the_descriptor_was_closed)
{
	const struct pend_subject before = captured;

	cr_assert_eq(pend_subject_release(&captured), 0);
	expect_none_of(&before);
}

static void put_in_place(int descriptor)
{
	cr_assert_geq(descriptor, 0);
	cr_assert_eq(dup2(descriptor, captured.pidfd), captured.pidfd);
	(void)close(descriptor);
	expect_none_of(&captured);
}

Test(resolve, R2_the_descriptor_is_something_else_by_now)
{
	put_in_place(open("/dev/null", O_RDONLY));
	put_in_place(open("/proc/self/status", O_RDONLY));
	put_in_place(eventfd(1, 0));
	put_in_place(epoll_create1(0));
	put_in_place(timerfd_create(CLOCK_MONOTONIC, 0));
	put_in_place(socket(AF_UNIX, SOCK_STREAM, 0));
}

Test(resolve, R3_the_descriptor_is_of_another_process)
{
	struct child other = child_start();

	put_in_place(pendi_process_open(other.pid));
	put_in_place(pendi_process_open(getpid()));
	child_reap(&other);
}

Test(resolve, R4_it_exited_and_nobody_has_reaped_it)
{
	child_kill(&child);
	expect_none_of(&captured);
}

Test(resolve, R4_it_exited_and_was_reaped)
{
	child_reap(&child);
	expect_none_of(&captured);
}

/* The number, and even a pidfd of whoever has it now, are not enough. */
Test(resolve, R5_it_started_at_another_time)
{
	struct pend_subject other = captured;

	other.start_time++;
	expect_none_of(&other);
	other.start_time -= 2;
	expect_none_of(&other);
}

/* A process with the number @pid; 0: it cannot be had. */
static pid_t start_with_number(pid_t pid)
{
	struct clone_args arguments = { .exit_signal = SIGCHLD,
					.set_tid = (uintptr_t)&pid,
					.set_tid_size = 1 };
	const long started = syscall(SYS_clone3, &arguments, sizeof(arguments));

	if (started == 0) {
		(void)syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		for (;;)
			(void)syscall(SYS_pause);
	}
	return started > 0 ? (pid_t)started : 0;
}

Test(resolve, R5_the_number_is_anothers_by_now)
{
	const pid_t pid = child.pid;
	pid_t heir;

	child_reap(&child);
	heir = start_with_number(pid);
	if (!heir)
		cr_skip_test("a process number cannot be chosen here");
	cr_assert_eq(heir, pid);
	expect_none_of(&captured);
	cr_assert_eq(kill(heir, SIGKILL), 0);
	cr_assert_eq(waitpid(heir, NULL, 0), heir);
}

/* Each of them alone is enough. */
static void expect_change(enum child_order order)
{
	expect_resolved();
	if (!child_tell(&child, order))
		child_skip(&child, "not permitted here");
	expect_none_of(&captured);
	cr_assert_eq(pend_subject_release(&captured), 0);
	cr_assert_eq(pend_subject_capture(child.pid, &captured), 0);
	descriptors = open_descriptors();
	expect_resolved();
}

Test(resolve, R6_it_became_another_user)
{
	if (captured.uid)
		child_skip(&child, "only root becomes another user");
	expect_change(CHILD_SET_USER);
	cr_assert_eq(captured.uid, CHILD_ID);
}

Test(resolve, R6_it_became_another_group)
{
	if (captured.uid)
		child_skip(&child, "only root becomes another group");
	expect_change(CHILD_SET_GROUP);
	cr_assert_eq(captured.gid, CHILD_ID);
}

Test(resolve, R6_it_gave_up_its_capabilities)
{
	if (!captured.capabilities)
		child_skip(&child, "it has none");
	expect_change(CHILD_DROP_CAPABILITIES);
	cr_assert_eq(captured.capabilities, 0);
}

Test(resolve, R6_it_became_another_program)
{
	const uint64_t executable = captured.executable;

	expect_change(CHILD_EXEC);
	cr_assert_neq(captured.executable, executable);
}

Test(resolve, R6_it_moved_to_a_user_namespace)
{
	const uint64_t user_namespace = captured.user_namespace;

	expect_change(CHILD_NEW_USER_NAMESPACE);
	cr_assert_neq(captured.user_namespace, user_namespace);
}

Test(resolve, R6_every_field_counts)
{
	struct pend_subject other;

#define EXPECT_COUNTS(field)            \
	do {                            \
		other = captured;       \
		other.field ^= 1;       \
		expect_none_of(&other); \
	} while (0)

	EXPECT_COUNTS(pid);
	EXPECT_COUNTS(start_time);
	EXPECT_COUNTS(uid);
	EXPECT_COUNTS(gid);
	EXPECT_COUNTS(capabilities);
	EXPECT_COUNTS(executable);
	EXPECT_COUNTS(executable_device);
	EXPECT_COUNTS(user_namespace);
#undef EXPECT_COUNTS
	expect_resolved();
}

/* Teardown gives back whatever there is, as often as it likes. */
Test(resolve, R7_release_is_once_and_may_be_called_again)
{
	struct pendi_identity none = pendi_identity_none();
	int descriptor;

	cr_assert_not(pendi_identity_release(&none));
	cr_assert_eq(none.resolved, 0);
	cr_assert_eq(pendi_identity_resolve(&captured, &identity), 0);
	descriptor = identity.subject.pidfd;
	cr_assert(pendi_identity_release(&identity));
	cr_assert_eq(dup2(STDERR_FILENO, descriptor), descriptor);
	cr_assert_not(pendi_identity_release(&identity));
	cr_assert_geq(fcntl(descriptor, F_GETFD), 0, "another's by now");
	(void)close(descriptor);
	cr_assert_eq(open_descriptors(), descriptors);
}

/* The operation was completed before its program ran again: what was filled is given back unread,
 * and nobody can take it up again. */
Test(resolve, R8_what_nobody_asked_for_is_given_back)
{
	struct pendi_identity late;

	cr_assert_eq(pendi_identity_resolve(&captured, &identity), 0);
	cr_assert(pendi_identity_release(&identity));
	cr_assert_eq(identity.error, -ENOENT);
	cr_assert_eq(identity.resolved, 1);
	cr_assert_eq(pendi_identity_copy(&identity, &late), -ENOENT);
	cr_assert_eq(open_descriptors(), descriptors);
}

/* Each flow has references of its own; they are given back in any order. */
Test(resolve, R9_several_flows_of_one_process)
{
	struct pendi_identity flows[6];
	static const uint32_t order[6] = { 2, 0, 5, 1, 4, 3 };

	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(pendi_identity_resolve(&captured, &flows[i]), 0);
	for (uint32_t i = 3; i < 6; i++)
		cr_assert_eq(pendi_identity_copy(&flows[i - 3], &flows[i]), 0);
	cr_assert_eq(open_descriptors(), descriptors + 6);
	for (uint32_t i = 0; i < 6; i++) {
		for (uint32_t j = i; j < 6; j++) {
			const struct pendi_identity *left = &flows[order[j]];

			cr_assert_eq(pendi_process_number(left->subject.pidfd), child.pid);
			cr_assert_eq(left->error, 0);
		}
		cr_assert(pendi_identity_release(&flows[order[i]]));
	}
	cr_assert_eq(open_descriptors(), descriptors);
}

/* The entry keeps its reference, also when the backend's is gone and when the process is: then the
 * number may be another's, the descriptor is not. */
Test(resolve, R10_the_reference_outlives_what_it_was_made_from)
{
	struct pendi_identity moved;

	cr_assert_eq(pendi_identity_resolve(&captured, &identity), 0);
	cr_assert_eq(pend_subject_release(&captured), 0);
	moved = identity;
	cr_assert_eq(pendi_process_number(moved.subject.pidfd), child.pid);
	child_reap(&child);
	cr_assert_not(pendi_process_is_alive(moved.subject.pidfd));
	cr_assert_eq(pendi_process_number(moved.subject.pidfd), -ESRCH);
	cr_assert(pendi_identity_release(&moved));
}

/* --- The ledger --- */

Test(resolve, the_ledger_balances)
{
	struct pendi_identity held[8];
	uint32_t taken = 0, given = 0;

	for (uint32_t i = 0; i < 8; i++)
		held[i] = pendi_identity_none();
	for (uint32_t step = 0; step < 400; step++) {
		const uint32_t at = step * 7 % 8, from = step * 5 % 8;

		given += pendi_identity_release(&held[at]);
		if (step % 3 == 0)
			taken += pendi_identity_resolve(&captured, &held[at]) == 0;
		else
			taken += pendi_identity_copy(&held[from], &held[at]) == 0;
		if (step == 300)
			child_kill(&child);
		cr_assert_eq(open_descriptors(), descriptors + taken - given);
	}
	cr_assert_gt(taken, 100);
	for (uint32_t i = 0; i < 8; i++)
		given += pendi_identity_release(&held[i]);
	cr_assert_eq(taken, given);
	cr_assert_eq(open_descriptors(), descriptors);
}

Test(resolve, a_copy_of_nothing_is_nothing)
{
	const struct pendi_identity none = pendi_identity_none();

	cr_assert_eq(none.resolved, 0);
	cr_assert_eq(none.error, 0);
	cr_assert_eq(none.subject.pidfd, -1);
	cr_assert_eq(pendi_identity_copy(&none, &identity), -ENOENT);
	cr_assert_eq(identity.subject.pidfd, -1);
	cr_assert_eq(identity.error, -ENOENT);
	cr_assert_not(pendi_identity_release(&identity));
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

Test(resolve, needs_a_descriptor)
{
	leave_descriptors(0);
	expect_none_of(&captured);
}

Test(resolve, needs_another_to_look)
{
	leave_descriptors(1);
	expect_none_of(&captured);
}

Test(resolve, needs_no_more_than_two)
{
	leave_descriptors(2);
	expect_resolved();
}

Test(resolve, a_copy_needs_a_descriptor)
{
	struct pendi_identity copy;

	cr_assert_eq(pendi_identity_resolve(&captured, &identity), 0);
	leave_descriptors(0);
	cr_assert_eq(pendi_identity_copy(&identity, &copy), -ENOENT);
	cr_assert_not(pendi_identity_release(&copy));
	cr_assert(pendi_identity_release(&identity), "the other one is still held");
}
