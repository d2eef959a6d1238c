/* SPDX-License-Identifier: MIT */
/*
 * control.h - the control map of a stack: one element that says whether anything may pend (F43).
 */
#ifndef TESTS_CATALOGUE_CONTROL_H
#define TESTS_CATALOGUE_CONTROL_H

#include "tests/catalogue/stack.h"

struct control_value {
	uint32_t state; /* enum pend_control_state */
	uint32_t reserved;
};

static inline int control_try(struct stack *stack, struct pend_custom_map **control)
{
	const struct pend_custom_map_options options = {
		.size = sizeof(options),
		.type = BPF_MAP_TYPE_NET_EBPF_EXT_PEND_CONTROL,
		.key_size = sizeof(uint32_t),
		.value_size = sizeof(struct control_value),
		.max_entries = 1,
	};

	return pend_custom_map_create(stack->runtime, &options, control);
}

static inline struct pend_custom_map *control_create(struct stack *stack)
{
	struct pend_custom_map *control = NULL;

	cr_assert_eq(control_try(stack, &control), 0);
	return control;
}

static inline int control_write(struct pend_custom_map *control, uint32_t state)
{
	const struct control_value value = { state, 0 };

	return pend_custom_map_update(control, NULL, &(uint32_t){ 0 }, &value, PEND_BPF_ANY);
}

static inline uint32_t control_read(struct pend_custom_map *control)
{
	struct control_value value = { UINT32_MAX, 0 };

	cr_assert_eq(pend_custom_map_lookup(control, &(uint32_t){ 0 }, &value), 0);
	return value.state;
}

#endif
