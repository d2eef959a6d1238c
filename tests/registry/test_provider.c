/* SPDX-License-Identifier: MIT */
/*
 * test_provider.c - providers and their clients (F76, F77, F82; catalogue S20; guarantee G: nothing
 * that is in use goes).
 */
#include "fixture.h"

#include "platform/script.h"

TestSuite(provider, .init = fixture_begin, .fini = fixture_end);

/* Refused with @error, the caller's pointer and the registry as they were. */
static void refuse(const struct pend_provider_options *options, int error)
{
	struct pend_provider *const before = (struct pend_provider *)(uintptr_t)64;
	struct pend_provider *provider = before;
	const uint32_t blocks = books.blocks;

	cr_assert_eq(pend_provider_register(runtime, options, &provider), error);
	cr_assert_eq(provider, before);
	cr_assert_eq(books.blocks, blocks);
}

Test(provider, needs_its_pointers)
{
	struct pend_provider_options options = program_options(1, NULL);
	struct pend_provider *provider;

	/* retval: pend_provider_register -EFAULT */
	refuse(NULL, -EFAULT);
	cr_assert_eq(pend_provider_register(NULL, &options, &provider), -EFAULT);
	cr_assert_eq(pend_provider_register(runtime, &options, NULL), -EFAULT);
	options.data = NULL;
	refuse(&options, -EFAULT);
	/* retval: pend_provider_unregister -EFAULT */
	cr_assert_eq(pend_provider_unregister(NULL, tell_gone, NULL), -EFAULT);
	/* retval: pend_provider_clients -EFAULT */
	cr_assert_eq(pend_provider_clients(NULL), -EFAULT);
}

Test(provider, options_of_an_older_or_newer_caller)
{
	struct {
		struct pend_provider_options options;
		uint64_t newer[2];
	} given = { .options = program_options(1, NULL) };
	struct pend_provider *provider;

	for (uint32_t size = 0; size < sizeof(given.options); size++) {
		given.options.size = size;
		refuse(&given.options, -EINVAL);
	}
	given.options.size = sizeof(given);
	cr_assert_eq(pend_provider_register(runtime, &given.options, &provider), 0);
	leave(provider);
	given.newer[1] = 1;
	/* retval: pend_provider_register -E2BIG */
	refuse(&given.options, -E2BIG);
}

Test(provider, only_known_kinds_and_ids)
{
	struct pend_provider_options options = program_options(1, NULL);

	/* retval: pend_provider_register -EINVAL */
	options.kind = (enum pend_provider_kind)0;
	refuse(&options, -EINVAL);
	options.kind = (enum pend_provider_kind)5;
	refuse(&options, -EINVAL);
	options.kind = PEND_PROVIDER_PROGRAM;
	options.id = (struct pend_uuid){ { 0 } };
	refuse(&options, -EINVAL);
}

/* A hook's context is a struct of the library's: nobody else may name one. */
Test(provider, hooks_are_only_made_by_the_library)
{
	struct pend_provider_options options = program_options(1, NULL);
	struct pend_provider *provider;

	options.kind = PEND_PROVIDER_HOOK;
	refuse(&options, -EINVAL);
	options.data = NULL;
	refuse(&options, -EINVAL);
	cr_assert_eq(pendi_provider_register(&registry, &options, &provider), 0);
	cr_assert_not(pendi_registry_is_empty(&registry));
	leave(provider);
	options.data = &some_program.header;
	cr_assert_eq(pendi_provider_register(&registry, &options, &provider), -EINVAL);
	options.data = NULL;
	options.id = (struct pend_uuid){ { 0 } };
	cr_assert_eq(pendi_provider_register(&registry, &options, &provider), -EINVAL);
}

Test(provider, a_client_is_told_of_and_told)
{
	struct told told = { 0 };
	struct pend_provider *provider = provide(1, &told);
	struct pendi_use a = { 0 }, b = { 0 };

	cr_assert_eq(use(1, &a), 0);
	cr_assert_eq(told.attached, 1);
	cr_assert_eq(told.attached_id, a.client_id);
	cr_assert_eq(use(1, &b), 0);
	cr_assert_neq(a.client_id, b.client_id);
	cr_assert_neq(a.client_id, 0);
	cr_assert_eq(pend_provider_clients(provider), 2);
	cr_assert_eq(pendi_use_data(&a), &some_program.header);
	cr_assert_eq(pendi_use_context(&a), &told);
	cr_assert_eq(told.detached, 0);
	pendi_registry_unuse(&b);
	cr_assert_eq(told.detached, 1);
	cr_assert_eq(told.detached_id, b.client_id);
	cr_assert_eq(told.clients_when_detached, 2); /* it counts until it has been told of */
	pendi_registry_unuse(&b);                    /* nothing: it is unused */
	cr_assert_eq(told.detached, 1);
	cr_assert_eq(pend_provider_clients(provider), 1);
	pendi_registry_unuse(&a);
	cr_assert_eq(told.gone, 0);
	leave(provider);
	cr_assert_eq(told.attached, 2);
	cr_assert_eq(told.detached, 2);
}

Test(provider, callbacks_are_optional)
{
	struct pend_provider *provider = provide(1, NULL);
	struct pendi_use client = { 0 };
	struct told told = { 0 };

	cr_assert_eq(use(1, &client), 0);
	cr_assert_eq(pend_provider_unregister(provider, tell_gone, &told), 0);
	pendi_registry_unuse(&client);
	cr_assert_eq(told.gone, 1);
}

Test(provider, what_nobody_provides_is_not_found)
{
	struct pendi_use client = { .client_id = 77 };
	const struct pend_uuid id = uuid(1);
	struct pend_provider *provider;

	cr_assert_eq(use(1, &client), -ENOENT);
	cr_assert_null(client.provider);
	cr_assert_eq(client.client_id, 77);
	provider = provide(1, NULL);
	cr_assert_eq(use(2, &client), -ENOENT);
	/* Another kind by the same id is another thing. */
	cr_assert_eq(pendi_registry_use(&registry, PEND_PROVIDER_HOOK, &id, &client), -ENOENT);
	/* It may come late. */
	cr_assert_eq(use(1, &client), 0);
	pendi_registry_unuse(&client);
	leave(provider);
	cr_assert_eq(use(1, &client), -ENOENT);
}

Test(provider, is_not_taken_from_its_clients)
{
	struct told told = { 0 };
	struct pend_provider *provider = provide(1, &told);
	struct pendi_use a = { 0 }, b = { 0 };

	cr_assert_eq(use(1, &a), 0);
	/* retval: pend_provider_unregister -EBUSY */
	cr_assert_eq(pend_provider_unregister(provider, NULL, NULL), -EBUSY);
	/* Nothing has changed: it takes new clients. */
	cr_assert_eq(use(1, &b), 0);
	cr_assert_eq(pend_provider_clients(provider), 2);
	pendi_registry_unuse(&a);
	cr_assert_eq(pend_provider_unregister(provider, NULL, NULL), -EBUSY);
	pendi_registry_unuse(&b);
	leave(provider);
	cr_assert_eq(told.gone, 0);
}

Test(provider, leaves_with_its_last_client)
{
	struct told told = { 0 };
	struct pend_provider *provider = provide(1, &told);
	struct pendi_use a = { 0 }, b = { 0 }, c = { 0 };

	cr_assert_eq(use(1, &a), 0);
	cr_assert_eq(use(1, &b), 0);
	cr_assert_eq(pend_provider_unregister(provider, tell_gone, &told), 0);
	cr_assert_eq(told.gone, 0);
	cr_assert_eq(use(1, &c), -ENODEV);
	cr_assert_null(c.provider);
	cr_assert_eq(told.attached, 2);
	/* retval: pend_provider_unregister -EALREADY */
	cr_assert_eq(pend_provider_unregister(provider, tell_gone, &told), -EALREADY);
	cr_assert_eq(pend_provider_unregister(provider, NULL, NULL), -EALREADY);
	/* Those who have it keep it. */
	cr_assert_eq(pendi_use_data(&a), &some_program.header);
	pendi_registry_unuse(&a);
	cr_assert_eq(told.gone, 0);
	cr_assert_eq(pend_provider_clients(provider), 1);
	cr_assert_not(pendi_registry_is_empty(&registry));
	pendi_registry_unuse(&b);
	cr_assert_eq(told.gone, 1);
	cr_assert_eq(told.detached, 2);
	cr_assert_eq(use(1, &c), -ENOENT);
}

Test(provider, without_clients_leaves_at_once)
{
	struct told told = { 0 };
	struct pend_provider *provider = provide(1, &told);

	cr_assert_eq(pend_provider_unregister(provider, tell_gone, &told), 0);
	cr_assert_eq(told.gone, 1);
	leave(provide(1, &told));
	cr_assert_eq(told.gone, 1);
}

Test(provider, of_two_the_first_provides)
{
	struct told first = { 0 }, second = { 0 }, third = { 0 };
	struct pend_provider_options options = program_options(1, &second);
	struct pend_provider *old = provide(1, &first), *other = provide(2, NULL), *heir;
	struct pendi_use a = { 0 }, b = { 0 };

	/* retval: pend_provider_register -EEXIST */
	refuse(&options, -EEXIST);
	cr_assert_eq(use(1, &a), 0);
	refuse(&options, -EEXIST);
	/* One that is leaving is not in the way, and keeps the clients that it has. */
	cr_assert_eq(pend_provider_unregister(old, tell_gone, &first), 0);
	heir = provide(1, &third);
	refuse(&options, -EEXIST);
	cr_assert_eq(use(1, &b), 0);
	cr_assert_eq(pendi_use_context(&a), &first);
	cr_assert_eq(pendi_use_context(&b), &third);
	cr_assert_eq(pend_provider_clients(heir), 1);
	pendi_registry_unuse(&a);
	cr_assert_eq(first.gone, 1);
	cr_assert_eq(first.attached, 1);
	cr_assert_eq(first.detached, 1);
	cr_assert_eq(third.detached, 0);
	cr_assert_eq(pend_provider_unregister(heir, NULL, NULL), -EBUSY);
	pendi_registry_unuse(&b);
	leave(heir);
	leave(other);
	cr_assert_eq(second.attached, 0);
}

/* The older of two that leave, the newer, and the one that stays are each found as they should be. */
Test(provider, several_generations_leave_side_by_side)
{
	struct told told[3] = { { 0 } };
	struct pendi_use clients[3] = { { 0 } };
	struct pendi_use late = { 0 };

	for (uint32_t i = 0; i < 3; i++) {
		struct pend_provider *provider = provide(1, &told[i]);

		cr_assert_eq(use(1, &clients[i]), 0);
		cr_assert_eq(pendi_use_context(&clients[i]), &told[i]);
		cr_assert_eq(pend_provider_unregister(provider, tell_gone, &told[i]), 0);
	}
	cr_assert_eq(use(1, &late), -ENODEV);
	pendi_registry_unuse(&clients[1]);
	cr_assert_eq(told[0].gone + 2 * told[1].gone + 4 * told[2].gone, 2);
	cr_assert_eq(use(1, &late), -ENODEV);
	pendi_registry_unuse(&clients[0]);
	pendi_registry_unuse(&clients[2]);
	cr_assert_eq(told[0].gone + 2 * told[1].gone + 4 * told[2].gone, 7);
	cr_assert_eq(use(1, &late), -ENOENT);
}

static void leave_when_detached(void *context, uint32_t client_id)
{
	struct told *told = context;

	tell_detached(context, client_id);
	cr_assert_eq(pend_provider_unregister(told->provider, NULL, NULL), -EBUSY);
	cr_assert_eq(pend_provider_unregister(told->provider, tell_gone, told), 0);
	cr_assert_eq(told->gone, 0); /* not before on_detach has returned */
}

Test(provider, may_leave_from_its_own_callback)
{
	struct told told = { 0 };
	struct pend_provider_options options = program_options(1, &told);
	struct pendi_use client = { 0 };

	options.on_detach = leave_when_detached;
	cr_assert_eq(pend_provider_register(runtime, &options, &told.provider), 0);
	cr_assert_eq(use(1, &client), 0);
	pendi_registry_unuse(&client);
	cr_assert_eq(told.gone, 1);
}

static void use_another_when_attached(void *context, uint32_t client_id)
{
	struct pendi_use client = { 0 };

	(void)context;
	(void)client_id;
	cr_assert_eq(use(2, &client), 0);
	pendi_registry_unuse(&client);
}

Test(provider, may_be_a_client_from_its_callback)
{
	struct told told = { 0 };
	struct pend_provider_options options = program_options(1, NULL);
	struct pend_provider *outer, *inner = provide(2, &told);
	struct pendi_use client = { 0 };

	options.on_attach = use_another_when_attached;
	cr_assert_eq(pend_provider_register(runtime, &options, &outer), 0);
	cr_assert_eq(use(1, &client), 0);
	cr_assert_eq(told.attached, 1);
	pendi_registry_unuse(&client);
	leave(outer);
	leave(inner);
}

static int allocation_fails(size_t size)
{
	(void)size;
	return 1;
}

Test(provider, without_memory_nothing_is_registered)
{
	struct pend_provider_options options = program_options(1, NULL);
	struct pendi_use client = { 0 };

	books.succeed = 0;
	/* retval: pend_provider_register -ENOMEM */
	refuse(&options, -ENOMEM);
	books.succeed = UINT32_MAX;
	pendi_script.allocation_fails = allocation_fails;
	refuse(&options, -ENOMEM);
	pendi_script.allocation_fails = NULL;
	cr_assert_eq(use(1, &client), -ENOENT);
	leave(provide(1, NULL));
}

Test(provider, what_is_left_in_a_registry)
{
	struct pend_provider *provider;
	struct pendi_use client = { 0 };
	struct told told = { 0 };

	cr_assert(pendi_registry_is_empty(&registry));
	provider = provide(1, NULL);
	cr_assert_not(pendi_registry_is_empty(&registry));
	cr_assert_eq(use(1, &client), 0);
	cr_assert_eq(pend_provider_unregister(provider, tell_gone, &told), 0);
	cr_assert_not(pendi_registry_is_empty(&registry));
	pendi_registry_unuse(&client);
	cr_assert(pendi_registry_is_empty(&registry));
}
