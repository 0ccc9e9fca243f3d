"""What the search has seen: its candidates, and what decisions are worth."""

from typing import Any

from mobilenet_jax.report.charts import Trace, axis, chart, colour, vertical
from mobilenet_jax.report.markup import Html, esc, figure, section, tag
from mobilenet_jax.report.reading import Run
from mobilenet_jax.report.units import milliseconds

ROW = 22  # pixels a decision


def evidence(run: Run) -> Html:
  """The section; empty where a run has kept nothing."""
  seen = run.evidence
  if not seen:
    return Html('')
  parts = [
    figure(
      _front(run),
      f'Each dot is a candidate: {seen["measure"]} against its priced latency. '
      'The line joins those that no other beats in both; the star is '
      f'{_star(run)}.',
    )
  ]
  if seen['sensitivity']:
    parts += [
      tag('h3', 'What each decision is worth'),
      figure(
        _sensitivity(run),
        f'How much {seen["measure"]} changes, in points: {seen["how"]}. '
        'Left of 0 the choice that was made is better; a row that stays near 0 '
        'did not matter. Point at a mark for the change in latency, which may '
        'take it out of the window.',
      ),
    ]
  return section('evidence', 'What the search has seen', *parts)


def _star(run: Run) -> str:
  if not run.narrowed:
    return 'what was chosen within the window'
  return (
    'the seed that was chosen within the window of '
    f'{milliseconds(run.aim_ms)}, to be narrowed down to '
    f'{milliseconds(run.target_ms)}'
  )


def _front(run: Run) -> Html:
  seen = run.evidence
  marks: Trace = {
    **_xy(seen['candidates']), 'mode': 'markers', 'name': 'candidates',
    'marker': {'color': 'var(--random)', 'size': 6, 'opacity': 0.6},
  }  # fmt: skip
  line: Trace = {
    **_xy(seen['front']), 'mode': 'lines', 'name': 'front',
    'line': {'color': 'var(--scaled)', 'width': 1.5, 'shape': 'hv'},
  }  # fmt: skip
  star: Trace = {
    **_xy([seen['found']]), 'mode': 'markers',
    'name': 'seed' if run.narrowed else 'found',
    'marker': {'color': colour('found'), 'size': 15, 'symbol': 'star'},
  }  # fmt: skip
  return chart(
    'chart-front',
    [marks, line, star],
    340,
    **vertical(run.aim_ms, f'{run.aim} {milliseconds(run.aim_ms)}'),
    margin={'l': 56, 'r': 14, 't': 30, 'b': 48},
    xaxis=axis('priced latency (ms)'),
    yaxis=axis(seen['measure'], tickformat='.1%'),
    showlegend=True,
    legend={'orientation': 'h', 'x': 0, 'y': 1.08, 'yanchor': 'bottom'},
    hovermode='closest',
  )


def _xy(rows: list[dict[str, Any]]) -> Trace:
  return {
    'type': 'scatter',
    'x': [r['ms'] for r in rows],
    'y': [r['quality'] for r in rows],
    'hovertemplate': '%{y:.2%}, %{x:.4f} ms<extra></extra>',
  }


def _sensitivity(run: Run) -> Html:
  seen = run.evidence
  worst: dict[str, float] = {}
  for row in seen['sensitivity']:
    name = row['decision']
    worst[name] = max(worst.get(name, 0.0), abs(row['quality']))
  order = sorted(worst, key=lambda name: worst[name])  # the most at the top
  rows = seen['sensitivity']
  marks: Trace = {
    'type': 'scatter', 'mode': 'markers+text',
    'x': [100 * r['quality'] for r in rows],
    'y': [esc(_named(r['decision'], run)) for r in rows],
    'text': [esc(r['choice']) for r in rows],
    'textposition': 'top center', 'textfont': {'size': 10},
    'customdata': [1e3 * r['ms'] for r in rows],
    'hovertemplate':
      '%{text}: %{x:+.2f} points, %{customdata:+.1f} \u00b5s<extra></extra>',
    'marker': {'color': 'var(--scaled)', 'size': 8},
  }  # fmt: skip
  return chart(
    'chart-sensitivity',
    [marks],
    90 + ROW * len(order),
    **vertical(0.0, 'as found'),
    margin={'l': 10, 'r': 14, 't': 30, 'b': 48},
    xaxis=axis('change (points)'),
    yaxis={
      'automargin': True, 'type': 'category', 'tickfont': {'size': 11},
      'categoryarray': [esc(_named(name, run)) for name in order],
      'categoryorder': 'array', 'gridcolor': 'var(--grid)',
      'range': [-0.7, len(order) - 0.3], 'dtick': 1,
    },
    hovermode='closest',
  )  # fmt: skip


def _named(decision: str, run: Run) -> str:
  return f'{decision} = {run.evidence["chosen"][decision]}'
