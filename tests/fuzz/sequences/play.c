/* SPDX-License-Identifier: MIT */
/*
 * play.c - from bytes to a sequence of calls: what map there is, and what is done with it.
 */
#include "tests/fuzz/sequences/world.h"

#include "engine/queue/queue.h"

/* What is done oftener stands here oftener. */
static const struct {
	const char *name;
	void (*play)(void);
} calls[] = {
	{ "pend", play_pend },
	{ "pend", play_pend },
	{ "pend", play_pend },
	{ "pend batch", play_pend_batch },
	{ "complete", play_complete },
	{ "complete", play_complete },
	{ "complete key", play_complete_key },
	{ "frame", play_frame },
	{ "complete batch", play_complete_batch },
	{ "cancel", play_cancel },
	{ "poll", play_poll },
	{ "poll", play_poll },
	{ "frame", play_frame },
	{ "extend", play_extend },
	{ "time", play_time },
	{ "time", play_time },
	{ "read", play_read },
	{ "lookup", play_lookup },
	{ "lookup batch", play_lookup_batch },
	{ "scan", play_scan },
	{ "scan on", play_scan_on },
	{ "scan on", play_scan_on },
	{ "cpu", play_cpu },
	{ "unplug", play_unplug },
	{ "suspend", play_suspend },
	{ "stop", play_stop },
	{ "start", play_start },
	{ "open", play_open },
	{ "session complete", play_session_complete },
	{ "notices", play_notices },
	{ "close", play_close },
	{ "lease", play_lease },
	{ "starve", play_starve },
	{ "create", play_create },
	{ "settle", play_settle },
	{ "session stats", play_session_stats },
};

enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

static void play_one(void)
{
	static int traced = -1;
	const uint32_t call = next_below(&world.in, CALLS);

	if (traced < 0)
		traced = getenv("FUZZ_TRACE") != NULL;
	if (traced)
		printf("# %*s%s at %" PRIu64 " ns, %" PRIu32 " pended\n", (int)world.depth * 2, "",
		       calls[call].name, world.now_ns, model_count());
	calls[call].play();
}

/* From inside of a completion or re-run function. */
void play_inside(void)
{
	if (world.depth >= DEPTH_MAX || next_byte(&world.in) < 160)
		return;
	world.depth++;
	world.strayed = true;
	play_one();
	world.depth--;
}

/* ---- the map ---- */

static void make_engine(void)
{
	struct pend_engine_options options = pend_engine_options_default();
	const uint32_t choice = next_byte(&world.in);

	options.flags = PEND_ENGINE_POLLED | PEND_ENGINE_UNWATCHED;
	options.queue_entries = PENDI_QUEUE_CAPACITY_MIN << (choice & 3);
	options.quota_bytes = choice & 4 ? 900 : 0;
	options.allocator = &machine_allocator;
	CHECK_INT(pend_engine_create(&options, &world.engine), ==, 0);
	world.engine_quota = options.quota_bytes;
	world.engine_enabled = !(choice & 8);
	if (world.engine_enabled)
		CHECK_INT(pend_engine_enable(world.engine), ==, 0);
}

static struct pend_map_options choose_map(void)
{
	static const uint32_t entries[] = { 1, 2, 3, 4, 5, 8, 16, ENTRIES_MAX };
	static const uint64_t deadlines[] = { MS, 20 * MS, 2000 * MS, PEND_DEADLINE_NONE };
	static const uint64_t lifetimes[] = { 0, 0, 3000 * MS, PEND_DEADLINE_NONE };
	static const uint32_t values[] = { 0, 8, 12, VALUE_MAX };
	struct pend_map_options options = pend_map_options_default();
	const uint32_t kind = next_byte(&world.in), sizes = next_byte(&world.in);
	const uint32_t times = next_byte(&world.in);

	if (!(kind & 1))
		make_engine();
	options.engine = world.engine;
	options.key_size = kind & 2 ? 0 : 8;
	options.flags = (kind & 4 ? PEND_MAP_LIMIT_BLOCKS : 0) |
			(kind & 8 ? PEND_MAP_DEADLINE_PERMITS : 0) |
			(kind & 16 ? 0 : PEND_MAP_ENABLED);
	options.on_rerun = kind & 32 ? NULL : told_rerun;
	options.quota_bytes = kind & 64 ? 700 : 0;
	options.max_entries = entries[sizes & 7];
	options.value_size = values[sizes >> 3 & 3];
	options.scratch_size = sizes & 32 ? 8 : 0;
	options.rerun_limit = sizes >> 6;
	options.deadline_ns = deadlines[times & 3];
	options.lifetime_ns = lifetimes[times >> 2 & 3];
	options.hash_seed = 1 + (times >> 4 & 3);
	options.allocator = &machine_allocator;
	options.on_complete = told_complete;
	options.context = &world;
	return options;
}

/* Creates the map after it could not be created, as an allocation failed, and left nothing. */
static void make_map(void)
{
	const uint32_t fails = next_byte(&world.in);
	uint64_t bytes;

	world.options = choose_map();
	bytes = world.bytes;
	if (fails < 40) {
		world.fails_at = fails / 2;
		if (pend_map_create(&world.options, &world.map) == 0) {
			CHECK_INT(world.fails_at, >=, 0);
			CHECK_INT(pend_map_destroy(world.map), ==, 0);
		}
		world.fails_at = -1;
		CHECK_U64(world.bytes, ==, bytes);
	}
	CHECK_INT(pend_map_create(&world.options, &world.map), ==, 0);
}

static void begin(const uint8_t *data, size_t size)
{
	machine_begin();
	world.in = (struct bytes){ data, data + size };
	world.engine_enabled = true;
	make_map();
	world.enabled = !world.engine || world.options.flags & PEND_MAP_ENABLED;
	world.stats.size = sizeof(world.stats);
	CHECK_INT(pend_map_stats_read(world.map, &world.stats), ==, 0);
	CHECK_U64(world.stats.pends, ==, 0);
	world.slot_bytes = world.stats.slot_bytes;
}

/* Everything ends, once, and all memory comes back. */
static void end(void)
{
	const uint64_t pends = world.stats.pends;

	world.starved = false;
	if (next_byte(&world.in) & 1)
		settle();
	model_compare();
	world.destroying = true;
	CHECK_INT(pend_map_destroy(world.map), ==, 0);
	CHECK_INT(pend_map_destroy(world.map), ==, -ESHUTDOWN);
	CHECK_U64(model_count(), ==, 0);
	CHECK_U64(world.told, ==, pends);
	CHECK_U64(world.used_bytes, ==, 0);
	CHECK(!world.draining);
	desks_end();
	if (world.engine)
		CHECK_INT(pend_engine_destroy(world.engine), ==, 0);
	CHECK_U64(world.blocks, ==, 0);
	CHECK_U64(world.bytes, ==, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	begin(data, size);
	while (world.in.at < world.in.end) {
		world.strayed = false;
		play_one();
		model_compare();
	}
	end();
	return 0;
}
