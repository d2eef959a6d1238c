/* SPDX-License-Identifier: MIT */
/*
 * markup.c - reads a page as strictly as XML, but for the elements that HTML leaves open.
 */
#include "tests/bench/markup.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* A reader of markup that forgives nothing: every element is closed, in order. */
struct reader {
	const char *at;
	char open[64][16];
	uint32_t depth;
};

static bool is_void(const char *name)
{
	static const char *const names[] = { "meta", "link", "input" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static void read_name(struct reader *reader, char name[16])
{
	size_t length = 0;

	while (isalnum((unsigned char)*reader->at) && length < 15)
		name[length++] = *reader->at++;
	name[length] = '\0';
	cr_assert_gt(length, 0, "no name: %.40s", reader->at);
}

/* '&' begins an entity; '<' has no place in a text. */
static void check_text(const char *from, const char *to)
{
	for (; from < to; from++) {
		cr_assert(*from != '<', "markup in a text: %.60s", from);
		if (*from != '&')
			continue;
		from++;
		while (from < to && (isalnum((unsigned char)*from) || *from == '#'))
			from++;
		cr_assert(from < to && *from == ';', "a bare &: %.40s", from - 10);
	}
}

/* The attributes up to '>': quoted. True: closed by itself. */
static bool read_attributes(struct reader *reader)
{
	bool closed = false;

	while (*reader->at != '>') {
		cr_assert(*reader->at, "the page ends in a tag");
		closed = *reader->at == '/';
		if (*reader->at == '=') {
			const char *end;

			cr_assert_eq(reader->at[1], '"', "not quoted: %.40s", reader->at);
			end = strchr(reader->at + 2, '"');
			cr_assert_not_null(end);
			check_text(reader->at + 2, end);
			reader->at = end;
		}
		reader->at++;
	}
	reader->at++;
	return closed;
}

static void read_tag(struct reader *reader)
{
	char name[16], end[24];

	if (*++reader->at == '/') {
		reader->at++;
		read_name(reader, name);
		cr_assert_gt(reader->depth, 0);
		reader->depth--;
		cr_assert_str_eq(reader->open[reader->depth], name, "</%s> closes <%s>", name,
				 reader->open[reader->depth]);
		cr_assert_eq(*reader->at++, '>');
		return;
	}
	read_name(reader, name);
	if (read_attributes(reader) || is_void(name))
		return;
	if (strcmp(name, "script") == 0 || strcmp(name, "style") == 0) {
		snprintf(end, sizeof(end), "</%s>", name);
		reader->at = strstr(reader->at, end);
		cr_assert_not_null(reader->at);
		reader->at += strlen(end);
		return;
	}
	cr_assert_lt(reader->depth, 64);
	strcpy(reader->open[reader->depth++], name);
}

void markup_check(const char *text)
{
	struct reader reader = { .at = text };

	cr_assert_eq(strncmp(text, "<!doctype html>\n", 16), 0);
	reader.at += 16;
	while (*reader.at) {
		const char *tag = strchr(reader.at, '<');

		if (!tag)
			tag = reader.at + strlen(reader.at);
		check_text(reader.at, tag);
		reader.at = tag;
		if (*tag)
			read_tag(&reader);
	}
	cr_assert_eq(reader.depth, 0);
}
