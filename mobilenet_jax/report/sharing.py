"""How shared weights were trained by the sandwich rule, and what they give."""

from mobilenet_jax.report.certainty import start_line, step_hover
from mobilenet_jax.report.charts import Trace, axis, chart, curve
from mobilenet_jax.report.markup import Html, figure, section, tag
from mobilenet_jax.report.reading import Run
from mobilenet_jax.report.units import percent

LOSSES = {  # of metrics.jsonl: who, and in which colour
  'smallest_loss': ('smallest', 'var(--random)'),
  'random_loss': ('random', 'var(--scaled)'),
  'loss': ('largest', 'var(--found)'),
}


def sharing(run: Run) -> Html:
  """The section of the search."""
  parts = [
    figure(
      _losses(run),
      'Training loss of the largest network (by the labels), of the smallest '
      'and of random ones (by what the largest says): faint as written, bold '
      'as a running mean over a tenth of the curve. At first the largest is '
      'trained alone.',
    )
  ]
  if run.inherited:
    parts.append(tag('p', _inherited(run), class_='note'))
  return section('search', 'The search', *parts)


def _losses(run: Run) -> Html:
  traces: list[Trace] = []
  start = None
  for field, (who, hue) in LOSSES.items():
    rows = [r for r in run.search if field in r]
    if not rows:
      continue
    start = rows[0]['step'] if field == 'random_loss' else start
    traces += curve(
      [r['step'] for r in rows], [r[field] for r in rows], hue,
      name=f'{who} network', hovertemplate=step_hover('%{y:.3f}'),
    )  # fmt: skip
  return chart(
    'chart-loss',
    traces,
    320,
    xaxis=axis('search step'),
    yaxis=axis('training loss (nats)'),
    showlegend=True,
    **start_line(start, 'all are trained'),
  )


def _inherited(run: Run) -> str:
  found = run.inherited
  return (
    'With the weights that it inherits, not trained again, batch norm '
    f'recalibrated over {found["calibration_batches"]} batches, the found '
    f'network answers {percent(found["test"]["accuracy"])} of the test images '
    f'correctly, trained from scratch {percent(run.found.accuracy)}.'
  )
