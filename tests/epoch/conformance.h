/* SPDX-License-Identifier: MIT */
/*
 * conformance.h - what the parts of the epoch's conformance suite share.
 */
#ifndef TESTS_EPOCH_CONFORMANCE_H
#define TESTS_EPOCH_CONFORMANCE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include "epoch/epoch.h"
#include "epoch_oracle.h"

/* The most threads that live at once in any test before the one that fills the table. */
#define PEAK_THREADS 16u

/* An object that counts how often it was reclaimed. */
struct thing {
	struct pendi_epoch_node node;
	struct oracle_count reclaimed;
};

/* A thread that opens a section, says so, and closes it when told. */
struct parked {
	pthread_t thread;
	sem_t inside;
	sem_t leave;
	int32_t tid;
	struct oracle_count has_left;
};

extern uint64_t rounds; /* --rounds */
extern bool native;     /* which implementation runs */
extern struct oracle_count operations;

/* One check of the running test; prints what failed. */
#define CHECK(condition) check((condition), #condition, __FILE__, __LINE__)
bool check(bool holds, const char *what, const char *file, int line);

void thing_init(struct thing *thing);
void thing_retire(struct thing *thing);

pthread_t start(void *(*function)(void *), void *argument);
void finish(pthread_t thread);
void park(struct parked *parked);
void unpark(struct parked *parked);

/* Lets other threads run until @count is not 0, but not for ever: a chance to go wrong. */
void give_a_chance(struct oracle_count *count);

/* Moves the scripted clock. */
void clock_set_ns(uint64_t now_ns);

/* The tests, by file. */
void public_calls_check_their_caller(void);
void sections_nest(void);
void own_section_protects(void);
void inner_exit_keeps_protecting(void);
void batch_is_reclaimed_whole(void);
void threads_that_ended_strand_nothing(void);
void nodes_arrive_as_they_were_sent(void);
void barrier_waits_for_a_running_function(void);
void synchronize_waits_for_the_reader(void);
void function_may_retire_and_poll(void);
void stalled_reader_is_named(void);
void busy_reader_is_not_stalled(void);
void stalled_reader_bounds_limbo(void);
void fence_changes_only_when_quiet(void);
void refused_membarrier_frees_nothing(void);

void torture(void);
void torture_while_fences_change(void);

void threads_reuse_records(void);
void every_end_of_a_thread_closes_its_section(void);
void late_destructor_may_use_the_library(void);
void child_of_a_fork_goes_on(void);
void full_table_is_an_error(void);

#endif
