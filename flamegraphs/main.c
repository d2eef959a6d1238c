/* SPDX-License-Identifier: MIT */
/*
 * main.c - pendflame: folds what perf recorded, draws it, compares it.
 *
 *	perf script ... | pendflame fold | tee A.folded | pendflame svg >A.svg
 *	pendflame diff A.folded B.folded
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "flamegraphs/changes.h"
#include "flamegraphs/fold.h"
#include "flamegraphs/svg.h"

enum flame_exit {
	EXIT_FINE = 0,
	EXIT_NOTHING = 1, /* no samples */
	EXIT_USAGE = 2,
	EXIT_FAILED = 3, /* memory, files */
};

static const char usage[] =
	"usage: pendflame fold [--off-cpu] [--operations N] [--threads merge|keep]\n"
	"                      [--within FUNCTION,...] <PERF-SCRIPT >FOLDED\n"
	"       pendflame svg [--title TEXT] [--unit ns|us|ps-each|samples]\n"
	"                     [--palette cpu|off-cpu] [--base FOLDED] <FOLDED >SVG\n"
	"       pendflame diff [--unit ...] BASE NEW\n"
	"\n"
	"fold   sums up stacks: ns on a CPU, with --off-cpu us off it, with --operations\n"
	"       thousandths of a ns for one operation; --within: only below these functions\n"
	"svg    draws them; with --base coloured by what became more or less\n"
	"diff   lists the functions whose own time changed most\n"
	"\n"
	"exit status: 0 ok, 1 there are no samples, 2 usage, 3 memory or files\n";

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "pendflame: %s: %s\n", what, why ? why : "(no reason is known)");
	return EXIT_FAILED;
}

static int refuse(const char *what, const char *text)
{
	fprintf(stderr, "pendflame: %s: \"%s\"; see pendflame --help\n", what, text ? text : "");
	return EXIT_USAGE;
}

enum option_id {
	OPT_OFF_CPU = 1,
	OPT_OPERATIONS,
	OPT_THREADS,
	OPT_WITHIN,
	OPT_TITLE,
	OPT_UNIT,
	OPT_PALETTE,
	OPT_BASE,
};

static const struct option fold_table[] = { { "off-cpu", no_argument, NULL, OPT_OFF_CPU },
					    { "operations", required_argument, NULL,
					      OPT_OPERATIONS },
					    { "threads", required_argument, NULL, OPT_THREADS },
					    { "within", required_argument, NULL, OPT_WITHIN },
					    { NULL, 0, NULL, 0 } };
static const struct option svg_table[] = { { "title", required_argument, NULL, OPT_TITLE },
					   { "unit", required_argument, NULL, OPT_UNIT },
					   { "palette", required_argument, NULL, OPT_PALETTE },
					   { "base", required_argument, NULL, OPT_BASE },
					   { NULL, 0, NULL, 0 } };
static const struct option diff_table[] = { { "unit", required_argument, NULL, OPT_UNIT },
					    { NULL, 0, NULL, 0 } };

/* The number of @text in @names, or @count. */
static uint32_t one_of(const char *const *names, uint32_t count, const char *text)
{
	uint32_t i = 0;

	while (i < count && strcmp(names[i], text) != 0)
		i++;
	return i;
}

/* The next option, 0 at their end, -1: refused. */
static int next_option(int argc, char **argv, const struct option *table)
{
	const int id = getopt_long(argc, argv, ":", table, NULL);

	if (id == '?' || id == ':') {
		refuse(id == '?' ? "unknown option" : "an argument is missing", argv[optind - 1]);
		return -1;
	}
	return id < 0 ? 0 : id;
}

static int set_fold_option(int id, struct fold_options *options)
{
	static const char *const threads[] = { "merge", "keep" };
	char *end;

	switch (id) {
	case OPT_OFF_CPU:
		options->off_cpu = true;
		return 0;
	case OPT_WITHIN:
		options->within = optarg;
		return *optarg ? 0 : refuse("--within", optarg);
	case OPT_THREADS:
		options->keep_threads = one_of(threads, 2, optarg) == 1;
		return one_of(threads, 2, optarg) < 2 ? 0 : refuse("--threads", optarg);
	default:
		errno = 0;
		options->operations = strtoull(optarg, &end, 10);
		return *optarg >= '0' && *optarg <= '9' && !*end && !errno && options->operations
			       ? 0
			       : refuse("--operations", optarg);
	}
}

static int fold_main(int argc, char **argv)
{
	struct fold_options options = { 0 };
	struct fold_summary summary;
	int id, error;

	while ((id = next_option(argc, argv, fold_table)) != 0)
		if (id < 0 || set_fold_option(id, &options))
			return EXIT_USAGE;
	if (optind < argc)
		return refuse("unexpected word", argv[optind]);
	error = fold(stdin, stdout, &options, &summary);
	if (error)
		return complain("fold", strerror(-error));
	fprintf(stderr,
		"pendflame: %llu samples, %llu left out, %llu stacks, %llu cut, "
		"%llu unreadable lines\n",
		(unsigned long long)summary.samples, (unsigned long long)summary.left_out,
		(unsigned long long)summary.stacks, (unsigned long long)summary.cut,
		(unsigned long long)summary.unreadable);
	return summary.samples ? EXIT_FINE : EXIT_NOTHING;
}

static int read_unit(enum svg_unit *unit)
{
	static const char *const units[SVG_UNITS] = { "ns", "us", "ps-each", "samples" };

	*unit = one_of(units, SVG_UNITS, optarg);
	return *unit < SVG_UNITS ? 0 : refuse("--unit", optarg);
}

/* Adds a file, NULL is standard input, to the tree. Returns an exit status. */
static int read_side(struct tree *tree, const char *path, enum tree_side side)
{
	FILE *in = path ? fopen(path, "r") : stdin;
	int error;

	if (!in)
		return complain(path, strerror(errno));
	error = tree_read(tree, in, side);
	if (path)
		fclose(in);
	return error ? complain(path ? path : "standard input", strerror(-error)) : 0;
}

static int settle(struct tree *tree)
{
	if (tree->unreadable)
		fprintf(stderr, "pendflame: %llu lines are no folded stack\n",
			(unsigned long long)tree->unreadable);
	if (tree_settle(tree))
		return complain("no memory", strerror(ENOMEM));
	if (tree->nodes[0].total[TREE_NEW])
		return 0;
	complain("nothing to draw", "no samples");
	return EXIT_NOTHING;
}

static int svg_main(int argc, char **argv)
{
	static const char *const palettes[SVG_PALETTES] = { "cpu", "off-cpu" };
	struct svg_options options = { .title = "flame graph" };
	const char *base = NULL;
	struct tree tree = { 0 };
	int id, status = 0;

	while (!status && (id = next_option(argc, argv, svg_table)) != 0) {
		if (id == OPT_TITLE)
			options.title = optarg;
		else if (id == OPT_BASE)
			base = optarg;
		else if (id == OPT_UNIT)
			status = read_unit(&options.unit);
		else if (id == OPT_PALETTE &&
			 (options.palette = one_of(palettes, SVG_PALETTES, optarg)) == SVG_PALETTES)
			status = refuse("--palette", optarg);
		else if (id < 0)
			status = EXIT_USAGE;
	}
	if (!status && optind < argc)
		status = refuse("unexpected word", argv[optind]);
	if (!status && base)
		status = read_side(&tree, base, TREE_BASE);
	if (!status)
		status = read_side(&tree, NULL, TREE_NEW);
	if (!status)
		status = settle(&tree);
	if (!status && svg_write(&tree, &options, stdout))
		status = complain("standard output", strerror(EIO));
	tree_free(&tree);
	return status;
}

static int diff_main(int argc, char **argv)
{
	enum svg_unit unit = SVG_NS;
	struct tree tree = { 0 };
	int id, error, status = 0;

	while (!status && (id = next_option(argc, argv, diff_table)) != 0)
		status = id < 0 ? EXIT_USAGE : read_unit(&unit);
	if (!status && argc - optind != 2)
		status = refuse("diff wants two files", optind < argc ? argv[optind] : "");
	if (!status)
		status = read_side(&tree, argv[optind], TREE_BASE);
	if (!status)
		status = read_side(&tree, argv[optind + 1], TREE_NEW);
	if (!status)
		status = settle(&tree);
	if (!status) {
		error = changes_write(&tree, unit, stdout);
		status = error ? complain("diff", strerror(-error)) : 0;
	}
	tree_free(&tree);
	return status;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} commands[] = { { "fold", fold_main }, { "svg", svg_main }, { "diff", diff_main } };
	const char *name = argc > 1 ? argv[1] : "";

	opterr = 0;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (strcmp(name, "--help") == 0 || strcmp(name, "help") == 0) {
		fputs(usage, stdout);
		return EXIT_FINE;
	}
	return refuse("unknown command", name);
}
