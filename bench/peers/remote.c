/* SPDX-License-Identifier: MIT */
/*
 * remote.c - a peer that is an executable of its own, seen from pendbench.
 *
 *	create: socketpair, spawn, hello, create     destroy: destroy, close, kill, wait
 *
 * Each talk is bounded in time: what the verb is meant to take, and PATIENCE. Whatever goes wrong,
 * the process is killed and waited for at once, so that it disturbs nobody's windows.
 */
#include "bench/peers/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/measure/clock.h"
#include "bench/peers/protocol.h"

#define PATIENCE_NS 10000000000ull
#define PATIENCE_ENTRY_NS 20000u /* for one operation of a fill or a drain */
#define PATIENCE_CHUNK_NS 10000000u

struct bench_remote {
	pid_t pid;
	int socket;
	uint64_t entries;
	char lost[160];
	struct bench_ask ask;
	struct bench_answer answer;
};

extern char **environ;

/* ---- the process ---- */

static const char *program_of(const struct bench_impl *impl, char *path, size_t size)
{
	char own[4096];
	const ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *slash;

	if (length <= 0)
		return NULL;
	own[length] = '\0';
	slash = strrchr(own, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	return snprintf(path, size, "%s/pendbench-peer-%s", own, impl->name) < (int)size ? path
											 : NULL;
}

bool bench_remote_present(const struct bench_impl *impl)
{
	char path[4096];

	return program_of(impl, path, sizeof(path)) && access(path, X_OK) == 0;
}

static int spawn(struct bench_remote *remote, const char *program, int end)
{
	char *const argv[] = { (char *)(uintptr_t)program, NULL };
	posix_spawn_file_actions_t actions;
	int error = posix_spawn_file_actions_init(&actions);

	if (error)
		return -error;
	error = posix_spawn_file_actions_adddup2(&actions, end, BENCH_PROTOCOL_FD);
	if (!error) /* standard output is for figures */
		error = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null",
							 O_WRONLY, 0);
	if (!error)
		error = posix_spawn(&remote->pid, program, &actions, NULL, argv, environ);
	if (error)
		remote->pid = 0;
	posix_spawn_file_actions_destroy(&actions);
	return -error;
}

static int start(struct bench_remote *remote, const struct bench_impl *impl)
{
	char path[4096];
	int ends[2];
	int error;

	if (!program_of(impl, path, sizeof(path)))
		return -ENAMETOOLONG;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -errno;
	error = spawn(remote, path, ends[1]);
	close(ends[1]);
	if (error) {
		close(ends[0]);
		return error;
	}
	remote->socket = ends[0];
	return 0;
}

static void stop(struct bench_remote *remote)
{
	if (!remote->pid)
		return;
	close(remote->socket);
	kill(remote->pid, SIGKILL);
	while (waitpid(remote->pid, NULL, 0) < 0 && errno == EINTR)
		;
	remote->pid = 0;
}

static int lose(struct bench_remote *remote, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int lose(struct bench_remote *remote, const char *format, ...)
{
	va_list arguments;

	stop(remote);
	va_start(arguments, format);
	vsnprintf(remote->lost, sizeof(remote->lost), format, arguments);
	va_end(arguments);
	return -EIO;
}

/* ---- one question and its answer ---- */

static const char *name_of(enum bench_verb verb)
{
	static const char *const names[] = { "hello",   "create",  "fill",  "top up", "split",
					     "measure", "account", "drain", "destroy" };

	return names[verb];
}

/* Waits for the answer. 0, or the peer is lost. */
static int await(struct bench_remote *remote, enum bench_verb verb, uint64_t patience_ns)
{
	const uint64_t until_ns = bench_clock_ns() + patience_ns;

	for (;;) {
		const uint64_t now_ns = bench_clock_ns();
		struct pollfd poll_fd = { .fd = remote->socket, .events = POLLIN };
		int ready;

		if (now_ns >= until_ns)
			return lose(remote, "hangs: no answer to \"%s\" in %.0f s", name_of(verb),
				    (double)patience_ns / 1e9);
		ready = poll(&poll_fd, 1, (int)((until_ns - now_ns) / 1000000 % 1000000) + 1);
		if (ready > 0)
			return 0;
		if (ready < 0 && errno != EINTR)
			return lose(remote, "poll: %s", strerror(errno));
	}
}

static int receive(struct bench_remote *remote, enum bench_verb verb)
{
	struct bench_answer *answer = &remote->answer;
	const ssize_t bytes = recv(remote->socket, answer, sizeof(*answer), MSG_TRUNC);

	if (bytes < 0 && errno != ECONNRESET)
		return lose(remote, "recv: %s", strerror(errno));
	if (bytes <= 0)
		return lose(remote, "died in \"%s\"", name_of(verb));
	if ((size_t)bytes >= sizeof(answer->record) &&
	    answer->record.magic == BENCH_PROTOCOL_MAGIC && !bench_record_agrees(&answer->record))
		return lose(remote,
			    "belongs to another build: it speaks version %u of the protocol in "
			    "records of %u bytes, this is version %u with %zu",
			    answer->record.version, answer->record.answer_bytes,
			    BENCH_PROTOCOL_VERSION, sizeof(*answer));
	if (bytes != sizeof(*answer) || !bench_record_agrees(&answer->record) ||
	    answer->record.verb != verb)
		return lose(remote, "answers nonsense to \"%s\" (%zd bytes)", name_of(verb), bytes);
	answer->text[sizeof(answer->text) - 1] = '\0';
	return 0;
}

/*
 * Asks what stands in remote->ask. 0: the answer stands in remote->answer; -EBADMSG: so it does,
 * and it is that the account is wrong; else the peer is lost.
 */
static int talk(struct bench_remote *remote, enum bench_verb verb, uint64_t patience_ns)
{
	int error;

	if (!remote->pid)
		return -EIO;
	remote->ask.record = bench_record_of(verb, 0);
	if (send(remote->socket, &remote->ask, sizeof(remote->ask), MSG_NOSIGNAL) !=
	    sizeof(remote->ask))
		return lose(remote, "died before \"%s\"", name_of(verb));
	error = await(remote, verb, patience_ns + PATIENCE_NS);
	if (!error)
		error = receive(remote, verb);
	if (error)
		return error;
	error = remote->answer.record.error;
	if (error && !(verb == BENCH_VERB_ACCOUNT && error == -EBADMSG))
		return lose(remote, "%s: %s", name_of(verb),
			    remote->answer.text[0] ? remote->answer.text : strerror(-error));
	return error;
}

/* Copies what the lanes of the peer counted, and what stopped them. */
static void copy_lanes(struct bench_subject *subject)
{
	struct bench_remote *remote = subject->remote;

	subject->ring_size = remote->answer.ring_size;
	for (uint32_t i = 0; i < subject->lane_count; i++) {
		struct bench_answer_lane *theirs = &remote->answer.lanes[i];
		struct bench_lane *lane = &subject->lanes[i];

		theirs->call[sizeof(theirs->call) - 1] = '\0';
		lane->counts = theirs->counts;
		lane->error = theirs->error;
		lane->error_call = theirs->error ? theirs->call : NULL;
	}
}

/* Asks for something that the peer's threads do. */
static int work(struct bench_subject *subject, struct bench_team *team, enum bench_verb verb,
		uint64_t patience_ns)
{
	struct bench_remote *remote = subject->remote;
	int error;

	remote->ask.ring_size = subject->ring_size;
	remote->ask.pinned = bench_team_is_pinned(team);
	remote->ask.thread_count = subject->lane_count;
	for (uint32_t i = 0; i < subject->lane_count; i++)
		remote->ask.cpus[i] = bench_team_cpu(team, i);
	error = talk(remote, verb, patience_ns);
	if (!error)
		copy_lanes(subject);
	return error;
}

/* ---- what subject.c and measure.c call ---- */

static void create(struct bench_subject *subject, const struct bench_options *options,
		   uint64_t live)
{
	struct bench_remote *remote = subject->remote;
	const int error = start(remote, subject->impl);

	if (error) {
		lose(remote, "cannot be started: %s", strerror(-error));
		return;
	}
	if (talk(remote, BENCH_VERB_HELLO, 0))
		return;
	remote->answer.name[sizeof(remote->answer.name) - 1] = '\0';
	if (strcmp(remote->answer.name, subject->impl->name) != 0) {
		lose(remote, "says that it is \"%s\"", remote->answer.name);
		return;
	}
	if (remote->answer.abilities != subject->impl->abilities) {
		lose(remote, "can do other things than this pendbench expects of it");
		return;
	}
	remote->ask.shape = subject->shape;
	remote->ask.live = live;
	remote->ask.options = (struct bench_ask_options){
		.seed = options->seed,
		.batch_width = options->batch_width,
		.in_order = options->in_order,
	};
	talk(remote, BENCH_VERB_CREATE, remote->entries * PATIENCE_ENTRY_NS);
}

int bench_remote_create(struct bench_subject *subject, uint64_t live,
			const struct bench_options *options)
{
	struct bench_remote *remote = calloc(1, sizeof(*remote));

	if (!remote)
		return -ENOMEM;
	remote->entries = subject->shape.max_entries;
	subject->remote = remote;
	subject->table = remote;
	create(subject, options, live);
	return 0;
}

void bench_remote_destroy(struct bench_remote *remote)
{
	if (!remote)
		return;
	talk(remote, BENCH_VERB_DESTROY, remote->entries * PATIENCE_ENTRY_NS);
	stop(remote);
	free(remote);
}

void bench_remote_split(struct bench_subject *subject, uint32_t threads)
{
	subject->remote->ask.thread_count = threads;
	talk(subject->remote, BENCH_VERB_SPLIT, 0);
}

void bench_remote_fill(struct bench_subject *subject, struct bench_team *team, bool in_order)
{
	struct bench_remote *remote = subject->remote;

	remote->ask.options.in_order = in_order;
	work(subject, team, BENCH_VERB_FILL, remote->entries * PATIENCE_ENTRY_NS);
}

void bench_remote_top_up(struct bench_subject *subject, struct bench_team *team)
{
	work(subject, team, BENCH_VERB_TOP_UP, subject->remote->entries * PATIENCE_ENTRY_NS);
}

void bench_remote_drain(struct bench_subject *subject, struct bench_team *team)
{
	work(subject, team, BENCH_VERB_DRAIN, subject->remote->entries * PATIENCE_ENTRY_NS);
}

void bench_remote_measure(struct bench_subject *subject, struct bench_team *team,
			  const struct bench_window *window, struct bench_repeat *repeat)
{
	struct bench_remote *remote = subject->remote;
	const uint64_t wanted_ns = window->warm_up_ns + window->window_ns + window->pingpong_ns +
				   window->chunks * PATIENCE_CHUNK_NS;

	remote->ask.window = *window;
	if (!work(subject, team, BENCH_VERB_MEASURE, wanted_ns))
		*repeat = remote->answer.repeat;
}

int64_t bench_remote_live(void *table)
{
	struct bench_remote *remote = table;
	const int error = talk(remote, BENCH_VERB_ACCOUNT, 0);

	if (error && error != -EBADMSG)
		return error;
	return remote->answer.live;
}

int bench_remote_audit(void *table, const struct bench_counts *counts, char *why, size_t why_size)
{
	struct bench_remote *remote = table;
	int error;

	remote->ask.counts = *counts;
	error = talk(remote, BENCH_VERB_ACCOUNT, 0);
	if (error != -EBADMSG)
		return 0; /* right, or lost */
	snprintf(why, why_size, "%s", remote->answer.text);
	return error;
}

const char *bench_remote_lost(const struct bench_remote *remote)
{
	return remote->lost[0] ? remote->lost : NULL;
}
