/* SPDX-License-Identifier: MIT */
/*
 * list_command.c - what can be measured, and what about the machine disturbs it.
 */
#include <jansson.h>
#include <string.h>

#include "bench/command/commands.h"
#include "bench/command/doctor.h"
#include "bench/command/outputs.h"
#include "bench/peers/packages.h"

static const char *const modes[] = { "throughput", "micro", "latency" };
#define MODES (sizeof(modes) / sizeof(modes[0]))

static void print_list(const struct bench_options *options)
{
	const struct bench_scenario *scenario;
	const struct bench_impl *impl;

	puts("scenarios");
	for (uint32_t n = 0; (scenario = bench_scenario_at(n)) != NULL; n++)
		if (bench_options_pick(options, scenario))
			printf("  %-20s %s\n", scenario->name, scenario->summary);
	if (options->filter_count)
		return;
	puts("\nimplementations");
	for (uint32_t n = 0; (impl = bench_impl_at(n)) != NULL; n++)
		printf("  %-20s %s\n", impl->name, impl->summary);
	if (*bench_impls_absent())
		printf("\nabsent: %s\n", bench_impls_absent_say());
}

/* Prints @root and frees it. */
static int print_json(json_t *root)
{
	const int error = root ? json_dumpf(root, stdout, JSON_INDENT(2)) : -1;

	json_decref(root);
	putchar('\n');
	if (!error)
		return 0;
	bench_complain("no memory");
	return BENCH_EXIT_ENVIRONMENT;
}

static json_t *modes_of(const struct bench_scenario *scenario)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < MODES; i++)
		if (scenario->modes & 1u << i)
			json_array_append_new(list, json_string(modes[i]));
	return list;
}

static int list_json(const struct bench_options *options)
{
	json_t *scenarios = json_array(), *impls = json_array();
	const struct bench_scenario *scenario;
	const struct bench_impl *impl;

	for (uint32_t n = 0; (scenario = bench_scenario_at(n)) != NULL; n++)
		if (bench_options_pick(options, scenario))
			json_array_append_new(
				scenarios, json_pack("{s:s, s:s, s:s, s:o}", "name", scenario->name,
						     "summary", scenario->summary, "operation",
						     scenario->unit, "modes", modes_of(scenario)));
	for (uint32_t n = 0; (impl = bench_impl_at(n)) != NULL; n++)
		json_array_append_new(impls, json_pack("{s:s, s:s, s:b}", "name", impl->name,
						       "summary", impl->summary, "peer",
						       (impl->abilities & BENCH_PEER) != 0));
	return print_json(json_pack("{s:o, s:o, s:s}", "scenarios", scenarios, "implementations",
				    impls, "absent", bench_impls_absent()));
}

int bench_list_command(const struct bench_options *options)
{
	if (options->as_json)
		return list_json(options);
	print_list(options);
	return 0;
}

static int doctor_json(const struct bench_document *document)
{
	static const char *const severities[] = { "fine", "note", "warning" };
	json_t *findings = json_array();

	for (uint32_t i = 0; i < document->finding_count; i++) {
		const struct bench_finding *finding = &document->findings[i];

		json_array_append_new(findings, json_pack("{s:s, s:s, s:s, s:s}", "severity",
							  severities[finding->severity], "name",
							  finding->name, "text", finding->text,
							  "advice", finding->advice));
	}
	return print_json(json_pack("{s:s, s:o}", "fingerprint",
				    bench_document_get(document, BENCH_ABOUT_HOST, "fingerprint"),
				    "findings", findings));
}

int bench_doctor_command(const struct bench_options *options)
{
	const struct bench_style style = bench_outputs_style(options);
	struct bench_document document;
	int status = 0;

	bench_document_init(&document);
	if (bench_doctor(&document)) {
		bench_complain("no memory");
		status = BENCH_EXIT_ENVIRONMENT;
	} else if (options->as_json) {
		status = doctor_json(&document);
	} else {
		bench_findings_print(&style, &document);
	}
	bench_document_free(&document);
	return status;
}
