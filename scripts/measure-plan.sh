#!/usr/bin/env bash
# Measures how good the predictions of edge-trainer plan are: plans, then trains an epoch in each of eleven settings (strategies,
# cuts, bits and link rates), the edge and the cloud pinned to one core each, and compares the times.
#
# Usage: scripts/measure-plan.sh [quick] [option of edge-trainer plan and train...]
#
# With "quick" 1/32 of the images, in batches of 16: only to see that it works. The data is as for run-local.sh. Files go
# into runs/plan-<time>: each plan, each run, and predictions.jsonl with a line for each setting. Takes about ten minutes after
# the build, on a machine that does nothing else. Prints a table to standard output; exit code 0 if the median of the
# errors is at most 10 %, 1 if it is not.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

divisor=1
options=()
if [[ ${1-} == quick ]]; then
  divisor=32
  options=(--batch-size 16)
  shift
fi
# Link rate (or none), training images, architecture, strategy, cut, bits. Lines of the same first three are planned together.
settings=(
  "3g 1024 vgg8 hierarchical 2 4"
  "3g 1024 vgg8 hierarchical 3 8"
  "3g 1024 vgg8 cloud-stream - -"
  "3g 1024 vgg8 cloud-upload-once - -"
  "wifi 2048 vgg8 hierarchical 1 4"
  "wifi 2048 vgg8 hierarchical 2 32"
  "wifi 2048 vgg8 split 2 4"
  "none 4096 vgg8 hierarchical 2 8"
  "none 4096 vgg8 edge-only - -"
  "wifi 1024 vgg16 hierarchical 3 4"
  "wifi 1024 vgg16 split 4 4"
)

read_run_options "$@"
find_processors
"$root/scripts/build.sh" >&2
find_data "$@"

bin=$root/.build/release
runs=runs/plan-$(date -u +%Y%m%d-%H%M%S)
mkdir -p "$runs"
edge_pinned=(taskset --cpu-list "${processors[0]}" "$bin/edge-trainer")
cloud_pinned=(taskset --cpu-list "${processors[1]}" "$bin/cloud-trainer" --threads 1 "${cloud_options[@]}"
  --run-dir "$runs/cloud")

# The values of field $2 in the settings that begin with $1, each once, separated by commas.
values() {
  printf '%s\n' "${settings[@]}" |
    awk -v group="$1" -v field="$2" 'index($0, group " ") == 1 && $field != "-" && !seen[$field]++ {
      list = list separator $field; separator = ","
    } END { print list }'
}

# Runs the command in the array `edge`, with the cloud in `cloud` if there is one. In a subshell, so that what
# train_on_loopback leaves is removed after each.
run_edge() { (train_on_loopback) >&2; }

planned=
number=0
for setting in "${settings[@]}"; do
  read -r rate images architecture strategy cut bits <<<"$setting"
  group="$rate $images $architecture"
  common=(--architecture "$architecture" --exit-head conv --train-limit $((images / divisor)) --test-limit 16
    --epochs 1 --threads 1 "${options[@]}" "${data_options[@]}" "$@")
  [[ $rate == none ]] || common+=(--link-rate "$rate")
  plan=$runs/plan-${group// /-}.json
  if [[ $group != "$planned" ]]; then
    planned=$group
    lists=(--strategies "$(values "$group" 4)")
    cuts=$(values "$group" 5)
    [[ -z $cuts ]] || lists+=(--cuts "$cuts" --bits "$(values "$group" 6)")
    say "planning: $group"
    edge=("${edge_pinned[@]}" plan "${common[@]}" "${lists[@]}" --output "$plan")
    cloud=("${cloud_pinned[@]}")
    run_edge || exit $?
  fi
  number=$((number + 1))
  directory=$runs/edge/$number
  chosen=(--strategy "$strategy")
  [[ $cut == - ]] || chosen+=(--cut "$cut" --bits "$bits")
  say "training: $setting"
  cloud=("${cloud_pinned[@]}")
  edge=("${edge_pinned[@]}" train "${common[@]}" "${chosen[@]}" --run-dir "$directory")
  [[ $strategy != edge-only ]] || cloud=()
  run_edge || exit $?
  printf '%s\t%s\t%s\n' "$rate" "$plan" "$directory" >>"$runs/settings.tsv"
done

"$root/scripts/compare-plan" "$runs/settings.tsv" "$runs/predictions.jsonl"
