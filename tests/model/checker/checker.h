/* SPDX-License-Identifier: MIT */
/*
 * checker.h - the parts of the model checker, and what they share.
 *
 *	search.c    one search of one scenario: discovery, every schedule up to a bound, chance
 *	schedule.c  decides who goes on, again and again, until nothing is left to decide
 *	chance.c    decides by dice: uniformly, or by priorities that change (PCT)
 *	memory.c    what an access does: store buffers, which addresses matter, freed memory
 *	weak.c      ... in the weak mode: messages, views, what may be read
 *	sites.c     the places of the source that access something, and their orders
 *	fiber.c     stacks, thread-locals, and all memory put back as it was
 *	seams.c     the library's system: clock, CPU, futex, membarrier, mutexes, allocation
 *	events.c    ... and its eventfds
 *	apart.c     a process for each search
 *	report.c    what went wrong, the schedule that shows it, and the trace of one
 *
 * All state of the checker lies in one mapping of its own (`model`), for the program's own data is
 * put back before each execution.
 */
#ifndef CHECKER_CHECKER_H
#define CHECKER_CHECKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/model/checker/model.h"

enum {
	MODEL_MAIN = MODEL_THREADS, /* who runs while no fiber does */
	MODEL_FIBERS = MODEL_THREADS + 1,
	MODEL_BUFFER = 16,      /* stores under way of one fiber at most, */
	MODEL_BUFFER_USUAL = 8, /* and where the scenario does not say */
	MODEL_DEPTH = 1 << 14,  /* decisions of one execution */
	/* Options of a decision: fiber n goes on; ... */
	MODEL_LANDS = MODEL_THREADS,       /* + n: its oldest store lands */
	MODEL_FREEZES = 2 * MODEL_THREADS, /* + n: it stops for good */
	MODEL_PICKS = 3 * MODEL_THREADS,   /* not who goes on: schedule_choose() */
	MODEL_OPTIONS = 3 * MODEL_THREADS,
	MODEL_CELLS = 1 << 16, /* addresses that are known */
	MODEL_TLS = 1024,
	MODEL_STACK = 256 << 10,
	MODEL_SIGNAL_STACK = 64 << 10,
	MODEL_LINES = 100, /* of a trace, the first and the last */
	MODEL_LINE = 256,
	MODEL_ARENA = 4 << 20, /* of each fiber */
};

#define MODEL_GRAIN 16u /* bytes for each byte of `shadow` */

enum model_wait {
	MODEL_RUNS,
	MODEL_SPINS,  /* until somebody writes */
	MODEL_SLEEPS, /* until a futex is woken */
	MODEL_LOCKS,  /* until a mutex is given back */
	MODEL_FROZEN, /* for good */
	MODEL_ENDED,
};

/* Who decides. */
enum model_chooser {
	MODEL_BY_SEARCH,
	MODEL_BY_REPLAY,
	MODEL_BY_DICE,
	MODEL_BY_PRIORITY,
};

struct model_pending {
	void *at;
	uint64_t value;
	uint32_t size;
};

struct model_fiber {
	void *stack_pointer;
	enum model_wait wait;
	const void *wait_on;
	uint64_t wait_version;
	bool timed; /* may wake by itself */
	bool timed_out;
	uint32_t cpu;
	uint32_t buffered;
	struct model_pending buffer[MODEL_BUFFER];
	unsigned char tls[MODEL_TLS], tls_begin[MODEL_TLS];
	size_t used, used_begin; /* of its arena */
};

struct model_decision {
	uint8_t options[MODEL_OPTIONS];
	uint8_t count;
	uint8_t taken;
	uint8_t self; /* who was running */
	uint32_t step;
};

struct model_cell {
	uintptr_t at;
	uint8_t readers, writers; /* sets of fibers */
	bool point;               /* decided before each access in this search */
};

/* Priorities of PCT: whoever can go on and has the highest does. */
struct model_priorities {
	uint32_t changes; /* the depth of PCT, less one */
	uint32_t change[16];
	uint32_t of[MODEL_OPTIONS];
};

struct model {
	const struct model_scenario *scenario;
	struct model_fiber fibers[MODEL_FIBERS];
	uint32_t self;
	bool running; /* fibers run */
	bool tso, weak;
	bool trace; /* say what happens */
	bool reach; /* note which sites are executed */
	enum model_chooser chooser;
	uint64_t random_state;
	struct model_priorities priorities;
	uint32_t bound, cost;
	bool cut;              /* the bound was reached somewhere */
	uint32_t depth, known; /* decisions made in this execution, and to be made again */
	uint32_t step;         /* moments of this execution at which there may be a decision */
	struct model_decision decisions[MODEL_DEPTH];
	uint64_t version; /* writes so far */
	uint32_t spins;   /* steps in a row that changed nothing */
	uint64_t now_ns, now_begin_ns;
	struct model_cell *touched[MODEL_CELLS];
	uint32_t touched_count;
	bool grown; /* an address turned out to be shared: search anew */
	uint64_t executions, steps, longest;
	uint64_t ticked_at; /* steps when the timer rang last */
	uint64_t sorted[MODEL_CELLS];
	unsigned char signal_stack[MODEL_SIGNAL_STACK];
	uint64_t lines; /* of the trace */
	char last_lines[MODEL_LINES][MODEL_LINE];
	struct model_result *result;
};

extern struct model *model;

/* fiber.c */
void fiber_setup(void);
void fiber_snapshot(void); /* after begin() */
void fiber_restore(void);
void fiber_switch(uint32_t to);
void fiber_run_all(void);                              /* from main; returns when all have ended */
void fiber_as(uint32_t fiber, void (*function)(void)); /* on main's stack, with its thread-locals */

/* memory.c */
struct model_cell *memory_cell(const void *at);
void memory_setup(void);
void memory_snapshot(void);
void memory_restore(void);
void memory_land(uint32_t fiber); /* the oldest store */
void memory_land_all(uint32_t fiber);
void *memory_allocate(size_t size, size_t alignment);
void memory_release(void *memory, size_t size);
void memory_fence(void);                   /* of the system: between all stores and loads */
void memory_barrier(void);                 /* ... of all fibers: membarrier(2) */
void memory_hand_over(const void *object); /* mutexes, futexes: before it is given back */
void memory_acquire(const void *object);   /* ... and when it was taken */

/* schedule.c */
void schedule_point(void); /* the running fiber is about to do something */
void schedule_block(enum model_wait wait, const void *on,
		    bool timed); /* returns when it may go on */
void schedule_wake(enum model_wait wait, const void *on, uint32_t count);
void schedule_end(void); /* the running fiber is done; does not return */
/* One of @count ways to go on for the running fiber: each but 0 costs one. */
uint32_t schedule_choose(uint32_t count);
bool schedule_next(void); /* another execution? */
void schedule_begin(void);

/* chance.c */
uint64_t chance_draw(void);
void chance_begin(void); /* of an execution */
uint32_t chance_choose(const struct model_decision *decision);

/* seams.c */
void seams_setup(void);
void seams_enter_kernel(void); /* others may come before it; all stores are out when it is done */

/* events.c */
void events_setup(void);

/* report.c */
struct model_site;
void report_setup(void); /* in the process of a search: crashes and endless loops are violations */
void report_access(const struct model_site *site, const char *what, const void *at, uint64_t found,
		   uint64_t now);
void report_landing(uint32_t fiber, const void *at, uint64_t value);
void report_event(const char *what, const void *on); /* of the running fiber */
void report_last_lines(void);                        /* of a replay that has ended */
/* Whether the schedule is one: points and decisions are set then. */
bool report_read_schedule(const char *text);

/* search.c */
enum model_mode { MODEL_SC, MODEL_TSO, MODEL_WEAK, MODEL_MODES };

struct model_plan {
	int bound;       /* -1: the scenario's */
	uint64_t limit;  /* schedules up to the bound, at most */
	uint64_t budget; /* go on with higher bounds, and then by chance, up to so many */
	uint64_t seed;
	uint32_t change_points; /* of PCT: d - 1 */
	const char *replay;
	bool reach; /* print the sites that were executed */
};

/* What a search has found. Shared with the process that runs it. */
struct model_result {
	bool done;      /* it came to its end: neither a violation nor a crash */
	bool exhausted; /* at `bound` */
	bool complete;  /* and no execution reached the bound: these are all there are */
	uint32_t bound;
	uint32_t points;
	uint64_t schedules; /* of `bound` */
	uint64_t drawn;     /* by chance */
	uint64_t longest;   /* decisions */
	double seconds;
	enum model_chooser chooser;
	char what[160]; /* a violation, and the schedule that leads to it */
	char schedule[4096];
};

extern const char *const search_mode_names[MODEL_MODES];

/* The bound that @scenario has in @mode, or -1 where it is not to be run so. */
int search_bound(const struct model_scenario *scenario, enum model_mode mode);
/* In a process of its own; prints violations, and the trace of a replay, to stdout. */
void search_run(const struct model_scenario *scenario, enum model_mode mode,
		const struct model_plan *plan, struct model_result *result);

#endif
