/* SPDX-License-Identifier: MIT */
/*
 * markup.h - whether a page of HTML with SVG in it is well-formed.
 */
#ifndef TESTS_BENCH_MARKUP_H
#define TESTS_BENCH_MARKUP_H

/* Fails the test unless each element is closed in order, attributes are quoted, and texts have
 * neither a '<' nor a bare '&'. */
void markup_check(const char *text);

#endif
