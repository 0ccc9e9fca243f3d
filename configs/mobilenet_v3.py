"""MobileNetV3 on ImageNet (arXiv 1905.02244, section 6.1).

    mobilenet-jax train --config=configs/mobilenet_v3.py \
      --workdir=runs/mobilenet_v3

Published: Large 75.2 % top-1, Small 67.5 % (Table 9; 67.4 % in Table 3).
Never run here: none of these numbers but those of `runlocal`.

Two recipes. The default is `paper`: batches of 4096, rate 0.1, momentum 0.9,
less by 0.01 of itself every 3 epochs, dropout 0.2 (printed as 0.8, which is
kept), weights decayed by 1e-5, Inception's preprocessing, moving averages
0.9999, batch norm 0.99. `slim` is the table in the README of TensorFlow slim's
nets/mobilenet, which reached 74.6 % (Large, 8 GPUs): 8 batches of 192, rate
0.16 after 5 epochs of warm-up, times 0.99 every 3 epochs, batch norm 0.997.
The paper leaves RMSProp's decay 0.9, epsilon 0.002 and label smoothing 0.1
open; they are slim's in both.

Differs: neither says how long it trained; 600 epochs are, as
remembered, timm's for its mobilenetv3_large_100. First weights are scaled by
fan, slim's have a standard deviation of 0.008. Slim adds to the brightness,
here it is multiplied. Batch norm's statistics are those of the whole batch,
the papers' those of 128 or 192 images of a chip.

Variants, `configs/mobilenet_v3.py:small,slim,runlocal`: `large` or `small`;
`paper` or `slim`; `runlocal` is the same on a network of four such blocks and
32 px scenes of digits, in a minute or two (experiments/training).
"""

from ml_collections import ConfigDict

from mobilenet_jax.jobs.recipes import (
  RUNLOCAL,
  chosen,
  imagenet_config,
  use_local,
  use_mobilenet_v3,
)

EPOCHS = 600

# What `runlocal` trains.
LOCAL = (
  'v3@32 conv_k3_s2_c16_hs ir_k3_s2_e4_c24_re ir_k3_e4_c24_re '
  'ir_k5_s2_e4_c48_se0.25_hs ir_k5_e4_c48_se0.25_hs conv_k1_c192_hs pool '
  'dense_c256_hs dense_c10_li'
)


def get_config(variant: str = '') -> ConfigDict:
  """Returns the config; `variant`: see the top of this file."""
  sizes, recipes = ('large', 'small'), ('paper', 'slim')
  size, recipe, local = chosen(variant, sizes, recipes, RUNLOCAL)
  slim = recipe == 'slim'
  batch = 8 * 192 if slim else 4096
  config = imagenet_config(f'mobilenet_v3_{size}', batch=batch, epochs=EPOCHS)

  use_mobilenet_v3(config, epochs=EPOCHS, slim=slim)
  if local:
    use_local(config, model=LOCAL, learning_rate=0.01)
  return config
