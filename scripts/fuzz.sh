#!/usr/bin/env bash
# Feeds everything that reads bytes from outside with inputs that libFuzzer makes up, led by the code that they reach.
#
# Usage: scripts/fuzz.sh [--fast] [minutes] [target...]
#
#   scripts/fuzz.sh                  all targets, 10 minutes altogether
#   scripts/fuzz.sh 60 frames zstd   an hour for two of them
#
#   --fast   without the address sanitizer, two to three times as many inputs a second
#
# The targets are those of Tests/FuzzTests, one after the other, each for its share of the minutes. They are built
# optimized, with the fuzzer and the address sanitizer, in .build-fuzz-address (--fast: in .build-fuzz), five to ten
# minutes the first time (two cores). What leads to new code is kept in .build-fuzz/corpus, where the next call goes on;
# the first one begins with right frames, files and texts. An input fails if the program crashes, if what should
# hold does not, or if it takes 20 s, 64 MiB in one piece (not with --fast), or the program more than 1 GiB.
#
# Prints a table: inputs that were read, edges of the code that they reached, inputs kept, inputs that failed. A target
# ends with its first failure; the input stays in .build-fuzz/findings. To see it fail again, and to make it smaller:
#
#   export SWIFT_BACKTRACE=enable=no FUZZ_TARGET=frames
#   .build-fuzz-address/release/fuzz .build-fuzz/findings/frames-crash-...
#   .build-fuzz-address/release/fuzz -minimize_crash=1 -max_total_time=60 .build-fuzz/findings/frames-crash-...
#
# It then belongs into Tests/FuzzTests/FailedInputs.swift, which scripts/test.sh reads again. Exit code 0 if none failed,
# 1 if one did, 64 for wrong arguments, 130 after Ctrl-C.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

folder=$root/.build-fuzz
# Of several -sanitize options the compiler takes the last one only, and the package manager puts them in any order:
# without the coverage, or without the addresses. So both are said again, in one.
options=(--sanitize fuzzer --sanitize address -Xswiftc "-sanitize=fuzzer,address")
suffix=-address
if [[ ${1-} == --fast ]]; then
  options=(--sanitize fuzzer)
  suffix=
  shift
fi
minutes=${1-10}
[[ $minutes =~ ^[1-9][0-9]{0,4}$ ]] || fail_usage "minutes are ${minutes:-missing}, expected 1 to 99999"
shift $(($# > 0))
known=$(sed -n '/= FuzzTarget(/ { /"/ !N; s/[^"]*"\([^"]*\)".*/\1/p }' "$root"/Tests/FuzzTests/*.swift | tr '\n' ' ')
for target; do
  [[ " $known" == *" $target "* ]] || fail_usage "target $target, expected some of $known"
done

# Swift's own report of a crash takes a minute; the sanitizer's is enough.
export SWIFT_BACKTRACE=enable=no
export ASAN_OPTIONS="quarantine_size_mb=32${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
"$root/scripts/setup.sh"
say_build 'five to ten minutes'
FUZZ=1 swift build --package-path "$root" --scratch-path "$folder$suffix" --configuration release \
  --no-color-diagnostics "${options[@]}" -Xswiftc -enable-testing --product fuzz >&2
fuzz=$folder$suffix/release/fuzz

readarray -t targets < <("$fuzz")
((!$#)) || targets=("$@")
seconds=$((minutes * 60 / ${#targets[@]}))
((seconds)) || seconds=1

log=$(mktemp)
trap 'rm -f "$log"' EXIT
mkdir -p "$folder/findings"
code=0
printf '%-18s  %12s  %8s  %8s  %8s\n' target inputs edges kept failed
total=0
number=0
for target in "${targets[@]}"; do
  say "$target ($((++number)) of ${#targets[@]}), about $((seconds * (${#targets[@]} - number + 1) / 60)) min left"
  corpus=$folder/corpus/$target
  seeds=$folder/seeds/$target
  mkdir -p "$corpus" "$seeds"
  export FUZZ_TARGET=$target
  FUZZ_SEEDS=$seeds "$fuzz"
  dictionary=()
  [[ ! -s $seeds.dictionary ]] || dictionary=("-dict=$seeds.dictionary")
  failed=0
  "$fuzz" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=1024 -malloc_limit_mb=64 -max_len=2048 \
    -print_final_stats=1 "${dictionary[@]}" -artifact_prefix="$folder/findings/$target-" \
    "$corpus" "$seeds" </dev/null >"$log" 2>&1 || failed=1
  inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
  kept=$(find "$corpus" -type f | wc -l)
  printf '%-18s  %12s  %8s  %8s  %8s\n' "$target" "${inputs:-?}" "${edges:-?}" "$kept" "$failed"
  total=$((total + ${inputs:-0}))
  if ((failed)); then
    code=1
    grep -E 'Fatal error|ERROR: |SUMMARY: |Test unit written' "$log" >&2 || tail -n 20 "$log" >&2
  fi
done
printf '%-18s  %12s\n' altogether "$total"
((code == 0)) || fail "inputs have failed; they are in $folder/findings"
