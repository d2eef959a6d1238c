/* SPDX-License-Identifier: MIT */
/*
 * store.c - documents that are kept by a name.
 *
 * A file is written beside its place and then moved there, so that none is ever half of one.
 */
#include "bench/command/store.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/command/options.h"
#include "bench/model/document_json.h"

int bench_store_folder(const char *path)
{
	char part[PATH_MAX];
	struct stat status;

	if (strlen(path) >= sizeof(part))
		return -ENAMETOOLONG;
	for (const char *end = path; *end; end++) {
		end += strspn(end, "/");
		end += strcspn(end, "/");
		memcpy(part, path, (size_t)(end - path));
		part[end - path] = '\0';
		if (mkdir(part, 0777) && errno != EEXIST)
			return -errno;
		if (!*end)
			break;
	}
	if (stat(path, &status))
		return -errno;
	return S_ISDIR(status.st_mode) ? 0 : -ENOTDIR;
}

/* The folder of all that is kept; an XDG path that is not absolute does not count. */
static int find_folder(char *path, size_t size)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	int length;

	if (data && data[0] == '/')
		length = snprintf(path, size, "%s/pendbench", data);
	else if (home && home[0] == '/')
		length = snprintf(path, size, "%s/.local/share/pendbench", home);
	else
		length = -1;
	if (length >= 0 && (size_t)length < size)
		return 0;
	bench_complain("there is no place for baselines: set XDG_DATA_HOME or HOME to a folder");
	return BENCH_EXIT_ENVIRONMENT;
}

int bench_store_path(const char *name, char *path, size_t size)
{
	char folder[PATH_MAX];
	const int status = find_folder(folder, sizeof(folder));
	int length;

	if (status)
		return status;
	length = snprintf(path, size, "%s/%s.json", folder, name);
	if (length >= 0 && (size_t)length < size)
		return 0;
	bench_complain("%s/%s: too long a path", folder, name);
	return BENCH_EXIT_ENVIRONMENT;
}

static int write_file(const char *path, const struct bench_document *document)
{
	FILE *out = fopen(path, "we");
	int error;

	if (!out)
		return -errno;
	error = bench_document_write(document, out);
	if (fclose(out) && !error)
		error = -errno;
	return error;
}

int bench_store_save(const char *name, const struct bench_document *document, char *path,
		     size_t size)
{
	char part[PATH_MAX];
	int error, status = find_folder(part, sizeof(part));

	if (!status)
		status = bench_store_path(name, path, size);
	if (status)
		return status;
	error = bench_store_folder(part);
	if (!error &&
	    snprintf(part, sizeof(part), "%s.%d", path, (int)getpid()) >= (int)sizeof(part))
		error = -ENAMETOOLONG;
	if (!error) {
		error = write_file(part, document);
		if (!error && rename(part, path))
			error = -errno;
		if (error)
			unlink(part);
	}
	if (error) {
		bench_complain("%s: cannot be written: %s", path, strerror(-error));
		return BENCH_EXIT_ENVIRONMENT;
	}
	return 0;
}

/* Where what a user named is. */
static int find(const char *what, char *path, size_t size)
{
	struct stat status;
	int length;

	if (stat(what, &status) == 0)
		length = snprintf(path, size, "%s%s", what,
				  S_ISDIR(status.st_mode) ? "/results.json" : "");
	else if (strchr(what, '/') || strstr(what, ".json"))
		length = snprintf(path, size, "%s", what);
	else
		return bench_store_path(what, path, size);
	if (length >= 0 && (size_t)length < size)
		return 0;
	bench_complain("%s: too long a path", what);
	return BENCH_EXIT_USAGE;
}

int bench_store_load(const char *what, struct bench_document *document)
{
	char path[PATH_MAX], why[256] = "";
	int status = find(what, path, sizeof(path));

	if (status)
		return status;
	status = bench_document_read(path, document, why, sizeof(why));
	if (status == 0)
		return 0;
	bench_complain("%s: %s", path, *why ? why : strerror(-status));
	return status == -ENOMEM ? BENCH_EXIT_ENVIRONMENT : BENCH_EXIT_USAGE;
}

void bench_store_noise_name(const struct bench_document *document, char *name, size_t size)
{
	const char *fingerprint = bench_document_get(document, BENCH_ABOUT_HOST, "fingerprint");

	snprintf(name, size, "noise-%s", *fingerprint ? fingerprint : "unknown");
}

int bench_store_load_noise(const struct bench_document *document, struct bench_document *noise)
{
	char name[300], path[PATH_MAX];
	int status;

	bench_store_noise_name(document, name, sizeof(name));
	status = bench_store_path(name, path, sizeof(path));
	if (status || access(path, F_OK))
		return 0; /* none was found yet */
	return bench_store_load(path, noise);
}
