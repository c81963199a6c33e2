#!/usr/bin/env bash
# Installs what is missing, builds everything with its tests (debug), and runs all tests.
#
# Usage: scripts/test.sh [--sanitize] [option of swift test...]      (--filter Transport, for example)
#
#   --sanitize  only the tests of the modules that work on raw memory (Compute, Datasets, Transport), under the
#               address sanitizer, built apart in .build-asan
#
# About two minutes the first time (two cores), then the tests alone. Needs no data set, and no network once the
# packages that Package.swift names are in .build. Exit code 0 only if every test passed.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

# Without color, or all would be built again when this runs in a terminal for the first time, or not in one any more.
options=(--no-color-diagnostics)
selection=()
if [[ ${1-} == --sanitize ]]; then
  shift
  options+=(--sanitize address --scratch-path "$root/.build-asan")
  selection=(--filter '^(Compute|Datasets|Transport)Tests\.')
  # XCTest itself leaks a few bytes at its end; what leaks is not what this looks for.
  export ASAN_OPTIONS="detect_leaks=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
fi

"$root/scripts/setup.sh"
cd "$root"
swift build "${options[@]}" --build-tests
swift test "${options[@]}" --skip-build "${selection[@]}" "$@"
