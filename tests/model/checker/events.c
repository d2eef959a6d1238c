/* SPDX-License-Identifier: MIT */
/*
 * events.c - the eventfds of a scenario: counters that are put back before each execution, unlike
 * the kernel's. Real ones lend them their numbers (a monitor gives its own to an epoll); those that
 * fibers make are made beforehand, so that they have the same numbers each time. Calls on other file
 * descriptors pass through.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/model/checker/checker.h"

enum { EVENTS = 256, SPARES = 4 };

static struct {
	bool is_event;
	uint64_t counter;
} descriptors[EVENTS];
static int spares[SPARES];
static uint32_t spares_used;

int __wrap_eventfd(unsigned int initial, int flags);
ssize_t __wrap_read(int fd, void *to, size_t bytes);
ssize_t __wrap_write(int fd, const void *from, size_t bytes);
int __wrap_poll(struct pollfd *polled, nfds_t number, int timeout_ms);
int __wrap_close(int fd);
int __real_eventfd(unsigned int initial, int flags);
ssize_t __real_read(int fd, void *to, size_t bytes);
ssize_t __real_write(int fd, const void *from, size_t bytes);
int __real_poll(struct pollfd *polled, nfds_t number, int timeout_ms);
int __real_close(int fd);

static uint64_t *event_of(int fd)
{
	return fd >= 0 && fd < EVENTS && descriptors[fd].is_event ? &descriptors[fd].counter : NULL;
}

void events_setup(void)
{
	for (uint32_t i = 0; i < SPARES; i++)
		spares[i] = __real_eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

int __wrap_eventfd(unsigned int initial, int flags)
{
	int fd;

	MODEL_CHECK(!model->running || spares_used < SPARES);
	fd = model->running ? spares[spares_used++] : __real_eventfd(0, flags);
	MODEL_CHECK(fd >= 0 && fd < EVENTS);
	descriptors[fd].is_event = true;
	descriptors[fd].counter = initial;
	return fd;
}

ssize_t __wrap_write(int fd, const void *from, size_t bytes)
{
	uint64_t *event = event_of(fd), added;

	if (!event)
		return __real_write(fd, from, bytes);
	MODEL_CHECK(bytes == sizeof(added));
	seams_enter_kernel();
	memory_hand_over(event);
	memcpy(&added, from, sizeof(added));
	*event += added;
	model->version++;
	if (model->trace)
		report_event("writes the eventfd", event);
	return sizeof(added);
}

ssize_t __wrap_read(int fd, void *to, size_t bytes)
{
	uint64_t *event = event_of(fd);

	if (!event)
		return __real_read(fd, to, bytes);
	MODEL_CHECK(bytes == sizeof(*event));
	seams_enter_kernel();
	if (model->trace)
		report_event(*event ? "drains the eventfd" : "finds nothing in the eventfd", event);
	if (!*event) {
		errno = EAGAIN; /* all of them are non-blocking */
		return -1;
	}
	memory_acquire(event);
	memcpy(to, event, sizeof(*event));
	*event = 0;
	model->version++;
	return sizeof(*event);
}

/* One eventfd, without waiting. */
int __wrap_poll(struct pollfd *polled, nfds_t number, int timeout_ms)
{
	const uint64_t *event = number ? event_of(polled->fd) : NULL;

	if (!event)
		return __real_poll(polled, number, timeout_ms);
	MODEL_CHECK(number == 1 && timeout_ms == 0);
	seams_enter_kernel();
	polled->revents = *event ? POLLIN : 0;
	return *event != 0;
}

int __wrap_close(int fd)
{
	/* An eventfd is open again in the next execution. */
	return event_of(fd) ? 0 : __real_close(fd);
}
