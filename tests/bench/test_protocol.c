/* SPDX-License-Identifier: MIT */
/*
 * test_protocol.c - peers that are executables: one that is as it should be, and those that are not.
 *
 * Whatever a peer does, pendbench goes on without it: nothing hangs beyond the time bound, nothing
 * crashes, and the reason is told.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/measure/account.h"
#include "bench/measure/measure.h"
#include "bench/peers/packages.h"
#include "bench/peers/remote.h"

#define ENTRIES 1024u

struct fixture {
	struct bench_impl impl;
	struct bench_team *team;
	struct bench_subject subject;
	char name[32];
};

static struct fixture fixture;

/* What remotes.c wants to know of the program. */
const char *bench_impls_absent(void)
{
	return "ck,tbb,nobody";
}

static void start(const char *kind)
{
	static const struct bench_options options = {
		.seed = 1, .batch_width = 16, .key_size = 8, .value_size = 128
	};
	const struct bench_shape shape = {
		.max_entries = ENTRIES, .key_size = 8, .value_size = 128, .threads = 2, .seed = 1
	};
	const uint32_t cpus[2] = { 0, 0 };

	snprintf(fixture.name, sizeof(fixture.name), "fake-%s", kind);
	fixture.impl = (struct bench_impl){ .name = fixture.name,
					    .abilities = BENCH_KEYS | BENCH_PEER,
					    .live = bench_remote_live,
					    .audit = bench_remote_audit,
					    .remote = true };
	cr_assert_eq(bench_team_create(2, cpus, false, &fixture.team), 0);
	cr_assert_eq(bench_subject_create(&fixture.impl, &shape, ENTRIES / 2, &options,
					  &fixture.subject),
		     0);
}

static void stop(void)
{
	if (!fixture.team)
		return;
	bench_subject_destroy(&fixture.subject);
	bench_team_destroy(fixture.team);
}

static struct bench_repeat window(enum bench_loop loop)
{
	const struct bench_window asked = {
		.loop = loop, .threads = 2, .warm_up_ns = 1000000, .window_ns = 1000000
	};
	struct bench_repeat repeat;

	bench_measure(&fixture.subject, fixture.team, &asked, &repeat);
	return repeat;
}

static bool account_holds(void)
{
	FILE *nowhere = fopen("/dev/null", "w");
	struct bench_account account;
	bool holds;

	cr_assert_not_null(nowhere);
	holds = bench_account_check(&fixture.subject, "here", nowhere, &account);
	fclose(nowhere);
	return holds;
}

static void expect_lost(const char *text)
{
	const char *lost = bench_subject_lost(&fixture.subject);

	cr_assert_not_null(lost);
	cr_assert(strstr(lost, text), "\"%s\" does not say \"%s\"", lost, text);
}

/* Everything that a run might still do to it. */
static void go_on_without(void)
{
	bench_subject_split(&fixture.subject, 2);
	bench_subject_fill(&fixture.subject, fixture.team, false);
	cr_assert_eq(window(BENCH_LOOP_STEADY_KEY).operations, 0);
	bench_subject_top_up(&fixture.subject, fixture.team);
	bench_subject_drain(&fixture.subject, fixture.team);
	cr_assert(account_holds());
}

TestSuite(protocol, .fini = stop, .timeout = 40);

Test(protocol, a_good_peer_is_measured_and_adds_up)
{
	struct bench_counts counts;

	start("good");
	cr_assert(bench_remote_present(&fixture.impl));
	cr_assert_null(bench_subject_lost(&fixture.subject));
	bench_subject_fill(&fixture.subject, fixture.team, false);
	cr_assert_eq(bench_subject_counts(&fixture.subject).inserted, ENTRIES / 2);
	bench_subject_split(&fixture.subject, 2);
	cr_assert_gt(window(BENCH_LOOP_HIT).operations, 0);
	cr_assert_gt(window(BENCH_LOOP_STEADY_KEY).elapsed_ns, 0);
	cr_assert(account_holds());
	bench_subject_top_up(&fixture.subject, fixture.team);
	cr_assert_eq(bench_remote_live(fixture.subject.table), ENTRIES);
	bench_subject_drain(&fixture.subject, fixture.team);
	counts = bench_subject_counts(&fixture.subject);
	cr_assert_gt(counts.inserted, ENTRIES);
	cr_assert_eq(counts.inserted, counts.completed);
	cr_assert_eq(bench_remote_live(fixture.subject.table), 0);
	cr_assert(account_holds());
	cr_assert_null(bench_subject_lost(&fixture.subject));
}

Test(protocol, a_wrong_answer_of_its_table_is_a_wrong_account)
{
	start("wrong");
	bench_subject_fill(&fixture.subject, fixture.team, false);
	bench_subject_split(&fixture.subject, 2);
	cr_assert(account_holds());
	window(BENCH_LOOP_HIT);
	cr_assert_null(bench_subject_lost(&fixture.subject));
	cr_assert_eq(fixture.subject.lanes[1].error, -EIO);
	cr_assert_str_eq(fixture.subject.lanes[1].error_call, "lookup");
	cr_assert_not(account_holds());
}

/* What the parent says it counted is compared by the peer with its own. */
Test(protocol, an_audit_that_finds_something_says_what)
{
	const struct bench_counts lies = { .inserted = 7 };
	char why[160] = "";

	start("good");
	cr_assert_eq(bench_remote_audit(fixture.subject.table, &lies, why, sizeof(why)), -EBADMSG);
	cr_assert(strstr(why, "out of the pool"), "%s", why);
	cr_assert_null(bench_subject_lost(&fixture.subject));
}

Test(protocol, an_executable_that_is_not_there_is_absent)
{
	start("absent");
	cr_assert_not(bench_remote_present(&fixture.impl));
	expect_lost("cannot be started");
	go_on_without();
}

Test(protocol, what_is_absent_is_named_with_its_package)
{
	cr_assert_str_eq(bench_impls_absent_say(),
			 "ck (needs libck-dev), tbb (needs libtbb-dev), nobody (not built here)");
}

Test(protocol, another_version_is_refused)
{
	start("old");
	expect_lost("belongs to another build");
	go_on_without();
}

Test(protocol, another_peer_is_refused)
{
	start("stranger");
	expect_lost("says that it is \"fake-other\"");
	go_on_without();
}

Test(protocol, garbage_is_refused)
{
	start("garbage");
	expect_lost("answers nonsense to \"hello\"");
	go_on_without();
}

Test(protocol, one_that_dies_at_once_is_left_out)
{
	start("dies");
	expect_lost("died in \"hello\"");
	go_on_without();
}

Test(protocol, one_that_dies_in_a_window_is_left_out)
{
	start("late");
	bench_subject_fill(&fixture.subject, fixture.team, false);
	bench_subject_split(&fixture.subject, 2);
	cr_assert_null(bench_subject_lost(&fixture.subject));
	cr_assert_eq(window(BENCH_LOOP_HIT).operations, 0);
	expect_lost("died in \"measure\"");
	go_on_without();
}

Test(protocol, one_that_hangs_is_killed_when_its_time_is_up)
{
	start("hangs");
	expect_lost("hangs: no answer to \"hello\"");
	go_on_without();
}

Test(protocol, one_that_hangs_in_a_window_is_killed_when_its_time_is_up)
{
	start("slow");
	bench_subject_fill(&fixture.subject, fixture.team, false);
	bench_subject_split(&fixture.subject, 2);
	cr_assert_eq(window(BENCH_LOOP_HIT).operations, 0);
	expect_lost("hangs: no answer to \"measure\"");
	go_on_without();
}

/* The first child of @parent, or 0; -1 if this kernel does not say. */
static int child_of(pid_t parent)
{
	char path[64];
	int child = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
	file = fopen(path, "r");
	if (!file)
		return -1;
	if (fscanf(file, "%d", &child) != 1)
		child = 0;
	fclose(file);
	return child;
}

/* Whether it runs no more; a zombie that nobody waits for does not. */
static bool is_gone(pid_t pid)
{
	char path[64], state = 'X';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (!file)
		return true;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 'X';
	fclose(file);
	return state == 'Z' || state == 'X';
}

Test(protocol, it_ends_with_the_process_that_started_it)
{
	pid_t parent;
	int told[2], peer;
	char byte;

	cr_assert_eq(pipe(told), 0);
	parent = fork();
	if (parent == 0) {
		start("good");
		(void)!write(told[1], bench_subject_lost(&fixture.subject) ? "n" : "y", 1);
		for (;;)
			pause();
	}
	cr_assert_eq(read(told[0], &byte, 1), 1);
	peer = child_of(parent);
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
	cr_assert_eq(byte, 'y');
	if (peer < 0)
		cr_skip_test("/proc says nothing of children");
	cr_assert_gt(peer, 0);
	for (uint32_t i = 0; i < 1000 && !is_gone(peer); i++)
		poll(NULL, 0, 10);
	cr_assert(is_gone(peer));
}
