"""MobileNetV4 Conv-S/M/L and Hybrid-M/L (arXiv 2404.10518, Tables 11 to 15).

A line is a stage: block tokens as in a spec string, without the activation,
which is ReLU, and GELU in Hybrid-L (the authors' code, tensorflow/models). The
layer after the pool has a batch norm and no bias. Hybrids scale the output of
every block channel by channel.
"""

import dataclasses
from typing import Any

from mobilenet_jax.arch import (
  ArchSpec,
  Block,
  Conv,
  Dense,
  MobileAttention,
  Pool,
  UniversalBottleneck,
  block_from_string,
)
from mobilenet_jax.core.rounding import make_divisible
from mobilenet_jax.models.registry import register

FAMILY = 'mobilenet_v4'

CONV_SMALL = """
  conv_k3_s2_c32
  conv_k3_s2_c32 conv_k1_c32
  conv_k3_s2_c96 conv_k1_c64
  uib_a5_k5_s2_e3_c96 4*uib_k3_e2_c96 uib_a3_e4_c96
  uib_a3_k3_s2_e6_c128 uib_a5_k5_e4_c128 uib_k5_e4_c128 uib_k5_e3_c128
  2*uib_k3_e4_c128
"""  # 112, 56, 28, 14, 7, 7
CONV_MEDIUM = """
  conv_k3_s2_c32
  fused_k3_s2_e4_c48
  uib_a3_k5_s2_e4_c80 uib_a3_k3_e2_c80
  uib_a3_k5_s2_e6_c160 2*uib_a3_k3_e4_c160 uib_a3_k5_e4_c160 uib_a3_k3_e4_c160
  uib_a3_e4_c160 uib_e2_c160 uib_a3_e4_c160
  uib_a5_k5_s2_e6_c256 uib_a5_k5_e4_c256 2*uib_a3_k5_e4_c256 uib_e4_c256
  uib_a3_e4_c256 uib_a3_k5_e2_c256 uib_a5_k5_e4_c256 2*uib_e4_c256
  uib_a5_e2_c256
"""  # 128, 64, 32, 16, 16, 8, 8, 8
CONV_LARGE = """
  conv_k3_s2_c24
  fused_k3_s2_e4_c48
  uib_a3_k5_s2_e4_c96 uib_a3_k3_e4_c96
  uib_a3_k5_s2_e4_c192 3*uib_a3_k3_e4_c192 uib_a3_k5_e4_c192
  5*uib_a5_k3_e4_c192 uib_a3_e4_c192
  uib_a5_k5_s2_e4_c512 3*uib_a5_k5_e4_c512 uib_a5_e4_c512 uib_a5_k3_e4_c512
  2*uib_a5_e4_c512 uib_a5_k3_e4_c512 uib_a5_k5_e4_c512 3*uib_a5_e4_c512
"""  # 192, 96, 48, 24, 24, 12, 12
HYBRID_MEDIUM = """
  conv_k3_s2_c32
  fused_k3_s2_e4_c48
  uib_a3_k5_s2_e4_c80 uib_a3_k3_e2_c80
  uib_a3_k5_s2_e6_c160 uib_e2_c160 uib_a3_k3_e4_c160 uib_a3_k5_e4_c160
  mqa_k3_h4_kd64_v2_c160 uib_a3_k3_e4_c160 mqa_k3_h4_kd64_v2_c160
  uib_a3_e4_c160 mqa_k3_h4_kd64_v2_c160 uib_a3_k3_e4_c160
  mqa_k3_h4_kd64_v2_c160 uib_a3_e4_c160
  uib_a5_k5_s2_e6_c256 uib_a5_k5_e4_c256 2*uib_a3_k5_e4_c256 uib_e2_c256
  uib_a3_k5_e2_c256 uib_e2_c256 uib_e4_c256 mqa_k3_h4_kd64_c256
  uib_a3_e4_c256 mqa_k3_h4_kd64_c256 uib_a5_k5_e4_c256 mqa_k3_h4_kd64_c256
  uib_a5_e4_c256 mqa_k3_h4_kd64_c256 uib_a5_e4_c256
"""  # 128, 64, 32, 16 four times, 8 four times
HYBRID_LARGE = """
  conv_k3_s2_c24
  fused_k3_s2_e4_c48
  uib_a3_k5_s2_e4_c96 uib_a3_k3_e4_c96
  uib_a3_k5_s2_e4_c192 3*uib_a3_k3_e4_c192 uib_a3_k5_e4_c192
  2*uib_a5_k3_e4_c192 mqa_k3_h8_kd48_v2_c192 uib_a5_k3_e4_c192
  mqa_k3_h8_kd48_v2_c192 uib_a5_k3_e4_c192 mqa_k3_h8_kd48_v2_c192
  uib_a5_k3_e4_c192 mqa_k3_h8_kd48_v2_c192 uib_a3_e4_c192
  uib_a5_k5_s2_e4_c512 3*uib_a5_k5_e4_c512 uib_a5_e4_c512 uib_a5_k3_e4_c512
  2*uib_a5_e4_c512 uib_a5_k3_e4_c512 uib_a5_k5_e4_c512
  mqa_k3_h8_kd64_c512 uib_a5_e4_c512 mqa_k3_h8_kd64_c512 uib_a5_e4_c512
  mqa_k3_h8_kd64_c512 uib_a5_e4_c512 mqa_k3_h8_kd64_c512 uib_a5_e4_c512
"""  # 192, 96, 48, 24 four times, 12 four times

MODELS = {
  'conv_small': (CONV_SMALL, 224),
  'conv_medium': (CONV_MEDIUM, 256),
  'conv_large': (CONV_LARGE, 384),
  'hybrid_medium': (HYBRID_MEDIUM, 256),
  'hybrid_large': (HYBRID_LARGE, 384),
}  # table, resolution


def _register(kind: str) -> None:
  table, resolution = MODELS[kind]

  @register(f'mobilenet_v4_{kind}', family=FAMILY, resolution=resolution)
  def mobilenet_v4(resolution: int, num_classes: int, width: float) -> ArchSpec:
    act = 'gelu' if kind == 'hybrid_large' else 'relu'
    body = _blocks(table, width, act, layer_scale=kind.startswith('hybrid'))
    return ArchSpec(
      name='mobilenet_v4',
      resolution=resolution,
      blocks=(
        *body,
        Conv(kernel=1, channels=make_divisible(960 * width), activation=act),
        Pool(),
        Dense(
          channels=make_divisible(1280 * max(width, 1)),
          activation=act,
          norm=True,
        ),
        Dense(channels=num_classes),
      ),
    )


for _kind in MODELS:
  _register(_kind)


def _blocks(
  table: str, width: float, act: str, *, layer_scale: bool
) -> list[Block]:
  """Reads a table; `4*token` is four of that block."""
  made: list[Block] = []
  for entry in table.split():
    repeats, _, token = entry.rpartition('*')
    block: Any = block_from_string(token)
    changes: dict = {'channels': make_divisible(block.channels * width)}
    if not isinstance(block, MobileAttention):
      changes['activation'] = act
    if isinstance(block, UniversalBottleneck | MobileAttention):
      changes['layer_scale'] = layer_scale
    made += [dataclasses.replace(block, **changes)] * int(repeats or 1)
  return made
