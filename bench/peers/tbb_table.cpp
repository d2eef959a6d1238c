/* SPDX-License-Identifier: MIT */
/*
 * tbb_table.cpp - TBB's concurrent_hash_map behind calls that C can make.
 *
 * Its allocator hands out, for a node, the block that the thread's insertion was given, and leaves
 * the block of a node that goes where the thread's removal finds it. Arrays of buckets are pages.
 */
#include "bench/peers/tbb_table.h"

#include <cerrno>
#include <exception>
#include <new>
#include <utility>

#include <tbb/concurrent_hash_map.h>

#include "bench/peers/cxx_pages.hpp"
#include "bench/peers/hash.h"

namespace
{

thread_local void *block_to_use;
thread_local void *block_left;
std::size_t node_bytes;

template <class T> struct node_allocator {
	using value_type = T;

	node_allocator() = default;
	template <class U> node_allocator(const node_allocator<U> &)
	{
	}

	/* TBB asks for one node, and for many buckets. */
	T *allocate(std::size_t count)
	{
		if (count > 1)
			return peer_page_allocator<T>().allocate(count);
		node_bytes = sizeof(T);
		return static_cast<T *>(std::exchange(block_to_use, nullptr));
	}

	void deallocate(T *block, std::size_t count)
	{
		if (count > 1)
			peer_page_allocator<T>().deallocate(block, count);
		else
			block_left = block;
	}

	template <class U> bool operator==(const node_allocator<U> &) const
	{
		return true;
	}

	template <class U> bool operator!=(const node_allocator<U> &) const
	{
		return false;
	}
};

peer_hash hash_secret;

struct hash_compare {
	std::size_t hash(std::uint64_t key) const
	{
		return peer_hash_key(&hash_secret, &key, sizeof(key));
	}

	bool equal(std::uint64_t one, std::uint64_t other) const
	{
		return one == other;
	}
};

struct source {
	const void *bytes;
	std::uint32_t size;
};

/* Written once, in the node. */
struct node_value {
	unsigned char bytes[TBB_VALUE_BYTES];

	explicit node_value(const source &from)
	{
		peer_copy(bytes, from.bytes, from.size);
	}
};

using node_table =
	tbb::concurrent_hash_map<std::uint64_t, node_value, hash_compare,
				 node_allocator<std::pair<const std::uint64_t, node_value>>>;

node_table *table;

} // namespace

int tbb_create(uint64_t seed, uint64_t entries)
{
	peer_hash_init(&hash_secret, seed);
	try {
		table = new node_table(entries);
	} catch (const std::exception &) {
		return -ENOMEM;
	}
	return 0;
}

void tbb_destroy(void)
{
	delete table;
	table = nullptr;
}

size_t tbb_node_bytes(void)
{
	alignas(64) unsigned char block[4 * TBB_VALUE_BYTES];
	const unsigned char value[TBB_VALUE_BYTES] = {};

	/* The type is the table's own business; it says so when it allocates one. */
	if (!node_bytes && tbb_insert(0, value, TBB_VALUE_BYTES, block))
		tbb_erase(0);
	return node_bytes;
}

bool tbb_insert(uint64_t key, const void *value, uint32_t size, void *block)
{
	block_to_use = block;
	return table->emplace(key, source{ value, size });
}

void *tbb_erase(uint64_t key)
{
	return table->erase(key) ? std::exchange(block_left, nullptr) : nullptr;
}

bool tbb_copy(uint64_t key, void *value, uint32_t size)
{
	node_table::const_accessor found;

	if (!table->find(found, key))
		return false;
	peer_copy(value, found->second.bytes, size);
	return true;
}

uint64_t tbb_size(void)
{
	return table->size();
}

uint64_t tbb_buckets(void)
{
	return table->bucket_count();
}
