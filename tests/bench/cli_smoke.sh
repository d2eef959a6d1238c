#!/bin/sh
# SPDX-License-Identifier: MIT
# cli_smoke.sh - every scenario with every implementation, in seconds: accounting must hold, the
# table and the JSON must be whole.
. "$(dirname "$0")/expect.sh"
bench=$1

# Without a second CPU there is no cell of two threads.
threads=1,2
[ "$(nproc)" -ge 2 ] || threads=1

expect 0 "" "$bench" run --smoke --no-progress --threads $threads --json "$scratch/all.json"
cp "$scratch/output" "$scratch/all"
for line in '^pend-complete/handle ' '^pend-complete/key ' '^lookup/hit ' '^lookup/miss ' \
	'^steady/handle ' '^steady/key ' '^full/refuse ' '^trace ' '^again: ' '^JSON: ' \
	'generated from a seed, not recorded, 2000 read' 'times as fast as the best peer' \
	'^  pendmap  *scalar 1T ' '^  pendmap  *batch  1T ' '^  pendmap-id ' \
	'^  pendmap-pointers ' '^  pendmap-engine ' '^  mutex  *scalar 1T ' 'clean'; do
	expect 0 "$line" cat "$scratch/all"
done
for member in '"schema": "pendbench/1"' '"exit_status": 0' '"events_read": 2000' \
	'"generated": true' '"nivcsw":' '"attempted":' '"compiler":' '"scenario": "full/refuse"'; do
	expect 0 "$member" cat "$scratch/all.json"
done
# Lines of the table fit 120 columns; an awk that counts bytes sees a few more.
expect 0 '' awk '/^(again|JSON|note)/ { next } length > 130 { long = 1 } END { exit long }' \
	"$scratch/all"

# The JSON alone on stdout parses, when there is somebody to parse it.
if command -v python3 >/dev/null; then
	"$bench" run --smoke full --json - >"$scratch/stdout.json" 2>/dev/null
	expect 0 '^[1-9]' python3 -c 'import json, sys
run = json.load(open(sys.argv[1]))
rows = [row for cell in run["cells"] for row in cell["rows"]]
for row in rows:
    account = row["account"]
    assert account["inserted"] == account["completed"] + account["live"]
    assert account["refused"] > 0
    assert all(repeat["operations"] > 0 for repeat in row["repeats"])
print(len(rows))' "$scratch/stdout.json"
fi

# The probes: each with its rows and its account, or with the reason why not.
for line in '^complete/origin ' '^complete/batch ' '^frame ' '^unplug/adopt ' '^unplug/storm ' \
	'^unplug/return ' '^exhaust/fill ' '^exhaust/refuse ' '^exhaust/recover ' \
	'^deadline/precision ' '^deadline/churn ' '^drain/sync ' '^drain/async ' '^epoch/enter ' \
	'^epoch/stall ' '^alloc/create ' '^alloc/fill ' '^alloc/pair ' '^classify/chain ' \
	'^classify/read-only ' '^classify/reauthorize ' '^classify/pend ' '^classify/rate '; do
	case $threads:$line in
	1,2:* | *:'^frame '* | *:'^deadline'* | *:'^drain'* | *:'^alloc'* | *enter* | *recover* | \
		*/fill* | *chain* | *only* | *authorize* | *classify/pend*) expect 0 "$line" cat "$scratch/all" ;;
	*) expect 0 'left out: it needs 2 threads' cat "$scratch/all" ;;
	esac
done
if command -v python3 >/dev/null; then
	expect 0 '^[1-9]' python3 -c 'import json, sys
run = json.load(open(sys.argv[1]))
rows = 0
for probe in run["probes"]:
    first = next(iter(probe["units"]))
    assert probe["rows"], probe["scenario"]
    for row in probe["rows"]:
        rows += 1
        if row["skipped"]:
            assert probe["scenario"].split("/")[0] in ("unplug", "alloc", "epoch", "deadline"), row
            continue
        assert first in row["figures"], (probe["scenario"], row["variant"])
        for repeat in row["repeats"]:
            account = repeat["account"]
            assert account["pends"] == account["completions"] + account["live"]
            assert repeat["operations"] > 0, (probe["scenario"], row["variant"])
print(rows)' "$scratch/all.json"
fi

# Their options.
expect 0 '^  2000/s, polled' "$bench" run --smoke classify --rate 2000,5000 --decide fixed \
	--decide-us 50 --pend-percent 50 --no-progress
expect 0 '^  libc ' "$bench" run --smoke alloc --alloc libc --sizes 64 --no-progress
cp "$scratch/output" "$scratch/alloc"
expect 1 '' grep -q '^  own ' "$scratch/alloc"
expect 0 '^deadline/churn' "$bench" run --smoke deadline/churn drain exhaust/recover --sizes 8192 \
	--key-size 64 --value-size 8 --no-progress

# Shapes other than the usual one.
expect 0 '^steady/key' "$bench" run --smoke steady lookup --sizes 64,1000 --batch 7 --key-size 64 \
	--value-size 8 --occupancy 50 --in-order --caller-clock --threads 1
expect 0 'mutex' "$bench" run --smoke steady/key --mode batch --impl pendmap,mutex --threads 1
expect 0 'steady/key .*1Ki 1T' "$bench" run --smoke '*/key' --impl mutex --threads 1
expect 0 '' "$bench" run --smoke pend-complete --impl pendmap --threads 1 --no-progress
finish
