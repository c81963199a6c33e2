#!/usr/bin/env bash
# Trains once undisturbed, and then again and again while links and programs are made to fail at random moments, and
# compares what comes of it: sha256 of both sides' weights, accuracies, and the logs without times and bytes.
#
# Usage: scripts/chaos.sh [option...] [option of edge-trainer train...]
#
#   --rounds n     how many faults there shall be (default: 20); a run that is done before is followed by another one
#   --seed s       of what happens when (default: 0)
#   --faults a,b   of kill-edge, kill-cloud, kill-both, reset, silence, silence-up, silence-down, stop-edge, stop-cloud,
#                  full-edge, full-cloud (default: all)
#   --directory d  where the runs go (default: runs/chaos-<time>)
#
# kill is SIGKILL; reset and silence happen on the way between the programs, silence for longer than their timeout, in both
# directions or in one; stop is SIGSTOP for longer than it; full is a disk on which no file can grow for a while. A program
# that has ended is started again: the edge with 'edge-trainer resume', the cloud as before. A run that is killed before its
# first checkpoint has not begun, and begins again.
#
# Unless the options say otherwise: vgg8, 2 bits, zstd, drawn images, one thread on each side, a checkpoint a second. Any
# strategy but edge-only. Needs no data set. Prints a line a fault to standard error, and the
# comparison to standard output. Exit code 0 if all runs ended alike, 1 if not, 64 for wrong options, 130 after Ctrl-C.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
start_experiment chaos "$@"
