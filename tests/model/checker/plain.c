/* SPDX-License-Identifier: MIT */
/*
 * plain.c - plain memory of the library: is it handed over before another thread uses it?
 *
 * pend_model_plain has the library compiled with -fsanitize=thread, and this in place of that
 * sanitizer: each plain access of the library calls one of the functions at the end. In the weak
 * mode it must have happened after every access of other fibers that conflicts with it: by the
 * orders of the atomics between, as the source has them or as they were weakened, whatever the
 * schedule. So one execution that gets there shows an order that is missing.
 *
 *	byte   of the data and the arenas: who wrote it last, and when; when each fiber read it
 *
 * An atomic access of the same byte counts as a read: who initialises an atomic by a plain store has
 * to hand it over too. To free memory is to write it. Not seen: memcpy() and its kind where the
 * compiler calls them, plain reads after atomic writes; stacks and thread-locals have one owner.
 */
#include "tests/model/checker/plain.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "tests/model/checker/checker.h"
#include "tests/model/checker/weak.h"

extern char __data_start[], _end[]; /* the linker's */
extern char __start_model_tls[], __stop_model_tls[];

struct byte {
	uint32_t execution; /* in which the rest was written */
	uint32_t writer, written;
	uint32_t read[MODEL_THREADS];
};

static struct byte *bytes; /* of the arenas, then of the data */
static const unsigned char *arenas;
static size_t arenas_size;
static bool instrumented; /* this is pend_model_plain */

void plain_setup(const unsigned char *at, size_t size)
{
	const size_t count = size + (size_t)(_end - __data_start);

	if (!instrumented)
		return;
	arenas = at;
	arenas_size = size;
	bytes = mmap(NULL, count * sizeof(*bytes), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (bytes == MAP_FAILED) {
		perror("model: mmap");
		exit(2);
	}
}

/* NULL: nobody else uses it. */
static struct byte *byte_of(const void *pointer, size_t size)
{
	const char *at = pointer;
	const size_t offset = (size_t)((const unsigned char *)pointer - arenas);

	if (!bytes || !model->weak || !model->running || model->self == MODEL_MAIN)
		return NULL;
	if (offset < arenas_size)
		return &bytes[offset];
	if (at < __data_start || at + size > _end ||
	    (at >= __start_model_tls && at < __stop_model_tls))
		return NULL;
	return &bytes[arenas_size + (size_t)(at - __data_start)];
}

static void begin(struct byte *byte)
{
	if (byte->execution != weak_execution())
		*byte = (struct byte){ .execution = weak_execution() };
}

static void read_bytes(const void *at, size_t size, const char *what)
{
	struct byte *byte = byte_of(at, size);
	const uint32_t now = byte ? weak_tick() : 0;

	if (!byte)
		return;
	for (size_t i = 0; i < size; i++, byte++) {
		begin(byte);
		if (!weak_has_seen(byte->writer, byte->written)) {
			if (model->trace)
				report_event("reads what was not handed over", at);
			model_violation(__FILE__, __LINE__, what);
		}
		byte->read[model->self] = now;
	}
}

void plain_read(const void *at, size_t size)
{
	read_bytes(at, size, "plain memory of the library is read, which was not handed over");
}

void plain_read_atomic(const void *at, size_t size)
{
	read_bytes(at, size, "an atomic is used that was written plainly, and not handed over");
}

void plain_write(const void *at, size_t size)
{
	struct byte *byte = byte_of(at, size);
	const uint32_t now = byte ? weak_tick() : 0;

	if (!byte)
		return;
	for (size_t i = 0; i < size; i++, byte++) {
		bool seen;

		begin(byte);
		seen = weak_has_seen(byte->writer, byte->written);
		for (uint32_t fiber = 0; fiber < MODEL_THREADS; fiber++)
			seen &= fiber == model->self || weak_has_seen(fiber, byte->read[fiber]);
		if (!seen) {
			if (model->trace)
				report_event("writes what others use", at);
			model_violation(__FILE__, __LINE__,
					"plain memory of the library is written, which others use");
		}
		byte->writer = model->self;
		byte->written = now;
	}
}

/* ---- what the compiler calls ---- */

#define PLAIN_ACCESSES(access, size)                          \
	void __tsan_##access##size(const void *at);           \
	void __tsan_##access##size(const void *at)            \
	{                                                     \
		plain_##access(at, size);                     \
	}                                                     \
	void __tsan_unaligned_##access##size(const void *at); \
	void __tsan_unaligned_##access##size(const void *at)  \
	{                                                     \
		plain_##access(at, size);                     \
	}

PLAIN_ACCESSES(read, 1)
PLAIN_ACCESSES(read, 2)
PLAIN_ACCESSES(read, 4)
PLAIN_ACCESSES(read, 8)
PLAIN_ACCESSES(read, 16)
PLAIN_ACCESSES(write, 1)
PLAIN_ACCESSES(write, 2)
PLAIN_ACCESSES(write, 4)
PLAIN_ACCESSES(write, 8)
PLAIN_ACCESSES(write, 16)

void __tsan_read_range(const void *at, size_t size);
void __tsan_write_range(const void *at, size_t size);
void __tsan_func_entry(void *caller);
void __tsan_func_exit(void);
void __tsan_init(void);

void __tsan_read_range(const void *at, size_t size)
{
	plain_read(at, size);
}

void __tsan_write_range(const void *at, size_t size)
{
	plain_write(at, size);
}

void __tsan_func_entry(void *caller)
{
	(void)caller;
}

void __tsan_func_exit(void)
{
}

/* A constructor of each unit that was compiled so. */
void __tsan_init(void)
{
	instrumented = true;
}
