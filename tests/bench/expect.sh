# SPDX-License-Identifier: MIT
# expect.sh - what the cli_*.sh scripts share; they source it.
#
#	expect STATUS PATTERN COMMAND...   runs it: it must exit with STATUS, and PATTERN (basic
#	                                   regular expression, "" for any) must match a line
#	                                   of what it printed, stdout and stderr together
#	finish                             ends the script: 0 if all expectations held
set -u
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
checks=0
failures=0

expect()
{
	want=$1
	pattern=$2
	shift 2
	checks=$((checks + 1))
	"$@" >"$scratch/output" 2>&1 </dev/null
	got=$?
	if [ "$got" -ne "$want" ]; then
		echo "$*: exit status $got, not $want" >&2
	elif [ -n "$pattern" ] && ! grep -q -e "$pattern" "$scratch/output"; then
		echo "$*: printed no line like \"$pattern\"" >&2
	else
		return 0
	fi
	sed 's/^/    /' "$scratch/output" >&2
	failures=$((failures + 1))
}

finish()
{
	echo "$checks checks, $failures failed"
	[ "$failures" -eq 0 ]
	exit
}
