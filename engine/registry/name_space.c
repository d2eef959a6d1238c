/* SPDX-License-Identifier: MIT */
/*
 * name_space.c - the namespace of the process at the other end of a socket (F66).
 *
 *	socket -> a pidfd of its peer -> the number -> /proc says its user namespace
 *	       -> still alive? then the number was its own all the time
 */
#include <unistd.h>

#include "engine/registry/registry_internal.h"
#include "platform/peer.h"
#include "platform/process.h"

/* The user namespace of the process of @pidfd. */
static int peer_user_namespace(int pidfd, uint64_t *inode)
{
	struct pend_subject peer = { 0 };
	const int pid = pendi_process_number(pidfd);
	const int error = pid < 0 ? pid : pendi_process_look(pid, &peer);

	if (!pendi_process_is_alive(pidfd))
		return -ESRCH;
	if (error)
		return error;
	if (!peer.user_namespace)
		return -EACCES;
	*inode = peer.user_namespace;
	return 0;
}

int pend_namespace_of_peer(int socket, uint64_t label, struct pend_namespace *name_space)
{
	uint64_t inode;
	int pidfd, error;

	if (!name_space)
		return -EFAULT;
	pidfd = pendi_peer_open(socket);
	if (pidfd < 0)
		return pidfd;
	error = peer_user_namespace(pidfd, &inode);
	(void)close(pidfd);
	if (error)
		return error;
	name_space->user_inode = inode;
	name_space->label = label;
	return 0;
}
