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
#ifdef PENDI_VALGRIND
#include <valgrind/drd.h>
#endif

#include "platform/script.h"

#define NS_PER_SECOND UINT64_C(1000000000)

/* The call below takes the kernel's own timespec, which is the C library's where both are 64-bit. */
_Static_assert(sizeof(time_t) == 8 && sizeof(long) == 8, "64-bit Linux only");

/*
 * Valgrind announces each futex() that succeeds as a plain write of the word, though the kernel only
 * reads it, and drd would report that as a race with whoever changes the word. So drd is told that
 * this one system call writes nothing.
 */
static void record_writes(int on)
{
#ifdef PENDI_VALGRIND
	VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__DRD_RECORD_STORES, on, 0, 0, 0, 0);
#else
	(void)on;
#endif
}

static long futex(const _Atomic uint32_t *word, int operation, uint32_t number,
		  const struct timespec *timeout)
{
	long result;

	record_writes(0);
	result = syscall(SYS_futex, word, operation, number, timeout, NULL, 0);
	record_writes(1);
	return result;
}

int pendi_futex_wait(const _Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns)
{
	const struct timespec timeout = { .tv_sec = (time_t)(timeout_ns / NS_PER_SECOND),
					  .tv_nsec = (long)(timeout_ns % NS_PER_SECOND) };

	if (pendi_script.futex_wait)
		return pendi_script.futex_wait(word, expected, timeout_ns);
	if (futex(word, FUTEX_WAIT_PRIVATE, expected, timeout_ns == UINT64_MAX ? NULL : &timeout) ==
	    0)
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
	woken = futex(word, FUTEX_WAKE_PRIVATE, count > INT_MAX ? INT_MAX : count, NULL);
	return woken < 0 ? -errno : (int)woken;
}
