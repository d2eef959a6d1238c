/* SPDX-License-Identifier: MIT */
/*
 * test_faults.c - unit tests of platform/: what the kernel or the C library refuses, interrupts or
 * answers oddly, where no other test can make it do so.
 *
 * Linked with --wrap: what the library calls comes here first, and goes on to the real thing unless
 * the test has set an answer. Each test is a process of its own, so that what is settled once in a
 * process is settled in each.
 */
#include <criterion/criterion.h>

#include <dirent.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/cpu.h"
#include "platform/membarrier.h"
#include "platform/memory.h"
#include "platform/numa.h"
#include "platform/script.h"
#include "platform/uevent.h"
#include "tests/support/wrap.h"

enum { EVERY_CALL = 1000 };

static struct fault fails_read, fails_affinity, fails_mmap, fails_mempolicy, fails_move,
	fails_getcpu;

static long says_cpus;            /* sysconf(_SC_NPROCESSORS_CONF), if it is not 0 */
static bool fills_the_buffer;     /* read() */
static bool has_no_nodes;         /* get_mempolicy() */
static const char *const *names;  /* readdir(), up to NULL */
static int offered = -1;          /* membarrier's query */
static struct sockaddr_nl sender; /* recvmsg(), if its family is not 0 */
static socklen_t sender_bytes;
static int interruptions;
static size_t asked_bytes;

WRAPPED(ssize_t, read, int file, void *buffer, size_t bytes)
{
	if (strikes(&fails_read))
		return -1;
	if (!fills_the_buffer)
		return __real_read(file, buffer, bytes);
	memset(buffer, '0', bytes);
	return (ssize_t)bytes;
}

WRAPPED(long, sysconf, int name)
{
	return says_cpus && name == _SC_NPROCESSORS_CONF ? says_cpus : __real_sysconf(name);
}

WRAPPED(int, sched_getcpu, void)
{
	return strikes(&fails_getcpu) ? -1 : __real_sched_getcpu();
}

WRAPPED(int, sched_getaffinity, pid_t thread, size_t bytes, cpu_set_t *set)
{
	return strikes(&fails_affinity) ? -1 : __real_sched_getaffinity(thread, bytes, set);
}

WRAPPED(struct dirent *, readdir, DIR *directory)
{
	static struct dirent entry;

	if (!names)
		return __real_readdir(directory);
	if (!*names)
		return NULL;
	strcpy(entry.d_name, *names++);
	return &entry;
}

WRAPPED(void *, mmap, void *at, size_t bytes, int protection, int flags, int file, off_t offset)
{
	asked_bytes = bytes;
	return strikes(&fails_mmap) ? MAP_FAILED
				    : __real_mmap(at, bytes, protection, flags, file, offset);
}

WRAPPED(int, get_mempolicy, int *mode, unsigned long *mask, unsigned long bits, void *address,
	unsigned int flags)
{
	if (strikes(&fails_mempolicy))
		return -1;
	if (has_no_nodes)
		return 0;
	return __real_get_mempolicy(mode, mask, bits, address, flags);
}

WRAPPED(long, move_pages, int process, unsigned long count, void **pages, const int *nodes,
	int *status, int flags)
{
	return strikes(&fails_move)
		       ? -1
		       : __real_move_pages(process, count, pages, nodes, status, flags);
}

WRAPPED(ssize_t, recvmsg, int handle, struct msghdr *header, int flags)
{
	ssize_t got;

	if (interruptions && interruptions--) {
		errno = EINTR;
		return -1;
	}
	got = __real_recvmsg(handle, header, flags);
	if (got >= 0 && sender.nl_family) {
		memcpy(header->msg_name, &sender, sizeof(sender));
		header->msg_namelen = sender_bytes;
	}
	return got;
}

bool answer_syscall(long number, const long given[6], long *result)
{
	*result = offered;
	return number == SYS_membarrier && given[0] == MEMBARRIER_CMD_QUERY && offered >= 0;
}

/* ---- CPUs ---- */

/* What the list of possible CPUs says, which is sure to be there on Linux. */
static uint32_t listed_cpus(void)
{
	return (uint32_t)__real_sysconf(_SC_NPROCESSORS_CONF);
}

Test(cpu_faults, an_interrupted_read_goes_on)
{
	says_cpus = 1;
	fails_read.calls = 3;
	fails_read.error = EINTR;
	cr_assert_geq(pendi_cpu_possible(), listed_cpus());
	cr_assert_eq(fails_read.calls, 0);
}

Test(cpu_faults, without_the_list_the_c_library_is_asked)
{
	says_cpus = 77;
	fails_read.calls = 1;
	fails_read.error = EIO;
	cr_assert_eq(pendi_cpu_possible(), 77);
}

Test(cpu_faults, a_list_that_does_not_fit_is_none)
{
	says_cpus = 78;
	fills_the_buffer = true;
	cr_assert_eq(pendi_cpu_possible(), 78);
}

Test(cpu_faults, a_count_that_is_not_known_is_one)
{
	fails_read.calls = 1;
	fails_read.error = EIO;
	says_cpus = -1;
	cr_assert_eq(pendi_cpu_possible(), 1);
	cr_assert_eq(pendi_cpu_current(), 0);
}

Test(cpu_faults, a_count_beyond_belief_is_cut)
{
	fails_read.calls = 1;
	fails_read.error = EIO;
	says_cpus = 1000000;
	cr_assert_eq(pendi_cpu_possible(), 8192);
}

static uint32_t script_many(void)
{
	return 8192;
}

Test(cpu_faults, a_cpu_that_is_not_known_is_the_first)
{
	pendi_script.cpu_possible = script_many; /* not the number that the C library keeps */
	fails_getcpu.calls = 1;
	cr_assert_eq(pendi_cpu_current(), 0);
	cr_assert_eq(fails_getcpu.calls, 0);
}

Test(cpu_faults, affinity_that_cannot_be_read_is_an_error)
{
	fails_affinity.calls = 2;
	fails_affinity.error = EPERM;
	cr_assert_eq(pendi_cpu_allowed_count(), -EPERM);
	cr_assert_eq(pendi_cpu_allowed(0), -EPERM);
	cr_assert_gt(pendi_cpu_allowed_count(), 0);
}

Test(cpu_faults, only_node_and_a_number_names_a_node)
{
	static const char *const found[] = { ".",      "node",     "nodes", "node/1", "node:",
					     "node3x", "node8192", "node3", "node4",  NULL };

	names = found;
	cr_assert_eq(pendi_cpu_node(0), 3);
}

Test(cpu_faults, a_cpu_of_no_node_is_on_the_first)
{
	static const char *const found[] = { ".", "..", "online", NULL };

	names = found;
	cr_assert_eq(pendi_cpu_node(0), 0);
	cr_assert_null(*names);
}

/* ---- memory ---- */

#define MIB ((size_t)1024 * 1024)

Test(memory_faults, an_alignment_beyond_a_huge_page_is_kept)
{
	const struct pend_allocator *const given = &pendi_memory_default;
	char *memory = given->allocate(NULL, 3 * MIB, 4 * MIB);

	cr_assert_not_null(memory);
	cr_assert_eq((uintptr_t)memory % (4 * MIB), 0);
	cr_assert_eq(asked_bytes, 7 * MIB);
	memory[3 * MIB - 1] = 1;
	given->release(NULL, memory, 3 * MIB);
}

Test(memory_faults, an_alignment_beyond_the_address_space_is_refused)
{
	const struct pend_allocator *const given = &pendi_memory_default;

	cr_assert_null(given->allocate(NULL, 3 * MIB, (size_t)1 << 63));
	cr_assert_eq(asked_bytes, 0, "the kernel is not asked");
	cr_assert_null(given->allocate(NULL, 64, (size_t)1 << 63));
	cr_assert_null(given->allocate(NULL, 64, (size_t)1 << 62));
}

/* ---- nodes ---- */

Test(numa_faults, nodes_that_cannot_be_read_are_none)
{
	fails_mempolicy.calls = EVERY_CALL;
	fails_mempolicy.error = EPERM;
	cr_assert_not(pendi_numa_usable());
	cr_assert_eq(pendi_numa_count(), 0);
}

Test(numa_faults, without_a_node_nothing_can_be_placed)
{
	has_no_nodes = true;
	cr_assert_not(pendi_numa_usable());
}

Test(numa_faults, without_a_page_to_try_nothing_can_be_placed)
{
	fails_mmap.calls = 1;
	fails_mmap.error = ENOMEM;
	cr_assert_not(pendi_numa_usable());
}

static bool script_usable(void)
{
	return true;
}

static bool script_two_nodes(uint32_t node)
{
	return node == 1 || node == 1000;
}

/* Of nodes that this machine does not have, none is said to be near. */
Test(numa_faults, a_distance_that_is_not_known_is_the_longest)
{
	pendi_script.numa_usable = script_usable;
	pendi_script.numa_has_memory = script_two_nodes;
	cr_assert_eq(pendi_numa_nearest(1001), 1, "the lowest of equals");
}

Test(numa_faults, a_page_that_nobody_knows_is_on_no_node)
{
	static char page[8192];

	page[4096] = 1;
	if (!pendi_numa_usable())
		cr_skip("memory cannot be placed here");
	cr_assert_neq(pendi_numa_node_of(&page[4096]), PENDI_NUMA_NODE_NONE);
	fails_move.calls = 1;
	fails_move.error = EPERM;
	cr_assert_eq(pendi_numa_node_of(&page[4096]), PENDI_NUMA_NODE_NONE);
}

/* ---- the heavy fence ---- */

Test(membarrier_faults, a_kernel_without_the_private_one_has_none)
{
	offered = MEMBARRIER_CMD_GLOBAL;
	cr_assert_eq(pendi_membarrier_register(), -EOPNOTSUPP);
}

/* ---- events ---- */

#define ONLINE                                                                               \
	"online@/devices/system/cpu/cpu1\0ACTION=online\0DEVPATH=/devices/system/cpu/cpu1\0" \
	"SUBSYSTEM=cpu"

/* One message in a socket, as if of @from with an address of @bytes. */
static int read_event(struct sockaddr_nl from, socklen_t bytes, struct pendi_uevent *event)
{
	int ends[2], result;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	cr_assert_eq(send(ends[1], ONLINE, sizeof(ONLINE), 0), (ssize_t)sizeof(ONLINE));
	sender = from;
	sender_bytes = bytes;
	result = pendi_uevent_read(ends[0], event);
	close(ends[0]);
	close(ends[1]);
	return result;
}

Test(uevent_faults, only_the_kernel_is_believed)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	const struct sockaddr_nl process = { .nl_family = AF_NETLINK, .nl_pid = 7 };
	const struct sockaddr_nl other = { .nl_family = AF_UNIX };
	struct pendi_uevent event = { 0 };

	cr_assert_eq(read_event(process, sizeof(process), &event), 0);
	cr_assert_eq(read_event(other, sizeof(other), &event), 0);
	cr_assert_eq(read_event(kernel, sizeof(kernel) - 1, &event), 0);
	cr_assert_eq(read_event(kernel, sizeof(kernel), &event), 1);
	cr_assert_eq(event.type, PENDI_UEVENT_ONLINE);
	cr_assert_eq(event.cpu, 1);
}

Test(uevent_faults, an_interrupted_read_goes_on)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct pendi_uevent event = { 0 };

	interruptions = 2;
	cr_assert_eq(read_event(kernel, sizeof(kernel), &event), 1);
	cr_assert_eq(interruptions, 0);
}
