#!/usr/bin/env bash
# The rate-accuracy frontier: trains both programs over loopback, once for each way to cut a network and to code its
# features, and tabulates bytes per image and accuracies.
#
# Usage: scripts/frontier.sh [option...] [option of edge-trainer train...]
#
#   scripts/frontier.sh --directory runs/frontier --train-limit 20000 --epochs 4     the default grid
#   scripts/frontier.sh --networks vgg8:2 --bits 2,1 --bottlenecks none,16 --epochs 5
#   scripts/frontier.sh --directory runs/frontier --table                            only the table of what is there
#
#   --networks a:k,...     architectures and cuts (default: vgg16:3,vgg16:4,resnet18:4,resnet18:6,resnet18:8)
#   --bottlenecks n,...    channels at the cut, or none; those that would not narrow the cut are left out (default:
#                          none,64,32,16)
#   --bits n,...           bits of a value (default: 4,2,1)
#   --scales s,...         tensor, channel (default: tensor)
#   --max-bytes n          leave out settings whose features take more bytes per image before compression (default: 4096)
#   --directory dir        where everything goes (default: runs/frontier-<time>). Settings that are complete there are
#                          skipped, and others start again: the same command goes on where it was stopped
#   --list                 print the settings and which are complete, and train nothing
#   --table                print the table, and train nothing
#
# All other options go to edge-trainer, and --threads, --timeout and --convolution to cloud-trainer too. Unless they say
# otherwise: the conv head, 6 epochs of all images, seed 0. Data is as for run-local.sh. Every run compresses with zstd; what
# the features take without it follows from their shape, so a row holds both, and nothing is trained twice.
#
# Each setting has a directory with edge/ and cloud/, its command, and what the programs said. frontier.tsv has a row for
# each that is complete, and the table goes to standard output; * marks those that no setting of the same architecture beats in
# both bytes and final accuracy. The default grid takes days: stop it with Ctrl-C at any time. Exit code 0 if all settings are
# complete, 1 if some failed, 64 for wrong options, 130 after Ctrl-C.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
start_experiment frontier "$@"
