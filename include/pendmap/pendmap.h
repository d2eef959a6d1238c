/* SPDX-License-Identifier: MIT */
/*
 * pendmap.h - everything.
 */
#ifndef PENDMAP_PENDMAP_H
#define PENDMAP_PENDMAP_H

#include <pendmap/allocator.h>
#include <pendmap/backend.h>
#include <pendmap/continuation.h>
#include <pendmap/control.h>
#include <pendmap/custom_map.h>
#include <pendmap/engine.h>
#include <pendmap/epoch.h>
#include <pendmap/export.h>
#include <pendmap/helpers.h>
#include <pendmap/hook.h>
#include <pendmap/identity.h>
#include <pendmap/link.h>
#include <pendmap/lookup.h>
#include <pendmap/map.h>
#include <pendmap/operation.h>
#include <pendmap/program.h>
#include <pendmap/registry.h>
#include <pendmap/session.h>
#include <pendmap/simulator.h>
#include <pendmap/sock_addr.h>
#include <pendmap/upstream.h>

#endif
