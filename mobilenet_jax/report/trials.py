"""How a multi-trial search went: its trials, one point each."""

from collections.abc import Mapping

from mobilenet_jax.core.text import counted
from mobilenet_jax.report.certainty import step_hover
from mobilenet_jax.report.charts import Trace, axis, chart
from mobilenet_jax.report.markup import Html, figure, section, tag
from mobilenet_jax.report.reading import Run

TRIAL = 'trial'


def trials(run: Run) -> Html:
  """The section of the search."""
  grid = tag(
    'div',
    figure(
      _rewards(run),
      'Reward of every network that was trained to the end, and the highest so '
      'far.',
    ),
    figure(
      _accuracies(run),
      'Held-out accuracy and priced latency of the same networks; shaded is '
      f'the window that the {"seed" if run.narrowed else "found one"} was '
      'chosen from.',
    ),
    class_='grid',
  )
  return section(
    'search',
    'The search',
    tag('p', f'{_how(run)} {_account(run)}', class_='note'),
    grid,
  )


def _how(run: Run) -> str:
  part = run.config['search']
  alone = 'Every network of the search was trained alone'
  group = part.get('at_once', 1)
  if group > 1:
    alone = (
      'Every network of the search has weights of its own, up to '
      f'{group} of them trained at once in one program'
    )
  if part.get('policy') == 'nsga2':
    return f'{alone}; the policy saw accuracy and latency, not the reward.'
  return f'{alone}.'


def _account(run: Run) -> str:
  return f'{accounted(run.account)}.' if run.account else ''


def accounted(account: Mapping[str, int]) -> str:
  """What became of the trials, see `search.studies.account`, in words."""
  evaluated = sum(account[how] for how in ('whole', 'pruned', 'failed'))
  parts = [f'{account["whole"]:,} to the end']
  parts += [f'{account[how]:,} {how}' for how in ('pruned', 'failed')]
  return (
    f'{counted(evaluated, "network")} evaluated ({", ".join(parts)}), '
    f'{counted(account["known"], "proposal")} of known ones, '
    f'{counted(account["surplus"], "trial")} beyond the budget left out, '
    f'{counted(account["lost"], "trial")} begun again after a process died'
  )


def _rewards(run: Run) -> Html:
  numbers = [r['step'] for r in run.search]
  values = [r['reward'] for r in run.search]
  best = [max(values[: i + 1]) for i in range(len(values))]
  line: Trace = {
    'type': 'scatter', 'mode': 'lines', 'x': numbers, 'y': best,
    'name': 'highest so far', 'line': {'color': 'var(--found)', 'shape': 'hv'},
    'hovertemplate': step_hover('%{y:.4f}'),
  }  # fmt: skip
  return chart(
    'chart-reward',
    [_points(numbers, values, step_hover('%{y:.4f}')), line],
    300,
    xaxis=axis(TRIAL),
    yaxis=axis('reward'),
    showlegend=True,
  )


def _accuracies(run: Run) -> Html:
  target, near = run.aim_ms, run.tolerance
  window = {
    'type': 'rect', 'yref': 'paper', 'y0': 0, 'y1': 1, 'layer': 'below',
    'x0': target * (1 - near), 'x1': target * (1 + near),
    'fillcolor': 'var(--window)', 'line': {'width': 0},
  }  # fmt: skip
  points = _points(
    [r['latency_ms'] for r in run.search],
    [r['held_out_accuracy'] for r in run.search],
    '%{x:.3f} ms: %{y:.2%}<extra></extra>',
  )
  return chart(
    'chart-trials',
    [points],
    300,
    xaxis=axis('latency (ms)'),
    yaxis=axis('held-out accuracy', tickformat='.0%'),
    shapes=[window],
  )


def _points(x: list, y: list, hover: str) -> Trace:
  return {
    'type': 'scatter', 'mode': 'markers', 'x': x, 'y': y, 'name': 'trials',
    'marker': {'color': 'var(--scaled)'}, 'hovertemplate': hover,
  }  # fmt: skip
