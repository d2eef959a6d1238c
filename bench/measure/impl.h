/* SPDX-License-Identifier: MIT */
/*
 * impl.h - what is measured: one interface in front of pendmap and its peers.
 *
 * An implementation gives a struct bench_impl and, in the same file, hands a constant
 * struct bench_ops to the loops of driver.h, which are inlined there. So each implementation has
 * loops of its own that call its operations directly, and the one indirect call is that of a
 * whole window.
 */
#ifndef BENCH_MEASURE_IMPL_H
#define BENCH_MEASURE_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/measure/lane.h"

/* The table that all implementations are asked for. */
struct bench_shape {
	uint64_t max_entries;
	uint32_t key_size;   /* bytes, 8 or more */
	uint32_t value_size; /* bytes, 8 or more */
	uint32_t threads;    /* sessions */
	uint64_t seed;       /* of the hash; 0: random */
	bool caller_clock;   /* pendmap: the caller passes the time */
};

/* The loops of driver.h. */
enum bench_loop {
	BENCH_LOOP_FILL,     /* pend the numbers of the lane's ring */
	BENCH_LOOP_TOP_UP,   /* pend until refused */
	BENCH_LOOP_DRAIN,    /* complete everything */
	BENCH_LOOP_PAIR,     /* pend a fresh key, complete it at once */
	BENCH_LOOP_PAIR_KEY, /* ... by key */
	BENCH_LOOP_STEADY,   /* pend a fresh key, complete the oldest */
	BENCH_LOOP_STEADY_KEY,
	BENCH_LOOP_HIT,
	BENCH_LOOP_MISS,
	BENCH_LOOP_REFUSE, /* pend into a full table */
	BENCH_LOOP_PAIR_BATCH,
	BENCH_LOOP_PAIR_KEY_BATCH,
	BENCH_LOOP_STEADY_BATCH,
	BENCH_LOOP_STEADY_KEY_BATCH,
	BENCH_LOOP_HIT_BATCH,
	BENCH_LOOP_MISS_BATCH,
	BENCH_LOOP_REFUSE_BATCH,
	BENCH_LOOP_TRACE,   /* replay a plan */
	BENCH_LOOP_HOME,    /* pend, and finish what another thread completes */
	BENCH_LOOP_AWAY,    /* that other thread */
	BENCH_LOOP_RECOVER, /* complete some of a full table and pend again */
	BENCH_LOOP_DRAWN,   /* find the keys of the lane's draws */
	BENCH_LOOP_DRAWN_BATCH,
	BENCH_LOOP_MIX,   /* pend and complete, find or miss, as drawn */
	BENCH_LOOP_WALK,  /* go through the whole table, again and again */
	BENCH_LOOP_PACED, /* steady, each operation when it is meant to begin */
};

/*
 * The operations of one implementation. `session` is what its session() returned for the thread.
 * They answer as pendmap does: 0, -ENOSPC, -EEXIST, -EAGAIN, -ENOENT; batches answer how many
 * succeeded. NULL where there is no such operation.
 */
struct bench_ops {
	int (*pend)(void *session, const void *key, const void *value, uint64_t *token);
	int (*complete)(void *session, uint64_t token);
	int (*complete_key)(void *session, const void *key);
	int (*lookup)(void *session, const void *key, void *value);
	uint32_t (*pend_batch)(void *session, const unsigned char *keys,
			       const unsigned char *values, uint32_t count, uint64_t *tokens,
			       int *results);
	uint32_t (*complete_batch)(void *session, const uint64_t *tokens, uint32_t count);
	uint32_t (*complete_key_batch)(void *session, const unsigned char *keys, uint32_t count);
	uint32_t (*lookup_batch)(void *session, const unsigned char *keys, uint32_t count,
				 unsigned char *values);
	void (*tick)(void *session); /* every 64 operations or so */

	/* Finishes up to about @budget of the operations that were pended here and completed by
	 * another thread. Returns how many came to their end since the last call. NULL: who
	 * completes finishes. */
	uint32_t (*finish)(void *session, uint32_t budget);

	/* Visits the next few live operations. Returns how many; 0: the walk is over, and the next
	 * call begins another. */
	uint32_t (*walk)(void *session);
};

enum bench_ability {
	BENCH_KEYS = 1u << 0,         /* completes and finds by key */
	BENCH_BATCH = 1u << 1,        /* pends and completes many at once */
	BENCH_BATCH_LOOKUP = 1u << 2, /* looks up many at once */
	BENCH_PEER = 1u << 3,         /* not pendmap */
	BENCH_WALK = 1u << 4,         /* visits all that is live */
	BENCH_BY_CLOCK = 1u << 5,     /* what it does depends on the time, too */
};

struct bench_impl {
	const char *name;
	const char *summary; /* how it is configured, in one line */
	uint32_t abilities;
	uint64_t entry_bytes; /* estimate for 8-byte keys and values of 0 bytes, index included */

	/* 0 or a negative errno; the table is empty. */
	int (*create)(const struct bench_shape *shape, void **table);
	void (*destroy)(void *table);
	void *(*session)(void *table, uint32_t thread);

	/* On the driving thread, around its loops. */
	void (*enter)(void *session);
	void (*leave)(void *session);

	/* How many operations are live by the table's own account, or a negative errno. Quiet. */
	int64_t (*live)(void *table);

	/*
	 * Compares the table's own counters, if it has any, with @counts. Returns 0, or -EBADMSG
	 * with what disagrees in @why.
	 */
	int (*audit)(void *table, const struct bench_counts *counts, char *why, size_t why_size);

	/* Runs one loop of driver.h on the lane. */
	void (*drive)(struct bench_lane *lane, enum bench_loop loop);

	/* Measured by an executable of its own (peers/remote.h): only live and audit are set. */
	bool remote;
};

/* The implementation of that number, or NULL past the last. Their order is that of the tables. */
const struct bench_impl *bench_impl_at(uint32_t number);

/* Names of the implementations that this build lacks, comma-separated, or "". */
const char *bench_impls_absent(void);

extern const struct bench_impl bench_impl_pendmap;
extern const struct bench_impl bench_impl_pendmap_id;
extern const struct bench_impl bench_impl_pendmap_pointers;
extern const struct bench_impl bench_impl_pendmap_engine;
extern const struct bench_impl bench_impl_pendmap_executor;
extern const struct bench_impl bench_impl_pendmap_unpadded;
extern const struct bench_impl bench_impl_mutex;
extern const struct bench_impl bench_impl_rwlock;
extern const struct bench_impl bench_impl_urcu_memb;
extern const struct bench_impl bench_impl_urcu_qsbr;
extern const struct bench_impl bench_impl_ck;
extern const struct bench_impl bench_impl_dpdk;
extern const struct bench_impl bench_impl_libcuckoo;
extern const struct bench_impl bench_impl_tbb;

#endif
