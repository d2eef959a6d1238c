/* SPDX-License-Identifier: MIT */
/*
 * tree.c - reads folded text and orders the nodes.
 *
 * A node is found by its parent and its name in a hash table with open addressing, at most half
 * full. Lines may come in any order and any length; a stack beyond the depth is cut at its leaf.
 */
#include "flamegraphs/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t hash_of(uint32_t parent, const char *name, size_t length)
{
	uint32_t hash = 2166136261u ^ parent * 2654435761u;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)name[i]) * 16777619u;
	return hash ^ hash >> 15;
}

static uint32_t *slot_of(const struct tree *tree, uint32_t parent, const char *name, size_t length)
{
	const uint32_t mask = tree->slot_count - 1;
	uint32_t at = hash_of(parent, name, length) & mask;

	for (; tree->slots[at]; at = (at + 1) & mask) {
		const struct tree_node *node = &tree->nodes[tree->slots[at]];

		if (node->parent == parent && strlen(node->name) == length &&
		    memcmp(node->name, name, length) == 0)
			break;
	}
	return &tree->slots[at];
}

static int grow(struct tree *tree)
{
	const uint32_t room = tree->room ? tree->room * 2 : 256;
	struct tree_node *nodes;
	uint32_t *slots;

	if (room > TREE_NODES_MAX)
		return -E2BIG;
	nodes = realloc(tree->nodes, room * sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	tree->nodes = nodes;
	slots = calloc((size_t)room * 2, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(tree->slots);
	tree->slots = slots;
	tree->slot_count = room * 2;
	tree->room = room;
	for (uint32_t i = 1; i < tree->count; i++)
		*slot_of(tree, nodes[i].parent, nodes[i].name, strlen(nodes[i].name)) = i;
	return 0;
}

/* The callee of that name, which is added if there is none. 0 or a negative errno. */
static int find(struct tree *tree, uint32_t parent, const char *name, size_t length,
		uint32_t *found)
{
	const int error = tree->count == tree->room ? grow(tree) : 0;
	const uint32_t depth = tree->count ? tree->nodes[parent].depth + 1 : 0;
	uint32_t *slot;
	char *copy;

	if (error)
		return error;
	slot = slot_of(tree, parent, name, length);
	*found = *slot;
	if (*slot)
		return 0;
	copy = malloc(length + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, name, length);
	copy[length] = '\0';
	*found = tree->count++;
	tree->nodes[*found] = (struct tree_node){ .name = copy, .parent = parent, .depth = depth };
	if (depth > tree->depth)
		tree->depth = depth;
	if (*found) /* the root is nobody's callee */
		*slot = *found;
	return 0;
}

/* "a;b;c 12": where the number begins, or NULL. */
static char *amount_of(char *line, uint64_t *amount)
{
	char *space = strrchr(line, ' '), *end;

	if (!space || space == line || space[1] < '0' || space[1] > '9')
		return NULL;
	errno = 0;
	*amount = strtoull(space + 1, &end, 10);
	return *end || errno || *amount > UINT64_MAX / 65536 ? NULL : space;
}

static int add_line(struct tree *tree, char *line, enum tree_side side)
{
	uint64_t amount;
	char *end = amount_of(line, &amount);
	uint32_t at = 0;

	if (!end) {
		tree->unreadable++;
		return 0;
	}
	for (char *name = line; name < end && tree->nodes[at].depth < TREE_DEPTH_MAX;) {
		const size_t length = strcspn(name, ";"), left = (size_t)(end - name);
		const size_t size = length < left ? length : left;
		const int error = size ? find(tree, at, name, size, &at) : 0;

		if (error)
			return error;
		name += size + 1;
	}
	tree->nodes[at].self[side] += amount;
	return 0;
}

int tree_read(struct tree *tree, FILE *in, enum tree_side side)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	uint32_t root;
	int error = tree->count ? 0 : find(tree, 0, "all", 3, &root);

	tree->based |= side == TREE_BASE;
	errno = 0;
	while (!error && (length = getline(&line, &room, in)) >= 0) {
		while (length && (line[length - 1] == '\n' || line[length - 1] == '\r'))
			line[--length] = '\0';
		if (length)
			error = add_line(tree, line, side);
	}
	if (!error && !feof(in))
		error = errno == ENOMEM ? -ENOMEM : -EIO;
	free(line);
	return error;
}

/* ---- order ---- */

struct sorted {
	const struct tree_node *node;
	uint32_t number;
};

static int by_parent_and_name(const void *a, const void *b)
{
	const struct sorted *one = a, *other = b;

	if (one->node->parent != other->node->parent)
		return one->node->parent < other->node->parent ? -1 : 1;
	return strcmp(one->node->name, other->node->name);
}

/*
 * Numbers the nodes as they are drawn. @sorted has all callees of a node together; @first says
 * where those of each begin. What is to be done is kept in @todo, the next one last.
 */
static void number_nodes(const struct tree *tree, const struct sorted *sorted,
			 const uint32_t *first, uint32_t *todo, uint32_t *order)
{
	uint32_t waiting = 1, done = 0;

	todo[0] = 0;
	while (waiting) {
		const uint32_t at = todo[--waiting];
		uint32_t end = first[at];

		order[done++] = at;
		while (end < tree->count && sorted[end].number && sorted[end].node->parent == at)
			end++;
		while (end > first[at])
			todo[waiting++] = sorted[--end].number;
	}
}

/* Puts the nodes in that order, and their parents' numbers with them. */
static void put_in_order(struct tree *tree, struct tree_node *nodes, const uint32_t *order,
			 uint32_t *place)
{
	for (uint32_t i = 0; i < tree->count; i++)
		place[order[i]] = i;
	for (uint32_t i = 0; i < tree->count; i++) {
		nodes[i] = tree->nodes[order[i]];
		nodes[i].parent = place[nodes[i].parent];
	}
	free(tree->nodes);
	tree->nodes = nodes;
	tree->room = tree->count;
}

static void sum_up(struct tree *tree)
{
	struct tree_node *nodes = tree->nodes;
	uint64_t end[TREE_DEPTH_MAX + 1]; /* of the last node of each depth */

	for (uint32_t i = 0; i < tree->count; i++)
		for (uint32_t side = 0; side < TREE_SIDES; side++)
			nodes[i].total[side] = nodes[i].self[side];
	for (uint32_t i = tree->count; i-- > 1;)
		for (uint32_t side = 0; side < TREE_SIDES; side++)
			nodes[nodes[i].parent].total[side] += nodes[i].total[side];
	for (uint32_t i = 0; i < tree->count; i++) {
		const struct tree_node *parent = &nodes[nodes[i].parent];
		const bool first = i == 0 || nodes[i].parent == i - 1;

		nodes[i].begin = first ? parent->begin : end[nodes[i].depth];
		end[nodes[i].depth] = nodes[i].begin + nodes[i].total[TREE_NEW];
	}
}

int tree_settle(struct tree *tree)
{
	const size_t count = tree->count;
	struct sorted *sorted = calloc(count, sizeof(*sorted));
	struct tree_node *nodes = calloc(count, sizeof(*nodes));
	uint32_t *numbers = calloc(count * 3, sizeof(*numbers));
	int error = 0;

	if (!sorted || !nodes || !numbers) {
		free(nodes);
		error = -ENOMEM;
	} else {
		for (uint32_t i = 0; i < count; i++)
			sorted[i] = (struct sorted){ &tree->nodes[i], i };
		qsort(sorted + 1, count - 1, sizeof(*sorted), by_parent_and_name);
		for (uint32_t i = (uint32_t)count; i-- > 1;)
			numbers[sorted[i].node->parent] = i;
		number_nodes(tree, sorted, numbers, numbers + count, numbers + 2 * count);
		put_in_order(tree, nodes, numbers + 2 * count, numbers + count);
		sum_up(tree);
	}
	free(numbers);
	free(sorted);
	return error;
}

void tree_free(struct tree *tree)
{
	for (uint32_t i = 0; i < tree->count; i++)
		free(tree->nodes[i].name);
	free(tree->nodes);
	free(tree->slots);
	*tree = (struct tree){ 0 };
}
