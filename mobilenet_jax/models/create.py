"""A model from whatever names it."""

import os
from typing import Any

from mobilenet_jax.arch import ArchSpec, with_output_stride
from mobilenet_jax.models.builder import Network, build
from mobilenet_jax.models.find import find_arch


def create_model(
  name_or_spec: str | os.PathLike | ArchSpec,
  *,
  width: float | None = None,
  resolution: int | None = None,
  num_classes: int | None = None,
  output_stride: int | None = None,
  **options: Any,
) -> Network:
  """Returns the Linen module of a network.

  Args:
    name_or_spec: a name of the zoo, a spec, a spec string or an arch.json.
    width: of a network of the zoo; 1 where None.
    resolution: of any network; its own where None.
    num_classes: of a network of the zoo, 1000 where None; any other has its
      own number.
    output_stride: of the last features, for dense prediction (8, 16); strides
      beyond it become dilation, the weights stay the same.
    **options: of `models.builder.build` (dropout, dtype, ...).

  Raises:
    UserError: an unknown name (with the nearest one), a bad spec or number, or
      a width or number of classes of a network that has its own.
  """
  spec = find_arch(name_or_spec, width, resolution, num_classes)
  if output_stride is not None:
    spec = with_output_stride(spec, output_stride)
  return build(spec, **options)
