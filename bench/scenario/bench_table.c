/* SPDX-License-Identifier: MIT */
/*
 * bench_table.c - a table of a probe, of any implementation, and its account at the end.
 */
#include "bench/scenario/bench_table.h"

#include "bench/measure/account.h"

int bench_table_open(const struct bench_setting *setting, const struct bench_variant *variant,
		     uint32_t threads, uint64_t live, struct bench_subject *subject)
{
	const struct bench_options *options = setting->options;
	const struct bench_shape shape = { .max_entries = setting->size,
					   .key_size = options->key_size,
					   .value_size = options->value_size,
					   .threads = threads,
					   .seed = options->seed };

	return bench_subject_create(variant->impl, &shape, live, options, subject);
}

int bench_table_close(const struct bench_setting *setting, struct bench_subject *subject,
		      struct bench_sample *sample)
{
	struct bench_account account;
	int error = 0;

	if (!bench_account_check(subject, setting->scenario->name, stderr, &account))
		error = bench_sample_wrong(sample, "the account of the table, see above");
	sample->account.pends = account.counts.inserted;
	sample->account.completions = account.counts.completed;
	sample->account.live = error ? 0 : (uint64_t)account.live;
	/* A table of liburcu is freed only when it is empty. */
	if (!error) {
		bench_subject_drain(subject, setting->team);
		if (subject->impl->live(subject->table) != 0)
			error = bench_sample_wrong(sample, "live after the last was completed");
	}
	bench_subject_destroy(subject);
	return error;
}

uint32_t bench_table_list(const struct bench_setting *setting, struct bench_variant *variants)
{
	const struct bench_options *options = setting->options;
	uint32_t count = 0;

	for (uint32_t i = 0; i < options->impl_count; i++) {
		const struct bench_impl *impl = options->impls[i];
		struct bench_variant variant = { .summary = impl->summary,
						 .impl = impl,
						 .peer = (impl->abilities & BENCH_PEER) != 0 };

		if (impl->remote)
			continue;
		snprintf(variant.name, sizeof(variant.name), "%s", impl->name);
		bench_variant_add(variants, &count, &variant);
	}
	return count;
}
