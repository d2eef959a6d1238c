/* SPDX-License-Identifier: MIT */
/*
 * identity.h - whose operation it is: captured in the frame, resolved where it may block.
 *
 * Linux knows a process by number, and numbers are used again. So a backend captures three things
 * when the operation begins: the number, a pidfd, and what the process looked like (start time and
 * credentials). Resolving takes a reference of its own on the pidfd and holds the process up
 * against the picture: if it is gone, is another, or has changed its credentials, there is no
 * identity (-ENOENT), never a wrong one (F51, R1 to R10).
 */
#ifndef PENDMAP_IDENTITY_H
#define PENDMAP_IDENTITY_H

#include <pendmap/registry.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What is captured of a process, by value. */
struct pend_subject {
	int32_t pid;                /**< 0: none was captured */
	int32_t pidfd;              /**< the backend's, open at least until its operation has ended;
			       * -1: none */
	uint64_t start_time;        /**< clock ticks after boot, /proc/PID/stat field 22 */
	uint32_t uid, gid;          /**< effective */
	uint64_t capabilities;      /**< effective */
	uint64_t executable;        /**< inode of /proc/PID/exe, or 0 if it cannot be read */
	uint64_t executable_device; /**< ... on this device, or 0 */
	uint64_t user_namespace;    /**< inode, or 0 */
};

/** What bpf_get_identity() gives, as upstream names it; valid during the invocation. */
struct bpf_identity_info {
	uint64_t access_token;    /**< a pidfd that the runtime holds */
	uint64_t subject_context; /**< points to a const struct pend_subject: the resolved one */
};

/**
 * Capture a process as it is now: its number, a pidfd, and what it looks like. All of it belongs to
 * one process, and its credentials to one moment; a process that has exited is not captured, even
 * if its number is still taken.
 *
 * The pidfd stays open for whoever captured: an operation's subject must be there until the
 * operation has ended. pend_subject_release() closes it.
 *
 * @param[in]  pid      the process, 1 or more; a thread's number is none
 * @param[out] subject  what was captured; untouched when it fails
 *
 * @retval 0        captured
 * @retval -EFAULT  @p subject is NULL
 * @retval -EINVAL  @p pid is below 1
 * @retval -ESRCH   no process has that number, it is a thread's, or the process has exited, perhaps
 *                  while it was looked at
 * @retval -EMFILE  no descriptor is left, to this process or to the system
 * @retval -EACCES  the system does not show it: /proc hides it or is not there, a policy forbids
 *                  pidfds, or the kernel has none
 *
 * @context     any thread, no program's frame: it reads files of /proc, and may sleep
 * @progress    a bounded number of system calls
 * @complexity  O(length of its status file)
 * @since       0.1
 * @see         F51, R4 to R6; engine/identity/identity.c, tests/identity/test_capture.c,
 *              tests/identity/test_window.c
 */
PEND_API int pend_subject_capture(int32_t pid, struct pend_subject *subject) PEND_MUST_CHECK;

/**
 * Close what a capture opened. The subject is nobody's afterwards (pid 0, pidfd -1), so another
 * release does nothing. References that were resolved from it are of their own and stay.
 *
 * @param[in,out] subject  as captured, or all zero
 *
 * @retval 0        closed, or there was nothing to close
 * @retval -EFAULT  @p subject is NULL
 *
 * @context     any thread; not while an operation that was submitted with it is pended
 * @progress    one system call
 * @complexity  O(1)
 * @since       0.1
 * @see         F52; engine/identity/identity.c, tests/identity/test_capture.c
 */
PEND_API int pend_subject_release(struct pend_subject *subject);

#ifdef __cplusplus
}
#endif

#endif
