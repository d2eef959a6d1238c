/* SPDX-License-Identifier: MIT */
/*
 * guest.c - whether the guest of tools/vm behaves as the tests in it take for granted.
 *
 * A pass of the other programs means nothing where a CPU does not really go away. So: a thread
 * pinned to a CPU that is taken offline runs elsewhere, cannot be pinned back, the count of CPUs
 * drops; when the CPU is back the count rises, the thread stays away until it is pinned again.
 * And there are two nodes, with memory that can be placed on both.
 */
#include <errno.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stress/cell.h"
#include "stress/harness.h"

#define WAIT_NS (5 * NS_PER_S)
#define PAGE 4096u

/* A thread that says where it runs, and pins itself when it is asked. */
struct walker {
	struct cell cpu;
	struct cell steps;
	struct cell pin_to; /* CPU + 1; 0: nothing asked */
	struct cell pinned; /* the errno of it, + 1 */
	struct cell stop;
};

static void *walk(void *argument)
{
	struct walker *walker = argument;

	while (!cell_read(&walker->stop)) {
		uint64_t cpu = cell_swap(&walker->pin_to, 0);

		if (cpu)
			cell_write(&walker->pinned, (uint64_t)-stress_pin((uint32_t)cpu - 1) + 1);
		cell_write(&walker->cpu, (uint64_t)sched_getcpu());
		cell_add(&walker->steps, 1);
		sched_yield();
	}
	return NULL;
}

/* The errno of pinning the walker, which has gone round its loop since. */
static int pin_walker(struct walker *walker, uint32_t cpu)
{
	uint64_t give_up_ns = stress_now_ns() + WAIT_NS, steps;

	cell_write(&walker->pinned, 0);
	cell_write(&walker->pin_to, cpu + 1);
	while (!cell_read(&walker->pinned)) {
		if (stress_now_ns() > give_up_ns)
			stress_bail("the pinned thread does not run");
		stress_sleep_ns(NS_PER_MS);
	}
	steps = cell_read(&walker->steps);
	while (cell_read(&walker->steps) < steps + 2)
		sched_yield();
	return (int)cell_read(&walker->pinned) - 1;
}

static void set_online(uint32_t cpu, bool online)
{
	char path[64];
	int status;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
	status = stress_write(path, online ? "1" : "0");
	if (status)
		stress_bail("%s: %s", path, strerror(-status));
}

static void check_unplug(struct stress *stress, struct walker *walker, uint32_t cpu)
{
	long all = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t began_ns = stress_now_ns(), gone_ns, back_ns;

	stress_check(stress, pin_walker(walker, cpu) == 0 && cell_read(&walker->cpu) == cpu,
		     "cpu %u: a thread is pinned to it and runs there", cpu);
	set_online(cpu, false);
	gone_ns = stress_now_ns();
	stress_check(stress, sysconf(_SC_NPROCESSORS_ONLN) == all - 1, "cpu %u: gone, %ld are left",
		     cpu, sysconf(_SC_NPROCESSORS_ONLN));
	stress_check(stress, pin_walker(walker, cpu) == EINVAL && cell_read(&walker->cpu) != cpu,
		     "cpu %u: its thread runs on %u and cannot be pinned back", cpu,
		     (uint32_t)cell_read(&walker->cpu));
	back_ns = stress_now_ns();
	set_online(cpu, true);
	stress_note("cpu %u: %.1f ms to go, %.1f ms to come back", cpu,
		    (double)(gone_ns - began_ns) / (double)NS_PER_MS,
		    (double)(stress_now_ns() - back_ns) / (double)NS_PER_MS);
	stress_check(stress, sysconf(_SC_NPROCESSORS_ONLN) == all, "cpu %u: back", cpu);
	stress_sleep_ns(100 * NS_PER_MS);
	stress_check(stress, cell_read(&walker->cpu) != cpu, "cpu %u: nobody moves its thread back",
		     cpu);
	stress_check(stress, pin_walker(walker, cpu) == 0 && cell_read(&walker->cpu) == cpu,
		     "cpu %u: the thread can be pinned again", cpu);
}

static void check_node(struct stress *stress, uint32_t node)
{
	unsigned long mask = 1ul << node;
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int placed = -1;

	if (page == MAP_FAILED ||
	    syscall(SYS_mbind, page, PAGE, MPOL_BIND, &mask, sizeof(mask) * 8, 0))
		stress_bail("mbind: %s", strerror(errno));
	memset(page, 1, PAGE);
	if (syscall(SYS_move_pages, 0, 1ul, &page, NULL, &placed, 0))
		stress_bail("move_pages: %s", strerror(errno));
	stress_check(stress, placed == (int)node, "node %u: memory bound to it lies on %d", node,
		     placed);
	munmap(page, PAGE);
}

int main(int count, char **words)
{
	struct stress stress = { .name = "stress_guest",
				 .purpose = "whether the guest's CPUs and nodes are real" };
	struct walker walker = { 0 };
	pthread_t thread;
	uint32_t cpus[64];
	int status;

	if (!stress_begin(&stress, count, words, &status))
		return status;
	if (!stress_in_guest())
		stress_skip("takes CPUs away: only in the guest of ./dev vm");
	stress_limit(60, "guest");
	stress_check(&stress, stress_cpus(cpus, 64) == 4, "four CPUs");
	for (uint32_t node = 0; node < 2; node++)
		check_node(&stress, node);
	if (pthread_create(&thread, NULL, walk, &walker))
		stress_bail("no thread");
	for (uint32_t cpu = 1; cpu < 4; cpu++)
		check_unplug(&stress, &walker, cpu);
	cell_write(&walker.stop, 1);
	pthread_join(thread, NULL);
	return stress_end(&stress);
}
