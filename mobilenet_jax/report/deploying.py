"""The found network on the device: export and latency, priced and measured."""

from collections.abc import Mapping
from typing import Any

from mobilenet_jax.report.charts import Trace, axis, chart
from mobilenet_jax.report.markup import Html, figure, section, table, tag
from mobilenet_jax.report.reading import Run
from mobilenet_jax.report.units import (
  milliseconds,
  percent,
  rounded,
  signed_percent,
)

LIMIT = 0.15  # how far a price may lie from a measurement


def deploying(run: Run) -> Html:
  """The section of the exported network."""
  made = run.deployed
  off = made['ratio'] - 1
  within = abs(off) <= LIMIT
  mark = tag('span', '✓' if within else '✗', class_='mark', aria_hidden='true')
  words = (
    f'Measured {milliseconds(made["measured_ms"])}, priced '
    f'{milliseconds(made["priced_ms"])}: {signed_percent(off)}, '
    f'{"within" if within else "outside"} the limit of {LIMIT:.0%}'
    f'{_words(made)}'
  )
  verdict = tag('li', mark, words, class_='won' if within else 'lost')
  numbers = table(('what', 'value'), _rows(run))
  return section(
    'deployed',
    'On the device',
    tag('ul', verdict, class_='verdicts'),
    *_other_device(run),
    figure(_chart(run), _caption()),
    numbers,
  )


def _caption() -> str:
  return (
    'The found network: its price is the sum of its blocks, each measured '
    'alone; measured is the exported model as a whole, with its standard '
    f'deviation; shaded is the price ±{LIMIT:.0%}.'
  )


def _other_device(run: Run) -> list[Html]:
  table_chip = run.provenance['chip']
  here = run.environment.get('chip')
  if here in (None, table_chip):
    return []
  text = (
    f'The table is of {table_chip}, but the model was measured on {here}: the '
    'two do not compare.'
  )
  return [tag('p', text, class_='warning')]


def _chart(run: Run) -> Html:
  made = run.deployed
  priced, measured = made['priced_ms'], made['measured_ms']
  bars: Trace = {
    'type': 'bar',
    'orientation': 'h',
    'y': ['measured', 'priced'],
    'x': [measured, priced],
    'text': [milliseconds(measured), milliseconds(priced)],
    'textposition': 'inside',
    'insidetextanchor': 'start',
    'marker': {'color': ['var(--found)', 'var(--random)']},
    'textfont': {'color': 'var(--page)'},
    'error_x': {
      'type': 'data', 'array': [made['std_ms'], None], 'color': 'var(--ink)',
    },
    'hovertemplate': '%{y}: %{x:.4f} ms<extra></extra>',
  }  # fmt: skip
  window = {
    'type': 'rect', 'yref': 'paper', 'y0': 0, 'y1': 1, 'line': {'width': 0},
    'x0': priced * (1 - LIMIT), 'x1': priced * (1 + LIMIT),
    'fillcolor': 'var(--window)', 'layer': 'below',
  }  # fmt: skip
  return chart(
    'chart-deployed',
    [bars],
    170,
    shapes=[window],
    xaxis=axis('latency (ms)', range=[0, 1.25 * max(priced, measured)]),
    yaxis=axis('', showgrid=False),
    bargap=0.35,
  )


def _words(made: Mapping[str, Any]) -> str:
  if 'steady_ratio' not in made:
    return ''
  off = signed_percent(made['steady_ratio'] - 1)
  return f' ({off} at the speed the table was measured at)'


def _steady(made: Mapping[str, Any]) -> list[tuple[str, str]]:
  """What the reference block says of the computer's speed."""
  if 'steady_ratio' not in made:
    return []
  return [
    ('reference block, now over when the table was measured',
     f'{made["drift"]:.3f}'),
    ('measured over priced, at the speed of the table',
     f'{made["steady_ratio"]:.3f}'),
  ]  # fmt: skip


def _rows(run: Run) -> list[tuple[str, str]]:
  made = run.deployed
  images = made['images']
  size = made['bytes']
  return [
    ('priced latency', milliseconds(made['priced_ms'])),
    ('measured latency', milliseconds(made['measured_ms'])),
    ('standard deviation of the kept repeats', milliseconds(made['std_ms'])),
    ('measured over priced', f'{made["ratio"]:.3f}'),
    *_steady(made),
    (f'largest difference of a logit from JAX, on {images} test images',
     f'{made["max_difference"]:.2g}'),
    (f'same answer as JAX, on {images} test images',
     percent(made['same_answers'])),
    ('size of model.tflite', f'{rounded(size / 1024)} KiB ({size:,} bytes)'),
  ]  # fmt: skip
