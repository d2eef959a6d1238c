/* SPDX-License-Identifier: MIT */
/*
 * again.c - how a document was asked for, so that it can be asked for again.
 *
 * The words of the command line are the facts word.0, word.1 ...; filters follow after "--". A word
 * that is too long for a fact leaves the document without any: then it cannot be asked for again.
 */
#include "bench/command/again.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/command/commands.h"

#define WORD_MAX (sizeof(((struct bench_fact *)NULL)->value) - 1)

/* Appends a word as a shell takes it. */
static void append_word(char *text, size_t size, const char *word)
{
	const char *plain =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./,:=%+";
	const bool quote = !*word || word[strspn(word, plain)] != '\0';
	size_t length = strlen(text);

	if (length + 2 < size)
		text[length++] = ' ';
	if (quote && length + 2 < size)
		text[length++] = '\'';
	for (; *word && length + 6 < size; word++) {
		if (*word == '\'') {
			memcpy(text + length, "'\\''", 4);
			length += 4;
		} else {
			text[length++] = *word;
		}
	}
	if (quote && length + 1 < size)
		text[length++] = '\'';
	text[length] = '\0';
}

static int set_word(struct bench_document *document, uint32_t number, const char *word)
{
	char name[32];

	snprintf(name, sizeof(name), "word.%u", number);
	return bench_document_set(document, BENCH_ABOUT_CONFIG, name, "%s", word);
}

int bench_again_note(const struct bench_options *options, struct bench_document *document)
{
	char text[WORD_MAX + 1] = "pendbench ";
	bool fits = true;
	uint32_t count = 0;
	int error;

	strcat(text, bench_command_name(options->command));
	for (uint32_t i = 0; i < options->file_count; i++)
		append_word(text, sizeof(text), options->files[i]);
	for (uint32_t i = 0; i < options->filter_count; i++) {
		append_word(text, sizeof(text), options->filters[i]);
		fits &= strlen(options->filters[i]) <= WORD_MAX;
	}
	for (uint32_t i = 0; i < options->argument_count; i++) {
		append_word(text, sizeof(text), options->arguments[i]);
		fits &= strlen(options->arguments[i]) <= WORD_MAX;
	}
	error = bench_document_set(document, BENCH_ABOUT_CONFIG, "command", "%s", text);
	if (!fits || options->command != BENCH_RUN)
		return error;
	for (uint32_t i = 0; i < options->argument_count; i++)
		error |= set_word(document, count++, options->arguments[i]);
	error |= set_word(document, count++, "--");
	for (uint32_t i = 0; i < options->filter_count; i++)
		error |= set_word(document, count++, options->filters[i]);
	return error ? -ENOMEM : 0;
}

char **bench_again_argv(const struct bench_document *document, const char *more, int *argc)
{
	const char **argv = calloc(document->fact_count[BENCH_ABOUT_CONFIG] + 4, sizeof(*argv));
	char **words = NULL;
	uint32_t count = 0;

	if (!argv) {
		bench_complain("no memory");
		return NULL;
	}
	argv[count++] = "pendbench";
	argv[count++] = "run";
	/* Ends: each round takes one of the facts. */
	for (uint32_t i = 0; i < document->fact_count[BENCH_ABOUT_CONFIG]; i++) {
		char name[32];
		const char *word;

		snprintf(name, sizeof(name), "word.%u", i);
		word = bench_document_get(document, BENCH_ABOUT_CONFIG, name);
		if (!*word)
			break;
		if (strcmp(word, "--") == 0 && more)
			argv[count++] = more;
		argv[count++] = word;
	}
	*argc = (int)count;
	if (count > 2) {
		memcpy(&words, &argv, sizeof(words)); /* getopt moves words, and writes to none */
		return words;
	}
	bench_complain("it does not say how it was measured: run that again and compare the two");
	free(argv);
	return NULL;
}
