/* SPDX-License-Identifier: MIT */
/*
 * monitor.h - the thread that watches the executors, and descriptors for others.
 *
 * Most of the time it sleeps in epoll_wait(). It wakes for a descriptor, for a hint that came
 * while all executors slept (from then on it looks at them every stall_ns / 2, for as long as there
 * is work), for news of CPUs, and after a suspend, because its timer counts that.
 */
#ifndef PENDI_ENGINE_SHARD_MONITOR_H
#define PENDI_ENGINE_SHARD_MONITOR_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "platform/atomic.h"

struct pend_allocator;
struct pend_engine;

/* A session may have two: its lease and what it watches. */
#ifndef PENDI_WATCHES
#define PENDI_WATCHES 8192u
#endif

/* One descriptor; under the mutex. */
struct pendi_watch {
	void (*fn)(void *context);
	void *context;
	int fd;              /* -1: free */
	uint32_t generation; /* uses of this place: an event of an earlier one is stale */
	bool running;        /* fn is being called */
};

struct pendi_monitor {
	int epoll, kick, timer, uevents; /* -1: none */
	bool has_thread;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t returned; /* a watch's fn has returned */
	struct pendi_watch *watches;
	uint32_t watches_used; /* places from here on were never used */
	uint64_t recheck_ns;   /* the monitor's own: when to look for CPUs next */
	uint64_t active_ns;    /* the monitor's own: when there was work last */
	bool dozed;            /* the monitor's own: before this look */
};

/*
 * Calls @fn once, when @fd is readable or hung up: on the monitor's thread, or in an unwatched
 * engine in pend_engine_poll() or by an executor, with no lock held. That may be before this
 * returns. The engine is not watching @fd yet. 0; -ENOSPC; or the error of epoll_ctl().
 */
int pendi_monitor_watch(struct pend_engine *engine, int fd, void (*fn)(void *context),
			void *context);

/* When this returns, the fn of @fd is not running and will not be called. Also for one that has
 * been called; never from inside it. The descriptor can be closed then. */
void pendi_monitor_unwatch(struct pend_engine *engine, int fd);

/* The rest is the shards' own. */

/* 0, -ENOMEM, or the error of a system call. */
int pendi_watches_init(struct pend_engine *engine);
void pendi_watches_fini(struct pend_engine *engine);
/* Waits at most @timeout_ms for descriptors and does what is to be done for them. */
void pendi_watches_wait(struct pend_engine *engine, int timeout_ms);

/* 0 or -EAGAIN. */
int pendi_monitor_start(struct pend_engine *engine);
void pendi_monitor_stop(struct pend_engine *engine);
/* Wakes it, now. */
void pendi_monitor_kick(struct pend_engine *engine);
/* One look at everything. Returns in how many nanoseconds it wants to look again. */
uint64_t pendi_monitor_look(struct pend_engine *engine);
/* What an unwatched engine needs all the same: suspends, tending, events, descriptors. By who polls
 * it, and by its executors. Once a tick; all but the descriptors each time if @always. */
void pendi_monitor_chores(struct pend_engine *engine, uint64_t now_ns, bool always);
/* The CPU @cpu may have come or gone; UINT32_MAX: any. */
void pendi_monitor_cpu_changed(struct pend_engine *engine, uint32_t cpu);

#endif
