"""How the search went: curves, and how sure it became of each decision."""

from typing import Any

from mobilenet_jax.report.certainty import (
  STEP,
  certainty,
  start_line,
  step_hover,
)
from mobilenet_jax.report.charts import (
  Trace,
  axis,
  chart,
  curve,
)
from mobilenet_jax.report.markup import Html, figure, nested, section, tag
from mobilenet_jax.report.reading import Records, Run
from mobilenet_jax.report.units import milliseconds


def searching(run: Run) -> Html:
  """The section of the search."""
  scored = [r for r in run.search if 'latency_ms' in r]
  start = scored[0]['step'] if scored else None
  soft = bool(scored) and 'objective' in scored[0]  # a differentiable search
  aim, whose = ('objective', 'mixed') if soft else ('reward', 'sampled')
  grid = tag(
    'div',
    figure(_single(aim, scored, aim), _aim_caption(run, aim)),
    figure(
      _single('held_out_accuracy', scored, 'held-out accuracy', '.0%'),
      f'Accuracy of the {whose} networks with the shared weights on held-out '
      'images, as the controller sees it.',
    ),
    figure(_latency(run, scored), _latency_caption(run)),
    figure(
      _loss(run.search, start),
      'Training loss of the shared weights on a batch, of one sampled network '
      'a step.',
    ),
    class_='grid',
  )
  space = [tag('h3', 'The space'), nested(_space(run))] if run.space else []
  return section(
    'search',
    'The search',
    tag('p', _intro(start), class_='note'),
    grid,
    *certainty(run.search, start),
    *space,
  )


def _space(run: Run) -> dict[str, str]:
  """The searched space, its numbers readable."""
  known = run.space
  low, high = known['fastest_ms'], known['slowest_ms']
  return {
    'name': known['name'],
    'decisions': str(known['decisions']),
    'networks': f'{known["networks"]:.2g}',
    'latency': f'{milliseconds(low)} to {milliseconds(high)}',
    **{f'on {row["name"]}': _on_phone(row) for row in run.more_targets},
  }


def _on_phone(row: dict[str, Any]) -> str:
  """The latencies of a further device, which has a target of its own."""
  low, high, target, found = (
    milliseconds(row[name])
    for name in ('fastest_ms', 'slowest_ms', 'target_ms', 'found_ms')
  )
  return f'{low} to {high}, target {target}, found network {found}'


def _intro(start: int | None) -> str:
  text = (
    'Faint lines are the values as they were written, bold ones their running '
    'mean over a tenth of the curve.'
  )
  if start is None:
    return f'{text} The controller never started.'
  return (
    f'{text} Until about step {start} only the shared weights are trained, so '
    'what the controller sees begins there.'
  )


def _aim_caption(run: Run, aim: str) -> str:
  part = run.config.get('search', {})
  if aim == 'objective':
    weight = part.get('penalty_weight', 'a weight')
    name = part.get('penalty', 'absolute')
    return (
      'What the odds of the choices minimize: the held-out loss and the '
      f'expected latency, by the penalty {name!r} with a weight of {weight}.'
    )
  beta = part.get('beta', 'beta')
  name = part.get('reward', 'absolute')
  if name == 'mnasnet_soft':
    return (
      'What the controller maximizes: held-out accuracy times '
      f'(latency / target)^{beta}.'
    )
  if name == 'mnasnet_hard':
    return (
      'What the controller maximizes: held-out accuracy, times '
      f'(latency / target)^{beta} where the latency is above the target.'
    )
  return (
    'What the controller maximizes: held-out accuracy plus '
    f'{beta} times the relative distance of the latency from the target.'
  )


def _latency_caption(run: Run) -> str:
  return (
    'Latency, priced by the table: mean of the sampled networks, and the '
    f'network of the likeliest choices (steps); dashed is the {run.aim} of '
    f'{milliseconds(run.aim_ms)}, shaded ±{run.tolerance:.0%}.'
  )


def _single(name: str, records: Records, title: str, ticks: str = '') -> Html:
  steps = [r['step'] for r in records]
  values = [r.get(name) for r in records]
  number = '%{y:.2%}' if ticks else '%{y:.4f}'
  return chart(
    f'chart-{name.replace("_", "-")}',
    curve(steps, values, 'var(--found)', hovertemplate=step_hover(number)),
    260,
    xaxis=axis(STEP),
    yaxis=axis(title, tickformat=ticks or None),
  )


def _latency(run: Run, records: Records) -> Html:
  steps = [r['step'] for r in records]
  shared = {'hovertemplate': step_hover('%{y:.3f} ms')}
  likeliest: Trace = {
    'type': 'scatter', 'mode': 'lines', 'x': steps, 'name': 'likeliest network',
    'y': [r['likeliest_latency_ms'] for r in records],
    'line': {'color': 'var(--scaled)', 'width': 1.5, 'shape': 'hv'}, **shared,
  }  # fmt: skip
  sampled = curve(
    steps, [r['latency_ms'] for r in records], 'var(--found)',
    name='sampled networks', **shared,
  )  # fmt: skip
  target, near = run.aim_ms, run.tolerance
  across = {'xref': 'paper', 'x0': 0, 'x1': 1, 'layer': 'below'}
  window = {
    **across, 'type': 'rect', 'y0': target * (1 - near),
    'y1': target * (1 + near), 'fillcolor': 'var(--window)',
    'line': {'width': 0},
  }  # fmt: skip
  line = {'color': 'var(--ink)', 'width': 1.2, 'dash': 'dash'}
  level = {**across, 'type': 'line', 'y0': target, 'y1': target, 'line': line}
  return chart(
    'chart-latency',
    [likeliest, *sampled],
    300,
    xaxis=axis(STEP),
    yaxis=axis('latency (ms)'),
    shapes=[window, level],
    showlegend=True,
  )


def _loss(records: Records, start: int | None) -> Html:
  steps = [r['step'] for r in records]
  return chart(
    'chart-loss',
    curve(
      steps, [r['loss'] for r in records], 'var(--found)',
      hovertemplate=step_hover('%{y:.3f}'),
    ),
    260,
    xaxis=axis(STEP),
    yaxis=axis('training loss (nats)'),
    **start_line(start),
  )  # fmt: skip
