/* SPDX-License-Identifier: MIT */
/*
 * told.c - what the library calls back, looked up in the model.
 */
#include "tests/fuzz/sequences/world.h"

static void check_operation(const struct entry *entry, const struct pend_operation *operation)
{
	CHECK_U64(operation->cookie, ==, entry->cookie);
	CHECK_U64(operation->pend_time_ns, ==, entry->pended_ns);
	CHECK_U64(operation->deadline_ns, ==, entry->due_ns);
	CHECK_U64(operation->home_cpu, ==, entry->home);
	CHECK_U64(operation->rerun_count, ==, entry->reruns);
	CHECK((operation->key != NULL) == (world.options.key_size != 0));
	CHECK((operation->value != NULL) == (world.options.value_size != 0));
	CHECK((operation->scratch != NULL) == (world.options.scratch_size != 0));
	if (operation->key)
		CHECK_INT(memcmp(operation->key, &entry->key, sizeof(entry->key)), ==, 0);
	if (operation->value)
		CHECK_INT(memcmp(operation->value, entry->value, world.options.value_size), ==, 0);
	if (operation->scratch)
		CHECK_INT(memcmp(operation->scratch, entry->scratch, world.options.scratch_size),
			  ==, 0);
}

/* What nothing but time could have decided: in time, and not before. */
static void decided_by_time(struct entry *entry)
{
	const uint32_t permits = world.options.flags & PEND_MAP_DEADLINE_PERMITS;

	CHECK(world.engine);
	CHECK_U64(model_due(entry, false), <=, world.now_ns);
	CHECK_INT(model_decide(entry, permits ? PEND_ACTION_PERMIT_SOFT : PEND_ACTION_BLOCK,
			       PEND_ORIGIN_DEADLINE),
		  ==, 0);
}

/* What was decided while it waited to run again is not run any more. */
static void skip_rerun(struct entry *entry)
{
	if (entry->phase == RERUN && !world.engine)
		model_renew(entry);
	entry->phase = COMPLETING;
}

static void run_inside(void)
{
	if (world.destroying)
		return;
	model_resolve();
	play_inside();
}

void told_complete(void *context, const struct pend_operation *operation)
{
	struct entry *entry = model_find(operation->handle);

	CHECK(context == &world);
	desks_resolve();
	CHECK(entry != NULL); /* else it was told twice, or never pended */
	CHECK(!entry->inside);
	if (world.destroying && entry->frame && !entry->action)
		(void)model_decide(entry, PEND_ACTION_BLOCK, PEND_ORIGIN_DESTROY);
	CHECK(!entry->frame || world.destroying);
	if (!entry->action && !world.destroying)
		decided_by_time(entry);
	else if (!entry->action)
		(void)model_decide(entry, PEND_ACTION_BLOCK, PEND_ORIGIN_DESTROY);
	skip_rerun(entry);
	CHECK_U64(operation->action, ==, entry->action);
	CHECK_U64(operation->origin, ==, entry->origin);
	check_operation(entry, operation);
	entry->inside = true;
	world.told++;
	run_inside();
	entry->inside = false;
	model_end(entry);
}

static uint32_t action_of(uint32_t verdict)
{
	switch (verdict) {
	case PEND_VERDICT_PEND:
		return 0;
	case PEND_VERDICT_PROCEED_SOFT:
		return PEND_ACTION_PERMIT_SOFT;
	case PEND_VERDICT_PROCEED_HARD:
		return PEND_ACTION_PERMIT_HARD;
	default:
		return PEND_ACTION_BLOCK;
	}
}

/* The re-run has returned: the program's verdict counts unless something was decided meanwhile. */
static void end_rerun(struct entry *entry, uint32_t verdict)
{
	const uint32_t action = action_of(verdict);

	world.stats.reruns++;
	if (!action)
		model_renew(entry);
	if (action && !entry->action)
		(void)model_decide(entry, action, PEND_ORIGIN_PROGRAM);
	entry->phase = entry->action ? COMPLETING : PENDING;
	entry->inside = false;
}

int told_rerun(void *context, const struct pend_operation *operation)
{
	struct entry *entry = model_find(operation->handle);
	const bool outer = world.reruns_inside;
	uint32_t verdict;

	CHECK(context == &world);
	desks_resolve();
	CHECK(entry != NULL && entry->phase == RERUN && !entry->action && !entry->inside);
	CHECK_U64(operation->action, ==, PEND_ACTION_CONTINUE);
	CHECK(!world.destroying);
	check_operation(entry, operation);
	entry->inside = true;
	world.reruns_inside = true;
	if (operation->scratch) {
		entry->scratch[0]++;
		memcpy(operation->scratch, entry->scratch, 1);
	}
	run_inside();
	world.reruns_inside = outer;
	verdict = next_below(&world.in, 6);
	end_rerun(entry, verdict);
	return (int)verdict;
}

void told_drained(void *context, struct pend_map *map)
{
	CHECK(context == &world && map == world.map && world.draining);
	for (uint32_t i = 0; i < ENTRIES_MAX; i++)
		CHECK(world.entries[i].phase == GONE || !world.entries[i].drained);
	world.draining = false;
}
