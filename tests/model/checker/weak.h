/* SPDX-License-Identifier: MIT */
/*
 * weak.h - memory as C11 orders it: what memory.c asks in the weak mode. All of it is about the
 * running fiber; @order is that of the access (access.h).
 */
#ifndef CHECKER_WEAK_H
#define CHECKER_WEAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void weak_setup(size_t cells);
void weak_begin(void);         /* an execution: no fiber knows more than the other */
uint32_t weak_execution(void); /* its number */

/* The running fiber accesses something in the cell of that number (memory.c). */
void weak_touch(size_t cell);
/* ... and has seen all that fiber @other did until @time. */
bool weak_has_seen(uint32_t other, uint32_t time);
/* The time of the running fiber, one more each time: later than all that it has handed over. */
uint32_t weak_tick(void);
/* Whether all that other fibers did in @cell happened before now. */
bool weak_is_over(size_t cell);

/* The running fiber writes @at: nobody may be at it by plain accesses (model_plain_read()). */
void weak_check_plain(const void *at);

uint64_t weak_load(const void *at, size_t size, uint32_t order);
void weak_store(void *at, uint64_t value, size_t size, uint32_t order);
/* A read-modify-write: the newest message is read, and this comes behind it. */
void weak_exchange(void *at, uint64_t value, size_t size, uint32_t order);
/* What a compare-and-swap finds. If that is @expected, weak_exchange() follows. */
uint64_t weak_find(const void *at, uint64_t expected, size_t size, uint32_t order);

void weak_fence(void);
void weak_fence_light(void);
void weak_fence_heavy(void);

/* Mutexes, futexes: who acquires @object has seen what was done before it was handed over. */
void weak_hand_over(const void *object);
void weak_acquire(const void *object);

#endif
