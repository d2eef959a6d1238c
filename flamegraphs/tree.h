/* SPDX-License-Identifier: MIT */
/*
 * tree.h - folded stacks as a tree: what a flame graph is drawn from.
 *
 * Node 0 is the root, "all". Every other node comes after its parent, so a walk needs no stack.
 * After tree_settle() nodes stand in the order in which they are drawn: each before its callees,
 * callees by name.
 */
#ifndef FLAME_TREE_H
#define FLAME_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define TREE_DEPTH_MAX 1024u
#define TREE_NODES_MAX (1u << 22)

enum tree_side { TREE_NEW, TREE_BASE, TREE_SIDES };

struct tree_node {
	char *name;
	uint32_t parent;
	uint32_t depth;
	uint64_t self[TREE_SIDES];
	uint64_t total[TREE_SIDES]; /* with all callees; after tree_settle() */
	uint64_t begin;             /* where it begins, on the new side; after tree_settle() */
};

struct tree {
	struct tree_node *nodes;
	uint32_t count;
	uint32_t room;
	uint32_t *slots; /* number of a node, or 0; a power of two of them */
	uint32_t slot_count;
	uint32_t depth;      /* of the deepest */
	uint64_t unreadable; /* lines */
	bool based;          /* has a base */
};

/* Adds folded text to one side of @tree, which begins as zeros. 0, -ENOMEM, -EIO, -E2BIG. */
int tree_read(struct tree *tree, FILE *in, enum tree_side side);

/* Sums up and orders. 0 or -ENOMEM; then only tree_free() may follow. */
int tree_settle(struct tree *tree);

void tree_free(struct tree *tree);

#endif
