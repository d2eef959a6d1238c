/* SPDX-License-Identifier: MIT */
/*
 * 01_first_map.c - pend two operations, complete one by handle and one by key.
 *
 * A map with 16-byte keys holds operations until somebody gives a verdict. The completion
 * function is told of each verdict once, on the thread that gave it.
 */
#include <pendmap/pendmap.h>
#include <stdio.h>
#include <string.h>

enum { KEY_SIZE = 16, VALUE_SIZE = 32 };

/* What the map calls for each completed operation. */
static void on_complete(void *context, const struct pend_operation *operation)
{
	FILE *out = context;

	fprintf(out, "\"%s\" by %s: %s\n", (const char *)operation->value,
		operation->origin == PEND_ORIGIN_ORCHESTRATOR ? "orchestrator" : "the library",
		operation->action == PEND_ACTION_BLOCK ? "block" : "permit");
}

/* Pends an operation under @key; it carries @text. 0 or a negative errno. */
static int pend(struct pend_map *map, const char key[KEY_SIZE], const char *text, uint64_t *handle)
{
	char value[VALUE_SIZE] = { 0 };
	const struct pend_request request = {
		.key = key,
		.key_size = KEY_SIZE,
		.value = value,
		.value_size = VALUE_SIZE,
	};

	strncpy(value, text, sizeof(value) - 1);
	return pend_map_pend(map, &request, handle);
}

static int use(struct pend_map *map)
{
	static const char push[KEY_SIZE] = "push", removal[KEY_SIZE] = "removal";
	uint64_t pushed, removed;

	if (pend(map, push, "push to main", &pushed) != 0 ||
	    pend(map, removal, "delete branch", &removed) != 0 || pend_map_count(map) != 2)
		return 1;
	printf("two operations wait\n");

	if (pend_map_complete(map, pushed, PEND_ACTION_PERMIT_SOFT) != 0 ||
	    pend_map_complete_key(map, removal, KEY_SIZE, PEND_ACTION_BLOCK) != 0)
		return 1;

	/* The generation in a handle outlives the operation: nobody else's is hit. */
	if (pend_map_complete(map, pushed, PEND_ACTION_BLOCK) >= 0)
		return 1;
	printf("a second verdict is refused\n");

	if (pend_map_count(map) != 0)
		return 1;
	printf("none waits\n");
	return 0;
}

int main(void)
{
	struct pend_map_options options = pend_map_options_default();
	struct pend_map *map;

	options.max_entries = 1024;
	options.key_size = KEY_SIZE;
	options.value_size = VALUE_SIZE;
	options.on_complete = on_complete;
	options.context = stdout;
	if (pend_map_create(&options, &map) != 0)
		return 1;

	const int failed = use(map);

	return pend_map_destroy(map) != 0 || failed;
}
