"""ShuffleNet V2 on ImageNet (arXiv 1807.11164, section 4).

    mobilenet-jax train --config=configs/shufflenet_v2.py \
      --workdir=runs/shufflenet_v2

Published: 69.4 % top-1 for 1x; 60.3, 72.6 and 74.9 % for 0.5x, 1.5x and 2x
(Table 8).
Never run here: none of these numbers but those of `runlocal`.

The paper trains as ShuffleNet V1's does: 300,000 steps of 1024 images, the
rate falls linearly from 0.5, weights decayed by 4e-5. From the authors' later
megvii-model/ShuffleNet-Series (its train.py of V1): momentum 0.9, label
smoothing 0.1, colours jittered by 0.4, crops of 0.08 to 1 of the area.

Differs: that code feeds 0 to 255 in BGR and takes batch norm's statistics anew
after training, over 1,250 batches.

Variants, `configs/shufflenet_v2.py:x0_5,runlocal`: `x1_0`, `x0_5`, `x1_5` or
`x2_0`; `runlocal` is the same on a network of four such units and 32 px scenes
of digits, in a minute or two (experiments/training). `configs/modern.py` is
torchvision's recipe for the same network.
"""

from ml_collections import ConfigDict

from mobilenet_jax.jobs.recipes import (
  RUNLOCAL,
  chosen,
  imagenet_config,
  use_local,
)

WIDTHS = {'x1_0': 1.0, 'x0_5': 0.5, 'x1_5': 1.5, 'x2_0': 2.0}

# What `runlocal` trains.
LOCAL = (
  'shuffle_v2@32,eps1e-05,sym conv_k3_s2_c24_re split_s2_c64_re_down '
  'split_c64_re split_s2_c128_re_down split_c128_re conv_k1_c256_re pool '
  'dense_c10_li'
)


def get_config(variant: str = '') -> ConfigDict:
  """Returns the config; `variant`: 'x0_5' to 'x2_0', 'runlocal'."""
  width, local = chosen(variant, tuple(WIDTHS), RUNLOCAL)
  config = imagenet_config('shufflenet_v2', batch=1024, steps=300_000)
  config.model.width = WIDTHS[width]
  augment = config.data.augment
  augment.brightness = augment.contrast = augment.saturation = 0.4

  config.train.label_smoothing = 0.1
  config.train.norm_momentum = 0.9

  optimizer = config.train.optimizer
  optimizer.learning_rate = 0.5
  optimizer.schedule = 'linear'
  optimizer.weight_decay = 4e-5
  if local:
    use_local(config, model=LOCAL, learning_rate=0.2, steps=600)
  return config
