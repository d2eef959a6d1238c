/* SPDX-License-Identifier: MIT */
/*
 * consumer.c - the smallest use of an installed pendmap, as C11 and as C++17.
 */
#include <pendmap/pendmap.h>

int main(void)
{
	struct pend_map_options options = pend_map_options_default();
	struct pend_request request = { 0 };
	struct pend_map *map = NULL;
	uint64_t handle = 0;

	options.max_entries = 8;
	if (pend_map_create(&options, &map) != 0)
		return 1;
	if (pend_map_pend(map, &request, &handle) != 0)
		return 2;
	if (pend_map_complete(map, handle, PEND_ACTION_PERMIT_SOFT) != 0)
		return 3;
	if (pend_map_count(map) != 0)
		return 4;
	return pend_map_destroy(map) == 0 ? 0 : 5;
}
