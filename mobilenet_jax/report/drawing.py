"""A network drawn block by block, as SVG."""

from collections.abc import Sequence

from mobilenet_jax.arch import ArchSpec, InvertedResidual
from mobilenet_jax.report.blocks import (
  BlockRow,
  Prices,
  block_rows,
  stages,
  total_ms,
)
from mobilenet_jax.report.markup import Html, join, tag
from mobilenet_jax.report.silhouette import HALF, LEFT, ROW, Scale, silhouette
from mobilenet_jax.report.units import TIMES, milliseconds, plural, rounded

WIDTH, GAP, TOP = 790, 12, 66
COLUMNS = {  # left edges
  'size': 4, 'shape': LEFT, 'kernel': 186, 'expand': 238, 'se': 328,
  'act': 388, 'stride': 466, 'out': 548, 'ms': 564, 'params': 786,
}  # fmt: skip
HEADINGS = (
  ('size', 'output', 'start'), ('shape', 'channels', 'start'),
  ('kernel', 'kernel', 'start'), ('expand', 'expansion', 'start'),
  ('se', 'SE', 'start'), ('act', 'activation', 'start'),
  ('stride', 'stride', 'start'), ('out', 'out', 'end'),
  ('ms', 'latency (ms)', 'start'), ('params', 'params', 'end'),
)  # fmt: skip
MIDDLE = ROW / 2 + 4  # base line of a row's text
PLAIN = {'conv': 'convolution', 'ds': 'separable'}


def drawing(spec: ArchSpec, prices: Prices) -> Html:
  """The network top to bottom, one row a block, grouped by resolution."""
  rows = block_rows(spec, prices)
  scale = Scale(rows, spec.in_channels)
  parts = [_headings(), _input(spec, scale)]
  y = TOP
  for stage in stages(rows):
    parts.append(_stage(stage, y))
    for row in stage:
      parts.append(_row(row, y, scale, GAP if row is stage[-1] else 0))
      y += ROW
    y += GAP
  parts.append(_total(rows, y))
  height = y + 32
  return tag(
    'svg',
    *parts,
    class_='network',
    viewBox=f'0 0 {WIDTH} {height}',
    role='img',
    aria_label=f'{spec.name}: {"; ".join(str(row) for row in rows)}',
  )


def _text(
  x: float, y: float, text: str, kind: str = '', anchor='start'
) -> Html:
  return tag(
    'text', text, x=f'{x:g}', y=f'{y:g}', class_=kind or None,
    text_anchor=None if anchor == 'start' else anchor,
  )  # fmt: skip


def _headings() -> Html:
  return join(
    _text(COLUMNS[name], 16, text, 'soft', anchor)
    for name, text, anchor in HEADINGS
  )


def _input(spec: ArchSpec, scale: Scale) -> Html:
  side = f'{spec.resolution}{TIMES}{spec.resolution}'
  middle, half = LEFT + HALF, scale.half(spec.in_channels)
  box = tag(
    'rect', x=f'{middle - half:.1f}', y=28, width=f'{2 * half:.1f}',
    height=TOP - 28, class_='shape',
  )  # fmt: skip
  words = f'input image, {plural(spec.in_channels, "channel")}'
  return join(
    [
      _text(COLUMNS['size'], 44, side, 'size'),
      box,
      _text(COLUMNS['kernel'], 44, words, 'soft'),
    ]
  )


def _stage(stage: Sequence[BlockRow], y: float) -> Html:
  size = stage[0].io.out_size
  line = tag('line', x1=0, x2=WIDTH, y1=y, y2=y, class_='rule')
  name = _text(COLUMNS['size'], y + 18, f'{size}{TIMES}{size}', 'size')
  cost = _text(COLUMNS['size'], y + 33, milliseconds(total_ms(stage)), 'soft')
  return join([line, name, cost])


def _row(row: BlockRow, y: float, scale: Scale, below: float) -> Html:
  words = {'out': f'{row.io.out_channels}', 'params': f'{row.params:,}'}
  return tag(
    'g',
    tag('title', str(row)),
    silhouette(row, y, scale, below),
    _operation(row, y),
    _choices(row, y),
    _stride(row, y),
    _latency(row, y, scale),
    *(
      _text(COLUMNS[name], y + MIDDLE, text, '', 'end')
      for name, text in words.items()
    ),
  )


def _operation(row: BlockRow, y: float) -> Html:
  if not row.kernel:
    return _text(COLUMNS['kernel'] + 4, y + MIDDLE, row.block.kind)
  side = f'{row.kernel}{TIMES}{row.kernel}'
  strength = 0.06 + 0.075 * (min(row.kernel, 7) - 1)
  return _chip('kernel', y, 46, side, strength)


def _choices(row: BlockRow, y: float) -> Html:
  """Expansion, squeeze-and-excite and activation."""
  parts = []
  if isinstance(row.block, InvertedResidual):
    ratio = row.block.expand_ratio
    text = f'{TIMES}{ratio:.3g} = {row.expanded}'
    parts.append(_chip('expand', y, 84, text, 0.04 + 0.07 * min(ratio, 6)))
    if row.squeezed:
      parts.append(_chip('se', y, 52, f'SE {row.squeezed}', 0.35))
    else:
      parts.append(_text(COLUMNS['se'] + 4, y + MIDDLE, 'no SE', 'soft'))
  elif row.kernel:
    plain = PLAIN.get(row.block.kind, row.block.kind)
    parts.append(_text(COLUMNS['expand'] + 4, y + MIDDLE, plain, 'soft'))
  if row.activation:
    simple = row.activation in ('ReLU', 'ReLU6', 'linear')
    strength = 0.08 if simple else 0.4
    parts.append(_chip('act', y, 68, row.activation, strength))
  return join(parts)


def _stride(row: BlockRow, y: float) -> Html:
  if not row.stride:
    return Html('')
  text, kind = (f'↓ {row.stride}', '') if row.stride > 1 else ('1', 'soft')
  return _text(COLUMNS['stride'] + 4, y + MIDDLE, text, kind)


def _chip(name: str, y: float, width: int, text: str, strength: float) -> Html:
  box = tag(
    'rect', x=COLUMNS[name], y=y + 8, width=width, height=ROW - 16, rx=5,
    class_=f'chip {name}', fill_opacity=f'{strength:.2f}',
  )  # fmt: skip
  label = _text(COLUMNS[name] + width / 2, y + ROW / 2 + 4, text, '', 'middle')
  return join([box, label])


def _latency(row: BlockRow, y: float, scale: Scale) -> Html:
  x, middle = COLUMNS['ms'], y + MIDDLE
  if row.ms is None:
    return _text(x, middle, 'not in the table', 'soft')
  length = scale.bar(row.ms)
  bar = tag(
    'rect', x=x, y=y + 11, width=f'{length:.1f}', height=ROW - 22,
    class_='bar',
  )  # fmt: skip
  return join([bar, _text(x + length + 6, middle, rounded(row.ms))])


def _total(rows: Sequence[BlockRow], y: float) -> Html:
  line = tag('line', x1=0, x2=WIDTH, y1=y, y2=y, class_='rule')
  params = sum(row.params for row in rows)
  return join(
    [
      line,
      _text(COLUMNS['size'], y + 21, 'sum', 'size'),
      _text(COLUMNS['ms'], y + 21, rounded(total_ms(rows)), 'size'),
      _text(COLUMNS['params'], y + 21, f'{params:,}', 'size', 'end'),
    ]
  )
