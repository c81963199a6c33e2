#!/usr/bin/env bash
# Measures the rate that --link-rate achieves: trains over loopback with so little to compute that the link is the
# bottleneck, and divides the bytes that the cloud received by the time in which it did, from its own log.
#
# Usage: scripts/measure-link.sh [rate] [option of edge-trainer train...]      (rate: as for --link-rate; default 3g)
#
# Sends for about 20 s at any rate up to wifi, after the build. Needs no data set. Files go into runs/link-<time>. Prints to
# standard output; exit code 0 if the rate is within 3 % of what was asked for, 1 if it is not.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
start_experiment link "$@"
