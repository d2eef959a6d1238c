/* SPDX-License-Identifier: MIT */
/*
 * roster.c - takes, marks and keeps map headers. See roster.h.
 */
#include "engine/object/roster.h"

#include <string.h>

#include "platform/memory.h"

static struct pendi_roster_entry *take_oldest(struct pendi_roster *roster)
{
	struct pendi_roster_entry *entry = NULL;

	pthread_mutex_lock(&roster->mutex);
	if (roster->dismissed > PENDI_ROSTER_QUARANTINE) {
		entry = roster->oldest;
		roster->oldest = entry->next;
		roster->dismissed--;
	}
	pthread_mutex_unlock(&roster->mutex);
	return entry;
}

static struct pendi_roster_entry *make_entry(struct pendi_roster *roster)
{
	struct pendi_roster_entry *entry = pendi_memory_allocate(
		&pendi_memory_default, roster->header_bytes, 2 * PENDI_CACHE_LINE);

	if (!entry)
		return NULL;
	pthread_mutex_lock(&roster->mutex);
	entry->older = roster->made;
	roster->made = entry;
	pthread_mutex_unlock(&roster->mutex);
	return entry;
}

void pendi_roster_forget(struct pendi_fork_guard *guard)
{
	struct pendi_roster *roster = PENDI_CONTAINER_OF(guard, struct pendi_roster, guard);

	for (struct pendi_roster_entry *entry = roster->made; entry; entry = entry->older)
		/* relaxed: the only thread of the process does this. */
		pendi_store_relaxed(&entry->stage, PENDI_STAGE_DEAD);
}

void *pendi_roster_take(struct pendi_roster *roster)
{
	struct pendi_roster_entry *entry;

	if (!pendi_fork_guard(&roster->guard))
		return NULL;
	entry = take_oldest(roster);
	if (!entry)
		return make_entry(roster);
	/* All but what is for good, and the mark: a stale caller may be reading that. */
	entry->reserved = 0;
	entry->next = NULL;
	memset(entry + 1, 0, roster->header_bytes - sizeof(*entry));
	return entry;
}

void pendi_roster_enrol(struct pendi_roster_entry *entry)
{
	/* relaxed: handing the pointer on is the creator's business, and orders this. */
	pendi_store_relaxed(&entry->stage, PENDI_STAGE_ALIVE);
}

void pendi_roster_set_open(struct pendi_roster_entry *entry, bool open)
{
	uint32_t expected = open ? PENDI_STAGE_STOPPED : PENDI_STAGE_ALIVE;

	/* relaxed: a stop is ordered by its fence (GT1); what a start is to show is the caller's. */
	(void)pendi_cas_relaxed(&entry->stage, &expected,
				open ? PENDI_STAGE_ALIVE : PENDI_STAGE_STOPPED);
}

bool pendi_roster_close(struct pendi_roster_entry *entry)
{
	/* relaxed: the CAS validates it. */
	uint32_t stage = pendi_load_relaxed(&entry->stage);

	while (stage == PENDI_STAGE_ALIVE || stage == PENDI_STAGE_STOPPED)
		/* relaxed: it decides who destroys; nothing is read through it. */
		if (pendi_cas_relaxed(&entry->stage, &stage, PENDI_STAGE_CLOSING))
			return true;
	return false;
}

void pendi_roster_dismiss(struct pendi_roster_entry *entry)
{
	/* relaxed: as in pendi_roster_enrol(). */
	pendi_store_relaxed(&entry->stage, PENDI_STAGE_DEAD);
}

void pendi_roster_put(struct pendi_roster *roster, struct pendi_roster_entry *entry)
{
	pthread_mutex_lock(&roster->mutex);
	entry->next = NULL;
	if (roster->dismissed++)
		roster->newest->next = entry;
	else
		roster->oldest = entry;
	roster->newest = entry;
	pthread_mutex_unlock(&roster->mutex);
}
