/* SPDX-License-Identifier: MIT */
/*
 * cxx_pages.hpp - an allocator of C++ for the big arrays of the peers: on huge pages, as all others.
 */
#ifndef BENCH_PEERS_CXX_PAGES_HPP
#define BENCH_PEERS_CXX_PAGES_HPP

#include <cstddef>
#include <new>

extern "C" {
#include "bench/measure/pages.h"
}

template <class T> struct peer_page_allocator {
	using value_type = T;

	peer_page_allocator() = default;
	template <class U> peer_page_allocator(const peer_page_allocator<U> &)
	{
	}

	T *allocate(std::size_t count)
	{
		void *pages = bench_pages_map(count * sizeof(T));

		if (!pages)
			throw std::bad_alloc();
		return static_cast<T *>(pages);
	}

	void deallocate(T *pages, std::size_t count)
	{
		bench_pages_unmap(pages, count * sizeof(T));
	}

	template <class U> bool operator==(const peer_page_allocator<U> &) const
	{
		return true;
	}

	template <class U> bool operator!=(const peer_page_allocator<U> &) const
	{
		return false;
	}
};

#endif
