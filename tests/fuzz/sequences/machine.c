/* SPDX-License-Identifier: MIT */
/*
 * machine.c - the machine that a sequence runs on: its clock, its CPUs, its memory.
 *
 * Memory is one array, for speed; the address sanitizer is told what of it is whose.
 */
#if defined(__SANITIZE_ADDRESS__)
#define FUZZ_POISON
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FUZZ_POISON
#endif
#endif
#ifdef FUZZ_POISON
#include <sanitizer/asan_interface.h>
#endif

#include "platform/script.h"
#include "tests/fuzz/sequences/world.h"

struct world world;

static uint64_t machine_now(void)
{
	return world.now_ns;
}

static uint64_t machine_boot(void)
{
	return world.now_ns + world.lead_ns;
}

static uint32_t machine_cpu(void)
{
	return world.cpu;
}

static uint32_t machine_cpus(void)
{
	return CPUS;
}

static uint32_t machine_node(uint32_t cpu)
{
	(void)cpu;
	return 0;
}

static int machine_allowed(uint32_t cpu)
{
	return cpu < CPUS && !(world.gone >> cpu & 1);
}

static int machine_pin(uint32_t cpu)
{
	return machine_allowed(cpu) ? 0 : -EINVAL;
}

/* There is no other thread to have a fence. */
static int machine_fence(void)
{
	return 0;
}

static int machine_wait(const void *word, uint32_t expected, uint64_t timeout_ns)
{
	(void)word;
	(void)expected;
	CHECK(timeout_ns != UINT64_MAX); /* nobody would wake it */
	world.now_ns += timeout_ns;
	return -ETIMEDOUT;
}

static int machine_wake(const void *word, uint32_t count)
{
	(void)word;
	(void)count;
	return 0;
}

static int machine_fails(size_t size)
{
	(void)size;
	if (world.starved)
		return 1;
	return world.fails_at >= 0 && world.fails_at-- == 0;
}

/* ---- memory: one block after the other, with a gap that nobody may touch ---- */

#ifdef PENDI_SMALL
enum { ARENA = 1 << 19, GAP = 64 };
#else
enum { ARENA = 1 << 25, GAP = 64 };
#endif

static _Alignas(4096) unsigned char arena[ARENA];
static size_t arena_used, arena_touched = ARENA;

#ifdef FUZZ_POISON
static void forbid(const void *memory, size_t bytes)
{
	__asan_poison_memory_region(memory, bytes);
}

static void allow(const void *memory, size_t bytes)
{
	__asan_unpoison_memory_region(memory, bytes);
}
#else
static void forbid(const void *memory, size_t bytes)
{
	(void)memory;
	(void)bytes;
}

static void allow(const void *memory, size_t bytes)
{
	(void)memory;
	(void)bytes;
}
#endif

static void *machine_take(void *context, size_t size, size_t alignment)
{
	const size_t at = (arena_used + GAP + alignment - 1) & ~(alignment - 1);

	(void)context;
	CHECK(alignment >= 1 && size >= 1 && size < ARENA && at + size < ARENA);
	arena_used = (at + size + 7) & ~(size_t)7;
	arena_touched = arena_touched > arena_used ? arena_touched : arena_used;
	allow(&arena[at], size);
	memset(&arena[at], 0, size);
	world.bytes += size;
	world.blocks++;
	return &arena[at];
}

/* It is not used again before the next sequence. */
static void machine_give(void *context, void *memory, size_t size)
{
	(void)context;
	CHECK(world.blocks && world.bytes >= size);
	memset(memory, 0xee, size);
	forbid(memory, size);
	world.bytes -= size;
	if (--world.blocks == 0)
		arena_used = 0;
}

const struct pend_allocator machine_allocator = { .size = sizeof(machine_allocator),
						  .allocate = machine_take,
						  .release = machine_give };

void machine_begin(void)
{
	memset(&world, 0, sizeof(world));
	arena_used = 0;
	forbid(arena, arena_touched);
	arena_touched = 0;
	world.now_ns = 1000000 * MS + 123456;
	world.fails_at = -1;
	pendi_script = (struct pendi_script){
		.cpu_current = machine_cpu,
		.cpu_possible = machine_cpus,
		.cpu_node = machine_node,
		.cpu_allowed = machine_allowed,
		.cpu_pin = machine_pin,
		.clock_coarse_ns = machine_now,
		.clock_mono_ns = machine_now,
		.clock_boot_ns = machine_boot,
		.membarrier_register = machine_fence,
		.membarrier = machine_fence,
		.futex_wait = machine_wait,
		.futex_wake = machine_wake,
		.allocation_fails = machine_fails,
	};
}
