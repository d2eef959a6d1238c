/* SPDX-License-Identifier: MIT */
/*
 * export.h - attributes of the public API.
 */
#ifndef PENDMAP_EXPORT_H
#define PENDMAP_EXPORT_H

#if defined(__GNUC__)
#define PEND_API __attribute__((visibility("default")))
#define PEND_MUST_CHECK __attribute__((warn_unused_result))
#else
#define PEND_API
#define PEND_MUST_CHECK
#endif

#endif
