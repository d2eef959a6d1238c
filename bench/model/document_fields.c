/* SPDX-License-Identifier: MIT */
/*
 * document_fields.c - which member of a structure is which member of a JSON object.
 */
#include "bench/model/document_fields.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(type, member, kind, needed)                                    \
	{                                                                    \
#member, BENCH_FIELD_##kind, needed, offsetof(type, member), \
			sizeof(((type *)NULL)->member)                       \
	}
#define END                                         \
	{                                           \
		NULL, BENCH_FIELD_TEXT, false, 0, 0 \
	}

/* The columns and events of timelines have no names as types. */
struct column {
	char name[24];
	char unit[16];
	enum bench_better better;
};

struct event {
	double at_ms;
	char text[48];
};

_Static_assert(sizeof(struct column) == sizeof(((struct bench_timeline *)NULL)->columns[0]), "");
_Static_assert(sizeof(struct event) == sizeof(((struct bench_timeline *)NULL)->events[0]), "");

const char *const bench_about_names[BENCH_ABOUTS] = { "host", "build", "config" };

static const char *const better_names[] = { "less", "more", "neither" };
static const char *const severity_names[] = { "fine", "note", "warning" };

const struct bench_field bench_point_fields[] = {
	FIELD(struct bench_point, size, U64, false),
	FIELD(struct bench_point, threads, U32, false),
	FIELD(struct bench_point, occupancy, REAL, false),
	FIELD(struct bench_point, rate, REAL, false),
	FIELD(struct bench_point, keys, TEXT, false),
	END,
};

const struct bench_field bench_series_fields[] = {
	FIELD(struct bench_series, scenario, TEXT, true),
	FIELD(struct bench_series, subject, TEXT, true),
	FIELD(struct bench_series, calls, TEXT, false),
	FIELD(struct bench_series, metric, TEXT, true),
	FIELD(struct bench_series, point, POINT, false),
	FIELD(struct bench_series, unit, TEXT, false),
	FIELD(struct bench_series, operation, TEXT, false),
	FIELD(struct bench_series, summary, TEXT, false),
	FIELD(struct bench_series, skipped, TEXT, false),
	FIELD(struct bench_series, better, BETTER, false),
	FIELD(struct bench_series, primary, BOOL, false),
	FIELD(struct bench_series, peer, BOOL, false),
	FIELD(struct bench_series, oversubscribed, BOOL, false),
	END,
};

const struct bench_field bench_value_fields[] = {
	FIELD(struct bench_value, value, REAL, true),
	FIELD(struct bench_value, operations, U64, false),
	FIELD(struct bench_value, preempted, U64, false),
	FIELD(struct bench_value, pingpong_ns, REAL, false),
	FIELD(struct bench_value, process, U32, false),
	FIELD(struct bench_value, repeat, U32, false),
	END,
};

const struct bench_field bench_timeline_fields[] = {
	FIELD(struct bench_timeline, scenario, TEXT, true),
	FIELD(struct bench_timeline, subject, TEXT, true),
	FIELD(struct bench_timeline, point, POINT, false),
	FIELD(struct bench_timeline, process, U32, false),
	FIELD(struct bench_timeline, step_ms, REAL, false),
	END,
};

const struct bench_field bench_column_fields[] = {
	FIELD(struct column, name, TEXT, true),
	FIELD(struct column, unit, TEXT, false),
	FIELD(struct column, better, BETTER, false),
	END,
};

const struct bench_field bench_event_fields[] = {
	FIELD(struct event, at_ms, REAL, true),
	FIELD(struct event, text, TEXT, false),
	END,
};

const struct bench_field bench_spectrum_fields[] = {
	FIELD(struct bench_spectrum, scenario, TEXT, true),
	FIELD(struct bench_spectrum, subject, TEXT, true),
	FIELD(struct bench_spectrum, kind, TEXT, true),
	FIELD(struct bench_spectrum, point, POINT, false),
	FIELD(struct bench_spectrum, peer, BOOL, false),
	FIELD(struct bench_spectrum, most, U64, false),
	END,
};

const struct bench_field bench_ledger_fields[] = {
	FIELD(struct bench_ledger, scenario, TEXT, true),
	FIELD(struct bench_ledger, subject, TEXT, true),
	FIELD(struct bench_ledger, point, POINT, false),
	FIELD(struct bench_ledger, process, U32, false),
	END,
};

const struct bench_field bench_finding_fields[] = {
	FIELD(struct bench_finding, severity, SEVERITY, true),
	FIELD(struct bench_finding, name, TEXT, true),
	FIELD(struct bench_finding, text, TEXT, false),
	FIELD(struct bench_finding, advice, TEXT, false),
	END,
};

json_t *bench_text_json(const char *text)
{
	json_t *json = json_string(text);
	char *plain;

	if (json)
		return json;
	plain = strdup(text); /* no UTF-8: a character that was cut */
	if (!plain)
		return NULL;
	for (char *letter = plain; *letter; letter++)
		if ((unsigned char)*letter > 0x7e)
			*letter = '?';
	json = json_string(plain);
	free(plain);
	return json;
}

json_t *bench_field_json(const struct bench_field *field, const void *from)
{
	const void *at = (const char *)from + field->offset;
	double real;
	uint64_t number;

	switch (field->kind) {
	case BENCH_FIELD_TEXT:
		return bench_text_json(at);
	case BENCH_FIELD_U32:
		return json_integer(*(const uint32_t *)at);
	case BENCH_FIELD_U64:
		number = *(const uint64_t *)at;
		return json_integer(number > INT64_MAX ? INT64_MAX : (json_int_t)number);
	case BENCH_FIELD_REAL:
		real = *(const double *)at;
		return isfinite(real) ? json_real(real) : json_null();
	case BENCH_FIELD_BOOL:
		return json_boolean(*(const bool *)at);
	case BENCH_FIELD_BETTER:
		return json_string(better_names[*(const enum bench_better *)at]);
	case BENCH_FIELD_SEVERITY:
		return json_string(severity_names[*(const enum bench_severity *)at]);
	case BENCH_FIELD_POINT:
		return bench_fields_json(bench_point_fields, at);
	}
	return NULL;
}

json_t *bench_fields_json(const struct bench_field *fields, const void *from)
{
	json_t *object = json_object();

	for (; object && fields->name; fields++) {
		if (json_object_set_new(object, fields->name, bench_field_json(fields, from))) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static bool take_text(const struct bench_field *field, const json_t *value, char *to)
{
	if (!json_is_string(value) || json_string_length(value) >= field->size)
		return false;
	memcpy(to, json_string_value(value), json_string_length(value) + 1);
	return true;
}

static bool take_number(const struct bench_field *field, const json_t *value, void *to)
{
	const json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < 0)
		return false;
	if (field->kind == BENCH_FIELD_U64)
		*(uint64_t *)to = (uint64_t)number;
	else if (number <= UINT32_MAX)
		*(uint32_t *)to = (uint32_t)number;
	else
		return false;
	return true;
}

static bool take_real(const json_t *value, double *to)
{
	if (!json_is_number(value) && !json_is_null(value))
		return false;
	*to = json_is_null(value) ? (double)NAN : json_number_value(value);
	return true;
}

/* The index of @value in @names, or -1. */
static int take_name(const json_t *value, const char *const *names, int count)
{
	for (int i = 0; json_is_string(value) && i < count; i++)
		if (!strcmp(json_string_value(value), names[i]))
			return i;
	return -1;
}

bool bench_field_take(const struct bench_field *field, const json_t *value, void *to)
{
	void *at = (char *)to + field->offset;
	int index;

	switch (field->kind) {
	case BENCH_FIELD_TEXT:
		return take_text(field, value, at);
	case BENCH_FIELD_U32:
	case BENCH_FIELD_U64:
		return take_number(field, value, at);
	case BENCH_FIELD_REAL:
		return take_real(value, at);
	case BENCH_FIELD_BOOL:
		*(bool *)at = json_is_true(value);
		return json_is_boolean(value);
	case BENCH_FIELD_BETTER:
		index = take_name(value, better_names, 3);
		*(enum bench_better *)at = index < 0 ? 0 : (enum bench_better)index;
		return index >= 0;
	case BENCH_FIELD_SEVERITY:
		index = take_name(value, severity_names, 3);
		*(enum bench_severity *)at = index < 0 ? 0 : (enum bench_severity)index;
		return index >= 0;
	case BENCH_FIELD_POINT:
		return json_is_object(value) && !bench_fields_take(bench_point_fields, value, at);
	}
	return false;
}

const char *bench_fields_take(const struct bench_field *fields, const json_t *object, void *to)
{
	for (; fields->name; fields++) {
		const json_t *value = json_object_get(object, fields->name);

		if (value ? !bench_field_take(fields, value, to) : fields->needed)
			return fields->name;
	}
	return NULL;
}
