/* SPDX-License-Identifier: MIT */
/*
 * wrap_syscall.c - syscall() comes to the test first (wrap.h); it is given any number of arguments,
 * of which the kernel looks at six.
 */
#include <stdarg.h>
#include <stddef.h>

#include "tests/support/wrap.h"

WRAPPED(long, syscall, long number, ...)
{
	long given[6], result;
	va_list list;

	va_start(list, number);
	for (size_t i = 0; i < 6; i++)
		given[i] = va_arg(list, long);
	va_end(list);
	if (answer_syscall(number, given, &result))
		return result;
	return __real_syscall(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}
