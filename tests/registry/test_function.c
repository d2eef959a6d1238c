/* SPDX-License-Identifier: MIT */
/*
 * test_function.c - functions that programs call by name (F81): early, late and lost providers.
 */
#include "fixture.h"

#include "engine/registry/registry_internal.h"
#include "epoch/epoch.h"

TestSuite(function, .init = fixture_begin, .fini = fixture_end);

static uint64_t one(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	return 1 + a + b + c + d + e;
}

static uint64_t two(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	return 2 + a + b + c + d + e;
}

static struct pend_function_data function_data(const char *name, pend_helper_fn address,
					       uint64_t prototype)
{
	return (struct pend_function_data){
		.header = PEND_HEADER(PEND_FUNCTION_VERSION, struct pend_function_data, prototype),
		.name = name,
		.address = address,
		.prototype = prototype,
	};
}

static int offer(const struct pend_function_data *data, struct pend_provider **provider)
{
	const struct pend_provider_options options = {
		.size = sizeof(options),
		.kind = PEND_PROVIDER_FUNCTION,
		.data = &data->header,
	};

	return pend_provider_register(runtime, &options, provider);
}

static struct pendi_import import_of(const char *name, uint64_t prototype,
				     _Atomic uint32_t *missing)
{
	struct pendi_import import = { .prototype = prototype, .missing = missing };

	cr_assert_eq(pendi_name_copy(import.name, name), 0);
	return import;
}

static uint32_t count_of(_Atomic uint32_t *missing)
{
	/* relaxed: one thread. */
	return pendi_load_relaxed(missing);
}

Test(function, is_there_when_it_is_asked_for)
{
	const struct pend_function_data data = function_data("notify", one, 7);
	_Atomic uint32_t missing = 0;
	struct pendi_import import = import_of("notify", 7, &missing);
	struct pend_provider *provider;

	cr_assert_eq(offer(&data, &provider), 0);
	cr_assert_eq(pend_provider_clients(provider), 0);
	cr_assert_eq(pendi_registry_import(&registry, &import), 0);
	cr_assert_eq(pendi_import_address(&import)(1, 2, 3, 4, 5), 16);
	cr_assert_eq(count_of(&missing), 0);
	cr_assert_eq(pend_provider_clients(provider), 1);
	pendi_registry_unimport(&registry, &import);
	cr_assert_eq(count_of(&missing), 0);
	cr_assert_eq(pend_provider_clients(provider), 0);
	leave(provider);
}

Test(function, comes_late)
{
	const struct pend_function_data other = function_data("else", two, 7);
	const struct pend_function_data data = function_data("notify", one, 7);
	_Atomic uint32_t missing = 0;
	struct pendi_import a = import_of("notify", 7, &missing);
	struct pendi_import b = import_of("else", 7, &missing);
	struct pend_provider *provider, *elsewhere;

	cr_assert_eq(pendi_registry_import(&registry, &a), 0);
	cr_assert_eq(pendi_registry_import(&registry, &b), 0);
	cr_assert_null(pendi_import_address(&a));
	cr_assert_eq(count_of(&missing), 2);
	cr_assert_eq(offer(&other, &elsewhere), 0);
	cr_assert_null(pendi_import_address(&a));
	cr_assert_eq(pendi_import_address(&b), two);
	cr_assert_eq(count_of(&missing), 1);
	cr_assert_eq(offer(&data, &provider), 0);
	cr_assert_eq(pendi_import_address(&a), one);
	cr_assert_eq(count_of(&missing), 0);
	cr_assert_not(pendi_registry_is_empty(&registry));
	pendi_registry_unimport(&registry, &a);
	pendi_registry_unimport(&registry, &b);
	leave(provider);
	leave(elsewhere);
}

Test(function, is_lost_and_comes_back)
{
	const struct pend_function_data data = function_data("notify", one, 7);
	const struct pend_function_data again = function_data("notify", two, 7);
	_Atomic uint32_t missing = 0;
	struct pendi_import import = import_of("notify", 7, &missing);
	struct told told = { 0 };
	struct pend_provider *provider;

	cr_assert_eq(offer(&data, &provider), 0);
	cr_assert_eq(pendi_registry_import(&registry, &import), 0);
	/* It leaves although it has clients, with and without anybody who is told. */
	cr_assert_eq(pend_provider_unregister(provider, tell_gone, &told), 0);
	cr_assert_eq(told.gone, 1);
	cr_assert_null(pendi_import_address(&import));
	cr_assert_eq(count_of(&missing), 1);
	cr_assert_eq(offer(&again, &provider), 0);
	cr_assert_eq(pendi_import_address(&import), two);
	cr_assert_eq(count_of(&missing), 0);
	leave(provider);
	cr_assert_eq(count_of(&missing), 1);
	pendi_registry_unimport(&registry, &import);
	cr_assert_eq(count_of(&missing), 0);
	pendi_registry_unimport(&registry, &import); /* nothing: it is not enlisted */
	cr_assert_eq(count_of(&missing), 0);
	cr_assert_eq(told.gone, 1);
}

Test(function, of_another_prototype_is_another_function)
{
	const struct pend_function_data data = function_data("notify", one, 7);
	const struct pend_function_data other = function_data("notify", two, 8);
	_Atomic uint32_t missing = 0;
	struct pendi_import seven = import_of("notify", 7, &missing);
	struct pendi_import eight = import_of("notify", 8, &missing);
	struct pend_provider *provider, *second;

	cr_assert_eq(offer(&data, &provider), 0);
	cr_assert_eq(pendi_registry_import(&registry, &eight), -EACCES);
	cr_assert_eq(count_of(&missing), 0);
	cr_assert_eq(pendi_registry_import(&registry, &seven), 0);
	/* A name has one provider, whatever the prototype. */
	cr_assert_eq(offer(&other, &second), -EEXIST);
	leave(provider);
	cr_assert_eq(pendi_registry_import(&registry, &eight), 0);
	cr_assert_eq(count_of(&missing), 2);
	cr_assert_eq(offer(&other, &second), 0);
	cr_assert_null(pendi_import_address(&seven));
	cr_assert_eq(pendi_import_address(&eight), two);
	cr_assert_eq(count_of(&missing), 1);
	cr_assert_eq(pend_provider_clients(second), 1);
	leave(second);
	cr_assert_eq(count_of(&missing), 2);
	pendi_registry_unimport(&registry, &seven);
	pendi_registry_unimport(&registry, &eight);
}

Test(function, does_not_leave_from_inside_a_frame)
{
	const struct pend_function_data data = function_data("notify", one, 7);
	_Atomic uint32_t missing = 0;
	struct pendi_import import = import_of("notify", 7, &missing);
	struct told told = { 0 };
	struct pend_provider *provider;

	cr_assert_eq(offer(&data, &provider), 0);
	cr_assert_eq(pendi_registry_import(&registry, &import), 0);
	cr_assert_eq(pendi_epoch_enter(), 0);
	/* retval: pend_provider_unregister -EDEADLK */
	cr_assert_eq(pend_provider_unregister(provider, tell_gone, &told), -EDEADLK);
	pendi_epoch_exit();
	/* Nothing has changed. */
	cr_assert_eq(told.gone, 0);
	cr_assert_eq(pendi_import_address(&import), one);
	cr_assert_eq(count_of(&missing), 0);
	cr_assert_eq(pend_provider_clients(provider), 1);
	pendi_registry_unimport(&registry, &import);
	leave(provider);
}

Test(function, options_and_names)
{
	char longest[PEND_NAME_MAX + 2] = { 0 };
	struct pend_function_data data = function_data(longest, one, 7);
	struct told told = { 0 };
	struct pend_provider_options options = { .size = sizeof(options),
						 .kind = PEND_PROVIDER_FUNCTION,
						 .data = &data.header };
	struct pend_provider *provider;

	/* It has no clients that it could be told of. */
	memset(longest, 'f', PEND_NAME_MAX);
	options.on_attach = tell_attached;
	cr_assert_eq(pend_provider_register(runtime, &options, &provider), -EINVAL);
	options.on_attach = NULL;
	options.on_detach = tell_detached;
	cr_assert_eq(pend_provider_register(runtime, &options, &provider), -EINVAL);
	options.on_detach = NULL;
	options.context = &told;
	cr_assert_eq(pend_provider_register(runtime, &options, &provider), 0);
	/* The name was copied. */
	longest[0] = 'g';
	cr_assert_eq(pend_provider_register(runtime, &options, &told.provider), 0);
	leave(told.provider);
	leave(provider);
	longest[PEND_NAME_MAX] = 'f';
	cr_assert_eq(pend_provider_register(runtime, &options, &provider), -EINVAL);
	longest[0] = 0;
	cr_assert_eq(pend_provider_register(runtime, &options, &provider), -EINVAL);
	data.name = NULL;
	cr_assert_eq(pend_provider_register(runtime, &options, &provider), -EFAULT);
	data = function_data("f", NULL, 7);
	cr_assert_eq(pend_provider_register(runtime, &options, &provider), -EFAULT);
	data = function_data("f", one, 7);
	data.header.version++;
	cr_assert_eq(pend_provider_register(runtime, &options, &provider), -EINVAL);
	data.header.version--;
	data.header.size++;
	cr_assert_eq(pend_provider_register(runtime, &options, &provider), -EINVAL);
}

/* Another thread takes the function away and still waits for those who call it. */
Test(function, is_taken_away_once)
{
	const struct pend_function_data data = function_data("f", one, 7);
	_Atomic uint32_t missing = 0;
	struct pendi_import import = import_of("f", 7, &missing);
	struct pend_provider *provider;

	cr_assert_eq(offer(&data, &provider), 0);
	cr_assert_eq(pendi_registry_import(&registry, &import), 0);
	provider->leaving = true;
	/* retval: pend_provider_unregister -EALREADY */
	cr_assert_eq(pend_provider_unregister(provider, NULL, NULL), -EALREADY);
	cr_assert_eq(pend_provider_clients(provider), 0, "they have lost it");
	provider->leaving = false;
	cr_assert_eq(pend_provider_clients(provider), 1);
	pendi_registry_unimport(&registry, &import);
	leave(provider);
}
