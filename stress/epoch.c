/* SPDX-License-Identifier: MIT */
/*
 * epoch.c - readers, writers and grace periods: how old is what a reader holds? (pend_epoch_*())
 *
 *	writer:  element i  <- stage 0, and the value of its key names it
 *	         next value -> i is stage 1: no reader that comes later finds it
 *	         pend_epoch_synchronize() -> stage 2, again -> 3, ... 10 -> used anew
 *	reader:  enter, look the key up, dwell, read the element's stage, exit
 *
 * As the kernel's rcutorture does: the histogram of the stages that readers saw is the oracle. Stages
 * 0 and 1 are fine. Stage 2 and later mean that a grace period ended with a reader in it. The value
 * itself is memory that the map reuses when its readers are gone, so it must be the same, and whole,
 * when the reader leaves. Neither stage nor value is ordered by anything but the library.
 *
 * The second part destroys maps while readers hold pointers into them: their memory is overwritten
 * as it is given back, so a destroy that does not wait for readers shows.
 */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pendmap/pendmap.h>

#include "stress/team.h"
#include "tests/map/map_oracle.h"

#define STAGES 10u
#define STAGE_FINE 1u
#define WRITERS_MOST 4u
#define ELEMENTS 64u /* of each writer */
#define RESERVE 24u  /* so few that values are reused at once */
#define SECTIONS 32u /* of a reader's step */
#define UPDATES 2u   /* of a writer's */
#define DWELL_MOST 400u
#define OPERATIONS 64u /* in a map that is destroyed */
#define READINGS 50u
#define POISON 0xa5
#define SHARE_ENDS 0.3

struct element {
	struct cell stage;
	bool ageing; /* the writer's */
};

struct writer {
	_Alignas(128) struct element elements[ELEMENTS];
	uint64_t stamp, updates, graces, held_back;
	uint32_t next, current;
	bool has_current;
};

struct reader {
	_Alignas(128) uint64_t stages[STAGES];
	uint64_t sections, nested, missed;
};

struct epochs {
	struct team team;
	struct pend_continuation *map;
	uint32_t writers;
	struct writer writer[WRITERS_MOST];
	struct reader reader[TEAM_MOST];
};

static void enter(void)
{
	if (pend_epoch_enter())
		stress_bail("pend_epoch_enter");
}

static void leave(struct team *team)
{
	(void)team_expect(team, pend_epoch_exit() == 0, "pend_epoch_exit() from inside");
}

/* ---- writers ---- */

/* One that no reader can hold any more. Its stages are over, or it was never used. */
static uint32_t free_element(struct writer *writer)
{
	do
		writer->next = (writer->next + 1) % ELEMENTS;
	while (writer->elements[writer->next].ageing ||
	       (writer->has_current && writer->next == writer->current));
	return writer->next;
}

/* A grace period: what was replaced before it is one stage older. */
static void age(struct team_member *member, struct writer *writer)
{
	struct epochs *epochs = member->context;

	(void)team_expect(&epochs->team, pend_epoch_synchronize() == 0, "pend_epoch_synchronize()");
	writer->graces++;
	for (uint32_t i = 0; i < ELEMENTS; i++) {
		struct element *element = &writer->elements[i];

		if (!element->ageing)
			continue;
		cell_write(&element->stage, cell_read(&element->stage) + 1);
		element->ageing = cell_read(&element->stage) < STAGES - 1;
	}
}

/* Puts a new element in place of the old one. */
static void replace(struct team_member *member, struct writer *writer)
{
	struct epochs *epochs = member->context;
	uint64_t key = member->number;
	uint32_t at = free_element(writer);
	struct payload value = payload_make(key, ++writer->stamp * ELEMENTS + at);
	int result;

	cell_write(&writer->elements[at].stage, 0);
	result = pend_continuation_update(epochs->map, &key, &value, PEND_UPDATE_ANY);
	(void)team_expect(&epochs->team, result == 0 || result == -EAGAIN, "update: %d", result);
	writer->held_back += result == -EAGAIN;
	if (result)
		return;
	if (writer->has_current) {
		cell_write(&writer->elements[writer->current].stage, 1);
		writer->elements[writer->current].ageing = true;
	}
	writer->current = at;
	writer->has_current = true;
	writer->updates++;
}

static uint32_t write_some(struct team_member *member)
{
	struct epochs *epochs = member->context;
	struct writer *writer = &epochs->writer[member->number];

	for (uint32_t i = 0; i < UPDATES; i++)
		replace(member, writer);
	age(member, writer);
	return UPDATES + 1;
}

/* ---- readers ---- */

static void dwell(struct rng *rng)
{
	uint32_t spins = rng_below(rng, DWELL_MOST);

	if (rng_one_in(rng, 16))
		(void)sched_yield();
	else if (rng_one_in(rng, 512))
		stress_sleep_ns(100 * NS_PER_US);
	else
		while (spins--)
			(void)rng_next(rng);
}

/* Inside a section: looks a key up, dwells, and sees how old it is. */
static void read_one(struct team_member *member, uint64_t key)
{
	struct epochs *epochs = member->context;
	struct reader *reader = &epochs->reader[member->number];
	struct payload copy;
	const void *value;
	uint64_t stage;

	if (pend_continuation_lookup(epochs->map, &key, &value)) {
		reader->missed++;
		return;
	}
	memcpy(&copy, value, sizeof(copy));
	dwell(&member->rng);
	stage = cell_read(&epochs->writer[key].elements[copy.words[0] % ELEMENTS].stage);
	reader->stages[stage < STAGES ? stage : STAGES - 1]++;
	(void)team_expect(&epochs->team, stage <= STAGE_FINE,
			  "a reader holds what was replaced %" PRIu64 " grace periods ago", stage);
	(void)team_expect(&epochs->team,
			  payload_is_whole(&copy) && payload_key(&copy) == key &&
				  memcmp(&copy, value, sizeof(copy)) == 0,
			  "a value changes under its reader");
}

static uint32_t read_some(struct team_member *member)
{
	struct epochs *epochs = member->context;
	struct reader *reader = &epochs->reader[member->number];

	for (uint32_t i = 0; i < SECTIONS; i++) {
		bool nested = rng_one_in(&member->rng, 4);

		enter();
		if (nested) {
			enter();
			leave(&epochs->team);
			reader->nested++;
		}
		read_one(member, rng_below(&member->rng, epochs->writers));
		if (rng_one_in(&member->rng, 64))
			(void)team_expect(&epochs->team, pend_epoch_synchronize() == -EDEADLK,
					  "a reader waits for itself");
		leave(&epochs->team);
		reader->sections++;
	}
	if (rng_one_in(&member->rng, 16))
		(void)team_expect(&epochs->team, pend_epoch_exit() == -EPERM,
				  "an exit without a section");
	return SECTIONS;
}

static uint32_t step(struct team_member *member)
{
	const struct epochs *epochs = member->context;

	return member->number < epochs->writers ? write_some(member) : read_some(member);
}

static void report(struct epochs *epochs)
{
	struct stress *stress = epochs->team.stress;
	uint64_t stages[STAGES] = { 0 }, sections = 0, updates = 0, graces = 0, held_back = 0;
	uint64_t too_old = 0;
	char line[STAGES * 21 + 1] = "";
	size_t length = 0;

	for (uint32_t i = 0; i < epochs->team.count; i++) {
		sections += epochs->reader[i].sections;
		for (uint32_t stage = 0; stage < STAGES; stage++)
			stages[stage] += epochs->reader[i].stages[stage];
	}
	for (uint32_t i = 0; i < epochs->writers; i++) {
		updates += epochs->writer[i].updates;
		graces += epochs->writer[i].graces;
		held_back += epochs->writer[i].held_back;
	}
	for (uint32_t stage = 0; stage < STAGES; stage++) {
		too_old += stage > STAGE_FINE ? stages[stage] : 0;
		length += (size_t)snprintf(line + length, sizeof(line) - length, " %" PRIu64,
					   stages[stage]);
	}
	stress_note("readers by the stage of what they held:%s", line);
	stress_check(stress, too_old == 0 && stages[0] > 0,
		     "held past a grace period = %" PRIu64 " of %" PRIu64 " sections", too_old,
		     sections);
	stress_check(stress, cell_read(&epochs->team.wrong) == 0,
		     "wrong = %" PRIu64 "; %" PRIu64 " updates, %" PRIu64 " grace periods, %" PRIu64
		     " updates held back by readers",
		     cell_read(&epochs->team.wrong), updates, graces, held_back);
}

static void run_readers(struct stress *stress)
{
	struct epochs *epochs = aligned_alloc(128, sizeof(*epochs));
	struct pend_continuation_options options = pend_continuation_options_default();
	int status;

	if (!epochs)
		stress_bail("no memory");
	memset(epochs, 0, sizeof(*epochs));
	epochs->writers = 1 + (stress->threads - 1) / 4;
	epochs->writers = epochs->writers < WRITERS_MOST ? epochs->writers : WRITERS_MOST;
	epochs->team = (struct team){ .stress = stress,
				      .name = "readers",
				      .context = epochs,
				      .count = stress->threads,
				      .steps = 256,
				      .share = 1 - SHARE_ENDS,
				      .step = step };
	options.max_entries = WRITERS_MOST;
	options.key_size = sizeof(uint64_t);
	options.value_size = sizeof(struct payload);
	options.reserve = RESERVE;
	status = pend_continuation_create(&options, &epochs->map);
	if (status)
		stress_bail("pend_continuation_create: %s", strerror(-status));
	(void)team_run(&epochs->team);
	report(epochs);
	if (pend_continuation_destroy(epochs->map))
		stress_bail("pend_continuation_destroy");
	free(epochs);
}

/* ---- maps that end under their readers ---- */

struct ends {
	struct team team;
	struct pend_map *map; /* of the round; changes while all stand still */
	uint64_t handles[OPERATIONS];
	uint64_t destroyed, waited_for;
	uint64_t stamp;
};

static void *poison_allocate(void *context, size_t size, size_t alignment)
{
	void *memory = NULL;

	(void)context;
	alignment = alignment < sizeof(void *) ? sizeof(void *) : alignment;
	if (posix_memalign(&memory, alignment, size))
		return NULL;
	memset(memory, 0, size);
	return memory;
}

static void poison_release(void *context, void *memory, size_t size)
{
	(void)context;
	memset(memory, POISON, size);
	free(memory);
}

static const struct pend_allocator poisoner = { .size = sizeof(poisoner),
						.allocate = poison_allocate,
						.release = poison_release };

/* A new map with operations in it, by the one that will destroy it. */
static void make_map(struct ends *ends)
{
	struct pend_map_options options = pend_map_options_default();
	int status;

	options.max_entries = OPERATIONS;
	options.flags = PEND_MAP_POINTERS;
	options.reserve = 1;
	options.value_size = sizeof(struct payload);
	options.allocator = &poisoner;
	status = pend_map_create(&options, &ends->map);
	for (uint32_t i = 0; i < OPERATIONS && status == 0; i++) {
		struct payload value = payload_make(i, ++ends->stamp);
		struct pend_request request = { .value = &value,
						.value_size = sizeof(value),
						.now_ns = 1 };

		status = pend_map_pend(ends->map, &request, &ends->handles[i]);
	}
	if (status)
		stress_bail("a map to be destroyed: %s", strerror(-status));
}

/* Reads on, however long the destroyer has been at it. */
static void hold(struct team_member *member, const void *value, uint64_t at)
{
	struct ends *ends = member->context;
	struct payload copy;

	memcpy(&copy, value, sizeof(copy));
	(void)team_expect(&ends->team, payload_is_whole(&copy) && payload_key(&copy) == at,
			  "a pointer to another's value");
	for (uint32_t i = rng_below(&member->rng, READINGS); i; i--) {
		dwell(&member->rng);
		if (!team_expect(&ends->team, memcmp(&copy, value, sizeof(copy)) == 0,
				 "a map is gone under its reader"))
			return;
	}
}

/* A round: all readers hold a pointer, then the map goes. */
static uint32_t end_map(struct team_member *member)
{
	struct ends *ends = member->context;
	uint64_t at = rng_below(&member->rng, OPERATIONS);
	const void *value = NULL;
	int result;

	if (member->number == 0)
		make_map(ends);
	(void)team_gather(member);
	if (member->number) {
		enter();
		result = pend_map_peek(ends->map, ends->handles[at], NULL, &value);
		(void)team_expect(&ends->team, result == 0, "peek: %d", result);
	}
	(void)team_gather(member);
	if (member->number) {
		if (value)
			hold(member, value, at);
		leave(&ends->team);
	} else {
		result = pend_map_destroy(ends->map);
		(void)team_expect(&ends->team, result == 0, "pend_map_destroy: %d", result);
		ends->destroyed++;
	}
	(void)team_gather(member);
	return member->number ? 2 : OPERATIONS + 2;
}

static void run_ends(struct stress *stress)
{
	struct ends *ends = calloc(1, sizeof(*ends));

	if (!ends)
		stress_bail("no memory");
	ends->team = (struct team){ .stress = stress,
				    .name = "maps that end",
				    .context = ends,
				    .count = stress->threads < 8 ? stress->threads : 8,
				    .steps = 16,
				    .share = SHARE_ENDS,
				    .step = end_map };
	(void)team_run(&ends->team);
	stress_check(stress, cell_read(&ends->team.wrong) == 0,
		     "%" PRIu64 " maps destroyed with readers inside, gone too early = %" PRIu64,
		     ends->destroyed, cell_read(&ends->team.wrong));
	free(ends);
}

int main(int count, char **words)
{
	struct stress stress = { .name = "stress_epoch",
				 .purpose = "readers and grace periods: how old is what a reader "
					    "holds?",
				 .seconds = 10,
				 .threads = 8 };
	int status;

	if (!stress_begin(&stress, count, words, &status))
		return status;
	if (stress.threads < 2)
		stress_bail("--threads: 2 or more");
	stress_limit(stress.seconds * 2 + 120, "readers and grace periods");
	run_readers(&stress);
	if (!stress.failures)
		run_ends(&stress);
	return stress_end(&stress);
}
