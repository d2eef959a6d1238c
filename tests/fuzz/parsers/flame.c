/* SPDX-License-Identifier: MIT */
/*
 * flame.c - any bytes as what perf prints: it is folded, and what comes of that is read as a tree
 * whose sums agree. (Times of years are folded, and not read again.)
 */
#include <stdlib.h>
#include <string.h>

#include "flamegraphs/fold.h"
#include "flamegraphs/tree.h"
#include "tests/fuzz/parsers/input_file.h"

static void grow_tree(char *folded, size_t size)
{
	FILE *in = fmemopen(folded, size, "r");
	struct tree tree = { 0 };
	uint64_t sum = 0;

	CHECK(in);
	CHECK_INT(tree_read(&tree, in, TREE_NEW), ==, 0);
	CHECK_INT(tree_settle(&tree), ==, 0);
	for (uint32_t i = 0; i < tree.count; i++) {
		CHECK(i == 0 || tree.nodes[i].parent < i);
		sum += tree.nodes[i].self[TREE_NEW];
	}
	if (tree.count)
		CHECK_U64(tree.nodes[0].total[TREE_NEW], ==, sum);
	tree_free(&tree);
	(void)fclose(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fold_options options = { 0 };
	struct fold_summary summary = { 0 };
	FILE *in = fopen(input_file(data, size), "r"), *out;
	char *folded = NULL;
	size_t folded_size = 0;

	CHECK(in);
	out = open_memstream(&folded, &folded_size);
	CHECK(out);
	CHECK_INT(fold(in, out, &options, &summary), ==, 0);
	(void)fclose(in);
	(void)fclose(out);
	if (folded_size)
		grow_tree(folded, folded_size);
	free(folded);
	return 0;
}
