/* SPDX-License-Identifier: MIT */
/*
 * profile_sidecar.c - command, commit, machine and counts of a flame graph.
 */
#include "bench/command/profile_sidecar.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "bench_build.h"

/* The first line that `perf --version` prints, or "unknown". */
static const char *perf_version(char *text, int size)
{
	FILE *in = popen("perf --version 2>/dev/null", "r");

	if (!in || !fgets(text, size, in))
		snprintf(text, (size_t)size, "unknown");
	if (in)
		pclose(in);
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* The name of a file, for what has no other meaning outside of this machine. */
static const char *base_name(const char *word)
{
	const char *slash = word[0] == '/' ? strrchr(word, '/') : NULL;

	return slash && slash[1] ? slash + 1 : word;
}

/* A command line that grows; what does not fit is cut. */
struct line {
	char text[2048];
	size_t length;
};

static void add_word(struct line *line, const char *word)
{
	const size_t left = sizeof(line->text) - line->length;
	const int length = snprintf(line->text + line->length, left, "%s%s",
				    line->length ? " " : "", base_name(word));

	line->length += length > 0 && (size_t)length < left ? (size_t)length : left - 1;
}

static json_t *command_of(const struct bench_options *options)
{
	struct line line = { 0 };

	add_word(&line, "pendbench");
	add_word(&line, "profile");
	for (uint32_t i = 0; i < options->argument_count; i++)
		add_word(&line, options->arguments[i]);
	for (uint32_t i = 0; i < options->filter_count; i++)
		add_word(&line, options->filters[i]);
	return json_string(line.text);
}

static json_t *record_of(const char *const *words)
{
	struct line line = { 0 };

	for (; *words; words++)
		add_word(&line, *words);
	return json_string(line.text);
}

static json_t *facts_of(const struct bench_document *document, enum bench_about about)
{
	json_t *object = json_object();

	for (uint32_t i = 0; object && i < document->fact_count[about]; i++)
		json_object_set_new(object, document->facts[about][i].name,
				    json_string(document->facts[about][i].value));
	return object;
}

int bench_sidecar_write(const struct bench_sidecar *sidecar, const struct bench_document *document,
			const struct bench_options *options, const char *name)
{
	char path[4224], version[128];
	json_t *object = json_object();
	int failed = !object;

	snprintf(path, sizeof(path), "%s.json", name);
	failed |= json_object_set_new(object, "schema", json_string("pendflame/1"));
	failed |= json_object_set_new(object, "command", command_of(options));
	failed |= json_object_set_new(object, "record", record_of(sidecar->record));
	failed |= json_object_set_new(object, "commit", json_string(BENCH_BUILD_COMMIT));
	failed |= json_object_set_new(object, "perf",
				      json_string(perf_version(version, sizeof(version))));
	failed |= json_object_set_new(object, "kind",
				      json_string(options->profile_off_cpu ? "off-cpu" : "cpu"));
	failed |= json_object_set_new(object, "unit", json_string(sidecar->unit));
	failed |= json_object_set_new(object, "within",
				      sidecar->within ? json_string(sidecar->within) : json_null());
	failed |= json_object_set_new(object, "inlined", json_boolean(sidecar->inlined));
	failed |=
		json_object_set_new(object, "samples", json_integer((json_int_t)sidecar->samples));
	failed |= json_object_set_new(object, "left_out",
				      json_integer((json_int_t)sidecar->left_out));
	failed |= json_object_set_new(
		object, "operations",
		sidecar->operations ? json_integer((json_int_t)sidecar->operations) : json_null());
	failed |= json_object_set_new(object, "operation_ns",
				      sidecar->operations ? json_real(sidecar->operation_ns)
							  : json_null());
	failed |= json_object_set_new(object, "host", facts_of(document, BENCH_ABOUT_HOST));
	failed |= json_object_set_new(object, "build", facts_of(document, BENCH_ABOUT_BUILD));
	failed = failed || json_dump_file(object, path, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	json_decref(object);
	if (failed)
		bench_complain("%s: cannot be written", path);
	return failed ? BENCH_EXIT_ENVIRONMENT : 0;
}

int bench_sidecar_check_base(const struct bench_sidecar *sidecar, const char *base)
{
	const size_t length = strlen(base), end = strlen(".folded");
	char path[4224];
	json_t *object;
	const char *unit;
	int status = 0;

	if (length <= end || length >= sizeof(path) || strcmp(base + length - end, ".folded") != 0)
		return 0;
	memcpy(path, base, length - end);
	memcpy(path + length - end, ".json", sizeof(".json"));
	object = json_load_file(path, 0, NULL);
	unit = json_string_value(json_object_get(object, "unit"));
	if (unit && strcmp(unit, sidecar->unit) != 0) {
		bench_complain("--diff %s: it counts %s, this recording %s", base, unit,
			       sidecar->unit);
		status = BENCH_EXIT_USAGE;
	}
	json_decref(object);
	return status;
}
