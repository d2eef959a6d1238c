/* SPDX-License-Identifier: MIT */
/*
 * peer.c - the process at the other end of a connected unix socket.
 *
 * The kernel remembers it as a process and gives a pidfd of it (SO_PEERPIDFD, Linux 6.5). Older ones
 * give the number only (SO_PEERCRED), which by now may be another process's.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "platform/peer.h"
#include "platform/process.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

/* Reads a socket's option of @size bytes. 0 or a negative errno. */
static int peer_option(int socket, int option, void *value, socklen_t size)
{
	return getsockopt(socket, SOL_SOCKET, option, value, &size) ? -errno : 0;
}

/* A socket that listens has credentials too: its own. */
static bool peer_is_connected(int socket)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);

	return getpeername(socket, (struct sockaddr *)&address, &size) == 0;
}

int pendi_peer_open(int socket)
{
	struct ucred peer;
	int descriptor;
	int error = peer_option(socket, SO_PEERCRED, &peer, sizeof(peer));

	if (error)
		return error;
	/* Only sockets of the unix domain know anybody, and datagram sockets only if made as a pair. */
	if (peer.uid == (uid_t)-1 || !peer_is_connected(socket))
		return -EOPNOTSUPP;
	if (peer.pid == 0)
		return -EACCES;
	error = peer_option(socket, SO_PEERPIDFD, &descriptor, sizeof(descriptor));
	switch (-error) {
	case 0:
		return descriptor;
	case ENOPROTOOPT:
		return pendi_process_open(peer.pid);
	case EMFILE:
	case ENFILE:
		return -EMFILE;
	default:
		return -ESRCH;
	}
}
