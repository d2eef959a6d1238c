/* SPDX-License-Identifier: MIT */
/*
 * test_trace_read.c - unit tests of bench/scenario/trace_read.c: what is an event, and what is said of a
 * line that is none.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "bench/scenario/trace.h"

#define GOOD "0,tcp,10.0.0.1,1,10.0.0.2,2\n"

struct outcome {
	int error;
	struct bench_trace trace;
	char *messages;
};

/* Reads @bytes of @text as a file, compressed or not. */
static struct outcome read_bytes(const char *text, size_t bytes, bool skip, bool compressed)
{
	struct outcome outcome = { 0 };
	char path[] = "/tmp/test_trace_read.XXXXXX";
	const int file = mkstemp(path);
	size_t size;
	FILE *messages = open_memstream(&outcome.messages, &size);

	cr_assert(file >= 0 && messages);
	if (compressed) {
		gzFile archive = gzdopen(file, "wb");

		cr_assert_eq(gzwrite(archive, text, (unsigned int)bytes), (int)bytes);
		cr_assert_eq(gzclose(archive), Z_OK);
	} else {
		cr_assert_eq(write(file, text, bytes), (ssize_t)bytes);
		close(file);
	}
	outcome.error = bench_trace_read(path, skip, messages, &outcome.trace);
	fclose(messages);
	unlink(path);
	return outcome;
}

static struct outcome read_text(const char *text, bool skip)
{
	return read_bytes(text, strlen(text), skip, false);
}

static void drop(struct outcome *outcome)
{
	bench_trace_free(&outcome->trace);
	free(outcome->messages);
}

/* @text is refused with @message, and with @skip leaves one event when a good line precedes it. */
static void check_bad(const char *line, const char *message)
{
	char text[1024];
	struct outcome outcome;

	snprintf(text, sizeof(text), "# a comment\n" GOOD "%s\n", line);
	outcome = read_text(text, false);
	cr_assert_eq(outcome.error, -EBADMSG, "%s: %d", line, outcome.error);
	cr_assert(strstr(outcome.messages, message), "%s: %s", line, outcome.messages);
	cr_assert(strstr(outcome.messages, ":3: "), "%s: %s", line, outcome.messages);
	cr_assert_null(outcome.trace.keys);
	drop(&outcome);

	outcome = read_text(text, true);
	cr_assert_eq(outcome.error, 0);
	cr_assert_eq(outcome.trace.count, 1);
	cr_assert_eq(outcome.trace.skipped, 1);
	cr_assert(strstr(outcome.messages, message), "%s: %s", line, outcome.messages);
	drop(&outcome);
}

Test(trace_read, reads_both_families_and_every_protocol)
{
	static const unsigned char first[BENCH_TRACE_KEY_SIZE] = {
		6,   [11] = 0xff, [12] = 0xff, 10, 0,    0,    1,    [27] = 0xff, [28] = 0xff,
		192, 0,           2,           7,  0x9a, 0xbb, 0x01, 0xbb
	};
	struct outcome outcome = read_text("# offset_us,proto,src,src_port,dst,dst_port\n"
					   "0,tcp,10.0.0.1,39611,192.0.2.7,443\n"
					   "\n"
					   "0,udp,2001:db8::1,0,::ffff:1.2.3.4,65535\r\n"
					   "17,icmp,1.1.1.1,0,2.2.2.2,0\n"
					   "18446744073709551,255,1.1.1.1,1,2.2.2.2,2",
					   false);

	cr_assert_eq(outcome.error, 0, "%s", outcome.messages);
	cr_assert_eq(outcome.trace.count, 4);
	cr_assert_eq(outcome.trace.skipped, 0);
	cr_assert_arr_eq(outcome.trace.keys, first, BENCH_TRACE_KEY_SIZE);
	cr_assert_eq(outcome.trace.keys[BENCH_TRACE_KEY_STRIDE], 17);
	cr_assert_eq(outcome.trace.keys[BENCH_TRACE_KEY_STRIDE + 1], 0x20);
	cr_assert_eq(outcome.trace.keys[2 * BENCH_TRACE_KEY_STRIDE], 1);
	cr_assert_eq(outcome.trace.keys[3 * BENCH_TRACE_KEY_STRIDE], 255);
	cr_assert_eq(outcome.trace.offset_us[2], 17);
	cr_assert_str_empty(outcome.messages);
	drop(&outcome);
}

Test(trace_read, names_what_is_wrong_with_a_line)
{
	char longest[400];

	check_bad("1,tcp,10.0.0.1,1,10.0.0.2", "fewer than 6 fields");
	check_bad("nonsense", "fewer than 6 fields");
	check_bad("1,tcp,10.0.0.1,1,10.0.0.2,2,3", "more than 6 fields");
	check_bad("1,tcp,10.0.0.1,1,10.0.0.2,2,", "more than 6 fields");
	check_bad("-1,tcp,10.0.0.1,1,10.0.0.2,2", "negative offset: \"-1\"");
	check_bad("1.5,tcp,10.0.0.1,1,10.0.0.2,2", "offset is not a number");
	check_bad(" 1,tcp,10.0.0.1,1,10.0.0.2,2", "offset is not a number");
	check_bad(",tcp,10.0.0.1,1,10.0.0.2,2", "offset is not a number");
	check_bad("18446744073709552,tcp,10.0.0.1,1,10.0.0.2,2", "offset out of range");
	check_bad("99999999999999999999,tcp,10.0.0.1,1,10.0.0.2,2", "offset out of range");
	check_bad("1,TCP,10.0.0.1,1,10.0.0.2,2", "unknown protocol");
	check_bad("1,256,10.0.0.1,1,10.0.0.2,2", "unknown protocol");
	check_bad("1,,10.0.0.1,1,10.0.0.2,2", "unknown protocol");
	check_bad("1,tcp,10.0.0,1,10.0.0.2,2", "bad source address: \"10.0.0\"");
	check_bad("1,tcp,host,1,10.0.0.2,2", "bad source address");
	check_bad("1,tcp,10.0.0.1,1,10.0.0.256,2", "bad destination address");
	check_bad("1,tcp,10.0.0.1,1,::1,2", "different families");
	check_bad("1,tcp,10.0.0.1,65536,10.0.0.2,2", "bad source port");
	check_bad("1,tcp,10.0.0.1,-1,10.0.0.2,2", "bad source port");
	check_bad("1,tcp,10.0.0.1,1,10.0.0.2,65536", "bad destination port");
	check_bad("1,tcp,10.0.0.1,1,10.0.0.2,", "bad destination port");
	memset(longest, '7', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	check_bad(longest, "line of more than 255 bytes");
}

Test(trace_read, refuses_an_offset_that_decreases)
{
	struct outcome outcome = read_text("5,tcp,1.1.1.1,1,2.2.2.2,2\n"
					   "5,tcp,1.1.1.1,1,2.2.2.2,2\n"
					   "4,tcp,1.1.1.1,1,2.2.2.2,2\n"
					   "6,tcp,1.1.1.1,1,2.2.2.2,2\n",
					   true);

	cr_assert_eq(outcome.error, 0);
	cr_assert_eq(outcome.trace.count, 3);
	cr_assert(strstr(outcome.messages, ":3: offset is lower than that of the event before"));
	drop(&outcome);
}

Test(trace_read, finds_a_nul_byte)
{
	static const char text[] = GOOD "1,tcp\0,10.0.0.1,1,10.0.0.2,2\n";
	struct outcome outcome = read_bytes(text, sizeof(text) - 1, false, false);

	cr_assert_eq(outcome.error, -EBADMSG);
	cr_assert(strstr(outcome.messages, ":2: line with a NUL byte"));
	drop(&outcome);
}

Test(trace_read, names_ten_bad_lines_and_counts_the_rest)
{
	struct outcome outcome = read_text("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n" GOOD, false);

	cr_assert_eq(outcome.error, -EBADMSG);
	cr_assert(strstr(outcome.messages, ":10: "));
	cr_assert_null(strstr(outcome.messages, ":11: "));
	cr_assert(strstr(outcome.messages, "2 more bad lines"));
	cr_assert(strstr(outcome.messages, "12 bad lines: refused"));
	drop(&outcome);
}

Test(trace_read, refuses_a_file_without_events)
{
	static const char *const texts[] = { "", "\n\n", "# only a comment\n" };

	for (size_t i = 0; i < 3; i++) {
		struct outcome outcome = read_text(texts[i], true);

		cr_assert_eq(outcome.error, -EBADMSG);
		cr_assert(strstr(outcome.messages, "holds no event"), "%s", outcome.messages);
		drop(&outcome);
	}
}

Test(trace_read, reads_gzip_and_refuses_what_is_left_of_it)
{
	char text[40 * sizeof(GOOD)] = "";
	unsigned char archive[4096];
	struct outcome outcome;
	uLongf size = sizeof(archive);
	z_stream stream = { 0 };

	for (int i = 0; i < 40; i++)
		strcat(text, GOOD);
	outcome = read_bytes(text, strlen(text), false, true);
	cr_assert_eq(outcome.error, 0);
	cr_assert_eq(outcome.trace.count, 40);
	drop(&outcome);

	cr_assert_eq(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	stream.next_in = (unsigned char *)text;
	stream.avail_in = (unsigned int)strlen(text);
	stream.next_out = archive;
	stream.avail_out = (unsigned int)size;
	cr_assert_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
	size = stream.total_out;
	deflateEnd(&stream);
	for (uLongf cut = 4; cut < size; cut += 3) { /* below 4 bytes it is no gzip yet */
		outcome = read_bytes((const char *)archive, cut, true, false);
		cr_assert_eq(outcome.error, -EBADMSG, "cut at %lu of %lu: %d", cut, size,
			     outcome.error);
		drop(&outcome);
	}
	archive[size - 6] ^= 1; /* the checksum */
	outcome = read_bytes((const char *)archive, size, true, false);
	cr_assert_eq(outcome.error, -EBADMSG);
	cr_assert(strstr(outcome.messages, "damaged or truncated gzip"), "%s", outcome.messages);
	drop(&outcome);
}

Test(trace_read, says_why_a_file_cannot_be_opened)
{
	struct bench_trace trace;
	char *messages = NULL;
	size_t size;
	FILE *stream = open_memstream(&messages, &size);

	cr_assert_eq(bench_trace_read("/no/such/file.csv", false, stream, &trace), -ENOENT);
	cr_assert_eq(bench_trace_read("/tmp", false, stream, &trace), -EISDIR);
	fclose(stream);
	cr_assert(strstr(messages, "/no/such/file.csv: No such file or directory"));
	cr_assert(strstr(messages, "/tmp: Is a directory"), "%s", messages);
	free(messages);
}
