#!/usr/bin/env bash
# Trains the same network with several strategies over the same link, one after the other, and compares their times. The
# edge and the cloud are pinned to one core each and compute with one thread.
#
# Usage: scripts/race.sh [option...] [option of edge-trainer train...]
#
#   scripts/race.sh --architecture vgg16 --cut 3 --exit-head conv --bits 2
#   scripts/race.sh --racers cloud-stream --racer '2bit: --bits 2 --compression zstd' --racer '4bit: --bits 4'
#
#   --link-rate rate    as for edge-trainer, or none (default: 3g)
#   --racers a,b,...    of hierarchical, split, cloud-stream, cloud-upload-once, edge-only (default: all five, but none
#                       where --racer is given)
#   --racer 'n: o...'   a racer named n with options of its own; the strategy is hierarchical unless they say otherwise
#   --directory dir     where the race goes (default: runs/race-<time>). If it holds a race with the same options, racers
#                       that are complete stay as they are, and the others start again
#
# Unless the options say otherwise: vgg16 cut after block 3 with the conv head (another --architecture has the cut and head
# of edge-trainer train), 4 bits, one epoch of the first 5000 images, 1000 test images. An image takes its time on the link
# no matter how many there are, so that a part of them is enough to compare times; accuracies need all of them. Data is as
# for run-local.sh. cloud-upload-once is shown twice: its first epoch, which waits for the upload, and the later ones.
#
# With the defaults about 25 minutes at 3g, half of them for the gradients of split; nothing else should run on the machine.
# Each racer's directory holds edge/ and cloud/, what the programs printed (edge.txt, edge.log, cloud.log) and racer.json:
# its command, its arithmetic, and sgemm's speed just before and after. Prints tables to standard output;
# scripts/report.py draws them. Ctrl-C ends the race, with complete logs. Exit code 0 if every racer arrived and both sides'
# counts of bytes agree, 1 if not, 64 for wrong options, 130 after Ctrl-C.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
start_experiment race "$@"
