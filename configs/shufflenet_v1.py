"""ShuffleNet V1 on ImageNet (arXiv 1707.01083, section 4).

    mobilenet-jax train --config=configs/shufflenet_v1.py \
      --workdir=runs/shufflenet_v1

Published: 67.4 % top-1 for 1x with 3 groups (Table 2), 67.8 % (the authors'
later megvii-model/ShuffleNet-Series).
Never run here: none of these numbers but those of `runlocal`.

From the paper: 300,000 steps of 1024 images, the rate falls linearly from 0.5,
weights decayed by 4e-5, crops of a less aggressive scale. From the later code:
momentum 0.9, label smoothing 0.1, colours jittered by 0.4.

Differs: the paper gives no scale of crops; the later code's is 0.08 to 1 of
the area, here too. That code feeds 0 to 255 in BGR and takes batch norm's
statistics anew after training, over 1,250 batches.

Variants, `configs/shufflenet_v1.py:g8,runlocal`: `g3`, `g1`, `g2`, `g4` or
`g8` groups; `runlocal` is the same on a network of four such units and 32 px
scenes of digits, in a minute or two (experiments/training). Another width:
--config.model.width=0.5.
"""

from ml_collections import ConfigDict

from mobilenet_jax.jobs.recipes import (
  RUNLOCAL,
  chosen,
  imagenet_config,
  use_local,
)

GROUPS = ('g3', 'g1', 'g2', 'g4', 'g8')

# What `runlocal` trains.
LOCAL = (
  'shuffle_v1@32,eps1e-05,sym conv_k3_s2_c24_re '
  'shuf_s2_c96_g3_re_open_down shuf_c96_g3_re shuf_s2_c192_g3_re_down '
  'shuf_c192_g3_re pool dense_c10_li_nobias'
)


def get_config(variant: str = '') -> ConfigDict:
  """Returns the config; `variant`: 'g1' to 'g8', 'runlocal'."""
  groups, local = chosen(variant, GROUPS, RUNLOCAL)
  config = imagenet_config(f'shufflenet_v1_{groups}', batch=1024, steps=300_000)
  augment = config.data.augment
  augment.brightness = augment.contrast = augment.saturation = 0.4

  config.train.label_smoothing = 0.1
  config.train.norm_momentum = 0.9

  optimizer = config.train.optimizer
  optimizer.learning_rate = 0.5
  optimizer.schedule = 'linear'
  optimizer.weight_decay = 4e-5
  if local:
    use_local(config, model=LOCAL, learning_rate=0.2, steps=1200)
  return config
