#!/usr/bin/env bash
# Sets up .venv and runs the whole loop on this computer. More arguments are
# handed on, for example --config.seed=1.
. "$(dirname "${BASH_SOURCE[0]}")/install.sh" all
exec .venv/bin/mobilenet-jax search --config=configs/quickstart.py \
  --workdir=runs/quickstart "$@"
