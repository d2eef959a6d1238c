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
expect 2 'unknown command "measure"' "$bench" measure
expect 2 'unknown option "--fast"' "$bench" run --fast
expect 2 'unknown option "--fast"' "$bench" --fast
expect 2 'wants an argument' "$bench" run --threads
expect 2 'unexpected word "twice"' "$bench" list twice
expect 0 'usage: pendbench' "$bench" help
expect 0 '--skip-bad-lines' "$bench" --help
expect 0 'usage: pendbench' "$bench" run --help
expect 0 '^pendbench [0-9]' "$bench" --version
expect 0 'steady/handle' "$bench" list
expect 0 'mutex' "$bench" list

refuse 'no scenario matches "stead"' stead
refuse 'no scenario matches ""' ''
for option in --threads --sizes --batch --repeats --window --key-size --value-size --occupancy \
	--seed --live --events --rate --decide-us --pend-percent; do
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
refuse '"turbo" is unknown' --mode turbo
refuse '"scalar" is unknown or given twice' --mode scalar,scalar
refuse '"nobody" is unknown' --impl nobody
refuse '"mutex" is unknown or given twice' --impl mutex,mutex
refuse '"" is unknown' --impl mutex,
refuse '"tcmalloc" is unknown' --alloc tcmalloc
refuse '"libc" is unknown or given twice' --alloc libc,libc
refuse 'is out of range' --rate 999
refuse 'is out of range' --rate 1000,10000001
refuse 'is not understood' --rate 1000,1000
refuse 'is out of range' --decide-us 1000001
refuse '"uniform" is not understood: fixed or exponential' --decide uniform
refuse 'is out of range' --pend-percent 101

# What contradicts itself.
refuse 'contradict each other' --quick
refuse 'contradict each other' --full
refuse 'contradict each other' trace --strict --skip-bad-lines
refuse '--trace needs the scenario trace' steady --trace file.csv
refuse 'leaves no room for 2 threads with batches of 32' --sizes 64 --batch 32

# What this machine cannot do.
expect 3 'need as many CPUs' "$bench" run --smoke --threads 64 --sizes 64Ki full
expect 3 'No such file or directory' "$bench" run --smoke full --json "$scratch/no/such/file"
finish
