"""The picture of a search space: what each of its blocks may choose."""

import io
from pathlib import Path
from typing import Any

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import write_bytes
from mobilenet_jax.report.space_rows import Choice, SlotRow, slot_rows
from mobilenet_jax.report.units import TIMES
from mobilenet_jax.space import SearchSpace
from mobilenet_jax.space.words import size_in_words

FORMATS = ('.png', '.svg', '.pdf')
INK, SOFT, LINE = '#1c2733', '#75818d', '#d9dfe5'
FILL, EDGE, FIXED = '#dcebfa', '#3f7fbf', '#f3f5f7'
LETTER, PAD, GAP, ROW, CHIP = 0.075, 0.09, 0.05, 0.34, 0.24  # inches
MARGIN, TOP, BOTTOM = 0.25, 1.15, 0.55
LEFT = {'size': 0.0, 'blocks': 0.95, 'kind': 1.5}  # of the first columns
FIRST_COLUMN = 3.5
BETWEEN = 0.22  # columns
DITTO = '″'


def check_drawing(path: str) -> None:
  """Raises UserError for a picture that cannot be made as named."""
  if Path(path).suffix not in FORMATS:
    raise UserError(f'--draw {path} must end in {", ".join(FORMATS)}.')
  try:
    import matplotlib  # noqa: F401
  except ImportError as error:
    raise UserError(
      "--draw needs the extra [report]: pip install 'mobilenet-jax[report]'."
    ) from error


def draw_space(space: SearchSpace, path: str) -> None:
  """Draws a space, input first, one line for blocks that offer the same.

  Args:
    path: ends in one of `FORMATS`.

  Raises:
    UserError: see `check_drawing`.
  """
  check_drawing(path)
  from matplotlib.figure import Figure

  rows = slot_rows(space)
  columns = _columns(rows)
  width = _width(columns) + 2 * MARGIN
  lines = sum(len(row.kinds) for row in rows)
  height = TOP + lines * ROW + BOTTOM
  figure = Figure((width, height))
  axes = figure.add_axes((0, 0, 1, 1))
  axes.set(xlim=(0, width), ylim=(height, 0))
  axes.axis('off')
  pen = _Pen(axes)
  _headings(pen, space, columns)
  y, before = TOP, None
  seen: set[str] = set()
  for row in rows:
    if row.size != before:
      pen.line(MARGIN, y, width - MARGIN)
      pen.text(MARGIN, y + ROW / 2, _side(row.size), weight='bold')
    before = row.size
    y = _row(pen, row, y, columns, seen)
  pen.line(MARGIN, y, width - MARGIN)
  _legend(pen, y + 0.28)
  data = io.BytesIO()
  figure.savefig(data, format=Path(path).suffix[1:], dpi=150)
  write_bytes(path, data.getvalue())


class _Pen:
  """Draws in inches from the upper left corner."""

  def __init__(self, axes: Any):
    self._axes = axes

  def text(self, x: float, y: float, words: str, **more: Any) -> None:
    style = {'size': 8.5, 'color': INK, 'va': 'center', **more}
    # a name is no formula, whatever its letters
    self._axes.text(x, y, words, parse_math=False, **style)

  def line(self, x: float, y: float, to: float) -> None:
    self._axes.plot([x, to], [y, y], color=LINE, lw=0.8)

  def bracket(self, x: float, y: float, to: float) -> None:
    """Alternatives of which one is chosen."""
    style = {'color': EDGE, 'lw': 2.2, 'solid_capstyle': 'round'}
    self._axes.plot([x, x], [y, to], **style)

  def box(self, x: float, y: float, width: float, **style: Any) -> None:
    from matplotlib.patches import FancyBboxPatch

    shape = 'round,pad=0,rounding_size=0.05'
    self._axes.add_patch(
      FancyBboxPatch((x, y), width, CHIP, shape, lw=0.8, **style)
    )

  def chip(self, x: float, y: float, words: str, open_: bool) -> float:
    """Draws a choice; returns where the next one starts."""
    width = _chip_width(words)
    face, edge = (FILL, EDGE) if open_ else (FIXED, LINE)
    self.box(x, y - CHIP / 2, width, fc=face, ec=edge)
    ink = INK if open_ else SOFT
    self.text(x + width / 2, y, words, ha='center', color=ink, size=8)
    return x + width + GAP


def _chip_width(words: str) -> float:
  return LETTER * max(len(words), 2) + PAD


def _choice_width(choices: tuple[Choice, ...]) -> float:
  total = sum(_chip_width(w) + GAP for c in choices for w in c.words)
  return total + LETTER * 3 * (len(choices) - 1)


def _columns(rows: list[SlotRow]) -> dict[str, float]:
  """The left edge of every column that is needed, and the end."""
  widths: dict[str, float] = {}
  titles = dict.fromkeys(t for r in rows for _, cs in r.kinds for t in cs)
  order = ('kernel', 'expansion', 'SE', 'activation', 'channels', 'shortcut')
  for title in (t for t in order if t in titles):
    cells = [cs[title] for r in rows for _, cs in r.kinds if title in cs]
    choices = [choice for cell in cells for choice in cell]
    plain = title in ('shortcut', 'SE') and len({c.words for c in choices}) == 1
    if plain and not any(choice.tag for choice in choices):
      continue
    widths[title] = max(*map(_choice_width, cells), LETTER * len(title), 0.3)
  edges, x = {}, MARGIN + FIRST_COLUMN
  for title, wide in widths.items():
    edges[title] = x
    x += wide + BETWEEN
  edges[''] = x - BETWEEN
  return edges


def _width(columns: dict[str, float]) -> float:
  return max(columns[''] - MARGIN, 8.0)


def _headings(pen: _Pen, space: SearchSpace, columns: dict[str, float]) -> None:
  spec = space.spec
  sides = ', '.join(map(str, space.resolutions))
  if space.resolutions[8:]:
    first, *_, last = space.resolutions
    sides = f'{first} to {last} ({len(space.resolutions)})'
  pen.text(MARGIN, 0.32, spec.name, size=15, weight='bold')
  pen.text(
    MARGIN, 0.62,
    f'{size_in_words(space.size)} choice vectors of {len(space.tags)} '
    f'decisions; input {sides} px',
    color=SOFT,
  )  # fmt: skip
  y = TOP - 0.17
  for title, x in LEFT.items():
    name = {'size': 'output', 'blocks': 'blocks', 'kind': 'operation'}[title]
    pen.text(MARGIN + x, y, name, color=SOFT, size=8)
  for title, x in columns.items():
    pen.text(x, y, title, color=SOFT, size=8)


def _side(size: str) -> str:
  return f'{size} px' if '-' in size else f'{size}{TIMES}{size}'


def _row(
  pen: _Pen,
  row: SlotRow,
  top: float,
  columns: dict[str, float],
  seen: set[str],
) -> float:
  """Draws the lines of a row; returns where the next one starts."""
  y = top
  count = row.last - row.first + 1
  words = f'{count} {TIMES}' if count > 1 else ''
  pen.text(MARGIN + LEFT['blocks'] + 0.38, y + ROW / 2, words, ha='right')
  if len(row.kinds) > 1:
    x = MARGIN + LEFT['kind'] - 0.06
    bottom = y + len(row.kinds) * ROW
    pen.bracket(x, y + 0.06, bottom - 0.06)
  for kind, cells in row.kinds:
    middle = y + ROW / 2
    stride = f', /{row.stride}' if row.stride > 1 else ''
    x = MARGIN + LEFT['kind']
    named = kind + stride
    if row.optional:
      pen.box(
        x - 0.02, middle - CHIP / 2, LETTER * 0.86 * len(named) + 0.2,
        fc='none', ec=EDGE, ls=(0, (3, 2)),
      )  # fmt: skip
    pen.text(x + 0.04, middle, named)
    for title, choices in cells.items():
      if title in columns:
        _cell(pen, choices, columns[title], middle, seen)
    seen |= {c.tag for choices in cells.values() for c in choices if c.tag}
    y += ROW
  return y


def _cell(
  pen: _Pen,
  choices: tuple[Choice, ...],
  x: float,
  y: float,
  seen: set[str],
) -> None:
  for number, choice in enumerate(choices):
    if number:
      pen.text(x + LETTER, y, '+', color=SOFT, ha='center')
      x += LETTER * 3
    if choice.tag in seen:
      pen.text(x + 0.08, y, DITTO, color=EDGE, size=11)
      x += _choice_width((choice,))
      continue
    for words in choice.words:
      x = pen.chip(x, y, words, bool(choice.tag))


def _legend(pen: _Pen, y: float) -> None:
  dashed = {'fc': 'none', 'ec': EDGE, 'ls': (0, (3, 2))}
  x = pen.chip(pen.chip(MARGIN, y, 'a', True), y, 'b', True)
  for words, width in (
    ('one is chosen', 1.1), ('fixed', 0.65), ('may be left out', 1.15),
    ('one of these operations', 1.6), ('decided above', 0),
  ):  # fmt: skip
    match words:
      case 'fixed':
        x = pen.chip(x, y, 'a', False)
      case 'may be left out':
        pen.box(x, y - CHIP / 2, 0.35, **dashed)
        x += 0.4
      case 'one of these operations':
        pen.bracket(x, y - 0.09, y + 0.09)
        x += 0.1
      case 'decided above':
        pen.text(x, y, DITTO, color=EDGE, size=11)
        x += 0.15
    pen.text(x, y, words, color=SOFT, size=8)
    x += width
