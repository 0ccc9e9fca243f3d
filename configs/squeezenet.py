"""SqueezeNet on ImageNet (arXiv 1602.07360).

    mobilenet-jax train --config=configs/squeezenet.py \
      --workdir=runs/squeezenet

Published: 57.5 % top-1 for 1.0 (Table 2), 60.4 % with simple bypass (Table 3);
1.1 is said to be no worse (the README of forresti/SqueezeNet).
Never run here: none of these numbers but those of `runlocal`.

From the paper: the rate falls linearly from 0.04, dropout 0.5 after the last
fire module. Batches of 512, 170,000 steps, momentum 0.9 and a decay of weights
of 2e-4 are those that other people's code quotes from the authors' later
solver.prototxt; that file itself was not seen (two earlier ones have 85,000
steps of 1024 at a rate of 0.08).

Differs: Caffe cuts 227 x 227 pixels out of pictures resized to 256 x 256 and
subtracts a mean colour; here crops are 224 of 0.5 to 1 of the area, flipped at
random, in [-1, 1]. First weights of the last layer are scaled by fan, Caffe's
have a standard deviation of 0.01.

Variants, `configs/squeezenet.py:v1_1,runlocal`: `v1_0`, `v1_1` or `bypass`;
`runlocal` is the same on a network of four such modules and 32 px scenes of
digits, in a minute or two (experiments/training). Without norms it
learns nothing for 500 steps.
"""

from ml_collections import ConfigDict

from mobilenet_jax.jobs.recipes import (
  RUNLOCAL,
  chosen,
  imagenet_config,
  use_local,
)

MODELS = {
  'v1_0': 'squeezenet_1_0',
  'v1_1': 'squeezenet_1_1',
  'bypass': 'squeezenet_1_0_bypass',
}

# What `runlocal` trains.
LOCAL = (
  'squeezenet@32,sym conv_k3_s2_c32_re_nonorm fire_sq16_c64_re '
  'max_k3_s2_p0_ceil fire_sq32_c128_re fire_sq32_c128_re '
  'max_k3_s2_p0_ceil fire_sq32_c128_re conv_k1_c10_re_nonorm pool'
)


def get_config(variant: str = '') -> ConfigDict:
  """Returns the config; `variant`: 'v1_0', 'v1_1' or 'bypass', 'runlocal'."""
  name, local = chosen(variant, tuple(MODELS), RUNLOCAL)
  config = imagenet_config(MODELS[name], batch=512, steps=170_000)
  config.data.augment.area = (0.5, 1.0)

  config.train.dropout = 0.5

  optimizer = config.train.optimizer
  optimizer.learning_rate = 0.04
  optimizer.schedule = 'linear'
  optimizer.weight_decay = 2e-4
  if local:
    use_local(config, model=LOCAL, learning_rate=0.04, steps=2000)
  return config
