/* SPDX-License-Identifier: MIT */
/*
 * protocol.h - what pendbench and the executable of a peer say to each other.
 *
 *	pendbench                              pendbench-peer-NAME
 *	   | -- struct bench_ask, one verb ------> |   blocked in recv() while others are measured
 *	   | <------------- struct bench_answer -- |   the window has been measured
 *
 * One record for each ask and for each answer, of fixed size, over a socket pair that keeps records
 * apart (SOCK_SEQPACKET); the peer has its end as BENCH_PROTOCOL_FD. Both are built together: the
 * version and the sizes in the head of each record tell one that was not. Nothing but the verbs
 * that the parent asks for is ever sent, so nothing of this is inside a measured window.
 *
 * A peer has one table. The order of verbs: hello, create, then any, then destroy; the end of the
 * socket ends the peer.
 */
#ifndef BENCH_PEERS_PROTOCOL_H
#define BENCH_PEERS_PROTOCOL_H

#include <stdint.h>

#include "bench/measure/impl.h"
#include "bench/measure/measure.h"

#define BENCH_PROTOCOL_MAGIC 0x646e6570u /* "pend" */
#define BENCH_PROTOCOL_VERSION 1u
#define BENCH_PROTOCOL_FD 3
#define BENCH_PROTOCOL_TEXT 120u

enum bench_verb {
	BENCH_VERB_HELLO,
	BENCH_VERB_CREATE,
	BENCH_VERB_FILL,
	BENCH_VERB_TOP_UP,
	BENCH_VERB_SPLIT,
	BENCH_VERB_MEASURE,
	BENCH_VERB_ACCOUNT,
	BENCH_VERB_DRAIN,
	BENCH_VERB_DESTROY,
	BENCH_VERBS,
};

/* Begins every record, both ways, whatever the version. */
struct bench_record {
	uint32_t magic;
	uint32_t version;
	uint32_t ask_bytes;
	uint32_t answer_bytes;
	uint32_t verb;
	int32_t error; /* of an answer: 0 or a negative errno */
};

/* What of the options lanes and loops go by. */
struct bench_ask_options {
	uint64_t seed;
	uint32_t batch_width;
	uint32_t in_order;
};

struct bench_ask {
	struct bench_record record;
	uint32_t thread_count; /* split: lanes that get a part; else: of cpus */
	uint32_t cpus
		[BENCH_THREADS_MAX]; /* fill, top up, measure, drain: whom lanes are pinned to */
	struct bench_shape shape;    /* create */
	uint64_t live;               /* create: the most */
	uint64_t ring_size;          /* fill, drain: operations of the fill */
	uint32_t pinned;             /* with cpus */
	struct bench_ask_options options; /* create */
	struct bench_window window;       /* measure */
	struct bench_counts counts;       /* account: what the lanes counted in all */
};

struct bench_answer_lane {
	struct bench_counts counts;
	int32_t error;
	char call[44]; /* what answered it */
};

struct bench_answer {
	struct bench_record record;
	char text[BENCH_PROTOCOL_TEXT]; /* what went wrong */
	char name[32];                  /* hello */
	uint32_t abilities;             /* hello */
	struct bench_repeat repeat;     /* measure */
	int64_t live;                   /* account */
	uint64_t ring_size;             /* operations of the fill that are live or will be */
	struct bench_answer_lane lanes[BENCH_THREADS_MAX];
};

static inline struct bench_record bench_record_of(uint32_t verb, int error)
{
	return (struct bench_record){ .magic = BENCH_PROTOCOL_MAGIC,
				      .version = BENCH_PROTOCOL_VERSION,
				      .ask_bytes = sizeof(struct bench_ask),
				      .answer_bytes = sizeof(struct bench_answer),
				      .verb = verb,
				      .error = error };
}

/* Whether the two were built together. */
static inline bool bench_record_agrees(const struct bench_record *record)
{
	return record->magic == BENCH_PROTOCOL_MAGIC && record->version == BENCH_PROTOCOL_VERSION &&
	       record->ask_bytes == sizeof(struct bench_ask) &&
	       record->answer_bytes == sizeof(struct bench_answer);
}

#endif
