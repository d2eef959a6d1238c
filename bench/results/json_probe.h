/* SPDX-License-Identifier: MIT */
/*
 * json_probe.h - the probes in the JSON.
 */
#ifndef BENCH_RESULTS_JSON_PROBE_H
#define BENCH_RESULTS_JSON_PROBE_H

#include <jansson.h>

#include "bench/scenario/probe.h"

json_t *bench_json_probe(const struct bench_probe_cell *cell);

#endif
