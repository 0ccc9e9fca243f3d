"""MobileNetV4 on ImageNet (arXiv 2404.10518, appendix, Table 10).

    mobilenet-jax train --config=configs/mobilenet_v4.py \
      --workdir=runs/mobilenet_v4_conv_small

Published, without distillation: Conv-S 73.8 % top-1, Conv-M 79.9 %, Hybrid-M
80.7 %, Conv-L 82.9 %, Hybrid-L 83.4 % (Table 6).
Never run here: none of these numbers but those of `runlocal`.

AdamW with cosine decay after a linear warm-up; the numbers of a size are in
`SIZES` below. Label smoothing 0.1; RandAugment of two operations; moving
averages for Conv-S alone.

Differs: the magnitude of RandAugment is 15 beside S, beyond ours, which ends
at 10. Conv-S has an L2 loss of 1e-5 beside the decay of weights, not here. The
paper's cosine may be counted from step 0 (that of its library is), here it is
from the end of the warm-up. Epsilon is printed as '1e-6/1e-7', taken as that of
S and of the others.

Variants, `configs/mobilenet_v4.py:conv_medium,runlocal`: `conv_small`,
`conv_medium`, `hybrid_medium`, `conv_large`, `hybrid_large`; `runlocal` is the
same, with RandAugment's magnitude at 3, on a network of four such blocks and
32 px scenes of digits, in a minute or two (experiments/training).
"""

from typing import NamedTuple

from ml_collections import ConfigDict

from mobilenet_jax.jobs.recipes import (
  RUNLOCAL,
  chosen,
  imagenet_config,
  use_local,
)


class Size(NamedTuple):
  """A column of Table 10."""

  px: int
  batch: int
  learning_rate: float
  epochs: int
  warmup: int  # epochs
  weight_decay: float
  beta: float
  dropout: float
  drop_path: float
  probability: float  # of an operation of RandAugment
  magnitude: float
  mixed: float  # share of the batches


# fmt: off
SIZES = {
  'conv_small': Size(
    224, 4096, 0.002, 9600, 5, 0.01, 0.6, 0.3, 0.0, 0.5, 9.0, 0.0),
  'conv_medium': Size(
    256, 4096, 0.004, 500, 5, 0.1, 0.9, 0.2, 0.075, 0.7, 10.0, 0.0),
  'hybrid_medium': Size(
    256, 16384, 0.016, 500, 20, 0.1, 0.9, 0.2, 0.075, 0.7, 10.0, 0.0),
  'conv_large': Size(
    384, 16384, 0.004, 500, 20, 0.2, 0.9, 0.2, 0.35, 1.0, 10.0, 0.3),
  'hybrid_large': Size(
    384, 16384, 0.01, 500, 20, 0.2, 0.9, 0.2, 0.35, 1.0, 10.0, 0.3),
}
# fmt: on

# What `runlocal` trains.
LOCAL = (
  'v4@32 conv_k3_s2_c16_re uib_a3_k3_s2_e4_c32_re uib_k3_e2_c32_re '
  'uib_a3_k3_s2_e4_c64_re uib_a3_e4_c64_re conv_k1_c192_re pool '
  'dense_c256_re_norm dense_c10_li'
)


def get_config(variant: str = '') -> ConfigDict:
  """Returns the config; `variant`: a key of `SIZES`, 'runlocal'."""
  name, local = chosen(variant, tuple(SIZES), RUNLOCAL)
  size, small = SIZES[name], name == 'conv_small'
  config = imagenet_config(
    f'mobilenet_v4_{name}', batch=size.batch, epochs=size.epochs
  )
  config.model.resolution = size.px

  augment = config.data.augment
  augment.policy = 'randaugment'
  augment.layers, augment.magnitude = 2, size.magnitude
  augment.policy_share = size.probability
  if size.mixed:
    augment.mixup, augment.cutmix = 0.8, 1.0
    augment.mix_share = size.mixed

  config.train.label_smoothing = 0.1
  config.train.dropout = size.dropout
  config.train.drop_path = size.drop_path
  config.train.ema = 0.9999 if small else 0.0

  optimizer = config.train.optimizer
  optimizer.name = 'adamw'
  optimizer.learning_rate = size.learning_rate
  optimizer.schedule = 'cosine'
  optimizer.warmup = size.warmup / size.epochs
  optimizer.momentum = size.beta
  optimizer.decay = 0.999
  optimizer.epsilon = 1e-6 if small else 1e-7
  optimizer.weight_decay = size.weight_decay
  if local:
    use_local(config, model=LOCAL, learning_rate=0.004)
    augment.magnitude = 3.0
  return config
