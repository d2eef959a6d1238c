/* SPDX-License-Identifier: MIT */
/*
 * portable.c - pendmap's reader sections where the kernel has no membarrier(2).
 */
#include "bench/scenario/portable.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/peers/epoch_peer.h"

/* From here on membarrier(2) fails with ENOSYS. */
static int refuse_membarrier(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return -errno;
	return 0;
}

int bench_portable_main(const char *window, const char *cpu)
{
	uint64_t operations;
	cpu_set_t set;
	double ns;

	CPU_ZERO(&set);
	CPU_SET(strtoul(cpu, NULL, 10), &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
	if (refuse_membarrier())
		return 3;
	ns = bench_epoch_pendmap.read_ns(strtoull(window, NULL, 10), &operations);
	if (ns < 0)
		return 3;
	printf("%.9f %llu\n", ns, (unsigned long long)operations);
	return 0;
}

static void become(int out, uint64_t window_ns, uint32_t cpu)
{
	char window[32], where[32];

	snprintf(window, sizeof(window), "%llu", (unsigned long long)window_ns);
	snprintf(where, sizeof(where), "%u", cpu);
	if (dup2(out, STDOUT_FILENO) == STDOUT_FILENO)
		execl("/proc/self/exe", "pendbench", BENCH_PORTABLE_COMMAND, window, where,
		      (char *)NULL);
	_exit(127);
}

double bench_portable_read_ns(uint64_t window_ns, uint32_t cpu, uint64_t *operations)
{
	unsigned long long count = 0;
	double ns = -1;
	int ends[2], status = -1;
	FILE *in;
	pid_t child;

	if (pipe(ends))
		return -1;
	child = fork();
	if (child == 0)
		become(ends[1], window_ns, cpu);
	close(ends[1]);
	in = fdopen(ends[0], "r");
	if (!in)
		close(ends[0]);
	else if (fscanf(in, "%lf %llu", &ns, &count) != 2)
		ns = -1;
	if (in)
		fclose(in);
	if (child > 0)
		(void)waitpid(child, &status, 0);
	*operations = count;
	return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? ns : -1;
}
