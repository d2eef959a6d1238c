/* SPDX-License-Identifier: MIT */
/*
 * engine.h - the engine: one shard for each CPU, which completes what was pended there.
 *
 * A map that was created in an engine does not finish a completion on the thread that decided it.
 * The slot goes to the queue of the CPU that pended the operation, and the executor of that CPU
 * tells the completion function. Executors also enforce deadlines. A monitor watches them: when an
 * executor stalls, or its CPU goes away, another one serves its shard until it is back.
 *
 * A map without an engine completes on the caller's thread and has no deadlines.
 *
 * In the child of a fork(2) an engine has no threads. So there it is dead, and its maps and sessions
 * are: every call on them, ending them included, is answered -ESHUTDOWN and leaves the parent alone.
 * The child may make its own. After vfork(2) it may only exec or end.
 */
#ifndef PENDMAP_ENGINE_H
#define PENDMAP_ENGINE_H

#include <stdint.h>

#include <pendmap/allocator.h>
#include <pendmap/export.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pend_engine; /* opaque: engine/shard/engine_internal.h */

/** In a call: the CPU that the caller runs on, or all CPUs. In an answer: the monitor. */
#define PEND_CPU_CURRENT UINT32_MAX
#define PEND_WAIT_FOREVER UINT64_MAX /**< as a timeout: none */

/** Bits of pend_engine_options.flags. */
enum pend_engine_flag {
	/** No executors: the application's own threads call pend_engine_poll(). The monitor serves
	 * a shard that nobody polls for stall_ns, until somebody does. */
	PEND_ENGINE_POLLED = 1u << 0,
	/** No monitor: nobody watches for stalls, and an executor that stalls keeps its shard. Lost
	 * CPUs are noticed by the executors themselves. With PEND_ENGINE_POLLED the engine has no
	 * thread of its own, and all that happens happens inside a call. */
	PEND_ENGINE_UNWATCHED = 1u << 1,
};

/** What happened to a shard. */
enum pend_engine_event_type {
	PEND_EVENT_STALL = 1, /**< its executor has not moved for stall_ns; another one serves it */
	PEND_EVENT_LOST = 2,  /**< its CPU is gone; another one serves it */
	PEND_EVENT_RETURN = 3,  /**< its own executor serves it again */
	PEND_EVENT_SUSPEND = 4, /**< the machine slept for duration_ns; cpu is meaningless */
};

struct pend_engine_event {
	enum pend_engine_event_type type;
	uint32_t cpu;         /**< the shard's */
	uint32_t server_cpu;  /**< whose executor serves it now; PEND_CPU_CURRENT: the monitor */
	uint32_t reserved;    /**< zero */
	uint64_t duration_ns; /**< how long it had not moved, was away, or slept; 0 when lost */
};

/**
 * Called by the monitor, or, in an unwatched engine, by who polls it or by an executor; one call
 * at a time, some time after what it tells. It must not block for long, and not destroy the engine.
 * It is a notification: a handler that is too slow misses some, and when the same happens to one
 * shard twice before it is told, both calls say the duration of the second. The counters have all.
 */
typedef void (*pend_engine_event_fn)(void *context, const struct pend_engine_event *event);

/** Creation options: begin with pend_engine_options_default(), then set fields. */
struct pend_engine_options {
	uint32_t size;          /**< bytes: sizeof as the caller compiled it */
	uint32_t flags;         /**< enum pend_engine_flag bits */
	uint32_t queue_entries; /**< of each shard: a power of two, 16 .. 2^24; default 16384. What
				 * finds the queue full is finished by the next tick instead. */
	uint32_t fifo_priority; /**< SCHED_FIFO priority of executors, 1 .. 99; 0 (default): as the
				 * creator. Where it is refused, executors run without. */
	uint64_t tick_ns;       /**< 100 us .. 1 s; default 1 ms */
	uint64_t spin_ns;       /**< how long an idle executor looks for work before it sleeps,
				 * 0 .. 1 s; default 10 us */
	uint64_t stall_ns;      /**< an executor with work that does not move for so long is
				 * stalled, 1 ms .. 60 s; default 20 ms */
	uint64_t home_ns; /**< a lost CPU is tried again so often, 1 ms .. 60 s; default 100 ms */
	uint64_t quota_bytes; /**< of all maps' operations together; 0 (default): no limit */
	const struct pend_allocator *allocator; /**< NULL: the library's own. Borrowed: it must
						 * live as long as the engine. */
	pend_engine_event_fn on_event;          /**< NULL: nobody is told */
	void *context;                          /**< handed to it */
};

static inline struct pend_engine_options pend_engine_options_default(void)
{
	struct pend_engine_options options = { (uint32_t)sizeof(options),
					       0,
					       16384,
					       0,
					       1000000,
					       10000,
					       20000000,
					       100000000,
					       0,
					       NULL,
					       NULL,
					       NULL };

	return options;
}

/** Counters of one shard since creation, or the sum over all. */
struct pend_shard_stats {
	uint32_t size;         /**< sizeof as the caller compiled it, set by the caller */
	uint32_t server_cpu;   /**< whose executor serves it; PEND_CPU_CURRENT: the monitor; 0 in
				  * a sum */
	uint64_t served;       /**< hints that were followed up */
	uint64_t at_home;      /**< ... while on the shard's CPU */
	uint64_t passes;       /**< passes over the deadlines of one map that found something due */
	uint64_t looks;        /**< slots that these looked at */
	uint64_t overflows;    /**< hints that found the queue full */
	uint64_t sleeps;       /**< times its executor slept */
	uint64_t wakes;        /**< times it was woken before its time */
	uint64_t stalls;       /**< times it was given away because its server stalled */
	uint64_t losses;       /**< times its CPU was lost */
	uint64_t returns;      /**< times its own executor took it back */
	uint64_t queued;       /**< hints in its queue now */
	uint64_t fifo_refused; /**< 1: SCHED_FIFO was asked for and refused; in a sum: how many */
	uint64_t starts_refused; /**< times its executor could not be started */
};

/**
 * Create an engine, with its executors and its monitor.
 *
 * There is an executor for each CPU that the calling thread may run on, and later for those that
 * come to that. They block all signals, and inherit the caller's scheduling and affinity until
 * their first work pins them. The shard of a CPU without an executor is served by another one's.
 *
 * @param      options  borrowed for the call; NULL means all defaults
 * @param[out] engine   receives an engine owned by the caller, who ends it with
 *                      pend_engine_destroy(); untouched on error
 *
 * @retval 0        success
 * @retval -EFAULT  @p engine is NULL
 * @retval -EINVAL  options->size below the first version's, an unknown flag, queue_entries that are
 *                  no power of two, or an allocator without its functions
 * @retval -E2BIG   a field newer than this library is set
 * @retval -ERANGE  a number outside the range its field states
 * @retval -ENOMEM  the allocator returned NULL
 * @retval -EAGAIN  a thread could not be made, or the library knows too many threads already
 * @retval -EMFILE  the process has no file descriptor left
 *
 * @context     any thread; may sleep
 * @progress    blocking on the allocator and on the threads' start
 * @ordering    none: handing @p engine to other threads is the caller's business
 * @complexity  O(CPUs * queue_entries) address space; memory is touched as it is used
 * @since       0.1
 * @see         F18, F19; engine/shard/engine.c, tests/shard/test_engine.c
 */
PEND_API int pend_engine_create(const struct pend_engine_options *options,
				struct pend_engine **engine) PEND_MUST_CHECK;

/**
 * Stop the engine's threads and free it.
 *
 * All its maps must have been destroyed and all its sessions closed. No other call on the engine
 * may be running or come later; one that does come later is answered -ESHUTDOWN, until 64 or more
 * engines have been created and destroyed after it.
 *
 * @retval 0           success
 * @retval -EFAULT     @p engine is NULL
 * @retval -ESHUTDOWN  destroyed already
 * @retval -EBUSY      a map or a session of it is still there; nothing was done
 * @retval -EDEADLK    the call comes from one of its threads, its event handler or from inside a
 *                     completion function
 *
 * @context     any thread but the engine's own; may sleep
 * @progress    blocking on what its threads are doing
 * @complexity  O(CPUs)
 * @since       0.1
 * @see         engine/shard/engine.c, tests/shard/test_engine.c
 */
PEND_API int pend_engine_destroy(struct pend_engine *engine);

/**
 * Serve a shard: call the completion functions of what waits in its queue, look at what is due.
 *
 * That is what executors do; in an engine of PEND_ENGINE_POLLED only such calls do it. Several
 * threads may poll one shard, also beside its executor: each operation is completed once. In an
 * unwatched engine a call also does what the monitor would, but for stalls.
 *
 * @param engine  which
 * @param cpu     the shard; PEND_CPU_CURRENT: that of the CPU that the caller runs on
 * @param budget  about how many slots to look at: what is queued is served sixteen at a time, so it
 *                can be exceeded by up to fifteen
 *
 * @return     how many slots were looked at, 0 or more; less than @p budget: nothing is left
 * @retval -EFAULT     @p engine is NULL
 * @retval -ESHUTDOWN  the engine has been destroyed
 * @retval -ERANGE     there is no such CPU
 * @retval -EDEADLK    the calling thread serves a shard of this engine already: the call comes from
 *                     a completion or re-run function that it runs there
 * @retval -EAGAIN     the library knows too many threads already
 *
 * @context     any thread that does not serve a shard of this engine; also from a function that a
 *              stop runs (control.h). Sleeps only if completion functions do
 * @progress    lock-free, but for the completion functions
 * @complexity  O(budget) and O(maps)
 * @since       0.1
 * @see         engine/shard/poll.c, tests/shard/test_poll.c
 */
PEND_API int pend_engine_poll(struct pend_engine *engine, uint32_t cpu, uint32_t budget);

/**
 * Read the counters of a shard, or their sums.
 *
 * @param      engine  which
 * @param      cpu     the shard; PEND_CPU_CURRENT: the sum over all
 * @param[out] stats   size is set by the caller; each field is a moment's estimate. Untouched on
 *                     error.
 *
 * @retval 0           success
 * @retval -EFAULT     @p engine or @p stats is NULL
 * @retval -ESHUTDOWN  the engine has been destroyed
 * @retval -EINVAL     stats->size is below the first version's
 * @retval -ERANGE     there is no such CPU
 *
 * @context     any thread; never sleeps
 * @progress    wait-free
 * @complexity  O(CPUs)
 * @since       0.1
 * @see         engine/shard/stats.c, tests/shard/test_engine.c
 */
PEND_API int pend_engine_stats_read(struct pend_engine *engine, uint32_t cpu,
				    struct pend_shard_stats *stats) PEND_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
