#!/usr/bin/env bash
#SBATCH --job-name=mobilenet-jax-workers
#SBATCH --ntasks=8
#SBATCH --gpus-per-task=1
#SBATCH --cpus-per-task=4
#SBATCH --time=24:00:00
#SBATCH --requeue
# Helps a multi-trial search with N workers, on this computer or under SLURM:
#
#   launch/search_workers.sh 4 --config=configs/trials.py --workdir=runs/trials
#   sbatch launch/search_workers.sh 8 --config=configs/trials.py \
#     --workdir=/shared/runs/trials --storage=postgresql://me@host/trials
#
# The search itself runs elsewhere: the same arguments after `mobilenet-jax
# search`. A worker waits for it, leaves when its trials are done, and may be
# killed at any time: another takes up what it had begun. On several computers
# --workdir must be on a file system that all share, and --storage a PostgreSQL
# database. Under SLURM nothing of this file was run on a cluster.
# Command: $MOBILENET_JAX (default .venv/bin/mobilenet-jax).
set -euo pipefail
if [ $# -lt 2 ] || ! [ "$1" -ge 1 ] 2>/dev/null; then
  echo "Usage: $0 WORKERS [arguments of mobilenet-jax search]" >&2
  exit 2
fi
count=$1
shift
cd "${SLURM_SUBMIT_DIR:-$(dirname "${BASH_SOURCE[0]}")/..}"
read -r -a command <<<"${MOBILENET_JAX:-.venv/bin/mobilenet-jax}"
if [ -n "${SLURM_JOB_ID:-}" ]; then
  exec srun --ntasks="$count" --kill-on-bad-exit=0 \
    "${command[@]}" search --worker "$@"
fi
children=()
for ((i = 0; i < count; i++)); do
  "${command[@]}" search --worker "$@" &
  children+=($!)
done
trap 'kill -TERM "${children[@]}" 2>/dev/null' TERM INT
status=0
for child in "${children[@]}"; do
  wait "$child" || status=$?
done
exit "$status"
