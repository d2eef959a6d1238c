#!/bin/sh
# SPDX-License-Identifier: MIT
# mutants.sh - breaks the epoch in one place at a time; the suite must notice each time.
#
# Usage: mutants.sh SOURCE_ROOT COMPILER WORK_FOLDER [NAME]
#
# A mutant is one sed edit of a copy of one file, or of each of several. It must compile, and it is
# killed when the named test says what does not hold (or, for a memory order, the thread sanitizer
# reports a race). A crash or a timeout alone kills nothing. The unedited sources must pass the same
# way.
# Exit status: 0 all killed, 1 not, 77 the compiler has no thread sanitizer.
set -u

root=$1 compiler=$2 work=$3 only=${4:-}
flags="-std=c17 -D_GNU_SOURCE -DPENDI_THREADS=64u -O1 -g"
total=0 killed=0
export TSAN_OPTIONS=halt_on_error=1:history_size=4:exitcode=66

mkdir -p "$work/tree/epoch" "$work/plain" "$work/tsan" || exit 1
printf 'int main(void){return 0;}\n' >"$work/probe.c"
$compiler -fsanitize=thread "$work/probe.c" -o "$work/probe" 2>/dev/null || exit 77

# compile MODE SOURCE OBJECT
compile() {
	set -- "$1" "$2" "$3" ""
	[ "$1" = tsan ] && set -- "$1" "$2" "$3" -fsanitize=thread
	# The copy comes first, so that it is what "epoch/native.c" means.
	$compiler $flags $4 -DPENDI_EPOCH_START=0xfffffff8u -I"$work/tree" -I"$root" \
		-I"$root/include" -I"$root/tests/epoch" -c "$2" -o "$3"
}

# What no mutant touches is compiled once for each mode.
for mode in plain tsan; do
	for source in "$root"/platform/*.c "$root"/tests/epoch/conformance.c \
		"$root"/tests/epoch/sections.c "$root"/tests/epoch/torture.c \
		"$root"/tests/epoch/threads.c; do
		compile $mode "$source" "$work/$mode/$(basename "$source" .c).o" || exit 1
	done
done

# build MODE PROGRAM: PROGRAM is native or urcu (the conformance suite) or script
build() {
	rm -f "$work"/tree/*.o
	sanitize= libraries= sources="thread stall api $2"
	[ "$1" = tsan ] && sanitize=-fsanitize=thread
	[ "$2" = urcu ] && libraries="-lurcu-memb -lurcu-common"
	[ "$2" = native ] && sources="$sources native_wait"
	[ "$2" = script ] && sources="thread stall native_wait"
	for source in $sources; do
		compile "$1" "$work/tree/epoch/$source.c" "$work/tree/$source.o" || return 1
	done
	if [ "$2" = script ]; then
		compile "$1" "$root/tests/epoch/test_native.c" "$work/tree/test.o" || return 1
		set -- "$1" "$work/$1/clock.o" "$work/$1/cpu.o" "$work/$1/futex.o" \
			"$work/$1/membarrier.o" "$work/$1/memory.o" "$work/$1/script.o"
	else
		set -- "$1" "$work/$1"/*.o
	fi
	shift
	$compiler $sanitize "$work"/tree/*.o "$@" -o "$work/mutant" -lpthread $libraries
}

# execute PROGRAM TEST
execute() {
	if [ "$1" = script ]; then
		timeout 20 "$work/mutant" >"$work/output" 2>&1
	else
		timeout 20 "$work/mutant" --rounds 30000 --only "$2" >"$work/output" 2>&1
	fi
}

# mutant NAME FILES SED MODE PROGRAM TEST
mutant() {
	[ -n "$only" ] && [ "$only" != "$1" ] && return
	total=$((total + 1))
	cp "$root"/epoch/*.[ch] "$work/tree/epoch/"
	if ! build "$4" "$5" || ! execute "$5" "$6"; then
		echo "SURVIVED: [E] $1 ($6: the unedited sources fail)"
		sed 's/^/# /' "$work/output"
		return
	fi
	same=
	for file in $2; do
		sed "$3" "$root/epoch/$file" >"$work/tree/epoch/$file"
		cmp -s "$root/epoch/$file" "$work/tree/epoch/$file" && same=yes
	done
	if [ "$same" ] || ! build "$4" "$5"; then
		echo "SURVIVED: [E] $1 ($6: the edit changes nothing, or does not compile)"
		return
	fi
	execute "$5" "$6"
	if [ "$4" = tsan ]; then
		grep -q 'WARNING: ThreadSanitizer: data race' "$work/output"
	elif [ "$5" = script ]; then
		grep -q "^not ok .* $6\$" "$work/output"
	else
		grep -q 'not so: ' "$work/output"
	fi
	if [ $? -eq 0 ]; then
		killed=$((killed + 1))
		echo "killed: [E] $1 ($6: $4)"
	else
		echo "SURVIVED: [E] $1 ($6: $4)"
	fi
}

within() { # FUNCTION EDIT: the edit, inside that function only
	printf '/^[a-z].*\\b%s(/,/^}/{%s}' "$1" "$2"
}

# Grace periods
mutant bag-of-now native.c 's/(epoch - 2) % PENDI_BAGS/epoch % PENDI_BAGS/' plain script \
	node_waits_two_steps
mutant half-a-grace-period native.c 's/(epoch - 2) % PENDI_BAGS/(epoch - 1) % PENDI_BAGS/' plain script \
	node_waits_two_steps
mutant advance-sees-no-reader native.c 's/(any || pendi_section_epoch(section) != epoch)/any/' \
	plain native torture
mutant epochs-compared-by-size native.c 's/pendi_section_epoch(section) != epoch/pendi_section_epoch(section) < epoch/' \
	plain script reader_from_before_the_wrap_lags
mutant scan-stops-short thread.c 's/raise_limit(number + 1);/;/' plain native torture
mutant collector-trusts-its-enter native.c "$(within take 's/= pendi_load_acquire(&pendi_native.epoch, EP3)/= pendi_section_epoch(pendi_load_relaxed(\&pendi_thread_records[pendi_thread_self].section))/')" \
	plain script collector_believes_the_second_load_only
mutant one-advance-is-a-grace-period native_wait.c 's/passed_since(start) < 2/passed_since(start) < 1/' \
	plain native synchronize_waits_for_the_reader
mutant inner-exit-closes section.h 's/if (--self->nest == 0)/if (--self->nest < 2)/' plain native \
	inner_exit_keeps_protecting
# Waiting
mutant barrier-ignores-turns native_wait.c 's/await_turn(&pendi_thread_records\[number\]);/;/' plain \
	native barrier_waits_for_a_running_function
mutant polls-nest native.c 's/if (!self || pendi_native_in_turn(self))/if (!self)/' plain native \
	function_may_retire_and_poll
# Threads
mutant end-forgets-the-section native.c "$(within pendi_epoch_thread_end 's/if (record->nest)/if (0)/')" \
	plain native every_end_of_a_thread_closes_its_section
mutant end-forgets-the-record thread.c "$(within thread_ends 's/free_record(record);/;/')" plain \
	native threads_reuse_records
# Fences
mutant refusal-is-a-fence native.c 's/if (pendi_membarrier() == 0)/if (pendi_membarrier() <= 0)/' \
	plain native refused_membarrier_frees_nothing
mutant fence-changes-under-readers native_wait.c 's/= fenced && !pendi_native_held_up(0, true)/= fenced/' plain \
	native fence_changes_only_when_quiet
# Report
mutant busy-reader-is-stalled stall.c 's/if (seen != section)/if (!pendi_section_is_open(seen))/' \
	plain native busy_reader_is_not_stalled
# Memory orders: what x86 hides, the sanitizer sees
mutant EP2-exit section.h "$(within close_section 's/pendi_store_release(\(.*\), EP2)/pendi_store_relaxed(\1)/')" \
	tsan script exits_reach_the_collector_through_the_epoch
mutant EP2-scan native.c "$(within pendi_native_held_up 's/pendi_load_acquire(\(.*\), EP2)/pendi_load_relaxed(\1)/')" \
	tsan native torture
mutant EP3-advance native.c 's/pendi_cas_acq_rel(\(.*\), EP3, EP3)/pendi_cas_relaxed(\1)/' tsan \
	script exits_reach_the_collector_through_the_epoch
mutant EP3-load 'native.c section.h' 's/pendi_load_acquire(&pendi_native.epoch, EP3)/pendi_load_relaxed(\&pendi_native.epoch)/' \
	tsan script exits_reach_the_collector_through_the_epoch
mutant EP4-push native.c 's/pendi_cas_release(\(.*\), EP4)/pendi_cas_relaxed(\1)/' tsan native \
	nodes_arrive_as_they_were_sent
mutant EP4-take native.c "$(within take 's/pendi_exchange_acq_rel(\(.*\), EP4, EP5)/pendi_exchange_release(\1, EP5)/;s/pendi_load_acquire(\(.*\), EP5)/pendi_load_relaxed(\1)/')" \
	tsan native nodes_arrive_as_they_were_sent
mutant EP6-turn native.c 's/pendi_store_release(\(.*\), EP6)/pendi_store_relaxed(\1)/' tsan native \
	barrier_waits_for_a_running_function
mutant TR1-free thread.c 's/pendi_store_release(\(.*\), TR1)/pendi_store_relaxed(\1)/' tsan native \
	threads_reuse_records
if ! printf '#include <urcu/urcu-memb.h>\n' | $compiler -E - >/dev/null 2>&1; then
	echo "# no liburcu: its mutants are not run"
else
	mutant UR1-exit urcu.c 's/pendi_store_release(\(.*\), UR1)/pendi_store_relaxed(\1)/' tsan urcu \
		torture
	mutant UR2-push urcu.c 's/pendi_cas_release(\(.*\), UR2)/pendi_cas_relaxed(\1)/' tsan urcu \
		nodes_arrive_as_they_were_sent
	mutant UR3-waiting urcu.c 's/pendi_store_release(\(.*\), UR3)/pendi_store_relaxed(\1)/' tsan \
		urcu nodes_arrive_as_they_were_sent
	mutant UR4-idle urcu.c 's/pendi_cas_release(\(.*\), UR4)/pendi_cas_relaxed(\1)/' tsan urcu \
		barrier_waits_for_a_running_function
fi

echo "killed $killed of $total"
[ "$total" -gt 0 ] && [ "$killed" -eq "$total" ]
