/* SPDX-License-Identifier: MIT */
/*
 * options.h - reading option structs whose size says which version the caller was built with.
 */
#ifndef PENDI_ENGINE_OBJECT_OPTIONS_H
#define PENDI_ENGINE_OBJECT_OPTIONS_H

#include <stddef.h>

#include <pendmap/allocator.h>

/*
 * Copies the caller's struct at @from, whose first field is its own size, over @into, which holds
 * the defaults and is @known bytes long. A caller built with an older library gives fewer bytes,
 * down to @first: the rest stays as it is. One built with a newer library gives more: they must
 * be zero. 0, -EINVAL (too short) or -E2BIG.
 */
int pendi_options_read(void *into, size_t known, size_t first, const void *from);

/* Checks and copies an allocator, or the default one for NULL. 0, -EINVAL or -E2BIG. */
int pendi_options_allocator(struct pend_allocator *into, const struct pend_allocator *from);

/* The reserve for @entries, given what the caller asked; *@reserve is set. 0 or -ERANGE when both
 * together are more than PEND_MAP_ENTRIES_MAX. */
int pendi_options_reserve(uint32_t entries, uint32_t asked, uint32_t *reserve);

#endif
