/* SPDX-License-Identifier: MIT */
/*
 * apart.h - searches in processes of their own.
 */
#ifndef CHECKER_APART_H
#define CHECKER_APART_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "tests/model/checker/checker.h"

struct apart {
	const struct model_scenario *scenario;
	enum model_mode mode;
	pid_t child;
	bool ended;
	FILE *output;                /* what it printed */
	struct model_result *result; /* shared with it */
};

/* False: no memory, no process. apart_end() is due in any case. */
bool apart_start(struct apart *apart, const struct model_scenario *scenario, enum model_mode mode,
		 const struct model_plan *plan);
/* Until one of those that were started has ended. */
void apart_wait(struct apart *searches, uint32_t count);
/* Starts one and waits for it. */
bool apart_run(struct apart *apart, const struct model_scenario *scenario, enum model_mode mode,
	       const struct model_plan *plan);
/* What it printed, each line behind @prefix. */
void apart_print(struct apart *apart, const char *prefix);
void apart_end(struct apart *apart);

#endif
