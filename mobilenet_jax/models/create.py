"""A model from whatever names it."""

from typing import Any

from mobilenet_jax.arch import ArchSpec, with_output_stride
from mobilenet_jax.models.builder import Network, build
from mobilenet_jax.models.find import find_arch


def create_model(
  name_or_spec: str | ArchSpec,
  *,
  width: float = 1.0,
  resolution: int | None = None,
  num_classes: int = 1000,
  output_stride: int | None = None,
  **options: Any,
) -> Network:
  """Returns the Linen module of a network.

  Args:
    name_or_spec: a name of the zoo, a spec, a spec string or an arch.json.
    width, resolution, num_classes: of a network of the zoo.
    output_stride: of the last features, for dense prediction (8, 16); strides
      beyond it become dilation, the weights stay the same.
    **options: of `models.builder.build` (dropout, dtype, ...).

  Raises:
    UserError: an unknown name (with the nearest one), or a bad spec.
  """
  if isinstance(name_or_spec, ArchSpec):
    spec = name_or_spec
  else:
    spec = find_arch(name_or_spec, width, resolution, num_classes)
  if output_stride is not None:
    spec = with_output_stride(spec, output_stride)
  return build(spec, **options)
