/* SPDX-License-Identifier: MIT */
/*
 * test_word_exhaustive.c - the slot word, tried exhaustively, and whether the trial has teeth.
 *
 *	slot_word_exhaustive [--seed N] [--rounds N] [--only states|model|contest|mutants]
 *
 * What is explored is word.h itself: the functions that the library calls. The explorations and
 * their oracles are in the files that word_exhaustive.h lists; this one has their set of states,
 * runs them and says how much was covered. Seed and rounds change nothing: nothing is drawn.
 *
 * Names: guarantee A (exactly once) and B (exact fence).
 */
#include "word_exhaustive.h"

#include <string.h>

#include "tests/support/arguments.h"
#include "tests/support/check.h"

enum {
	STATES_AT_LEAST = 6000,
	VIOLATIONS_SHOWN = 5,
	VIOLATIONS_ENOUGH = 1000,
	SET_FIRST_CAPACITY = 1024
};

const struct transitions word_transitions = {
	.complete = pendi_word_complete,
	.proceed = pendi_word_continue,
	.frame_exit = pendi_word_frame_exit,
	.rerun_exit = pendi_word_rerun_exit,
	.stage = pendi_word_stage,
	.claim = pendi_word_claim,
	.finish = pendi_word_finish,
	.win = pendi_word_win,
	.lose = pendi_word_lose,
	.disarm = pendi_word_disarm,
};

static size_t entry_size(const struct state_set *set)
{
	return set->size + 2 * sizeof(uint64_t);
}

/* An entry: whether it is used, the number (a double), the state. */
static uint64_t *entry_at(const struct state_set *set, size_t place)
{
	return (uint64_t *)(void *)(set->entries + place * entry_size(set));
}

static uint64_t digest(const void *state, size_t size)
{
	const unsigned char *bytes = state;
	uint64_t sum = 0;

	for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, bytes + i, sizeof(word));
		sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		sum ^= sum >> 29;
	}
	return sum;
}

static uint64_t *find_place(const struct state_set *set, const void *state)
{
	size_t place = digest(state, set->size) & (set->capacity - 1);

	for (;; place = (place + 1) & (set->capacity - 1)) {
		uint64_t *entry = entry_at(set, place);

		if (!entry[0] || memcmp(&entry[2], state, set->size) == 0)
			return entry;
	}
}

static void allocate(struct state_set *set, size_t capacity)
{
	set->capacity = capacity;
	set->entries = calloc(capacity, entry_size(set));
	CHECK(set->entries != NULL);
}

void state_set_init(struct state_set *set, size_t size)
{
	*set = (struct state_set){ .size = size };
	allocate(set, SET_FIRST_CAPACITY);
}

void state_set_fini(struct state_set *set)
{
	free(set->entries);
	set->entries = NULL;
}

static void grow(struct state_set *set)
{
	const struct state_set old = *set;

	allocate(set, 2 * old.capacity);
	for (size_t i = 0; i < old.capacity; i++) {
		const uint64_t *entry = entry_at(&old, i);

		if (entry[0])
			memcpy(find_place(set, &entry[2]), entry, entry_size(set));
	}
	free(old.entries);
}

double *state_set_add(struct state_set *set, const void *state, bool *added)
{
	if (2 * set->count >= set->capacity)
		grow(set);

	uint64_t *entry = find_place(set, state);

	*added = !entry[0];
	if (*added) {
		entry[0] = 1;
		memcpy(&entry[2], state, set->size);
		set->count++;
	}
	return (double *)(void *)&entry[1];
}

void violation(struct findings *findings, char letter, const char *what, uint64_t word)
{
	uint64_t *count = letter == 'A' ? &findings->violations_a : &findings->violations_b;

	(*count)++;
	if (findings->verbose &&
	    findings->violations_a + findings->violations_b <= VIOLATIONS_SHOWN)
		printf("# guarantee %c: %s (word %#" PRIx64 ")\n", letter, what, word);
}

static bool report(const char *name, const struct findings *found)
{
	printf("# %s: %" PRIu64 " distinct states, %" PRIu64 " steps between them, "
	       "%.4g interleavings (paths through them), %" PRIu64
	       " last states, violations: A %" PRIu64 ", B %" PRIu64 "\n",
	       name, found->states, found->steps, found->interleavings, found->last_states,
	       found->violations_a, found->violations_b);
	return found->violations_a + found->violations_b == 0;
}

static void test_states(struct tap *tap)
{
	struct findings found = { .verbose = true };

	word_states_check(&found);
	printf("# states: %" PRIu64 " words, %" PRIu64 " transitions\n", found.states, found.steps);
	tap_report(tap, found.states >= STATES_AT_LEAST,
		   "every event on every reachable word does what the table says");
}

static void test_model(struct tap *tap)
{
	static const struct {
		const char *what, *name;
	} cases[] = {
		[MANNER_DIRECT] = { "model", "one completion for each operation, never during its "
					     "frame or a re-run (guarantees A, B)" },
		[MANNER_HINTS] = { "model, hints", "the same if a duty is but a hint to look, and "
						   "no hint is lost (guarantees A, B)" },
		[MANNER_LOOKS] = { "model, looks", "the same if whoever decides stalls for ever, "
						   "and one who claimed does (guarantees A, B)" },
	};

	for (enum manner manner = MANNER_DIRECT; manner <= MANNER_LOOKS; manner++) {
		struct findings found = { .verbose = true, .enough = VIOLATIONS_ENOUGH };

		word_model_explore(&word_transitions, manner, &found);
		tap_report(tap,
			   report(cases[manner].what, &found) && found.states >= STATES_AT_LEAST,
			   cases[manner].name);
	}
}

static void test_contest(struct tap *tap)
{
	static const struct {
		uint32_t inserters, attempts;
		const char *name;
	} cases[] = {
		{ 2, 3, "of two inserters of one key at most one holds it" },
		{ 3, 1, "of three inserters of one key at most one holds it" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct findings found = { .verbose = true };

		word_contest_explore(&word_transitions, cases[i].inserters, cases[i].attempts,
				     &found);

		const bool holds =
			report(cases[i].inserters == 2 ? "contest of 2" : "contest of 3", &found);

		printf("# contest: %" PRIu64 " states in which all had lost and none held\n",
		       found.all_lost);
		tap_report(tap, holds && !found.all_lost && found.states >= STATES_AT_LEAST,
			   cases[i].name);
	}
}

static void test_mutants(struct tap *tap)
{
	uint32_t planted;
	const uint32_t survived = word_mutants_run(&planted);

	printf("# mutants: %" PRIu32 " of %" PRIu32 " found\n", planted - survived, planted);
	tap_report(tap, planted >= 3 && survived == 0, "each planted bug is found");
}

int main(int argc, char **argv)
{
	struct arguments arguments = { .rounds = 1 };
	struct tap tap = { 0 };

	if (!arguments_parse(&arguments, argc, argv))
		return 2;
	if (arguments_want(&arguments, "states"))
		test_states(&tap);
	if (arguments_want(&arguments, "model"))
		test_model(&tap);
	if (arguments_want(&arguments, "contest"))
		test_contest(&tap);
	if (arguments_want(&arguments, "mutants"))
		test_mutants(&tap);
	return tap_end(&tap);
}
