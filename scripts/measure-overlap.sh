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
help_if_asked "$@"

target=1.10

find_processors
"$root/scripts/build.sh" >&2
find_data "$@"

runs=runs/overlap-$(date -u +%Y%m%d-%H%M%S)
edge=(taskset --cpu-list "${processors[0]}" "$root/.build/release/edge-trainer" train
  --architecture vgg16 --cut 3 --bits 4 --exit-head conv --epochs 1 --train-limit 5000 --test-limit 1000
  "${data_options[@]}" "$@" --threads 1 --run-dir "$runs/edge")
cloud=(taskset --cpu-list "${processors[1]}" "$root/.build/release/cloud-trainer" --threads 1 --run-dir "$runs/cloud")
train_on_loopback || exit $?

# The number under the key $1 of the file $2.
number() { sed -n 's/.*"'"$1"'" *: *\([0-9.eE+-]*\).*/\1/p' "$2"; }

edge_summary=$runs/edge/summary.json
cloud_summary=$(echo "$runs"/cloud/*/summary.json)
echo
awk -v target="$target" \
  -v wall="$(number training_seconds "$edge_summary")" \
  -v edge="$(number busy_seconds "$edge_summary")" \
  -v cloud="$(number busy_seconds "$cloud_summary")" '
  BEGIN {
    if (!(wall > 0 && edge > 0 && cloud > 0)) { print "the summaries lack figures"; exit 1 }
    busier = edge > cloud ? edge : cloud
    ratio = wall / busier
    printf "training, wall   %8.2f s\n", wall
    printf "edge busy        %8.2f s\n", edge
    printf "cloud busy       %8.2f s\n", cloud
    printf "one after the other would take %.2f s\n", edge + cloud
    printf "wall / max(edge busy, cloud busy) = %.3f (target: at most %s)\n", ratio, target
    exit ratio <= target ? 0 : 1
  }'
