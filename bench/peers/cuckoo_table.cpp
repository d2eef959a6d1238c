/* SPDX-License-Identifier: MIT */
/*
 * cuckoo_table.cpp - libcuckoo's table behind calls that C can make.
 */
#include "bench/peers/cuckoo_table.h"

#include <cerrno>
#include <cstring>
#include <exception>
#include <new>

#include <libcuckoo/cuckoohash_map.hh>

#include "bench/peers/cxx_pages.hpp"
#include "bench/peers/hash.h"

namespace
{

/* The hash functor has to be a type; the secret is that of the one table. */
peer_hash hash_secret;

struct hasher {
	std::size_t operator()(std::uint64_t key) const
	{
		return peer_hash_key(&hash_secret, &key, sizeof(key));
	}
};

using entry_allocator = peer_page_allocator<std::pair<const std::uint64_t, void *>>;
using entry_table = libcuckoo::cuckoohash_map<std::uint64_t, void *, hasher,
					      std::equal_to<std::uint64_t>, entry_allocator>;

entry_table *table;

} // namespace

int cuckoo_create(uint64_t seed, uint64_t entries)
{
	peer_hash_init(&hash_secret, seed);
	try {
		table = new entry_table(entries);
	} catch (const std::exception &) {
		return -ENOMEM;
	}
	return 0;
}

void cuckoo_destroy(void)
{
	delete table;
	table = nullptr;
}

bool cuckoo_insert(uint64_t key, void *entry)
{
	return table->insert(key, entry);
}

void *cuckoo_erase(uint64_t key)
{
	void *erased = nullptr;

	table->erase_fn(key, [&erased](void *&entry) {
		erased = entry;
		return true;
	});
	return erased;
}

bool cuckoo_copy(uint64_t key, uint32_t offset, void *value, uint32_t size)
{
	return table->find_fn(key, [=](void *const &entry) {
		peer_copy(value, static_cast<const unsigned char *>(entry) + offset, size);
	});
}

uint64_t cuckoo_size(void)
{
	return table->size();
}

uint64_t cuckoo_capacity(void)
{
	return table->capacity();
}
