/* SPDX-License-Identifier: MIT */
/*
 * html.c - escapes, ids and numbers.
 */
#include "bench/report/html.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

/* How many bytes the UTF-8 character at @text has; 0 if it is none. */
static size_t character_size(const unsigned char *text)
{
	static const struct {
		unsigned char mask, lead, least; /* least: of the second byte, against overlong */
		size_t size;
	} forms[] = { { 0x80, 0x00, 0, 1 },
		      { 0xe0, 0xc0, 0, 2 },
		      { 0xf0, 0xe0, 0, 3 },
		      { 0xf8, 0xf0, 0, 4 } };

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if ((text[0] & forms[i].mask) != forms[i].lead)
			continue;
		for (size_t j = 1; j < forms[i].size; j++)
			if ((text[j] & 0xc0) != 0x80)
				return 0;
		if (text[0] == 0xc0 || text[0] == 0xc1 || text[0] > 0xf4)
			return 0;
		if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xf0 && text[1] < 0x90))
			return 0;
		if ((text[0] == 0xed && text[1] > 0x9f) || (text[0] == 0xf4 && text[1] > 0x8f))
			return 0;
		return forms[i].size;
	}
	return 0;
}

void html_text(FILE *out, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at) {
		size_t size = character_size(at);

		if (*at == '&')
			fputs("&amp;", out);
		else if (*at == '<')
			fputs("&lt;", out);
		else if (*at == '>')
			fputs("&gt;", out);
		else if (*at == '"')
			fputs("&quot;", out);
		else if (*at == '\'')
			fputs("&#39;", out);
		else if (size == 0 || (*at < 0x20 && *at != '\n' && *at != '\t') || *at == 0x7f)
			fputs("\xef\xbf\xbd", out);
		else
			fwrite(at, 1, size, out);
		at += size > 0 ? size : 1;
	}
}

void html_printf(FILE *out, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	html_text(out, text);
}

void html_json(FILE *out, const char *json)
{
	for (; *json; json++) {
		if (*json == '<')
			fputs("\\u003c", out);
		else
			fputc(*json, out);
	}
}

const char *html_id(char *id, size_t size, const char *text)
{
	size_t used = 0;

	for (; *text && used + 1 < size; text++) {
		if (isalnum((unsigned char)*text) && (unsigned char)*text < 0x80)
			id[used++] = (char)tolower((unsigned char)*text);
		else if (used > 0 && id[used - 1] != '-')
			id[used++] = '-';
	}
	id[used] = '\0';
	return id;
}

/* Puts commas into the digits before the point, where there are five or more. */
static void group_digits(char *text, size_t size)
{
	size_t first = text[0] == '-' ? 1 : 0;
	size_t digits = strspn(text + first, "0123456789");
	size_t length = strlen(text);

	if (digits < 5)
		return;
	for (size_t at = digits; at > 3 && length + 1 < size; length++) {
		at -= 3;
		memmove(text + first + at + 1, text + first + at, length - first - at + 1);
		text[first + at] = ',';
	}
}

const char *html_number(char *text, size_t size, double value)
{
	double magnitude = fabs(value);
	int decimals = 0;

	if (!isfinite(value)) {
		snprintf(text, size, "\xe2\x80\x93");
		return text;
	}
	if (magnitude > 0 && magnitude < 99.95)
		decimals = 2 - (int)floor(log10(magnitude) + 0.0003);
	if (decimals > 2 && magnitude >= 0.01)
		decimals = 3;
	if (decimals > 9)
		decimals = 9;
	snprintf(text, size, "%.*f", decimals < 0 ? 0 : decimals, value);
	if (strchr(text, '.') && value == floor(value))
		*strchr(text, '.') = '\0';
	group_digits(text, size);
	return text;
}

/* The steps of a unit: from how much on it is written how. */
struct step {
	double from;
	const char *name;
};

static const struct step times[] = {
	{ 1e9, "s" }, { 1e6, "ms" }, { 1e3, "\xc2\xb5s" }, { 1, "ns" }
};
static const struct step rates[] = { { 1e9, "G/s" }, { 1e6, "M/s" }, { 1e3, "k/s" }, { 1, "/s" } };
static const struct step sizes[] = {
	{ 1073741824, "GiB" }, { 1048576, "MiB" }, { 1024, "KiB" }, { 1, "B" }
};
static const struct step millis[] = { { 1e3, "s" }, { 1, "ms" }, { 1e-3, "\xc2\xb5s" } };
static const struct step micros[] = { { 1e6, "s" }, { 1e3, "ms" }, { 1, "\xc2\xb5s" } };

static const struct {
	const char *unit;
	const struct step *steps;
	size_t count;
} ladders[] = {
	{ "ns", times, 4 },  { "1/s", rates, 4 }, { "bytes", sizes, 4 },
	{ "ms", millis, 3 }, { "us", micros, 3 },
};

const char *html_value(char *text, size_t size, double value, const char *unit)
{
	char number[40];

	if (!isfinite(value))
		return html_number(text, size, value);
	for (size_t i = 0; i < sizeof(ladders) / sizeof(ladders[0]); i++) {
		size_t step = 0;

		if (strcmp(unit, ladders[i].unit) != 0)
			continue;
		while (step + 1 < ladders[i].count &&
		       (value != 0 || ladders[i].steps[step].from > 1) &&
		       fabs(value) < ladders[i].steps[step].from * 0.9995)
			step++;
		html_number(number, sizeof(number), value / ladders[i].steps[step].from);
		snprintf(text, size, "%s %s", number, ladders[i].steps[step].name);
		return text;
	}
	html_number(number, sizeof(number), value);
	snprintf(text, size, "%s%s%s", number, unit[0] ? " " : "", unit);
	return text;
}

const char *html_entries(char *text, size_t size, uint64_t entries)
{
	static const struct {
		uint64_t unit;
		const char *name;
	} units[] = { { 1ull << 30, "Gi" }, { 1ull << 20, "Mi" }, { 1ull << 10, "Ki" }, { 1, "" } };

	text[0] = '\0';
	for (size_t i = 0; entries && i < sizeof(units) / sizeof(units[0]); i++) {
		if (entries % units[i].unit)
			continue;
		snprintf(text, size, "%llu%s", (unsigned long long)(entries / units[i].unit),
			 units[i].name);
		break;
	}
	return text;
}
