/* SPDX-License-Identifier: MIT */
/*
 * program.c - loading programs: what each may call (F77, F80), and whether it may pend (F34).
 *
 *	general helper   named -> the type's own in its stead, or the library's    not named -> NULL
 *	type's helper    named -> its address, found by id                         not named -> none
 *	named function   an import, which follows its provider (F81)
 *
 * A call of what was not named finds NULL and is refused, so the list is what the verifier's helper
 * table is elsewhere, and MAY_PEND, which is derived from it, cannot be wrong (OP-18, OP-22): no other
 * function pends.
 */
#include <string.h>

#include "engine/object/options.h"
#include "engine/runtime/runtime_internal.h"
#include "platform/memory.h"

/* sizeof(struct pend_program_options) in the first version, and of the info. */
#define PROGRAM_OPTIONS_SIZE_FIRST sizeof(struct pend_program_options)
#define PROGRAM_INFO_SIZE_FIRST sizeof(struct pend_program_info)

#define PROGRAM_FUNCTIONS_MAX                          \
	(sizeof(((struct pend_program *)0)->imports) / \
	 sizeof(((struct pend_program *)0)->imports[0]))

/* ---- what a program may call ---- */

/* What the type puts in place of general helper @id, or @otherwise. */
static pend_helper_fn overriding_helper(const struct pend_program_data *data, uint32_t id,
					pend_helper_fn otherwise)
{
	for (uint32_t i = 0; i < data->override_count; i++) {
		if (data->override_ids[i] == id)
			return data->override_addresses[i];
	}
	return otherwise;
}

static int name_general_helper(struct pend_program *program, const struct pend_program_data *data,
			       uint32_t id)
{
	for (uint32_t i = 0; i < PENDI_BUILTINS; i++) {
		if (pendi_builtins[i].id == id) {
			program->builtin[i] =
				overriding_helper(data, id, pendi_builtins[i].address);
			program->may_pend |= pendi_builtins[i].pends;
			return 0;
		}
	}
	return -EACCES;
}

static int name_type_helper(struct pend_program *program, const struct pend_program_data *data,
			    uint32_t id)
{
	for (uint32_t i = 0; i < program->helper_count; i++) {
		if (program->helper_ids[i] == id)
			return 0;
	}
	for (uint32_t i = 0; i < data->helper_count; i++) {
		const struct pend_helper_prototype *helper = pendi_program_helper(data, i);

		if (helper->id == id) {
			program->helper_ids[program->helper_count] = id;
			program->helper_addresses[program->helper_count++] =
				data->helper_addresses[i];
			program->may_pend |= (helper->flags & PEND_HELPER_PENDS) != 0;
			return 0;
		}
	}
	return -EACCES;
}

static int name_helpers(struct pend_program *program, const struct pend_program_options *options,
			const struct pend_program_data *data)
{
	int error = 0;

	for (uint32_t i = 0; i < options->helper_count && !error; i++) {
		const uint32_t id = options->helpers[i];

		error = id > PEND_HELPER_TYPE_BASE ? name_type_helper(program, data, id)
						   : name_general_helper(program, data, id);
	}
	return error;
}

static void forget_functions(struct pend_program *program)
{
	while (program->import_count)
		pendi_registry_unimport(&program->runtime->registry,
					&program->imports[--program->import_count]);
}

static int name_functions(struct pend_program *program, const struct pend_program_options *options)
{
	for (uint32_t i = 0; i < options->function_count; i++) {
		struct pendi_import *import = &program->imports[i];
		int error = pendi_name_copy(import->name, options->functions[i]);

		import->prototype = options->prototypes[i];
		import->missing = &program->missing;
		if (!error)
			error = pendi_registry_import(&program->runtime->registry, import);
		if (error)
			return error;
		program->import_count++;
	}
	return 0;
}

/* ---- the verification hash ---- */

static uint64_t hash_more(uint64_t hash, const void *bytes, size_t count)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < count; i++)
		hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t hash_number(uint64_t hash, uint32_t number)
{
	const unsigned char bytes[] = { (unsigned char)number, (unsigned char)(number >> 8),
					(unsigned char)(number >> 16),
					(unsigned char)(number >> 24) };

	return hash_more(hash, bytes, sizeof(bytes));
}

static uint64_t hash_prototype(uint64_t hash, const struct pend_helper_prototype *helper)
{
	hash = hash_more(hash, helper->name, strlen(helper->name) + 1);
	hash = hash_number(hash, helper->return_type);
	for (uint32_t i = 0; i < 5; i++)
		hash = hash_number(hash, helper->arguments[i]);
	return helper->flags ? hash_number(hash, helper->flags) : hash;
}

/* The lowest id above @id among those the program named; 0: none. */
static uint32_t next_helper(const struct pend_program *program, uint32_t id)
{
	uint32_t next = 0;

	for (uint32_t i = 0; i < PENDI_BUILTINS; i++) {
		const uint32_t at = pendi_builtins[i].id;

		if (program->builtin[i] && at > id && (!next || at < next))
			next = at;
	}
	for (uint32_t i = 0; i < program->helper_count; i++) {
		const uint32_t at = program->helper_ids[i];

		if (at > id && (!next || at < next))
			next = at;
	}
	return next;
}

/* Over the type's description and the helpers that are used, in the order of their ids: the same list
 * in another order is the same program (F77). FNV-1a. */
static uint64_t hash_program(const struct pend_program *program,
			     const struct pend_program_data *data)
{
	uint64_t hash = hash_more(UINT64_C(0xcbf29ce484222325), data->name, strlen(data->name) + 1);
	uint32_t count = 0;

	hash = hash_number(hash, data->context.size);
	hash = hash_number(hash, data->context.saved_size);
	hash = hash_number(hash, (uint32_t)data->context.data);
	hash = hash_number(hash, (uint32_t)data->context.end);
	hash = hash_more(hash, &program->type_id, sizeof(program->type_id));
	for (uint32_t id = next_helper(program, 0); id; id = next_helper(program, id)) {
		hash = hash_number(hash, id);
		count++;
		for (uint32_t i = 0; i < data->helper_count; i++) {
			if (pendi_program_helper(data, i)->id == id)
				hash = hash_prototype(hash, pendi_program_helper(data, i));
		}
	}
	return hash_number(hash, count);
}

/* ---- its life ---- */

/* Everything but the program's own memory. */
static void take_program_apart(struct pend_program *program)
{
	forget_functions(program);
	if (program->type.provider)
		pendi_registry_unuse(&program->type);
}

static void release_program(struct pendi_object *object)
{
	struct pend_program *program = PENDI_CONTAINER_OF(object, struct pend_program, object);
	void (*const on_free)(void *) = program->on_free;
	void *data = program->data;

	take_program_apart(program);
	pendi_memory_release(&program->runtime->registry.allocator, program, sizeof(*program));
	if (on_free)
		on_free(data);
}

static int check_program_options(const struct pend_program_options *options)
{
	if (!options->entry || (options->helper_count && !options->helpers) ||
	    (options->function_count && (!options->functions || !options->prototypes)))
		return -EFAULT;
	if (options->flags)
		return -EINVAL;
	return options->helper_count <= PEND_PROGRAM_HELPERS_MAX &&
			       options->function_count <= PROGRAM_FUNCTIONS_MAX
		       ? 0
		       : -ERANGE;
}

/* 0 or an error; what was done until then is taken back by take_program_apart(). */
static int build_program(struct pend_program *program, const struct pend_program_options *options)
{
	const struct pend_program_data *data;
	int error = pendi_registry_use(&program->runtime->registry, PEND_PROVIDER_PROGRAM,
				       &options->type, &program->type);

	if (error)
		return error;
	data = (const void *)pendi_use_data(&program->type);
	program->type_id = options->type;
	program->attach_type = options->attach_type;
	program->layout = data->context;
	program->entry = options->entry;
	program->data = options->data;
	program->on_free = options->on_free;
	error = name_helpers(program, options, data);
	if (!error)
		error = name_functions(program, options);
	if (!error)
		program->verification_hash = hash_program(program, data);
	return error;
}

static int load_program(struct pend_runtime *runtime, const struct pend_program_options *options,
			struct pend_program **program)
{
	struct pend_program_options given = { 0 };
	char name[PEND_NAME_MAX + 1];
	struct pend_program *made;
	int error = options && program ? 0 : -EFAULT;

	if (!error)
		error = pendi_options_read(&given, sizeof(given), PROGRAM_OPTIONS_SIZE_FIRST,
					   options);
	if (!error)
		error = pendi_name_copy(name, given.name);
	if (!error)
		error = check_program_options(&given);
	if (error)
		return error;
	made = pendi_memory_allocate(&runtime->registry.allocator, sizeof(*made),
				     _Alignof(struct pend_program));
	if (!made)
		return -ENOMEM;
	made->runtime = runtime;
	memcpy(made->name, name, sizeof(made->name));
	error = build_program(made, &given);
	if (error) {
		take_program_apart(made);
		pendi_memory_release(&runtime->registry.allocator, made, sizeof(*made));
		return error;
	}
	made->object.kind = PENDI_OBJECT_PROGRAM;
	made->object.name_space = given.name_space;
	made->object.release = release_program;
	pendi_object_enlist(&runtime->registry, &made->object);
	*program = made;
	return 0;
}

int pend_program_load(struct pend_runtime *runtime, const struct pend_program_options *options,
		      struct pend_program **program)
{
	return runtime ? pendi_registry_refuse(&runtime->registry, PENDI_REFUSED_PROGRAM,
					       load_program(runtime, options, program))
		       : -EFAULT;
}

int pend_program_close(struct pend_program *program)
{
	if (!program)
		return -EFAULT;
	pendi_object_close(&program->object);
	return 0;
}

/* ---- what it is, and finding it ---- */

int pend_program_info_read(struct pend_program *program, struct pend_program_info *info)
{
	struct pend_program_info now = { 0 };

	if (!program || !info)
		return -EFAULT;
	if (info->size < PROGRAM_INFO_SIZE_FIRST)
		return -EINVAL;
	now.id = program->object.id;
	now.flags = program->may_pend ? PEND_PROGRAM_MAY_PEND : 0;
	now.verification_hash = program->verification_hash;
	now.type = program->type_id;
	memcpy(now.name, program->name, sizeof(now.name));
	pthread_mutex_lock(&program->runtime->cleaner.mutex);
	now.links = program->attached;
	now.runs = program->runs_before;
	for (const struct pendi_attachment *at = program->attachments; at; at = at->program_next) {
		now.runs += pendi_attachment_runs(at);
		now.pended += pendi_attachment_pended(at);
	}
	pthread_mutex_unlock(&program->runtime->cleaner.mutex);
	now.size = info->size;
	memcpy(info, &now, info->size < sizeof(now) ? info->size : sizeof(now));
	return 0;
}

int pend_program_pin(struct pend_program *program, const char *name)
{
	return program ? pendi_object_pin(&program->object, name) : -EFAULT;
}

/* Gives a handle to the caller, if one was found. */
static int give_program(struct pendi_object *object, struct pend_program **program)
{
	if (!object)
		return -ENOENT;
	*program = PENDI_CONTAINER_OF(object, struct pend_program, object);
	return 0;
}

int pend_program_open(struct pend_runtime *runtime, const struct pend_namespace *name_space,
		      const char *name, struct pend_program **program)
{
	if (!runtime || !name || !program)
		return -EFAULT;
	return give_program(
		pendi_object_open(&runtime->registry, PENDI_OBJECT_PROGRAM, name_space, name),
		program);
}

int64_t pend_program_next_id(struct pend_runtime *runtime, const struct pend_namespace *name_space,
			     uint32_t id)
{
	return runtime ? (int64_t)pendi_object_next_id(&runtime->registry, PENDI_OBJECT_PROGRAM,
						       name_space, id)
		       : -EFAULT;
}

int pend_program_by_id(struct pend_runtime *runtime, const struct pend_namespace *name_space,
		       uint32_t id, struct pend_program **program)
{
	if (!runtime || !program)
		return -EFAULT;
	return give_program(
		pendi_object_by_id(&runtime->registry, PENDI_OBJECT_PROGRAM, name_space, id),
		program);
}
