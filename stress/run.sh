#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh FOLDER MINUTES - runs the stress programs of FOLDER one after the other, judges their
# figures, and ends with a line for each. What may not run here (77) is said and is no failure.
set -eu
folder=$1
seconds=$(awk -v minutes="$2" 'BEGIN { print int(minutes * 60) }')
# In five minutes a thousand freezes in each role, and a thousand times all CPUs but one.
rounds=$((seconds * 10 / 3))
failed=0
summary=

# one SHARE NAME [ARG...]: SHARE percent of the time are the program's.
one()
{
	share=$((seconds * $1 / 100))
	name=$2
	shift 2
	echo "== $name" >&2
	status=0
	"$folder/stress_$name" --judge --seconds "$share" "$@" || status=$?
	case $status in
	0) verdict=passed ;;
	77) verdict='not run: not permitted here, see above' ;;
	*)
		verdict="FAILED (exit status $status)"
		failed=1
		;;
	esac
	summary="$summary$(printf '%-10s %s' "$name" "$verdict")
"
}

one 40 unplug --rounds $rounds
one 40 freeze --rounds $rounds
one 10 replace
one 5 lateness
one 5 lateness --fifo
one 0 placement --seconds 3
printf '\n%s' "$summary"
exit $failed
