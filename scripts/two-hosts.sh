#!/usr/bin/env bash
# What run-local.sh does, but with edge and cloud in two network namespaces ("hosts") whose only link is a pair of virtual
# network devices that the kernel shapes (tc). As root, on Linux.
#
# Usage: scripts/two-hosts.sh [--link-rate rate] [--link-delay time] [option of edge-trainer train...]
#
#   scripts/two-hosts.sh --link-rate 3g --architecture vgg16 --cut 3 --epochs 1
#
# Rate and delay are written as for edge-trainer, hold in both directions, and are the kernel's here: the programs do not
# know of them, and their config.json does not either. The kernel counts whole packets, headers included (some 5 % more than
# the programs count); a delay needs the kernel's netem. Everything else is as for run-local.sh.
#
# Needs iproute2, and installs it if it is missing. Takes everything down again, however it ends.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

((EUID == 0)) || fail "network namespaces need root; try: sudo $0 $*"

# The link's options are for the kernel, the others for edge-trainer.
rate=
delay=
options=()
while (($#)); do
  case $1 in
    --link-rate | --link-delay)
      if (($# < 2)); then
        say "error: $1 lacks its value"
        exit 64
      fi
      case $1 in
        --link-rate) rate=$2 ;;
        --link-delay) delay=$2 ;;
      esac
      shift 2
      continue
      ;;
    --link-rate=*) rate=${1#*=} ;;
    --link-delay=*) delay=${1#*=} ;;
    *) options+=("$1") ;;
  esac
  shift
done
read_run_options "${options[@]}"
if [[ -n $alone ]]; then
  say "error: --strategy edge-only has no cloud, and needs no second host; see run-local.sh"
  exit 64
fi
bits=
if [[ -n $rate ]]; then bits=$(bits_per_second "$rate") || exit $?; fi
if [[ -n $delay && ! $delay =~ ^[0-9]+(\.[0-9]+)?m?s$ ]]; then
  say "error: --link-delay $delay: expected a number with ms or s"
  exit 64
fi

"$root/scripts/setup.sh" iproute2 >&2
"$root/scripts/build.sh" >&2
find_data "${options[@]}"

edge_host=edge-$$
cloud_namespace=cloud-$$

# shellcheck disable=SC2317 # common.sh calls it.
at_end() {
  # The devices go with their namespaces.
  ip netns delete "$edge_host" 2>/dev/null || true
  ip netns delete "$cloud_namespace" 2>/dev/null || true
}
trap at_end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Lets the device in the namespace $1 send as slowly as was asked for.
shape() {
  local parent=(root)
  if [[ -n $bits ]]; then
    # A bucket of 50 ms, but of five packets at least: with a smaller one a busy machine, whose timers fire late, loses much
    # of the rate. A queue of 1 s.
    local burst=$((bits / 8 / 20))
    ((burst >= 8000)) || burst=8000
    ip netns exec "$1" tc qdisc add dev uplink root handle 1: tbf rate "${bits}bit" burst "$burst" latency 1s ||
      fail "the kernel cannot shape the link (tbf)"
    parent=(parent 1:1)
  fi
  if [[ -n $delay ]]; then
    ip netns exec "$1" tc qdisc add dev uplink "${parent[@]}" netem delay "$delay" limit 100000 2>/dev/null ||
      fail "the kernel cannot delay (no netem); leave out --link-delay"
  fi
}

ip netns add "$edge_host" || fail "the kernel gives no network namespaces"
ip netns add "$cloud_namespace"
ip link add name uplink netns "$edge_host" type veth peer name uplink netns "$cloud_namespace" ||
  fail "the kernel gives no virtual network devices (veth)"
number=1
for host in "$edge_host" "$cloud_namespace"; do
  ip -netns "$host" address add "10.77.0.$number/30" dev uplink
  ip -netns "$host" link set dev uplink up
  ip -netns "$host" link set dev lo up
  shape "$host"
  number=$((number + 1))
done
say "two hosts, linked at ${rate:-full speed}${delay:+, $delay of delay each way}"

# shellcheck disable=SC2034 # common.sh uses it.
cloud_host=10.77.0.2
cloud=(ip netns exec "$cloud_namespace" "$root/.build/release/cloud-trainer" "${cloud_options[@]}")
edge=(ip netns exec "$edge_host" "$root/.build/release/edge-trainer" train "${data_options[@]}" "${options[@]}")
train_and_report
