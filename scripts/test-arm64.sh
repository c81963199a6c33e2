#!/usr/bin/env bash
# Builds the programs and their tests for arm64 on an x86-64 machine, runs the tests of modules there in QEMU, which
# stands in for the processor, and trains with both programs. As root, on Debian or Ubuntu.
#
# Usage: scripts/test-arm64.sh [--cache DIR] [--suite NAME] [--processor NAME] [--modules A,B,...]
#
#   --cache DIR       where two Debians and the build are, and stay (default: ~/.cache/hierarchical-trainer/arm64); 9 GB
#   --suite NAME      the Debian that is taken (default: sid, the first one whose swiftlang is new enough)
#   --processor NAME  which one QEMU stands in for (default: neoverse-n1): cortex-a53, cortex-a72 and neoverse-v1 have
#                     other kernels of OpenBLAS; those of a64fx and max (0.3.34) end with an illegal instruction
#   --modules A,...   whose tests are run (default: all but Session and EndToEnd, whose time limits are not QEMU's)
#
# debootstrap makes a Debian of x86-64 below DIR, with Swift's compiler and QEMU, and one of arm64, with the libraries.
# The compiler builds for the other one, optimized, which is as fast as ever; what is for arm64 is started by the
# kernel's binfmt_misc, and runs ten to thirty times as slowly as on a machine of its own. Nothing stays mounted or
# registered. Seven minutes for the Debians and ten for the build the first time, then only what changed (two cores).
#
# Prints a line for each module, then the table of the run; what the tests printed is in DIR/logs. Exit code 0 if all
# tests passed and the run is complete, 1 if not, 64 for wrong options, 69 without root, debootstrap or binfmt_misc.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

cache='' suite=sid processor=neoverse-n1
modules=Platform,Compute,Images,Datasets,Transport,Trust,WeightFiles,RunFiles,Terminal,Planning,CommandLineSupport
modules+=,Fuzz,Training,NeuralNetwork
arguments=("$@")
while (($#)); do
  case $1 in
    --cache | --suite | --processor | --modules)
      [[ -n ${2-} ]] || fail_usage "$1 lacks its value"
      printf -v "${1#--}" %s "$2"
      shift 2
      ;;
    --cache=?* | --suite=?* | --processor=?* | --modules=?*)
      option=${1%%=*}
      printf -v "${option#--}" %s "${1#*=}"
      shift
      ;;
    *) fail_usage "unknown argument '$1'" ;;
  esac
done
[[ $suite =~ ^[a-z-]+$ ]] || fail_usage "--suite '$suite': expected a name such as sid"
[[ $modules =~ ^[A-Za-z,]+$ ]] || fail_usage "--modules '$modules': expected names such as Compute,Transport"
for module in ${modules//,/ }; do
  [[ -d $root/Tests/${module}Tests ]] || fail_usage "--modules $module: there is no Tests/${module}Tests"
done

fail_unavailable() {
  say "error: $*"
  exit 69
}
[[ $(uname -m) == x86_64 ]] || fail_unavailable "this machine is $(uname -m), expected x86_64; on arm64, scripts/test.sh"
((EUID == 0)) || fail_unavailable "only root can make the Debians; call it with sudo"
command -v debootstrap >/dev/null || fail_unavailable "debootstrap is not installed: apt-get install debootstrap"
# Whatever is mounted from here on, nobody else sees, and it is gone with the script.
if [[ -z ${TEST_ARM64_IS_APART-} ]]; then
  TEST_ARM64_IS_APART=yes exec unshare --mount --propagation private "$0" "${arguments[@]}"
fi

if [[ -z $cache ]]; then
  [[ -n ${XDG_CACHE_HOME-} ]] || find_home "HOME or --cache"
  cache=${XDG_CACHE_HOME:-${home-}/.cache}/hierarchical-trainer/arm64
fi
mkdir -p "$cache"/{src,packages,logs}
cache=$(cd "$cache" && pwd)
multiarch=aarch64-linux-gnu

# Runs "${@:2}" in the Debian $1, without this machine's environment, which may choose OpenBLAS's kernels.
inside() {
  chroot "$cache/$1" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 QEMU_CPU="$processor" \
    DEBIAN_FRONTEND=noninteractive LD_LIBRARY_PATH="$([[ $1 != arm64 ]] || echo /usr/lib/swift/linux)" "${@:2}"
}

# Runs a command with its output in the log $1; if it fails, that ends the script.
logged() {
  local log=$cache/logs/$1
  "${@:2}" >"$log" 2>&1 || fail "$1 failed, all that it printed is in $log: $(tail -n 1 "$log")"
}

# Makes the Debian $1 with the packages "${@:2}", if it is not there yet; half of one is made again.
make_debian() {
  [[ $(cat "$cache/$1/made" 2>/dev/null) != "$suite ${*:2}" ]] || return 0
  say "making a Debian $suite of $1: about three minutes"
  rm -rf --one-file-system "${cache:?}/$1"
  logged "debootstrap-$1" debootstrap --variant=minbase --arch="$1" --include=ca-certificates "$suite" "$cache/$1"
  # A mirror may stand still.
  cat >"$cache/$1/etc/apt/apt.conf.d/99test" <<'END'
Acquire::Check-Valid-Until "false";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
END
  printf '%s localhost\n' 127.0.0.1 ::1 >"$cache/$1/etc/hosts"
  mount --bind /proc "$cache/$1/proc"
  logged "update-$1" inside "$1" apt-get update
  logged "install-$1" inside "$1" apt-get install --yes "${@:2}"
  echo "$suite ${*:2}" >"$cache/$1/made"
}

# Lets the kernel start programs for arm64 with the QEMU of the Debian of x86-64.
handler=/proc/sys/fs/binfmt_misc/hierarchical-trainer-arm64
register_qemu() {
  [[ -e ${handler%/*}/register ]] || mount -t binfmt_misc binfmt_misc "${handler%/*}" ||
    fail_unavailable "the kernel has no binfmt_misc"
  [[ ! -e $handler ]] || unregister_qemu
  trap unregister_qemu EXIT
  # The first bytes of such programs, and which of them count; F opens QEMU now, and not where they are started.
  printf '%s' ":${handler##*/}:M::" '\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:' \
    '\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:' \
    "$cache/amd64/usr/bin/qemu-aarch64:FP" >"${handler%/*}/register"
}
unregister_qemu() { echo -1 >"$handler"; }

make_debian amd64 swiftlang qemu-user git g++ rsync
register_qemu
make_debian arm64 libswiftlang libopenblas-dev libssl-dev libzstd-dev libjpeg-dev libpng-dev g++
if [[ ! -e $cache/arm64/usr/lib/swift ]]; then
  say "unpacking Swift's modules for arm64"
  # Of the compiler's package, which is large, what a program is built with.
  inside amd64 dpkg --add-architecture arm64
  logged update-amd64 inside amd64 apt-get update
  logged download inside amd64 sh -c 'cd /tmp && apt-get download swiftlang:arm64'
  dpkg-deb --fsys-tarfile "$cache"/amd64/tmp/swiftlang_*_arm64.deb |
    tar --extract --directory "$cache/arm64" --wildcards --exclude='*/embedded/*' --exclude='*/lib/swift/host/*' \
      './usr/libexec/swift/lib/swift/*' './usr/libexec/swift/lib/clang/*'
  rm "$cache"/amd64/tmp/swiftlang_*_arm64.deb
  ln -s ../libexec/swift/lib/swift "$cache/arm64/usr/lib/swift"
fi

say "building in release: about ten minutes the first time (two cores), then only what changed"
for debian in amd64 arm64; do
  mkdir -p "$cache/$debian"/{src,proc}
  mount --bind /proc "$cache/$debian/proc"
  mount --rbind /dev "$cache/$debian/dev"
  mount --bind "$cache/src" "$cache/$debian/src"
done
mkdir -p "$cache"/amd64/{arm64,packages,project}
mount --bind "$cache/arm64" "$cache/amd64/arm64"
mount --bind "$cache/packages" "$cache/amd64/packages"
mount --bind -o ro "$root" "$cache/amd64/project"
# Files that have not changed are left alone, with their times, or all would be built again.
inside amd64 rsync --recursive --links --perms --checksum --delete --exclude='/.build*' --exclude=/.git --exclude=/runs \
  --exclude=/Package.resolved /project/ /src
# The packages come by this machine's git, which may know another way to them.
inside amd64 git config --global safe.directory '*'
while read -r address; do
  copy=$cache/packages/${address##*/}.git
  if [[ -d $copy ]]; then
    git -C "$copy" fetch --quiet || say "no network: ${address##*/} stays as it is"
  else
    git clone --quiet --mirror "$address" "$copy"
  fi
  inside amd64 git config --global "url.file:///packages/${copy##*/}.insteadOf" "$address"
done < <(sed -n 's/.*\.package(url: "\([^"]*\)".*/\1/p' "$root/Package.swift")

bundle=$cache/amd64/sdks/arm64.artifactbundle
mkdir -p "$bundle"
printf '%s' '{"schemaVersion": "1.0", "artifacts": {"arm64": {"type": "swiftSDK", "version": "1",' \
  '"variants": [{"path": "."}]}}}' >"$bundle/info.json"
printf '%s' '{"schemaVersion": "4.0", "targetTriples": {"aarch64-unknown-linux-gnu": {"sdkRootPath": "/arm64",' \
  '"swiftResourcesPath": "/arm64/usr/lib/swift", "toolsetPaths": ["toolset.json"]}}}' >"$bundle/swift-sdk.json"
# Debian's alternatives are links from the root on, which lead elsewhere here; and its package lacks the library that
# what imports both Testing and Foundation is linked with.
printf '%s' '{"schemaVersion": "1.0", "swiftCompiler": {"extraCLIOptions": ["-use-ld=lld", "-Xfrontend",' \
  "\"-disable-cross-import-overlays\", \"-Xcc\", \"-I/arm64/usr/include/$multiarch/openblas-pthread\"]}," \
  "\"linker\": {\"extraCLIOptions\": [\"-L/arm64/usr/lib/$multiarch/openblas-pthread\"]}}" >"$bundle/toolset.json"
logged build inside amd64 swift build --package-path /src --swift-sdks-path /sdks --swift-sdk arm64 \
  --configuration release --no-color-diagnostics --build-tests -Xswiftc -enable-testing
built=/src/.build/aarch64-unknown-linux-gnu/release

code=0
for module in ${modules//,/ }; do
  log=$cache/logs/$module
  say "tests of $module"
  inside arm64 "$built/hierarchical-trainerPackageTests.xctest" --testing-library swift-testing \
    --filter "^${module}Tests\\." >"$log" 2>&1 || code=1
  summary=$(grep --text -E '^.{0,4} Test run with ' "$log" | tail -n 1) || true
  echo "$module: ${summary:-ended early, $(tail -n 1 "$log")}"
  [[ $summary == *' passed '* && $summary != *' with 0 tests '* ]] || code=1
  grep --text '^✘ Test ' "$log" >&2 || true
done

say "a run of both programs"
rm -rf "$cache"/arm64/{tmp/run,runs}
inside arm64 "$built/edge-trainer" train --local --data synthetic --train-limit 64 --test-limit 32 --epochs 1 \
  --batch-size 16 --architecture vgg8 --run-dir /tmp/run || code=1
((code == 0)) || fail "not all went well; all that the tests printed is in $cache/logs"
