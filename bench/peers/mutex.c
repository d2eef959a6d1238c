/* SPDX-License-Identifier: MIT */
/*
 * mutex.c - the peer "mutex": a hash table under 256 mutexes.
 */
#define PEER_RWLOCK 0
#include "bench/peers/locked.h"
