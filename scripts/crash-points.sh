#!/usr/bin/env bash
# Lets a small run fail, or die, in every single system call on a file or a socket, on either side; goes on with it each
# time, and compares weights, logs and accuracies with those of an undisturbed run.
#
# Usage: scripts/crash-points.sh [series...]
#
#   scripts/crash-points.sh                                     all of them
#   scripts/crash-points.sh hierarchical 'edge, sockets, kill'  those whose name contains one of the texts
#
# A series is a strategy, a side, a kind of calls, and what happens in the call: "cloud-stream, cloud, files, power-cut".
#
#   failure         it fails, once; a connection is reset by it
#   kill            the process is killed; half of what the call would write is written
#   power-cut       likewise, and nothing stays that was not flushed to the device
#   torn-power-cut  likewise, but of each file half of what was not flushed stays
#
# Installs what is missing, and builds (debug). Prints a line a series, with the number of its points, and at the end what
# was not as undisturbed. About an hour on two cores; scripts/test.sh takes a few points of each series. Exit code 0
# only if the run ended alike after every point.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"
[[ ${1-} != -* ]] || fail_usage "unknown option $1"

# What test.sh says of it goes into the output that is searched.
say_build 'about two minutes'
CRASH_POINTS=all
CRASH_SERIES=$(printf '%s\n' "$@")
export CRASH_POINTS CRASH_SERIES
output=$(mktemp)
trap 'rm -f "$output"' EXIT
code=0
"$root/scripts/test.sh" --filter '^SessionTests\.CrashPointTests' 2>&1 | tee "$output" |
  sed -un 's/^crash points: //p' || code=$?
if ((code)); then
  grep -E '↳|error:' "$output" >&2 || tail -n 40 "$output" >&2
  fail "not all as undisturbed"
fi
grep -q '^crash points: ' "$output" || fail "no series matches $*"
