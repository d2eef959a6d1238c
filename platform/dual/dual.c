/* SPDX-License-Identifier: MIT */
/*
 * dual.c - the public functions of a library that holds its core twice, and which of the two is it.
 *
 *	pend_map_pend --+--> the native core		what every program runs
 *	     (IFUNC)    +--> the annotated core		the same sources with the atomics of
 *							atomic_annotated.h, under helgrind and drd
 *
 * So the program that its users run is the one that these tools can check, without a report that
 * is false. Every other tool of valgrind gets the native core: what callgrind counts and memcheck
 * checks is what runs. cmake/pend-dual.cmake builds both cores and names them; it makes
 * dual_functions.h, with a line for each function, from the public headers.
 *
 * The dynamic linker asks once for each function, when it binds it. From then on a call costs what
 * any call into a shared library costs, and one into the static library a jump more. Calls inside
 * a core stay in it.
 *
 * Each core has its own thread-locals, keys and process-wide state. A process uses one of them
 * only, because the answer is the same for every function, and of the other no line runs: nothing
 * of the library runs before one of its public functions is called. So its pages stay untouched.
 *
 * A function that chooses may run before anything is relocated: it calls nothing, reads nothing
 * but its own frame, and finds both cores relative to itself, because they are hidden.
 */
#include <stdbool.h>
#include <stddef.h>
#include <valgrind/helgrind.h>

/* What VALGRIND_HG_GET_ABITS asks; the macro itself converts signs, which our warnings refuse. */
#define PENDI_DUAL_ADDRESSABLE _VG_USERREQ__HG_GET_ABITS

/* What drd.h calls DRD_GET_VALGRIND_THREADID; the two headers exclude each other. */
#define PENDI_DUAL_DRD_THREAD VG_USERREQ_TOOL_BASE('D', 'R')

/* Each question is answered by its own tool; from any other, or from none, comes no such answer. */
static inline __attribute__((always_inline)) bool pendi_dual_is_watched(void)
{
	const char byte = 0;

	return VALGRIND_DO_CLIENT_REQUEST_EXPR(0, PENDI_DUAL_ADDRESSABLE, &byte, NULL, sizeof(byte),
					       0, 0) == sizeof(byte) ||
	       VALGRIND_DO_CLIENT_REQUEST_EXPR(0, PENDI_DUAL_DRD_THREAD, 0, 0, 0, 0, 0) != 0;
}

#define PENDI_DUAL(name)                                                                       \
	__attribute__((visibility("hidden"))) void pendi_native_##name(void);                  \
	__attribute__((visibility("hidden"))) void pendi_annotated_##name(void);               \
                                                                                               \
	__attribute__((used)) static void (*pendi_choose_##name(void))(void)                   \
	{                                                                                      \
		return pendi_dual_is_watched() ? pendi_annotated_##name : pendi_native_##name; \
	}                                                                                      \
                                                                                               \
	__attribute__((visibility("default"), ifunc("pendi_choose_" #name))) void name(void);

#include "dual_functions.h"
