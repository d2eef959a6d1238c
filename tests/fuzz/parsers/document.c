/* SPDX-License-Identifier: MIT */
/*
 * document.c - any bytes as a result of pendbench: they are refused with a reason, or what was read
 * is written, read again and written the same.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/model/document_json.h"
#include "tests/fuzz/parsers/input_file.h"

static char *text_of(const char *path)
{
	struct bench_document document;
	char why[256] = "", *text;
	int error;

	bench_document_init(&document);
	error = bench_document_read(path, &document, why, sizeof(why));
	if (error) {
		CHECK(error == -EBADMSG || error == -EPROTO || error == -ENOMEM);
		CHECK(strlen(why) > 0 && strlen(why) < sizeof(why));
		bench_document_free(&document);
		return NULL;
	}
	text = bench_document_text(&document);
	CHECK(text);
	bench_document_free(&document);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of(input_file(data, size)), *again;

	if (!text)
		return 0;
	again = text_of(input_file(text, strlen(text)));
	CHECK(again && strcmp(text, again) == 0);
	free(again);
	free(text);
	return 0;
}
