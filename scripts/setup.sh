#!/usr/bin/env bash
# Checks for Swift 6.2 or newer and installs what the build needs on Debian and Ubuntu: OpenBLAS, OpenSSL, zstd,
# libjpeg, libpng, and what Swift itself takes from the system. Swift, too, where apt has one that is new enough.
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

# The oldest Swift that the packages of Package.swift take.
wanted=6.2
site=https://www.swift.org/install

# Whether the version $1 is that or newer: 6.3.1, or as Debian has it, 6.3.1-2.
is_new_enough() {
  [[ $1 =~ ^([0-9]+)\.([0-9]+) ]] || return 1
  ((BASH_REMATCH[1] > ${wanted%.*} || (BASH_REMATCH[1] == ${wanted%.*} && BASH_REMATCH[2] >= ${wanted#*.})))
}

# Sets found to the version of the swift in PATH; empty if there is none, or it does not start, or does not say.
find_swift() {
  found=
  if command -v swift >/dev/null; then
    found=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1) || true
  fi
}

# Ends the script for lack of Swift, with what there is instead.
fail_swift() {
  local swift
  if ! swift=$(command -v swift); then
    fail "Swift is not installed (or not in PATH)${offered:+; the swiftlang of apt is $offered, too old}. Get Swift $wanted or newer from $site"
  elif [[ -z $found ]]; then
    fail "$swift does not say which version it is: $(swift --version 2>&1 | tail -n 1). Get Swift $wanted or newer, and what it needs, from $site"
  fi
  fail "Swift $found ($swift) is too old. Get Swift $wanted or newer from $site, and put it first in PATH"
}

# Whether Swift's compiler finds a linker, and the headers of C and C++.
has_headers() { command -v ld && [[ -e /usr/include/stdio.h ]] && compgen -G '/usr/include/c++/*/vector'; } >/dev/null

can_install() { command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; }

update_lists() { as_root apt-get update --quiet >&2 || true; }

missing=()
offered=
find_swift
if [[ -z $found ]] && command -v swift >/dev/null && can_install; then
  missing=(libcurl4 libncurses6 libxml2) # Without these it does not start.
elif ! is_new_enough "$found"; then
  if can_install; then
    # A fresh container has no lists.
    compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || update_lists
    offered=$(LC_ALL=C apt-cache policy swiftlang 2>/dev/null | sed -n 's/^ *Candidate: *\(.*:\)\{0,1\}\([0-9]\)/\2/p')
  fi
  is_new_enough "$offered" || fail_swift
  missing=(swiftlang)
fi
has_headers || missing+=(g++)

if ! can_install; then
  say "not a Debian system: the build needs the development files of OpenBLAS (cblas.h), OpenSSL 3 (openssl/ssl.h), zstd (zstd.h), libjpeg-turbo (jpeglib.h) and libpng (png.h)"
  exit 0
fi

for package in libopenblas-dev libssl-dev libzstd-dev libjpeg-dev libpng-dev "$@"; do
  # "installed" and not just known: a removed package still has a state.
  status=$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

if ((EUID != 0)) && ! command -v sudo >/dev/null; then
  fail "packages are missing; run this as root, then try again: apt-get install ${missing[*]}"
fi
install=(env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends "${missing[@]}")

say "installing ${missing[*]}"
# The package lists are fetched only if those that are here do not do.
if ! as_root "${install[@]}" >/dev/null 2>&1; then
  update_lists
  as_root "${install[@]}" >&2 ||
    fail "could not install the packages; run this as root, then try again: apt-get install ${missing[*]}"
fi
hash -r
find_swift
is_new_enough "$found" || fail_swift
