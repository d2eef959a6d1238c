/* SPDX-License-Identifier: MIT */
/*
 * explore.c - the explorer of explore.h.
 *
 * What can happen in a world: a thread makes its next access, the oldest store of a thread's buffer
 * reaches memory, or a sleeper's time is up. A read-modify-write, a fence and a system call need an
 * empty buffer; a load looks into the own buffer first.
 */
#include "tests/queue/explore.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/queue/explore_oracle.h"
#include "tests/support/check.h"

static struct explore *current;
static struct explore_thread *running;
static uint32_t told; /* accesses that the running stage was told the result of */
static jmp_buf stopped;

static uint32_t word_at(const void *address)
{
	for (uint32_t i = 0; i < EXPLORE_WORDS; i++)
		if (current->words[i] == address)
			return i;
	CHECK_NEVER("an access to a word of the world");
}

static uint64_t access_word(enum explore_kind kind, const void *word, uint64_t first,
			    uint64_t second)
{
	if (told < running->logged)
		return running->log[told++];
	running->next = (struct explore_access){ kind, word ? word_at(word) : 0, first, second };
	longjmp(stopped, 1);
}

uint64_t explore_load(const void *word)
{
	return access_word(LOAD, word, 0, 0);
}

void explore_store(const void *word, uint64_t value)
{
	(void)access_word(STORE, word, value, 0);
}

uint64_t explore_exchange(const void *word, uint64_t value)
{
	return access_word(EXCHANGE, word, value, 0);
}

uint64_t explore_cas(const void *word, uint64_t expected, uint64_t value)
{
	return access_word(CAS, word, expected, value);
}

void explore_fence(void)
{
	(void)access_word(FENCE, NULL, 0, 0);
}

int explore_futex_wait(const void *word, uint32_t expected, uint64_t timeout_ns)
{
	return -(int)access_word(WAIT, word, expected, timeout_ns);
}

int explore_futex_wake(const void *word, uint32_t count)
{
	return (int)access_word(WAKE, word, count, 0);
}

/* Runs @thread up to its next access, or its end. */
static void find_next(struct explore_world *world, uint32_t thread)
{
	struct explore_thread *const self = &world->threads[thread];

	running = self;
	if (setjmp(stopped))
		return;
	for (;;) {
		told = 0;
		self->local = current->stage(thread, self->local, world->facts);
		self->logged = 0;
		memset(self->log, 0, sizeof(self->log));
		if (self->local == EXPLORE_END) {
			self->runs = false;
			memset(&self->next, 0, sizeof(self->next));
			return;
		}
	}
}

void explore_begin(struct explore *explore, struct explore_world *world, uint32_t thread,
		   uint64_t local)
{
	current = explore;
	memset(&world->threads[thread], 0, sizeof(world->threads[thread]));
	world->threads[thread].runs = true;
	world->threads[thread].local = local;
	find_next(world, thread);
}

static void tell(struct explore_world *world, uint32_t thread, uint64_t result)
{
	struct explore_thread *const self = &world->threads[thread];

	CHECK_U64(self->logged, <, EXPLORE_LOG);
	self->log[self->logged++] = result;
	find_next(world, thread);
}

static uint64_t look(const struct explore_world *world, const struct explore_thread *self,
		     uint32_t word)
{
	for (uint32_t i = self->buffered; i-- > 0;)
		if (self->buffer[i].word == word)
			return self->buffer[i].value;
	return world->memory[word];
}

static uint64_t wake_sleepers(struct explore_world *world, uint32_t word, uint64_t count)
{
	uint64_t woken = 0;

	for (uint32_t i = 0; i < EXPLORE_THREADS && woken < count; i++) {
		if (!world->threads[i].asleep || world->threads[i].next.word != word)
			continue;
		world->threads[i].asleep = false;
		tell(world, i, 0);
		woken++;
	}
	return woken;
}

/* Whether @thread can make its next access now. */
static bool can_go(const struct explore_world *world, uint32_t thread)
{
	const struct explore_thread *self = &world->threads[thread];

	if (!self->runs || self->asleep)
		return false;
	if (self->next.kind == LOAD)
		return true;
	if (self->next.kind == STORE)
		return self->buffered < EXPLORE_BUFFER;
	return self->buffered == 0 || (self->next.kind == FENCE && current->fenceless[thread]);
}

static void go(struct explore_world *world, uint32_t thread)
{
	struct explore_thread *const self = &world->threads[thread];
	const struct explore_access access = self->next;
	const uint64_t value = look(world, self, access.word);
	uint64_t result = value;

	switch (access.kind) {
	case LOAD:
		break;
	case STORE:
		self->buffer[self->buffered].word = access.word;
		self->buffer[self->buffered++].value = access.first;
		break;
	case CAS:
		if (value == access.first)
			world->memory[access.word] = access.second;
		break;
	case EXCHANGE:
		world->memory[access.word] = access.first;
		break;
	case FENCE:
		result = 0;
		break;
	case WAIT:
		self->asleep = value == access.first;
		if (self->asleep)
			return;
		result = EAGAIN;
		break;
	case WAKE:
		result = wake_sleepers(world, access.word, access.first);
		break;
	}
	tell(world, thread, result);
}

static void drain_one(struct explore_world *world, uint32_t thread)
{
	struct explore_thread *const self = &world->threads[thread];

	world->memory[self->buffer[0].word] = self->buffer[0].value;
	self->buffered--;
	memmove(&self->buffer[0], &self->buffer[1], self->buffered * sizeof(self->buffer[0]));
	memset(&self->buffer[self->buffered], 0, sizeof(self->buffer[0]));
}

static void time_out(struct explore_world *world, uint32_t thread)
{
	world->timeouts--;
	world->threads[thread].asleep = false;
	tell(world, thread, ETIMEDOUT);
}

bool explore_alone(struct explore_world *world, uint32_t thread, uint32_t most)
{
	while (world->threads[thread].runs) {
		if (most-- == 0)
			return false;
		if (can_go(world, thread))
			go(world, thread);
		else if (world->threads[thread].buffered)
			drain_one(world, thread);
		else
			return false;
	}
	while (world->threads[thread].buffered)
		drain_one(world, thread);
	return true;
}

static void mix(uint64_t print[2], uint64_t value)
{
	print[0] = (print[0] ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	print[0] ^= print[0] >> 29;
	print[1] = (print[1] + value) * UINT64_C(0xbf58476d1ce4e5b9);
	print[1] ^= print[1] >> 31;
}

static void fingerprint(const struct explore_world *world, uint64_t print[2])
{
	print[0] = 1;
	print[1] = 2;
	for (uint32_t i = 0; i < EXPLORE_WORDS; i++)
		mix(print, world->memory[i]);
	for (uint32_t i = 0; i < EXPLORE_FACTS; i++)
		mix(print, world->facts[i]);
	mix(print, world->timeouts);
	for (uint32_t i = 0; i < EXPLORE_THREADS; i++) {
		const struct explore_thread *self = &world->threads[i];

		mix(print, self->local);
		mix(print, (uint64_t)self->logged << 32 | self->buffered << 8 |
				   (uint32_t)self->runs << 1 | self->asleep);
		for (uint32_t k = 0; k < self->logged; k++)
			mix(print, self->log[k]);
		for (uint32_t k = 0; k < self->buffered; k++) {
			mix(print, self->buffer[k].word);
			mix(print, self->buffer[k].value);
		}
	}
	print[0] |= 1; /* 0: no entry */
}

static bool enter(struct explore_visited *visited, const uint64_t print[2]);

static void grow(struct explore_visited *visited)
{
	struct explore_visited larger = { .size = visited->size ? visited->size * 2 : 1 << 16 };

	larger.table = calloc(larger.size, sizeof(*larger.table));
	CHECK(larger.table != NULL);
	for (size_t i = 0; i < visited->size; i++)
		if (visited->table[i][0])
			(void)enter(&larger, visited->table[i]);
	free(visited->table);
	*visited = larger;
}

/* False: it was there. */
static bool enter(struct explore_visited *visited, const uint64_t print[2])
{
	size_t at;

	if (visited->used * 2 >= visited->size)
		grow(visited);
	for (at = print[1] & (visited->size - 1); visited->table[at][0];
	     at = (at + 1) & (visited->size - 1))
		if (visited->table[at][0] == print[0] && visited->table[at][1] == print[1])
			return false;
	visited->table[at][0] = print[0];
	visited->table[at][1] = print[1];
	visited->used++;
	return true;
}

static void visit(struct explore *explore, const struct explore_world *world);

static void leave_by(struct explore *explore, const struct explore_world *world, uint32_t thread,
		     void (*way)(struct explore_world *world, uint32_t thread))
{
	struct explore_world next = *world;

	if (explore->found)
		return;
	way(&next, thread);
	explore->steps++;
	visit(explore, &next);
	if (explore->found && !explore->quiet)
		printf("#   before: thread %u, access %d of word %u (%#llx)\n", thread,
		       (int)world->threads[thread].next.kind, world->threads[thread].next.word,
		       (unsigned long long)world->threads[thread].next.first);
}

static void visit(struct explore *explore, const struct explore_world *world)
{
	uint64_t print[2];
	bool ended = true;

	fingerprint(world, print);
	if (!enter(&explore->visited, print))
		return;
	explore->states++;
	for (uint32_t i = 0; i < EXPLORE_THREADS; i++)
		ended = ended && !can_go(world, i) && !world->threads[i].buffered &&
			!(world->threads[i].asleep && world->timeouts);
	explore->ends += ended;
	explore->found = explore->wrong(world, ended);
	for (uint32_t i = 0; i < EXPLORE_THREADS; i++) {
		if (can_go(world, i))
			leave_by(explore, world, i, go);
		if (world->threads[i].buffered)
			leave_by(explore, world, i, drain_one);
		if (world->threads[i].asleep && world->timeouts)
			leave_by(explore, world, i, time_out);
	}
}

void explore_all(struct explore *explore, const struct explore_world *world)
{
	current = explore;
	visit(explore, world);
	free(explore->visited.table);
	explore->visited = (struct explore_visited){ 0 };
}
