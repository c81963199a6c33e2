#!/usr/bin/env bash
# Trains over TLS while thousands of connections come to the cloud that say nothing, garbage, or half of a handshake,
# and compares that with undisturbed training: images/s of the edge, CPU time, memory and log of the cloud, and sha256
# of both sides' weights.
#
# Usage: scripts/load-test.sh [option...] [option of edge-trainer train...]
#
#   --connections n  how many come (default: 10000)
#   --at-once n      how many are there at the same time, if the cloud takes them (default: 300)
#   --addresses n    from how many addresses of 127.0.0.0/8 they come, the edge's among them (default: 100)
#   --directory d    where the runs go (default: runs/load-<time>)
#
# There are three runs: undisturbed; with the same connections, but to a port of their own, since what opens them takes
# processor time, too, though it has the lowest priority; and with the connections to the cloud. Images/s are those of
# the steps during which connections came to the cloud, and of the same steps in the other runs.
#
# Unless the options say otherwise: vgg8, 4 bits, synthetic images, one thread on each side. Needs no data set. Two to
# three minutes after the build. Prints a table and the hashes to standard output. Exit code 0 if the weights are the
# same, no connection was left out, and the cloud took no more than 64 MB for them; 1 if not: times are only printed; 64
# for wrong options, 130 after Ctrl-C.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
start_experiment load "$@"
