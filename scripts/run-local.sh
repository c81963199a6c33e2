#!/usr/bin/env bash
# The whole thing on one machine: installs what is missing, builds, fetches CIFAR-10, starts cloud-trainer and
# edge-trainer on loopback, trains, and prints the edge's table.
#
# Usage: scripts/run-local.sh [option of edge-trainer train...]
#
#   scripts/run-local.sh                                   vgg8, 10 epochs
#   scripts/run-local.sh --epochs 1 --architecture vgg16   see edge-trainer train --help for all options
#   scripts/run-local.sh --strategy cloud-stream           another strategy; no cloud-trainer is started for edge-only
#
# The data is $CIFAR10_DIR if that is set, else CIFAR-10 in ~/.cache/cifar-10-batches-bin, downloaded if need be,
# else synthetic images. Both programs compute with --threads threads, if it is given, else with all processors.
# The run's files go into runs/<run>/edge and runs/<run>/cloud below the current directory.
#
# Two to three minutes to build, the first time (two cores), and some 15 to 25 minutes to train (two cores).
# Ctrl-C ends both programs with their logs complete. The exit code is that of edge-trainer.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

"$root/scripts/build.sh" >&2
find_data "$@"
exec "$root/.build/release/edge-trainer" train --local "${data_options[@]}" "$@"
