/* SPDX-License-Identifier: MIT */
/*
 * oom.c - each allocation of each call that allocates is made to fail, once and for good.
 *
 * Every kind of map is created again and again, with the Nth allocation failing, for N = 0, 1, ...
 * until it succeeds; either that one alone fails or every one from it on. The failure is played by
 * the map's own allocator, or by the seam that all allocation of the library passes through
 * (platform/script.h), which also reaches the map's header. Each time the error is -ENOMEM, the
 * caller's pointer is untouched, what was allocated was released, size by size, and a map that is
 * created next works.
 *
 * The allocator is a ledger: it knows each block it gave out, and what it gave out is what the
 * map's counters say. Using a map, whatever for, asks it for nothing. The same for engines, with
 * threads and without, and for the sessions that are opened in one.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <pendmap/pendmap.h>

#include "epoch/epoch.h"
#include "platform/cpu.h"
#include "platform/script.h"
#include "tests/support/check.h"

enum { BLOCKS = 2048, NEVER = -1 };

/* When allocations fail. */
struct plan {
	int64_t at;   /* the first that fails, counted from 0, or NEVER */
	bool forever; /* and all after it */
};

struct ledger {
	struct {
		void *memory;
		size_t size;
	} blocks[BLOCKS];
	struct plan plan;
	int64_t calls;
	uint64_t bytes;   /* out now */
	size_t misplaced; /* bytes by which what is given out is off its alignment */
};

static struct plan script_plan = { .at = NEVER };
static int64_t script_calls;

static bool plan_fails(const struct plan *plan, int64_t call)
{
	return plan->at != NEVER && (call == plan->at || (plan->forever && call > plan->at));
}

static int script_fails(size_t size)
{
	CHECK_U64(size, >=, 1);
	return plan_fails(&script_plan, script_calls++);
}

static void *ledger_allocate(void *context, size_t size, size_t alignment)
{
	struct ledger *ledger = context;
	const size_t room = (size + 2 * alignment - 1) & ~(alignment - 1);
	char *memory;

	CHECK_U64(size, >=, 1);
	CHECK((alignment & (alignment - 1)) == 0 && alignment >= 1 && alignment <= 4096);
	if (plan_fails(&ledger->plan, ledger->calls++))
		return NULL;
	memory = aligned_alloc(alignment, room);
	CHECK(memory != NULL);
	memset(memory, 0, room);
	for (size_t i = 0; i < BLOCKS; i++) {
		if (ledger->blocks[i].memory)
			continue;
		ledger->blocks[i].memory = memory + ledger->misplaced;
		ledger->blocks[i].size = size;
		ledger->bytes += size;
		return memory + ledger->misplaced;
	}
	check_failed(__FILE__, __LINE__, "more blocks than a map has");
}

static void ledger_release(void *context, void *memory, size_t size)
{
	struct ledger *ledger = context;

	CHECK(memory != NULL);
	for (size_t i = 0; i < BLOCKS; i++) {
		if (ledger->blocks[i].memory != memory)
			continue;
		CHECK_U64(ledger->blocks[i].size, ==, size);
		ledger->bytes -= size;
		ledger->blocks[i].memory = NULL;
		free((char *)memory - ledger->misplaced);
		return;
	}
	check_failed(__FILE__, __LINE__, "a block that was never given out, or released before");
}

static void ledger_is_balanced(const struct ledger *ledger)
{
	CHECK_U64(ledger->bytes, ==, 0);
	for (size_t i = 0; i < BLOCKS; i++)
		CHECK(ledger->blocks[i].memory == NULL);
}

/* A kind of map. */
struct shape {
	const char *name;
	bool continuation;
	bool engine; /* is of the engine */
	uint32_t flags;
	uint32_t key_size;
	uint64_t quota_bytes;
	int64_t allocations; /* at least */
};

static const struct shape shapes[] = {
	{ "pend map without keys", false, false, 0, 0, 0, 4 },
	{ "pend map with keys", false, false, 0, 16, 0, 5 },
	{ "pend map with pointers", false, false, PEND_MAP_POINTERS, 0, 0, 5 },
	{ "pend map with keys and pointers", false, false, PEND_MAP_POINTERS, 16, 0, 6 },
	{ "pend map with a quota", false, false, 0, 16, 1u << 20, 5 },
	{ "pend map of an engine", false, true, 0, 0, 0, 6 },
	{ "pend map of an engine with keys", false, true, 0, 16, 0, 7 },
	{ "pend map of an engine with keys, pointers and a quota", false, true, PEND_MAP_POINTERS,
	  16, 1u << 20, 8 },
	{ "continuation map", true, false, 0, 16, 0, 5 },
};

/* Nobody serves it but settle(). */
static struct pend_engine *engine;

static void settle(const struct shape *shape)
{
	for (uint32_t cpu = 0; shape->engine && cpu < pendi_cpu_possible(); cpu++)
		CHECK_INT(pend_engine_poll(engine, cpu, 1000), >=, 0);
}

/* The map under test: a struct pend_map or a struct pend_continuation. */
static int create(const struct shape *shape, const struct pend_allocator *allocator, void **map)
{
	if (shape->continuation) {
		struct pend_continuation_options options = pend_continuation_options_default();

		options.max_entries = 40;
		options.key_size = shape->key_size;
		options.value_size = 24;
		options.allocator = allocator;
		return pend_continuation_create(&options, (struct pend_continuation **)map);
	}

	struct pend_map_options options = pend_map_options_default();

	options.max_entries = 40;
	options.flags = shape->flags | PEND_MAP_ENABLED;
	options.engine = shape->engine ? engine : NULL;
	options.quota_bytes = shape->quota_bytes;
	options.key_size = shape->key_size;
	options.value_size = 24;
	options.scratch_size = 8;
	options.allocator = allocator;
	return pend_map_create(&options, (struct pend_map **)map);
}

static void destroy(const struct shape *shape, void *map)
{
	CHECK_INT(shape->continuation ? pend_continuation_destroy(map) : pend_map_destroy(map), ==,
		  0);
}

static void use_pend_map(const struct shape *shape, struct pend_map *map)
{
	struct pend_request requests[64] = { 0 };
	uint64_t keys[64][2], handles[64];
	uint32_t actions[64];
	struct pend_info infos[64];
	struct pend_cursor cursor = { 0 };
	int accepted;

	for (uint64_t i = 0; i < 64; i++) {
		keys[i][0] = keys[i][1] = i;
		actions[i] = PEND_ACTION_BLOCK;
		requests[i].key = shape->key_size ? keys[i] : NULL;
		requests[i].key_size = shape->key_size;
	}
	CHECK_INT(pend_map_pend_batch(map, requests, 64, handles, NULL), ==, 40);
	CHECK_INT(pend_map_scan(map, &cursor, infos, NULL, 64), ==, 40);
	if (shape->key_size)
		CHECK_INT(pend_map_lookup_batch(map, keys, 64, NULL, NULL, NULL), ==, 40);
	accepted = pend_map_complete_batch(map, handles, actions, 64, NULL);
	CHECK_INT(accepted, ==, 40);
	settle(shape);
	for (uint64_t i = 0; i < 1000; i++) {
		CHECK_INT(pend_map_pend(map, &requests[0], &handles[0]), ==, 0);
		CHECK_INT(pend_map_complete(map, handles[0], PEND_ACTION_BLOCK), ==, 0);
		settle(shape);
		CHECK_INT(pend_map_read(map, handles[0], NULL, NULL), ==, -ENOENT);
		if (i % 500 == 0) /* liburcu reclaims when its thread gets to it */
			CHECK_INT(pendi_epoch_barrier(), ==, 0);
	}
	CHECK_INT(pend_map_pend(map, &requests[0], &handles[0]), ==, 0);
}

static void use_continuation_map(struct pend_continuation *map)
{
	uint64_t key[2] = { 0 }, value[3] = { 0 };
	const void *found;

	for (uint64_t i = 0; i < 2000; i++) {
		key[0] = i % 20;
		if (i % 500 == 0) /* liburcu reclaims when its thread gets to it */
			CHECK_INT(pendi_epoch_barrier(), ==, 0);
		CHECK_INT(pend_continuation_update(map, key, value, PEND_UPDATE_ANY), ==, 0);
		CHECK_INT(pend_epoch_enter(), ==, 0);
		CHECK_INT(pend_continuation_lookup(map, key, &found), ==, 0);
		CHECK_INT(pend_epoch_exit(), ==, 0);
		if (i % 3 == 0)
			CHECK_INT(pend_continuation_delete(map, key), ==, 0);
	}
}

/* Creates, uses and destroys a map, and returns how many allocations creating took. */
static int64_t works(const struct shape *shape, struct ledger *ledger,
		     const struct pend_allocator *allocator)
{
	const int64_t before = ledger->calls, scripted = script_calls;
	int64_t calls, script_after;
	void *map = NULL;

	CHECK_INT(create(shape, allocator, &map), ==, 0);
	calls = ledger->calls;
	script_after = script_calls;
	if (!shape->continuation) {
		struct pend_map_stats stats = { .size = sizeof(stats) };

		CHECK_INT(pend_map_stats_read(map, &stats), ==, 0);
		CHECK_U64(stats.memory_bytes, ==, ledger->bytes);
		use_pend_map(shape, map);
	} else {
		use_continuation_map(map);
	}
	CHECK_INT(ledger->calls, ==, calls);
	CHECK_INT(script_calls, ==, script_after);
	destroy(shape, map);
	CHECK_INT(ledger->calls, ==, calls);
	ledger_is_balanced(ledger);
	CHECK_INT(script_after - scripted, >=, calls - before);
	return calls - before;
}

/* Creating fails with @plan in force: no trace is left. Returns false when it succeeds. */
static bool fails(const struct shape *shape, struct ledger *ledger,
		  const struct pend_allocator *allocator)
{
	void *const before = &script_plan;
	void *map = before;
	const int error = create(shape, allocator, &map);

	if (!error) {
		destroy(shape, map);
		ledger_is_balanced(ledger);
		return false;
	}
	CHECK_INT(error, ==, -ENOMEM);
	CHECK(map == before);
	ledger_is_balanced(ledger);
	return true;
}

/* Every allocation of @shape fails, played by the allocator or by the script. Returns how many. */
static int64_t fail_each(const struct shape *shape, bool forever, bool by_script)
{
	struct ledger ledger = { .plan = { .at = NEVER } };
	const struct pend_allocator allocator = { .size = sizeof(allocator),
						  .context = &ledger,
						  .allocate = ledger_allocate,
						  .release = ledger_release };
	struct plan *plan = by_script ? &script_plan : &ledger.plan;
	int64_t n = 0;

	for (bool failed = true; failed; n++) {
		*plan = (struct plan){ .at = n, .forever = forever };
		ledger.calls = script_calls = 0;
		failed = fails(shape, &ledger, &allocator);
		plan->at = NEVER;
		(void)works(shape, &ledger, &allocator);
	}
	ledger.calls = 0;
	CHECK_INT(n - 1, >=, works(shape, &ledger, &allocator));
	return n - 1;
}

static void each_allocation_fails(const struct shape *shape, struct tap *tap)
{
	for (int mode = 0; mode < 4; mode++) {
		char name[128];
		const int64_t failures = fail_each(shape, mode & 1, mode & 2);

		(void)snprintf(name, sizeof(name), "%s: %d allocations fail %s, by the %s",
			       shape->name, (int)failures, mode & 1 ? "for good" : "once",
			       mode & 2 ? "script" : "allocator");
		tap_report(tap, failures >= shape->allocations, name);
	}
}

/* An allocator that returns what is not aligned gets it back. */
static void misaligned(const struct shape *shape, struct tap *tap)
{
	struct ledger ledger = { .plan = { .at = NEVER }, .misplaced = 8 };
	const struct pend_allocator allocator = { .size = sizeof(allocator),
						  .context = &ledger,
						  .allocate = ledger_allocate,
						  .release = ledger_release };
	char name[128];

	CHECK(fails(shape, &ledger, &allocator));
	(void)snprintf(name, sizeof(name), "%s: misaligned memory is refused and given back",
		       shape->name);
	tap_report(tap, ledger.calls > 0, name);
}

/* ---- engines and sessions ---- */

static struct pend_engine_options engine_options(const struct pend_allocator *allocator,
						 uint32_t flags)
{
	struct pend_engine_options options = pend_engine_options_default();

	options.flags = flags;
	options.queue_entries = 64;
	options.allocator = allocator;
	return options;
}

/* One allocation after the other fails, once or for good. Returns how many there are. */
static int64_t fail_engine(uint32_t flags, bool forever, bool by_script)
{
	struct ledger ledger = { .plan = { .at = NEVER } };
	const struct pend_allocator allocator = { .size = sizeof(allocator),
						  .context = &ledger,
						  .allocate = ledger_allocate,
						  .release = ledger_release };
	const struct pend_engine_options options = engine_options(&allocator, flags);
	struct plan *plan = by_script ? &script_plan : &ledger.plan;
	struct pend_engine *const before = (struct pend_engine *)(void *)&ledger;

	for (int64_t n = 0;; n++) {
		struct pend_engine *made = before;
		int error;

		*plan = (struct plan){ .at = n, .forever = forever };
		ledger.calls = script_calls = 0;
		error = pend_engine_create(&options, &made);
		plan->at = NEVER;
		if (!error) {
			CHECK_INT(pend_engine_destroy(made), ==, 0);
			ledger_is_balanced(&ledger);
			return n;
		}
		CHECK_INT(error, ==, -ENOMEM);
		CHECK(made == before);
		ledger_is_balanced(&ledger);
	}
}

/* The same for the first session of an engine: it can be opened afterwards, and the engine ends
 * without a loss. */
static int64_t fail_session(bool forever, bool by_script)
{
	struct ledger ledger = { .plan = { .at = NEVER } };
	const struct pend_allocator allocator = { .size = sizeof(allocator),
						  .context = &ledger,
						  .allocate = ledger_allocate,
						  .release = ledger_release };
	const struct pend_engine_options options =
		engine_options(&allocator, PEND_ENGINE_POLLED | PEND_ENGINE_UNWATCHED);
	struct plan *plan = by_script ? &script_plan : &ledger.plan;
	struct pend_session *const before = (struct pend_session *)(void *)&ledger;

	for (int64_t n = 0;; n++) {
		struct pend_session *session = before;
		struct pend_engine *made;
		int error;

		CHECK_INT(pend_engine_create(&options, &made), ==, 0);
		*plan = (struct plan){ .at = n, .forever = forever };
		ledger.calls = script_calls = 0;
		error = pend_session_open(made, NULL, &session);
		plan->at = NEVER;
		if (error) {
			CHECK_INT(error, ==, -ENOMEM);
			CHECK(session == before);
			CHECK_INT(pend_session_open(made, NULL, &session), ==, 0);
		}
		CHECK_INT(pend_session_close(session), ==, 0);
		CHECK_INT(pend_engine_destroy(made), ==, 0);
		ledger_is_balanced(&ledger);
		if (!error)
			return n;
	}
}

static void engines_and_sessions(struct tap *tap)
{
	for (int mode = 0; mode < 4; mode++) {
		const char *when = mode & 1 ? "for good" : "once";
		const char *who = mode & 2 ? "script" : "allocator";
		const int64_t failures[3] = {
			fail_engine(PEND_ENGINE_POLLED | PEND_ENGINE_UNWATCHED, mode & 1, mode & 2),
			fail_engine(0, mode & 1, mode & 2), fail_session(mode & 1, mode & 2)
		};
		static const char *const names[3] = { "engine", "engine with threads", "session" };

		for (int i = 0; i < 3; i++) {
			char name[128];

			(void)snprintf(name, sizeof(name), "%s: %d allocations fail %s, by the %s",
				       names[i], (int)failures[i], when, who);
			tap_report(tap, failures[i] >= (i < 2 ? 6 : 2), name);
		}
	}
}

int main(void)
{
	const struct pend_engine_options options =
		engine_options(NULL, PEND_ENGINE_POLLED | PEND_ENGINE_UNWATCHED);
	struct tap tap = { 0 };

	CHECK_INT(pend_engine_create(&options, &engine), ==, 0);
	CHECK_INT(pend_engine_enable(engine), ==, 0);
	pendi_script.allocation_fails = script_fails;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		each_allocation_fails(&shapes[i], &tap);
		misaligned(&shapes[i], &tap);
	}
	engines_and_sessions(&tap);
	CHECK_INT(pend_engine_destroy(engine), ==, 0);
	return tap_end(&tap);
}
