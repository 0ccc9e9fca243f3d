"""Which decisions set a width and which an operation."""

from mobilenet_jax.arch import ArchSpec, iter_open

WIDTHS = ('channels', 'expand_ratio')


def filter_tags(space: ArchSpec) -> dict[str, int]:
  """The decisions that set widths and nothing else, each with the index of its
  widest choice."""
  fields: dict[str, list[tuple[str, tuple]]] = {}
  for _, name, value in iter_open(space):
    fields.setdefault(value.tag, []).append((name, value.choices))
  return {
    tag: max(range(len(set_[0][1])), key=lambda i: [c[i] for _, c in set_])
    for tag, set_ in fields.items()
    if {name for name, _ in set_} <= set(WIDTHS)
  }
