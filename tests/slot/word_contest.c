/* SPDX-License-Identifier: MIT */
/*
 * word_contest.c - slots that want one key, and every interleaving of their inserters.
 *
 * A model of the index: a few cells in the order of rank, and inserters that take the steps of
 * engine/index/insert.c one access at a time. The words are moved by the functions under test.
 * Each inserter takes any empty cell (the real one takes the first that it finds empty, which any
 * can be), and goes on until it holds the key, sees a holder, or has used up its attempts; who
 * holds the key has it completed, leaves the cell and frees the slot.
 *
 *	ARM CONTEST TAKE           announce()
 *	MATCH                      alone(), look(): the line's cells, one by one
 *	CELL WORD CELL2 WORD2      examine()
 *	LOSE_RIVAL                 weigh(): a rival behind the favourite
 *	LOAD                       settle(): own word, after the look
 *	WIN LOSE                   settle(), favour(): the compare-and-swap
 *	DECIDE ...                 insert(): what came of it
 *
 * With three inserters the steps are coarser, or there would be too many states: the line is
 * matched in one look, and examine(), which validates what it read, is one step.
 *
 * Also looked for: states in which every inserter has lost and nobody ever held the key. There must
 * be none, or inserters could defeat each other for ever, and insert would not be lock-free.
 *
 * Ghosts: who holds the key, from the CAS that made it so until the cell is emptied; whether there
 * was a holder at some instant of a call.
 */
#include "word_exhaustive.h"

#include <errno.h>

#include "tests/support/check.h"

enum { INSERTERS = 3, CELLS = 3, NOBODY = 0xff };

enum place {
	AT_ARM,
	AT_CONTEST,
	AT_TAKE,
	AT_LOAD,
	AT_MATCH,
	AT_CELL,
	AT_WORD,
	AT_CELL2,
	AT_WORD2,
	AT_LOSE_RIVAL,
	AT_WIN,
	AT_LOSE,
	AT_DECIDE,
	AT_PUBLISH,
	AT_COMPLETE,
	AT_REMOVE,
	AT_FINISH,
	AT_WITHDRAW,
	AT_DISARM,
	AT_GIVE_BACK,
	AT_END,
	AT_CUT, /* out of attempts: as if it had stalled for good */
};

/* Words are kept packed, so that a state is small: generation 7, low nine bits. */
struct inserter {
	uint16_t own_word;   /* as announced */
	uint16_t first_word; /* of the favourite, or of the first contender seen */
	uint16_t rival_word;
	uint8_t at;
	uint8_t cell; /* where it stands; CELLS: nowhere */
	uint8_t scan;
	uint8_t matched; /* bits of cells */
	uint8_t rival;
	uint8_t favourite; /* in favour(), else NOBODY */
	uint8_t first;
	uint8_t contenders;
	uint8_t held;
	uint8_t attempts;
	uint8_t saw_holder; /* ghost: since its call began */
	uint8_t alone;      /* in alone(), not in look() */
};

struct contest {
	struct inserter inserters[INSERTERS];
	uint16_t words[INSERTERS];
	uint8_t cells[CELLS];     /* inserter + 1 */
	uint8_t holds[INSERTERS]; /* ghost */
	uint8_t ever_held;        /* ghost */
	uint8_t padding[5];
};

_Static_assert(sizeof(struct contest) == 72, "no hidden padding");

struct exploration {
	const struct transitions *transitions;
	struct findings *findings;
	struct state_set seen;
	uint32_t inserters, attempts;
	bool coarse; /* the line in one look, a cell's examination in one step */
	double paths;
};

static uint16_t pack(uint64_t word)
{
	return (uint16_t)((word >> PENDI_SLOT_BITS & 127) << 9 | (word & 511));
}

static uint64_t unpack(uint16_t packed)
{
	return (uint64_t)(packed >> 9) << PENDI_SLOT_BITS | (packed & 511u);
}

static enum pendi_slot_state state_of(uint16_t packed)
{
	return pendi_word_state(unpack(packed));
}

static void need(struct exploration *x, bool holds, const char *what, const struct contest *c)
{
	if (!holds)
		violation(x->findings, 'A', what,
			  (uint64_t)c->words[0] << 32 | (uint64_t)c->words[1] << 16 | c->words[2]);
}

static void begin_look(struct inserter *in, uint8_t favourite)
{
	in->favourite = favourite;
	in->scan = 0;
	in->matched = 0;
	in->contenders = 0;
	in->held = 0;
	in->rival = 0;
	in->rival_word = 0;
	if (favourite == NOBODY) {
		in->first = NOBODY;
		in->first_word = 0;
	}
	in->at = AT_MATCH;
}

/* The scan is over. */
static void end_look(struct inserter *in)
{
	in->rival = 0;
	in->rival_word = 0;
	in->matched = 0;
	in->scan = 0;
	if (in->favourite == NOBODY)
		in->at = AT_LOAD;
	else if (in->held) /* or outranked */
		begin_look(in, NOBODY);
	else
		in->at = AT_WIN;
}

/* What settle() does with what it saw, its own word being @word. */
static void step_load(struct inserter *in, uint16_t word, uint8_t self)
{
	if (word != in->own_word) {
		in->held = 0;
		in->at = AT_DECIDE;
	} else if (in->held) {
		in->at = AT_LOSE;
	} else if (in->contenders == 1 && in->first == self) {
		in->at = AT_WIN;
	} else {
		begin_look(in, in->contenders ? in->first : NOBODY);
	}
}

/* The next cell that the match had, or the end of the scan. */
static void next_cell(struct inserter *in)
{
	in->rival = 0;
	in->rival_word = 0;
	while (in->scan < CELLS && !(in->matched >> in->scan & 1))
		in->scan++;
	if (in->held || in->scan == CELLS)
		end_look(in);
	else
		in->at = AT_CELL;
}

static void skip_cell(struct inserter *in)
{
	in->scan++;
	next_cell(in);
}

static void note_contender(struct inserter *in)
{
	if (in->contenders++ == 0 && in->favourite == NOBODY) {
		in->first = in->rival;
		in->first_word = in->rival_word;
	}
	skip_cell(in);
}

/* examine() succeeded: weigh() goes on. */
static void weigh(struct inserter *in)
{
	if (state_of(in->rival_word) != PENDI_SLOT_CONTEST) {
		in->held = 1;
		skip_cell(in);
	} else if (in->favourite != NOBODY && in->rival != in->favourite && !in->contenders) {
		in->held = 1; /* outranked: the scan ends as with a holder */
		skip_cell(in);
	} else if (in->favourite != NOBODY && in->rival != in->favourite) {
		in->at = AT_LOSE_RIVAL;
	} else {
		note_contender(in);
	}
}

static void step_examine(struct contest *c, struct inserter *in)
{
	switch (in->at) {
	case AT_CELL:
		in->rival = c->cells[in->scan];
		if (!in->rival--) {
			skip_cell(in);
			return;
		}
		in->at = AT_WORD;
		break;
	case AT_WORD:
		in->rival_word = c->words[in->rival];
		in->at = AT_CELL2;
		if (state_of(in->rival_word) == PENDI_SLOT_FREE ||
		    state_of(in->rival_word) == PENDI_SLOT_LOST)
			skip_cell(in);
		break;
	case AT_CELL2:
		in->at = c->cells[in->scan] == in->rival + 1 ? AT_WORD2 : AT_CELL;
		break;
	default:
		if (c->words[in->rival] == in->rival_word) {
			weigh(in);
			break;
		}
		in->at = AT_CELL;
		break;
	}
	if (in->at == AT_CELL) { /* nothing of the last look is used again */
		in->rival = 0;
		in->rival_word = 0;
	}
}

/* A compare-and-swap on the word of @slot. */
static bool swap(struct contest *c, uint8_t slot, uint16_t expected, uint64_t word)
{
	if (c->words[slot] != expected)
		return false;
	c->words[slot] = pack(word);
	return true;
}

static void step_win(struct exploration *x, struct contest *c, struct inserter *in, uint8_t self)
{
	const uint64_t won = x->transitions->win(unpack(in->first_word));

	if (swap(c, in->first, in->first_word, won)) {
		for (uint32_t i = 0; i < INSERTERS; i++) {
			need(x, !c->holds[i], "two hold the key", c);
			if (i != in->first)
				c->inserters[i].saw_holder = 1;
		}
		c->holds[in->first] = 1;
		c->ever_held = 1;
	}
	if (in->first == self && in->favourite == NOBODY && c->words[self] != in->own_word) {
		in->held = 0;
		in->at = AT_DECIDE; /* won, or settled by another */
	} else {
		begin_look(in, NOBODY);
	}
}

/* Another attempt, or the end of them. */
static void step_disarm(struct exploration *x, struct contest *c, struct inserter *in, uint8_t self)
{
	c->words[self] = pack(pendi_word_arm(x->transitions->disarm(unpack(c->words[self])),
					     PENDI_WORD_GENERATION_ONE));
	if (in->held)
		in->at = AT_GIVE_BACK;
	else
		in->at = in->attempts == x->attempts ? AT_CUT : AT_CONTEST;
	if (in->at == AT_GIVE_BACK)
		need(x, in->saw_holder, "-EEXIST, and nobody held the key during the call", c);
}

/* Nothing of what was seen before matters any more: so that such states are one. */
static void forget(struct inserter *in)
{
	in->first = NOBODY;
	in->first_word = 0;
	in->own_word = 0;
	in->favourite = NOBODY;
	in->contenders = 0;
	in->rival = 0;
	in->rival_word = 0;
}

static void step_settled(struct exploration *x, struct contest *c, struct inserter *in,
			 uint8_t self)
{
	const uint64_t word = unpack(c->words[self]);

	switch (in->at) {
	case AT_DECIDE:
		forget(in);
		in->at = pendi_word_state(word) == PENDI_SLOT_ARMING ? AT_PUBLISH : AT_WITHDRAW;
		need(x, in->at == AT_WITHDRAW || c->holds[self], "0, and it does not hold the key",
		     c);
		break;
	case AT_PUBLISH:
		c->words[self] = pack(pendi_word_publish(word, false));
		in->at = AT_COMPLETE;
		break;
	case AT_COMPLETE:
		c->words[self] = pack(pendi_word_complete(word, word, 1, 0).word);
		in->at = AT_REMOVE;
		break;
	case AT_REMOVE:
	case AT_WITHDRAW:
		c->cells[in->cell] = 0;
		in->cell = CELLS;
		c->holds[self] = 0;
		in->at = in->at == AT_REMOVE ? AT_FINISH : AT_DISARM;
		break;
	case AT_FINISH:
		c->words[self] = pack(x->transitions->finish(word));
		in->at = AT_END;
		break;
	case AT_DISARM:
		step_disarm(x, c, in, self);
		break;
	default:
		c->words[self] = pack(x->transitions->disarm(word));
		in->at = AT_END;
		break;
	}
}

static void step_announce(struct contest *c, struct inserter *in, uint8_t self)
{
	const uint64_t word = unpack(c->words[self]);

	if (in->at == AT_ARM) {
		c->words[self] = pack(pendi_word_arm(word, PENDI_WORD_GENERATION_ONE));
		in->at = AT_CONTEST;
		for (uint32_t i = 0; i < INSERTERS; i++)
			in->saw_holder |= c->holds[i];
	} else {
		c->words[self] = pack(pendi_word_contest(word));
		in->own_word = c->words[self];
		in->attempts++;
		in->held = 0;
		in->at = AT_TAKE;
	}
}

static void step_match(struct contest *c, struct inserter *in, uint8_t self)
{
	if (c->cells[in->scan])
		in->matched |= (uint8_t)(1u << in->scan);
	if (++in->scan == CELLS) {
		in->scan = 0;
		if (!in->alone) {
			next_cell(in);
		} else if (in->matched & (in->matched - 1)) {
			in->alone = 0;
			begin_look(in, NOBODY);
		} else {
			in->alone = 0;
			in->matched = 0;
			in->first = self;
			in->first_word = in->own_word;
			in->at = AT_WIN;
		}
	}
}

static void step_lose(struct exploration *x, struct contest *c, struct inserter *in, uint8_t self)
{
	if (swap(c, self, in->own_word, x->transitions->lose(unpack(in->own_word))))
		in->at = AT_DECIDE;
	else
		begin_look(in, NOBODY);
}

static void step_lose_rival(struct exploration *x, struct contest *c, struct inserter *in)
{
	const uint64_t lost = x->transitions->lose(unpack(in->rival_word));

	if (swap(c, in->rival, in->rival_word, lost)) {
		note_contender(in);
	} else {
		in->rival = 0;
		in->rival_word = 0;
		in->at = AT_CELL;
	}
}

static void step(struct exploration *x, struct contest *c, uint8_t self)
{
	struct inserter *in = &c->inserters[self];

	switch (in->at) {
	case AT_ARM:
	case AT_CONTEST:
		step_announce(c, in, self);
		break;
	case AT_LOAD:
		step_load(in, c->words[self], self);
		break;
	case AT_MATCH:
		step_match(c, in, self);
		break;
	case AT_CELL:
	case AT_WORD:
	case AT_CELL2:
	case AT_WORD2:
		step_examine(c, in);
		break;
	case AT_LOSE_RIVAL:
		step_lose_rival(x, c, in);
		break;
	case AT_WIN:
		step_win(x, c, in, self);
		break;
	case AT_LOSE:
		step_lose(x, c, in, self);
		break;
	default:
		step_settled(x, c, in, self);
		break;
	}
}

/* Whether the inserter goes on without giving way, where the steps are coarse. */
static bool goes_on(const struct exploration *x, const struct inserter *in, uint8_t was_at)
{
	if (!x->coarse)
		return false;
	switch (in->at) {
	case AT_MATCH:
		return was_at == AT_MATCH && in->scan;
	case AT_WORD:
	case AT_CELL2:
	case AT_WORD2:
	case AT_DECIDE:
	case AT_COMPLETE:
		return true;
	default:
		return false;
	}
}

static void advance(struct exploration *x, struct contest *c, uint8_t self)
{
	uint8_t was_at;

	do {
		was_at = c->inserters[self].at;
		step(x, c, self);
	} while (goes_on(x, &c->inserters[self], was_at));
}

static void check_last(struct exploration *x, const struct contest *c)
{
	bool cut = false;

	x->findings->last_states++;
	for (uint32_t i = 0; i < x->inserters; i++)
		cut = cut || c->inserters[i].at == AT_CUT;
	need(x, cut || c->ever_held, "all were refused, and nobody ever held the key", c);
	for (uint32_t i = 0; i < CELLS; i++)
		need(x, c->cells[i] == 0, "a cell is left behind", c);
}

static void note_state(struct exploration *x, const struct contest *c)
{
	uint32_t lost = 0;

	x->findings->states++;
	for (uint32_t i = 0; i < x->inserters; i++)
		lost += state_of(c->words[i]) == PENDI_SLOT_LOST;
	x->findings->all_lost += lost == x->inserters && !c->ever_held;
}

static void visit(struct exploration *x, const struct contest *c);

static void follow(struct exploration *x, const struct contest *c, double *paths)
{
	x->findings->steps++;
	visit(x, c);
	*paths += x->paths;
}

static void visit_successors(struct exploration *x, const struct contest *c, uint8_t self,
			     double *paths)
{
	struct contest next = *c;

	if (c->inserters[self].at != AT_TAKE) {
		advance(x, &next, self);
		follow(x, &next, paths);
		return;
	}
	for (uint8_t i = 0; i < CELLS; i++) {
		if (c->cells[i])
			continue;
		next = *c;
		next.cells[i] = (uint8_t)(self + 1);
		next.inserters[self].cell = i;
		next.inserters[self].alone = 1;
		next.inserters[self].at = AT_MATCH;
		follow(x, &next, paths);
	}
}

static bool enough(const struct exploration *x)
{
	return x->findings->enough && x->findings->violations_a >= x->findings->enough;
}

static void visit(struct exploration *x, const struct contest *c)
{
	const uint64_t steps_before = x->findings->steps;
	double paths = 0;
	bool added;
	double *const entry = state_set_add(&x->seen, c, &added);

	x->paths = *entry;
	if (!added) {
		need(x, x->paths >= 0, "an inserter goes round in a circle", c);
		return;
	}
	*entry = PATHS_UNDER_WAY;
	note_state(x, c);
	for (uint8_t i = 0; i < x->inserters; i++)
		if (c->inserters[i].at != AT_END && c->inserters[i].at != AT_CUT && !enough(x))
			visit_successors(x, c, i, &paths);
	if (x->findings->steps == steps_before && !enough(x)) {
		check_last(x, c);
		paths = 1;
	}
	*state_set_add(&x->seen, c, &added) = paths;
	x->paths = paths;
}

void word_contest_explore(const struct transitions *transitions, uint32_t inserters,
			  uint32_t attempts, struct findings *findings)
{
	struct exploration x = { .transitions = transitions,
				 .findings = findings,
				 .inserters = inserters,
				 .coarse = inserters > 2,
				 .attempts = attempts };
	struct contest first = { .ever_held = 0 };

	for (uint32_t i = 0; i < INSERTERS; i++) {
		first.inserters[i].cell = CELLS;
		first.inserters[i].at = i < inserters ? AT_ARM : AT_END;
		forget(&first.inserters[i]);
	}
	state_set_init(&x.seen, sizeof(struct contest));
	visit(&x, &first);
	findings->interleavings += x.paths;
	state_set_fini(&x.seen);
}
