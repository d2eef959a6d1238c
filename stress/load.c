/* SPDX-License-Identifier: MIT */
/*
 * load.c - a map under full load, and the account of it.
 */
#include "stress/load.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#define BEAT_STEPS 64u
#define REPIN_STEPS 1024u /* a pender looks after its CPU every so many steps */
#define LOST_NOTED 4u
#define SETTLE_NS (10 * NS_PER_S)

static void on_complete(void *context, const struct pend_operation *operation)
{
	struct load *load = context;
	struct load_completion seen = { .operation = operation,
					.now_ns = stress_now_ns(),
					.cpu = (uint32_t)sched_getcpu() };
	uint32_t home = operation->home_cpu % LOAD_CPUS;
	bool late = operation->origin == PEND_ORIGIN_DEADLINE;

	if (late)
		seen.decided_ns = operation->deadline_ns;
	else if (ledger_index(operation->cookie) < load->ledger.count)
		seen.decided_ns = ledger_decided_ns(&load->ledger, operation->cookie);
	if (!ledger_close(&load->ledger, operation->cookie))
		return;
	cell_add(&load->completed, 1);
	if (late) {
		cell_add(&load->by_deadline, 1);
		if (seen.now_ns < operation->deadline_ns)
			cell_add(&load->early, 1);
	}
	if (seen.cpu == operation->home_cpu) {
		cell_add(&load->at_home[home], 1);
	} else {
		cell_add(&load->away[home], 1);
	}
	if (load->observe)
		load->observe(load->context, &seen);
}

void load_complete(struct load *load, uint64_t cookie)
{
	struct ledger_entry *entry = &load->ledger.entries[ledger_index(cookie)];
	uint64_t handle = cell_read(&entry->handle);
	int status;

	if (!handle)
		return; /* not yet known here: the deadline sees to it */
	status = load->session ? pend_session_complete(load->session, load->map, handle,
						       PEND_ACTION_PERMIT_SOFT)
			       : pend_map_complete(load->map, handle, PEND_ACTION_PERMIT_SOFT);
	if (!status)
		ledger_decide(&load->ledger, cookie, stress_now_ns());
	else if (status != -EALREADY && status != -ENOENT)
		stress_bail("pend_map_complete: %s", strerror(-status));
}

uint64_t load_pend(struct load_worker *worker, uint32_t index)
{
	struct load *load = worker->load;
	uint64_t cookie = ledger_open(&load->ledger, index), handle = 0;
	uint32_t spread_us = (uint32_t)((load->longest_ns - load->shortest_ns) / NS_PER_US) + 1;
	struct pend_request request = { .cookie = cookie };
	uint64_t value[LOAD_VALUE_WORDS];
	int status;

	if (!cookie)
		return 0;
	request.session = load->session;
	if (load->cookie_values) {
		for (uint32_t i = 0; i < LOAD_VALUE_WORDS; i++)
			value[i] = cookie;
		request.value = value;
		request.value_size = sizeof(value);
	}
	request.deadline_ns = load->shortest_ns + rng_below(&worker->rng, spread_us) * NS_PER_US;
	status = pend_map_pend(load->map, &request, &handle);
	if (status) {
		(void)ledger_close(&load->ledger, cookie);
		cell_add(&load->refused, 1);
		if (status != -ENOSPC && status != -EAGAIN && status != -ENOBUFS &&
		    !(status == -ESHUTDOWN && load->stops))
			stress_bail("pend_map_pend: %s", strerror(-status));
		return 0;
	}
	cell_write(&load->ledger.entries[index].handle, handle);
	cell_write(&worker->steps, cell_read(&worker->steps) + 1);
	return cookie;
}

/* Lets others run now and then, where full load is too much: in an emulated machine. */
static void take_breath(const struct load *load, uint32_t steps)
{
	if (load->pause_ns && steps % LOAD_PAUSE_STEPS == 0)
		stress_sleep_ns(load->pause_ns);
}

void load_pender(struct load_worker *worker)
{
	struct load *load = worker->load;
	uint32_t at = 0, idle = 0, steps = 0;

	while (!load_over(load)) {
		uint64_t cookie = load_pend(worker, worker->first_entry + at);

		at = at + 1 < worker->entries ? at + 1 : 0;
		take_breath(load, ++steps);
		if (steps % BEAT_STEPS == 0)
			cell_write(&worker->beats, steps);
		if (worker->cpu != UINT32_MAX && steps % REPIN_STEPS == 0 &&
		    (uint32_t)sched_getcpu() != worker->cpu)
			(void)stress_pin(worker->cpu);
		if (!cookie) {
			if (++idle >= worker->entries) {
				sched_yield();
				idle = 0;
			}
			continue;
		}
		idle = 0;
		if (rng_one_in(&worker->rng, LOAD_LEFT))
			continue;
		cookie = cell_swap(&load->board[rng_below(&worker->rng, LOAD_BOARD)], cookie);
		if (cookie)
			load_complete(load, cookie);
	}
}

void load_completer(struct load_worker *worker)
{
	struct load *load = worker->load;
	uint32_t empty = 0, steps = 0;

	while (!load_over(load)) {
		struct cell *place = &load->board[rng_below(&worker->rng, LOAD_BOARD)];
		uint64_t cookie = cell_read(place) ? cell_swap(place, 0) : 0;

		take_breath(load, ++steps);
		if (cookie) {
			load_complete(load, cookie);
			cell_write(&worker->steps, cell_read(&worker->steps) + 1);
			empty = 0;
		} else if (++empty >= LOAD_BOARD) {
			sched_yield();
			empty = 0;
		}
	}
}

void load_prepare(struct load *load, struct stress *stress)
{
	memset(load, 0, sizeof(*load));
	load->stress = stress;
	load->engine_options = stress_engine_options(stress);
	load->map_options = pend_map_options_default();
	load->map_options.flags = PEND_MAP_ENABLED;
	load->map_options.deadline_ns = 50 * NS_PER_MS;
	load->shortest_ns = 2 * NS_PER_MS;
	load->longest_ns = 50 * NS_PER_MS;
	load->entries = stress_room(stress, 4096);
}

struct load_worker *load_add(struct load *load, const char *role, uint32_t cpu,
			     void (*work)(struct load_worker *worker))
{
	struct load_worker *worker = &load->workers[load->worker_count];

	if (load->worker_count == LOAD_WORKERS)
		stress_bail("more than %u workers", LOAD_WORKERS);
	worker->load = load;
	worker->work = work;
	worker->role = role;
	worker->number = load->worker_count++;
	worker->cpu = cpu;
	worker->rng = rng_make(load->stress->seed, worker->number);
	if (work == load_pender) {
		worker->first_entry = load->penders++ * load->entries;
		worker->entries = load->entries;
	}
	return worker;
}

static void *run_worker(void *argument)
{
	struct load_worker *worker = argument;

	cell_write(&worker->tid, (uint64_t)gettid());
	if (worker->cpu != UINT32_MAX)
		(void)stress_pin(worker->cpu);
	worker->work(worker);
	return NULL;
}

void load_make_engine(struct load *load)
{
	int status = pend_engine_create(&load->engine_options, &load->engine);

	if (!status)
		status = pend_engine_enable(load->engine);
	if (status)
		stress_bail("engine: %s", strerror(-status));
}

void load_start(struct load *load)
{
	int status;

	if (!load->engine)
		load_make_engine(load);
	if (!ledger_make(&load->ledger, load->penders * load->entries))
		stress_bail("no memory for the ledger");
	load->map_options.engine = load->engine;
	load->map_options.value_size =
		load->cookie_values ? (uint32_t)(LOAD_VALUE_WORDS * sizeof(uint64_t)) : 0;
	load->map_options.on_complete = on_complete;
	load->map_options.context = load;
	status = pend_map_create(&load->map_options, &load->map);
	if (status)
		stress_bail("pend_map_create: %s", strerror(-status));
	for (uint32_t i = 0; i < load->worker_count; i++) {
		struct load_worker *worker = &load->workers[i];

		if (pthread_create(&worker->thread, NULL, run_worker, worker))
			stress_bail("no thread");
		while (!cell_read(&worker->tid))
			sched_yield();
	}
}

static struct pend_map_stats map_stats(struct load *load)
{
	struct pend_map_stats stats = { .size = sizeof(stats) };
	int status = pend_map_stats_read(load->map, &stats);

	if (status)
		stress_bail("pend_map_stats_read: %s", strerror(-status));
	return stats;
}

/* What happened to the shards, in one line for each that something happened to. */
void load_note_shards(struct load *load)
{
	for (uint32_t cpu = 0; cpu < LOAD_CPUS; cpu++) {
		struct pend_shard_stats shard = { .size = sizeof(shard) };

		if (pend_engine_stats_read(load->engine, cpu, &shard) || !shard.served)
			continue;
		stress_note("cpu %" PRIu32 ": served %" PRIu64 " (%" PRIu64
			    " at home), looks %" PRIu64 ", stalls %" PRIu64 ", losses %" PRIu64
			    ", returns %" PRIu64 ", queued %" PRIu64 ", served by %" PRId32,
			    cpu, shard.served, shard.at_home, shard.looks, shard.stalls,
			    shard.losses, shard.returns, shard.queued, (int32_t)shard.server_cpu);
	}
}

/* What the map says of the first few operations that did not end. */
static void note_lost(struct load *load)
{
	uint32_t noted = 0;

	for (uint32_t i = 0; i < load->ledger.count && noted < LOST_NOTED; i++) {
		struct ledger_entry *entry = &load->ledger.entries[i];
		uint64_t handle = cell_read(&entry->handle);
		struct pend_info info = { 0 };
		int status;

		if (!(cell_read(&entry->state) & 1))
			continue;
		status = pend_map_read(load->map, handle, &info, NULL);
		stress_note(
			"lost: handle %#" PRIx64 ", read: %d, state %d, cpu %" PRIu32
			", %.3f ms after its deadline; decided: %d",
			handle, status, (int)info.state, info.home_cpu,
			((double)stress_now_ns() - (double)info.deadline_ns) / (double)NS_PER_MS,
			ledger_decided_ns(&load->ledger,
					  (uint64_t)i << 32 |
						  (uint32_t)(cell_read(&entry->state) >> 1)) != 0);
		noted++;
	}
}

/* Guarantees A, C and I of everything that was pended. */
static void check_account(struct load *load)
{
	struct stress *stress = load->stress;
	uint64_t give_up_ns = stress_now_ns() + stress_patience_ns(SETTLE_NS), pended;
	struct pend_map_stats stats = map_stats(load);
	uint32_t lost;

	while (stats.live && stress_now_ns() < give_up_ns) {
		stress_sleep_ns(NS_PER_MS);
		stats = map_stats(load);
	}
	pended = load_steps(load, "pender");
	stress_count(stress, pended);
	lost = ledger_open_count(&load->ledger);
	if (lost)
		note_lost(load);
	stress_check(stress, stats.live == 0, "all ended: live = %" PRIu64, stats.live);
	stress_check(stress, lost == 0 && cell_read(&load->completed) == pended,
		     "lost = %" PRIu32 " of %" PRIu64 " pended, %" PRIu64 " told", lost, pended,
		     cell_read(&load->completed));
	stress_check(stress,
		     cell_read(&load->ledger.duplicates) + cell_read(&load->ledger.strangers) == 0,
		     "duplicate = %" PRIu64 ", never pended = %" PRIu64,
		     cell_read(&load->ledger.duplicates), cell_read(&load->ledger.strangers));
	stress_check(stress, stats.pends == pended && stats.pends == stats.completions,
		     "the map counts %" PRIu64 " pends, %" PRIu64 " completions", stats.pends,
		     stats.completions);
	stress_check(stress, cell_read(&load->early) == 0,
		     "early = %" PRIu64 " of %" PRIu64 " that met their deadline",
		     cell_read(&load->early), cell_read(&load->by_deadline));
}

void load_settle(struct load *load)
{
	cell_write(&load->stop, 1);
	for (uint32_t i = 0; i < load->worker_count; i++)
		pthread_join(load->workers[i].thread, NULL);
	check_account(load);
	if (!load->stress->quiet)
		load_note_shards(load);
}

void load_end(struct load *load)
{
	int status = pend_map_destroy(load->map);

	stress_check(load->stress, status == 0, "the map is destroyed (%d)", status);
	status = pend_engine_destroy(load->engine);
	stress_check(load->stress, status == 0, "the engine is destroyed (%d)", status);
	ledger_free(&load->ledger);
}

void load_finish(struct load *load)
{
	load_settle(load);
	load_end(load);
}

uint64_t load_beats(struct load *load, uint32_t cpu)
{
	uint64_t beats = 0;

	for (uint32_t i = 0; i < load->worker_count; i++) {
		if (load->workers[i].cpu == cpu && load->workers[i].work == load_pender)
			beats += cell_read(&load->workers[i].beats);
	}
	return beats;
}

uint64_t load_steps(struct load *load, const char *role)
{
	uint64_t steps = 0;

	for (uint32_t i = 0; i < load->worker_count; i++) {
		if (strcmp(load->workers[i].role, role) == 0)
			steps += cell_read(&load->workers[i].steps);
	}
	return steps;
}
