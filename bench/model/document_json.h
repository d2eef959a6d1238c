/* SPDX-License-Identifier: MIT */
/*
 * document_json.h - documents as JSON, `pendbench/2` (schema.md).
 */
#ifndef BENCH_MODEL_DOCUMENT_JSON_H
#define BENCH_MODEL_DOCUMENT_JSON_H

#include <stddef.h>
#include <stdio.h>

#include "bench/model/document.h"

/* 0, -ENOMEM or -EIO. */
int bench_document_write(const struct bench_document *document, FILE *out);

/*
 * Reads what bench_document_write() wrote, of this version, into an initialized empty document;
 * members that it does not know are skipped. 0, or a negative errno with what is wrong in @why:
 * -ENOENT and others of open(2), -EBADMSG no such JSON (with its line), -EPROTO another version,
 * -ENOMEM. The document is empty then.
 */
int bench_document_read(const char *path, struct bench_document *document, char *why,
			size_t why_size);

/* The document as JSON text, to be freed with free(); NULL: no memory. */
char *bench_document_text(const struct bench_document *document);

#endif
