/* SPDX-License-Identifier: MIT */
/*
 * test_agenda.c - unit tests of engine/deadline/agenda.c with one thread. model.c compares it with a
 * plain list at random, schedules.c and torture_agenda.c have several threads.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/deadline/agenda.h"
#include "platform/script.h"

enum { NOTED = 1 << 16 };

/* What the looks of a test note, and what they say. */
struct diary {
	struct pendi_agenda *agenda;
	uint32_t slots[NOTED], count, now;
	uint32_t again;         /* so much later, or 0: never */
	uint32_t arms, arms_at; /* the slot that each look arms, if arms_at is not 0 */
};

static struct diary diary;

static uint32_t look(void *context, uint32_t slot, uint32_t now)
{
	struct diary *notes = context;

	cr_assert_lt(notes->count, NOTED);
	notes->slots[notes->count++] = slot;
	notes->now = now;
	if (notes->arms_at)
		pendi_agenda_arm(notes->agenda, notes->arms, notes->arms_at);
	return notes->again ? now + notes->again : PENDI_TICK_NEVER;
}

static uint32_t pass(struct pendi_agenda *agenda, uint32_t now, uint32_t budget)
{
	diary.agenda = agenda;
	diary.count = 0;
	return pendi_agenda_pass(agenda, now, budget, look, &diary);
}

static void make(struct pendi_agenda *agenda, uint32_t count)
{
	memset(&diary, 0, sizeof(diary));
	cr_assert_eq(pendi_agenda_init(agenda, count, NULL), 0);
	cr_assert_eq(pendi_agenda_next(agenda), PENDI_TICK_NEVER);
}

static const uint32_t counts[] = { 1, 7, 8, 9, 63, 64, 65, 511, 512, 513, 4097, 40000 };

Test(agenda, each_slot_of_each_count_is_looked_at_when_due)
{
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct pendi_agenda agenda;

		make(&agenda, counts[i]);
		cr_expect_eq(pass(&agenda, 1000000, UINT32_MAX), 0);
		for (uint32_t slot = 0; slot < counts[i]; slot += 1 + slot / 64) {
			pendi_agenda_arm(&agenda, slot, 100 + slot);
			cr_assert_eq(pendi_agenda_next(&agenda), 100 + slot);
			cr_assert_eq(pass(&agenda, 99 + slot, UINT32_MAX), 0);
			cr_assert_eq(pass(&agenda, 100 + slot, UINT32_MAX), 1);
			cr_assert_eq(diary.slots[0], slot);
			cr_assert_eq(diary.now, 100 + slot);
			cr_assert_eq(pendi_agenda_next(&agenda), PENDI_TICK_NEVER);
		}
		pendi_agenda_fini(&agenda, NULL);
	}
}

Test(agenda, all_at_once_in_ascending_order)
{
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct pendi_agenda agenda;

		make(&agenda, counts[i]);
		for (uint32_t slot = counts[i]; slot--;)
			pendi_agenda_arm(&agenda, slot, 7 + slot % 3);
		cr_assert_eq(pendi_agenda_next(&agenda), 7);
		cr_assert_eq(pass(&agenda, 9, UINT32_MAX), counts[i]);
		for (uint32_t slot = 0; slot < counts[i]; slot++)
			cr_assert_eq(diary.slots[slot], slot);
		cr_assert_eq(pendi_agenda_next(&agenda), PENDI_TICK_NEVER);
		pendi_agenda_fini(&agenda, NULL);
	}
}

static uint8_t fetched[1u << 16];

static void fetch(void *context, uint32_t slot)
{
	(void)context;
	fetched[slot]++;
}

static uint32_t look_at_fetched(void *context, uint32_t slot, uint32_t now)
{
	cr_assert_eq(fetched[slot], 1, "slot %u: %u", slot, fetched[slot]);
	return look(context, slot, now);
}

/* Each slot that is looked at was told of before, once, and no other was. */
Test(agenda, what_is_due_is_fetched_before_it_is_looked_at)
{
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		for (uint32_t step = 1; step < 200; step = step * 3 + 1) {
			struct pendi_agenda agenda;
			uint32_t due = 0, told = 0;

			make(&agenda, counts[i]);
			memset(fetched, 0, sizeof(fetched));
			for (uint32_t slot = 0; slot < counts[i]; slot++)
				pendi_agenda_arm(&agenda, slot, slot % step ? 10 : 9);
			due = pendi_agenda_pass_fetching(&agenda, 9, UINT32_MAX, look_at_fetched,
							 fetch, &diary);
			for (uint32_t slot = 0; slot < counts[i]; slot++)
				told += fetched[slot];
			cr_expect_eq(due, (counts[i] + step - 1) / step);
			cr_expect_eq(told, due);
			pendi_agenda_fini(&agenda, NULL);
		}
	}
}

Test(agenda, may_have_no_slots)
{
	struct pendi_agenda agenda;

	make(&agenda, 0);
	cr_expect_eq(pass(&agenda, 5, UINT32_MAX), 0);
	cr_expect_eq(pendi_agenda_next(&agenda), PENDI_TICK_NEVER);
	pendi_agenda_fini(&agenda, NULL);
}

Test(agenda, memory_is_as_promised)
{
	struct pendi_agenda agenda;

	make(&agenda, 1u << 20);
	cr_expect_lt((double)agenda.bytes / (1u << 20), 9.2);
	for (uint32_t level = 0; level < agenda.depth; level++)
		cr_expect_eq((uintptr_t)agenda.levels[level] % 64, 0);
	pendi_agenda_fini(&agenda, NULL);
	cr_expect_eq(pendi_agenda_init(&agenda, PENDI_AGENDA_SLOTS + 1, NULL), -EINVAL);
}

/* So large that all levels are in use: the last slot's way up is the longest there is. */
Test(agenda, may_be_as_large_as_promised)
{
	struct pendi_agenda agenda;

	make(&agenda, PENDI_AGENDA_SLOTS);
	cr_expect_eq(agenda.depth, PENDI_AGENDA_LEVELS);
	pendi_agenda_arm(&agenda, PENDI_AGENDA_SLOTS - 1, 5);
	cr_expect_eq(pendi_agenda_next(&agenda), 5);
	cr_expect_eq(pass(&agenda, 5, UINT32_MAX), 1);
	cr_expect_eq(diary.slots[0], PENDI_AGENDA_SLOTS - 1);
	pendi_agenda_fini(&agenda, NULL);
}

static int fail(size_t size)
{
	return size > 0;
}

Test(agenda, without_memory)
{
	struct pendi_agenda agenda;

	pendi_script.allocation_fails = fail;
	cr_expect_eq(pendi_agenda_init(&agenda, 100, NULL), -ENOMEM);
	pendi_script.allocation_fails = NULL;
}

static size_t asked, returned;

static void *allocate(void *context, size_t size, size_t alignment)
{
	void *memory = aligned_alloc(alignment, size);

	(void)context;
	asked += size;
	return memory ? memset(memory, 0, size) : NULL;
}

static void release(void *context, void *memory, size_t size)
{
	(void)context;
	returned += size;
	free(memory);
}

Test(agenda, memory_goes_back_where_it_came_from)
{
	const struct pend_allocator allocator = { .allocate = allocate, .release = release };
	struct pendi_agenda agenda;

	cr_assert_eq(pendi_agenda_init(&agenda, 100, &allocator), 0);
	cr_expect_eq(asked, agenda.bytes);
	cr_expect_eq(returned, 0);
	pendi_agenda_fini(&agenda, &allocator);
	cr_expect_eq(returned, asked);
}

Test(agenda, the_earlier_tick_stays)
{
	struct pendi_agenda agenda;

	make(&agenda, 100);
	pendi_agenda_arm(&agenda, 42, 10);
	pendi_agenda_arm(&agenda, 42, 20);
	pendi_agenda_arm(&agenda, 43, 15);
	cr_expect_eq(pendi_agenda_next(&agenda), 10);
	cr_expect_eq(pass(&agenda, 12, UINT32_MAX), 1);
	cr_expect_eq(pendi_agenda_next(&agenda), 15);
	pendi_agenda_arm(&agenda, 43, 13);
	cr_expect_eq(pendi_agenda_next(&agenda), 13);
	pendi_agenda_fini(&agenda, NULL);
}

/* Around 0, around 2^31, and around 2^32 - 2^30, where a plain comparison errs. */
Test(agenda, ticks_wrap)
{
	static const uint32_t centres[] = { 0, 1u << 31, 3u << 30, 1u << 30 };
	struct pendi_agenda agenda;

	for (size_t i = 0; i < sizeof(centres) / sizeof(centres[0]); i++) {
		const uint32_t early = centres[i] - (1u << 29), late = centres[i] + (1u << 29);

		make(&agenda, 70);
		pendi_agenda_arm(&agenda, 69, late);
		pendi_agenda_arm(&agenda, 3, centres[i] - 1);
		pendi_agenda_arm(&agenda, 68, early);
		pendi_agenda_arm(&agenda, 4, centres[i] + 1);
		cr_expect_eq(pendi_agenda_next(&agenda), early);
		cr_expect_eq(pass(&agenda, early - 1, UINT32_MAX), 0);
		cr_expect_eq(pass(&agenda, early, UINT32_MAX), 1);
		cr_expect_eq(diary.slots[0], 68);
		cr_expect_eq(pendi_agenda_next(&agenda), centres[i] - 1);
		diary.again = 3; /* over the wrap */
		cr_expect_eq(pass(&agenda, centres[i] - 1, UINT32_MAX), 1);
		cr_expect_eq(pendi_agenda_next(&agenda), centres[i] + 1);
		diary.again = 0;
		cr_expect_eq(pass(&agenda, centres[i] + 1, UINT32_MAX), 1);
		cr_expect_eq(diary.slots[0], 4);
		cr_expect_eq(pass(&agenda, centres[i] + 2, UINT32_MAX), 1);
		cr_expect_eq(diary.slots[0], 3);
		cr_expect_eq(pendi_agenda_next(&agenda), late);
		cr_expect_eq(pass(&agenda, late, UINT32_MAX), 1);
		cr_expect_eq(pendi_agenda_next(&agenda), PENDI_TICK_NEVER);
		pendi_agenda_fini(&agenda, NULL);
	}
}

Test(agenda, a_budget_leaves_the_rest_where_it_is)
{
	struct pendi_agenda agenda;

	make(&agenda, 200);
	for (uint32_t slot = 0; slot < 200; slot++)
		pendi_agenda_arm(&agenda, slot, 5 + slot % 2);
	cr_expect_eq(pass(&agenda, 6, 0), 0);
	cr_expect_eq(pass(&agenda, 6, 70), 70);
	cr_expect_eq(diary.slots[69], 69);
	cr_expect_eq(pendi_agenda_next(&agenda), 5);
	cr_expect_eq(pass(&agenda, 6, 70), 70);
	cr_expect_eq(diary.slots[0], 70);
	cr_expect_eq(pass(&agenda, 6, 70), 60);
	cr_expect_eq(pass(&agenda, 6, 70), 0);
	cr_expect_eq(pendi_agenda_next(&agenda), PENDI_TICK_NEVER);
	pendi_agenda_fini(&agenda, NULL);
}

/* Slots that are due again at once: everybody has his turn all the same, and comes once a round. */
Test(agenda, a_budget_starves_nobody)
{
	static const uint32_t budgets[] = { 1, 3, 8, 99, 100, 101 };

	for (size_t i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++) {
		struct pendi_agenda agenda;
		uint32_t looks[100] = { 0 }, total = 0;

		make(&agenda, 100);
		for (uint32_t slot = 0; slot < 100; slot++)
			pendi_agenda_arm(&agenda, slot, 1);
		diary.again = 1;
		for (uint32_t now = 1; total < 1000; now++) {
			const uint32_t done = pass(&agenda, now, budgets[i]);

			total += done;
			cr_assert_eq(done, budgets[i] < 100 ? budgets[i] : 100);
			for (uint32_t j = 0; j < done; j++)
				looks[diary.slots[j]]++;
		}
		for (uint32_t slot = 0; slot < 100; slot++)
			cr_expect(looks[slot] >= total / 100 && looks[slot] <= total / 100 + 1,
				  "slot %u: %u of %u", slot, looks[slot], total);
		pendi_agenda_fini(&agenda, NULL);
	}
}

/* What begins in the middle comes round to what is before it, and looks at nothing twice. */
Test(agenda, a_pass_that_begins_in_the_middle_comes_round)
{
	struct pendi_agenda agenda;

	make(&agenda, 100);
	for (uint32_t slot = 0; slot < 100; slot++)
		pendi_agenda_arm(&agenda, slot, 5);
	cr_expect_eq(pass(&agenda, 5, 37), 37);
	for (uint32_t slot = 0; slot < 30; slot++)
		pendi_agenda_arm(&agenda, slot, 6);
	cr_expect_eq(pass(&agenda, 6, UINT32_MAX), 93);
	for (uint32_t i = 0; i < 93; i++)
		cr_assert_eq(diary.slots[i], i < 63 ? 37 + i : i - 63);
	cr_expect_eq(pendi_agenda_next(&agenda), PENDI_TICK_NEVER);
	pendi_agenda_fini(&agenda, NULL);
}

Test(agenda, a_look_may_arm_other_slots)
{
	struct pendi_agenda agenda;
	uint32_t looks;

	make(&agenda, 1000);
	pendi_agenda_arm(&agenda, 500, 5);
	diary.arms = 999;
	diary.arms_at = 5; /* due: in this pass or the next */
	looks = pass(&agenda, 5, UINT32_MAX);
	diary.arms_at = 0;
	cr_expect_eq(looks + pass(&agenda, 5, UINT32_MAX), 2);

	pendi_agenda_arm(&agenda, 500, 5);
	diary.arms = 2;
	diary.arms_at = 9;
	cr_expect_eq(pass(&agenda, 5, UINT32_MAX), 1);
	diary.arms_at = 0;
	cr_expect_eq(pendi_agenda_next(&agenda), 9);
	cr_expect_eq(pass(&agenda, 9, UINT32_MAX), 1);
	cr_expect_eq(diary.slots[0], 2);
	cr_expect_eq(pendi_agenda_next(&agenda), PENDI_TICK_NEVER);
	pendi_agenda_fini(&agenda, NULL);
}

/* What a look says is dropped if its slot was armed since the leaf was read. */
Test(agenda, a_slot_armed_during_its_look_is_looked_at_again)
{
	struct pendi_agenda agenda;

	make(&agenda, 10);
	pendi_agenda_arm(&agenda, 9, 5);
	diary.arms = 9;
	diary.arms_at = 50;
	cr_expect_eq(pass(&agenda, 5, UINT32_MAX), 1);
	cr_expect_eq(pendi_agenda_next(&agenda), 5);
	diary.arms_at = 0;
	cr_expect_eq(pass(&agenda, 5, UINT32_MAX), 1);
	cr_expect_eq(pendi_agenda_next(&agenda), PENDI_TICK_NEVER);
	pendi_agenda_fini(&agenda, NULL);
}

/* Due already when it is armed: the next pass has it. */
Test(agenda, an_overdue_tick_may_be_armed)
{
	struct pendi_agenda agenda;

	make(&agenda, 10);
	cr_expect_eq(pass(&agenda, 500, UINT32_MAX), 0);
	pendi_agenda_arm(&agenda, 9, 400);
	cr_expect_eq(pass(&agenda, 500, UINT32_MAX), 1);
	pendi_agenda_fini(&agenda, NULL);
}
