/* SPDX-License-Identifier: MIT */
/*
 * trace.c - a list of connection events, and their keys.
 */
#include "bench/scenario/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void bench_trace_key(unsigned char *key, uint8_t proto, const unsigned char *source,
		     uint16_t source_port, const unsigned char *target, uint16_t target_port)
{
	key[0] = proto;
	memcpy(key + 1, source, 16);
	memcpy(key + 17, target, 16);
	key[33] = (unsigned char)(source_port >> 8);
	key[34] = (unsigned char)source_port;
	key[35] = (unsigned char)(target_port >> 8);
	key[36] = (unsigned char)target_port;
}

static int grow(struct bench_trace *trace)
{
	const uint64_t room = trace->room ? 2 * trace->room : 4096;
	unsigned char *keys = realloc(trace->keys, room * BENCH_TRACE_KEY_STRIDE);

	if (!keys)
		return -ENOMEM;
	trace->keys = keys;

	uint64_t *offset_us = realloc(trace->offset_us, room * sizeof(uint64_t));

	if (!offset_us)
		return -ENOMEM;
	trace->offset_us = offset_us;
	trace->room = room;
	return 0;
}

int bench_trace_append(struct bench_trace *trace, uint64_t offset_us, const unsigned char *key)
{
	if (trace->count == trace->room && grow(trace))
		return -ENOMEM;

	unsigned char *slot = trace->keys + trace->count * BENCH_TRACE_KEY_STRIDE;

	memset(slot, 0, BENCH_TRACE_KEY_STRIDE);
	memcpy(slot, key, BENCH_TRACE_KEY_SIZE);
	trace->offset_us[trace->count++] = offset_us;
	return 0;
}

void bench_trace_free(struct bench_trace *trace)
{
	free(trace->keys);
	free(trace->offset_us);
	memset(trace, 0, sizeof(*trace));
}
