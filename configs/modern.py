"""A recipe of today for a small network of any family, on ImageNet.

    mobilenet-jax train --config=configs/modern.py --workdir=runs/modern \
      --config.model.name=mobilenet_v2 --config.model.width=1.0

It follows torchvision's for ShuffleNet V2 (references/classification/
README.md): 600 epochs of batches of 8 x 128, SGD with momentum 0.9, cosine
decay from 0.5 after 5 epochs of warm-up, weights decayed by 2e-5 but not those
of norms, label smoothing 0.1, mixup 0.2, cutmix 1.0, random erasing 0.1, every
image four times a batch, moving averages.

Published with it: ShuffleNet V2 1.5x 72.996 % top-1, 2x 76.230 % (torchvision
0.28; the papers' own recipe: 72.6 and 74.9 %). The network here is 2x.
Never run here: none of these numbers but those of `runlocal`.

Differs: TrivialAugment is one operation of a magnitude at random, here
RandAugment's one, normal about 5 of 10. torchvision trains at 176 px and
evaluates at 224, here both are at 224. Its moving averages are taken every 32
steps with 0.99998 scaled by the batch and the epochs, which is 0.999966 a
step, as here. Its warm-up begins at 0.01 of the rate, here at 0. bfloat16 is
ours.

Variant: `runlocal` is the same in float32 on a network of five inverted
residuals and 32 px scenes of digits, in a minute or two (experiments/training).
"""

from ml_collections import ConfigDict

from mobilenet_jax.jobs.recipes import (
  RUNLOCAL,
  chosen,
  imagenet_config,
  use_local,
)

EPOCHS = 600

# What `runlocal` trains.
LOCAL = (
  'v2@32 conv_k3_s2_c16_r6 ir_k3_e1_c16_r6 ir_k3_s2_e4_c24_r6 '
  'ir_k3_e4_c24_r6 ir_k3_s2_e4_c48_r6 ir_k3_e4_c48_r6 conv_k1_c192_r6 '
  'pool dense_c10_li'
)


def get_config(variant: str = '') -> ConfigDict:
  """Returns the config; `variant` is '' or 'runlocal'."""
  (local,) = chosen(variant, RUNLOCAL)
  config = imagenet_config('shufflenet_v2', batch=8 * 128, epochs=EPOCHS)
  config.model.width = 2.0

  augment = config.data.augment
  augment.policy = 'randaugment'
  augment.layers, augment.magnitude, augment.magnitude_std = 1, 5.0, 2.5
  augment.erasing = 0.1
  augment.mixup, augment.cutmix = 0.2, 1.0
  augment.repeats = 4

  config.train.label_smoothing = 0.1
  config.train.ema = 0.999966
  config.train.norm_momentum = 0.9
  config.train.dtype = 'bfloat16'

  optimizer = config.train.optimizer
  optimizer.learning_rate = 0.5
  optimizer.schedule = 'cosine'
  optimizer.warmup = 5 / EPOCHS
  optimizer.weight_decay = 2e-5
  if local:
    use_local(config, model=LOCAL, learning_rate=0.2, steps=2000)
  return config
