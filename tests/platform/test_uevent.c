/* SPDX-License-Identifier: MIT */
/*
 * test_uevent.c - unit tests of platform/uevent.c: what is an event of a CPU, and who may say so.
 *
 * Messages to parse stand before a page that must not be read, so that a read beyond one ends the
 * test. What comes through a socket is either the kernel's (asked for by a write to sysfs, which
 * takes no CPU away) or our own imitation; where that is not permitted the test is skipped.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/script.h"
#include "platform/uevent.h"
#include "tests/platform/filter.h"
#include "tests/support/random.h"

#define PATH "/devices/system/cpu/cpu"
/* A literal of several strings, with the NUL that C adds as the last one's. */
#define MESSAGE(text) text, sizeof(text)

static const char online1[] = "online@" PATH "1\0ACTION=online\0DEVPATH=" PATH "1\0"
			      "SUBSYSTEM=cpu\0SEQNUM=4711";

/* As the kernel's function, of a copy whose end is the end of the readable memory. */
static int parse(const char *message, size_t bytes, struct pendi_uevent *event)
{
	static char *guarded_end;
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (!guarded_end) {
		char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		cr_assert_neq(pages, MAP_FAILED);
		cr_assert_eq(mprotect(pages + page, page, PROT_NONE), 0);
		guarded_end = pages + page;
	}
	memcpy(guarded_end - bytes, message, bytes);
	return pendi_uevent_parse(guarded_end - bytes, bytes, event);
}

Test(uevent, the_events_of_cpus_are_understood)
{
	static const struct {
		const char *text;
		size_t bytes;
		struct pendi_uevent event;
	} cases[] = {
		{ MESSAGE("online@" PATH "1\0ACTION=online\0DEVPATH=" PATH "1\0SUBSYSTEM=cpu\0"
			  "DRIVER=processor\0MODALIAS=cpu:type:x86,ven0002:feature:,0000\0SEQNUM=2"),
		  { PENDI_UEVENT_ONLINE, 1 } },
		{ MESSAGE("offline@" PATH "0\0SUBSYSTEM=cpu"), { PENDI_UEVENT_OFFLINE, 0 } },
		{ MESSAGE("offline@" PATH "4294967295\0SUBSYSTEM=cpu"),
		  { PENDI_UEVENT_OFFLINE, UINT32_MAX } },
		{ MESSAGE("change@" PATH "12\0SUBSYSTEM=cpu"), { PENDI_UEVENT_OTHER, 12 } },
		{ MESSAGE("onlin@" PATH "3\0SUBSYSTEM=cpu"), { PENDI_UEVENT_OTHER, 3 } },
		{ MESSAGE("onlinee@" PATH "3\0SUBSYSTEM=cpu"), { PENDI_UEVENT_OTHER, 3 } },
		{ MESSAGE("offlin@" PATH "3\0SUBSYSTEM=cpu"), { PENDI_UEVENT_OTHER, 3 } },
		{ MESSAGE("online@" PATH "2\0NEW=\0\0SUBSYSTEM=cpu\0ACTIONS=x\0junk"),
		  { PENDI_UEVENT_ONLINE, 2 } },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pendi_uevent event = { 0, 99 };

		cr_expect_eq(parse(cases[i].text, cases[i].bytes, &event), 1, "%s", cases[i].text);
		cr_expect_eq(event.type, cases[i].event.type, "%s", cases[i].text);
		cr_expect_eq(event.cpu, cases[i].event.cpu, "%s", cases[i].text);
	}
}

Test(uevent, what_is_no_event_of_a_cpu_is_not_taken_for_one)
{
	static const struct {
		const char *text;
		size_t bytes;
	} cases[] = {
		{ "", 0 },
		{ MESSAGE("") },
		{ MESSAGE("\0\0") },
		{ online1, sizeof(online1) - 1 }, /* without its end */
		{ MESSAGE("online@" PATH "1") },  /* of no subsystem */
		{ MESSAGE("online@" PATH "1\0SUBSYSTEM=memory") },
		{ MESSAGE("online@" PATH "1\0SUBSYSTEM=cpufreq") },
		{ MESSAGE("online@" PATH "1\0SUBSYSTEM=cp") },
		{ MESSAGE("online@" PATH "1\0SUBSYSTEM=") },
		{ MESSAGE("online@" PATH "1\0SUBSYSTEM=cpu\0SUBSYSTEM=net") },
		{ MESSAGE("online@" PATH "1\0subsystem=cpu") },
		{ MESSAGE("online@" PATH "1\0XSUBSYSTEM=cpu") },
		{ MESSAGE("online@" PATH "1\0ACTION=offline\0SUBSYSTEM=cpu") },
		{ MESSAGE("online@" PATH "1\0ACTION=onlin\0SUBSYSTEM=cpu") },
		{ MESSAGE("online@" PATH "1\0ACTION=onlinee\0SUBSYSTEM=cpu") },
		{ MESSAGE("online@" PATH "1\0DEVPATH=" PATH "2\0SUBSYSTEM=cpu") },
		{ MESSAGE("online@" PATH "1\0DEVPATH=" PATH "11\0SUBSYSTEM=cpu") },
		{ MESSAGE("online@" PATH "\0SUBSYSTEM=cpu") },
		{ MESSAGE("online@" PATH "-1\0SUBSYSTEM=cpu") },
		{ MESSAGE("online@" PATH "+1\0SUBSYSTEM=cpu") },
		{ MESSAGE("online@" PATH " 1\0SUBSYSTEM=cpu") },
		{ MESSAGE("online@" PATH "1 \0SUBSYSTEM=cpu") },
		{ MESSAGE("online@" PATH "01\0SUBSYSTEM=cpu") },
		{ MESSAGE("online@" PATH "1x\0SUBSYSTEM=cpu") },
		{ MESSAGE("online@" PATH "1/cache\0SUBSYSTEM=cpu") },
		{ MESSAGE("online@" PATH "4294967296\0SUBSYSTEM=cpu") },
		{ MESSAGE("online@" PATH "99999999999999999999999\0SUBSYSTEM=cpu") },
		{ MESSAGE("online@/devices/system/cpu/cpufreq\0SUBSYSTEM=cpu") },
		{ MESSAGE("online@/devices/system/cpu\0SUBSYSTEM=cpu") },
		{ MESSAGE("online@/devices/system/memory/memory1\0SUBSYSTEM=cpu") },
		{ MESSAGE("online@x" PATH "1\0SUBSYSTEM=cpu") },
		{ MESSAGE("online" PATH "1\0SUBSYSTEM=cpu") },
		{ MESSAGE("@" PATH "1\0SUBSYSTEM=cpu") },
		{ MESSAGE("online@@" PATH "1\0SUBSYSTEM=cpu") },
		{ MESSAGE("\0online@" PATH "1\0SUBSYSTEM=cpu") },
		{ MESSAGE("libudev\0\xfe\xed\xca\xfe\0SUBSYSTEM=cpu") },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pendi_uevent event = { 77, 99 };

		cr_expect_eq(parse(cases[i].text, cases[i].bytes, &event), 0, "case %zu: %s", i,
			     cases[i].text);
		cr_expect(event.type == 77 && event.cpu == 99, "case %zu changed it", i);
	}
}

Test(uevent, a_message_that_was_cut_is_one_only_behind_its_subsystem)
{
	const char *const subsystem = "SUBSYSTEM=cpu";
	size_t complete = 0, understood = 0;

	while (memcmp(online1 + complete, subsystem, strlen(subsystem) + 1) != 0)
		complete++;
	complete += strlen(subsystem) + 1;
	for (size_t bytes = 0; bytes <= sizeof(online1); bytes++) {
		struct pendi_uevent event;
		const int answer = parse(online1, bytes, &event);

		cr_expect_eq(answer, bytes == complete || bytes == sizeof(online1), "%zu", bytes);
		understood += answer == 1;
	}
	cr_expect_eq(understood, 2);
}

Test(uevent, a_damaged_message_is_refused_or_names_a_cpu_that_it_holds)
{
	struct rng random = rng_make(20261121, 0);
	uint32_t understood = 0;

	for (uint32_t round = 0; round < 200000; round++) {
		const uint32_t damages = 1 + rng_below(&random, 3);
		struct pendi_uevent event = { 77, 99 };
		char message[sizeof(online1)];

		memcpy(message, online1, sizeof(message));
		for (uint32_t i = 0; i < damages; i++)
			message[rng_below(&random, sizeof(message))] =
				(char)rng_below(&random, 256);
		if (!parse(message, sizeof(message), &event)) {
			cr_assert(event.type == 77 && event.cpu == 99);
			continue;
		}
		understood++;
		cr_assert(event.type >= PENDI_UEVENT_ONLINE && event.type <= PENDI_UEVENT_OTHER);
		cr_assert_not_null(memmem(message, sizeof(message), "SUBSYSTEM=cpu", 14));
	}
	cr_assert_gt(understood, 100);
}

/* With room for what all tests send at once, where that may be had. */
static int open_or_skip(void)
{
	const int handle = pendi_uevent_open(), bytes = 4 * 1024 * 1024;

	if (handle < 0)
		cr_skip("no uevents here: %s", strerror(-handle));
	(void)setsockopt(handle, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	return handle;
}

/* Sends @text to whoever hears the kernel, as a process and not as the kernel. */
static void imitate_or_skip(const char *text, size_t bytes)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	const int handle = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT);

	cr_assert_geq(handle, 0);
	if (sendto(handle, text, bytes, 0, (struct sockaddr *)&to, sizeof(to)) != (ssize_t)bytes &&
	    errno != ENOBUFS)
		cr_skip("not allowed to send uevents: %s", strerror(errno));
	(void)close(handle);
}

/* Has the kernel say that CPU 0 changed, which changes nothing. */
static void ask_kernel_or_skip(void)
{
	const int file = open("/sys/devices/system/cpu/cpu0/uevent", O_WRONLY | O_CLOEXEC);

	if (file < 0 || write(file, "change", 6) != 6)
		cr_skip("not allowed to ask the kernel for an event");
	(void)close(file);
}

/* Reads until an event of CPU 0 that is neither online nor offline, for 5 s of silence at most.
 * Other tests that run meanwhile are heard, too, here and elsewhere. */
static bool hears_change(int handle)
{
	struct pollfd waiting = { .fd = handle, .events = POLLIN };

	for (int round = 0; round < 1000 && poll(&waiting, 1, 5000) == 1; round++) {
		struct pendi_uevent event = { 0, 99 };
		const int answer = pendi_uevent_read(handle, &event);

		cr_assert(answer >= 0 || answer == -ENOBUFS);
		if (answer == 1 && event.cpu == 0 && event.type == PENDI_UEVENT_OTHER)
			return true;
	}
	return false;
}

/* What the first read says that finds no event. */
static int read_all(int handle, struct pendi_uevent *event)
{
	int answer;

	do {
		answer = pendi_uevent_read(handle, event);
	} while (answer == 1);
	return answer;
}

Test(uevent, the_socket_is_closed_on_exec_and_does_not_block)
{
	const int handle = open_or_skip();
	struct pendi_uevent event;

	cr_assert(fcntl(handle, F_GETFD) & FD_CLOEXEC);
	cr_assert(fcntl(handle, F_GETFL) & O_NONBLOCK);
	cr_assert_eq(read_all(handle, &event), 0);
	cr_assert_eq(close(handle), 0);
	cr_assert_eq(pendi_uevent_read(handle, &event), -EBADF);
}

Test(uevent, what_the_kernel_says_is_heard)
{
	const int handle = open_or_skip();

	ask_kernel_or_skip();
	if (!hears_change(handle))
		cr_skip("this network namespace hears no uevents");
}

Test(uevent, what_somebody_else_says_is_not_heard)
{
	const int handle = open_or_skip(), witness = open_or_skip();
	struct pollfd waiting = { .fd = witness, .events = POLLIN };
	struct pendi_uevent event = { 77, 99 };
	char message[4096];
	ssize_t bytes;

	imitate_or_skip(MESSAGE("offline@" PATH "1\0SUBSYSTEM=cpu\0IMITATION=1"));
	do {
		if (poll(&waiting, 1, 5000) != 1)
			cr_skip("this network namespace hears no uevents");
		bytes = recv(witness, message, sizeof(message), 0);
	} while (bytes < 0 || !memmem(message, (size_t)bytes, "IMITATION", 9));
	cr_assert_eq(pendi_uevent_parse(message, (size_t)bytes, &event), 1, "a good imitation");
	while (pendi_uevent_read(handle, &event) == 1)
		cr_assert_eq(event.type, PENDI_UEVENT_OTHER);
}

Test(uevent, one_read_ends_however_much_waits)
{
	const int handle = open_or_skip();
	struct pollfd waiting = { .fd = handle, .events = POLLIN };
	struct pendi_uevent event;

	/* More than enough, should real events be among them. */
	for (int i = 0; i < 200; i++)
		imitate_or_skip(MESSAGE("offline@" PATH "1\0SUBSYSTEM=cpu"));
	if (poll(&waiting, 1, 5000) != 1)
		cr_skip("this network namespace hears no uevents");
	cr_assert_eq(read_all(handle, &event), 0);
	cr_assert_eq(poll(&waiting, 1, 0), 1, "it read on and on");
	ask_kernel_or_skip();
	cr_assert(hears_change(handle));
}

Test(uevent, lost_messages_are_reported)
{
	const int handle = open_or_skip(), least = 1;
	struct pendi_uevent event;
	int answer, round = 0;

	cr_assert_eq(setsockopt(handle, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)), 0);
	for (int i = 0; i < 100; i++)
		imitate_or_skip(MESSAGE("offline@" PATH "1\0SUBSYSTEM=cpu"));
	do {
		answer = read_all(handle, &event);
	} while (answer == 0 && ++round < 100);
	cr_assert_eq(answer, -ENOBUFS);
	ask_kernel_or_skip();
	if (!hears_change(handle))
		cr_skip("this network namespace hears no uevents");
}

Test(uevent, a_refused_socket_is_an_error)
{
	struct rlimit files, none = { 0, 0 };
	int answer;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	none.rlim_max = files.rlim_max;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	answer = pendi_uevent_open();
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	cr_assert_eq(answer, -EMFILE);
}

Test(uevent, a_refused_bind_is_an_error_and_leaves_no_socket)
{
	const int before = dup(0);

	cr_assert_geq(before, 0);
	cr_assert_eq(close(before), 0);
	if (!filter_forbid(SYS_bind, EACCES))
		cr_skip("no seccomp here");
	cr_assert_eq(pendi_uevent_open(), -EACCES);
	cr_assert_eq(dup(0), before);
}

static int script_open(void)
{
	return -EAFNOSUPPORT;
}

static int script_read(int socket, struct pendi_uevent *event)
{
	event->type = PENDI_UEVENT_OFFLINE;
	event->cpu = (uint32_t)socket;
	return 1;
}

Test(uevent, a_script_answers_instead_of_the_kernel)
{
	struct pendi_uevent event;

	pendi_script.uevent_open = script_open;
	pendi_script.uevent_read = script_read;
	cr_assert_eq(pendi_uevent_open(), -EAFNOSUPPORT);
	cr_assert_eq(pendi_uevent_read(5, &event), 1);
	cr_assert_eq(event.type, PENDI_UEVENT_OFFLINE);
	cr_assert_eq(event.cpu, 5);
}
