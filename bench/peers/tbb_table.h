/* SPDX-License-Identifier: MIT */
/*
 * tbb_table.h - TBB's concurrent_hash_map behind calls that C can make.
 *
 * There is one in the process, with keys of 8 bytes and values of up to TBB_VALUE_BYTES inside its
 * nodes. It allocates no node: an insertion is given the block of one, a removal gives it back.
 */
#ifndef BENCH_PEERS_TBB_TABLE_H
#define BENCH_PEERS_TBB_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TBB_VALUE_BYTES 128u

#ifdef __cplusplus
extern "C" {
#endif

/* @seed: of XXH3. Buckets for @entries. 0 or -ENOMEM. */
int tbb_create(uint64_t seed, uint64_t entries);
void tbb_destroy(void);

/* The size of a node's block. */
size_t tbb_node_bytes(void);

/* Whether the key was absent; then @block is in the table now. If not, it is the caller's again. */
bool tbb_insert(uint64_t key, const void *value, uint32_t size, void *block);

/* The block of the node that was removed, or NULL. */
void *tbb_erase(uint64_t key);

bool tbb_copy(uint64_t key, void *value, uint32_t size);

uint64_t tbb_size(void);

/* Buckets; grows if the table does. */
uint64_t tbb_buckets(void);

#ifdef __cplusplus
}
#endif

#endif
