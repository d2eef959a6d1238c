/* SPDX-License-Identifier: MIT */
/*
 * runtime_internal.h - the runtime's structures, and the steps its files share.
 *
 *	runtime.c     create, destroy, counters, traces
 *	program.c     loading: what a program may call
 *	hook.c        hooks, and the chains that invocations read
 *	attachment.c  a program at a link: what frames and pended operations refer to
 *	link.c        attach, detach;  update.c: replacement
 *	cleaner.c     frees what no invocation reads any more
 *	invoke.c      the hot path: frame, programs, verdict
 *	pending.c     the helpers that pend: a record in the slot, and the backend's hold
 *	finish.c      completion: the aggregate, the backend, the rest of a chain
 *	reinvoke.c    CONTINUE and DEFER_TO_PASSIVE: the program runs again
 *	calls.c       what programs call;  helpers.c: the library's functions behind it
 *
 * Lifetimes (guarantee G)
 *
 *	chain (immutable array) -> attachment -> link, program
 *	record of a pended operation -> attachment
 *
 * An invocation reads one chain, inside an epoch. Changing what is attached publishes another chain and
 * retires the old one. An attachment that no chain has any more is freed when every invocation that
 * may have read it has ended (the epoch) and as many of its pends are done as were begun; nothing new
 * can be pended through it by then, so that is for good. Both are counted in rows of the threads,
 * without a read-modify-write.
 */
#ifndef PENDI_ENGINE_RUNTIME_RUNTIME_INTERNAL_H
#define PENDI_ENGINE_RUNTIME_RUNTIME_INTERNAL_H

#include <pendmap/helpers.h>
#include <pendmap/link.h>

#include "engine/custom/custom.h"
#include "engine/identity/identity.h"
#include "engine/map/map_internal.h"
#include "engine/map/tally.h"
#include "engine/registry/registry.h"
#include "engine/runtime/cleaner.h"
#include "epoch/epoch.h"
#include "epoch/section.h"

/* Counters of a runtime: rows of tally.h, by these numbers. */
enum pendi_runtime_counter {
	PENDI_RUNTIME_PENDS,
	PENDI_RUNTIME_COMPLETIONS,
	PENDI_RUNTIME_MOVED,
	PENDI_RUNTIME_SYNTHESIZED,
	PENDI_RUNTIME_SYNTHESIZED_LOST,
	PENDI_RUNTIME_NOT_PENDED,
	PENDI_RUNTIME_BAD_VERDICTS,
	PENDI_RUNTIME_DEFERRED,
	PENDI_RUNTIME_DEFER_REFUSED,
	PENDI_RUNTIME_REINVOKED,
	PENDI_RUNTIME_SKIPPED,
	PENDI_RUNTIME_READ_ONLY,
	PENDI_RUNTIME_HELPER_REFUSED,
	PENDI_RUNTIME_LOST_FUNCTION,
	PENDI_RUNTIME_CANCELLED,
	PENDI_RUNTIME_REINJECT_FAILED,
	PENDI_RUNTIME_BACKEND_REFUSED,
	PENDI_RUNTIME_CONTINUATION_MISSING,
	PENDI_RUNTIME_DISABLED,
	PENDI_RUNTIME_IDENTITIES,
	PENDI_RUNTIME_IDENTITIES_RELEASED,
	PENDI_RUNTIME_ATTACHMENTS,
	PENDI_RUNTIME_ATTACHMENTS_FREED,
	PENDI_RUNTIME_COUNTERS,
};

_Static_assert((int)PENDI_RUNTIME_COUNTERS <= (int)PENDI_COUNTERS, "they fit in a row");

struct pend_runtime {
	struct pendi_registry registry; /* first: pendi_registry_of() */
	struct pendi_cleaner cleaner;   /* its mutex is that of all that is attached */
	uint32_t context_size;          /* of the largest program context */
	uint32_t record_size;           /* of struct pendi_record with such a context */
	struct pend_map *deferrals;     /* operations that wait for their identity */
	struct pendi_pend_functions functions;
	struct pendi_tally tally;
	struct pendi_tally ages[2]; /* log2 of ns, 32 buckets each */
	void (*on_trace)(void *context, const struct pend_trace *trace);
	void *context;
};

/* Positions in a program's table of general helpers. */
enum pendi_builtin {
	PENDI_BUILTIN_MAP_LOOKUP,
	PENDI_BUILTIN_MAP_UPDATE,
	PENDI_BUILTIN_MAP_DELETE,
	PENDI_BUILTIN_PRANDOM,
	PENDI_BUILTIN_KTIME_BOOT,
	PENDI_BUILTIN_PROCESSOR,
	PENDI_BUILTIN_KTIME,
	PENDI_BUILTIN_PID_TGID,
	PENDI_BUILTIN_COOKIE,
	PENDI_BUILTIN_PEND,
	PENDI_BUILTIN_SOCK_ADDR_PEND,
	PENDI_BUILTIN_COMPLETE,
	PENDI_BUILTIN_SCRATCH,
	PENDI_BUILTIN_IDENTITY,
	PENDI_BUILTIN_PRESSURE,
	PENDI_BUILTIN_CONTINUATION_MISSING,
	PENDI_BUILTINS,
};

/* helpers.c: the built-in helpers, in that order: id, the library's own function, whether naming it
 * makes a program MAY_PEND. */
struct pendi_builtin_helper {
	uint32_t id;
	pend_helper_fn address;
	bool pends;
};
extern const struct pendi_builtin_helper pendi_builtins[PENDI_BUILTINS];

struct pend_program {
	struct pendi_object object; /* first */
	struct pend_runtime *runtime;
	struct pendi_use type; /* client of its type's provider */
	struct pend_uuid type_id, attach_type;
	struct pend_context_layout layout;
	bool may_pend;
	pend_program_fn entry;
	void *data;
	void (*on_free)(void *data);
	uint64_t verification_hash;
	_Atomic uint32_t
		missing;   /* imports without a provider: it is not run while there are any */
	uint32_t attached; /* links; under the cleaner's mutex */
	pend_helper_fn builtin[PENDI_BUILTINS]; /* NULL: not named, so refused */
	uint32_t helper_count;                  /* the type's own helpers that it named */
	uint32_t helper_ids[PEND_PROGRAM_HELPERS_MAX];
	pend_helper_fn helper_addresses[PEND_PROGRAM_HELPERS_MAX];
	uint32_t import_count;
	struct pendi_import imports[16];
	/* Under the cleaner's mutex. */
	struct pendi_attachment *attachments; /* not freed yet, by program_next */
	uint64_t runs_before;                 /* of attachments that were freed */
	char name[PEND_NAME_MAX + 1];
};

/* Counters of an attachment, by these numbers. */
enum pendi_attachment_counter {
	PENDI_ATTACHMENT_RUNS,  /* invocations that have ended */
	PENDI_ATTACHMENT_PENDS, /* records that came to refer to it */
	PENDI_ATTACHMENT_DONES, /* ... and that do no more */
};

/* A program at a link, from one update of the link to the next. */
struct pendi_attachment {
	pend_program_fn entry; /* first: what an invocation reads */
	void *data;
	struct pend_program *program; /* referenced */
	struct pend_link *link;       /* referenced */
	struct pend_hook *hook;       /* does not go before this */
	uint32_t compartment;
	uint32_t link_id;
	uint32_t number; /* of the updates of its link */
	uint32_t first;  /* number of the oldest that handed over to it, or its own */
	uint64_t order;  /* place in the chain: of a compartment before of any, then the sequence */
	uint64_t sequence; /* of the link's attaching in its hook */
	struct pendi_tally tally;
	/* Set by an update that hands over: who runs this one's continued operations. Counted in its
	 * pends. */
	_Atomic(struct pendi_attachment *) successor;
	_Atomic uint32_t phase; /* attachment.c */
	bool completes;         /* once no invocation runs it, its operations are completed */
	bool inherits;          /* it is a successor: one of its pends is no operation */
	pend_link_detached_fn detached; /* to be called once no invocation runs it; or NULL */
	void *detached_context;
	/* In the lists of its program and its link, under the cleaner's mutex: the next, and the
	 * pointer that points here. Thousands may end in one tick. */
	struct pendi_attachment *program_next, **program_at;
	struct pendi_attachment *link_next, **link_at;
	struct pendi_remnant remnant;
};

/* What an invocation reads. Immutable but for the remnant. */
struct pendi_chain {
	uint32_t count;
	uint64_t sequence; /* of the newest link in it */
	struct pendi_attachment *attachments[PEND_HOOK_LINKS_MAX + 1]; /* in order, then NULL */
	struct pend_hook *hook;
	struct pendi_remnant remnant;
};

struct pend_hook {
	_Atomic(struct pendi_chain *) chain; /* never NULL */
	uint32_t flags;
	uint32_t context_bytes; /* that programs may write: layout.size */
	struct pend_context_layout layout;
	struct pend_runtime *runtime;
	const struct pend_backend *backend;
	void *backend_context;
	enum pend_hook_loss on_loss;
	uint32_t links_max;
	struct pendi_use type; /* client of the program type's provider */
	struct pend_uuid program_type;
	uint32_t attach_type_count;
	struct pend_uuid attach_types[PEND_HOOK_ATTACH_TYPES_MAX];
	struct pend_provider *providers[PEND_HOOK_ATTACH_TYPES_MAX];
	/* Under the cleaner's mutex. */
	uint64_t last_sequence;
	uint32_t unfreed; /* attachments not yet freed */
	bool open;        /* programs may be attached */
	char name[PEND_NAME_MAX + 1];
};

struct pend_link {
	struct pendi_object object; /* first */
	struct pend_runtime *runtime;
	struct pend_uuid attach_type;
	uint32_t compartment;
	/* Under the cleaner's mutex. */
	struct pendi_use use;   /* client of the hook's provider, while any attachment is unfreed */
	struct pend_hook *hook; /* to be used only while any is */
	struct pendi_attachment *attachment;  /* NULL: detached */
	struct pendi_attachment *attachments; /* not freed yet, by link_next */
	struct pendi_chain *spare; /* so that detaching needs no memory; NULL: detached */
	uint64_t sequence, order;
	uint32_t updates;
};

/* hook.c: chains. Under the cleaner's mutex, but for the first and the last two. */
struct pendi_chain *pendi_chain_create(struct pend_runtime *runtime);
struct pendi_chain *pendi_chain_of(struct pend_hook *hook);
/* Fills @next with the hook's chain, without @out and with @in (either may be NULL), and makes it the
 * hook's. Returns what was it, to be retired. */
struct pendi_chain *pendi_chain_publish(struct pend_hook *hook, struct pendi_chain *next,
					struct pendi_attachment *out, struct pendi_attachment *in);
/* Whether a program that may pend is attached by another than @but. */
bool pendi_chain_has_pender(const struct pendi_chain *chain, const struct pendi_attachment *but);
void pendi_chain_retire(struct pendi_chain *chain);
void pendi_chain_free(struct pendi_chain *chain);

/* link.c: whether @program may be where programs of @program_type are attached as @attach_type, in
 * @name_space: 0, -EINVAL or -EPERM. */
int pendi_link_check(const struct pend_program *program, const struct pend_uuid *program_type,
		     const struct pend_uuid *attach_type, const struct pend_namespace *name_space);
/* Whether the calling thread may not wait for invocations to end: 0 or -EDEADLK. */
int pendi_link_may_wait(void);

/* --- attachment.c --- */

/* One for @program at @link: references both. NULL: no memory. */
struct pendi_attachment *pendi_attachment_create(struct pend_program *program,
						 struct pend_link *link);
/* It never was in a chain: frees it. */
void pendi_attachment_discard(struct pendi_attachment *attachment);
/* It is in a chain, or in none any more. Under the cleaner's mutex. */
void pendi_attachment_enlist(struct pendi_attachment *attachment);
/* Who continues the operations of @old from now on. */
void pendi_attachment_hand_over(struct pendi_attachment *old, struct pendi_attachment *successor);
/* No chain has it any more, and no new one will: frees it when the last frame and the last pend are
 * gone, perhaps at once, perhaps much later. Its operations are treated as @outstanding says. */
void pendi_attachment_drop(struct pendi_attachment *attachment, enum pend_outstanding outstanding);
/* The same, and returns when no invocation runs it. The caller may wait (pendi_link_may_wait()).
 * *@returns (NULL: not asked for) becomes how many invocations it has had until then. */
void pendi_attachment_drop_waiting(struct pendi_attachment *attachment,
				   enum pend_outstanding outstanding, uint64_t *returns);
uint64_t pendi_attachment_runs(const struct pendi_attachment *attachment);
/* Invocations of it that have ended; it is in no chain any more, so all others began before. */
uint64_t pendi_attachment_returns_exactly(const struct pendi_attachment *attachment);
/* A record begins to refer to it: by a frame that runs it, or by who has another such record. */
PENDI_ALWAYS_INLINE void pendi_attachment_pend(struct pendi_attachment *attachment)
{
	pendi_tally_add(&attachment->tally, PENDI_ATTACHMENT_PENDS, 1);
}
/* A record refers to it no more: the last thing its owner does with it. */
void pendi_attachment_done(struct pendi_attachment *attachment);
/* Who runs a continued operation of this one: itself, or its last successor. */
struct pendi_attachment *pendi_attachment_heir(struct pendi_attachment *attachment);
/* Pended operations that refer to it. */
uint64_t pendi_attachment_pended(const struct pendi_attachment *attachment);
/* Completes each operation that refers to it, or to one that handed over to it
 * (PEND_OUTSTANDING_COMPLETE). The cookie of an operation is its attachment's link id and sequence of
 * update: pendi_attachment_cookie(). Whether there was any. */
bool pendi_attachment_complete_all(struct pendi_attachment *attachment);
uint64_t pendi_attachment_cookie(const struct pendi_attachment *attachment);

/* --- frames --- */

enum pendi_frame_kind {
	PENDI_FRAME_FIRST = 0,    /* an invocation by the backend */
	PENDI_FRAME_REINVOKE = 1, /* the program runs again */
	PENDI_FRAME_RESUME = 2,   /* the rest of a chain, after a permit */
};

/* What happened in a frame. All zero when a FIRST one begins. */
struct pendi_frame_events {
	uint64_t handle;                 /* of the pend of the running program, or 0 */
	struct pendi_identity *identity; /* the operation's; NULL: not yet asked for in FIRST */
	uint64_t seed;                   /* of random numbers; 0: not yet drawn */
	uint8_t kind;                    /* enum pendi_frame_kind */
	bool eventful;  /* anything but running programs was done: what follows is not the usual */
	bool pended;    /* the operation, here: its frame is this one, to be closed */
	bool loss;      /* a pend failed because the orchestrator is gone */
	bool completed; /* the program decided the operation that it pended, by helper */
	bool placed;    /* `cpu` is set */
	uint8_t left_out; /* FIRST: programs so far that did not run */
};

_Static_assert(sizeof(struct pendi_frame_events) == 32, "two stores");

/* What runs on this thread. On its stack. */
struct pendi_frame {
	struct pendi_frame *outer;
	struct pend_hook *hook;
	void *context;
	const struct pendi_chain *chain;    /* FIRST; else NULL */
	struct pend_invocation *invocation; /* FIRST; else NULL */
	struct pendi_frame_events events;
	uint32_t aggregate;                  /* enum pend_verdict of the programs before */
	uint32_t closing;                    /* ... of the pender, once it has returned */
	struct pendi_attachment *attachment; /* whose program runs */
	uint32_t thread;                     /* FIRST: the calling thread's number */
	/* What is not written by a frame in which programs only run. */
	struct pendi_attachment *drawer; /* who has drawn random numbers last */
	uint32_t draws;                  /* ... and how many */
	uint32_t cpu;                    /* that programs see: if `placed` */
	struct pend_map *map;            /* where it pended: with a handle */
	struct pendi_record *record; /* ... its record. REINVOKE, RESUME: at first the one that is
				      * run again or resumed */
	struct pendi_identity room;  /* FIRST: where it is kept until the program pends */
};

extern PENDI_THREAD_LOCAL struct pendi_frame *pendi_frame_innermost;

enum pendi_pend_reason {
	PENDI_REASON_PROGRAM = 0, /* a helper */
	PENDI_REASON_DEFER = 1,   /* DEFER_TO_PASSIVE: the runtime's own */
};

/*
 * A pended operation as the runtime keeps it: at the front of its slot's scratch, so it comes and goes
 * with the slot and nothing is allocated. Owned by the frame until it closes, then by the function of
 * the map that is called for the operation.
 */
struct pendi_record {
	struct pendi_attachment *attachment; /* counted in its pends */
	struct pend_hook *hook;
	struct pend_map *map; /* whose operation it is */
	uint64_t operation;   /* as the backend names it */
	uint64_t order;       /* of the pender in the chain */
	uint64_t sequence;    /* newest link when it was pended first (X17) */
	uint64_t began_ns;    /* when it was pended first */
	uint64_t expires_ns;  /* of its lifetime; what it moves to is not given longer */
	uint64_t payload_bytes;
	uint64_t seed;      /* of the random numbers that its program sees */
	uint32_t cpu;       /* that its program sees */
	uint32_t aggregate; /* of the programs before the pender */
	uint32_t compartment;
	enum pendi_pend_reason reason;
	bool typed;       /* only links of the pender's attach type run for it */
	bool synthesized; /* the program decided after all */
	pend_invoke_filter_fn filter;
	void *filter_context;
	struct pend_map *moved_map; /* NULL: not moved. Else this one's end tells nobody. */
	uint64_t moved_handle;
	struct pend_payload payload;
	struct pend_subject subject;
	struct pendi_identity identity;
	_Alignas(16) unsigned char context[]; /* layout.saved_size; then the program's scratch, at
					       * runtime->record_size */
};

/* --- what the files offer each other --- */

/* The most bytes that a program's context has. */
#define PENDI_CONTEXT_MAX 1024u
#define PENDI_HOOK_WATCHED \
	((uint32_t)(PEND_HOOK_READ_ONLY | PEND_HOOK_READ_ONLY_IGNORE | PEND_HOOK_STOP_ON_WRITE))

/* Whether identity is resolved in place: but in a FIRST frame of a hook that may not block. */
PENDI_ALWAYS_INLINE bool pendi_frame_may_block(const struct pendi_frame *frame)
{
	return frame->events.kind != PENDI_FRAME_FIRST || frame->hook->flags & PEND_HOOK_MAY_BLOCK;
}

/* Whether its operation can be pended: K7, F62. */
PENDI_ALWAYS_INLINE bool pendi_frame_can_pend(const struct pendi_frame *frame)
{
	return !(frame->hook->flags & PEND_HOOK_NO_PEND) &&
	       (!frame->invocation || !(frame->invocation->flags & PEND_INVOKE_NO_PEND));
}

/* The operation, as the backend names it. */
PENDI_ALWAYS_INLINE uint64_t pendi_frame_operation(const struct pendi_frame *frame)
{
	return frame->invocation ? frame->invocation->operation : frame->record->operation;
}

/* invoke.c: runs one program in @frame: what it returned; or REJECT, if a function that it calls has
 * no provider. */
int pendi_invoke_program(struct pendi_frame *frame, struct pendi_attachment *attachment);
/* invoke.c: the stronger of two verdicts: REJECT, HARD, SOFT. */
PENDI_ALWAYS_INLINE uint32_t pendi_verdict_stronger(uint32_t a, uint32_t b)
{
	if (a == PEND_VERDICT_REJECT || b == PEND_VERDICT_REJECT)
		return PEND_VERDICT_REJECT;
	return a > b ? a : b;
}
/* invoke.c: whether a program wrote the context of @frame, of which @before is a copy: counted and, in
 * a read-only hook, undone, also in what was saved. */
bool pendi_invoke_wrote(struct pendi_frame *frame, const void *before);
/* invoke.c: what counts of what a program returned, if it is REJECT, PROCEED_SOFT, PROCEED_HARD, or
 * (pended, absorbed) PEND. */
uint32_t pendi_invoke_settle(struct pendi_frame *frame, int verdict);
/* invoke.c: closes the frame of what was pended in it, if anything: the last thing that is done with
 * the operation. */
void pendi_invoke_close(const struct pendi_frame *frame);
/* invoke.c: tells the program that runs. */
void pendi_invoke_trace(struct pendi_frame *frame, enum pend_trace_type type, int error);

/* pending.c: pends the operation of the innermost frame, or moves it. 0 or an error. @value: of the
 * map's value_size, or NULL. */
int pendi_pend_operation(struct pendi_frame *frame, const struct pendi_pend_target *target,
			 void *value, enum pendi_pend_reason reason);

/* helpers.c: a seed of random numbers, not 0. */
uint64_t pendi_helper_seed(void);
/* calls.c: counts and tells that a helper was refused. */
void pendi_helper_refuse(struct pendi_frame *frame, int error);

/* reinvoke.c: programs that run on a saved context. */
struct pendi_replay {
	struct pendi_frame frame;
	_Alignas(16) unsigned char context[PENDI_CONTEXT_MAX];
	unsigned char before[PENDI_CONTEXT_MAX]; /* in a hook that watches */
};

/* reinvoke.c: enters the epoch, and a frame for @record. 0; -EAGAIN: as pend_epoch_enter(). */
int pendi_replay_begin(struct pendi_replay *replay, struct pendi_record *record,
		       enum pendi_frame_kind kind);
/* reinvoke.c: runs a program; its verdict, settled. *@stop: it wrote, which ends the chain. */
uint32_t pendi_replay_run(struct pendi_replay *replay, struct pendi_attachment *attachment,
			  bool *stop);
void pendi_replay_end(struct pendi_replay *replay);

/* finish.c, reinvoke.c: the functions of all maps that the runtime pends in; context: the runtime. */
void pendi_runtime_complete(void *context, const struct pend_operation *operation);
int pendi_runtime_rerun(void *context, const struct pend_operation *operation);

/* reinvoke.c: resolves the identity of @subject into @identity, counted. */
void pendi_runtime_resolve(struct pend_runtime *runtime, const struct pend_subject *subject,
			   struct pendi_identity *identity);
/* reinvoke.c: gives it back, counted, if one is held. */
void pendi_runtime_release(struct pend_runtime *runtime, struct pendi_identity *identity);

/* runtime.c */
PENDI_ALWAYS_INLINE void pendi_runtime_count(struct pend_runtime *runtime, uint32_t counter,
					     uint64_t n)
{
	pendi_tally_add(&runtime->tally, counter, n);
}
void pendi_runtime_trace(struct pend_runtime *runtime, const struct pend_trace *trace);

#endif
