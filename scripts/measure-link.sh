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
help_if_asked "$@"

rate=3g
if (($#)) && [[ $1 != -* ]]; then
  rate=$1
  shift
fi
seconds=22
tolerance=0.03

bits=$(bits_per_second "$rate") || exit $?
# vgg8 after block 1 has 8192 values an image; in 32 bits these are 32 KB, for very little arithmetic. Batches of about a
# tenth of a second at high rates; at low ones single images, of fewer bits, for a fine measurement.
precision=32
batch=$((bits / 4000000 + 1))
((batch <= 128)) || batch=128
if ((bits < 500000)); then precision=1; fi
images=$((bits * seconds / (8192 * precision) + 2 * batch))

"$root/scripts/build.sh" >&2

runs=runs/link-$(date -u +%Y%m%d-%H%M%S)
edge=("$root/.build/release/edge-trainer" train --data synthetic --architecture vgg8 --cut 1 --exit-head pool
  --bits "$precision" --batch-size "$batch" --window 16 --learning-rate 0.001 --epochs 1 --train-limit "$images" --test-limit 1
  --threads 1 --link-rate "$rate" "$@" --run-dir "$runs/edge")
cloud=("$root/.build/release/cloud-trainer" --threads 1 --run-dir "$runs/cloud")
train_on_loopback >&2 || exit $?

log=$(echo "$runs"/cloud/*/metrics.jsonl)
config=$runs/edge/config.json
# Received bytes and time of the first and the last step, some bytes after the connection's beginning.
awk -v tolerance="$tolerance" '
  function number(key,   text) {
    text = $0
    if (!sub(".*\"" key "\" *: *", "", text)) return -1
    return text + 0
  }
  FNR == NR { if (number("link_rate") > 0) asked = number("link_rate"); next }
  /"type":"step"/ {
    if (!steps++) { bytes = number("received_bytes"); time = number("wall_seconds") }
    last_bytes = number("received_bytes"); last_time = number("wall_seconds")
  }
  END {
    if (!(asked > 0 && last_time > time)) { print "the log lacks figures"; exit 1 }
    achieved = (last_bytes - bytes) * 8 / (last_time - time)
    error = achieved / asked - 1
    printf "asked for  %12.4f Mbit/s\n", asked / 1e6
    printf "achieved   %12.4f Mbit/s (%+.2f %%), %d bytes in %.2f s\n",
      achieved / 1e6, 100 * error, last_bytes - bytes, last_time - time
    exit error <= tolerance && error >= -tolerance ? 0 : 1
  }' "$config" "$log"
