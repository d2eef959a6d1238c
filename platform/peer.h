/* SPDX-License-Identifier: MIT */
/*
 * peer.h - the process at the other end of a connected unix socket.
 */
#ifndef PENDI_PLATFORM_PEER_H
#define PENDI_PLATFORM_PEER_H

/* A pidfd of the process that connected, or listened, or made the pair. -EBADF, -ENOTSOCK;
 * -EOPNOTSUPP: not of the unix domain, not connected, or a kind that knows no peer; -ESRCH: it has
 * exited; -EACCES: it is not seen from here; -EMFILE. */
int pendi_peer_open(int socket);

#endif
