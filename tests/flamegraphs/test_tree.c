/* SPDX-License-Identifier: MIT */
/*
 * test_tree.c - folded text as a tree, what it looks like, and what changed.
 */
#include "flamegraphs/tree.h"

#include <stdlib.h>

#include "flamegraphs/changes.h"
#include "flamegraphs/svg.h"
#include "tests/flamegraphs/given.h"

static void reads(struct tree *tree, const char *text, enum tree_side side)
{
	FILE *in = given(text);

	cr_assert_eq(tree_read(tree, in, side), 0);
	fclose(in);
}

static char *drawn(const struct tree *tree, const struct svg_options *options)
{
	struct written written;

	written_open(&written);
	cr_assert_eq(svg_write(tree, options, written.out), 0);
	fclose(written.out);
	return written.text;
}

Test(tree, order_and_places)
{
	static const struct {
		const char *name;
		uint32_t parent, depth;
		uint64_t total, begin;
	} expected[] = {
		{ "all", 0, 0, 21, 0 }, { "a", 0, 1, 16, 0 },  { "b", 1, 2, 7, 0 },
		{ "x", 2, 3, 2, 0 },    { "c d", 1, 2, 8, 7 }, { "z", 0, 1, 5, 16 },
		{ "y", 5, 2, 4, 16 },
	};
	struct tree tree = { 0 };

	reads(&tree, "z 1\nz;y 4\na;c d 8\na;b 5\na;b;x 2\na 1\n", TREE_NEW);
	cr_assert_eq(tree_settle(&tree), 0);
	cr_assert_eq(tree.count, 7);
	cr_assert_eq(tree.depth, 3);
	for (uint32_t i = 0; i < tree.count; i++) {
		const struct tree_node *node = &tree.nodes[i];

		cr_assert_str_eq(node->name, expected[i].name);
		cr_assert_eq(node->parent, expected[i].parent);
		cr_assert_eq(node->depth, expected[i].depth);
		cr_assert_eq(node->total[TREE_NEW], expected[i].total);
		cr_assert_eq(node->begin, expected[i].begin);
	}
	tree_free(&tree);
}

Test(tree, lines_that_are_none)
{
	struct tree tree = { 0 };

	reads(&tree, "a;b\n 5\na 1x\n\na; -3\na;;b 2\r\na 99999999999999999999\n", TREE_NEW);
	cr_assert_eq(tree.unreadable, 5);
	cr_assert_eq(tree_settle(&tree), 0);
	cr_assert_eq(tree.nodes[0].total[TREE_NEW], 2);
	cr_assert_eq(tree.count, 3);
	tree_free(&tree);
}

Test(tree, a_deep_stack_is_cut)
{
	struct tree tree = { 0 };
	char *text = calloc(1, 3 * TREE_DEPTH_MAX + 64);

	for (uint32_t i = 0; i < TREE_DEPTH_MAX + 20; i++)
		strcpy(text + 2 * i, i ? ";f" : "ff");
	strcat(text, " 7\n");
	reads(&tree, text, TREE_NEW);
	cr_assert_eq(tree_settle(&tree), 0);
	cr_assert_eq(tree.depth, TREE_DEPTH_MAX);
	cr_assert_eq(tree.nodes[0].total[TREE_NEW], 7);
	free(text);
	tree_free(&tree);
}

Test(tree, many_callees)
{
	struct tree tree = { 0 };
	char *text = calloc(20000, 16), *at = text;

	for (uint32_t i = 0; i < 20000; i++)
		at += sprintf(at, "a;f%u 1\n", i);
	reads(&tree, text, TREE_NEW);
	cr_assert_eq(tree_settle(&tree), 0);
	cr_assert_eq(tree.count, 20002);
	cr_assert_eq(tree.nodes[1].total[TREE_NEW], 20000);
	cr_assert_eq(tree.nodes[20001].begin, 19999);
	free(text);
	tree_free(&tree);
}

Test(tree, numbers_with_units)
{
	char text[48];

	cr_assert_str_eq(svg_format(SVG_PS_EACH, 12345, text, sizeof(text)),
			 "12.3 ns an operation");
	cr_assert_str_eq(svg_format(SVG_PS_EACH, -2345678, text, sizeof(text)),
			 "-2.35 us an operation");
	cr_assert_str_eq(svg_format(SVG_NS, 999, text, sizeof(text)), "999 ns");
	cr_assert_str_eq(svg_format(SVG_US, 2500000, text, sizeof(text)), "2.50 s");
	cr_assert_str_eq(svg_format(SVG_SAMPLES, 7, text, sizeof(text)), "7 samples");
}

Test(tree, hostile_names)
{
	struct tree tree = { 0 };
	char *svg;

	reads(&tree, "</script><b>&\"']]>\x01\xff\xc0\xaf\xed\xa0\x80 \xe2\x82\xac 5\n", TREE_NEW);
	cr_assert_eq(tree_settle(&tree), 0);
	svg = drawn(&tree, &(struct svg_options){ .title = "<&>" });
	cr_assert_not_null(strstr(svg, "&lt;/script&gt;&lt;b&gt;&amp;&quot;']]&gt;??"));
	cr_assert_not_null(strstr(svg, " \xe2\x82\xac\n"));
	cr_assert_not_null(strstr(svg, "flame graph: &lt;&amp;&gt;\""));
	cr_assert_null(strstr(svg, "</script><b>"));
	cr_assert_null(strchr(svg, '\x01'));
	free(svg);
	tree_free(&tree);
}

Test(tree, narrow_boxes_are_counted)
{
	struct tree tree = { 0 };
	char *svg;

	reads(&tree, "wide 100000\nnarrow;deeper 3\n", TREE_NEW);
	cr_assert_eq(tree_settle(&tree), 0);
	svg = drawn(&tree, &(struct svg_options){ .title = "t" });
	cr_assert_not_null(strstr(svg, "<title>wide\n"));
	cr_assert_null(strstr(svg, "narrow\n"));
	cr_assert_not_null(strstr(svg, "2 boxes below 0.1 % are not drawn."));
	free(svg);
	tree_free(&tree);
}

Test(tree, colours_of_a_difference)
{
	struct tree tree = { 0 };
	char *svg;

	reads(&tree, "same 50000\nmore 10000\nless 30000\ngone 10000\n", TREE_BASE);
	reads(&tree, "same 50000\nmore 21000\nless 28000\nfresh 1000\n", TREE_NEW);
	cr_assert_eq(tree_settle(&tree), 0);
	svg = drawn(&tree, &(struct svg_options){ .title = "t", .unit = SVG_PS_EACH });
	cr_assert_not_null(strstr(svg, "same\n50.0 ns an operation, 50.00 %\n"
				       "base 50.0 ns an operation: 0.00 ns an operation"));
	cr_assert_not_null(strstr(svg, ": +11.0 ns an operation</title>"));
	cr_assert_not_null(strstr(svg, ": -2.00 ns an operation</title>"));
	cr_assert_not_null(strstr(svg, "class=\"f m4\""));
	cr_assert_not_null(strstr(svg, "class=\"f l2\""));
	cr_assert_not_null(strstr(svg, "class=\"f d0\""));
	cr_assert_not_null(strstr(svg, "red: more than in the base"));
	cr_assert_not_null(strstr(svg, "Only in the base: 10.0 ns an operation."));
	free(svg);
	tree_free(&tree);
}

Test(tree, table_of_changes)
{
	struct tree tree = { 0 };
	struct written written;

	reads(&tree, "r;a 1000\nr;a;b 4000\nr;c;b 1000\n", TREE_BASE);
	reads(&tree, "r;a 1000\nr;a;b 7500\nr;d 500\n", TREE_NEW);
	cr_assert_eq(tree_settle(&tree), 0);
	written_open(&written);
	cr_assert_eq(changes_write(&tree, SVG_PS_EACH, written.out), 0);
	fclose(written.out);
	cr_assert_str_eq(
		written.text,
		"difference\tbase\tnew\tfunction, without its callees\n"
		"+2.50 ns an operation\t5.00 ns an operation\t7.50 ns an operation\tb\n"
		"+0.50 ns an operation\t0.00 ns an operation\t0.50 ns an operation\td\n"
		"0.00 ns an operation\t1.00 ns an operation\t1.00 ns an operation\ta\n"
		"+3.00 ns an operation\t6.00 ns an operation\t9.00 ns an operation\t(all)\n",
		"%s", written.text);
	free(written.text);
	tree_free(&tree);
}
