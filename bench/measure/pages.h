/* SPDX-License-Identifier: MIT */
/*
 * pages.h - big memory for tables and rings: anonymous pages that ask for huge ones.
 */
#ifndef BENCH_MEASURE_PAGES_H
#define BENCH_MEASURE_PAGES_H

#include <stddef.h>

/* Zeroed pages of at least @bytes, aligned to 2 MiB from that size on, or NULL. */
void *bench_pages_map(size_t bytes);

/* Gives back what bench_pages_map(@bytes) returned; NULL is allowed. */
void bench_pages_unmap(void *pages, size_t bytes);

/* Asks for huge pages in memory that somebody else mapped, touched or not. Best effort. */
void bench_pages_advise(void *memory, size_t bytes);

#endif
