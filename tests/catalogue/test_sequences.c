/* SPDX-License-Identifier: MIT */
/*
 * test_sequences.c - calls in any order, from outside and from inside of frames and re-runs: programs
 * loaded, attached, replaced, pinned, closed; operations submitted, decided, killed; stops, time, maps
 * and functions that come and go. Whatever was done, everything can be taken down in the end, and all
 * accounts balance (guarantees A, F, G and I).
 *
 * A generator chooses; its seed is in each message. One thread: what fails, fails again.
 */
#include "tests/catalogue/stack.h"
#include "tests/support/random.h"

enum { PLAYERS = 4, OPERATIONS = 12, STEPS = 60, SEQUENCES = 400 };

static struct stack stack;
static struct player players[PLAYERS]; /* beside the stack's own */
static struct rng rng;
static uint32_t depth; /* of frames */
static bool quiet;     /* nothing is done from inside any more */

static uint64_t operations[OPERATIONS];

static void act(void);

/* ---- what programs do ---- */

static void act_inside(struct player *player)
{
	struct bpf_sock_addr *const context = player->context;
	const struct pend_key key = player->key;

	if (quiet || depth > 2 || !rng_one_in(&rng, 3))
		return;
	depth++;
	act();
	depth--;
	player->context = context;
	player->key = key;
}

static int run_any(void *context, void *data)
{
	static const int verdicts[] = { PEND_VERDICT_REJECT,           PEND_VERDICT_PROCEED_SOFT,
					PEND_VERDICT_PROCEED_HARD,     PEND_VERDICT_PEND,
					PEND_VERDICT_DEFER_TO_PASSIVE, 99 };
	struct player *player = data;
	struct bpf_identity_info identity;

	player->context = context;
	act_inside(player);
	if (rng_one_in(&rng, 5) && bpf_get_identity(&identity, sizeof(identity)) == -EAGAIN)
		return PEND_VERDICT_DEFER_TO_PASSIVE;
	player->error = rng_one_in(&rng, 3) ? -1 : player_pend(player);
	act_inside(player);
	player->context = NULL;
	return !player->error && !rng_one_in(&rng, 4) ? PEND_VERDICT_PEND
						      : verdicts[rng_below(&rng, 6)];
}

/* ---- what may be done ---- */

static struct player *any_player(void)
{
	return &players[rng_below(&rng, PLAYERS)];
}

static void load_or_close(void)
{
	struct player *player = any_player();

	if (player->program) {
		SAME(pend_program_close(player->program), 0);
		player->program = NULL;
		return;
	}
	player->map = stack.custom;
	player->words = stack.setting.words;
	player_load(&stack, player, "any", stack.setting.layer, run_any);
}

static void attach_or_leave(void)
{
	struct player *player = any_player();

	if (!player->link && player->program) {
		player_attach(player, stack.setting.layer, stack.setting.family);
	} else if (player->link) {
		if (rng_one_in(&rng, 2))
			(void)!pend_link_detach_async(player->link,
						      rng_one_in(&rng, 2)
							      ? PEND_OUTSTANDING_FINISH
							      : PEND_OUTSTANDING_COMPLETE,
						      NULL, NULL);
		else if (rng_one_in(&rng, 2))
			(void)!pend_link_detach(player->link, PEND_OUTSTANDING_COMPLETE);
		SAME(pend_link_close(player->link), 0);
		player->link = NULL;
	}
}

static void update_any(void)
{
	struct player *player = any_player(), *other = any_player();
	struct pend_link_update_options options = {
		.size = sizeof(options),
		.flags = rng_one_in(&rng, 4) ? PEND_LINK_WAIT : 0,
		.outstanding = (enum pend_outstanding)rng_below(&rng, 3)
	};

	if (player->link && other->program)
		(void)!pend_link_update(player->link, other->program, &options);
}

static void pin_any(void)
{
	struct player *player = any_player();
	struct pend_link *link;

	if (player->link && rng_one_in(&rng, 2))
		(void)!pend_link_pin(player->link, "link");
	else if (player->program)
		(void)!pend_program_pin(player->program, "program");
	if (!player->link && !pend_link_open(stack.runtime, NULL, "link", &link))
		player->link = link;
	if (rng_one_in(&rng, 2))
		(void)!pend_unpin(stack.runtime, NULL, rng_one_in(&rng, 2) ? "link" : "program");
}

static void submit_any(void)
{
	const struct pend_simulated_request request = request_here(&stack);
	uint64_t *operation = &operations[rng_below(&rng, OPERATIONS)];
	uint64_t name;

	if (*operation) {
		end_flow_of(&stack, *operation);
		if (pend_simulator_forget(stack.simulator, *operation))
			return;
		*operation = 0;
	}
	if (pend_simulator_submit(stack.simulator, &request, &name))
		return;
	*operation = name;
	for (uint32_t i = 0; i < 3; i++)
		(void)!pend_simulator_step(stack.simulator, name);
}

static void decide_any(void)
{
	struct pend_info infos[8];
	struct pend_cursor cursor = { .position = 0 };
	const int found = pend_map_scan(stack.map, &cursor, infos, NULL, 8);

	if (found > 0) {
		const struct pend_key key =
			pend_key_of(infos[rng_below(&rng, (uint32_t)found)].handle);

		(void)orchestrate(&stack, &key, (enum pend_action)(1 + rng_below(&rng, 4)));
	}
}

static void kill_any(void)
{
	const uint64_t operation = operations[rng_below(&rng, OPERATIONS)];

	if (operation)
		(void)!pend_simulator_kill(stack.simulator, operation);
}

static void pass_some(void)
{
	machine.mono_ns += rng_below(&rng, 40) * MS;
	machine.cpu = rng_below(&rng, MACHINE_CPUS);
	for (uint32_t cpu = 0; cpu < MACHINE_CPUS; cpu++)
		(void)!pend_engine_poll(stack.engine, cpu, 100);
}

static void stop_any(void)
{
	const int error = rng_one_in(&rng, 2) ? pend_map_disable(stack.map, MS)
					      : pend_map_disable_async(stack.map, MS, NULL, NULL);

	SO(error == 0 || error == -ETIMEDOUT || error == -EDEADLK || error == -EALREADY);
	SAME(pend_map_enable(stack.map), 0);
}

/* None of these may go while it is used: refused, and nothing has changed. */
static void destroy_any(void)
{
	switch (rng_below(&rng, 3)) {
	case 0:
		SO(pend_runtime_destroy(stack.runtime) < 0);
		break;
	case 1:
		SO(pend_engine_destroy(stack.engine) < 0);
		break;
	default:
		if (depth)
			SAME(pend_custom_map_close(stack.custom), -EDEADLK);
	}
}

static void look_around(void)
{
	struct pend_link *link = NULL;
	int64_t id = 0;

	while ((id = pend_link_next_id(stack.runtime, NULL, (uint32_t)id)) > 0) {
		struct pend_link_info info = { .size = sizeof(info) };

		if (pend_link_by_id(stack.runtime, NULL, (uint32_t)id, &link))
			continue;
		SAME(pend_link_info_read(link, &info), 0);
		SAME(info.id, id);
		SAME(pend_link_close(link), 0);
	}
}

static void act(void)
{
	static void (*const acts[])(
		void) = { load_or_close, attach_or_leave, update_any,  pin_any,    submit_any,
			  submit_any,    submit_any,      decide_any,  decide_any, kill_any,
			  pass_some,     stop_any,        destroy_any, look_around };

	acts[rng_below(&rng, sizeof(acts) / sizeof(acts[0]))]();
}

/* ---- a sequence ---- */

static void take_down(void)
{
	quiet = true;
	(void)!pend_unpin(stack.runtime, NULL, "link");
	(void)!pend_unpin(stack.runtime, NULL, "program");
	for (uint32_t i = 0; i < PLAYERS; i++)
		player_leave(&players[i]);
	pass_time(stack.engine, 3 * SECOND, 20 * MS);
	let_go(&stack);
	for (uint32_t i = 0; i < OPERATIONS; i++) {
		if (!operations[i])
			continue;
		(void)run_stages(&stack, operations[i]);
		let_go(&stack);
		SO(look_at(&stack, operations[i]).state >= PEND_SIM_PERMITTED);
		SO(look_at(&stack, operations[i]).completions <= 1);
		forget(&stack, operations[i]);
		operations[i] = 0;
	}
	SAME(counts_of(&stack).attachments - counts_of(&stack).attachments_freed,
	     stack.completer.link != NULL);
}

static void play(uint32_t seed)
{
	const struct setting setting = { .layer = pending_layers[seed % PENDING_LAYERS],
					 .words = (enum words)(seed / 5 % WORDS),
					 .flags = seed % 2 ? PEND_SIM_RESUME : 0,
					 .deadline_ns = 50 * MS,
					 .max_entries = 4,
					 .bare = true };

	rng = rng_make(seed, 1);
	quiet = false;
	memset(players, 0, sizeof(players));
	stack_begin(&stack, &setting);
	snprintf(at_, sizeof(at_), "seed %u", seed);
	for (uint32_t i = 0; i < STEPS; i++)
		act();
	take_down();
	stack_end(&stack);
}

Test(sequences, calls_in_any_order)
{
	for (uint32_t seed = 1; seed <= SEQUENCES; seed++)
		play(seed);
}
