/* SPDX-License-Identifier: MIT */
/*
 * player.h - a program that does what it is told, and what a stack is made of.
 *
 * A player has a plan: for each run whether it pends and what it returns. Before and after the helper
 * it calls functions of the test, from inside the frame. It notes all that helpers tell it. The
 * completer is a program at another hook, that completes what it is told.
 */
#ifndef TESTS_CATALOGUE_PLAYER_H
#define TESTS_CATALOGUE_PLAYER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/map/manual.h"

#include <pendmap/pendmap.h>

/* How an orchestrator speaks, and so which helper and map type the program pends with. */
enum words {
	WORDS_UPDATE_DELETE = 0, /* bpf_pend_operation(); update, then delete */
	WORDS_COMPLETE_MAP = 1,  /* bpf_sock_addr_pend(); one update of the complete map */
	WORDS_HELPER = 2,        /* bpf_pend_operation(); a program's bpf_complete_operation() */
	WORDS = 3,
};

static const char *const words_names[WORDS] = { "update and delete", "complete map", "helper" };

/* What one run of the player does. */
struct run {
	bool pends; /* calls the helper */
	int verdict;
};

#define PENDS ((struct run){ true, PEND_VERDICT_PEND })
#define PENDS_THEN(verdict) ((struct run){ true, (verdict) })
#define SAYS(verdict) ((struct run){ false, (verdict) })

/* What a run saw: everything that a helper tells, by value (guarantee H). */
struct sight {
	struct bpf_sock_addr address;
	uint64_t process_thread, cookie;
	struct bpf_sock_addr_network_context network;
	int network_result;
	uint64_t payload_sum;
	uint32_t payload_bytes;
	uint64_t scratch, scratch_after;
	uint32_t scratch_bytes;
	int identity_result;
	struct pend_subject identity;
};

enum { RUNS_MOST = 40, OPERATIONS_MOST = 4096 };

struct stack;

/* A program that does what it is told. */
struct player {
	struct stack *stack;
	struct pend_custom_map *map; /* where it pends */
	enum words words;
	struct run plan[RUNS_MOST]; /* the last one for all that come after */
	uint32_t planned;
	bool asks_identity;
	bool defers_if_asked; /* -EAGAIN: returns DEFER_TO_PASSIVE */
	bool insists;         /* returns what is planned though the helper failed */
	int fallback;         /* what it returns if the helper failed */
	void (*before)(struct player *player); /* in the frame, before the helper */
	void (*after)(struct player *player);  /* ... and after it */
	/* What happened: */
	uint32_t runs;
	int error; /* of the helper */
	struct pend_key key;
	struct bpf_sock_addr *context; /* of the run under way */
	struct sight sights[RUNS_MOST];
	struct pend_program *program;
	struct pend_link *link;
	uint32_t freed;
};

/* What a stack is made of. Begin with all zero. */
struct setting {
	enum pend_layer layer;
	int family; /* 0: AF_INET */
	enum words words;
	uint32_t flags;       /* enum pend_simulator_flag; PEND_SIM_STEPS is always set */
	uint32_t protocol;    /* 0: UDP */
	uint32_t max_entries; /* 0: 8 */
	uint32_t map_flags;   /* besides PEND_MAP_ENABLED */
	uint32_t rerun_limit; /* 0: 16 */
	uint64_t deadline_ns; /* 0: the default */
	uint64_t lifetime_ns;
	uint64_t quota_bytes;
	enum pend_hook_loss on_loss;
	bool with_session; /* the map is bound to one */
	bool sleeps;       /* the map begins DISABLED */
	bool bare;         /* no program is attached */
};

struct stack {
	struct setting setting;
	struct pend_engine *engine;
	struct pend_runtime *runtime;
	struct pend_simulator *simulator;
	struct pend_custom_map *custom;
	struct pend_map *map; /* under it */
	struct pend_session *session;
	struct player player;
	struct player completer; /* whom WORDS_HELPER has complete */
	enum pend_action order;  /* what it is to say */
	const struct pend_key *order_key;
	struct pend_custom_map *order_map;
	int order_result;
	uint32_t verdicts;                   /* told by the simulator */
	uint64_t permitted[OPERATIONS_MOST]; /* ... which made flows, perhaps */
	uint32_t permitted_count;
	uint32_t traces[8];
	struct pend_trace last_trace;
	struct pend_subject subject; /* of the callers */
	uint64_t operation;          /* the last one submitted */
};

/* The value that a program gives a pend map's element. */
struct element {
	struct pend_value head;
	uint64_t note;
};

/* Which combination a test is at, for its messages. */
static char at_[128];

#define SO(condition) cr_assert((condition), "%s [%s]", #condition, at_)
#define SAME(left, right)                                                                   \
	do {                                                                                \
		const int64_t same_left_ = (int64_t)(left), same_right_ = (int64_t)(right); \
		cr_assert(same_left_ == same_right_, "%s is %lld, not %lld [%s]", #left,    \
			  (long long)same_left_, (long long)same_right_, at_);              \
	} while (0)

static const uint32_t player_helpers[] = {
	BPF_FUNC_map_lookup_elem,
	BPF_FUNC_map_update_elem,
	BPF_FUNC_map_delete_elem,
	BPF_FUNC_get_prandom_u32,
	BPF_FUNC_ktime_get_boot_ns,
	BPF_FUNC_get_smp_processor_id,
	BPF_FUNC_ktime_get_ns,
	BPF_FUNC_get_current_pid_tgid,
	BPF_FUNC_get_socket_cookie,
	BPF_FUNC_pend_operation,
	BPF_FUNC_sock_addr_pend,
	BPF_FUNC_complete_operation,
	BPF_FUNC_pend_scratch,
	BPF_FUNC_get_identity,
	BPF_FUNC_pend_pressure,
	BPF_FUNC_continuation_missing,
	BPF_FUNC_sock_addr_get_current_pid_tgid,
	BPF_FUNC_sock_addr_set_redirect_context,
	BPF_FUNC_sock_addr_get_network_context,
};

enum { PLAYER_HELPERS = sizeof(player_helpers) / sizeof(player_helpers[0]) };
/* Those that every program type has come first. */
enum { GENERAL_HELPERS = PLAYER_HELPERS - 3 };

/* ---- the player ---- */

static inline int player_pend(struct player *player)
{
	player->key = pend_key_of(0);
	if (player->words == WORDS_COMPLETE_MAP)
		return bpf_sock_addr_pend(player->map, &player->key, 0);
	struct element element = { { PEND_VALUE_VERSION, sizeof(element), 0, 0 }, 77 };

	return bpf_pend_operation(player->map, &element, sizeof(element), &player->key,
				  sizeof(player->key));
}

static inline uint64_t sum_of(const void *data, uint32_t size)
{
	const unsigned char *bytes = data;
	uint64_t sum = 14695981039346656037u;

	for (uint32_t i = 0; i < size; i++)
		sum = (sum ^ bytes[i]) * 1099511628211u;
	return sum;
}

static inline void player_look(struct player *player, struct sight *sight)
{
	struct bpf_sock_addr *context = player->context;
	struct bpf_identity_info identity;

	sight->address = *context;
	sight->address.data = sight->address.data_end = NULL;
	sight->process_thread = bpf_sock_addr_get_current_pid_tgid(context);
	sight->cookie = bpf_get_socket_cookie(context);
	sight->network_result =
		bpf_sock_addr_get_network_context(context, &sight->network, sizeof(sight->network));
	if (context->data) {
		sight->payload_bytes =
			(uint32_t)((const char *)context->data_end - (const char *)context->data);
		sight->payload_sum = sum_of(context->data, sight->payload_bytes);
	}
	if (player->asks_identity) {
		sight->identity_result = bpf_get_identity(&identity, sizeof(identity));
		if (!sight->identity_result)
			memcpy(&sight->identity, (const void *)(uintptr_t)identity.subject_context,
			       sizeof(sight->identity));
	}
}

/* Counts its runs where the operation remembers. */
static inline void player_count(struct player *player, struct sight *sight)
{
	uint64_t *scratch = bpf_pend_scratch(&sight->scratch_bytes);

	(void)player;
	if (!scratch)
		return;
	sight->scratch = *scratch;
	sight->scratch_after = ++*scratch;
}

static int player_run(void *context, void *data)
{
	struct player *player = data;
	const uint32_t number = player->runs++;
	struct sight *sight = &player->sights[number % RUNS_MOST];
	const struct run *run =
		&player->plan[number < player->planned ? number : player->planned - 1];

	*sight = (struct sight){ .identity_result = 0 };
	player->context = context;
	player_look(player, sight);
	if (player->before)
		player->before(player);
	if (player->defers_if_asked && sight->identity_result == -EAGAIN)
		return PEND_VERDICT_DEFER_TO_PASSIVE;
	player->error = run->pends ? player_pend(player) : 0;
	if (!player->error)
		player_count(player, sight);
	if (player->after)
		player->after(player);
	player->context = NULL;
	return player->error && !player->insists ? player->fallback : run->verdict;
}

static void player_freed(void *data)
{
	struct player *player = data;

	player->freed++;
}

static inline void plan_is(struct player *player, uint32_t count, const struct run *plan)
{
	cr_assert(count && count <= RUNS_MOST);
	memcpy(player->plan, plan, count * sizeof(*plan));
	player->planned = count;
	player->runs = 0;
}

#define PLAN(player, ...)                                                             \
	plan_is((player), sizeof((struct run[]){ __VA_ARGS__ }) / sizeof(struct run), \
		(struct run[]){ __VA_ARGS__ })

/* Of the layer's type, with all its helpers. */
static inline void player_load(struct stack *stack, struct player *player, const char *name,
			       enum pend_layer layer, int (*entry)(void *context, void *data))
{
	const bool stream = layer == PEND_LAYER_STREAM;
	const struct pend_program_options options = {
		.size = sizeof(options),
		.name = name,
		.type = stream ? *pend_flow_classify_type() : *pend_sock_addr_type(),
		.entry = entry,
		.data = player,
		.helpers = player_helpers,
		.helper_count = stream ? GENERAL_HELPERS : PLAYER_HELPERS,
		.on_free = player_freed,
	};

	player->stack = stack;
	cr_assert_eq(pend_program_load(stack->runtime, &options, &player->program), 0);
}

static inline void player_attach(struct player *player, enum pend_layer layer, int family)
{
	const struct pend_link_options options = {
		.size = sizeof(options),
		.attach_type = *pend_layer_attach_type(layer, family),
	};

	cr_assert_eq(pend_link_attach(player->program, &options, &player->link), 0);
}

/* A second program: it pends in @map if its plan says so. */
static inline void player_join(struct stack *stack, struct player *player, const char *name,
			       struct pend_custom_map *map)
{
	player->map = map;
	player->words = stack->setting.words;
	if (!player->planned)
		PLAN(player, SAYS(PEND_VERDICT_PROCEED_SOFT));
	player_load(stack, player, name, stack->setting.layer, player_run);
	player_attach(player, stack->setting.layer, stack->setting.family);
}

static inline void player_leave(struct player *player)
{
	if (player->link) {
		const int error = pend_link_detach(player->link, PEND_OUTSTANDING_FINISH);

		cr_assert(error == 0 || error == -ENOLINK, "detach says %d", error);
		cr_assert_eq(pend_link_close(player->link), 0);
	}
	if (player->program)
		cr_assert_eq(pend_program_close(player->program), 0);
	player->link = NULL;
	player->program = NULL;
}

/* A program at another hook, which completes what it is told. */
static int completer_run(void *context, void *data)
{
	struct player *player = data;
	struct stack *stack = player->stack;

	(void)context;
	stack->order_result =
		bpf_complete_operation(stack->order_map, stack->order_key, stack->order);
	return PEND_VERDICT_PROCEED_SOFT;
}

#endif
