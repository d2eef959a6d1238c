/* SPDX-License-Identifier: MIT */
/*
 * impls.c - the list of what pendbench measures.
 *
 * Some are executables of their own (peers/remote.h): there is what stands beside this one.
 */
#include <stdio.h>

#include "bench/measure/impl.h"
#include "bench/peers/remote.h"

#define COUNT (sizeof(impls) / sizeof(impls[0]))

static const struct {
	const struct bench_impl *impl;
	const char *name;
} impls[] = {
	{ &bench_impl_pendmap, "pendmap" },
	{ &bench_impl_pendmap_id, "pendmap-id" },
	{ &bench_impl_pendmap_pointers, "pendmap-pointers" },
	{ &bench_impl_pendmap_engine, "pendmap-engine" },
	{ &bench_impl_pendmap_unpadded, "pendmap-unpadded" },
	{ &bench_impl_mutex, "mutex" },
	{ &bench_impl_rwlock, "rwlock" },
#if BENCH_HAVE_URCU
	{ &bench_impl_urcu_memb, "urcu-memb" },
	{ &bench_impl_urcu_qsbr, "urcu-qsbr" },
#else
	{ NULL, "urcu-memb" },
	{ NULL, "urcu-qsbr" },
#endif
	{ &bench_impl_ck, "ck" },
	{ &bench_impl_dpdk, "dpdk" },
	{ &bench_impl_libcuckoo, "libcuckoo" },
	{ &bench_impl_tbb, "tbb" },
};

/* Those that are here, in order, and the names of those that are not. Made once. */
static const struct bench_impl *present[COUNT + 1];
static char absent[256];

static void look(void)
{
	uint32_t count = 0;
	int length = 0;

	if (present[0])
		return;
	for (uint32_t i = 0; i < COUNT; i++) {
		const struct bench_impl *impl = impls[i].impl;

		if (impl && (!impl->remote || bench_remote_present(impl)))
			present[count++] = impl;
		else
			length += snprintf(absent + length, sizeof(absent) - (size_t)length, "%s%s",
					   length ? "," : "", impls[i].name);
	}
}

const struct bench_impl *bench_impl_at(uint32_t number)
{
	look();
	return number < COUNT ? present[number] : NULL;
}

const char *bench_impls_absent(void)
{
	look();
	return absent;
}
