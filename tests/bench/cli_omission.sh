#!/bin/sh
# SPDX-License-Identifier: MIT
# cli_omission.sh - coordinated omission: a thread that is held up for 4 ms every 250 ms, at 200,000
# operations a second. The response shows it; the service, as a closed loop would tell it, does not.
#
# Whoever else has the CPU is in the service time too, where 250 of 250,000 operations may be hit before
# its p99.9 moves: more than the operations' own CPU time, a tenth of a second, has room for. Still
# that half gets several tries; that the response shows the stall must be so in each.
. "$(dirname "$0")/expect.sh"
bench=$1

command -v python3 >/dev/null || exit 77

# measure STALL: runs, and prints both sides.
measure()
{
	expect 0 '' "$bench" run --smoke --repeats 1 --no-progress latency/steady --impl pendmap \
		--threads 1 --rate 200000 --stall 4ms/250ms --json "$scratch/omission.json"
	python3 - "$scratch/omission.json" >"$scratch/sides" <<'END'
import json, sys
document = json.load(open(sys.argv[1]))
sides = {}
for series in document["series"]:
    if series["scenario"] == "latency/steady":
        sides[series["metric"]] = series["values"]["value"][0]
print("          response us   service us")
for share in ("p50", "p99", "p99.9", "max"):
    print("%-6s %14.1f %12.1f" % (share, sides[share], sides["serve-" + share]))
kinds = {spectrum["kind"]: sum(count for bound, count in spectrum["bars"])
         for spectrum in document["spectra"]}
assert kinds["response"] >= kinds["service"] > 100000, kinds
print("response", "shows" if sides["p99.9"] > 1000 else "hides")
print("service", "shows" if sides["serve-p99.9"] > 500 else "hides")
END
}

for try in 1 2 3 4 5; do
	measure
	cat "$scratch/sides"
	expect 0 '^response shows' cat "$scratch/sides"
	grep -q '^service hides' "$scratch/sides" && break
done
expect 0 '^service hides' cat "$scratch/sides"
finish
