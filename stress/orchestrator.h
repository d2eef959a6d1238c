/* SPDX-License-Identifier: MIT */
/*
 * orchestrator.h - a process of its own that holds a session's lease and decides, until it is
 * killed.
 *
 *   agent (a worker of the load): notices --> handles over a socket --> the orchestrator
 *                       completes those it named <-- one answer each <--+
 *
 * The lease is the process's alone, or the session watches the process, so SIGKILL is all that tells
 * the engine that it is gone.
 */
#ifndef STRESS_ORCHESTRATOR_H
#define STRESS_ORCHESTRATOR_H

#include <pendmap/session.h>
#include <sys/types.h>

#include "stress/load.h"

#define ORCHESTRATOR_NOTICES 65536u /* room in the ring of its session */

struct orchestrator {
	struct pend_session *session;
	pid_t process;
	int socket;          /* the agent's end */
	struct cell decided; /* by it, and accepted */
	struct cell killed_ns;
};

struct orchestrator_terms {
	enum pend_on_loss on_loss;
	const char *name; /* of the session, or NULL */
	uint32_t one_in;  /* it decides one in so many of what it is told of */
	bool by_pidfd;    /* the session watches the process; else that has the lease */
};

/* Opens a session in the engine of @load, which exists, and starts the process that decides. Before
 * load_start(). */
void orchestrator_start(struct orchestrator *orchestrator, struct load *load,
			const struct orchestrator_terms *terms);

/* What an agent does, until the orchestrator is gone or the load is over. */
void orchestrator_serve(struct orchestrator *orchestrator, struct load *load);

/* Kills it, and notes when. */
void orchestrator_kill(struct orchestrator *orchestrator);

/* True if the engine knows that it is gone; waits up to @ns. */
bool orchestrator_await_loss(struct orchestrator *orchestrator, uint64_t ns);

/* Gives the session back, before the engine is destroyed. */
void orchestrator_end(struct orchestrator *orchestrator);

/* And the rest, when no agent is left. */
void orchestrator_free(struct orchestrator *orchestrator);

#endif
