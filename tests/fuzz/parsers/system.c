/* SPDX-License-Identifier: MIT */
/*
 * system.c - any bytes as what the kernel says: a message about a device, a list of CPUs.
 */
#include <stdlib.h>
#include <string.h>

#include "platform/cpu.h"
#include "platform/uevent.h"
#include "tests/fuzz/bytes.h"
#include "tests/support/check.h"

static void hear(const char *message, size_t size)
{
	struct pendi_uevent event, before;
	int heard;

	memset(&before, 0x5a, sizeof(before));
	event = before;
	heard = pendi_uevent_parse(message, size, &event);
	CHECK(heard == 0 || heard == 1);
	if (!heard)
		CHECK(memcmp(&event, &before, sizeof(event)) == 0);
	else
		CHECK(event.type == PENDI_UEVENT_ONLINE || event.type == PENDI_UEVENT_OFFLINE ||
		      event.type == PENDI_UEVENT_OTHER);
}

static void read_list(const char *text, size_t size)
{
	char *list = malloc(size + 1);
	uint32_t bound;

	CHECK(list);
	memcpy(list, text, size);
	list[size] = '\0';
	bound = pendi_cpu_list_bound(list);
	/* A list has a number; and what it is bound by stands in it. */
	CHECK(bound == 0 || list[strcspn(list, "0123456789")] != '\0');
	free(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] & 1)
		hear((const char *)data + 1, size - 1);
	else
		read_list((const char *)data + 1, size - 1);
	return 0;
}
