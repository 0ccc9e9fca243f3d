"""Stages of a network, and its form for dense prediction."""

import dataclasses

from mobilenet_jax.arch.layer import BlockIO
from mobilenet_jax.arch.mobile import Shortcut, has_shortcut
from mobilenet_jax.arch.spec import ArchSpec, SpecError, check_int, shapes


def endpoints(spec: ArchSpec) -> dict[str, int]:
  """Where features are tapped: name to index of a block.

  'stride4' is the last block whose output is a quarter of the image in size,
  and so on; 'pool' the pooled vector, 'embedding' what the last layer sees
  (an image where that is a convolution, as in SqueezeNet).
  """
  found: dict[str, int] = {}
  rate = 1
  for i, block in enumerate(spec.blocks):
    if block.kind in ('pool', 'flat'):
      found['pool'] = i
      break
    rate *= getattr(block, 'stride', 1)
    found[f'stride{rate}'] = i
  heads = [i for i, b in enumerate(spec.blocks) if hasattr(b, 'channels')]
  found['embedding'] = heads[-1] - 1
  return found


def with_output_stride(spec: ArchSpec, output_stride: int) -> ArchSpec:
  """The network whose last features are 1/output_stride of the image.

  Strides beyond that become dilation (arXiv 1706.05587, section 3.2); the
  weights are the same ones. Of the dense features those pixels that the usual
  network has, too, are the same as there, save for

  - what sees the whole image: squeeze-and-excite averages over, and attention
    attends to, more pixels than it did;
  - a max pool whose last window hangs over the end (`ceil`): without its
    stride it ends at the last pixel, which shows at the border.

  Raises:
    SpecError: no block brings the network to that stride.
  """
  check_int('output_stride', output_stride, spec.name)
  rate = dilation = 1
  made = []
  for block, io in zip(spec.blocks, shapes(spec), strict=True):
    stride = getattr(block, 'stride', 1)
    if rate * stride <= output_stride:
      rate *= stride
      changes = {}
    else:
      changes = _unstrided(block, io) if stride > 1 else {}
    if dilation > 1 and _is_wide(block):
      changes['dilation'] = dilation
      if getattr(block, 'padding', None):  # else it follows from the rule
        changes['padding'] = block.padding * dilation
    if stride > 1 and changes.get('stride') == 1:
      dilation *= stride
    made.append(dataclasses.replace(block, **changes))
  if rate != output_stride:
    raise SpecError(
      f'{spec.name} has no output stride {output_stride}; its strides are '
      f'{", ".join(n[6:] for n in endpoints(spec) if n.startswith("stride"))}.'
    )
  return spec.replace(blocks=tuple(made))


def _is_wide(block) -> bool:
  """Whether a block can be dilated and has a window of several pixels."""
  # of a universal bottleneck either depthwise convolution may be missing
  kernels = getattr(block, 'kernel', 3), getattr(block, 'start_kernel', 0)
  return hasattr(block, 'dilation') and max(kernels) > 1


def _unstrided(block, io: BlockIO) -> dict:
  """Changes that take a block's stride away but leave its function alone."""
  changes: dict = {'stride': 1}
  free = dataclasses.replace(block, stride=1)
  adds = isinstance(block, Shortcut)
  if adds and has_shortcut(free, io.in_channels):
    changes['residual'] = False  # it had none with its stride
  return changes
