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

import dataclasses

from ml_collections import ConfigDict

from mobilenet_jax.data.augment import SHIFT_AND_JITTER


def get_config(variant: str = '') -> ConfigDict:
  """Returns the config; `variant` is '' or 'runlocal'."""
  if variant not in ('', 'runlocal'):
    raise ValueError(f"variant {variant!r} is not '' or 'runlocal'")
  config = ConfigDict()
  config.seed = 0
  config.space = 'v3_small_images'

  config.data = ConfigDict()
  config.data.name = 'digit_scenes/32'
  config.data.dir = ''  # '' is TFDS's own folder
  # shift, brightness and contrast; fields: mobilenet_jax/data/augment/plan.py
  config.data.augment = ConfigDict(dataclasses.asdict(SHIFT_AND_JITTER))
  config.data.strict = False  # whether a broken image ends the job
  config.data.train_split = 'train'
  config.data.held_out_split = 'validation'
  config.data.test_split = 'test'

  config.latency = ConfigDict()
  config.latency.table = ''  # '' measures this computer
  config.latency.target_ms = 0.0  # 0 takes target_quantile
  config.latency.target_quantile = 0.25  # of random networks of the space
  config.latency.tolerance = 0.03  # of the target, for every contender

  config.search = ConfigDict()
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
  config.search.optimizer = optimizer(0.2)

  config.train = ConfigDict()
  config.train.steps = 1000
  config.train.batch = 32
  config.train.label_smoothing = 0.1
  config.train.dropout = 0.0
  config.train.drop_path = 0.0  # stochastic depth of the last block
  config.train.ema = 0.0  # decay of the moving averages; 0 is none
  config.train.accumulate = 1  # parts that a batch is taken in
  config.train.remat = False
  config.train.readers = 0  # threads that make batches; 0: jobs/trainer.py
  config.train.dtype = 'float32'
  config.train.norm_momentum = 0.95
  config.train.batch_norm = 'global'  # or 'device': of a device's images
  config.train.mesh = ConfigDict({'model': 1})  # parts of wide dense layers
  config.train.freeze = ''  # up to where weights stay; configs/transfer.py
  config.train.layer_decay = 1.0  # of the rate, from block to block backwards
  config.train.patience = 0  # validations without a better one; 0: no end
  config.train.class_weights = ''  # or 'balanced'
  config.train.log_every = 10
  config.train.save_every = 250
  config.train.distill = ConfigDict()
  config.train.distill.teacher = ''  # none; a run folder; a name of weights
  config.train.distill.weights = ''  # a file or a hub name
  config.train.distill.source = 'mobilenet_jax'  # library of the weights
  config.train.distill.soft = 0.9  # share of the soft labels in the loss
  config.train.distill.temperature = 4.0
  config.train.distill.features = 0.0  # weight of the features' loss
  config.train.distill.student_endpoint = 'embedding'
  config.train.distill.teacher_endpoint = 'embedding'
  config.train.optimizer = optimizer(0.06)

  config.compare = ConfigDict()
  config.compare.model = 'mobilenet_v3_small'
  config.compare.random = 3

  if variant == 'runlocal':
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


def optimizer(learning_rate: float) -> ConfigDict:
  """SGD with Nesterov momentum, warm-up and cosine decay."""
  config = ConfigDict()
  config.name = 'sgd'
  config.learning_rate = learning_rate
  config.schedule = 'cosine'
  config.warmup = 0.1
  config.decay_rate = 0.97  # of 'exponential', as the next two
  config.decay_every = 0.01  # a share of the steps
  config.staircase = True
  config.momentum = 0.9
  config.nesterov = True
  config.decay = 0.0  # of squared gradients; 0 is the usual
  config.epsilon = 0.0  # 0 is the usual
  config.weight_decay = 1e-4
  config.decay_depthwise = True
  config.clip_norm = 5.0
  return config
