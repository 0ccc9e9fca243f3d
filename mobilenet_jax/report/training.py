"""Training curves of the contenders."""

from typing import Any

from mobilenet_jax.report.charts import (
  Trace,
  axis,
  chart,
  colour,
  curve,
  points,
  role,
)
from mobilenet_jax.report.markup import Html, esc, figure, section, tag
from mobilenet_jax.report.reading import Run, trained, validated


def training(run: Run) -> Html:
  """The section of the training."""
  shown = [
    figure(
      _chart('train-loss', 'training loss (nats)', run),
      'Loss on the training batch, bold as a running mean over a tenth of the '
      'curve; all contenders are trained alike, from scratch.',
    ),
    figure(
      _chart('train-accuracy', 'training accuracy', run),
      'Accuracy on the (augmented) training batch, shown in the same way; the '
      'test accuracies above are measured once, after the last step.',
    ),
  ]
  if any(validated(c.curve) for c in run.contenders):
    held_out = _chart('validation-accuracy', 'validation accuracy', run)
    shown.append(figure(held_out, 'Accuracy on the held-out images.'))
  grid = tag('div', *shown, class_='grid')
  return section('training', 'Training the contenders', grid)


def _chart(anchor: str, title: str, run: Run) -> Html:
  held_out, name = anchor.startswith('validation'), anchor.split('-')[1]
  number = '%{y:.3f}' if name == 'loss' else '%{y:.1%}'
  draw, chosen = (points, validated) if held_out else (curve, trained)
  traces: list[Trace] = []
  named = set()
  for c in reversed(run.contenders):  # the found one on top
    rows = chosen(c.curve)
    more: dict[str, Any] = {
      'legendgroup': c.role,
      'name': role(c.role)['label'],
      'showlegend': c.role not in named,
      'hovertemplate': f'{esc(c.name)}, step %{{x}}: {number}<extra></extra>',
    }
    x, y = [r['step'] for r in rows], [r.get(name) for r in rows]
    traces += draw(x, y, colour(c.role), **more)
    named.add(c.role)
  return chart(
    f'chart-{anchor}',
    traces,
    320,
    xaxis=axis('training step'),
    yaxis=axis(title, tickformat=None if name == 'loss' else '.0%'),
    showlegend=True,
  )
