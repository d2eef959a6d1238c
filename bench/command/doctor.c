/* SPDX-License-Identifier: MIT */
/*
 * doctor.c - what about this machine and this build disturbs figures.
 */
#include "bench/command/doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void bench_doctor_tell(struct bench_doctor *doctor, enum bench_severity severity, const char *name,
		       const char *advice, const char *format, ...)
{
	struct bench_finding finding = { .severity = severity };
	va_list arguments;

	if (doctor->quick && severity == BENCH_FINE)
		return;
	snprintf(finding.name, sizeof(finding.name), "%s", name);
	snprintf(finding.advice, sizeof(finding.advice), "%s", advice);
	va_start(arguments, format);
	vsnprintf(finding.text, sizeof(finding.text), format, arguments);
	va_end(arguments);
	if (bench_document_find_out(doctor->document, &finding))
		doctor->error = -ENOMEM;
}

bool bench_doctor_line(const struct bench_doctor *doctor, const char *path, char *line, size_t size)
{
	char whole[512];
	FILE *file;
	bool found;

	snprintf(whole, sizeof(whole), "%s%s", doctor->root, path);
	file = fopen(whole, "re");
	if (!file)
		return false;
	found = fgets(line, (int)size, file) != NULL;
	fclose(file);
	if (found)
		line[strcspn(line, "\n")] = 0;
	return found && *line;
}

static uint32_t count_nodes(const struct bench_doctor *doctor)
{
	uint32_t nodes = 0;

	for (uint32_t i = 0; i < 64; i++) {
		char path[96], line[16];

		snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/distance", i);
		nodes += bench_doctor_line(doctor, path, line, sizeof(line));
	}
	return nodes ? nodes : 1;
}

/* FNV-1a. */
static uint32_t hash(uint32_t state, const char *text)
{
	for (; *text; text++)
		state = (state ^ (unsigned char)*text) * 16777619u;
	return (state ^ '|') * 16777619u;
}

void bench_doctor_fingerprint(struct bench_doctor *doctor, char *text, size_t size)
{
	unsigned int major = 0, minor = 0;
	char release[64], numbers[64];
	uint32_t state = hash(2166136261u, doctor->host->cpu);

	if (bench_doctor_line(doctor, "/proc/sys/kernel/osrelease", release, sizeof(release)))
		(void)sscanf(release, "%u.%u", &major, &minor);
	snprintf(numbers, sizeof(numbers), "%u CPUs, %u.%u, %u nodes", doctor->host->cpu_count,
		 major, minor, count_nodes(doctor));
	snprintf(text, size, "%08x", hash(hash(state, numbers), doctor->host->virt));
}

static int examine(struct bench_document *document, bool quick)
{
	struct bench_host host;
	struct bench_doctor doctor = {
		.document = document, .root = "", .host = &host, .quick = quick
	};
	char fingerprint[16];

	bench_host_read(&host);
	bench_doctor_fingerprint(&doctor, fingerprint, sizeof(fingerprint));
	if (bench_document_set(document, BENCH_ABOUT_HOST, "fingerprint", "%s", fingerprint))
		return -ENOMEM;
	bench_doctor_process(&doctor);
	bench_doctor_system(&doctor);
	if (!quick) {
		bench_doctor_busy(&doctor);
		bench_doctor_watch(&doctor);
	}
	return doctor.error;
}

int bench_doctor(struct bench_document *document)
{
	return examine(document, false);
}

int bench_doctor_quick(struct bench_document *document)
{
	return examine(document, true);
}

int bench_doctor_load(struct bench_document *document)
{
	struct bench_host host;
	struct bench_doctor doctor = {
		.document = document, .root = "", .host = &host, .quick = true
	};

	bench_host_read(&host);
	bench_doctor_busy(&doctor);
	return doctor.error;
}
