#!/bin/sh
# SPDX-License-Identifier: MIT
# cli_lying.sh - implementations whose accounting is wrong: each is caught, named, and exits 4.
. "$(dirname "$0")/expect.sh"
lying=$2

# Each lie: its name, what is said about it, and the scenario that finds it.
for lie in 'honest::steady' 'honest::trace' 'loses:unexpected answer:steady' \
	'forgets:is not completed:pend-complete' 'overfills:pend into a full table:full' \
	'mistakes:another operation:lookup/hit' 'invents:unexpected answer:lookup/miss' \
	'audits:seven:steady' 'forgets:is not completed:trace' \
	'loses:unexpected answer:exhaust/fill' 'forgets:is not completed:exhaust/recover'; do
	name=${lie%%:*}
	scenario=${lie##*:}
	pattern=${lie#*:}
	pattern=${pattern%:*}
	if [ "$name" = honest ]; then
		expect 0 "$scenario" "$lying" run --smoke --threads 1 --impl honest \
			--roles pend=1,lookup=0
		continue
	fi
	expect 4 "wrong: .*$name.*$pattern" "$lying" run --smoke --threads 1 \
		--impl "honest,$name" "$scenario" --no-progress --json "$scratch/$name.json"
	expect 0 '"exit_status": 4' cat "$scratch/$name.json"
	# What was wrong is in no table, and in no JSON.
	expect 1 '' grep -q "\"subject\": *\"$name\"" "$scratch/$name.json"
done
finish
