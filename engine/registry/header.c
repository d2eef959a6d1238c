/* SPDX-License-Identifier: MIT */
/*
 * header.c - versioned headers (F79).
 *
 * A struct that two modules hand each other begins with {version, size, total_size}. size is where
 * its last field ends as its maker knew it, so padding is never counted and a field that fills
 * padding shows. A size that was never one of the struct's is refused, a larger one too: what an older
 * reader does not know it must not ignore.
 */
#include "engine/registry/registry_internal.h"

int pendi_header_check(const struct pend_header *header, uint16_t version, const size_t *sizes,
		       uint32_t count)
{
	if (!header)
		return -EFAULT;
	if (header->version != version)
		return -EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		if (header->size == sizes[i])
			return 0;
	}
	return -EINVAL;
}
