/* SPDX-License-Identifier: MIT */
/*
 * remotes.c - the peers that are executables of their own, as pendbench lists them.
 *
 * What stands here is what the executable answers too; one that answers otherwise is refused.
 */
#include <stdio.h>
#include <string.h>

#include "bench/measure/impl.h"
#include "bench/peers/packages.h"
#include "bench/peers/remote.h"

#define REMOTE(NAME, SUMMARY, ABILITIES, BYTES)                                                 \
	{                                                                                       \
		.name = (NAME), .summary = (SUMMARY), .abilities = (ABILITIES),                 \
		.entry_bytes = (BYTES), .live = bench_remote_live, .audit = bench_remote_audit, \
		.remote = true                                                                  \
	}

const struct bench_impl bench_impl_pendmap_unpadded =
	REMOTE("pendmap-unpadded", "pendmap without the padding between the fields of CPUs",
	       BENCH_KEYS | BENCH_BATCH | BENCH_BATCH_LOOKUP | BENCH_WALK, 64 + 16);

const struct bench_impl bench_impl_ck =
	REMOTE("ck", "ConcurrencyKit ck_rhs, readers without locks, writers under sharded locks",
	       BENCH_KEYS | BENCH_PEER, 64 + 32);

const struct bench_impl bench_impl_dpdk =
	REMOTE("dpdk", "DPDK rte_hash, lock-free readers, limbo of 1024 behind rte_rcu",
	       BENCH_KEYS | BENCH_BATCH | BENCH_BATCH_LOOKUP | BENCH_PEER, 64 + 64);

const struct bench_impl bench_impl_libcuckoo =
	REMOTE("libcuckoo", "cuckoohash_map of pooled entries, reserved at half full",
	       BENCH_KEYS | BENCH_PEER, 64 + 64);

const struct bench_impl bench_impl_tbb =
	REMOTE("tbb", "tbb::concurrent_hash_map, nodes with the value from a pool",
	       BENCH_KEYS | BENCH_PEER, 64 + 32);

static const struct package {
	const char *impl;
	const char *package;
} packages[] = {
	{ "urcu-memb", "liburcu-dev" }, { "urcu-qsbr", "liburcu-dev" },
	{ "ck", "libck-dev" },          { "dpdk", "libdpdk-dev" },
	{ "tbb", "libtbb-dev" },        { "libcuckoo", "libcuckoo-dev" },
};

static const char *package_of(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(packages) / sizeof(packages[0]); i++)
		if (strlen(packages[i].impl) == length &&
		    strncmp(packages[i].impl, name, length) == 0)
			return packages[i].package;
	return NULL;
}

const char *bench_impls_absent_say(void)
{
	static char text[512];
	const char *name = bench_impls_absent();
	size_t used = 0;

	text[0] = '\0';
	while (*name && used < sizeof(text)) {
		const size_t length = strcspn(name, ",");
		const char *package = package_of(name, length);
		const int written = snprintf(text + used, sizeof(text) - used, "%s%.*s (%s%s)",
					     used ? ", " : "", (int)length, name,
					     package ? "needs " : "not built here",
					     package ? package : "");

		used += written > 0 ? (size_t)written : 0;
		name += length + (name[length] == ',');
	}
	return text;
}
