#!/usr/bin/env bash
# Measures how good the predictions of edge-trainer plan are: plans, then trains an epoch in each of eleven settings (strategies,
# cuts, bits and link rates), the edge and the cloud pinned to one core each, and compares the times.
#
# Usage: scripts/measure-plan.sh [quick] [option of edge-trainer plan and train...]
#
# With "quick" 1/32 of the images, in batches of 16: only to see that it works. The data is as for run-local.sh. Files go
# into runs/plan-<time>: each plan, each run, and predictions.jsonl with a line for each setting. Takes about ten minutes after
# the build, on a machine that does nothing else. Prints a table to standard output; exit code 0 if the median of the
# errors is at most 10 %, 1 if it is not.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
start_experiment plan "$@"
