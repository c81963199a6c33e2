#!/usr/bin/env bash
# Compares one training step of vgg16 and resnet18 with PyTorch's: from the same weights and images, the loss must agree
# within 1e-5 of it, and the gradient of every parameter within a thousandth of its largest value.
#
# Usage: scripts/compare-gradients.sh [--convolution im2col|winograd] [--label-smoothing x] [architecture...]
#
# It takes about a minute.
#
# The reference is PyTorch in float64. Where the input of a ReLU, or the difference of two values under a maximum, is less
# than float32 resolves, two right implementations in float32 decide differently, and some gradient differs by
# far more; PyTorch's own float32 does (the figure stands beside ours). So there are five small batches with weights of
# their own, and three of them have to agree: an error in the engine would show in each.
#
# Environment: PYTORCH_VENV, as for verify-with-pytorch.sh. Exit code 0 only if all networks agree.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

export_options=()
while [[ ${1-} == --* ]]; do
  case $1=${2-} in
    --convolution=im2col | --convolution=winograd | --label-smoothing=[0-9]*) ;;
    --convolution=*) fail_usage "--convolution ${2-}: expected im2col or winograd" ;;
    --label-smoothing=*) fail_usage "--label-smoothing ${2-}: expected a number" ;;
    *) fail_usage "unknown option $1" ;;
  esac
  export_options+=("$1" "$2")
  shift 2
done
(($#)) || set -- vgg16 resnet18
for architecture; do
  [[ $architecture =~ ^(vgg8|vgg16|resnet18|resnet18-imagenet)$ ]] || fail_usage "there is no architecture $architecture"
done

build_benchmark
prepare_pytorch
arrays=$(mktemp -d)
trap 'rm -rf "$arrays"' EXIT
code=0
for architecture; do
  say "$architecture, five batches"
  agreeing=0
  for seed in 0 1 2 3 4; do
    rm -f "$arrays"/*
    "$benchmark" export --architecture "$architecture" --batch-size 4 --seed "$seed" \
      "${export_options[@]}" "$arrays" >"$arrays/step.json"
    if "$python" -B "$root/scripts/pytorch/compare_step.py" "$architecture" "$arrays"; then
      agreeing=$((agreeing + 1))
    fi
  done
  echo "$architecture: $agreeing of 5 batches agree"
  ((agreeing >= 3)) || code=1
done
exit "$code"
