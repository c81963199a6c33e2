#!/usr/bin/env bash
# Checks for Swift and installs the libraries that the build needs: OpenBLAS, OpenSSL, zstd, libjpeg, libpng
# (Debian, Ubuntu).
#
# Usage: scripts/setup.sh [package...]     (further Debian packages to install)
# The other scripts call it first. Takes 0.2 s when nothing is missing, else about a minute.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"
for argument; do
  [[ $argument =~ ^[a-z0-9] ]] || fail_usage "'$argument' is no Debian package"
done

# Swift 6 or newer, or one line that says where to get it.
if ! command -v swift >/dev/null; then
  fail "Swift is not installed (or not in PATH). Get Swift 6 or newer from https://www.swift.org/install"
fi
version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
if ! [[ ${version%%.*} =~ ^[0-9]+$ ]] || ((${version%%.*} < 6)); then
  fail "Swift ${version:-of unknown version} is too old. Get Swift 6 or newer from https://www.swift.org/install"
fi

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  say "not a Debian system: the build needs the development files of OpenBLAS (cblas.h), OpenSSL 3 (openssl/ssl.h), zstd (zstd.h), libjpeg-turbo (jpeglib.h) and libpng (png.h)"
  exit 0
fi

missing=()
for package in libopenblas-dev libssl-dev libzstd-dev libjpeg-dev libpng-dev "$@"; do
  # "installed" and not just known: a removed package still has a state.
  status=$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    fail "packages are missing; run this as root, then try again: apt-get install ${missing[*]}"
  elif [[ -t 0 ]]; then
    as_root=(sudo)
  else
    as_root=(sudo --non-interactive) # Nobody is there to type a password.
  fi
fi
install=(env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends "${missing[@]}")

say "installing ${missing[*]}"
# The package lists are fetched only if those that are here do not do.
if ! "${as_root[@]}" "${install[@]}" >/dev/null 2>&1; then
  "${as_root[@]}" apt-get update --quiet >&2 || true
  "${as_root[@]}" "${install[@]}" >&2 ||
    fail "could not install the packages; run this as root, then try again: apt-get install ${missing[*]}"
fi
