/* SPDX-License-Identifier: MIT */
/*
 * impls.c - the list of what pendbench measures.
 */
#include "bench/measure/impl.h"

static const struct bench_impl *const impls[] = {
	&bench_impl_pendmap,        &bench_impl_pendmap_id, &bench_impl_pendmap_pointers,
	&bench_impl_pendmap_engine, &bench_impl_mutex,
#if BENCH_HAVE_URCU
	&bench_impl_urcu_memb,      &bench_impl_urcu_qsbr,
#endif
};

const struct bench_impl *bench_impl_at(uint32_t number)
{
	return number < sizeof(impls) / sizeof(impls[0]) ? impls[number] : NULL;
}

const char *bench_impls_absent(void)
{
	return BENCH_HAVE_URCU ? "" : "urcu-memb,urcu-qsbr";
}
