/* SPDX-License-Identifier: MIT */
/*
 * test_membarrier.c - unit tests of platform/membarrier.c: granted, refused by a filter, scripted.
 *
 * Every test is a process of its own, so each registers anew.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/membarrier.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/membarrier.h"
#include "platform/script.h"

static int calls;

static int script_refuse(void)
{
	calls++;
	return -EPERM;
}

static int script_agree(void)
{
	calls++;
	return 0;
}

static bool is_offered(void)
{
	const long offered = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);

	return offered >= 0 && (offered & MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

/*
 * Makes membarrier(2) with @command fail with EACCES in this process, for good; the kernel itself
 * never says that. Skips the test where that cannot be shown.
 */
static void forbid(enum membarrier_cmd command)
{
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)command, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = { sizeof(steps) / sizeof(steps[0]), steps };

	if (!is_offered())
		cr_skip("this kernel has no private expedited barrier");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
		cr_skip("no seccomp here");
}

Test(membarrier, a_registered_process_can_fence_all_its_threads)
{
	const int answer = pendi_membarrier_register();

	if (!is_offered()) {
		cr_assert_lt(answer, 0);
		cr_skip("this kernel has no private expedited barrier");
	}
	cr_assert_eq(answer, 0);
	cr_assert_eq(pendi_membarrier_register(), 0);
	for (int round = 0; round < 1000; round++)
		cr_assert_eq(pendi_membarrier(), 0);
}

/* What the kernel says to the registration is not enough. */
Test(membarrier, a_barrier_that_a_filter_forbids_is_not_granted)
{
	forbid(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
	cr_assert_eq(pendi_membarrier_register(), -EACCES);
	cr_assert_eq(pendi_membarrier(), -EACCES);
}

Test(membarrier, a_registration_that_a_filter_forbids_is_refused_for_good)
{
	forbid(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
	cr_assert_eq(pendi_membarrier_register(), -EACCES);
	cr_assert_eq(pendi_membarrier_register(), -EACCES);
	cr_assert_eq(pendi_membarrier(), -EPERM, "nothing was registered");
}

Test(membarrier, a_query_that_a_filter_forbids_refuses_the_registration)
{
	forbid(MEMBARRIER_CMD_QUERY);
	cr_assert_eq(pendi_membarrier_register(), -EACCES);
	cr_assert_eq(pendi_membarrier(), -EPERM, "nothing was registered");
}

Test(membarrier, a_scripted_refusal_is_not_remembered)
{
	const int real = pendi_membarrier_register();

	pendi_script.membarrier_register = script_refuse;
	cr_assert_eq(pendi_membarrier_register(), -EPERM);
	cr_assert_eq(pendi_membarrier_register(), -EPERM);
	cr_assert_eq(calls, 2);
	pendi_script.membarrier_register = NULL;
	cr_assert_eq(pendi_membarrier_register(), real);
}

Test(membarrier, a_scripted_barrier_answers_instead_of_the_kernel)
{
	pendi_script.membarrier_register = script_agree;
	pendi_script.membarrier = script_refuse;
	cr_assert_eq(pendi_membarrier_register(), 0);
	cr_assert_eq(pendi_membarrier(), -EPERM);
	pendi_script.membarrier = script_agree;
	cr_assert_eq(pendi_membarrier(), 0);
	cr_assert_eq(calls, 3);
	pendi_script.membarrier = NULL;
	cr_assert_lt(pendi_membarrier(), 0, "nothing was registered for real");
}
