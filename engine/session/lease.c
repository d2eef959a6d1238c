/* SPDX-License-Identifier: MIT */
/*
 * lease.c - the descriptors that tell that an orchestrator is gone.
 *
 *	engine: reading end, watched by the monitor <==== pipe ==== writing end: the lease, dup'ed,
 *	                                                            handed on, inherited
 *
 * When the last copy of the writing end is closed, the kernel hangs the reading end up, whoever had
 * it and however he died. The pipe is made for the first lease, which gets the only writing end: the
 * session keeps none, for that would keep itself alive. A later lease is the same pipe opened for
 * writing once more, through /proc/self/fd: so one hang-up still means that all of them are gone,
 * with no list of leases to keep. If all were gone already, the session is lost all the same. (A pipe
 * for each lease would do without /proc, but costs a watched descriptor each, and who was given two
 * would have to be counted.)
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/session/session_internal.h"

/* By the monitor: with no lock. */
static void lease_broken(void *seat)
{
	(void)pendi_seat_lose(seat, NULL);
}

int pendi_seat_watch(struct pendi_seat *seat, int fd)
{
	/* One of our own, so that each is watched once, and whoever closes @fd does no harm. */
	const int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	int error;

	if (own < 0)
		return -errno;
	seat->watch = own;
	error = pendi_monitor_watch(seat->engine, own, lease_broken, seat);
	if (error) {
		(void)close(own);
		seat->watch = -1;
	}
	return error;
}

void pendi_seat_close_watches(struct pendi_seat *seat)
{
	if (seat->lease >= 0)
		(void)close(seat->lease);
	if (seat->watch >= 0)
		(void)close(seat->watch);
	seat->lease = seat->watch = -1;
}

void pendi_seat_unwatch(struct pendi_seat *seat)
{
	if (seat->lease >= 0)
		pendi_monitor_unwatch(seat->engine, seat->lease);
	if (seat->watch >= 0)
		pendi_monitor_unwatch(seat->engine, seat->watch);
	pendi_seat_close_watches(seat);
}

/* The first: the writing end, or a negative errno. Under the mutex. */
static int lease_first(struct pendi_seat *seat)
{
	int ends[2], error;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	error = pendi_monitor_watch(seat->engine, ends[0], lease_broken, seat);
	if (error) {
		(void)close(ends[0]);
		(void)close(ends[1]);
		return error;
	}
	seat->lease = ends[0];
	return ends[1];
}

/* One more. Under the mutex. */
static int lease_again(const struct pendi_seat *seat)
{
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", seat->lease);
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0)
		return fd;
	return errno == ENOENT || errno == ENOTDIR ? -EOPNOTSUPP : -errno;
}

int pend_session_lease(struct pend_session *session)
{
	struct pendi_seat *seat;
	int result = pendi_session_enter(session, &seat);

	if (result)
		return result;
	if (pendi_engine_serving(seat->engine)) {
		pendi_session_leave(seat);
		return -EDEADLK;
	}
	pthread_mutex_lock(&pendi_sessions_mutex);
	/* relaxed: the mutex orders an heir that sat down meanwhile. */
	if (!pendi_seat_is_of(pendi_load_relaxed(&seat->control), session))
		result = -ESHUTDOWN;
	else
		result = seat->lease < 0 ? lease_first(seat) : lease_again(seat);
	pthread_mutex_unlock(&pendi_sessions_mutex);
	pendi_session_leave(seat);
	return result;
}
