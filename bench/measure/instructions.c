/* SPDX-License-Identifier: MIT */
/*
 * instructions.c - how many instructions an operation takes, counted by callgrind.
 *
 * A run of 2 N operations minus one of N leaves N operations and nothing of what is done once a
 * run. Callgrind collects only in the thread that asked for it, so whatever else runs in the
 * process is not counted, and only begins to instrument when asked, so filling a table is fast.
 */
#include "bench/measure/instructions.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/measure/measure.h"

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#define HAVE_CALLGRIND 1
#else
#define HAVE_CALLGRIND 0
#endif

#define FOLDER "PENDBENCH_COUNTS" /* the environment variable */
#define WARM_CHUNKS 8u
#define COUNTED_CHUNKS 16u

static const char *const programs[] = { "/usr/bin/valgrind", "/usr/local/bin/valgrind" };

static const char *const words_before[] = {
	"valgrind",
	"--quiet",
	"--tool=callgrind",
	"--instr-atstart=no",
	"--collect-atstart=no",
	"--callgrind-out-file=%q{PENDBENCH_COUNTS}/callgrind.%p",
};

static char folder[256]; /* the parent's; main thread only */
static uint32_t dumps;   /* the child's; main thread only */

const char *bench_instructions_program(void)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (!access(programs[i], X_OK))
			return programs[i];
	return NULL;
}

static void remove_folder(void)
{
	DIR *stream = opendir(folder);
	const struct dirent *entry;

	while (stream && (entry = readdir(stream)) != NULL)
		if (!strncmp(entry->d_name, "callgrind.", strlen("callgrind.")))
			(void)unlinkat(dirfd(stream), entry->d_name, 0);
	if (stream)
		closedir(stream);
	(void)rmdir(folder);
}

static bool make_folder(void)
{
	const char *above = getenv("TMPDIR");

	if (*folder)
		return true;
	snprintf(folder, sizeof(folder), "%.200s/pendbench-XXXXXX", above ? above : P_tmpdir);
	if (!mkdtemp(folder)) {
		*folder = 0;
		return false;
	}
	if (setenv(FOLDER, folder, 1) || atexit(remove_folder)) {
		(void)rmdir(folder);
		*folder = 0;
	}
	return *folder;
}

uint32_t bench_instructions_words(const char **words, uint32_t room)
{
	const uint32_t count = sizeof(words_before) / sizeof(words_before[0]);

	if (room < count || !make_folder())
		return 0;
	memcpy(words, words_before, sizeof(words_before));
	return count;
}

#if HAVE_CALLGRIND

bool bench_instructions_counting(void)
{
	return RUNNING_ON_VALGRIND && getenv(FOLDER);
}

void bench_instructions_begin(void)
{
	CALLGRIND_START_INSTRUMENTATION;
	CALLGRIND_TOGGLE_COLLECT;
}

void bench_instructions_end(void)
{
	CALLGRIND_TOGGLE_COLLECT;
	CALLGRIND_STOP_INSTRUMENTATION;
}

static void dump(void)
{
	CALLGRIND_DUMP_STATS;
}

#else

bool bench_instructions_counting(void)
{
	return false;
}

void bench_instructions_begin(void)
{
}

void bench_instructions_end(void)
{
}

static void dump(void)
{
}

#endif

int bench_instructions_parse(FILE *file, uint64_t *instructions)
{
	char line[512];
	int error = -EBADMSG;

	while (fgets(line, sizeof(line), file)) {
		char *end;

		if (strncmp(line, "totals: ", 8) != 0)
			continue;
		*instructions = strtoull(line + 8, &end, 10);
		error = end == line + 8 ? -EBADMSG : 0;
	}
	return error;
}

int bench_instructions_read(uint64_t *instructions)
{
	const char *where = getenv(FOLDER);
	char path[512];
	FILE *file;
	int error;

	if (!bench_instructions_counting())
		return -ENOTSUP;
	dump(); /* the file is whole when this returns */
	snprintf(path, sizeof(path), "%s/callgrind.%d.%u", where, (int)getpid(), ++dumps);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	error = bench_instructions_parse(file, instructions);
	fclose(file);
	(void)unlink(path);
	return error;
}

/* Counts @chunks of the window's loop. */
static int count_chunks(struct bench_subject *subject, struct bench_team *team,
			const struct bench_window *window, uint64_t chunks, uint64_t *instructions,
			uint64_t *operations)
{
	struct bench_window counted = *window;
	struct bench_repeat repeat;

	counted.threads = 1;
	counted.warm_up_ns = counted.window_ns = counted.pingpong_ns = 0;
	counted.warm_up_chunks = WARM_CHUNKS;
	counted.chunks = chunks;
	counted.counted = false;
	counted.instructions = true;
	bench_measure(subject, team, &counted, &repeat);
	if (!repeat.operations)
		return -EIO;
	*operations = repeat.operations;
	return bench_instructions_read(instructions);
}

int bench_instructions_measure(struct bench_subject *subject, struct bench_team *team,
			       const struct bench_window *window, double *instructions,
			       uint64_t *operations)
{
	uint64_t once = 0, twice = 0, once_operations = 0, twice_operations = 0;
	int error = count_chunks(subject, team, window, COUNTED_CHUNKS, &once, &once_operations);

	if (!error)
		error = count_chunks(subject, team, window, 2 * COUNTED_CHUNKS, &twice,
				     &twice_operations);
	if (error)
		return error;
	if (twice <= once || twice_operations <= once_operations)
		return -EIO;
	*operations = twice_operations - once_operations;
	*instructions = (double)(twice - once) / (double)*operations;
	return 0;
}
