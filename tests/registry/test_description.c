/* SPDX-License-Identifier: MIT */
/*
 * test_description.c - what providers of programs and maps hand over (F77, F79, F82 to F84;
 * catalogue S19): each field is spoilt in turn, and the provider is refused.
 */
#include "fixture.h"

TestSuite(description, .init = fixture_begin, .fini = fixture_end);

static uint64_t helper(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	return a + b + c + d + e;
}

#define PROTOTYPE_HEADER PEND_HEADER(PEND_PROGRAM_VERSION, struct pend_helper_prototype, flags)

/* A program type with two helpers and two overrides, all of which a test may spoil. */
static struct {
	struct pend_helper_prototype prototypes[2];
	pend_helper_fn addresses[2];
	uint32_t override_ids[2];
	pend_helper_fn overrides[2];
	struct pend_program_data data;
} type;

static void type_reset(void)
{
	memset(&type, 0, sizeof(type));
	type.prototypes[0] = (struct pend_helper_prototype){
		.header = PROTOTYPE_HEADER,
		.id = PEND_HELPER_TYPE_BASE + 1,
		.name = "read",
		.arguments = { PEND_ARGUMENT_CONTEXT, PEND_ARGUMENT_WRITABLE, PEND_ARGUMENT_SIZE },
		.flags = PEND_HELPER_IMPLICIT_CONTEXT,
	};
	type.prototypes[1] = (struct pend_helper_prototype){
		.header = PROTOTYPE_HEADER,
		.id = PEND_HELPER_TYPE_BASE + 2,
		.name = "find",
		.return_type = PEND_RETURN_MAP_VALUE_OR_NULL,
		.arguments = { PEND_ARGUMENT_MAP, PEND_ARGUMENT_MAP_KEY, PEND_ARGUMENT_ANYTHING,
			       PEND_ARGUMENT_READABLE, PEND_ARGUMENT_SIZE_OR_ZERO },
		.flags = PEND_HELPER_PENDS,
	};
	type.addresses[0] = type.addresses[1] = type.overrides[0] = type.overrides[1] = helper;
	type.override_ids[0] = BPF_FUNC_get_socket_cookie;
	type.override_ids[1] = BPF_FUNC_get_current_pid_tgid;
	type.data = (struct pend_program_data){
		.header = PEND_HEADER(PEND_PROGRAM_VERSION, struct pend_program_data,
				      override_addresses),
		.name = "type",
		.context = { .size = 64, .saved_size = 96, .data = 8, .end = 56 },
		.helper_count = 2,
		.helpers = type.prototypes,
		.helper_addresses = type.addresses,
		.override_count = 2,
		.override_ids = type.override_ids,
		.override_addresses = type.overrides,
	};
}

static int attempt(enum pend_provider_kind kind, const struct pend_header *data)
{
	const struct pend_provider_options options = {
		.size = sizeof(options),
		.kind = kind,
		.id = uuid(9),
		.data = data,
	};
	struct pend_provider *const before = (struct pend_provider *)(uintptr_t)64;
	struct pend_provider *provider = before;
	const int error = pend_provider_register(runtime, &options, &provider);

	if (error)
		cr_assert_eq(provider, before);
	else
		leave(provider);
	cr_assert_eq(books.blocks, 0);
	return error;
}

static int attempt_type(void)
{
	return attempt(PEND_PROVIDER_PROGRAM, &type.data.header);
}

/* Spoils one field, expects @error, mends it, and expects success. */
#define SPOIL(reset, attempt, field, value, error)                        \
	do {                                                              \
		(field) = (value);                                        \
		cr_assert_eq(attempt(), (error), #field " = " #value);    \
		reset();                                                  \
		cr_assert_eq(attempt(), 0, "after " #field " = " #value); \
	} while (0)
#define SPOIL_TYPE(field, value, error) SPOIL(type_reset, attempt_type, type.field, value, error)

Test(description, of_a_program_type)
{
	type_reset();
	cr_assert_eq(attempt_type(), 0);
	SPOIL_TYPE(data.header.version, 0, -EINVAL);
	SPOIL_TYPE(data.header.version, 2, -EINVAL);
	SPOIL_TYPE(data.header.size, type.data.header.size - 1, -EINVAL);
	SPOIL_TYPE(data.header.size, type.data.header.size + 8, -EINVAL);
	SPOIL_TYPE(data.name, NULL, -EFAULT);
	SPOIL_TYPE(data.name, "", -EINVAL);
	SPOIL_TYPE(data.helpers, NULL, -EFAULT);
	SPOIL_TYPE(data.helper_addresses, NULL, -EFAULT);
	SPOIL_TYPE(addresses[1], NULL, -EFAULT);
	SPOIL_TYPE(data.override_ids, NULL, -EFAULT);
	SPOIL_TYPE(data.override_addresses, NULL, -EFAULT);
	SPOIL_TYPE(overrides[1], NULL, -EFAULT);
	SPOIL_TYPE(override_ids[0], 0, -EINVAL);
	SPOIL_TYPE(override_ids[0], PEND_HELPER_TYPE_BASE + 1, -EINVAL);
	SPOIL_TYPE(override_ids[1], BPF_FUNC_get_socket_cookie, -EINVAL);
	type.data.helper_count = type.data.override_count = 0;
	type.data.helpers = NULL;
	type.data.override_ids = NULL;
	cr_assert_eq(attempt_type(), 0); /* lists without elements need not be there */
}

Test(description, of_a_context)
{
	type_reset();
	SPOIL_TYPE(data.context.size, 0, -EINVAL);
	SPOIL_TYPE(data.context.saved_size, 63, -EINVAL);
	SPOIL_TYPE(data.context.data, -2, -EINVAL);
	SPOIL_TYPE(data.context.data, -1, -EINVAL); /* an end without a beginning */
	SPOIL_TYPE(data.context.end, -1, -EINVAL);
	SPOIL_TYPE(data.context.end, 8, -EINVAL);
	SPOIL_TYPE(data.context.end, 57, -EINVAL);
	SPOIL_TYPE(data.context.end, 64, -EINVAL); /* beyond what programs see */
	SPOIL_TYPE(data.context.size, 63, -EINVAL);
	SPOIL_TYPE(data.context.data, INT32_MAX - 7, -EINVAL);
	SPOIL_TYPE(data.context.data, 12, -EINVAL);
	type.data.context.data = type.data.context.end = -1;
	cr_assert_eq(attempt_type(), 0);
	type.data.context.size = type.data.context.saved_size;
	cr_assert_eq(attempt_type(), 0);
}

Test(description, of_a_helper)
{
	type_reset();
	SPOIL_TYPE(prototypes[1].header.version, 3, -EINVAL);
	SPOIL_TYPE(prototypes[1].header.size, 4, -EINVAL);
	SPOIL_TYPE(prototypes[0].header.total_size, 4, -EINVAL);
	SPOIL_TYPE(prototypes[1].header.total_size, 4096, -EINVAL);
	SPOIL_TYPE(prototypes[1].id, PEND_HELPER_TYPE_BASE, -EINVAL);
	SPOIL_TYPE(prototypes[1].id, BPF_FUNC_map_lookup_elem, -EINVAL);
	SPOIL_TYPE(prototypes[1].id, type.prototypes[0].id, -EINVAL);
	SPOIL_TYPE(prototypes[1].name, NULL, -EFAULT);
	SPOIL_TYPE(prototypes[1].name, "", -EINVAL);
	SPOIL_TYPE(prototypes[1].return_type, 2, -EINVAL);
	SPOIL_TYPE(prototypes[1].flags, 4, -EINVAL);
	SPOIL_TYPE(prototypes[1].arguments[2], PEND_ARGUMENT_SIZE_OR_ZERO + 1, -EINVAL);
	SPOIL_TYPE(prototypes[1].arguments[4], PEND_ARGUMENT_ANYTHING, -EINVAL);
	SPOIL_TYPE(prototypes[1].arguments[4], PEND_ARGUMENT_NONE, -EINVAL);
	SPOIL_TYPE(prototypes[1].arguments[1], PEND_ARGUMENT_SIZE, -EINVAL);
	SPOIL_TYPE(prototypes[1].arguments[0], PEND_ARGUMENT_SIZE, -EINVAL);
	SPOIL_TYPE(prototypes[1].arguments[1], PEND_ARGUMENT_NONE, -EINVAL); /* a gap */
	SPOIL_TYPE(prototypes[0].arguments[4], PEND_ARGUMENT_READABLE, -EINVAL);
	SPOIL_TYPE(prototypes[0].arguments[3], PEND_ARGUMENT_ANYTHING, 0);
	type.prototypes[1].arguments[3] = PEND_ARGUMENT_ANYTHING;
	type.prototypes[1].arguments[4] = PEND_ARGUMENT_WRITABLE; /* its size has no room */
	cr_assert_eq(attempt_type(), -EINVAL);
	type.prototypes[1].arguments[4] = PEND_ARGUMENT_READABLE;
	cr_assert_eq(attempt_type(), -EINVAL);
	type.prototypes[1].arguments[4] = PEND_ARGUMENT_ANYTHING;
	cr_assert_eq(attempt_type(), 0);
}

/* A provider built with a longer prototype states its stride; the size says what of it counts. */
Test(description, helpers_lie_as_the_first_header_says)
{
	struct {
		struct pend_helper_prototype known;
		uint64_t newer;
	} longer[2];

	type_reset();
	for (uint32_t i = 0; i < 2; i++) {
		longer[i].known = type.prototypes[i];
		longer[i].known.header.total_size = sizeof(longer[0]);
		longer[i].newer = UINT64_MAX;
	}
	type.data.helpers = &longer[0].known;
	cr_assert_eq(attempt_type(), 0);
	cr_assert_eq(pendi_program_helper(&type.data, 0), &longer[0].known);
	cr_assert_eq(pendi_program_helper(&type.data, 1), &longer[1].known);
	longer[1].known.id = 5;
	cr_assert_eq(attempt_type(), -EINVAL);
	longer[1].known.id = type.prototypes[1].id;
	cr_assert_eq(attempt_type(), 0);
	/* Behind a stride that is no multiple of what a prototype is aligned to, none can lie. */
	longer[0].known.header.total_size--;
	cr_assert_eq(attempt_type(), -EINVAL);
}

static int create(void *context, struct pend_custom_map *map, struct pend_map_shape *shape,
		  const void *extra)
{
	(void)context, (void)map, (void)shape, (void)extra;
	return 0;
}

static void deleted(void *context, void *map_context)
{
	(void)context, (void)map_context;
}

static int associate(void *context, void *map_context, const struct pend_uuid *program)
{
	(void)context, (void)map_context, (void)program;
	return 0;
}

static int found(void *context, void *map_context, const void *key, const void *stored, void *value,
		 uint32_t flags)
{
	(void)context, (void)map_context, (void)key, (void)stored, (void)value, (void)flags;
	return 0;
}

static int before_update(void *context, void *map_context, const void *key, const void *value,
			 void *stored, uint32_t flags)
{
	(void)context, (void)map_context, (void)key, (void)value, (void)stored, (void)flags;
	return 0;
}

static void element_deleted(void *context, void *map_context, const void *key, const void *stored,
			    uint32_t flags)
{
	(void)context, (void)map_context, (void)key, (void)stored, (void)flags;
}

static int find(void *context, void *map_context, const void *key, void *value, uint32_t flags)
{
	(void)context, (void)map_context, (void)key, (void)value, (void)flags;
	return 0;
}

static int update(void *context, void *map_context, struct pend_session *session, const void *key,
		  const void *value, uint64_t how, uint32_t flags)
{
	(void)context, (void)map_context, (void)session, (void)key, (void)value, (void)how;
	(void)flags;
	return 0;
}

static int erase(void *context, void *map_context, struct pend_session *session, const void *key,
		 uint32_t flags)
{
	(void)context, (void)map_context, (void)session, (void)key, (void)flags;
	return 0;
}

static int next(void *context, void *map_context, const void *key, void *following)
{
	(void)context, (void)map_context, (void)key, (void)following;
	return 0;
}

static struct {
	struct pend_map_callbacks callbacks;
	struct pend_map_provider_data data;
} map;

/* A type over the library's table. */
static void map_reset(void)
{
	map.callbacks = (struct pend_map_callbacks){
		.header = PEND_HEADER(PEND_MAP_PROVIDER_VERSION, struct pend_map_callbacks, next),
		.preprocess_create = create,
		.postprocess_delete = deleted,
		.preprocess_associate = associate,
		.postprocess_find = found,
		.preprocess_update = before_update,
		.postprocess_delete_element = element_deleted,
	};
	map.data = (struct pend_map_provider_data){
		.header = PEND_HEADER(PEND_MAP_PROVIDER_VERSION, struct pend_map_provider_data,
				      callbacks),
		.type = PEND_MAP_TYPE_PROVIDER + 1,
		.base = PEND_MAP_BASE_HASH,
		.updates_original_value = true,
		.callbacks = &map.callbacks,
	};
}

/* One that stores by itself. */
static void map_reset_none(void)
{
	map_reset();
	map.data.base = PEND_MAP_BASE_NONE;
	map.data.updates_original_value = false;
	map.callbacks.postprocess_find = NULL;
	map.callbacks.preprocess_update = NULL;
	map.callbacks.postprocess_delete_element = NULL;
	map.callbacks.find = find;
	map.callbacks.update = update;
	map.callbacks.erase = erase;
	map.callbacks.next = next;
}

static int attempt_map(void)
{
	return attempt(PEND_PROVIDER_MAP, &map.data.header);
}

#define SPOIL_MAP(field, value, error) SPOIL(map_reset, attempt_map, map.field, value, error)
#define SPOIL_NONE(field, value, error) SPOIL(map_reset_none, attempt_map, map.field, value, error)

Test(description, of_a_map_type)
{
	map_reset();
	cr_assert_eq(attempt_map(), 0);
	SPOIL_MAP(data.header.version, 0, -EINVAL);
	SPOIL_MAP(data.header.size, map.data.header.size - 8, -EINVAL);
	SPOIL_MAP(data.header.size, map.data.header.size + 8, -EINVAL);
	SPOIL_MAP(data.type, 0, -EINVAL);
	SPOIL_MAP(data.type, BPF_MAP_TYPE_HASH, -EINVAL); /* the library's own numbers */
	SPOIL_MAP(data.type, PEND_MAP_TYPE_PROVIDER, -EINVAL);
	SPOIL_MAP(data.base, (enum pend_map_base)2, -EINVAL);
	SPOIL_MAP(data.callbacks, NULL, -EFAULT);
	SPOIL_MAP(callbacks.header.version, 2, -EINVAL);
	SPOIL_MAP(callbacks.header.size, 8, -EINVAL);
}

/* S19: a provider without a callback that it must have is refused. */
Test(description, of_callbacks_over_the_librarys_table)
{
	map_reset();
	SPOIL_MAP(callbacks.preprocess_create, NULL, -EFAULT);
	SPOIL_MAP(callbacks.postprocess_delete, NULL, -EFAULT);
	SPOIL_MAP(callbacks.preprocess_associate, NULL, -EFAULT);
	SPOIL_MAP(callbacks.postprocess_find, NULL, -EINVAL);
	SPOIL_MAP(callbacks.preprocess_update, NULL, -EINVAL);
	SPOIL_MAP(callbacks.postprocess_delete_element, NULL, -EINVAL);
	SPOIL_MAP(callbacks.find, find, -EINVAL);
	SPOIL_MAP(callbacks.update, update, -EINVAL);
	SPOIL_MAP(callbacks.erase, erase, -EINVAL);
	SPOIL_MAP(callbacks.next, next, -EINVAL);
	/* Values that are stored as they are need none of them. */
	map.data.updates_original_value = false;
	map.callbacks.postprocess_find = NULL;
	map.callbacks.preprocess_update = NULL;
	map.callbacks.postprocess_delete_element = NULL;
	cr_assert_eq(attempt_map(), 0);
}

Test(description, of_callbacks_that_store)
{
	map_reset_none();
	cr_assert_eq(attempt_map(), 0);
	SPOIL_NONE(callbacks.find, NULL, -EFAULT);
	SPOIL_NONE(callbacks.update, NULL, -EFAULT);
	SPOIL_NONE(callbacks.erase, NULL, -EFAULT);
	SPOIL_NONE(callbacks.next, NULL, -EFAULT);
	SPOIL_NONE(callbacks.preprocess_create, NULL, -EFAULT);
	SPOIL_NONE(data.updates_original_value, true, -EINVAL);
}

/* Only a hook describes nothing. */
Test(description, is_needed_by_all_but_hooks)
{
	cr_assert_eq(attempt(PEND_PROVIDER_PROGRAM, NULL), -EFAULT);
	cr_assert_eq(attempt(PEND_PROVIDER_MAP, NULL), -EFAULT);
	cr_assert_eq(attempt(PEND_PROVIDER_FUNCTION, NULL), -EFAULT);
}

/* Maps are found by their number; whatever stands in the id is ignored. */
Test(description, a_map_type_is_known_by_its_number)
{
	struct pend_provider_options options = { .size = sizeof(options),
						 .kind = PEND_PROVIDER_MAP,
						 .id = uuid(1) };
	const struct pend_uuid first = pendi_map_type_id(PEND_MAP_TYPE_PROVIDER + 1);
	const struct pend_uuid second = pendi_map_type_id(PEND_MAP_TYPE_PROVIDER + 0x101);
	struct pend_provider *a, *b;
	struct pendi_use client = { 0 };

	map_reset();
	options.data = &map.data.header;
	cr_assert_eq(pend_provider_register(runtime, &options, &a), 0);
	options.id = uuid(2);
	cr_assert_eq(pend_provider_register(runtime, &options, &b), -EEXIST);
	cr_assert_eq(pendi_registry_use(&registry, PEND_PROVIDER_MAP, &first, &client), 0);
	cr_assert_eq(client.provider, a);
	pendi_registry_unuse(&client);
	cr_assert_eq(pendi_registry_use(&registry, PEND_PROVIDER_MAP, &second, &client), -ENOENT);
	leave(a);
}

/* The types that a runtime registers do not keep it from ending; their maps do. */
Test(description, the_runtimes_own_map_types)
{
	struct pend_provider_options options = { .size = sizeof(options),
						 .kind = PEND_PROVIDER_MAP };
	const struct pend_uuid id = pendi_map_type_id(BPF_MAP_TYPE_NET_EBPF_EXT_PEND);
	struct pend_provider *own;
	struct pendi_use client = { 0 };

	map_reset();
	map.data.type = BPF_MAP_TYPE_NET_EBPF_EXT_PEND;
	options.data = &map.data.header;
	cr_assert_eq(pendi_provider_register(&registry, &options, &own), 0);
	cr_assert(pendi_registry_is_empty(&registry));
	cr_assert_eq(pendi_registry_use(&registry, PEND_PROVIDER_MAP, &id, &client), 0);
	cr_assert_not(pendi_registry_is_empty(&registry));
	pendi_registry_unuse(&client);
	cr_assert(pendi_registry_is_empty(&registry));
	leave(own);
}
