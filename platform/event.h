/* SPDX-License-Identifier: MIT */
/*
 * event.h - eventfds, written and read from inside calls that never sleep.
 *
 * write() and read() are points at which a thread that somebody cancelled ends. It would end in the
 * middle of a pend: inside the gate, with a bell that it has disarmed and not rung. So cancellation
 * waits meanwhile, and the thread leaves the call of the library before it ends.
 */
#ifndef PENDI_PLATFORM_EVENT_H
#define PENDI_PLATFORM_EVENT_H

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

/* Makes @event readable. 0 or negative errno; -EAGAIN: it is, and counts no further. */
static inline int pendi_event_signal(int event)
{
	const uint64_t one = 1;
	int before, error;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	error = write(event, &one, sizeof(one)) < 0 ? -errno : 0;
	(void)pthread_setcancelstate(before, &before);
	return error;
}

/* Makes it unreadable, if it was readable. */
static inline void pendi_event_drain(int event)
{
	uint64_t count;
	int before;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	(void)!read(event, &count, sizeof(count));
	(void)pthread_setcancelstate(before, &before);
}

#endif
