#!/usr/bin/env bash
# Makes a Debian package of both programs for this machine's architecture, and prints the path of its file.
#
# Usage: scripts/package.sh [--processor NAME]
#
#   --processor NAME  the oldest processor that the programs are to run on, as for scripts/install.sh (default:
#                     x86-64-v2, any with SSE4.2; on arm64, any); docs/install.md has what that costs
#
# The package holds what scripts/install.sh installs, below /usr, and needs no Swift. It can be installed on this
# version of Debian or Ubuntu and newer ones that have the same libraries: so it is made on the oldest.
#
# Two to three minutes the first time (two cores). Installs dpkg-dev if it is missing. The packager is named as Debian's
# tools do it, by $DEBFULLNAME and $DEBEMAIL.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

processor=(--processor x86-64-v2)
case $(uname -m) in
  aarch64 | arm64) processor=(--processor generic) ;;
esac
case "$# ${1-}" in
  '0 ') ;;
  '2 --processor' | '1 --processor='*) processor=("$@") ;;
  *) fail_usage "'$*': expected nothing or --processor NAME" ;;
esac
"$root/scripts/setup.sh" dpkg-dev
umask 022
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
DESTDIR=$work/root "$root/scripts/install.sh" --prefix /usr "${processor[@]}"
# dpkg has its own.
rm -r "$work/root/usr/share/hierarchical-trainer"

cd "$work"
mkdir -p root/DEBIAN debian
install "$root"/scripts/package/{postinst,prerm,postrm} root/DEBIAN
# dpkg-shlibdeps reads it, and looks up in it what the package itself is.
printf 'Source: hierarchical-trainer\n\nPackage: hierarchical-trainer\nArchitecture: any\n' >debian/control
libraries=$(dpkg-shlibdeps -O root/usr/bin/*)
version=$(root/usr/bin/edge-trainer --version | awk 'NR == 1 { print $2 }')
# Of another processor it is another package, which nobody takes for this one.
(($# == 0)) || version+=+$(tr -c 'a-z0-9\n' . <<<"${processor[-1]#*=}")
architecture=$(dpkg --print-architecture)
cat >root/DEBIAN/control <<END
Package: hierarchical-trainer
Version: $version
Architecture: $architecture
Maintainer: ${DEBFULLNAME:-$(id -un)} <${DEBEMAIL:-$(id -un)@$(uname -n)}>
Installed-Size: $(du --summarize --block-size 1K root/usr | cut -f 1)
Depends: ${libraries#shlibs:Depends=}
Section: science
Priority: optional
Description: train one convolutional network on two machines at once
 edge-trainer holds the images and trains the front layers through an early
 exit; cloud-trainer trains the rest from the quantized activations that the
 edge streams to it. By default no gradient travels back, and no image
 leaves the edge.
 .
 This package has both programs and a service of systemd for cloud-trainer,
 which is off until it is enabled.
END
(cd root && find usr -type f -print0 | LC_ALL=C sort --zero-terminated | xargs --null md5sum) >root/DEBIAN/md5sums
file=$root/.build-package/hierarchical-trainer_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz --build root "$file" >&2
echo "$file"
