/* SPDX-License-Identifier: MIT */
/*
 * uevent.h - the kernel's news that a CPU went online or offline.
 *
 * The news comes from a netlink socket that anyone may open and that may be refused all the same
 * (seccomp), stay silent (a network namespace that another user namespace owns) or lose messages.
 * It makes noticing a lost CPU faster; whoever must notice asks for the affinity as well.
 */
#ifndef PENDI_PLATFORM_UEVENT_H
#define PENDI_PLATFORM_UEVENT_H

#include <stddef.h>
#include <stdint.h>

enum pendi_uevent_type {
	PENDI_UEVENT_ONLINE = 1,
	PENDI_UEVENT_OFFLINE,
	PENDI_UEVENT_OTHER, /* added, removed, changed, or a word that a later kernel has */
};

struct pendi_uevent {
	enum pendi_uevent_type type;
	uint32_t cpu; /* as the message says: it may be any number */
};

/*
 * A socket that hears the kernel's events: close-on-exec, non-blocking, to be polled for input and
 * closed by the caller. Or a negative errno.
 */
int pendi_uevent_open(void);

/*
 * The next event of a CPU that waits at @socket. 1 with *@event set; 0 when none waits (or, after
 * many messages that were no such event, for now: the socket is readable then); -ENOBUFS when
 * messages were lost, so that any CPU may have come or gone; another negative errno otherwise.
 * What the kernel did not send itself is not heard. Never blocks.
 */
int pendi_uevent_read(int socket, struct pendi_uevent *event);

/*
 * Reads one message of @bytes. 1 with *@event set when it is an event of a CPU; 0 when it is of
 * something else or malformed, and *@event is as before. Reads nothing outside the message.
 */
int pendi_uevent_parse(const char *message, size_t bytes, struct pendi_uevent *event);

#endif
