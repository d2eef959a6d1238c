/* SPDX-License-Identifier: MIT */
/*
 * slot.c - one slot is filled, published, copied, decided and used again (SL1, SL2, guarantee A).
 *
 * The first thread pends, the second decides what it finds and uses the slot for the next operation,
 * the third copies the value: it gets all of one operation or finds that the handle is stale.
 *
 * Weaker, and found: SL1.rel SL1.acq SL2.rel SL2.acq
 */
#include "tests/model/clients/library.h"

#include "engine/slot/fill.h"

enum { VALUE = 64, STRIDE = 128 };

static _Alignas(64) unsigned char memory[STRIDE];
static const struct pendi_slab slab = { .base = memory,
					.count = 1,
					.stride = STRIDE,
					.value_offset = VALUE,
					.first_word = PENDI_WORD_GENERATION_ONE };
static const uint64_t old_value[2] = { 1, 1 }, new_value[2] = { 2, 2 };
static uint32_t decided;

static void pend(const uint64_t *value)
{
	struct pendi_slot *slot = pendi_slab_slot(&slab, 0);

	pendi_slot_arm(&slab, slot);
	pendi_slot_fill(pendi_slab_value(&slab, slot), value, sizeof(old_value));
	(void)pendi_slot_publish(slot, false);
}

static void *recycle(void *number)
{
	struct pendi_slot *slot = pendi_slab_slot(&slab, 0);
	/* [SL1.acq] As in pendi_map_decide(). */
	uint64_t word = pendi_load_acquire(&slot->word, SL1);
	const struct pendi_step step = pendi_word_complete(word, PENDI_WORD_GENERATION_ONE, 1, 0);

	(void)client_begin(number);
	/* [SL1.acq] [SL3.rel] As there. */
	if (step.result == 0 && pendi_cas_acq_rel(&slot->word, &word, step.word, SL1, SL3)) {
		decided++;
		pendi_slot_free(slot, step.word);
		pend(new_value);
	}
	return NULL;
}

static void *copy(void *number)
{
	struct pendi_slot *slot = pendi_slab_slot(&slab, 0);
	uint64_t value[2];

	(void)client_begin(number);
	/* [SL1.acq] As in pendi_map_copy(). */
	const uint64_t word = pendi_load_acquire(&slot->word, SL1);

	if (pendi_word_state(word) != PENDI_SLOT_PENDING)
		return NULL;
	pendi_slot_copy(value, pendi_slab_value(&slab, slot), sizeof(value));
	/* relaxed: ordered after the copy by its acquire loads (SL2). */
	if (pendi_word_same_generation(pendi_load_relaxed(&slot->word), word))
		assert(value[0] == value[1] && value[0] == word >> PENDI_SLOT_BITS);
	return NULL;
}

static void *first(void *number)
{
	(void)client_begin(number);
	pend(old_value);
	return NULL;
}

int main(void)
{
	CLIENT_START(1, first);
	CLIENT_START(2, recycle);
	CLIENT_START(3, copy);
	CLIENT_JOIN(1);
	CLIENT_JOIN(2);
	CLIENT_JOIN(3);
	assert(decided <= 1);
	return 0;
}
