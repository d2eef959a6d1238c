/* SPDX-License-Identifier: MIT */
/*
 * orchestrator.c - a process of its own that holds a session's lease and decides, until it is
 * killed.
 */
#include "stress/orchestrator.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MESSAGE 256u /* handles in one */

/* The process. It came from a fork of one with threads, so system calls are all that it makes. */
static _Noreturn void decide(int socket, uint32_t one_in)
{
	uint64_t handles[MESSAGE], told = 0;
	unsigned char answers[MESSAGE];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		ssize_t bytes = recv(socket, handles, sizeof(handles), 0);
		size_t count = bytes > 0 ? (size_t)bytes / sizeof(handles[0]) : 0;

		if (!count)
			(void)raise(
				SIGKILL); /* as it always ends; and valgrind looks for nothing */
		for (size_t i = 0; i < count; i++)
			answers[i] = told++ % one_in == 0;
		if (send(socket, answers, count, MSG_NOSIGNAL) != (ssize_t)count)
			(void)raise(SIGKILL);
	}
}

/* The process, which holds the first of @sockets' other end and what else is open now. */
static pid_t start_process(int sockets[2], uint32_t one_in)
{
	pid_t process;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		stress_bail("socketpair: %s", strerror(errno));
	process = fork();
	if (process == 0) {
		close(sockets[0]);
		decide(sockets[1], one_in);
	}
	if (process < 0)
		stress_bail("fork: %s", strerror(errno));
	close(sockets[1]);
	return process;
}

void orchestrator_start(struct orchestrator *orchestrator, struct load *load,
			const struct orchestrator_terms *terms)
{
	struct pend_session_options options = pend_session_options_default();
	int borrowed = -1, sockets[2], status;

	memset(orchestrator, 0, sizeof(*orchestrator));
	options.on_loss = terms->on_loss;
	options.name = terms->name;
	options.notices = ORCHESTRATOR_NOTICES;
	options.key_size = 0;
	if (terms->by_pidfd) {
		orchestrator->process = start_process(sockets, terms->one_in);
		borrowed = (int)syscall(SYS_pidfd_open, orchestrator->process, 0);
		options.watch_fd = borrowed;
	}
	status = pend_session_open(load->engine, &options, &orchestrator->session);
	if (status)
		stress_bail("pend_session_open: %s", strerror(-status));
	if (!terms->by_pidfd) {
		borrowed = pend_session_lease(orchestrator->session);
		orchestrator->process = start_process(sockets, terms->one_in);
	}
	if (borrowed < 0)
		stress_bail("no lease or pidfd (%d)", borrowed);
	close(borrowed);
	orchestrator->socket = sockets[0];
}

/* Tells it of what the notices say and does what it answers. False: it is gone. */
static bool pass_on(struct orchestrator *orchestrator, const struct pend_notice *notices,
		    uint32_t count)
{
	uint64_t handles[MESSAGE];
	unsigned char answers[MESSAGE];

	for (uint32_t i = 0; i < count; i++)
		handles[i] = notices[i].handle;
	if (send(orchestrator->socket, handles, count * sizeof(handles[0]), MSG_NOSIGNAL) < 0 ||
	    recv(orchestrator->socket, answers, sizeof(answers), 0) != (ssize_t)count)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (answers[i] &&
		    pend_session_complete(orchestrator->session, notices[i].map, notices[i].handle,
					  PEND_ACTION_PERMIT_SOFT) == 0)
			cell_add(&orchestrator->decided, 1);
	}
	return true;
}

void orchestrator_serve(struct orchestrator *orchestrator, struct load *load)
{
	struct pollfd ready = { .fd = pend_session_fd(orchestrator->session), .events = POLLIN };
	struct pend_notice notices[MESSAGE];

	while (!load_over(load)) {
		int count = pend_session_read(orchestrator->session, notices, NULL, MESSAGE);

		if (count < 0 || (count > 0 && !pass_on(orchestrator, notices, (uint32_t)count)))
			return;
		if (count == 0)
			(void)poll(&ready, 1, 10);
	}
}

void orchestrator_kill(struct orchestrator *orchestrator)
{
	int status;

	cell_write(&orchestrator->killed_ns, stress_now_ns());
	if (kill(orchestrator->process, SIGKILL) ||
	    waitpid(orchestrator->process, &status, 0) != orchestrator->process ||
	    !WIFSIGNALED(status))
		stress_bail("the orchestrator was not there to be killed");
}

bool orchestrator_await_loss(struct orchestrator *orchestrator, uint64_t ns)
{
	uint64_t give_up_ns = stress_now_ns() + ns;

	do {
		struct pend_session_stats stats = { .size = sizeof(stats) };

		if (pend_session_stats_read(orchestrator->session, &stats) == -ESHUTDOWN)
			return true;
		stress_sleep_ns(NS_PER_MS / 10);
	} while (stress_now_ns() < give_up_ns);
	return false;
}

void orchestrator_end(struct orchestrator *orchestrator)
{
	(void)pend_session_close(orchestrator->session);
}

void orchestrator_free(struct orchestrator *orchestrator)
{
	close(orchestrator->socket);
}
