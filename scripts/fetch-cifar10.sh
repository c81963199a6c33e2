#!/usr/bin/env bash
# Prints a folder that holds CIFAR-10 in its binary format; downloads it (162 MB) if it is not here yet.
#
# Usage: scripts/fetch-cifar10.sh
#
# The folder is $CIFAR10_DIR if that is set, else ~/.cache/cifar-10-batches-bin. Exit code 65 if $CIFAR10_DIR does not
# hold the data, or if it is not set and there is no home, 1 if the download fails, 64 for an argument. Without a
# network it gives up within 20 seconds.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"
(($# == 0)) || fail_usage "unknown argument '$1'"

url=https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz
md5=c32a1d4ab5d03f1284b67883e8d87530
files=(data_batch_{1..5}.bin test_batch.bin)
file_bytes=30730000

# Whether all files are in the folder $1, each with all its bytes.
is_complete() {
  local file
  for file in "${files[@]}"; do
    [[ -f $1/$file && $(wc -c <"$1/$file") -eq $file_bytes ]] || return 1
  done
}

# Fetches the archive into the file $1. Ends when no server answers for 10 seconds, or next to nothing comes for 30.
download() {
  if command -v curl >/dev/null; then
    curl --fail --location --silent --show-error --connect-timeout 10 --speed-limit 1000 --speed-time 30 \
      --output "$1" "$url"
  else
    wget --quiet --connect-timeout=10 --dns-timeout=10 --read-timeout=30 --tries=1 --output-document="$1" "$url"
  fi
}

if [[ -n ${CIFAR10_DIR-} ]]; then
  if ! is_complete "$CIFAR10_DIR"; then
    say "error: CIFAR10_DIR=$CIFAR10_DIR does not hold ${files[*]}, $file_bytes bytes each"
    exit 65
  fi
  echo "$CIFAR10_DIR"
  exit 0
fi

find_home "HOME or CIFAR10_DIR"
folder=$home/.cache/cifar-10-batches-bin
if is_complete "$folder"; then
  echo "$folder"
  exit 0
fi

if ! command -v curl >/dev/null && ! command -v wget >/dev/null; then
  "$root/scripts/setup.sh" curl ca-certificates
fi

# Beside its later place, so that what is good gets there by renaming, and what is not never does.
mkdir -p "$home/.cache"
work=$(mktemp -d "$home/.cache/cifar-10-download.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "downloading CIFAR-10 (162 MB) from $url"
download "$work/archive.tar.gz" || fail "the download failed"
actual=$(md5sum "$work/archive.tar.gz")
[[ ${actual%% *} == "$md5" ]] || fail "the download is damaged: its MD5 is ${actual%% *}, expected $md5"
tar --extract --gzip --file "$work/archive.tar.gz" --directory "$work" || fail "cannot unpack the download"
is_complete "$work/cifar-10-batches-bin" || fail "the archive does not hold ${files[*]}, $file_bytes bytes each"
mkdir -p "$folder"
mv -f "$work/cifar-10-batches-bin"/*.bin "$folder"
echo "$folder"
