/* SPDX-License-Identifier: MIT */
/*
 * simulator.h - a backend that is all there: six network layers, step by step, with faults to order.
 *
 * It plays the part of the system's network stack. An operation is submitted, goes through its stages
 * (a connect: redirect, then authorization; a redirected one is authorized as it was and as it is), is
 * held if a program pends it, and is delivered by the mechanism of its layer:
 *
 *	layer         mode          completes by                             payload   reauthorized
 *	CONNECT       non-blocking  RECLASSIFY: asked again, in the call     UDP       yes
 *	RECV_ACCEPT   non-blocking  DIRECT                                   yes       no
 *	LISTEN        may block     RECLASSIFY                               no        no
 *	BIND          may block     HANDLE: acquired, completed, released    no        no
 *	DATAGRAM      non-blocking  REINJECT of the copy                     yes       no
 *	STREAM        may block     inline verdicts, nothing is held         yes       no
 *
 * Once an operation has its verdict and nobody is busy with it any more, it is settled: on_verdict was
 * told, whoever waits is woken, its name may be given back. Everything the simulator hands out is in its
 * ledger, which balances when nothing is under way.
 *
 * A permitted connection (CONNECT, RECV_ACCEPT) makes a flow. It knows whose it is, by an identity of its
 * own, and that is whose DATAGRAM and STREAM operations of the flow are (F54).
 *
 * Nothing but the copies of payloads is allocated after a simulator was made. A runtime has at most one.
 */
#ifndef PENDMAP_SIMULATOR_H
#define PENDMAP_SIMULATOR_H

#include <pendmap/link.h>
#include <pendmap/sock_addr.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pend_simulator; /* opaque: engine/backend/simulator_internal.h */

enum pend_layer_mode { PEND_MODE_NONBLOCK = 0, PEND_MODE_MAY_BLOCK = 1 };
enum pend_layer_completion {
	PEND_COMPLETES_RECLASSIFY = 0,
	PEND_COMPLETES_DIRECT = 1,
	PEND_COMPLETES_HANDLE = 2,
	PEND_COMPLETES_REINJECT = 3,
	PEND_COMPLETES_INLINE = 4,
};

/** A layer (F2). */
struct pend_layer_descriptor {
	enum pend_layer layer;
	const char *name;
	enum pend_layer_mode mode;
	enum pend_layer_completion completes_by;
	bool has_payload;
	bool reauthorizes;
	bool can_pend;
};

/**
 * What a layer is like.
 *
 * @return      a static description; NULL: there is no such layer
 *
 * @context     anywhere
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         F2; engine/backend/layer.c, tests/backend/test_layers.c
 */
PEND_API const struct pend_layer_descriptor *pend_layer_describe(enum pend_layer layer);

/** How far an operation is. */
enum pend_simulated_state {
	PEND_SIM_NEW = 0,        /**< submitted; no stage has run */
	PEND_SIM_REDIRECTED = 1, /**< a connect whose redirect stage has run */
	PEND_SIM_PENDED = 2,     /**< held: its caller waits */
	PEND_SIM_PERMITTED = 3,
	PEND_SIM_BLOCKED = 4,
	PEND_SIM_CANCELLED = 5, /**< its caller went away */
};

enum pend_simulator_flag {
	PEND_SIM_STEPS = 1u << 0,  /**< submit runs no stage: pend_simulator_step() does */
	PEND_SIM_RESUME = 1u << 1, /**< hooks in resume mode; else claim mode */
	PEND_SIM_READ_ONLY_IGNORE = 1u << 2, /**< a program that writes its context: undone, and its
					      * verdict counts, as upstream's present code; else as
					      * designed: REJECT (F70) */
	PEND_SIM_RESUME_KNOWN = 1u << 3, /**< with RESUME: what was attached since is left out */
};

struct pend_simulator_options {
	uint32_t size;
	uint32_t flags; /**< enum pend_simulator_flag */
	uint32_t
		operations_max; /**< at once, and remembered; 1 .. 2^20; default 1024. As many flows,
				  * and as many cached redirect verdicts. */
	uint32_t redirect_expiry_ms; /**< of cached redirect verdicts (F74), 1 or more; default
				      * 60000 */
	enum pend_hook_loss on_orchestrator_loss;
	uint32_t reserved;
	/** Told when an operation is settled, and again when a reauthorization blocks it; by who came
	 * last, with no lock held. It may forget the operation. May be NULL. */
	void (*on_verdict)(void *context, uint64_t operation, enum pend_simulated_state state);
	void *context;
};

static inline struct pend_simulator_options pend_simulator_options_default(void)
{
	struct pend_simulator_options options = { (uint32_t)sizeof(options), 0, 1024, 60000,
						  PEND_HOOK_LOSS_PROGRAM,    0, NULL, NULL };

	return options;
}

/** An operation to submit. Begin with all zero. */
struct pend_simulated_request {
	enum pend_layer
		layer; /**< CONNECT begins with the redirect stage, which is no layer to submit
				* at */
	enum pend_direction direction;
	struct bpf_sock_addr address; /**< data and data_end: NULL */
	const void *payload;          /**< copied; NULL: none */
	uint32_t payload_size;
	uint32_t flags; /**< enum pend_simulated_flag */
	uint64_t socket_cookie;
	uint64_t
		flow; /**< of DATAGRAM and STREAM: as permitted before; 0: none. One that is not alive
			* counts as none. Else 0. */
	struct pend_subject subject; /**< of the caller; pid 0: unknown. Its descriptor stays open
				      * until the operation is settled. */
	int32_t thread;              /**< of the caller; 0: its first one */
	struct bpf_sock_addr_network_context network; /**< version 0: not known, and the programs'
						       * helper fails (F75) */
	enum pend_flow_state flow_state;              /**< STREAM: NEW or ESTABLISHED; else 0 */
};

enum pend_simulated_flag {
	PEND_SIM_SELF_INJECTED = 1u
				 << 0, /**< the simulator injected it itself: permitted unasked */
};

/** What is known of an operation. */
struct pend_simulated_info {
	uint32_t size; /**< sizeof as the caller compiled it, set by the caller */
	enum pend_simulated_state state;
	enum pend_layer layer;
	enum pend_action action;   /**< as it was delivered; PENDING: not yet */
	enum pend_verdict verdict; /**< of the last stage */
	uint32_t pends;            /**< accepted */
	uint32_t
		completions; /**< that came: one for each pend that was not cancelled or taken back */
	uint32_t reclassified; /**< times it was asked again inside its completion */
	uint32_t injections;   /**< of a copy of its payload: 0 or 1 */
	uint32_t invocations;  /**< of hooks, for it; at STREAM one for each program */
	uint32_t flow_verdict; /**< STREAM: enum pend_flow_verdict */
	uint64_t flow;         /**< that it makes when it is permitted; 0: none, or not any more:
				       * it is blocked or cancelled */
	uint64_t handle;       /**< of its last pend, or 0 */
	struct bpf_sock_addr address; /**< after the redirect stage, once that has run */
};

/** Where a fault can be ordered. */
enum pend_simulator_fault {
	PEND_FAULT_PEND = 0,           /**< holding an operation */
	PEND_FAULT_CLONE = 1,          /**< copying its payload, if it has one */
	PEND_FAULT_REINJECT = 2,       /**< sending the copy on */
	PEND_FAULT_ACQUIRE_HANDLE = 3, /**< of a bind, before it is held */
	PEND_FAULT_SUBMIT = 4,         /**< pend_simulator_submit(), before anything else is done */
	PEND_FAULTS = 5,
};

/** Everything it handed out; each pair is equal when nothing is under way (F52, C9). */
struct pend_simulator_ledger {
	uint32_t size; /**< sizeof as the caller compiled it, set by the caller */
	uint32_t reserved;
	uint64_t submitted, ended;
	uint64_t pended, completed; /**< aborted and cancelled count as completed */
	uint64_t copies, copies_freed;
	uint64_t handles, handles_released;
	uint64_t identities, identities_released; /**< flow identities (F54) */
	uint64_t flows, flows_deleted;
	uint64_t injected;
	uint64_t redirects_cached; /**< ... = used + expired + what is cached now */
	uint64_t redirects_used, redirects_expired; /**< expired: or replaced, or made forgotten */
};

/**
 * Make a simulator: a hook for each layer and family, and the program types, unless they are registered.
 *
 * @param      runtime    borrowed: it outlives the simulator
 * @param      options    borrowed for the call; NULL means all defaults
 * @param[out] simulator  receives one owned by the caller, who ends it with pend_simulator_destroy();
 *                        untouched on error
 *
 * @retval 0        success
 * @retval -EFAULT  @p runtime or @p simulator is NULL
 * @retval -EINVAL  options->size below the first version's, an unknown flag, RESUME_KNOWN without
 *                  RESUME, no enum pend_hook_loss, or reserved is not 0
 * @retval -E2BIG   a field newer than this library is set, or the runtime's context_size is too small
 * @retval -ERANGE  operations_max or redirect_expiry_ms out of its range
 * @retval -EEXIST  the runtime has a simulator, or another hook of its attach types
 * @retval -ENOMEM  the runtime's allocator returned NULL
 *
 * @context     any thread; may sleep
 * @progress    blocking on the registry and the allocator
 * @complexity  O(operations_max) address space; memory is touched as it is used, but for the table of
 *              redirect verdicts
 * @since       0.1
 * @see         F2, F3; engine/backend/simulator.c, tests/backend/test_simulator.c
 */
PEND_API int pend_simulator_create(struct pend_runtime *runtime,
				   const struct pend_simulator_options *options,
				   struct pend_simulator **simulator) PEND_MUST_CHECK;

/**
 * End a simulator. What it still remembers is forgotten, what has no verdict yet is cancelled. Program
 * types that it has registered go too, unless a program of them is loaded: then they stay, for
 * pend_sock_addr_unregister().
 *
 * @retval 0        it is gone
 * @retval -EFAULT  @p simulator is NULL
 * @retval -EBUSY   an operation is held or runs, a program is attached, or a flow is alive (F5);
 *                  nothing has changed
 * @retval -EDEADLK inside a program or an epoch
 *
 * @context     any thread, as the last call on it; not from a program or a callback
 * @progress    blocking on the registry
 * @complexity  O(operations_max)
 * @since       0.1
 * @see         engine/backend/simulator.c, tests/backend/test_simulator.c
 */
PEND_API int pend_simulator_destroy(struct pend_simulator *simulator) PEND_MUST_CHECK;

/**
 * Submit an operation, and run its stages unless PEND_SIM_STEPS: when the call returns it has its
 * verdict, or is pended.
 *
 * @param      simulator  where
 * @param      request    borrowed for the call, but for subject.pidfd
 * @param[out] operation  receives its name, valid until pend_simulator_forget(); untouched on error
 *
 * @retval 0        submitted: pend_simulator_read() tells how far it is
 * @retval -EFAULT  a pointer is NULL, or payload while payload_size is not 0
 * @retval -EINVAL  a field is wrong: layer, direction, family, flags; data or data_end is not NULL; a
 *                  payload of 0 bytes, or at a layer that has none; flow or flow_state at a layer that
 *                  has none
 * @retval -ENOSPC  operations_max are remembered, or as many flows are alive or may come to be
 * @retval -ENOMEM  no memory for the copy of the payload
 *
 * @context     any thread, outside of programs; may sleep (a short mutex around cached redirect
 *              verdicts; identities; what its programs do)
 * @progress    lock-free, apart from that
 * @complexity  O(programs that run)
 * @since       0.1
 * @see         F55 to F60, F68; engine/backend/simulator_submit.c, tests/backend/test_layers.c
 */
PEND_API int pend_simulator_submit(struct pend_simulator *simulator,
				   const struct pend_simulated_request *request,
				   uint64_t *operation) PEND_MUST_CHECK;

/**
 * Run the next stage of an operation.
 *
 * @retval 0          it ran: the operation is redirected, pended, or has its verdict
 * @retval -EFAULT    @p simulator is NULL
 * @retval -ENOENT    no such @p operation
 * @retval -EALREADY  there is none to run: it has its verdict, is pended, or a stage runs now
 *
 * @context     as pend_simulator_submit()
 * @progress    as pend_simulator_submit()
 * @complexity  O(programs that run)
 * @since       0.1
 * @see         engine/backend/simulator_operation.c, tests/backend/test_connect.c
 */
PEND_API int pend_simulator_step(struct pend_simulator *simulator,
				 uint64_t operation) PEND_MUST_CHECK;

/**
 * Read what is known of an operation: of one that is settled all of one moment, else each number by
 * itself.
 *
 * @param         simulator  where
 * @param         operation  its name
 * @param[in,out] info       info->size set by the caller; untouched on error
 *
 * @retval 0        success
 * @retval -EFAULT  @p simulator or @p info is NULL
 * @retval -EINVAL  info->size is below the first version's
 * @retval -ENOENT  no such operation
 *
 * @context     any thread, programs and callbacks too; never sleeps
 * @progress    lock-free
 * @complexity  O(1)
 * @since       0.1
 * @see         engine/backend/simulator_wait.c, tests/backend/test_simulator.c
 */
PEND_API int pend_simulator_read(struct pend_simulator *simulator, uint64_t operation,
				 struct pend_simulated_info *info) PEND_MUST_CHECK;

/**
 * Wait until an operation is settled.
 *
 * @param simulator   where
 * @param operation   its name
 * @param timeout_ns  at most so long; UINT64_MAX: without a limit
 *
 * @retval 0           it is settled
 * @retval -EFAULT     @p simulator is NULL
 * @retval -ENOENT     no such operation
 * @retval -ETIMEDOUT  not yet
 *
 * @context     any thread, outside of programs and callbacks; sleeps
 * @progress    blocking on the operation
 * @complexity  O(1)
 * @since       0.1
 * @see         engine/backend/simulator_wait.c, tests/backend/test_simulator.c
 */
PEND_API int pend_simulator_wait(struct pend_simulator *simulator, uint64_t operation,
				 uint64_t timeout_ns) PEND_MUST_CHECK;

/**
 * Let an operation's caller die (X13): it is cancelled at once, and what is pended for it is cancelled in
 * its map. Whoever decides it later finds it gone, and what was decided before and not yet delivered is
 * delivered to nobody.
 *
 * @retval 0          cancelled
 * @retval -EFAULT    @p simulator is NULL
 * @retval -ENOENT    no such @p operation
 * @retval -EALREADY  it has its verdict
 *
 * @context     any thread, programs and callbacks too; never sleeps
 * @progress    lock-free
 * @complexity  O(1)
 * @since       0.1
 * @see         engine/backend/simulator_operation.c, tests/backend/test_kill.c
 */
PEND_API int pend_simulator_kill(struct pend_simulator *simulator,
				 uint64_t operation) PEND_MUST_CHECK;

/**
 * Give an operation's name back. A flow that it made goes on.
 *
 * @retval 0        it is forgotten
 * @retval -EFAULT  @p simulator is NULL
 * @retval -ENOENT  no such @p operation
 * @retval -EBUSY   it is not settled, or is asked about again at this moment
 *
 * @context     any thread, programs and callbacks too; never sleeps
 * @progress    lock-free
 * @complexity  O(1)
 * @since       0.1
 * @see         engine/backend/simulator_wait.c, tests/backend/test_simulator.c
 */
PEND_API int pend_simulator_forget(struct pend_simulator *simulator,
				   uint64_t operation) PEND_MUST_CHECK;

/** Why connections are asked about again. */
enum pend_reauthorize_reason {
	PEND_REASON_POLICY = 1, /**< the rules have changed */
	PEND_REASON_ROUTE = 2,  /**< they go another way now */
};

/**
 * Ask again about permitted connections (CONNECT); those that are refused now are blocked, and their
 * flows end. Nothing can be pended (F62); the redirect stage is not run again (F71).
 *
 * @param simulator  where
 * @param port       those to this destination port, in network order as in the address; 0: all
 * @param reason     why
 *
 * @return     how many were asked about
 * @retval -EFAULT  @p simulator is NULL
 * @retval -EINVAL  @p reason is none
 *
 * @context     as pend_simulator_submit()
 * @progress    as pend_simulator_submit()
 * @complexity  O(operations_max), and the programs that run
 * @since       0.1
 * @see         engine/backend/simulator_operation.c, tests/backend/test_connect.c
 */
PEND_API int pend_simulator_reauthorize(struct pend_simulator *simulator, uint16_t port,
					enum pend_reauthorize_reason reason);

/**
 * End a flow. Operations of it that have no verdict yet are cancelled, as is the connection that would
 * make it; STREAM programs that wanted more data are told (PEND_FLOW_DELETED); its identity is released
 * by the last who uses it.
 *
 * @retval 0        it has ended
 * @retval -EFAULT  @p simulator is NULL
 * @retval -ENOENT  no such @p flow, or it has ended
 *
 * @context     as pend_simulator_submit()
 * @progress    lock-free, apart from the programs that run
 * @complexity  O(operations_max), and the programs that run
 * @since       0.1
 * @see         F54 (F1 to F6), F60; engine/backend/flow.c, tests/backend/test_flow.c
 */
PEND_API int pend_simulator_end_flow(struct pend_simulator *simulator,
				     uint64_t flow) PEND_MUST_CHECK;

/**
 * Read whose a flow is.
 *
 * @param      simulator  where
 * @param      flow       its name
 * @param[out] subject    a copy; its descriptor is the flow's, and closed with it; untouched on error
 *
 * @retval 0        success
 * @retval -EFAULT  @p simulator or @p subject is NULL
 * @retval -ENOENT  no such flow is alive, or nobody knows whose it is
 *
 * @context     any thread; never sleeps, but to close a descriptor if it is the last who uses it
 * @progress    lock-free
 * @complexity  O(1)
 * @since       0.1
 * @see         F54; engine/backend/flow.c, tests/backend/test_flow.c
 */
PEND_API int pend_simulator_flow_identity(struct pend_simulator *simulator, uint64_t flow,
					  struct pend_subject *subject) PEND_MUST_CHECK;

/**
 * Order a fault. What was ordered for that point before is forgotten.
 *
 * @param simulator  where
 * @param at         the point
 * @param after      calls that go well before it, 0 .. 2^24 - 1
 * @param times      calls that fail then, 0 .. 2^24 - 1; 0: none
 * @param error      what they return, -4095 .. -1
 *
 * @retval 0        ordered
 * @retval -EFAULT  @p simulator is NULL
 * @retval -EINVAL  another argument is out of its range
 *
 * @context     any thread; never sleeps
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         OP-36; engine/backend/simulator.c, tests/backend/test_faults.c
 */
PEND_API int pend_simulator_fail(struct pend_simulator *simulator, enum pend_simulator_fault at,
				 uint32_t after, uint32_t times, int error) PEND_MUST_CHECK;

/**
 * Read the ledger.
 *
 * @param         simulator  where
 * @param[in,out] ledger     ledger->size set by the caller; untouched on error
 *
 * @retval 0        success
 * @retval -EFAULT  @p simulator or @p ledger is NULL
 * @retval -EINVAL  ledger->size is below the first version's
 *
 * @context     any thread; never sleeps
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         F52; engine/backend/simulator.c, tests/backend/test_simulator.c
 */
PEND_API int pend_simulator_ledger_read(struct pend_simulator *simulator,
					struct pend_simulator_ledger *ledger) PEND_MUST_CHECK;

/**
 * The hook of a layer and family (AF_INET, AF_INET6).
 *
 * @return      borrowed until the simulator is destroyed; NULL: there is none
 *
 * @context     anywhere
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         F67; engine/backend/simulator.c, tests/backend/test_layers.c
 */
PEND_API struct pend_hook *pend_simulator_hook(struct pend_simulator *simulator,
					       enum pend_layer layer, int family);

#ifdef __cplusplus
}
#endif

#endif
