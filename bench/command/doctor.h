/* SPDX-License-Identifier: MIT */
/*
 * doctor.h - what about this machine and this build disturbs figures, and what to do about it.
 */
#ifndef BENCH_COMMAND_DOCTOR_H
#define BENCH_COMMAND_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/measure/host.h"
#include "bench/model/document.h"

/*
 * Examines all, in about a second, and adds a finding for each thing examined, also the fine ones,
 * and sets the host fact "fingerprint". Nothing is changed. 0 or -ENOMEM.
 */
int bench_doctor(struct bench_document *document);

/*
 * As above without what takes time, without a finding for what is fine, and without the load, which
 * is the measuring's own by then: for each process that measures.
 */
int bench_doctor_quick(struct bench_document *document);

/* Whether the machine is busy: to ask before the first process measures. 0 or -ENOMEM. */
int bench_doctor_load(struct bench_document *document);

/* An examination, for its parts (doctor_*.c) and tests. */
struct bench_doctor {
	struct bench_document *document;
	const char *root; /* stands before /proc and /sys: "" but in tests */
	const struct bench_host *host;
	bool quick; /* nothing that takes time, and only what is not fine */
	int error;
};

/* What can be read from /proc and /sys. */
void bench_doctor_system(struct bench_doctor *doctor);

/* Who else runs. */
void bench_doctor_busy(struct bench_doctor *doctor);

/* What has to be tried: system calls, counters, the build. */
void bench_doctor_process(struct bench_doctor *doctor);

/* What has to be watched: for a second. */
void bench_doctor_watch(struct bench_doctor *doctor);

/* Adds a finding; the text has the number, @advice is what to do about it, or "". */
void bench_doctor_tell(struct bench_doctor *doctor, enum bench_severity severity, const char *name,
		       const char *advice, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* The first line of root + path, without its end. Whether there is one. */
bool bench_doctor_line(const struct bench_doctor *doctor, const char *path, char *line,
		       size_t size);

/*
 * Eight hexadecimal digits that two runs have in common if their figures can be compared: of the
 * CPU's model, the number of CPUs, the kernel's release up to its second number, the hypervisor and
 * the number of memory nodes. Not of memory, load or anything else that varies by itself.
 */
void bench_doctor_fingerprint(struct bench_doctor *doctor, char *text, size_t size);

#endif
