#!/usr/bin/env bash
# Builds edge-trainer and cloud-trainer with Swift's library inside, and installs both: programs, completions for bash,
# zsh and fish, man pages, and a service of systemd for cloud-trainer. Or removes all that again.
#
# Usage: scripts/install.sh [--prefix DIR] [--processor NAME] [--uninstall]
#
#   --prefix DIR      below which directory (default: /usr/local)
#   --processor NAME  the oldest processor that the programs are to run on, as clang names it: native, this machine's
#                     (the default), or x86-64-v3, x86-64-v2 and others; an arm64 machine has other names
#   --uninstall       remove what was installed below DIR, and nothing else: runs and keys stay
#
#   scripts/install.sh                       for all users; asks for root's rights (sudo) when all is built
#   scripts/install.sh --prefix ~/.local     for yourself
#
# The service is left out where systemd does not look for it: elsewhere than in /usr and /usr/local. It is not started.
# With $DESTDIR everything goes below that directory, and is made to be moved to DIR.
#
# Two to three minutes the first time (two cores); the build stays in .build-package, apart from scripts/build.sh's.
# What was installed is listed in DIR/share/hierarchical-trainer/installed. Needs python3, for the man pages. Exit code
# 65 if there is nothing to remove.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

prefix=/usr/local processor=native uninstall=
while (($#)); do
  case $1 in
    --prefix | --processor)
      [[ -n ${2-} ]] || fail_usage "$1 lacks its value"
      printf -v "${1#--}" %s "$2"
      shift 2
      ;;
    --prefix=?* | --processor=?*)
      option=${1%%=*}
      printf -v "${option#--}" %s "${1#*=}"
      shift
      ;;
    --uninstall)
      uninstall=yes
      shift
      ;;
    *) fail_usage "unknown argument '$1'" ;;
  esac
done
[[ $prefix == /*[!/]* ]] || fail_usage "--prefix $prefix: expected a directory that begins with /, and not the root"
[[ $processor =~ ^[a-z0-9.+_-]+$ ]] || fail_usage "--processor '$processor': expected a name such as x86-64-v2"
prefix=${prefix%/}
target=${DESTDIR-}$prefix
list=share/hierarchical-trainer/installed
# Whether systemd looks for services there, and this system is the one that they are for.
has_services() { [[ $prefix == /usr || $prefix == /usr/local ]]; }
is_live() { has_services && [[ -z ${DESTDIR-} ]]; }

# Runs a command that changes what is below the target: as root, if need be.
change() {
  local existing=$target
  while [[ ! -e $existing ]]; do existing=$(dirname "$existing"); done
  if [[ -w $existing ]] && ! is_live; then "$@"; else as_root "$@"; fi
}

# Removes the files and, as far as they are empty, the directories (with a slash at the end) that standard input names.
remove() {
  local name files=() directories=()
  while IFS= read -r name; do
    [[ $name ]] || continue
    if [[ $name == */ ]]; then directories=("$target/$name" "${directories[@]}"); else files+=("$target/$name"); fi
  done
  if ((${#files[@]})); then change rm -f -- "${files[@]}"; fi
  # The innermost first.
  for name in "${directories[@]}"; do
    if [[ -d $name ]]; then change rmdir --ignore-fail-on-non-empty -- "$name"; fi
  done
}

if [[ $uninstall ]]; then
  if [[ ! -f $target/$list ]]; then
    say "error: there is no $target/$list: this script has installed nothing below $prefix"
    exit 65
  fi
  if is_live; then change sh "$root/scripts/package/prerm" remove; fi
  installed=$(<"$target/$list")
  remove <<<"$installed"
  if is_live; then change sh "$root/scripts/package/postrm" purge; fi
  say "removed what was installed below $prefix; runs, and keys in ~/.local/state/hierarchical-trainer, are left"
  exit 0
fi

"$root/scripts/setup.sh" python3
scratch=$root/.build-package/$processor
for product in edge-trainer cloud-trainer; do
  build_for "$processor" --scratch-path "$scratch" --static-swift-stdlib --disable-local-rpath -Xlinker -s \
    --product "$product" >&2
done
built=$scratch/release

# Everything is put together apart, and then moved to its place.
umask 022
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
stage=$work/stage
zsh=zsh/site-functions
[[ $prefix != /usr ]] || zsh=zsh/vendor-completions # Debian's place for those of packages.
mkdir -p "$stage"/{bin,share/{bash-completion/completions,fish/vendor_completions.d,"$zsh",man/man1}} \
  "$stage"/share/{doc/hierarchical-trainer,hierarchical-trainer}
for program in edge-trainer cloud-trainer; do
  install "$built/$program" "$stage/bin"
  write_completions() { "$built/$program" --generate-completion-script "$1" >"$stage/share/$2"; }
  write_completions bash "bash-completion/completions/$program"
  write_completions zsh "$zsh/_$program"
  write_completions fish "fish/vendor_completions.d/$program.fish"
done
python3 -B "$root/scripts/package/manual.py" "$built"/{edge,cloud}-trainer --output "$stage/share/man/man1"
gzip --best --no-name "$stage"/share/man/man1/*
install --mode 644 "$root/LICENSE" "$stage/share/doc/hierarchical-trainer/copyright"
if has_services; then
  mkdir -p "$stage"/lib/{systemd/system,sysusers.d}
  package=$root/scripts/package
  sed "s|@prefix@|$prefix|" "$package/cloud-trainer.service" >"$stage/lib/systemd/system/cloud-trainer.service"
  install --mode 644 "$package/cloud-trainer.sysusers" "$stage/lib/sysusers.d/cloud-trainer.conf"
fi

# The list names also the directories that were not there before this installation, or the one before it; each stands
# ahead of what is in it, the first one is the prefix itself.
before=
if [[ -f $target/$list ]]; then before=$(<"$target/$list"); fi
touch "$stage/$list"
(cd "$stage" && find . | LC_ALL=C sort | sed 's|^\./\{0,1\}||') | while IFS= read -r name; do
  if [[ ! -d $stage/$name ]]; then
    echo "$name"
  elif [[ ! -d $target/$name ]] || grep --quiet --line-regexp --fixed-strings "$name/" <<<"$before"; then
    echo "$name/"
  fi
done >"$work/installed"
mv "$work/installed" "$stage/$list"

change mkdir -p "$target"
tar --create --directory "$stage" --owner 0 --group 0 . | change tar --extract --directory "$target" --no-overwrite-dir --keep-directory-symlink
# What an older version had, and this one has not.
obsolete=$(grep --invert-match --line-regexp --fixed-strings --file "$target/$list" <<<"$before") || true
[[ -z $obsolete ]] || remove <<<"$obsolete"
if is_live; then change sh "$root/scripts/package/postinst" configure; fi
say "installed below $prefix"
# man looks beside the programs that PATH finds.
[[ ${DESTDIR-} || :$PATH: == *:"$prefix/bin":* ]] ||
  say "$prefix/bin is not in PATH: add it (export PATH=\"$prefix/bin:\$PATH\"); with MANPATH set, $prefix/share/man to that"
