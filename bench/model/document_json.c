/* SPDX-License-Identifier: MIT */
/*
 * document_json.c - documents written as JSON, `pendbench/2`.
 *
 * The outermost object is written by hand, one element of its arrays in a line, so that two files
 * can be compared line by line and no document is in memory twice. A failed allocation surfaces as
 * a NULL element.
 */
#include "bench/model/document_json.h"

#include <errno.h>
#include <stdlib.h>

#include "bench/model/document_fields.h"

struct writer {
	FILE *out;
	int error;
	bool first; /* of an array */
};

static void write_element(struct writer *writer, json_t *element)
{
	if (!element)
		writer->error = -ENOMEM;
	if (!writer->error) {
		fputs(writer->first ? "\n" : ",\n", writer->out);
		if (json_dumpf(element, writer->out, JSON_COMPACT | JSON_ENCODE_ANY))
			writer->error = ferror(writer->out) ? -EIO : -ENOMEM;
	}
	writer->first = false;
	json_decref(element);
}

static void begin_array(struct writer *writer, const char *name)
{
	fprintf(writer->out, ",\n\"%s\": [", name);
	writer->first = true;
}

static void end_array(struct writer *writer)
{
	fputs(writer->first ? "]" : "\n]", writer->out);
}

/* Adds a member, which may be NULL; drops the object then. Returns what is left of it. */
static json_t *with(json_t *object, const char *name, json_t *member)
{
	if (object && !json_object_set_new(object, name, member))
		return object;
	if (!object)
		json_decref(member);
	json_decref(object);
	return NULL;
}

static json_t *with_item(json_t *array, json_t *item)
{
	if (array && !json_array_append_new(array, item))
		return array;
	if (!array)
		json_decref(item);
	json_decref(array);
	return NULL;
}

static json_t *facts_json(const struct bench_document *document, enum bench_about about)
{
	json_t *object = json_object();

	for (uint32_t i = 0; i < document->fact_count[about]; i++)
		object = with(object, document->facts[about][i].name,
			      bench_text_json(document->facts[about][i].value));
	return object;
}

/* An array for each member of a value, all of the same length. */
static json_t *values_json(const struct bench_series *series)
{
	json_t *object = json_object();

	for (const struct bench_field *field = bench_value_fields; field->name; field++) {
		json_t *column = json_array();

		for (uint32_t i = 0; i < series->count; i++)
			column = with_item(column, bench_field_json(field, &series->values[i]));
		object = with(object, field->name, column);
	}
	return object;
}

static json_t *timeline_json(const struct bench_timeline *timeline)
{
	static const struct bench_field cell = { "cell", BENCH_FIELD_REAL, true, 0,
						 sizeof(double) };
	json_t *columns = json_array(), *events = json_array(), *rows = json_array();
	json_t *object = bench_fields_json(bench_timeline_fields, timeline);

	for (uint32_t i = 0; i < timeline->column_count; i++)
		columns = with_item(columns,
				    bench_fields_json(bench_column_fields, &timeline->columns[i]));
	for (uint32_t i = 0; i < timeline->event_count; i++)
		events = with_item(events,
				   bench_fields_json(bench_event_fields, &timeline->events[i]));
	for (uint32_t i = 0; i < timeline->row_count; i++) {
		const double *cells = timeline->cells + (size_t)i * timeline->column_count;
		json_t *row = json_array();

		for (uint32_t k = 0; k < timeline->column_count; k++)
			row = with_item(row, bench_field_json(&cell, &cells[k]));
		rows = with_item(rows, row);
	}
	object = with(object, "columns", columns);
	object = with(object, "events", events);
	return with(object, "rows", rows);
}

static json_t *spectrum_json(const struct bench_spectrum *spectrum)
{
	json_t *bars = json_array();

	for (uint32_t i = 0; i < spectrum->bar_count; i++)
		bars = with_item(bars, json_pack("[I,I]", (json_int_t)spectrum->bars[i].bound,
						 (json_int_t)spectrum->bars[i].count));
	return with(bench_fields_json(bench_spectrum_fields, spectrum), "bars", bars);
}

static json_t *ledger_json(const struct bench_ledger *ledger)
{
	json_t *numbers = json_object();

	for (uint32_t i = 0; i < ledger->number_count; i++)
		numbers = with(numbers, ledger->numbers[i].name,
			       json_integer((json_int_t)ledger->numbers[i].number));
	return with(bench_fields_json(bench_ledger_fields, ledger), "numbers", numbers);
}

static void write_arrays(struct writer *writer, const struct bench_document *document)
{
	begin_array(writer, "series");
	for (uint32_t i = 0; !writer->error && i < document->series_count; i++) {
		json_t *series = bench_fields_json(bench_series_fields, &document->series[i]);

		write_element(writer, with(series, "values", values_json(&document->series[i])));
	}
	end_array(writer);
	begin_array(writer, "timelines");
	for (uint32_t i = 0; !writer->error && i < document->timeline_count; i++)
		write_element(writer, timeline_json(&document->timelines[i]));
	end_array(writer);
	begin_array(writer, "spectra");
	for (uint32_t i = 0; !writer->error && i < document->spectrum_count; i++)
		write_element(writer, spectrum_json(&document->spectra[i]));
	end_array(writer);
	begin_array(writer, "ledgers");
	for (uint32_t i = 0; !writer->error && i < document->ledger_count; i++)
		write_element(writer, ledger_json(&document->ledgers[i]));
	end_array(writer);
	begin_array(writer, "findings");
	for (uint32_t i = 0; !writer->error && i < document->finding_count; i++)
		write_element(writer,
			      bench_fields_json(bench_finding_fields, &document->findings[i]));
	end_array(writer);
	begin_array(writer, "notes");
	for (uint32_t i = 0; !writer->error && i < document->note_count; i++)
		write_element(writer, bench_text_json(document->notes[i]));
	end_array(writer);
}

int bench_document_write(const struct bench_document *document, FILE *out)
{
	struct writer writer = { .out = out };

	fprintf(out, "{\"schema\": \"" BENCH_SCHEMA "\"");
	fprintf(out, ",\n\"exit_status\": %d", document->exit_status);
	fprintf(out, ",\n\"processes\": %u", document->process_count);
	fprintf(out, ",\n\"took_s\": %.9g", document->took_s);
	for (uint32_t about = 0; !writer.error && about < BENCH_ABOUTS; about++) {
		json_t *facts = facts_json(document, about);

		fprintf(out, ",\n\"%s\": ", bench_about_names[about]);
		if (!facts || json_dumpf(facts, out, JSON_INDENT(1)))
			writer.error = ferror(out) ? -EIO : -ENOMEM;
		json_decref(facts);
	}
	write_arrays(&writer, document);
	fputs("}\n", out);
	if (!writer.error && (fflush(out) || ferror(out)))
		writer.error = -EIO;
	return writer.error;
}

char *bench_document_text(const struct bench_document *document)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int error;

	if (!out)
		return NULL;
	error = bench_document_write(document, out);
	if (fclose(out) || error) {
		free(text);
		return NULL;
	}
	return text;
}
