"""MobileNetV2 on ImageNet (arXiv 1801.04381, section 6.1).

    mobilenet-jax train --config=configs/mobilenet_v2.py \
      --workdir=runs/mobilenet_v2

Published: 72.0 % top-1 (Table 4), 71.8 % (TensorFlow slim's checkpoint).
Never run here: none of these numbers but those of `runlocal`.

Two recipes. The default is `slim`, from the README of TensorFlow slim's
nets/mobilenet: 8 GPUs of 96 images, rate 0.045 a GPU times 0.98 every 2.5
epochs, 700,000 steps, Inception V2's preprocessing (area of a crop 0.05 to 1,
brightness by 32/255, saturation by half), moving averages 0.9999, label
smoothing 0.1. `paper` has the paper's numbers: batches of 96, rate 0.045 times
0.98 every epoch; its 300 epochs are torchvision's (references/classification),
the paper gives none. Both take from slim's code: RMSProp's epsilon 1, dropout
0.2, batch norm 0.997, no decay of depthwise kernels. The crop's area and the
colours are as remembered, not looked up again.

Differs: the paper's 16 workers are asynchronous, here batches come one after
the other. Slim adds to the brightness, here it is multiplied. First weights
are scaled by fan, slim's have a standard deviation of 0.09.

Variants, `configs/mobilenet_v2.py:paper,runlocal`: `slim` or `paper`;
`runlocal` is the same on a network of five such blocks and 32 px scenes of
digits, in a minute or two (experiments/training).
"""

from ml_collections import ConfigDict

from mobilenet_jax.jobs.recipes import (
  RUNLOCAL,
  chosen,
  imagenet_config,
  steps_of,
  use_local,
)

# What `runlocal` trains.
LOCAL = (
  'v2@32 conv_k3_s2_c16_r6 ir_k3_e1_c16_r6 ir_k3_s2_e4_c24_r6 '
  'ir_k3_e4_c24_r6 ir_k3_s2_e4_c48_r6 ir_k3_e4_c48_r6 conv_k1_c192_r6 '
  'pool dense_c10_li'
)


def get_config(variant: str = '') -> ConfigDict:
  """Returns the config; `variant`: 'slim' or 'paper', 'runlocal'."""
  recipe, local = chosen(variant, ('slim', 'paper'), RUNLOCAL)
  if recipe == 'slim':
    config = imagenet_config('mobilenet_v2', batch=8 * 96, steps=700_000)
    epochs = config.train.steps / steps_of(1, config.train.batch)
    rate, every = 8 * 0.045, 2.5
  else:
    epochs = 300
    config = imagenet_config('mobilenet_v2', batch=96, epochs=epochs)
    rate, every = 0.045, 1.0

  config.data.augment.area = (0.05, 1.0)
  config.data.augment.brightness = 32 / 255
  config.data.augment.saturation = 0.5

  config.train.label_smoothing = 0.1
  config.train.dropout = 0.2
  config.train.ema = 0.9999
  config.train.norm_momentum = 0.997

  optimizer = config.train.optimizer
  optimizer.name = 'rmsprop'
  optimizer.learning_rate = rate
  optimizer.schedule = 'exponential'
  optimizer.decay_rate = 0.98
  optimizer.decay_every = every / epochs
  optimizer.decay = 0.9
  optimizer.epsilon = 1.0
  optimizer.weight_decay = 4e-5
  optimizer.decay_depthwise = False
  if local:
    use_local(config, model=LOCAL, learning_rate=0.2)
  return config
