#!/usr/bin/env bash
# Installs what is missing, builds everything with its tests (debug), and runs all tests.
#
# Usage: scripts/test.sh [--sanitize address|thread] [option of swift test...]      (--filter '^TransportTests\.', for example)
#
#   --sanitize  under the address or the thread sanitizer, built apart in .build-address or .build-thread: the tests of all
#               modules, but not those that start the programs (unless a --filter says otherwise)
#
# About two minutes the first time (two cores), then the tests alone, three to nine minutes by machine. Needs no data set,
# and no network once the packages that Package.swift names are in .build. Prints a line for each suite, and what failed; what
# every test printed is in .build/tests.log. Exit code 0 only if every test passed.
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

"$root/scripts/setup.sh" python3 # Some of what is tested is Python.
cd "$root"
say_build 'about two minutes'
swift build "${options[@]}" --build-tests
log=$root/.build/tests.log
[[ -z ${kind-} ]] || log=$root/.build-$kind/tests.log
# A line for each suite, one for each hundred tests meanwhile, and all that failed; the rest for whoever has to search.
swift test "${options[@]}" --skip-build "${selection[@]}" "$@" 2>&1 | tee "$log" |
  awk '/^✔ Test run with / || !/^(◇|✔ Test) / { print; fflush() }
    /^✔ Test .* passed after/ && ++passed % 100 == 0 { print passed " tests passed so far"; fflush() }' || fail "all that the tests printed: $log"
if grep -q 'Test run with 0 tests' "$log"; then fail "no test matches $*"; fi
