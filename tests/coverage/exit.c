/* SPDX-License-Identifier: MIT */
/*
 * exit.c - lets a process that ends by _exit() leave what it counted, in a coverage build.
 *
 * Children that a test forks end so, and their part (what fork handlers do, say) would count as not
 * reached. Linked with --wrap=_exit.
 */
#include <stdlib.h>
#include <unistd.h>

int __llvm_profile_write_file(void);
void __real__exit(int status) __attribute__((noreturn));
void __wrap__exit(int status) __attribute__((noreturn));

void __wrap__exit(int status)
{
	(void)__llvm_profile_write_file();
	__real__exit(status);
}
