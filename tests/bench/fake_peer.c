/* SPDX-License-Identifier: MIT */
/*
 * fake_peer.c - executables of peers that do wrong, by the name that they are started under.
 *
 *	good: answers as it should    dies, hangs, garbage, old, stranger: does so when it is greeted
 *	late: dies in a window        slow: never comes back from one     wrong: a look-up fails
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/measure/lane.h"
#include "bench/peers/protocol.h"
#include "bench/peers/worker.h"

static const char *kind;

static bool is(const char *name)
{
	return strcmp(kind, name) == 0;
}

/* ---- those that do not even greet ---- */

static struct bench_answer greeting(void)
{
	struct bench_answer answer = { .record = bench_record_of(BENCH_VERB_HELLO, 0) };

	snprintf(answer.name, sizeof(answer.name), "fake-%s", is("stranger") ? "other" : kind);
	answer.abilities = BENCH_KEYS | BENCH_PEER;
	if (is("old"))
		answer.record.version++;
	return answer;
}

static int misbehave(void)
{
	const struct bench_answer answer = greeting();
	const size_t bytes = is("garbage") ? 100 : sizeof(answer);
	unsigned char garbage[sizeof(answer)];
	struct bench_ask ask;

	memset(garbage, 0x5a, sizeof(garbage));
	if (recv(BENCH_PROTOCOL_FD, &ask, sizeof(ask), 0) != sizeof(ask))
		return 1;
	if (is("hangs"))
		for (;;)
			pause();
	if (!is("dies"))
		(void)!send(BENCH_PROTOCOL_FD, is("garbage") ? (const void *)garbage : &answer,
			    bytes, MSG_NOSIGNAL);
	if (!is("dies")) /* what else may be asked */
		(void)!recv(BENCH_PROTOCOL_FD, &ask, sizeof(ask), 0);
	return 1;
}

/* ---- those that do, and are a mutex table ---- */

static void drive(struct bench_lane *lane, enum bench_loop loop)
{
	if (loop == BENCH_LOOP_HIT && is("late"))
		_exit(1);
	if (loop == BENCH_LOOP_HIT && is("slow"))
		for (;;)
			pause();
	bench_impl_mutex.drive(lane, loop);
	if (loop == BENCH_LOOP_HIT && is("wrong"))
		bench_lane_fail(lane, "lookup", -EIO);
}

int main(int argc, char **argv)
{
	static char name[32];
	struct bench_impl impl = bench_impl_mutex;

	(void)argc;
	kind = strstr(argv[0], "pendbench-peer-fake-");
	if (!kind)
		return 2;
	kind += strlen("pendbench-peer-fake-");
	if (is("dies") || is("hangs") || is("garbage") || is("old") || is("stranger"))
		return misbehave();
	snprintf(name, sizeof(name), "fake-%s", kind);
	impl.name = name;
	impl.drive = drive;
	return bench_worker_main(&impl);
}
