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

# Ends the script unless the value $2 of its option $1 is a list, separated by commas, of items that are all different.
check_list() {
  local item seen=,
  while IFS= read -r -d , item; do
    [[ -n $item ]] || fail_usage "$1 $2: an item of the list is empty"
    [[ $seen != *",$item,"* ]] || fail_usage "$1 $2: $item is there twice"
    seen+=$item,
  done <<<"$2,"
}

# The command "$@" as a line for the shell, with quotes only where they are needed.
as_line() {
  local word line=
  for word; do
    [[ $word =~ ^[A-Za-z0-9_./:,@%+=-]+$ ]] || word=${word@Q}
    line+="$word "
  done
  printf '%s' "${line% }"
}

# Prints the comment at the top of the calling script if the first argument asks for it.
help_if_asked() {
  case ${1-} in
    -h | --help)
      sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
  esac
}

# Sets data_options to the --data that edge-trainer shall have, given the options that the user has given: CIFAR-10 if
# it can be had, else synthetic images.
find_data() {
  local option data code=0
  data_options=()
  for option; do
    [[ $option != --data && $option != --data=* ]] || return 0
  done
  data=$("$root/scripts/fetch-cifar10.sh") || code=$?
  # Ctrl-C, or $CIFAR10_DIR is not what it should be.
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
  local venv=${PYTORCH_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/hierarchical-trainer/venv}
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

# Builds the package in $1 in release for this machine's processor, with further options of swift build.
build_release() {
  local processor=-march=native
  # The loops of the layers vectorize only for the processor that the compiler is told.
  case $(uname -m) in
    aarch64 | arm64) processor=-mcpu=native ;;
  esac
  # The compiler's options would else depend on whether this runs in a terminal, and all would be built again when
  # that changes.
  swift build --package-path "$1" --configuration release --no-color-diagnostics -Xcc "$processor" "${@:2}"
}

# Sets benchmark to the program of Benchmarks/, built if need be.
build_benchmark() {
  "$root/scripts/setup.sh"
  build_release "$root/Benchmarks" --product benchmark >&2
  # shellcheck disable=SC2034 # The scripts use it.
  benchmark=$root/Benchmarks/.build/release/benchmark
}

# Sets processors to the numbers of one processor of each core, since the two hardware threads of one core hold each other
# up; only those that this process may use. Ends the script unless there are two.
find_processors() {
  local tool processor
  for tool in taskset lscpu; do
    command -v "$tool" >/dev/null || fail "$tool is not installed; on Debian: apt-get install util-linux"
  done
  processors=()
  while IFS= read -r processor; do
    if taskset --cpu-list "$processor" true 2>/dev/null; then processors+=("$processor"); fi
  done < <(lscpu --online --parse=CPU,CORE,SOCKET | awk -F, '!/^#/ && !seen[$2 "," $3]++ { print $1 }')
  ((${#processors[@]} >= 2)) || fail "needs two processor cores, here is ${#processors[@]}"
}

# What a script has to know of the options of edge-trainer train that it passes on. Sets cloud_options to those that the
# cloud gets too, edge_directory to the edge's --run-dir, if it is given, and alone to "yes" if there is no cloud.
read_run_options() {
  local i next
  cloud_options=()
  edge_directory=
  # shellcheck disable=SC2034 # The scripts use it.
  alone=
  for ((i = 1; i <= $#; i++)); do
    next=$((i + 1))
    case ${!i} in
      --cloud | --cloud=*)
        say "error: --cloud is not for this script: it starts its own cloud-trainer"
        exit 64
        ;;
      --threads | --timeout | --convolution) cloud_options+=("${!i}" "${!next-}") ;;
      --threads=* | --timeout=* | --convolution=*) cloud_options+=("${!i}") ;;
      --strategy) [[ ${!next-} != edge-only ]] || alone=yes ;;
      --strategy=edge-only) alone=yes ;;
      --run-dir) edge_directory=${!next-} ;;
      --run-dir=*) edge_directory=${!i#*=} ;;
    esac
  done
}

# Ends the script with 64 if edge-trainer refuses the command "$@" because of its options. Trains nothing: where there are no
# images, a command that is right ends with 65.
check_options() {
  local code=0 errors
  errors=$("$@" --data /dev/null/none 2>&1 >/dev/null) || code=$?
  if ((code == 64)); then
    tail -n 1 <<<"$errors" >&2
    exit 64
  fi
}

# Prints the bits per second that --link-rate $1 means; exits with 64 if it means none.
bits_per_second() {
  awk -v rate="$1" 'BEGIN {
    named["cat1"] = 0.13e6; named["3g"] = 1.1e6; named["4g"] = 5.85e6; named["wifi"] = 18.88e6
    if (rate in named) { printf "%.0f\n", named[rate]; exit }
    rate = tolower(rate)
    if (rate !~ /^[0-9.]*[0-9][0-9.]*[kmg]?bit$/ || rate ~ /[.].*[.]/) exit 64
    unit = rate ~ /gbit$/ ? 1e9 : rate ~ /mbit$/ ? 1e6 : rate ~ /kbit$/ ? 1e3 : 1
    if (rate * unit < 1e3 || rate * unit > 1e11) exit 64
    printf "%.0f\n", rate * unit
  }' || {
    say "error: --link-rate $1: expected 1kbit to 100Gbit, or cat1, 3g, 4g or wifi"
    exit 64
  }
}

# Trains as train_on_loopback does, tells where the run's files are and, if it failed, what the cloud's last words were.
# Exits with the edge's exit code.
train_and_report() {
  local code=0 run
  train_on_loopback || code=$?
  case $code in
    0 | 64 | 65 | 73 | 130) ;;
    *)
      say "the last words of cloud-trainer:"
      tail -n 5 "$cloud_errors" >&2
      ;;
  esac
  run=$(sed -n 's/.* run=\([A-Za-z0-9-]*\).*/\1/p' "$cloud_errors" | head -n 1)
  if [[ -n $run ]]; then
    say "the files of the run: ${edge_directory:-runs/$run/edge} and runs/$run/cloud"
  fi
  exit "$code"
}

cloud=()
edge=()
# Where the cloud listens, if not on loopback.
cloud_host=127.0.0.1
# What a script does at its very end.
at_end() { :; }

# Starts the command in the array `cloud` on a free port of cloud_host, and the one in the array `edge` to go with
# it; both get their last options from here. If `cloud` is empty, starts the edge alone. Returns the exit code of the edge.
# However that ends, the cloud has ended too when this returns or the script exits. What the cloud printed is in the files
# cloud_output and cloud_errors, until the script exits.
train_on_loopback() {
  local address='' code=1 grace
  work=$(mktemp -d)
  cloud_output=$work/output
  cloud_errors=$work/errors
  cloud_process=
  edge_process=
  trap end_processes EXIT
  trap 'stop 130' INT
  trap 'stop 143' TERM
  trap 'stop 129' HUP

  if ((${#cloud[@]})); then
    # The cloud's shell may make it later than this one reads it.
    : >"$cloud_output"
    "${cloud[@]}" --listen "$cloud_host:0" --sessions 1 >"$cloud_output" 2>"$cloud_errors" &
    cloud_process=$!
    while [[ -z $address ]] && is_running "$cloud_process"; do
      sleep 0.05
      address=$(sed -n 's/^listening on //p' "$cloud_output")
    done
    if [[ -z $address ]]; then
      wait "$cloud_process" || code=$?
      cat "$cloud_errors" >&2
      say "error: cloud-trainer did not start"
      return "$code"
    fi
  fi

  "${edge[@]}" ${address:+--cloud "$address"} &
  edge_process=$!
  code=0
  wait_through_signals "$edge_process" || code=$?

  [[ -n $cloud_process ]] || return "$code"
  # The cloud ends by itself after its session; if the edge never reached it, nothing is left to wait for.
  case $code in
    0) grace=60 ;;
    64 | 65 | 69 | 73) grace=0 ;;
    *) grace=5 ;;
  esac
  await_end "$cloud_process" "$grace" || true
  return "$code"
}

# Waits until the process $1 has ended, and returns its exit code. A signal to this script ends `wait`, but not the process,
# which completes its logs: the trap has to set `signalled`.
wait_through_signals() {
  local code
  while true; do
    signalled=
    code=0
    wait "$1" || code=$?
    [[ -n $signalled ]] || return "$code"
  done
}

# On Ctrl-C the terminal has told the programs too; on a signal to this script alone nobody has.
stop() {
  signalled=yes
  [[ -n $edge_process ]] || exit "$1"
  kill -TERM "$edge_process" 2>/dev/null || true
}

is_running() { kill -0 "$1" 2>/dev/null; }

# Waits until the process $1 has ended, $2 seconds at most.
await_end() {
  local i
  for ((i = 0; i < $2 * 20; i++)); do
    is_running "$1" || return 0
    sleep 0.05
  done
  ! is_running "$1"
}

# Ends what still runs, gently first.
end_processes() {
  local process
  for process in $edge_process $cloud_process; do
    is_running "$process" || continue
    kill -TERM "$process" 2>/dev/null || true
    await_end "$process" 10 || kill -KILL "$process" 2>/dev/null || true
  done
  rm -rf "$work"
  at_end
}

# For a script that trains once after the other: what train_into waits for, and the exit code to end with after a signal.
trainer=
stopped=

# Trains as train_on_loopback does; what the programs print goes into edge.txt, edge.log and cloud.log in the directory $1.
# Returns the exit code of the edge. After stop_between_runs a signal ends the run, and `stopped` is set.
train_into() {
  local code=0
  # A shell of its own, which takes the programs with it when it ends.
  (
    code=0
    train_on_loopback || code=$?
    if [[ -e $cloud_errors ]]; then cp "$cloud_errors" "$1/cloud.log"; fi
    exit "$code"
  ) >"$1/edge.txt" 2>"$1/edge.log" &
  trainer=$!
  wait_through_signals "$trainer" || code=$?
  trainer=
  return "$code"
}

# Lets a signal end the run under way, with complete logs, or this script if there is none.
stop_between_runs() {
  trap 'interrupt 130' INT
  trap 'interrupt 143' TERM
  trap 'interrupt 129' HUP
}

interrupt() {
  signalled=yes
  stopped=$1
  if [[ -n $trainer ]]; then kill -TERM "$trainer" 2>/dev/null || true; else exit "$1"; fi
}

# Ends the script if a signal came during the run; the directory $1 is what it goes on in.
exit_if_stopped() {
  [[ -n $stopped ]] || return 0
  say "interrupted; to go on: the same command with --directory $1"
  exit "$stopped"
}
