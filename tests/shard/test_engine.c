/* SPDX-License-Identifier: MIT */
/*
 * test_engine.c - making, ending and counting: every option at and beyond its limits, each error.
 */
#include <sys/resource.h>

#include "epoch/record.h"
#include "tests/shard/fake.h"

/* Refused with @error, and the caller's pointer is as it was. */
static void refuse(const struct pend_engine_options *options, int error)
{
	struct pend_engine *const before = (struct pend_engine *)(uintptr_t)64;
	struct pend_engine *engine = before;

	cr_assert_eq(pend_engine_create(options, &engine), error);
	cr_assert_eq(engine, before);
}

Test(engine, needs_somewhere_to_put_it)
{
	const struct pend_engine_options options = manual_options();

	/* retval: pend_engine_create -EFAULT */
	cr_assert_eq(pend_engine_create(&options, NULL), -EFAULT);
}

Test(engine, options_of_an_older_or_newer_caller)
{
	struct {
		struct pend_engine_options options;
		uint64_t newer[4];
	} given = { .options = manual_options() };

	/* retval: pend_engine_create -EINVAL */
	for (uint32_t size = 0; size < sizeof(given.options); size++) {
		given.options.size = size;
		refuse(&given.options, -EINVAL);
	}
	given.options.size = sizeof(given);
	cr_assert_eq(pend_engine_destroy(make_engine(&given.options)), 0);
	/* retval: pend_engine_create -E2BIG */
	for (size_t byte = 0; byte < sizeof(given.newer); byte++) {
		memset((char *)given.newer + byte, 1, 1);
		refuse(&given.options, -E2BIG);
		memset((char *)given.newer + byte, 0, 1);
	}
}

Test(engine, unknown_flags)
{
	struct pend_engine_options options = manual_options();

	for (uint32_t bit = 2; bit < 32; bit++) {
		options.flags = 1u << bit;
		refuse(&options, -EINVAL);
	}
}

#define OUT_OF_RANGE(field, value)                                    \
	do {                                                          \
		struct pend_engine_options given_ = manual_options(); \
		given_.field = (value);                               \
		/* retval: pend_engine_create -ERANGE */              \
		refuse(&given_, -ERANGE);                             \
	} while (0)

#define IN_RANGE(field, value)                                              \
	do {                                                                \
		struct pend_engine_options given_ = manual_options();       \
		given_.field = (value);                                     \
		cr_assert_eq(pend_engine_destroy(make_engine(&given_)), 0); \
	} while (0)

Test(engine, numbers_have_limits)
{
	struct pend_engine_options options = manual_options();

	OUT_OF_RANGE(queue_entries, 0);
	OUT_OF_RANGE(queue_entries, 8);
	OUT_OF_RANGE(queue_entries, 1u << 25);
	OUT_OF_RANGE(fifo_priority, 100);
	OUT_OF_RANGE(tick_ns, 99999);
	OUT_OF_RANGE(tick_ns, 1000000001);
	OUT_OF_RANGE(spin_ns, 1000000001);
	OUT_OF_RANGE(stall_ns, 999999);
	OUT_OF_RANGE(stall_ns, 60000000001);
	OUT_OF_RANGE(home_ns, 999999);
	OUT_OF_RANGE(home_ns, 60000000001);
	IN_RANGE(queue_entries, 16);
	IN_RANGE(queue_entries, 1u << 24);
	IN_RANGE(fifo_priority, 99);
	IN_RANGE(tick_ns, 100000);
	IN_RANGE(tick_ns, 1000000000);
	IN_RANGE(spin_ns, 0);
	IN_RANGE(spin_ns, 1000000000);
	IN_RANGE(stall_ns, 1000000);
	IN_RANGE(stall_ns, 60000000000);
	IN_RANGE(home_ns, 1000000);
	IN_RANGE(home_ns, 60000000000);
	for (uint32_t entries = 17; entries < 32; entries++) {
		options.queue_entries = entries;
		refuse(&options, -EINVAL);
	}
}

/* ---- memory ---- */

static uint32_t allowed_allocations, asked_allocations;
static int64_t blocks_out;

static int fail_after(size_t size)
{
	(void)size;
	return asked_allocations++ >= allowed_allocations;
}

static void *take_block(void *context, size_t size, size_t alignment)
{
	void *block = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);

	(void)context;
	if (block)
		memset(block, 0, size);
	blocks_out += block != NULL;
	return block;
}

static void give_block(void *context, void *block, size_t size)
{
	(void)context;
	cr_assert_gt(size, 0);
	blocks_out--;
	free(block);
}

Test(engine, every_allocation_may_fail)
{
	const struct pend_allocator allocator = { .size = sizeof(allocator),
						  .allocate = take_block,
						  .release = give_block };
	struct pend_engine_options options = manual_options();
	struct pend_engine *engine = NULL;
	uint32_t failures = 0;

	machine_play();
	options.allocator = &allocator;
	pendi_script.allocation_fails = fail_after;
	for (;; failures++) {
		allowed_allocations = failures;
		asked_allocations = 0;
		engine = NULL;
		/* retval: pend_engine_create -ENOMEM */
		if (pend_engine_create(&options, &engine) != -ENOMEM)
			break;
		cr_assert_null(engine);
		cr_assert_eq(blocks_out, 0);
	}
	/* The header, four tables and two for each shard at least. */
	cr_assert_geq(failures, 5 + 2 * FAKE_CPUS);
	cr_assert_not_null(engine);
	cr_assert_gt(blocks_out, 0);
	cr_assert_eq(pend_engine_destroy(engine), 0);
	cr_assert_eq(blocks_out, 0);
}

Test(engine, a_bad_allocator)
{
	struct pend_engine_options options = manual_options();
	struct pend_allocator allocator = { .size = sizeof(allocator), .allocate = take_block };

	options.allocator = &allocator;
	refuse(&options, -EINVAL);
}

/* ---- what the system refuses ---- */

Test(engine, no_descriptor_left)
{
	struct pend_engine_options options = manual_options();
	struct rlimit limit, before;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = 0;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	/* retval: pend_engine_create -EMFILE */
	refuse(&options, -EMFILE);
	options.flags = 0;
	refuse(&options, -EMFILE);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* As if that many threads were registered. */
static void fill_thread_table(void)
{
	for (uint32_t i = 1; i < PENDI_THREADS; i++) {
		/* relaxed: only this thread looks. */
		if (!pendi_load_relaxed(&pendi_thread_records[i].owner))
			pendi_store_relaxed(&pendi_thread_records[i].owner, 1);
	}
}

Test(engine, too_many_threads)
{
	struct pend_engine_options options = manual_options();
	struct pend_engine *engine = make_engine(&options);

	cr_assert_eq(pendi_thread_self, 0, "this thread must not be registered yet");
	fill_thread_table();
	/* retval: pend_engine_poll -EAGAIN */
	cr_assert_eq(pend_engine_poll(engine, 0, 1), -EAGAIN);
	options.flags = PEND_ENGINE_UNWATCHED;
	/* retval: pend_engine_create -EAGAIN */
	refuse(&options, -EAGAIN);
	cr_assert_eq(pend_engine_destroy(engine), 0);
}

/* ---- the end ---- */

static int destroyed_inside;

static void destroy_inside(struct fake *from, uint32_t slot)
{
	(void)slot;
	destroyed_inside = pend_engine_destroy(from->client.engine);
}

Test(engine, destroy_needs_an_engine_that_nobody_uses)
{
	const struct pend_engine_options options = manual_options();
	struct pend_engine *engine = make_engine(&options);
	static struct fake fake;

	/* retval: pend_engine_destroy -EFAULT */
	cr_assert_eq(pend_engine_destroy(NULL), -EFAULT);
	fake = fake_make();
	join(engine, &fake);
	/* retval: pend_engine_destroy -EBUSY */
	cr_assert_eq(pend_engine_destroy(engine), -EBUSY);
	fake.on_serve = destroy_inside;
	cr_assert(pendi_engine_hint(&fake.client, 0, 1));
	cr_assert_eq(pend_engine_poll(engine, 0, 1), 1);
	/* retval: pend_engine_destroy -EDEADLK */
	cr_assert_eq(destroyed_inside, -EDEADLK);
	pendi_engine_leave(engine, &fake.client);
	cr_assert_eq(pendi_engine_hold(engine), 0);
	cr_assert_eq(pend_engine_destroy(engine), -EBUSY);
	pendi_engine_release(engine);
	cr_assert_eq(pend_engine_destroy(engine), 0);
}

Test(engine, a_destroyed_engine_is_recognised)
{
	const struct pend_engine_options options = manual_options();
	struct pend_engine *engine = make_engine(&options);
	struct pend_shard_stats stats = { .size = sizeof(stats) };

	cr_assert_eq(pend_engine_destroy(engine), 0);
	/* retval: pend_engine_destroy -ESHUTDOWN */
	cr_assert_eq(pend_engine_destroy(engine), -ESHUTDOWN);
	/* retval: pend_engine_poll -ESHUTDOWN */
	cr_assert_eq(pend_engine_poll(engine, 0, 1), -ESHUTDOWN);
	/* retval: pend_engine_stats_read -ESHUTDOWN */
	cr_assert_eq(pend_engine_stats_read(engine, 0, &stats), -ESHUTDOWN);
	cr_assert_eq(pendi_engine_hold(engine), -ESHUTDOWN);
	for (uint32_t i = 0; i < 63; i++)
		cr_assert_eq(pend_engine_destroy(make_engine(&options)), 0);
	cr_assert_eq(pend_engine_destroy(engine), -ESHUTDOWN);
}

Test(engine, calls_check_what_they_are_given)
{
	const struct pend_engine_options options = manual_options();
	struct pend_shard_stats stats = { .size = sizeof(stats) }, before;
	struct pend_engine *engine;

	machine_play();
	engine = make_engine(&options);
	cr_assert_eq(pendi_engine_shards(engine), FAKE_CPUS);
	/* retval: pend_engine_poll -EFAULT */
	cr_assert_eq(pend_engine_poll(NULL, 0, 1), -EFAULT);
	/* retval: pend_engine_poll -ERANGE */
	cr_assert_eq(pend_engine_poll(engine, FAKE_CPUS, 1), -ERANGE);
	cr_assert_eq(pend_engine_poll(engine, FAKE_CPUS - 1, 1), 0);
	/* retval: pend_engine_stats_read -EFAULT */
	cr_assert_eq(pend_engine_stats_read(NULL, 0, &stats), -EFAULT);
	cr_assert_eq(pend_engine_stats_read(engine, 0, NULL), -EFAULT);
	/* retval: pend_engine_stats_read -ERANGE */
	cr_assert_eq(pend_engine_stats_read(engine, FAKE_CPUS, &stats), -ERANGE);
	memset(&stats, 0x5a, sizeof(stats));
	for (uint32_t size = 0; size < sizeof(stats); size++) {
		stats.size = size;
		before = stats;
		/* retval: pend_engine_stats_read -EINVAL */
		cr_assert_eq(pend_engine_stats_read(engine, 0, &stats), -EINVAL);
		cr_assert_eq(memcmp(&before, &stats, sizeof(stats)), 0);
	}
	cr_assert_eq(pend_engine_destroy(engine), 0);
}

Test(engine, keeps_what_others_ask_it_to)
{
	struct pend_engine_options options = manual_options();
	struct pend_engine *engine;

	options.quota_bytes = 1000;
	engine = make_engine(&options);
	cr_assert_not(pendi_engine_enabled(engine));
	pendi_engine_set_enabled(engine, true);
	cr_assert(pendi_engine_enabled(engine));
	cr_assert(pendi_quota_take(pendi_engine_quota(engine), 1000));
	cr_assert_not(pendi_quota_take(pendi_engine_quota(engine), 1));
	cr_assert_not_null(pendi_engine_allocator(engine)->allocate);
	cr_assert_null(pendi_engine_sessions(engine));
	cr_assert_eq(pend_engine_destroy(engine), 0);
}

static struct pendi_sessions *ended;

static void end_sessions(struct pendi_sessions *sessions)
{
	ended = sessions;
}

Test(engine, ends_the_sessions)
{
	const struct pend_engine_options options = manual_options();
	struct pend_engine *engine = make_engine(&options);
	struct pendi_sessions *const sessions = (struct pendi_sessions *)(uintptr_t)64;

	pendi_engine_attach_sessions(engine, sessions, end_sessions);
	cr_assert_eq(pendi_engine_sessions(engine), sessions);
	cr_assert_null(ended);
	cr_assert_eq(pend_engine_destroy(engine), 0);
	cr_assert_eq(ended, sessions);
}
