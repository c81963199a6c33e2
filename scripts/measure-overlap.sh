#!/usr/bin/env bash
# Measures how well the edge and the cloud work at the same time: trains with each of them pinned to one core, with
# one thread, and compares the training time with the busy time of the busier side. Perfect overlap would give 1.00.
#
# Usage: scripts/measure-overlap.sh [option of edge-trainer train...]
#
# Trains vgg16, cut 3, 4 bits, conv head, one epoch of 5000 images, unless the options say otherwise. The data is as
# for run-local.sh. Files go into runs/overlap-<time>. Takes about two minutes after the build, on a machine
# that does nothing else. Prints to standard output; exit code 0 if the ratio is at most 1.10, 1 if it is not.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
start_experiment overlap "$@"
