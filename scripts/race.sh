#!/usr/bin/env bash
# Trains the same network with several strategies over the same link, one after the other, and compares their times. The
# edge and the cloud are pinned to one core each and compute with one thread.
#
# Usage: scripts/race.sh [option...] [option of edge-trainer train...]
#
#   scripts/race.sh --architecture vgg16 --cut 3 --exit-head conv --bits 2
#   scripts/race.sh --racers cloud-stream --racer '2bit: --bits 2 --compression zstd' --racer '4bit: --bits 4'
#
#   --link-rate rate    as for edge-trainer, or none (default: 3g)
#   --racers a,b,...    of hierarchical, split, cloud-stream, cloud-upload-once, edge-only (default: all five, but none
#                       where --racer is given)
#   --racer 'n: o...'   a racer named n with options of its own; the strategy is hierarchical unless they say otherwise
#   --directory dir     where the race goes (default: runs/race-<time>). If it holds a race with the same options, racers
#                       that are complete stay as they are, and the others start again
#
# Unless the options say otherwise: vgg16 cut after block 3 with the conv head (another --architecture has the cut and head
# of edge-trainer train), 4 bits, one epoch of the first 5000 images, 1000 test images. An image takes its time on the link
# no matter how many there are, so that a part of them is enough to compare times; accuracies need all of them. Data is as
# for run-local.sh. cloud-upload-once is shown twice: its first epoch, which waits for the upload, and the later ones.
#
# With the defaults about 25 minutes at 3g, half of them for the gradients of split; nothing else should run on the machine.
# Each racer's directory holds edge/ and cloud/, what the programs printed (edge.txt, edge.log, cloud.log) and racer.json:
# its commands, its arithmetic, and sgemm's speed just before and after. Prints tables to standard output;
# scripts/report.py draws them. Ctrl-C ends the race, with complete logs. Exit code 0 if every racer arrived and both sides'
# counts of bytes agree, 1 if not, 64 for wrong options, 130 after Ctrl-C.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

race_command=$(as_line scripts/race.sh "$@")

strategies=(hierarchical split cloud-stream cloud-upload-once edge-only)
rate=3g
names=()
specifications=()
directory=runs/race-$(date -u +%Y%m%d-%H%M%S)
options=()

# Adds the racer $1 with the options $2.
add_racer() {
  local name
  [[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] ||
    fail_usage "--racer $1: expected a name of letters, digits, '.', '_' and '-', and a colon"
  for name in ${names[@]+"${names[@]}"}; do
    [[ $name != "$1" ]] || fail_usage "two racers are named $1"
  done
  names+=("$1")
  specifications+=("$2")
}

# Adds the racers in the list $1 of strategies.
add_racers() {
  local name
  check_list --racers "$1"
  for name in ${1//,/ }; do
    [[ " ${strategies[*]} " == *" $name "* ]] || fail_usage "--racers $name: expected some of ${strategies[*]}"
    add_racer "$name" "--strategy $name"
  done
}

while (($#)); do
  option=$1
  case $option in
    --link-rate=* | --racers=* | --racer=* | --directory=*)
      value=${option#*=}
      option=${option%%=*}
      ;;
    --link-rate | --racers | --racer | --directory)
      (($# >= 2)) || fail_usage "$option lacks its value"
      value=$2
      shift
      ;;
    --run-dir | --run-dir=* | --strategy | --strategy=* | --trace | --trace=*)
      fail_usage "$option is not for this script; see --directory and --racer"
      ;;
  esac
  case $option in
    --link-rate) rate=$value ;;
    --racers) add_racers "$value" ;;
    --racer)
      [[ $value == *:* ]] || fail_usage "--racer $value: expected a name, a colon, and options"
      add_racer "${value%%:*}" "${value#*:}"
      ;;
    --directory) directory=${value%/} ;;
    *) options+=("$option") ;;
  esac
  shift
done
((${#names[@]})) || add_racers "$(IFS=,; echo "${strategies[*]}")"
link=()
if [[ $rate != none ]]; then
  bits_per_second "$rate" >/dev/null || exit $?
  link=(--link-rate "$rate")
fi
read_run_options ${options[@]+"${options[@]}"}
defaults=('--threads 1' '--epochs 1' '--train-limit 5000' '--test-limit 1000')
# Another network has the program's cut and head.
if [[ " ${options[*]-}" != *' --architecture'* ]]; then
  defaults+=('--architecture vgg16' '--cut 3' '--exit-head conv')
fi

find_processors
command -v python3 >/dev/null || fail "python3 is not installed; on Debian: apt-get install python3"
"$root/scripts/build.sh" >&2
find_data ${options[@]+"${options[@]}"}

# A JSON string.
quoted() {
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

# The value of the key $1 in the one-line object $2, as it is written there.
value_of() { sed -n 's/.*"'"$1"'":\([^,}]*\).*/\1/p' <<<"$2"; }

# What sgemm reaches on the edge's core, as an object.
peak() { taskset --cpu-list "${processors[0]}" "$benchmark" peak --threads 1; }

commit() {
  git -C "$root" describe --always --dirty --abbrev=12 2>/dev/null || echo unknown
}

describe_machine() {
  local model speed
  model=$(lscpu | sed -n 's/^Model name: *//p' | head -n 1)
  if [[ -e $directory/machine.json ]]; then
    grep -qF "\"cpu\": $(quoted "$model")" "$directory/machine.json" || fail "$directory holds a race on another machine"
    return 0
  fi
  speed=$(peak)
  {
    echo '{'
    echo "  \"cpu\": $(quoted "$model"),"
    echo "  \"cores\": ${#processors[@]},"
    echo "  \"processors\": \"${processors[0]} and ${processors[1]}\","
    echo "  \"kernels\": $(value_of kernels "$speed"),"
    echo "  \"sgemm_gigaflops\": $(value_of gigaflops "$speed"),"
    echo "  \"system\": $(quoted "$(uname -srm)"),"
    echo "  \"git_commit\": $(quoted "$(commit)"),"
    echo "  \"date\": \"$(date -u +%FT%TZ)\","
    echo "  \"command\": $(quoted "$race_command")"
    echo '}'
  } >"$directory/machine.json"
}

# Whether the racer in $1 arrived. Ends the script if it had other options than "${edge[@]}".
is_complete() {
  [[ -e $1/racer.json ]] || return 1
  grep -q '"exit_code": 0' "$1/racer.json" || return 1
  grep -qF "\"edge_command\": $(quoted "$(as_line "${edge[@]}")")" "$1/racer.json" ||
    fail_usage "$1 was run with other options"
}

# Writes what is known of the racer named $1 in $2, which started at $3 and ended with $4; $5 is sgemm's speed before.
describe_racer() {
  local arithmetic='' error='' after
  if (($4)); then
    error=$(grep -v '^ *$' "$2/edge.log" | tail -n 1 | tr -d '[:cntrl:]' || true)
    error=${error:-exit code $4}
    say "$1 FAILED: $error"
  else
    arithmetic=$("$benchmark" arithmetic "$2/edge/config.json")
  fi
  after=$(peak)
  {
    echo '{'
    echo "  \"name\": $(quoted "$1"),"
    echo "  \"edge_command\": $(quoted "$(as_line "${edge[@]}")"),"
    if ((${#cloud[@]})); then echo "  \"cloud_command\": $(quoted "$(as_line "${cloud[@]}")"),"; fi
    if [[ -n $arithmetic ]]; then
      echo "  \"edge_operations\": $(value_of edge_operations "$arithmetic"),"
      echo "  \"cloud_operations\": $(value_of cloud_operations "$arithmetic"),"
    fi
    echo "  \"sgemm_gigaflops\": [$(value_of gigaflops "$5"), $(value_of gigaflops "$after")],"
    echo "  \"git_commit\": $(quoted "$(commit)"),"
    echo "  \"started_at\": \"$3\","
    if [[ -n $error ]]; then echo "  \"error\": $(quoted "$error"),"; fi
    echo "  \"exit_code\": $4"
    echo '}'
  } >"$2/racer.json"
}

# Sets name, racer, edge and cloud for the racer number $1.
prepare() {
  local own given default
  name=${names[$1]}
  racer=$directory/$name
  read -ra own <<<"${specifications[$1]}"
  read_run_options ${options[@]+"${options[@]}"} ${own[@]+"${own[@]}"}
  given=(${options[@]+"${options[@]}"} ${own[@]+"${own[@]}"})
  edge=(taskset --cpu-list "${processors[0]}" "$root/.build/release/edge-trainer" train
    "${data_options[@]}" ${link[@]+"${link[@]}"} ${given[@]+"${given[@]}"})
  for default in "${defaults[@]}"; do
    [[ " ${given[*]-}" == *" ${default% *}"[\ =]* ]] || edge+=("${default% *}" "${default#* }")
  done
  edge+=(--run-dir "$racer/edge")
  cloud=()
  if [[ -z $alone ]]; then
    cloud=(taskset --cpu-list "${processors[1]}" "$root/.build/release/cloud-trainer" --threads 1
      ${cloud_options[@]+"${cloud_options[@]}"} --run-dir "$racer/cloud")
  fi
}

stop_between_runs

for i in "${!names[@]}"; do
  prepare "$i"
  check_options "${edge[@]}"
done
build_benchmark
mkdir -p "$directory" || exit 73
describe_machine
failures=0
for i in "${!names[@]}"; do
  prepare "$i"
  if is_complete "$racer"; then
    say "$name is complete"
    continue
  fi
  if [[ -e $racer ]]; then
    say "$name did not arrive last time; it starts again"
    rm -rf "$racer"
  fi
  mkdir -p "$racer"
  say "$name starts ($((i + 1)) of ${#names[@]}); see $racer/edge.log"
  before=$(peak)
  began=$(date -u +%FT%TZ)
  code=0
  train_into "$racer" || code=$?
  exit_if_stopped "$directory"
  describe_racer "$name" "$racer" "$began" "$code" "$before"
  ((code == 0)) || failures=$((failures + 1))
done

python3 -B "$root/scripts/report.py" --tables "$directory" || failures=$((failures + 1))
say "the race is in $directory"
((failures == 0))
