/* SPDX-License-Identifier: MIT */
/*
 * test_continuation.c - the continuation map: every call, every error, what stays and what goes.
 */
#include "fixture.h"

static struct pend_continuation_options options_of(uint32_t max_entries)
{
	struct pend_continuation_options options = pend_continuation_options_default();

	options.max_entries = max_entries;
	options.key_size = options.value_size = 8;
	return options;
}

static struct pend_continuation *make_with(const struct pend_continuation_options *options)
{
	struct pend_continuation *map = NULL;

	cr_assert_eq(pend_continuation_create(options, &map), 0);
	cr_assert_not_null(map);
	return map;
}

static struct pend_continuation *make_of(uint32_t max_entries)
{
	const struct pend_continuation_options options = options_of(max_entries);

	return make_with(&options);
}

static int update(struct pend_continuation *map, uint64_t key, uint64_t value, enum pend_update how)
{
	return pend_continuation_update(map, &key, &value, how);
}

/* The value of @key, or CANARY if it is absent. */
static uint64_t value_of(struct pend_continuation *map, uint64_t key)
{
	const uint64_t canary = CANARY;
	const void *value = &canary;
	uint64_t copy;
	int result;

	cr_assert_eq(pend_epoch_enter(), 0);
	result = pend_continuation_lookup(map, &key, &value);
	cr_assert(result == 0 || result == -ENOENT);
	cr_assert_eq(value == &canary, result != 0, "the pointer is written if and only if found");
	cr_assert_eq((uintptr_t)value % 8, 0);
	memcpy(&copy, value, sizeof(copy));
	cr_assert_eq(pend_epoch_exit(), 0);
	return copy;
}

static void destroy_of(struct pend_continuation *map)
{
	cr_assert_eq(pend_continuation_destroy(map), 0);
}

/* Refused with @error, and the caller's pointer is as it was. */
static void refuse(const struct pend_continuation_options *options, int error)
{
	struct pend_continuation *const before = (struct pend_continuation *)(uintptr_t)64;
	struct pend_continuation *map = before;

	cr_assert_eq(pend_continuation_create(options, &map), error);
	cr_assert_eq(map, before);
}

Test(continuation, create_checks_its_caller)
{
	struct {
		struct pend_continuation_options options;
		uint64_t newer;
	} given = { .options = options_of(16) };

	/* retval: pend_continuation_create -EFAULT */
	refuse(NULL, -EFAULT);
	cr_assert_eq(pend_continuation_create(&given.options, NULL), -EFAULT);
	/* retval: pend_continuation_create -EINVAL */
	for (uint32_t size = 0; size < sizeof(given.options); size++) {
		given.options.size = size;
		refuse(&given.options, -EINVAL);
	}
	given.options.size = sizeof(given);
	destroy_of(make_with(&given.options));
	given.newer = 1;
	/* retval: pend_continuation_create -E2BIG */
	refuse(&given.options, -E2BIG);
	given.options.size = sizeof(given.options);
	for (uint32_t bit = 0; bit < 32; bit++) {
		given.options.flags = 1u << bit;
		refuse(&given.options, -EINVAL);
	}
}

static void *allocate_nothing(void *context, size_t size, size_t alignment)
{
	(void)context;
	(void)size;
	(void)alignment;
	return NULL;
}

static void release_nothing(void *context, void *memory, size_t size)
{
	(void)context;
	(void)memory;
	(void)size;
	cr_assert_fail("there was nothing to release");
}

Test(continuation, create_checks_the_allocator)
{
	struct pend_allocator allocator = { .size = sizeof(allocator),
					    .allocate = allocate_nothing,
					    .release = release_nothing };
	struct pend_continuation_options options = options_of(16);

	options.allocator = &allocator;
	/* retval: pend_continuation_create -ENOMEM */
	refuse(&options, -ENOMEM);
	allocator.allocate = NULL;
	refuse(&options, -EINVAL);
	allocator.allocate = allocate_nothing;
	allocator.release = NULL;
	refuse(&options, -EINVAL);
}

#define OUT_OF_RANGE(field, value)                                        \
	do {                                                              \
		struct pend_continuation_options given_ = options_of(16); \
		given_.field = (value);                                   \
		/* retval: pend_continuation_create -ERANGE */            \
		refuse(&given_, -ERANGE);                                 \
	} while (0)

#define IN_RANGE(field, value)                                            \
	do {                                                              \
		struct pend_continuation_options given_ = options_of(16); \
		given_.field = (value);                                   \
		destroy_of(make_with(&given_));                           \
	} while (0)

Test(continuation, numbers_have_limits)
{
	struct pend_continuation_options options = pend_continuation_options_default();

	refuse(&options, -ERANGE); /* no default for the sizes */
	OUT_OF_RANGE(max_entries, 0);
	OUT_OF_RANGE(max_entries, (1u << 25) + 1);
	OUT_OF_RANGE(max_entries, 1u << 25); /* with its reserve */
	OUT_OF_RANGE(max_entries, (uint32_t)-1);
	OUT_OF_RANGE(key_size, 0);
	OUT_OF_RANGE(key_size, 257);
	OUT_OF_RANGE(key_size, (uint32_t)-1);
	OUT_OF_RANGE(value_size, 0);
	OUT_OF_RANGE(value_size, 4097);
	OUT_OF_RANGE(value_size, (uint32_t)-8);
	OUT_OF_RANGE(reserve, (uint32_t)-1);
	OUT_OF_RANGE(reserve, (1u << 25) - 15);
	IN_RANGE(max_entries, 1);
	IN_RANGE(max_entries, (1u << 25) - 65536);
	IN_RANGE(key_size, 1);
	IN_RANGE(key_size, 256);
	IN_RANGE(value_size, 1);
	IN_RANGE(value_size, 4096);
	IN_RANGE(reserve, 1);
}

Test(continuation, destroy_checks_its_caller)
{
	struct pend_continuation *map = make_of(4);

	/* retval: pend_continuation_destroy -EFAULT */
	cr_assert_eq(pend_continuation_destroy(NULL), -EFAULT);
	cr_assert_eq(pend_epoch_enter(), 0);
	/* retval: pend_continuation_destroy -EDEADLK */
	cr_assert_eq(pend_continuation_destroy(map), -EDEADLK);
	cr_assert_eq(pend_epoch_exit(), 0);
	cr_assert_eq(update(map, 1, 1, PEND_UPDATE_ANY), 0);
	destroy_of(map);
	/* retval: pend_continuation_destroy -ESHUTDOWN */
	cr_assert_eq(pend_continuation_destroy(map), -ESHUTDOWN);
}

Test(continuation, after_destroy)
{
	struct pend_continuation *map = make_of(4);
	const uint64_t key = 1, value = 2;
	const void *pointer = &value;
	int result = CANARY_INT;

	destroy_of(map);
	/* retval: pend_continuation_update -ESHUTDOWN */
	cr_assert_eq(pend_continuation_update(map, &key, &value, PEND_UPDATE_ANY), -ESHUTDOWN);
	/* retval: pend_continuation_delete -ESHUTDOWN */
	cr_assert_eq(pend_continuation_delete(map, &key), -ESHUTDOWN);
	/* retval: pend_continuation_lookup -ESHUTDOWN */
	cr_assert_eq(pend_continuation_lookup(map, &key, &pointer), -ESHUTDOWN);
	/* retval: pend_continuation_lookup_batch -ESHUTDOWN */
	cr_assert_eq(pend_continuation_lookup_batch(map, &key, 1, &pointer), -ESHUTDOWN);
	/* retval: pend_continuation_update_batch -ESHUTDOWN */
	cr_assert_eq(pend_continuation_update_batch(map, &key, &value, 1, PEND_UPDATE_ANY, &result),
		     -ESHUTDOWN);
	/* retval: pend_continuation_delete_batch -ESHUTDOWN */
	cr_assert_eq(pend_continuation_delete_batch(map, &key, 1, &result), -ESHUTDOWN);
	/* retval: pend_continuation_count -ESHUTDOWN */
	cr_assert_eq(pend_continuation_count(map), -ESHUTDOWN);
	cr_assert_eq(pointer, &value);
	cr_assert_eq(result, CANARY_INT);
}

Test(continuation, calls_check_their_caller)
{
	struct pend_continuation *map = make_of(4);
	const uint64_t key = 1, value = 2;
	const void *pointer = &value;
	const int wrong[] = { 3, 4, 255, INT32_MAX };

	/* retval: pend_continuation_update -EFAULT */
	cr_assert_eq(pend_continuation_update(NULL, &key, &value, PEND_UPDATE_ANY), -EFAULT);
	cr_assert_eq(pend_continuation_update(map, NULL, &value, PEND_UPDATE_ANY), -EFAULT);
	cr_assert_eq(pend_continuation_update(map, &key, NULL, PEND_UPDATE_ANY), -EFAULT);
	/* retval: pend_continuation_update -EINVAL */
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_assert_eq(update(map, key, value, (enum pend_update)wrong[i]), -EINVAL);
	/* retval: pend_continuation_delete -EFAULT */
	cr_assert_eq(pend_continuation_delete(NULL, &key), -EFAULT);
	cr_assert_eq(pend_continuation_delete(map, NULL), -EFAULT);
	/* retval: pend_continuation_count -EFAULT */
	cr_assert_eq(pend_continuation_count(NULL), -EFAULT);
	/* retval: pend_continuation_lookup -EPERM */
	cr_assert_eq(pend_continuation_lookup(map, &key, &pointer), -EPERM);
	cr_assert_eq(pend_epoch_enter(), 0);
	/* retval: pend_continuation_lookup -EFAULT */
	cr_assert_eq(pend_continuation_lookup(NULL, &key, &pointer), -EFAULT);
	cr_assert_eq(pend_continuation_lookup(map, NULL, &pointer), -EFAULT);
	cr_assert_eq(pend_continuation_lookup(map, &key, NULL), -EFAULT);
	/* retval: pend_continuation_lookup -ENOENT */
	cr_assert_eq(pend_continuation_lookup(map, &key, &pointer), -ENOENT);
	cr_assert_eq(pend_epoch_exit(), 0);
	cr_assert_eq(pointer, &value);
	cr_assert_eq(pend_continuation_count(map), 0);
	destroy_of(map);
}

Test(continuation, update_modes)
{
	struct pend_continuation *map = make_of(4);

	/* retval: pend_continuation_update -ENOENT */
	cr_assert_eq(update(map, 1, 10, PEND_UPDATE_EXIST), -ENOENT);
	cr_assert_eq(value_of(map, 1), CANARY);
	cr_assert_eq(update(map, 1, 11, PEND_UPDATE_NOEXIST), 0);
	cr_assert_eq(value_of(map, 1), 11);
	/* retval: pend_continuation_update -EEXIST */
	cr_assert_eq(update(map, 1, 12, PEND_UPDATE_NOEXIST), -EEXIST);
	cr_assert_eq(value_of(map, 1), 11);
	cr_assert_eq(update(map, 1, 13, PEND_UPDATE_EXIST), 0);
	cr_assert_eq(value_of(map, 1), 13);
	cr_assert_eq(update(map, 1, 14, PEND_UPDATE_ANY), 0);
	cr_assert_eq(value_of(map, 1), 14);
	cr_assert_eq(pend_continuation_count(map), 1);
	cr_assert_eq(update(map, 2, 20, PEND_UPDATE_ANY), 0);
	cr_assert_eq(pend_continuation_count(map), 2);
	cr_assert_eq(pend_continuation_delete(map, &(uint64_t){ 1 }), 0);
	/* retval: pend_continuation_delete -ENOENT */
	cr_assert_eq(pend_continuation_delete(map, &(uint64_t){ 1 }), -ENOENT);
	cr_assert_eq(value_of(map, 1), CANARY);
	cr_assert_eq(value_of(map, 2), 20);
	cr_assert_eq(pend_continuation_count(map), 1);
	destroy_of(map);
}

/* Full: an insert is refused, a replacement is not. Nothing is ever evicted. */
Test(continuation, full)
{
	struct pend_continuation *map = make_of(5);

	for (int round = 0; round < 3; round++) {
		for (uint64_t key = 0; key < 5; key++)
			cr_assert_eq(update(map, key, key, PEND_UPDATE_NOEXIST), 0);
		/* retval: pend_continuation_update -ENOSPC */
		cr_assert_eq(update(map, 5, 5, PEND_UPDATE_NOEXIST), -ENOSPC);
		cr_assert_eq(update(map, 5, 5, PEND_UPDATE_ANY), -ENOSPC);
		cr_assert_eq(update(map, 5, 5, PEND_UPDATE_EXIST), -ENOENT);
		for (uint64_t key = 0; key < 5; key++) {
			cr_assert_eq(update(map, key, key + 100, PEND_UPDATE_ANY), 0);
			cr_assert_eq(value_of(map, key), key + 100);
		}
		cr_assert_eq(pend_continuation_count(map), 5);
		for (uint64_t key = 0; key < 5; key++)
			cr_assert_eq(pend_continuation_delete(map, &key), 0);
	}
	destroy_of(map);
}

/* A reader holds old values back until the reserve is used up; then they come back. */
Test(continuation, a_reserve_that_is_used_up)
{
	struct pend_continuation_options options = options_of(2);
	struct pend_continuation *map;
	const void *value;
	uint64_t copy;

	options.reserve = 3;
	for (int synchronized = 0; synchronized < 6; synchronized++) {
		map = make_with(&options);
		cr_assert_eq(update(map, 1, 100, PEND_UPDATE_NOEXIST), 0);
		cr_assert_eq(pend_epoch_enter(), 0);
		cr_assert_eq(pend_continuation_lookup(map, &(uint64_t){ 1 }, &value), 0);
		for (uint64_t n = 1; n <= 3; n++)
			cr_assert_eq(update(map, 1, 100 + n, PEND_UPDATE_ANY), 0);
		/* retval: pend_continuation_update -EAGAIN */
		cr_assert_eq(update(map, 1, 999, PEND_UPDATE_ANY), -EAGAIN);
		cr_assert_eq(update(map, 1, 999, PEND_UPDATE_EXIST), -EAGAIN);
		memcpy(&copy, value, sizeof(copy));
		cr_assert_eq(copy, 100, "what the reader holds does not change");
		cr_assert_eq(value_of(map, 1), 103);
		cr_assert_eq(update(map, 2, 200, PEND_UPDATE_NOEXIST), 0, "there is room for one");
		cr_assert_eq(pend_continuation_delete(map, &(uint64_t){ 2 }), 0);
		cr_assert_eq(update(map, 2, 201, PEND_UPDATE_NOEXIST), -EAGAIN);
		memcpy(&copy, value, sizeof(copy));
		cr_assert_eq(copy, 100);
		cr_assert_eq(pend_continuation_count(map), 1);
		cr_assert_eq(pend_epoch_exit(), 0);
		for (int i = 0; i < synchronized; i++)
			cr_assert_eq(pend_epoch_synchronize(), 0);
		let_reclaim();
		cr_assert_eq(update(map, 2, 202, PEND_UPDATE_NOEXIST), 0);
		cr_assert_eq(update(map, 1, 104, PEND_UPDATE_EXIST), 0);
		cr_assert_eq(update(map, 3, 300, PEND_UPDATE_NOEXIST), -ENOSPC);
		cr_assert_eq(value_of(map, 1), 104);
		cr_assert_eq(value_of(map, 2), 202);
		destroy_of(map);
	}
}

/* Without a reader, no number of updates runs out of spare slots. */
Test(continuation, updates_without_end)
{
	struct pend_continuation_options options = options_of(2);
	struct pend_continuation *map;

	options.reserve = epochs_are_native() ? 1 : 8;
	map = make_with(&options);
	for (uint64_t n = 0; n < 5000; n++) {
		if (n % 2 == 0)
			let_reclaim();
		cr_assert_eq(update(map, n & 1, n, PEND_UPDATE_ANY), 0);
		cr_assert_eq(value_of(map, n & 1), n);
		if (n % 7 == 0)
			cr_assert_eq(pend_continuation_delete(map, &(uint64_t){ n & 1 }), 0);
	}
	destroy_of(map);
}

Test(continuation, sizes_of_keys_and_values)
{
	static unsigned char keys[2][256], values[2][4096];
	const uint32_t sizes[] = { 1, 7, 8, 9, 63, 64, 65, 255, 256 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct pend_continuation_options options = options_of(4);
		struct pend_continuation *map;
		const void *value;

		options.key_size = sizes[i];
		options.value_size = sizes[i] * 16;
		map = make_with(&options);
		memset(keys, 0x5a, sizeof(keys));
		keys[1][sizes[i] - 1] ^= 0x80;
		for (int n = 0; n < 2; n++) {
			memset(values[n], n + 1, sizeof(values[n]));
			cr_assert_eq(pend_continuation_update(map, keys[n], values[n],
							      PEND_UPDATE_NOEXIST),
				     0);
		}
		cr_assert_eq(pend_epoch_enter(), 0);
		for (int n = 0; n < 2; n++) {
			cr_assert_eq(pend_continuation_lookup(map, keys[n], &value), 0);
			cr_assert_eq(memcmp(value, values[n], options.value_size), 0);
		}
		cr_assert_eq(pend_epoch_exit(), 0);
		destroy_of(map);
	}
}

enum { MOST = 101 };

static const uint32_t counts[] = { 0, 1, 2, 15, 16, 17, 33, 100 };

Test(continuation, batches_of_any_size)
{
	uint64_t keys[MOST], values[MOST];
	const void *found[MOST];
	int results[MOST];

	for (size_t n = 0; n < sizeof(counts) / sizeof(counts[0]); n++) {
		const uint32_t count = counts[n];
		struct pend_continuation *map = make_of(MOST);
		uint32_t odd = count / 2;

		for (uint32_t i = 0; i < MOST; i++) {
			keys[i] = i;
			values[i] = i * 3;
			results[i] = CANARY_INT;
			found[i] = &found;
		}
		for (uint32_t i = 1; i < count; i += 2)
			cr_assert_eq(update(map, i, 1, PEND_UPDATE_ANY), 0);
		cr_assert_eq(pend_continuation_update_batch(map, keys, values, count,
							    PEND_UPDATE_NOEXIST, results),
			     (int)(count - odd));
		for (uint32_t i = 0; i < count; i++)
			cr_assert_eq(results[i], i & 1 ? -EEXIST : 0);
		cr_assert_eq(results[count], CANARY_INT);
		cr_assert_eq(pend_continuation_update_batch(map, keys, values, count,
							    PEND_UPDATE_EXIST, NULL),
			     (int)count);
		cr_assert_eq(pend_continuation_count(map), (int)count);
		cr_assert_eq(pend_epoch_enter(), 0);
		cr_assert_eq(pend_continuation_lookup_batch(map, keys, count, found), (int)count);
		for (uint32_t i = 0; i < count; i++)
			cr_assert_eq(memcmp(found[i], &values[i], 8), 0);
		cr_assert_eq(found[count], &found);
		cr_assert_eq(pend_epoch_exit(), 0);
		for (uint32_t i = 0; i < count; i += 2)
			cr_assert_eq(pend_continuation_delete(map, &keys[i]), 0);
		cr_assert_eq(pend_epoch_enter(), 0);
		cr_assert_eq(pend_continuation_lookup_batch(map, keys, count, found), (int)odd);
		for (uint32_t i = 0; i < count; i++)
			cr_assert_eq(found[i] != NULL, i & 1);
		cr_assert_eq(pend_epoch_exit(), 0);
		cr_assert_eq(pend_continuation_delete_batch(map, keys, count, results), (int)odd);
		for (uint32_t i = 0; i < count; i++)
			cr_assert_eq(results[i], i & 1 ? 0 : -ENOENT);
		cr_assert_eq(pend_continuation_delete_batch(map, keys, count, NULL), 0);
		cr_assert_eq(pend_continuation_count(map), 0);
		destroy_of(map);
	}
}

Test(continuation, batches_check_their_caller)
{
	struct pend_continuation *map = make_of(MOST);
	const uint64_t key = 1, value = 2;
	const void *pointer = &value;
	int result = CANARY_INT;

	/* retval: pend_continuation_update_batch -EFAULT */
	cr_assert_eq(
		pend_continuation_update_batch(NULL, &key, &value, 1, PEND_UPDATE_ANY, &result),
		-EFAULT);
	cr_assert_eq(pend_continuation_update_batch(map, NULL, &value, 1, PEND_UPDATE_ANY, &result),
		     -EFAULT);
	cr_assert_eq(pend_continuation_update_batch(map, &key, NULL, 1, PEND_UPDATE_ANY, &result),
		     -EFAULT);
	/* retval: pend_continuation_update_batch -EINVAL */
	cr_assert_eq(
		pend_continuation_update_batch(map, &key, &value, 1, (enum pend_update)3, &result),
		-EINVAL);
	/* retval: pend_continuation_update_batch -ERANGE */
	cr_assert_eq(pend_continuation_update_batch(map, &key, &value, 1u << 31, PEND_UPDATE_ANY,
						    &result),
		     -ERANGE);
	/* retval: pend_continuation_delete_batch -EFAULT */
	cr_assert_eq(pend_continuation_delete_batch(NULL, &key, 1, &result), -EFAULT);
	cr_assert_eq(pend_continuation_delete_batch(map, NULL, 1, &result), -EFAULT);
	/* retval: pend_continuation_delete_batch -ERANGE */
	cr_assert_eq(pend_continuation_delete_batch(map, &key, 1u << 31, &result), -ERANGE);
	/* retval: pend_continuation_lookup_batch -EPERM */
	cr_assert_eq(pend_continuation_lookup_batch(map, &key, 1, &pointer), -EPERM);
	cr_assert_eq(pend_epoch_enter(), 0);
	/* retval: pend_continuation_lookup_batch -EFAULT */
	cr_assert_eq(pend_continuation_lookup_batch(NULL, &key, 1, &pointer), -EFAULT);
	cr_assert_eq(pend_continuation_lookup_batch(map, NULL, 1, &pointer), -EFAULT);
	cr_assert_eq(pend_continuation_lookup_batch(map, &key, 1, NULL), -EFAULT);
	/* retval: pend_continuation_lookup_batch -ERANGE */
	cr_assert_eq(pend_continuation_lookup_batch(map, &key, 1u << 31, &pointer), -ERANGE);
	cr_assert_eq(pend_epoch_exit(), 0);
	cr_assert_eq(pointer, &value);
	cr_assert_eq(result, CANARY_INT);
	cr_assert_eq(pend_continuation_count(map), 0);
	destroy_of(map);
}

/* One that is refused does not stop the next: more keys than there is room for. */
Test(continuation, a_batch_that_does_not_fit)
{
	struct pend_continuation *map = make_of(20);
	uint64_t keys[40];
	int results[40];

	for (uint64_t i = 0; i < 40; i++)
		keys[i] = i;
	cr_assert_eq(update(map, 39, 1, PEND_UPDATE_ANY), 0);
	cr_assert_eq(pend_continuation_update_batch(map, keys, keys, 40, PEND_UPDATE_ANY, results),
		     20);
	for (uint32_t i = 0; i < 40; i++)
		cr_assert_eq(results[i], i < 19 || i == 39 ? 0 : -ENOSPC);
	destroy_of(map);
}
