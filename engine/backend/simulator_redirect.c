/* SPDX-License-Identifier: MIT */
/*
 * simulator_redirect.c - what the redirect stage said of a connection, kept until its authorization.
 *
 *	redirect stage    REJECT, PROCEED_HARD: kept    PROCEED_SOFT: what was kept is forgotten
 *	authorization     takes it, once
 *	nobody came       forgotten when it is as old as the expiry, whoever comes next
 *
 * A table of fixed size: chains by hash, and a list of all entries, oldest first, which is in the order
 * of time as the clock never goes back. What has expired is at its front and goes on every insert and
 * every look-up; an age is now minus then, which does not underflow however young the machine is
 * (F74). The clock counts suspend.
 *
 * One mutex, held for a few instructions and never around a callback; nothing that completes an
 * operation takes it.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "engine/backend/simulator_internal.h"
#include "platform/clock.h"
#include "platform/memory.h"

struct redirect_entry {
	struct pendi_redirect_key key;
	uint64_t time_ns;
	enum pend_verdict verdict;
	struct redirect_entry *chain;           /* of its bucket; or the free list */
	struct redirect_entry *older, *younger; /* of all that are used */
};

struct pendi_redirects {
	pthread_mutex_t mutex;
	uint64_t expiry_ns;
	uint32_t buckets; /* a power of two */
	size_t bytes;
	struct redirect_entry *oldest, *youngest, *unused;
	struct redirect_entry **heads;
	struct redirect_entry entries[];
};

int pendi_redirects_create(struct pend_simulator *simulator, uint32_t count, uint32_t expiry_ms)
{
	struct pendi_redirects *redirects;
	uint32_t buckets = 1;
	size_t bytes;

	while (buckets < count)
		buckets *= 2;
	bytes = sizeof(*redirects) + count * sizeof(redirects->entries[0]) +
		buckets * sizeof(redirects->heads[0]);
	redirects = pendi_memory_allocate(simulator->allocator, bytes, 16);
	if (!redirects)
		return -ENOMEM;
	pthread_mutex_init(&redirects->mutex, NULL);
	redirects->expiry_ns = (uint64_t)expiry_ms * 1000000;
	redirects->buckets = buckets;
	redirects->bytes = bytes;
	redirects->heads = (struct redirect_entry **)&redirects->entries[count];
	for (uint32_t i = count; i-- > 0;) {
		redirects->entries[i].chain = redirects->unused;
		redirects->unused = &redirects->entries[i];
	}
	simulator->redirects = redirects;
	return 0;
}

void pendi_redirects_destroy(struct pend_simulator *simulator)
{
	struct pendi_redirects *redirects = simulator->redirects;

	pthread_mutex_destroy(&redirects->mutex);
	pendi_memory_release(simulator->allocator, redirects, redirects->bytes);
	simulator->redirects = NULL;
}

/* Where the pointer to the entry of @key is, or would be. */
static struct redirect_entry **redirect_find(struct pendi_redirects *redirects,
					     const struct pendi_redirect_key *key)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	struct redirect_entry **at;

	for (size_t i = 0; i < sizeof(*key); i++)
		hash = (hash ^ ((const unsigned char *)key)[i]) * UINT64_C(0x100000001b3);
	at = &redirects->heads[(hash ^ hash >> 32) & (redirects->buckets - 1)];
	while (*at && memcmp(&(*at)->key, key, sizeof(*key)) != 0)
		at = &(*at)->chain;
	return at;
}

/* Forgets the entry that *@at points to. */
static void redirect_drop(struct pendi_redirects *redirects, struct redirect_entry **at)
{
	struct redirect_entry *entry = *at;

	*at = entry->chain;
	if (entry->older)
		entry->older->younger = entry->younger;
	else
		redirects->oldest = entry->younger;
	if (entry->younger)
		entry->younger->older = entry->older;
	else
		redirects->youngest = entry->older;
	entry->chain = redirects->unused;
	redirects->unused = entry;
}

/* A new youngest entry, into *@at. False: there is no room. */
static bool redirect_add(struct pendi_redirects *redirects, struct redirect_entry **at,
			 const struct pendi_redirect_key *key, enum pend_verdict verdict,
			 uint64_t now_ns)
{
	struct redirect_entry *entry = redirects->unused;

	if (!entry)
		return false;
	redirects->unused = entry->chain;
	entry->key = *key;
	entry->time_ns = now_ns;
	entry->verdict = verdict;
	entry->chain = NULL;
	entry->younger = NULL;
	entry->older = redirects->youngest;
	if (entry->older)
		entry->older->younger = entry;
	else
		redirects->oldest = entry;
	redirects->youngest = entry;
	*at = entry;
	return true;
}

static void redirect_purge(struct pend_simulator *simulator, uint64_t now_ns)
{
	struct pendi_redirects *redirects = simulator->redirects;

	while (redirects->oldest && now_ns - redirects->oldest->time_ns >= redirects->expiry_ns) {
		redirect_drop(redirects, redirect_find(redirects, &redirects->oldest->key));
		pendi_simulator_enter(simulator, PENDI_LEDGER_REDIRECTS_EXPIRED);
	}
}

bool pendi_redirects_set(struct pend_simulator *simulator, const struct pendi_redirect_key *key,
			 enum pend_verdict verdict)
{
	struct pendi_redirects *redirects = simulator->redirects;
	struct redirect_entry **at;
	uint64_t now_ns;
	bool done = true;

	pthread_mutex_lock(&redirects->mutex);
	now_ns = pendi_clock_boot_ns(); /* inside: the list is in its order */
	redirect_purge(simulator, now_ns);
	at = redirect_find(redirects, key);
	if (*at) {
		redirect_drop(redirects, at);
		pendi_simulator_enter(simulator, PENDI_LEDGER_REDIRECTS_EXPIRED);
		at = redirect_find(redirects, key);
	}
	if (verdict != PEND_VERDICT_PROCEED_SOFT) {
		done = redirect_add(redirects, at, key, verdict, now_ns);
		if (done)
			pendi_simulator_enter(simulator, PENDI_LEDGER_REDIRECTS_CACHED);
	}
	pthread_mutex_unlock(&redirects->mutex);
	return done;
}

enum pend_verdict pendi_redirects_take(struct pend_simulator *simulator,
				       const struct pendi_redirect_key *key)
{
	struct pendi_redirects *redirects = simulator->redirects;
	enum pend_verdict verdict = PEND_VERDICT_PROCEED_SOFT;
	struct redirect_entry **at;

	pthread_mutex_lock(&redirects->mutex);
	redirect_purge(simulator, pendi_clock_boot_ns());
	at = redirect_find(redirects, key);
	if (*at) {
		verdict = (*at)->verdict;
		redirect_drop(redirects, at);
		pendi_simulator_enter(simulator, PENDI_LEDGER_REDIRECTS_USED);
	}
	pthread_mutex_unlock(&redirects->mutex);
	return verdict;
}
