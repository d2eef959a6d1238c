/* SPDX-License-Identifier: MIT */
/*
 * attachment.c - the life of a program at a link (guarantee G).
 *
 *	LIVE -> dropped from its chain -> no invocation runs it -> DROPPED -> ENDING -> freed
 *	                       (epoch)                  (its pends are done)  (epoch)
 *
 * When it is free. Records of pended operations refer to it. They come from frames, of which there
 * are none after the first grace period, or from who has such a record already. Each is counted in
 * PENDS before it is in DONES. So if PENDS, read after DONES, is the same number, there was an instant
 * between without a record, and there will be none any more.
 *
 * Who frees it. The cleaner sets DROPPED, fences, and compares the sums; who ends a record adds to
 * DONES, fences, and looks for DROPPED (AT3). Whichever comes last sees the other, compares, and finds
 * them equal; one CAS lets exactly one go on. The fence of who ends a record is light where the
 * kernel has membarrier; among several that find DROPPED a full one settles who comes last.
 *
 * When its memory may go. Another that ends a record may still be on its way from DONES to the look
 * for DROPPED; so may who drops it, from DROPPED to the sums, when another finds that all is over.
 * Both are inside an epoch meanwhile; so the memory waits for a second grace period. A thread that
 * cannot enter the epoch is counted as a stray meanwhile, and the memory waits for that.
 * What nobody ever pended through needs none of this: it goes with the first grace period.
 *
 * A successor is counted in its own PENDS by what it follows, so it lives as long.
 */
#include "engine/map/gate.h"
#include "engine/runtime/runtime_internal.h"
#include "platform/membarrier.h"
#include "platform/memory.h"

enum attachment_phase {
	ATTACHMENT_LIVE = 0,
	ATTACHMENT_DROPPED = 1, /* no invocation runs it */
	ATTACHMENT_ENDING = 2,  /* nobody refers to it */
};

#define ATTACHMENT_SCAN 32u
#define ATTACHMENT_PAUSE_NS 50000u

struct pendi_attachment *pendi_attachment_create(struct pend_program *program,
						 struct pend_link *link)
{
	const struct pend_allocator *allocator = &program->runtime->registry.allocator;
	struct pendi_attachment *made =
		pendi_memory_allocate(allocator, sizeof(*made), _Alignof(struct pendi_attachment));

	if (!made)
		return NULL;
	if (pendi_tally_init(&made->tally, allocator)) {
		pendi_memory_release(allocator, made, sizeof(*made));
		return NULL;
	}
	made->entry = program->entry;
	made->data = program->data;
	made->program = program;
	made->link = link;
	made->compartment = link->compartment;
	return made;
}

void pendi_attachment_discard(struct pendi_attachment *attachment)
{
	const struct pend_allocator *allocator = &attachment->program->runtime->registry.allocator;

	pendi_tally_fini(&attachment->tally, allocator);
	pendi_memory_release(allocator, attachment, sizeof(*attachment));
}

void pendi_attachment_enlist(struct pendi_attachment *attachment)
{
	struct pend_program *program = attachment->program;
	struct pend_link *link = attachment->link;

	pendi_object_get(&program->object);
	pendi_object_get(&link->object);
	attachment->hook = link->hook;
	attachment->link_id = link->object.id;
	attachment->number = link->updates;
	attachment->first = link->updates;
	attachment->order = link->order;
	attachment->sequence = link->sequence;
	attachment->program_at = &program->attachments;
	attachment->program_next = program->attachments;
	if (attachment->program_next)
		attachment->program_next->program_at = &attachment->program_next;
	program->attachments = attachment;
	program->attached++;
	attachment->link_at = &link->attachments;
	attachment->link_next = link->attachments;
	if (attachment->link_next)
		attachment->link_next->link_at = &attachment->link_next;
	link->attachments = attachment;
	link->attachment = attachment;
	link->hook->unfreed++;
	pendi_runtime_count(program->runtime, PENDI_RUNTIME_ATTACHMENTS, 1);
}

void pendi_attachment_hand_over(struct pendi_attachment *old, struct pendi_attachment *successor)
{
	successor->first = old->first;
	successor->inherits = true;
	pendi_attachment_pend(successor);
	/* [AT4.rel] Pairs with [AT4.acq] in pendi_attachment_heir(): the successor, complete. */
	pendi_store_release(&old->successor, successor, AT4);
}

struct pendi_attachment *pendi_attachment_heir(struct pendi_attachment *attachment)
{
	for (;;) {
		/* [AT4.acq] Pairs with [AT4.rel] in pendi_attachment_hand_over(). */
		struct pendi_attachment *next = pendi_load_acquire(&attachment->successor, AT4);

		if (!next)
			return attachment;
		attachment = next;
	}
}

/* ---- counts ---- */

static uint64_t attachment_dones(const struct pendi_attachment *attachment)
{
	const uint32_t limit = pendi_thread_limit();
	uint64_t sum = 0;

	for (uint32_t row = 0; row < limit; row++)
		/* [AT2.acq] Pairs with [AT2.rel] in attachment_count_done(): with the end of a
		 * record comes its beginning, and all that was done with the attachment between. */
		sum += pendi_load_acquire(
			&attachment->tally.rows[row].count[PENDI_ATTACHMENT_DONES], AT2);
	return sum;
}

static void attachment_count_done(struct pendi_attachment *attachment)
{
	const uint32_t thread = pendi_thread_number();
	_Atomic uint64_t *count = &attachment->tally.rows[thread].count[PENDI_ATTACHMENT_DONES];

	/* [AT2.rel] Pairs with [AT2.acq] in attachment_dones(). The load is relaxed: a row other
	 * than 0 has one writer. */
	if (PENDI_LIKELY(thread))
		pendi_store_release(count, pendi_load_relaxed(count) + 1, AT2);
	else
		(void)pendi_fetch_add_release(count, 1, AT2);
}

uint64_t pendi_attachment_runs(const struct pendi_attachment *attachment)
{
	return pendi_tally_sum(&attachment->tally, PENDI_ATTACHMENT_RUNS);
}

uint64_t pendi_attachment_returns_exactly(const struct pendi_attachment *attachment)
{
	/* [EP1.sc] Pairs with the fence of pendi_epoch_enter(): an invocation that begins after this
	 * reads the chain that is there now, and what its thread has counted before is seen. */
	if (attachment->program->runtime->registry.light)
		while (pendi_membarrier())
			pendi_gate_pause(ATTACHMENT_PAUSE_NS);
	else
		pendi_fence_store_load(EP1);
	return pendi_attachment_runs(attachment);
}

uint64_t pendi_attachment_pended(const struct pendi_attachment *attachment)
{
	const uint64_t done = attachment_dones(attachment) + (attachment->inherits ? 1 : 0);
	const uint64_t pends = pendi_tally_sum(&attachment->tally, PENDI_ATTACHMENT_PENDS);

	return pends > done ? pends - done : 0;
}

/* ---- the end ---- */

static void attachment_unlink(struct pendi_attachment *attachment, struct pendi_use *use)
{
	struct pend_program *program = attachment->program;
	struct pend_link *link = attachment->link;

	*attachment->program_at = attachment->program_next;
	if (attachment->program_next)
		attachment->program_next->program_at = attachment->program_at;
	program->runs_before += pendi_attachment_runs(attachment);
	*attachment->link_at = attachment->link_next;
	if (attachment->link_next)
		attachment->link_next->link_at = attachment->link_at;
	attachment->hook->unfreed--;
	if (!link->attachments) {
		/* Nothing of the link refers to the hook any more: it is its client no longer. */
		*use = link->use;
		link->use = (struct pendi_use){ 0 };
	}
}

/* Nobody refers to it, nor looks at it. */
static void attachment_free(struct pendi_attachment *attachment)
{
	struct pend_program *program = attachment->program;
	struct pend_link *link = attachment->link;
	struct pend_runtime *runtime = program->runtime;
	/* relaxed: set before it was dropped, under the mutex. */
	struct pendi_attachment *successor = pendi_load_relaxed(&attachment->successor);
	struct pendi_use use = { 0 };

	pthread_mutex_lock(&runtime->cleaner.mutex);
	attachment_unlink(attachment, &use);
	pthread_mutex_unlock(&runtime->cleaner.mutex);
	if (use.provider)
		pendi_registry_unuse(&use);
	if (successor)
		pendi_attachment_done(successor);
	pendi_runtime_count(runtime, PENDI_RUNTIME_ATTACHMENTS_FREED, 1);
	pendi_attachment_discard(attachment);
	pendi_object_put(&link->object);
	pendi_object_put(&program->object);
}

static struct pendi_attachment *attachment_of(struct pendi_remnant *remnant)
{
	return PENDI_CONTAINER_OF(remnant, struct pendi_attachment, remnant);
}

/* After the second grace period. */
static void attachment_clean_ended(struct pendi_remnant *remnant)
{
	struct pend_runtime *runtime = remnant->runtime;

	/* [AT7.acq] Pairs with [AT7.rel] in attachment_let_go(): a stray that ended a record of
	 * this one was counted before its end was, which was seen. */
	if (pendi_load_acquire(&runtime->cleaner.strays, AT7))
		pendi_cleaner_retire(runtime, remnant, attachment_clean_ended);
	else
		attachment_free(attachment_of(remnant));
}

/* Whether the caller has to see to the rest: nothing refers to it, and nobody else found out. */
static bool attachment_claim(struct pendi_attachment *attachment, uint64_t *pends)
{
	const uint64_t dones = attachment_dones(attachment);
	uint32_t phase = ATTACHMENT_DROPPED;

	*pends = pendi_tally_sum(&attachment->tally, PENDI_ATTACHMENT_PENDS);
	/* [AT9.acq] Pairs with [AT9.rel] in attachment_set_dropped(): the remnant is ours, the cleaner is
	 * through with it. What others did with the attachment came with the sums. */
	return dones == *pends &&
	       pendi_cas_acquire(&attachment->phase, &phase, ATTACHMENT_ENDING, AT9);
}

static void attachment_clean_dropped(struct pendi_remnant *remnant);

static void attachment_fence(bool light)
{
	/* [AT3.sc] Pairs with [AT3.sc] in pendi_attachment_done(): either the phase is seen there, or
	 * that end is seen here. A membarrier that the kernel has no memory for is tried again. */
	if (light)
		while (pendi_membarrier())
			pendi_gate_pause(ATTACHMENT_PAUSE_NS);
	else
		pendi_fence_store_load(AT3);
}

/* Nothing that becomes free from now on is freed before attachment_let_go(): whether by the epoch. */
static bool attachment_hold(struct pend_runtime *runtime)
{
	const bool inside = pendi_epoch_enter() == 0;

	if (PENDI_UNLIKELY(!inside))
		/* relaxed: ordered by AT2, before the end of a record is, and by AT9, before the
		 * attachment is seen to be dropped. */
		(void)pendi_fetch_add_relaxed(&runtime->cleaner.strays, 1);
	return inside;
}

static void attachment_let_go(struct pend_runtime *runtime, bool inside)
{
	if (PENDI_LIKELY(inside))
		pendi_epoch_exit();
	else
		/* [AT7.rel] Pairs with [AT7.acq] in attachment_clean_ended(): it looks at the
		 * attachment no more. */
		(void)pendi_fetch_sub_release(&runtime->cleaner.strays, 1, AT7);
}

/* Says that no invocation runs it, and looks who is last. Who ends a record may see the one, claim it,
 * and have it freed before we have done the other: we hold that up. */
static bool attachment_set_dropped(struct pendi_attachment *attachment, uint64_t *pends)
{
	struct pend_runtime *runtime = attachment->program->runtime;
	const bool inside = attachment_hold(runtime);
	bool ours;

	/* [AT9.rel] Pairs with [AT9.acq] in attachment_claim(). */
	pendi_store_release(&attachment->phase, ATTACHMENT_DROPPED, AT9);
	attachment_fence(runtime->registry.light);
	ours = attachment_claim(attachment, pends);
	attachment_let_go(runtime, inside);
	return ours;
}

/* No invocation runs it any more. In a context that may take mutexes. */
static void attachment_idle(struct pendi_attachment *attachment)
{
	const pend_link_detached_fn detached = attachment->detached;
	uint64_t pends;

	attachment->detached = NULL;
	if (detached)
		detached(attachment->detached_context);
	if (attachment->completes && pendi_attachment_complete_all(attachment)) {
		pendi_cleaner_retire(attachment->program->runtime, &attachment->remnant,
				     attachment_clean_dropped);
		return;
	}
	if (!attachment_set_dropped(attachment, &pends))
		return;
	if (pends)
		pendi_cleaner_retire(attachment->program->runtime, &attachment->remnant,
				     attachment_clean_ended);
	else
		attachment_free(attachment);
}

static void attachment_clean_dropped(struct pendi_remnant *remnant)
{
	attachment_idle(attachment_of(remnant));
}

void pendi_attachment_drop(struct pendi_attachment *attachment, enum pend_outstanding outstanding)
{
	/* What is pended is completed now; what invocations that still run pend, once they have
	 * ended. */
	attachment->completes = outstanding == PEND_OUTSTANDING_COMPLETE;
	if (attachment->completes)
		(void)pendi_attachment_complete_all(attachment);
	pendi_cleaner_retire(attachment->program->runtime, &attachment->remnant,
			     attachment_clean_dropped);
}

void pendi_attachment_drop_waiting(struct pendi_attachment *attachment,
				   enum pend_outstanding outstanding, uint64_t *returns)
{
	/* Both: who waits has asked whether he may. */
	(void)pendi_epoch_synchronize();
	if (returns)
		*returns = pendi_attachment_runs(attachment);
	while (outstanding == PEND_OUTSTANDING_COMPLETE &&
	       pendi_attachment_complete_all(attachment))
		(void)pendi_epoch_synchronize();
	attachment_idle(attachment);
}

/* It was dropped before the caller's record ended: perhaps that was the last. */
static void attachment_end(struct pend_runtime *runtime, struct pendi_attachment *attachment)
{
	uint64_t pends;

	/* [AT3.sc] Symmetric: of several that end records at once, the last to get here sees the
	 * others' ends. */
	pendi_fence_store_load(AT3);
	if (attachment_claim(attachment, &pends))
		pendi_cleaner_retire(runtime, &attachment->remnant, attachment_clean_ended);
}

void pendi_attachment_done(struct pendi_attachment *attachment)
{
	struct pend_runtime *runtime = attachment->program->runtime;
	const bool inside = attachment_hold(runtime);

	attachment_count_done(attachment);
	/* [AT3.sc] Pairs with [AT3.sc] in attachment_fence(). */
	if (PENDI_LIKELY(runtime->registry.light))
		pendi_fence_light(AT3);
	else
		pendi_fence_store_load(AT3);
	/* relaxed: the fence orders it. */
	if (PENDI_UNLIKELY(pendi_load_relaxed(&attachment->phase) == ATTACHMENT_DROPPED))
		attachment_end(runtime, attachment);
	attachment_let_go(runtime, inside);
}

/* ---- completing what is pended ---- */

uint64_t pendi_attachment_cookie(const struct pendi_attachment *attachment)
{
	return (uint64_t)attachment->link_id << 32 | attachment->number;
}

struct attachment_walk {
	const struct pendi_attachment *attachment;
	bool found;
};

/* Whether the operation is of the attachment, or of one that handed over to it. */
static bool attachment_owns(const struct pendi_attachment *attachment, uint64_t cookie)
{
	const uint32_t number = (uint32_t)cookie;

	return cookie >> 32 == attachment->link_id &&
	       number - attachment->first <= attachment->number - attachment->first;
}

static void attachment_complete_in(void *context, struct pend_map *map)
{
	struct attachment_walk *walk = context;
	struct pend_cursor cursor = { 0 };
	struct pend_info infos[ATTACHMENT_SCAN];
	int count;

	while ((count = pend_map_scan(map, &cursor, infos, NULL, ATTACHMENT_SCAN)) > 0) {
		for (int i = 0; i < count; i++) {
			if (attachment_owns(walk->attachment, infos[i].cookie) &&
			    !pendi_map_complete(map, infos[i].handle, PEND_ACTION_BLOCK,
						PEND_ORIGIN_DRAIN))
				walk->found = true;
		}
	}
}

/*
 * An operation may move while this walks, from the map of those that wait for their identity to its
 * program's: so that map comes first. What its program runs again for is told to end, and may yet move
 * before it does: so who found anything comes again, after a grace period.
 */
bool pendi_attachment_complete_all(struct pendi_attachment *attachment)
{
	struct pend_runtime *runtime = attachment->program->runtime;
	struct attachment_walk walk = { .attachment = attachment };

	attachment_complete_in(&walk, runtime->deferrals);
	pendi_custom_each_pend_map(&runtime->registry, attachment_complete_in, &walk);
	return walk.found;
}
