/* SPDX-License-Identifier: MIT */
/*
 * store.h - documents that are kept by a name.
 *
 *	$XDG_DATA_HOME/pendbench/NAME.json                 baselines (default ~/.local/share)
 *	$XDG_DATA_HOME/pendbench/noise-FINGERPRINT.json    how much this machine's figures vary
 */
#ifndef BENCH_COMMAND_STORE_H
#define BENCH_COMMAND_STORE_H

#include <stddef.h>

#include "bench/model/document.h"

/* Makes a folder and those above it. 0 or a negative errno. */
int bench_store_folder(const char *path);

/* Where @name is kept. 0, or what to exit with, having said why; so for all of these. */
int bench_store_path(const char *name, char *path, size_t size);

/* Keeps @document under @name, in place of what was; @path is where. */
int bench_store_save(const char *name, const struct bench_document *document, char *path,
		     size_t size);

/* Reads what a user named into the initialized, empty @document: a file of JSON, a folder with
 * results.json, or a baseline's name. */
int bench_store_load(const char *what, struct bench_document *document);

/* The name of the noise of @document's machine. */
void bench_store_noise_name(const struct bench_document *document, char *name, size_t size);

/* The noise that was found on @document's machine, or nothing. */
int bench_store_load_noise(const struct bench_document *document, struct bench_document *noise);

#endif
