/* SPDX-License-Identifier: MIT */
/*
 * output_sample.c - documents made by hand, and what is written of them as text.
 */
#include "output_sample.h"

#include <stdlib.h>
#include <string.h>

static void put(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", text);
}

struct bench_series *sample_add(struct bench_document *document, const struct sample *sample)
{
	struct bench_series like = { .point = { .size = sample->size, .threads = sample->threads },
				     .primary = strcmp(sample->metric, "ns") == 0 };
	struct bench_series *series;

	put(like.scenario, sizeof(like.scenario), sample->scenario);
	put(like.subject, sizeof(like.subject), sample->subject);
	put(like.calls, sizeof(like.calls), sample->calls);
	put(like.metric, sizeof(like.metric), sample->metric);
	put(like.unit, sizeof(like.unit), sample->unit);
	put(like.operation, sizeof(like.operation), "pend+complete pair");
	like.peer = strncmp(sample->subject, "pendmap", 7) && strcmp(sample->subject, "engine");
	series = bench_document_series(document, &like);
	for (uint32_t i = 0; series && i < SAMPLE_PROCESSES; i++) {
		const struct bench_value value = {
			.value = sample->middle * (0.98 + 0.02 * i),
			.operations = 1000,
			.preempted = i < sample->preempted,
			.pingpong_ns = sample->pingpong_ns,
			.process = i,
		};

		if (bench_series_add(series, &value))
			return NULL;
	}
	return series;
}

void sample_fill(struct bench_document *document)
{
	static const struct {
		const char *subject;
		const char *calls;
		double factor;
	} subjects[] = { { "pendmap", "scalar", 1 },
			 { "pendmap", "batch", 0.5 },
			 { "mutex", "scalar", 2.5 },
			 { "urcu-memb", "scalar", 4 } };

	bench_document_init(document);
	(void)bench_document_set(document, BENCH_ABOUT_HOST, "cpu", "Abacus 7");
	(void)bench_document_set(document, BENCH_ABOUT_HOST, "cpus", "2");
	(void)bench_document_set(document, BENCH_ABOUT_HOST, "memory_bytes", "24696061952");
	(void)bench_document_set(document, BENCH_ABOUT_BUILD, "version", "1.2.3");
	(void)bench_document_set(document, BENCH_ABOUT_BUILD, "flags", "-O3 \"-DX=\\1\"");
	document->process_count = SAMPLE_PROCESSES;
	for (uint32_t threads = 1; threads <= 2; threads++)
		for (uint64_t size = 1048576; size <= 8388608; size *= 8)
			for (uint32_t i = 0; i < 4; i++)
				(void)sample_add(
					document,
					&(struct sample){
						"steady/key", subjects[i].subject,
						subjects[i].calls, "ns", "ns", size, threads,
						subjects[i].factor * (size > 1048576 ? 200 : 100),
						i == 3 && threads == 2 ? 2 : 0,
						threads == 2 ? 34 : 0 });
	(void)bench_document_note(document, "%s", "threads 4 left out: there are 2 CPUs");
}

static void open_text(char **text, size_t *size, FILE **out)
{
	*out = open_memstream(text, size);
	if (!*out)
		abort();
}

char *sample_text(int (*write)(const struct bench_document *document, FILE *out),
		  const struct bench_document *document)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	open_text(&text, &size, &out);
	if (write(document, out))
		abort();
	fclose(out);
	return text;
}

char *sample_tables(const struct bench_document *document, uint32_t columns, bool colour)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	open_text(&text, &size, &out);
	bench_tables_print(
		&(struct bench_style){ .out = out, .columns = columns, .colour = colour },
		document);
	fclose(out);
	return text;
}

const char *sample_line(const char *text, uint32_t line)
{
	for (; text && line; line--) {
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return text && *text ? text : NULL;
}

uint32_t sample_widest(const char *text)
{
	uint32_t width = 0, widest = 0;

	for (; *text; text++) {
		if (*text == '\n')
			width = 0;
		else
			width += ((unsigned char)*text & 0xc0) != 0x80;
		if (width > widest)
			widest = width;
	}
	return widest;
}
