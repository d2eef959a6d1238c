/* SPDX-License-Identifier: MIT */
/*
 * trace.c - any bytes as a trace of pendbench: they are refused, or events in their order.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "bench/scenario/trace.h"
#include "tests/fuzz/parsers/input_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const bool skip = size && data[0] & 1;
	struct bench_trace trace;
	int error;

	if (!size)
		return 0;
	memset(&trace, 0xee, sizeof(trace));
	error = bench_trace_read(input_file(data + 1, size - 1), skip, nowhere(), &trace);
	if (error) {
		CHECK(error == -EBADMSG || error == -ENOMEM);
		CHECK(trace.keys == NULL && trace.offset_us == NULL);
		return 0;
	}
	CHECK_U64(trace.count, >, 0);
	CHECK(skip || trace.skipped == 0);
	for (uint64_t i = 1; i < trace.count; i++)
		CHECK_U64(trace.offset_us[i - 1], <=, trace.offset_us[i]);
	bench_trace_free(&trace);
	return 0;
}
