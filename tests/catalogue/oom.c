/* SPDX-License-Identifier: MIT */
/*
 * oom.c - each allocation of the whole stack is made to fail: alone, and with all that come after it.
 *
 * One life of a stack is played again and again: an engine, a runtime, a simulator, maps of each kind,
 * programs, a link, a session, an operation that is pended, continued, handed over and completed. With
 * the Nth allocation failing, for N = 0, 1, ... until none is left to fail. Each time whatever fails
 * says -ENOMEM, or falls back where a program can; everything can be taken down again; and each byte
 * comes back. What is pended is completed all the same: that needs no memory (guarantee C).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <pendmap/pendmap.h>

#include "epoch/epoch.h"
#include "tests/support/check.h"

/* ---- memory that runs out ---- */

static struct {
	int64_t calls; /* so far */
	int64_t fails; /* the call that fails */
	bool forever;  /* and all after it */
	uint64_t bytes, blocks;
} memory;

static void *take(void *context, size_t size, size_t alignment)
{
	const int64_t call = memory.calls++;
	void *block;

	(void)context;
	if (call == memory.fails || (memory.forever && call > memory.fails))
		return NULL;
	block = aligned_alloc(alignment, (size + alignment - 1) & ~(alignment - 1));
	CHECK(block);
	memset(block, 0, size);
	memory.bytes += size;
	memory.blocks++;
	return block;
}

static void give(void *context, void *block, size_t size)
{
	(void)context;
	memory.bytes -= size;
	memory.blocks--;
	free(block);
}

static const struct pend_allocator allocator = { .size = sizeof(allocator),
						 .allocate = take,
						 .release = give };

/* ---- one life ---- */

struct life {
	struct pend_engine *engine;
	struct pend_runtime *runtime;
	struct pend_simulator *simulator;
	struct pend_custom_map *pends, *completes, *table, *control;
	struct pend_session *session;
	struct pend_program *program, *heir;
	struct pend_link *link;
	uint64_t operation;
	struct pend_key key;
	uint32_t runs;
};

static const uint32_t helpers[] = { BPF_FUNC_pend_operation, BPF_FUNC_map_update_elem };

static int run(void *context, void *data)
{
	struct life *life = data;
	struct pend_value value = { PEND_VALUE_VERSION, sizeof(value), 0, 0 };

	(void)context;
	life->runs++;
	life->key = pend_key_of(0);
	(void)!bpf_map_update_elem(life->table, &(uint32_t){ 1 }, &(uint32_t){ 2 }, PEND_BPF_ANY);
	return bpf_pend_operation(life->pends, &value, sizeof(value), &life->key, sizeof(life->key))
		       ? PEND_VERDICT_PROCEED_SOFT
		       : PEND_VERDICT_PEND;
}

static int run_heir(void *context, void *data)
{
	(void)context;
	(void)data;
	return PEND_VERDICT_PROCEED_HARD;
}

static void serve(struct life *life)
{
	for (uint32_t round = 0; round < 3; round++)
		for (uint32_t cpu = 0; pend_engine_poll(life->engine, cpu, 1000) != -ERANGE; cpu++)
			continue;
}

static int make_engine(struct life *life)
{
	struct pend_engine_options options = pend_engine_options_default();

	options.flags = PEND_ENGINE_POLLED | PEND_ENGINE_UNWATCHED;
	options.queue_entries = 16;
	options.allocator = &allocator;
	return pend_engine_create(&options, &life->engine);
}

static int make_runtime(struct life *life)
{
	struct pend_runtime_options options = pend_runtime_options_default();

	CHECK_INT(pend_engine_enable(life->engine), ==, 0);
	options.engine = life->engine;
	options.allocator = &allocator;
	options.deferrals = 4;
	return pend_runtime_create(&options, &life->runtime);
}

static int make_simulator(struct life *life)
{
	const struct pend_simulator_options options = { .size = sizeof(options),
							.operations_max = 4,
							.redirect_expiry_ms = 60000 };

	return pend_simulator_create(life->runtime, &options, &life->simulator);
}

static int make_map(struct life *life, uint32_t type, uint32_t key_size, uint32_t value_size,
		    struct pend_custom_map **map)
{
	struct pend_map_options extra = pend_map_options_default();
	struct pend_custom_map_options options = { .size = sizeof(options),
						   .type = type,
						   .key_size = key_size,
						   .value_size = value_size,
						   .max_entries = 1,
						   .extra = &extra };

	extra.flags = PEND_MAP_ENABLED;
	extra.allocator = &allocator;
	if (type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_NET_EBPF_EXT_PEND_CONTROL)
		options.extra = NULL;
	return pend_custom_map_create(life->runtime, &options, map);
}

static int make_pends(struct life *life)
{
	return make_map(life, BPF_MAP_TYPE_NET_EBPF_EXT_PEND, sizeof(struct pend_key),
			sizeof(struct pend_value), &life->pends);
}

static int make_completes(struct life *life)
{
	return make_map(life, BPF_MAP_TYPE_SOCK_ADDR_PEND_COMPLETE, sizeof(struct pend_key),
			sizeof(struct pend_complete_entry), &life->completes);
}

static int make_table(struct life *life)
{
	return make_map(life, BPF_MAP_TYPE_HASH, 4, 4, &life->table);
}

static int make_control(struct life *life)
{
	static const uint32_t enabled[2] = { PEND_CONTROL_ENABLED, 0 };
	const int error =
		make_map(life, BPF_MAP_TYPE_NET_EBPF_EXT_PEND_CONTROL, 4, 8, &life->control);

	if (error)
		return error;
	return pend_custom_map_update(life->control, NULL, &(uint32_t){ 0 }, enabled, PEND_BPF_ANY);
}

static int make_session(struct life *life)
{
	struct pend_session_options options = pend_session_options_default();
	int error;

	options.notices = 16;
	options.key_size = 0;
	error = pend_session_open(life->engine, &options, &life->session);
	return error ? error : pend_custom_map_bind(life->pends, life->session);
}

static int load(struct life *life, pend_program_fn entry, struct pend_program **program)
{
	const struct pend_program_options options = {
		.size = sizeof(options),
		.name = "life",
		.type = *pend_sock_addr_type(),
		.entry = entry,
		.data = life,
		.helpers = helpers,
		.helper_count = sizeof(helpers) / sizeof(helpers[0]),
	};

	return pend_program_load(life->runtime, &options, program);
}

static int load_program(struct life *life)
{
	const int error = load(life, run, &life->program);

	return error ? error : pend_program_pin(life->program, "program");
}

static int load_heir(struct life *life)
{
	return load(life, run_heir, &life->heir);
}

static int attach(struct life *life)
{
	const struct pend_link_options options = {
		.size = sizeof(options),
		.attach_type = *pend_layer_attach_type(PEND_LAYER_DATAGRAM, AF_INET),
	};

	return pend_link_attach(life->program, &options, &life->link);
}

static int submit(struct life *life)
{
	struct pend_simulated_request request = { .layer = PEND_LAYER_DATAGRAM };

	request.address.family = AF_INET;
	request.address.protocol = IPPROTO_UDP;
	request.address.user_port = htons(53);
	request.payload = "question";
	request.payload_size = 8;
	return pend_simulator_submit(life->simulator, &request, &life->operation);
}

static int replace(struct life *life)
{
	struct pend_link_update_options options = { .size = sizeof(options),
						    .outstanding = PEND_OUTSTANDING_HAND_OVER };

	return pend_link_update(life->link, life->heir, &options);
}

/* Whatever memory there is: what is pended ends, and so does a deadline of a program that fell back. */
static int finish(struct life *life)
{
	struct pend_simulated_info info = { .size = sizeof(info) };

	CHECK_INT(pend_simulator_read(life->simulator, life->operation, &info), ==, 0);
	if (info.state == PEND_SIM_PENDED) {
		CHECK_INT(pend_session_complete(life->session, pend_custom_map_pends(life->pends),
						info.handle, PEND_ACTION_CONTINUE),
			  ==, 0);
		serve(life);
	}
	CHECK_INT(pend_simulator_read(life->simulator, life->operation, &info), ==, 0);
	if (info.state == PEND_SIM_PENDED) {
		CHECK_INT(pend_session_complete(life->session, pend_custom_map_pends(life->pends),
						info.handle, PEND_ACTION_PERMIT_HARD),
			  ==, 0);
		serve(life);
	}
	CHECK_INT(pend_simulator_read(life->simulator, life->operation, &info), ==, 0);
	CHECK_INT(info.state, ==, PEND_SIM_PERMITTED);
	return 0;
}

static int detach(struct life *life)
{
	return pend_link_detach_async(life->link, PEND_OUTSTANDING_FINISH, NULL, NULL);
}

static int (*const steps[])(struct life *life) = {
	make_engine, make_runtime, make_simulator, make_pends,   make_completes,
	make_table,  make_control, make_session,   load_program, load_heir,
	attach,      submit,       replace,        finish,       detach,
};

static void close_map(struct pend_custom_map *map)
{
	if (map)
		CHECK_INT(pend_custom_map_close(map), ==, 0);
}

static void close_program(struct pend_program *program)
{
	if (program)
		CHECK_INT(pend_program_close(program), ==, 0);
}

/* Takes down what there is of it; allocations may go on failing. */
static void bury(struct life *life)
{
	if (life->operation)
		CHECK_INT(finish(life), ==, 0);
	if (life->link)
		CHECK_INT(pend_link_close(life->link), ==, 0);
	if (life->program)
		(void)!pend_unpin(life->runtime, NULL, "program");
	close_program(life->program);
	close_program(life->heir);
	CHECK_INT(pendi_epoch_barrier(), ==, 0);
	if (life->engine)
		serve(life);
	if (life->session)
		CHECK_INT(pend_session_close(life->session), ==, 0);
	close_map(life->control);
	close_map(life->table);
	close_map(life->completes);
	close_map(life->pends);
	if (life->simulator)
		CHECK_INT(pend_simulator_destroy(life->simulator), ==, 0);
	CHECK_INT(pendi_epoch_barrier(), ==, 0);
	if (life->runtime)
		CHECK_INT(pend_runtime_destroy(life->runtime), ==, 0);
	if (life->engine)
		CHECK_INT(pend_engine_destroy(life->engine), ==, 0);
}

/* A life with the @fails-th allocation failing. Whether one failed. */
static bool live(int64_t fails, bool forever)
{
	struct life life = { .engine = NULL };
	bool failed;

	memory.calls = 0;
	memory.fails = fails;
	memory.forever = forever;
	for (uint32_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const int error = steps[i](&life);

		if (error) {
			CHECK_INT(error, ==, -ENOMEM);
			break;
		}
	}
	failed = memory.calls > fails;
	bury(&life);
	CHECK_U64(memory.blocks, ==, 0);
	CHECK_U64(memory.bytes, ==, 0);
	return failed;
}

int main(void)
{
	struct tap tap = { 0, 0 };
	int64_t lives[2] = { 0, 0 };

	for (int forever = 0; forever < 2; forever++)
		while (live(lives[forever], forever))
			lives[forever]++;
	printf("# %" PRId64 " allocations, each failed alone and with all after it\n", lives[0]);
	tap_report(&tap, lives[0] > 20 && lives[1] > 20, "R_oom_at_every_allocation");
	return tap_end(&tap);
}
