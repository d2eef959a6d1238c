/* SPDX-License-Identifier: MIT */
/*
 * sock_addr.h - the program type of the network layers: its context, attach types and helpers.
 *
 * A context is what programs see (struct bpf_sock_addr) followed by what their helpers read. All of
 * it is by value, so a program that runs again gets from every helper what it got the first time
 * (guarantee H).
 */
#ifndef PENDMAP_SOCK_ADDR_H
#define PENDMAP_SOCK_ADDR_H

#include <pendmap/program.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pend_hook;

/** Where a network operation can be asked about. */
enum pend_layer {
	PEND_LAYER_CONNECT_REDIRECT = 0, /**< before routing: may change the destination */
	PEND_LAYER_CONNECT = 1,          /**< AUTH_CONNECT */
	PEND_LAYER_RECV_ACCEPT = 2,      /**< AUTH_RECV_ACCEPT */
	PEND_LAYER_LISTEN = 3,           /**< AUTH_LISTEN */
	PEND_LAYER_BIND = 4,             /**< RESOURCE_ASSIGNMENT */
	PEND_LAYER_DATAGRAM = 5,         /**< DATAGRAM_DATA */
	PEND_LAYER_STREAM = 6,           /**< STREAM: inline verdicts */
	PEND_LAYERS = 7,
};

/** What programs see; addresses and ports in network order. */
struct bpf_sock_addr {
	uint32_t family; /**< AF_INET or AF_INET6 */
	union {
		uint32_t msg_src_ip4;
		uint32_t msg_src_ip6[4];
	};
	uint16_t msg_src_port;
	uint16_t reserved;
	union {
		uint32_t user_ip4;
		uint32_t user_ip6[4];
	};
	uint16_t user_port;
	uint16_t reserved2;
	uint32_t protocol;
	uint32_t compartment_id;
	uint64_t interface_luid;
	const void *data;     /**< the payload's first byte, or NULL */
	const void *data_end; /**< and past its last */
};

#define BPF_SOCK_ADDR_VERDICT_REJECT PEND_VERDICT_REJECT
#define BPF_SOCK_ADDR_VERDICT_PROCEED_SOFT PEND_VERDICT_PROCEED_SOFT
#define BPF_SOCK_ADDR_VERDICT_PROCEED_HARD PEND_VERDICT_PROCEED_HARD
#define BPF_SOCK_ADDR_VERDICT_PEND PEND_VERDICT_PEND
#define BPF_SOCK_ADDR_VERDICT_DEFER_TO_PASSIVE PEND_VERDICT_DEFER_TO_PASSIVE

/** Bits of bpf_sock_addr_network_context.available. */
enum pend_network_available {
	PEND_NETWORK_INTERFACE_TYPE = 1u << 0,
	PEND_NETWORK_TUNNEL_TYPE = 1u << 1,
	PEND_NETWORK_NEXT_HOP = 1u << 2,
	PEND_NETWORK_SUB_INTERFACE = 1u << 3,
};

/** What routing knows (F69). Version 1 ends with sub_interface_index: 28 bytes at offsets 0, 4, 8,
 * 16, 24 (32 with padding). Version 2 says what is available, where version 1 had padding. A
 * backend fills in what it knows and says so in @p available; what is handed to programs is that of
 * it which their layer has. */
struct bpf_sock_addr_network_context {
	uint32_t version; /**< to programs: 2; of backends: ignored */
	uint32_t interface_type;
	uint32_t tunnel_type;
	uint64_t next_hop_interface_luid;
	uint32_t sub_interface_index;
	uint32_t available; /**< version 2: enum pend_network_available */
};

/** The whole context: programs see @p base; helpers read the rest. */
struct pend_sock_addr_context {
	struct bpf_sock_addr base;
	uint32_t layer;          /**< enum pend_layer */
	uint32_t direction;      /**< enum pend_direction */
	uint64_t process_thread; /**< pid << 32 | tid, when the operation began (X7) */
	uint64_t socket_cookie;
	uint64_t redirect_context; /**< set by bpf_sock_addr_set_redirect_context() */
	uint64_t flow;             /**< the flow it belongs to, or 0 */
	struct bpf_sock_addr_network_context network;
	uint32_t has_network; /**< 0: bpf_sock_addr_get_network_context() fails */
	uint32_t flow_state;  /**< PEND_LAYER_STREAM: enum pend_flow_state */
};

enum pend_direction {
	PEND_OUTBOUND = 0,
	PEND_INBOUND = 1,
};

/** What a program at PEND_LAYER_STREAM is told, and answers. */
enum pend_flow_state {
	PEND_FLOW_NEW = 0,
	PEND_FLOW_ESTABLISHED = 1,
	PEND_FLOW_DELETED = 2, /**< the last invocation, for programs that still wanted data */
};
enum pend_flow_verdict {
	EBPF_FLOW_CLASSIFY_ALLOW = 0,
	EBPF_FLOW_CLASSIFY_BLOCK = 1,
	EBPF_FLOW_CLASSIFY_NEED_MORE_DATA = 2, /**< the segment passes; ask again */
};

/**
 * The program type of the layers that ask about an operation: all but PEND_LAYER_STREAM. It is
 * upstream's, 92ec8e39-aeec-11ec-9a30-18602489beee. Its context is struct pend_sock_addr_context;
 * its helpers are the three below, and its programs get bpf_get_current_pid_tgid() and
 * bpf_get_socket_cookie() answered from the context (F80).
 *
 * @return  never NULL; valid for ever
 *
 * @context     any
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         F67, F77; engine/backend/sock_addr_names.c, tests/backend/test_sock_addr.c
 */
PEND_API const struct pend_uuid *pend_sock_addr_type(void);

/**
 * The program type of PEND_LAYER_STREAM: flow classifiers, which answer with an enum
 * pend_flow_verdict. The same context, but of the helpers below only
 * bpf_sock_addr_get_current_pid_tgid().
 *
 * @return  never NULL; valid for ever
 *
 * @context     any
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         F60; engine/backend/sock_addr_names.c, tests/backend/test_sock_addr.c
 */
PEND_API const struct pend_uuid *pend_flow_classify_type(void);

/**
 * The attach type of a layer. Where upstream has the layer it is upstream's.
 *
 * @param layer   the layer
 * @param family  AF_INET or AF_INET6
 *
 * @return  valid for ever; NULL: no such layer or family
 *
 * @context     any
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         F2, F67, F72; engine/backend/sock_addr_names.c, tests/backend/test_sock_addr.c
 */
PEND_API const struct pend_uuid *pend_layer_attach_type(enum pend_layer layer, int family);

/**
 * What the section of a program for a layer is called in an object file, e.g.
 * "cgroup/connect_authorization4". Where upstream has the layer it is upstream's.
 *
 * @param layer   the layer
 * @param family  AF_INET or AF_INET6
 *
 * @return  valid for ever; NULL: no such layer or family
 *
 * @context     any
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         F67; engine/backend/sock_addr_names.c, tests/backend/test_sock_addr.c
 */
PEND_API const char *pend_layer_section(enum pend_layer layer, int family);

/**
 * Register both program types in a runtime: hooks and programs of them need that. Both, or none.
 *
 * @param runtime  where
 *
 * @retval 0        registered
 * @retval -EFAULT  @p runtime is NULL
 * @retval -EEXIST  one of them is registered already
 * @retval -ENOMEM  no memory
 *
 * @context     control plane, as pend_provider_register()
 * @progress    takes the registry's mutex
 * @complexity  O(providers)
 * @since       0.1
 * @see         F76, F77; engine/backend/sock_addr.c, tests/backend/test_sock_addr.c
 */
PEND_API int pend_sock_addr_register(struct pend_runtime *runtime) PEND_MUST_CHECK;

/**
 * Take both program types away. Whoever becomes a client of one while this runs keeps it until it
 * is no client any more; for others it is gone when this returns.
 *
 * @param runtime  where they were registered
 *
 * @retval 0        they are not provided any more
 * @retval -EFAULT  @p runtime is NULL
 * @retval -ENOENT  not both are registered
 * @retval -EBUSY   there is a hook or a program of one of them: nothing has changed
 *
 * @context     control plane, as pend_provider_unregister(); by one thread at a time
 * @progress    takes the registry's mutex
 * @complexity  O(providers)
 * @since       0.1
 * @see         F76; engine/backend/sock_addr.c, tests/backend/test_sock_addr.c
 */
PEND_API int pend_sock_addr_unregister(struct pend_runtime *runtime) PEND_MUST_CHECK;

/**
 * For programs: what routing knows of the operation, at the layers that come after it.
 *
 *	layer          interface and tunnel type   sub-interface   next hop
 *	CONNECT        yes                         yes             yes
 *	RECV_ACCEPT    yes                         yes
 *	LISTEN, BIND   yes
 *
 * A field that is not known is zero and its bit in `available` is not set. At other layers, and
 * where the backend has no network context, this fails. A program that was built with a shorter
 * struct gets the beginning, one with a longer struct gets zeroes behind it. The same each time it
 * runs again (guarantee H).
 *
 * @param[in]  context  the running program's
 * @param[out] network  a struct bpf_sock_addr_network_context; zeroed also where it fails, but
 *                      for the first two reasons below
 * @param      size     bytes of it
 *
 * @return  0; -1 (which is also -EPERM): @p context is not the running program's, @p network is
 *          NULL or @p size is 0; the layer has none, which is counted as a refused helper; the
 *          backend has none; the program did not name the helper, or there is none running
 *
 * @context     a program
 * @progress    wait-free
 * @complexity  O(size)
 * @since       0.1
 * @see         F69, S17; engine/backend/sock_addr.c, tests/backend/test_sock_addr_helpers.c
 */
PEND_API int bpf_sock_addr_get_network_context(struct bpf_sock_addr *context, void *network,
					       uint32_t size) PEND_MUST_CHECK;

/**
 * For programs at PEND_LAYER_CONNECT_REDIRECT: leave a number with the connection, which whom it is
 * redirected to can ask for. The last program's counts.
 *
 * @param[in,out] context  the running program's
 * @param         value    the number
 *
 * @retval 0            left
 * @retval -EPERM       the program did not name the helper, or there is none running
 * @retval -EFAULT      @p context is not the running program's
 * @retval -EOPNOTSUPP  another layer: counted as a refused helper
 *
 * @context     a program
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         F80; engine/backend/sock_addr.c, tests/backend/test_sock_addr_helpers.c
 */
PEND_API int bpf_sock_addr_set_redirect_context(struct bpf_sock_addr *context,
						uint64_t value) PEND_MUST_CHECK;

/**
 * For programs: who began the operation. Never who runs the program, which is another thread when
 * it runs again (X7).
 *
 * @param context  the running program's
 *
 * @return  process << 32 | thread; 0: not known, @p context is not the running program's, the
 *          program did not name the helper, or there is none running
 *
 * @context     a program
 * @progress    wait-free
 * @complexity  O(1)
 * @since       0.1
 * @see         F80, X7; engine/backend/sock_addr.c, tests/backend/test_sock_addr_helpers.c
 */
PEND_API uint64_t bpf_sock_addr_get_current_pid_tgid(struct bpf_sock_addr *context);

#ifdef __cplusplus
}
#endif

#endif
