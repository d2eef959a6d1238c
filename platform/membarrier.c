/* SPDX-License-Identifier: MIT */
/*
 * membarrier.c - the private expedited barrier of membarrier(2).
 *
 * The process registers once; whoever asks while another thread registers waits for its answer.
 * Registering tries the barrier as well, so a filter that lets one command through and not the
 * other is found here, where the caller can still choose another fence.
 */
#include "platform/membarrier.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/atomic.h"
#include "platform/script.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int answer; /* written under @once, then constant */

/* What the command returned (0 or more), or a negative errno. */
static int command(enum membarrier_cmd what)
{
	const long result = syscall(SYS_membarrier, what, 0, 0);

	return result < 0 ? -errno : (int)result;
}

static void register_process(void)
{
	const int offered = command(MEMBARRIER_CMD_QUERY);

	if (offered < 0)
		answer = offered;
	else if (!(offered & MEMBARRIER_CMD_PRIVATE_EXPEDITED))
		answer = -EOPNOTSUPP;
	else
		answer = command(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
	if (answer == 0)
		answer = command(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

int pendi_membarrier_register(void)
{
	if (pendi_script.membarrier_register)
		return pendi_script.membarrier_register();
	pendi_once(&once, register_process);
	return answer;
}

int pendi_membarrier(void)
{
	if (pendi_script.membarrier)
		return pendi_script.membarrier();
	return command(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}
