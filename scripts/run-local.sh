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

# What the script has to know of the options that it passes on.
cloud_options=()
edge_directory=
alone=
for ((i = 1; i <= $#; i++)); do
  next=$((i + 1))
  case ${!i} in
    --cloud | --cloud=*)
      say "error: --cloud is not for this script: it starts its own cloud-trainer"
      exit 64
      ;;
    --threads | --timeout) cloud_options+=("${!i}" "${!next-}") ;;
    --threads=* | --timeout=*) cloud_options+=("${!i}") ;;
    --strategy) [[ ${!next-} != edge-only ]] || alone=yes ;;
    --strategy=edge-only) alone=yes ;;
    --run-dir) edge_directory=${!next-} ;;
    --run-dir=*) edge_directory=${!i#*=} ;;
  esac
done

"$root/scripts/build.sh" >&2

find_data "$@"

if [[ -n $alone ]]; then
  exec "$root/.build/release/edge-trainer" train "${data_options[@]}" "$@"
fi
cloud=("$root/.build/release/cloud-trainer" "${cloud_options[@]}")
edge=("$root/.build/release/edge-trainer" train "${data_options[@]}" "$@")
code=0
train_on_loopback || code=$?

case $code in
  0 | 64 | 65 | 73 | 130) ;;
  *)
    say "the last words of cloud-trainer:"
    tail -n 5 "$cloud_errors" >&2
    ;;
esac
run=$(sed -n 's/.* run=\([A-Za-z0-9-]*\).*/\1/p' "$cloud_errors" | head -n 1)
if [[ -n $run ]]; then
  say "the files of the run: ${edge_directory:-runs/$run/edge} and runs/$run/cloud"
fi
exit "$code"
