/* SPDX-License-Identifier: MIT */
/*
 * kill.c - SIGKILL to those who decide, and to those who own everything, at any instant
 * (guarantees A, C and E).
 *
 * A round: an engine, and LANES sessions, each with an orchestrator that is a process of its own;
 * penders pend for any of them. One after the other the processes are killed in the middle of it.
 * What they left ends as the session says, once, and not before they are dead:
 *
 *	BLOCK, PERMIT   at once; their deadlines are far away
 *	KEEP            by its deadline
 *	HAND_OVER       by its deadline, or by its heir: a session of the same name, closed soon
 *
 * Now and then the whole of it is a child that is killed, with its threads, its engine and its
 * orchestrator. All its descendants have one end of a pipe: when that is closed, they are gone.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress/leftovers.h"
#include "stress/load.h"
#include "stress/orchestrator.h"

#define LANES 4u
#define PENDERS 2u
#define PENDERS_MOST 16u
#define ENTRIES 2048u /* of each pender */
#define DECIDES 4u    /* an orchestrator decides one in so many */
#define FAR_NS (60 * NS_PER_S)
#define NEAR_MOST_US 40000u
#define WORK_MOST_US 10000u
#define OWNERS_ONE_IN 8u /* rounds */
#define GONE_NS (10 * NS_PER_S)
#define ENDED_MOST_MS 1000.0

struct killing;

struct lane {
	struct orchestrator orchestrator;
	struct orchestrator_terms terms;
	char name[16];
	struct cell killed, inherited;
	struct cell pended, told, last_ns;
};

struct killing {
	struct load load;
	struct lane lanes[LANES];
	struct cell lane_of[PENDERS_MOST * ENTRIES];
	struct cell wrong, premature;
	struct rng rng;
	uint64_t rounds, kills, owners;
	struct cell by[PEND_ORIGIN_CANCEL + 1];
	struct histogram ended; /* from SIGKILL to the last that was told, of BLOCK and PERMIT */
};

static bool is_at_once(const struct lane *lane)
{
	return lane->terms.on_loss == PEND_LOSS_BLOCK || lane->terms.on_loss == PEND_LOSS_PERMIT;
}

/* Whether the session's loss may have ended this. */
static void check_owner(struct killing *killing, struct lane *lane,
			const struct pend_operation *operation)
{
	enum pend_action expected = lane->terms.on_loss == PEND_LOSS_PERMIT
					    ? PEND_ACTION_PERMIT_SOFT
					    : PEND_ACTION_BLOCK;
	bool is_time = cell_read(&lane->killed) != 0;

	if (lane->terms.on_loss == PEND_LOSS_HAND_OVER)
		is_time = cell_read(&lane->inherited) != 0;
	if (!is_time)
		cell_add(&killing->premature, 1);
	if (operation->action != expected || lane->terms.on_loss == PEND_LOSS_KEEP)
		cell_add(&killing->wrong, 1);
}

static void observe(void *context, const struct load_completion *completion)
{
	struct killing *killing = context;
	const struct pend_operation *operation = completion->operation;
	uint64_t number = cell_read(&killing->lane_of[ledger_index(operation->cookie)]);
	struct lane *lane = &killing->lanes[number % LANES];

	cell_add(&killing->by[operation->origin], 1);
	cell_add(&lane->told, 1);
	cell_raise(&lane->last_ns, completion->now_ns);
	if (operation->origin == PEND_ORIGIN_OWNER)
		check_owner(killing, lane, operation);
	else if (operation->origin == PEND_ORIGIN_ORCHESTRATOR)
		cell_add(&killing->wrong, operation->action != PEND_ACTION_PERMIT_SOFT);
	else
		cell_add(&killing->wrong,
			 operation->origin != PEND_ORIGIN_DEADLINE || is_at_once(lane));
}

/* ---- the workers ---- */

/* Pends for a lane that is chosen at random. False: there was no room, or nobody to decide. */
static bool pend(struct load_worker *worker, uint32_t index)
{
	struct load *load = worker->load;
	struct killing *killing = load->context;
	uint32_t number = rng_below(&worker->rng, LANES);
	struct lane *lane = &killing->lanes[number];
	struct pend_request request = { .session = lane->orchestrator.session,
					.cookie = ledger_open(&load->ledger, index) };
	uint64_t handle;
	int status;

	if (!request.cookie)
		return false;
	request.deadline_ns =
		is_at_once(lane)
			? FAR_NS
			: PEND_DEADLINE_MIN_NS + rng_below(&worker->rng, NEAR_MOST_US) * NS_PER_US;
	cell_write(&killing->lane_of[index], number);
	status = pend_map_pend(load->map, &request, &handle);
	if (!status) {
		cell_add(&lane->pended, 1);
		cell_write(&worker->steps, cell_read(&worker->steps) + 1);
		return true;
	}
	(void)ledger_close(&load->ledger, request.cookie);
	cell_add(&load->refused, 1);
	if (status != -ENOSPC && status != -ENOBUFS && status != -ESHUTDOWN)
		stress_bail("pend_map_pend: %s", strerror(-status));
	return false;
}

static void pender(struct load_worker *worker)
{
	for (uint32_t at = 0; !load_over(worker->load); at = (at + 1) % worker->entries) {
		if (!pend(worker, worker->first_entry + at))
			sched_yield();
	}
}

static void agent(struct load_worker *worker)
{
	struct killing *killing = worker->load->context;

	orchestrator_serve(&killing->lanes[worker->number % LANES].orchestrator, worker->load);
}

/* ---- a round ---- */

static void begin(struct killing *killing, struct stress *stress)
{
	struct load *load = &killing->load;
	uint32_t penders = stress->threads ? stress->threads : PENDERS;

	memset(killing->lanes, 0, sizeof(killing->lanes));
	load_prepare(load, stress);
	load->observe = observe;
	load->context = killing;
	load->entries = stress_room(stress, ENTRIES);
	load->map_options.max_entries = penders * load->entries;
	for (uint32_t i = 0; i < LANES; i++) /* first: their numbers are those of their lanes */
		(void)load_add(load, "agent", UINT32_MAX, agent);
	for (uint32_t i = 0; i < penders && i < PENDERS_MOST; i++) {
		struct load_worker *worker = load_add(load, "pender", UINT32_MAX, pender);

		worker->first_entry = load->penders++ * load->entries;
		worker->entries = load->entries;
		worker->rng = rng_make(rng_next(&killing->rng), i);
	}
	load_make_engine(load);
	for (uint32_t i = 0; i < LANES; i++) {
		struct lane *lane = &killing->lanes[i];

		memcpy(lane->name, "lane a", sizeof("lane a"));
		lane->name[5] = (char)('a' + i);
		lane->terms = (struct orchestrator_terms){
			.on_loss = (enum pend_on_loss)rng_below(&killing->rng, 4),
			.name = lane->name,
			.one_in = DECIDES,
			/* Valgrind knows no pidfd_open(). */
			.by_pidfd = rng_one_in(&killing->rng, 2) && !stress_on_valgrind(),
		};
		orchestrator_start(&lane->orchestrator, load, &lane->terms);
	}
	load_start(load);
}

/* A session of the same name takes over what is left, and ends. */
static void inherit(struct killing *killing, struct lane *lane)
{
	struct pend_session_options options = pend_session_options_default();
	struct pend_session *heir;
	int status;

	options.name = lane->name;
	options.notices = ORCHESTRATOR_NOTICES;
	options.key_size = 0;
	status = pend_session_open(killing->load.engine, &options, &heir);
	if (status)
		stress_bail("the heir's pend_session_open: %s", strerror(-status));
	stress_sleep_ns(rng_below(&killing->rng, WORK_MOST_US) * NS_PER_US);
	cell_write(&lane->inherited, 1);
	status = pend_session_close(heir);
	stress_check(killing->load.stress, status == 0, "the heir is closed (%d)", status);
}

/* All that the session had has ended. */
static bool await_end(struct lane *lane)
{
	uint64_t give_up_ns = stress_now_ns() + stress_patience_ns(GONE_NS);

	while (cell_read(&lane->told) != cell_read(&lane->pended)) {
		if (stress_now_ns() > give_up_ns)
			return false;
		stress_sleep_ns(NS_PER_MS / 10);
	}
	return true;
}

static void kill_one(struct killing *killing, uint32_t number)
{
	struct stress *stress = killing->load.stress;
	struct lane *lane = &killing->lanes[number];
	uint64_t killed_ns = stress_now_ns(), last_ns;

	cell_write(&lane->killed, 1);
	orchestrator_kill(&lane->orchestrator);
	killing->kills++;
	stress_check(stress,
		     orchestrator_await_loss(&lane->orchestrator, stress_patience_ns(GONE_NS)),
		     "the engine knows that orchestrator %" PRIu32 " is dead", number);
	if (lane->terms.on_loss == PEND_LOSS_HAND_OVER)
		inherit(killing, lane);
	stress_check(stress, await_end(lane),
		     "policy %d: %" PRIu64 " of the %" PRIu64 " that it left have ended",
		     (int)lane->terms.on_loss, cell_read(&lane->told), cell_read(&lane->pended));
	last_ns = cell_read(&lane->last_ns);
	if (is_at_once(lane))
		histogram_add(&killing->ended, last_ns > killed_ns ? last_ns - killed_ns : 0);
}

static void end(struct killing *killing)
{
	for (uint32_t i = 0; i < LANES; i++)
		orchestrator_end(&killing->lanes[i].orchestrator);
	load_finish(&killing->load);
	for (uint32_t i = 0; i < LANES; i++)
		orchestrator_free(&killing->lanes[i].orchestrator);
}

static void run_round(struct killing *killing, struct stress *stress)
{
	begin(killing, stress);
	for (uint32_t i = 0; i < LANES; i++) {
		stress_sleep_ns(rng_below(&killing->rng, WORK_MOST_US) * NS_PER_US);
		kill_one(killing, i);
	}
	end(killing);
}

/* ---- all of it dies ---- */

static _Noreturn void own_everything(struct killing *killing, struct stress *stress)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	stress_limit(60, "the owner that was to be killed");
	begin(killing, stress);
	for (;;)
		pause();
}

/* True if nobody has the other end of the pipe any more. */
static bool is_closed(int pipe)
{
	struct pollfd end = { .fd = pipe, .events = POLLIN };

	return poll(&end, 1, (int)(stress_patience_ns(GONE_NS) / NS_PER_MS)) == 1 &&
	       (end.revents & POLLHUP);
}

static void kill_owner(struct killing *killing, struct stress *stress)
{
	uint64_t life_us = rng_below(&killing->rng, 3 * WORK_MOST_US);
	int ends[2], status = 0;
	pid_t child;

	if (pipe(ends))
		stress_bail("pipe: %s", strerror(errno));
	fflush(NULL);
	child = fork();
	if (child == 0) {
		close(ends[0]);
		own_everything(killing, stress);
	}
	if (child < 0)
		stress_bail("fork: %s", strerror(errno));
	close(ends[1]);
	stress_sleep_ns(life_us * NS_PER_US);
	(void)kill(child, SIGKILL);
	stress_check(stress,
		     waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
			     WTERMSIG(status) == SIGKILL,
		     "the owner was killed, and by nobody else (%#x)", (unsigned int)status);
	stress_check(stress, is_closed(ends[0]), "nothing of the owner is left alive");
	close(ends[0]);
	killing->owners++;
}

static void report(struct killing *killing, struct stress *stress)
{
	stress->quiet = false;
	stress_check(stress, cell_read(&killing->wrong) == 0, "ended as no policy says: %" PRIu64,
		     cell_read(&killing->wrong));
	stress_check(stress, cell_read(&killing->premature) == 0,
		     "ended before the orchestrator was dead: %" PRIu64,
		     cell_read(&killing->premature));
	stress_check(stress, killing->kills > 0,
		     "%" PRIu64 " rounds, %" PRIu64 " orchestrators and %" PRIu64 " owners killed",
		     killing->rounds, killing->kills, killing->owners);
	stress_note("completed by orchestrators %" PRIu64 ", by deadline %" PRIu64
		    ", by loss %" PRIu64,
		    cell_read(&killing->by[PEND_ORIGIN_ORCHESTRATOR]),
		    cell_read(&killing->by[PEND_ORIGIN_DEADLINE]),
		    cell_read(&killing->by[PEND_ORIGIN_OWNER]));
	stress_note("SIGKILL to the last of BLOCK and PERMIT: p50 %.3f, p99 %.3f ms",
		    (double)histogram_quantile(&killing->ended, 0.5) / (double)NS_PER_MS,
		    (double)histogram_quantile(&killing->ended, 0.99) / (double)NS_PER_MS);
	stress_figure(stress, (double)cell_read(&killing->ended.most) / (double)NS_PER_MS,
		      ENDED_MOST_MS, "ms", "all blocked or permitted after a death");
}

int main(int count, char **words)
{
	static struct killing killing;
	struct stress stress = { .name = "stress_kill",
				 .purpose = "orchestrators and owners that are killed",
				 .seconds = 20 };
	struct leftovers before;
	int status;

	if (!stress_begin(&stress, count, words, &status))
		return status;
	stress_limit(stress.seconds * 3 + 120, "kill");
	before = leftovers_before();
	killing.rng = rng_make(stress.seed, 3000);
	stress.quiet = true;
	while (stress_goes_on(&stress, killing.rounds) && !stress.failures) {
		if (killing.rounds % OWNERS_ONE_IN == 0)
			kill_owner(&killing, &stress);
		run_round(&killing, &stress);
		killing.rounds++;
		stress_progress(&stress, "%" PRIu64 " orchestrators killed, %" PRIu64 " completed",
				killing.kills, stress.operations);
	}
	report(&killing, &stress);
	leftovers_check(&stress, &before);
	return stress_end(&stress);
}
