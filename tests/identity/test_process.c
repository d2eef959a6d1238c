/* SPDX-License-Identifier: MIT */
/*
 * test_process.c - reading /proc, whatever a process calls itself (F51): names that look like the
 * fields behind them, lines of any length, texts that end too early, numbers that are none.
 */
#include "tests/identity/child.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "platform/process.h"

#define FIELDS_3_TO_21 " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18"

/* The start time in a stat text, or UINT64_MAX. */
static uint64_t start_time(const char *text)
{
	uint64_t value = UINT64_MAX;

	return pendi_process_parse_stat(text, strlen(text), &value) ? value : UINT64_MAX;
}

Test(process, start_time_is_field_22)
{
	cr_assert_eq(start_time("12 (cat)" FIELDS_3_TO_21 " 4711 20 21\n"), 4711);
	cr_assert_eq(start_time("12 (cat)" FIELDS_3_TO_21 " 0 20"), 0);
	cr_assert_eq(start_time("12 (cat)" FIELDS_3_TO_21 " 4711"), 4711);
	cr_assert_eq(start_time("12 (cat)" FIELDS_3_TO_21 " 4711\n"), 4711);
	cr_assert_eq(start_time("12 (cat)" FIELDS_3_TO_21 " 18446744073709551614 1\n"),
		     UINT64_MAX - 1);
}

Test(process, a_name_may_hold_anything)
{
	cr_assert_eq(start_time("12 ()" FIELDS_3_TO_21 " 4711 20\n"), 4711);
	cr_assert_eq(start_time("12 ( )" FIELDS_3_TO_21 " 4711 20\n"), 4711);
	cr_assert_eq(start_time("12 ())))" FIELDS_3_TO_21 " 4711 20\n"), 4711);
	cr_assert_eq(start_time("12 ((((" FIELDS_3_TO_21 ")" FIELDS_3_TO_21 " 4711 20\n"), 4711);
	cr_assert_eq(start_time("12 (a)" FIELDS_3_TO_21 " 666 20)" FIELDS_3_TO_21 " 4711\n"), 4711);
	cr_assert_eq(start_time("12 (a\n13 (b) S)" FIELDS_3_TO_21 " 4711 20\n"), 4711);
}

Test(process, a_stat_that_is_none_is_refused)
{
	const char whole[] = "12 (cat)" FIELDS_3_TO_21 " ";
	uint64_t value = 77;

	for (size_t length = 0; length < sizeof(whole); length++)
		cr_assert_not(pendi_process_parse_stat(whole, length, &value), "%zu", length);
	cr_assert_eq(start_time("12 cat" FIELDS_3_TO_21 " 4711 20\n"), UINT64_MAX);
	cr_assert_eq(start_time("12 (cat)" FIELDS_3_TO_21 " x 20\n"), UINT64_MAX);
	cr_assert_eq(start_time("12 (cat)" FIELDS_3_TO_21 " -1 20\n"), UINT64_MAX);
	cr_assert_eq(start_time("12 (cat)" FIELDS_3_TO_21 " 4711x 20\n"), UINT64_MAX);
	cr_assert_eq(start_time("12 (cat)" FIELDS_3_TO_21 " 18446744073709551616 1\n"), UINT64_MAX);
	cr_assert_eq(start_time("12 (cat)" FIELDS_3_TO_21 " 99999999999999999999 1\n"), UINT64_MAX);
	cr_assert_eq(value, 77, "untouched");
}

/* --- status --- */

/* Reads @text as a status file. */
static int status_of(const char *text, struct pend_subject *subject)
{
	const int file = memfd_create("status", MFD_CLOEXEC);
	int result;

	cr_assert_geq(file, 0);
	cr_assert_eq(write(file, text, strlen(text)), (ssize_t)strlen(text));
	cr_assert_eq(lseek(file, 0, SEEK_SET), 0);
	result = pendi_process_read_status(file, subject);
	(void)close(file);
	return result;
}

Test(process, effective_ids_and_capabilities)
{
	struct pend_subject subject = { .pid = 5, .pidfd = 6, .start_time = 7, .executable = 8 };

	cr_assert_eq(status_of("Name:\tcat\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n"
			       "CapPrm:\t1\nCapEff:\t00000123456789ab\nCapBnd:\t2\n",
			       &subject),
		     0);
	cr_assert_eq(subject.uid, 2);
	cr_assert_eq(subject.gid, 6);
	cr_assert_eq(subject.capabilities, 0x123456789abull);
	cr_assert_eq(subject.pid, 5);
	cr_assert_eq(subject.pidfd, 6);
	cr_assert_eq(subject.start_time, 7);
	cr_assert_eq(subject.executable, 8);
}

Test(process, the_highest_values)
{
	struct pend_subject subject = { 0 };

	cr_assert_eq(status_of("Gid:\t0\t4294967295\t0\t0\nUid:\t0\t4294967294\t0\t0\n"
			       "CapEff:\tffffffffffffffff",
			       &subject),
		     0);
	cr_assert_eq(subject.uid, UINT32_MAX - 1);
	cr_assert_eq(subject.gid, UINT32_MAX);
	cr_assert_eq(subject.capabilities, UINT64_MAX);
}

/* The list of groups comes before the capabilities and may have 65536 of them. What is cut off a
 * line is not taken for the beginning of another, wherever it is cut: it repeats every 32 bytes. */
Test(process, lines_of_any_length)
{
	enum { GROUPS = 200000 };
	char *text = malloc(GROUPS + 200), *at = text;
	struct pend_subject subject = { 0 };

	at = stpcpy(at, "Uid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t                        ");
	while (at < text + GROUPS)
		at = stpcpy(at, "CapEff:\t000000000000dead        ");
	at = stpcpy(at, "\nNgid:\t0\nCapEff:\t000000000000beef\n");
	cr_assert_eq(status_of(text, &subject), 0);
	cr_assert_eq(subject.uid, 2);
	cr_assert_eq(subject.capabilities, 0xbeef);
	free(text);
}

Test(process, a_status_without_one_of_them_is_refused)
{
	static const char *const texts[] = {
		"",
		"\n\n\n",
		"Uid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n",
		"Uid:\t1\t2\t3\t4\nCapEff:\t1\n",
		"Gid:\t5\t6\t7\t8\nCapEff:\t1\n",
		"Uid:\t1\nGid:\t5\t6\t7\t8\nCapEff:\t1\n",
		"Uid:\t1\tx\t3\t4\nGid:\t5\t6\t7\t8\nCapEff:\t1\n",
		"Uid:\t1\t4294967296\t3\t4\nGid:\t5\t6\t7\t8\nCapEff:\t1\n",
		"Uid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nCapEff:\t10000000000000000\n",
		"Uid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nCapEff:\t\n",
		" Uid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nCapEff:\t1\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct pend_subject subject = { .uid = 77, .gid = 78, .capabilities = 79 };

		cr_assert_eq(status_of(texts[i], &subject), -ENODATA, "%zu", i);
		cr_assert(subject.uid == 77 && subject.gid == 78 && subject.capabilities == 79);
	}
}

Test(process, a_status_that_cannot_be_read)
{
	struct pend_subject subject = { 0 };

	cr_assert_eq(pendi_process_read_status(-1, &subject), -EBADF);
}

/* --- Real ones --- */

Test(process, a_nasty_name_changes_nothing, .timeout = 30)
{
	struct child child = child_start();
	struct pend_subject before = { .pid = child.pid }, after = before;

	cr_assert_eq(pendi_process_look(child.pid, &before), 0);
	cr_assert(child_tell(&child, CHILD_NASTY_NAME));
	cr_assert_eq(pendi_process_look(child.pid, &after), 0);
	cr_assert_eq(memcmp(&before, &after, sizeof(before)), 0);
	child_reap(&child);
}

Test(process, what_is_seen_of_oneself)
{
	struct pend_subject subject = { .pid = 1, .pidfd = 2 };
	uint64_t now_ticks;
	struct timespec now;

	cr_assert_eq(pendi_process_look(getpid(), &subject), 0);
	cr_assert_eq(subject.uid, geteuid());
	cr_assert_eq(subject.gid, getegid());
	cr_assert_neq(subject.executable, 0);
	cr_assert_neq(subject.executable_device, 0);
	cr_assert_neq(subject.user_namespace, 0);
	cr_assert(subject.pid == 1 && subject.pidfd == 2, "untouched");
	cr_assert_eq(clock_gettime(CLOCK_BOOTTIME, &now), 0);
	now_ticks = (uint64_t)(now.tv_sec + 1) * (uint64_t)sysconf(_SC_CLK_TCK);
	cr_assert(subject.start_time > 0 && subject.start_time < now_ticks);
}

Test(process, who_is_not_there_is_not_seen, .timeout = 30)
{
	struct child child = child_start();
	const pid_t pid = child.pid;
	struct pend_subject subject = { .uid = 77 };

	child_reap(&child);
	cr_assert_eq(pendi_process_look(pid, &subject), -EACCES);
	cr_assert_eq(subject.uid, 77);
}

Test(process, a_number_comes_from_a_pidfd_only, .timeout = 30)
{
	struct child child = child_start();
	const int pidfd = pendi_process_open(child.pid);
	int ends[2];

	cr_assert_geq(pidfd, 0);
	cr_assert_eq(pendi_process_number(pidfd), child.pid);
	cr_assert(pendi_process_is_alive(pidfd));
	child_kill(&child);
	cr_assert_eq(pendi_process_number(pidfd), child.pid, "not reaped");
	cr_assert_not(pendi_process_is_alive(pidfd));
	child_reap(&child);
	cr_assert_eq(pendi_process_number(pidfd), -ESRCH);
	cr_assert_not(pendi_process_is_alive(pidfd));
	(void)close(pidfd);
	cr_assert_not(pendi_process_is_alive(pidfd), "closed");
	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(pendi_process_number(ends[0]), -EBADF);
	cr_assert_eq(pendi_process_number(STDERR_FILENO), -EBADF);
}

Test(process, a_copy_is_another_descriptor_of_the_same)
{
	const int pidfd = pendi_process_open(getpid());
	int copy;

	(void)close(STDIN_FILENO);
	copy = pendi_process_dup(pidfd);
	cr_assert_neq(copy, pidfd);
	cr_assert_geq(copy, 3);
	cr_assert_eq(fcntl(copy, F_GETFD), FD_CLOEXEC);
	(void)close(pidfd);
	cr_assert_eq(pendi_process_number(copy), getpid());
	cr_assert_eq(pendi_process_dup(pidfd), -EBADF);
	cr_assert_eq(pendi_process_dup(-1), -EBADF);
	(void)close(copy);
}
