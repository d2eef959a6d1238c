#!/bin/sh
# SPDX-License-Identifier: MIT
# instructions.sh PENDBENCH - instruction counts are the same number each time.
set -eu

pendbench=$1
command -v valgrind >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM

for n in 1 2; do
	"$pendbench" run --smoke --count-instructions pend-complete lookup/hit steady/key \
		--sizes 1Ki --threads 1 --runs 1 --impl pendmap,pendmap-id,mutex \
		--json "$folder/$n.json" >"$folder/$n.txt" 2>&1 || {
		cat "$folder/$n.txt"
		exit 1
	}
	grep '^{"scenario"' "$folder/$n.json" | grep '"metric":"instructions"' |
		sed 's/"pingpong_ns.*//' >"$folder/$n.counts" || true
done

count=$(wc -l <"$folder/1.counts")
if [ "$count" -lt 6 ]; then
	echo "only $count counts"
	exit 1
fi
if ! diff "$folder/1.counts" "$folder/2.counts"; then
	echo "the second run counted differently"
	exit 1
fi
# A number per operation, not of a whole run: between ten and a hundred thousand.
sed 's/.*"value":\[\([0-9]*\).*/\1/' "$folder/1.counts" | while read -r value; do
	if [ "$value" -lt 10 ] || [ "$value" -gt 100000 ]; then
		echo "$value instructions for one operation?"
		exit 1
	fi
done
echo "$count counts, twice the same"
