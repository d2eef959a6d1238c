/* SPDX-License-Identifier: MIT */
/*
 * watch.c - descriptors that the monitor waits for, and what it does when one is ready.
 *
 * A watch fires once (EPOLLONESHOT). What epoll hands back names its place and the use of that
 * place, so an event that was on its way when the watch was taken out finds another use. Taking
 * out waits for a function that is running. The mutex is not held while it runs.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "engine/shard/engine_internal.h"
#include "platform/event.h"
#include "platform/memory.h"
#include "platform/uevent.h"

#define WATCH_KICK UINT64_MAX
#define WATCH_TIMER (UINT64_MAX - 1)
#define WATCH_UEVENTS (UINT64_MAX - 2)
#define WATCH_EVENTS_AT_ONCE 16
#define WATCHES_BYTES (PENDI_WATCHES * sizeof(struct pendi_watch))

static int add_descriptor(int epoll, int fd, uint32_t events, uint64_t what)
{
	struct epoll_event event = { .events = events, .data.u64 = what };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

static void close_descriptor(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static int open_descriptors(struct pend_engine *engine)
{
	struct pendi_monitor *monitor = &engine->monitor;
	int error;

	monitor->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (monitor->epoll < 0)
		return -errno;
	monitor->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (monitor->kick < 0)
		return -errno;
	error = add_descriptor(monitor->epoll, monitor->kick, EPOLLIN, WATCH_KICK);
	if (error || engine->flags & PEND_ENGINE_UNWATCHED)
		return error;
	/* Without these two it is slower to notice, no more. */
	monitor->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (monitor->timer >= 0 &&
	    add_descriptor(monitor->epoll, monitor->timer, EPOLLIN, WATCH_TIMER))
		close_descriptor(&monitor->timer);
	monitor->uevents = pendi_uevent_open();
	if (monitor->uevents >= 0 &&
	    add_descriptor(monitor->epoll, monitor->uevents, EPOLLIN, WATCH_UEVENTS))
		close_descriptor(&monitor->uevents);
	return 0;
}

int pendi_watches_init(struct pend_engine *engine)
{
	struct pendi_monitor *monitor = &engine->monitor;
	int error;

	monitor->epoll = monitor->kick = monitor->timer = monitor->uevents = -1;
	monitor->watches = pendi_memory_allocate(&engine->allocator, WATCHES_BYTES,
						 _Alignof(struct pendi_watch));
	if (!monitor->watches)
		return -ENOMEM;
	error = open_descriptors(engine);
	if (!error)
		error = pthread_mutex_init(&monitor->mutex, NULL) ? -ENOMEM : 0;
	if (!error && pthread_cond_init(&monitor->returned, NULL)) {
		(void)pthread_mutex_destroy(&monitor->mutex);
		error = -ENOMEM;
	}
	if (!error)
		return 0;
	close_descriptor(&monitor->uevents);
	close_descriptor(&monitor->timer);
	close_descriptor(&monitor->kick);
	close_descriptor(&monitor->epoll);
	pendi_memory_release(&engine->allocator, monitor->watches, WATCHES_BYTES);
	return error;
}

void pendi_watches_fini(struct pend_engine *engine)
{
	struct pendi_monitor *monitor = &engine->monitor;

	(void)pthread_cond_destroy(&monitor->returned);
	(void)pthread_mutex_destroy(&monitor->mutex);
	close_descriptor(&monitor->uevents);
	close_descriptor(&monitor->timer);
	close_descriptor(&monitor->kick);
	close_descriptor(&monitor->epoll);
	pendi_memory_release(&engine->allocator, monitor->watches, WATCHES_BYTES);
}

/* The place of @fd (-1: a free one), or NULL. Under the mutex. */
static struct pendi_watch *find_watch(struct pendi_monitor *monitor, int fd)
{
	for (uint32_t i = 0; i < monitor->watches_used; i++) {
		if (monitor->watches[i].fd == fd)
			return &monitor->watches[i];
	}
	if (fd >= 0 || monitor->watches_used == PENDI_WATCHES)
		return NULL;
	return &monitor->watches[monitor->watches_used++];
}

int pendi_monitor_watch(struct pend_engine *engine, int fd, void (*fn)(void *context),
			void *context)
{
	struct pendi_monitor *monitor = &engine->monitor;
	struct pendi_watch *watch;
	int error = -ENOSPC;

	pthread_mutex_lock(&monitor->mutex);
	watch = find_watch(monitor, -1);
	if (watch) {
		*watch = (struct pendi_watch){
			.fn = fn, .context = context, .fd = fd, .generation = watch->generation + 1
		};
		error = add_descriptor(monitor->epoll, fd, EPOLLIN | EPOLLRDHUP | EPOLLONESHOT,
				       (uint64_t)watch->generation << 32 |
					       (uint64_t)(watch - monitor->watches));
		if (error)
			watch->fd = -1;
	}
	pthread_mutex_unlock(&monitor->mutex);
	return error;
}

void pendi_monitor_unwatch(struct pend_engine *engine, int fd)
{
	struct pendi_monitor *monitor = &engine->monitor;
	struct pendi_watch *watch;

	pthread_mutex_lock(&monitor->mutex);
	watch = find_watch(monitor, fd);
	if (watch && fd >= 0) {
		while (watch->running)
			(void)pthread_cond_wait(&monitor->returned, &monitor->mutex);
		(void)epoll_ctl(monitor->epoll, EPOLL_CTL_DEL, fd, NULL);
		watch->fd = -1;
		watch->fn = NULL;
		watch->generation++;
	}
	pthread_mutex_unlock(&monitor->mutex);
}

/* A watch has fired, unless it was taken out meanwhile. */
static void fire_watch(struct pendi_monitor *monitor, uint64_t what)
{
	struct pendi_watch *watch = &monitor->watches[(uint32_t)what % PENDI_WATCHES];
	void (*fn)(void *context) = NULL;
	void *context = NULL;

	pthread_mutex_lock(&monitor->mutex);
	if (watch->fd >= 0 && watch->generation == (uint32_t)(what >> 32)) {
		fn = watch->fn;
		context = watch->context;
		watch->fn = NULL;
		watch->running = true;
	}
	pthread_mutex_unlock(&monitor->mutex);
	if (!fn)
		return;
	fn(context);
	pthread_mutex_lock(&monitor->mutex);
	watch->running = false;
	(void)pthread_cond_broadcast(&monitor->returned);
	pthread_mutex_unlock(&monitor->mutex);
}

static void read_uevents(struct pend_engine *engine)
{
	struct pendi_uevent event;
	int result;

	while ((result = pendi_uevent_read(engine->monitor.uevents, &event)) == 1) {
		if (event.type == PENDI_UEVENT_ONLINE || event.type == PENDI_UEVENT_OFFLINE)
			pendi_monitor_cpu_changed(engine, event.cpu);
	}
	if (result == -ENOBUFS)
		pendi_monitor_cpu_changed(engine, UINT32_MAX);
}

void pendi_watches_wait(struct pend_engine *engine, int timeout_ms)
{
	struct pendi_monitor *monitor = &engine->monitor;
	struct epoll_event events[WATCH_EVENTS_AT_ONCE];
	const int count = epoll_wait(monitor->epoll, events, WATCH_EVENTS_AT_ONCE, timeout_ms);
	uint64_t ignored;

	for (int i = 0; i < count; i++) {
		const uint64_t what = events[i].data.u64;

		if (what == WATCH_KICK)
			pendi_event_drain(monitor->kick);
		else if (what == WATCH_TIMER)
			(void)!read(monitor->timer, &ignored, sizeof(ignored));
		else if (what == WATCH_UEVENTS)
			read_uevents(engine);
		else
			fire_watch(monitor, what);
	}
}

void pendi_monitor_kick(struct pend_engine *engine)
{
	/* relaxed, both: the system call orders them; in an unwatched engine whoever comes to the
	 * chores next finds them due. */
	pendi_store_relaxed(&engine->drowsy, 0);
	pendi_store_relaxed(&engine->chores_at_ns, 0);
	if (!(engine->flags & PEND_ENGINE_UNWATCHED))
		(void)pendi_event_signal(engine->monitor.kick);
}
