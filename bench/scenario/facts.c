/* SPDX-License-Identifier: MIT */
/*
 * facts.c - host, build and configuration as the facts of a document; schema.md names them.
 *
 * Nothing that differs from process to process of one run is a fact.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bench/measure/host.h"
#include "bench/scenario/record.h"
#include "bench_build.h"

#define HOST BENCH_ABOUT_HOST
#define BUILD BENCH_ABOUT_BUILD
#define CONFIG BENCH_ABOUT_CONFIG

static const char *yes(bool is)
{
	return is ? "true" : "false";
}

static int host_facts(struct bench_document *document, const struct bench_host *host)
{
	int error = bench_document_set(document, HOST, "cpu", "%s", host->cpu);

	error |= bench_document_set(document, HOST, "cpus", "%u", host->cpu_count);
	error |= bench_document_set(document, HOST, "kernel", "%s", host->kernel);
	error |= bench_document_set(document, HOST, "virtual", "%s", host->virt);
	error |= bench_document_set(document, HOST, "thp", "%s", host->thp);
	error |= bench_document_set(document, HOST, "memory_bytes", "%" PRIu64, host->memory_bytes);
	return error;
}

static int build_facts(struct bench_document *document)
{
	const char *warning = bench_build_warning();
	int error = bench_document_set(document, BUILD, "version", "%s", BENCH_BUILD_VERSION);

	error |= bench_document_set(document, BUILD, "commit", "%s", BENCH_BUILD_COMMIT);
	error |= bench_document_set(document, BUILD, "compiler", "%s", BENCH_BUILD_COMPILER);
	error |= bench_document_set(document, BUILD, "type", "%s", BENCH_BUILD_TYPE);
	error |= bench_document_set(document, BUILD, "flags", "%s", BENCH_BUILD_FLAGS);
	error |= bench_document_set(document, BUILD, "sanitize", "%s", BENCH_BUILD_SANITIZE);
	error |= bench_document_set(document, BUILD, "epoch", "%s", BENCH_BUILD_EPOCH);
	error |= bench_document_set(document, BUILD, "absent", "%s", bench_impls_absent());
	error |= bench_document_set(document, BUILD, "warning", "%s", warning ? warning : "");
	return error;
}

static void join(char *text, size_t size, const uint64_t *numbers, uint32_t count)
{
	size_t length = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < count && length < size; i++)
		length += (size_t)snprintf(text + length, size - length, "%s%" PRIu64, i ? "," : "",
					   numbers[i]);
}

static void name_keys(const struct bench_options *options, char *text, size_t size)
{
	if (!options->keys_given)
		snprintf(text, size, "uniform (lookup/zipf: zipf:0.99)");
	else if (options->hot_percent)
		snprintf(text, size, "hot:%u", options->hot_percent);
	else if (options->zipf > 0)
		snprintf(text, size, "zipf:%g", options->zipf);
	else
		snprintf(text, size, "uniform");
}

static int shape_facts(struct bench_document *document, const struct bench_options *options)
{
	static const char *const pins[] = { "spread", "compact", "none" };
	static const char *const numas[] = { "off", "prefer", "strict" };
	uint64_t percents[BENCH_OCCUPANCIES_MAX];
	char text[160];
	int error = 0;

	for (uint32_t i = 0; i < options->occupancy_count; i++)
		percents[i] = options->occupancies[i];
	error |= bench_document_set(document, CONFIG, "batch", "%u", options->batch_width);
	error |= bench_document_set(document, CONFIG, "key_size", "%u", options->key_size);
	error |= bench_document_set(document, CONFIG, "value_size", "%u", options->value_size);
	error |= bench_document_set(document, CONFIG, "occupancy_percent", "%u",
				    bench_options_filled(options));
	join(text, sizeof(text), percents, options->occupancy_count);
	error |= bench_document_set(document, CONFIG, "occupancies", "%s", text);
	name_keys(options, text, sizeof(text));
	error |= bench_document_set(document, CONFIG, "keys", "%s", text);
	error |= bench_document_set(document, CONFIG, "mix", "%u/%u/%u", options->mix.update,
				    options->mix.hit, options->mix.miss);
	error |= bench_document_set(document, CONFIG, "roles", "pend=%u,lookup=%u,walk=%u",
				    options->roles.pend, options->roles.lookup,
				    options->roles.walk);
	error |= bench_document_set(document, CONFIG, "pin", "%s", pins[options->pin]);
	error |= bench_document_set(document, CONFIG, "numa", "%s", numas[options->numa]);
	error |= bench_document_set(document, CONFIG, "in_order", "%s", yes(options->in_order));
	error |= bench_document_set(document, CONFIG, "caller_clock", "%s",
				    yes(options->caller_clock));
	return error;
}

static int trace_facts(struct bench_document *document, const struct bench_run *run)
{
	const struct bench_trace *trace = &run->trace;
	const double speed = run->options->speed;
	char text[32] = "max";
	int error;

	if (!trace->count)
		return 0;
	if (speed > 0)
		snprintf(text, sizeof(text), "%g", speed);
	error = bench_document_set(document, CONFIG, "trace_file", "%s",
				   run->options->trace ? run->options->trace : "");
	error |= bench_document_set(document, CONFIG, "trace_generated", "%s",
				    yes(trace->generated));
	error |= bench_document_set(document, CONFIG, "trace_events", "%" PRIu64, trace->count);
	error |= bench_document_set(document, CONFIG, "trace_skipped", "%" PRIu64, trace->skipped);
	error |= bench_document_set(document, CONFIG, "trace_speed", "%s", text);
	return error;
}

static int config_facts(struct bench_document *document, const struct bench_options *options)
{
	static const char *const profiles[] = { "quick", "full", "smoke" };
	char rates[160];
	int error =
		bench_document_set(document, CONFIG, "profile", "%s", profiles[options->profile]);

	error |= bench_document_set(document, CONFIG, "seed", "%" PRIu64, options->seed);
	error |= bench_document_set(document, CONFIG, "processes", "%u", options->processes);
	error |= bench_document_set(document, CONFIG, "repeats", "%u", options->repeats);
	error |= bench_document_set(document, CONFIG, "window_ns", "%" PRIu64, options->window_ns);
	error |=
		bench_document_set(document, CONFIG, "warm_up_ns", "%" PRIu64, options->warm_up_ns);
	join(rates, sizeof(rates), options->rates, options->rate_count);
	error |= bench_document_set(document, CONFIG, "rates", "%s", rates);
	error |= bench_document_set(document, CONFIG, "decide_us", "%" PRIu64, options->decide_us);
	error |= bench_document_set(document, CONFIG, "decide_fixed", "%s",
				    yes(options->decide_fixed));
	error |= bench_document_set(document, CONFIG, "pend_percent", "%u", options->pend_percent);
	if (options->planted_percent)
		error |= bench_document_set(document, CONFIG, "planted_percent", "%u",
					    options->planted_percent);
	return error;
}

int bench_record_facts(struct bench_run *run)
{
	struct bench_document *document = run->document;
	int error = host_facts(document, &run->host);

	error |= build_facts(document);
	error |= config_facts(document, run->options);
	error |= shape_facts(document, run->options);
	error |= trace_facts(document, run);
	return error;
}
