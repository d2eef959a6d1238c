/* SPDX-License-Identifier: MIT */
/*
 * thread.c - threads that come, do a little and die, in every way a thread can die, by the ten
 * thousand (guarantees A, E and F).
 *
 *   spawner:  makes BATCH mortals -> cancels some whenever it likes -> joins all -> again
 *   mortal:   pends, completes, reads by pointer; then returns, leaves by pthread_exit() or is
 *             cancelled: outside a section of the epoch, or inside of one to three. Some have a
 *             key whose destructor pends once more, after or before the library's own.
 *   agent:    reads the session's notices and completes; its descriptor is written by the pends, and
 *             a write is where a thread may be cancelled
 *   main:     now and then stops the map and lets it go on
 *
 * A section that a dead thread left open would keep slots from being used again and would show in
 * pend_epoch_stalled() and pend_epoch_synchronize(). A record that was not given back shows after
 * RECORDS threads: pend_epoch_enter() says -EAGAIN. A pend that was cut off shows in the account, or
 * in a stop that does not return. At the end each slot of the map is pended once more.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include <pendmap/epoch.h>

#include "stress/leftovers.h"
#include "stress/load.h"
#include "stress/recorder.h"

#define RECORDS 4095u /* so many threads the library knows at once */
#define SPAWNERS 4u
#define BATCH 4u
#define ENTRIES 256u /* of each mortal */
#define STEPS_MOST 24u
#define CANCEL_STEPS 1000000u /* one that is to be cancelled gives up then */
#define YIELD_STEPS 32u
#define SLOTS 4096u
#define NOTICES 1024u
#define MESSAGE 64u
#define STOP_EVERY_NS (50 * NS_PER_MS)
#define STOP_NS (10 * NS_PER_S)
#define LONGEST_NS (20 * NS_PER_MS)

enum end { END_RETURN, END_EXIT, END_CANCEL, ENDS };

static const char *const end_names[ENDS] = { "returned", "left by pthread_exit", "were cancelled" };

struct mortality;

struct mortal {
	struct load_worker worker; /* its hands */
	struct mortality *mortality;
	enum end end;
	uint32_t inside; /* sections that it leaves open, if it gets there */
	bool has_last_words;
};

struct mortality {
	struct load load;
	struct recorder recorder;
	pthread_key_t last_words;
	struct cell ends[ENDS];
	struct cell inside, spoken, refused, torn, uncancelled, stops;
};

static struct mortality *of(struct load *load)
{
	return load->context;
}

/* ---- a mortal ---- */

static void pend_one(struct mortal *mortal)
{
	struct load_worker *worker = &mortal->worker;
	struct load *load = worker->load;
	uint32_t index = worker->first_entry + rng_below(&worker->rng, worker->entries);
	uint64_t cookie = load_pend(worker, index);

	if (!cookie || rng_one_in(&worker->rng, LOAD_LEFT))
		return;
	cookie = cell_swap(&load->board[rng_below(&worker->rng, LOAD_BOARD)], cookie);
	if (cookie)
		load_complete(load, cookie);
}

/* Inside a section. Each word of a value is the cookie. */
static void read_one(struct mortal *mortal)
{
	struct load *load = mortal->worker.load;
	uint32_t index = rng_below(&mortal->worker.rng, load->ledger.count);
	uint64_t handle = cell_read(&load->ledger.entries[index].handle);
	const uint64_t *words;
	struct pend_info info;
	const void *value;

	if (!handle || pend_map_peek(load->map, handle, &info, &value))
		return;
	words = value;
	for (uint32_t i = 0; i < LOAD_VALUE_WORDS; i++) {
		if (words[i] != info.cookie)
			cell_add(&mortal->mortality->torn, 1);
	}
}

static bool enter(struct mortal *mortal)
{
	if (pend_epoch_enter() == 0)
		return true;
	cell_add(&mortal->mortality->refused, 1);
	return false;
}

static void step(struct mortal *mortal)
{
	pend_one(mortal);
	if (!rng_one_in(&mortal->worker.rng, 4) || !enter(mortal))
		return;
	read_one(mortal);
	if (mortal->end == END_CANCEL && rng_one_in(&mortal->worker.rng, 2))
		pthread_testcancel(); /* inside */
	read_one(mortal);
	(void)pend_epoch_exit();
}

/* The destructor of a key: the thread is on its way out. */
static void say_last_words(void *argument)
{
	struct mortal *mortal = argument;

	pend_one(mortal);
	if (enter(mortal)) {
		read_one(mortal);
		(void)pend_epoch_exit();
	}
	cell_add(&mortal->mortality->spoken, 1);
}

static void *live(void *argument)
{
	struct mortal *mortal = argument;
	uint32_t steps = mortal->end == END_CANCEL ? CANCEL_STEPS
						   : rng_below(&mortal->worker.rng, STEPS_MOST);

	if (mortal->has_last_words && pthread_setspecific(mortal->mortality->last_words, mortal))
		stress_bail("pthread_setspecific");
	for (uint32_t i = 0; i < steps; i++) {
		step(mortal);
		if (mortal->end == END_CANCEL)
			pthread_testcancel();
		if (i % YIELD_STEPS == YIELD_STEPS - 1)
			sched_yield();
	}
	if (mortal->end == END_CANCEL)
		cell_add(&mortal->mortality->uncancelled, 1);
	for (uint32_t i = 0; i < mortal->inside; i++) {
		if (!enter(mortal))
			return NULL;
	}
	if (mortal->inside) {
		read_one(mortal);
		cell_add(&mortal->mortality->inside, 1);
	}
	if (mortal->end == END_EXIT)
		pthread_exit(NULL);
	return NULL;
}

/* ---- a spawner ---- */

static void bear(struct mortal *mortal, struct load_worker *spawner, uint32_t child)
{
	struct rng *rng = &spawner->rng;

	*mortal = (struct mortal){ .mortality = of(spawner->load),
				   .end = (enum end)rng_below(rng, ENDS),
				   .inside = rng_below(rng, 4),
				   .has_last_words = rng_one_in(rng, 4) };
	mortal->worker.load = spawner->load;
	mortal->worker.rng = rng_make(rng_next(rng), child);
	mortal->worker.first_entry = spawner->first_entry + child * ENTRIES;
	mortal->worker.entries = ENTRIES;
	if (pthread_create(&mortal->worker.thread, NULL, live, mortal))
		stress_bail("no thread");
}

static void bury(struct mortal *mortal, struct load_worker *spawner)
{
	void *result = NULL;

	if (pthread_join(mortal->worker.thread, &result))
		stress_bail("pthread_join");
	cell_add(&mortal->mortality->ends[mortal->end], 1);
	cell_write(&spawner->steps, cell_read(&spawner->steps) + cell_read(&mortal->worker.steps));
}

static void spawn(struct load_worker *spawner)
{
	struct mortal mortals[BATCH];

	while (!load_over(spawner->load)) {
		for (uint32_t i = 0; i < BATCH; i++)
			bear(&mortals[i], spawner, i);
		for (uint32_t i = 0; i < BATCH; i++) {
			for (uint32_t n = rng_below(&spawner->rng, 4); n; n--)
				sched_yield();
			if (mortals[i].end == END_CANCEL &&
			    pthread_cancel(mortals[i].worker.thread))
				stress_bail("pthread_cancel");
		}
		for (uint32_t i = 0; i < BATCH; i++)
			bury(&mortals[i], spawner);
	}
}

/* ---- who decides, and who stops ---- */

static void serve(struct load_worker *worker)
{
	struct load *load = worker->load;
	struct pollfd ready = { .fd = pend_session_fd(load->session), .events = POLLIN };
	struct pend_notice notices[MESSAGE];

	while (!load_over(load)) {
		int count = pend_session_read(load->session, notices, NULL, MESSAGE);

		for (int i = 0; i < count; i++) {
			if (rng_one_in(&worker->rng, 2))
				load_complete(load, notices[i].cookie);
		}
		if (count == 0)
			(void)poll(&ready, 1, 10);
	}
}

static uint64_t deaths(struct mortality *mortality)
{
	uint64_t all = 0;

	for (uint32_t i = 0; i < ENDS; i++)
		all += cell_read(&mortality->ends[i]);
	return all;
}

/* Guarantee F: whatever those did that died in it, nobody is inside a pend for ever. */
static void stop_once(struct mortality *mortality)
{
	struct pend_map *map = mortality->load.map;
	int status = pend_map_disable(map, stress_patience_ns(STOP_NS));
	int live = pend_map_count(map);

	if (status || live) {
		stress_check(mortality->load.stress, false, "a stop returned %d with %d live",
			     status, live);
		cell_write(&mortality->load.stop, 1);
	}
	cell_add(&mortality->stops, 1);
	if (pend_map_enable(map))
		stress_bail("pend_map_enable");
}

static void watch(struct mortality *mortality)
{
	struct stress *stress = mortality->load.stress;
	uint64_t stop_ns = stress_now_ns() + stress_patience_ns(STOP_EVERY_NS);

	while (stress_goes_on(stress, deaths(mortality)) && !load_over(&mortality->load)) {
		stress_sleep_ns(STOP_EVERY_NS);
		if (stress_now_ns() >= stop_ns) {
			stop_once(mortality);
			stop_ns = stress_now_ns() + stress_patience_ns(STOP_EVERY_NS);
		}
		stress_progress(stress, "%" PRIu64 " threads died, %" PRIu64 " completed",
				deaths(mortality), cell_read(&mortality->load.completed));
	}
}

/* ---- afterwards ---- */

/* Every slot can be had, at once: no dead thread keeps one. */
static void fill(struct mortality *mortality)
{
	struct pend_map *map = mortality->load.map;
	const uint32_t slots = mortality->load.map_options.max_entries;
	struct pend_request request = { .deadline_ns = PEND_DEADLINE_NONE };
	uint64_t handle;
	uint32_t pended = 0;
	int status = 0;

	while (pended <= slots && !(status = pend_map_pend(map, &request, &handle)))
		pended++;
	stress_check(mortality->load.stress, pended == slots && status == -ENOSPC,
		     "%" PRIu32 " slots of %u can be had, then: %s", pended, slots,
		     strerror(-status));
}

static void check_sections(struct mortality *mortality)
{
	struct stress *stress = mortality->load.stress;
	struct pend_epoch_stall stall = { 0 };
	int stalled, status;

	(void)pend_epoch_stalled(0, NULL, 0);
	stalled = pend_epoch_stalled(0, &stall, 1);
	if (!stress_check(stress, stalled == 0,
			  "sections that the dead left open: %d (%" PRId32 ")", stalled, stall.tid))
		stress_bail("they would be waited for for ever");
	status = pend_epoch_synchronize();
	stress_check(stress, status == 0, "every section is closed (%d)", status);
}

static void report(struct mortality *mortality)
{
	struct stress *stress = mortality->load.stress;

	for (uint32_t i = 0; i < ENDS; i++)
		stress_note("%" PRIu64 " %s", cell_read(&mortality->ends[i]), end_names[i]);
	stress_note("%" PRIu64 " died inside a section of their own accord, %" PRIu64
		    " had last words, %" PRIu64 " were not cancelled in time; %" PRIu64 " stops",
		    cell_read(&mortality->inside), cell_read(&mortality->spoken),
		    cell_read(&mortality->uncancelled), cell_read(&mortality->stops));
	stress_check(stress, cell_read(&mortality->refused) == 0,
		     "records for %" PRIu64 " threads (the library has %u): refused = %" PRIu64,
		     deaths(mortality), RECORDS, cell_read(&mortality->refused));
	stress_check(stress, cell_read(&mortality->torn) == 0, "torn = %" PRIu64,
		     cell_read(&mortality->torn));
}

static void prepare(struct mortality *mortality, struct stress *stress)
{
	struct pend_session_options session = pend_session_options_default();
	struct load *load = &mortality->load;
	uint32_t spawners = stress->threads ? stress->threads : SPAWNERS;

	load_prepare(load, stress);
	recorder_make(&mortality->recorder);
	load->context = mortality;
	load->engine_options.allocator = &mortality->recorder.allocator;
	load->map_options.allocator = &mortality->recorder.allocator;
	load->map_options.flags |= PEND_MAP_POINTERS;
	load->map_options.max_entries = stress_room(stress, SLOTS);
	load->longest_ns = LONGEST_NS;
	load->cookie_values = true;
	load->stops = true;
	load->entries = BATCH * ENTRIES;
	load_make_engine(load);
	session.notices = NOTICES;
	session.key_size = 0;
	if (pend_session_open(load->engine, &session, &load->session))
		stress_bail("pend_session_open");
	for (uint32_t i = 0; i < spawners && i < LOAD_WORKERS - 1; i++) {
		struct load_worker *worker = load_add(load, "pender", UINT32_MAX, spawn);

		worker->first_entry = load->penders++ * load->entries;
		worker->entries = load->entries;
	}
	(void)load_add(load, "agent", UINT32_MAX, serve);
}

int main(int count, char **words)
{
	static struct mortality mortality;
	struct stress stress = { .name = "stress_thread",
				 .purpose = "threads that die in every way; --rounds of them",
				 .seconds = 30 };
	struct leftovers before;
	int status;

	if (!stress_begin(&stress, count, words, &status))
		return status;
	stress_limit(stress.seconds * 3 + 60, "thread");
	before = leftovers_before();
	if (pthread_key_create(&mortality.last_words, say_last_words))
		stress_bail("pthread_key_create");
	prepare(&mortality, &stress);
	load_start(&mortality.load);
	watch(&mortality);
	load_settle(&mortality.load);
	check_sections(&mortality);
	report(&mortality);
	fill(&mortality);
	(void)pend_session_close(mortality.load.session);
	load_end(&mortality.load);
	stress_check(&stress, cell_read(&mortality.recorder.bytes) == 0,
		     "bytes that were not given back: %" PRIu64,
		     cell_read(&mortality.recorder.bytes));
	leftovers_check(&stress, &before);
	return stress_end(&stress);
}
