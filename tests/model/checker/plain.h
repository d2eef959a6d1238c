/* SPDX-License-Identifier: MIT */
/*
 * plain.h - plain memory of the library: who used it, and what memory.c tells of it. All of this does
 * nothing but in the weak mode of pend_model_plain.
 */
#ifndef CHECKER_PLAIN_H
#define CHECKER_PLAIN_H

#include <stddef.h>

/* Where memory of the library comes from. */
void plain_setup(const unsigned char *arenas, size_t size);

/* The running fiber accesses @size bytes. */
void plain_read(const void *at, size_t size);
void plain_read_atomic(const void *at, size_t size); /* or writes */
void plain_write(const void *at, size_t size);

#endif
