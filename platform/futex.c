/* SPDX-License-Identifier: MIT */
/*
 * futex.c - the two futex calls of futex.h, private to the process.
 *
 * The kernel's own results are the ones the header promises: the wait fails with EAGAIN,
 * ETIMEDOUT or EINTR, and both fail otherwise only for a word that is not mapped or not aligned.
 */
#include "platform/futex.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "platform/script.h"

#define NS_PER_SECOND UINT64_C(1000000000)

/* The call below takes the kernel's own timespec, which is the C library's where both are 64-bit. */
_Static_assert(sizeof(time_t) == 8 && sizeof(long) == 8, "64-bit Linux only");

int pendi_futex_wait(const _Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns)
{
	const struct timespec timeout = { .tv_sec = (time_t)(timeout_ns / NS_PER_SECOND),
					  .tv_nsec = (long)(timeout_ns % NS_PER_SECOND) };

	if (pendi_script.futex_wait)
		return pendi_script.futex_wait(word, expected, timeout_ns);
	if (syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected,
		    timeout_ns == UINT64_MAX ? NULL : &timeout, NULL, 0) == 0)
		return 0;
	return -errno;
}

int pendi_futex_wake(const _Atomic uint32_t *word, uint32_t count)
{
	long woken;

	if (pendi_script.futex_wake)
		return pendi_script.futex_wake(word, count);
	if (count == 0)
		return 0; /* the kernel would wake one */
	woken = syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count > INT_MAX ? INT_MAX : (int)count,
			NULL, NULL, 0);
	return woken < 0 ? -errno : (int)woken;
}
