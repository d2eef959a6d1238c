#!/bin/sh
# SPDX-License-Identifier: MIT
# edges.sh - takes one edge after the other away; helgrind must report it each time.
#
# Usage: edges.sh FOLDER RUNNER...
#
# The programs in FOLDER, a build for valgrind, leave out what the releases of one edge tell it when
# PENDI_PLANT_EDGE names that edge (platform/atomic_annotated.h): to helgrind, each of them is a
# relaxed access then. An edge is found when the run ends with 99 and a data race was reported; the
# same run with no edge taken away must be clean.
#
# Only edges that hand plain memory over can be found so. The others are for other tests
# (docs/memory-order.md). Tried, and not seen:
#
#	sc edges		what is missing is a fence, not a release
#	QU2 SE3 PK3 SH7 DL2	what stands behind them are atomics, between which there is no race
#	GT2			the same: the drain reads slot words, which say the rest (SL1)
#	SH6 SH9 SH10 SH11 SE6 SE7 DB2
#				in these programs a lock, the start or the end of a thread, or another
#				edge orders the plain memory behind them too
#	DL1			seen two times in three: armer and look must meet just then. The thread
#				sanitizer is asked for it (mutant.deadline)
# Exit status: 0 all found, 1 not.
set -u

folder=$1
shift
total=0 found=0
output=$(mktemp) || exit 1
trap 'rm -f "$output"' EXIT

pool="slot/slot.torture_pool --rounds 8000"
index="index/index.torture_index --rounds 8000"
steps="epoch/epoch_native_steps"
epoch="epoch/epoch_conformance_native --rounds 600 --only"
queue="queue/queue.torture_queue --rounds 4000"
shard="shard/shard.torture_shard --rounds 40 --only leave"
ring="session/session.torture_ring --rounds 5000"
loss="session/session.torture_loss --rounds 60"
engine="map/map.torture_engine --rounds 60 --only"

# execute EDGE RUNNER... PROGRAM...: runs it without that edge (none: with all).
execute()
{
	PENDI_PLANT_EDGE=$1
	export PENDI_PLANT_EDGE
	shift
	"$@" >"$output" 2>&1
}

# verdict HOLDS WHAT-IF-IT-DOES WHAT-IF-NOT
verdict()
{
	total=$((total + 1))
	if [ "$1" -eq 0 ]; then
		found=$((found + 1))
		echo "$2"
	else
		echo "$3"
		tail -n 40 "$output" | sed 's/^/# /'
	fi
}

# clean RUNNER... PROGRAM...
clean()
{
	execute none "$@"
	verdict $? "clean: $what" "NOT CLEAN: $what"
}

# reported EDGE RUNNER... PROGRAM...: within three attempts, for threads may not meet in one.
reported()
{
	holds=1
	for attempt in 1 2 3; do
		execute "$@"
		if [ $? -eq 99 ] && grep -q 'Possible data race' "$output"; then
			holds=0
			break
		fi
	done
	said="[$1] what its releases order is not told (helgrind $what: attempt $attempt)"
	verdict $holds "killed: $said" "SURVIVED: $said"
}

# judge PROGRAM EDGE...
judge()
{
	what=${1%% *}
	what=${what#*/}
	case $1 in *--only\ *) what="$what, ${1##* }" ;; esac
	program="$folder/$1"
	shift
	edges=$*
	# shellcheck disable=SC2086 # a program and its arguments
	clean $runner $program
	for edge in $edges; do
		# shellcheck disable=SC2086 # as above
		reported "$edge" $runner $program
	done
}

runner=$*
judge "$pool" FR1 PK2
judge "$index" SL1
judge "$queue" QU1
judge "$shard" SH3 SH4
judge "$ring" SE2
judge "$loss" SE4 SE5
judge "$engine B" SL1 SL3
judge "$engine F" DR1
judge "$steps" EP3 TR1
judge "$epoch torture" EP2
judge "$epoch nodes_arrive_as_they_were_sent" EP4
judge "$epoch barrier_waits_for_a_running_function" EP6

echo "as expected: $found of $total"
[ "$found" -eq "$total" ]
