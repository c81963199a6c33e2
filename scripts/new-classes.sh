#!/usr/bin/env bash
# Trains a network on some of the classes, and then on all of them, from those weights and from scratch: how much sooner the
# weights pay, and what the classes that were known lose meanwhile.
#
# Usage: scripts/new-classes.sh [option...] [option of edge-trainer train...]
#
#   scripts/new-classes.sh                                                  vgg16, 8 classes, then 10
#   scripts/new-classes.sh --architecture resnet18 --cut 5 --exit-head pyramid --bits 1
#   scripts/new-classes.sh --data photos --known 20 --target 0.7
#
#   --known n          classes that are trained first, the first ones of the data (default: 8)
#   --target x         the final accuracy that counts (default: 0.8)
#   --before 'o...'    options of the run on the known classes (default: --epochs 4)
#   --again 'o...'     those of the runs that begin from its weights (default: --epochs 1 --learning-rate 0.08)
#   --scratch 'o...'   those of the run that begins from scratch (default: --epochs 4)
#   --directory dir    where everything goes (default: runs/new-classes-<time>). Runs that are complete there with the same
#                      options stay as they are, and the others start again
#
# All other options go to every run. Unless they say otherwise: vgg16 cut after block 3 with the conv head, 2 bits, zstd,
# winograd convolutions; both programs compute on all processors. Data is as for run-local.sh. With the defaults about an hour
# on two cores; nothing else should run on the machine.
#
# The runs: known (the first classes), again (all, from its weights), frozen (the same with --freeze-front), scratch (all).
# Prints a table of every epoch to standard output: seconds of training without evaluation, final accuracy of all classes, of
# the known ones and of the new ones; and how much sooner the target was reached. A plot of accuracies over time goes to
# <dir>/report if matplotlib can be had. Exit code 0 if the target was reached both from the weights and from scratch, 1 if
# not, or if a run failed; 64 for wrong options, 130 after Ctrl-C.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
start_experiment new_classes "$@"
