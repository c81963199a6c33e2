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

build_benchmark
if (($#)); then exec "$benchmark" "$@"; fi
"$benchmark" layers
"$benchmark" profile --architecture vgg16
"$benchmark" profile --architecture resnet18
"$benchmark" networks --architecture vgg16
"$benchmark" networks --architecture resnet18
"$benchmark" codec
"$benchmark" input
