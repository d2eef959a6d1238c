/* SPDX-License-Identifier: MIT */
/*
 * control.c - stopping and starting maps and engines (F43), and draining what was pended.
 *
 *	disable: close the gate -> wait for who is inside -> decide everything pended -> wait until
 *	         it is delivered
 *
 * After the first two steps nothing can be pended and everything that was is visible; so one walk
 * over the slots decides it all, and what is pended after an enable is none of the drain's business,
 * although it may run on. Waiting for delivery is a second walk: a slot that is decided is waited
 * for until its word moves on; one that is pending again was pended after an enable (guarantee F).
 *
 * If the executors have not delivered something for a while, the waiting thread serves the slot
 * itself: a stop does not depend on them.
 *
 * A map pends while its own state, its engine's state, and its stage allow it. Changes of state are
 * under one mutex of the process; nothing else takes it, and nobody waits or calls out under it.
 */
#include <pthread.h>

#include "engine/map/map_internal.h"
#include "engine/shard/visit.h"
#include "platform/clock.h"

#define DRAIN_PAUSE_NS 100000u
#define DRAIN_PATIENCE 20u /* pauses, or ticks, before the waiting thread serves a slot itself */

static pthread_mutex_t control_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct pendi_fork_guard control_guard = { .mutex = &control_mutex };

static struct pend_map *map_of_control(struct pendi_client *client)
{
	return PENDI_CONTAINER_OF(client, struct pend_map, client);
}

/* Opens or closes the gate as the states say. Under the mutex. */
static void apply_states(struct pend_map *map)
{
	/* relaxed: under the mutex. */
	const bool own = pendi_load_relaxed(&map->control) == PEND_CONTROL_ENABLED;

	pendi_roster_set_open(&map->entry,
			      own && (!map->engine || pendi_engine_enabled(map->engine)));
}

static void set_control(struct pend_map *map, enum pend_control_state state)
{
	pthread_mutex_lock(&control_mutex);
	/* relaxed: written under the mutex, read by who wants a moment's answer. */
	pendi_store_relaxed(&map->control, (uint32_t)state);
	apply_states(map);
	pthread_mutex_unlock(&control_mutex);
}

void pendi_map_begin(struct pend_map *map, enum pend_control_state state)
{
	(void)pendi_fork_guard(&control_guard); /* the roster's would have failed before */
	pthread_mutex_lock(&control_mutex);
	/* relaxed: as in set_control(). */
	pendi_store_relaxed(&map->control, (uint32_t)state);
	pendi_roster_enrol(&map->entry);
	apply_states(map);
	pthread_mutex_unlock(&control_mutex);
}

/* Gives every live operation its terminal action. */
static void decide_all(struct pend_map *map, enum pend_origin origin)
{
	const struct pendi_slab *slab = &map->recycler.slab;

	for (uint32_t slot = pendi_slab_next_used(slab, 0); slot < slab->count;
	     slot = pendi_slab_next_used(slab, slot + 1)) {
		/* relaxed: the CAS that decides validates it; GT2 made it visible. */
		const uint64_t word = pendi_load_relaxed(&pendi_map_slot(map, slot)->word);

		if (pendi_word_is_live(word) && !pendi_word_verdict(word))
			(void)pendi_map_complete(map, pendi_handle_make(word, slot),
						 PEND_ACTION_BLOCK, origin);
	}
}

/* Whether the slot holds something decided, that is not delivered. */
static bool is_under_way(uint64_t word)
{
	return pendi_word_state(word) == PENDI_SLOT_COMPLETING ||
	       (pendi_word_state(word) == PENDI_SLOT_RERUN && pendi_word_verdict(word));
}

/* Waits until what @word, in @slot, was decided to be is delivered. 0 or -ETIMEDOUT. */
static int wait_for_delivery(struct pend_map *map, uint32_t slot, uint64_t word, uint64_t begin_ns,
			     uint64_t timeout_ns)
{
	struct pendi_slot *at = pendi_map_slot(map, slot);

	for (uint32_t pauses = 0;; pauses++) {
		/* [SL1.acq] Pairs with [SL1.rel] in pendi_slot_free(): it was delivered. */
		const uint64_t now = pendi_load_acquire(&at->word, SL1);

		if (!pendi_word_same_generation(now, word) || !is_under_way(now))
			return 0;
		if (map->engine && pauses >= DRAIN_PATIENCE && pendi_map_serve_away(map, slot))
			continue;
		if (!map->engine)
			(void)pendi_map_rerun_one(map);
		if (timeout_ns != PEND_WAIT_FOREVER &&
		    pendi_clock_mono_ns() - begin_ns >= timeout_ns)
			return -ETIMEDOUT;
		pendi_gate_pause(DRAIN_PAUSE_NS);
	}
}

static int wait_for_all(struct pend_map *map, uint64_t begin_ns, uint64_t timeout_ns)
{
	const struct pendi_slab *slab = &map->recycler.slab;
	int error = 0;

	for (uint32_t slot = pendi_slab_next_used(slab, 0); slot < slab->count && !error;
	     slot = pendi_slab_next_used(slab, slot + 1)) {
		/* [SL1.acq] Pairs with [SL1.rel] in pendi_slot_free(). */
		const uint64_t word = pendi_load_acquire(&pendi_map_slot(map, slot)->word, SL1);

		if (is_under_way(word))
			error = wait_for_delivery(map, slot, word, begin_ns, timeout_ns);
	}
	return error;
}

/* The rest of a stop, once the map is closed. */
static int drain(struct pend_map *map, uint64_t begin_ns, uint64_t timeout_ns)
{
	int error = pendi_gate_wait(&map->tally, map->light, timeout_ns);

	if (error)
		return error;
	decide_all(map, PEND_ORIGIN_DRAIN);
	return wait_for_all(map, begin_ns, timeout_ns);
}

int pend_map_enable(struct pend_map *map)
{
	const int error = pendi_map_check(map);

	if (!error)
		set_control(map, PEND_CONTROL_ENABLED);
	return error;
}

int pend_map_control(struct pend_map *map)
{
	const int error = pendi_map_check(map);

	/* relaxed: a moment's answer. */
	return error ? error : (int)pendi_load_relaxed(&map->control);
}

/* Whether the calling thread is in a function that a stop might wait for. */
static bool is_inside_any(const struct pend_engine *engine)
{
	return pendi_callback_innermost || (engine && pendi_engine_serving(engine));
}

int pend_map_disable(struct pend_map *map, uint64_t timeout_ns)
{
	const int error = pendi_map_check(map);

	if (error)
		return error;
	if (is_inside_any(map->engine))
		return -EDEADLK;
	set_control(map, PEND_CONTROL_DISABLED);
	return drain(map, pendi_clock_mono_ns(), timeout_ns);
}

/* Makes the drain the caller's. */
static bool begin_drain(struct pend_map *map, pend_drain_fn done, void *context)
{
	uint32_t idle = 0;

	/* [DR1.acq] Pairs with [DR1.rel] in pendi_map_tend() and below: the last drain is over. */
	if (!pendi_cas_acquire(&map->drain.active, &idle, 1, DR1))
		return false;
	map->drain.next = 0;
	map->drain.waits = 0;
	map->drain.done = done;
	map->drain.context = context;
	return true;
}

int pend_map_disable_async(struct pend_map *map, uint64_t timeout_ns, pend_drain_fn done,
			   void *context)
{
	int error = pendi_map_check(map);

	if (error)
		return error;
	if (!map->engine)
		return -EOPNOTSUPP;
	if (pendi_roster_stage(&map->entry) == PENDI_STAGE_CLOSING)
		return -ESHUTDOWN;
	if (!begin_drain(map, done, context))
		return -EALREADY;
	set_control(map, PEND_CONTROL_DISABLED);
	error = pendi_gate_wait(&map->tally, map->light, timeout_ns);
	if (error) {
		/* [DR1.rel] Pairs with [DR1.acq] in begin_drain(): it is over. */
		pendi_store_release(&map->drain.active, 0, DR1);
		return error;
	}
	decide_all(map, PEND_ORIGIN_DRAIN);
	/* [DR1.rel] Pairs with [DR1.acq] in pendi_map_tend(): where the drain stands. */
	pendi_store_release(&map->drain.active, 2, DR1);
	pendi_engine_nudge(map->engine);
	return 0;
}

/* Moves the drain on over what is delivered. True: it is through. */
static bool advance_drain(struct pend_map *map)
{
	const struct pendi_slab *slab = &map->recycler.slab;
	struct pendi_drain *drain = &map->drain;

	for (uint32_t slot = pendi_slab_next_used(slab, drain->next); slot < slab->count;
	     slot = pendi_slab_next_used(slab, slot + 1)) {
		/* [SL1.acq] Pairs with [SL1.rel] in pendi_slot_free(). */
		const uint64_t word = pendi_load_acquire(&pendi_map_slot(map, slot)->word, SL1);

		drain->next = slot;
		if (is_under_way(word) &&
		    (drain->waits < DRAIN_PATIENCE || !pendi_map_serve_away(map, slot))) {
			drain->waits++;
			return false;
		}
	}
	return true;
}

/* It is through: another one may begin, also before its caller is told. */
static void report_drain(struct pend_map *map)
{
	const pend_drain_fn done = map->drain.done;
	void *context = map->drain.context;

	/* [DR1.rel] Pairs with [DR1.acq] in pendi_map_tend(), of the next one. */
	pendi_store_release(&map->drain.active, 0, DR1);
	if (done)
		done(context, map);
}

bool pendi_map_tend(struct pendi_client *client)
{
	struct pend_map *map = map_of_control(client);
	uint32_t ready = 2;

	/* [DR1.acq] Pairs with [DR1.rel] in pend_map_disable_async() and below. */
	if (!pendi_cas_acquire(&map->drain.active, &ready, 3, DR1))
		return ready != 0;
	if (!advance_drain(map)) {
		/* [DR1.rel] Pairs with [DR1.acq] above, of who tends next. */
		pendi_store_release(&map->drain.active, 2, DR1);
		return true;
	}
	report_drain(map);
	return false;
}

void pendi_map_apply(struct pendi_client *client)
{
	apply_states(map_of_control(client));
}

int pendi_map_stop(struct pendi_client *client, uint64_t timeout_ns)
{
	return drain(map_of_control(client), pendi_clock_mono_ns(), timeout_ns);
}

static void apply_to_client(struct pendi_client *client, void *context)
{
	(void)context;
	if (client->apply)
		client->apply(client);
}

static void set_engine(struct pend_engine *engine, bool enabled)
{
	pthread_mutex_lock(&control_mutex);
	pendi_engine_set_enabled(engine, enabled);
	pendi_engine_each(engine, apply_to_client, NULL);
	pthread_mutex_unlock(&control_mutex);
}

int pend_engine_enable(struct pend_engine *engine)
{
	const int error = pendi_engine_check(engine);

	if (!error)
		set_engine(engine, true);
	return error;
}

/* What an engine's stop tells each map, and hears from it. */
struct engine_stop {
	uint64_t begin_ns, timeout_ns;
	int error;
};

static void stop_client(struct pendi_client *client, void *context)
{
	struct engine_stop *stop = context;
	const uint64_t spent = pendi_clock_mono_ns() - stop->begin_ns;
	uint64_t left = stop->timeout_ns;
	int error;

	if (!client->stop)
		return;
	if (left != PEND_WAIT_FOREVER)
		left = spent < left ? left - spent : 0;
	error = client->stop(client, left);
	stop->error = error ? error : stop->error;
}

/* Is inside of one client after the other, as who serves a shard is, and holds no lock: the functions
 * that a drain calls may need those. A thread without a number has no other way. */
static void stop_each(struct pend_engine *engine, struct engine_stop *stop)
{
	struct pendi_visitor visitor;

	if (!pendi_visit_begin(&visitor, engine)) {
		pendi_engine_each(engine, stop_client, stop);
		return;
	}
	for (uint32_t number = pendi_client_next(engine, 0); number;
	     number = pendi_client_next(engine, number)) {
		struct pendi_client *client = pendi_visit(&visitor, number);

		if (client)
			stop_client(client, stop);
	}
	pendi_visit_end(&visitor);
}

int pend_engine_disable(struct pend_engine *engine, uint64_t timeout_ns)
{
	struct engine_stop stop = { .timeout_ns = timeout_ns };
	const int error = pendi_engine_check(engine);

	if (error)
		return error;
	if (is_inside_any(engine))
		return -EDEADLK;
	stop.begin_ns = pendi_clock_mono_ns();
	set_engine(engine, false);
	stop_each(engine, &stop);
	return stop.error;
}

/* Nobody is left to close a hook frame: it ends. */
static void end_frame(struct pend_map *map, uint32_t slot)
{
	struct pendi_slot *at = pendi_map_slot(map, slot);
	/* relaxed, both: nobody else is in the map any more. */
	const struct pendi_step step = pendi_word_frame_exit(
		pendi_load_relaxed(&at->word), PEND_ACTION_BLOCK, PEND_ORIGIN_DESTROY);

	if (step.result)
		return;
	pendi_store_relaxed(&at->word, step.word);
	pendi_map_carry_out(map, slot, &step);
}

void pendi_map_end(struct pend_map *map)
{
	const struct pendi_slab *slab = &map->recycler.slab;

	for (uint32_t slot = pendi_slab_next_used(slab, 0); slot < slab->count;
	     slot = pendi_slab_next_used(slab, slot + 1))
		end_frame(map, slot);
	decide_all(map, PEND_ORIGIN_DESTROY);
	for (uint32_t slot = pendi_slab_next_used(slab, 0); map->engine && slot < slab->count;
	     slot = pendi_slab_next_used(slab, slot + 1))
		(void)pendi_map_serve(map, slot);
	while (!map->engine && pendi_map_rerun_one(map))
		;
	/* relaxed: as in end_frame(). */
	if (pendi_load_relaxed(&map->drain.active))
		report_drain(map);
}
