/* SPDX-License-Identifier: MIT */
/*
 * sites.c - the ordered accesses of the library, and how to weaken one.
 *
 * Each access macro leaves a record in the section model_sites. A source that is part of several
 * objects, or a macro that holds an access, leaves several of one place: they are one site here. A
 * site has one or two ends, which weaken one by one: an acq_rel access becomes an acquire or a
 * release, those become relaxed, a fence goes away. The name of an end lasts as long as its
 * function keeps its accesses in order:
 *
 *	engine/slot/slot.c:pendi_slot_publish:SL1.rel
 *	engine/slot/slot.c:pendi_slot_publish:SL1.rel#2     the second of them
 */
#include "tests/model/checker/sites.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/checker/access.h"

extern struct model_site __start_model_sites[], __stop_model_sites[]; /* the linker's */

struct end {
	struct model_site *site; /* the first record of its site */
	uint32_t order;          /* the bit that goes away */
	uint32_t twin;           /* which one of those with the same name */
};

static struct end *ends;
static uint32_t end_count;
static struct model_site **sorted; /* all records */
static uint32_t site_count;
static unsigned char *reached; /* by record */

static const char *file_of(const struct model_site *site)
{
	static const char *const folders[] = { "/engine/", "/epoch/", "/platform/", "/tests/" };
	const char *found;

	for (uint32_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if ((found = strstr(site->file, folders[i])) != NULL)
			return found + 1;
	return site->file;
}

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int compare_sites(const struct model_site *a, const struct model_site *b)
{
	int difference = strcmp(file_of(a), file_of(b));

	if (!difference)
		difference = (a->line > b->line) - (a->line < b->line);
	if (!difference)
		difference = (a->kind > b->kind) - (a->kind < b->kind);
	if (!difference)
		difference = compare_text(a->acquire_edge, b->acquire_edge);
	return difference ? difference : compare_text(a->release_edge, b->release_edge);
}

static int compare_records(const void *a, const void *b)
{
	return compare_sites(*(struct model_site *const *)a, *(struct model_site *const *)b);
}

static const char *edge_of(const struct end *end)
{
	return end->order == MODEL_RELEASE ? end->site->release_edge : end->site->acquire_edge;
}

static const char *suffix_of(const struct end *end)
{
	return end->order == MODEL_RELEASE ? "rel" : end->order == MODEL_ACQUIRE ? "acq" : "sc";
}

static bool same_name(const struct end *a, const struct end *b)
{
	return a->order == b->order && strcmp(file_of(a->site), file_of(b->site)) == 0 &&
	       strcmp(a->site->function, b->site->function) == 0 &&
	       strcmp(edge_of(a), edge_of(b)) == 0;
}

static void add_end(struct model_site *site, uint32_t order)
{
	struct end *end = &ends[end_count];

	*end = (struct end){ site, order, 1 };
	for (uint32_t i = 0; i < end_count; i++)
		end->twin += same_name(&ends[i], end);
	end_count++;
}

static void *get(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory) {
		perror("model: calloc");
		exit(2);
	}
	return memory;
}

void sites_setup(void)
{
	site_count = (uint32_t)(__stop_model_sites - __start_model_sites);
	sorted = get(site_count + 1, sizeof(struct model_site *));
	ends = get(2 * site_count + 1, sizeof(*ends));
	reached = get(site_count + 1, 1);
	for (uint32_t i = 0; i < site_count; i++)
		sorted[i] = &__start_model_sites[i];
	qsort(sorted, site_count, sizeof(struct model_site *), compare_records);
	for (uint32_t i = 0; i < site_count; i++) {
		if (i && compare_sites(sorted[i - 1], sorted[i]) == 0)
			continue;
		for (uint32_t order = MODEL_ACQUIRE; order <= MODEL_SEQ_CST; order *= 2)
			if (sorted[i]->order & order)
				add_end(sorted[i], order);
	}
}

static void name_end(const struct end *end, char *name, size_t size)
{
	int length = snprintf(name, size, "%s:%s:%s.%s", file_of(end->site), end->site->function,
			      edge_of(end), suffix_of(end));

	if (end->twin > 1 && length > 0 && (size_t)length < size)
		(void)snprintf(name + length, size - (size_t)length, "#%u", end->twin);
}

const char *sites_order(const struct model_site *site)
{
	static const char *const orders[] = { "relaxed", "acquire", "release", "acq_rel",
					      "seq_cst" };

	return orders[site->now];
}

void sites_print(void)
{
	static const char *const kinds[] = {
		[MODEL_LOAD_] = "load",         [MODEL_STORE_] = "store",
		[MODEL_CAS_] = "cas",           [MODEL_EXCHANGE_] = "exchange",
		[MODEL_ADD_] = "add",           [MODEL_FENCE_] = "fence",
		[MODEL_FENCE_LIGHT_] = "light", [MODEL_FENCE_AFTER_RMW_] = "fence-after-rmw",
		[MODEL_FENCE_HEAVY_] = "heavy",
	};
	char name[256];

	for (uint32_t i = 0; i < end_count; i++) {
		name_end(&ends[i], name, sizeof(name));
		printf("%4u %s line %u %s %s\n", i, name, ends[i].site->line,
		       kinds[ends[i].site->kind], sites_order(ends[i].site));
	}
}

static bool is_meant(uint32_t number, const char *what)
{
	const struct end *end = &ends[number];
	char text[256];

	(void)snprintf(text, sizeof(text), "%u", number);
	if (strcmp(text, what) == 0)
		return true;
	name_end(end, text, sizeof(text));
	if (strcmp(text, what) == 0)
		return true;
	(void)snprintf(text, sizeof(text), "%s:%u", file_of(end->site), end->site->line);
	if (strcmp(text, what) == 0)
		return true;
	(void)snprintf(text, sizeof(text), "%s.%s", edge_of(end), suffix_of(end));
	return strcmp(text, what) == 0;
}

bool sites_weaken(const char *what)
{
	bool found = false;

	for (uint32_t i = 0; i < end_count; i++) {
		if (!is_meant(i, what))
			continue;
		found = true;
		for (uint32_t j = 0; j < site_count; j++)
			if (compare_sites(ends[i].site, sorted[j]) == 0)
				sorted[j]->now &= (uint8_t)~ends[i].order;
	}
	if (!found)
		fprintf(stderr, "model: no ordered access is called %s\n", what);
	return found;
}

void sites_restore(void)
{
	for (uint32_t i = 0; i < site_count; i++)
		sorted[i]->now = sorted[i]->order;
}

void sites_reach(const struct model_site *site)
{
	reached[site - __start_model_sites] = 1;
}

void sites_print_reached(void)
{
	char name[256];

	for (uint32_t i = 0; i < end_count; i++) {
		bool any = false;

		for (uint32_t j = 0; j < site_count; j++)
			any |= reached[sorted[j] - __start_model_sites] &&
			       compare_sites(ends[i].site, sorted[j]) == 0;
		if (!any)
			continue;
		name_end(&ends[i], name, sizeof(name));
		printf("reaches %s\n", name);
	}
}
