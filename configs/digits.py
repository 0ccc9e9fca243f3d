"""Trains one network on digit_scenes, with the quickstart's recipe.

    mobilenet-jax train --config=configs/digits.py --workdir=runs/digits \
      --config.model.name=mobilenet_v3_small --config.model.width=0.5

`model.name` is a name of the zoo, an arch.json or a spec string. Variant:
`configs/digits.py:runlocal` takes a few steps of 32 px scenes only.
"""

import dataclasses

from ml_collections import ConfigDict

from mobilenet_jax.data.augment import SHIFT_AND_JITTER
from mobilenet_jax.jobs.defaults import training_config
from mobilenet_jax.jobs.recipes import RUNLOCAL, chosen


def get_config(variant: str = '') -> ConfigDict:
  """Returns the config; `variant` is '' or 'runlocal'."""
  (local,) = chosen(variant, RUNLOCAL)
  config = training_config()
  config.model.name = 'mobilenet_v3_small'

  config.data.name = 'digit_scenes/32'
  config.data.augment = ConfigDict(dataclasses.asdict(SHIFT_AND_JITTER))

  config.train.steps = 6 if local else 1000
  config.train.batch = 16 if local else 32
  config.train.label_smoothing = 0.1
  config.train.norm_momentum = 0.95
  config.train.log_every = 1 if local else 10
  config.train.save_every = 3 if local else 250

  optimizer = config.train.optimizer
  optimizer.learning_rate = 0.06
  optimizer.schedule = 'cosine'
  optimizer.warmup = 0.1
  optimizer.nesterov = True
  optimizer.weight_decay = 1e-4
  optimizer.clip_norm = 5.0
  return config
