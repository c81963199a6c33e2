#!/usr/bin/env bash
# Builds edge-trainer and cloud-trainer for this machine's processor, optimized, into .build/release.
#
# Usage: scripts/build.sh [option of swift build...]
#
# Two to three minutes the first time (two cores), then only what changed. The programs may not run on another
# kind of processor. They need the Swift runtime where they run; --static-swift-stdlib builds it in (30 MB instead
# of 9 each, start-up 11 instead of 13 ms), so that only libopenblas0, libssl3, libzstd1, libjpeg and libpng16-16 are
# needed there.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

"$root/scripts/setup.sh"

for product in edge-trainer cloud-trainer; do
  build_release --product "$product" "$@"
done
