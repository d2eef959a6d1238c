/* SPDX-License-Identifier: MIT */
/*
 * thread.c - the registry: claims a record for each thread, and takes it back when it ends.
 *
 *	        register: CAS 0 -> tid [claim]
 *	FREE ------------------------------------> OWNED
 *	  ^                                          |
 *	  +------------------------------------------+
 *	        thread end, or fork in the child: store 0 [free_record, forget_others]
 *
 * The table is static: its pages are zero and cost nothing until they are touched. Records are
 * claimed from the lowest number up, so the table is as long as the most threads that were ever
 * registered at once, and scans stop there (pendi_thread_limit).
 *
 * The end of a thread is noticed by the destructor of a thread-specific key, which runs on
 * return, pthread_exit and cancellation alike. A thread that uses the library from a later
 * destructor is registered anew, and the key's destructor runs again (the system promises
 * PTHREAD_DESTRUCTOR_ITERATIONS rounds). Without a key, or without memory for the thread's
 * value of it, no record is given out: it would never come back.
 *
 * A fork leaves only the calling thread: the child frees all other records. A thread that dies
 * without running destructors (a raw exit system call) keeps its record; there is no such
 * thread in a program that uses pthreads.
 *
 * Invariants
 *   I1  Only the owner writes section, nest and turns, and the counters of its record; record 0
 *       alone has counters that many add to.
 *   I2  limit > n from before the owner of record n enters its first section.
 *
 * Edges
 *   TR1 free_record ==> claim: the next owner continues the record as the last one left it.
 *
 * Progress: registering is wait-free, O(threads registered); a lost CAS means that another
 * thread took that record, and the search goes on behind it.
 */
#include "epoch/thread.h"

#include <pthread.h>
#include <unistd.h>

#include "epoch/record.h"
#include "platform/atomic.h"

struct pendi_thread_record pendi_thread_records[PENDI_THREADS];
PENDI_THREAD_LOCAL uint32_t pendi_thread_self;

/* One more than the highest number given out; at least 1, for record 0 is always scanned. */
static PENDI_APART(1) _Atomic uint32_t limit = 1;

static pthread_once_t once = PTHREAD_ONCE_INIT;
/* Both written under once. */
static pthread_key_t key;
static bool has_key;

static uint32_t number_of(const struct pendi_thread_record *record)
{
	return (uint32_t)(record - pendi_thread_records);
}

uint32_t pendi_thread_limit(void)
{
	/*
	 * relaxed: who must not miss a section reads this after its EP1 fence, and the owner
	 * raised the limit before the store of that section (I2), so both are seen or neither.
	 */
	return pendi_load_relaxed(&limit);
}

static void raise_limit(uint32_t wanted)
{
	/* relaxed: EP1 orders it, see pendi_thread_limit(). */
	uint32_t now = pendi_load_relaxed(&limit);

	/* relaxed: as above. */
	while (now < wanted && !pendi_cas_relaxed(&limit, &now, wanted))
		;
}

static bool claim(struct pendi_thread_record *record)
{
	int32_t nobody = 0;

	/* relaxed: saves the CAS on a record that is taken. */
	if (pendi_load_relaxed(&record->owner) != nobody)
		return false;
	/* [TR1.acq] Pairs with [TR1.rel] in free_record(): nest and the counters, plain or with
	 * one writer at a time, are as the last owner left them. */
	return pendi_cas_acquire(&record->owner, &nobody, (int32_t)gettid(), TR1);
}

static uint32_t claim_lowest(void)
{
	for (uint32_t number = 1; number < PENDI_THREADS; number++) {
		if (claim(&pendi_thread_records[number])) {
			raise_limit(number + 1);
			return number;
		}
	}
	return 0;
}

static void free_record(struct pendi_thread_record *record)
{
	/* [TR1.rel] Pairs with [TR1.acq] in claim(): without it the next owner could lose an
	 * update of a counter, or enter a section on top of one that is still open. */
	pendi_store_release(&record->owner, 0, TR1);
}

/* The key's destructor: the thread ends, however it does. */
static void thread_ends(void *value)
{
	struct pendi_thread_record *record = value;

	pendi_epoch_thread_end(record);
	pendi_thread_self = 0;
	free_record(record);
}

/* What a thread that does not exist any more had under way in @record. */
static void abandon(struct pendi_thread_record *record)
{
	/* relaxed, all: the only thread of the process does this. */
	const uint64_t section = pendi_load_relaxed(&record->section);
	const uint32_t turns = pendi_load_relaxed(&record->turns);

	if (pendi_section_is_open(section))
		pendi_store_relaxed(&record->section, pendi_section_exit(section));
	pendi_store_relaxed(&record->turns, turns + (turns & 1));
	record->nest = 0;
	pendi_store_relaxed(&record->owner, 0);
}

/* In the child of a fork. */
static void forget_others(void)
{
	pendi_take_over(pendi_thread_records,
			pendi_thread_limit() * sizeof(pendi_thread_records[0]));
	for (uint32_t number = 0; number < pendi_thread_limit(); number++) {
		struct pendi_thread_record *record = &pendi_thread_records[number];

		if (number == 0 || number != pendi_thread_self)
			abandon(record);
		else /* relaxed: the only thread of the process does this. */
			pendi_store_relaxed(&record->owner, (int32_t)gettid());
	}
	pendi_epoch_forked();
}

static void begin(void)
{
	has_key = pthread_key_create(&key, thread_ends) == 0;
	if (has_key && pthread_atfork(NULL, NULL, forget_others) != 0) {
		(void)pthread_key_delete(key);
		has_key = false;
	}
	pendi_epoch_begin();
}

uint32_t pendi_thread_register(void)
{
	pendi_once(&once, begin);
	if (!has_key)
		return 0;

	const uint32_t number = claim_lowest();
	struct pendi_thread_record *record = &pendi_thread_records[number];

	if (!number)
		return 0;
	if (pthread_setspecific(key, record) != 0) {
		free_record(record);
		return 0;
	}
	pendi_epoch_thread_begin(record);
	pendi_thread_self = number;
	return number;
}

struct pendi_thread_record *pendi_thread_borrow(void)
{
	struct pendi_thread_record *record = &pendi_thread_records[pendi_thread_number()];

	if (number_of(record) != 0)
		return record;
	if (!claim(record))
		return NULL;
	pendi_epoch_thread_begin(record);
	return record;
}

void pendi_thread_repay(struct pendi_thread_record *record)
{
	if (number_of(record) != 0)
		return;
	pendi_epoch_thread_end(record);
	free_record(record);
}

bool pendi_thread_is_guest(void)
{
	/* relaxed: only the caller itself can have stored the caller's id. */
	return pendi_load_relaxed(&pendi_thread_records[0].owner) == (int32_t)gettid();
}
