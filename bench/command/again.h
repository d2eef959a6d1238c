/* SPDX-License-Identifier: MIT */
/*
 * again.h - how a document was asked for, as config facts, so that it can be asked for again.
 */
#ifndef BENCH_COMMAND_AGAIN_H
#define BENCH_COMMAND_AGAIN_H

#include "bench/command/options.h"
#include "bench/model/document.h"

/* The words of the command line, and the command as a shell takes it. 0 or -ENOMEM. */
int bench_again_note(const struct bench_options *options, struct bench_document *document);

/*
 * The command line that made @document, as of `pendbench run`, with @more after its options; to be
 * freed with free(). NULL: none is known (then it has said so), or no memory.
 */
char **bench_again_argv(const struct bench_document *document, const char *more, int *argc);

#endif
