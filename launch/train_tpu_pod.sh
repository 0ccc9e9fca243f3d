#!/usr/bin/env bash
# Trains on all hosts of a Cloud TPU pod slice, one process a host:
#
#   TPU=my-pod ZONE=us-central2-b launch/train_tpu_pod.sh \
#     --config=configs/digits.py --workdir=gs-mount/runs/digits
#
# Every host needs the project in $FOLDER (default mobilenet_jax below the home
# folder) with its .venv, made there by `. launch/install.sh tpu`. --workdir and
# the data must be on a file system that all hosts share (Filestore, or a
# bucket mounted with gcsfuse). JAX finds the other hosts by itself. The same
# command resumes, on a slice of any size.
#
# This file was not run on a pod. What was run, and is tested, are two
# processes on one computer (launch/train_local_processes.sh).
set -euo pipefail
: "${TPU:?the name of the TPU}" "${ZONE:?its zone}"
printf -v arguments '%q ' "$@" # quoted once more for the shell over there
exec gcloud compute tpus tpu-vm ssh "$TPU" --zone="$ZONE" --worker=all \
  --command="cd ${FOLDER:-mobilenet_jax} && exec .venv/bin/mobilenet-jax train $arguments"
