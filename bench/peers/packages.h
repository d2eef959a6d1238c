/* SPDX-License-Identifier: MIT */
/*
 * packages.h - what is to be installed for the peers that are absent.
 */
#ifndef BENCH_PEERS_PACKAGES_H
#define BENCH_PEERS_PACKAGES_H

/* bench_impls_absent() with the package that each needs: "ck (needs libck-dev), ...", or "". */
const char *bench_impls_absent_say(void);

#endif
