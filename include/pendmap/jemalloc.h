/* SPDX-License-Identifier: MIT */
/*
 * jemalloc.h - a map's memory from jemalloc, on the NUMA node where it is used.
 *
 * This is a library of its own (libpendmap-jemalloc.a, pendmap::jemalloc, pendmap-jemalloc.pc);
 * libpendmap does not need it. Using it leaves malloc() and free() of the process as they are.
 * Linking jemalloc as it is packaged would replace them, and loading it with dlopen() fails where
 * the C library has no static thread-local storage left for it (about 2.6 KiB; glibc keeps half a
 * KiB by default). So the archive holds jemalloc itself, with all of its names local. It is
 * therefore for programs and for libraries that are loaded with them; a library that is loaded by
 * dlopen() and has the archive in it meets the same limit.
 *
 * jemalloc obeys MALLOC_CONF and /etc/malloc.conf, and registers handlers with pthread_atfork().
 * Memory checkers do not know it: use the default allocator under valgrind and the sanitizers.
 */
#ifndef PENDMAP_JEMALLOC_H
#define PENDMAP_JEMALLOC_H

#include <stdint.h>

#include <pendmap/allocator.h>
#include <pendmap/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bits of the flags of pend_jemalloc_create(). */
enum pend_jemalloc_flag {
	/** One arena for each NUMA node, whose pages are asked for from that node. Without it there
	 * is one arena, and its pages come from where they are touched first. */
	PEND_JEMALLOC_NUMA = 1u << 0,
};

/** With PEND_JEMALLOC_NUMA: each call is served on the node of the CPU that makes it, or, where
 * that node has no memory, on the nearest that has. */
#define PEND_JEMALLOC_NODE_OF_CPU UINT32_MAX

/**
 * Creates an allocator.
 *
 * Its memory is as the library likes it: zero, from 2 MiB on aligned to 2 MiB with advice for huge
 * pages, mapped but not touched, and unmapped when it is released. The node of a page is a wish: a
 * node that has no room lets another one serve.
 *
 * @param flags      enum pend_jemalloc_flag bits
 * @param node       PEND_JEMALLOC_NODE_OF_CPU, or, with PEND_JEMALLOC_NUMA, the one node that
 *                   serves all calls
 * @param allocator  set to the new allocator, to be named in the options of maps; untouched on
 *                   failure
 * @retval 0            done
 * @retval -EINVAL      a flag that there is not, a node without PEND_JEMALLOC_NUMA, no @p allocator
 * @retval -EOPNOTSUPP  memory cannot be placed here: the kernel has no NUMA, a filter forbids
 *                      mbind(2), or pendmap was built without libnuma
 * @retval -ENODEV      this process may have no memory of @p node
 * @retval -ENOMEM      no memory, or jemalloc has no arena left (about 4000 for a process)
 * @context     Any thread.
 * @progress    Blocking: system calls, jemalloc's locks.
 * @complexity  O(nodes + CPUs).
 * @since       0.1
 * @see         pend_jemalloc_destroy(), struct pend_allocator
 */
PEND_API int pend_jemalloc_create(uint32_t flags, uint32_t node,
				  struct pend_allocator **allocator) PEND_MUST_CHECK;

/**
 * Destroys an allocator of pend_jemalloc_create().
 *
 * @param allocator  the allocator; NULL is ignored
 * @retval 0       done
 * @retval -EBUSY  memory of it is still in use; nothing happened
 * @context     Any thread, while no other one uses @p allocator.
 * @progress    Blocking: system calls, jemalloc's locks.
 * @complexity  O(nodes).
 * @since       0.1
 * @see         pend_jemalloc_create()
 */
PEND_API int pend_jemalloc_destroy(struct pend_allocator *allocator);

#ifdef __cplusplus
}
#endif

#endif
