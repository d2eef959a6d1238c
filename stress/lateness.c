/* SPDX-License-Identifier: MIT */
/*
 * lateness.c - the orchestrator of a million operations is killed: each ends by its deadline, none
 * before, and how late the latest is (guarantee C). A second time, its operations are blocked as
 * soon as it is gone.
 *
 *   fill: all pended for the session ---> SIGKILL ---> one to two seconds: deadlines at random
 *                                            |               (KEEP), or all blocked (BLOCK)
 *                                            +--> pending goes on at full rate, for nobody
 *
 * The orchestrator is a process of its own that holds the session's lease. From its death on, bursts
 * are pended and completed beside the million. Lateness is the time at which the completion function runs less the
 * deadline that the operation carries. The session's operations were pended at odd nanoseconds, all
 * others at even ones: that is how the completion function knows them.
 */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <string.h>

#include "stress/load.h"
#include "stress/orchestrator.h"

#define LIVE_DEFAULT 1000000u
#define SHORTEST_NS NS_PER_S
#define LONGEST_NS (2 * NS_PER_S)
#define FILL_PER_S 500000u /* the first guess */
#define FILL_MOST_NS (60 * NS_PER_S)
#define LOSS_MOST_MS 1000.0 /* from SIGKILL to the last that is told */
#define BACKLOG_MOST_MS 1.0 /* what is due in one tick, looked at and told */
#define ROUNDED_MS 0.066    /* deadlines are */
#define NOTICED_NS (10 * NS_PER_S)
#define ORCHESTRATED 8u /* it decides one in so many */
#define BURST 16u       /* pended and completed between two that wait for their deadline */
#define THREADS_MOST 16u
#define BURST_ENTRIES 1024u
#define EXTRA_ENTRIES 65536u

struct lateness {
	struct load load;
	struct orchestrator orchestrator;
	struct histogram late;  /* of all that met their deadline */
	struct histogram owned; /* ... of the dead orchestrator */
	struct cell dead;       /* it is gone, and workers know */
	struct cell planned_ns; /* when it is going to be killed, by the rate of filling so far */
	struct cell pended_owned, told_owned, last_owned_ns;
	struct cell burst_done, full;
	struct histogram machine; /* how late threads wake that do nothing else */
};

static struct lateness *of(struct load_worker *worker)
{
	return worker->load->context;
}

static void observe(void *context, const struct load_completion *completion)
{
	struct lateness *lateness = context;
	const struct pend_operation *operation = completion->operation;
	bool is_owned = operation->pend_time_ns & 1;

	if (is_owned) {
		cell_add(&lateness->told_owned, 1);
		cell_raise(&lateness->last_owned_ns, completion->now_ns);
	}
	if (operation->origin != PEND_ORIGIN_DEADLINE ||
	    completion->now_ns < operation->deadline_ns)
		return;
	histogram_add(&lateness->late, completion->now_ns - operation->deadline_ns);
	if (is_owned)
		histogram_add(&lateness->owned, completion->now_ns - operation->deadline_ns);
}

/* Pends the operation of a closed entry. False: it is open still, or there is no room. */
static bool pend_entry(struct load_worker *worker, uint32_t index, uint64_t now_ns,
		       uint64_t deadline_ns, struct pend_session *session, uint64_t *handle)
{
	struct load *load = worker->load;
	uint64_t cookie = ledger_open(&load->ledger, index);
	struct pend_request request = { .cookie = cookie,
					.now_ns = (now_ns & ~UINT64_C(1)) | (session != NULL),
					.deadline_ns = deadline_ns - now_ns,
					.session = session };
	int status;

	if (!cookie)
		return false;
	status = pend_map_pend(load->map, &request, handle);
	if (status) {
		(void)ledger_close(&load->ledger, cookie);
		cell_add(&of(worker)->full, 1);
		if (status == -ENOBUFS) /* the agent has to read */
			sched_yield();
		else if (status == -ESHUTDOWN)
			cell_write(&of(worker)->dead, 1);
		else if (status != -ENOSPC)
			stress_bail("pend_map_pend: %s", strerror(-status));
		return false;
	}
	cell_write(&worker->steps, cell_read(&worker->steps) + 1);
	if (session)
		cell_add(&of(worker)->pended_owned, 1);
	return true;
}

/* A burst of what is decided at once, in the last BURST_ENTRIES of the worker's part. */
static void burst(struct load_worker *worker, uint32_t *at)
{
	uint32_t base = worker->first_entry + worker->entries - BURST_ENTRIES;
	uint64_t handle = 0, now_ns = stress_now_ns();

	for (uint32_t i = 0; i < BURST; i++) {
		*at = (*at + 1) % BURST_ENTRIES;
		if (pend_entry(worker, base + *at, now_ns, now_ns + SHORTEST_NS, NULL, &handle) &&
		    pend_map_complete(worker->load->map, handle, PEND_ACTION_PERMIT_SOFT) == 0)
			cell_add(&of(worker)->burst_done, 1);
	}
}

/* Some that wait: a session's end one to two seconds after the orchestrator's death. */
static void refill(struct load_worker *worker, uint32_t *at)
{
	struct lateness *lateness = of(worker);
	struct pend_session *session = cell_read(&lateness->dead) ? NULL
								  : lateness->orchestrator.session;
	uint32_t live = worker->entries - BURST_ENTRIES;
	uint32_t spread_us = (uint32_t)((LONGEST_NS - SHORTEST_NS) / NS_PER_US);
	uint64_t now_ns = stress_now_ns(), from_ns = now_ns, handle = 0;

	if (!cell_read(&lateness->dead) && from_ns < cell_read(&lateness->planned_ns))
		from_ns = cell_read(&lateness->planned_ns);
	for (uint32_t i = 0; i < BURST; i++) {
		*at = *at + 1 < live ? *at + 1 : 0;
		(void)pend_entry(worker, worker->first_entry + *at, now_ns,
				 from_ns + SHORTEST_NS +
					 rng_below(&worker->rng, spread_us) * NS_PER_US,
				 session, &handle);
	}
}

static void work(struct load_worker *worker)
{
	uint32_t at = 0, burst_at = 0;

	while (!load_over(worker->load)) {
		if (cell_read(&of(worker)->dead))
			burst(worker, &burst_at);
		refill(worker, &at);
	}
}

static void agent(struct load_worker *worker)
{
	orchestrator_serve(&of(worker)->orchestrator, worker->load);
}

/* What the machine makes of a tick: a thread on each CPU that sleeps for one, as real-time as the
 * executors, and notes how much longer it took. */
static void sleeper(struct load_worker *worker)
{
	struct lateness *lateness = of(worker);
	uint64_t tick_ns = worker->load->engine_options.tick_ns;
	struct sched_param param = { (int)worker->load->engine_options.fifo_priority + 1 };

	if (param.sched_priority > 1)
		(void)pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
	while (!load_over(worker->load)) {
		uint64_t began_ns = stress_now_ns(), ns;

		stress_sleep_ns(tick_ns);
		ns = stress_now_ns() - began_ns;
		histogram_add(&lateness->machine, ns > tick_ns ? ns - tick_ns : 0);
	}
}

static uint64_t live_now(struct load *load)
{
	int live = pend_map_count(load->map);

	return live < 0 ? 0 : (uint64_t)live;
}

/* Until all are live. What is pended early gets a deadline beyond that, as far as one can tell. */
static void fill(struct lateness *lateness, uint64_t wanted)
{
	uint64_t began_ns = stress_now_ns(), now_ns = began_ns, live = 0;

	while (live < wanted * 99 / 100 && now_ns - began_ns < stress_patience_ns(FILL_MOST_NS)) {
		double seconds = (double)(now_ns - began_ns) / (double)NS_PER_S + 0.1;
		double rate = ((double)live + FILL_PER_S * 0.1) / seconds;

		cell_write(&lateness->planned_ns,
			   now_ns + (uint64_t)((double)(wanted - live) / rate * (double)NS_PER_S));
		stress_sleep_ns(NS_PER_MS);
		live = live_now(&lateness->load);
		now_ns = stress_now_ns();
	}
}

static void fill_and_kill(struct lateness *lateness, uint64_t wanted)
{
	struct load *load = &lateness->load;
	struct stress *stress = load->stress;
	uint64_t began_ns = stress_now_ns(), live;

	fill(lateness, wanted);
	live = live_now(load);
	orchestrator_kill(&lateness->orchestrator);
	stress_note("%" PRIu64 " live when the orchestrator was killed, %.2f s after the start; it "
		    "had decided %" PRIu64,
		    live, (double)(stress_now_ns() - began_ns) / (double)NS_PER_S,
		    cell_read(&lateness->orchestrator.decided));
	stress_check(stress, live >= wanted * 9 / 10, "%" PRIu64 " were live", live);
	stress_check(
		stress,
		orchestrator_await_loss(&lateness->orchestrator, stress_patience_ns(NOTICED_NS)),
		"the engine knows that it is gone, after %.3f ms",
		(double)(stress_now_ns() - cell_read(&lateness->orchestrator.killed_ns)) /
			(double)NS_PER_MS);
	cell_write(&lateness->dead, 1);
}

static void go_on(struct lateness *lateness)
{
	struct load *load = &lateness->load;
	struct stress *stress = load->stress;
	uint64_t began_ns = stress_now_ns(), least = UINT64_MAX, most = 0;
	uint64_t done = load_steps(load, "pender");
	double seconds;

	while ((double)(stress_now_ns() - began_ns) < stress->seconds * (double)NS_PER_S) {
		uint64_t live = live_now(load);

		least = live < least ? live : least;
		most = live > most ? live : most;
		stress_progress(stress, "%" PRIu64 " live, %" PRIu64 " met their deadline", live,
				cell_read(&load->by_deadline));
		stress_sleep_ns(50 * NS_PER_MS);
	}
	seconds = (double)(stress_now_ns() - began_ns) / (double)NS_PER_S;
	stress_note("then for %.1f s: %" PRIu64 " to %" PRIu64 " live, %.3f M pends/s, %.3f M of "
		    "them completed; refused as full: %" PRIu64,
		    seconds, least, most,
		    (double)(load_steps(load, "pender") - done) / seconds / 1e6,
		    (double)cell_read(&lateness->burst_done) / 1e6, cell_read(&lateness->full));
}

static void note_late(const char *what, struct histogram *late)
{
	stress_note("lateness of %s: p50 %.3f, p99 %.3f, p99.99 %.3f, max %.3f ms (%" PRIu64 ")",
		    what, (double)histogram_quantile(late, 0.5) / (double)NS_PER_MS,
		    (double)histogram_quantile(late, 0.99) / (double)NS_PER_MS,
		    (double)histogram_quantile(late, 0.9999) / (double)NS_PER_MS,
		    (double)cell_read(&late->most) / (double)NS_PER_MS, histogram_count(late));
}

/* Where the time went: what an executor does for a look, and what it waited for its CPU. */
static void note_executors(struct lateness *lateness, const struct machine_wait *wait)
{
	struct pend_shard_stats all = { .size = sizeof(all) };

	if (pend_engine_stats_read(lateness->load.engine, PEND_CPU_CURRENT, &all))
		return;
	stress_note("%" PRIu32 " executors: ran %.2f s, waited %.2f s for a CPU; %" PRIu64
		    " looks in %" PRIu64 " passes, %" PRIu64 " hints, %.0f ns each",
		    wait->threads, (double)wait->ran_ns / (double)NS_PER_S,
		    (double)wait->waited_ns / (double)NS_PER_S, all.looks, all.passes, all.served,
		    (double)wait->ran_ns / (double)(all.looks + all.served + 1));
}

/* Judged if the executors run before the penders: else they have to wait for their CPUs, as the
 * note about them says. Nobody is less late than the machine lets a sleeper be. */
static void check_lateness(struct lateness *lateness)
{
	struct load *load = &lateness->load;
	double tick_ms = (double)load->engine_options.tick_ns / (double)NS_PER_MS;
	double most_ms = tick_ms + ROUNDED_MS + BACKLOG_MOST_MS +
			 (double)cell_read(&lateness->machine.most) / (double)NS_PER_MS;
	double late_ms = (double)histogram_quantile(&lateness->late, 0.9999) / (double)NS_PER_MS;

	if (load->engine_options.fifo_priority)
		stress_figure(load->stress, late_ms, most_ms, "ms", "lateness at p99.99");
	else
		stress_note("lateness at p99.99: %.3f ms; the bound without the wait for a CPU: "
			    "%.3f ms (judged with --fifo)",
			    late_ms, most_ms);
}

static void report(struct lateness *lateness, enum pend_on_loss on_loss)
{
	struct stress *stress = lateness->load.stress;
	struct cell *killed = &lateness->orchestrator.killed_ns;
	double last_ms = ((double)cell_read(&lateness->last_owned_ns) - (double)cell_read(killed)) /
			 (double)NS_PER_MS;

	stress_check(stress, cell_read(&lateness->told_owned) == cell_read(&lateness->pended_owned),
		     "%" PRIu64 " of the session's %" PRIu64
		     " ended, the last %.3f ms after its orchestrator",
		     cell_read(&lateness->told_owned), cell_read(&lateness->pended_owned), last_ms);
	note_late("all", &lateness->late);
	note_late("the orchestrator's", &lateness->owned);
	if (on_loss == PEND_LOSS_BLOCK)
		stress_figure(stress, last_ms, LOSS_MOST_MS, "ms", "all blocked after its death");
	else
		stress_check(stress, histogram_count(&lateness->owned) > 0,
			     "its operations met their deadlines");
	note_late("sleepers", &lateness->machine);
	check_lateness(lateness);
}

static void run(struct stress *stress, enum pend_on_loss on_loss)
{
	static struct lateness lateness;
	struct load *load = &lateness.load;
	struct machine_wait wait;
	uint64_t live = stress->rounds;
	const struct orchestrator_terms terms = { .on_loss = on_loss, .one_in = ORCHESTRATED };
	uint32_t cpus[LOAD_WORKERS / 4], cpu_count = stress_cpus(cpus, LOAD_WORKERS / 4);

	memset(&lateness, 0, sizeof(lateness));
	load_prepare(load, stress);
	load->observe = observe;
	load->context = &lateness;
	if (stress->flags[0].set) { /* then to spin is to keep the penders from their CPU */
		load->engine_options.fifo_priority = 1;
		load->engine_options.spin_ns = 0;
	}
	load->map_options.deadline_ns = LONGEST_NS;
	load->map_options.max_entries = (uint32_t)live + EXTRA_ENTRIES * stress->threads;
	load->entries = (uint32_t)(live / stress->threads) + BURST_ENTRIES;
	for (uint32_t i = 0; i < stress->threads; i++) {
		struct load_worker *worker = load_add(load, "pender", UINT32_MAX, work);

		worker->first_entry = load->penders++ * load->entries;
		worker->entries = load->entries;
	}
	(void)load_add(load, "agent", UINT32_MAX, agent);
	for (uint32_t i = 0; i < cpu_count; i++)
		(void)load_add(load, "sleeper", cpus[i], sleeper);
	load_make_engine(load);
	orchestrator_start(&lateness.orchestrator, load, &terms);
	cell_write(&lateness.planned_ns, stress_now_ns() + live * NS_PER_S / FILL_PER_S);
	stress_note("on_loss %s", on_loss == PEND_LOSS_KEEP ? "KEEP" : "BLOCK");
	stress_watch(stress);
	load_start(load);
	fill_and_kill(&lateness, live);
	go_on(&lateness);
	wait = machine_executors();
	note_executors(&lateness, &wait);
	orchestrator_end(&lateness.orchestrator);
	load_finish(load);
	orchestrator_free(&lateness.orchestrator);
	report(&lateness, on_loss);
}

int main(int count, char **words)
{
	struct stress stress = {
		.name = "stress_lateness",
		.purpose = "a killed orchestrator's operations, --rounds of them live",
		.seconds = 10,
		.rounds = LIVE_DEFAULT,
		.threads = 1,
		.flags = { { "--fifo", "executors run before all that is not real-time", false } }
	};
	int status;

	if (!stress_begin(&stress, count, words, &status))
		return status;
	stress_limit(stress.seconds * 3 + 150, "lateness");
	stress.rounds = stress.rounds ? stress.rounds : LIVE_DEFAULT;
	stress.threads = stress.threads && stress.threads <= THREADS_MOST ? stress.threads : 1;
	run(&stress, PEND_LOSS_KEEP);
	run(&stress, PEND_LOSS_BLOCK);
	return stress_end(&stress);
}
