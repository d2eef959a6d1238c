/* SPDX-License-Identifier: MIT */
/*
 * perf_text.c - header lines and stack lines of `perf script`.
 *
 * The name of a thread may hold anything, spaces and digits too, so a header is found by what
 * follows it: "PID/TID [CPU] SECONDS:". A frame gets its name as it will be drawn: a kernel
 * symbol ends in _[k], an inlined one in _[i], one without a symbol is its file in brackets.
 */
#include "flamegraphs/perf_text.h"

#include <ctype.h>
#include <string.h>

#define ROOT_CUT "[deeper]"

/* Reads a line without its end into reader->line; drops what does not fit. */
static bool next_line(struct perf_reader *reader)
{
	char *line = reader->line;
	size_t length = 0;
	int c;

	if (reader->held) {
		reader->held = false;
		return true;
	}
	while ((c = getc_unlocked(reader->in)) != EOF && c != '\n')
		if (length < PERF_LINE_MAX - 1)
			line[length++] = (char)(c ? c : '?');
	if (length && line[length - 1] == '\r')
		length--;
	line[length] = '\0';
	return c != EOF || length;
}

static bool is_blank(const char *line)
{
	return line[strspn(line, " \t")] == '\0';
}

/* Copies @length bytes as the name of a frame: no separator, nothing that cannot be seen. */
static void copy_name(char *to, const char *from, size_t length)
{
	bool cut = length > PERF_NAME_MAX - 1;

	if (cut) {
		length = PERF_NAME_MAX - 4;
		while (length && ((unsigned char)from[length] & 0xc0) == 0x80)
			length--; /* no half character */
	}
	for (size_t i = 0; i < length; i++) {
		const unsigned char c = (unsigned char)from[i];

		to[i] = c == ';' ? ':' : c < ' ' || c == 0x7f ? '?' : (char)c;
	}
	memcpy(to + length, cut ? "..." : "", cut ? 4 : 1);
}

static void append(char *name, const char *mark)
{
	const size_t length = strlen(name), size = strlen(mark);
	const size_t at = length + size < PERF_NAME_MAX ? length : PERF_NAME_MAX - 1 - size;

	memcpy(name + at, mark, size + 1);
}

/* ---- numbers ---- */

/* Skips digits, at least one. Returns what follows, or NULL. */
static const char *number(const char *text, uint64_t *value)
{
	if (!isdigit((unsigned char)*text))
		return NULL;
	for (*value = 0; isdigit((unsigned char)*text); text++)
		*value = *value * 10 + (uint64_t)(*text - '0');
	return text;
}

/* "36129.460937:" as ns. Returns what follows, or NULL. */
static const char *read_time(const char *text, uint64_t *ns)
{
	uint64_t seconds, fraction = 0;
	uint32_t digits = 0;

	text = number(text, &seconds);
	if (!text || *text != '.')
		return NULL;
	for (text++; isdigit((unsigned char)*text); text++) {
		if (digits < 9) {
			fraction = fraction * 10 + (uint64_t)(*text - '0');
			digits++;
		}
	}
	if (*text != ':' || !digits)
		return NULL;
	for (; digits < 9; digits++)
		fraction *= 10;
	*ns = seconds * 1000000000u + fraction;
	return text + 1;
}

static const char *skip(const char *text)
{
	return text + strspn(text, " \t");
}

/* "PID/TID [CPU] SECONDS:" or "TID ...". Returns what follows, or NULL. */
static const char *read_thread(const char *text, struct perf_sample *sample)
{
	uint64_t cpu;

	text = number(text, &sample->tid);
	if (text && *text == '/')
		text = number(text + 1, &sample->tid);
	if (!text || (*text != ' ' && *text != '\t'))
		return NULL;
	text = skip(text);
	if (*text == '[') {
		text = number(text + 1, &cpu);
		if (!text || *text != ']')
			return NULL;
		text = skip(text + 1);
	}
	return read_time(text, &sample->time_ns);
}

/* ---- a frame ---- */

/* The file at the end of the line, "(/a/b)": where its parenthesis opens, or NULL. */
static const char *file_of(const char *text)
{
	const size_t length = strlen(text);
	int open = 0;

	if (!length || text[length - 1] != ')')
		return NULL;
	for (const char *at = text + length - 1; at > text; at--) {
		open += *at == ')' ? 1 : *at == '(' ? -1 : 0;
		if (!open)
			return at[-1] == ' ' ? at : NULL;
	}
	return *text == '(' && open == 1 ? text : NULL;
}

/* The length without "+0x1f" at its end. */
static size_t without_offset(const char *symbol, size_t length)
{
	size_t at = length;

	while (at && isxdigit((unsigned char)symbol[at - 1]))
		at--;
	return at >= 3 && at < length && memcmp(symbol + at - 3, "+0x", 3) == 0 ? at - 3 : length;
}

/* ... and without "@@GLIBC_2.17". */
static size_t without_version(const char *symbol, size_t length)
{
	const char *version = memmem(symbol, length, "@@", 2);

	return version && version > symbol ? (size_t)(version - symbol) : length;
}

static void name_of_file(char *name, const char *file, size_t length)
{
	size_t begin = length;

	while (begin && file[begin - 1] != '/')
		begin--;
	name[0] = '[';
	length -= begin;
	if (length > PERF_NAME_MAX - 3)
		length = PERF_NAME_MAX - 3;
	copy_name(name + 1, file + begin, length);
	append(name, "]");
}

/* "IP symbol+0x1 (file)", after its spaces. Returns whether it is one. */
static bool read_frame(const char *text, char *name)
{
	uint64_t ip = 0;
	const char *symbol = text, *file;
	size_t length;

	for (; isxdigit((unsigned char)*symbol); symbol++)
		ip = ip << 4 | (uint64_t)(isdigit((unsigned char)*symbol)
						  ? *symbol - '0'
						  : tolower((unsigned char)*symbol) - 'a' + 10);
	if (symbol == text || (*symbol && *symbol != ' '))
		return false;
	symbol = skip(symbol);
	file = file_of(symbol);
	length = file ? (size_t)(file - symbol) : strlen(symbol);
	while (length && symbol[length - 1] == ' ')
		length--;

	const bool inlined = file && strcmp(file, "(inlined)") == 0;
	const bool kernel = (ip >> 48 == 0xffff && ip != UINT64_MAX) ||
			    (file && strncmp(file, "([kernel", 8) == 0);

	length = without_version(symbol, without_offset(symbol, length));
	if (length && strncmp(symbol, "[unknown]", 9) != 0)
		copy_name(name, symbol, length);
	else if (file && !inlined && file[1] != '[')
		name_of_file(name, file + 1, strlen(file) - 2);
	else
		copy_name(name, "[unknown]", 9);
	if (inlined || kernel)
		append(name, inlined ? "_[i]" : "_[k]");
	return true;
}

/* ---- a sample ---- */

static void add_frame(struct perf_sample *sample, const char *text)
{
	if (sample->depth == PERF_DEPTH_MAX) {
		sample->cut = true;
		memcpy(sample->frames[PERF_DEPTH_MAX - 1], ROOT_CUT, sizeof(ROOT_CUT));
	} else if (read_frame(text, sample->frames[sample->depth])) {
		sample->depth++;
	}
}

/* What follows the time: "PERIOD event: details", or a switch. */
static void read_event(const char *text, struct perf_sample *sample)
{
	const char *state, *after = number(text, &sample->period);

	if (after && *after == ' ')
		text = skip(after);
	if (!sample->period || !after)
		sample->period = 1;
	if (strncmp(text, "PERF_RECORD_SWITCH", 18) == 0) {
		const bool out = strstr(text, " OUT") != NULL;

		sample->kind = out ? PERF_SWITCH_OUT : PERF_SWITCH_IN;
		sample->preempted = out && strstr(text, "preempt") != NULL;
		return;
	}
	state = strstr(text, " prev_state=");
	sample->preempted = state && state[12] == 'R';
	text = strstr(text, ": ");
	if (text && !state)
		add_frame(sample, skip(text + 1)); /* the stack is the sample's own line */
}

/* Returns whether reader->line is a header. */
static bool read_header(const char *line, struct perf_sample *sample)
{
	for (const char *at = line; *at; at++) {
		const char *rest;

		if (at == line || at[-1] != ' ' || !isdigit((unsigned char)*at))
			continue;
		rest = read_thread(at, sample);
		if (!rest)
			continue;
		while (*line == ' ')
			line++;
		while (at > line && at[-1] == ' ')
			at--;
		copy_name(sample->comm, line, (size_t)(at - line));
		read_event(skip(rest), sample);
		return true;
	}
	return false;
}

bool perf_read(struct perf_reader *reader, struct perf_sample *sample)
{
	sample->kind = PERF_SAMPLE;
	sample->preempted = sample->cut = false;
	sample->depth = 0;
	do {
		if (!next_line(reader))
			return false;
		if (is_blank(reader->line) || reader->line[0] == '#')
			continue;
		if (read_header(reader->line, sample))
			break;
		reader->unreadable++;
	} while (true);
	if (sample->kind != PERF_SAMPLE)
		return true;
	while (next_line(reader) && !is_blank(reader->line)) {
		const char *text = skip(reader->line);

		if (text == reader->line) { /* the next header: the empty line is missing */
			reader->held = true;
			break;
		}
		const uint32_t before = sample->depth;

		add_frame(sample, text);
		reader->unreadable += sample->depth == before && !sample->cut;
	}
	return true;
}
