#!/usr/bin/env bash
#SBATCH --job-name=mobilenet-jax
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=8
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=12
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --signal=TERM@120
# Trains on several computers under SLURM, one process a GPU:
#
#   sbatch launch/train_slurm.sh --config=configs/digits.py \
#     --workdir=/shared/runs/digits
#
# JAX reads SLURM's variables; nothing else need be set. --workdir and the data
# must be on a file system that all computers share. SLURM sends SIGTERM two
# minutes before the time is over; the job saves a checkpoint, and submitting it
# again resumes it, on any number of computers.
#
# With one process a GPU, wide layers cannot be split (config.train.mesh.model
# stays 1): they are split over the devices of one process. Start one process a
# computer, with all of its GPUs, for that.
#
# This file was not run on a cluster. What was run, and is tested, are two
# processes on one computer (launch/train_local_processes.sh).
set -euo pipefail
# SLURM runs a copy of this file: its folder is not that of the project
cd "${SLURM_SUBMIT_DIR:?start this file with sbatch, in the project folder}"
# --kill-on-bad-exit: should one process hang, none is left behind
exec srun --kill-on-bad-exit=1 .venv/bin/mobilenet-jax train "$@"
