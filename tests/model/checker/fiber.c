/* SPDX-License-Identifier: MIT */
/*
 * fiber.c - threads of a scenario: stacks of their own, thread-locals of their own, one CPU.
 *
 * The library's thread-locals lie in one section (PENDI_THREAD_LOCAL), which is copied out and in at
 * each switch. All writable data of the program is copied once, after begin(), and put back before
 * each execution: the same decisions then lead to the same accesses at the same addresses.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/model/checker/checker.h"

extern char __data_start[], _end[]; /* the linker's */
extern char __start_model_tls[], __stop_model_tls[];
extern char __start_model_sites[], __stop_model_sites[]; /* which are the checker's */

enum { GUARD = 4096 }; /* bytes below each stack */

struct model *model;
static char *snapshot;
static char *stacks;

static size_t tls_size(void)
{
	return (size_t)(__stop_model_tls - __start_model_tls);
}

static void *map_pages(size_t size)
{
	void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED) {
		perror("model: mmap");
		exit(2);
	}
	return pages;
}

#if defined(__x86_64__)
/* Saves what a call keeps, changes stacks, restores. */
void fiber_jump(void **save, void *to);
__asm__(".text\n"
	".type fiber_jump, @function\n"
	"fiber_jump:\n"
	"	pushq %rbp\n	pushq %rbx\n	pushq %r12\n"
	"	pushq %r13\n	pushq %r14\n	pushq %r15\n"
	"	movq %rsp, (%rdi)\n	movq %rsi, %rsp\n"
	"	popq %r15\n	popq %r14\n	popq %r13\n"
	"	popq %r12\n	popq %rbx\n	popq %rbp\n"
	"	ret\n");
#else
#error "the model checker has a switch of stacks for x86-64 only"
#endif

static void start(void)
{
	model->scenario->thread(model->self);
	schedule_end();
}

static void ready(uint32_t number)
{
	struct model_fiber *fiber = &model->fibers[number];
	void **top = (void **)(stacks + (size_t)(number + 1) * MODEL_STACK);

	*--top = NULL; /* where start() would return to: keeps the stack aligned as after a call */
	*--top = (void *)(uintptr_t)start;
	for (int i = 0; i < 6; i++)
		*--top = NULL;
	fiber->stack_pointer = top;
	fiber->wait = MODEL_RUNS;
	fiber->timed = fiber->timed_out = false;
	fiber->cpu = number;
	fiber->buffered = 0;
}

static void change_self(uint32_t to)
{
	memcpy(model->fibers[model->self].tls, __start_model_tls, tls_size());
	memcpy(__start_model_tls, model->fibers[to].tls, tls_size());
	model->self = to;
}

void fiber_switch(uint32_t to)
{
	struct model_fiber *from = &model->fibers[model->self];

	change_self(to);
	fiber_jump(&from->stack_pointer, model->fibers[to].stack_pointer);
}

void fiber_as(uint32_t fiber, void (*function)(void))
{
	change_self(fiber);
	function();
	change_self(MODEL_MAIN);
}

void fiber_run_all(void)
{
	for (uint32_t i = 0; i < model->scenario->threads; i++)
		ready(i);
	for (uint32_t i = model->scenario->threads; i < MODEL_THREADS; i++)
		model->fibers[i].wait = MODEL_ENDED;
	model->running = true;
	schedule_block(MODEL_ENDED, NULL, false); /* main waits for all of them */
	model->running = false;
}

void fiber_setup(void)
{
	model = map_pages(sizeof(*model));
	model->self = MODEL_MAIN;
	stacks = map_pages((size_t)MODEL_THREADS * MODEL_STACK);
	for (uint32_t i = 0; i < MODEL_THREADS; i++)
		mprotect(stacks + (size_t)i * MODEL_STACK, GUARD, PROT_NONE);
	snapshot = map_pages((size_t)(_end - __data_start));
	if (tls_size() > MODEL_TLS) {
		fprintf(stderr, "model: %zu bytes of thread-locals\n", tls_size());
		exit(2);
	}
	/* As each thread finds them. */
	for (uint32_t i = 0; i < MODEL_FIBERS; i++)
		memcpy(model->fibers[i].tls, __start_model_tls, tls_size());
}

void fiber_snapshot(void)
{
	model->now_begin_ns = model->now_ns;
	memcpy(model->fibers[MODEL_MAIN].tls, __start_model_tls, tls_size());
	for (uint32_t i = 0; i < MODEL_FIBERS; i++)
		memcpy(model->fibers[i].tls_begin, model->fibers[i].tls, tls_size());
	memcpy(snapshot, __data_start, (size_t)(_end - __data_start));
}

static void restore(char *begin, const char *end)
{
	memcpy(begin, snapshot + (begin - __data_start), (size_t)(end - begin));
}

void fiber_restore(void)
{
	model->now_ns = model->now_begin_ns;
	restore(__data_start, __start_model_sites);
	restore(__stop_model_sites, _end);
	for (uint32_t i = 0; i < MODEL_FIBERS; i++)
		memcpy(model->fibers[i].tls, model->fibers[i].tls_begin, tls_size());
}
