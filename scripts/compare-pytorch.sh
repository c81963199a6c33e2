#!/usr/bin/env bash
# Compares the speed and the memory of a training step with PyTorch's on the CPU: the same networks, the same batch, in
# turns (ours with im2col and with winograd, PyTorch in both memory formats, ours, …), float32 and bfloat16 (PyTorch's
# autocast; ours stays float32).
#
# Usage: scripts/compare-pytorch.sh [--rounds n] [--steps n] [--threads n] [--batch-size n] [--precision fp32|bf16|both]
#
# Prints medians of all steps, PyTorch's in its better memory format. About 15 minutes with the defaults on two cores, half
# of them for bfloat16, which CPUs without instructions for it compute slowly; nothing else should run.
#
# Environment: PYTORCH_VENV, as for verify-with-pytorch.sh.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

compare=$root/scripts/pytorch/compare.py
python3 -B "$compare" --check "$@"
build_benchmark
prepare_pytorch
exec "$python" -B "$compare" --benchmark "$benchmark" "$@"
