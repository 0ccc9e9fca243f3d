"""The whole loop on this computer, on real handwritten digits.

A MobileNetV3-like space at 32 px is searched for a network of a given latency
on one thread of this computer (TuNAS, arXiv 2008.06120), the found network is
trained beside MobileNetV3-Small and random networks of the same latency,
exported, and measured again.

What differs from the paper: minutes instead of days, so a larger learning
rate of the controller, a steeper price of missing the target and a longer
warm-up; plain SGD.

    mobilenet-jax search --config=configs/quickstart.py \
      --workdir=runs/quickstart

Seen on 2 CPU cores: 5 min (7 min 50 s the first time, with scenes to build,
blocks to measure and programs to compile); the found network at 85.5 % of the
test scenes with seed 0, random ones of the same latency at 83.1 %
(experiments/quickstart).

Variant: `configs/quickstart.py:runlocal` takes a few steps of everything on a
tiny space and a tenth of the scenes, against a network that compiles faster;
its accuracies mean nothing. Seen: 56 s the first time.
"""

from ml_collections import ConfigDict

from mobilenet_jax.jobs.recipes import RUNLOCAL, chosen, digits_search_config


def get_config(variant: str = '') -> ConfigDict:
  """Returns the config; `variant` is '' or 'runlocal'."""
  (local,) = chosen(variant, RUNLOCAL)
  config = digits_search_config(local=bool(local))
  config.search.algorithm = 'tunas'
  config.search.samples = 4
  config.search.reward = 'absolute'
  config.search.beta = -0.3
  config.search.learning_rate = 0.015
  config.search.warm_up = 0.5
  config.search.warm_up_hold = 0.5
  return config
