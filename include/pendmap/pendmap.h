/* SPDX-License-Identifier: MIT */
/*
 * pendmap.h - everything.
 */
#ifndef PENDMAP_PENDMAP_H
#define PENDMAP_PENDMAP_H

#include <pendmap/allocator.h>
#include <pendmap/continuation.h>
#include <pendmap/control.h>
#include <pendmap/engine.h>
#include <pendmap/epoch.h>
#include <pendmap/export.h>
#include <pendmap/map.h>
#include <pendmap/session.h>
#include <pendmap/upstream.h>

#endif
