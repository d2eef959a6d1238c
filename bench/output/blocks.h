/* SPDX-License-Identifier: MIT */
/*
 * blocks.h - the figures of one scenario as grids: what the terminal and Markdown both show.
 *
 * Where a scenario was measured at several sizes (occupancies, rates), those are the columns (scene.h
 * says when); otherwise the metrics are. Rows are points and subjects.
 */
#ifndef BENCH_OUTPUT_BLOCKS_H
#define BENCH_OUTPUT_BLOCKS_H

#include "bench/output/grid.h"

#define BENCH_BLOCK_PARTS 5u
#define BENCH_SCENARIOS_MAX 128u

struct bench_block {
	char heading[160]; /* what one operation is, and the point that all rows have in common */
	struct {
		char title[128];
		struct bench_grid grid;
	} parts[BENCH_BLOCK_PARTS];
	uint32_t part_count;
};

/* The names of all scenarios, in the order of the document. Returns how many. */
uint32_t bench_block_scenarios(const struct bench_document *document,
			       const char *names[BENCH_SCENARIOS_MAX]);

/* Makes the block of one scenario. 0 or -ENOMEM; to be freed if 0. */
int bench_block_make(const struct bench_document *document, const char *scenario,
		     struct bench_block *block);
void bench_block_free(struct bench_block *block);

/* Whether series number @index is the first to say why this subject was not measured. */
bool bench_block_is_reason(const struct bench_document *document, uint32_t index);

/* Whether a note says no more than such a reason. */
bool bench_block_is_told(const struct bench_document *document, const char *note);

/* "near 34", "both 34-120": the placement of @count series together; "" where there is none. */
void bench_block_placement(const struct bench_series *const *series, uint32_t count, char *text,
			   size_t size);

/* The targets and what was measured. Has no row if the document has none of the figures. */
void bench_block_headlines(const struct bench_document *document, struct bench_grid *grid);

/* How far timelines of a scenario fall at each event, and how long they take; may have no row. */
void bench_block_dips(const struct bench_document *document, const char *scenario,
		      struct bench_grid *grid);

/* Says of each mark what it means; one text for terminal and Markdown. */
extern const char bench_block_legend[];

#endif
