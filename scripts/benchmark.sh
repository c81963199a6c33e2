#!/usr/bin/env bash
# Times the engine on this machine: convolutions, layers within a step, training steps, codec, input.
#
# Usage: scripts/benchmark.sh                                  everything: some 5 minutes after the build (two cores)
#        scripts/benchmark.sh layers|profile|networks|step|codec|input|errors|formats [option...]     see --help of each
#
# Tables go to standard output. Nothing else should run on the machine.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
if (($# == 1)); then help_if_asked "$@"; fi

parts=(layers profile networks step codec input errors formats)
[[ -z ${1-} || " ${parts[*]} " == *" $1 "* ]] || fail_usage "$1, expected one of ${parts[*]}"
build_benchmark
if (($#)); then exec "$benchmark" "$@"; fi
number=0
for part in layers 'profile --architecture vgg16' 'profile --architecture resnet18' 'networks --architecture vgg16' \
  'networks --architecture resnet18' codec input; do
  say "$part ($((++number)) of 7)"
  # shellcheck disable=SC2086 # Words of their own.
  "$benchmark" $part
done
