/* SPDX-License-Identifier: MIT */
/*
 * fake.h - a client without a map, and a machine that a test plays: for tests of one thread.
 *
 * The client notes what it is asked to do. Each shard has a few looks, each with the tick it is due
 * at; a look that is made is gone.
 */
#ifndef TESTS_SHARD_FAKE_H
#define TESTS_SHARD_FAKE_H

#include <criterion/criterion.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <pendmap/engine.h>

#include "engine/shard/engine_internal.h"
#include "platform/script.h"

enum { FAKE_CPUS = 4, FAKE_SLOTS = 4096, FAKE_LOOKS = 8 };

struct fake {
	struct pendi_client client;
	uint32_t served[FAKE_SLOTS], prefetched[FAKE_SLOTS];
	uint32_t total, last, not_prefetched;
	uint32_t looks[FAKE_CPUS][FAKE_LOOKS]; /* ticks; 0: none */
	uint32_t passes;
	struct pendi_now now; /* of the last pass */
	uint32_t budget;
	uint32_t tends, tends_wanted;
	int inside; /* what pend_engine_poll() said to a call from inside, and serving() */
	bool nested, was_serving;
	void (*on_serve)(struct fake *fake, uint32_t slot);
};

/* ---- the machine ---- */

static uint64_t machine_mono_ns = 1000000000, machine_lead_ns = 5000;
static uint32_t machine_cpu;
static bool machine_gone[FAKE_CPUS];
static uint32_t machine_pins, machine_node[FAKE_CPUS];

static inline uint64_t machine_mono(void)
{
	return machine_mono_ns;
}

/* A thread that reads it is held up afterwards. */
static uint64_t machine_delay_ns;

static inline uint64_t machine_boot(void)
{
	const uint64_t boot_ns = machine_mono_ns + machine_lead_ns;

	machine_mono_ns += machine_delay_ns;
	return boot_ns;
}

static inline uint32_t machine_cpu_current(void)
{
	return machine_cpu;
}

static inline uint32_t machine_cpu_possible(void)
{
	return FAKE_CPUS;
}

static inline uint32_t machine_cpu_node(uint32_t cpu)
{
	return machine_node[cpu];
}

/* The calling thread goes where it is pinned, as a kernel would make it. */
static inline int machine_cpu_pin(uint32_t cpu)
{
	machine_pins++;
	if (machine_gone[cpu])
		return -EINVAL;
	machine_cpu = cpu;
	return 0;
}

static inline void machine_play(void)
{
	pendi_script.clock_mono_ns = machine_mono;
	pendi_script.clock_coarse_ns = machine_mono;
	pendi_script.clock_boot_ns = machine_boot;
	pendi_script.cpu_current = machine_cpu_current;
	pendi_script.cpu_possible = machine_cpu_possible;
	pendi_script.cpu_node = machine_cpu_node;
	pendi_script.cpu_pin = machine_cpu_pin;
}

/* ---- the client ---- */

static inline struct fake *fake_of(struct pendi_client *client)
{
	return PENDI_CONTAINER_OF(client, struct fake, client);
}

static inline void fake_serve(struct pendi_client *client, uint32_t slot)
{
	struct fake *fake = fake_of(client);

	if (slot >= FAKE_SLOTS) /* of an earlier client of the same number */
		return;
	/* A check that fails here would leave the library's function for good, not return to it. */
	fake->not_prefetched += fake->prefetched[slot] <= fake->served[slot];
	fake->served[slot]++;
	fake->total++;
	fake->last = slot;
	if (fake->nested)
		fake->inside = pend_engine_poll(client->engine, 0, 1);
	fake->was_serving = pendi_engine_serving(client->engine);
	if (fake->on_serve)
		fake->on_serve(fake, slot);
}

static inline void fake_prefetch(struct pendi_client *client, uint32_t slot)
{
	if (slot < FAKE_SLOTS)
		fake_of(client)->prefetched[slot]++;
}

static inline uint32_t fake_pass(struct pendi_client *client, uint32_t shard,
				 const struct pendi_now *now, uint32_t budget)
{
	struct fake *fake = fake_of(client);
	uint32_t looks = 0;

	fake->passes++;
	fake->now = *now;
	fake->budget = budget;
	for (uint32_t i = 0; i < FAKE_LOOKS && looks < budget; i++) {
		uint32_t *tick = &fake->looks[shard][i];

		if (*tick && (int32_t)(*tick - now->tick) <= 0) {
			*tick = 0;
			looks++;
		}
	}
	return looks;
}

static inline uint32_t fake_next(struct pendi_client *client, uint32_t shard)
{
	const struct fake *fake = fake_of(client);
	uint32_t earliest = 0;

	for (uint32_t i = 0; i < FAKE_LOOKS; i++) {
		const uint32_t tick = fake->looks[shard][i];

		if (tick && (!earliest || (int32_t)(tick - earliest) < 0))
			earliest = tick;
	}
	return earliest;
}

static inline bool fake_tend(struct pendi_client *client)
{
	struct fake *fake = fake_of(client);

	fake->tends++;
	return fake->tends < fake->tends_wanted;
}

static inline struct fake fake_make(void)
{
	return (struct fake){ .client = { .serve = fake_serve,
					  .prefetch = fake_prefetch,
					  .pass = fake_pass,
					  .next = fake_next,
					  .tend = fake_tend } };
}

/* ---- the engine ---- */

static inline struct pend_engine_options manual_options(void)
{
	struct pend_engine_options options = pend_engine_options_default();

	options.flags = PEND_ENGINE_POLLED | PEND_ENGINE_UNWATCHED;
	options.queue_entries = 64;
	return options;
}

static inline struct pend_engine *make_engine(const struct pend_engine_options *options)
{
	struct pend_engine *engine = NULL;

	cr_assert_eq(pend_engine_create(options, &engine), 0);
	return engine;
}

static inline void join(struct pend_engine *engine, struct fake *fake)
{
	cr_assert_eq(pendi_engine_join(engine, &fake->client), 0);
}

static inline void leave_and_destroy(struct pend_engine *engine, struct fake *fake)
{
	pendi_engine_leave(engine, &fake->client);
	cr_assert_eq(fake->not_prefetched, 0);
	cr_assert_eq(pend_engine_destroy(engine), 0);
}

static inline struct pend_shard_stats stats_of(struct pend_engine *engine, uint32_t cpu)
{
	struct pend_shard_stats stats = { .size = sizeof(stats) };

	cr_assert_eq(pend_engine_stats_read(engine, cpu, &stats), 0);
	return stats;
}

#endif
