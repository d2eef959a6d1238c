/* SPDX-License-Identifier: MIT */
/*
 * calls.c - what programs call, each by way of its table.
 *
 *	bpf_*()  ->  the innermost frame -> its program's table -> the library's function (helpers.c),
 *	             or the one that the program's type has put there (F80)
 *	                                       NULL: the program did not name it: -EPERM, counted
 *
 * So who does not name a helper cannot reach it, and a type decides for its programs what it does.
 */
#include "engine/runtime/runtime_internal.h"

PENDI_COLD void pendi_helper_refuse(struct pendi_frame *frame, int error)
{
	pendi_runtime_count(frame->hook->runtime, PENDI_RUNTIME_HELPER_REFUSED, 1);
	pendi_invoke_trace(frame, PEND_TRACE_HELPER, error);
}

/* The function behind a helper for the program that runs, or NULL. */
PENDI_ALWAYS_INLINE pend_helper_fn find_helper(enum pendi_builtin which)
{
	struct pendi_frame *frame = pendi_frame_innermost;
	pend_helper_fn address;

	if (PENDI_UNLIKELY(!frame))
		return NULL;
	address = frame->attachment->program->builtin[which];
	if (PENDI_UNLIKELY(!address))
		pendi_helper_refuse(frame, -EPERM);
	return address;
}

/* Calls it, or answers -EPERM. */
PENDI_ALWAYS_INLINE uint64_t call_helper(enum pendi_builtin which, uint64_t a, uint64_t b,
					 uint64_t c, uint64_t d, uint64_t e)
{
	const pend_helper_fn address = find_helper(which);

	return PENDI_LIKELY(address != NULL) ? address(a, b, c, d, e) : (uint64_t)-EPERM;
}

PENDI_ALWAYS_INLINE uint64_t address_of(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

PENDI_ALWAYS_INLINE void *pointer_of(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

int bpf_pend_operation(struct pend_custom_map *map, void *value, uint32_t value_size,
		       struct pend_key *key, uint32_t key_size)
{
	return (int)call_helper(PENDI_BUILTIN_PEND, address_of(map), address_of(value), value_size,
				address_of(key), key_size);
}

int bpf_sock_addr_pend(struct pend_custom_map *map, struct pend_key *key, uint32_t flags)
{
	return (int)call_helper(PENDI_BUILTIN_SOCK_ADDR_PEND, address_of(map), address_of(key),
				flags, 0, 0);
}

int bpf_complete_operation(struct pend_custom_map *map, const struct pend_key *key,
			   enum pend_action action)
{
	return (int)call_helper(PENDI_BUILTIN_COMPLETE, address_of(map), address_of(key),
				(uint64_t)action, 0, 0);
}

void *bpf_pend_scratch(uint32_t *size)
{
	const pend_helper_fn address = find_helper(PENDI_BUILTIN_SCRATCH);

	return address ? pointer_of(address(address_of(size), 0, 0, 0, 0)) : NULL;
}

int bpf_pend_pressure(struct pend_custom_map *map)
{
	return (int)call_helper(PENDI_BUILTIN_PRESSURE, address_of(map), 0, 0, 0, 0);
}

int bpf_get_identity(struct bpf_identity_info *info, uint32_t size)
{
	return (int)call_helper(PENDI_BUILTIN_IDENTITY, address_of(info), size, 0, 0, 0);
}

int bpf_continuation_missing(void)
{
	return (int)call_helper(PENDI_BUILTIN_CONTINUATION_MISSING, 0, 0, 0, 0, 0);
}

const void *bpf_map_lookup_elem(struct pend_custom_map *map, const void *key)
{
	const pend_helper_fn address = find_helper(PENDI_BUILTIN_MAP_LOOKUP);

	return address ? pointer_of(address(address_of(map), address_of(key), 0, 0, 0)) : NULL;
}

int bpf_map_update_elem(struct pend_custom_map *map, const void *key, const void *value,
			uint64_t update)
{
	return (int)call_helper(PENDI_BUILTIN_MAP_UPDATE, address_of(map), address_of(key),
				address_of(value), update, 0);
}

int bpf_map_delete_elem(struct pend_custom_map *map, const void *key)
{
	return (int)call_helper(PENDI_BUILTIN_MAP_DELETE, address_of(map), address_of(key), 0, 0,
				0);
}

uint64_t bpf_get_current_pid_tgid(void)
{
	return call_helper(PENDI_BUILTIN_PID_TGID, 0, 0, 0, 0, 0);
}

uint64_t bpf_get_socket_cookie(void *context)
{
	return call_helper(PENDI_BUILTIN_COOKIE, address_of(context), 0, 0, 0, 0);
}

uint64_t bpf_ktime_get_ns(void)
{
	return call_helper(PENDI_BUILTIN_KTIME, 0, 0, 0, 0, 0);
}

uint64_t bpf_ktime_get_boot_ns(void)
{
	return call_helper(PENDI_BUILTIN_KTIME_BOOT, 0, 0, 0, 0, 0);
}

uint32_t bpf_get_smp_processor_id(void)
{
	return (uint32_t)call_helper(PENDI_BUILTIN_PROCESSOR, 0, 0, 0, 0, 0);
}

uint32_t bpf_get_prandom_u32(void)
{
	return (uint32_t)call_helper(PENDI_BUILTIN_PRANDOM, 0, 0, 0, 0, 0);
}

pend_helper_fn bpf_helper(uint32_t id)
{
	struct pendi_frame *frame = pendi_frame_innermost;
	const struct pend_program *program;

	if (!frame)
		return NULL;
	program = frame->attachment->program;
	for (uint32_t i = 0; i < program->helper_count; i++)
		if (program->helper_ids[i] == id)
			return program->helper_addresses[i];
	pendi_helper_refuse(frame, -EPERM);
	return NULL;
}

pend_helper_fn bpf_function(uint32_t index)
{
	struct pendi_frame *frame = pendi_frame_innermost;
	struct pend_program *program;

	if (!frame)
		return NULL;
	program = frame->attachment->program;
	if (index >= program->import_count) {
		pendi_helper_refuse(frame, -EPERM);
		return NULL;
	}
	return pendi_import_address(&program->imports[index]);
}
