/* SPDX-License-Identifier: MIT */
/*
 * svg.c - the picture: a box for each frame, callees on top of their callers.
 *
 *	title                      \
 *	(search, reset, details)    > HEAD pixels; flame.js fills in the second and third line
 *	        [leaf]             /
 *	[callee][ callee ]         rows of ROW pixels, places along x in percent of the whole
 *	[ all               ]
 *	legend                     lines of LINE pixels, short enough for a narrow window
 *
 * Boxes are nested svg elements, which clip what they hold, so that nothing overflows even where
 * no script runs; there, texts are cut for a window of 1200 pixels. The style only names classes
 * below .pendflame and nothing has an id: a page may hold any number of such pictures.
 */
#include "flamegraphs/svg.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "flame_assets.h"

#define ROW 18u
#define HEAD 92u
#define LINE 17u
#define NOMINAL 1200.0 /* pixels */
#define LETTER 7.25    /* pixels; of 12 pixel monospace */
#define LEAST 0.001    /* of the whole; a narrower box is not drawn */
#define SHADES 6u

/* ---- text ---- */

/* The bytes of a character that XML may hold, or 0. */
static size_t character(const unsigned char *at)
{
	size_t size = *at < 0x80       ? 1
		      : *at >> 5 == 6  ? 2
		      : *at >> 4 == 14 ? 3
		      : *at >> 3 == 30 ? 4
				       : 0;
	uint32_t code = size == 1 ? *at : size ? *at & (0x7fu >> size) : 0;

	for (size_t i = 1; i < size; i++) {
		if (at[i] >> 6 != 2)
			return 0;
		code = code << 6 | (at[i] & 0x3fu);
	}
	if (code < ' ' || code == 0x7f || (code >= 0x80 && code < 0xa0) || code > 0x10ffff ||
	    (code >= 0xd800 && code < 0xe000) || code == 0xfffe || code == 0xffff)
		return 0;
	return (size == 2 && code < 0x80) || (size == 3 && code < 0x800) ||
			       (size == 4 && code < 0x10000)
		       ? 0
		       : size;
}

/* Writes at most @most characters; what XML cannot hold becomes a question mark. */
static void put_text(FILE *out, const char *text, size_t most)
{
	const unsigned char *at = (const unsigned char *)text;

	for (; *at && most; most--) {
		const size_t size = character(at);

		switch (*at) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			if (size)
				fwrite(at, 1, size, out);
			else
				putc('?', out);
		}
		at += size ? size : 1;
	}
}

static size_t characters(const char *text)
{
	size_t count = 0;

	for (const unsigned char *at = (const unsigned char *)text; *at; count++)
		at += character(at) ? character(at) : 1;
	return count;
}

const char *svg_format(enum svg_unit unit, double amount, char *text, size_t size)
{
	static const struct {
		const char *name;
		double ns; /* 0: no time */
		const char *what;
	} units[SVG_UNITS] = { [SVG_NS] = { "ns", 1, "" },
			       [SVG_US] = { "us", 1e3, "" },
			       [SVG_PS_EACH] = { "ps", 1e-3, " an operation" },
			       [SVG_SAMPLES] = { "samples", 0, "" } };
	static const struct {
		double ns;
		const char *name;
	} steps[] = { { 1e9, "s" }, { 1e6, "ms" }, { 1e3, "us" } };
	double ns = amount * units[unit].ns;
	const char *name = "ns";

	if (unit == SVG_SAMPLES) {
		snprintf(text, size, "%.0f samples", amount);
		return text;
	}
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (fabs(ns) >= steps[i].ns) {
			ns /= steps[i].ns;
			name = steps[i].name;
			break;
		}
	}
	snprintf(text, size, "%.*f %s%s",
		 fabs(ns) < 10    ? 2
		 : fabs(ns) < 100 ? 1
				  : 0,
		 ns, name, units[unit].what);
	return text;
}

/* ---- colours ---- */

static uint32_t shade_of(const char *name)
{
	uint32_t hash = 2166136261u;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return (hash ^ hash >> 16) % SHADES;
}

static bool ends_with(const char *text, const char *end)
{
	const size_t length = strlen(text), size = strlen(end);

	return length >= size && memcmp(text + length - size, end, size) == 0;
}

/* How much of the whole the difference is, in steps: 0 to 4. */
static uint32_t step_of(double share)
{
	static const double steps[] = { 0.003, 0.01, 0.03, 0.1 };
	uint32_t step = 0;

	while (step < 4 && share >= steps[step])
		step++;
	return step;
}

static void put_class(const struct tree *tree, const struct tree_node *node, FILE *out)
{
	const struct tree_node *all = &tree->nodes[0];
	const uint64_t whole = all->total[TREE_BASE] > all->total[TREE_NEW] ? all->total[TREE_BASE]
									    : all->total[TREE_NEW];
	const double change = (double)node->total[TREE_NEW] - (double)node->total[TREE_BASE];

	if (tree->based) {
		const uint32_t step = whole ? step_of(fabs(change) / (double)whole) : 0;

		fprintf(out, "%s%u", !step ? "d" : change > 0 ? "m" : "l", step);
	} else if (node == all) {
		fputs("d0", out);
	} else if (ends_with(node->name, "_[k]")) {
		fputs("k", out);
	} else {
		fprintf(out, "h%u", shade_of(node->name));
	}
}

/* ---- boxes ---- */

/* What is shown when the box is pointed at; its first line is the name. */
static void put_title(const struct tree *tree, const struct svg_options *options,
		      const struct tree_node *node, FILE *out)
{
	const double amount = (double)node->total[TREE_NEW], base = (double)node->total[TREE_BASE];
	const double whole = (double)tree->nodes[0].total[TREE_NEW];
	char text[3][48];

	put_text(out, node->name, SIZE_MAX);
	fprintf(out, "\n%s, %.2f %%", svg_format(options->unit, amount, text[0], sizeof(text[0])),
		whole > 0 ? 100 * amount / whole : 0);
	if (tree->based)
		fprintf(out, "\nbase %s: %s%s",
			svg_format(options->unit, base, text[1], sizeof(text[1])),
			amount > base ? "+" : "",
			svg_format(options->unit, amount - base, text[2], sizeof(text[2])));
}

/* The name, cut to what fits into @width pixels. */
static void put_label(const char *name, double width, FILE *out)
{
	const double room = (width - 6) / LETTER;
	const size_t letters = room > 0 ? (size_t)room : 0, length = characters(name);

	if (letters < 3)
		return;
	put_text(out, name, length <= letters ? length : letters - 1);
	if (length > letters)
		fputs("\xe2\x80\xa6", out);
}

static void put_box(const struct tree *tree, const struct svg_options *options,
		    const struct tree_node *node, uint32_t rows, FILE *out)
{
	const double whole = (double)tree->nodes[0].total[TREE_NEW];
	const double width = (double)node->total[TREE_NEW] / whole;

	fputs("<svg class=\"f ", out);
	put_class(tree, node, out);
	fprintf(out, "\" x=\"%.4g%%\" y=\"%u\" width=\"%.4g%%\" height=\"%u\" role=\"treeitem\"",
		100 * (double)node->begin / whole, HEAD + (rows - 1 - node->depth) * ROW,
		100 * width, ROW - 1);
	fprintf(out, " aria-level=\"%u\" tabindex=\"%d\"><title>", node->depth + 1,
		node->depth ? -1 : 0);
	put_title(tree, options, node, out);
	fputs("</title><rect width=\"100%\" height=\"100%\"/><text x=\"3\" y=\"12.5\">", out);
	put_label(node->name, width * NOMINAL, out);
	fputs("</text></svg>\n", out);
}

static bool is_drawn(const struct tree *tree, const struct tree_node *node)
{
	const uint64_t amount = node->total[TREE_NEW];

	return amount && (double)amount >= LEAST * (double)tree->nodes[0].total[TREE_NEW];
}

/* Rows of boxes: as deep as what is drawn. */
static uint32_t rows_of(const struct tree *tree)
{
	uint32_t rows = 1;

	for (uint32_t i = 0; i < tree->count; i++)
		if (is_drawn(tree, &tree->nodes[i]) && tree->nodes[i].depth + 1 > rows)
			rows = tree->nodes[i].depth + 1;
	return rows;
}

/* Draws what is wide enough. Returns how many boxes were not. */
static uint32_t put_boxes(const struct tree *tree, const struct svg_options *options, FILE *out)
{
	const uint32_t rows = rows_of(tree);
	uint32_t narrow = 0;

	fputs("<g class=\"tree\" role=\"tree\" aria-label=\"stacks\">\n", out);
	for (uint32_t i = 0; i < tree->count; i++) {
		const struct tree_node *node = &tree->nodes[i];

		if (is_drawn(tree, node))
			put_box(tree, options, node, rows, out);
		else
			narrow += node->total[TREE_NEW] > 0;
	}
	fputs("</g>\n", out);
	return narrow;
}

/* ---- around them ---- */

static void put_line(FILE *out, uint32_t *y, const char *swatches, const char *text)
{
	uint32_t x = 3;

	for (; *swatches; swatches += 2, x += 14)
		fprintf(out,
			"<svg class=\"%.2s\" x=\"%u\" y=\"%u\" width=\"11\" height=\"11\">"
			"<rect width=\"100%%\" height=\"100%%\"/></svg>\n",
			swatches, x, *y - 10);
	fprintf(out, "<text class=\"flame-note\" x=\"%u\" y=\"%u\">", x + (x > 3 ? 4 : 0), *y);
	put_text(out, text, SIZE_MAX);
	fputs("</text>\n", out);
	*y += LINE;
}

/* What only the base has: no box can show it. */
static double gone(const struct tree *tree)
{
	double sum = 0;

	for (uint32_t i = 1; i < tree->count; i++) {
		const struct tree_node *node = &tree->nodes[i];

		if (!node->total[TREE_NEW] && tree->nodes[node->parent].total[TREE_NEW])
			sum += (double)node->total[TREE_BASE];
	}
	return sum;
}

static bool has_inlined(const struct tree *tree)
{
	for (uint32_t i = 0; i < tree->count; i++)
		if (ends_with(tree->nodes[i].name, "_[i]"))
			return true;
	return false;
}

static void put_legend(const struct tree *tree, const struct svg_options *options, uint32_t narrow,
		       FILE *out)
{
	const double whole = (double)tree->nodes[0].total[TREE_NEW];
	const double base = (double)tree->nodes[0].total[TREE_BASE];
	uint32_t y = HEAD + rows_of(tree) * ROW + LINE;
	char line[128], text[3][48];

	snprintf(line, sizeof(line), "The whole width is %s.",
		 svg_format(options->unit, whole, text[0], sizeof(text[0])));
	put_line(out, &y, "", line);
	put_line(out, &y, "", "A box stands on its caller; x has no order.");
	if (tree->based) {
		snprintf(line, sizeof(line), "Base: %s.",
			 svg_format(options->unit, base, text[0], sizeof(text[0])));
		put_line(out, &y, "", line);
		put_line(out, &y, "m1m2m3m4", "red: more than in the base");
		put_line(out, &y, "l1l2l3l4", "blue: less; steps 0.3, 1, 3, 10 % of all");
		snprintf(line, sizeof(line), "Only in the base: %s.",
			 svg_format(options->unit, gone(tree), text[1], sizeof(text[1])));
		put_line(out, &y, "", line);
	} else if (options->palette == SVG_OFF_CPU) {
		put_line(out, &y, "", "blocked: it waited; preempted: others ran.");
		put_line(out, &y, "k ", "kernel; other shades only tell boxes apart");
	} else {
		put_line(out, &y, "k ", "kernel; other shades only tell boxes apart");
	}
	if (has_inlined(tree))
		put_line(out, &y, "", "name_[i] was inlined into what it stands on.");
	snprintf(line, sizeof(line), "%u boxes below %g %% are not drawn.", narrow, 100 * LEAST);
	put_line(out, &y, "", line);
}

int svg_write(const struct tree *tree, const struct svg_options *options, FILE *out)
{
	static const char *const palettes[SVG_PALETTES] = { "cpu", "off-cpu" };
	uint32_t lines = 4;
	const uint32_t rows = rows_of(tree);
	uint32_t narrow = 0;

	lines += tree->based ? 3u : options->palette == SVG_OFF_CPU ? 1u : 0u;
	lines += has_inlined(tree) ? 1u : 0u;
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"pendflame %s\" width=\"100%%\" "
		"height=\"%u\" role=\"figure\" aria-label=\"flame graph: ",
		palettes[options->palette], HEAD + rows * ROW + lines * LINE + 6);
	put_text(out, options->title, SIZE_MAX);
	fputs("\">\n<style>/*<![CDATA[*/\n", out);
	fwrite(flame_css, 1, sizeof(flame_css), out);
	fputs("/*]]>*/</style>\n<svg class=\"flame-head\" width=\"100%\" height=\"30\"><title>",
	      out);
	put_text(out, options->title, SIZE_MAX);
	fputs("</title><text x=\"3\" y=\"21\">", out);
	put_text(out, options->title, SIZE_MAX);
	fputs("</text></svg>\n", out);
	if (tree->nodes[0].total[TREE_NEW])
		narrow = put_boxes(tree, options, out);
	put_legend(tree, options, narrow, out);
	fputs("<script>/*<![CDATA[*/\n", out);
	fwrite(flame_js, 1, sizeof(flame_js), out);
	fputs("/*]]>*/</script>\n</svg>\n", out);
	return fflush(out) || ferror(out) ? -EIO : 0;
}
