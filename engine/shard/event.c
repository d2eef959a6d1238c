/* SPDX-License-Identifier: MIT */
/*
 * event.c - what happened to shards, from whoever noticed to the application's handler.
 *
 * An event is an item of a queue like a hint's, | type | cpu | server |, and its duration lies in
 * the shard: should the same happen to one shard again before it is told, both are told with the
 * later duration. Events that find the queue full are not told; the counters have them.
 */
#include "engine/shard/engine_internal.h"

#define EVENT_FIELD_BITS 16u
#define EVENT_FIELD_MASK ((1u << EVENT_FIELD_BITS) - 1)

void pendi_event_put(struct pendi_shard *shard, enum pend_engine_event_type type,
		     uint64_t duration_ns)
{
	struct pend_engine *engine = shard->engine;

	if (!engine->on_event)
		return;
	/* relaxed: the queue hands it over. */
	pendi_store_relaxed(&shard->event_ns[type], duration_ns);
	(void)pendi_queue_push(&engine->events,
			       (uint64_t)type << 2 * EVENT_FIELD_BITS |
				       (uint64_t)shard->cpu << EVENT_FIELD_BITS |
				       (pendi_shard_server(shard) & EVENT_FIELD_MASK));
	pendi_monitor_kick(engine);
}

static void tell_event(struct pend_engine *engine, uint64_t item)
{
	const uint32_t cpu = (uint32_t)(item >> EVENT_FIELD_BITS) & EVENT_FIELD_MASK;
	const uint32_t server = (uint32_t)item & EVENT_FIELD_MASK;
	struct pend_engine_event event = {
		.type = (enum pend_engine_event_type)(item >> 2 * EVENT_FIELD_BITS),
		.cpu = cpu,
		.server_cpu = server == EVENT_FIELD_MASK ? PEND_CPU_CURRENT : server,
	};

	/* relaxed: the queue handed it over. */
	event.duration_ns = pendi_load_relaxed(&engine->shards[cpu]->event_ns[event.type]);
	engine->on_event(engine->context, &event);
}

void pendi_event_deliver(struct pend_engine *engine)
{
	struct pendi_queue_window window;

	while (pendi_queue_peek(&engine->events, &window)) {
		for (uint32_t i = 0; i < window.count; i++)
			tell_event(engine, window.items[i]);
		pendi_queue_advance(&engine->events, &window);
	}
}
