#!/usr/bin/env bash
# Shows that the trained weights are usable elsewhere: PyTorch loads the files of a run, builds the same network and
# must give the logits of edge-trainer, within a thousandth of the largest, and the same predictions.
#
# Usage: scripts/verify-with-pytorch.sh [option...] EDGE_FILE [CLOUD_FILE]      (a few seconds)
#
#   scripts/verify-with-pytorch.sh runs/<run>/edge/edge.safetensors runs/<run>/cloud/cloud.safetensors
#   scripts/verify-with-pytorch.sh --every-network     # trains each network for a few steps first: see below
#   scripts/verify-with-pytorch.sh --exchange          # takes each architecture to PyTorch and back: see below
#
# The second file may be left out: then the exit alone is compared. With --every-network every architecture, cut and exit
# head, with and without bottleneck, takes two steps on synthetic images in both programs, the formats in turn; the
# networks then load and agree, or not: 234 of them, about 12 minutes.
#
# With --exchange each architecture takes two steps, goes into a state dict with torchvision's names, as with
# scripts/export-pytorch.py, and must give the same logits there, also in torchvision's own network if the virtual environment
# has torchvision; and a state dict of PyTorch becomes a frozen front, by --initial-weights, that must give the same
# features: within 1/10,000 of the largest, 8 ways, one or two minutes.
#
# The features of both sides differ in the last bits (about 1e-6), so that now and then a value between two codes is
# rounded to the one here and to the other there: in 10,000 images this moves some final logit by more than a thousandth.
# The script says how many, and compares the final logits from the same features too.
#
# Options: --images n (100), --batch-size n (100), --threads n,
#          --data DIR|synthetic ($CIFAR10_DIR, else ~/.cache/cifar-10-batches-bin, else synthetic)
# Environment: PYTORCH_VENV, a virtual environment with torch, safetensors and numpy. Otherwise one is made (once) in
# ~/.cache/hierarchical-trainer/venv: about 1 GB with PyTorch for the CPU, 6 GB where only the one for GPUs is to be had.
# BINARIES, a folder with edge-trainer and cloud-trainer; otherwise they are built. Exit code 0 if all agree, 1 if not, 64 for
# wrong options.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
start_experiment verify "$@"
