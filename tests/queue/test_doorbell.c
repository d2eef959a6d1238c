/* SPDX-License-Identifier: MIT */
/*
 * test_doorbell.c - unit tests of engine/queue/doorbell.c with a scripted futex, and one with the
 * real one. That no wake-up is lost is the business of explore_doorbell.c.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "engine/queue/doorbell.h"
#include "platform/script.h"

static struct pendi_doorbell bell;
static uint32_t waits, wakes, armed_while_asleep;
static uint64_t waited_ns;
static int wait_result;

static uint32_t armed(void)
{
	/* relaxed: one thread */
	return pendi_load_relaxed(&bell.armed);
}

static int script_wait(const void *word, uint32_t expected, uint64_t timeout_ns)
{
	cr_assert_eq(word, &bell.armed);
	cr_assert_eq(expected, 1);
	waits++;
	waited_ns = timeout_ns;
	armed_while_asleep = armed();
	if (armed() != 1)
		return -EAGAIN;
	return wait_result;
}

static int script_wake(const void *word, uint32_t count)
{
	cr_assert_eq(word, &bell.armed);
	cr_assert_eq(count, 1);
	cr_assert_eq(armed(), 0);
	wakes++;
	return 1;
}

static void script(void)
{
	memset(&bell, 0, sizeof(bell));
	waits = wakes = 0;
	wait_result = 0;
	pendi_script.futex_wait = script_wait;
	pendi_script.futex_wake = script_wake;
}

Test(doorbell, ring_of_an_unarmed_bell_calls_nobody)
{
	script();
	pendi_doorbell_ring(&bell);
	pendi_doorbell_wake(&bell); /* also if it was armed a moment ago */
	pendi_doorbell_arm(&bell);
	cr_assert_eq(armed(), 1);
	pendi_doorbell_disarm(&bell);
	cr_assert_eq(armed(), 0);
	pendi_doorbell_ring(&bell);
	cr_assert_eq(wakes, 0);
}

Test(doorbell, only_the_first_ring_wakes)
{
	script();
	pendi_doorbell_arm(&bell);
	pendi_doorbell_ring(&bell);
	pendi_doorbell_ring(&bell);
	pendi_doorbell_wake(&bell);
	cr_assert_eq(wakes, 1);
	cr_assert_eq(armed(), 0);
}

Test(doorbell, sleep_passes_the_timeout_on_and_disarms)
{
	static const int results[] = { 0, -ETIMEDOUT, -EINTR, -EAGAIN };

	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		script();
		wait_result = results[i];
		pendi_doorbell_arm(&bell);
		pendi_doorbell_sleep(&bell, 1000 + i);
		cr_assert_eq(waits, 1);
		cr_assert_eq(waited_ns, 1000 + i);
		cr_assert_eq(armed_while_asleep, 1);
		cr_assert_eq(armed(), 0);
		pendi_doorbell_ring(&bell);
		cr_assert_eq(wakes, 0);
	}
}

Test(doorbell, ring_before_the_sleep)
{
	script();
	pendi_doorbell_arm(&bell);
	pendi_doorbell_ring(&bell);
	pendi_doorbell_sleep(&bell, UINT64_MAX);
	cr_assert_eq(armed_while_asleep, 0);
	cr_assert_eq(armed(), 0);
}

Test(doorbell, real_timeout)
{
	memset(&pendi_script, 0, sizeof(pendi_script));
	memset(&bell, 0, sizeof(bell));
	pendi_doorbell_arm(&bell);
	pendi_doorbell_sleep(&bell, 1000000);
	cr_assert_eq(armed(), 0);
}

static void *ring_until_served(void *argument)
{
	_Atomic uint32_t *served = argument;

	/* relaxed: the join hands over what there is to hand over */
	while (!pendi_load_relaxed(served))
		pendi_doorbell_ring(&bell);
	return NULL;
}

/* No timeout: the other thread's ring ends it, before or during the sleep. */
Test(doorbell, real_ring, .timeout = 20)
{
	static _Atomic uint32_t served;
	pthread_t ringer;

	memset(&pendi_script, 0, sizeof(pendi_script));
	for (uint32_t i = 0; i < 50; i++) {
		memset(&bell, 0, sizeof(bell));
		/* relaxed, both: as above */
		pendi_store_relaxed(&served, 0);
		cr_assert_eq(pthread_create(&ringer, NULL, ring_until_served, &served), 0);
		pendi_doorbell_arm(&bell);
		pendi_doorbell_sleep(&bell, UINT64_MAX);
		pendi_store_relaxed(&served, 1);
		cr_assert_eq(pthread_join(ringer, NULL), 0);
		cr_assert_eq(armed(), 0);
	}
}
