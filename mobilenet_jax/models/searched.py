"""Networks that searches of other groups found, one table each.

ProxylessNAS-mobile (arXiv 1812.00332), FBNet-C (arXiv 1812.03443) and
Single-Path NAS (arXiv 1904.02877). FBNet's blocks have their expansion even
where it does not widen.
"""

from mobilenet_jax.arch import ArchSpec, Block, Conv, Dense, Pool
from mobilenet_jax.core.rounding import make_divisible
from mobilenet_jax.models.registry import register
from mobilenet_jax.models.stages import inverted_residuals

# kernel, expand_ratio, channels, repeats, stride
PROXYLESS_MOBILE = (
  (3, 1, 16, 1, 1),  # 112
  (5, 3, 32, 1, 2),  # 112 -> 56
  (3, 3, 32, 1, 1),
  (7, 3, 40, 1, 2),  # 56 -> 28
  (3, 3, 40, 1, 1),
  (5, 3, 40, 2, 1),
  (7, 6, 80, 1, 2),  # 28 -> 14
  (5, 3, 80, 3, 1),
  (5, 6, 96, 1, 1),
  (5, 3, 96, 3, 1),
  (7, 6, 192, 1, 2),  # 14 -> 7
  (7, 6, 192, 1, 1),
  (7, 3, 192, 2, 1),
  (7, 6, 320, 1, 1),
)
FBNET_C = (
  (3, 1, 16, 1, 1),  # 112
  (3, 6, 24, 1, 2),  # 112 -> 56
  (3, 1, 24, 2, 1),
  (5, 6, 32, 1, 2),  # 56 -> 28
  (5, 3, 32, 1, 1),
  (5, 6, 32, 1, 1),
  (3, 6, 32, 1, 1),
  (5, 6, 64, 1, 2),  # 28 -> 14
  (5, 3, 64, 1, 1),
  (5, 6, 64, 2, 1),
  (5, 6, 112, 3, 1),
  (5, 3, 112, 1, 1),
  (5, 6, 184, 4, 2),  # 14 -> 7
  (3, 6, 352, 1, 1),
)
SPNASNET = (
  (3, 1, 16, 1, 1),  # 112
  (3, 3, 24, 3, 2),  # 112 -> 56
  (5, 6, 40, 1, 2),  # 56 -> 28
  (3, 3, 40, 3, 1),
  (5, 6, 80, 1, 2),  # 28 -> 14
  (3, 3, 80, 3, 1),
  (5, 6, 96, 1, 1),
  (5, 3, 96, 3, 1),
  (5, 6, 192, 4, 2),  # 14 -> 7
  (3, 6, 320, 1, 1),
)


@register('proxylessnas_mobile', family='proxylessnas')
def proxylessnas_mobile(
  resolution: int, num_classes: int, width: float
) -> ArchSpec:
  """ProxylessNAS for Pixel 1."""
  body = inverted_residuals(PROXYLESS_MOBILE, width, activation='relu6')
  return _network(32, body, 1280, resolution, num_classes, width, 'relu6')


@register('fbnet_c', family='fbnet')
def fbnet_c(resolution: int, num_classes: int, width: float) -> ArchSpec:
  """FBNet-C."""
  body = inverted_residuals(FBNET_C, width, full=True)
  return _network(16, body, 1984, resolution, num_classes, width, 'relu')


@register('spnasnet', family='spnasnet')
def spnasnet(resolution: int, num_classes: int, width: float) -> ArchSpec:
  """The network of Single-Path NAS."""
  body = inverted_residuals(SPNASNET, width)
  return _network(32, body, 1280, resolution, num_classes, width, 'relu')


def _network(
  stem: int,
  body: list,
  last: int,
  resolution: int,
  num_classes: int,
  width: float,
  act: str,
) -> ArchSpec:
  first = make_divisible(stem * width)
  blocks: tuple[Block, ...] = (
    Conv(kernel=3, stride=2, channels=first, activation=act),
    *body,
    Conv(kernel=1, channels=last, activation=act),
    Pool(),
    Dense(channels=num_classes),
  )
  return ArchSpec(name='searched', resolution=resolution, blocks=blocks)
