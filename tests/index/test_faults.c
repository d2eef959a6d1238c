/* SPDX-License-Identifier: MIT */
/*
 * test_faults.c - the secret of an index where the kernel has no randomness to give.
 *
 * Linked with --wrap: getrandom() and getauxval() come here first.
 */
#include <criterion/criterion.h>

#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>

#include "engine/index/hash.h"
#include "platform/script.h"
#include "tests/support/wrap.h"

static size_t bytes_given;
static bool has_bytes = true;
static uint64_t boot_ns = 1000;

/* No more than @bytes_given. */
WRAPPED(ssize_t, getrandom, void *buffer, size_t bytes, unsigned int flags)
{
	return __real_getrandom(buffer, bytes < bytes_given ? bytes : bytes_given, flags);
}

WRAPPED(unsigned long, getauxval, unsigned long type)
{
	return type == AT_RANDOM && !has_bytes ? 0 : __real_getauxval(type);
}

static uint64_t now(void)
{
	return boot_ns++;
}

static struct pendi_hash new_secret(uint64_t seed)
{
	struct pendi_hash hash;

	memset(&hash, 0, sizeof(hash));
	pendi_hash_init(&hash, seed);
	return hash;
}

static bool are_equal(const struct pendi_hash *one, const struct pendi_hash *other)
{
	return memcmp(one->secret, other->secret, sizeof(one->secret)) == 0;
}

/* What there is instead differs from call to call. */
Test(index_faults, a_secret_without_randomness)
{
	static const size_t given[] = { 0, 8, PENDI_HASH_SECRET_BYTES - 1 };

	pendi_script.clock_boot_ns = now;
	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
		struct pendi_hash hashes[4];

		bytes_given = given[i];
		for (uint32_t n = 0; n < 4; n++) {
			has_bytes = n % 2;
			hashes[n] = new_secret(0);
			for (uint32_t before = 0; before < n; before++)
				cr_assert_not(are_equal(&hashes[n], &hashes[before]));
		}
	}
}

/* A seed that the caller gives needs neither, and is not mixed with either. */
Test(index_faults, a_seed_needs_no_randomness)
{
	const struct pendi_hash hash = new_secret(42);
	struct pendi_hash other;

	has_bytes = false;
	boot_ns += 5;
	other = new_secret(42);
	cr_assert(are_equal(&hash, &other));
	other = new_secret(43);
	cr_assert_not(are_equal(&hash, &other));
}

/* The kernel's 16 bytes are in it: the clock alone could be guessed. */
Test(index_faults, the_clock_alone_is_not_the_secret)
{
	struct pendi_hash with, without;

	pendi_script.clock_boot_ns = now;
	with = new_secret(0);
	boot_ns--;
	has_bytes = false;
	without = new_secret(0);
	cr_assert_not(are_equal(&with, &without));
}
