/* SPDX-License-Identifier: MIT */
/*
 * process.h - what the kernel says of a process: its pidfd, and /proc.
 *
 * A process number means the process of a pidfd as long as that has not exited: until then the
 * number cannot be given to another. So whoever reads /proc by number asks
 * pendi_process_is_alive() afterwards, and throws away what was read if the answer is no.
 */
#ifndef PENDI_PLATFORM_PROCESS_H
#define PENDI_PLATFORM_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include <pendmap/identity.h>

/* A pidfd of the process @pid; -ESRCH: there is none, or it is a thread of one; -EMFILE: no
 * descriptor is left; -EACCES: the kernel has no pidfds, or gives none away. */
int pendi_process_open(int32_t pid);
/* Another descriptor of the same open file; -EBADF: @descriptor is closed; -EMFILE. */
int pendi_process_dup(int32_t descriptor);
/* The number of the process that @pidfd refers to, as /proc numbers them; -ESRCH: it has been
 * reaped or is of another namespace; -EBADF: not a pidfd; -EMFILE; -EACCES. */
int pendi_process_number(int32_t pidfd);
/* Whether the process has not exited: one that waits to be reaped has. */
bool pendi_process_is_alive(int32_t pidfd);
/* Start time, credentials, executable and user namespace of the process @pid; its pid and pidfd
 * stay as they are. 0; -EACCES: /proc hides it, or it is gone; -EMFILE. @subject is untouched
 * then. */
int pendi_process_look(int32_t pid, struct pend_subject *subject);

/* The parts of pendi_process_look(), for their tests. */

/* Field 22 of the text of a stat file. The name in it, field 2, may hold anything, also ')'. */
bool pendi_process_parse_stat(const char *text, size_t length, uint64_t *start_time);
/* The effective ids and capabilities of an open status file; lines of any length. 0; -ENODATA: one
 * is not there; or what reading said. */
int pendi_process_read_status(int file, struct pend_subject *subject);

#endif
