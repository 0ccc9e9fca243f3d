"""Which decisions set a width and which an operation."""

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.arch.oneof import iter_open

WIDTHS = ('channels', 'expand_ratio')


def filter_tags(space: ArchSpec) -> frozenset[str]:
  """The decisions whose choices are widths (last choice the largest)."""
  return frozenset(
    value.tag for _, name, value in iter_open(space) if name in WIDTHS
  )
