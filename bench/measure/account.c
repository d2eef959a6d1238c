/* SPDX-License-Identifier: MIT */
/*
 * account.c - whether what was counted adds up.
 */
#include "bench/measure/account.h"

#include <string.h>

static bool complain(FILE *messages, const char *where, const struct bench_subject *subject)
{
	char size[32];

	snprintf(size, sizeof(size), "%llu", (unsigned long long)subject->shape.max_entries);
	fprintf(messages, "pendbench: wrong: %s, %s, max_entries %s: ", where, subject->impl->name,
		size);
	return false;
}

static bool check_lanes(const struct bench_subject *subject, const char *where, FILE *messages)
{
	for (uint32_t i = 0; i < subject->lane_count; i++) {
		const struct bench_lane *lane = &subject->lanes[i];

		if (!lane->error)
			continue;
		complain(messages, where, subject);
		fprintf(messages, "thread %u: %s: unexpected answer %d (%s)\n", i, lane->error_call,
			lane->error, lane->error < 0 ? strerror(-lane->error) : "success");
		return false;
	}
	return true;
}

bool bench_account_check(const struct bench_subject *subject, const char *where, FILE *messages,
			 struct bench_account *account)
{
	const struct bench_counts counts = bench_subject_counts(subject);
	const uint64_t outcomes =
		counts.inserted + counts.refused + counts.duplicate + counts.delayed;
	char why[160] = "";

	account->counts = counts;
	account->live = subject->impl->live(subject->table);
	if (bench_subject_lost(subject))
		return true; /* and there is nothing to be checked */
	if (!check_lanes(subject, where, messages))
		return false;
	if (counts.attempted != outcomes) {
		complain(messages, where, subject);
		fprintf(messages, "%llu pends attempted, but %llu answered\n",
			(unsigned long long)counts.attempted, (unsigned long long)outcomes);
		return false;
	}
	if (account->live < 0 || counts.inserted != counts.completed + (uint64_t)account->live) {
		complain(messages, where, subject);
		fprintf(messages, "inserted %llu is not completed %llu + live %lld\n",
			(unsigned long long)counts.inserted, (unsigned long long)counts.completed,
			(long long)account->live);
		return false;
	}
	if (subject->impl->audit(subject->table, &counts, why, sizeof(why))) {
		complain(messages, where, subject);
		fprintf(messages, "%s\n", why);
		return false;
	}
	return true;
}
