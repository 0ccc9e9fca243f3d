"""Which decisions set a width and which an operation."""

from mobilenet_jax.arch import ArchSpec, iter_open

WIDTHS = ('channels', 'expand_ratio')


def filter_tags(space: ArchSpec) -> frozenset[str]:
  """The decisions that set widths and nothing else (last choice the
  largest)."""
  fields: dict[str, set[str]] = {}
  for _, name, value in iter_open(space):
    fields.setdefault(value.tag, set()).add(name)
  return frozenset(tag for tag, set_ in fields.items() if set_ <= set(WIDTHS))
