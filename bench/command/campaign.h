/* SPDX-License-Identifier: MIT */
/*
 * campaign.h - processes that measure, in turn: the repeats that count.
 *
 *	for each of N: for each side: spawn `PROGRAM measure ... --process n` --JSON--> merge
 *
 * Sides alternate (and who begins does too), so that whatever the machine does meets them alike.
 * The caller's thread waits; progress is one line for the whole, from what the processes tell.
 */
#ifndef BENCH_COMMAND_CAMPAIGN_H
#define BENCH_COMMAND_CAMPAIGN_H

#include "bench/command/options.h"
#include "bench/model/document.h"

struct bench_side {
	const char *program;     /* NULL: this one */
	const char *label;       /* for progress: "", "old", "new" */
	const char *const *more; /* arguments besides the options', NULL-terminated; or NULL */
	struct bench_document *document; /* initialized by the caller */
};

/*
 * Runs options->processes processes of each side. Returns what to exit with: the worst of theirs;
 * after BENCH_EXIT_WRONG none is started.
 */
int bench_campaign_run(const struct bench_options *options, struct bench_side *sides,
		       uint32_t count);

#endif
