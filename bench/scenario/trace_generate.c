/* SPDX-License-Identifier: MIT */
/*
 * trace_generate.c - makes up connection events of the shape that recorded ones have.
 *
 * Arrivals: a source that is either calm or bursting, with exponential gaps in both (10 ms and
 * 50 microseconds) and exponential stays (400 ms and 20 ms). Destinations: 4096 services whose
 * popularity falls with their rank (Zipf, exponent 1), so the first takes a tenth of all events.
 * Clients come from 8192 addresses with a fresh source port each time; one event in seven is UDP.
 */
#include "bench/scenario/trace.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SERVICES 4096u
#define CLIENTS 8192u

static double uniform(uint64_t *random)
{
	return ((double)(bench_random(random) >> 11) + 0.5) * 0x1p-53;
}

static double exponential(uint64_t *random, double mean)
{
	return -mean * log(uniform(random));
}

/* The cumulated popularity of the services. */
static void make_zipf(double *cumulated)
{
	double sum = 0;

	for (uint32_t rank = 0; rank < SERVICES; rank++) {
		sum += 1.0 / (rank + 1);
		cumulated[rank] = sum;
	}
	for (uint32_t rank = 0; rank < SERVICES; rank++)
		cumulated[rank] /= sum;
}

static uint32_t draw_service(const double *cumulated, uint64_t *random)
{
	const double point = uniform(random);
	uint32_t low = 0, high = SERVICES - 1;

	while (low < high) {
		const uint32_t middle = (low + high) / 2;

		if (cumulated[middle] < point)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ::ffff:net.x.y.z */
static void make_address(unsigned char *address, unsigned char net, uint32_t host)
{
	memset(address, 0, 16);
	address[10] = address[11] = 0xff;
	address[12] = net;
	address[13] = (unsigned char)(host >> 16);
	address[14] = (unsigned char)(host >> 8);
	address[15] = (unsigned char)host;
}

static void make_key(unsigned char *key, const double *cumulated, uint64_t *random)
{
	static const uint16_t ports[] = { 443, 53, 80, 22, 3389, 993, 8080, 25 };
	const uint32_t service = draw_service(cumulated, random);
	const uint8_t proto = bench_random_below(random, 7) ? 6 : 17;
	unsigned char source[16], target[16];

	make_address(source, 10, (uint32_t)bench_random_below(random, CLIENTS));
	make_address(target, 172, service / 8);
	bench_trace_key(key, proto, source, (uint16_t)(1024 + bench_random_below(random, 64512)),
			target, ports[service % 8]);
}

int bench_trace_generate(uint64_t count, uint64_t seed, struct bench_trace *trace)
{
	double cumulated[SERVICES], now_us = 0, turn_us = 0;
	unsigned char key[BENCH_TRACE_KEY_SIZE];
	uint64_t random = seed;
	bool bursting = true;

	memset(trace, 0, sizeof(*trace));
	make_zipf(cumulated);
	for (uint64_t i = 0; i < count; i++) {
		while (now_us >= turn_us) {
			bursting = !bursting;
			turn_us = now_us + exponential(&random, bursting ? 20e3 : 400e3);
		}
		make_key(key, cumulated, &random);
		if (bench_trace_append(trace, (uint64_t)now_us, key)) {
			bench_trace_free(trace);
			return -ENOMEM;
		}
		now_us += exponential(&random, bursting ? 50 : 10e3);
	}
	trace->generated = true;
	return 0;
}
