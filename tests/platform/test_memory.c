/* SPDX-License-Identifier: MIT */
/*
 * test_memory.c - unit tests of platform/memory.c: the default allocator and the checked door.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "platform/memory.h"
#include "platform/script.h"

#define HUGE_PAGE_BYTES ((size_t)2 * 1024 * 1024)

static const size_t sizes[] = {
	1,
	7,
	64,
	65,
	4095,
	4096,
	PENDI_MEMORY_MAP_BYTES - 1,
	PENDI_MEMORY_MAP_BYTES,
	PENDI_MEMORY_MAP_BYTES + 1,
	HUGE_PAGE_BYTES - 1,
	HUGE_PAGE_BYTES,
	HUGE_PAGE_BYTES + 1,
	3 * HUGE_PAGE_BYTES + 4097,
};
static const size_t sizes_count = sizeof(sizes) / sizeof(sizes[0]);

/* An allocator of a test: hands out what it is told and counts what it is asked. */
struct fake {
	void *next;
	size_t asked_size, asked_alignment, released_size;
	void *released;
	int allocations, releases;
};

static void *fake_allocate(void *context, size_t size, size_t alignment)
{
	struct fake *fake = context;

	fake->allocations++;
	fake->asked_size = size;
	fake->asked_alignment = alignment;
	return fake->next;
}

static void fake_release(void *context, void *memory, size_t size)
{
	struct fake *fake = context;

	fake->releases++;
	fake->released = memory;
	fake->released_size = size;
}

static struct pend_allocator fake_allocator(struct fake *fake)
{
	return (struct pend_allocator){ .size = sizeof(struct pend_allocator),
					.context = fake,
					.allocate = fake_allocate,
					.release = fake_release };
}

static size_t refused_size;

static int script_refuse(size_t size)
{
	refused_size = size;
	return 1;
}

static int script_let_through(size_t size)
{
	refused_size = size;
	return 0;
}

/* Pages of address space that this process has. */
static long address_space_pages(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long pages = 0;

	cr_assert_not_null(file);
	cr_assert_eq(fscanf(file, "%ld", &pages), 1);
	(void)fclose(file);
	return pages;
}

Test(memory, what_is_allocated_is_zero_aligned_and_ones_own)
{
	for (size_t i = 0; i < sizes_count; i++) {
		for (size_t alignment = 1; alignment <= PENDI_MEMORY_ALIGNMENT_BYTES;
		     alignment *= 2) {
			unsigned char *a = pendi_memory_allocate(NULL, sizes[i], alignment);
			unsigned char *b = pendi_memory_allocate(NULL, sizes[i], alignment);

			cr_assert(a && b);
			cr_assert_eq((uintptr_t)a % alignment, 0);
			cr_assert_eq((uintptr_t)b % alignment, 0);
			memset(a, 0xa5, sizes[i]);
			for (size_t n = 0; n < sizes[i]; n += n < 4096 ? 1 : 509)
				cr_assert_eq(b[n], 0);
			cr_assert_eq(b[sizes[i] - 1], 0);
			pendi_memory_release(NULL, a, sizes[i]);
			pendi_memory_release(NULL, b, sizes[i]);
		}
	}
}

Test(memory, memory_that_was_dirty_comes_back_zero)
{
	for (int round = 0; round < 100; round++) {
		unsigned char *memory = pendi_memory_allocate(NULL, 4000, 64);

		cr_assert_not_null(memory);
		for (size_t n = 0; n < 4000; n++)
			cr_assert_eq(memory[n], 0);
		memset(memory, 0xff, 4000);
		pendi_memory_release(NULL, memory, 4000);
	}
}

Test(memory, a_large_allocation_starts_on_a_huge_page)
{
	for (size_t i = 0; i < sizes_count; i++) {
		if (sizes[i] < HUGE_PAGE_BYTES)
			continue;
		void *const memory = pendi_memory_allocate(NULL, sizes[i], 64);

		cr_assert_not_null(memory);
		cr_assert_eq((uintptr_t)memory % HUGE_PAGE_BYTES, 0);
		pendi_memory_release(NULL, memory, sizes[i]);
	}
}

Test(memory, a_released_mapping_is_gone_and_its_ends_too)
{
	unsigned char resident;
	long before = 0;

	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < sizes_count; i++) {
			if (sizes[i] < PENDI_MEMORY_MAP_BYTES)
				continue;
			unsigned char *memory = pendi_memory_allocate(NULL, sizes[i], 64);

			cr_assert_not_null(memory);
			memory[sizes[i] - 1] = 1;
			cr_assert_eq(mincore(memory, 1, &resident), 0);
			pendi_memory_release(NULL, memory, sizes[i]);
			cr_assert_eq(mincore(memory, 1, &resident), -1);
			cr_assert_eq(errno, ENOMEM);
		}
		if (round == 0)
			before = address_space_pages();
	}
	cr_assert_eq(address_space_pages(), before);
}

/* Whether this process may have @bytes of addresses, and the kernel lends more than it has. */
static bool address_space_is_free(size_t bytes)
{
	FILE *file = fopen("/proc/sys/vm/overcommit_memory", "re");
	void *const probe = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int mode = 2;

	if (file) {
		if (fscanf(file, "%d", &mode) != 1)
			mode = 2;
		(void)fclose(file);
	}
	if (probe == MAP_FAILED)
		return false;
	(void)munmap(probe, bytes);
	return mode != 2;
}

Test(memory, gigabytes_that_nobody_touches_cost_nothing)
{
	const size_t size = (size_t)256 << 30;

	if (!address_space_is_free(size + HUGE_PAGE_BYTES))
		cr_skip("this machine counts what is reserved");
	unsigned char *const memory = pendi_memory_allocate(NULL, size, 4096);

	cr_assert_not_null(memory);
	memory[0] = 1;
	memory[size / 2] = 1;
	memory[size - 1] = 1;
	cr_assert_eq(memory[size / 2 + 1], 0);
	pendi_memory_release(NULL, memory, size);
}

Test(memory, a_size_that_overflows_is_refused)
{
	static const size_t impossible[] = { SIZE_MAX,        SIZE_MAX - 63,
					     SIZE_MAX - 4095, SIZE_MAX - HUGE_PAGE_BYTES,
					     PTRDIFF_MAX,     (size_t)PTRDIFF_MAX + 1,
					     SIZE_MAX / 4 };

	for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
		cr_expect_null(pendi_memory_allocate(NULL, impossible[i], 64));
		cr_expect_null(pendi_memory_default.allocate(NULL, impossible[i], 64));
	}
}

Test(memory, nonsense_is_refused_before_the_allocator_hears_of_it)
{
	static const size_t bad_alignments[] = { 0, 3, 48, 4097, 8192, SIZE_MAX };
	struct fake fake = { .next = &fake };
	const struct pend_allocator allocator = fake_allocator(&fake);

	cr_expect_null(pendi_memory_allocate(&allocator, 0, 64));
	for (size_t i = 0; i < sizeof(bad_alignments) / sizeof(bad_alignments[0]); i++)
		cr_expect_null(pendi_memory_allocate(&allocator, 64, bad_alignments[i]));
	cr_expect_eq(fake.allocations, 0);
	cr_expect_null(pendi_memory_default.allocate(NULL, 0, 64));
	cr_expect_null(pendi_memory_default.allocate(NULL, 64, 0));
	cr_expect_null(pendi_memory_default.allocate(NULL, 64, 48));
}

Test(memory, an_allocator_is_asked_for_what_the_caller_asked)
{
	_Alignas(64) unsigned char block[128];
	struct fake fake = { .next = block };
	const struct pend_allocator allocator = fake_allocator(&fake);

	cr_assert_eq(pendi_memory_allocate(&allocator, 100, 64), block);
	cr_assert_eq(fake.asked_size, 100);
	cr_assert_eq(fake.asked_alignment, 64);
	cr_assert_eq(fake.releases, 0);
	pendi_memory_release(&allocator, block, 100);
	cr_assert_eq(fake.releases, 1);
	cr_assert_eq(fake.released, block);
	cr_assert_eq(fake.released_size, 100);
}

Test(memory, misaligned_memory_is_given_back)
{
	_Alignas(64) unsigned char block[128];
	struct fake fake = { .next = block + 32 };
	const struct pend_allocator allocator = fake_allocator(&fake);

	cr_assert_null(pendi_memory_allocate(&allocator, 40, 64));
	cr_assert_eq(fake.releases, 1);
	cr_assert_eq(fake.released, block + 32);
	cr_assert_eq(fake.released_size, 40);
	cr_assert_eq(pendi_memory_allocate(&allocator, 40, 32), block + 32);
}

Test(memory, an_allocator_without_memory_is_not_given_any_back)
{
	struct fake fake = { .next = NULL };
	const struct pend_allocator allocator = fake_allocator(&fake);

	cr_assert_null(pendi_memory_allocate(&allocator, 64, 64));
	pendi_memory_release(&allocator, NULL, 64);
	pendi_memory_release(NULL, NULL, PENDI_MEMORY_MAP_BYTES);
	cr_assert_eq(fake.allocations, 1);
	cr_assert_eq(fake.releases, 0);
}

Test(memory, a_scripted_failure_comes_before_the_allocator)
{
	_Alignas(64) unsigned char block[64];
	struct fake fake = { .next = block };
	const struct pend_allocator allocator = fake_allocator(&fake);

	pendi_script.allocation_fails = script_refuse;
	cr_assert_null(pendi_memory_allocate(&allocator, 64, 64));
	cr_assert_null(pendi_memory_allocate(NULL, PENDI_MEMORY_MAP_BYTES, 64));
	cr_assert_eq(refused_size, PENDI_MEMORY_MAP_BYTES);
	cr_assert_eq(fake.allocations, 0);
	pendi_script.allocation_fails = script_let_through;
	cr_assert_eq(pendi_memory_allocate(&allocator, 64, 64), block);
	cr_assert_eq(refused_size, 64);
}
