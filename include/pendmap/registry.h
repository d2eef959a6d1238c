/* SPDX-License-Identifier: MIT */
/*
 * registry.h - the runtime, and its registry of providers and clients.
 *
 * A runtime is what stands around the maps: programs, hooks, links, custom maps, identity. Modules do
 * not link to each other; they meet by UUID. A provider registers what it offers: the description of
 * a program type, a hook, a map type, a named function. A program is a client of its type's provider,
 * a link of its hook, a custom map of its type's provider. A provider leaves only when its last
 * client is gone (F76).
 *
 * Objects (programs, links, custom maps) carry a namespace. A caller sees, finds and pins those of
 * the namespace that it names, and no others (F66).
 *
 * All calls here may sleep, take mutexes of the registry, and are not for programs, except where
 * they say so. Callbacks of providers are never called under any lock, so they may call back.
 */
#ifndef PENDMAP_REGISTRY_H
#define PENDMAP_REGISTRY_H

#include <stddef.h>
#include <stdint.h>

#include <pendmap/engine.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pend_runtime;  /* opaque: engine/runtime/runtime_internal.h */
struct pend_provider; /* opaque: engine/registry/registry_internal.h */

#define PEND_NAME_MAX 63u /**< bytes of any name, without the final zero */

/** A name that two modules agree on. All zero: none, or any. */
struct pend_uuid {
	uint8_t bytes[16];
};

/**
 * What begins every table that a provider hands over (F79). A table is accepted if its version is
 * the one that the library knows and its size is one of those that the table ever had: the offset of
 * its last field plus that field's size, never sizeof. total_size is the stride in arrays.
 */
struct pend_header {
	uint16_t version;
	size_t size;
	size_t total_size;
};

/** @p type's header for a table of @p version whose last field is @p last. */
#define PEND_HEADER(version, type, last)                                                  \
	{                                                                                 \
		(version), offsetof(type, last) + sizeof(((type *)0)->last), sizeof(type) \
	}

/** Who may reach an object: both numbers must be the same. Zero: the default namespace. */
struct pend_namespace {
	uint64_t user_inode; /**< inode of the user namespace */
	uint64_t label;      /**< the application's own */
};

/** What a provider offers. Of one kind and id one provider at most takes clients. */
enum pend_provider_kind {
	PEND_PROVIDER_PROGRAM = 1, /**< data: struct pend_program_data (program.h) */
	PEND_PROVIDER_HOOK = 2,    /**< made by pend_hook_create() (hook.h) only */
	PEND_PROVIDER_MAP = 3,     /**< data: struct pend_map_provider_data (custom_map.h); found by
				     * its number, which is above PEND_MAP_TYPE_PROVIDER */
	PEND_PROVIDER_FUNCTION = 4, /**< data: struct pend_function_data; found by name */
};

/** A function that programs call by name (F81). */
typedef uint64_t (*pend_helper_fn)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

struct pend_function_data {
	struct pend_header header; /**< version PEND_FUNCTION_VERSION */
	const char *name;          /**< 1 .. PEND_NAME_MAX bytes; copied */
	pend_helper_fn address;
	uint64_t prototype; /**< what caller and callee agree on; a program that asks for another
			     * does not load */
};

#define PEND_FUNCTION_VERSION 1u

/**
 * Called when a client begins, and when it has ended, to use the provider; with no lock held, by the
 * thread that begins or ends it. Each id begins and ends once; the provider does not go between, nor
 * while one of these runs. May call pend_provider_unregister() on its own provider, with a gone
 * function.
 */
typedef void (*pend_provider_client_fn)(void *context, uint32_t client_id);

/** Called once when a provider that was to leave has left: nothing calls it or reads its data any
 * more, and its handle is not valid. By the thread that ended the last client; no lock held. */
typedef void (*pend_provider_gone_fn)(void *context);

struct pend_provider_options {
	uint32_t size; /**< bytes: sizeof as the caller compiled it */
	enum pend_provider_kind kind;
	struct pend_uuid id;               /**< what it provides; ignored for maps and functions */
	const struct pend_header *data;    /**< by kind; borrowed: it must live as long as the
					 * provider, with all that it points to, and not change */
	pend_provider_client_fn on_attach; /**< may be NULL; not for functions */
	pend_provider_client_fn on_detach; /**< may be NULL; not for functions */
	void *context;                     /**< handed to both, and to a map type's callbacks */
};

/** What on_trace tells (F93). */
enum pend_trace_type {
	PEND_TRACE_SKIPPED = 1,    /**< a program pended; programs behind it were not run */
	PEND_TRACE_READ_ONLY = 2,  /**< a program wrote its read-only context */
	PEND_TRACE_NOT_PENDED = 3, /**< a program returned PEND and had not pended */
	PEND_TRACE_HELPER = 4,     /**< a helper was refused: not named, or wrong hook */
	PEND_TRACE_REINJECT = 5,   /**< the backend could not reinject */
	PEND_TRACE_LOST = 6,       /**< a needed function's provider is gone */
};

struct pend_trace {
	enum pend_trace_type type;
	uint32_t program_id;  /**< the pender, the writer, the caller */
	uint32_t count;       /**< of skipped programs */
	uint32_t skipped[16]; /**< their ids */
	int32_t error;
	uint64_t handle; /**< or 0 */
};

/** Creation options of a runtime: begin with pend_runtime_options_default(), then set fields. */
struct pend_runtime_options {
	uint32_t size;                          /**< bytes: sizeof as the caller compiled it */
	uint32_t flags;                         /**< 0 */
	struct pend_engine *engine;             /**< required. Borrowed: it outlives the runtime. */
	const struct pend_allocator *allocator; /**< NULL: the library's own. Borrowed. */
	uint32_t context_size; /**< of the largest program context, bytes, 8 .. 1024; default 256 */
	uint32_t deferrals;    /**< operations that may wait for their identity at once, 1 ..
				* 2^20; default 1024 */
	uint64_t deferral_ns;  /**< deadline of those; default PEND_DEADLINE_DEFAULT_NS */
	void (*on_trace)(void *context, const struct pend_trace *trace); /**< NULL: nobody is told.
				* Called by who ran into it, inside a frame: must not block. */
	void *context;
};

/** Counters since creation (guarantee I). */
struct pend_runtime_stats {
	uint32_t size; /**< sizeof as the caller compiled it, set by the caller */
	uint32_t reserved;
	uint64_t pends;            /**< operations that programs pended, moves included */
	uint64_t completions;      /**< ... and that ended, moves included */
	uint64_t moved;            /**< operations that passed from one pend to the next: resumed
				    * chains, deferred identity */
	uint64_t synthesized;      /**< pended, and the program decided after all (F24) */
	uint64_t synthesized_lost; /**< ... but an orchestrator had been faster */
	uint64_t not_pended;       /**< PEND returned without a pend: REJECT (K5) */
	uint64_t bad_verdicts;     /**< a program returned none of the verdicts: REJECT */
	uint64_t deferred;         /**< DEFER_TO_PASSIVE accepted */
	uint64_t defer_refused;    /**< ... returned where it may not be, or no room: REJECT */
	uint64_t reinvoked;        /**< re-invocations of programs */
	uint64_t skipped;          /**< programs that a pend skipped */
	uint64_t read_only;        /**< writes to read-only contexts that were found */
	uint64_t helper_refused;  /**< helpers that the program had not named, or of another hook */
	uint64_t lost_function;   /**< invocations refused because a function's provider was gone */
	uint64_t cancelled;       /**< the operation's owner went away */
	uint64_t reinject_failed; /**< the backend could not reinject */
	uint64_t backend_refused; /**< pends that the backend refused */
	uint64_t continuation_missing; /**< re-invocations that said they found no state (F31) */
	uint64_t disabled;             /**< pends refused while disabled (F43) */
	uint64_t identities;           /**< identity references taken */
	uint64_t identities_released;  /**< ... and given back; equal when nothing is pended */
	uint64_t attachments;          /**< program attachments made */
	uint64_t attachments_freed;    /**< ... and freed */
	uint64_t refused_providers;    /**< providers and hooks that were not taken: headers, sizes,
					* callbacks that are missing, somebody else provides it */
	uint64_t refused_programs;     /**< programs that were not loaded: helpers, prototypes */
	uint64_t refused_links;        /**< attaching, replacing and detaching that was refused, a
					* detached link's handle included */
	uint64_t refused_maps;         /**< custom maps that were not made */
	uint64_t age_ns[64];           /**< completed operations, by log2 of their age in ns */
};

static inline struct pend_runtime_options pend_runtime_options_default(void)
{
	struct pend_runtime_options options = {
		(uint32_t)sizeof(options), 0, NULL, NULL, 256, 1024, 2000000000ull, NULL, NULL
	};

	return options;
}

/**
 * Create a runtime on an engine.
 *
 * It registers the map types of the library with itself, and has no programs, hooks or links yet.
 * What it calls back (completions, re-runs, what was deferred) runs on the engine's executors.
 *
 * @param      options  borrowed for the call
 * @param[out] runtime  receives a runtime owned by the caller, who ends it with
 *                      pend_runtime_destroy(); untouched on error
 *
 * @retval 0           success
 * @retval -EFAULT     @p options or @p runtime is NULL
 * @retval -EINVAL     options->size below the first version's, an unknown flag, no engine, or an
 *                     allocator without its functions
 * @retval -E2BIG      a field newer than this library is set
 * @retval -ERANGE     a number outside the range its field states
 * @retval -ESHUTDOWN  the engine has been destroyed
 * @retval -ENOSPC     the engine has as many maps as it can serve
 * @retval -ENOMEM     the allocator returned NULL
 *
 * @context     any thread outside frames; may sleep
 * @progress    blocking on the allocator and the engine's mutex
 * @ordering    none: handing @p runtime to other threads is the caller's business
 * @complexity  O(deferrals) address space; memory is touched as it is used
 * @since       0.1
 * @see         F76; engine/runtime/runtime.c, tests/runtime/
 */
PEND_API int pend_runtime_create(const struct pend_runtime_options *options,
				 struct pend_runtime **runtime) PEND_MUST_CHECK;

/**
 * End a runtime.
 *
 * Its programs, links, custom maps and hooks must have been closed or destroyed, pins removed, and
 * providers unregistered. No other call on the runtime may be running or come later.
 *
 * @param runtime  freed on success
 *
 * @retval 0         success
 * @retval -EFAULT   @p runtime is NULL
 * @retval -EBUSY    a program, link, custom map, hook, pin or provider of it lives, or an operation
 *                   is pended in it; nothing has changed
 * @retval -EDEADLK  the call comes from a program, from a callback of the library, or from one of
 *                   the engine's executors
 *
 * @context     any thread, not inside a frame or callback; sleeps
 * @progress    blocking on the executors that run its functions
 * @complexity  O(threads)
 * @since       0.1
 * @see         F76; engine/runtime/runtime.c, tests/runtime/
 */
PEND_API int pend_runtime_destroy(struct pend_runtime *runtime) PEND_MUST_CHECK;

/**
 * Read the counters of a runtime.
 *
 * @param      runtime  which
 * @param[out] stats    size is set by the caller; each field is a moment's estimate, exact when
 *                      nothing runs. Untouched on error.
 *
 * @retval 0        success
 * @retval -EFAULT  @p runtime or @p stats is NULL
 * @retval -EINVAL  stats->size is below the first version's
 *
 * @context     any thread; never sleeps
 * @progress    wait-free
 * @complexity  O(threads)
 * @since       0.1
 * @see         F44, F93; engine/runtime/runtime.c, tests/runtime/
 */
PEND_API int pend_runtime_stats_read(struct pend_runtime *runtime,
				     struct pend_runtime_stats *stats) PEND_MUST_CHECK;

/**
 * Register a provider.
 *
 * What it hands over is checked here, once and whole: the headers' versions and sizes (F79), all that
 * its kind's struct says must be there, and that lists make sense. From then on it may have clients.
 * A function is given at once to all programs that wait for one of its name and prototype.
 *
 * One that is leaving (pend_provider_unregister()) is not in the way of another one that provides the
 * same: it keeps the clients that it has, the new one gets those that come.
 *
 * @param      runtime   where
 * @param      options   borrowed for the call; what options->data points to, until it has left
 * @param[out] provider  receives it; the caller ends it with pend_provider_unregister(). Untouched on
 *                       error.
 *
 * @retval 0        success
 * @retval -EFAULT  @p runtime, @p options, @p provider, options->data, or a pointer in it that must
 *                  not be NULL: a name, a list that has elements, an element of a list of addresses, a
 *                  mandatory callback (base type NONE: those that store as well)
 * @retval -EINVAL  options->size below the first version's; another kind, or a hook; an id that is all
 *                  zero; a header of another version or of a size that its struct never had; a name
 *                  that is empty or too long; a context whose pointers are not in it, or whose saved
 *                  size is smaller; helper ids that are taken or not in their range, unknown types or
 *                  flags, a size argument without its pointer; a map type's number that is not above
 *                  PEND_MAP_TYPE_PROVIDER, a base type that is unknown or has callbacks that it does
 *                  not call, updates_original_value without all element callbacks; a function with
 *                  on_attach or on_detach
 * @retval -E2BIG   a field newer than this library is set
 * @retval -EEXIST  somebody provides that already and is not leaving
 * @retval -ENOMEM  the allocator returned NULL
 *
 * @context     any thread, callbacks too; may sleep
 * @progress    blocking on the registry's mutex and the allocator
 * @ordering    what the caller did before is seen by whoever uses the provider
 * @complexity  O(providers + imports), and of a program type O(helpers^2)
 * @since       0.1
 * @see         F76, F77, F79, F81, F82; engine/registry/provider.c, description.c,
 *              tests/registry/test_provider.c, test_description.c
 */
PEND_API int pend_provider_register(struct pend_runtime *runtime,
				    const struct pend_provider_options *options,
				    struct pend_provider **provider) PEND_MUST_CHECK;

/**
 * Let a provider leave.
 *
 * Without @p gone it is refused while it has a client. With it there is no new client from now on
 * (they are told -ENODEV), and @p gone is called once the last client has ended, perhaps before this
 * returns.
 *
 * A function's provider leaves at once in either case. Its clients' pointers are cleared, their
 * programs are refused (PEND_TRACE_LOST) until a provider of that name and prototype is back, and the
 * call returns, having called @p gone, when no program is inside the function any more: its code may
 * then be unloaded.
 *
 * @param provider  not valid any more once it has left: when this has returned 0 without @p gone, or
 *                  when @p gone is called
 * @param gone      called once when it has left; may be NULL
 * @param context   handed to @p gone
 *
 * @retval 0          success: it has left, or with @p gone will
 * @retval -EFAULT    @p provider is NULL
 * @retval -EBUSY     it has clients and @p gone is NULL; nothing has changed
 * @retval -EALREADY  it is leaving
 * @retval -EDEADLK   a function, and the caller is inside a frame or an epoch; nothing has changed
 *
 * @context     any thread, callbacks too; may sleep. Functions: outside frames and epochs.
 * @progress    blocking on the registry's mutex; functions: on the programs that are running
 * @ordering    what clients did with it comes before @p gone, or the return without
 * @complexity  O(providers); functions: O(imports + threads)
 * @since       0.1
 * @see         F76, F81; engine/registry/provider.c, function.c, tests/registry/test_provider.c,
 *              test_function.c
 */
PEND_API int pend_provider_unregister(struct pend_provider *provider, pend_provider_gone_fn gone,
				      void *context) PEND_MUST_CHECK;

/**
 * Count the clients of a provider: programs and hooks of a program type, links of a hook, maps of a
 * map type, programs that have a function.
 *
 * @param provider  which
 *
 * @return     how many there are at this moment; one counts until on_detach has returned
 * @retval -EFAULT  @p provider is NULL
 *
 * @context     any thread, callbacks too; may sleep
 * @progress    blocking on the registry's mutex
 * @complexity  O(1); functions: O(imports)
 * @since       0.1
 * @see         F76; engine/registry/provider.c, tests/registry/test_provider.c
 */
PEND_API int pend_provider_clients(struct pend_provider *provider);

/**
 * Find the namespace of the process at the other end of a connected unix socket, for a server that
 * acts on behalf of its clients.
 *
 * That process is the one that connected, or listened, or made the socket pair; whoever was given the
 * descriptor later does not count. Before Linux 6.5, which tells processes apart for good, a peer that
 * has ended and whose number is another process's already is taken for that one: ask early.
 *
 * @param      socket      a connected stream or packet socket of the unix domain; borrowed
 * @param      label       the application's part of the namespace
 * @param[out] name_space  receives the peer's user namespace and @p label; untouched on error
 *
 * @retval 0            success
 * @retval -EFAULT      @p name_space is NULL
 * @retval -EBADF       @p socket is no open descriptor
 * @retval -ENOTSOCK    ... no socket
 * @retval -EOPNOTSUPP  ... not of the unix domain, not connected, or of a kind that knows no peer
 * @retval -ESRCH       the peer has ended
 * @retval -EACCES      its namespace may not be read, or it is not to be seen from here
 * @retval -EMFILE      no descriptor is left, for the process or the machine
 *
 * @context     any thread, not in frames: it makes system calls
 * @progress    blocking on /proc
 * @complexity  O(1)
 * @since       0.1
 * @see         F66; engine/registry/name_space.c, tests/registry/test_name_space.c
 */
PEND_API int pend_namespace_of_peer(int socket, uint64_t label,
				    struct pend_namespace *name_space) PEND_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
