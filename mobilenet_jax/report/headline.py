"""What was found, in one sentence, and whether it won."""

from mobilenet_jax.report.markup import Html, join, tag
from mobilenet_jax.report.reading import Contender, Run
from mobilenet_jax.report.units import (
  milliseconds,
  percent,
  plural,
  points,
  short,
)


def headline(run: Run) -> Html:
  """The top of the page."""
  data = run.config.get('data', {}).get('name', 'images')
  title = f'A network for {data} at {milliseconds(run.target_ms)}'
  return tag(
    'header',
    tag('p', 'mobilenet-jax search report', class_='kicker'),
    tag('h1', title),
    tag('p', sentence(run), class_='lede'),
    tag('ul', *(_verdict(*v) for v in verdicts(run)), class_='verdicts'),
    tag('p', caution(run), class_='note'),
    _figures(run),
    tag('p', device(run), class_='note'),
  )


def mean_of_random(run: Run) -> float | None:
  """Mean test accuracy of the random networks, if there are any."""
  known = [c.accuracy for c in run.of_role('random')]
  return sum(known) / len(known) if known else None


def opponents(run: Run) -> list[tuple[str, float]]:
  """(who, accuracy) of everything that the found network is held against."""
  found = []
  mean = mean_of_random(run)
  if mean is not None:
    count = plural(len(run.of_role('random')), 'random network')
    found.append((f'the mean of {count}', mean))
  for c in run.of_role('scaled'):
    where = milliseconds(c.priced_ms)
    found.append((f'{c.name} scaled to {where}', c.accuracy))
  return found


def sentence(run: Run) -> str:
  """What was found and whether it beats the others, in one sentence."""
  found = run.found
  text = (
    f'The search found a network of {plural(len(found.spec.blocks), "block")} '
    f'and {milliseconds(found.priced_ms)} that answers '
    f'{percent(found.accuracy)} of the test images correctly'
  )
  held = [
    f'{_against(found.accuracy, other)} {who} ({percent(other)})'
    for who, other in opponents(run)
  ]
  if not held:
    return text + '; nothing was trained to compare it with.'
  return text + '; it ' + ' and it '.join(held) + '.'


def verdicts(run: Run) -> list[tuple[bool, str]]:
  """(won, short words) against each opponent."""
  own = run.found.accuracy
  rows = []
  for who, other in opponents(run):
    if own > other:
      text = f'Beats {who}: {points(own - other)} above'
    elif own == other:
      text = f'Only equals {who}'
    else:
      text = f'Does not beat {who}: {points(own - other)} below'
    rows.append((own > other, text))
  return rows


def caution(run: Run) -> str:
  """How much the comparison can bear."""
  words = 'Each network was trained once, from scratch, with the same settings'
  known = [c.accuracy for c in run.of_role('random')]
  if len(known) > 1:
    words += (
      f'; the random ones alone range from {percent(min(known))} to '
      f'{percent(max(known))}, so a smaller difference may be chance'
    )
  for c in run.of_role('scaled'):
    off = c.priced_ms / run.found.priced_ms - 1
    if abs(off) > run.tolerance:
      words += (
        f'; {c.name} is priced {abs(off):.1%} '
        f'{"below" if off < 0 else "above"} the found one, more than the '
        f'±{run.tolerance:.0%} allowed to the others'
      )
  return words + '.'


def device(run: Run) -> Html:
  """What the latency was measured on, and how."""
  p = {name: str(value) for name, value in run.provenance.items()}
  threads = p['threads'] + (' thread' if p['threads'] == '1' else ' threads')
  text = (
    f'{p["chip"]}, {p["device"]}, {threads}, {p["affinity"]}, '
    f'{p["runtime"]} {p["version"]} with {p["delegate"]}, {p["dtype"]}, '
    f'batch {p["batch"]}, {p["date"]}. Protocol: {p["protocol"]}.'
  )
  return join([tag('strong', 'Measured on '), text])


def _against(own: float, other: float) -> str:
  if own == other:
    return 'only equals'
  return 'beats' if own > other else 'does not beat'


def _verdict(won: bool, text: str) -> Html:
  mark = tag('span', '✓' if won else '✗', class_='mark', aria_hidden='true')
  return tag('li', mark, text, class_='won' if won else 'lost')


def _figures(run: Run) -> Html:
  found: Contender = run.found
  shown = {
    'test accuracy': percent(found.accuracy),
    'priced latency': milliseconds(found.priced_ms),
    'measured latency': milliseconds(run.deployed['measured_ms']),
    'target latency': milliseconds(run.target_ms),
    'parameters': short(found.params),
    'multiply-adds': short(found.macs),
  }
  pairs = (
    tag('div', tag('dt', name), tag('dd', value))
    for name, value in shown.items()
  )
  return tag('dl', *pairs, class_='figures')
