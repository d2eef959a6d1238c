/* SPDX-License-Identifier: MIT */
/*
 * pingpong.c - how far apart two CPUs are right now.
 *
 * Two members take turns in adding one to a word: member 0 makes it odd, member 1 even. Member 0
 * times rounds of 64 turns and ends the game, after a while, with a last odd value: END. The
 * median round decides, so that a preemption in the middle does not.
 */
#include "bench/measure/pingpong.h"

#include <stdlib.h>

#include "bench/measure/clock.h"
#include "platform/atomic.h"

#define ROUND_TURNS 64u
#define ROUNDS_MAX 4096u
#define END UINT64_MAX

struct game {
	_Alignas(128) _Atomic uint64_t word;
	_Alignas(128) uint64_t for_ns;
	uint32_t rounds;
	double round_ns[ROUNDS_MAX];
};

static void answer(struct game *game)
{
	for (;;) {
		/* relaxed: the word carries nothing but itself. */
		const uint64_t turn = pendi_load_relaxed(&game->word);

		if (turn == END)
			return;
		if (turn % 2)
			pendi_store_relaxed(&game->word, turn + 1); /* relaxed: as above */
		else
			pendi_cpu_relax();
	}
}

static void serve(struct game *game)
{
	const uint64_t start = bench_clock_ns();
	uint64_t turn = 0, before = start, now = start;

	while (game->rounds < ROUNDS_MAX && now - start < game->for_ns) {
		for (uint32_t i = 0; i < ROUND_TURNS; i++, turn += 2) {
			pendi_store_relaxed(&game->word, turn + 1); /* relaxed: as in answer() */
			while (pendi_load_relaxed(&game->word) == turn + 1)
				pendi_cpu_relax();
		}
		now = bench_clock_ns();
		game->round_ns[game->rounds++] = (double)(now - before) / (2.0 * ROUND_TURNS);
		before = now;
	}
	pendi_store_relaxed(&game->word, END); /* relaxed: as in answer() */
}

static void play(void *context, uint32_t member)
{
	if (member == 0)
		serve(context);
	else
		answer(context);
}

static int compare(const void *one, const void *other)
{
	const double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

double bench_pingpong_ns(struct bench_team *team, uint64_t for_ns)
{
	static struct game game; /* one at a time: the team runs one job at a time */

	pendi_store_relaxed(&game.word, 0); /* relaxed: the team's lock hands it over */
	game.for_ns = for_ns;
	game.rounds = 0;
	bench_team_run(team, 2, play, &game);
	qsort(game.round_ns, game.rounds, sizeof(game.round_ns[0]), compare);
	return game.round_ns[game.rounds / 2];
}
