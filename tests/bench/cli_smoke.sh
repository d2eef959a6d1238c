#!/bin/sh
# SPDX-License-Identifier: MIT
# cli_smoke.sh - every scenario with every implementation, in seconds: accounting must hold, the
# tables and every output must be whole.
. "$(dirname "$0")/expect.sh"
bench=$1

# Without a second CPU there is no cell of two threads.
threads=1,2
[ "$(nproc)" -ge 2 ] || threads=1

expect 0 "" "$bench" run --smoke --no-progress --threads $threads --out "$scratch/all"
cp "$scratch/output" "$scratch/shown"
for line in '^pend-complete/handle ' '^pend-complete/key ' '^lookup/hit ' '^lookup/miss ' \
	'^lookup/zipf ' '^mix/share ' '^steady/handle ' '^steady/key ' '^occupancy/steady ' \
	'^full/refuse ' '^trace ' 'trace: generated from a seed, not recorded, 2000 read' \
	'^frame ' '^exhaust/fill ' '^exhaust/recover ' \
	'^deadline/precision ' '^deadline/churn ' '^drain/sync ' '^drain/async ' '^epoch/enter ' \
	'^alloc/create ' '^alloc/fill ' '^alloc/pair ' '^classify/chain ' '^classify/read-only ' \
	'^classify/reauthorize ' '^classify/pend ' '^memory/entry ' '^again: pendbench run ' \
	"^report: $scratch/all/report.html" 'best peer' '^  1T  pendmap  ' \
	'^  1T  pendmap batch ' '^  1T  pendmap-id ' '^  1T  pendmap-pointers ' \
	'^  1T  pendmap-engine ' '^  1T  mutex  ' '^  1T  rwlock  ' ' clean'; do
	expect 0 "$line" cat "$scratch/shown"
done
if [ "$threads" = 1,2 ]; then
	for line in '^mix/roles ' '^complete/origin ' '^complete/batch ' '^unplug/storm ' \
		'^unplug/adopt ' '^unplug/return ' '^exhaust/refuse ' '^epoch/stall ' \
		'^classify/rate ' '^latency/steady ' '^unplug/timeline ' '^exhaust/timeline ' \
		'^epoch/timeline ' '^  2T  pendmap  '; do
		expect 0 "$line" cat "$scratch/shown"
	done
fi
# Every output, each with something that only it has.
expect 0 '"schema": "pendbench/2"' cat "$scratch/all/results.json"
expect 0 '"exit_status": 0' cat "$scratch/all/results.json"
expect 0 '"trace_events": "2000"' cat "$scratch/all/results.json"
expect 0 'full/refuse' cat "$scratch/all/results.csv"
expect 0 '^|' cat "$scratch/all/results.md"
expect 0 '^# EOF' cat "$scratch/all/metrics.txt"
expect 0 '</html>' cat "$scratch/all/report.html"
expect 1 '' grep -q -e '<script src=' -e 'href="http' "$scratch/all/report.html"
[ "$threads" = 1 ] || expect 0 'latency-steady.*hgrm' ls "$scratch/all"

# What it says adds up, when there is somebody to add.
if command -v python3 >/dev/null; then
	expect 0 '^[1-9]' python3 -c 'import json, sys
run = json.load(open(sys.argv[1]))
assert run["processes"] == 1
for ledger in run["ledgers"]:
    numbers = ledger["numbers"]
    if "attempted" in numbers:
        ended = ["inserted", "refused", "duplicate", "delayed"]
        assert numbers["attempted"] == sum(numbers[name] for name in ended), ledger
        assert numbers["inserted"] == numbers["completed"] + numbers["live"], ledger
    elif "pends" in numbers:
        assert numbers["pends"] == numbers["completions"] + numbers["live"], ledger
for series in run["series"]:
    values = series["values"]["value"]
    assert values or series["skipped"], series
    if series["metric"] == "ns":
        assert all(series["values"]["operations"]), series
refused = [l for l in run["ledgers"] if l["scenario"] == "full/refuse"]
assert all(ledger["numbers"]["refused"] > 0 for ledger in refused)
print(len(run["series"]))' "$scratch/all/results.json"
	expect 0 '' python3 -c 'import sys
for line in open(sys.argv[1], encoding="utf-8"):
    if len(line) > 101 and line.split(":")[0] not in ("again", "report", "json"):
        sys.exit(line)' "$scratch/shown"
	# Every member, fact and metric is described.
	expect 0 '' python3 -B "$(dirname "$0")/schema.py" \
		"$(dirname "$0")/../../bench/schema.md" "$scratch/all/results.json"
	# The JSON alone on stdout parses; tables and progress do not mix with it.
	"$bench" run --smoke full --impl pendmap --json - >"$scratch/stdout.json" 2>/dev/null
	expect 0 '^full/refuse' python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))["series"][0]["scenario"])' "$scratch/stdout.json"
fi
"$bench" run --smoke full --impl pendmap --csv - >"$scratch/stdout.csv" 2>/dev/null
expect 0 'pendmap' cat "$scratch/stdout.csv"
expect 1 '' grep -q 'again:' "$scratch/stdout.csv"

[ "$threads" = 1 ] || expect 0 '^ *Value' sh -c '"$0" run --smoke latency --impl pendmap \
	--rate 20000 --hgrm - 2>/dev/null' "$bench"

# Processes: as many as asked for, all in one document.
expect 0 '^process 2/2' "$bench" run --smoke full --impl pendmap --threads 1 --runs 2 \
	--json "$scratch/two.json"
expect 0 '"processes": 2' cat "$scratch/two.json"
expect 0 '"process": *\[0[0, ]*1[1, ]*\]' cat "$scratch/two.json"

# On a terminal, one line that says how far it is and is wiped in the end.
if command -v script >/dev/null; then
	expect 0 'process 1/1  0:0' script -qec "$bench run full steady --window 100 --smoke \
		--impl pendmap --threads 1 --calls scalar" /dev/null
fi

# Modes, and instructions where there is something to count them.
expect 0 '^steady/key' "$bench" run --smoke steady/key --mode micro --impl pendmap --threads 1
if command -v valgrind >/dev/null && grep -q '"sanitize": ""' "$scratch/all/results.json"; then
	expect 0 'instructions' "$bench" run --smoke full --impl pendmap --threads 1 \
		--calls scalar --count-instructions --json "$scratch/one.json"
	expect 0 '"metric": *"instructions"' cat "$scratch/one.json"
fi

# Options of probes.
[ "$threads" = 1 ] || expect 0 '^classify/rate .*' "$bench" run --smoke classify \
	--rate 2000,5000 --decide fixed --decide-us 50 --pend-percent 50 --no-progress
expect 0 '^  libc ' "$bench" run --smoke alloc --alloc libc --sizes 64 --no-progress
cp "$scratch/output" "$scratch/alloc"
expect 1 '' grep -q '^  own ' "$scratch/alloc"
expect 0 '^deadline/churn' "$bench" run --smoke deadline/churn drain exhaust/recover --sizes 8192 \
	--key-size 64 --value-size 8 --no-progress

# Shapes other than the usual one.
expect 0 '^steady/key' "$bench" run --smoke steady lookup --sizes 64,1000 --batch 7 --key-size 64 \
	--value-size 8 --occupancy 50 --in-order --caller-clock --threads 1
expect 0 'mutex' "$bench" run --smoke steady/key --calls batch --impl pendmap,mutex --threads 1
expect 0 'steady/key .*1Ki 1T' "$bench" run --smoke '*/key' --impl mutex --threads 1
expect 0 '' "$bench" run --smoke pend-complete --impl pendmap --threads 1 --no-progress
expect 0 '^lookup/zipf .*zipf:1.2' "$bench" run --smoke lookup/zipf --keys zipf:1.2 --impl pendmap
expect 0 '^mix/share' "$bench" run --smoke mix/share --mix 100/0/0 --impl pendmap --pin compact
expect 0 '^mix/roles' "$bench" run --smoke mix/roles --roles pend=1,lookup=0,walk=0 --impl pendmap
expect 0 '^occupancy/steady.*' "$bench" run --smoke occupancy --occupancy 10,20 --impl pendmap \
	--numa prefer --pin none
expect 0 '^  +  pendmap' "$bench" run --smoke steady/key --threads 2max --impl pendmap
finish
