/* SPDX-License-Identifier: MIT */
/*
 * test_epoch_api.c - the public calls of epoch.h: their errors and what they promise a caller.
 *
 * Whether reclamation is right is tested in tests/epoch/, on both implementations.
 */
#include "fixture.h"

#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

Test(epoch_api, exits_match_enters)
{
	/* retval: pend_epoch_exit -EPERM */
	cr_assert_eq(pend_epoch_exit(), -EPERM);
	for (int depth = 0; depth < 100; depth++)
		cr_assert_eq(pend_epoch_enter(), 0);
	for (int depth = 0; depth < 100; depth++)
		cr_assert_eq(pend_epoch_exit(), 0);
	cr_assert_eq(pend_epoch_exit(), -EPERM);
	cr_assert_eq(pend_epoch_synchronize(), 0);
}

Test(epoch_api, a_section_does_not_wait_for_itself)
{
	cr_assert_eq(pend_epoch_enter(), 0);
	/* retval: pend_epoch_synchronize -EDEADLK */
	cr_assert_eq(pend_epoch_synchronize(), -EDEADLK);
	cr_assert_eq(pend_epoch_exit(), 0);
	cr_assert_eq(pend_epoch_synchronize(), 0);
}

Test(epoch_api, the_stall_report)
{
	struct pend_epoch_stall stalls[2] = { { .since_ns = CANARY }, { .since_ns = CANARY } };

	/* retval: pend_epoch_stalled -EFAULT */
	cr_assert_eq(pend_epoch_stalled(0, NULL, 1), -EFAULT);
	cr_assert_eq(pend_epoch_stalled(0, NULL, 0), 0);
	cr_assert_eq(pend_epoch_stalled(0, stalls, 2), 0);
	cr_assert_eq(stalls[0].since_ns, CANARY);
	cr_assert_eq(pend_epoch_enter(), 0);
	cr_assert_eq(pend_epoch_stalled(0, stalls, 2), 0, "noticed by this one");
	cr_assert_eq(pend_epoch_stalled(0, stalls, 2), 1, "reported by the next");
	cr_assert_eq(stalls[0].tid, (int32_t)gettid());
	cr_assert_eq(stalls[0].reserved, 0);
	cr_assert_gt(stalls[0].since_ns, 0u);
	cr_assert_eq(stalls[1].since_ns, CANARY);
	cr_assert_eq(pend_epoch_stalled(0, NULL, 0), 1, "more than there is room for");
	cr_assert_eq(pend_epoch_stalled(UINT64_MAX, stalls, 2), 0);
	cr_assert_eq(pend_epoch_exit(), 0);
	cr_assert_eq(pend_epoch_stalled(0, stalls, 2), 0);
}

enum { THREADS = 4095 };

static sem_t registered, leave;

static void *register_and_stay(void *argument)
{
	(void)argument;
	cr_assert_eq(pend_epoch_enter(), 0);
	cr_assert_eq(pend_epoch_exit(), 0);
	sem_post(&registered);
	while (sem_wait(&leave))
		;
	return NULL;
}

/* The map goes on for a thread that cannot be registered: only epochs are refused. */
static void *come_late(void *argument)
{
	struct pend_map *map = argument;
	uint64_t handle;

	/* retval: pend_epoch_enter -EAGAIN */
	cr_assert_eq(pend_epoch_enter(), -EAGAIN);
	cr_assert_eq(pend_epoch_exit(), -EPERM);
	handle = pend_key(map, 1);
	COUNTED(map, -EEXIST, refused_key, pend_error(map, 1));
	cr_assert_eq(pend_map_complete(map, handle, PEND_ACTION_BLOCK), 0);
	return NULL;
}

Test(epoch_api, more_threads_than_can_be_registered, .timeout = 120)
{
	static pthread_t threads[THREADS];
	struct pend_map *map = make_keyed(4);
	pthread_attr_t small;
	pthread_t late;
	uint32_t count = 0;

	cr_assert_eq(sem_init(&registered, 0, 0), 0);
	cr_assert_eq(sem_init(&leave, 0, 0), 0);
	cr_assert_eq(pthread_attr_init(&small), 0);
	cr_assert_eq(pthread_attr_setstacksize(&small, 128 * 1024), 0);
	while (count < THREADS &&
	       pthread_create(&threads[count], &small, register_and_stay, NULL) == 0)
		count++;
	for (uint32_t i = 0; i < count; i++)
		while (sem_wait(&registered))
			;
	if (count == THREADS) {
		cr_assert_eq(pthread_create(&late, NULL, come_late, map), 0);
		cr_assert_eq(pthread_join(late, NULL), 0);
	}
	for (uint32_t i = 0; i < count; i++)
		sem_post(&leave);
	for (uint32_t i = 0; i < count; i++)
		cr_assert_eq(pthread_join(threads[i], NULL), 0);
	if (count < THREADS)
		cr_skip_test("this machine does not allow %d threads", THREADS);
	destroy(map);
}
