#!/usr/bin/env bash
# The rate-accuracy frontier: trains both programs over loopback, once for each way to cut a network and to code its
# features, and tabulates bytes per image and accuracies.
#
# Usage: scripts/frontier.sh [option...] [option of edge-trainer train...]
#
#   scripts/frontier.sh --directory runs/frontier --train-limit 20000 --epochs 4     the default grid
#   scripts/frontier.sh --networks vgg8:2 --bits 2,1 --bottlenecks none,16 --epochs 5
#   scripts/frontier.sh --directory runs/frontier --table                            only the table of what is there
#
#   --networks a:k,...     architectures and cuts (default: vgg16:3,vgg16:4,resnet18:4,resnet18:6,resnet18:8)
#   --bottlenecks n,...    channels at the cut, or none; those that would not narrow the cut are left out (default:
#                          none,64,32,16)
#   --bits n,...           bits of a value (default: 4,2,1)
#   --scales s,...         tensor, channel (default: tensor)
#   --max-bytes n          leave out settings whose features take more bytes per image before compression (default: 4096)
#   --directory dir        where everything goes (default: runs/frontier-<time>). Settings that are complete there are
#                          skipped, and others start again: the same command goes on where it was stopped
#   --list                 print the settings and which are complete, and train nothing
#   --table                print the table, and train nothing
#
# All other options go to edge-trainer, and --threads, --timeout and --convolution to cloud-trainer too. Unless they say
# otherwise: the conv head, 6 epochs of all images, seed 0. Data is as for run-local.sh. Every run compresses with zstd; what
# the features take without it follows from their shape, so a row holds both, and nothing is trained twice.
#
# Each setting has a directory with edge/ and cloud/, its command, and what the programs said. frontier.tsv has a row for
# each that is complete, and the table goes to standard output; * marks those that no setting of the same architecture beats in
# both bytes and final accuracy. The default grid takes days: stop it with Ctrl-C at any time. Exit code 0 if all settings are
# complete, 1 if some failed, 64 for wrong options, 130 after Ctrl-C.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

networks=vgg16:3,vgg16:4,resnet18:4,resnet18:6,resnet18:8
bottlenecks=none,64,32,16
bits=4,2,1
scales=tensor
max_bytes=4096
directory=runs/frontier-$(date -u +%Y%m%d-%H%M%S)
mode=train
seed=0
options=()

# Sets value to that of the option in "$@", which is written --option value or --option=value, and count to the number
# of words.
take_value() {
  if [[ $1 == *=* ]]; then
    value=${1#*=}
    count=1
  else
    (($# >= 2)) || fail_usage "$1 lacks its value"
    value=$2
    count=2
  fi
  [[ -n $value ]] || fail_usage "${1%%=*} is empty"
}

while (($#)); do
  count=1
  case $1 in
    --list) mode=list ;;
    --table) mode=table ;;
    --networks | --networks=*) take_value "$@" && networks=$value ;;
    --bottlenecks | --bottlenecks=*) take_value "$@" && bottlenecks=$value ;;
    --bits | --bits=*) take_value "$@" && bits=$value ;;
    --scales | --scales=*) take_value "$@" && scales=$value ;;
    --max-bytes | --max-bytes=*) take_value "$@" && max_bytes=$value ;;
    --directory | --directory=*) take_value "$@" && directory=$value ;;
    --architecture* | --cut* | --bottleneck* | --scale* | --compression* | --strategy* | --run-dir*)
      fail_usage "${1%%=*} is not for this script: it goes through them"
      ;;
    *)
      case $1 in
        --seed | --seed=*) take_value "$@" && seed=$value ;;
      esac
      options+=("${@:1:count}")
      ;;
  esac
  shift "$count"
done
[[ $max_bytes =~ ^[0-9]+$ ]] || fail_usage "--max-bytes $max_bytes: expected a number"
check_list --networks "$networks"
check_list --bottlenecks "$bottlenecks"
check_list --bits "$bits"
check_list --scales "$scales"
for value in ${networks//,/ }; do
  [[ $value == ?*:?* ]] || fail_usage "--networks $value: expected architecture:cut"
done
for value in ${bottlenecks//,/ }; do
  [[ $value =~ ^(none|[1-9][0-9]*)$ ]] || fail_usage "--bottlenecks $value: expected a number of channels, or none"
done
for value in ${scales//,/ }; do
  [[ $value == tensor || $value == channel ]] || fail_usage "--scales $value: expected tensor or channel"
done
if [[ $mode == table && ! -d $directory ]]; then
  fail_usage "--table needs the --directory of earlier runs; $directory is none"
fi

read_run_options ${options[@]+"${options[@]}"}
"$root/scripts/build.sh" >&2
edge_trainer=$root/.build/release/edge-trainer

# The value of the key $1 in the JSON file $2, which has a key a line; nothing if it is missing or null.
value_of() { sed -n 's/^ *"'"$1"'" *: *"\{0,1\}\([^",]*\)"\{0,1\},\{0,1\}$/\1/p' "$2" | sed 's/^null$//'; }

# Prints features (HxWxC), values and bytes of one image's features: of network $1 cut after block $2, at $3 bits,
# through a bottleneck of $4 channels or none.
describe_cut() {
  local narrowed=()
  [[ $4 == none ]] || narrowed=(--bottleneck "$4")
  "$edge_trainer" describe --architecture "$1" --bits "$3" ${narrowed[@]+"${narrowed[@]}"} >"$described" ||
    fail_usage "--networks $1:$2, --bits $3, --bottlenecks $4: see above"
  awk -v cut="$2" '$1 == cut { print $2, $3, $4; found = 1 } END { exit !found }' "$described" ||
    fail_usage "--networks $1:$2: there is no such cut"
}

# Sets settings to "architecture cut bottleneck bits scale" of each.
list_settings() {
  local network architecture cut bottleneck bit scale cut_features features bytes described
  described=$(mktemp)
  settings=()
  for network in ${networks//,/ }; do
    architecture=${network%%:*}
    cut=${network#*:}
    cut_features=$(describe_cut "$architecture" "$cut" 4 none) || exit $?
    read -r cut_features _ <<<"$cut_features"
    for bottleneck in ${bottlenecks//,/ }; do
      if [[ $bottleneck != none ]] && ((bottleneck >= ${cut_features##*x})); then continue; fi
      for bit in ${bits//,/ }; do
        features=$(describe_cut "$architecture" "$cut" "$bit" "$bottleneck") || exit $?
        read -r _ _ bytes <<<"$features"
        if ((bytes > max_bytes)); then continue; fi
        for scale in ${scales//,/ }; do
          settings+=("$architecture $cut $bottleneck $bit $scale")
        done
      done
    done
  done
  rm -f "$described"
  ((${#settings[@]})) || fail_usage "nothing is left of these settings"
}

# Sets name, edge and cloud for the setting in "$@".
prepare() {
  local narrowed=() path
  [[ $3 == none ]] || narrowed=(--bottleneck "$3")
  name=$1-cut$2-bottleneck_$3-$4bit-$5-seed$seed
  path=$directory/$name
  edge=("$edge_trainer" train --exit-head conv --epochs 6 "${data_options[@]}" ${options[@]+"${options[@]}"}
    --architecture "$1" --cut "$2" ${narrowed[@]+"${narrowed[@]}"} --bits "$4" --scale "$5" --compression zstd
    --run-dir "$path/edge")
  cloud=("$root/.build/release/cloud-trainer" ${cloud_options[@]+"${cloud_options[@]}"} --run-dir "$path/cloud")
}

# Whether the setting in the directory $1 is complete. Ends the script if it had other options than "${edge[@]}".
is_complete() {
  [[ -e $1/edge/summary.json ]] || return 1
  [[ $(value_of outcome "$1/edge/summary.json") == completed ]] || return 1
  [[ $(as_line "${edge[@]}") == "$(<"$1/command")" ]] || fail_usage "$1 was run with other options: see $1/command"
}

# Prints a row of frontier.tsv for the complete setting in the directory $1.
row() {
  local summary=$1/edge/summary.json config=$1/edge/config.json described values
  local architecture cut bottleneck bit
  architecture=$(value_of architecture "$config")
  cut=$(value_of cut "$config")
  bottleneck=$(value_of bottleneck "$config")
  bit=$(value_of bits "$config")
  described=$(mktemp)
  read -r _ values _ <<<"$(describe_cut "$architecture" "$cut" "$bit" "${bottleneck:-none}")"
  rm -f "$described"
  # Without compression an image has a byte for the label and its codes. What the batches add, headers and scales, is in the
  # measured bytes only.
  awk -v OFS='\t' -v architecture="$architecture" -v cut="$cut" -v bottleneck="${bottleneck:-none}" -v bits="$bit" \
    -v scale="$(value_of scale "$config")" -v full="$(value_of full_scale "$config")" -v values="$values" \
    -v images="$(value_of train_images "$config")" -v epochs="$(value_of completed_epochs "$summary")" \
    -v payload="$(value_of train_payload_bytes "$summary")" -v exit_accuracy="$(value_of exit_accuracy "$summary")" \
    -v final_accuracy="$(value_of final_accuracy "$summary")" -v seed="$(value_of seed "$config")" \
    -v directory="$1" -v command="$(<"$1/command")" 'BEGIN {
      printf "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%.1f\t%.1f\t", architecture, cut, bottleneck, bits, scale, full, values,
        values * bits / 8 + 1, payload / (images * epochs)
      printf "%.4f\t%.4f\t%s\t%s\t%s\t%s\t%s\n", exit_accuracy, final_accuracy, epochs, images, seed, directory, command
    }'
}

# Writes frontier.tsv from all complete settings in the directory, and prints the table.
tabulate() {
  local summary
  {
    printf '%s\t' architecture cut bottleneck bits scale full_scale values packed_bytes_per_image bytes_per_image \
      exit_accuracy final_accuracy epochs train_images seed directory
    echo command
    for summary in "$directory"/*/edge/summary.json; do
      [[ -e $summary && $(value_of outcome "$summary") == completed ]] || continue
      row "${summary%/edge/summary.json}"
    done | sort -t $'\t' -k 1,1 -k 2,2n -k 9,9n
  } >"$directory/frontier.tsv.new"
  mv "$directory/frontier.tsv.new" "$directory/frontier.tsv"
  awk -F '\t' '
    NR > 1 { rows++; for (i = 1; i <= NF; i++) cell[rows, i] = $i }
    END {
      format = "%-1s %-17s %3s %10s %4s %-7s %10s %12s %10s %7s %7s %6s %7s %4s\n"
      printf format, "", "architecture", "cut", "bottleneck", "bits", "scale", "full scale", "bytes packed", "with zstd",
        "exit %", "final %", "epochs", "images", "seed"
      for (r = 1; r <= rows; r++) {
        mark = "*"
        for (s = 1; s <= rows; s++) {
          if (cell[s, 1] == cell[r, 1] && cell[s, 9] <= cell[r, 9] && cell[s, 11] >= cell[r, 11] &&
            (cell[s, 9] + 0 < cell[r, 9] + 0 || cell[s, 11] + 0 > cell[r, 11] + 0)) mark = ""
        }
        printf format, mark, cell[r, 1], cell[r, 2], cell[r, 3], cell[r, 4], cell[r, 5], cell[r, 6], cell[r, 8],
          cell[r, 9], sprintf("%.2f", 100 * cell[r, 10]), sprintf("%.2f", 100 * cell[r, 11]), cell[r, 12], cell[r, 13],
          cell[r, 14]
      }
    }' "$directory/frontier.tsv"
}

stop_between_runs

if [[ $mode == table ]]; then
  tabulate
  exit 0
fi

list_settings
find_data ${options[@]+"${options[@]}"}
for words in "${settings[@]}"; do
  read -ra setting <<<"$words"
  prepare "${setting[@]}"
  check_options "${edge[@]}"
done
if [[ $mode == train ]]; then mkdir -p "$directory" || exit 73; fi

failures=0
for i in "${!settings[@]}"; do
  read -ra setting <<<"${settings[i]}"
  prepare "${setting[@]}"
  place=$directory/$name
  state=
  if is_complete "$place"; then state=complete; fi
  if [[ $mode == list ]]; then
    echo "$name${state:+ ($state)}"
    continue
  fi
  if [[ -n $state ]]; then
    say "$name is complete"
    continue
  fi
  rm -rf "$place"
  mkdir -p "$place"
  as_line "${edge[@]}" >"$place/command"
  say "$name starts ($((i + 1)) of ${#settings[@]}); see $place/edge.log"
  code=0
  train_into "$place" || code=$?
  exit_if_stopped "$directory"
  if ((code)); then
    say "$name FAILED with exit code $code: $(tail -n 1 "$place/edge.log")"
    failures=$((failures + 1))
  fi
done
if [[ $mode == list ]]; then exit 0; fi

tabulate
say "the table is in $directory/frontier.tsv"
((failures == 0))
