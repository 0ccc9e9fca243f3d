"""EfficientNet-Lite on ImageNet (tensorflow/tpu, models/official/efficientnet).

    mobilenet-jax train --config=configs/efficientnet_lite.py \
      --workdir=runs/efficientnet_lite0

Published: 75.1, 76.7, 77.6, 79.8 and 81.5 % top-1 for lite0 to lite4 (lite/
README.md).
Never run here: none of these numbers but those of `runlocal`.

From that code (main.py, efficientnet_lite_builder.py): batches of 2048, 350
epochs, RMSProp 0.9 / 0.9 with epsilon 0.001, rate 0.016 a 256 images after 5
epochs of warm-up, times 0.97 every 2.4 epochs, weights decayed by 1e-5, label
smoothing 0.1, moving averages 0.9999, batch norm 0.99, dropout 0.2 (0.3 from
lite2 on), stochastic depth 0.2, bfloat16. From EfficientNet's paper (arXiv
1905.11946, section 5.2): AutoAugment, as remembered; the README of lite does
not say.

Differs: stochastic depth rises with the blocks that have a shortcut, in that
code with all blocks. Its batch norm is over groups of 128 images, here over the
whole batch. It decays the bias of the last layer, too, and evaluates with
bicubic resizing, here as the network's spec says (bilinear).

Variants, `configs/efficientnet_lite.py:lite2,runlocal`: `lite0`, `lite1`,
`lite2`, `lite3` or `lite4`; `runlocal` is the same in float32 on a network of
five such blocks and 32 px scenes of digits, in a minute or two
(experiments/training).
"""

from ml_collections import ConfigDict

from mobilenet_jax.jobs.recipes import (
  RUNLOCAL,
  chosen,
  imagenet_config,
  use_local,
)

EPOCHS, BATCH = 350, 2048
# resolution, dropout
SIZES = {
  'lite0': (224, 0.2),
  'lite1': (240, 0.2),
  'lite2': (260, 0.3),
  'lite3': (280, 0.3),
  'lite4': (300, 0.3),
}

# What `runlocal` trains.
LOCAL = (
  'lite@32 conv_k3_s2_c16_r6 ir_k3_e1_c16_r6 ir_k3_s2_e4_c24_r6 '
  'ir_k3_e4_c24_r6 ir_k5_s2_e4_c48_r6 ir_k5_e4_c48_r6 conv_k1_c192_r6 '
  'pool dense_c10_li'
)


def get_config(variant: str = '') -> ConfigDict:
  """Returns the config; `variant`: 'lite0' to 'lite4', 'runlocal'."""
  size, local = chosen(variant, tuple(SIZES), RUNLOCAL)
  config = imagenet_config(f'efficientnet_{size}', batch=BATCH, epochs=EPOCHS)
  config.model.resolution, config.train.dropout = SIZES[size]
  config.data.augment.interpolation = 'bicubic'
  config.data.augment.policy = 'autoaugment'

  config.train.label_smoothing = 0.1
  config.train.drop_path = 0.2
  config.train.ema = 0.9999
  config.train.dtype = 'bfloat16'

  optimizer = config.train.optimizer
  optimizer.name = 'rmsprop'
  optimizer.learning_rate = 0.016 * BATCH / 256
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
