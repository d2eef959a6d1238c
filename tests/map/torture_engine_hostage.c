/* SPDX-License-Identifier: MIT */
/*
 * torture_engine_hostage.c - guarantee E: a thread that stops anywhere takes nothing else with it.
 *
 *	penders    pend, post what they pended, and complete what nobody took
 *	completers take what was posted, and complete it
 *	readers    read, look up, scan
 *	listeners  read the notices of the session that owns some of the operations
 *	the driver pends, completes and waits until it is told, one operation after the other
 *
 * One thread is frozen at a random instruction: one of these, an executor, a poller, or the monitor.
 * Meanwhile the driver makes so many operations, of which each is told. Then the others rest, and
 * all operations but the one that the frozen thread has in its hands are told, although their
 * deadlines are a day away. Nothing is allocated, so no memory grows. After the thaw all is balanced.
 */
#include "tests/map/torture_engine.h"

#include <errno.h>

enum { POSTS = 6, DRIVES = 12, OTHERS = 5, DRIVER_KEY = 1 << 30 };

struct hostage {
	struct stage *stage;
	struct pend_session *session;
	struct oracle_place posts[POSTS];
	struct oracle_word pended, told, driven, rest, resting, over, introduced;
	struct oracle_word beat; /* of the driver */
	struct oracle_sum calls, freezes[ROLES];
};

/* Cookies: 1 is the driver's. */
static void hostage_told(void *context, const struct pend_operation *operation)
{
	struct hostage *hostage = context;

	freeze_allow_library();
	/* Slow enough that operations queue up behind it. */
	if (payload_word(operation->handle, 0, 5) % 4 == 0)
		(void)sched_yield();
	(void)oracle_more(operation->cookie ? &hostage->driven : &hostage->told, 1);
}

static void hostage_introduce(void *context, struct pend_map *map)
{
	struct hostage *hostage = context;

	(void)map;
	freeze_allow_library();
	(void)oracle_more(&hostage->introduced, 1);
}

/* ---- the others ---- */

/* Rests while it is told to. */
static void hostage_rest(struct hostage *hostage)
{
	if (!oracle_get(&hostage->rest))
		return;
	(void)oracle_more(&hostage->resting, 1);
	while (oracle_get(&hostage->rest))
		stage_pause_ns(50000);
	(void)oracle_more(&hostage->resting, (uint64_t)-1);
}

static int hostage_pend(struct hostage *hostage, uint64_t key, uint64_t cookie, bool owned,
			uint64_t *handle)
{
	const struct pend_request request = { .key = hostage->stage->setup->keyed ? &key : NULL,
					      .key_size = hostage->stage->setup->keyed ? 8 : 0,
					      .cookie = cookie,
					      .session = owned ? hostage->session : NULL };
	const int result = pend_map_pend(hostage->stage->map, &request, handle);

	if (result != -ENOSPC && !(owned && result == -ENOBUFS))
		CHECK_INT(result, ==, 0);
	return result;
}

/* Nobody else has @handle; nothing else decides. */
static void hostage_complete(struct hostage *hostage, uint64_t handle)
{
	int result = pend_map_complete(hostage->stage->map, handle, PEND_ACTION_PERMIT_SOFT);

	if (result == -EPERM)
		result = pend_session_complete(hostage->session, hostage->stage->map, handle,
					       PEND_ACTION_PERMIT_SOFT);
	CHECK_INT(result, ==, 0);
}

static void hostage_take(struct hostage *hostage, uint32_t post)
{
	const uint64_t handle = oracle_swap(&hostage->posts[post], 0);

	if (handle)
		hostage_complete(hostage, handle);
}

static void pender_step(struct hostage *hostage, uint64_t key, struct rng *rng)
{
	uint64_t handle;

	if (hostage_pend(hostage, key, 0, rng_one_in(rng, 4), &handle)) {
		(void)sched_yield();
		return;
	}
	(void)oracle_more(&hostage->pended, 1);
	handle = oracle_swap(&hostage->posts[rng_below(rng, POSTS)], handle);
	if (handle)
		hostage_complete(hostage, handle);
}

static void reader_step(struct hostage *hostage, struct rng *rng, struct pend_cursor *cursor)
{
	const uint64_t handle = oracle_look(&hostage->posts[rng_below(rng, POSTS)]);
	struct pend_info infos[4];
	int result = pend_map_read(hostage->stage->map, handle, &infos[0], NULL);

	CHECK(result == 0 || result == -ENOENT);
	result = pend_map_scan(hostage->stage->map, cursor, infos, NULL, 4);
	CHECK_INT(result, >=, 0);
	if (result == 0)
		*cursor = (struct pend_cursor){ 0 };
}

static void listener_step(struct hostage *hostage)
{
	struct pend_notice notices[4];

	CHECK_INT(pend_session_read(hostage->session, notices, NULL, 4), >=, 0);
}

static void run_other(struct hostage *hostage, uint32_t number, struct rng *rng)
{
	static const enum role roles[OTHERS] = { ROLE_PENDER, ROLE_PENDER, ROLE_COMPLETER,
						 ROLE_READER, ROLE_LISTENER };
	struct pend_cursor cursor = { 0 };
	uint64_t calls = 0;

	freeze_allow(roles[number]);
	for (uint64_t key = number; !oracle_get(&hostage->over); key += OTHERS, calls++) {
		hostage_rest(hostage);
		if (roles[number] == ROLE_PENDER)
			pender_step(hostage, key % DRIVER_KEY, rng);
		else if (roles[number] == ROLE_COMPLETER)
			hostage_take(hostage, rng_below(rng, POSTS));
		else if (roles[number] == ROLE_READER)
			reader_step(hostage, rng, &cursor);
		else
			listener_step(hostage);
		if (rng_one_in(rng, 4))
			(void)sched_yield();
	}
	oracle_add(&hostage->calls, calls);
}

/* ---- the driver ---- */

/* One operation from pend to completion, among all the others. Each @key once: whoever is frozen may
 * have told the last one, and not yet have made its key free. */
static void drive(struct hostage *hostage, uint64_t key)
{
	const uint64_t driven = oracle_get(&hostage->driven), begin_ns = stage_now_ns();
	uint64_t handle;

	while (hostage_pend(hostage, DRIVER_KEY + key, 1, false, &handle)) {
		CHECK_U64(stage_now_ns() - begin_ns, <, BOUND_NS);
		(void)sched_yield();
	}
	hostage_complete(hostage, handle);
	stage_await(&hostage->driven, driven + 1, "the others go on while one is frozen");
	CHECK_U64(oracle_get(&hostage->driven), ==, driven + 1);
	(void)oracle_more(&hostage->beat, 1);
}

/* Sees to it that a call in which the driver is stuck is not taken for patience. */
static void run_watch(struct hostage *hostage)
{
	uint64_t beat = 0, since_ns = stage_now_ns();

	while (!oracle_get(&hostage->over)) {
		const uint64_t now_ns = stage_now_ns();

		if (oracle_get(&hostage->beat) != beat) {
			beat = oracle_get(&hostage->beat);
			since_ns = now_ns;
		}
		if (now_ns - since_ns >= 3 * BOUND_NS)
			CHECK_NEVER("a call of the driver does not return");
		stage_pause_ns(1000000);
	}
}

/* Everybody but the frozen thread rests, and what was posted is completed: all is told, but what
 * the frozen thread has. */
static void check_hands(struct hostage *hostage, bool one_of_us)
{
	const uint64_t begin_ns = stage_now_ns();

	oracle_set(&hostage->rest, 1);
	stage_await(&hostage->resting, OTHERS - (one_of_us ? 1 : 0), "the others rest");
	for (uint32_t i = 0; i < POSTS; i++)
		hostage_take(hostage, i);
	while (oracle_get(&hostage->told) + 1 < oracle_get(&hostage->pended)) {
		if (stage_now_ns() - begin_ns >= BOUND_NS)
			CHECK_NEVER("more waits than the frozen thread has in its hands");
		stage_pause_ns(50000);
	}
}

static void freeze_once(struct hostage *hostage, struct rng *rng, uint64_t round)
{
	const bool polled = hostage->stage->setup->engine_flags & PEND_ENGINE_POLLED;
	/* Who serves, and those that there are in turn. */
	const enum role server = polled ? ROLE_POLLER : ROLE_EXECUTOR;
	const enum role role = round % 3 == 0 ? server : (enum role)(round % ROLES);

	stage_pause_ns(rng_below(rng, 300000));
	if (!freeze(role, rng_below(rng, 64)))
		return;
	oracle_add(&hostage->freezes[role], 1);
	for (uint32_t i = 0; i < DRIVES; i++)
		drive(hostage, (round + 1) * DRIVES + i);
	check_hands(hostage, role <= ROLE_LISTENER);
	thaw();
	/* Now nothing waits any more. */
	for (uint32_t i = 0; i < POSTS; i++)
		hostage_take(hostage, i);
	oracle_set(&hostage->rest, 0);
}

/* The monitor makes itself known, where there is one: in the end of an asynchronous stop. */
static void introduce_monitor(struct hostage *hostage)
{
	CHECK_INT(pend_map_disable_async(hostage->stage->map, PEND_WAIT_FOREVER, hostage_introduce,
					 hostage),
		  ==, 0);
	stage_await(&hostage->introduced, 1, "the asynchronous stop is through");
	CHECK_INT(pend_map_enable(hostage->stage->map), ==, 0);
}

static void run_hostage(void *context, uint32_t number, struct crew *crew)
{
	struct hostage *hostage = context;
	struct rng rng = rng_make(hostage->stage->seed, number);
	const uint64_t rounds = hostage->stage->rounds / 150 + 2 * ROLES;

	(void)crew_meet(crew);
	if (number < OTHERS) {
		run_other(hostage, number, &rng);
		return;
	}
	if (number == OTHERS) {
		run_watch(hostage);
		return;
	}
	for (uint64_t i = 0; i < DRIVES; i++)
		drive(hostage, i);
	for (uint64_t round = 0; round < rounds; round++)
		freeze_once(hostage, &rng, round);
	oracle_set(&hostage->over, 1);
	oracle_add(&hostage->calls, rounds * DRIVES);
}

static void report(struct hostage *hostage)
{
	static const char *const names[ROLES] = { "penders", "completers", "readers", "listeners",
						  "pollers", "executors",  "monitor" };
	const bool polled = hostage->stage->setup->engine_flags & PEND_ENGINE_POLLED;

	printf("# %" PRIu64 " told; frozen:", oracle_get(&hostage->told));
	for (uint32_t role = 0; role < ROLES; role++)
		printf(" %" PRIu64 " %s", oracle_total(&hostage->freezes[role]), names[role]);
	printf("\n");
	for (uint32_t role = 0; role <= ROLE_LISTENER; role++)
		CHECK_U64(oracle_total(&hostage->freezes[role]), >, 0);
	CHECK_U64(oracle_total(&hostage->freezes[polled ? ROLE_POLLER : ROLE_EXECUTOR]), >, 0);
	if (!(hostage->stage->setup->engine_flags & PEND_ENGINE_UNWATCHED))
		CHECK_U64(oracle_total(&hostage->freezes[ROLE_MONITOR]), >, 0);
}

uint64_t torture_hostage(struct stage *stage)
{
	static struct hostage hostage;
	struct pend_map_options options = pend_map_options_default();
	struct pend_session_options session = pend_session_options_default();

	memset(&hostage, 0, sizeof(hostage));
	hostage.stage = stage;
	session.notices = 16;
	options.deadline_ns = DAY_NS;
	options.on_complete = hostage_told;
	options.context = &hostage;
	stage_begin(stage, &options);
	CHECK_INT(pend_session_open(stage->engine, &session, &hostage.session), ==, 0);
	introduce_monitor(&hostage);
	stage_without_revisits(stage);
	stage_seal(true);
	crew_run(OTHERS + 2, &hostage, run_hostage);
	for (uint32_t i = 0; i < POSTS; i++)
		hostage_take(&hostage, i);
	stage_settle(stage);
	stage_balance(stage, oracle_get(&hostage.pended) + oracle_get(&hostage.driven),
		      oracle_get(&hostage.told) + oracle_get(&hostage.driven));
	CHECK_U64(stage_stats(stage).by_drain, ==, 0);
	report(&hostage);
	stage_seal(false);
	CHECK_INT(pend_session_close(hostage.session), ==, 0);
	stage_end(stage);
	return oracle_total(&hostage.calls);
}
