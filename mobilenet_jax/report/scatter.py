"""The chart of accuracy against latency."""

from typing import Any

from mobilenet_jax.report.blocks import block_rows, stages
from mobilenet_jax.report.charts import (
  Trace,
  axis,
  chart,
  colour,
  legend,
  role,
  vertical,
)
from mobilenet_jax.report.headline import mean_of_random
from mobilenet_jax.report.markup import Html, esc
from mobilenet_jax.report.reading import Contender, Run
from mobilenet_jax.report.units import TIMES, milliseconds, percent, short

MOST_LINES = 24  # of a hover label


def scatter(run: Run) -> Html:
  """The chart of accuracy against latency."""
  layout = vertical(run.target_ms, f'target {milliseconds(run.target_ms)}')
  layout['shapes'].insert(0, _window(run))
  mean = mean_of_random(run)
  if mean is not None:
    layout['shapes'].append(_level(mean))
    layout['annotations'].append(_level_note(mean))
  low, high = _range(run)
  return chart(
    'chart-tradeoff',
    [_points(name, run) for name in dict.fromkeys(_roles(run))],
    440,
    **layout,
    xaxis=axis('priced latency (ms)', range=[low, high]),
    yaxis=axis('test accuracy', tickformat='.1%'),
    showlegend=True,
    legend=legend(1.08),
    hovermode='closest',
  )


def _roles(run: Run) -> list[str]:
  return [c.role for c in reversed(run.contenders)]  # the found one on top


def _points(name: str, run: Run) -> Trace:
  chosen = [(i, c) for i, c in enumerate(run.contenders) if c.role == name]
  mark = role(name)
  return {
    'type': 'scatter',
    'mode': 'markers',
    'name': mark['label'],
    'x': [c.priced_ms for _, c in chosen],
    'y': [c.accuracy for _, c in chosen],
    'customdata': [f'network-{i}' for i, _ in chosen],
    'text': [_hover(c, run) for _, c in chosen],
    'hovertemplate': '%{text}<extra></extra>',
    'marker': {
      'symbol': mark['symbol'],
      'size': mark['size'],
      'color': colour(name),
      'line': {'color': 'var(--page)', 'width': 1},
    },
  }


def _hover(c: Contender, run: Run) -> str:
  lines = [
    f'<b>{esc(c.name)}</b> ({esc(role(c.role)["label"])})',
    f'{percent(c.accuracy)}, {milliseconds(c.priced_ms)}',
    f'{short(c.params)} params, {short(c.macs)} MACs',
  ]
  for stage in stages(block_rows(c.spec, run.prices)):
    size = stage[0].io.out_size
    lines.append(f'<b>{size}{TIMES}{size}</b>')
    lines += [f'  {esc(row)}' for row in stage]
  if len(lines) > MOST_LINES:  # more would be cut off by the chart's edge
    lines[MOST_LINES:] = ['... click to see all']
  return '<br>'.join(lines)


def _range(run: Run) -> tuple[float, float]:
  """Of the latency axis: all marks and the window, and some air."""
  edges = [run.target_ms * (1 + s * run.tolerance) for s in (-1, 1)]
  known = [c.priced_ms for c in run.contenders] + edges
  air = 0.08 * (max(known) - min(known)) or 0.1 * run.target_ms
  return min(known) - air, max(known) + air


def _window(run: Run) -> dict[str, Any]:
  return {
    'type': 'rect', 'yref': 'paper', 'y0': 0, 'y1': 1, 'layer': 'below',
    'x0': run.target_ms * (1 - run.tolerance),
    'x1': run.target_ms * (1 + run.tolerance),
    'fillcolor': 'var(--window)', 'line': {'width': 0},
  }  # fmt: skip


def _level(accuracy: float) -> dict[str, Any]:
  return {
    'type': 'line', 'xref': 'paper', 'x0': 0, 'x1': 1, 'layer': 'below',
    'y0': accuracy, 'y1': accuracy,
    'line': {'color': 'var(--random)', 'width': 1.2, 'dash': 'dot'},
  }  # fmt: skip


def _level_note(accuracy: float) -> dict[str, Any]:
  return {
    'xref': 'paper', 'x': 0, 'xanchor': 'left', 'y': accuracy,
    'yanchor': 'bottom', 'text': f'mean of random {percent(accuracy)}',
    'showarrow': False, 'font': {'size': 12, 'color': 'var(--soft)'},
  }  # fmt: skip
