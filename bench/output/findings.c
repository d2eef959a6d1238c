/* SPDX-License-Identifier: MIT */
/*
 * findings.c - what disturbs figures, and what to do about it.
 */
#include "bench/output/grid.h"

void bench_findings_print(const struct bench_style *style, const struct bench_document *document)
{
	static const struct {
		const char *word;
		enum bench_tone tone;
	} severities[] = {
		[BENCH_WARNING] = { "warning", BENCH_TONE_BAD },
		[BENCH_NOTE] = { "note", BENCH_TONE_STRONG },
		[BENCH_FINE] = { "fine", BENCH_TONE_GOOD },
	};

	for (int severity = BENCH_WARNING; severity >= BENCH_FINE; severity--) {
		for (uint32_t i = 0; i < document->finding_count; i++) {
			const struct bench_finding *finding = &document->findings[i];
			char label[64];

			if ((int)finding->severity != severity)
				continue;
			snprintf(label, sizeof(label), "%-8s %-14s ", severities[severity].word,
				 finding->name);
			bench_print_wrapped(style, severities[severity].tone, label, finding->text);
			if (finding->advice[0])
				bench_print_wrapped(style, BENCH_TONE_FAINT,
						    "                     -> ", finding->advice);
		}
	}
}
