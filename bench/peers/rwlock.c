/* SPDX-License-Identifier: MIT */
/*
 * rwlock.c - the peer "rwlock": a hash table under 256 reader-writer locks, which look-ups take to read.
 */
#define PEER_RWLOCK 1
#include "bench/peers/locked.h"
