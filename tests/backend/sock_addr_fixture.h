/* SPDX-License-Identifier: MIT */
/*
 * sock_addr_fixture.h - a runtime with the program types of the network layers, and one program
 * that can be put at any of them.
 */
#ifndef TESTS_BACKEND_SOCK_ADDR_FIXTURE_H
#define TESTS_BACKEND_SOCK_ADDR_FIXTURE_H

#include "tests/map/manual.h"

#include <sys/socket.h>

#include <pendmap/helpers.h>
#include <pendmap/link.h>
#include <pendmap/sock_addr.h>

#define PROCESS_THREAD (UINT64_C(4711) << 32 | 4712)
#define COOKIE UINT64_C(0xc00c1e)
#define LUID UINT64_C(0x1122334455667788)

static const uint32_t all_helpers[] = {
	BPF_FUNC_get_current_pid_tgid,
	BPF_FUNC_get_socket_cookie,
	BPF_FUNC_pend_operation,
	BPF_FUNC_sock_addr_get_current_pid_tgid,
	BPF_FUNC_sock_addr_set_redirect_context,
	BPF_FUNC_sock_addr_get_network_context,
};
enum { ALL_HELPERS = sizeof(all_helpers) / sizeof(all_helpers[0]) };

static struct pend_engine *engine;
static struct pend_runtime *runtime;
static struct pend_hook *hook;
static struct pend_program *program;
static struct pend_link *link_of_program;
static struct pend_sock_addr_context context;
static int (*body)(struct bpf_sock_addr *seen); /* what the program does */
static uint32_t runs;

static inline int run(void *seen, void *data)
{
	(void)data;
	runs++;
	return body(seen);
}

static inline void begin(void)
{
	struct pend_runtime_options options = pend_runtime_options_default();

	engine = make_engine();
	options.engine = engine;
	cr_assert_eq(pend_runtime_create(&options, &runtime), 0);
	cr_assert_eq(pend_sock_addr_register(runtime), 0);
	hook = NULL;
	program = NULL;
	link_of_program = NULL;
	runs = 0;
}

static inline void end(void)
{
	if (link_of_program) {
		cr_assert_eq(pend_link_detach(link_of_program, PEND_OUTSTANDING_FINISH), 0);
		cr_assert_eq(pend_link_close(link_of_program), 0);
	}
	if (program)
		cr_assert_eq(pend_program_close(program), 0);
	let_reclaim();
	if (hook)
		cr_assert_eq(pend_hook_destroy(hook), 0);
	cr_assert_eq(pend_sock_addr_unregister(runtime), 0);
	cr_assert_eq(pend_runtime_destroy(runtime), 0);
	destroy_engine(engine);
}

static inline const struct pend_uuid *type_of(enum pend_layer layer)
{
	return layer == PEND_LAYER_STREAM ? pend_flow_classify_type() : pend_sock_addr_type();
}

static inline void make_hook(enum pend_layer layer, const struct pend_backend *backend)
{
	struct pend_hook_options options = {
		.size = sizeof(options),
		.flags = backend ? 0 : PEND_HOOK_NO_PEND,
		.name = "layer",
		.program_type = *type_of(layer),
		.attach_types = { *pend_layer_attach_type(layer, AF_INET) },
		.attach_type_count = 1,
		.links_max = PEND_HOOK_LINKS_MAX,
		.backend = backend,
	};

	cr_assert_eq(pend_hook_create(runtime, &options, &hook), 0);
}

static inline int load(const struct pend_uuid *type, const uint32_t *helpers, uint32_t count)
{
	const struct pend_program_options options = {
		.size = sizeof(options),
		.name = "program",
		.type = *type,
		.entry = run,
		.helpers = helpers,
		.helper_count = count,
	};

	return pend_program_load(runtime, &options, &program);
}

static inline void attach(enum pend_layer layer)
{
	const struct pend_link_options options = {
		.size = sizeof(options),
		.attach_type = *pend_layer_attach_type(layer, AF_INET),
	};

	cr_assert_eq(pend_link_attach(program, &options, &link_of_program), 0);
}

static inline struct pend_sock_addr_context context_at(enum pend_layer layer)
{
	struct pend_sock_addr_context made;

	memset(&made, 0, sizeof(made));
	made.base.family = AF_INET;
	made.layer = layer;
	made.process_thread = PROCESS_THREAD;
	made.socket_cookie = COOKIE;
	made.has_network = 1;
	made.network = (struct bpf_sock_addr_network_context){
		.version = 77, /* ignored */
		.interface_type = 6,
		.tunnel_type = 11,
		.next_hop_interface_luid = LUID,
		.sub_interface_index = 3,
		.available = UINT32_MAX,
	};
	return made;
}

static inline enum pend_verdict invoke(void)
{
	struct pend_invocation invocation = { .context = &context,
					      .operation = 9,
					      .initial = PEND_VERDICT_PROCEED_SOFT };

	cr_assert_eq(pend_hook_invoke(hook, &invocation), 0);
	return invocation.verdict;
}

/* Runs @what as a program of all helpers that its type has, at @layer. */
static inline void run_at(enum pend_layer layer, int (*what)(struct bpf_sock_addr *seen))
{
	context = context_at(layer);
	body = what;
	make_hook(layer, NULL);
	cr_assert_eq(load(type_of(layer), all_helpers, ALL_HELPERS), 0);
	attach(layer);
	cr_assert_eq(invoke(), PEND_VERDICT_PROCEED_SOFT);
	cr_assert_eq(runs, 1);
}

static inline uint64_t refused(void)
{
	struct pend_runtime_stats stats = { .size = sizeof(stats) };

	cr_assert_eq(pend_runtime_stats_read(runtime, &stats), 0);
	return stats.helper_refused;
}

/* Ends what run_at() began, for another layer. */
static inline void next_layer(void)
{
	cr_assert_eq(pend_link_detach(link_of_program, PEND_OUTSTANDING_FINISH), 0);
	cr_assert_eq(pend_link_close(link_of_program), 0);
	cr_assert_eq(pend_program_close(program), 0);
	let_reclaim();
	cr_assert_eq(pend_hook_destroy(hook), 0);
	link_of_program = NULL;
	program = NULL;
	hook = NULL;
	runs = 0;
}

#endif
