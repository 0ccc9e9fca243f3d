"""How sure a search became of each of its decisions."""

import math
from typing import Any

import numpy as np

from mobilenet_jax.report.charts import Trace, axis, chart, thinned, vertical
from mobilenet_jax.report.markup import Html, esc, figure, tag
from mobilenet_jax.report.reading import Records

STEP = 'search step'


def certainties(records: Records) -> dict[str, list[float]]:
  """Entropy of each decision at each record, from 0 (decided) to 1 (even).

  Nats are divided by the log of the number of choices. That number is not
  written in a run folder; a controller starts even, so the largest entropy
  tells it.
  """
  found = {}
  for tag_ in records[0].get('entropy', {}) if records else ():
    nats = [r['entropy'][tag_] for r in records]
    most = max((n for n in nats if math.isfinite(n)), default=0.0)
    choices = max(math.ceil(math.exp(most) - 0.05), 2)
    found[tag_] = [min(n / math.log(choices), 1.0) for n in nats]
  return found


def certainty(records: Records, start: int | None) -> list[Html]:
  """The charts of the entropy; none where a run has not written it."""
  shares = certainties(records)
  if not shares:
    return []
  keep = thinned(len(records), 300)
  steps = [records[i]['step'] for i in keep]
  rows = [[round(shares[t][i], 4) for i in keep] for t in shares]
  mean = np.mean(list(shares.values()), 0).tolist()
  above = _mean_chart(steps, [mean[i] for i in keep], start)
  below = _heat_map(steps, list(shares), rows)
  return [
    tag('h3', 'How sure it became'),
    figure(
      above,
      'Mean over all decisions of the entropy that the controller has left, as '
      'a share of the most a decision can have: 100% is an even draw, 0% a '
      'decision made.',
    ),
    figure(
      below,
      'The same, decision by decision: a row fades where it is being '
      'decided; one that keeps its colour did not matter to the reward or was '
      'not settled by the end.',
    ),
  ]


def _mean_chart(steps: list[int], mean: list[float], start: int | None) -> Html:
  line: Trace = {
    'type': 'scatter', 'mode': 'lines', 'x': steps,
    'y': mean, 'line': {'color': 'var(--found)', 'width': 2},
    'hovertemplate': step_hover('%{y:.1%}'),
  }  # fmt: skip
  return chart(
    'chart-mean-entropy',
    [line],
    240,
    xaxis=axis(STEP),
    yaxis=axis('mean entropy', tickformat='.0%', range=[0, 1.03]),
    **start_line(start),
  )


def _heat_map(
  steps: list[int], names: list[str], rows: list[list[float]]
) -> Html:
  heat: Trace = {
    'type': 'heatmap', 'x': steps, 'y': [esc(n) for n in names], 'z': rows,
    'zmin': 0, 'zmax': 1, 'ygap': 1,
    'colorscale': [[0, 'var(--heat-low)'], [1, 'var(--heat-high)']],
    'colorbar': {
      'orientation': 'h', 'thickness': 10, 'x': 0.5, 'y': 1.0,
      'yanchor': 'bottom', 'len': 1.0, 'tickformat': '.0%', 'outlinewidth': 0,
      'tickvals': [0, 0.5, 1], 'ticktext': ['decided', '50%', 'undecided'],
    },
    'hovertemplate': '%{y}, step %{x}: %{z:.0%}<extra></extra>',
  }  # fmt: skip
  return chart(
    'chart-entropy',
    [heat],
    110 + 17 * len(names),
    xaxis=axis(STEP, showgrid=False),
    yaxis={
      'autorange': 'reversed', 'automargin': True, 'tickmode': 'linear',
      'dtick': 1, 'tickfont': {'size': 11}, 'showgrid': False,
    },
    margin={'l': 10, 'r': 24, 't': 44, 'b': 48},
  )  # fmt: skip


def step_hover(number: str) -> str:
  """A hover label: the step and a number in plotly's notation."""
  return f'step %{{x}}: {number}<extra></extra>'


def start_line(
  start: int | None, what: str = 'controller starts'
) -> dict[str, Any]:
  """Marks the step at which something starts: parts of a layout."""
  if start is None:
    return {}
  line = vertical(start, what, color='var(--soft)', dash='dot')
  return {**line, 'margin': {'l': 56, 'r': 14, 't': 26, 'b': 48}}
