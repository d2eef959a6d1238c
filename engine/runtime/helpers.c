/* SPDX-License-Identifier: MIT */
/*
 * helpers.c - the library's functions behind what programs call (calls.c).
 *
 * What describes the operation is by value: of the frame, or of the record when the program runs
 * again, so it gets the same answers: whose it is, its cookie, the CPU it began on, the random
 * numbers. What it shares with others is what it is now: clocks, maps, pressure.
 *
 * None sleeps or allocates, but for identity in frames that may block. Progress: wait-free, but for
 * pending and completing (lock-free) and maps of programs.
 */
#include <string.h>

#include "engine/runtime/runtime_internal.h"
#include "platform/clock.h"

#define HELPER_POINTER(argument) ((void *)(uintptr_t)(argument))
/* All helpers have five arguments, and few need so many. */
#define HELPER_IGNORES(a, b, c, d, e) ((void)(a), (void)(b), (void)(c), (void)(d), (void)(e))

/* --- Pending --- */

static int check_program_key(const struct pend_key *key)
{
	return key->version == PEND_KEY_VERSION && key->size == sizeof(*key) ? 0 : -EINVAL;
}

static int check_program_value(const struct pend_value *value, uint32_t value_size,
			       const struct pendi_pend_target *target)
{
	if (value_size != target->value_size)
		return -EINVAL;
	return value->version == PEND_VALUE_VERSION && value->size >= sizeof(*value) &&
			       value->size <= value_size
		       ? 0
		       : -EINVAL;
}

static bool is_of_program(const struct pendi_frame *frame, const struct pendi_pend_target *target)
{
	return pendi_object_same_namespace(&target->name_space,
					   &frame->attachment->program->object.name_space);
}

/* Pends in @target; all pointers and headers are right. */
static int pend_in(struct pendi_frame *frame, const struct pendi_pend_target *target, void *value,
		   struct pend_key *key)
{
	int error = 0;

	if (PENDI_UNLIKELY(!pendi_frame_can_pend(frame))) {
		pendi_helper_refuse(frame, -EOPNOTSUPP);
		return -EOPNOTSUPP;
	}
	if (frame->events.handle && frame->map != target->map)
		return -EBUSY;
	if (!is_of_program(frame, target))
		return -ENOENT;
	if (!frame->events.handle)
		error = pendi_pend_operation(frame, target, value, PENDI_REASON_PROGRAM);
	if (!error)
		key->pend_id = frame->events.handle;
	return error;
}

static uint64_t help_pend(uint64_t map, uint64_t value, uint64_t value_size, uint64_t key,
			  uint64_t key_size)
{
	struct pendi_pend_target target;
	int error;

	if (!map || !value || !key)
		return (uint64_t)-EFAULT;
	if (key_size != sizeof(struct pend_key))
		return (uint64_t)-EINVAL;
	error = check_program_key(HELPER_POINTER(key));
	if (!error)
		error = pendi_custom_target(HELPER_POINTER(map), BPF_MAP_TYPE_NET_EBPF_EXT_PEND,
					    &target);
	if (!error)
		error = check_program_value(HELPER_POINTER(value), (uint32_t)value_size, &target);
	if (!error)
		error = pend_in(pendi_frame_innermost, &target, HELPER_POINTER(value),
				HELPER_POINTER(key));
	return (uint64_t)error;
}

static uint64_t help_sock_addr_pend(uint64_t map, uint64_t key, uint64_t flags, uint64_t d,
				    uint64_t e)
{
	struct pendi_pend_target target;
	int error;

	HELPER_IGNORES(d, e, e, e, e);
	if (!map || !key)
		return (uint64_t)-EFAULT;
	if (flags)
		return (uint64_t)-EINVAL;
	error = check_program_key(HELPER_POINTER(key));
	if (!error)
		error = pendi_custom_target(HELPER_POINTER(map),
					    BPF_MAP_TYPE_SOCK_ADDR_PEND_COMPLETE, &target);
	if (!error)
		error = pend_in(pendi_frame_innermost, &target, NULL, HELPER_POINTER(key));
	return (uint64_t)error;
}

/* A map of either type. */
static int find_target(uint64_t map, struct pendi_pend_target *target)
{
	const int error =
		pendi_custom_target(HELPER_POINTER(map), BPF_MAP_TYPE_NET_EBPF_EXT_PEND, target);

	return error != -EINVAL ? error
				: pendi_custom_target(HELPER_POINTER(map),
						      BPF_MAP_TYPE_SOCK_ADDR_PEND_COMPLETE, target);
}

/* F17, K8: what the program itself pended is its own to decide, whoever else it belongs to. */
static int complete_own(struct pendi_frame *frame, uint32_t action)
{
	const int error =
		pendi_map_complete(frame->map, frame->events.handle, action, PEND_ORIGIN_PROGRAM);

	if (!error && action != PEND_ACTION_CONTINUE)
		frame->events.completed = true;
	return error;
}

static uint64_t help_complete(uint64_t map, uint64_t key_address, uint64_t action, uint64_t d,
			      uint64_t e)
{
	struct pendi_frame *frame = pendi_frame_innermost;
	const struct pend_key *key = HELPER_POINTER(key_address);
	struct pendi_pend_target target;
	int error;

	HELPER_IGNORES(d, e, e, e, e);
	if (!map || !key)
		return (uint64_t)-EFAULT;
	error = check_program_key(key);
	if (!error)
		error = find_target(map, &target);
	if (!error)
		error = pendi_map_check_action(target.map, (uint32_t)action);
	if (error)
		return (uint64_t)error;
	if (frame->events.handle && key->pend_id == frame->events.handle &&
	    target.map == frame->map)
		return (uint64_t)complete_own(frame, (uint32_t)action);
	if (!is_of_program(frame, &target))
		return (uint64_t)-ENOENT;
	return (uint64_t)pend_map_complete(target.map, key->pend_id, (enum pend_action)action);
}

static uint64_t help_scratch(uint64_t size_address, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	const struct pendi_frame *frame = pendi_frame_innermost;
	const uint32_t begin = frame->hook->runtime->record_size;
	uint32_t *size = HELPER_POINTER(size_address);

	HELPER_IGNORES(b, c, d, e, e);
	if (!frame->events.handle || frame->map->scratch_size <= begin)
		return 0;
	if (size)
		*size = frame->map->scratch_size - begin;
	return (uint64_t)(uintptr_t)((unsigned char *)frame->record + begin);
}

static uint64_t help_pressure(uint64_t map, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	struct pendi_pend_target target;
	int error = find_target(map, &target);
	uint64_t live;

	HELPER_IGNORES(b, c, d, e, e);
	if (!error && !is_of_program(pendi_frame_innermost, &target))
		error = -ENOENT;
	if (!error)
		error = pend_map_count(target.map);
	if (error < 0)
		return (uint64_t)error;
	live = (uint64_t)error;
	return live < target.map->max_entries ? live * 1000 / target.map->max_entries : 1000;
}

/* F31: counted where the program runs again; a first run has no state to miss. */
static uint64_t help_continuation_missing(uint64_t a, uint64_t b, uint64_t c, uint64_t d,
					  uint64_t e)
{
	const struct pendi_frame *frame = pendi_frame_innermost;

	HELPER_IGNORES(a, b, c, d, e);
	if (frame->events.kind == PENDI_FRAME_REINVOKE)
		pendi_runtime_count(frame->hook->runtime, PENDI_RUNTIME_CONTINUATION_MISSING, 1);
	return 0;
}

/* --- Whose operation it is --- */

static const struct pend_subject *find_subject(const struct pendi_frame *frame)
{
	return frame->invocation ? frame->invocation->subject : &frame->record->subject;
}

/* F48 to F50. Where it may block it is resolved once, and kept with the operation. */
static int find_identity(struct pendi_frame *frame, const struct pendi_identity **identity)
{
	const struct pend_subject *subject = find_subject(frame);

	if (!subject || subject->pid < 1 || subject->pidfd < 0)
		return -ENOENT;
	if (!pendi_frame_may_block(frame))
		return -EAGAIN;
	if (!frame->events.identity) {
		frame->room = pendi_identity_none();
		frame->events.identity = &frame->room;
		frame->events.eventful = true;
	}
	pendi_runtime_resolve(frame->hook->runtime, subject, frame->events.identity);
	*identity = frame->events.identity;
	return frame->events.identity->error;
}

static uint64_t help_identity(uint64_t info_address, uint64_t size, uint64_t c, uint64_t d,
			      uint64_t e)
{
	struct bpf_identity_info *info = HELPER_POINTER(info_address);
	const struct pendi_identity *identity;
	int error;

	HELPER_IGNORES(c, d, e, e, e);
	if (!info || size != sizeof(*info))
		return (uint64_t)-EINVAL;
	error = find_identity(pendi_frame_innermost, &identity);
	if (error)
		return (uint64_t)error;
	info->access_token = (uint64_t)identity->subject.pidfd;
	info->subject_context = (uint64_t)(uintptr_t)(&identity->subject);
	return 0;
}

/* Types whose contexts say which thread it was have their own. */
static uint64_t help_pid_tgid(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	const struct pend_subject *subject = find_subject(pendi_frame_innermost);
	const uint64_t pid = subject ? (uint32_t)subject->pid : 0;

	HELPER_IGNORES(a, b, c, d, e);
	return pid << 32 | pid;
}

/* The same for contexts that say which socket it is. */
static uint64_t help_cookie(uint64_t context, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	HELPER_IGNORES(context, b, c, d, e);
	return pendi_frame_operation(pendi_frame_innermost);
}

/* --- Numbers --- */

static uint64_t mix_bits(uint64_t bits)
{
	bits = (bits ^ bits >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	bits = (bits ^ bits >> 27) * UINT64_C(0x94d049bb133111eb);
	return bits ^ bits >> 31;
}

uint64_t pendi_helper_seed(void)
{
	static PENDI_THREAD_LOCAL uint64_t state;

	if (!state)
		state = mix_bits(pendi_clock_mono_ns() ^ (uint64_t)(uintptr_t)(&state));
	state += UINT64_C(0x9e3779b97f4a7c15);
	return mix_bits(state) | 1;
}

/* The same sequence in each run of one program for one operation, another in others. */
static uint64_t help_prandom(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	struct pendi_frame *frame = pendi_frame_innermost;

	HELPER_IGNORES(a, b, c, d, e);
	if (!frame->events.seed) {
		frame->events.seed = pendi_helper_seed();
		frame->drawer = NULL;
	}
	if (frame->drawer != frame->attachment) {
		frame->drawer = frame->attachment;
		frame->draws = 0;
	}
	return (uint32_t)mix_bits(frame->events.seed + frame->attachment->order +
				  (uint64_t)++frame->draws * UINT64_C(0x9e3779b97f4a7c15));
}

static uint64_t help_processor(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	struct pendi_frame *frame = pendi_frame_innermost;

	HELPER_IGNORES(a, b, c, d, e);
	if (!frame->events.placed) {
		frame->cpu = pendi_cpu_current();
		frame->events.placed = true;
	}
	return frame->cpu;
}

static uint64_t help_ktime(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	HELPER_IGNORES(a, b, c, d, e);
	return pendi_clock_mono_ns();
}

static uint64_t help_ktime_boot(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	HELPER_IGNORES(a, b, c, d, e);
	return pendi_clock_boot_ns();
}

/* --- Maps --- */

static uint64_t help_map_lookup(uint64_t map, uint64_t key, uint64_t c, uint64_t d, uint64_t e)
{
	const void *value = NULL;
	const int error =
		pendi_custom_program_lookup(HELPER_POINTER(map), HELPER_POINTER(key), &value);

	HELPER_IGNORES(c, d, e, e, e);
	return error ? 0 : (uint64_t)(uintptr_t)(value);
}

static uint64_t help_map_update(uint64_t map, uint64_t key, uint64_t value, uint64_t update,
				uint64_t e)
{
	(void)e;
	return (uint64_t)pendi_custom_program_update(HELPER_POINTER(map), HELPER_POINTER(key),
						     HELPER_POINTER(value), update);
}

static uint64_t help_map_delete(uint64_t map, uint64_t key, uint64_t c, uint64_t d, uint64_t e)
{
	HELPER_IGNORES(c, d, e, e, e);
	return (uint64_t)pendi_custom_program_delete(HELPER_POINTER(map), HELPER_POINTER(key));
}

/* --- The table --- */

const struct pendi_builtin_helper pendi_builtins[PENDI_BUILTINS] = {
	[PENDI_BUILTIN_MAP_LOOKUP] = { BPF_FUNC_map_lookup_elem, help_map_lookup, false },
	[PENDI_BUILTIN_MAP_UPDATE] = { BPF_FUNC_map_update_elem, help_map_update, false },
	[PENDI_BUILTIN_MAP_DELETE] = { BPF_FUNC_map_delete_elem, help_map_delete, false },
	[PENDI_BUILTIN_PRANDOM] = { BPF_FUNC_get_prandom_u32, help_prandom, false },
	[PENDI_BUILTIN_KTIME_BOOT] = { BPF_FUNC_ktime_get_boot_ns, help_ktime_boot, false },
	[PENDI_BUILTIN_PROCESSOR] = { BPF_FUNC_get_smp_processor_id, help_processor, false },
	[PENDI_BUILTIN_KTIME] = { BPF_FUNC_ktime_get_ns, help_ktime, false },
	[PENDI_BUILTIN_PID_TGID] = { BPF_FUNC_get_current_pid_tgid, help_pid_tgid, false },
	[PENDI_BUILTIN_COOKIE] = { BPF_FUNC_get_socket_cookie, help_cookie, false },
	[PENDI_BUILTIN_PEND] = { BPF_FUNC_pend_operation, help_pend, true },
	[PENDI_BUILTIN_SOCK_ADDR_PEND] = { BPF_FUNC_sock_addr_pend, help_sock_addr_pend, true },
	[PENDI_BUILTIN_COMPLETE] = { BPF_FUNC_complete_operation, help_complete, false },
	[PENDI_BUILTIN_SCRATCH] = { BPF_FUNC_pend_scratch, help_scratch, false },
	[PENDI_BUILTIN_IDENTITY] = { BPF_FUNC_get_identity, help_identity, true },
	[PENDI_BUILTIN_PRESSURE] = { BPF_FUNC_pend_pressure, help_pressure, false },
	[PENDI_BUILTIN_CONTINUATION_MISSING] = { BPF_FUNC_continuation_missing,
						 help_continuation_missing, false },
};
