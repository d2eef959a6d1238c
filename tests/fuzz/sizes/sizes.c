/* SPDX-License-Identifier: MIT */
/*
 * sizes.c - every public struct that says its own size, of any size and with any numbers in it.
 *
 *	options  shorter than the first version: -EINVAL; longer: -E2BIG unless the rest is zero;
 *	         otherwise any result that is documented, and nothing is left of a failure
 *	answers  shorter than the first version: -EINVAL, untouched; else as many bytes as both
 *	         sides know are written, and none behind them
 *
 * Each lies at the end of a block of its own, so that the address sanitizer sees what is read or
 * written past the size that it says. (At least four bytes: the size itself is always there.)
 */
#include <stdlib.h>

#include "platform/script.h"
#include "tests/fuzz/sizes/sizes.h"

enum { ROOM = 1024, EXTRA = 64 };

/* No map of gigabytes because a byte said so. */
static int too_much(size_t size)
{
	return size > 1u << 23;
}

/* Writes some of the input over the numbers of a struct; pointers are left alone. */
static void scatter(const struct shape *shape, unsigned char *bytes, struct bytes *in)
{
	for (uint32_t i = 0; i < 2; i++) {
		const uint32_t length = shape->numbers[i].end - shape->numbers[i].begin;

		for (uint32_t n = next_byte(in) % 9; n && length; n--)
			bytes[shape->numbers[i].begin + next_byte(in) % length] =
				(unsigned char)next_byte(in);
	}
}

static int any_error(int result)
{
	static const int documented[] = { -EINVAL, -E2BIG,        -ERANGE, -ENOMEM,     -ENOSPC,
					  -EBUSY,  -ENAMETOOLONG, -ENOENT, -EOPNOTSUPP, -EEXIST,
					  -EACCES, -EPERM,        -EMFILE, -EPROTOTYPE, -EFAULT };

	for (size_t i = 0; i < sizeof(documented) / sizeof(documented[0]); i++)
		if (result == documented[i])
			return 1;
	return 0;
}

static void give_options(const struct shape *shape, uint32_t size, struct bytes *in)
{
	const uint32_t room = size < 4 ? 4 : size;
	unsigned char valid[ROOM] = { 0 }, *bytes = malloc(room);
	uint32_t tail = 0;
	int result;

	CHECK(bytes);
	shape->fill(valid);
	scatter(shape, valid, in);
	for (uint32_t at = shape->known; at < size; at++) {
		valid[at] = next_byte(in) == 0xff ? 1 : 0;
		tail |= valid[at];
	}
	memcpy(valid, &size, sizeof(size));
	memcpy(bytes, valid, room);
	result = shape->call(bytes);
	if (size < shape->known)
		CHECK_INT(result, ==, -EINVAL);
	else if (tail)
		CHECK_INT(result, ==, -E2BIG);
	else
		CHECK(result == 0 || any_error(result));
	/* Borrowed, or written only where it is known. */
	for (uint32_t at = shape->known; at < size; at++)
		CHECK_U64(bytes[at], ==, valid[at]);
	free(bytes);
}

static void ask(const struct shape *shape, uint32_t size, struct bytes *in)
{
	const uint32_t room = size < 4 ? 4 : size;
	const unsigned char fill = (unsigned char)next_byte(in);
	unsigned char *bytes = malloc(room);
	int result;

	CHECK(bytes);
	memset(bytes, fill, room);
	memcpy(bytes, &size, sizeof(size));
	result = shape->call(bytes);
	CHECK_INT(result, ==, size < shape->known ? -EINVAL : 0);
	CHECK(memcmp(bytes, &size, sizeof(size)) == 0);
	for (uint32_t at = result ? sizeof(size) : shape->known; at < size; at++)
		CHECK_U64(bytes[at], ==, fill);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = { data, data + size };
	const struct shape *shape;
	uint32_t wanted;

	pendi_script.allocation_fails = too_much;
	stage_begin();
	shape = &shapes[next_byte(&in) % shapes_count];
	CHECK(shape->known + EXTRA <= ROOM);
	wanted = next_byte(&in);
	/* Mostly what it is or a little more; else anything. */
	wanted = wanted < 128 ? shape->known + wanted % 4 * (wanted / 4 % (EXTRA / 3))
			      : next_byte(&in) % (shape->known + EXTRA);
	if (shape->fill)
		give_options(shape, wanted, &in);
	else
		ask(shape, wanted, &in);
	return 0;
}
