#!/bin/sh
# SPDX-License-Identifier: MIT
# repeat.sh COUNT PROGRAM... - runs it so many times, until it fails.
set -eu
count=$1
shift
for round in $(seq "$count"); do
	"$@" || {
		status=$?
		echo "round $round: exit status $status"
		exit 1
	}
done
echo "ok: $count rounds"
