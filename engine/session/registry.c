/* SPDX-License-Identifier: MIT */
/*
 * registry.c - opening a session: a seat for it, new, empty, or inherited.
 *
 *	hold the engine -> find the seat that waits for an heir of this name, or
 *	                   a free one, or make the next -> OPEN -> watch
 *
 * What has ended is freed here too, by the next call that opens or closes a session. All under one
 * mutex, but for what a seat's control word decides.
 */
#include <string.h>

#include "engine/object/options.h"
#include "engine/session/session_internal.h"
#include "platform/fork.h"
#include "platform/memory.h"

/* sizeof(struct pend_session_options) in the first version. */
#define SESSION_OPTIONS_SIZE_FIRST sizeof(struct pend_session_options)

pthread_mutex_t pendi_sessions_mutex = PTHREAD_MUTEX_INITIALIZER;

static struct pendi_sessions *all_sessions; /* under the mutex */

/* In the child of a fork: nobody sits there any more, and the descriptors are left alone, for they
 * are those of the parent's sessions. */
static void forget_sessions(struct pendi_fork_guard *guard)
{
	(void)guard;
	for (struct pendi_sessions *sessions = all_sessions; sessions; sessions = sessions->next) {
		for (uint32_t number = 1; number <= PEND_SESSIONS_MAX; number++) {
			/* relaxed, all: the only thread of the process does this. */
			struct pendi_seat *seat = pendi_load_relaxed(&sessions->seats[number]);

			if (!seat)
				break;
			pendi_store_relaxed(
				&seat->control,
				pendi_seat_with_state(pendi_load_relaxed(&seat->control),
						      PENDI_SEAT_FREE));
			seat->owned = seat->seated = false;
		}
	}
	all_sessions = NULL;
}

static struct pendi_fork_guard sessions_guard = { .mutex = &pendi_sessions_mutex,
						  .forget = forget_sessions };

/* Whether what sat in @seat is over, for good: then it is FREE. Under the mutex. */
static bool seat_is_over(struct pendi_seat *seat)
{
	/* relaxed: the CAS validates it. */
	uint64_t control = pendi_load_relaxed(&seat->control);

	/* What is open is owned: it is lost before its owner is done with it. */
	if ((control & SEAT_COUNTS_MASK) != 0 || seat->owned || !seat->seated)
		return false;
	/* [SE5.acq] Pairs with [SE5.rel] in seat_count_out(): all who were inside have left. */
	return pendi_cas_acquire(&seat->control, &control,
				 pendi_seat_with_state(control, PENDI_SEAT_FREE), SE5);
}

void pendi_sessions_sweep(struct pendi_sessions *sessions)
{
	for (uint32_t number = 1; number <= PEND_SESSIONS_MAX; number++) {
		/* relaxed: written under the mutex. */
		struct pendi_seat *seat = pendi_load_relaxed(&sessions->seats[number]);

		if (!seat)
			return;
		if (seat_is_over(seat)) {
			pendi_seat_unwatch(seat);
			pendi_ring_fini(&seat->ring, sessions->allocator);
			seat->seated = false;
		}
	}
}

void pendi_sessions_end(struct pendi_sessions *sessions)
{
	const struct pend_allocator *allocator = sessions->allocator;
	struct pendi_sessions **at = &all_sessions;

	pthread_mutex_lock(&pendi_sessions_mutex);
	while (*at != sessions)
		at = &(*at)->next;
	*at = sessions->next;
	pthread_mutex_unlock(&pendi_sessions_mutex);
	for (uint32_t number = 1; number <= PEND_SESSIONS_MAX; number++) {
		/* relaxed: nobody else is left. */
		struct pendi_seat *seat = pendi_load_relaxed(&sessions->seats[number]);

		if (!seat)
			break;
		pendi_seat_close_watches(seat);
		if (seat->seated)
			pendi_ring_fini(&seat->ring, allocator);
		pendi_memory_release(allocator, seat, sizeof(*seat));
	}
	pendi_memory_release(allocator, sessions, sizeof(*sessions));
}

/* The engine's table, made when it is needed first; or NULL. */
static struct pendi_sessions *sessions_of(struct pend_engine *engine)
{
	const struct pend_allocator *allocator = pendi_engine_allocator(engine);
	struct pendi_sessions *sessions = pendi_engine_sessions(engine);

	if (sessions)
		return sessions;
	sessions = pendi_memory_allocate(allocator, sizeof(*sessions), PENDI_CACHE_LINE);
	if (!sessions)
		return NULL;
	sessions->engine = engine;
	sessions->allocator = allocator;
	sessions->next = all_sessions;
	all_sessions = sessions;
	pendi_engine_attach_sessions(engine, sessions, pendi_sessions_end);
	return sessions;
}

/* Makes the seat of @number, or returns NULL. */
static struct pendi_seat *sessions_seat(struct pendi_sessions *sessions, uint32_t number)
{
	struct pendi_seat *seat = pendi_memory_allocate(sessions->allocator, sizeof(*seat),
							_Alignof(struct pendi_seat));

	if (!seat)
		return NULL;
	seat->engine = sessions->engine;
	seat->number = number;
	seat->lease = seat->watch = -1;
	for (uint32_t i = 0; i < SEAT_SITTINGS; i++)
		seat->sessions[i].sitting = (uint8_t)i;
	/* [SE7.rel] Pairs with [SE7.acq] in pendi_session_release(): the seat as it was made. */
	pendi_store_release(&sessions->seats[number], seat, SE7);
	return seat;
}

/* A seat that waits for an heir of @name, or NULL. */
static struct pendi_seat *sessions_heirless(struct pendi_sessions *sessions, const char *name)
{
	for (uint32_t number = 1; name && number <= PEND_SESSIONS_MAX; number++) {
		/* relaxed, both: written under the mutex; and waiting is not for the monitor to
		 * end. */
		struct pendi_seat *seat = pendi_load_relaxed(&sessions->seats[number]);

		if (!seat)
			break;
		if (pendi_seat_state(pendi_load_relaxed(&seat->control)) == PENDI_SEAT_WAITING &&
		    strcmp(seat->name, name) == 0)
			return seat;
	}
	return NULL;
}

/* A seat in which nobody sits: 0, -ENOSPC or -ENOMEM. */
static int sessions_find_free(struct pendi_sessions *sessions, struct pendi_seat **free)
{
	for (uint32_t number = 1; number <= PEND_SESSIONS_MAX; number++) {
		/* relaxed: written under the mutex. */
		*free = pendi_load_relaxed(&sessions->seats[number]);
		if (!*free) {
			*free = sessions_seat(sessions, number);
			return *free ? 0 : -ENOMEM;
		}
		if (!(*free)->seated)
			return 0;
	}
	return -ENOSPC;
}

/* What the session wants, before it sits down. */
static void seat_set(struct pendi_seat *seat, const struct pend_session_options *options)
{
	/* relaxed, all: published when it sits down (SE6). */
	pendi_store_relaxed(&seat->share, options->max_live);
	pendi_store_relaxed(&seat->self_pid, options->self_pid);
	pendi_store_relaxed(&seat->on_loss, (uint32_t)options->on_loss);
	pendi_store_relaxed(&seat->space_user, 0);
	pendi_store_relaxed(&seat->space_label, 0);
	memset(seat->name, 0, sizeof(seat->name));
	if (options->name)
		memcpy(seat->name, options->name, strlen(options->name));
}

/* FREE or WAITING -> OPEN, for the next sitting. Returns the session. */
static struct pend_session *seat_open(struct pendi_seat *seat)
{
	/* relaxed: the CAS validates it. */
	uint64_t control = pendi_load_relaxed(&seat->control), after;
	uint32_t sitting;

	do {
		sitting = ((uint32_t)(control >> SEAT_SITTING_SHIFT) + 1) % SEAT_SITTINGS;
		after = pendi_seat_with_state(control & SEAT_COUNTS_MASK, PENDI_SEAT_OPEN) |
			(uint64_t)sitting << SEAT_SITTING_SHIFT;
		/* [SE6.rel] Pairs with [SE6.acq] in seat_count_in() and seat_mark_lost(): its ring
		 * and what it wants. */
	} while (!pendi_cas_release(&seat->control, &control, after, SE6));
	return &seat->sessions[sitting];
}

/* Takes back what was opened: nobody knows of it yet. */
static void seat_close_again(struct pendi_seat *seat, enum pendi_seat_state before)
{
	/* relaxed, all: nobody has the session; counts may move (those of an heir's operations). */
	uint64_t control = pendi_load_relaxed(&seat->control);

	while (pendi_seat_state(control) == PENDI_SEAT_OPEN &&
	       !pendi_cas_relaxed(&seat->control, &control, pendi_seat_with_state(control, before)))
		;
}

static void seat_reset_counts(struct pendi_seat *seat)
{
	/* relaxed, all: nobody is inside. */
	pendi_store_relaxed(&seat->full_refusals, 0);
	pendi_store_relaxed(&seat->share_refusals, 0);
	pendi_store_relaxed(&seat->self_refusals, 0);
}

/* The session sits down in an empty seat. */
static int seat_take(struct pendi_seat *seat, const struct pend_session_options *options,
		     struct pend_session **session)
{
	const struct pend_allocator *allocator = pendi_engine_allocator(seat->engine);
	int error = pendi_ring_init(&seat->ring, options->notices, options->key_size, allocator);

	if (error)
		return error;
	seat_reset_counts(seat);
	seat_set(seat, options);
	*session = seat_open(seat);
	error = options->watch_fd == -1 ? 0 : pendi_seat_watch(seat, options->watch_fd);
	if (error) {
		seat_close_again(seat, PENDI_SEAT_FREE);
		pendi_ring_fini(&seat->ring, allocator);
		return error;
	}
	seat->seated = true;
	return 0;
}

/* The session takes over the seat of the one that was lost. */
static int seat_inherit(struct pendi_seat *seat, const struct pend_session_options *options,
			struct pend_session **session)
{
	int error;

	if (seat->ring.count != options->notices || seat->ring.key_size != options->key_size)
		return -EINVAL;
	/* What the one before was watched by is nothing to this one. */
	pendi_seat_unwatch(seat);
	seat_set(seat, options);
	*session = seat_open(seat);
	error = options->watch_fd == -1 ? 0 : pendi_seat_watch(seat, options->watch_fd);
	if (error)
		seat_close_again(seat, PENDI_SEAT_WAITING);
	return error;
}

/* Under the mutex, with the engine held. *@spare: that hold is not needed. */
static int sessions_admit(struct pend_engine *engine, const struct pend_session_options *options,
			  struct pend_session **session, bool *spare)
{
	struct pendi_sessions *sessions = sessions_of(engine);
	struct pendi_seat *seat;
	struct pend_session *opened;
	int error;

	if (!sessions)
		return -ENOMEM;
	seat = sessions_heirless(sessions, options->name);
	if (seat) {
		error = seat_inherit(seat, options, &opened);
	} else {
		pendi_sessions_sweep(sessions);
		error = sessions_find_free(sessions, &seat);
		if (!error)
			error = seat_take(seat, options, &opened);
	}
	if (error)
		return error;
	/* One that was lost and never closed has left its hold to the heir. */
	*spare = seat->owned;
	seat->owned = true;
	*session = opened;
	return 0;
}

static int session_check_ranges(const struct pend_session_options *options)
{
	if (options->notices < PENDI_RING_NOTICES_MIN ||
	    options->notices > PENDI_RING_NOTICES_MAX || options->key_size > PEND_KEY_SIZE_MAX ||
	    options->self_pid < 0)
		return -ERANGE;
	return options->notices & (options->notices - 1) ? -EINVAL : 0;
}

static int session_check_options(const struct pend_session_options *options)
{
	if (options->flags || (uint32_t)options->on_loss > PEND_LOSS_HAND_OVER)
		return -EINVAL;
	if (options->on_loss == PEND_LOSS_HAND_OVER && !options->name)
		return -EINVAL;
	if (options->name && !*options->name)
		return -EINVAL;
	if (options->name &&
	    strnlen(options->name, PEND_SESSION_NAME_MAX + 1) > PEND_SESSION_NAME_MAX)
		return -ENAMETOOLONG;
	return session_check_ranges(options);
}

int pend_session_open(struct pend_engine *engine, const struct pend_session_options *options,
		      struct pend_session **session)
{
	struct pend_session_options wanted = pend_session_options_default();
	bool spare = false;
	int error = 0;

	if (!engine || !session)
		return -EFAULT;
	if (options)
		error = pendi_options_read(&wanted, sizeof(wanted), SESSION_OPTIONS_SIZE_FIRST,
					   options);
	if (!error)
		error = session_check_options(&wanted);
	if (!error && pendi_engine_serving(engine))
		error = -EDEADLK;
	if (!error)
		error = pendi_engine_hold(engine);
	if (error)
		return error;
	(void)pendi_fork_guard(&sessions_guard); /* the engine's would have failed before */
	pthread_mutex_lock(&pendi_sessions_mutex);
	error = sessions_admit(engine, &wanted, session, &spare);
	pthread_mutex_unlock(&pendi_sessions_mutex);
	if (error || spare)
		pendi_engine_release(engine);
	return error;
}
