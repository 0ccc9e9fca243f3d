"""Tables as text."""

from collections.abc import Sequence


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
  """Returns lines of aligned columns, as wide as what stands in them.

  Args:
    heads: titles; one that starts with '<' has its column to the left.
    rows: as many cells each.
  """
  titles = [head.removeprefix('<') for head in heads]
  grid = [titles, *rows]
  widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
  lines = []
  for row in grid:
    cells = [
      cell.ljust(width) if head.startswith('<') else cell.rjust(width)
      for head, cell, width in zip(heads, row, widths, strict=True)
    ]
    lines.append('  '.join(cells).rstrip())
  return '\n'.join(lines)
