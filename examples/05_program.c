/* SPDX-License-Identifier: MIT */
/*
 * 05_program.c - a program that pends: connections to port 443 wait for an orchestrator.
 *
 *	connect -> hook -> program -> bpf_pend_operation(), PEND: the connection is held
 *	notice -> orchestrator -> permit or block: the connection goes on, or does not
 *
 * stage.h sets the stage: an engine, a runtime, and a simulator that plays the network. In
 * 12_own_hook.c operations are the application's own instead.
 */
#include "loading.h"
#include <poll.h>

/* What the orchestrator is to know of a connection. The head is the library's. */
struct wish {
	struct pend_value head;
	uint32_t address;
	uint32_t port;
};

/* The program: asked about each connection, on the thread that connects. It must not block. */
static int gate(void *context, void *data)
{
	const struct bpf_sock_addr *connection = context;
	struct pend_custom_map *pends = data;
	struct wish wish = { .head = { .version = PEND_VALUE_VERSION, .size = sizeof(wish) },
			     .address = connection->user_ip4,
			     .port = ntohs(connection->user_port) };
	struct pend_key key = pend_key_of(0); /* receives the operation's name */

	if (wish.port != 443)
		return BPF_SOCK_ADDR_VERDICT_PROCEED_SOFT;
	/* Full, stopped, or nobody there to decide: then the program has to. */
	if (bpf_pend_operation(pends, &wish, sizeof(wish), &key, sizeof(key)) != 0)
		return BPF_SOCK_ADDR_VERDICT_REJECT;
	return BPF_SOCK_ADDR_VERDICT_PEND;
}

/* The orchestrator: any thread, any time. Port 443 is for one host only. */
static int decide(struct pend_session *session)
{
	struct pollfd waits = { .fd = pend_session_fd(session), .events = POLLIN };
	struct pend_notice notice;
	struct wish wish;

	if (poll(&waits, 1, -1) != 1 || pend_session_read(session, &notice, NULL, 1) != 1 ||
	    pend_map_read(notice.map, notice.handle, NULL, &wish) != 0)
		return 1;
	return pend_session_complete(session, notice.map, notice.handle,
				     wish.address == inet_addr("192.0.2.1")
					     ? PEND_ACTION_PERMIT_SOFT
					     : PEND_ACTION_BLOCK) != 0;
}

static int use(struct stage *stage, struct pend_session *session)
{
	uint64_t web, good, bad;

	if (stage_connect(stage, "192.0.2.1", 80, NULL, &web) != 0 ||
	    stage_connect(stage, "192.0.2.1", 443, NULL, &good) != 0 ||
	    stage_connect(stage, "198.51.100.9", 443, NULL, &bad) != 0)
		return 1;
	printf("port 80 %s; port 443 %s, %s\n", stage_fate(stage, web), stage_fate(stage, good),
	       stage_fate(stage, bad));
	if (decide(session) != 0 || decide(session) != 0)
		return 1;
	stage_settle(stage); /* a verdict is delivered on the CPU where the operation was pended */
	printf("port 80 %s; port 443 %s, %s\n", stage_fate(stage, web), stage_fate(stage, good),
	       stage_fate(stage, bad));
	return 0;
}

int main(void)
{
	static const uint32_t helpers[] = { BPF_FUNC_pend_operation }; /* all that it may call */
	struct pend_custom_map_options map = { .size = sizeof(map),
					       .type = BPF_MAP_TYPE_NET_EBPF_EXT_PEND,
					       .key_size = sizeof(struct pend_key),
					       .value_size = sizeof(struct wish),
					       .max_entries = 1024 };
	struct pend_program_options options = { .size = sizeof(options),
						.name = "gate",
						.type = *pend_sock_addr_type(),
						.entry = gate,
						.helpers = helpers,
						.helper_count = 1 };
	struct pend_custom_map *pends;
	struct pend_session *session;
	struct pend_program *program;
	struct pend_link *link;
	struct stage stage;

	if (stage_open(&stage) != 0 || pend_custom_map_create(stage.runtime, &map, &pends) != 0 ||
	    pend_session_open(stage.engine, NULL, &session) != 0 ||
	    pend_custom_map_bind(pends, session) != 0 || /* this session decides */
	    pend_map_enable(pend_custom_map_pends(pends)) != 0)
		return 1;
	options.data = pends;
	if (pend_program_load(stage.runtime, &options, &program) != 0 ||
	    stage_attach(program, NULL, &link) != 0)
		return 1;
	return use(&stage, session) || stage_remove(program, link) != 0 ||
	       pend_session_close(session) != 0 || pend_custom_map_close(pends) != 0 ||
	       stage_close(&stage);
}
