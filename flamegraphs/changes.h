/* SPDX-License-Identifier: MIT */
/*
 * changes.h - which functions' own time changed most, as a table.
 */
#ifndef FLAME_CHANGES_H
#define FLAME_CHANGES_H

#include <stdio.h>

#include "flamegraphs/svg.h"
#include "flamegraphs/tree.h"

/* Writes it for a settled tree with a base. 0, -ENOMEM or -EIO. */
int changes_write(const struct tree *tree, enum svg_unit unit, FILE *out);

#endif
