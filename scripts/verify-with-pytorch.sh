#!/usr/bin/env bash
# Shows that the trained weights are usable elsewhere: PyTorch loads the files of a run, builds the same network and
# must give the logits of edge-trainer, within a thousandth of the largest, and the same predictions.
#
#   scripts/verify-with-pytorch.sh runs/<run>/edge/edge.safetensors runs/<run>/cloud/cloud.safetensors
#   scripts/verify-with-pytorch.sh --every-network     # trains each network for a few steps first: see below
#
# The second file may be left out: then the exit alone is compared. With --every-network every architecture, cut and exit
# head, with and without bottleneck, takes two steps on synthetic images in both programs, the formats in turn; the
# networks then load and agree, or not: 234 of them, about 12 minutes.
#
# The features of both sides differ in the last bits (about 1e-6), so that now and then a value between two codes is
# rounded to the one here and to the other there: in 10,000 images this moves some final logit by more than a thousandth.
# The script says how many, and compares the final logits from the same features too.
#
# Options: --images n (100), --batch-size n (100), --threads n,
#          --data DIR|synthetic ($CIFAR10_DIR, else ~/.cache/cifar-10-batches-bin, else synthetic)
# Environment: PYTORCH_VENV, a virtual environment with torch, safetensors and numpy. Otherwise one is made (once) in
# ~/.cache/hierarchical-trainer/venv: about 1 GB with PyTorch for the CPU, 6 GB where only the one for GPUs is to be had.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
binaries=${BINARIES:-$root/.build/release}

images=100 batch_size=100 threads=() every=false weights=()
data=${CIFAR10_DIR:-$HOME/.cache/cifar-10-batches-bin}
if [[ ! -d $data ]]; then data=synthetic; fi

usage() { sed -n '2,/^set -/{/^set -/d; s/^# \{0,1\}//; p}' "${BASH_SOURCE[0]}"; }

while (($#)); do
  case $1 in
    --images) images=$2; shift 2 ;;
    --batch-size) batch_size=$2; shift 2 ;;
    --threads) threads=(--threads "$2"); shift 2 ;;
    --data) data=$2; shift 2 ;;
    --every-network) every=true; shift ;;
    -h | --help) usage; exit 0 ;;
    -*) echo "unknown option $1; see --help" >&2; exit 64 ;;
    *) weights+=("$1"); shift ;;
  esac
done
if ! $every && ((${#weights[@]} < 1 || ${#weights[@]} > 2)); then
  usage >&2
  exit 64
fi

build() {
  if [[ -x $binaries/edge-trainer && -x $binaries/cloud-trainer ]]; then return; fi
  if [[ -x $root/scripts/build.sh ]]; then "$root/scripts/build.sh" >&2; else
    swift build -c release --package-path "$root" >&2
  fi
}

# compare EDGE [CLOUD]: both sides' logits of the same images.
compare() {
  local files=(--edge-weights "$1")
  if (($# > 1)); then files+=(--cloud-weights "$2"); fi
  rm -f "$scratch"/logits-*
  local common=("${files[@]}" --data "$data" --batch-size "$batch_size" --logits "$scratch/logits" "${threads[@]}")
  local dump=(--dump-features)
  if [[ $data == synthetic ]]; then dump+=(--dump-images); fi
  "$binaries/edge-trainer" predict "${common[@]}" --images "$images" "${dump[@]}" >/dev/null 2>"$scratch/predict.log" ||
    { cat "$scratch/predict.log" >&2; return 1; }
  "$python" -B "$root/scripts/pytorch/verify.py" "${common[@]}"
}

# train ARCHITECTURE CUT HEAD BOTTLENECK BITS SCALE: two steps of both programs on synthetic images.
train() {
  local run=$scratch/run options=(--architecture "$1" --cut "$2" --exit-head "$3" --bits "$5" --scale "$6")
  if [[ $4 != none ]]; then options+=(--bottleneck "$4"); fi
  rm -rf "$run"
  mkdir -p "$run"
  cloud=("$binaries/cloud-trainer" --run-dir "$run/cloud" "${threads[@]}")
  edge=("$binaries/edge-trainer" train --data synthetic "${options[@]}" --train-limit 16 --batch-size 8 --test-limit 1
    --epochs 1 --run-dir "$run/edge" "${threads[@]}")
  local code=0
  train_into "$run" || code=$?
  [[ -z $stopped ]] || exit "$stopped"
  ((code == 0)) || { cat "$run/edge.log" >&2; return "$code"; }
}

every_network() {
  local formats=("4 tensor" "4 channel" "1 tensor" "8 channel" "2 channel" "16 tensor" "3 tensor" "32 tensor"
    "5 channel" "6 tensor" "7 channel" "8 tensor" "1 channel")
  stop_between_runs
  local number=0 differing=0 architecture cut cuts head bottleneck bits scale
  for architecture in vgg8 vgg16 resnet18 resnet18-imagenet; do
    for head in pool conv deep pyramid residual; do
      # A row for each cut that has features large enough for the head.
      cuts=$("$binaries/edge-trainer" describe --architecture "$architecture" --exit-head "$head" |
        awk '$1 ~ /^[0-9]+$/ { print $1 }') || return 1
      for cut in $cuts; do
        for bottleneck in none 12; do
          read -r bits scale <<<"${formats[number % ${#formats[@]}]}"
          train "$architecture" "$cut" "$head" "$bottleneck" "$bits" "$scale"
          compare "$scratch/run/edge/edge.safetensors" "$scratch"/run/cloud/*/cloud.safetensors ||
            differing=$((differing + 1))
          number=$((number + 1))
        done
      done
    done
  done
  echo "$number networks, $differing differ"
  ((differing == 0))
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
build
prepare_pytorch
if $every; then
  data=synthetic
  every_network
else
  compare "${weights[@]}"
fi
