/* SPDX-License-Identifier: MIT */
/*
 * seams.c - the system that the library finds in a scenario.
 *
 * Clocks stand still, CPUs are numbers, a futex is a state of a fiber, membarrier() makes all stores
 * land. Mutexes are those of the control plane, wrapped by the linker. Memory comes from arenas.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <pendmap/allocator.h>

#include "platform/memory.h"
#include "platform/script.h"
#include "tests/model/checker/access.h"
#include "tests/model/checker/checker.h"

enum { MUTEXES = 64 };

/* ---- memory: in place of platform/memory.c ---- */

static void *arena_allocate(void *context, size_t size, size_t alignment)
{
	(void)context;
	return memory_allocate(size, alignment);
}

static void arena_free(void *context, void *memory, size_t size)
{
	(void)context;
	memory_release(memory, size);
}

const struct pend_allocator pendi_memory_default = { .size = sizeof(struct pend_allocator),
						     .allocate = arena_allocate,
						     .release = arena_free };

void *pendi_memory_allocate(const struct pend_allocator *allocator, size_t size, size_t alignment)
{
	(void)allocator;
	return memory_allocate(size, alignment);
}

void pendi_memory_release(const struct pend_allocator *allocator, void *memory, size_t size)
{
	(void)allocator;
	if (memory)
		memory_release(memory, size);
}

/* ---- time and place ---- */

static uint64_t clock_now(void)
{
	return model->now_ns;
}

void model_advance(uint64_t ns)
{
	model->now_ns += ns;
	model->version++;
}

static uint32_t cpu_current(void)
{
	return model->self < MODEL_THREADS ? model->fibers[model->self].cpu : 0;
}

static uint32_t cpu_possible(void)
{
	return MODEL_THREADS;
}

static uint32_t cpu_node(uint32_t cpu)
{
	(void)cpu;
	return 0;
}

static int cpu_allowed(uint32_t cpu)
{
	return cpu < MODEL_THREADS;
}

void model_move_to(uint32_t cpu)
{
	model->fibers[model->self].cpu = cpu;
}

/* ---- waiting ---- */

/* A system call: others may come before it, and what waits in the buffer is out when it is done. */
void seams_enter_kernel(void)
{
	if (model->running && model->self != MODEL_MAIN && !model->fibers[model->self].buffered)
		schedule_point();
	memory_fence();
}

static int futex_wait(const void *word, uint32_t expected, uint64_t timeout_ns)
{
	uint32_t now;

	seams_enter_kernel();
	if (model->weak && model->running && model->self != MODEL_MAIN)
		schedule_point(); /* the word is read after the kernel's fence, not with it */
	memcpy(&now, word, sizeof(now));
	if (now != expected)
		return -EAGAIN;
	if (!model->running || model->self == MODEL_MAIN)
		return -ETIMEDOUT;
	schedule_block(MODEL_SLEEPS, word, timeout_ns != UINT64_MAX);
	if (!model->fibers[model->self].timed_out) {
		memory_acquire(word);
		return 0;
	}
	model_advance(timeout_ns);
	return -ETIMEDOUT;
}

static int futex_wake(const void *word, uint32_t count)
{
	seams_enter_kernel();
	memory_hand_over(word);
	if (model->running)
		schedule_wake(MODEL_SLEEPS, word, count);
	return 0;
}

static int membarrier(void)
{
	if (model->running && model->self != MODEL_MAIN)
		schedule_point();
	memory_barrier();
	return 0;
}

static int membarrier_register(void)
{
	return 0;
}

void model_relax(void)
{
	if (model->running && model->self != MODEL_MAIN)
		schedule_block(MODEL_SPINS, NULL, false);
}

void model_once(void *once, void (*function)(void))
{
	(void)pthread_once(once, function); /* in begin(), always: see fiber_as() */
}

/* ---- mutexes of the control plane: --wrap ---- */

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left);

static struct {
	const void *mutex;
	uint32_t owner;
} held[MUTEXES];

static uint32_t held_slot(const void *mutex)
{
	uint32_t empty = MUTEXES;

	for (uint32_t i = 0; i < MUTEXES; i++) {
		if (held[i].mutex == mutex)
			return i;
		if (!held[i].mutex && empty == MUTEXES)
			empty = i;
	}
	MODEL_CHECK(empty < MUTEXES);
	return empty;
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
	const bool fiber = model->running && model->self != MODEL_MAIN;
	uint32_t slot;

	if (fiber)
		schedule_point();
	memory_land_all(model->self);
	for (slot = held_slot(mutex); held[slot].mutex; slot = held_slot(mutex)) {
		MODEL_CHECK(fiber && held[slot].owner != model->self);
		schedule_block(MODEL_LOCKS, mutex, false);
	}
	held[slot].mutex = mutex;
	held[slot].owner = model->self;
	memory_acquire(mutex);
	return 0;
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	const uint32_t slot = held_slot(mutex);

	MODEL_CHECK(held[slot].mutex == mutex && held[slot].owner == model->self);
	memory_hand_over(mutex);
	held[slot].mutex = NULL;
	if (model->running)
		schedule_wake(MODEL_LOCKS, mutex, UINT32_MAX);
	return 0;
}

int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left)
{
	(void)left;
	model_advance((uint64_t)wanted->tv_sec * UINT64_C(1000000000) + (uint64_t)wanted->tv_nsec);
	if (model->running && model->self != MODEL_MAIN)
		schedule_block(MODEL_SPINS, NULL, false);
	return 0;
}

void seams_setup(void)
{
	events_setup();
	model->now_ns = UINT64_C(1000000000000);
	pendi_script = (struct pendi_script){
		.cpu_current = cpu_current,
		.cpu_possible = cpu_possible,
		.cpu_node = cpu_node,
		.cpu_allowed = cpu_allowed,
		.clock_coarse_ns = clock_now,
		.clock_mono_ns = clock_now,
		.clock_boot_ns = clock_now,
		.membarrier_register = membarrier_register,
		.membarrier = membarrier,
		.futex_wait = futex_wait,
		.futex_wake = futex_wake,
	};
}
