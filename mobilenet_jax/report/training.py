"""Training curves of the contenders."""

from mobilenet_jax.report.charts import Trace, axis, chart, colour, curve, role
from mobilenet_jax.report.markup import Html, esc, figure, section, tag
from mobilenet_jax.report.reading import Run


def training(run: Run) -> Html:
  """The section of the training."""
  loss = _chart('loss', run, 'training loss (nats)')
  accuracy = _chart('accuracy', run, 'training accuracy', '.0%')
  pair = tag(
    'div',
    figure(
      loss,
      'Loss on the training batch, bold as a running mean over a tenth of the '
      'curve; all contenders are trained alike, from scratch.',
    ),
    figure(
      accuracy,
      'Accuracy on the (augmented) training batch, shown in the same way; the '
      'test accuracies above are measured once, after the last step.',
    ),
    class_='grid',
  )
  return section('training', 'Training the contenders', pair)


def _chart(name: str, run: Run, title: str, ticks: str = '') -> Html:
  traces: list[Trace] = []
  named = set()
  for c in reversed(run.contenders):  # the found one on top
    number = '%{y:.1%}' if ticks else '%{y:.3f}'
    traces += curve(
      [r['step'] for r in c.curve],
      [r.get(name) for r in c.curve],
      colour(c.role),
      legendgroup=c.role,
      name=role(c.role)['label'],
      showlegend=c.role not in named,
      hovertemplate=f'{esc(c.name)}, step %{{x}}: {number}<extra></extra>',
    )
    named.add(c.role)
  return chart(
    f'chart-train-{name}',
    traces,
    320,
    xaxis=axis('training step'),
    yaxis=axis(title, tickformat=ticks or None),
    showlegend=True,
  )
