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

from mobilenet_jax.jobs.recipes import RUNLOCAL, chosen, digits_config


def get_config(variant: str = '') -> ConfigDict:
  """Returns the config; `variant` is '' or 'runlocal'."""
  (local,) = chosen(variant, RUNLOCAL)
  networks = digits_config(local=False)  # how each is trained, and on what
  config = ConfigDict()
  config.seed = 0
  config.space = 'v3_small_images'

  config.data = networks.data
  config.data.held_out_split = 'validation'

  config.latency = ConfigDict()
  config.latency.table = ''  # '' measures this computer
  config.latency.target_ms = 0.0  # 0 takes target_quantile
  config.latency.target_quantile = 0.25  # of random networks of the space
  config.latency.tolerance = 0.03  # of the target, for every contender

  config.search = ConfigDict()
  config.search.algorithm = 'tunas'
  config.search.steps = 800
  config.search.batch = 32
  config.search.held_out_batch = 64
  config.search.samples = 4
  config.search.candidates = 24
  config.search.candidate_images = 1200
  config.search.beta = -0.3
  config.search.learning_rate = 0.01
  config.search.warm_up = 0.5
  config.search.label_smoothing = 0.1
  config.search.soft_labels = 0.0  # share of those of train.distill's teacher
  config.search.log_every = 10
  config.search.save_every = 100
  config.search.optimizer = ConfigDict(networks.train.optimizer)
  config.search.optimizer.learning_rate = 0.2

  config.train = networks.train

  config.compare = ConfigDict()
  config.compare.model = 'mobilenet_v3_small'
  config.compare.random = 3
  config.compare.seeds = 1  # trainings of each contender

  if local:
    config.space = 'v3_tiny'
    config.search.steps = 6
    config.search.batch = config.search.held_out_batch = 8
    config.search.save_every = 3
    config.train.steps = 4
    config.train.batch = 16
    config.train.save_every = 2
    config.search.candidates = 2
    config.search.candidate_images = 16
    config.compare.random = 1
    config.search.log_every = config.train.log_every = 1
    config.latency.tolerance = 0.2
    config.data.train_split = 'train[:10%]'
    config.data.held_out_split = 'validation[:10%]'
    config.data.test_split = 'test[:10%]'
    config.compare.model = 'mobilenet_v1_shallow'  # compiles in a third of V3's
  return config
