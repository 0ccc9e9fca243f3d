"""MobileNetV1 on ImageNet (arXiv 1704.04861, section 4).

    mobilenet-jax train --config=configs/mobilenet_v1.py \
      --workdir=runs/mobilenet_v1

Published: 70.6 % top-1 (Table 6), 70.9 % (TensorFlow slim's checkpoint).
Never run here: none of these numbers but those of `runlocal`.

The paper says: RMSProp as Inception V3 has it, no label smoothing, crops less
small, little or no decay of depthwise kernels. The numbers that it leaves open
are Inception V3's (arXiv 1512.00567, section 8: decay 0.9, epsilon 1, rate
0.045 times 0.94 every two epochs, gradients clipped to 2, 100 epochs of
batches of 32, moving averages), and slim's mobilenet_v1.py (momentum 0.9,
decay of weights 4e-5, batch norm 0.9997, dropout 0.001). Those of Inception V3
and of slim's batch norm and dropout are as remembered, not looked up again.

Differs: 50 workers took such batches asynchronously, here they come one after
the other. The least area of a crop, 0.25, is ours; the paper gives none. Slim
draws first weights with a standard deviation of 0.09, here they are scaled by
fan.

Variant: `runlocal` is the same on a network of five such layers and 32 px
scenes of digits, in a minute or two (experiments/training).
"""

from ml_collections import ConfigDict

from mobilenet_jax.jobs.recipes import (
  RUNLOCAL,
  chosen,
  imagenet_config,
  use_local,
)

EPOCHS = 100

# What `runlocal` trains.
LOCAL = (
  'v1@32 conv_k3_s2_c16_r6 ds_k3_c32_r6 ds_k3_s2_c64_r6 ds_k3_c64_r6 '
  'ds_k3_s2_c128_r6 ds_k3_c128_r6 pool dense_c10_li'
)


def get_config(variant: str = '') -> ConfigDict:
  """Returns the config; `variant` is '' or 'runlocal'."""
  (local,) = chosen(variant, RUNLOCAL)
  config = imagenet_config('mobilenet_v1', batch=32, epochs=EPOCHS)
  config.data.augment.area = (0.25, 1.0)

  config.train.dropout = 0.001
  config.train.ema = 0.9999
  config.train.norm_momentum = 0.9997

  optimizer = config.train.optimizer
  optimizer.name = 'rmsprop'
  optimizer.learning_rate = 0.045
  optimizer.schedule = 'exponential'
  optimizer.decay_rate = 0.94
  optimizer.decay_every = 2 / EPOCHS
  optimizer.decay = 0.9
  optimizer.epsilon = 1.0
  optimizer.weight_decay = 4e-5
  optimizer.decay_depthwise = False
  optimizer.clip_norm = 2.0
  if local:
    use_local(config, model=LOCAL, learning_rate=0.2)
  return config
