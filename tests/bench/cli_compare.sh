#!/bin/sh
# SPDX-License-Identifier: MIT
# cli_compare.sh - did it change? Documents made up for the purpose, and runs of this program: what
# is said, what is refused, and what is exited with.
. "$(dirname "$0")/expect.sh"
bench=$1
XDG_DATA_HOME=$scratch/data
export XDG_DATA_HOME
cd "$scratch" || exit 1

# document NAME NS [PREEMPTED [PROCESSES [FINGERPRINT [SCHEMA]]]]: four values for each process,
# within half a percent of NS.
document()
{
	awk -v ns="$2" -v preempted="${3:-0}" -v processes="${4:-8}" -v host="${5:-here}" \
		-v schema="${6:-pendbench/2}" '
		function column(name, kind, value, n) {
			printf "%s\"%s\": [", kind == 0 ? "" : ", ", name
			for (n = 0; n < 4 * processes; n++) {
				value = kind == 0 ? ns * (1 + (n * 7 % 11 - 5) / 1000) : \
					kind == 1 ? 1000 : kind == 2 ? preempted : \
					kind == 3 ? int(n / 4) : n % 4
				printf "%s%s", n ? ", " : "", value
			}
			printf "]"
		}
		BEGIN {
			printf "{\"schema\": \"%s\", \"exit_status\": 0, \"processes\": %d, " \
				"\"host\": {\"fingerprint\": \"%s\", \"cpu\": \"made up\"}, " \
				"\"build\": {\"type\": \"Release\"}, \"config\": {}, \"series\": [{" \
				"\"scenario\": \"steady/key\", \"subject\": \"pendmap\", " \
				"\"metric\": \"ns\", \"unit\": \"ns\", \"primary\": true, " \
				"\"better\": \"less\", \"point\": {\"size\": 1024, \"threads\": 1}, " \
				"\"values\": {", schema, processes, host
			column("value", 0); column("operations", 1); column("preempted", 2)
			column("process", 3); column("repeat", 4)
			print "}}]}"
		}' >"$1.json"
}

document base 50
document same 50.2
document worse 53
document better 47
document few 53 0 4
document dirty 53 9
document elsewhere 50 0 8 there
document older 50 0 8 here pendbench/1
head -c 700 base.json >cut.json
echo '{"schema": "something"}' >other.json

expect 0 'no change' "$bench" compare base.json same.json --fail-on both
expect 0 'slower' "$bench" compare base.json worse.json
expect 1 'slower' "$bench" compare base.json worse.json --fail-on worse
expect 1 'slower' "$bench" compare base.json worse.json --fail-on both
expect 0 'slower' "$bench" compare base.json worse.json --fail-on inconclusive
expect 0 'faster' "$bench" compare base.json better.json --fail-on both
expect 3 'inconclusive' "$bench" compare base.json few.json --fail-on inconclusive
expect 3 'inconclusive' "$bench" compare base.json dirty.json --fail-on both
expect 0 'inconclusive' "$bench" compare base.json dirty.json --fail-on worse
# The threshold is what was asked for.
expect 0 'no change' "$bench" compare base.json worse.json --noise 10% --fail-on both
expect 1 'slower' "$bench" compare base.json worse.json --noise 3% --fail-on both

# What is refused.
expect 2 'different machines: here, made up; there' "$bench" compare base.json elsewhere.json
expect 0 'no change' "$bench" compare base.json elsewhere.json --force
expect 2 'older.json: its version is pendbench/1' "$bench" compare base.json older.json
expect 2 'cut.json: ' "$bench" compare base.json cut.json
expect 2 'other.json: it is not a document of pendbench' "$bench" compare other.json base.json
expect 2 'none.json: No such file' "$bench" compare base.json none.json
expect 2 'nobody.json: No such file' "$bench" compare nobody base.json
expect 2 'share no series of the metric p99' "$bench" compare base.json same.json --metric p99
expect 2 'does not say how it was measured' "$bench" compare base.json
expect 5 'No such file' "$bench" compare base.json same.json --markdown no/such/file

# What makes it a comparison of something else is warned of.
sed 's/Release/Debug/' same.json >debug.json
expect 0 'warning: the build differs in type: "Release", then "Debug"' \
	"$bench" compare base.json debug.json

# Outputs, and a folder of them that is made again.
expect 0 'report: folder/report.html' "$bench" compare base.json worse.json --out folder
for file in results.json base.json results.csv results.md metrics.txt report.html; do
	expect 0 '' test -s folder/$file
done
expect 0 'slower' cat folder/results.md
cp folder/results.json kept.json
rm folder/report.html folder/results.csv
expect 0 'report: folder/report.html' "$bench" report folder
expect 0 'steady/key' cat folder/results.csv
expect 0 '<html' cat folder/report.html
expect 0 '' cmp kept.json folder/results.json
expect 0 'markdown: only.md' "$bench" report kept.json --markdown only.md
expect 0 'steady/key' cat only.md

# Baselines: a run now, judged by one then. Machines are noisy, so either verdict will do.
short='full --smoke --threads 1 --impl pendmap --calls scalar --no-progress'
# shellcheck disable=SC2086 # words
{
	expect 0 "baseline then: $scratch/data/pendbench/then.json" \
		"$bench" run $short --save-baseline then
	expect 0 '"processes": 8' cat "$scratch/data/pendbench/then.json"
	expect 0 'full/refuse' "$bench" compare then --no-progress
	expect 0 'full/refuse' "$bench" run $short --baseline then
	expect 2 'nobody.json: No such file' "$bench" run $short --baseline nobody

	# Two programs in turn, and how much one varies.
	expect 0 'full/refuse' "$bench" ab "$bench" "$bench" $short --runs 5 --out ab
	expect 0 '"processes": 5' cat ab/base.json
	expect 5 'process 1 new ended with status 1' "$bench" ab "$bench" /bin/false $short
	expect 0 'full/refuse.* %' "$bench" noise $short --runs 5
	expect 0 '"noise' sh -c 'echo "\"$(ls data/pendbench)"'
	expect 0 '' "$bench" compare ab/base.json ab/results.json
}

# gone PID...: whether none of them runs, within ten seconds.
gone()
{
	for try in 0 1 2 3 4 5 6 7 8 9; do
		alive=
		for process; do
			! grep -q "^State:[^Z]*$" "/proc/$process/status" 2>/dev/null || alive=$process
		done
		[ -n "$alive" ] || return 0
		sleep 1
	done
	echo "process $alive runs on" >&2
	return 1
}

# A run that is interrupted, or killed, takes its process with it.
for signal in TERM KILL; do
	"$bench" run full --window 10000 --threads 1 --no-progress >/dev/null 2>&1 &
	run=$!
	child=
	for try in 0 1 2 3 4 5 6 7 8 9; do
		child=$(cat "/proc/$run/task/$run/children" 2>/dev/null) || break
		[ -z "$child" ] || break
		sleep 1
	done
	kill -s $signal $run
	wait $run 2>/dev/null
	expect 0 '' test $? -ge 129
	[ -z "$child" ] || expect 0 '' gone $child
done
finish
