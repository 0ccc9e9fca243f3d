#!/usr/bin/env bash
# Trains with N processes on this computer, to try out what a cluster does:
#
#   launch/train_local_processes.sh 2 --config=configs/digits.py \
#     --workdir=runs/two
#
# Every process has $DEVICES simulated devices (default 1). Ends when all have
# ended, with the first status that is not 0; SIGTERM is handed on.
# Command: $MOBILENET_JAX (default .venv/bin/mobilenet-jax); port: $PORT.
set -euo pipefail
if [ $# -lt 2 ] || ! [ "$1" -ge 1 ] 2>/dev/null; then
  echo "Usage: $0 PROCESSES [arguments of mobilenet-jax train]" >&2
  exit 2
fi
count=$1
shift
cd "$(dirname "${BASH_SOURCE[0]}")/.."
read -r -a command <<<"${MOBILENET_JAX:-.venv/bin/mobilenet-jax}"
export JAX_COORDINATOR_ADDRESS="127.0.0.1:${PORT:-$((20000 + RANDOM % 10000))}"
export JAX_NUM_PROCESSES=$count
export JAX_PLATFORMS=cpu
export XLA_FLAGS="${XLA_FLAGS:-} --xla_force_host_platform_device_count=${DEVICES:-1}"
children=()
for ((i = 0; i < count; i++)); do
  JAX_PROCESS_ID=$i "${command[@]}" train "$@" &
  children+=($!)
done
trap 'kill -TERM "${children[@]}" 2>/dev/null' TERM
trap 'kill -INT "${children[@]}" 2>/dev/null' INT
status=0
for child in "${children[@]}"; do
  this=0
  wait "$child" || this=$?
  while kill -0 "$child" 2>/dev/null; do # a signal has ended the wait alone
    this=0
    wait "$child" || this=$?
  done
  [ "$status" -ne 0 ] || status=$this
done
exit "$status"
