/* SPDX-License-Identifier: MIT */
/*
 * identity.h - from a captured picture of a process to a reference on it, or to none.
 *
 *	captured {pid, pidfd, start time, credentials}
 *	  -> own descriptor (dup)             gone, not a pidfd: -ENOENT          R1 R2
 *	  -> it is a pidfd of that pid        another process: close, -ENOENT     R3
 *	  -> alive                            exited: close, -ENOENT              R4
 *	  -> looks as captured                start time, credentials: -ENOENT    R5 R6
 *	  -> still alive                      exited meanwhile: -ENOENT
 *
 * So what is returned was that process, with those credentials, at one instant after the capture.
 * Blocks (reads /proc): on executors and in frames that may block, never in others.
 */
#ifndef PENDI_ENGINE_IDENTITY_IDENTITY_H
#define PENDI_ENGINE_IDENTITY_IDENTITY_H

#include <stdbool.h>

#include <pendmap/identity.h>

/* A resolved identity: owns its descriptor. */
struct pendi_identity {
	struct pend_subject subject; /* pidfd is its own; -1: nothing is held */
	int32_t error;               /* 0, or -ENOENT: resolving was tried and failed */
	uint32_t resolved;           /* whether it was tried */
};

/* An identity that nothing was tried for. */
struct pendi_identity pendi_identity_none(void);
/* Resolves. 0 and a reference in @identity, or -ENOENT and none; either way it is resolved. */
int pendi_identity_resolve(const struct pend_subject *captured, struct pendi_identity *identity);
/* Another reference on the same: 0, or -ENOENT (no descriptor left). */
int pendi_identity_copy(const struct pendi_identity *from, struct pendi_identity *to);
/* Gives the reference back, if one is held. Any number of times. True: one was held. */
bool pendi_identity_release(struct pendi_identity *identity);

#endif
