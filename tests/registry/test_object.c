/* SPDX-License-Identifier: MIT */
/*
 * test_object.c - objects: ids, handles, references (F88, F91; guarantee G: freed once, when nobody
 * holds it).
 */
#include "fixture.h"

TestSuite(object, .init = fixture_begin, .fini = fixture_end);

struct thing {
	struct pendi_object object;
	uint32_t abandoned, released;
	bool keep; /* abandoning takes a reference */
};

static void thing_abandon(struct pendi_object *object)
{
	struct thing *thing = (struct thing *)object;

	expect_unlocked();
	cr_assert_eq(thing->released, 0);
	/* What has begun to go is not found any more. */
	cr_assert_null(
		pendi_object_by_id(&registry, object->kind, &object->name_space, object->id));
	thing->abandoned++;
	if (thing->keep)
		pendi_object_get(object);
}

static void thing_release(struct pendi_object *object)
{
	struct thing *thing = (struct thing *)object;

	expect_unlocked();
	cr_assert_not(pendi_registry_is_empty(&registry)); /* until it is done */
	thing->released++;
}

static void enlist(struct thing *thing, enum pendi_object_kind kind, uint64_t label)
{
	*thing = (struct thing){ .object = { .kind = kind,
					     .name_space = { .label = label },
					     .abandon = thing_abandon,
					     .release = thing_release } };
	pendi_object_enlist(&registry, &thing->object);
}

static struct pendi_object *by_id(enum pendi_object_kind kind, uint64_t label, uint32_t id)
{
	const struct pend_namespace name_space = { .label = label };

	return pendi_object_by_id(&registry, kind, &name_space, id);
}

static uint32_t next_id(enum pendi_object_kind kind, uint64_t label, uint32_t id)
{
	const struct pend_namespace name_space = { .label = label };

	return pendi_object_next_id(&registry, kind, &name_space, id);
}

Test(object, lives_as_long_as_a_handle)
{
	struct thing thing;

	enlist(&thing, PENDI_OBJECT_PROGRAM, 0);
	cr_assert_neq(thing.object.id, 0);
	cr_assert_eq(by_id(PENDI_OBJECT_PROGRAM, 0, thing.object.id), &thing.object);
	pendi_object_close(&thing.object);
	cr_assert_eq(thing.abandoned, 0);
	cr_assert_not(pendi_registry_is_empty(&registry));
	pendi_object_close(&thing.object);
	cr_assert_eq(thing.abandoned, 1);
	cr_assert_eq(thing.released, 1);
	cr_assert_null(by_id(PENDI_OBJECT_PROGRAM, 0, thing.object.id));
}

Test(object, lives_as_long_as_a_reference_and_is_not_found)
{
	struct thing thing;

	enlist(&thing, PENDI_OBJECT_LINK, 0);
	pendi_object_get(&thing.object);
	pendi_object_close(&thing.object);
	cr_assert_eq(thing.abandoned, 1);
	cr_assert_eq(thing.released, 0);
	cr_assert_null(by_id(PENDI_OBJECT_LINK, 0, thing.object.id));
	cr_assert_eq(next_id(PENDI_OBJECT_LINK, 0, 0), 0);
	cr_assert_not(pendi_registry_is_empty(&registry));
	pendi_object_put(&thing.object);
	cr_assert_eq(thing.released, 1);
	cr_assert_eq(thing.abandoned, 1);
}

Test(object, a_reference_less_is_not_the_last)
{
	struct thing thing;

	enlist(&thing, PENDI_OBJECT_LINK, 0);
	pendi_object_get(&thing.object);
	pendi_object_put(&thing.object);
	cr_assert_eq(thing.released, 0);
	cr_assert_eq(thing.abandoned, 0);
	thing.keep = true;
	pendi_object_close(&thing.object);
	cr_assert_eq(thing.released, 0); /* abandoning took a reference in time */
	pendi_object_put(&thing.object);
	cr_assert_eq(thing.released, 1);
}

Test(object, abandoning_is_optional)
{
	struct thing thing;

	enlist(&thing, PENDI_OBJECT_MAP, 0);
	thing.object.abandon = NULL;
	pendi_object_close(&thing.object);
	cr_assert_eq(thing.abandoned, 0);
	cr_assert_eq(thing.released, 1);
}

Test(object, ids_rise_and_are_of_a_kind)
{
	struct thing programs[3], link;

	for (uint32_t i = 0; i < 3; i++)
		enlist(&programs[i], PENDI_OBJECT_PROGRAM, 0);
	enlist(&link, PENDI_OBJECT_LINK, 0);
	cr_assert_eq(next_id(PENDI_OBJECT_PROGRAM, 0, 0), programs[0].object.id);
	cr_assert_eq(next_id(PENDI_OBJECT_PROGRAM, 0, programs[0].object.id),
		     programs[1].object.id);
	cr_assert_lt(programs[1].object.id, programs[2].object.id);
	cr_assert_eq(next_id(PENDI_OBJECT_PROGRAM, 0, programs[2].object.id), 0);
	cr_assert_eq(next_id(PENDI_OBJECT_LINK, 0, 0), link.object.id);
	cr_assert_eq(next_id(PENDI_OBJECT_MAP, 0, 0), 0);
	/* One in the middle goes; the id is not given again. */
	pendi_object_close(&programs[1].object);
	cr_assert_null(by_id(PENDI_OBJECT_PROGRAM, 0, programs[1].object.id));
	cr_assert_eq(next_id(PENDI_OBJECT_PROGRAM, 0, programs[0].object.id),
		     programs[2].object.id);
	cr_assert_eq(next_id(PENDI_OBJECT_PROGRAM, 0, programs[1].object.id),
		     programs[2].object.id);
	pendi_object_close(&programs[2].object);
	cr_assert_eq(next_id(PENDI_OBJECT_PROGRAM, 0, programs[0].object.id), 0);
	enlist(&programs[1], PENDI_OBJECT_PROGRAM, 0);
	cr_assert_gt(programs[1].object.id, programs[2].object.id);
	cr_assert_eq(next_id(PENDI_OBJECT_PROGRAM, 0, 0), programs[0].object.id);
	pendi_object_close(&programs[0].object);
	cr_assert_eq(next_id(PENDI_OBJECT_PROGRAM, 0, 0), programs[1].object.id);
	pendi_object_close(&programs[1].object);
	pendi_object_close(&link.object);
	cr_assert_eq(link.released, 1);
}

/* After 2^32 objects of a kind the ids begin anew, and step over what lives. */
Test(object, ids_that_have_gone_round_leave_out_what_lives)
{
	struct thing first, second, last, again, more;

	enlist(&first, PENDI_OBJECT_MAP, 0);
	enlist(&second, PENDI_OBJECT_MAP, 0);
	registry.last_id[PENDI_OBJECT_MAP] = UINT32_MAX - 1;
	enlist(&last, PENDI_OBJECT_MAP, 0);
	cr_assert_eq(last.object.id, UINT32_MAX);
	pendi_object_close(&first.object);
	enlist(&again, PENDI_OBJECT_MAP, 0);
	cr_assert_eq(again.object.id, 1);
	enlist(&more, PENDI_OBJECT_MAP, 0);
	cr_assert_eq(more.object.id, 3);
	/* Still in order. */
	cr_assert_eq(next_id(PENDI_OBJECT_MAP, 0, 0), 1);
	cr_assert_eq(next_id(PENDI_OBJECT_MAP, 0, 1), 2);
	cr_assert_eq(next_id(PENDI_OBJECT_MAP, 0, 2), 3);
	cr_assert_eq(next_id(PENDI_OBJECT_MAP, 0, 3), UINT32_MAX);
	cr_assert_eq(next_id(PENDI_OBJECT_MAP, 0, UINT32_MAX), 0);
	cr_assert_eq(by_id(PENDI_OBJECT_MAP, 0, 3), &more.object);
	pendi_object_close(&more.object);
	pendi_object_close(&more.object);
	pendi_object_close(&again.object);
	pendi_object_close(&last.object);
	pendi_object_close(&second.object);
	cr_assert_null(registry.newest[PENDI_OBJECT_MAP]);
}

/* F66: what is of another namespace is not there. */
Test(object, is_seen_in_its_namespace_only)
{
	struct thing ours, theirs;
	const struct pend_namespace other_user = { .user_inode = 1, .label = 7 };

	enlist(&theirs, PENDI_OBJECT_PROGRAM, 8);
	enlist(&ours, PENDI_OBJECT_PROGRAM, 7);
	cr_assert_null(by_id(PENDI_OBJECT_PROGRAM, 7, theirs.object.id));
	cr_assert_null(by_id(PENDI_OBJECT_PROGRAM, 8, ours.object.id));
	cr_assert_null(by_id(PENDI_OBJECT_PROGRAM, 0, ours.object.id));
	cr_assert_null(pendi_object_by_id(&registry, PENDI_OBJECT_PROGRAM, NULL, ours.object.id));
	cr_assert_null(
		pendi_object_by_id(&registry, PENDI_OBJECT_PROGRAM, &other_user, ours.object.id));
	cr_assert_eq(next_id(PENDI_OBJECT_PROGRAM, 7, 0), ours.object.id);
	cr_assert_eq(next_id(PENDI_OBJECT_PROGRAM, 8, 0), theirs.object.id);
	cr_assert_eq(next_id(PENDI_OBJECT_PROGRAM, 8, theirs.object.id), 0);
	cr_assert_eq(pendi_object_next_id(&registry, PENDI_OBJECT_PROGRAM, NULL, 0), 0);
	cr_assert_eq(by_id(PENDI_OBJECT_PROGRAM, 7, ours.object.id), &ours.object);
	cr_assert_eq(ours.object.handles, 2);
	cr_assert_eq(theirs.object.handles, 1);
	pendi_object_close(&ours.object);
	pendi_object_close(&ours.object);
	pendi_object_close(&theirs.object);
}

Test(object, namespaces_compare_by_both_numbers)
{
	const struct pend_namespace a = { 1, 2 }, b = { 1, 3 }, c = { 4, 2 }, none = { 0, 0 };

	cr_assert(pendi_object_same_namespace(&a, &a));
	cr_assert_not(pendi_object_same_namespace(&a, &b));
	cr_assert_not(pendi_object_same_namespace(&a, &c));
	cr_assert(pendi_object_same_namespace(NULL, &none));
	cr_assert(pendi_object_same_namespace(&none, NULL));
	cr_assert_not(pendi_object_same_namespace(NULL, &a));
}
