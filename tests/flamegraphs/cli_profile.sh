#!/bin/sh
# SPDX-License-Identifier: MIT
# cli_profile.sh PENDBENCH - records a scenario as users do: what is written, what is refused.
set -eu
pendbench=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
mkdir left
export TMPDIR="$scratch/left"

fail()
{
	echo "FAILED: $*"
	cat said 2>/dev/null || true
	exit 1
}

# refused STATUS WORDS ARGS of pendbench profile
refused()
{
	expected=$1
	words=$2
	shift 2
	status=0
	"$pendbench" profile "$@" >said 2>&1 || status=$?
	[ "$status" -eq "$expected" ] || fail "profile $*: status $status"
	grep -q "$words" said || fail "profile $*: does not say \"$words\""
}

refused 2 'one scenario' steady
refused 2 'one scenario' lookup/hit lookup/miss
refused 2 'one implementation' --impl pendmap,mutex lookup/hit
refused 2 'nowhere' --diff nowhere lookup/hit
refused 2 'time' --time 0 lookup/hit
mkdir empty
status=0
PATH=$scratch/empty "$pendbench" profile --out out lookup/hit >said 2>&1 || status=$?
if [ "$status" -ne 5 ] || ! grep -q linux-perf said; then
	fail "perf is not here: status $status"
fi

if ! perf record -q -N -e cpu-clock -o try.data -- true >/dev/null 2>&1; then
	echo 'skipped: perf is not here or may not record'
	exit 77
fi

# has FILE WORDS
has()
{
	grep -q "$2" "$1" || fail "$1 lacks \"$2\""
}

"$pendbench" profile --time 1 --out out lookup/hit >said 2>&1 || fail 'profile lookup/hit'
has said 'out/lookup_hit.svg'
has out/lookup_hit.svg 'lookup/hit, pendmap: time on a CPU'
has out/lookup_hit.folded '^pendbench;measure_lane;.*pend.* [0-9]*$'
! grep -v '^pendbench;measure_lane' out/lookup_hit.folded || fail 'not only windows are drawn'
has out/lookup_hit.json '"unit": "ps-each"'
has out/lookup_hit.json '"operations": [1-9]'
has out/lookup_hit.json '"samples": [1-9]'
has out/lookup_hit.json '"commit": "'
has out/lookup_hit.json '"perf": "perf version'
has out/lookup_hit.json '"command": "pendbench profile'

"$pendbench" profile --time 1 --out out --calls batch --diff out/lookup_hit.folded lookup/hit \
	>said 2>&1 || fail 'profile --diff'
has out/lookup_hit-batch-diff.svg 'red: more than in the base'
has said '(all)'

"$pendbench" profile --time 1 --out out classify/chain >said 2>&1 || fail 'profile classify/chain'
has out/classify_chain.json '"unit": "ns"'
has out/classify_chain.json '"operations": null'
refused 2 'it counts ns' --time 1 --out out --diff out/classify_chain.folded lookup/hit

if [ "$(id -u)" -eq 0 ] && perf record -q -N -e sched:sched_switch -o try.data -- true \
	>/dev/null 2>&1; then
	"$pendbench" profile --time 1 --out out --off-cpu --impl mutex --threads 2 steady/key \
		>said 2>&1 || fail 'profile --off-cpu'
	has out/steady_key-mutex-off-cpu.folded '^blocked;.*lock'
	has out/steady_key-mutex-off-cpu.svg 'time off the CPU'
fi
[ -z "$(find "$TMPDIR" -mindepth 1)" ] || fail 'something is left behind'
