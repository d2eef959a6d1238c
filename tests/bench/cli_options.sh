#!/bin/sh
# SPDX-License-Identifier: MIT
# cli_options.sh - bad command lines: each its message, status 2, nothing run.
. "$(dirname "$0")/expect.sh"
bench=$1

# refuse PATTERN ARGS...: a run with these must be refused.
refuse()
{
	pattern=$1
	shift
	expect 2 "$pattern" "$bench" run --smoke "$@"
}

expect 2 'say what to do' "$bench"
expect 2 'unknown command "meddle"' "$bench" meddle
expect 2 'unknown option "--fast"' "$bench" run --fast
expect 2 'unknown option "--fast"' "$bench" --fast
expect 2 'wants an argument' "$bench" run --threads
expect 2 'unexpected word "twice"' "$bench" doctor twice
expect 2 'usage: pendbench compare BASE' "$bench" compare
expect 2 'usage: pendbench ab OLD NEW' "$bench" ab "$bench"
expect 2 'usage: pendbench report' "$bench" report
expect 2 'unexpected word "three"' "$bench" compare one two three
expect 2 'OLD: nowhere: No such file' "$bench" ab nowhere "$bench" full
expect 2 'NEW: nowhere: No such file' "$bench" ab "$bench" nowhere full
expect 2 'measure wants --result' "$bench" measure --smoke full
expect 2 'no scenario matches "ful"' "$bench" ab "$bench" "$bench" ful

# Help: of everything, and of what applies to a command.
expect 0 'usage: pendbench COMMAND' "$bench" help
expect 0 '^  --skip-bad-lines' "$bench" --help
expect 0 '^  --off-cpu' "$bench" help
expect 0 'usage: pendbench run ' "$bench" run --help
expect 0 '^  --fail-on WHAT' "$bench" help compare
expect 1 '' sh -c '"$0" help compare | grep -q -e --sizes' "$bench"
expect 0 '^  --unwind HOW' "$bench" profile --help
expect 1 '' sh -c '"$0" help | grep -q -e --progress-fd' "$bench"
expect 2 'unknown command "meddle"' "$bench" help meddle
expect 2 '--sizes does not apply to compare; see pendbench help compare' \
	"$bench" compare a b --sizes 64
expect 2 '--off-cpu does not apply to run' "$bench" run --off-cpu
# Every line of the help fits a hundred columns.
expect 0 '' sh -c '"$0" help | awk "length > 100 { print; long = 1 } END { exit long }"' "$bench"

expect 0 '^pendbench [0-9]' "$bench" --version
expect 0 'steady/handle' "$bench" list
expect 0 'mutex' "$bench" list
expect 0 '^  lookup/hit' "$bench" list lookup
expect 1 '' sh -c '"$0" list lookup | grep -q steady' "$bench"
expect 0 '"operation"' "$bench" list --json
if command -v python3 >/dev/null; then
	expect 0 '^steady/key$' sh -c '"$0" list --json | python3 -c "import json, sys
for scenario in json.load(sys.stdin)[\"scenarios\"]: print(scenario[\"name\"])"' "$bench"
	expect 0 '^[1-9]' sh -c '"$0" doctor --json | python3 -c "import json, sys
print(len(json.load(sys.stdin)[\"findings\"]))"' "$bench"
fi
expect 0 '' "$bench" doctor

refuse 'no scenario matches "stead"' stead
refuse 'no scenario matches ""' ''
for option in --threads --sizes --batch --repeats --window --key-size --value-size --occupancy \
	--seed --live --events --rate --decide-us --pend-percent --runs; do
	refuse "$option: \"0\" is out of range" $option 0
	refuse "$option: \"-1\" is out of range" $option -1
	refuse "$option: \"18446744073709551616\" is out of range" $option 18446744073709551616
	refuse "$option: \"17179869184Gi\" is out of range" $option 17179869184Gi
	refuse "$option: \"many\" is not understood" $option many
	refuse "$option: \"\" is not understood" $option ''
	refuse "$option: \"5x\" is not understood" $option 5x
done
refuse 'is not understood' --threads 1,,2
refuse 'is not understood' --threads 1,
refuse 'is not understood' --threads 1,1
refuse 'is too long a list' --threads 1,2,3,4,5,6,7,8,9
refuse 'is out of range' --sizes 1Ki,63
refuse 'is out of range' --sizes 32Mi
refuse 'is out of range' --batch 257
refuse 'is out of range' --key-size 7
refuse 'is out of range' --value-size 4097
refuse 'is out of range' --occupancy 101
refuse 'is out of range' --speed 0
refuse 'is out of range' --speed -2
refuse 'is not understood' --speed fast
refuse 'is not understood' --speed nan
refuse '"turbo" is not understood: throughput, micro, latency' --mode turbo
refuse 'is not understood' --mode micro,micro
refuse '"batch" is not understood: throughput, micro, latency' --mode batch
refuse '"scalar,scalar" is not understood' --calls scalar,scalar
refuse '"" is not understood' --calls ''
refuse '"65" is out of range: 1 to 64' --runs 65
refuse '"max,most" is not understood' --threads max,most
refuse '"50,101" is out of range' --occupancy 50,101
refuse '"zipfy" is not understood: uniform, zipf:' --keys zipfy
refuse 'is out of range' --keys zipf:3
refuse 'is not understood' --keys zipf:
refuse 'is out of range' --keys hot:100
refuse 'is not understood: three percentages' --mix 10/90
refuse 'is not understood: three percentages' --mix 10/45/45/0
refuse 'is out of range: three percentages' --mix 10/45/44
refuse 'is not understood: pend, lookup and walk' --roles pend
refuse 'is not understood' --roles pend=1,pend=1
refuse 'is not understood' --roles run=1
refuse 'is out of range' --roles pend=0
refuse 'is out of range' --roles pend=60,lookup=5
refuse 'is not understood: spread, compact, none' --pin all
refuse 'is not understood: off, prefer, strict' --numa on
refuse 'is not understood: fixed, poisson' --arrival often
refuse 'is not understood: TIME/TIME' --stall 4ms
refuse 'is not understood' --stall 4/250
refuse 'is out of range' --stall 250ms/4ms
refuse 'is out of range' --stall 4ms/11s
refuse 'is not understood: none, auto' --counters all
refuse 'is out of range: 0 to 100' --plant 101
refuse 'is not understood: worse, inconclusive, both' --fail-on better
refuse 'is not understood: auto, or 0% to 100%' --noise 2
refuse 'is out of range' --noise 200%
refuse 'is not understood: letters' --save-baseline ../up
refuse 'is not understood: letters' --save-baseline .hidden
refuse '"" is not understood' --json ''
refuse 'only one output can go to stdout' full --json - --csv -
refuse '"nobody" is unknown' --impl nobody
refuse '"mutex" is unknown or given twice' --impl mutex,mutex
refuse '"" is unknown' --impl mutex,
refuse '"tcmalloc" is not understood: own, libc' --alloc tcmalloc
refuse 'is not understood' --alloc libc,libc
refuse 'is out of range' --rate 999
refuse 'is out of range' --rate 1000,100000001
refuse 'is not understood' --rate 1000,1000
refuse 'is out of range' --decide-us 1000001
refuse '"uniform" is not understood: exponential, fixed' --decide uniform
refuse 'is out of range' --pend-percent 101

# What contradicts itself.
refuse 'contradict each other' --quick
refuse 'contradict each other' --full
refuse 'contradict each other' trace --strict --skip-bad-lines
refuse '--trace needs the scenario trace' steady --trace file.csv
refuse 'leaves no room for 2 threads with batches of 32' --sizes 64 --batch 32

# What this machine cannot do.
expect 5 'No such file or directory' "$bench" run --smoke full --json "$scratch/no/such/file"
expect 5 'Not a directory' "$bench" run --smoke full --out "$bench/folder"
expect 5 'there is no place for baselines' env -u HOME -u XDG_DATA_HOME "$bench" run --smoke \
	--baseline none
finish
