/* SPDX-License-Identifier: MIT */
/*
 * script.c - the table of script.h: empty, so that everything is real until a test says otherwise.
 */
#include "platform/script.h"

struct pendi_script pendi_script;
