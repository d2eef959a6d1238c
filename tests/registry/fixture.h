/* SPDX-License-Identifier: MIT */
/*
 * fixture.h - a registry for a test, with an allocator that keeps books.
 *
 * No engine and no runtime around it: a runtime begins with its registry, so the public calls take
 * this one. Each test ends with fixture_end(): nothing is left, and all memory is back.
 */
#ifndef TESTS_REGISTRY_FIXTURE_H
#define TESTS_REGISTRY_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pendmap/custom_map.h>

#include "engine/registry/registry.h"

/* Bytes out, blocks out, and how many allocations succeed before all fail. */
static struct {
	size_t bytes;
	uint32_t blocks;
	uint32_t succeed;
} books;

static struct pendi_registry registry;
static struct pend_runtime *const runtime = (struct pend_runtime *)&registry;

static inline void *books_allocate(void *context, size_t size, size_t alignment)
{
	void *memory;

	(void)context;
	if (books.succeed == 0)
		return NULL;
	books.succeed--;
	memory = aligned_alloc(alignment, (size + alignment - 1) & ~(alignment - 1));
	memset(memory, 0, size);
	books.bytes += size;
	books.blocks++;
	return memory;
}

static inline void books_release(void *context, void *memory, size_t size)
{
	(void)context;
	books.bytes -= size;
	books.blocks--;
	free(memory);
}

static inline void fixture_begin(void)
{
	static const struct pend_allocator allocator = {
		.size = sizeof(allocator),
		.allocate = books_allocate,
		.release = books_release,
	};

	books.succeed = UINT32_MAX;
	pendi_registry_init(&registry, NULL, &allocator);
}

static inline void fixture_end(void)
{
	cr_assert(pendi_registry_is_empty(&registry));
	pendi_registry_fini(&registry);
	cr_assert_eq(books.blocks, 0);
	cr_assert_eq(books.bytes, 0);
}

static const struct pend_program_data some_program = {
	.header = PEND_HEADER(PEND_PROGRAM_VERSION, struct pend_program_data, override_addresses),
	.name = "some type",
	.context = { .size = 32, .saved_size = 48, .data = -1, .end = -1 },
};

/* What a provider was told. */
struct told {
	uint32_t attached, detached, gone;
	uint32_t attached_id, detached_id; /* the last ones */
	uint32_t clients_when_detached;
	struct pend_provider *provider;
};

/* No callback is called with the mutex held. (It is free afterwards in any case, for fixture_end().) */
static inline void expect_unlocked(void)
{
	const int error = pthread_mutex_trylock(&registry.mutex);

	pthread_mutex_unlock(&registry.mutex);
	cr_assert_eq(error, 0);
}

static inline void tell_attached(void *context, uint32_t client_id)
{
	struct told *told = context;

	expect_unlocked();
	told->attached++;
	told->attached_id = client_id;
}

static inline void tell_detached(void *context, uint32_t client_id)
{
	struct told *told = context;

	expect_unlocked();
	cr_assert_eq(told->gone, 0);
	told->detached++;
	told->detached_id = client_id;
	told->clients_when_detached = (uint32_t)pend_provider_clients(told->provider);
}

static inline void tell_gone(void *context)
{
	struct told *told = context;

	expect_unlocked();
	told->gone++;
}

static inline struct pend_uuid uuid(uint8_t number)
{
	return (struct pend_uuid){ { [0] = 0xab, [15] = number } };
}

static inline struct pend_provider_options program_options(uint8_t number, struct told *told)
{
	return (struct pend_provider_options){
		.size = sizeof(struct pend_provider_options),
		.kind = PEND_PROVIDER_PROGRAM,
		.id = uuid(number),
		.data = &some_program.header,
		.on_attach = told ? tell_attached : NULL,
		.on_detach = told ? tell_detached : NULL,
		.context = told,
	};
}

/* Registers a provider of program type @number. */
static inline struct pend_provider *provide(uint8_t number, struct told *told)
{
	const struct pend_provider_options options = program_options(number, told);
	struct pend_provider *provider;

	cr_assert_eq(pend_provider_register(runtime, &options, &provider), 0);
	if (told)
		told->provider = provider;
	return provider;
}

static inline int use(uint8_t number, struct pendi_use *client)
{
	const struct pend_uuid id = uuid(number);

	return pendi_registry_use(&registry, PEND_PROVIDER_PROGRAM, &id, client);
}

static inline void leave(struct pend_provider *provider)
{
	cr_assert_eq(pend_provider_unregister(provider, NULL, NULL), 0);
}

#endif
