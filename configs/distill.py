"""Distils a network that is trained already into one a tenth as large.

Soft labels of a teacher (Hinton et al., arXiv 1503.02531) and, where
`train.distill.features` is not 0, its features (FitNets, arXiv 1412.6550),
beside the labels. Both networks are V3-like with three strides of 2, which
32 px scenes allow; the recipe is that of configs/digits.py. What differs from
the papers: one training instead of FitNets' two stages, images augmented.

    mobilenet-jax train --config=configs/distill.py:teacher \
      --workdir=runs/distill-teacher
    mobilenet-jax train --config=configs/distill.py --workdir=runs/distill \
      --config.train.distill.teacher=runs/distill-teacher

Any network of the same classes and channels teaches, also one of another
library, whose mean, std and resolution may be others:

      --config.train.distill.teacher=mobilenet_v3_large \
      --config.train.distill.source=timm \
      --config.train.distill.weights=timm/mobilenetv3_large_100.ra_in1k

Never run here: weights of other libraries as teachers, and 224 px.

Seen, of test scenes over seeds 0, 1 and 2: teachers 87.8 %, students 70.8 %,
and 56.7 % by the labels alone (experiments/distillation); on 2 busy CPU cores
a minute for a teacher and less for a student.

Variants, `configs/distill.py:VARIANT`: 'runlocal' takes a few steps and
'teacher-runlocal' makes its teacher, in the same two commands; their
accuracies mean nothing. Seen: 43 s for both on 2 busy cores.
"""

from ml_collections import ConfigDict

from mobilenet_jax.jobs.recipes import digits_config

VARIANTS = ('', 'runlocal', 'teacher', 'teacher-runlocal')
TEACHER = (
  'large@32 conv_k3_s2_c24_hs ir_k3_s2_e6_c32_hs ir_k3_e4_c32_hs '
  'ir_k3_s2_e6_c80_hs ir_k3_e4_c80_hs conv_k1_c256_hs pool dense_c10_li'
)  # 3.9 M multiply-adds
STUDENT = (
  'small@32 conv_k3_s2_c8_hs ir_k3_s2_e4_c16_hs ir_k3_s2_e3_c24_hs '
  'ir_k3_e4_c24_hs conv_k1_c80_hs pool dense_c10_li'
)  # 0.37 M


def get_config(variant: str = '') -> ConfigDict:
  """Returns the config; `variant` is one of `VARIANTS`."""
  if variant not in VARIANTS:
    raise ValueError(f'variant {variant!r} is none of {VARIANTS}')
  teacher = variant.startswith('teacher')
  local = variant.endswith('runlocal')
  config = digits_config(local=local)
  config.model.name = TEACHER if teacher else STUDENT
  return config
