/* SPDX-License-Identifier: MIT */
/*
 * process.c - what the kernel says of a process: its pidfd, and /proc.
 *
 *	/proc/PID/stat     12 (a name with ) and ( in it) S 1 ...   field 22: start time
 *	/proc/PID/status   Uid: Gid: CapEff:                        one credential each, all of one
 *	/proc/PID/exe      the file it runs                         inode and device
 *	/proc/PID/ns/user  its user namespace                       inode
 *	/proc/thread-self/fdinfo/FD   Pid:                          only pidfds have that line
 *
 * The kernel writes the ids and capabilities of a status file from one set of credentials, so they
 * belong together. An exec may come between that and the executable: the status is read again, and
 * all of it once more if it differs.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/process.h"

/* A name, 52 numbers of at most 20 digits, and what later kernels may add. */
#define PROCESS_STAT_SIZE 4096u
#define PROCESS_PATH_SIZE 64u
#define PROCESS_STAT_AFTER_NAME 19u /* fields between the name and the start time */
#define PROCESS_LOOKS 3u
/* Copies of descriptors stay clear of the three that a program may close and expect anew. */
#define PROCESS_FIRST_DESCRIPTOR 3

/* --- Descriptors --- */

static int process_descriptor_error(int error)
{
	switch (error) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return -EMFILE;
	default:
		return -EACCES;
	}
}

int pendi_process_open(int32_t pid)
{
	const long pidfd = syscall(SYS_pidfd_open, pid, 0);

	if (pidfd >= 0)
		return (int)pidfd;
	/* A thread that leads no process: EINVAL of older kernels, ENOENT of newer ones. */
	if (errno == ESRCH || errno == EINVAL || errno == ENOENT)
		return -ESRCH;
	return process_descriptor_error(errno);
}

int pendi_process_dup(int32_t descriptor)
{
	const int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, PROCESS_FIRST_DESCRIPTOR);

	if (copy >= 0)
		return copy;
	return errno == EBADF ? -EBADF : -EMFILE;
}

bool pendi_process_is_alive(int32_t pidfd)
{
	struct pollfd wait = { pidfd, POLLIN, 0 };
	int ready;

	do
		ready = poll(&wait, 1, 0);
	while (ready < 0 && errno == EINTR);
	return ready == 0;
}

/* --- Text --- */

static int process_open_file(const char *path)
{
	const int file = open(path, O_RDONLY | O_CLOEXEC);

	return file >= 0 ? file : process_descriptor_error(errno);
}

/* As read(), but goes on when interrupted; a negative errno. */
static ssize_t process_read(int file, void *buffer, size_t size)
{
	ssize_t got;

	do
		got = read(file, buffer, size);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

/* All of a file that fits; its length, or a negative errno. */
static ssize_t process_read_whole(const char *path, char *text, size_t size)
{
	const int file = process_open_file(path);
	size_t length = 0;
	ssize_t got = file;

	if (file < 0)
		return file;
	do {
		got = process_read(file, text + length, size - length);
		length += got > 0 ? (size_t)got : 0;
	} while (got > 0 && length < size);
	(void)close(file);
	return got < 0 ? got : (ssize_t)length;
}

static uint32_t process_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (uint32_t)(c - 'a') + 10;
	return UINT32_MAX;
}

/* Reads an unsigned number after blanks, up to a blank or @end. Where it ends; NULL: there is none,
 * or it exceeds @most. */
static const char *process_number(const char *at, const char *end, uint32_t base, uint64_t most,
				  uint64_t *number)
{
	uint64_t value = 0;

	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	if (at == end || process_digit(*at) >= base)
		return NULL;
	for (; at < end && process_digit(*at) < base; at++) {
		const uint32_t digit = process_digit(*at);

		if (value > (most - digit) / base)
			return NULL;
		value = value * base + digit;
	}
	if (at < end && *at != ' ' && *at != '\t' && *at != '\n')
		return NULL;
	*number = value;
	return at;
}

bool pendi_process_parse_stat(const char *text, size_t length, uint64_t *start_time)
{
	const char *const end = text + length;
	/* The last one: the name may hold some, what follows it none. */
	const char *at = memrchr(text, ')', length);

	if (!at)
		return false;
	at++;
	for (uint32_t field = 0; field < PROCESS_STAT_AFTER_NAME; field++) {
		while (at < end && *at == ' ')
			at++;
		if (at == end)
			return false;
		while (at < end && *at != ' ')
			at++;
	}
	return process_number(at, end, 10, UINT64_MAX, start_time) != NULL;
}

/* --- Lines of "Label:\tvalue" --- */

struct process_lines {
	int file;
	size_t next, end;
	char buffer[512];
};

/* The next byte; -ENODATA: no more; or what reading said. */
static int process_next(struct process_lines *lines)
{
	if (lines->next == lines->end) {
		const ssize_t got = process_read(lines->file, lines->buffer, sizeof(lines->buffer));

		if (got <= 0)
			return got < 0 ? (int)got : -ENODATA;
		lines->next = 0;
		lines->end = (size_t)got;
	}
	return (unsigned char)lines->buffer[lines->next++];
}

/* The next line, as much of it as fits: its length, without the end; or as process_next(). */
static int process_line(struct process_lines *lines, char *line, size_t size)
{
	size_t length = 0;
	int byte = process_next(lines);

	if (byte < 0)
		return byte;
	for (; byte >= 0 && byte != '\n'; byte = process_next(lines)) {
		if (length < size)
			line[length++] = (char)byte;
	}
	return byte < 0 && byte != -ENODATA ? byte : (int)length;
}

/* The text behind @label, or NULL if the line has another. */
static const char *process_labelled(const char *line, int length, const char *label)
{
	const size_t size = strlen(label);

	return (size_t)length >= size && memcmp(line, label, size) == 0 ? line + size : NULL;
}

/* The second number of a line, the effective one of real, effective, saved, file system. */
static bool process_effective(const char *at, const char *end, uint32_t *id)
{
	uint64_t real, effective;

	at = process_number(at, end, 10, UINT32_MAX, &real);
	if (!at || !process_number(at, end, 10, UINT32_MAX, &effective))
		return false;
	*id = (uint32_t)effective;
	return true;
}

/* Which of the three lines this is, as a bit; 0: none. */
static uint32_t process_status_line(const char *line, int length, struct pend_subject *subject)
{
	const char *const end = line + length;
	const char *at = process_labelled(line, length, "Uid:");

	if (at)
		return process_effective(at, end, &subject->uid) ? 1 : 0;
	at = process_labelled(line, length, "Gid:");
	if (at)
		return process_effective(at, end, &subject->gid) ? 2 : 0;
	at = process_labelled(line, length, "CapEff:");
	if (at)
		return process_number(at, end, 16, UINT64_MAX, &subject->capabilities) ? 4 : 0;
	return 0;
}

int pendi_process_read_status(int file, struct pend_subject *subject)
{
	struct process_lines lines = { .file = file };
	struct pend_subject read = *subject;
	uint32_t found = 0;
	char line[96];

	while (found != 7) {
		const int length = process_line(&lines, line, sizeof(line));

		if (length < 0)
			return length;
		found |= process_status_line(line, length, &read);
	}
	*subject = read;
	return 0;
}

/* --- Processes --- */

int pendi_process_number(int32_t pidfd)
{
	struct process_lines lines = { .file = -1 };
	char path[PROCESS_PATH_SIZE], line[96];
	int result = -EBADF;

	/* Of the thread: it may have a table of descriptors of its own. */
	(void)snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", pidfd);
	lines.file = process_open_file(path);
	if (lines.file < 0)
		return lines.file;
	while (result == -EBADF) {
		const int length = process_line(&lines, line, sizeof(line));
		const char *at = length < 0 ? NULL : process_labelled(line, length, "Pid:");
		uint64_t pid;

		if (length < 0)
			break;
		if (!at)
			continue;
		/* -1 and 0 stand for what has no number here, or none any more. */
		if (process_number(at, line + length, 10, INT32_MAX, &pid) && pid)
			result = (int)pid;
		else
			result = -ESRCH;
	}
	(void)close(lines.file);
	return result;
}

static int process_credentials(int32_t pid, struct pend_subject *subject)
{
	char path[PROCESS_PATH_SIZE];
	int file, result;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = process_open_file(path);
	if (file < 0)
		return file;
	result = pendi_process_read_status(file, subject);
	(void)close(file);
	return result ? -EACCES : 0;
}

static int process_start_time(int32_t pid, uint64_t *start_time)
{
	char path[PROCESS_PATH_SIZE], text[PROCESS_STAT_SIZE];
	ssize_t length;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	length = process_read_whole(path, text, sizeof(text));
	if (length < 0)
		return length == -EMFILE ? -EMFILE : -EACCES;
	return pendi_process_parse_stat(text, (size_t)length, start_time) ? 0 : -EACCES;
}

/* What a link of /proc/PID leads to; 0 and 0 if that may not be seen. */
static void process_file(int32_t pid, const char *name, uint64_t *inode, uint64_t *device)
{
	char path[PROCESS_PATH_SIZE];
	struct stat file;
	bool seen;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	seen = stat(path, &file) == 0;
	*inode = seen ? file.st_ino : 0;
	*device = seen ? file.st_dev : 0;
}

static bool process_same_credentials(const struct pend_subject *a, const struct pend_subject *b)
{
	return a->uid == b->uid && a->gid == b->gid && a->capabilities == b->capabilities;
}

/* One look; -EAGAIN: the process changed under it. */
static int process_look_once(int32_t pid, struct pend_subject *subject)
{
	struct pend_subject again = *subject;
	uint64_t device;
	int result = process_start_time(pid, &subject->start_time);

	if (!result)
		result = process_credentials(pid, subject);
	if (result)
		return result;
	process_file(pid, "exe", &subject->executable, &subject->executable_device);
	process_file(pid, "ns/user", &subject->user_namespace, &device);
	result = process_credentials(pid, &again);
	if (result)
		return result;
	return process_same_credentials(subject, &again) ? 0 : -EAGAIN;
}

int pendi_process_look(int32_t pid, struct pend_subject *subject)
{
	struct pend_subject seen = *subject;
	int result = -EAGAIN;

	for (uint32_t look = 0; result == -EAGAIN && look < PROCESS_LOOKS; look++)
		result = process_look_once(pid, &seen);
	if (result)
		return result == -EMFILE ? -EMFILE : -EACCES;
	*subject = seen;
	return 0;
}
