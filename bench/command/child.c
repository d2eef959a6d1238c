/* SPDX-License-Identifier: MIT */
/*
 * child.c - one process that measures.
 *
 * The end of a child is asked for (waitpid), not told by the ends of its pipes: a process that it
 * started may hold them for longer. Between two questions poll() waits 50 ms at most.
 */
#include "bench/command/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/measure/clock.h"
#include "bench/model/document_json.h"
#include "platform/atomic.h"

#define RESULT_FD 3
#define PROGRESS_FD 4
#define WAIT_MS 50
#define READS_MAX 64u /* of one pipe before the other has its turn */

extern char **environ;

static _Atomic int interrupted; /* the signal, or 0 */
static const int guarded[] = { SIGINT, SIGTERM, SIGHUP };
static struct sigaction before[3];

static void on_signal(int signal)
{
	/* relaxed: the thread that is interrupted is the one that reads it. */
	pendi_store_relaxed(&interrupted, signal);
}

static int interruption(void)
{
	return pendi_load_relaxed(&interrupted); /* relaxed: as in on_signal() */
}

void bench_child_guard(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	pendi_store_relaxed(&interrupted, 0); /* relaxed: as in on_signal() */
	for (uint32_t i = 0; i < 3; i++) {
		sigaction(guarded[i], &action, &before[i]);
		if (before[i].sa_handler == SIG_IGN) /* as nohup wants it */
			sigaction(guarded[i], &before[i], NULL);
	}
}

void bench_child_release(void)
{
	for (uint32_t i = 0; i < 3; i++)
		sigaction(guarded[i], &before[i], NULL);
}

void bench_child_follow_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Group, signals and descriptors as child.h draws them. */
static int spawn(const char *program, const char *const *argv, const int *fds, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, usual;
	char *const *words;
	int error;

	memcpy(&words, &argv, sizeof(words)); /* posix_spawn writes to none of them */
	if (posix_spawn_file_actions_init(&actions))
		return -ENOMEM;
	if (posix_spawnattr_init(&attributes)) {
		posix_spawn_file_actions_destroy(&actions);
		return -ENOMEM;
	}
	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &usual);
	error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	for (int i = 0; !error && i < 4; i++)
		error = posix_spawn_file_actions_adddup2(&actions, fds[i], i + 1);
	if (!error)
		error = posix_spawn(pid, program, &actions, &attributes, words, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -error;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* A descriptor above those that the child gets, so that none is overwritten before it is copied. */
static int raise_fd(int fd)
{
	const int raised = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 16);

	if (fd >= 0)
		close(fd);
	return raised;
}

static int make_pipe(int *ends)
{
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	ends[0] = raise_fd(ends[0]);
	ends[1] = raise_fd(ends[1]);
	if (ends[0] < 0 || ends[1] < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK))
		return -EMFILE;
	return 0;
}

int bench_child_start(const char *program, const char *const *argv, struct bench_child *child)
{
	int progress[2] = { -1, -1 }, complaints[2] = { -1, -1 };
	int error;

	*child = (struct bench_child){ .pid = -1,
				       .progress = { .fd = -1 },
				       .complaints = { .fd = -1 } };
	child->result = raise_fd(memfd_create("pendbench", MFD_CLOEXEC));
	error = child->result < 0 ? -EMFILE : make_pipe(progress);
	if (!error)
		error = make_pipe(complaints);
	if (!error) {
		const int fds[] = { complaints[1], complaints[1], child->result, progress[1] };

		error = spawn(program, argv, fds, &child->pid);
	}
	child->progress.fd = progress[0];
	child->complaints.fd = complaints[0];
	close_fd(&progress[1]);
	close_fd(&complaints[1]);
	if (error)
		bench_child_close(child);
	return error;
}

/* Hands over the whole lines; @all: what is left, too. */
static void split(struct bench_lines *lines, bool all, bool complaint, bench_child_heard *heard,
		  void *context)
{
	char *begin = lines->text, *end;
	uint32_t left = lines->length;

	while ((end = memchr(begin, '\n', left)) != NULL) {
		*end++ = '\0';
		heard(context, complaint, begin);
		left -= (uint32_t)(end - begin);
		begin = end;
	}
	if (left && (all || left == sizeof(lines->text) - 1)) {
		begin[left] = '\0';
		heard(context, complaint, begin);
		left = 0;
	}
	memmove(lines->text, begin, left);
	lines->length = left;
}

static void hear(struct bench_lines *lines, bool complaint, bench_child_heard *heard, void *context)
{
	for (uint32_t i = 0; lines->fd >= 0 && i < READS_MAX; i++) {
		const ssize_t got = read(lines->fd, lines->text + lines->length,
					 sizeof(lines->text) - 1 - lines->length);

		if (got < 0)
			return; /* EAGAIN, or EINTR: the next round */
		if (got == 0) {
			split(lines, true, complaint, heard, context);
			close_fd(&lines->fd);
			return;
		}
		lines->length += (uint32_t)got;
		split(lines, false, complaint, heard, context);
	}
}

/* Ends it and what it started. */
static void end_group(pid_t pid)
{
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
}

enum bench_child_end bench_child_wait(struct bench_child *child, uint64_t until_ns,
				      bench_child_heard *heard, void *context, int *status)
{
	enum bench_child_end end = BENCH_CHILD_EXITED;
	int how = 0;

	/* Ends: when the child does, which it is made to at @until_ns. */
	while (waitpid(child->pid, &how, WNOHANG) == 0) {
		struct pollfd polled[] = { { .fd = child->progress.fd, .events = POLLIN },
					   { .fd = child->complaints.fd, .events = POLLIN } };

		poll(polled, 2, WAIT_MS);
		hear(&child->progress, false, heard, context);
		hear(&child->complaints, true, heard, context);
		if (interruption())
			end = BENCH_CHILD_INTERRUPTED;
		else if (bench_clock_ns() > until_ns)
			end = BENCH_CHILD_LATE;
		else
			continue;
		end_group(child->pid);
		waitpid(child->pid, &how, 0);
		break;
	}
	hear(&child->progress, false, heard, context);
	hear(&child->complaints, true, heard, context);
	kill(-child->pid, SIGKILL); /* what it left behind, should there be anything */
	child->pid = -1;
	if (end == BENCH_CHILD_EXITED && WIFSIGNALED(how))
		end = BENCH_CHILD_SIGNALLED;
	*status = end == BENCH_CHILD_INTERRUPTED ? interruption()
		  : end == BENCH_CHILD_EXITED    ? WEXITSTATUS(how)
						 : WTERMSIG(how);
	return end;
}

int bench_child_result(const struct bench_child *child, struct bench_document *document, char *why,
		       size_t why_size)
{
	struct stat file;
	char path[48];

	if (fstat(child->result, &file) || file.st_size == 0)
		return -ENODATA;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", child->result);
	return bench_document_read(path, document, why, why_size);
}

void bench_child_close(struct bench_child *child)
{
	close_fd(&child->result);
	close_fd(&child->progress.fd);
	close_fd(&child->complaints.fd);
}
