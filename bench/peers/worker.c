/* SPDX-License-Identifier: MIT */
/*
 * worker.c - the executable of a peer: answers what pendbench asks, on a table of its own.
 *
 * The same sources measure here as there (subject.c, measure.c, team.c, the loops of driver.h), so
 * a window of a peer differs from one of pendmap in nothing but the process. The main thread sits
 * in recv() and the team sleeps while others are measured.
 */
#include "bench/peers/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/measure/measure.h"
#include "bench/measure/subject.h"
#include "bench/measure/team.h"
#include "bench/peers/protocol.h"

struct worker {
	const struct bench_impl *impl;
	struct bench_team *team;
	struct bench_subject subject; /* no table: not created */
	struct bench_options options;
	struct bench_ask ask;
	struct bench_answer answer;
};

static int fail(struct worker *worker, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct worker *worker, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(worker->answer.text, sizeof(worker->answer.text), format, arguments);
	va_end(arguments);
	return error;
}

/* Starts the team when the CPUs are known, that is with the first that has work for it. */
static int need_team(struct worker *worker)
{
	if (worker->ask.ring_size > worker->subject.ring_room)
		return fail(worker, -EPROTO, "room for fewer operations than are asked for");
	if (worker->team)
		return 0;
	if (worker->ask.thread_count != worker->subject.lane_count)
		return fail(worker, -EPROTO, "%u CPUs for %u lanes", worker->ask.thread_count,
			    worker->subject.lane_count);
	return bench_team_create(worker->ask.thread_count, worker->ask.cpus,
				 worker->ask.pinned != 0, &worker->team);
}

static int answer_hello(struct worker *worker)
{
	snprintf(worker->answer.name, sizeof(worker->answer.name), "%s", worker->impl->name);
	worker->answer.abilities = worker->impl->abilities;
	return 0;
}

static int answer_create(struct worker *worker)
{
	const struct bench_ask *ask = &worker->ask;
	const uint32_t threads = ask->shape.threads;

	if (worker->subject.table || !threads || threads > BENCH_THREADS_MAX ||
	    ask->options.batch_width > BENCH_BATCH_MAX)
		return fail(worker, -EPROTO, "cannot create a second table, or this one");
	worker->options = (struct bench_options){
		.seed = ask->options.seed,
		.batch_width = ask->options.batch_width,
		.in_order = ask->options.in_order,
		.key_size = ask->shape.key_size,
		.value_size = ask->shape.value_size,
	};
	const int error = bench_subject_create(worker->impl, &ask->shape, ask->live,
					       &worker->options, &worker->subject);

	if (error == -EOPNOTSUPP)
		return fail(worker, error, "not with keys of %u bytes and values of %u",
			    ask->shape.key_size, ask->shape.value_size);
	return error;
}

static int answer_fill(struct worker *worker)
{
	const int error = need_team(worker);

	worker->subject.ring_size = worker->ask.ring_size;
	if (!error)
		bench_subject_fill(&worker->subject, worker->team, worker->ask.options.in_order);
	return error;
}

static int answer_top_up(struct worker *worker)
{
	const int error = need_team(worker);

	if (!error)
		bench_subject_top_up(&worker->subject, worker->team);
	return error;
}

static int answer_split(struct worker *worker)
{
	if (!worker->ask.thread_count || worker->ask.thread_count > worker->subject.lane_count)
		return fail(worker, -EPROTO, "no split for %u threads", worker->ask.thread_count);
	bench_subject_split(&worker->subject, worker->ask.thread_count);
	return 0;
}

static int answer_measure(struct worker *worker)
{
	const struct bench_window *window = &worker->ask.window;
	const int error = need_team(worker);

	if (error)
		return error;
	if (!window->threads || window->threads > worker->subject.lane_count)
		return fail(worker, -EPROTO, "no window for %u threads", window->threads);
	bench_measure(&worker->subject, worker->team, window, &worker->answer.repeat);
	return 0;
}

static int answer_account(struct worker *worker)
{
	struct bench_answer *answer = &worker->answer;

	answer->live = worker->impl->live(worker->subject.table);
	return worker->impl->audit(worker->subject.table, &worker->ask.counts, answer->text,
				   sizeof(answer->text));
}

static int answer_drain(struct worker *worker)
{
	const int error = need_team(worker);

	worker->subject.ring_size = worker->ask.ring_size;
	if (!error)
		bench_subject_drain(&worker->subject, worker->team);
	return error;
}

static int answer_destroy(struct worker *worker)
{
	bench_subject_destroy(&worker->subject);
	return 0;
}

static void report_lanes(struct worker *worker)
{
	worker->answer.ring_size = worker->subject.ring_size;
	for (uint32_t i = 0; i < worker->subject.lane_count; i++) {
		const struct bench_lane *lane = &worker->subject.lanes[i];
		struct bench_answer_lane *ours = &worker->answer.lanes[i];

		ours->counts = lane->counts;
		ours->error = lane->error;
		if (lane->error_call)
			snprintf(ours->call, sizeof(ours->call), "%s", lane->error_call);
	}
}

static void answer(struct worker *worker)
{
	static int (*const verbs[BENCH_VERBS])(struct worker *) = {
		[BENCH_VERB_HELLO] = answer_hello,     [BENCH_VERB_CREATE] = answer_create,
		[BENCH_VERB_FILL] = answer_fill,       [BENCH_VERB_TOP_UP] = answer_top_up,
		[BENCH_VERB_SPLIT] = answer_split,     [BENCH_VERB_MEASURE] = answer_measure,
		[BENCH_VERB_ACCOUNT] = answer_account, [BENCH_VERB_DRAIN] = answer_drain,
		[BENCH_VERB_DESTROY] = answer_destroy,
	};
	const uint32_t verb = worker->ask.record.verb;
	int error;

	memset(&worker->answer, 0, sizeof(worker->answer));
	if (!bench_record_agrees(&worker->ask.record) || verb >= BENCH_VERBS)
		error = fail(worker, -EPROTO, "this peer belongs to another build");
	else if (verb > BENCH_VERB_CREATE && !worker->subject.table)
		error = fail(worker, -EPROTO, "there is no table yet");
	else
		error = verbs[verb](worker);
	if (!error)
		report_lanes(worker);
	worker->answer.record = bench_record_of(verb, error);
}

int bench_worker_main(const struct bench_impl *impl)
{
	static struct worker worker; /* a few kilobytes; one in the process */

	/* The socket ends with the parent too, but only after what is being measured. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	worker.impl = impl;
	for (;;) {
		const ssize_t bytes =
			recv(BENCH_PROTOCOL_FD, &worker.ask, sizeof(worker.ask), MSG_TRUNC);

		if (bytes < 0 && errno == EINTR)
			continue;
		if (bytes < 0 && (errno == EBADF || errno == ENOTSOCK)) {
			fprintf(stderr, "pendbench-peer-%s: is started by pendbench\n", impl->name);
			return BENCH_EXIT_USAGE;
		}
		if (bytes <= 0)
			break;
		if (bytes == sizeof(worker.ask))
			answer(&worker);
		else /* of another build: the head of any answer says so */
			worker.answer.record = bench_record_of(BENCH_VERB_HELLO, -EPROTO);
		if (send(BENCH_PROTOCOL_FD, &worker.answer, sizeof(worker.answer), MSG_NOSIGNAL) !=
		    sizeof(worker.answer))
			break;
	}
	bench_subject_destroy(&worker.subject);
	if (worker.team)
		bench_team_destroy(worker.team);
	return 0;
}
