/* SPDX-License-Identifier: MIT */
/*
 * uevent.c - CPU events out of the kernel's netlink broadcast.
 *
 * A message is a row of strings, each with its NUL:
 *
 *   online@/devices/system/cpu/cpu1   ACTION=online   DEVPATH=/devices/system/cpu/cpu1
 *   SUBSYSTEM=cpu   SEQNUM=4711   ...
 *
 * The first string gives the action and the path, the others are looked through for the
 * subsystem, and must not contradict the first. Everything else about them may change.
 *
 * Progress: one call never blocks and reads a bounded number of messages.
 */
#include "platform/uevent.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "platform/script.h"

#define CPU_PATH "/devices/system/cpu/cpu"

enum {
	KERNEL_GROUP = 1,     /* of the kernel itself; udev speaks to another one */
	MESSAGE_BYTES = 8192, /* the kernel's own buffer is 2048 */
	MESSAGES_MAX = 64     /* that one read looks at */
};

int pendi_uevent_open(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP };
	int handle, error;

	if (pendi_script.uevent_open)
		return pendi_script.uevent_open();
	handle = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_KOBJECT_UEVENT);
	if (handle < 0)
		return -errno;
	if (bind(handle, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return handle;
	error = -errno;
	(void)close(handle);
	return error;
}

/* Decimal digits to the end of the string, without a sign or a needless zero. */
static bool parse_cpu(const char *digits, uint32_t *cpu)
{
	uint64_t number = 0;

	if (*digits == '\0' || (digits[0] == '0' && digits[1] != '\0'))
		return false;
	for (; *digits != '\0'; digits++) {
		if (*digits < '0' || *digits > '9')
			return false;
		number = number * 10 + (uint64_t)(*digits - '0');
		if (number > UINT32_MAX)
			return false;
	}
	*cpu = (uint32_t)number;
	return true;
}

/* "online@/devices/system/cpu/cpu1", with *@action_bytes of it before the @. */
static bool parse_head(const char *head, size_t *action_bytes, uint32_t *cpu)
{
	const char *const at = strchr(head, '@');

	if (!at || at == head || strncmp(at + 1, CPU_PATH, strlen(CPU_PATH)) != 0)
		return false;
	*action_bytes = (size_t)(at - head);
	return parse_cpu(at + 1 + strlen(CPU_PATH), cpu);
}

static enum pendi_uevent_type type_of(const char *action, size_t bytes)
{
	if (bytes == strlen("online") && memcmp(action, "online", bytes) == 0)
		return PENDI_UEVENT_ONLINE;
	if (bytes == strlen("offline") && memcmp(action, "offline", bytes) == 0)
		return PENDI_UEVENT_OFFLINE;
	return PENDI_UEVENT_OTHER;
}

/* The value in "KEY=value", or NULL for another key. */
static const char *value_of(const char *line, const char *key)
{
	const size_t bytes = strlen(key);

	return strncmp(line, key, bytes) == 0 && line[bytes] == '=' ? line + bytes + 1 : NULL;
}

int pendi_uevent_parse(const char *message, size_t bytes, struct pendi_uevent *event)
{
	size_t action_bytes = 0;
	bool is_cpu = false;
	uint32_t cpu = 0;

	if (bytes == 0 || message[bytes - 1] != '\0' || !parse_head(message, &action_bytes, &cpu))
		return 0;
	for (size_t at = strlen(message) + 1; at < bytes; at += strlen(message + at) + 1) {
		const char *const line = message + at;
		const char *const action = value_of(line, "ACTION");
		const char *const path = value_of(line, "DEVPATH");
		const char *const subsystem = value_of(line, "SUBSYSTEM");

		if (action &&
		    (strlen(action) != action_bytes || memcmp(action, message, action_bytes) != 0))
			return 0;
		if (path && strcmp(path, message + action_bytes + 1) != 0)
			return 0;
		if (subsystem && strcmp(subsystem, "cpu") != 0)
			return 0;
		is_cpu = is_cpu || subsystem;
	}
	if (!is_cpu)
		return 0;
	event->type = type_of(message, action_bytes);
	event->cpu = cpu;
	return 1;
}

/*
 * The next message: its length, 0 for one that is not of the kernel, or a negative errno. One that
 * does not fit is cut, which the parser is used to.
 */
static ssize_t receive(int handle, char *message)
{
	struct iovec buffer = { .iov_base = message, .iov_len = MESSAGE_BYTES };
	struct sockaddr_nl sender = { 0 };
	struct msghdr header = { .msg_name = &sender,
				 .msg_namelen = sizeof(sender),
				 .msg_iov = &buffer,
				 .msg_iovlen = 1 };
	ssize_t bytes;

	do {
		bytes = recvmsg(handle, &header, MSG_DONTWAIT);
	} while (bytes < 0 && errno == EINTR);
	if (bytes < 0)
		return -errno;
	if (header.msg_namelen != sizeof(sender) || sender.nl_family != AF_NETLINK ||
	    sender.nl_pid != 0)
		return 0;
	return bytes;
}

int pendi_uevent_read(int socket, struct pendi_uevent *event)
{
	char message[MESSAGE_BYTES];

	if (pendi_script.uevent_read)
		return pendi_script.uevent_read(socket, event);
	for (int i = 0; i < MESSAGES_MAX; i++) {
		const ssize_t bytes = receive(socket, message);

		if (bytes < 0)
			return bytes == -EAGAIN ? 0 : (int)bytes;
		if (pendi_uevent_parse(message, (size_t)bytes, event))
			return 1;
	}
	return 0;
}
