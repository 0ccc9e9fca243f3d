"""timm's networks (1.0.30), its own and those it took over from TensorFlow.

A `tf_` network has SAME padding and an epsilon of 1e-3; its file looks like
that of the network without `tf_`. How images are prepared is that of a
network's first weights unless the config.json beside the file says.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from mobilenet_jax.arch import (
  IMAGENET,
  ArchSpec,
  Conv,
  Dense,
  DepthwiseSeparable,
  FusedInvertedResidual,
  InvertedResidual,
)
from mobilenet_jax.arch.inputs import TENSORFLOW, Inputs
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.models.pretrained.source import (
  TORCH,
  Slots,
  Source,
  Variant,
  channels,
  parts,
)

# blocks of each stage, between the stem and the head
STAGES = {
  'mobilenet_v1': (1, 2, 2, 6, 2),
  'mobilenet_v2': (1, 2, 3, 4, 3, 3, 1),
  'mobilenet_v3_large': (1, 2, 3, 4, 2, 3, 1),
  'mobilenet_v3_small': (1, 2, 3, 2, 3, 1),
  'mobilenet_v3_large_minimalistic': (1, 2, 3, 4, 2, 3, 1),
  'mobilenet_v3_small_minimalistic': (1, 2, 3, 2, 3, 1),
  'mobilenet_v4_conv_small': (2, 2, 6, 6, 1),
  'mobilenet_v4_conv_medium': (1, 2, 8, 11, 1),
  'mobilenet_v4_conv_large': (1, 2, 11, 13, 1),
  'mobilenet_v4_hybrid_medium': (1, 2, 12, 16, 1),
  'mobilenet_v4_hybrid_large': (1, 2, 15, 18, 1),
  'mnasnet_b1': (1, 3, 3, 3, 2, 4, 1),
  'mnasnet_a1': (1, 2, 3, 4, 2, 3, 1),
  'mnasnet_small': (1, 1, 2, 4, 3, 3, 1),
  'fbnet_c': (1, 3, 4, 4, 4, 4, 1),
  'spnasnet': (1, 3, 4, 4, 4, 4, 1),
  'efficientnet_b0': (1, 2, 2, 3, 3, 4, 1),
  'efficientnet_lite0': (1, 2, 2, 3, 3, 4, 1),
  'efficientnet_lite1': (1, 3, 3, 4, 4, 5, 1),
  'efficientnet_lite2': (1, 3, 3, 4, 4, 5, 1),
  'efficientnet_lite3': (1, 3, 3, 5, 5, 6, 1),
  'efficientnet_lite4': (1, 4, 4, 6, 6, 8, 1),
  'mobilenet_edgetpu': (1, 4, 4, 4, 4, 4, 1),
}
SQUEEZE = {
  'squeeze_excite/reduce': ('se.conv_reduce', ''),
  'squeeze_excite/expand': ('se.conv_expand', ''),
}
SEPARABLE = {
  'depthwise': ('conv_dw', 'bn1'),
  'project': ('conv_pw', 'bn2'),
  **SQUEEZE,
}
INVERTED = {
  'expand': ('conv_pw', 'bn1'),
  'depthwise': ('conv_dw', 'bn2'),
  'project': ('conv_pwl', 'bn3'),
  **SQUEEZE,
}
FUSED = {'expand': ('conv_exp', 'bn1'), 'project': ('conv_pwl', 'bn2')}
UNIVERSAL = {
  'start': ('dw_start.conv', 'dw_start.bn'),
  'expand': ('pw_exp.conv', 'pw_exp.bn'),
  'depthwise': ('dw_mid.conv', 'dw_mid.bn'),
  'project': ('pw_proj.conv', 'pw_proj.bn'),
  'layer_scale': ('layer_scale', ''),
}
ATTENTION = {
  '': ('', 'norm'),
  'query': ('attn.query.proj', ''),
  'key_down': ('attn.key.down_conv', 'attn.key.norm'),
  'key_project': ('attn.key.proj', ''),
  'value_down': ('attn.value.down_conv', 'attn.value.norm'),
  'value_project': ('attn.value.proj', ''),
  'output': ('attn.output.proj', ''),
  'layer_scale': ('layer_scale', ''),
}


def _inside(block: Any, names: list[str]) -> dict[str, tuple[str, str]]:
  """What timm calls the layers of a block."""
  if isinstance(block, Conv):
    return {'': ('conv', 'bn1')}
  if isinstance(block, DepthwiseSeparable):
    return SEPARABLE
  if isinstance(block, InvertedResidual):
    return INVERTED if 'expand' in names else SEPARABLE
  if isinstance(block, FusedInvertedResidual):
    return FUSED
  return ATTENTION if 'query' in names else UNIVERSAL


def _slots(sizes: tuple[int, ...], spec: ArchSpec) -> Slots:
  """A stem, `blocks.STAGE.INDEX`, a head, a classifier."""
  _, *rest = parts(spec)
  body, head = rest[: sum(sizes)], rest[sum(sizes) :]
  homes = [f'blocks.{s}.{i}.' for s, n in enumerate(sizes) for i in range(n)]
  found: Slots = [('conv_stem', 'bn1')]
  for home, (block, names) in zip(homes, body, strict=True):
    inside = _inside(block, names)
    found += [
      (home + conv if conv else '', home + norm if norm else '')
      for conv, norm in (inside[name] for name in names)
    ]
  for block, _ in head[:-1]:
    norm = 'norm_head' if isinstance(block, Dense) else 'bn2'
    found.append(('conv_head', norm))
  return [*found, ('classifier', '')]


BICUBIC = dataclasses.replace(IMAGENET, interpolation='bicubic')
HALVES = dataclasses.replace(TENSORFLOW, interpolation='bicubic')
LARGE = dataclasses.replace(BICUBIC, crop=0.95)


def _make(
  name: str, *, tf: bool = False, inputs: Inputs | None = None, **more: Any
) -> Variant:
  return Variant(
    name=name,
    slots=lambda spec: _slots(STAGES[name], spec),
    padding='same' if tf else 'symmetric',
    norm_epsilon=1e-3 if tf else 1e-5,
    inputs=inputs or (TENSORFLOW if tf else BICUBIC),
    **more,
  )


def _stem_of(channels: int) -> Callable[[ArchSpec], ArchSpec]:
  """timm does not scale the stem of V3 below a width of 0.75, nor V4's."""

  def change(spec: ArchSpec) -> ArchSpec:
    stem, *rest = spec.blocks
    assert isinstance(stem, Conv)
    wide = dataclasses.replace(stem, channels=channels)
    return spec.replace(blocks=(wide, *rest))

  return change


def _first_shortcut(spec: ArchSpec) -> ArchSpec:
  """timm's MnasNet-small has a shortcut in its first block."""
  stem, first, *rest = spec.blocks
  assert isinstance(first, InvertedResidual)
  first = dataclasses.replace(first, residual=True)
  return spec.replace(blocks=(stem, first, *rest))


def _widths(label: str, name: str, *percents: int, **more) -> dict:
  return {
    f'{label}_{p:03d}': _make(name, width=p / 100, **more) for p in percents
  }


def _lite(number: int, crop: float, *, tf: bool, **more) -> dict[str, Variant]:
  mean = TENSORFLOW if tf else IMAGENET
  resize = 'bilinear' if number > 2 else 'bicubic'
  inputs = dataclasses.replace(mean, crop=crop, interpolation=resize)
  made = _make(f'efficientnet_lite{number}', tf=tf, inputs=inputs, **more)
  return {('tf_' if tf else '') + f'efficientnet_lite{number}': made}


_MODELS: dict[str, Variant] = {
  **_widths('mobilenetv1', 'mobilenet_v1', 100, inputs=HALVES),
  'mobilenetv1_125': _make(
    'mobilenet_v1',
    width=1.25,
    inputs=dataclasses.replace(HALVES, crop=0.9),
  ),
  **_widths('mobilenetv2', 'mobilenet_v2', 35, 50, 75, 100, 140),
  **_widths('mobilenetv3_large', 'mobilenet_v3_large', 75, inputs=IMAGENET),
  **_widths('mobilenetv3_large', 'mobilenet_v3_large', 100),
  **_widths('mobilenetv3_small', 'mobilenet_v3_small', 75, 100),
  'mobilenetv3_small_050': _make(
    'mobilenet_v3_small', width=0.5, change=_stem_of(16)
  ),
  **_widths('tf_mobilenetv3_large', 'mobilenet_v3_large', 75, 100, tf=True),
  **_widths('tf_mobilenetv3_small', 'mobilenet_v3_small', 75, 100, tf=True),
  'tf_mobilenetv3_large_minimal_100': _make(
    'mobilenet_v3_large_minimalistic', tf=True
  ),
  'tf_mobilenetv3_small_minimal_100': _make(
    'mobilenet_v3_small_minimalistic', tf=True
  ),
  'mobilenetv4_conv_small': _make('mobilenet_v4_conv_small'),
  'mobilenetv4_conv_small_050': _make(
    'mobilenet_v4_conv_small', width=0.5, inputs=HALVES, change=_stem_of(32)
  ),
  'mobilenetv4_conv_medium': _make('mobilenet_v4_conv_medium', inputs=LARGE),
  'mobilenetv4_conv_large': _make('mobilenet_v4_conv_large', inputs=LARGE),
  'mobilenetv4_hybrid_medium': _make(
    'mobilenet_v4_hybrid_medium', inputs=LARGE
  ),
  'mobilenetv4_hybrid_large': _make('mobilenet_v4_hybrid_large', inputs=LARGE),
  **_widths('mnasnet', 'mnasnet_b1', 50, 75, 100, 140),
  **_widths('semnasnet', 'mnasnet_a1', 50, 75, 100, 140),
  'mnasnet_small': _make('mnasnet_small', change=_first_shortcut),
  'fbnetc_100': _make('fbnet_c', inputs=IMAGENET),
  'spnasnet_100': _make('spnasnet', inputs=IMAGENET),
  **_lite(0, 0.875, tf=False),
  **_lite(0, 0.875, tf=True),
  **_lite(1, 0.882, tf=True),
  **_lite(2, 0.89, tf=True),
  **_lite(3, 0.904, tf=True, resolution=300),
  **_lite(4, 0.92, tf=True, resolution=380),
  'efficientnet_b0': _make('efficientnet_b0'),
  'tf_efficientnet_b0': _make('efficientnet_b0', tf=True, inputs=BICUBIC),
  'mobilenet_edgetpu_100': _make(
    'mobilenet_edgetpu', inputs=dataclasses.replace(BICUBIC, crop=0.9)
  ),
}


def _settle(spec: ArchSpec, settings: dict[str, Any], file: str) -> ArchSpec:
  """config.json has `pretrained_cfg`: side, crop, interpolation, mean, std."""
  del file
  config = settings.get('config', {})
  try:
    said = {**config, **config.get('pretrained_cfg', {})}
    inputs = Inputs(
      mean=channels(said.get('mean', spec.inputs.mean)),
      std=channels(said.get('std', spec.inputs.std)),
      crop=float(said.get('crop_pct', spec.inputs.crop)),
      squash=said.get('crop_mode') == 'squash',
      interpolation=said.get('interpolation', spec.inputs.interpolation),
    )
    side = int(said.get('input_size', [3, 0, spec.resolution])[-1])
  except (TypeError, ValueError, IndexError) as error:
    raise UserError(f'config.json says {error}.') from error
  return spec.replace(inputs=inputs, resolution=side)


def _called(settings: dict[str, Any]) -> str:
  return str(settings.get('config', {}).get('architecture', ''))


SOURCE = Source(
  models=_MODELS,
  dialect=TORCH,
  settle=_settle,
  beside=('config',),
  called=_called,
)
