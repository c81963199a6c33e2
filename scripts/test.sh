#!/usr/bin/env bash
# Installs what is missing, builds everything with its tests (debug), and runs all tests.
#
# Usage: scripts/test.sh [--sanitize address|thread] [option of swift test...]      (--filter '^TransportTests\.', for example)
#
#   --sanitize  under the address or the thread sanitizer, built apart in .build-address or .build-thread: the tests of all
#               modules, but not those that start the programs (unless a --filter says otherwise)
#
# About two minutes the first time (two cores), then the tests alone, three to nine minutes by machine. Needs no data set,
# and no network once the packages that Package.swift names are in .build. Exit code 0 only if every test passed.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

# Without color, or all would be built again when this runs in a terminal for the first time, or not in one any more.
options=(--no-color-diagnostics)
selection=()
if [[ ${1-} == --sanitize ]]; then
  kind=${2-}
  [[ $kind == address || $kind == thread ]] || fail_usage "--sanitize ${kind:-lacks its value}: expected address or thread"
  shift 2
  options+=(--sanitize "$kind" --scratch-path "$root/.build-$kind")
  [[ " $* " == *' --filter'* ]] || selection=(--skip '^EndToEndTests\.')
  # XCTest itself leaks a few bytes, and tests a thread or two; what leaks is not what this looks for.
  export ASAN_OPTIONS="detect_leaks=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
  export TSAN_OPTIONS="report_thread_leaks=0:exitcode=66${TSAN_OPTIONS:+:$TSAN_OPTIONS}"
fi

"$root/scripts/setup.sh"
cd "$root"
say_build 'about two minutes'
swift build "${options[@]}" --build-tests
output=$(mktemp)
trap 'rm -f "$output"' EXIT
swift test "${options[@]}" --skip-build "${selection[@]}" "$@" | tee "$output"
if grep -q 'Test run with 0 tests' "$output"; then fail "no test matches $*"; fi
