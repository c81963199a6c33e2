# shellcheck shell=bash
# What the scripts share. Sourced, not run.

# shellcheck disable=SC2034 # The scripts use it.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Progress and errors go to standard error: standard output is for results.
say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }

fail() {
  say "error: $*"
  exit 1
}

# Ends the script because of how it was called.
fail_usage() {
  say "error: $*; see --help"
  exit 64
}

# Runs a command as root; fails where nobody may.
as_root() {
  if ((EUID == 0)); then
    "$@"
  elif [[ -t 0 || -t 2 ]]; then
    sudo "$@"
  else
    sudo --non-interactive "$@" # Nobody is there to type a password.
  fi
}

# Prints the comment at the top of the calling script if an argument asks for it.
help_if_asked() {
  local argument
  for argument; do
    case $argument in
      -h | --help)
        sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    esac
  done
}

# Sets home to the user's own folder: $HOME, else that of the user database. The root is nobody's: container engines set
# it for users that the database does not know. $1 says what can be set instead.
find_home() {
  home=${HOME-}
  [[ $home =~ ^/*$ ]] || return 0
  home=$(getent passwd "$(id -u)" 2>/dev/null | cut -d : -f 6) || true
  if [[ $home =~ ^/*$ || ! -d $home ]]; then
    say "error: HOME is ${HOME:-not set}, expected a folder, and the user database has none for user $(id -u); set $1"
    exit 65
  fi
}

# Sets data_options to the --data that edge-trainer shall have, given the options that the user has given: CIFAR-10 if
# it can be had, else synthetic images.
find_data() {
  local option data code=0
  data_options=()
  for option; do
    # A file of options says where the images are, or that the user has to.
    [[ $option != --@(data|config) && $option != --@(data|config)=* ]] || return 0
  done
  data=$("$root/scripts/fetch-cifar10.sh") || code=$?
  # Ctrl-C, or $CIFAR10_DIR is not what it should be, or there is no home.
  ((code < 128 && code != 65)) || exit "$code"
  if ((code)); then
    data=synthetic
    say "CIFAR-10 IS NOT AVAILABLE: TRAINING ON SYNTHETIC IMAGES. THE ACCURACIES SAY NOTHING ABOUT CIFAR-10."
  fi
  # shellcheck disable=SC2034 # The scripts use it.
  data_options=(--data "$data")
}

# Sets python to the interpreter of a virtual environment with torch, safetensors and numpy: that of $PYTORCH_VENV, else
# one that is made (once) in ~/.cache/hierarchical-trainer/venv. One that was only half made is completed.
prepare_pytorch() {
  local home venv=${PYTORCH_VENV-}
  if [[ -z $venv ]]; then
    [[ -n ${XDG_CACHE_HOME-} ]] || find_home "HOME or PYTORCH_VENV"
    venv=${XDG_CACHE_HOME:-${home-}/.cache}/hierarchical-trainer/venv
  fi
  python=$venv/bin/python
  if "$python" -c 'import torch, safetensors, numpy' 2>/dev/null; then return; fi
  say "preparing PyTorch in $venv"
  if ! python3 -m venv "$venv" >&2; then
    say "error: python3 -m venv failed; on Debian: apt-get install python3-venv"
    exit 69
  fi
  local pip=("$python" -m pip --disable-pip-version-check --quiet install)
  # The wheels for the CPU alone are a tenth of those on PyPI; where their index cannot be reached, PyPI has to do.
  "${pip[@]}" --retries 0 --timeout 15 --no-deps --index-url https://download.pytorch.org/whl/cpu torch >&2 ||
    say "no PyTorch for the CPU alone; taking the one of PyPI"
  "${pip[@]}" torch safetensors numpy >&2
}

# Says once that something is built, and how long that takes: $1, the first time.
say_build() {
  [[ -n ${said_build-} ]] || say "building: $1 the first time (two cores), then only what changed"
  said_build=1
}

# Prints the commit that is built, with a + if there is more than that; "unknown" outside of a clone.
source_commit() {
  local commit
  commit=$(git -C "$root" rev-parse --short HEAD 2>/dev/null) || { echo unknown; return; }
  [[ -z $(git -C "$root" status --porcelain 2>/dev/null) ]] || commit+=+
  echo "$commit"
}

# Builds in release for the processor $1 and those that can do as much, with further options of swift build.
build_for() {
  say_build 'two to three minutes'
  local option=-march
  # The loops of the layers vectorize only for the processor that the compiler is told.
  case $(uname -m) in
    aarch64 | arm64) option=-mcpu ;;
  esac
  # The compiler's options would else depend on whether this runs in a terminal, and all would be built again when
  # that changes.
  SOURCE_COMMIT=$(source_commit) swift build --package-path "$root" --configuration release --no-color-diagnostics -Xcc "$option=$1" "${@:2}"
}

# Builds in release for this machine's processor, with further options of swift build.
build_release() { build_for native "$@"; }

# Sets benchmark to the program of Sources/Benchmark, built if need be.
build_benchmark() {
  "$root/scripts/setup.sh"
  build_release --product benchmark >&2
  # shellcheck disable=SC2034 # The scripts use it.
  benchmark=$root/.build/release/benchmark
}

# Goes on as the program $1 of experiments/, with the script's options, unless they ask for help.
start_experiment() {
  help_if_asked "${@:2}"
  command -v python3 >/dev/null || fail "python3 is not installed; on Debian: apt-get install python3"
  PYTHONPATH=$root/scripts${PYTHONPATH:+:$PYTHONPATH} exec python3 -B -m "experiments.$1" "${@:2}"
}
