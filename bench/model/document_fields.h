/* SPDX-License-Identifier: MIT */
/*
 * document_fields.h - which member of a structure is which member of a JSON object. Private to
 * the JSON of documents.
 *
 * Writing and reading go by the same tables, so that what is written is what is read.
 */
#ifndef BENCH_MODEL_DOCUMENT_FIELDS_H
#define BENCH_MODEL_DOCUMENT_FIELDS_H

#include <jansson.h>
#include <stddef.h>

#include "bench/model/document.h"

#define BENCH_SCHEMA "pendbench/2"

enum bench_field_kind {
	BENCH_FIELD_TEXT,
	BENCH_FIELD_U32,
	BENCH_FIELD_U64,
	BENCH_FIELD_REAL, /* null is NAN */
	BENCH_FIELD_BOOL,
	BENCH_FIELD_BETTER,
	BENCH_FIELD_SEVERITY,
	BENCH_FIELD_POINT, /* an object by bench_point_fields */
};

struct bench_field {
	const char *name; /* NULL: the end */
	enum bench_field_kind kind;
	bool needed; /* an object without it is no such thing */
	size_t offset;
	size_t size;
};

extern const char *const bench_about_names[BENCH_ABOUTS];

extern const struct bench_field bench_point_fields[];
extern const struct bench_field bench_series_fields[];
extern const struct bench_field bench_value_fields[];
extern const struct bench_field bench_timeline_fields[];
extern const struct bench_field bench_column_fields[];
extern const struct bench_field bench_event_fields[];
extern const struct bench_field bench_spectrum_fields[];
extern const struct bench_field bench_ledger_fields[];
extern const struct bench_field bench_finding_fields[];

/* The field of the structure at @from as JSON. NULL: no memory. */
json_t *bench_field_json(const struct bench_field *field, const void *from);

/* An object with all of @fields. NULL: no memory. */
json_t *bench_fields_json(const struct bench_field *fields, const void *from);

/* Text as JSON, whatever its bytes are. NULL: no memory. */
json_t *bench_text_json(const char *text);

/* Writes the field of the structure at @to from @value. Whether it is of that kind and fits. */
bool bench_field_take(const struct bench_field *field, const json_t *value, void *to);

/* As above for all members of @object that there are; NULL or the name of the one that is bad. */
const char *bench_fields_take(const struct bench_field *fields, const json_t *object, void *to);

#endif
