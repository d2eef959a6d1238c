/* SPDX-License-Identifier: MIT */
/*
 * bench_map.h - a map of a probe, with or without an engine, and what it says of itself at the end.
 */
#ifndef BENCH_MAP_H
#define BENCH_MAP_H

#include <stdint.h>

#include <pendmap/pendmap.h>

#include "bench/scenario/probe.h"

enum bench_map_kind {
	BENCH_MAP_ALONE,     /* no engine */
	BENCH_MAP_POLLED,    /* an engine without threads: the probe polls */
	BENCH_MAP_EXECUTORS, /* an engine with its threads */
};

struct bench_map {
	struct pend_engine *engine; /* or NULL */
	struct pend_map *map;
	uint64_t owed; /* operations that the probe knows to be live: what it did not complete */
};

/* Options of a map for @setting: its size, keys and values, enabled, deadlines of an hour. */
struct pend_map_options bench_map_options(const struct bench_setting *setting);

/* 0 or an error. Sets @options->engine. Either of the options may be changed before. */
int bench_map_open(struct bench_map *map, enum bench_map_kind kind,
		   const struct pend_engine_options *engine_options,
		   struct pend_map_options *options);

/* Waits until what was decided is delivered, at most 20 s; serves it where nobody else does. */
void bench_map_settle(struct bench_map *map);

/* Writes the map's account, checks that @map->owed are live, and destroys everything. 0 or
 * -EBADMSG. */
int bench_map_close(struct bench_map *map, struct bench_sample *sample);

/* A request with @number as key and value; @bytes are those of both, at least that many zeros
 * behind each number. */
struct pend_request bench_map_request(const struct bench_setting *setting, unsigned char *key,
				      unsigned char *value, uint64_t number);

/* Nanoseconds since boot. */
uint64_t bench_boot_ns(void);

#endif
