#!/usr/bin/env bash
# What run-local.sh does, but with edge and cloud in two network namespaces ("hosts") whose only link is a pair of virtual
# network devices that the kernel shapes (tc). As root, on Linux.
#
# Usage: scripts/two-hosts.sh [--link-rate rate] [--link-delay time] [option of edge-trainer train...]
#
#   scripts/two-hosts.sh --link-rate 3g --architecture vgg16 --cut 3 --epochs 1
#
# Rate and delay are written as for edge-trainer, hold in both directions, and are the kernel's here: the programs do not
# know of them, and their config.json does not either. The kernel counts whole packets, headers included (some 5 % more than
# the programs count); a delay needs the kernel's netem. Everything else is as for run-local.sh.
#
# Needs iproute2, and installs it if it is missing. Takes everything down again, however it ends. Takes as long as
# run-local.sh, or the link. The exit code is that of edge-trainer.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
start_experiment two_hosts "$@"
