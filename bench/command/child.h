/* SPDX-License-Identifier: MIT */
/*
 * child.h - one process that measures.
 *
 *	this process                      the child, in a process group of its own
 *	  progress  <-- pipe ------------- 4   (--progress-fd 4)
 *	  complaints <-- pipe ------------ 1, 2
 *	  result    <-- file in memory --- 3   (--result /proc/self/fd/3)
 *
 * No file is left behind, whatever ends first. The child dies with this process: by its own wish
 * (bench_child_follow_parent()), and its group when this process is interrupted.
 */
#ifndef BENCH_COMMAND_CHILD_H
#define BENCH_COMMAND_CHILD_H

#include <stdint.h>
#include <sys/types.h>

#include "bench/model/document.h"

#define BENCH_CHILD_RESULT "/proc/self/fd/3"
#define BENCH_CHILD_PROGRESS "4"

/* Lines that come in pieces. */
struct bench_lines {
	int fd; /* -1: at its end */
	uint32_t length;
	char text[1024];
};

struct bench_child {
	pid_t pid;
	int result;
	struct bench_lines progress;
	struct bench_lines complaints;
};

/* Takes a line of either kind. */
typedef void bench_child_heard(void *context, bool complaint, const char *line);

/* How it ended. */
enum bench_child_end {
	BENCH_CHILD_EXITED,      /* with a status */
	BENCH_CHILD_SIGNALLED,   /* by a signal */
	BENCH_CHILD_LATE,        /* and was killed */
	BENCH_CHILD_INTERRUPTED, /* this process was: the child was killed */
};

/* Starts @program with @argv, whose first is its name. 0 or a negative errno. */
int bench_child_start(const char *program, const char *const *argv, struct bench_child *child);

/* Waits until it has ended, at most until @until_ns, while it hears it. @status: its exit status,
 * or the signal that ended it or interrupted this process. */
enum bench_child_end bench_child_wait(struct bench_child *child, uint64_t until_ns,
				      bench_child_heard *heard, void *context, int *status);

/* Reads its document into the initialized, empty @document; as bench_document_read(), and -ENODATA if
 * it wrote none. */
int bench_child_result(const struct bench_child *child, struct bench_document *document, char *why,
		       size_t why_size);

/* Closes what is left of it. */
void bench_child_close(struct bench_child *child);

/* From here to bench_child_release() SIGINT, SIGTERM and SIGHUP interrupt bench_child_wait(). */
void bench_child_guard(void);
void bench_child_release(void);

/* In the child: die when the parent does. */
void bench_child_follow_parent(void);

#endif
