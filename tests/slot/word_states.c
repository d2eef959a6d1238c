/* SPDX-License-Identifier: MIT */
/*
 * word_states.c - every reachable slot word, and every event on it.
 *
 * From FREE, each event with each argument is applied to each word that was ever reached, until
 * no new word appears. Each outcome is compared with a second description of the state machine,
 * on decoded fields, that shares no code with word.h: it has the layout in plain numbers and the
 * transitions as a table of what is to happen. Generations are followed over one reuse, from a
 * word of zeroed memory, which gets the first generation of its map, from generation 1 and from
 * the last one, which wraps.
 */
#include "word_exhaustive.h"

#include <errno.h>

#include "tests/support/check.h"

enum { VERDICTS = 3, ORIGINS = 8, EVENT_LIMITS = 4 };

#define LAST_GENERATION ((UINT64_C(1) << 38) - 1)

/* A word, taken apart by the picture at the top of word.h. */
struct fields {
	uint64_t generation;
	uint32_t state, verdict, origin, reruns, staged;
	bool frame, req, claimed;
};

struct exploration {
	struct state_set seen;
	uint64_t *queue;
	size_t head, tail, capacity;
	uint64_t first; /* the word, FREE, that one of zeroed memory is armed as */
	uint32_t limit; /* of re-runs */
	struct findings *findings;
};

static struct fields decode(uint64_t word)
{
	return (struct fields){
		.generation = word >> 26,
		.staged = (uint32_t)(word >> 20 & 7),
		.reruns = (uint32_t)(word >> 12 & 255),
		.origin = (uint32_t)(word >> 9 & 7),
		.verdict = (uint32_t)(word >> 6 & 7),
		.claimed = word >> 5 & 1,
		.req = word >> 4 & 1,
		.frame = word >> 3 & 1,
		.state = (uint32_t)(word & 7),
	};
}

static uint64_t encode(const struct fields *f)
{
	return f->generation << 26 | (uint64_t)f->staged << 20 | (uint64_t)f->reruns << 12 |
	       (uint64_t)f->origin << 9 | (uint64_t)f->verdict << 6 | (uint64_t)f->claimed << 5 |
	       (uint64_t)f->req << 4 | (uint64_t)f->frame << 3 | f->state;
}

static uint64_t generation_after(uint64_t generation)
{
	return generation == LAST_GENERATION ? 1 : generation + 1;
}

/* What word.h says holds in each state. */
static void check_word(uint64_t word)
{
	const struct fields f = decode(word);

	CHECK_U64(encode(&f), ==, word); /* no bit outside the fields */
	CHECK(f.generation != 0 || word == 0);
	CHECK_U64(f.state, <=, PENDI_SLOT_COMPLETING);
	CHECK(!f.req || (f.state == PENDI_SLOT_PENDING && f.frame));
	CHECK(!f.frame || f.state == PENDI_SLOT_PENDING || f.state == PENDI_SLOT_COMPLETING);
	CHECK(!f.verdict || f.state == PENDI_SLOT_RERUN || f.state == PENDI_SLOT_COMPLETING);
	CHECK(!f.origin || f.verdict);
	CHECK(f.state != PENDI_SLOT_COMPLETING || f.verdict);
	CHECK(f.state != PENDI_SLOT_RERUN || f.reruns);
	CHECK(!f.reruns || f.state >= PENDI_SLOT_PENDING);
	CHECK(!f.claimed || f.state == PENDI_SLOT_RERUN || f.state == PENDI_SLOT_COMPLETING);
	CHECK(!f.claimed || !f.frame);
	CHECK(!f.staged || f.state == PENDI_SLOT_PENDING || f.state == PENDI_SLOT_RERUN);
	CHECK(!f.staged || !f.verdict);

	CHECK_U64(pendi_word_state(word), ==, f.state);
	CHECK_U64(pendi_word_verdict(word), ==, f.verdict);
	CHECK_U64(pendi_word_origin(word), ==, f.origin);
	CHECK_U64(pendi_word_reruns(word), ==, f.reruns);
	CHECK_U64(pendi_word_staged(word), ==, f.staged);
	CHECK(pendi_word_is_live(word) ==
	      (f.state == PENDI_SLOT_PENDING || f.state == PENDI_SLOT_RERUN));
	for (uint32_t slot = 0; slot <= 1; slot++) {
		const uint32_t number = slot ? PENDI_SLOT_NONE - 1 : 0;
		const uint64_t handle = pendi_handle_make(word, number);

		CHECK_U64(handle >> 26, ==, f.generation);
		CHECK_U64(pendi_handle_slot(handle), ==, number);
		CHECK(pendi_word_same_generation(word, handle));
		CHECK(!pendi_word_same_generation(word, handle + (UINT64_C(1) << 26)));
		CHECK(!pendi_word_same_generation(word, handle ^ (UINT64_C(1) << 63)));
	}
}

static void reach(struct exploration *x, uint64_t word)
{
	bool added;

	check_word(word);
	(void)state_set_add(&x->seen, &word, &added);
	if (!added)
		return;
	x->findings->states++;
	if (x->tail == x->capacity) {
		x->capacity = x->capacity ? 2 * x->capacity : 1024;
		x->queue = realloc(x->queue, x->capacity * sizeof(*x->queue));
		CHECK(x->queue != NULL);
	}
	x->queue[x->tail++] = word;
}

/* The outcome that is to be, against the one that is. */
static void expect(struct exploration *x, uint64_t old, const struct fields *next, int result,
		   enum pendi_duty duty, struct pendi_step step)
{
	x->findings->steps++;
	CHECK_INT(step.result, ==, result);
	CHECK_U64(step.word, ==, result ? old : encode(next));
	CHECK_U64(step.duty, ==, result ? PENDI_DUTY_NONE : duty);
	reach(x, step.word);
}

static void expect_word(struct exploration *x, const struct fields *next, uint64_t word)
{
	x->findings->steps++;
	CHECK_U64(word, ==, encode(next));
	reach(x, word);
}

static struct fields with_state(struct fields f, uint32_t state)
{
	f.state = state;
	return f;
}

static struct fields decided(struct fields f, uint32_t verdict, uint32_t origin)
{
	f.state = PENDI_SLOT_COMPLETING;
	f.verdict = verdict;
	f.origin = origin;
	f.req = false;
	f.staged = 0;
	return f;
}

static struct fields to_rerun(struct fields f)
{
	f.state = PENDI_SLOT_RERUN;
	f.req = false;
	return f;
}

static struct fields fresh(uint64_t generation)
{
	return (struct fields){ .generation = generation };
}

static void apply_complete(struct exploration *x, uint64_t word, uint32_t verdict, uint32_t origin)
{
	const struct fields f = decode(word);
	const uint64_t handle = pendi_handle_make(word, 77);
	const struct pendi_step step = pendi_word_complete(word, handle, verdict, origin);
	struct fields next = f;

	expect(x, word, &f, -ENOENT, 0,
	       pendi_word_complete(word, handle + (UINT64_C(1) << 26), verdict, origin));
	expect(x, word, &f, -ENOENT, 0,
	       pendi_word_complete(word, handle - (UINT64_C(1) << 26), verdict, origin));
	if (f.state == PENDI_SLOT_PENDING) {
		next = decided(f, verdict, origin);
		expect(x, word, &next, 0, f.frame ? PENDI_DUTY_NONE : PENDI_DUTY_FINISH, step);
	} else if (f.state == PENDI_SLOT_RERUN && !f.verdict) {
		next.verdict = verdict;
		next.origin = origin;
		next.staged = 0;
		expect(x, word, &next, 0, PENDI_DUTY_NONE, step);
	} else {
		const bool is_decided = f.state == PENDI_SLOT_RERUN ||
					f.state == PENDI_SLOT_COMPLETING;

		expect(x, word, &f, is_decided ? -EALREADY : -ENOENT, 0, step);
	}
}

static void apply_continue(struct exploration *x, uint64_t word)
{
	const struct fields f = decode(word);
	const uint64_t handle = pendi_handle_make(word, 5);
	const struct pendi_step step = pendi_word_continue(word, handle, x->limit);
	struct fields next = f;

	expect(x, word, &f, -ENOENT, 0,
	       pendi_word_continue(word, handle + (UINT64_C(1) << 26), x->limit));
	if (f.state < PENDI_SLOT_PENDING) {
		expect(x, word, &f, -ENOENT, 0, step);
	} else if (f.state != PENDI_SLOT_PENDING || f.req) {
		expect(x, word, &f, -EALREADY, 0, step);
	} else if (f.reruns >= x->limit) {
		expect(x, word, &f, -ELOOP, 0, step);
	} else {
		next.reruns++;
		next.staged = 0;
		if (f.frame)
			next.req = true;
		else
			next = to_rerun(next);
		expect(x, word, &next, 0, f.frame ? PENDI_DUTY_NONE : PENDI_DUTY_RERUN, step);
	}
}

static void apply_stage(struct exploration *x, uint64_t word, uint32_t verdict)
{
	const struct fields f = decode(word);
	const uint64_t handle = pendi_handle_make(word, 0);
	const struct pendi_step step = pendi_word_stage(word, handle, verdict);
	struct fields next = f;

	expect(x, word, &f, -ENOENT, 0,
	       pendi_word_stage(word, handle + (UINT64_C(1) << 26), verdict));
	next.staged = verdict;
	if (f.state < PENDI_SLOT_PENDING)
		expect(x, word, &f, -ENOENT, 0, step);
	else
		expect(x, word, &next, f.verdict ? -EALREADY : 0, PENDI_DUTY_NONE, step);
}

static void apply_claim(struct exploration *x, uint64_t word)
{
	const struct fields f = decode(word);
	const bool finish = f.state == PENDI_SLOT_COMPLETING ||
			    (f.state == PENDI_SLOT_RERUN && f.verdict);
	const bool rerun = f.state == PENDI_SLOT_RERUN && !f.verdict;
	struct fields next = finish ? decided(f, f.verdict, f.origin) : f;

	next.claimed = true;
	expect(x, word, &next, (finish || rerun) && !f.claimed && !f.frame ? 0 : -EAGAIN,
	       finish ? PENDI_DUTY_FINISH : PENDI_DUTY_RERUN, pendi_word_claim(word));
}

static void apply_frame_exit(struct exploration *x, uint64_t word, uint32_t verdict,
			     uint32_t origin)
{
	const struct fields f = decode(word);
	const struct pendi_step step = pendi_word_frame_exit(word, verdict, origin);
	struct fields next = f;
	enum pendi_duty duty = PENDI_DUTY_NONE;

	next.frame = false;
	if (f.state == PENDI_SLOT_COMPLETING) {
		duty = PENDI_DUTY_FINISH;
	} else if (verdict) {
		next = decided(next, verdict, origin);
		duty = PENDI_DUTY_FINISH;
	} else if (f.req) {
		next = to_rerun(next);
		duty = PENDI_DUTY_RERUN;
	}
	expect(x, word, &next, f.frame ? 0 : -EINVAL, duty, step);
}

static void apply_rerun_exit(struct exploration *x, uint64_t word, uint32_t verdict,
			     uint32_t origin)
{
	const struct fields f = decode(word);
	const struct pendi_step step = pendi_word_rerun_exit(word, verdict, origin);
	struct fields next = with_state(f, PENDI_SLOT_PENDING);
	enum pendi_duty duty = PENDI_DUTY_NONE;

	next.claimed = false;
	if (f.verdict || verdict) {
		next = f.verdict ? decided(f, f.verdict, f.origin) : decided(f, verdict, origin);
		duty = PENDI_DUTY_FINISH;
	}
	expect(x, word, &next, f.state == PENDI_SLOT_RERUN ? 0 : -EINVAL, duty, step);
}

/* What only an owner does, in the state in which it may. */
static void apply_owner(struct exploration *x, uint64_t word)
{
	const struct fields f = decode(word);
	const struct fields freed = fresh(generation_after(f.generation));
	struct fields next = f;

	switch (f.state) {
	case PENDI_SLOT_FREE:
		next = with_state(fresh(f.generation ? f.generation : x->first >> 26),
				  PENDI_SLOT_ARMING);
		expect_word(x, &next, pendi_word_arm(word, x->first));
		break;
	case PENDI_SLOT_ARMING:
		next.state = PENDI_SLOT_CONTEST;
		expect_word(x, &next, pendi_word_contest(word));
		expect_word(x, &freed, pendi_word_disarm(word));
		next.state = PENDI_SLOT_PENDING;
		expect_word(x, &next, pendi_word_publish(word, false));
		next.frame = true;
		expect_word(x, &next, pendi_word_publish(word, true));
		break;
	case PENDI_SLOT_CONTEST:
		next.state = PENDI_SLOT_ARMING;
		expect_word(x, &next, pendi_word_win(word));
		next.state = PENDI_SLOT_LOST;
		expect_word(x, &next, pendi_word_lose(word));
		break;
	case PENDI_SLOT_LOST:
		expect_word(x, &freed, pendi_word_disarm(word));
		break;
	case PENDI_SLOT_COMPLETING:
		if (!f.frame)
			expect_word(x, &freed, pendi_word_finish(word));
		break;
	default:
		break;
	}
}

static void apply_all(struct exploration *x, uint64_t word)
{
	apply_owner(x, word);
	apply_continue(x, word);
	apply_claim(x, word);
	for (uint32_t verdict = 1; verdict <= VERDICTS; verdict++)
		apply_stage(x, word, verdict);
	for (uint32_t origin = 0; origin < ORIGINS; origin++) {
		for (uint32_t verdict = 0; verdict <= VERDICTS; verdict++) {
			if (verdict)
				apply_complete(x, word, verdict, origin);
			apply_frame_exit(x, word, verdict, origin);
			apply_rerun_exit(x, word, verdict, origin);
		}
	}
}

static uint32_t get_state(uint64_t word)
{
	return (uint32_t)pendi_word_state(word);
}

static void explore(uint64_t start, uint64_t first, uint32_t limit, struct findings *findings)
{
	struct exploration x = { .first = first, .limit = limit, .findings = findings };
	const uint64_t here = (start ? start : first) >> 26, second = generation_after(here);

	state_set_init(&x.seen, sizeof(uint64_t));
	reach(&x, start);
	while (x.head < x.tail) {
		const uint64_t word = x.queue[x.head++], generation = word >> 26;

		if (word == start || generation == second || generation == here)
			apply_all(&x, word);
	}
	state_set_fini(&x.seen);
	free(x.queue);
}

/* Every value of every field, with all other fields 0 and with all other bits set. */
static void check_layout(struct findings *findings)
{
	static const struct {
		uint32_t low, bits;
		uint32_t (*get)(uint64_t word);
		uint64_t mask;
	} fields[] = {
		{ 0, 3, get_state, PENDI_WORD_STATE_MASK },
		{ 3, 1, NULL, PENDI_WORD_FRAME },
		{ 4, 1, NULL, PENDI_WORD_REQ },
		{ 5, 1, NULL, PENDI_WORD_CLAIMED },
		{ 6, 3, pendi_word_verdict, PENDI_WORD_VERDICT_MASK },
		{ 9, 3, pendi_word_origin, PENDI_WORD_ORIGIN_MASK },
		{ 12, 8, pendi_word_reruns, PENDI_WORD_RERUNS_MASK },
		{ 20, 3, pendi_word_staged, PENDI_WORD_STAGED_MASK },
		{ 26, 38, NULL, PENDI_WORD_GENERATION_MASK },
	};

	for (uint32_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const uint64_t mask = ((UINT64_C(1) << fields[i].bits) - 1) << fields[i].low;

		CHECK_U64(fields[i].mask, ==, mask);
		for (uint32_t value = 0; fields[i].get && value < 1u << fields[i].bits; value++) {
			const uint64_t word = (uint64_t)value << fields[i].low;

			findings->steps++;
			CHECK_U64(fields[i].get(word), ==, value);
			CHECK_U64(fields[i].get(word | ~mask), ==, value);
		}
	}
	CHECK_U64(PENDI_WORD_GENERATION_ONE, ==, UINT64_C(1) << 26);
}

void word_states_check(struct findings *findings)
{
	static const uint32_t limits[EVENT_LIMITS] = { 0, 1, 2, 255 };
	static const uint64_t any = UINT64_C(0x2b992ddfa2) << 26, last = LAST_GENERATION << 26,
			      one = UINT64_C(1) << 26;
	/* Zeroed memory gets the map's first generation; a word that was used keeps its own. */
	static const uint64_t cases[][2] = {
		{ 0, one }, { 0, any }, { 0, last }, { one, any }, { last, any },
	};

	check_layout(findings);
	for (uint32_t i = 0; i < EVENT_LIMITS; i++)
		for (uint32_t j = 0; j < sizeof(cases) / sizeof(cases[0]); j++)
			explore(cases[j][0], cases[j][1], limits[i], findings);
	CHECK_U64(generation_after(LAST_GENERATION), ==, 1);
}
