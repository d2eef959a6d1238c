#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh FOLDER MINUTES - runs the stress programs of FOLDER one after the other, judges their
# figures, and ends with a table: what each came to, how much it did, and its seed. What may not run
# here (77) is said and is no failure. A program that fails says how to repeat what it did.
set -eu
folder=$1
seconds=$(awk -v minutes="$2" 'BEGIN { print int(minutes * 60) }')
# In five minutes: a thousand freezes in each role, and a thousand times all CPUs but one; a million
# histories; 2 * 10^8 operations at a full map.
rounds=$((seconds * 10 / 3))
histories=$((seconds * 10000 / 3))
full=$((seconds * 2000000 / 3))
failed=0
summary=
log=$(mktemp)
trap 'rm -f "$log" "$log.status"' EXIT

# number SCRIPT: what the sed script finds in the log, the last time.
number()
{
	sed -n "$1" "$log" | tail -n 1
}

# one SHARE NAME [ARG...]: about SHARE percent of the time are the program's.
one()
{
	share=$((seconds * $1 / 100))
	name=$2
	shift 2
	echo "== $name $*" >&2
	{
		status=0
		"$folder/stress_$name" --judge --seconds "$((share > 0 ? share : 1))" "$@" || status=$?
		echo "$status" >"$log.status"
	} | tee "$log"
	read -r status <"$log.status"
	case $status in
	0) verdict=passed ;;
	77) verdict='not run' ;;
	*)
		verdict="FAILED ($status)"
		failed=1
		;;
	esac
	summary="$summary$(printf '%-10s %-12s %14s  %s' "$name" "$verdict" \
		"$(number 's/^operations: //p')" \
		"$(number 's/^# stress_.* --seed \([0-9]*\) .*/\1/p')")
"
}

one 5 map
one 3 index
one 5 epoch
one 5 queue
one 60 linear --rounds "$histories"
one 120 exhaust --rounds "$full" --threads 16 # its slowest kind may take its time
one 5 deadline
one 6 runtime
one 3 replace
one 6 thread
one 5 fork
one 5 kill
one 2 lateness
one 2 lateness --fifo
one 15 unplug --rounds "$rounds"
one 20 freeze --rounds "$rounds"
one 1 placement
printf '\n%-10s %-12s %14s  %s\n%s' program verdict operations seed "$summary"
exit $failed
