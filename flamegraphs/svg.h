/* SPDX-License-Identifier: MIT */
/*
 * svg.h - draws a tree as one SVG file that needs nothing else.
 */
#ifndef FLAME_SVG_H
#define FLAME_SVG_H

#include <stdint.h>
#include <stdio.h>

#include "flamegraphs/tree.h"

enum svg_palette { SVG_CPU, SVG_OFF_CPU, SVG_PALETTES };

/* What the numbers of the folded text are. */
enum svg_unit {
	SVG_NS,      /* nanoseconds */
	SVG_US,      /* microseconds */
	SVG_PS_EACH, /* thousandths of a nanosecond for one operation */
	SVG_SAMPLES,
	SVG_UNITS,
};

struct svg_options {
	const char *title;
	enum svg_unit unit;
	enum svg_palette palette;
};

/* "12.3 ns an operation". Returns @text. */
const char *svg_format(enum svg_unit unit, double amount, char *text, size_t size);

/* Draws a settled tree. If it is based, colours say what became more or less than the base.
 * 0 or -EIO. */
int svg_write(const struct tree *tree, const struct svg_options *options, FILE *out);

#endif
