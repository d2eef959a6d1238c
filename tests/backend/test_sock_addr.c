/* SPDX-License-Identifier: MIT */
/*
 * test_sock_addr.c - the program types of the network layers: their names (F2, F67), registering
 * them (F76, F77), and that a program that runs again gets the same answers, whatever became of the
 * backend's context and whoever runs it (guarantee H, X7).
 */
#include "tests/backend/sock_addr_fixture.h"

#include <stdio.h>
#include <unistd.h>

TestSuite(sock_addr, .init = begin, .fini = end, .timeout = 30);

/* --- Names --- */

static void expect_uuid(const struct pend_uuid *uuid, const char *text)
{
	char written[40], *at = written;

	cr_assert_not_null(uuid);
	for (uint32_t i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		at += sprintf(at, "%02x", uuid->bytes[i]);
	}
	cr_assert_str_eq(written, text);
}

Test(sock_addr, upstreams_names_are_upstreams)
{
	expect_uuid(pend_sock_addr_type(), "92ec8e39-aeec-11ec-9a30-18602489beee");
	expect_uuid(pend_layer_attach_type(PEND_LAYER_CONNECT_REDIRECT, AF_INET),
		    "a82e37b1-aee7-11ec-9a30-18602489beee");
	expect_uuid(pend_layer_attach_type(PEND_LAYER_CONNECT_REDIRECT, AF_INET6),
		    "a82e37b2-aee7-11ec-9a30-18602489beee");
	expect_uuid(pend_layer_attach_type(PEND_LAYER_RECV_ACCEPT, AF_INET),
		    "a82e37b3-aee7-11ec-9a30-18602489beee");
	expect_uuid(pend_layer_attach_type(PEND_LAYER_RECV_ACCEPT, AF_INET6),
		    "a82e37b4-aee7-11ec-9a30-18602489beee");
	expect_uuid(pend_layer_attach_type(PEND_LAYER_CONNECT, AF_INET),
		    "6076c13a-f04f-4ff8-8380-908553f22276");
	expect_uuid(pend_layer_attach_type(PEND_LAYER_CONNECT, AF_INET6),
		    "54b0b6ed-432a-4674-8b27-8d9f5b40c675");
	cr_assert_str_eq(pend_layer_section(PEND_LAYER_CONNECT_REDIRECT, AF_INET),
			 "cgroup/connect4");
	cr_assert_str_eq(pend_layer_section(PEND_LAYER_CONNECT, AF_INET6),
			 "cgroup/connect_authorization6");
	cr_assert_str_eq(pend_layer_section(PEND_LAYER_RECV_ACCEPT, AF_INET),
			 "cgroup/recv_accept4");
}

/* Two attach types that are the same would be one hook. */
Test(sock_addr, each_layer_and_family_has_names_of_its_own)
{
	const struct pend_uuid *types[2 * PEND_LAYERS + 2] = { pend_sock_addr_type(),
							       pend_flow_classify_type() };
	const char *sections[2 * PEND_LAYERS];
	uint32_t count = 2;

	for (uint32_t layer = 0; layer < PEND_LAYERS; layer++)
		for (uint32_t six = 0; six < 2; six++, count++) {
			const int family = six ? AF_INET6 : AF_INET;

			types[count] = pend_layer_attach_type(layer, family);
			sections[count - 2] = pend_layer_section(layer, family);
			cr_assert_not_null(types[count]);
			cr_assert_not_null(sections[count - 2]);
			cr_assert_eq(sections[count - 2][strlen(sections[count - 2]) - 1],
				     six ? '6' : '4');
		}
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t j = 0; j < i; j++) {
			cr_assert_neq(memcmp(types[i], types[j], sizeof(*types[i])), 0);
			cr_assert(j < 2 || strcmp(sections[i - 2], sections[j - 2]) != 0);
		}
}

Test(sock_addr, there_is_no_other_layer_or_family)
{
	cr_assert_null(pend_layer_attach_type(PEND_LAYERS, AF_INET));
	cr_assert_null(pend_layer_attach_type((enum pend_layer) - 1, AF_INET));
	cr_assert_null(pend_layer_attach_type(PEND_LAYER_BIND, AF_UNIX));
	cr_assert_null(pend_layer_section(PEND_LAYERS, AF_INET6));
	cr_assert_null(pend_layer_section(PEND_LAYER_BIND, 0));
}

/* --- Registering --- */

Test(sock_addr, registers_once)
{
	/* retval: pend_sock_addr_register -EEXIST */
	cr_assert_eq(pend_sock_addr_register(runtime), -EEXIST);
	/* retval: pend_sock_addr_register -EFAULT */
	cr_assert_eq(pend_sock_addr_register(NULL), -EFAULT);
	/* retval: pend_sock_addr_unregister -EFAULT */
	cr_assert_eq(pend_sock_addr_unregister(NULL), -EFAULT);
	cr_assert_eq(pend_sock_addr_unregister(runtime), 0);
	/* retval: pend_sock_addr_unregister -ENOENT */
	cr_assert_eq(pend_sock_addr_unregister(runtime), -ENOENT);
	cr_assert_eq(load(pend_sock_addr_type(), NULL, 0), -ENOENT);
	cr_assert_eq(pend_sock_addr_register(runtime), 0);
}

/* A provider of one type that is not ours: then ours register neither. */
Test(sock_addr, registers_both_or_none)
{
	static const struct pend_program_data other = {
		.header = PEND_HEADER(PEND_PROGRAM_VERSION, struct pend_program_data,
				      override_addresses),
		.name = "other",
		.context = { 8, 8, -1, -1 },
	};
	struct pend_provider_options other_type = {
		.size = sizeof(other_type),
		.kind = PEND_PROVIDER_PROGRAM,
		.id = *pend_flow_classify_type(),
		.data = &other.header,
	};
	struct pend_provider *provider;

	cr_assert_eq(pend_sock_addr_unregister(runtime), 0);
	cr_assert_eq(pend_provider_register(runtime, &other_type, &provider), 0);
	cr_assert_eq(pend_sock_addr_register(runtime), -EEXIST);
	cr_assert_eq(load(pend_sock_addr_type(), NULL, 0), -ENOENT);
	cr_assert_eq(pend_sock_addr_unregister(runtime), -ENOENT);
	cr_assert_eq(pend_provider_unregister(provider, NULL, NULL), 0);
	/* Nor are they taken away one by one. */
	other_type.id = *pend_sock_addr_type();
	cr_assert_eq(pend_provider_register(runtime, &other_type, &provider), 0);
	cr_assert_eq(pend_sock_addr_unregister(runtime), -ENOENT);
	cr_assert_eq(pend_provider_unregister(provider, NULL, NULL), 0);
	cr_assert_eq(pend_sock_addr_register(runtime), 0);
}

static uint32_t allocations_left;

static int fail_after(size_t size)
{
	(void)size;
	return allocations_left-- == 0;
}

Test(sock_addr, needs_memory_to_register)
{
	cr_assert_eq(pend_sock_addr_unregister(runtime), 0);
	for (uint32_t i = 0; i < 2; i++) {
		allocations_left = i;
		pendi_script.allocation_fails = fail_after;
		/* retval: pend_sock_addr_register -ENOMEM */
		cr_assert_eq(pend_sock_addr_register(runtime), -ENOMEM);
		pendi_script.allocation_fails = NULL;
		cr_assert_eq(pend_sock_addr_unregister(runtime), -ENOENT);
	}
	cr_assert_eq(pend_sock_addr_register(runtime), 0);
}

static int do_nothing(struct bpf_sock_addr *seen)
{
	(void)seen;
	return PEND_VERDICT_PROCEED_SOFT;
}

Test(sock_addr, leaves_when_nobody_uses_it)
{
	body = do_nothing;
	make_hook(PEND_LAYER_STREAM, NULL);
	/* retval: pend_sock_addr_unregister -EBUSY */
	cr_assert_eq(pend_sock_addr_unregister(runtime), -EBUSY);
	cr_assert_eq(pend_hook_destroy(hook), 0);
	hook = NULL;
	cr_assert_eq(load(pend_sock_addr_type(), NULL, 0), 0);
	cr_assert_eq(pend_sock_addr_unregister(runtime), -EBUSY);
	cr_assert_eq(pend_sock_addr_register(runtime), -EEXIST, "both are still there");
}

/* --- Again --- */

struct answers {
	struct bpf_sock_addr base;
	struct bpf_sock_addr_network_context network;
	uint64_t process, process_of_type, cookie;
};

static struct answers first, second;
static struct pend_custom_map *map;
static uint64_t handle;
static enum pend_action delivered;

static int held_pend(void *unused, uint64_t operation, struct pend_map *in, uint64_t pended)
{
	(void)unused;
	(void)operation;
	(void)in;
	handle = pended;
	return 0;
}

static void held_complete(void *unused, uint64_t operation,
			  const struct pend_completion *completion)
{
	(void)unused;
	(void)operation;
	delivered = completion->action;
}

static void held_gone(void *unused, uint64_t operation)
{
	(void)unused;
	(void)operation;
}

static const struct pend_backend holder = {
	.header = PEND_HEADER(PEND_BACKEND_VERSION, struct pend_backend, owner_gone),
	.pend = held_pend,
	.complete = held_complete,
	.owner_gone = held_gone,
};

static void ask_everything(struct bpf_sock_addr *seen, struct answers *answers)
{
	memset(answers, 0, sizeof(*answers));
	memcpy(&answers->base, seen, sizeof(*seen));
	cr_assert_eq(bpf_sock_addr_get_network_context(seen, &answers->network,
						       sizeof(answers->network)),
		     0);
	answers->process = bpf_get_current_pid_tgid();
	answers->process_of_type = bpf_sock_addr_get_current_pid_tgid(seen);
	answers->cookie = bpf_get_socket_cookie(seen);
}

static int pend_then_decide(struct bpf_sock_addr *seen)
{
	struct pend_value value = { PEND_VALUE_VERSION, sizeof(value), 0, 0 };
	struct pend_key key = pend_key_of(0);

	ask_everything(seen, runs == 1 ? &first : &second);
	if (runs > 1)
		return PEND_VERDICT_PROCEED_HARD;
	cr_assert_eq(bpf_pend_operation(map, &value, sizeof(value), &key, sizeof(key)), 0);
	return PEND_VERDICT_PEND;
}

/* The second run's come from the saved context: the backend's is something else by then. */
Test(sock_addr, H_a_program_that_runs_again_sees_the_same)
{
	const struct pend_custom_map_options options = {
		.size = sizeof(options),
		.type = BPF_MAP_TYPE_NET_EBPF_EXT_PEND,
		.key_size = sizeof(struct pend_key),
		.value_size = sizeof(struct pend_value),
		.max_entries = 8,
	};

	cr_assert_eq(pend_custom_map_create(runtime, &options, &map), 0);
	cr_assert_eq(pend_map_enable(pend_custom_map_pends(map)), 0);
	context = context_at(PEND_LAYER_CONNECT);
	context.base.user_ip4 = 0x01020304;
	context.base.user_port = 443;
	body = pend_then_decide;
	make_hook(PEND_LAYER_CONNECT, &holder);
	cr_assert_eq(load(pend_sock_addr_type(), all_helpers, ALL_HELPERS), 0);
	attach(PEND_LAYER_CONNECT);
	cr_assert_eq(invoke(), PEND_VERDICT_PEND);
	memset(&context, 0xa5, sizeof(context));
	machine.cpu = 1;
	cr_assert_eq(pend_map_complete(pend_custom_map_pends(map), handle, PEND_ACTION_CONTINUE),
		     0);
	for (uint32_t i = 0; i < 4; i++)
		(void)serve_all(engine);
	cr_assert_eq(runs, 2);
	cr_assert_eq(delivered, PEND_ACTION_PERMIT_HARD);
	cr_assert_eq(memcmp(&first, &second, sizeof(first)), 0);
	cr_assert_eq(second.process, PROCESS_THREAD);
	cr_assert_neq(second.process >> 32, (uint64_t)getpid());
	cr_assert_eq(second.base.user_port, 443);
	machine.cpu = 0;
	next_layer();
	cr_assert_eq(pend_custom_map_close(map), 0);
}
