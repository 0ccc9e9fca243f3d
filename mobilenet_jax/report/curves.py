"""Charts of several runs: their training, and accuracy against cost."""

from collections.abc import Sequence
from typing import Any

from mobilenet_jax.report.charts import Trace, axis, chart, curve, points
from mobilenet_jax.report.entries import Entry
from mobilenet_jax.report.markup import Html, esc
from mobilenet_jax.report.units import percent, short

COLOURS = 8  # of the page's style
DASHES = ('solid', 'dash', 'dot', 'dashdot')  # of as many runs again
A_LINE = 3  # names in a line of the legend
FEW, BRIEF = 6, 16  # marks, and letters of a name, that can be written out
WIDE = 10  # an axis whose ends differ by more is logarithmic


def colour(number: int) -> str:
  """The colour of a run."""
  return f'var(--run-{number % COLOURS})'


def training_chart(
  anchor: str, title: str, entries: Sequence[Entry], *, held_out: bool = False
) -> Html:
  """One number of all runs over the training steps.

  Args:
    anchor: ends in the name of the number, '-loss' or '-accuracy'.
    title: of the axis.
    held_out: on the held-out images, rather than on the training batch.
  """
  name = anchor.rpartition('-')[2]
  number = '%{y:.3f}' if name == 'loss' else '%{y:.1%}'
  traces: list[Trace] = []
  for i, entry in enumerate(entries):
    rows = entry.validation if held_out else entry.curve
    if not rows:
      continue
    label = esc(entry.label)
    drawn = (points if held_out else curve)(
      [r['step'] for r in rows],
      [r.get(name) for r in rows],
      colour(i),
      name=label,
      legendgroup=str(i),
      hovertemplate=f'{label}, step %{{x}}: {number}<extra></extra>',
    )
    for trace in drawn:
      trace['line']['dash'] = DASHES[i // COLOURS % len(DASHES)]
    traces += drawn
  lines = -(-len(entries) // A_LINE)
  return chart(
    anchor,
    traces,
    330 + 20 * lines,
    xaxis=axis('training step', rangemode='tozero'),
    yaxis=axis(title, tickformat=None if name == 'loss' else '.2~%'),
    showlegend=True,
    legend={'orientation': 'h', 'x': 0, 'y': 1.02, 'yanchor': 'bottom'},
  )


def cost_chart(
  anchor: str, title: str, cost: str, entries: Sequence[Entry]
) -> Html:
  """Test accuracy against the attribute `cost` of the runs that have both."""
  shown = [
    (i, entry)
    for i, entry in enumerate(entries)
    if entry.finished and getattr(entry, cost)
  ]
  roomy = len(shown) <= FEW and all(len(e.label) <= BRIEF for _, e in shown)
  traces = [_mark(i, entry, cost, named=roomy) for i, entry in shown]
  known = [trace['x'][0] for trace in traces]
  wide = max(known) > WIDE * min(known)
  return chart(
    anchor,
    traces,
    360,
    xaxis=axis(title, type='log' if wide else 'linear'),
    yaxis=axis('test accuracy', tickformat='.2~%'),
    hovermode='closest',
  )


def _mark(number: int, entry: Entry, cost: str, *, named: bool) -> Trace:
  label = esc(entry.label)
  accuracy = entry.test['accuracy']
  words = f'{short(entry.params or 0)} params, {short(entry.macs or 0)} MACs'
  marker: dict[str, Any] = {
    'size': 12,
    'color': colour(number),
    'line': {'color': 'var(--page)', 'width': 1},
  }
  return {
    'type': 'scatter',
    'mode': 'markers+text' if named else 'markers',
    'name': label,
    'x': [getattr(entry, cost)],
    'y': [accuracy],
    'text': [label],
    'textposition': 'top center',
    'textfont': {'size': 11, 'color': 'var(--soft)'},
    'cliponaxis': False,
    'marker': marker,
    'hovertemplate': (
      f'<b>{label}</b> ({esc(entry.name)})<br>{percent(accuracy)}, {words}'
      '<extra></extra>'
    ),
  }
