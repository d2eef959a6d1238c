/* SPDX-License-Identifier: MIT */
/*
 * test_pin.c - names that keep objects, in their namespace (F66, F88).
 */
#include "fixture.h"

#include "platform/script.h"

TestSuite(pin, .init = fixture_begin, .fini = fixture_end);

static uint32_t released;

static void count_release(struct pendi_object *object)
{
	(void)object;
	expect_unlocked();
	released++;
}

static struct pendi_object object_in(enum pendi_object_kind kind, uint64_t label)
{
	return (struct pendi_object){ .kind = kind,
				      .name_space = { .label = label },
				      .release = count_release };
}

static struct pendi_object *open_in(enum pendi_object_kind kind, uint64_t label, const char *name)
{
	const struct pend_namespace name_space = { .label = label };

	return pendi_object_open(&registry, kind, &name_space, name);
}

static int unpin(uint64_t label, const char *name)
{
	const struct pend_namespace name_space = { .label = label };

	return pend_unpin(runtime, &name_space, name);
}

Test(pin, keeps_an_object_without_a_handle)
{
	struct pendi_object object = object_in(PENDI_OBJECT_PROGRAM, 0);

	pendi_object_enlist(&registry, &object);
	cr_assert_eq(pendi_object_pin(&object, "keep"), 0);
	pendi_object_close(&object);
	cr_assert_eq(released, 0);
	cr_assert_not(pendi_registry_is_empty(&registry));
	cr_assert_eq(open_in(PENDI_OBJECT_PROGRAM, 0, "keep"), &object);
	cr_assert_eq(unpin(0, "keep"), 0);
	cr_assert_eq(released, 0); /* what was opened is a handle of its own */
	cr_assert_null(open_in(PENDI_OBJECT_PROGRAM, 0, "keep"));
	pendi_object_close(&object);
	cr_assert_eq(released, 1);
}

Test(pin, the_last_one_releases)
{
	struct pendi_object object = object_in(PENDI_OBJECT_LINK, 0);

	pendi_object_enlist(&registry, &object);
	cr_assert_eq(pendi_object_pin(&object, "a"), 0);
	cr_assert_eq(pendi_object_pin(&object, "b"), 0); /* two names for one thing */
	pendi_object_close(&object);
	cr_assert_eq(pend_unpin(runtime, NULL, "a"), 0);
	cr_assert_eq(released, 0);
	cr_assert_eq(pendi_object_open(&registry, PENDI_OBJECT_LINK, NULL, "b"), &object);
	pendi_object_close(&object);
	cr_assert_eq(unpin(0, "b"), 0);
	cr_assert_eq(released, 1);
	/* retval: pend_unpin -ENOENT */
	cr_assert_eq(unpin(0, "b"), -ENOENT);
	/* retval: pend_unpin -EFAULT */
	cr_assert_eq(pend_unpin(runtime, NULL, NULL), -EFAULT);
	cr_assert_eq(pend_unpin(NULL, NULL, "b"), -EFAULT);
}

Test(pin, a_name_is_of_one_thing_of_any_kind)
{
	struct pendi_object program = object_in(PENDI_OBJECT_PROGRAM, 0);
	struct pendi_object link = object_in(PENDI_OBJECT_LINK, 0);

	pendi_object_enlist(&registry, &program);
	pendi_object_enlist(&registry, &link);
	cr_assert_eq(pendi_object_pin(&program, "name"), 0);
	cr_assert_eq(pendi_object_pin(&program, "name"), -EEXIST);
	cr_assert_eq(pendi_object_pin(&link, "name"), -EEXIST);
	cr_assert_eq(link.handles, 1);
	cr_assert_eq(program.handles, 2);
	cr_assert_eq(books.blocks, 1);
	cr_assert_null(open_in(PENDI_OBJECT_LINK, 0, "name"));
	cr_assert_eq(unpin(0, "name"), 0);
	cr_assert_eq(pendi_object_pin(&link, "name"), 0);
	cr_assert_eq(unpin(0, "name"), 0);
	pendi_object_close(&program);
	pendi_object_close(&link);
}

/* F66: the same name in two namespaces; nobody finds or takes the other's. */
Test(pin, names_are_per_namespace)
{
	struct pendi_object ours = object_in(PENDI_OBJECT_MAP, 7);
	struct pendi_object theirs = object_in(PENDI_OBJECT_MAP, 8);

	pendi_object_enlist(&registry, &ours);
	pendi_object_enlist(&registry, &theirs);
	cr_assert_eq(pendi_object_pin(&ours, "map"), 0);
	cr_assert_null(open_in(PENDI_OBJECT_MAP, 8, "map"));
	cr_assert_null(open_in(PENDI_OBJECT_MAP, 0, "map"));
	cr_assert_eq(unpin(8, "map"), -ENOENT);
	cr_assert_eq(pend_unpin(runtime, NULL, "map"), -ENOENT);
	cr_assert_eq(pendi_object_pin(&theirs, "map"), 0);
	cr_assert_eq(open_in(PENDI_OBJECT_MAP, 7, "map"), &ours);
	cr_assert_eq(open_in(PENDI_OBJECT_MAP, 8, "map"), &theirs);
	cr_assert_eq(unpin(8, "map"), 0);
	pendi_object_close(&theirs);
	pendi_object_close(&theirs);
	cr_assert_eq(open_in(PENDI_OBJECT_MAP, 7, "map"), &ours);
	cr_assert_eq(unpin(7, "map"), 0);
	pendi_object_close(&ours);
	pendi_object_close(&ours);
	pendi_object_close(&ours);
	cr_assert_eq(released, 2);
}

Test(pin, names_have_a_length)
{
	struct pendi_object object = object_in(PENDI_OBJECT_MAP, 0);
	char name[PEND_NAME_MAX + 2] = { 0 };

	memset(name, 'n', PEND_NAME_MAX);
	pendi_object_enlist(&registry, &object);
	cr_assert_eq(pendi_object_pin(&object, NULL), -EFAULT);
	cr_assert_eq(pendi_object_pin(&object, ""), -EINVAL);
	cr_assert_eq(pendi_object_pin(&object, name), 0);
	cr_assert_eq(open_in(PENDI_OBJECT_MAP, 0, name), &object);
	cr_assert_eq(unpin(0, name), 0);
	name[PEND_NAME_MAX] = 'n';
	cr_assert_eq(pendi_object_pin(&object, name), -ENAMETOOLONG);
	cr_assert_eq(object.handles, 2);
	cr_assert_eq(books.blocks, 0);
	pendi_object_close(&object);
	pendi_object_close(&object);
}

Test(pin, a_name_is_copied_whole_and_the_rest_is_zero)
{
	char to[PEND_NAME_MAX + 1];

	memset(to, 'x', sizeof(to));
	cr_assert_eq(pendi_name_copy(to, NULL), -EFAULT);
	cr_assert_eq(pendi_name_copy(to, ""), -EINVAL);
	cr_assert_eq(to[0], 'x');
	cr_assert_eq(pendi_name_copy(to, "abc"), 0);
	cr_assert_str_eq(to, "abc");
	for (uint32_t i = 3; i < sizeof(to); i++)
		cr_assert_eq(to[i], 0);
}

static int allocation_fails(size_t size)
{
	(void)size;
	return 1;
}

Test(pin, without_memory_nothing_is_pinned)
{
	struct pendi_object object = object_in(PENDI_OBJECT_PROGRAM, 0);

	pendi_object_enlist(&registry, &object);
	books.succeed = 0;
	cr_assert_eq(pendi_object_pin(&object, "keep"), -ENOMEM);
	books.succeed = UINT32_MAX;
	pendi_script.allocation_fails = allocation_fails;
	cr_assert_eq(pendi_object_pin(&object, "keep"), -ENOMEM);
	pendi_script.allocation_fails = NULL;
	cr_assert_eq(object.handles, 1);
	cr_assert_null(open_in(PENDI_OBJECT_PROGRAM, 0, "keep"));
	pendi_object_close(&object);
	cr_assert_eq(released, 1);
}
