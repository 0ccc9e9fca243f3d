"""MnasNet on ImageNet (arXiv 1807.11626, section 5).

    mobilenet-jax train --config=configs/mnasnet.py --workdir=runs/mnasnet

Published: A1 75.2 % top-1 (Table 1), B1 74.5 %, small 66.0 % (README of
tensorflow/tpu, models/official/mnasnet).
Never run here: none of these numbers but those of `runlocal`.

From the paper: RMSProp 0.9 / 0.9, batch norm 0.99, weights decayed by 1e-5,
dropout 0.2, batches of 4096, the rate up to 0.256 in 5 epochs, then times 0.97
every 2.4 epochs. From its code (tensorflow/tpu): 350 epochs, epsilon 0.001,
label smoothing 0.1, moving averages 0.9999, crops of 0.08 to 1 of the area
resized bicubically.

Differs: the code decays the bias of the last layer, too, and evaluates with
bicubic resizing; here evaluation follows the network's spec (bilinear). Batch
norm's statistics are those of the whole batch, the paper's those of a chip.
First weights are scaled by fan.

Variants, `configs/mnasnet.py:b1,runlocal`: `a1`, `b1` or `small`; `runlocal`
is the same on a network of five such blocks and 32 px scenes of digits, in a
minute (experiments/training).
"""

from ml_collections import ConfigDict

from mobilenet_jax.jobs.recipes import (
  RUNLOCAL,
  chosen,
  imagenet_config,
  use_local,
)

EPOCHS = 350

# What `runlocal` trains.
LOCAL = (
  'mnasnet@32 conv_k3_s2_c16_re ir_k3_e1_c16_re_noskip '
  'ir_k5_s2_e3_c24_se0.25_re ir_k5_e3_c24_se0.25_re ir_k3_s2_e6_c48_re '
  'ir_k3_e6_c48_re conv_k1_c192_re pool dense_c10_li'
)


def get_config(variant: str = '') -> ConfigDict:
  """Returns the config; `variant`: 'a1', 'b1' or 'small', 'runlocal'."""
  size, local = chosen(variant, ('a1', 'b1', 'small'), RUNLOCAL)
  config = imagenet_config(f'mnasnet_{size}', batch=4096, epochs=EPOCHS)
  config.data.augment.interpolation = 'bicubic'

  config.train.label_smoothing = 0.1
  config.train.dropout = 0.2
  config.train.ema = 0.9999

  optimizer = config.train.optimizer
  optimizer.name = 'rmsprop'
  optimizer.learning_rate = 0.256
  optimizer.schedule = 'exponential'
  optimizer.warmup = 5 / EPOCHS
  optimizer.decay_rate = 0.97
  optimizer.decay_every = 2.4 / EPOCHS
  optimizer.decay = 0.9
  optimizer.epsilon = 1e-3
  optimizer.weight_decay = 1e-5
  if local:
    use_local(config, model=LOCAL, learning_rate=0.01)
  return config
