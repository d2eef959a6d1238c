/* SPDX-License-Identifier: MIT */
/*
 * simulator_internal.h - the simulator's operations and flows, and what its files share.
 *
 *	simulator.c            create, destroy, ledger, faults
 *	simulator_names.c      the pools of operations and flows
 *	simulator_submit.c     how an operation begins
 *	simulator_operation.c  its life: stages, verdicts, kills, reauthorizations
 *	simulator_wait.c       reading one, waiting for its verdict, giving it back
 *	simulator_backend.c    what the runtime calls: pend, complete, ..
 *	simulator_redirect.c   cached verdicts of the redirect stage
 *	layer.c                what the layers are, and asking the programs of one
 *	flow.c, flow_stream.c  what is left of a permitted connection
 *
 * The life of an operation is in the state bits of its word (simulator_names.h):
 *
 *	NEW -> REDIRECTED -> PENDED -> PERMITTED | BLOCKED       what it is
 *	  \________\____________\____-> CANCELLED
 *	RUNNING HOLDING HELD COPY ENDING                         who is busy with it
 *
 * One change of the word takes it to its verdict, so a completion, a kill and the submitter cannot all
 * win (guarantee A). A busy bit is set by who begins and cleared by who is through; with a verdict and
 * no busy bit the operation is settled: nobody will touch it any more, whoever waits is told, and its
 * name may be given back.
 */
#ifndef PENDI_ENGINE_BACKEND_SIMULATOR_INTERNAL_H
#define PENDI_ENGINE_BACKEND_SIMULATOR_INTERNAL_H

#include <pendmap/simulator.h>

#include "engine/backend/simulator_names.h"
#include "engine/identity/identity.h"

#define PENDI_FAMILIES 2u /* AF_INET, AF_INET6 */

/* What an operation is: none of these: PEND_SIM_NEW. */
#define PENDI_SIM_REDIRECTED UINT64_C(0x01)
#define PENDI_SIM_PENDED UINT64_C(0x02)
#define PENDI_SIM_PERMITTED UINT64_C(0x04)
#define PENDI_SIM_BLOCKED UINT64_C(0x08)
#define PENDI_SIM_CANCELLED UINT64_C(0x10)
#define PENDI_SIM_VERDICTS (PENDI_SIM_PERMITTED | PENDI_SIM_BLOCKED | PENDI_SIM_CANCELLED)
#define PENDI_SIM_STATES (PENDI_SIM_VERDICTS | PENDI_SIM_REDIRECTED | PENDI_SIM_PENDED)
/* Who is busy with it. */
#define PENDI_SIM_RUNNING UINT64_C(0x020) /* a stage runs */
#define PENDI_SIM_HOLDING UINT64_C(0x040) /* map and handle are being written */
#define PENDI_SIM_HELD UINT64_C(0x080)    /* pended: its end is still to come */
#define PENDI_SIM_COPY UINT64_C(0x100)    /* a copy of its payload is out */
#define PENDI_SIM_ENDING UINT64_C(0x200)  /* who gave the verdict is not through yet */
#define PENDI_SIM_BUSY \
	(PENDI_SIM_RUNNING | PENDI_SIM_HOLDING | PENDI_SIM_HELD | PENDI_SIM_COPY | PENDI_SIM_ENDING)
#define PENDI_SIM_AWAITED UINT64_C(0x400) /* somebody sleeps on it, or did */

/* What a flow is. None of these: it has a name, but its connection is not permitted yet. */
#define PENDI_FLOW_ALIVE UINT64_C(0x1)
#define PENDI_FLOW_ENDED UINT64_C(0x2)
#define PENDI_FLOW_REFUSED UINT64_C(0x4) /* a program at STREAM blocked it */

struct pendi_sim_flow {
	struct pendi_named named; /* first */
	uint64_t maker;           /* the connection */
	struct pendi_identity identity;
	struct pend_sock_addr_context context; /* of the connection */
	/* Links whose programs want more data; 0: a free place. */
	_Atomic uint32_t wanting[PEND_HOOK_LINKS_MAX];
};

/* The next stage of a connection; all others begin with the last. */
enum pendi_sim_stage {
	PENDI_STAGE_REDIRECT = 0,
	PENDI_STAGE_ORIGINAL = 1, /* of a redirected one: as it was */
	PENDI_STAGE_FINAL = 2,
};

struct pendi_sim_operation {
	struct pendi_named named; /* first */
	_Atomic uint32_t bell;    /* counts verdicts that somebody awaited */
	/* Set before it has its name. */
	struct pend_simulated_request request; /* its payload is our copy */
	struct pendi_sim_flow *makes;          /* referenced until the verdict; or NULL */
	struct pendi_sim_flow *belongs;        /* referenced until it is settled; or NULL */
	uint64_t flow;                         /* the name of the former, or 0 */
	/* Of who runs its stage or holds it. */
	enum pendi_sim_stage stage;
	enum pend_verdict initial; /* what the redirect stage said */
	uint64_t redirect_context;
	struct bpf_sock_addr address; /* after the redirect stage; does not change then */
	bool authorized;              /* at least once: @initial is taken */
	bool has_handle;              /* of a bind */
	struct pend_map *map;         /* where it is pended; written while HOLDING */
	_Atomic uint64_t held;        /* ... its handle there */
	/* Counters, as pend_simulated_info has them. */
	_Atomic uint32_t verdict_now; /* of the last stage; the word knows of REJECT and PEND */
	_Atomic uint32_t flow_verdict_now;
	_Atomic uint32_t pends_count, completions_count, reclassified_count, injections_count,
		invocations_count;
};

/* One run of one stage, on the stack of who runs it. */
struct pendi_sim_run {
	struct pendi_sim_run *outer;
	struct pendi_sim_operation *operation;
	struct pend_map *map;
	uint64_t handle;
	bool held; /* it was pended, and that was not taken back */
	struct pend_sock_addr_context context;
};

extern PENDI_THREAD_LOCAL struct pendi_sim_run *pendi_sim_run_innermost;

enum pendi_ledger_entry {
	PENDI_LEDGER_SUBMITTED,
	PENDI_LEDGER_ENDED,
	PENDI_LEDGER_PENDED,
	PENDI_LEDGER_COMPLETED,
	PENDI_LEDGER_COPIES,
	PENDI_LEDGER_COPIES_FREED,
	PENDI_LEDGER_HANDLES,
	PENDI_LEDGER_HANDLES_RELEASED,
	PENDI_LEDGER_IDENTITIES,
	PENDI_LEDGER_IDENTITIES_RELEASED,
	PENDI_LEDGER_FLOWS,
	PENDI_LEDGER_FLOWS_DELETED,
	PENDI_LEDGER_INJECTED,
	PENDI_LEDGER_REDIRECTS_CACHED,
	PENDI_LEDGER_REDIRECTS_USED,
	PENDI_LEDGER_REDIRECTS_EXPIRED,
	PENDI_LEDGER_ENTRIES,
};

/* simulator_redirect.c */
struct pendi_redirects;

struct pend_simulator {
	struct pend_runtime *runtime;
	const struct pend_allocator *allocator;
	uint32_t flags;
	bool registered; /* the program types, by this one */
	void (*on_verdict)(void *context, uint64_t operation, enum pend_simulated_state state);
	void *context;
	struct pend_hook *hooks[PEND_LAYERS][PENDI_FAMILIES];
	struct pendi_names operations;
	struct pendi_names flows;
	struct pendi_redirects *redirects;
	_Atomic uint64_t faults[PEND_FAULTS]; /* error:16 | after:24 | times:24; 0: none */
	_Atomic uint64_t ledger[PENDI_LEDGER_ENTRIES];
};

/* --- simulator.c --- */

void pendi_simulator_enter(struct pend_simulator *simulator, enum pendi_ledger_entry entry);
/* 0, or the error that was ordered for this call. */
int pendi_simulator_fault(struct pend_simulator *simulator, enum pend_simulator_fault at);

/* --- layer.c --- */

/* Why the programs of a layer are asked. */
enum pendi_classify_reason {
	PENDI_CLASSIFY_INITIAL = 0,
	PENDI_CLASSIFY_POLICY = 1,     /* reauthorization: nothing can be pended */
	PENDI_CLASSIFY_COMPLETION = 2, /* inside a completion, which knows the verdict */
};

struct pend_hook *pendi_layer_hook(const struct pend_simulator *simulator, enum pend_layer layer,
				   uint32_t family);
/* Whether the stack sent it itself: it passes unasked (F61). */
bool pendi_layer_is_own(uint32_t flags);
/* The context of an operation at a layer, its address being @address. */
void pendi_layer_context(const struct pendi_sim_operation *operation, enum pend_layer layer,
			 const struct bpf_sock_addr *address,
			 struct pend_sock_addr_context *context);
/* Asks the programs: their verdict; REJECT if they cannot be asked. */
enum pend_verdict pendi_layer_ask(struct pend_simulator *simulator, struct pendi_sim_run *run,
				  struct pend_invocation *invocation);
/* The classify of a layer that authorizes. */
enum pend_verdict pendi_layer_classify(struct pend_simulator *simulator, struct pendi_sim_run *run,
				       enum pendi_classify_reason reason);
/* The classify of CONNECT_REDIRECT. run->context is as the programs left it. */
enum pend_verdict pendi_layer_redirect(struct pend_simulator *simulator, struct pendi_sim_run *run);
/* Completes by asking again on this thread, which gives the classify @verdict: what it returned. */
enum pend_verdict pendi_layer_reclassify(struct pend_simulator *simulator,
					 struct pendi_sim_operation *operation,
					 enum pend_verdict verdict);

/* --- simulator_operation.c --- */

/* Gives the operation its verdict; false: it has one. The winner is ENDING. */
bool pendi_operation_decide(struct pend_simulator *simulator, struct pendi_sim_operation *operation,
			    uint64_t verdict);
/* A stage said @verdict, which is not PEND, or its completion did: the next stage or the end. What the
 * caller is busy with beside: ENDING, or 0. */
uint64_t pendi_operation_said(struct pend_simulator *simulator,
			      struct pendi_sim_operation *operation, enum pend_verdict verdict);
/* Who was busy is through: clears @busy. Tells, if the operation is settled now; goes on with its next
 * stage, if there is one and nobody steps. */
void pendi_operation_leave(struct pend_simulator *simulator, struct pendi_sim_operation *operation,
			   uint64_t busy);
int pendi_operation_kill(struct pend_simulator *simulator, struct pendi_sim_operation *operation);
/* A reference and the operation, or NULL. */
struct pendi_sim_operation *pendi_operation_get(struct pend_simulator *simulator, uint64_t name);
void pendi_operation_put(struct pend_simulator *simulator, struct pendi_sim_operation *operation);
enum pend_simulated_state pendi_operation_state(uint64_t word);

/* --- simulator_wait.c --- */

/* Wakes who sleeps on it. */
void pendi_operation_wake(struct pendi_sim_operation *operation, uint64_t word);
/* The operation is settled: lets its flow go, tells who asked to be told, and wakes who sleeps. */
void pendi_operation_tell(struct pend_simulator *simulator, struct pendi_sim_operation *operation,
			  uint64_t word);

/* --- simulator_backend.c --- */

extern const struct pend_backend pendi_simulator_backend;
/* A bind's handle; nothing if it has none. */
void pendi_backend_release_handle(struct pend_simulator *simulator,
				  struct pendi_sim_operation *operation);

/* --- simulator_redirect.c --- */

/* By what a cached verdict is found: the whole struct, padding zeroed. */
struct pendi_redirect_key {
	uint64_t socket_cookie;
	uint32_t family;
	uint32_t destination[4];
	uint32_t protocol;
	uint32_t compartment;
	uint16_t destination_port;
	uint16_t source_port;
};

int pendi_redirects_create(struct pend_simulator *simulator, uint32_t count, uint32_t expiry_ms);
void pendi_redirects_destroy(struct pend_simulator *simulator);
/* REJECT and PROCEED_HARD are remembered, PROCEED_SOFT makes forgotten. False: there is no room. */
bool pendi_redirects_set(struct pend_simulator *simulator, const struct pendi_redirect_key *key,
			 enum pend_verdict verdict);
/* What is remembered, which is forgotten now; PROCEED_SOFT: nothing. */
enum pend_verdict pendi_redirects_take(struct pend_simulator *simulator,
				       const struct pendi_redirect_key *key);

/* --- flow.c --- */

/* A flow that operation @maker will make: it has a name. NULL: no more flows. */
struct pendi_sim_flow *pendi_flow_reserve(struct pend_simulator *simulator, uint64_t maker);
/* Its connection @operation is permitted: it has an identity of its own from now on, unless it has
 * ended meanwhile. The caller's reference is given back. */
void pendi_flow_publish(struct pend_simulator *simulator, struct pendi_sim_operation *operation);
/* ... or not: there will be none. */
void pendi_flow_withdraw(struct pend_simulator *simulator, struct pendi_sim_operation *operation);
/* Ends one that is alive or will be. 0 or -ENOENT. */
int pendi_flow_end(struct pend_simulator *simulator, uint64_t name);
/* A reference on a flow that is alive, or NULL. */
struct pendi_sim_flow *pendi_flow_get(struct pend_simulator *simulator, uint64_t name);
/* Whether it has ended, decided in one order with its end. */
bool pendi_flow_is_over(struct pendi_sim_flow *flow);
void pendi_flow_put(struct pend_simulator *simulator, struct pendi_sim_flow *flow);
/* Whose it is; NULL: nobody knows. Valid while the caller has a reference. */
const struct pend_subject *pendi_flow_subject(const struct pendi_sim_flow *flow);

/* --- flow_stream.c --- */

/* One segment: the verdict, and what was answered, enum pend_flow_verdict. */
enum pend_verdict pendi_stream_classify(struct pend_simulator *simulator, struct pendi_sim_run *run,
					uint32_t *answer);
/* The flow has ended: the last question to those who still wanted data. */
void pendi_stream_end(struct pend_simulator *simulator, struct pendi_sim_flow *flow);

#endif
