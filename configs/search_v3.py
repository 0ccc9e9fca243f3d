"""MobileNetV3's recipe whole (arXiv 1905.02244, sections 4 to 6).

A search finds a seed network, NetAdapt narrows it down to the target, the
result is trained from scratch beside MobileNetV3 and random networks of its
latency, exported, and measured again.

    mobilenet-jax search --config=configs/search_v3.py:large,digits \
      --workdir=runs/v3_large

`imagenet` (the default) takes ImageNet from TFDS, the space `v3_mobile`, and
the shipped table of a Pixel 1; `--config.latency.table=FILE.csv` another one.
Targets are 51 ms for `large`, as in the paper's Table 3, and 22 ms for `small`:
the fastest network of the space takes 15.6 ms, so that the paper's 15.8 would
leave nothing to choose from. It was never run here. `digits` takes digit scenes
of 64 px, a space of three stages, and this computer; its targets are quantiles
of random networks, 0.5 and 0.15.

What differs from the paper: the seed comes from TuNAS's search (arXiv
2008.06120, its settings: RMSProp 0.165 at 256 images with epsilon 1, 90 epochs
of 4096, the controller's rate 3e-4 at 256) where the paper trained some
thousands of networks one by one, with MnasNet's reward of w = -0.15 for Small;
TuNAS's reward lands on a target. The seed is slower than the target by a
quarter; the paper does not say by how much its seeds were. A proposal is
tuned for 10,000 steps as in the paper (digits: 40). The networks are trained
by the recipe of configs/mobilenet_v3.py. Random networks beside cost what the
search, the training of its seed and NetAdapt do together.

Variants, `configs/search_v3.py:small,digits,runlocal`: `large` or `small`;
`imagenet` or `digits`; `runlocal` takes a few steps of everything.
"""

from ml_collections import ConfigDict

from mobilenet_jax.jobs.recipes import (
  RUNLOCAL,
  chosen,
  digits_search_config,
  imagenet_config,
  steps_of,
  use_mobilenet_v3,
)

TARGETS_MS = {'large': 51.0, 'small': 22.0}
QUANTILES = {'large': 0.5, 'small': 0.15}
BATCH = 4096


def get_config(variant: str = '') -> ConfigDict:
  """Returns the config; `variant`: see the top of this file."""
  sizes, places = ('large', 'small'), ('imagenet', 'digits')
  size, place, local = chosen(variant, sizes, places, RUNLOCAL)
  if place == 'digits' or local:
    config = _digits(QUANTILES[size], local=bool(local))
  else:
    config = _imagenet(TARGETS_MS[size])
  config.search.algorithm = 'tunas'
  config.search.reward = 'absolute'
  config.compare.model = f'mobilenet_v3_{size}'
  if local:
    config.compare.model = 'mobilenet_v1_shallow'  # compiles in a third of V3's
  return config


def _digits(quantile: float, *, local: bool) -> ConfigDict:
  config = digits_search_config(local=local)
  config.latency.target_quantile = quantile
  config.search.samples = 4
  config.search.beta = -0.3
  config.search.learning_rate = 0.015
  config.search.warm_up = 0.5
  config.search.warm_up_hold = 0.5
  _narrow(config, steps=2 if local else 40, batch=16 if local else 32)
  config.refine.held_out_images = 100 if local else 1000
  if local:
    config.latency.tolerance = 0.1  # seeds of a fifth could be too fast
    config.refine.delta = 0.1
    return config
  config.data.name = 'digit_scenes/64'
  config.train.steps = 2500
  optimizer = config.train.optimizer
  optimizer.name, optimizer.learning_rate = 'adamw', 0.001
  optimizer.weight_decay = 0.01
  return config


def _imagenet(target_ms: float) -> ConfigDict:
  networks = imagenet_config('', batch=BATCH, epochs=600)
  use_mobilenet_v3(networks, epochs=600)
  config = digits_search_config(local=False)
  config.space = 'v3_mobile'
  config.data, config.train = networks.data, networks.train
  config.data.train_split = 'train[1%:]'
  config.data.held_out_split = 'train[:1%]'
  config.latency.table = 'pixel1-transferred'
  config.latency.target_ms = target_ms

  search = config.search
  search.steps, search.batch = steps_of(90, BATCH), BATCH
  search.held_out_batch = 4 * BATCH
  search.candidate_images = 12_000
  search.samples = 1  # a device
  search.beta = -0.1
  search.learning_rate = 3e-4 * BATCH / 256
  search.warm_up, search.warm_up_hold = 0.25, 0.0
  search.log_every, search.save_every = 100, steps_of(1, BATCH)
  optimizer = search.optimizer
  optimizer.name, optimizer.learning_rate = 'rmsprop', 0.165 * BATCH / 256
  optimizer.decay, optimizer.momentum, optimizer.epsilon = 0.9, 0.9, 1.0
  optimizer.warmup, optimizer.weight_decay = 0.025, 4e-5
  optimizer.nesterov, optimizer.clip_norm = False, 0.0
  _narrow(config, steps=10_000, batch=256)
  config.refine.held_out_images = 12_000
  return config


def _narrow(config: ConfigDict, *, steps: int, batch: int) -> None:
  """Asks for NetAdapt after the search, with MobileNetV3's criterion."""
  config.refine = ConfigDict()
  config.refine.seed_ratio = 1.25  # of the seed's latency to the target
  config.refine.delta = 0.01  # of the seed's latency, that a step cuts
  config.refine.decay = 1.0
  config.refine.criterion = 'v3'
  config.refine.keep = 'first'
  config.refine.steps, config.refine.batch = steps, batch
  config.refine.optimizer = ConfigDict(config.train.optimizer)
  config.refine.optimizer.learning_rate = (
    config.train.optimizer.learning_rate / 3
  )
  config.refine.optimizer.schedule = 'constant'
  config.refine.optimizer.warmup = 0.0
