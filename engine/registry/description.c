/* SPDX-License-Identifier: MIT */
/*
 * description.c - whether what a provider hands over is what it must be (F77, F81 to F84).
 *
 *	PROGRAM   name, context layout, prototypes of its helpers, overrides of general ones
 *	MAP       number, base type, callbacks
 *	FUNCTION  name, address
 *	HOOK      nothing
 *
 * Checked once, at registration, so that no client has to: -EFAULT for a pointer that is missing,
 * -EINVAL for all else. The tables are read through their headers, an array of prototypes with the
 * stride that its first header states.
 */
#include <pendmap/custom_map.h>

#include "engine/registry/registry_internal.h"

/* The size of @type in the version whose last field is @last. */
#define DESCRIPTION_SIZE(type, last) (offsetof(type, last) + sizeof(((type *)0)->last))

/* Each size that the tables ever had. */
static const size_t program_data_sizes[] = {
	DESCRIPTION_SIZE(struct pend_program_data, override_addresses),
};
static const size_t helper_prototype_sizes[] = {
	DESCRIPTION_SIZE(struct pend_helper_prototype, flags),
};
static const size_t map_provider_sizes[] = {
	DESCRIPTION_SIZE(struct pend_map_provider_data, callbacks),
};
static const size_t map_callbacks_sizes[] = {
	DESCRIPTION_SIZE(struct pend_map_callbacks, next),
};
static const size_t function_data_sizes[] = {
	DESCRIPTION_SIZE(struct pend_function_data, prototype),
};

static int description_check_name(const char *name)
{
	char copy[PEND_NAME_MAX + 1];
	const int error = pendi_name_copy(copy, name);

	return error == -ENAMETOOLONG ? -EINVAL : error;
}

/* A pointer at @offset of what programs see; -1: there is none. */
static bool layout_has_pointer(const struct pend_context_layout *layout, int32_t offset)
{
	return offset == -1 || (offset >= 0 && (size_t)offset % sizeof(void *) == 0 &&
				(size_t)offset + sizeof(void *) <= layout->size);
}

static bool layout_is_sound(const struct pend_context_layout *layout)
{
	return layout->size > 0 && layout->saved_size >= layout->size &&
	       layout_has_pointer(layout, layout->data) &&
	       layout_has_pointer(layout, layout->end) &&
	       (layout->data == -1) == (layout->end == -1) &&
	       (layout->data == -1 || layout->data != layout->end);
}

static bool argument_is_size(uint32_t argument)
{
	return argument == PEND_ARGUMENT_SIZE || argument == PEND_ARGUMENT_SIZE_OR_ZERO;
}

/* No argument behind the last one; a size directly behind what it is the size of, and only there. */
static bool arguments_are_sound(const uint32_t arguments[static 5])
{
	uint32_t before = PEND_ARGUMENT_ANYTHING;

	for (uint32_t i = 0; i < 5; i++) {
		const bool sized = before == PEND_ARGUMENT_READABLE ||
				   before == PEND_ARGUMENT_WRITABLE;

		if (arguments[i] > PEND_ARGUMENT_SIZE_OR_ZERO ||
		    argument_is_size(arguments[i]) != sized ||
		    (before == PEND_ARGUMENT_NONE && arguments[i] != PEND_ARGUMENT_NONE))
			return false;
		before = arguments[i];
	}
	return before != PEND_ARGUMENT_READABLE && before != PEND_ARGUMENT_WRITABLE;
}

static int prototype_check(const struct pend_helper_prototype *prototype)
{
	const int error = pendi_header_check(&prototype->header, PEND_PROGRAM_VERSION,
					     helper_prototype_sizes, 1);

	if (error)
		return error;
	if (prototype->id <= PEND_HELPER_TYPE_BASE ||
	    prototype->return_type > PEND_RETURN_MAP_VALUE_OR_NULL ||
	    !arguments_are_sound(prototype->arguments) ||
	    prototype->flags & ~(uint32_t)(PEND_HELPER_IMPLICIT_CONTEXT | PEND_HELPER_PENDS))
		return -EINVAL;
	return description_check_name(prototype->name);
}

const struct pend_helper_prototype *pendi_program_helper(const struct pend_program_data *data,
							 uint32_t index)
{
	const unsigned char *first = (const unsigned char *)data->helpers;

	return (const void *)(first + index * data->helpers->header.total_size);
}

/* Whether the elements of the array lie where the first one's header says. */
static bool stride_is_sound(const struct pend_header *first)
{
	return first->total_size >= first->size &&
	       first->total_size % _Alignof(struct pend_helper_prototype) == 0;
}

static int description_check_helpers(const struct pend_program_data *data)
{
	if (data->helper_count && (!data->helpers || !data->helper_addresses))
		return -EFAULT;
	for (uint32_t i = 0; i < data->helper_count; i++) {
		const struct pend_helper_prototype *helper = pendi_program_helper(data, i);
		const int error = prototype_check(helper);

		if (error)
			return error;
		if (!stride_is_sound(&helper->header) ||
		    helper->header.total_size != data->helpers->header.total_size)
			return -EINVAL;
		if (!data->helper_addresses[i])
			return -EFAULT;
		for (uint32_t j = 0; j < i; j++) {
			if (pendi_program_helper(data, j)->id == helper->id)
				return -EINVAL;
		}
	}
	return 0;
}

static int description_check_overrides(const struct pend_program_data *data)
{
	if (data->override_count && (!data->override_ids || !data->override_addresses))
		return -EFAULT;
	for (uint32_t i = 0; i < data->override_count; i++) {
		const uint32_t id = data->override_ids[i];

		if (id == 0 || id > PEND_HELPER_TYPE_BASE)
			return -EINVAL;
		if (!data->override_addresses[i])
			return -EFAULT;
		for (uint32_t j = 0; j < i; j++) {
			if (data->override_ids[j] == id)
				return -EINVAL;
		}
	}
	return 0;
}

static int description_check_program(const struct pend_program_data *data)
{
	int error = pendi_header_check(&data->header, PEND_PROGRAM_VERSION, program_data_sizes, 1);

	if (!error)
		error = description_check_name(data->name);
	if (!error && !layout_is_sound(&data->context))
		error = -EINVAL;
	if (!error)
		error = description_check_helpers(data);
	if (!error)
		error = description_check_overrides(data);
	return error;
}

static int description_check_callbacks(const struct pend_map_callbacks *callbacks,
				       const struct pend_map_provider_data *data)
{
	const bool stores = callbacks->find && callbacks->update && callbacks->erase &&
			    callbacks->next;

	if (!callbacks->preprocess_create || !callbacks->postprocess_delete ||
	    !callbacks->preprocess_associate)
		return -EFAULT;
	if (data->base == PEND_MAP_BASE_NONE && !stores)
		return -EFAULT;
	if (data->base == PEND_MAP_BASE_HASH &&
	    (callbacks->find || callbacks->update || callbacks->erase || callbacks->next))
		return -EINVAL;
	if (data->updates_original_value &&
	    (!callbacks->postprocess_find || !callbacks->preprocess_update ||
	     !callbacks->postprocess_delete_element))
		return -EINVAL;
	return 0;
}

static int description_check_map(const struct pend_map_provider_data *data)
{
	int error =
		pendi_header_check(&data->header, PEND_MAP_PROVIDER_VERSION, map_provider_sizes, 1);

	if (error)
		return error;
	if (data->type == BPF_MAP_TYPE_UNSPEC ||
	    (data->base != PEND_MAP_BASE_NONE && data->base != PEND_MAP_BASE_HASH))
		return -EINVAL;
	error = pendi_header_check(data->callbacks ? &data->callbacks->header : NULL,
				   PEND_MAP_PROVIDER_VERSION, map_callbacks_sizes, 1);
	return error ? error : description_check_callbacks(data->callbacks, data);
}

static int description_check_function(const struct pend_function_data *data)
{
	const int error =
		pendi_header_check(&data->header, PEND_FUNCTION_VERSION, function_data_sizes, 1);

	if (error)
		return error;
	return data->address ? description_check_name(data->name) : -EFAULT;
}

int pendi_description_check(enum pend_provider_kind kind, const struct pend_header *data)
{
	switch (kind) {
	case PEND_PROVIDER_PROGRAM:
		return data ? description_check_program((const void *)data) : -EFAULT;
	case PEND_PROVIDER_HOOK:
		return data ? -EINVAL : 0;
	case PEND_PROVIDER_MAP:
		return data ? description_check_map((const void *)data) : -EFAULT;
	case PEND_PROVIDER_FUNCTION:
		return data ? description_check_function((const void *)data) : -EFAULT;
	default:
		return -EINVAL;
	}
}
