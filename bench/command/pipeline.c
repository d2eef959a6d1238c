/* SPDX-License-Identifier: MIT */
/*
 * pipeline.c - starts the programs from the last to the first, so that each finds its reader.
 */
#include "bench/command/pipeline.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/measure/clock.h"

#define LOOK_NS 20000000 /* between two looks whether they have ended */

extern char **environ;

static int open_file(const char *path, int flags, int otherwise)
{
	const int fd = path ? open(path, flags | O_CLOEXEC, 0644) : dup(otherwise);

	return fd < 0 ? -errno : fd;
}

static int start(const char *const *argv, int in, int out, int errors, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	const union {
		const char *const *words;
		char *const *argv; /* what posix_spawnp() leaves alone, too */
	} program = { argv };
	sigset_t defaults;
	int error;

	sigemptyset(&defaults);
	sigaddset(&defaults, SIGINT);
	sigaddset(&defaults, SIGTERM);
	error = posix_spawn_file_actions_init(&actions);
	if (error)
		return -error;
	error = posix_spawnattr_init(&attributes);
	if (error) {
		posix_spawn_file_actions_destroy(&actions);
		return -error;
	}
	error = posix_spawn_file_actions_adddup2(&actions, in, 0);
	if (!error)
		error = posix_spawn_file_actions_adddup2(&actions, out, 1);
	if (!error)
		error = posix_spawn_file_actions_adddup2(&actions, errors, 2);
	if (!error)
		error = posix_spawnattr_setsigdefault(&attributes, &defaults);
	if (!error)
		error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	if (!error)
		error = posix_spawnp(pid, argv[0], &actions, &attributes, program.argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -error;
}

/* Waits for all that were started. Returns 0 or -ETIMEDOUT. */
static int wait_for_all(struct bench_pipeline *pipeline, const pid_t *pids)
{
	const uint64_t until_ns = bench_clock_ns() + pipeline->limit_s * 1000000000ull;
	bool late = false;

	for (uint32_t i = 0; i < pipeline->count; i++) {
		int status = 0;

		while (pids[i] > 0 && waitpid(pids[i], &status, WNOHANG) == 0) {
			if (!late && bench_clock_ns() > until_ns) {
				late = true;
				for (uint32_t n = i; n < pipeline->count; n++)
					if (pids[n] > 0)
						kill(pids[n], SIGKILL);
			}
			nanosleep(&(struct timespec){ 0, LOOK_NS }, NULL);
		}
		pipeline->statuses[i] = WIFSIGNALED(status) ? 128 + WTERMSIG(status)
							    : WEXITSTATUS(status);
	}
	return late ? -ETIMEDOUT : 0;
}

/* Starts them all; a pipe leads from each to the next. */
static int start_all(struct bench_pipeline *pipeline, int in, int out, int errors, pid_t *pids)
{
	int error = 0;

	for (uint32_t i = pipeline->count; !error && i-- > 0;) {
		int ends[2] = { in, -1 };

		if (i > 0 && pipe2(ends, O_CLOEXEC))
			error = -errno;
		if (!error)
			error = start(pipeline->programs[i], ends[0], out, errors, &pids[i]);
		close(out);
		if (i > 0 && ends[0] != in)
			close(ends[0]);
		out = ends[1];
	}
	if (out >= 0)
		close(out);
	return error;
}

int bench_pipeline_run(struct bench_pipeline *pipeline)
{
	const struct sigaction ignored = { .sa_handler = SIG_IGN };
	struct sigaction before[2];
	pid_t pids[BENCH_PIPELINE_MAX] = { 0 };
	const int in = open_file(pipeline->in ? pipeline->in : "/dev/null", O_RDONLY, 0);
	const int out = open_file(pipeline->out, O_WRONLY | O_CREAT | O_TRUNC, 1);
	const int errors = open_file(pipeline->errors, O_WRONLY | O_CREAT | O_TRUNC, 2);
	int error = in < 0 ? in : out < 0 ? out : errors < 0 ? errors : 0, late;

	sigaction(SIGINT, &ignored, &before[0]);
	sigaction(SIGTERM, &ignored, &before[1]);
	if (!error)
		error = start_all(pipeline, in, out, errors, pids);
	else if (out >= 0)
		close(out);
	if (in >= 0)
		close(in);
	if (errors >= 0)
		close(errors);
	late = wait_for_all(pipeline, pids);
	sigaction(SIGINT, &before[0], NULL);
	sigaction(SIGTERM, &before[1], NULL);
	return error ? error : late;
}
