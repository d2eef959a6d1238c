/* SPDX-License-Identifier: MIT */
/*
 * flames.c - the flame graphs of a folder, inside the page.
 *
 * pendflame's pictures are made for that: they have no ids, their style is below their own class, and
 * their script finds its own picture. Pictures of other programs could do anything to the page, so
 * they are left out.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/report/html.h"
#include "bench/report/page.h"

#define PICTURE_MOST (8u << 20)
#define PICTURES_MOST 64u

static bool is_picture(const char *name)
{
	size_t length = strlen(name);

	return name[0] != '.' && length > 4 && strcmp(name + length - 4, ".svg") == 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of the pictures, sorted. -errno, or how many. */
static int list_pictures(const char *folder, char *names[PICTURES_MOST])
{
	DIR *stream = opendir(folder);
	struct dirent *entry;
	int count = 0;

	if (!stream)
		return -errno;
	while (count < (int)PICTURES_MOST && (entry = readdir(stream)) != NULL) {
		if (!is_picture(entry->d_name))
			continue;
		names[count] = strdup(entry->d_name);
		if (!names[count])
			break;
		count++;
	}
	closedir(stream);
	qsort(names, (size_t)count, sizeof(names[0]), compare_names);
	return count;
}

/* The text of a file, to be freed; NULL: it cannot be read, is empty or too large. */
static char *read_text(const char *folder, const char *name)
{
	char path[1024];
	char *text = NULL;
	FILE *file;
	long size;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rb");
	if (!file)
		return NULL;
	if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) > 0 &&
	    (unsigned long)size <= PICTURE_MOST && fseek(file, 0, SEEK_SET) == 0) {
		text = malloc((size_t)size + 1);
		if (text) {
			size_t got = fread(text, 1, (size_t)size, file);

			text[got] = '\0';
		}
	}
	fclose(file);
	return text;
}

/* Its text from the root element on; NULL: it was not drawn by pendflame. */
static const char *root_of(const char *text)
{
	const char *svg = strstr(text, "<svg");
	const char *end = svg ? strchr(svg, '>') : NULL;
	const char *class = svg ? strstr(svg, "class=\"pendflame") : NULL;

	return class && class < end ? svg : NULL;
}

static void write_picture(struct report_page *page, const char *name)
{
	char *text = read_text(page->report->flamegraphs, name);
	const char *svg = text ? root_of(text) : NULL;
	char id[96];

	if (svg) {
		fprintf(page->out, "<details class=\"flame\" id=\"flame-%s\" open><summary>",
			html_id(id, sizeof(id), name));
		html_printf(page->out, "%.*s", (int)(strlen(name) - 4), name);
		fputs("</summary>\n", page->out);
		fputs(svg, page->out);
		fputs("</details>\n", page->out);
	} else {
		report_paragraph(page, "%s is not a picture of pendflame: left out.", name);
	}
	free(text);
}

void report_write_flames(struct report_page *page)
{
	char *names[PICTURES_MOST];
	int count = page->report->flamegraphs ? list_pictures(page->report->flamegraphs, names) : 0;

	if (count <= 0) {
		fputs("<p class=\"absent\">No flame graphs were given: <code>pendbench profile "
		      "SCENARIO</code> records one.</p>\n",
		      page->out);
		return;
	}
	report_paragraph(page,
			 "Where the time goes: a box is a function, as wide as its share of the "
			 "samples; callers are below. A click zooms.");
	for (int i = 0; i < count; i++) {
		write_picture(page, names[i]);
		free(names[i]);
	}
}
