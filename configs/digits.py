"""Trains one network on digit_scenes, with the quickstart's recipe.

    mobilenet-jax train --config=configs/digits.py --workdir=runs/digits \
      --config.model.name=mobilenet_v3_small --config.model.width=0.5

`model.name` is a name of the zoo, an arch.json or a spec string. Variant:
`configs/digits.py:runlocal` takes a few steps of 32 px scenes only.
"""

import dataclasses

from ml_collections import ConfigDict

from mobilenet_jax.data.augment import SHIFT_AND_JITTER


def get_config(variant: str = '') -> ConfigDict:
  """Returns the config; `variant` is '' or 'runlocal'."""
  if variant not in ('', 'runlocal'):
    raise ValueError(f"variant {variant!r} is not '' or 'runlocal'")
  local = variant == 'runlocal'
  config = ConfigDict()
  config.seed = 0

  config.model = ConfigDict()
  config.model.name = 'mobilenet_v3_small'
  config.model.width = 1.0
  config.model.resolution = 0  # 0 takes the images' own

  config.data = ConfigDict()
  config.data.name = 'digit_scenes/32'
  config.data.dir = ''  # '' is TFDS's own folder
  # shift, brightness and contrast; fields: mobilenet_jax/data/augment/plan.py
  config.data.augment = ConfigDict(dataclasses.asdict(SHIFT_AND_JITTER))
  config.data.strict = False  # whether a broken image ends the job
  config.data.train_split = 'train'
  config.data.held_out_split = ''  # '' keeps the last weights, not the best
  config.data.test_split = 'test'

  config.train = ConfigDict()
  config.train.steps = 6 if local else 1000
  config.train.batch = 16 if local else 32
  config.train.label_smoothing = 0.1
  config.train.dropout = 0.0
  config.train.drop_path = 0.0  # stochastic depth of the last block
  config.train.ema = 0.0  # decay of the moving averages; 0 is none
  config.train.accumulate = 1  # parts that a batch is taken in
  config.train.remat = False
  config.train.dtype = 'float32'
  config.train.norm_momentum = 0.95
  config.train.log_every = 1 if local else 10
  config.train.save_every = 3 if local else 250
  config.train.optimizer = ConfigDict()
  config.train.optimizer.name = 'sgd'
  config.train.optimizer.learning_rate = 0.06
  config.train.optimizer.schedule = 'cosine'
  config.train.optimizer.warmup = 0.1
  config.train.optimizer.decay_rate = 0.97  # of 'exponential', as the next two
  config.train.optimizer.decay_every = 0.01  # a share of the steps
  config.train.optimizer.staircase = True
  config.train.optimizer.momentum = 0.9
  config.train.optimizer.nesterov = True
  config.train.optimizer.decay = 0.0  # of squared gradients; 0 is the usual
  config.train.optimizer.epsilon = 0.0  # 0 is the usual
  config.train.optimizer.weight_decay = 1e-4
  config.train.optimizer.decay_depthwise = True
  config.train.optimizer.clip_norm = 5.0
  return config
