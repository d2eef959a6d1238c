/* SPDX-License-Identifier: MIT */
/*
 * sites.h - the ordered accesses of the library, and how to weaken one.
 */
#ifndef CHECKER_SITES_H
#define CHECKER_SITES_H

#include <stdbool.h>

struct model_site;

void sites_setup(void);

/* "acquire", ...: as it is now. */
const char *sites_order(const struct model_site *site);

/* One end a line: its number, name, line, kind, order. */
void sites_print(void);

/*
 * Makes one end one step weaker: its number, its name, FILE:LINE (all ends there), EDGE.rel,
 * EDGE.acq or EDGE.sc (all such ends). False, and a word on stderr: there is none.
 */
bool sites_weaken(const char *what);
/* All of them are what they were. */
void sites_restore(void);

/* A fiber executes @site. */
void sites_reach(const struct model_site *site);

/* The names of all ends that fibers have executed, a line each, behind "reaches ". */
void sites_print_reached(void);

#endif
