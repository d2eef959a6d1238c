/* SPDX-License-Identifier: MIT */
/*
 * refusal.h - whether each refusal as full was one: recorded rounds, judged (guarantee D).
 */
#ifndef STRESS_REFUSAL_H
#define STRESS_REFUSAL_H

#include "stress/harness.h"

/* For @share of the run. */
void refusal_run(struct stress *stress, double share);

#endif
