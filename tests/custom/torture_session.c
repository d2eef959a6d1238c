/* SPDX-License-Identifier: MIT */
/*
 * torture_session.c - F64, X11, guarantee A: sessions come and go while programs pend for them.
 *
 * A map of the complete type is bound to one session after the other, while threads pend in it for
 * whichever it is. Each operation is completed once: by its session, by the session's end, or by
 * the map's.
 */
#include <errno.h>
#include <sched.h>

#include <pendmap/custom_map.h>

#include "engine/custom/custom.h"
#include "tests/map/map_oracle.h"
#include "tests/support/arguments.h"
#include "tests/support/check.h"
#include "tests/support/threads.h"

enum { WORKERS = 4 };

/* A runtime that is a registry and no more. */
static struct pendi_registry registry;

static struct {
	struct pend_custom_map *map;
	uint64_t rounds;
	struct oracle_count through; /* threads */
	struct oracle_sum pended, refused, completed, delivered, sessions;
} bound;

static void count_completion(void *context, const struct pend_operation *operation)
{
	(void)context;
	(void)operation;
	oracle_add(&bound.delivered, 1);
}

/* One session after the other, until the others are through. */
static void bind_sessions(void)
{
	while (oracle_count_now(&bound.through) < WORKERS - 1) {
		const uint64_t before = oracle_total(&bound.pended);
		struct pend_session *session = NULL;

		CHECK_INT(pend_session_open(registry.engine, NULL, &session), ==, 0);
		CHECK_INT(pend_custom_map_bind(bound.map, session), ==, 0);
		for (uint32_t i = 0; i < 100 && oracle_total(&bound.pended) < before + 10; i++)
			(void)sched_yield();
		oracle_add(&bound.sessions, 1);
		CHECK_INT(pend_session_close(session), ==, 0);
	}
}

/* Pends for whom the map is bound to, and completes half of it for them. False: refused. */
static bool pend_one(uint64_t number)
{
	const struct pend_complete_entry entry = { PEND_VALUE_VERSION, sizeof(entry),
						   PEND_COMPLETE_PROCEED_SOFT };
	struct pend_request request = { 0 };
	struct pendi_pend_target target;
	struct pend_key key;
	uint64_t handle;
	int result;

	CHECK_INT(pendi_custom_target(bound.map, BPF_MAP_TYPE_SOCK_ADDR_PEND_COMPLETE, &target), ==,
		  0);
	request.session = target.session;
	result = pend_map_pend(target.map, &request, &handle);
	CHECK(result == 0 || result == -ESHUTDOWN || result == -ENOSPC || result == -ENOBUFS);
	oracle_add(result ? &bound.refused : &bound.pended, 1);
	/* The other half is left to the session's end. */
	if (result || (target.session && number % 2))
		return result == 0;
	key = pend_key_of(handle);
	result = pend_custom_map_update(bound.map, target.session, &key, &entry, PEND_BPF_ANY);
	/* The session's end may come between. */
	CHECK(result == 0 || result == -ESHUTDOWN || result == -ENOENT || result == -EEXIST ||
	      result == -EINVAL);
	oracle_add(&bound.completed, result == 0);
	return true;
}

static void run_bound(void *context, uint32_t number, struct crew *crew)
{
	(void)context;
	(void)crew_meet(crew);
	if (number == 0) {
		bind_sessions();
		return;
	}
	for (uint64_t i = 0; i < bound.rounds;)
		if (pend_one(i))
			i++;
		else
			(void)sched_yield();
	(void)oracle_count_up(&bound.through);
}

static uint64_t torture_sessions(uint64_t rounds)
{
	static const struct pendi_pend_functions functions = { .on_complete = count_completion };
	const struct pend_custom_map_options options = {
		.size = sizeof(options),
		.type = BPF_MAP_TYPE_SOCK_ADDR_PEND_COMPLETE,
		.key_size = sizeof(struct pend_key),
		.value_size = sizeof(struct pend_complete_entry),
		.max_entries = 64,
	};

	memset(&bound, 0, sizeof(bound));
	bound.rounds = rounds;
	CHECK_INT(pend_engine_create(NULL, &registry.engine), ==, 0);
	CHECK_INT(pend_engine_enable(registry.engine), ==, 0);
	CHECK_INT(pendi_custom_begin(&registry, &functions), ==, 0);
	CHECK_INT(pend_custom_map_create((struct pend_runtime *)(void *)&registry, &options,
					 &bound.map),
		  ==, 0);
	crew_run(WORKERS, NULL, run_bound);
	CHECK_INT(pend_custom_map_close(bound.map), ==, 0);
	CHECK_U64(oracle_total(&bound.delivered), ==, oracle_total(&bound.pended));
	CHECK_U64(oracle_total(&bound.pended), ==, rounds * (WORKERS - 1));
	CHECK_U64(oracle_total(&bound.completed), >, 0);
	printf("# pended %" PRIu64 ", refused %" PRIu64 ", completed %" PRIu64 ", sessions %" PRIu64
	       "\n",
	       oracle_total(&bound.pended), oracle_total(&bound.refused),
	       oracle_total(&bound.completed), oracle_total(&bound.sessions));
	pendi_custom_end(&registry);
	CHECK_INT(pend_engine_destroy(registry.engine), ==, 0);
	registry.engine = NULL;
	return rounds * WORKERS;
}

int main(int count, char **words)
{
	struct arguments arguments = { .rounds = 5000 };
	struct tap tap = { 0 };
	uint64_t operations;

	if (!arguments_parse(&arguments, count, words))
		return 2;
	pendi_registry_init(&registry, NULL, NULL);
	operations = torture_sessions(arguments.rounds);
	tap_report(&tap, 1, "sessions come and go");
	pendi_registry_fini(&registry);
	printf("operations: %" PRIu64 "\n", operations);
	return tap_end(&tap);
}
