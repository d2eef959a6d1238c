/* SPDX-License-Identifier: MIT */
/*
 * counters.c - what the processor counts while a thread measures.
 *
 * Each event is opened by itself, first with the kernel's share and without it where that is
 * forbidden. The processor may have fewer counters than events; the kernel then lets them take
 * turns and says for how long each ran, and the number is scaled up.
 */
#include "bench/measure/counters.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

const struct bench_counter_event bench_counter_events[BENCH_COUNTERS] = {
	[BENCH_COUNTER_CYCLES] = { "cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES },
	[BENCH_COUNTER_INSTRUCTIONS] = { "retired", PERF_TYPE_HARDWARE,
					 PERF_COUNT_HW_INSTRUCTIONS },
	[BENCH_COUNTER_BRANCH_MISSES] = { "branch-misses", PERF_TYPE_HARDWARE,
					  PERF_COUNT_HW_BRANCH_MISSES },
	[BENCH_COUNTER_CACHE_MISSES] = { "cache-misses", PERF_TYPE_HARDWARE,
					 PERF_COUNT_HW_CACHE_MISSES },
};

/* A file that counts @event for the calling thread, or a negative errno. */
static int open_event(const struct bench_counter_event *event, bool user_only)
{
	struct perf_event_attr attributes = {
		.type = event->type,
		.size = sizeof(attributes),
		.config = event->config,
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
		.disabled = 1,
		.exclude_kernel = user_only,
		.exclude_hv = user_only,
	};
	const long file =
		syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	return file < 0 ? -errno : (int)file;
}

/* As above, with the kernel's share if that is allowed; *@user_only says. */
static int open_best(const struct bench_counter_event *event, bool *user_only)
{
	int file = open_event(event, *user_only);

	if (!*user_only && (file == -EACCES || file == -EPERM)) {
		file = open_event(event, true);
		*user_only = file >= 0;
	}
	return file;
}

void bench_counters_open(struct bench_counters *counters, const struct bench_counter_event *events)
{
	counters->user_only = false;
	for (uint32_t i = 0; i < BENCH_COUNTERS; i++) {
		const int file = open_best(&events[i], &counters->user_only);

		counters->files[i] = file < 0 ? -1 : file;
	}
}

static void control(const struct bench_counters *counters, unsigned long request)
{
	for (uint32_t i = 0; i < BENCH_COUNTERS; i++)
		if (counters->files[i] >= 0)
			(void)ioctl(counters->files[i], request, 0);
}

void bench_counters_begin(const struct bench_counters *counters)
{
	control(counters, PERF_EVENT_IOC_RESET);
	control(counters, PERF_EVENT_IOC_ENABLE);
}

void bench_counters_end(const struct bench_counters *counters, struct bench_counted *counted)
{
	struct bench_counted mine = { .threads = 1 };

	control(counters, PERF_EVENT_IOC_DISABLE);
	for (uint32_t i = 0; i < BENCH_COUNTERS; i++) {
		struct {
			uint64_t number, enabled_ns, running_ns;
		} got;

		if (counters->files[i] < 0 ||
		    read(counters->files[i], &got, sizeof(got)) != (ssize_t)sizeof(got) ||
		    !got.running_ns)
			continue;
		mine.which |= 1u << i;
		mine.numbers[i] =
			(double)got.number * ((double)got.enabled_ns / (double)got.running_ns);
	}
	bench_counted_add(counted, &mine);
}

void bench_counters_close(struct bench_counters *counters)
{
	for (uint32_t i = 0; i < BENCH_COUNTERS; i++) {
		if (counters->files[i] >= 0)
			close(counters->files[i]);
		counters->files[i] = -1;
	}
}

void bench_counted_add(struct bench_counted *counted, const struct bench_counted *more)
{
	if (!more->threads)
		return;
	counted->which = counted->threads ? counted->which & more->which : more->which;
	counted->threads += more->threads;
	for (uint32_t i = 0; i < BENCH_COUNTERS; i++)
		counted->numbers[i] += more->numbers[i];
}

static const char *reason(int error)
{
	static const struct {
		int error;
		const char *text;
	} reasons[] = {
		{ ENOENT, "this machine has no such counter (ENOENT)" },
		{ EOPNOTSUPP, "this machine has no such counter (EOPNOTSUPP)" },
		{ ENODEV, "this machine has no such counter (ENODEV)" },
		{ EACCES, "forbidden, see /proc/sys/kernel/perf_event_paranoid (EACCES)" },
		{ EPERM, "forbidden, by a sandbox or perf_event_paranoid (EPERM)" },
		{ ENOSYS, "this kernel or sandbox has no perf_event_open (ENOSYS)" },
		{ EBUSY, "somebody else uses the counters (EBUSY)" },
		{ EMFILE, "too many open files (EMFILE)" },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].error == error)
			return reasons[i].text;
	return strerror(error);
}

/* Appends, cut where there is no more room. */
static void append(char *text, size_t size, const char *between, const char *more)
{
	const size_t length = strlen(text);

	snprintf(text + length, size - length, "%s%s", length ? between : "", more);
}

const char *bench_counters_missing(const struct bench_counter_event *events, char *text,
				   size_t size)
{
	int error = 0;
	bool user_only = false;

	if (!size)
		return text;
	*text = 0;
	for (uint32_t i = 0; i < BENCH_COUNTERS; i++) {
		const int file = open_best(&events[i], &user_only);

		if (file >= 0) {
			close(file);
			continue;
		}
		append(text, size, ", ", events[i].metric);
		error = -file;
	}
	if (error)
		append(text, size, ": ", reason(error));
	if (user_only)
		append(text, size, "; ", "counters count user mode only");
	return text;
}
