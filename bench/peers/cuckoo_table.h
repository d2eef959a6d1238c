/* SPDX-License-Identifier: MIT */
/*
 * cuckoo_table.h - libcuckoo's table behind calls that C can make.
 *
 * There is one in the process. It holds addresses of entries by keys of 8 bytes; each call is
 * atomic, under the locks of the key's two buckets.
 */
#ifndef BENCH_PEERS_CUCKOO_TABLE_H
#define BENCH_PEERS_CUCKOO_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* @seed: of XXH3. Room for @entries without growing. 0 or -ENOMEM. */
int cuckoo_create(uint64_t seed, uint64_t entries);
void cuckoo_destroy(void);

/* Whether the key was absent; then it stands for @entry now. */
bool cuckoo_insert(uint64_t key, void *entry);

/* The entry that the key stood for, or NULL. */
void *cuckoo_erase(uint64_t key);

/* Copies @size bytes at @offset of the key's entry, which cannot go meanwhile. */
bool cuckoo_copy(uint64_t key, uint32_t offset, void *value, uint32_t size);

uint64_t cuckoo_size(void);

/* How many entries it had room for at the moment: grows if the table does. */
uint64_t cuckoo_capacity(void);

#ifdef __cplusplus
}
#endif

#endif
