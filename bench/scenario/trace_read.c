/* SPDX-License-Identifier: MIT */
/*
 * trace_read.c - reads a trace from a CSV file, plain or gzip.
 *
 * A line is offset_us,proto,src,src_port,dst,dst_port: a whole number of microseconds that never
 * decreases; tcp, udp, icmp or a number to 255; IPv4 or IPv6 addresses, both of one family; ports
 * to 65535. Empty lines and lines that begin with # are skipped. A line is judged whole: it
 * yields an event, or one complaint that names the line and the first thing wrong with it.
 *
 * A file that is damaged as a file (truncated gzip, bad checksum, read error) is refused whatever
 * the options say: what came before may be anything.
 */
#include "bench/scenario/trace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "bench/command/parse.h"

#define LINE_BYTES 256u /* a valid line has less than 140 */
#define FIELDS 6u
#define COMPLAINTS_MAX 10u

struct reader {
	gzFile file;
	const char *path;
	FILE *messages;
	uint64_t line;
	uint64_t bad;
	bool any; /* an event was read */
	uint64_t last_offset_us;
};

enum line_kind { LINE_END, LINE_WHOLE, LINE_TOO_LONG, LINE_NUL };

/* Reads a line without its end into @line. A line that does not fit is read to its end. */
static enum line_kind read_line(struct reader *reader, char *line)
{
	enum line_kind kind = LINE_END;
	uint32_t length = 0;
	int byte;

	while ((byte = gzgetc(reader->file)) != -1) {
		if (kind == LINE_END)
			kind = LINE_WHOLE;
		if (byte == '\n')
			break;
		if (byte == '\0')
			kind = LINE_NUL;
		if (length < LINE_BYTES - 1)
			line[length++] = (char)byte;
		else if (kind == LINE_WHOLE)
			kind = LINE_TOO_LONG;
	}
	if (length && line[length - 1] == '\r')
		length--;
	line[length] = '\0';
	return kind;
}

static void complain(struct reader *reader, const char *what, const char *text)
{
	if (reader->bad++ < COMPLAINTS_MAX)
		fprintf(reader->messages, "pendbench: %s:%llu: %s%s%.60s%s\n", reader->path,
			(unsigned long long)reader->line, what, *text ? ": \"" : "", text,
			*text ? "\"" : "");
}

/* Cuts @line at its commas. Returns how many fields there are, FIELDS + 1 for more. */
static uint32_t split(char *line, char *fields[FIELDS])
{
	uint32_t count = 0;

	for (char *next = line; next; count++) {
		char *field = next;

		next = strchr(field, ',');
		if (count == FIELDS)
			return FIELDS + 1;
		if (next)
			*next++ = '\0';
		fields[count] = field;
	}
	return count;
}

static bool read_proto(const char *text, uint8_t *proto)
{
	static const struct {
		const char *name;
		uint8_t number;
	} known[] = { { "tcp", 6 }, { "udp", 17 }, { "icmp", 1 } };
	uint64_t number;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(text, known[i].name) == 0) {
			*proto = known[i].number;
			return true;
		}
	}
	if (bench_parse_number(text, 0, 255, &number))
		return false;
	*proto = (uint8_t)number;
	return true;
}

/* IPv4 becomes an IPv6 address that maps it. Returns the family, or 0. */
static int read_address(const char *text, unsigned char address[16])
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (inet_pton(AF_INET6, text, address) == 1)
		return AF_INET6;
	if (inet_pton(AF_INET, text, address + 12) != 1)
		return 0;
	memcpy(address, mapped, sizeof(mapped));
	return AF_INET;
}

/*
 * Reads the fields of a line into @offset_us and @key. Returns NULL, or what is wrong, with the
 * offending text in @where.
 */
static const char *parse(char *fields[FIELDS], uint64_t *offset_us, unsigned char *key,
			 const char **where)
{
	unsigned char source[16], target[16];
	uint64_t source_port, target_port;
	uint8_t proto;
	int family;

	*where = fields[0];
	switch (bench_parse_number(fields[0], 0, UINT64_MAX / 1000, offset_us)) {
	case 0:
		break;
	case -ERANGE:
		return fields[0][0] == '-' ? "negative offset" : "offset out of range";
	default:
		return "offset is not a number of microseconds";
	}
	*where = fields[1];
	if (!read_proto(fields[1], &proto))
		return "unknown protocol (tcp, udp, icmp or 0-255)";
	*where = fields[2];
	family = read_address(fields[2], source);
	if (!family)
		return "bad source address";
	*where = fields[4];
	if (!read_address(fields[4], target))
		return "bad destination address";
	if (read_address(fields[4], target) != family)
		return "source and destination of different families";
	*where = fields[3];
	if (bench_parse_number(fields[3], 0, 65535, &source_port))
		return "bad source port (0-65535)";
	*where = fields[5];
	if (bench_parse_number(fields[5], 0, 65535, &target_port))
		return "bad destination port (0-65535)";
	bench_trace_key(key, proto, source, (uint16_t)source_port, target, (uint16_t)target_port);
	return NULL;
}

/* Takes one whole line. 0, or -ENOMEM. */
static int take_line(struct reader *reader, char *line, struct bench_trace *trace)
{
	unsigned char key[BENCH_TRACE_KEY_SIZE];
	char *fields[FIELDS];
	const char *where = "", *wrong;
	uint64_t offset_us;
	const uint32_t count = split(line, fields);

	if (count != FIELDS) {
		complain(reader, count < FIELDS ? "fewer than 6 fields" : "more than 6 fields",
			 fields[0]);
		return 0;
	}
	wrong = parse(fields, &offset_us, key, &where);
	if (!wrong && reader->any && offset_us < reader->last_offset_us) {
		wrong = "offset is lower than that of the event before";
		where = fields[0];
	}
	if (wrong) {
		complain(reader, wrong, where);
		return 0;
	}
	reader->any = true;
	reader->last_offset_us = offset_us;
	return bench_trace_append(trace, offset_us, key);
}

static int read_lines(struct reader *reader, struct bench_trace *trace)
{
	char line[LINE_BYTES];
	enum line_kind kind;

	while ((kind = read_line(reader, line)) != LINE_END) {
		reader->line++;
		if (kind == LINE_TOO_LONG)
			complain(reader, "line of more than 255 bytes", "");
		else if (kind == LINE_NUL)
			complain(reader, "line with a NUL byte", "");
		else if (*line && *line != '#' && take_line(reader, line, trace))
			return -ENOMEM;
	}
	return 0;
}

/* After the last line: whether the file ended as it should. */
static int check_end(struct reader *reader, bool skip, const struct bench_trace *trace)
{
	int error;
	const char *text = gzerror(reader->file, &error);

	if (error == Z_ERRNO) {
		error = errno ? errno : EIO;
		fprintf(reader->messages, "pendbench: %s: %s\n", reader->path, strerror(error));
		return -error;
	}
	if (error != Z_OK && error != Z_STREAM_END) {
		fprintf(reader->messages,
			"pendbench: %s: damaged or truncated gzip after line %llu"
			" (%s)\n",
			reader->path, (unsigned long long)reader->line, text);
		return -EBADMSG;
	}
	if (reader->bad > COMPLAINTS_MAX)
		fprintf(reader->messages, "pendbench: %s: %llu more bad lines\n", reader->path,
			(unsigned long long)(reader->bad - COMPLAINTS_MAX));
	if (reader->bad && !skip) {
		fprintf(reader->messages,
			"pendbench: %s: %llu bad lines: refused;"
			" --skip-bad-lines reads the rest\n",
			reader->path, (unsigned long long)reader->bad);
		return -EBADMSG;
	}
	if (!trace->count) {
		fprintf(reader->messages, "pendbench: %s: holds no event\n", reader->path);
		return -EBADMSG;
	}
	return 0;
}

int bench_trace_read(const char *path, bool skip, FILE *messages, struct bench_trace *trace)
{
	struct reader reader = { .path = path, .messages = messages };
	int error;

	errno = 0;
	reader.file = gzopen(path, "rb");
	if (!reader.file) {
		error = errno ? errno : ENOMEM;
		fprintf(messages, "pendbench: %s: %s\n", path, strerror(error));
		return -error;
	}
	memset(trace, 0, sizeof(*trace));
	error = read_lines(&reader, trace);
	if (error)
		fprintf(messages, "pendbench: %s: out of memory at line %llu\n", path,
			(unsigned long long)reader.line);
	else
		error = check_end(&reader, skip, trace);
	gzclose_r(reader.file);
	trace->skipped = reader.bad;
	if (error)
		bench_trace_free(trace);
	return error;
}
