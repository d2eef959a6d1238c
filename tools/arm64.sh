#!/bin/sh
# SPDX-License-Identifier: MIT
# arm64.sh - builds for arm64 and runs the tests that are plain programs, emulated.
#
#	arm64.sh [ARGS of ctest]
#
# The libraries are Debian's, fetched by a private instance of apt and unpacked under build/: the
# machine itself gets no foreign architecture, and nothing of it is replaced. What the emulation
# shows is that nothing assumes x86-64: another instruction set, LL/SC in place of CAS, no rseq, no
# membarrier, char without sign. What it cannot show are reorderings of memory that arm64 makes and
# the machine below it does not.
set -eu
cd "$(dirname "$0")/.."
sysroot=$PWD/build/arm64-sysroot
packages='libc6-dev libstdc++-12-dev liburcu-dev libnuma-dev libxxhash-dev libjansson-dev zlib1g-dev
	libjemalloc-dev'

# fetch: the packages and what they depend on, unpacked.
fetch()
{
	private=$PWD/build/arm64-packages
	rm -rf "$sysroot" "$sysroot.part" "$private"
	mkdir -p "$sysroot.part" "$private/state/lists/partial" "$private/cache/archives/partial"
	: >"$private/status"
	cat >"$private/apt.conf" <<-END
		APT::Architecture "arm64";
		APT::Architectures { "arm64"; };
		APT::Install-Recommends "false";
		APT::Sandbox::User "";
		Dir::State "$private/state";
		Dir::State::status "$private/status";
		Dir::Cache "$private/cache";
	END
	export APT_CONFIG="$private/apt.conf"
	apt-get -q update
	# shellcheck disable=SC2086 # one word for each package
	apt-get -q -y -o Debug::NoLocking=1 --download-only install $packages
	for package in "$private"/cache/archives/*.deb; do
		dpkg-deb -x "$package" "$sysroot.part"
	done
	# Absolute links would lead out of it.
	find "$sysroot.part" -type l -lname '/*' | while read -r link; do
		ln -sfn "$sysroot$(readlink "$link")" "$link"
	done
	rm -rf "$private/cache"
	mv "$sysroot.part" "$sysroot"
}

mkdir -p build
if [ ! -d "$sysroot" ] && ! fetch >build/arm64-packages.log 2>&1; then
	cat build/arm64-packages.log >&2
	echo "arm64.sh: could not fetch Debian's packages for arm64" >&2
	exit 2
fi
werror=OFF
[ "${CI:-}" != true ] || werror=ON
cmake --preset arm64 -DPEND_WERROR=$werror >build/arm64.log 2>&1 || {
	cat build/arm64.log >&2
	exit 1
}
NINJA_STATUS='[arm64 %f/%t] ' cmake --build --preset arm64
# Names of tests that do not run in the emulation; behind each, why.
left_out=$(sed 's/[[:space:]]*#.*//; /^$/d' tools/arm64-left-out.txt | paste -s -d '|')
exec ctest --preset arm64 -E "^($left_out)\$" "$@"
