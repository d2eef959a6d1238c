/* SPDX-License-Identifier: MIT */
/*
 * test_header.c - versioned headers (F79, Appendix E 13).
 */
#include "fixture.h"

struct thing {
	struct pend_header header;
	uint64_t first;
	uint8_t second; /* padding follows */
};

static const size_t sizes[] = {
	offsetof(struct thing, first) + sizeof(uint64_t),
	offsetof(struct thing, second) + sizeof(uint8_t),
};

static int check(uint16_t version, size_t size)
{
	const struct pend_header header = { version, size, sizeof(struct thing) };

	return pendi_header_check(&header, 3, sizes, 2);
}

Test(header, is_required)
{
	cr_assert_eq(pendi_header_check(NULL, 3, sizes, 2), -EFAULT);
}

Test(header, a_version_is_exactly_the_known_one)
{
	cr_assert_eq(check(3, sizes[0]), 0);
	for (uint32_t version = 0; version <= UINT16_MAX; version++)
		cr_assert_eq(check((uint16_t)version, sizes[1]), version == 3 ? 0 : -EINVAL);
}

Test(header, a_size_is_one_that_the_struct_ever_had)
{
	for (size_t size = 0; size < 2 * sizeof(struct thing); size++) {
		const bool known = size == sizes[0] || size == sizes[1];

		cr_assert_eq(check(3, size), known ? 0 : -EINVAL, "%zu", size);
	}
	cr_assert_neq(sizeof(struct thing), sizes[1]); /* or this shows nothing */
	cr_assert_eq(check(3, SIZE_MAX), -EINVAL);
}

Test(header, the_macro_states_the_end_of_the_last_field)
{
	const struct thing thing = { .header = PEND_HEADER(3, struct thing, second) };

	cr_assert_eq(thing.header.version, 3);
	cr_assert_eq(thing.header.size, offsetof(struct thing, second) + 1);
	cr_assert_eq(thing.header.total_size, sizeof(struct thing));
	cr_assert_eq(pendi_header_check(&thing.header, 3, sizes, 2), 0);
}
