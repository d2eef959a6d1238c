#!/bin/sh
# SPDX-License-Identifier: MIT
# cli_lying_library.sh - a pendmap that lies: every probe that could notice exits 4 and says what.
. "$(dirname "$0")/expect.sh"
lying=$3

if [ "$(nproc)" -lt 2 ]; then
	two=
else
	two='complete/origin complete/batch epoch/stall classify/rate unplug/timeline epoch/timeline'
fi
hooks='classify/chain classify/read-only classify/reauthorize classify/pend'
own="frame exhaust/fill exhaust/recover deadline/precision deadline/churn drain/sync drain/async
	alloc/create alloc/fill alloc/pair latency/steady exhaust/timeline memory/entry $hooks"

# find_out LIE PATTERN SCENARIO...: each must be found out.
find_out()
{
	PENDBENCH_LIE=$1
	export PENDBENCH_LIE
	said=$2
	shift 2
	for scenario in "$@"; do
		expect 4 "wrong: .*$said" "$lying" run --smoke --repeats 1 --no-progress \
			--sizes 1024 --impl pendmap-engine,pendmap-id "$scenario"
	done
}

PENDBENCH_LIE=
export PENDBENCH_LIE
for scenario in $two $own; do
	expect 0 "^$scenario " "$lying" run --smoke --repeats 1 --no-progress --sizes 1024 \
		--impl pendmap-engine,pendmap-id "$scenario"
done
find_out stats '' $two $own
find_out live '' $two $own
[ -z "$two" ] || find_out twice 'than went' complete/origin
[ -z "$two" ] || find_out twice 'were pended\|completed' classify/rate
[ -z "$two" ] || find_out twice 'were told' unplug/timeline
[ -z "$two" ] || find_out never 'were told' unplug/timeline
find_out twice 'told' drain/sync drain/async exhaust/timeline
find_out never 'told' drain/sync drain/async exhaust/timeline
find_out twice 'met their deadline' deadline/precision
find_out never 'met their deadline' deadline/precision
find_out unasked 'times, not\|unexpected answer' $hooks
finish
