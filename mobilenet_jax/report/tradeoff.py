"""Accuracy against latency of all contenders."""

from typing import Any

from mobilenet_jax.arch import to_string
from mobilenet_jax.report.charts import role
from mobilenet_jax.report.drawing import drawing
from mobilenet_jax.report.markup import (
  Html,
  copyable,
  figure,
  join,
  scroll,
  section,
  table,
  tag,
)
from mobilenet_jax.report.reading import Contender, Run
from mobilenet_jax.report.scatter import scatter
from mobilenet_jax.report.units import (
  milliseconds,
  percent,
  rounded,
  short,
  signed_percent,
)


def tradeoff(run: Run) -> Html:
  """The chart, its table, and the network behind each point."""
  numbers = table(
    ('network', 'test accuracy', 'priced ms', 'off target', 'params', 'MACs',
     'test loss'),
    [_row(c, run) for c in run.contenders],
    marks=[c.role if c.role == 'found' else '' for c in run.contenders],
  )  # fmt: skip
  networks = (_network(i, c, run) for i, c in enumerate(run.contenders))
  return section(
    'tradeoff',
    'Accuracy against latency',
    figure(scatter(run), _caption(run)),
    numbers,
    tag('h3', 'The network behind each point'),
    *networks,
  )


def _caption(run: Run) -> str:
  return (
    'Each mark is a network trained from scratch: accuracy on the test images '
    "against its latency, priced as the sum of its blocks' measured "
    'latencies; dashed is the target, shaded what the search was allowed '
    f'around it (±{run.tolerance:.0%}). Point at a mark to see its '
    'network, click it to open the drawing below; in every chart, drag to zoom '
    'and double-click to see all again.'
  )


def _row(c: Contender, run: Run) -> tuple[Any, ...]:
  return (
    join([c.name, tag('span', role(c.role)['label'], class_='under')]),
    percent(c.accuracy),
    rounded(c.priced_ms),
    signed_percent(c.priced_ms / run.target_ms - 1),
    f'{c.params:,}',
    short(c.macs),
    rounded(c.loss),
  )


def _network(index: int, c: Contender, run: Run) -> Html:
  numbers = (
    f'{role(c.role)["label"]}: {percent(c.accuracy)}, '
    f'{milliseconds(c.priced_ms)}'
  )
  under = tag('span', numbers, class_='under')
  summary = tag('summary', tag('strong', c.name), under)
  counts = tag('p', f'{c.params:,} parameters, {c.macs:,} multiply-adds.')
  if c.role == 'found':
    shown = tag('p', tag('a', 'Drawn in the next section.', href='#network'))
  else:
    shown = scroll(drawing(c.spec, run.prices), f'blocks of {c.name}')
  spec = copyable(to_string(c.spec), f'spec-{index}')
  return tag(
    'details', summary, join([counts, shown, spec]), id=f'network-{index}'
  )
