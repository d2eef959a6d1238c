/* SPDX-License-Identifier: MIT */
/*
 * document_json_read.c - documents read from JSON, `pendbench/2`.
 *
 * Nothing of a file is believed: whatever has another type than it should, or numbers that do not
 * fit, ends the reading, with the element and the member named. Members that are not known are
 * skipped; known ones may be absent unless nothing makes sense without them.
 */
#include "bench/model/document_json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bench/model/document_fields.h"

struct reader {
	struct bench_document *document;
	const char *what; /* the array, for messages */
	size_t index;     /* the element */
	char *why;
	size_t why_size;
};

static int fail(struct reader *reader, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct reader *reader, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (reader->why_size)
		vsnprintf(reader->why, reader->why_size, format, arguments);
	va_end(arguments);
	return error;
}

static int no_memory(struct reader *reader)
{
	return fail(reader, -ENOMEM, "out of memory");
}

/* The element's member @name is bad. */
static int bad(struct reader *reader, const char *name)
{
	return fail(reader, -EBADMSG, "%s[%zu]: bad or missing \"%s\"", reader->what, reader->index,
		    name);
}

static int take(struct reader *reader, const struct bench_field *fields, const json_t *object,
		void *to)
{
	const char *name = bench_fields_take(fields, object, to);

	return name ? bad(reader, name) : 0;
}

/* An array of the object, or NULL with *@error set; an absent one is empty. */
static const json_t *array_of(struct reader *reader, const json_t *object, const char *name,
			      size_t *count, int *error)
{
	const json_t *array = json_object_get(object, name);

	*count = json_array_size(array);
	if (array && !json_is_array(array))
		*error = bad(reader, name);
	return *error ? NULL : array;
}

static int read_values(struct reader *reader, const json_t *object, struct bench_series *series)
{
	const json_t *columns = json_object_get(object, "values");
	const size_t count = json_array_size(json_object_get(columns, "value"));

	for (const struct bench_field *field = bench_value_fields; field->name; field++) {
		const json_t *column = json_object_get(columns, field->name);

		if (column ? json_array_size(column) != count : columns && field->needed)
			return bad(reader, field->name);
	}
	for (size_t i = 0; i < count; i++) {
		struct bench_value value = { 0 };

		for (const struct bench_field *field = bench_value_fields; field->name; field++) {
			const json_t *column = json_object_get(columns, field->name);

			if (column && !bench_field_take(field, json_array_get(column, i), &value))
				return bad(reader, field->name);
		}
		if (bench_series_add(series, &value))
			return no_memory(reader);
	}
	return 0;
}

static int read_series(struct reader *reader, const json_t *object)
{
	struct bench_series like = { 0 }, *series;
	const uint32_t before = reader->document->series_count;
	const int error = take(reader, bench_series_fields, object, &like);

	if (error)
		return error;
	series = bench_document_series(reader->document, &like);
	if (!series)
		return no_memory(reader);
	if (reader->document->series_count == before)
		return fail(reader, -EBADMSG, "series[%zu]: is there twice", reader->index);
	return read_values(reader, object, series);
}

static int read_columns(struct reader *reader, const json_t *object, struct bench_timeline *like)
{
	size_t columns, events;
	int error = 0;
	const json_t *array = array_of(reader, object, "columns", &columns, &error);

	if (!error && columns > BENCH_TIMELINE_COLUMNS)
		error = bad(reader, "columns");
	for (size_t i = 0; !error && i < columns; i++)
		error = take(reader, bench_column_fields, json_array_get(array, i),
			     &like->columns[i]);
	if (error)
		return error;
	like->column_count = (uint32_t)columns;
	array = array_of(reader, object, "events", &events, &error);
	if (!error && events > BENCH_TIMELINE_EVENTS)
		error = bad(reader, "events");
	for (size_t i = 0; !error && i < events; i++)
		error = take(reader, bench_event_fields, json_array_get(array, i),
			     &like->events[i]);
	like->event_count = (uint32_t)events;
	return error;
}

static int read_timeline(struct reader *reader, const json_t *object)
{
	static const struct bench_field cell = { "rows", BENCH_FIELD_REAL, true, 0,
						 sizeof(double) };
	struct bench_timeline like = { 0 }, *timeline;
	double cells[BENCH_TIMELINE_COLUMNS] = { 0 };
	size_t count;
	int error = take(reader, bench_timeline_fields, object, &like);
	const json_t *rows;

	if (!error)
		error = read_columns(reader, object, &like);
	if (error)
		return error;
	timeline = bench_document_timeline(reader->document, &like);
	if (!timeline)
		return no_memory(reader);
	if (timeline->row_count || timeline->column_count != like.column_count)
		return fail(reader, -EBADMSG, "timelines[%zu]: is there twice", reader->index);
	rows = array_of(reader, object, "rows", &count, &error);
	for (size_t i = 0; !error && i < count; i++) {
		const json_t *row = json_array_get(rows, i);

		if (json_array_size(row) != like.column_count)
			return bad(reader, "rows");
		for (uint32_t k = 0; k < like.column_count; k++)
			if (!bench_field_take(&cell, json_array_get(row, k), &cells[k]))
				return bad(reader, "rows");
		if (bench_timeline_add(timeline, cells))
			return no_memory(reader);
	}
	return error;
}

/* Bars ascend and are not empty. */
static bool take_bar(const json_t *pair, uint64_t above, bool first, struct bench_bar *bar)
{
	static const struct bench_field half = { "bars", BENCH_FIELD_U64, true, 0,
						 sizeof(uint64_t) };

	return json_array_size(pair) == 2 &&
	       bench_field_take(&half, json_array_get(pair, 0), &bar->bound) &&
	       bench_field_take(&half, json_array_get(pair, 1), &bar->count) && bar->count > 0 &&
	       (first || bar->bound > above);
}

static int read_spectrum(struct reader *reader, const json_t *object)
{
	struct bench_spectrum like = { 0 };
	struct bench_bar *bars;
	size_t count;
	int error = take(reader, bench_spectrum_fields, object, &like);
	const json_t *array = error ? NULL : array_of(reader, object, "bars", &count, &error);

	if (error)
		return error;
	bars = calloc(count + 1, sizeof(*bars));
	if (!bars)
		return no_memory(reader);
	for (size_t i = 0; !error && i < count; i++)
		if (!take_bar(json_array_get(array, i), i ? bars[i - 1].bound : 0, !i, &bars[i]))
			error = bad(reader, "bars");
	if (!error && bench_document_spectrum(reader->document, &like, bars, (uint32_t)count) != 0)
		error = no_memory(reader);
	free(bars);
	return error;
}

static int read_ledger(struct reader *reader, const json_t *object)
{
	struct bench_ledger ledger = { 0 };
	const int error = take(reader, bench_ledger_fields, object, &ledger);
	json_t *numbers = json_object_get(object, "numbers"), *number;
	const char *name;

	if (error)
		return error;
	json_object_foreach(numbers, name, number)
	{
		const uint32_t n = ledger.number_count++;

		if (n == BENCH_ACCOUNT_NUMBERS || strlen(name) >= sizeof(ledger.numbers[n].name) ||
		    !json_is_integer(number))
			return bad(reader, "numbers");
		memcpy(ledger.numbers[n].name, name, strlen(name) + 1);
		ledger.numbers[n].number = (uint64_t)json_integer_value(number);
	}
	return bench_document_ledger(reader->document, &ledger) ? no_memory(reader) : 0;
}

static int read_finding(struct reader *reader, const json_t *object)
{
	struct bench_finding finding = { 0 };
	const int error = take(reader, bench_finding_fields, object, &finding);

	if (error)
		return error;
	return bench_document_find_out(reader->document, &finding) ? no_memory(reader) : 0;
}

static int read_note(struct reader *reader, const json_t *note)
{
	if (!json_is_string(note))
		return bad(reader, "text");
	return bench_document_note(reader->document, "%s", json_string_value(note))
		       ? no_memory(reader)
		       : 0;
}

static int read_facts(struct reader *reader, const json_t *root, enum bench_about about)
{
	const char *name;
	json_t *value, *facts = json_object_get(root, bench_about_names[about]);

	reader->what = bench_about_names[about];
	reader->index = 0;
	if (facts && !json_is_object(facts))
		return bad(reader, "facts");
	json_object_foreach(facts, name, value)
	{
		if (!json_is_string(value))
			return bad(reader, name);
		if (bench_document_set(reader->document, about, name, "%s",
				       json_string_value(value)))
			return no_memory(reader);
	}
	return 0;
}

static int read_head(struct reader *reader, const json_t *root)
{
	static const struct bench_field fields[] = {
		{ "processes", BENCH_FIELD_U32, true,
		  offsetof(struct bench_document, process_count), sizeof(uint32_t) },
		{ "took_s", BENCH_FIELD_REAL, false, offsetof(struct bench_document, took_s),
		  sizeof(double) },
		{ NULL, BENCH_FIELD_TEXT, false, 0, 0 },
	};
	const json_t *schema = json_object_get(root, "schema");
	const json_t *status = json_object_get(root, "exit_status");
	const char *name;

	if (!json_is_string(schema) || strncmp(json_string_value(schema), "pendbench/", 10) != 0)
		return fail(reader, -EBADMSG, "it is not a document of pendbench");
	if (strcmp(json_string_value(schema), BENCH_SCHEMA) != 0)
		return fail(reader, -EPROTO, "its version is %.40s, not " BENCH_SCHEMA,
			    json_string_value(schema));
	name = bench_fields_take(fields, root, reader->document);
	if (name || !json_is_integer(status))
		return fail(reader, -EBADMSG, "bad or missing \"%s\"", name ? name : "exit_status");
	reader->document->exit_status = (int)json_integer_value(status);
	return 0;
}

static int read_root(struct reader *reader, const json_t *root)
{
	static const struct {
		const char *name;
		int (*read)(struct reader *reader, const json_t *element);
	} arrays[] = {
		{ "series", read_series },    { "timelines", read_timeline },
		{ "spectra", read_spectrum }, { "ledgers", read_ledger },
		{ "findings", read_finding }, { "notes", read_note },
	};
	int error = read_head(reader, root);

	for (uint32_t about = 0; !error && about < BENCH_ABOUTS; about++)
		error = read_facts(reader, root, about);
	for (size_t k = 0; !error && k < sizeof(arrays) / sizeof(arrays[0]); k++) {
		size_t count;
		const json_t *array;

		reader->what = arrays[k].name;
		reader->index = 0;
		array = array_of(reader, root, arrays[k].name, &count, &error);
		for (; !error && reader->index < count; reader->index++)
			error = arrays[k].read(reader, json_array_get(array, reader->index));
	}
	return error;
}

int bench_document_read(const char *path, struct bench_document *document, char *why,
			size_t why_size)
{
	struct reader reader = { .document = document, .why = why, .why_size = why_size };
	FILE *file = fopen(path, "re");
	json_error_t problem;
	json_t *root;
	int error;

	if (!file) {
		error = -errno;
		return fail(&reader, error, "%s", strerror(-error));
	}
	root = json_loadf(file, 0, &problem);
	fclose(file);
	if (!root)
		return json_error_code(&problem) == json_error_out_of_memory
			       ? no_memory(&reader)
			       : fail(&reader, -EBADMSG, "line %d: %s", problem.line, problem.text);
	error = read_root(&reader, root);
	json_decref(root);
	if (error)
		bench_document_free(document);
	return error;
}
